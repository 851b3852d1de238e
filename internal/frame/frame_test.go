package frame

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"shipper/internal/record"
)

// cut returns the units of text, presented at once and then flushed.
func cut(o Options, text string) []string {
	c := New(o)
	return split(text, c.Cut([]byte(text), nil, true, true))
}

func split(text string, ends []int32) (units []string) {
	at := 0
	for _, e := range ends {
		units = append(units, text[at:e])
		at = int(e)
	}
	return units
}

// texts returns the records of units.
func texts(units []string) (all []string) {
	var s Splitter
	for _, u := range units {
		arena, records := s.Split([]byte(u), 0, len(u), 0)
		for _, r := range records {
			all = append(all, string(arena[r.Lo:r.Hi]))
		}
	}
	return all
}

// A line of "--" divides the records of a case.
const divider = "--\n"

func TestCut(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		records := strings.Split(want, divider)
		got := texts(cut(Options{}, strings.ReplaceAll(want, divider, "")))
		if !slices.Equal(got, records) {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", name, strings.Join(got, divider), want)
		}
	}
	f("objects", `{"a":1}
--
{"a":2}
--
text
--
more text
--
{"a":3}
`)
	f("no newline at the end", "one\n--\ntwo")
	f("blank lines go with what follows", "\n\none\n--\n\ntwo\n--\n\n")
	f("logfmt is not joined", "level=info msg=a\n--\n  level=info msg=b\n--\ntime=1 msg=b\n")
	f("package log", `2026/11/23 06:25:41 first line of message
second line
	indented third

fourth
--
2026/11/23 06:25:41 next
--
{"msg":"of another library"}
--
plain
--
level=info msg=pairs
`)
	f("package log with a prefix", `INFO: 2026/11/23 06:25:41 a
b
--
worker: 2026/11/23 06:25:41 c
d
`)
	f("object in a message", `2026/11/23 06:25:41 body:
{
  "a": 1
}
--
2026/11/23 06:25:41 next
`)
	f("panics of two threads that wrote at once", `thread 'thread 'a' panicked at 'b' panicked at 'm', ', src/a.rssrc/b.rs::11::22
note: run with x
--
thread 'main' panicked at 'm', src/a.rs:1:2
`)
	f("causes without an indent", `Error: electrs failed
Caused by:
0: bitcoind RPC polling failed
1: daemon not available
--
next
`)
	f("values over lines in slog-term's Compact", ` Nov 23 06:42:55.609 INFO got Config {
    a: 1,
}
--
 Nov 23 06:42:55.609 INFO got
value: Config (
    1,
    2,
)
--
 Nov 23 06:42:55.609 INFO last
--
  indented
`)
	f("human-panic", `Well, this is embarrassing.

app had a problem and crashed. To help us, send a report.

- Authors: a <a@b.c>

Thank you kindly!
--
2026-11-23T06:42:55.609743Z  INFO app: started
`)
	f("Debug values over lines", `Configuration: Configuration {
    port: 3890,
    a: [
        1,
    ],
}
--
[src/main.rs:4:5] list = [
    1,
]
--
Some(
    1,
)
--
next
--
location {
--
    a b;
--
}
`)
	f("a diagnostic behind a head", `2026-11-23T06:42:55.609743Z ERROR app: failed
  × Failed to load config
  ╰─▶ No such file
--
2026-11-23T06:42:55.709743Z  INFO app: next
`)
	f("a diagnostic without a head", `  × Failed to load config
  ╰─▶ No such file or directory (os error 2)
  help: create one
--
next
`)
	f("days without dashes, seconds in front of a level", `20230106 13:36:42.123 INFO a - m
more
12345678
--
1504392424:INFO:named:240:m
more
--
1504392424:INFO:named:240:n
`)
	f("a time behind a name or a number", `environmentd: 2026-11-23T06:25:41.712636Z  WARN a::b: m
more
--
environmentd: thread 'main' panicked at 'm', src/a.rs:1:2
--
5c3a 2026-11-23 06:25:41.712 ERROR [a] m
more
--
b224 2026-11-23 06:25:42.712 ERROR [a] m
--
my target: 2026-11-23T06:25:41.71+00:00 - INFO - m
more
updated at: 2026-11-23T06:25:41.71
`)
	f("package log with any prefix", `(app) 2026/11/23 06:25:41 a
b
--
/src/main.go:12: c
d
+main.go:12: no prefix of package log starts so
`)
	f("times in other places", `[monitor] 06:25:41 INFO: a
b
--
[start] 2026-11-23 06:25:41: c
d
--
[ERROR][2026-11-23 06:25:41] e
f
--
[INFO] 06:25:41.123 g
h
--
+0200 2026-11-23 06:25:41 INFO i
j
--
23/Nov/2026:06:25:41 +0000 [ERROR 0 a. A] k
l
--
Mon, 23 Nov 2026 06:25:41 GMT m
n
--
Mon Nov 23 06:25:41 UTC 2026 o
p
--
[12.345678901s] [INFO ] [a] q
r
--
info  [2026-11-23 06:25:41.123 Z] s
t
--
machine-0: 06:25:41 INFO u
v
`)
	f("functions of C in a trace", `SIGSEGV: segmentation violation
PC=0x7f18eb8e2b73 m=12 sigcode=128 addr=0x0
signal arrived during cgo execution

goroutine 7 [syscall]:
_ZNKSt14default_deleteIN3abc3VecEEclEPS2_
    /usr/include/c++/9/bits/unique_ptr.h:81 pc=0x7f18eb8e2b73
non-Go function
	pc=0x7f8b2c
core_run
    pc=0x7f8b2d
abc._cgo_1
??:0 +0x44 fp=0xc820520ab0 sp=0xc820520a58
main.main()
	/src/main.go:12 +0x1
--
done
`)
	f("a panic's value that is not indented", `panic: 2 errors
second: line
 third

goroutine 1 [running]:
main.main()
	/src/main.go:12 +0x1
--
panic: a
--
2026/11/23 06:25:41 another's
`)
	f("an exception on Windows", `Exception 0xc0000005 0x8 0x0 0x0
PC=0x0
signal arrived during external code execution

runtime.cgocall(0x1, 0x2)
	C:/Go/src/runtime/cgocall.go:167 +0x3e
main.main()
	C:/src/main.go:12 +0x1
--
done
`)
	f("what comes before a fatal error", `runtime: unexpected return pc for main.f called from 0x0
stack: frame={sp:0xc, fp:0xc} stack=[0xc,0xd)
0x000000c000042e90:  0x000000c000042ed0  0x000000000042e53c <runtime.dopanic_m+540>
fatal error: unknown caller pc

runtime stack:
runtime.throw({0x1, 0x2})
	/src/panic.go:1 +0x2
`)
	f("an object that comes before a fatal error", `runtime: found in object at *(0xc00+0x0)
object=0xc00 s.base()=0xc00 s.limit=0xc01
 *(object+0) = 0x1 <==
fatal error: found bad pointer in Go heap
`)
	f("lines of blanks start nothing", "a\n--\n  \nb\n--\n2026/11/23 06:25:41 c\n \nd\n--\npanic: e\n \n--\n{\"f\":1}\n")
	f("GORM 1", "(/src/main.go:12) \n[2026-11-23 06:25:41]  [1.23ms]  SELECT 1  \n[1 rows affected or returned ] \n--\n\n(/src/main.go:13) \n[2026-11-23 06:25:41]  pq: it failed \n--\n"+
		"\x1b[35m(/src/main.go:12)\x1b[0m \n\x1b[33m[2026-11-23 06:25:41]\x1b[0m  \x1b[36;1m[1.23ms]\x1b[0m  SELECT 1  \n--\n(/src/main.go:14)\n--\nmore\n--\n(main.go) \n--\n[2026-11-23 06:25:41] a\n")
	f("minutes and no seconds", `[INFO] 2026/11/23 06:25 started
b
--
[ERRO] 2026/11/23 06:25 it failed
`)
	f("klog's, and etcd's of old", `D1123 06:25:41.123456       1 x.go:1] a
b
--
[etcd] Nov 23 06:25:41.123 INFO      | c
d
--
D1123 06:25:41.123456       1 x.go:1] e
`)
	f("oauth2-proxy, and NATS without a time", `[2026/11/23 06:25:41] [main.go:54] a
--
10.0.0.1:1234 - abc - user@x.org [2026/11/23 06:25:41] host.org GET - "/path"
--
[1] 2026/11/23 06:25:41.123456 [INF] a
b
--
[1] [INF] c
d
--
[1] [INF] e
`)
	f("a trace that was cut for a screen", `panic: runtime error: invalid memory address or nil pointer der>
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x>
goroutine 1 [running]:
main.handle(0xc000444fc0?, {0x22b5020?, 0xc0001246b>
        /go/pkg/mod/github.com/some/long/path/that/is/cut/he>
main.(*Server).serve(0xc000444fc0?, {0x22b5020?, 0…
        /src/main.go:12 +0x1
--
and more text that was cut for a scre>
`)
	f("Wings", ` INFO: [Nov 23 06:25:41.007] a
b
--
ERROR: [Nov 23 06:25:41.007] c

Stacktrace:
d

e.f
	/src/a.go:1
--
FATAL: [Nov 23 06:25:41.007] g
`)
	f("AWS Lambda", `START RequestId: 8c5c Version: $LATEST
--
2026/11/23 06:25:41 a
b
--
END RequestId: 8c5c
--
REPORT RequestId: 8c5c	Duration: 1.23 ms
`)
	f("an error that lists others", `Error: 1 error(s) decoding:

* unknown key a
* unknown key b
--
next
`)
	f("a test that took too long", `panic: test timed out after 10m0s
running tests:
	TestSlow (10m0s)

goroutine 6 [running]:
testing.(*M).startAlarm.func1()
	/usr/local/go/src/testing/testing.go:2036 +0x8e
--
FAIL	example.com/shop	600.012s
`)
	f("a stack of no goroutine", `runtime/cgo: pthread_create failed: Resource temporarily unavailable
SIGABRT: abort
PC=0x7f0d1b7c2c37 m=0 sigcode=18446744073709551610

goroutine 0 [idle]:
runtime: g 0: unknown pc 0x7f0d1b7c2c37
stack: frame={sp:0x7ffd47a6b2a8, fp:0x0} stack=[0x7ffd4726c7e0,0x7ffd47a6b820)
0x00007ffd47a6b1a8:  0x0000000000000000  0x0000000000000000 
00007ffd47a6b1b8:  0000000000000000  0000000000000000 
runtime: g 0: unknown pc 0x7f0d1b7c2c37

goroutine 1 [running]:
main.main()
	/src/main.go:5 +0x1
rax    0x0
--
0x00007ffd47a6b1a8 is a number
`)
	f("an error and its causes", `error: failed to load

Caused by:
  no such file
--
error: could not compile
--
Error: it broke

Caused by these errors (recent errors listed first):
  1: one
  2: two
--
Error: it broke
├╴at src/main.rs:51:18
│
╰─▶ twice
    ╰╴at src/main.rs:19:10
--
fatal runtime error: failed to initiate panic, error 5
--
plain
`)
	f("an access log with a word in front", `[I] 2026-11-23T06:25:41Z a
b
--
[httpd] 127.0.0.1 - - [23/Nov/2026:06:25:41 +0000] "GET / HTTP/1.1" 200 57 "-" "-"
`)
	f("a call without a goroutine", "main.f(0x1, {0x2, 0x3})\n	/src/main.go:12 +0x1\n--\ntext\n")
	f("a trace without its head", `	/src/server.go:3102 +0x4db
created by net/http.(*Server).Serve
	/src/server.go:3102 +0x4db

goroutine 12 [select]:
main.x()
	/a.go:1 +0x1
--
text
--
             at /rustc/abc/panicking.rs:645:5
   1: core::panicking::panic_fmt
             at /rustc/abc/panicking.rs:72:14
note: Some details are omitted, run with more
--
   2: of a list
--
strings.Trim(s)
--
created by hand
--
text
`)
	f("no times", `[word] 06:25 m
--
+1 of it
--
- 2026-11-23 06:25:41
--
23/11/2026 of it
--
n
`)
	f("klog block", `I1123 06:25:41.544889    1705 more.go:55] "multi\nline message" text=<
	first line
	second line
 > quoted="a \"q\" b"
--
I1123 06:25:41.544894    1705 more.go:56] plain multi
line text
--
W1123 06:25:41.544899    1705 more.go:57] odd
`)
	f("a crash without tabs", `panic: one
        panic: two

goroutine 1 [running]:
main.main()
        /src/main.go:3 +0x1d fp=0xc8201492a0 sp=0xc820149288
main.(*T).f(...)
    /src/main.go:9
created by main.g in goroutine 7
        /src/main.go:12 +0x1d
exit status 2
--
    something else
`)
	f("CockroachDB's lines with a header each", `F250826 15:24:56.099044 3162 sql/a.go:6063 ⋮ [T1,n1] 250  it broke
F250826 15:24:56.099044 3162 sql/a.go:6063 ⋮ [T1,n1] 250 +in two lines
F250826 15:24:56.099044 3162 sql/a.go:6063 ⋮ [T1,n1] 250 !goroutine 3162 [running]:
F250826 15:24:56.099044 3162 sql/a.go:6063 ⋮ [T1,n1] 250 !	pkg/util/allstacks.go:18
--
I250826 15:24:57.099044 1 1@util/log/event_log.go:32 ⋮ [T1,n1] 251 ={"EventType":"node_restart"}
--
I160622 14:16:12.840036 cli/start.go:317  an old one
--
E160622 14:16:14.654867 raft/log.go:308  [group 903] entries[1:632) + more
`)
	f("a panic of Substrate", `2021-06-28 06:39:47 Idle
--

====================

Version: 0.9.6-x86_64-linux-gnu

   0: sp_panic_handler::set::{{closure}}
             at src/panicking.rs:595:17


Thread 'tokio-runtime-worker' panicked at 'it must match', /src/lib.rs:465

This is a bug. Please report it at:

	https://example.com/issues/new
--

2021-06-28 06:39:48 Idle
`)
	f("an error that miette draws", `Error: app::command

  × it failed
   ╭─[entry #1:1:1]
 1 │ foo
   ╰────
  help: none
--
plain
`)
	f("colours without escapes", `[2m2026-11-23T06:33:43.948701Z[0m [32m INFO[0m a
b
--
^[[36m2026-11-23 06:33:43.948 UTC [a] f -> INFO 001^[[0m c
d
--
[36mINFO[0m[0000] e
[12m3] plain
`)
	f("MinIO's errors", `API: http://10.0.0.2:9000  http://127.0.0.1:9000
--
Console: http://10.0.0.2:9001
--

API: SYSTEM()
Time: 07:55:37 UTC 04/06/2020
DeploymentID: c936474f-20c0-4c3d-b139-0aeaa375b3db
Error: Bucket not found
       1: cmd/data-usage.go:69:cmd.runDataUsageInfo()
--

API: SYSTEM()
Time: 07:55:38 UTC 04/06/2020
Error: one
two
--
{"level":"INFO","msg":"of another"}
`)
	f("headers of SeaweedFS, Erigon and AvalancheGo", `I1123 06:25:41     1 master.go:122] a
b
--
W1123 06:25:41.123456 raft.go:12 c
--
[INFO] [11-23|06:25:41.123] d
e
--
[11-23|06:25:41.123] INFO <P Chain> f
--
[11-23|06:25:41.124] INFO <P Chain> g
`)
	f("quoted with an indent", `    2026/11/23 06:25:41 quoted
    b
--
    2026/11/23 06:25:42 quoted
--
    I1123 06:25:41.544889    1705 more.go:55] d
    {"n":1}
`)
	f("an error of Terraform", `2021/11/23 06:25:41 [WARN] text
--
╷
│ Error: Invalid provider
│ 
│   on main.tf line 1:
╵
--
╷
│ Warning: Deprecated
╵
--
│ alone
`)
	f("times in brackets, or behind a level", `2026-11-23T06:25:41Z INFO a
--
INFO: 2026-11-23 06:25:41 b
c
--
(2026-11-23 06:25:41) d
e
--
<2026-11-23T06:25:41Z> f
(of text)
<and more>
INFO: of text
`)
	f("what geth dies of", `CRIT [11-23|06:25:42.556] Failed to start                          err="x"
--
Fatal: Error starting: it is in use
`)
	f("access logs behind headers", `2026-11-23T06:25:41.421Z	INFO	a.go:7	m
--
10.0.0.7 - - [23/Nov/2026:06:25:41 +0000] "GET / HTTP/1.1" 200 9 "-" "curl"
--
2026/11/23 06:25:41 m
--
::1 - ann [23/Nov/2026:06:25:41 +0000] "GET / HTTP/1.1" 200 9
--
I1123 06:25:41.544889    1705 more.go:55] m
--
web-7.example.com - - [23/Nov/2026:06:25:42 +0000] "GET / HTTP/1.1" 200 9 "-" "curl" 1 "web@docker" "http://10.0.0.9:80" 2ms
--
2026-11-23T06:25:43Z  INFO a: m
a line - - [of text] behind it
`)
	f("a value over lines behind a level", `INFO config: Config {
    a: 1,
    b: [
        2,
    ],
}
--
[DEBUG app] {
  "a": 1
},
--
plain
`)
	f("race reports and how many", `==================
WARNING: DATA RACE
Write at 0x00c0000140a8 by goroutine 7:
  main.main.func1()
      /src/a.go:10 +0x3c
==================
--
==================
WARNING: DATA RACE
Read at 0x00c0000140a8 by goroutine 7:
  main.main.func1()
      /src/a.go:10 +0x3c
==================
Found 2 data race(s)
exit status 66
--
exit status 1
`)
	f("stack behind a header", `2026/11/23 06:26:46 http: panic serving 10.0.0.7:1: boom
goroutine 1 [running]:
runtime/debug.Stack()
	/usr/local/go/src/runtime/debug/stack.go:26 +0x5e

goroutine 2 [running]:
main.main()
	/src/main.go:1 +0x1
--
2026/11/23 06:26:46 still running
`)
	f("colours and a character set", "\x1b(B\x1b[mNov 23 06:33:26.068\x1b(B\x1b[m INFO\x1b(B\x1b[m a\nb\n--\n"+
		"\x1b(B\x1b[mNov 23 06:33:26.068\x1b(B\x1b[m INFO c\n")
	f("tracing with colours", "\x1b[2m2026-11-23T06:33:43.948701Z\x1b[0m \x1b[32m INFO\x1b[0m a\nb\n--\n"+
		"\x1b[2m2026-11-23T06:33:43.948701Z\x1b[0m \x1b[32m INFO\x1b[0m c\n")
	f("tracing with an error chain", `2026-11-23T06:36:54.158515Z ERROR errs: failed error=failed to load

Caused by:
    0: failed to open
    1: No such file
--
2026-11-23T06:36:54.158540Z  INFO errs: stopping
`)
	f("tracing without a time", ` INFO errs: starting
--
ERROR errs: failed
    indented
--
not indented
--
DEBUG errs: stopping
`)
	f("tracing with an uptime", "   0.000211213s  INFO errs: a\nb\n--\n   0.000311213s DEBUG errs: c\n--\n[   301.092239s]  INFO x: y\nz\n")
	f("env_logger", "[2026-11-23T06:33:43Z INFO  logs] multi\n    line\n--\n[2026-11-23T06:33:43Z INFO  logs] next\n--\n"+
		"[INFO  logs] no time\n    line\n--\nother\n")
	f("tracing's Pretty", `  2026-11-23T06:33:43.959800Z  INFO tracing_fmt: multi
line
    at src/bin/tracing_fmt.rs:38
    in tracing_fmt::request with method: "GET"

--
  2026-11-23T06:33:43.959824Z  INFO tracing_fmt: without a place
--

  2026-11-23T06:33:43.959832Z DEBUG tracing_fmt: cache miss
    at src/bin/tracing_fmt.rs:40

--
text
`)
	f("tracing's Pretty with colours", "  \x1b[2m2026-11-23T06:33:43.961486Z\x1b[0m \x1b[32m INFO\x1b[0m a\n    \x1b[2;3mat\x1b[0m src/a.rs:38\n\n--\ntext\n")
	f("pretty-printed objects", `{
  "level": "trace",
  "nested": {
    "a": 1
  }
}
--
{
  "level": "debug"
}
--
{"a":1}
--
{
--
text
`)
	f("gin", `[GIN-debug] [WARNING] Running in "debug" mode. Switch to "release" mode in production.
 - using env:	export GIN_MODE=release
--
[GIN] 2026/11/23 - 06:25:41 | 500 | 11.237µs |        10.0.0.7 | GET      "/err"
Error #01: load user 42
--
text
--


`+"\x1b[31m"+`2026/11/23 06:25:41 [Recovery] 2026/11/23 - 06:25:41 panic recovered:
GET /panic HTTP/1.1

kaboom
/src/go/web.go:78 (0x1a47d84)
	init.2.func1.3: e.GET("/panic", func(c *gin.Context) { panic("kaboom") })
`+"\x1b[0m"+`
--
[GIN] 2026/11/23 - 06:25:41 | 200 | 11.237µs |        10.0.0.7 | GET      "/ok"
`)
	f("GORM", "\r\n2026/11/23 06:25:41 /src/go/web.go:156 SLOW SQL >= 1ns\n[0.187ms] [rows:0] SELECT 1\n--\n\r\n2026/11/23 06:25:41 /src/go/web.go:157 x\n")
	f("devslog", `[06:25:41] @@@ /src/go/std.go:30
 INFO  slow query
G db      :
  # rows: 3
    sql : SELECT *
FROM t
--
[06:25:41] @@@ /src/go/std.go:31
 DEBUG  cache miss
--
{"a":1}
`)
	f("slog-term's Compact", ` method: GET
--
    Nov 23 06:33:43.972 WARN slow query, sql: SELECT *
FROM t
--
    user: 42
--
     Nov 23 06:33:43.972 ERRO request failed
`)
	f("color-eyre", `Error:
   0: one error

Location:
   src/bin/eyres.rs:10

a section

Suggestion: create the file
Backtrace omitted. Run with RUST_BACKTRACE=1 environment variable to display it.
--
The application panicked (crashed).
Message:  index out of bounds
Location: src/bin/eyres.rs:11

Run with RUST_BACKTRACE=full to include source snippets.
--
2026-11-23T06:33:43.959824Z  INFO a: b
`)
	f("levels alone, with a stack", `[ERROR] with stack:
github.com/hashicorp/go-hclog.Stacktrace
	/go/pkg/mod/github.com/hashicorp/go-hclog@v1.6.3/stacktrace.go:51
main.(*t).f
	/src/go/common.go:70
--
[INFO] next
--
done.
`)
	f("go test", `=== RUN   TestSub
--
2026/11/23 06:27:16 std log line
more
--
=== RUN   TestSub/multi
--
    x_test.go:15: first
        second
--
    x_test.go:16: third
--
2026/11/23 06:27:16 std log line
--
--- FAIL: TestSub (0.00s)
--
FAIL
`)
	f("Go panic", `{"a":1}
--
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4df403]

goroutine 19 [running]:
main.(*inner).get(0x0?)
	/src/gocrash/main.go:27 +0x3
panic({0x4ecde0?, 0x51b7b0?})
	/usr/local/go/src/runtime/panic.go:860 +0x13a
created by main.init.func20 in goroutine 1
	/src/gocrash/main.go:85 +0x65

goroutine 1 gp=0x342587bd81e0 m=nil [runnable, 2 minutes]:
...additional frames elided...
exit status 2
--
text
`)
	f("Go panic without goroutines", "panic: a\n\tb\n--\nnext\n")
	f("Go panic alone", "panic: a\n--\npanic: b\n")
	f("stack overflow", `runtime: goroutine stack exceeds 65536-byte limit
runtime: sp=0x18319a0ca398 stack=[0x18319a0ca000, 0x18319a0da000]
fatal error: stack overflow

runtime stack:
runtime.throw({0x511479?, 0x200000008?})
	/usr/local/go/src/runtime/panic.go:1229 +0x48 fp=0x7fff4a83a0b8 sp=0x7fff4a83a088 pc=0x47dd28
runtime: g 1: unexpected return pc for main.main called from 0x0
--
text
--
runtime: out of memory
--
next
`)
	f("signal", `SIGSEGV: segmentation violation
PC=0x48b3e0 m=0 sigcode=1 addr=0x0
signal arrived during cgo execution

goroutine 1 gp=0xd0f407e61e0 m=0 mp=0x55b460 [syscall]:
runtime.cgocall(0x48b3e0, 0xd0f4082af38)
	/usr/local/go/src/runtime/cgocall.go:167 +0x4b fp=0xd0f4082af10 sp=0xd0f4082aed8 pc=0x4778cb

rax    0x0
rip    0x48b3e0
--
next
`)
	f("race report", `==================
WARNING: DATA RACE
Read at 0x00c000094028 by goroutine 9:
  main.(*counter).inc()
      /src/gocrash/race/main.go:10 +0x7d

Previous write at 0x00c000094028 by goroutine 8:
  main.(*counter).inc()
      /src/gocrash/race/main.go:10 +0x8f
==================
--
done true
--
==================
--
not a race
`)
	f("Rust panic", `
thread 'main' (13403) panicked at crash.rs:45:24:
first line
second line
  third line
note: run with `+"`RUST_BACKTRACE=1`"+` environment variable to display a backtrace
--

thread 'main' panicked at crash.rs:22:9:
panic in drop of b
stack backtrace:
   0:     0x557cbb695b9a - std::backtrace
                               at /rustc/library/std/src/backtrace.rs:117:9
thread caused non-unwinding panic. aborting.
--
text
`)
	f("Rust panic without a note", `thread 'w' panicked at src/a.rs:1:1:
boom
--
2026-11-23T06:36:54.158540Z  INFO errs: going on
`)
	f("Rust panic of old", `thread 'main' panicked at 'first line
second line', crash.rs:45:24
note: run with `+"`RUST_BACKTRACE=1`"+` environment variable to display a backtrace
--
thread 'main' panicked at 'one', crash.rs:45:24
stack backtrace:
   0: rust_begin_unwind
             at /usr/src/rustc-1.63.0/library/std/src/panicking.rs:584:5
note: Some details are omitted
--
text
`)
	f("Rust aborts", `
thread 'main' (13466) has overflowed its stack
fatal runtime error: stack overflow, aborting
--
memory allocation of 4611686018427387903 bytes failed
--
panicked at crash.rs:89:98:
panic while formatting
thread panicked while processing panic. aborting.
`)
	f("error chain", `Error: failed to load config

Caused by:
   0: failed to open /nonexistent/config.toml
   1: No such file or directory (os error 2)

Location:
    src/bin/errs.rs:13:53
--

text
--
Error: one
--
two
--
Error: Error {
    context: "x",
}
--
text
`)
}

// TestInterrupted wants the records of dumps that lines of others are in.
func TestInterrupted(t *testing.T) {
	f := func(name, text, want string) {
		t.Helper()
		if got := strings.Join(texts(cut(Options{}, text)), divider); got != want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, want)
		}
	}
	f("Go panic", `panic: boom
{"level":"info","msg":"tick"}

goroutine 19 [running]:
main.main()
{"level":"info","msg":"tick"}
{"level":"info","msg":"tick"}
	/src/main.go:27 +0x3
2026/11/23 06:25:41 message
	indented
main.main()
	/src/main.go:27 +0x3
text
exit status 2
2026/11/23 06:25:41 another
	is not resumed
`, `panic: boom

goroutine 19 [running]:
main.main()
	/src/main.go:27 +0x3
main.main()
	/src/main.go:27 +0x3
--
{"level":"info","msg":"tick"}
--
{"level":"info","msg":"tick"}
--
{"level":"info","msg":"tick"}
--
2026/11/23 06:25:41 message
	indented
--
text
--
exit status 2
--
2026/11/23 06:25:41 another
	is not resumed
`)
	f("a stack printed later is another record", `panic: boom

goroutine 19 [running]:
main.main()
	/src/main.go:27 +0x3
{"a":1}
goroutine 19 [running]:
main.main()
	/src/main.go:27 +0x3
`, `panic: boom

goroutine 19 [running]:
main.main()
	/src/main.go:27 +0x3
--
{"a":1}
--
goroutine 19 [running]:
main.main()
	/src/main.go:27 +0x3
`)
	f("panic of a handler", `2026/11/23 06:26:46 http: panic serving 10.0.0.7:1: boom
goroutine 1 [running]:
runtime/debug.Stack()
{"a":1}
	/usr/local/go/src/runtime/debug/stack.go:26 +0x5e
main.main()
2026/11/23 06:26:46 another
	/src/main.go:1 +0x1
created by net/http.(*Server).Serve in goroutine 1
	/src/main.go:1 +0x1
2026/11/23 06:26:46 still running
`, `2026/11/23 06:26:46 http: panic serving 10.0.0.7:1: boom
goroutine 1 [running]:
runtime/debug.Stack()
	/usr/local/go/src/runtime/debug/stack.go:26 +0x5e
main.main()
	/src/main.go:1 +0x1
created by net/http.(*Server).Serve in goroutine 1
	/src/main.go:1 +0x1
--
{"a":1}
--
2026/11/23 06:26:46 another
--
2026/11/23 06:26:46 still running
`)
	f("Rust panic", `thread 'main' panicked at src/main.rs:1:2:
boom
{"a":1}
stack backtrace:
2026-11-23T06:36:54.158540Z  INFO errs: going on
   0: rust_begin_unwind
             at /usr/src/rustc-1.63.0/library/std/src/panicking.rs:584:5
{"a":2}
note: Some details are omitted
2026-11-23T06:36:54.158540Z  INFO errs: going on
`, `thread 'main' panicked at src/main.rs:1:2:
boom
stack backtrace:
   0: rust_begin_unwind
             at /usr/src/rustc-1.63.0/library/std/src/panicking.rs:584:5
note: Some details are omitted
--
{"a":1}
--
2026-11-23T06:36:54.158540Z  INFO errs: going on
--
{"a":2}
--
2026-11-23T06:36:54.158540Z  INFO errs: going on
`)
	f("race report", `==================
WARNING: DATA RACE
Read at 0x00c000094028 by goroutine 9:
{"a":1}
  main.(*counter).inc()
      /src/gocrash/race/main.go:10 +0x7d
==================
{"a":2}
`, `==================
WARNING: DATA RACE
Read at 0x00c000094028 by goroutine 9:
  main.(*counter).inc()
      /src/gocrash/race/main.go:10 +0x7d
==================
--
{"a":1}
--
{"a":2}
`)
	other := strings.Repeat("{\"a\":1}\n", aheadLines+1)
	f("too late", "panic: a\n"+other+"goroutine 1 [running]:\nmain.main()\n",
		"panic: a\n"+divider+strings.ReplaceAll(other, "\n", "\n"+divider)+"goroutine 1 [running]:\nmain.main()\n")
	f("in time", "panic: a\n"+other[8:]+"goroutine 1 [running]:\nmain.main()\n",
		"panic: a\ngoroutine 1 [running]:\nmain.main()\n"+strings.ReplaceAll(other[8:], "{", divider+"{"))
}

// TestWrapped wants the records of containers' lines, after their stream and
// the fraction of their time.
func TestWrapped(t *testing.T) {
	f := func(name, text, want string) {
		t.Helper()
		var got []string
		var s Splitter
		for _, u := range cut(Options{}, text) {
			arena, records := s.Split([]byte(u), 0, len(u), 0)
			for _, r := range records {
				mark := [...]string{"", "out ", "err "}[r.Stream]
				if r.Flags&record.Partial != 0 {
					mark += "partial "
				}
				got = append(got, fmt.Sprintf("%s%d %s\n", mark, r.Time%1e9/1e6, arena[r.Lo:r.Hi]))
			}
		}
		if got := strings.Join(got, divider); got != want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, want)
		}
	}
	// Lines are written as ms, o or e, P or F, and the text.
	lines := func(text string, form func(ms, stream, tag, text string) string) string {
		var all strings.Builder
		for l := range strings.Lines(text) {
			p := append(strings.SplitN(strings.TrimSuffix(l, "\n"), " ", 4), "")
			all.WriteString(form(p[0], map[string]string{"o": "stdout", "e": "stderr"}[p[1]], p[2], p[3]))
		}
		return all.String()
	}
	both := func(name, text, want string) {
		t.Helper()
		f("CRI: "+name, lines(text, func(ms, stream, tag, text string) string {
			return "2026-11-23T06:42:55." + ms + "000001Z " + stream + " " + tag + " " + text + "\n"
		}), want)
		f("CRI-O: "+name, lines(text, func(ms, stream, tag, text string) string {
			return "2026-11-23T06:42:55." + ms + "00000+00:00 " + stream + " " + tag + ":x " + text + "\n"
		}), want)
		f("Docker: "+name, lines(text, func(ms, stream, tag, text string) string {
			if tag == "F" {
				text += "\n"
			}
			log, _ := json.Marshal(text)
			return `{"log":` + string(log) + `,"stream":"` + stream + `","time":"2026-11-23T06:42:55.` + ms + "Z\"}\n"
		}), want)
	}
	both("lines", `100 o F {"level":"info"}
101 e F text
102 e F  
103 o F level=info msg="a"
`, `out 100 {"level":"info"}
--
err 101 text
--
err 102  
--
out 103 level=info msg="a"
`)
	both("pieces", `100 o P {"level":
101 e P error: 
102 o P "info"
103 o F }
104 e F one
105 o P no newline
`, `out 100 {"level":"info"}
--
err 101 error: one
--
out partial 105 no newline
`)
	both("headers", `100 o F 2026/11/23 06:25:41 a
101 e F 2026/11/23 06:25:41 b
102 o F a more
103 e F b <more> "\t
104 o F
105 o F 2026/11/23 06:25:41 c
106 e F 2026/11/23 06:25:41 d
`, `out 100 2026/11/23 06:25:41 a
a more
--
err 101 2026/11/23 06:25:41 b
b <more> "\t
--
out 105 
2026/11/23 06:25:41 c
--
err 106 2026/11/23 06:25:41 d
`)
	both("panic", `100 e F panic: boom
100 o F {"a":1}
101 e F
101 o P {"a":2
101 e F goroutine 1 [running]:
102 e F main.main()
103 e F 	/src/main.go:27 +0x3
104 o F }
104 e F {"a":3}
105 e F main.init()
106 e F 	/src/main.go:27 +0x3
`, `err 100 panic: boom

goroutine 1 [running]:
main.main()
	/src/main.go:27 +0x3
main.init()
	/src/main.go:27 +0x3
--
out 100 {"a":1}
--
out 101 {"a":2}
--
err 104 {"a":3}
`)
	both("a pause ends a record", `100 o F 2026/11/23 06:25:41 a
200 o F b
701 e F {"a":1}
702 o F c
`, `out 100 2026/11/23 06:25:41 a
b
--
err 701 {"a":1}
--
out 702 c
`)
	f("rsyslog without a process ID", `Mar  8 09:33:17 telegraf telegraf: 2019-03-08T08:33:17Z I! Starting
Mar  8 09:33:17 shop shop: time="2019-03-08T08:33:17Z" level=info msg=m
Mar  8 09:33:17 shop shop: {"level":"info"}
Mar  8 09:33:17 then came: a sentence
`, `0 2019-03-08T08:33:17Z I! Starting
--
0 time="2019-03-08T08:33:17Z" level=info msg=m
--
0 {"level":"info"}
--
0 Mar  8 09:33:17 then came: a sentence

`)
	f("lines that were pasted far apart", `Nov 23 06:42:55 node-1 shop[123]: [135B blob data]

Nov 23 06:42:55 node-1 shop[123]: panic: boom

Nov 23 06:42:55 node-1 shop[123]: goroutine 1 [running]:

Nov 23 06:42:55 node-1 shop[123]: main.main()

Nov 23 06:42:55 node-1 shop[123]:         /src/main.go:27 +0x3

Nov 23 06:42:55 node-1 shop[123]: {"level":"info"}

text
`, `0 [135B blob data]
--
0 panic: boom
goroutine 1 [running]:
main.main()
        /src/main.go:27 +0x3
--
0 {"level":"info"}
--
0 text

`)
	f("journalctl without a time", `shop[123]: SIGSEGV: segmentation violation
shop[123]: PC=0x2aa5d38 m=4 sigcode=1 addr=0x6ac1
shop[123]: goroutine 663 [syscall]:
shop[123]: main.main()
shop[123]:         main.go:167 +0x44
shop[123]: text
`, `0 SIGSEGV: segmentation violation
PC=0x2aa5d38 m=4 sigcode=1 addr=0x6ac1
goroutine 663 [syscall]:
main.main()
        main.go:167 +0x44
--
0 shop[123]: text

`)
	f("a time, a tab and a record", "2026-11-23T06:42:55.609+01:00\tE1123 05:42:55.600000      21 a.go:3] m\n2026-11-23T06:42:55.609+01:00\tmore\n2026-11-23T06:42:55.609Z\tinfo\tm\n",
		"609 E1123 05:42:55.600000      21 a.go:3] m\nmore\n--\n0 2026-11-23T06:42:55.609Z\tinfo\tm\n\n")
	f("a panic over the end of a second", `May 10 13:55:23 h app[15]: thread 'main' panicked at 'm', src/a.rs:9:5
May 10 13:55:23 h app[15]: stack backtrace:
May 10 13:55:24 h app[15]:    0: rust_begin_unwind
May 10 13:55:26 h app[15]:    1: later
`, `0 thread 'main' panicked at 'm', src/a.rs:9:5
stack backtrace:
   0: rust_begin_unwind
--
0    1: later
`)
	f("fly logs", `2023-08-28T17:24:09Z app[4d891d7] iad [info]thread 'main' panicked at src/main.rs:1:2:
2023-08-28T17:24:09Z app[4d891d7] iad [info]boom
2023-08-28T17:24:09Z app[93fd1a2] ord [info] INFO other
2023-08-28T17:24:09Z app[4d891d7] iad [info]stack backtrace:
2023-08-28T17:24:09Z app[4d891d7] iad [info]   0: rust_begin_unwind
2023-08-28T17:24:10Z app[4d891d7] iad [inf?]text
`, `0 thread 'main' panicked at src/main.rs:1:2:
boom
stack backtrace:
   0: rust_begin_unwind
--
0 INFO other
--
0 2023-08-28T17:24:10Z app[4d891d7] iad [inf?]text

`)
	f("pm2 logs", `5|rathole  | Jan 16 12:33:28.487 ERROR a::b: m
5|rathole  | Caused by:
5|rathole  |     reset by peer
12|web     | {"a":1}
5|rathole  | 2026-11-23T06:42:55.609743Z  INFO a::b: m
5|of | a table
`, `0 Jan 16 12:33:28.487 ERROR a::b: m
Caused by:
    reset by peer
--
0 {"a":1}
--
0 2026-11-23T06:42:55.609743Z  INFO a::b: m
--
0 5|of | a table

`)
	f("docker service logs", `shop.1.x2v9k@node-1    | panic: boom
shop.1.x2v9k@node-1    | goroutine 1 [running]:
shop.1.x2v9k@node-1    | main.main()
someone@example | text
`, `0 panic: boom
goroutine 1 [running]:
main.main()
--
0 someone@example | text

`)
	f("Heroku", `2026-11-23T06:42:55.609743+00:00 app[web.1]: panic: boom
2026-11-23T06:42:55.609743+00:00 app[web.1]: goroutine 1 [running]:
2026-11-23T06:42:55.609743+00:00 heroku[web.1]: State changed
2026-11-23T06:42:55.609743+00:00 app[web]: text
`, `609 panic: boom
goroutine 1 [running]:
--
609 State changed
--
0 2026-11-23T06:42:55.609743+00:00 app[web]: text

`)
	f("kubectl logs --prefix", `[pod/web-7d4b9/app] panic: boom
[pod/web-7d4b9/app] 
[pod/web-7d4b9/app] goroutine 1 [running]:
[pod/web-5c8d2/app] {"a":1}
[pod/web-7d4b9/app] main.main()
[pod/web-7d4b9/app] 	/src/main.go:27 +0x3
[pod/web-7d4b9/app] text
[pod/web] text
`, `0 panic: boom

goroutine 1 [running]:
main.main()
	/src/main.go:27 +0x3
--
0 {"a":1}
--
0 text
--
0 [pod/web] text

`)
	f("stern", `web-7d4b9 app E1123 06:42:55.609743       1 a.go:2] m
web-7d4b9 app goroutine 1 [running]:
web-7d4b9 app main.main()
web-7d4b9 app 	/src/main.go:27 +0x3
web-7d4b9 app I1123 06:42:55.609743       1 a.go:2] n
well-known words 2026-11-23 06:25:41 here
`, `0 E1123 06:42:55.609743       1 a.go:2] m
goroutine 1 [running]:
main.main()
	/src/main.go:27 +0x3
--
0 I1123 06:42:55.609743       1 a.go:2] n
--
0 well-known words 2026-11-23 06:25:41 here

`)
	f("docker compose in colours", "\x1b[36mweb_1  |\x1b[0m panic: boom\n\x1b[36mweb_1  |\x1b[0m \n\x1b[36mweb_1  |\x1b[0m goroutine 1 [running]:\n\x1b[33;1mapi_1  | \x1b[0mtext\n\x1b[36mINFO\x1b[0m | text\n",
		"0 panic: boom\n\ngoroutine 1 [running]:\n--\n0 \x1b[0mtext\n--\n0 \x1b[36mINFO\x1b[0m | text\n\n")
	f("rsyslog and journalctl", `Nov 23 06:42:55 node-1 shop[123]: panic: boom
Nov 23 06:42:55 node-1 kernel: usb 1-1: new device
Nov 23 06:42:55 node-1 shop[123]:
Nov 23 06:42:55 node-1 shop[123]: goroutine 1 [running]:
Nov 23 06:42:55 node-1 shop[123]: main.main()
Nov 23 06:42:55 node-1 shop[123]: #011/src/main.go:27 +0x3
Nov 23 06:42:56 node-1 shop[123]: after
Nov 23 06:42:56 shop[123]: without #012a host
Nov 23 06:33:26.068 INFO worker started: x
Nov 23 06:33:26 INFO worker[1]: x
Nov 23 06:33:26 worker started: x
2026-11-23T06:42:55.609743+00:00 node-1 shop[123]: text
2026-11-23T06:42:55+0000 node-1 shop[123]: text
2026-11-23T06:42:55.609743Z ERROR request[12]: text
`, `0 panic: boom

goroutine 1 [running]:
main.main()
	/src/main.go:27 +0x3
--
0 usb 1-1: new device
--
0 after
--
0 without 
a host
--
0 Nov 23 06:33:26.068 INFO worker started: x

--
0 Nov 23 06:33:26 INFO worker[1]: x

--
0 Nov 23 06:33:26 worker started: x

--
609 text
--
0 text
--
0 2026-11-23T06:42:55.609743Z ERROR request[12]: text

`)
	f("docker compose", `web-1  | panic: boom
web-1  |
db     | 2026/11/23 06:25:41 a
web-1  | goroutine 1 [running]:
db     | a more
db     |
db     | and more
web-1  | main.main()
db     | 2026/11/23 06:25:41 b
web-1  | text
web-1  | 2026-11-23T06:42:55.609743826Z {"a":1}
db     | text
INFO | text
`, `0 panic: boom

goroutine 1 [running]:
main.main()
--
0 2026/11/23 06:25:41 a
a more

and more
--
0 2026/11/23 06:25:41 b
text
--
0 text
--
609 {"a":1}
--
0 INFO | text

`)
	f("text with a bar in it", "2026-11-23T06:42:55.609Z | INFO | multi\nline | {\"a\":1}\n", "0 2026-11-23T06:42:55.609Z | INFO | multi\nline | {\"a\":1}\n\n")
	f("svlogd", `2026-11-23_06:42:55.60974 panic: boom
2026-11-23_06:42:55.60975
2026-11-23_06:42:55.60976 goroutine 1 [running]:
2026-11-23_06:42:55.60977 main.main()
2026-11-23_06:42:55.60978 	/src/main.go:12 +0x1
2026-11-23_06:42:56.60974 plain
2026-11-23_06:42:56.60975 text
2026-11-23_06:42:56 none
`, `609 panic: boom

goroutine 1 [running]:
main.main()
	/src/main.go:12 +0x1
--
609 plain
--
609 text
--
0 2026-11-23_06:42:56 none

`)
	f("docker compose logs --timestamps, of text", `web-1  | 2026-11-23T06:42:55.609743826Z panic: boom
web-1  | 2026-11-23T06:42:55.609743826Z
web-1  | 2026-11-23T06:42:55.609743826Z goroutine 1 [running]:
web-1  | 2026-11-23T06:42:55.609743826Z main.main()
web-1  | 2026-11-23T06:42:55.609743826Z 	/src/main.go:12 +0x1
web-1  | 2026-11-23T06:42:55.609743826Z  INFO app: its own
`, `609 panic: boom

goroutine 1 [running]:
main.main()
	/src/main.go:12 +0x1
--
0 2026-11-23T06:42:55.609743826Z  INFO app: its own
`)
	f("cf logs", `   2026-11-23T06:42:55.60+0000 [APP/PROC/WEB/0] ERR panic: boom
   2026-11-23T06:42:55.60+0000 [RTR/1] OUT text
   2026-11-23T06:42:55.60+0000 [APP/PROC/WEB/0] ERR goroutine 1 [running]:
2026-11-23T06:42:55.60+0000 [APP/PROC/WEB/0] ERR
2026-11-23T06:42:55.60+0000 [App/0]      OUT {"a":1}
2026-11-23T06:42:55.60+0000 [APP/PROC/WEB/0] ERROR
`, `err 600 panic: boom
goroutine 1 [running]:

--
out 600 text
--
out 600 {"a":1}
--
0 2026-11-23T06:42:55.60+0000 [APP/PROC/WEB/0] ERROR

`)
	f("multilog", `@400000006a13e73c075bcd15 panic: boom
@400000006a13e73c075bcd15
@400000006a13e73c075bcd15 goroutine 1 [running]:
@500000006a13e73c075bcd15 text
`, `123 panic: boom

goroutine 1 [running]:
--
0 @500000006a13e73c075bcd15 text

`)
	f("syslog with a priority", `<14>1 2026-11-23T06:42:55.609Z host prog 123 - - panic: boom
<14>1 2026-11-23T06:42:55.609Z host prog 123 ID47 [a@1 b="c"] goroutine 1 [running]:
<14>1 2026-11-23T06:42:55.609Z - - - - - {"a":1}
<14>Nov 23 06:42:55 host prog[123]: text
<14>1 2026-11-23T06:42:55.609Z host prog 123 ID47
<6>text
`, `609 panic: boom
goroutine 1 [running]:
--
609 {"a":1}
--
0 text
--
0 <14>1 2026-11-23T06:42:55.609Z host prog 123 ID47

--
0 <6>text

`)
	f("journalctl -o short-full", `Mon 2026-11-23 06:42:55 UTC host prog[123]: panic: boom
Mon 2026-11-23 06:42:55 UTC host prog[123]: goroutine 1 [running]:
Mon 2026-11-23 06:42:55 UTC host: text
`, `0 panic: boom
goroutine 1 [running]:
--
0 Mon 2026-11-23 06:42:55 UTC host: text

`)
	f("kubectl", `2026-11-23T06:42:55.609743826Z {"a":1}
2026-11-23T06:42:55.610743826Z I1123 06:25:41.544889    1705 more.go:55] "m" text=<
2026-11-23T06:42:55.611743826Z 	first line
2026-11-23T06:42:55.611743826Z  >
2026-11-23T06:42:55.612743826Z
2026-11-23T06:42:55.613743826Z I1123 06:25:41.544889    1705 more.go:55] m
2026-11-23T06:42:55.613743826Z ERROR tracing: x
2026-11-23T06:42:55.614743826Z [INFO]  hclog: x
`, `609 {"a":1}
--
610 I1123 06:25:41.544889    1705 more.go:55] "m" text=<
	first line
 >

--
613 I1123 06:25:41.544889    1705 more.go:55] m
--
0 2026-11-23T06:42:55.613743826Z ERROR tracing: x

--
0 2026-11-23T06:42:55.614743826Z [INFO]  hclog: x

`)
	f("another object", `{"log":"text","a":"b","stream":"stdout","time":"2026-11-23T06:42:55.608872442Z"}
{"log":"a\\","stream":"stdout","time":"2026-11-23T06:42:55.608872442Z"}
`, "0 "+`{"log":"text","a":"b","stream":"stdout","time":"2026-11-23T06:42:55.608872442Z"}
`+"\n--\nout partial 608 a\\\n")
	f("an application's own object", `{"log":"text\n","stream":"stdout","time":"2026-11-23T06:42:55.608872442+01:00"}
`, "0 "+`{"log":"text\n","stream":"stdout","time":"2026-11-23T06:42:55.608872442+01:00"}
`+"\n")
}

// TestNothingWaits wants records that nothing can join at once, without a flush.
func TestNothingWaits(t *testing.T) {
	f := func(line string, want int) {
		t.Helper()
		if got := New(Options{}).Cut([]byte(line+"\n"), nil, false, false); len(got) != want {
			t.Errorf("%s: ends %v, want %d", line, got, want)
		}
	}
	f(`{"level":"info"}`, 1)
	f(`time=2026-11-23T06:25:41Z level=info msg=x`, 1)
	f(`level=info msg=x`, 1)
	f(`10.0.0.1 - - [23/Nov/2026:06:25:41 +0000] "GET / HTTP/1.1" 200 2`, 1)
	f(`listening on :8080`, 1)
	f(`=== RUN TestX`, 1)
	f(`2026-11-23T06:42:55.6Z stdout F {"level":"info"}`, 1)
	f(`2026-11-23T06:42:55.6Z stdout F text`, 1)
	f(`{"log":"{\"level\":\"info\"}\n","stream":"stdout","time":"2026-11-23T06:42:55.608872442Z"}`, 1)
	f(`2026-11-23T06:42:55.6Z stdout F 2026/11/23 06:25:41 x`, 0)
	f(`2026-11-23T06:42:55.6Z stdout P {"level"}`, 0)
	f(`2026/11/23 06:25:41 x`, 0)
	f(`I1123 06:25:41.544749    1705 more.go:49] x`, 0)
	f(`panic: x`, 0)
	f(``, 0)
}

func TestFlush(t *testing.T) {
	c := New(Options{})
	data := []byte("2026/11/23 06:25:41 a\nb\nc")
	if got := c.Cut(data, nil, true, false); !slices.Equal(got, []int32{24}) {
		t.Fatalf("ends %v", got)
	}
	data = append(data[24:], "d\n2026/11/23 06:25:41 e\n"...)
	if got := c.Cut(data, nil, false, false); !slices.Equal(got, []int32{3}) {
		t.Errorf("behind the flush: ends %v", got)
	}
}

func TestLimits(t *testing.T) {
	f := func(name string, o Options, want ...string) {
		t.Helper()
		text := strings.Join(want, "")
		if got := cut(o, text); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if got := pieces(o, text, func(n int) int { return 1 }); !slices.Equal(got, want) {
			t.Errorf("%s, byte by byte: got %q, want %q", name, got, want)
		}
	}
	long := strings.Repeat("x", 40) + "\n"
	head := "2026/11/23 06:25:41 a\n"
	f("record", Options{MaxRecord: 40}, head+"b12345678901234\n", "c12345678901234567890123456789\nd\n")
	f("line", Options{LineLimit: 39}, head+"b\n", long, "c\n", head)
}

// Lines too late for a record that is open are looked at as if it were not.
func TestLateRestores(t *testing.T) {
	f := func(lines ...string) {
		t.Helper()
		text := strings.Join(lines, "\n")
		want := cut(Options{}, text)
		for n := 1; n < 60; n += 3 {
			if got := pieces(Options{}, text, func(int) int { return n * (1 + len(text)/1000) }); !slices.Equal(got, want) {
				t.Fatalf("in pieces:\n%s\nat once:\n%s", strings.Join(got, divider), strings.Join(want, divider))
			}
		}
	}
	f("2026-11-23T06:42:01.049Z panic: boom", "2026-11-23T06:40:01.229Z goroutine 1 [running]:", "2026-11-23T06:42:01.484Z \t/src/main.go:27 +0x3", "2026-11-23T06:42:01.535Z exit status 2", "2026-")
	f("web | panic: boom", "web | goroutine 1 [running]:", "db-1 | "+strings.Repeat("{}\ndb-1 | ", 65)+"{}", "web | main.main()", "web | \t/src/main.go:27 +0x3", "we")
	f("web | panic: boom", "web | goroutine 1 [running]:", "web | 2026/11/23 06:25:41 "+strings.Repeat("x", 70000), "web | main.main()", "web | \t/src/main.go:27 +0x3", "we")
	f("web | panic: boom", "web | goroutine 1 [running]:"+strings.Repeat("\nweb | 2026/11/23 06:25:41 a", 66), "web | main.main()", "web | \t/src/main.go:27 +0x3", "we")
}

// pieces returns the records of text, presented in steps of as many bytes as
// step says, by Cutters that are replaced by their state now and then.
func pieces(o Options, text string, step func(n int) int) (units []string) {
	return framed(o, text, nil, step, func(seen int, ends bool) bool { return seen%7 == 0 || ends && seen%2 == 0 })
}

// framed returns the units of text, which is read in steps, with a flush at each of
// those offsets. again says when a new Cutter goes on.
func framed(o Options, text string, flushes []int, step func(n int) int, again func(seen int, ends bool) bool) (units []string) {
	c := New(o)
	at, seen := 0, 0
	for {
		seen = min(len(text), seen+step(len(text)))
		flush := len(flushes) > 0 && flushes[0] <= seen
		if flush {
			seen, flushes = flushes[0], flushes[1:]
		}
		last := seen == len(text)
		ends := c.Cut([]byte(text[at:seen]), nil, flush || last, last)
		units = append(units, split(text[at:], ends)...)
		if len(ends) > 0 {
			at += int(ends[len(ends)-1])
		}
		if last {
			return units
		}
		if again(seen, len(ends) > 0) {
			c = Restore(o, c.State())
		}
	}
}

// corpus is lines that start, continue and end records, for random texts.
var corpus = strings.Split(`{"level":"info"}
text

	/src/main.go:27 +0x3
panic: boom
goroutine 1 [running]:
main.main()
[signal SIGSEGV: segmentation violation code=0x1]
exit status 2
2026/11/23 06:25:41 message
I1123 06:25:41.544889    1705 more.go:55] "m" text=<
 > a=b
thread 'main' panicked at crash.rs:45:24:
thread 'main' panicked at 'one', crash.rs:45:24
thread 'main' panicked at 'one
two', crash.rs:45:24
stack backtrace:
   0: rust_begin_unwind
             at /usr/src/rustc-1.63.0/library/std/src/panicking.rs:584:5
note: run with
Error: failed
Caused by:
    0: failed to open
==================
WARNING: DATA RACE
runtime: goroutine stack exceeds
fatal error: stack overflow
 INFO a: b
level=info msg=x
thread 'main' has overflowed its stack
  2026-11-23T06:33:43.959824Z  INFO a: b
    at src/a.rs:1
{
}
[GIN] 2026/11/23
Error #01: a
[06:25:41] @@@ /src/go/std.go:30
   Nov 23 06:33:43.972 WARN slow
Error:
note: run with backtraces
=== RUN   TestSub
created by main.f in goroutine 1
fatal runtime error: stack overflow
  main.f()
Read at 0x00c000012345 by goroutine 8:
a: Name {
  b: 1,
panic: main.T{
@a = Name {
{"a": 1}
    b: 2,
[src/main.rs:1:2] a = Name(
)
API: x
Time: 06:42:00 UTC
====================
Thread 'a' panicked at 'b', c.rs:1
This is a bug. Report
   6:25AM INF x
exit status 1
Found 1 data race(s)
SIGQUIT: quit
PC=0x1 m=0
rax    0x0
goroutine 7 [chan receive]:
main.f(0x1)
created by main.g
  Goroutine 1 (running) created at:
Read at 0x1 by goroutine 7:
      /src/main.go:27 +0x3
[recovered]
thread 'x' panicked at a.rs:1:2:
panicked at a.rs:1:2:
   1: a::b
Location:
* one
(a.go:1)
[2026-11-23 06:25:41] x
memory allocation of 1 bytes failed
Error: 
ERROR x
WARN: y
2026-11-23T06:42:00.000Z INFO x
2026-11-23T06:42:00.000Z
F210116 21:49:17.083093 14 cli/start.go:690 ⋮ [n1] 40  text
F210116 21:49:17.083093 14 cli/start.go:690 ⋮ [n1] 40 +text
runtime/cgo: x
fatal error: x
stack: frame={sp:0x1}
non-Go function
panic: a
	b
  `+"\n\t", "\n") // blanks behind the last of these

// inWrappers is lines in wrappers, some of which need not be any.
var inWrappers = strings.Split(`shop[1]: text
web   | text
shop[1]: panic: b
shop[1]: goroutine 1 [running]:
shop[1]: 
web-7d4b9 app 2026/11/23 06:25:41 c
web-7d4b9 app d
web-7d4b9 app goroutine 1 [running]:
[pod/web-1/app] panic: x
[pod/web-1/app] x
0|web  | panic: x
0|web  | y
0|web  | {"a":1}
web   | 2026/11/23 06:25:41 c
web   | c
web-1 | panic: x
web-1 | main.f(0x1)
web-1 | 
<14>Nov 23 06:42:55 host prog[123]: panic: x
<14>1 2026-11-23T06:42:55.609Z host prog 123 - - text
@4000000065a1b2c3075bcd15 panic: x
@4000000065a1b2c3075bcd15 main.f(0x1)
2026-11-23_06:42:55.60974 panic: x
2026-11-23T06:42:55.60+0000 [APP/PROC/WEB/0] OUT panic: x
2026-11-23T06:42:55.60+0000 [APP/PROC/WEB/0] ERR main.f(0x1)
kernel: x`, "\n")

// randomText returns lines of the corpus: as they are, or as a container
// runtime wraps them, or both.
func randomText(seed uint64, lines int) string {
	r := rand.New(rand.NewPCG(seed, 1))
	var text strings.Builder
	ms := 0
	for range lines {
		line := corpus[r.IntN(len(corpus))]
		if r.IntN(8) == 0 {
			line += "\r"
		}
		if seed%7 != 0 && r.IntN(8) == 0 {
			text.WriteString(inWrappers[r.IntN(len(inWrappers))] + "\n")
			continue
		}
		ms += r.IntN(20) * r.IntN(20)
		when := fmt.Sprintf("2026-11-23T06:42:%02d.%03dZ", ms/1000%60, ms%1000)
		stream := [...]string{"stdout", "stderr"}[r.IntN(2)]
		full := r.IntN(5) > 0
		style := seed % 7
		if style == 6 {
			style = r.Uint64N(6)
		}
		switch style {
		case 0:
			text.WriteString(line + "\n")
		case 1:
			fmt.Fprintf(&text, "%s %s %c %s\n", when, stream, "PF"[min(1, r.IntN(5))], line)
		case 2:
			if full {
				line += "\n"
			}
			log, _ := json.Marshal(line)
			fmt.Fprintf(&text, `{"log":%s,"stream":"%s","time":"%s"}`+"\n", log, stream, when)
		case 3:
			fmt.Fprintf(&text, "Nov 23 06:42:%02d node shop[%d]: %s\n", ms/1000%60, len(stream)+r.IntN(2), strings.ReplaceAll(line, "\t", "#011"))
		case 4:
			fmt.Fprintf(&text, "%s | %s\n", [...]string{"web-1", "db   ", "cache"}[r.IntN(3)], line)
		case 5:
			fmt.Fprintf(&text, "%s %s\n", when, line)
		}
	}
	return text.String()
}

func TestSplitsAgree(t *testing.T) {
	for seed := range uint64(400) {
		text := randomText(seed, 40)
		o := Options{LineLimit: 60, MaxRecord: 100 + int(seed)}
		if seed%3 == 0 {
			o = Options{}
		}
		agree(t, o, text, seed)
	}
}

// A line that only may be in a wrapper is taken the same way by who starts where
// the record before it ends.
func TestWeakRestores(t *testing.T) {
	for _, before := range corpus {
		for _, blanks := range []string{"", "\n", "\n\r\n"} {
			for _, weak := range []string{"shop[1]: panic: b\n", "web-7d4b9 app 2026/11/23 06:25:41 c\n", "web   | 2026/11/23 06:25:41 c\n", "web-7d4b9 app goroutine 1 [running]:\n"} {
				for _, behind := range []string{"web-", "\nshop[1]: goroutine 1 [running]:\n", "main.main()\n\t/src/a.go:1\n"} {
					text := before + "\n" + blanks + weak + behind
					want := cut(Options{}, text)
					one := func(int) int { return 1 }
					if got := pieces(Options{}, text, one); !slices.Equal(got, want) {
						t.Fatalf("restored:\n%s\nat once:\n%s", strings.Join(got, divider), strings.Join(want, divider))
					}
				}
			}
		}
	}
}

// wide returns text in UTF-16, with a byte order mark.
func wide(text string, w width) (b []byte) {
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		if w == littleEndian {
			b = binary.LittleEndian.AppendUint16(b, u)
		} else {
			b = binary.BigEndian.AppendUint16(b, u)
		}
	}
	return b
}

// TestWide wants the records of a text to be the same in UTF-16, which takes
// another way through the code.
func TestWide(t *testing.T) {
	for seed := range uint64(300) {
		text := randomText(7*seed, 40) // in no wrapper
		if seed%5 == 0 {
			text = strings.ReplaceAll(text, "message", "жарық 😀 一")
		}
		narrow := texts(cut(Options{}, text))
		for w := littleEndian; w < widths; w++ {
			encoded := string(wide(text, w))
			agree(t, Options{}, encoded, seed)
			if got := texts(cut(Options{}, encoded)); !slices.Equal(got, narrow) {
				t.Fatalf("seed %d, UTF-16:\n%s\nUTF-8:\n%s", seed, strings.Join(got, divider), strings.Join(narrow, divider))
			}
			if got := texts(cut(Options{}, encoded[2:])); text[0] != '\n' && text[0] != '\r' && !slices.Equal(got, narrow) {
				t.Fatalf("seed %d, without a mark:\n%s\nUTF-8:\n%s", seed, strings.Join(got, divider), strings.Join(narrow, divider))
			}
		}
	}
}

// Bytes of a line over the limit that were skipped may have been an odd number.
func TestWideTurns(t *testing.T) {
	c := Restore(Options{}, []byte{byte(littleEndian)})
	data := append([]byte{0}, wide("first\nsecond\n", littleEndian)[2:]...)
	ends := c.Cut(data, nil, true, true)
	if got := texts(split(string(data), ends)); !slices.Equal(got, []string{"first\n", "second\n", ""}) {
		t.Errorf("%q", got)
	}
	// In the middle of a record, too, if it ends there for its length.
	text := string(wide("panic: boom\n", littleEndian)) + "\x00" + string(wide("level=info msg=x\n", littleEndian)[2:]) + string(wide("Error: failed\n", littleEndian)[2:])
	long := string(wide("panic: boom\n", littleEndian)) + strings.Repeat("a\x00", 50) + "\x00" + string(wide("level=info msg=x\nmore\n", littleEndian)[2:])
	for seed := range uint64(200) {
		agree(t, Options{LineLimit: 32, MaxRecord: 64}, text, seed)
		agree(t, Options{LineLimit: 64, MaxRecord: 48}, text, seed)
		agree(t, Options{LineLimit: 64, MaxRecord: 96}, long, seed)
		agree(t, Options{}, text+strings.Repeat("plain text\n", 20), seed)
	}
}

// A line with a zero in it may look like UTF-16. What is text behind it is read
// as such.
func TestWideEnds(t *testing.T) {
	lines := []string{}
	for i := range 12 {
		lines = append(lines, fmt.Sprintf("line %d, plain text and a bit of UTF-8: жарық\n", i))
	}
	good := strings.Join(lines, "")
	for _, bad := range []string{"x\x00\n", "\xff\xfe\n", "\x00x\x00\n", "\x00x\x00y" + strings.Repeat("\x00\x80", 300) + "\n", "x\x00" + strings.Repeat("\xd7", 500) + "\n"} {
		text := good[:len(lines[0])] + bad + good
		want := cut(Options{}, text)
		if len(want) != 14 || !slices.Equal(want[2:], lines) {
			t.Errorf("behind %q: %q", bad, want)
		}
		agree(t, Options{}, text, 1)
		for n := range 40 {
			if got := pieces(Options{}, text, func(int) int { return 1 + n }); !slices.Equal(got, want) {
				t.Errorf("behind %q, in pieces of %d: %q", bad, 1+n, got)
			}
		}
	}
	cjk := "level=info msg=" + strings.Repeat("中上下世界日志一二三四五六七八九十", 100) + "\nlevel=info msg=中上\n"
	for w := littleEndian; w < widths; w++ {
		if got := texts(cut(Options{}, string(wide(cjk, w)))); !slices.Equal(got, []string{cjk[:strings.Index(cjk, "\n")+1], "level=info msg=中上\n"}) {
			t.Errorf("%d records: %.300q", len(got), got)
		}
	}
}

// Zeros before a line are no part of its text.
func TestZeros(t *testing.T) {
	text := "2026/11/23 06:25:41 a\n\x00\x00\x00{\"a\":1}\n\x00\x00\x002026/11/23 06:25:41 b\nmore\n"
	want := []string{"2026/11/23 06:25:41 a\n", "{\"a\":1}\n", "2026/11/23 06:25:41 b\nmore\n"}
	if got := texts(cut(Options{}, text)); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func agree(t *testing.T, o Options, text string, seed uint64) {
	t.Helper()
	want := cut(o, text)
	if strings.Join(want, "") != text {
		t.Fatalf("bytes are lost or come twice: %q from %q", want, text)
	}
	for _, u := range want {
		checkSplit(t, u)
	}
	r := rand.New(rand.NewPCG(seed, 2))
	got := pieces(o, text, func(n int) int { return 1 + r.IntN(1+n/4) })
	if !slices.Equal(got, want) {
		t.Fatalf("seed %d, in pieces:\n%s\nat once:\n%s", seed, strings.Join(got, divider), strings.Join(want, divider))
	}
	var flushes []int
	for at := 1 + r.IntN(1+len(text)/2); at < len(text); at += 1 + r.IntN(len(text)) {
		flushes = append(flushes, at)
	}
	agreeFlushed(t, o, text, flushes, func(n int) int { return 1 + r.IntN(1+n/4) }, func(_ int, ends bool) bool { return ends && r.IntN(2) == 0 })
}

// agreeFlushed wants the same units from one Cutter and from several.
func agreeFlushed(t *testing.T, o Options, text string, flushes []int, step func(n int) int, again func(seen int, ends bool) bool) {
	t.Helper()
	want := framed(o, text, flushes, func(n int) int { return n }, func(int, bool) bool { return false })
	if got := framed(o, text, flushes, step, again); !slices.Equal(got, want) {
		t.Fatalf("%+v, flushes at %d of %q, by several:\n%s\nby one:\n%s", o, flushes, text, strings.Join(got, divider), strings.Join(want, divider))
	}
}

// checkSplit wants every byte of a unit in exactly one record: what is inside of
// its lines, once, in records that start at different bytes.
func checkSplit(t *testing.T, unit string) {
	t.Helper()
	var s Splitter
	arena, records := s.Split([]byte(unit), 0, len(unit), 0)
	var got, want, loose [256]int
	for i, r := range records {
		if i == 0 && r.Offset != 0 || i > 0 && r.Offset <= records[i-1].Offset {
			t.Fatalf("offsets of %q: %v", unit, records)
		}
		for _, c := range arena[r.Lo:r.Hi] {
			got[c]++
		}
	}
	lines := unit
	if n := terminators([]byte(unit)); n < len(unit) && s.kindOf([]byte(unit[n:])) != plain {
		lines = unit[n:]
	}
	wrapped := s.kindOf([]byte(lines)) != plain
	for raw := range strings.Lines(lines) {
		l := line{hi: len(raw)}
		if wrapped {
			unwrap([]byte(raw), &l)
		}
		maybe := l.kind == plain && wrapped
		if maybe {
			switch b := []byte(raw); {
			case len(trimEnd(b)) == 0: // between the lines of a record
				continue
			case s.weave.kind == syslog:
				if !l.process(b) {
					l = line{hi: len(raw)}
				}
			case s.weave.kind == compose:
				if !l.named(b) && !l.stern(b) && !l.manager(b) {
					l = line{hi: len(raw)}
				}
			default:
				l.stamped(trimEnd(b))
			}
		}
		inside := l.text(nil, []byte(raw))
		for _, c := range inside {
			want[c]++
		}
		if maybe { // what joins nothing is all text
			for _, c := range []byte(raw) {
				loose[c]++
			}
			for _, c := range inside {
				loose[c]--
			}
		}
	}
	if wrapped {
		got['\n'], want['\n'] = 0, 0 // those between lines
	}
	got[0], want[0] = 0, 0 // those before a line
	for c := range got {
		if (got[c] < want[c] || got[c] > want[c]+loose[c]) && wideUnit([]byte(unit)) == narrow {
			t.Fatalf("bytes are lost or come twice: %q became %q", unit, texts([]string{unit}))
		}
	}
}

// TestAgainAgrees: what was found where it made a difference that another Cutter goes
// on behind an end. A flush comes behind each part.
func TestAgainAgrees(t *testing.T) {
	for _, x := range []struct {
		o     Options
		parts []string
	}{
		{Options{}, []string{"runtime/cgo: x\n \nb | 2026/11/23 06:25:41\nr\n"}},
		{Options{}, []string{"Error:\n\x00\nweb-7d4b9 app 2026/11/23 06:25:41 c\n:\n"}},
		{Options{}, []string{"Error: failed\n \nshop[1]: panic: b\ntext\n"}},
		{Options{}, []string{"panic: x\ngoroutine 1 [running]:\nmain.f(0x1)\n", "2026/11/23 06:25:41 m\n\t\ntext\n"}},
		{Options{LineLimit: 40, MaxRecord: 40}, []string{"2026/11/23 06:25:41 a\n\n2026/11/23 06:25:41 0123456789012345678\nw\n"}},
		{Options{}, []string{"\xff\xfeg\x00\n\x00e\x00r\x00r\x00o\x00r\x00:\x00 \x00x\x00\n\x00\x00x\x00y\x00z\x00\n", "d\n"}},
		{Options{}, []string{"==================\nWARNING: DATA RACE\nRead at 0x00c by goroutine 8:\n2026/11/23 06:25:41 m\n  \n  main.f()\n"}}, // blanks are no call
		{Options{}, []string{ // "two" is no place in the dump, although it ends like one
			`{"log":"created by main.f in goroutine 1\n","stream":"stderr","time":"2026-11-23T06:42:00.196Z"}` + "\n" +
				`{"log":"fatal error: stack overflow\n","stream":"stdout","time":"2026-11-23T06:42:00.322Z"}` + "\n" +
				`{"log":"I1123 06:25:41.544889    1705 more.go:55] \"m\" text=\u003c\n","stream":"stderr","time":"2026-11-23T06:42:00.327Z"}` + "\n" +
				`{"log":"  ","stream":"stderr","time":"2026-11-23T06:42:00.348Z"}` + "\n" +
				`{"log":"two', crash.rs:45:24\n","stream":"stderr","time":"2026-11-23T06:42:00.544Z"}` + "\n" +
				`{"log":"  b: 1,\n","stream":"stdout","time":"2026-11-23T06:42:00.784Z"}` + "\n" +
				`{"log":"shop[1]: text","stream":"stdout","time":"2026-11-23T06:42:01.272Z"}` + "\n" +
				`{"log":"thread 'main' panicked at crash.rs:45:24:\r\n","stream":"stderr","time":"2026-11-23T06:42:02.247Z"}` + "\n"}},
		{Options{}, []string{"created by .\n\x00g\x00=\x00x\x00: {\n\xb5\n"}},
	} {
		text := strings.Join(x.parts, "")
		var flushes []int
		for at := range x.parts[1:] {
			flushes = append(flushes, len(strings.Join(x.parts[:at+1], "")))
		}
		for _, step := range []int{1, 2, 7, len(text)} {
			agreeFlushed(t, x.o, text, flushes, func(int) int { return step }, func(_ int, ends bool) bool { return ends })
		}
	}
}

// TestBracesAgree: what may be the start of a value over lines is one wherever it stands.
func TestBracesAgree(t *testing.T) {
	docker := func(lines ...string) (text string) {
		for i, l := range lines {
			log, _ := json.Marshal(l + "\n")
			text += fmt.Sprintf(`{"log":%s,"stream":"stderr","time":"2026-11-23T06:42:00.%d00Z"}`+"\n", log, i)
		}
		return text
	}
	dump := []string{"panic: boom", "goroutine 1 [running]:"}
	for _, start := range []string{"{", "{\r", "{\r\r", "@a = Name {", `{"a": Name {`, "@ Name {", "$ {"} {
		lines := append(dump[:2:2], start, "    a: 1,", "}")
		for _, text := range []string{
			strings.Join(lines, "\n") + "\n",
			"2026/11/23 06:25:41 message\n" + strings.Join(lines[2:], "\n") + "\n",
			strings.Join(lines, "\n") + "\nmain.main()\n\t/src/main.go:27 +0x3\n",
			docker(lines...),
			docker(append([]string{"2026/11/23 06:25:41 message"}, lines[2:]...)...),
		} {
			for seed := range uint64(10) {
				agree(t, Options{}, text, seed)
			}
		}
	}
}

func FuzzCut(f *testing.F) {
	for seed := range uint64(70) {
		f.Add(randomText(seed, 20), seed, 0)
	}
	for seed := range uint64(8) {
		f.Add(string(wide(randomText(7*seed, 20), littleEndian+width(seed%2))), seed, 0)
	}
	f.Add("\x1b[2m2026-11-23T06:33:43.948701Z\x1b[0m\n\xef\xbb\xbf{\n[\x1b\n", uint64(1), 40)
	f.Add("00000000000000000000000\nthread '000 panicked at 0000\n+000000000.go:0: \n00000000000000000000000000000", uint64(112), 95)
	f.Add("I1123 06:25:41.544889    1705 more.go:55] m\n\n20:6/11/23 06:25:41 message\nnote: run ", uint64(0), -1)
	f.Add("\nNov 23 06:42:55 a shop[1]: panic: b\n\r\n\nshop[1]: goroutine 1 [running]:\n\nweb-7d4b9 app 2026/11/23 06:25:41 c\n\nweb-7d4b9 app d\n[pod/a/b] e\n", uint64(1), 0)
	f.Add("06:42:55 a shop[1]n panic: b\n\r\n\nshop[1]: gorouti:e 1 [running]:\n\nweb-7d4b9 app 2026/11/23 06:25:41 c\n\nweb-", uint64(0), -10)
	f.Add("cache | runtime: goroutine staLLL1LLLLck ex     at0b-1 |     at0 src/a.rs:1\ncache |  ", uint64(18), 83)
	f.Add("\n \x00{\x00\n\x00", uint64(1), 3)
	f.Add("\xfe\xff\x00\nt\x00i\x00n\x00e\x00 \x00s\x00t\x00a\x00c\x00k\x00 \x00e\x00x\x00c\x00e\x00e\x00d\x00s\x00\n\x00\x00:\x00 \x00a\x00\n", uint64(7), 40)
	f.Add("06:42:00.\ncache | 2026/11/23 06:25:41e\r\now\n", uint64(0), -1)
	f.Add("2026-11-23T06:42:00.270Z thread ' panicked at stack\n2026-11-23T06:42:00.986Z\nn", uint64(1), 0)
	f.Add("fatal error: stack overflow\nruntime: goroutine stack exceeds\r\n    0: failed to open\npanic: boom\n[{ignal SIGSEGV: segmentation violation code=0x1]\nnote: run with\r\nCaused by:\r\njhread 'main' panicked at 'one\ntwo', crash.rs:45:24\nruntime:ine stack ", uint64(145), 68)
	f.Add("fatal error: stack overflow\r\npanic: boom\ndb    | === RUN   TestSub\n", uint64(0), 0)
	f.Add("2026-11-23T06:42:00.332Z 2026/11/23 06:25:41 message\n2026-11-23T06:42:00.332Z \x00\x002026-11-23T06:42:00.346Z fatal\n2026-11-23T06:42:00.421Z }\n2026-11-23T06:42:00.509Z    0:rust_begin_unwind\n", uint64(0), 0)
	f.Fuzz(func(t *testing.T, text string, seed uint64, limit int) {
		agree(t, Options{LineLimit: limit, MaxRecord: 2 * (limit & 0xfff)}, text, seed)
	})
}

func TestRestore(t *testing.T) {
	for _, state := range [][]byte{nil, {}, {9}, {255, 255}, {0, 200}, {3, 3, 3}} {
		if got := Restore(Options{}, state).State(); got != nil {
			t.Errorf("state %v became %v", state, got)
		}
	}
	want := []byte{byte(header), byte(goDump)}
	if got := Restore(Options{}, want).State(); !bytes.Equal(got, want) {
		t.Errorf("state %v became %v", want, got)
	}
}

// A long record that comes in small pieces is looked at once.
func TestLinearTime(t *testing.T) {
	c := New(Options{LineLimit: 64 << 20, MaxRecord: 64 << 20})
	data := make([]byte, 0, 10<<20)
	for cap(data)-len(data) > 100 {
		data = append(data, '=')
		if len(data)%4096 == 0 {
			if ends := c.Cut(data, nil, false, false); len(ends) != 0 {
				t.Fatalf("ends %v", ends)
			}
			if c.judged+c.looked != len(data) {
				t.Fatalf("%d of %d bytes remembered", c.judged+c.looked, len(data))
			}
		}
	}
}

func benchmark(b *testing.B, line string) {
	data := bytes.Repeat([]byte(line), 256<<10/len(line))
	var ends []int32
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		ends = New(Options{}).Cut(data, ends[:0], false, false)
	}
}

const zapLine = `{"level":"info","ts":1795415142.16387,"logger":"http.router","caller":"go/zapz.go:24","msg":"request handled","service":"checkout","version":"1.4.2","method":"GET","path":"/api/v1/users?id=42&x=\"q\"","status":200,"latency":0.001532,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}` + "\n"

func BenchmarkIndexByte(b *testing.B) {
	data := bytes.Repeat([]byte(zapLine), 256<<10/len(zapLine))
	var ends []int32
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		ends = ends[:0]
		for at := 0; ; {
			i := bytes.IndexByte(data[at:], '\n')
			if i < 0 {
				break
			}
			at += i + 1
			ends = append(ends, int32(at))
		}
	}
}

func BenchmarkJSON(b *testing.B) { benchmark(b, zapLine) }
func BenchmarkLogfmt(b *testing.B) {
	benchmark(b, `time=2026-11-23T06:25:41.562Z level=INFO msg="request handled" http.method=GET http.path="/api/v1/users" http.status=200 took=1.532ms`+"\n")
}
func BenchmarkStd(b *testing.B) {
	benchmark(b, "2026/11/23 06:25:41 user 42 logged in from 10.0.0.7\n")
}
func BenchmarkKlog(b *testing.B) {
	benchmark(b, `I1123 06:25:41.544861    1705 more.go:53] "Pod status updated" pod="kube-system/coredns-558bd4d5db-x2v9k" status="ready"`+"\n")
}
func BenchmarkTracing(b *testing.B) {
	benchmark(b, "2026-11-23T06:33:43.947103Z  INFO tracing_fmt: listening addr=0.0.0.0:8080 pid=4711\n")
}
func BenchmarkText(b *testing.B) {
	benchmark(b, "listening on port 8080 and some more words to read\n")
}

func BenchmarkCRI(b *testing.B) {
	benchmark(b, "2026-11-23T06:42:55.609743826Z stdout F "+zapLine)
}
func BenchmarkCRIStd(b *testing.B) {
	benchmark(b, "2026-11-23T06:42:55.609743826Z stdout F 2026/11/23 06:25:41 user 42 logged in from 10.0.0.7\n")
}
func BenchmarkDocker(b *testing.B) {
	log, _ := json.Marshal(zapLine)
	benchmark(b, `{"log":`+string(log)+`,"stream":"stdout","time":"2026-11-23T06:42:55.608872442Z"}`+"\n")
}

func benchmarkSplit(b *testing.B, line string) {
	data := bytes.Repeat([]byte(line), 256<<10/len(line))
	ends := New(Options{}).Cut(data, nil, true, true)
	arena := make([]byte, 0, 2*len(data))
	var s Splitter
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		arena = append(arena[:0], data...)
		lo := 0
		for _, hi := range ends {
			arena, _ = s.Split(arena, lo, int(hi), 0)
			lo = int(hi)
		}
	}
}

func BenchmarkSplitJSON(b *testing.B) { benchmarkSplit(b, zapLine) }
func BenchmarkSplitText(b *testing.B) {
	benchmarkSplit(b, "listening on port 8080 and some more words to read\n")
}
func BenchmarkSplitCRI(b *testing.B) {
	benchmarkSplit(b, "2026-11-23T06:42:55.609743826Z stdout F "+zapLine)
}
func BenchmarkSplitDocker(b *testing.B) {
	log, _ := json.Marshal(zapLine)
	benchmarkSplit(b, `{"log":`+string(log)+`,"stream":"stdout","time":"2026-11-23T06:42:55.608872442Z"}`+"\n")
}
