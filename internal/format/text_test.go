package format

import (
	"strings"
	"testing"
	"time"

	"shipper/internal/record"
)

// TestLibraryFields looks for parts of the canonical form of records, framed as
// they stand, of libraries and servers with formats of their own.
func TestLibraryFields(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		b := new(record.Batch)
		b.Reset(testStream, []byte(text))
		var hint uint64
		New(Options{Zone: time.UTC}).Parse(b, 0, len(text), observed, &hint)
		got := render(b, &b.Records[0])
		for _, w := range want {
			absent := strings.HasPrefix(w, "no ")
			if strings.Contains(got, strings.TrimPrefix(w, "no ")) == absent {
				t.Errorf("%s\ngot  %s\nwant %s", text, got, w)
			}
		}
	}

	// nats-server, with its options.
	f("[7] [ERR] no time", `"format":"nats"`, `"process.pid":7`, `"severity":"error"`, `"timestamp_source":"read"`, `"message":"no time"`)
	f("[7] 2026/11/23 06:25:41.000001 [XYZ] m", `no "format":"nats"`)
	f("[12] of them", `"format":"text"`)

	// The unified log format.
	f(`[2026/11/23 06:25:41.554 +08:00] [FATAL] [lib.rs:494] ["a \"b\" c"] [thread_id=17] ["k ]"="v ]"] [empty=]`,
		`"2026-11-22T22:25:41.554Z"`, `"severity":"fatal"`, `"message":"a \"b\" c"`, `"thread.id":17`, `"k ]":"v ]"`, `"empty":""`, `"code.file.path":"lib.rs"`)
	f(`[2026/11/23 06:25:41.554 +08:00] [INFO] [<unknown>] [m]`, `"message":"m"`, `no "logger"`)
	f(`[2026/11/23 06:25:41.554 +08:00] [INFO] [grpc] ["no place"] [a=1]`, `"message":"no place"`, `"a":1`)
	f(`[2026/11/23 06:25:41.554 +08:00] [UNKNOWN] [lib.rs:465] ["m"]`, `"severity_text":"UNKNOWN"`, `no "severity":`)
	f(`[2026/11/23 06:25:41.554 +08:00] [INFO] [a.go:1] ["cut`, `"format":"tidb"`)
	f("[2026/11/23 06:25:41.554 +08:00] [FATAL] [a.go:1] [m]\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1", `"message":"m"`, `"exception.stacktrace":"goroutine 1`)
	f("[2026/11/23 06:25:41.554 +08:00] [INFO] [a.go:1] [m]\nand more", `"message":"m\nand more"`)

	// CockroachDB, old and of several lines.
	f("E160622 14:16:14.654867 raft/log.go:308  [group 903] it is gone", `"format":"cockroachdb"`, `"message":"[group 903] it is gone"`, `no goroutine`, `no tags`, `"code.line.number":308`)
	f("F250826 15:24:56.099044 3162 sql/a.go:6063 ⋮ [T1,n1] 250  it broke\nF250826 15:24:56.099044 3162 sql/a.go:6063 ⋮ [T1,n1] 250 +twice", `"message":"it broke\ntwice"`, `"tags":"T1,n1"`)

	// Colours whose escapes were lost, tabs that became blanks.
	f("[2m2022-05-12T08:10:01.123456Z[0m [32m INFO[0m [2ma[0m[2m:[0m text [3mn[0m[2m=[0m1", `"format":"tracing-full"`, `"message":"text"`, `"logger":"a"`, `"n":1`)
	f("^[[31mERRO^[[0m[0001] it failed", `"format":"logrus-tty"`, `"severity":"error"`, `"message":"it failed"`)
	f("2026-11-23T06:25:41.123Z [32m INFO[0m [2mapp[0m[2m:[0m ready", `"format":"tracing-full"`, `"message":"ready"`, `"logger":"app"`)
	f("2026/11/23 06:25:41.143 [1;34m[I][0m [asm.s:1337]  running", `"severity":"info"`, `"message":"[I] [asm.s:1337]  running"`)
	f("[0;33mWARNING: user mode.   [0;m", `"severity":"warn"`, `"message":"WARNING: user mode."`)
	f("2026/11/23 06:25:41 [36m of text [0]", `"message":"[36m of text [0]"`)
	f("[12m3] text", `"message":"[12m3] text"`)
	f("1.532s elapsed since the batch was read", `"message":"1.532s elapsed`, `no "log.record.timestamp"`)
	f("[12] [36m of text", `[36m of text"`)
	f(`2021/11/08 18:08:25.123 INFO    admin   started  {"n": 1}`, `"format":"zap-console"`, `"message":"started"`, `"logger":"admin"`, `"n":1`)

	// Dumps of Go that are unusual.
	f("panic: 2 errors\nsecond: line\n\tthird\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1", `"format":"go-panic"`, `"message":"2 errors\nsecond: line\n\tthird"`, `"code.line.number":1`)
	f("panic: a\nmain.main()\n\t/a.go:1 +0x1", `"message":"a"`, `"exception.stacktrace":"main.main()`)
	f("panic: test timed out after 10m0s\nrunning tests:\n\tTestSlow (10m0s)\n\ngoroutine 6 [running]:\nmain.main()\n\t/a.go:1 +0x1", `"message":"test timed out after 10m0s\nrunning tests:\n\tTestSlow (10m0s)"`)
	f("Exception 0xc0000005 0x8 0x0 0x0\nPC=0x0\n\nmain.main()\n\tC:/a.go:1 +0x1", `"format":"go-fatal"`, `"severity":"fatal"`, `"message":"Exception 0xc0000005 0x8 0x0 0x0"`, `"exception.type":"signal"`)
	f("Exception 0xc0000005", `"format":"text"`)
	f("runtime: found in object at *(0xc00+0x0)\nobject=0xc00 s.base()=0xc00\n *(object+0) = 0x1 <==\nfatal error: found bad pointer in Go heap", `"format":"go-fatal"`, `"message":"found bad pointer in Go heap"`)

	// klog without a thread, and values as fmt writes them.
	f("I0501 10:11:12.123456 eth/backend.go:123] Protocol Versions: [63 62]", `"format":"klog"`, `"message":"Protocol Versions: [63 62]"`, `"code.file.path":"eth/backend.go"`)
	f(`I0501 10:11:12.123456    1234 kubelet.go:1915] "SyncLoop (PLEG): event for pod" pod="ns/x" event=&{ID:abc Type:ContainerDied Data:def} n=1`,
		`"message":"SyncLoop (PLEG): event for pod"`, `"event":"&{ID:abc Type:ContainerDied Data:def}"`, `"n":1`)
	f(`I0501 10:11:12.123456    1234 a.go:5] "m" labels=map[a:b c:d] gvr={Group: Version:v1}`, `"message":"m"`, `"labels":"map[a:b c:d]"`, `"gvr":"{Group: Version:v1}"`)

	// Calico's without a place, Envoy's behind Istio's header.
	f("2021-05-01 10:11:12.123 [WARNING][1] cni-installer/<nil> <nil>: Failed to read", `"format":"calico"`, `"severity":"warn"`, `"message":"Failed to read"`, `"process.pid":1`, "no code.file")
	f("2021-05-01T10:11:12.123456Z\twarning\tenvoy config external/envoy/source/grpc_stream.h:163\tstream closed: 14, EOF\tthread=15",
		`"format":"zap-console"`, `"severity":"warn"`, `"logger":"envoy config"`, `"message":"stream closed: 14, EOF"`, `"code.line.number":163`, `"thread.id":15`)

	// GORM 1, go-micro, cdr.dev/slog, Iris, xorm, and what was indented.
	f("(/src/main.go:12) \n[2026-11-23 06:25:41]  [1.23ms]  SELECT * FROM \"x\"  \n[1 rows affected or returned ] \n",
		`"format":"gorm"`, `"timestamp":"2026-11-23T06:25:41Z"`, `"message":"[1.23ms]  SELECT * FROM`, `"duration":"1.23ms"`, `"db.query.text":"SELECT * FROM \"x\""`, `"rows":1`, `"code.line.number":12`, `no "severity"`)
	f("(/src/main.go:13) \n[2026-11-23 06:25:41]  pq: it failed \n", `"format":"gorm"`, `"message":"pq: it failed"`, "no duration")
	f("(/src/main.go:13) \n[2026-11-23] a", `"format":"text"`)
	f("2026-11-23 06:25:41  file=server/server.go:150 level=info service=micro Registering x=y", `"severity":"info"`, `"message":"Registering x=y"`, `"code.file.path":"server/server.go"`, `"code.line.number":150`, `"service.name":"micro"`)
	f("2026-11-23 06:25:41  level=high and more", `no "severity"`, `"message":"level=high and more"`)
	f("2026-11-23 06:25:41.668 [DEBUG]\t(agent.net)\t<a.com/b/c.go:306>\tset.func1\tb: failed to set", `"severity":"debug"`, `"logger":"agent.net"`, `"message":"b: failed to set"`, `"code.file.path":"a.com/b/c.go"`, `"code.function.name":"set.func1"`)
	f("2026-11-23 06:25:41.668 [INFO]\t<main.go:6>\tmain\tm", `no "logger"`, `"message":"m"`, `"code.line.number":6`)
	f("[INFO] 2026/11/23 06:25 Now listening on: http://localhost:8080", `"timestamp":"2026-11-23T06:25:00Z"`, `"severity":"info"`, `"message":"Now listening on: http://localhost:8080"`)
	f("2026/11/23 06:2 a", `"timestamp":"2026-11-23T00:00:00Z"`, `"message":"06:2 a"`)
	f("[xorm] [error]  2026/11/23 06:25:41.123456 it failed", `"severity":"error"`, `"message":"it failed"`)
	f("[sql] [of] 2026/11/23 06:25:41.123456 it failed", `no "severity"`)
	f(" time=\"2026-11-23T06:25:41Z\" level=warning msg=\"it is late\"", `"format":"logrus-text"`, `"message":"it is late"`)
	f("2026/11/23 06:25:41 ^[[1;34m[I] [a.go:128] login failed: EOF^[[0m", `"severity":"info"`, `"message":"[I] [a.go:128] login failed: EOF"`)

	// Names of zones, Wings, Portainer, levels behind the names of plugins.
	f("2026-11-23 06:25:41.974 PDT 0325 INFO [a.b] f -> text", `"timestamp":"2026-11-23T13:25:41.974Z"`, `"severity":"info"`, `"message":"[a.b] f -> text"`, `no "timestamp_source"`)
	f("2026-11-23 06:25:41 CST 0325 PANI [a.b] f -> text", `"2026-11-23T06:25:41Z"`, `line_no_zone`, `"severity":"fatal"`)
	f("2026-11-23 06:25:41.912 EST [a.b] initConfig -> INFO 00f Starting", `"format":"go-logging"`, `"2026-11-23T11:25:41.912Z"`, `"message":"Starting"`)
	f("2026-11-23 06:25:41 GET text", `"message":"GET text"`)
	f("Mon Nov 23 06:25:41 CET 2026 text", `"timestamp":"2026-11-23T05:25:41Z"`, `"message":"text"`)
	f(" INFO: [Nov 23 06:25:41.007] loading file=/etc/a.yml n=1", `"timestamp":"2026-11-23T06:25:41.007Z"`, `line_no_year`, `"severity":"info"`, `"message":"loading"`, `"file":"/etc/a.yml"`, `"n":1`)
	f("ERROR: [Nov 23 06:25:41.007] it failed error=dial tcp: refused id=x", `"severity":"error"`, `"message":"it failed"`, `"exception.message":"dial tcp: refused"`, `"id":"x"`)
	f("FATAL: [Nov 23 06:25:41.007] it failed\n\nStacktrace:\na\n", `"message":"it failed\n\nStacktrace:\na"`)
	f("2026/11/23 06:25PM INF a/main.go:530 > no key | file=x", `"format":"zerolog-console"`, `"timestamp":"2026-11-23T18:25:00Z"`, `"severity":"info"`, `"message":"no key"`, `"file":"x"`, `"code.line.number":530`)
	f("2026/11/23 06:25AM WRN a/main.go:530 > no key |", `"message":"no key"`, `"severity":"warn"`)
	f("2026/11/23 06:25:41 packer-builder plugin: [INFO] text", `"severity":"info"`, `"message":"packer-builder plugin: [INFO] text"`)
	f("2026/11/23 06:25:41 packer: 2026/11/23 06:25:41 [WARN] text", `"severity":"warn"`)
	f("2026/11/23 06:25:41 it failed at the end: [ERROR] text", `no "severity"`)
	f("[e][a.b1] text", `no "severity"`)

	// etcd of old, gVisor, go-logging with a place.
	f("[etcd] Nov 23 06:25:41.123 INFO      | default: state changed", `"timestamp":"2026-11-23T06:25:41.123Z"`, `line_no_year`, `"severity":"info"`, `"message":"default: state changed"`)
	f("D1123 06:25:41.123456       1 x.go:1] text", `"format":"klog"`, `"severity":"debug"`, `"message":"text"`)
	f("06:25:41.123 main.go:12 run ▶ ERRO 002 it failed", `"format":"go-logging"`, `"severity":"error"`, `"message":"it failed"`, `"code.line.number":12`, `"code.function.name":"run"`)

	// Skipper, oauth2-proxy, eksctl, lager, log15's highest level.
	f("[APP]time=\"2026-11-23T06:25:41Z\" level=error msg=\"it failed\"", `"format":"logrus-text"`, `"logger":"APP"`, `"message":"it failed"`)
	f(`10.0.0.1:1234 - abc - user@x.org [2026/11/23 06:25:41] host.org GET - "/path" HTTP/1.1 "curl" 200 12 0.001`, `"timestamp":"2026-11-23T06:25:41Z"`, `"message":"10.0.0.1:1234 - abc`)
	f("text - of [2026/11/23 06:25:41, or not]", `"timestamp_source":"read"`)
	f("2026-11-23 06:25:41 [✖]  it failed", `"severity":"error"`, `"message":"it failed"`, `"2026-11-23T06:25:41Z"`)
	f("2026-11-23 06:25:41 [ℹ]  it runs", `"severity":"info"`, `"message":"it runs"`)
	f("[!]  it is late", `"severity":"warn"`, `"message":"it is late"`)
	f("[?]  it is late", `no "severity"`)
	f(`{"timestamp":"1795415141.123456789","source":"rep","message":"rep.failed","log_level":2,"data":{"error":"boom"}}`, `"severity":"error"`, `"message":"rep.failed"`, `"2026-11-23T06:25:41.123456789Z"`)
	f("t=2026-11-23T06:25:41+0000 lvl=crit msg=boom err=x", `"format":"log15"`, `"severity":"fatal"`)

	f("juicefs[19] <FATAL>: it is not ready [mount_unix.go:57]", `"severity":"fatal"`, `"logger":"juicefs"`, `"process.pid":19`, `"message":"it is not ready [mount_unix.go:57]"`)

	// An entry of Google Cloud Logging.
	f(`{"insertId":"x","jsonPayload":{"level":"error","msg":"it failed","a":1},"severity":"ERROR","timestamp":"2026-11-23T06:25:41.123456789Z"}`,
		`"format":"json"`, `"severity":"error"`, `"message":"it failed"`, `"a":1`, `"insertId":"x"`)

	// Substrate's panics.
	f("====================\n\nVersion: 0.9\n\n   0: a::b\n   1: c::d\n\n\nThread 'main' panicked at 'it broke', src/lib.rs:465\n\nThis is a bug. Please report it at:\n\n\thttps://example.com\n",
		`"format":"rust-panic"`, `"message":"it broke"`, `"thread.name":"main"`, `"exception.stacktrace":"   0: a::b\n   1: c::d"`, `"code.line.number":465`)

	// MinIO, cut short and odd.
	f("API: SYSTEM()\nTime: 09:21:34 UTC 11/23/2026\n: x\nError: it broke\ntwice", `"format":"minio"`, `"message":"it broke\ntwice"`, `"timestamp":"2026-11-23T09:21:34Z"`)
	f("API: SYSTEM()\nTime: 09:21:34 CEST 11/23/2026", `"format":"minio"`, `line_no_zone`, `"message":"API: SYSTEM()`)
	f("API: SYSTEM()\nTime: 08:52:14:0\nError: x", `no "minio"`)

	// Text with a time.
	f("2026-11-23 06:25:41 Parity Polkadot", `"message":"Parity Polkadot"`, `"format":"text"`)
	f("[2026-11-23 06:25:41.123] started", `"message":"started"`, `"2026-11-23T06:25:41.123Z"`)
	f("2026-11-23 06:25:41.123 [I] [main.go:12]  started", `"message":"[main.go:12]  started"`, `"severity":"info"`)
	f("2026-11-23 06:25:41.123 UTC 0001 INFO [peer.node] serve -> Starting", `"severity":"info"`, `"message":"[peer.node] serve -> Starting"`)
	f("2026-11-23 06:25:41.123 UTC 0001", `"message":"0001"`)
	f("error: it broke", `"severity":"error"`, `"message":"error: it broke"`)
	f("warning: unused", `"severity":"warn"`)
	f("note: this is no level", `no "severity":`)
	f("[I] 2026-11-23T06:25:41Z started", `"severity":"info"`, `"timestamp":"2026-11-23T06:25:41Z"`, `"message":"started"`)

	f("2026-11-23 06:25:41 UTC | CORE | WARN | (pkg/a/b.go:123 in Run) | it is late", `"severity":"warn"`, `"message":"it is late"`, `"code.file.path":"pkg/a/b.go"`, `"code.line.number":123`, `"code.function.name":"Run"`)
	f("2026-11-23 06:25:41 UTC | TRACE | ERROR | (run.go:1 in f) | m", `"severity":"error"`, `"message":"m"`)
	f("2026-11-23 06:25:41 UTC | SYS-PROBE | INFO | m | n", `"severity":"info"`, `"message":"m | n"`)
	f("2026-11-23 06:25:41 | TRACE | of it", `"severity":"trace"`)

	f("[monitor] 06:25:41 WARNING: it stopped", `"severity":"warn"`, `"message":"it stopped"`, `"timestamp":"2026-11-23T06:25:41Z"`, `line_no_date`)
	f("[logger] 06:25:41.123456 text of it", `"message":"text of it"`, `"timestamp":"2026-11-23T06:25:41.123456Z"`)
	f("[Macaron] 2026-11-23 06:25:41: Started GET /", `"message":"Started GET /"`, `"timestamp":"2026-11-23T06:25:41Z"`)
	f("[word] 06:25 is a time", `"message":"[word] 06:25 is a time"`, `"timestamp_source":"read"`)
	f("+0200 2026-11-23 06:25:41 WARN router: it changed", `"timestamp":"2026-11-23T04:25:41Z"`, `"severity":"warn"`, `"message":"router: it changed"`, `no timestamp_source`)
	f("23/Nov/2026:06:25:41 +0100 [ERROR 0 example.org. A] no items found", `"timestamp":"2026-11-23T05:25:41Z"`, `"severity":"error"`, `"message":"[ERROR 0 example.org. A] no items found"`)
	f("Nov 23 06:25:41.123: a -> b", `"timestamp":"2026-11-23T06:25:41.123Z"`, `line_no_year`, `"message":"a -> b"`)
	f("[ERROR][2026-11-23 06:25:41] it broke", `"timestamp":"2026-11-23T06:25:41Z"`, `"severity":"error"`, `"message":"it broke"`)
	f("[INFO] 06:25:41.123 started", `"timestamp":"2026-11-23T06:25:41.123Z"`, `"severity":"info"`, `"message":"started"`)
	f("[06:25:41 UTC 2026/11/23] [INFO] (main.main:12) started", `"message":"[06:25:41 UTC 2026/11/23] [INFO] (main.main:12) started"`)
	f("[2026/11/23 06:25:41 CST] [EROR] (main.main:12) it broke", `"timestamp":"2026-11-23T06:25:41Z"`, `line_no_zone`, `"severity":"error"`, `"message":"(main.main:12) it broke"`)
	f("2026-11-23T06:25:41.123456789 [vm:main] started", `"message":"[vm:main] started"`, `no "severity":`)
	f("2026-11-23T06:25:41.123456789 [vm:main:WARN:src/a.rs:12] it is late", `"message":"it is late"`, `"severity":"warn"`, `"code.file.path":"src/a.rs"`, `"code.line.number":12`)
	f("2026-11-23T06:25:41.123456Z [main] INFO node/src/lib.rs:12 Using {}", `"message":"Using {}"`, `"severity":"info"`, `"code.line.number":12`)
	f("2026-11-23T06:25:41Z ERRO client/a.go:117: it broke", `"message":"it broke"`, `"severity":"error"`, `"code.file.path":"client/a.go"`)
	f("06:25:41 2026-11-23 [WRN] PEER: it is late", `"timestamp":"2026-11-23T06:25:41Z"`, `line_no_zone`, `"severity":"warn"`, `"message":"PEER: it is late"`)
	f("06:25:41.123 WARNI bitswap: it is late a.go:12", `"severity":"warn"`, `"timestamp":"2026-11-23T06:25:41.123Z"`)
	f("2026-11-23T06:25:41.123456Z\twarning\tenvoy config\tStream closed: 14, x", `"logger":"envoy config"`, `"message":"Stream closed: 14, x"`, `"severity":"warn"`)
	f("[engine-1] time=\"2026-11-23T06:25:41Z\" level=warning msg=\"it is late\"", `"message":"it is late"`, `"severity":"warn"`, `"logger":"engine-1"`, `"timestamp":"2026-11-23T06:25:41Z"`)
	f("2026-11-23 06:25:41.123456789 +0200 CEST m=+0.012345678 started", `"timestamp":"2026-11-23T04:25:41.123456789Z"`, `"message":"started"`)
	f("2026-11-23 06:25:41 +0200 POST /", `"message":"POST /"`)
	f("Mon, 23 Nov 2026 06:25:41 GMT started", `"timestamp":"2026-11-23T06:25:41Z"`, `"message":"started"`, `no timestamp_source`)
	f("Mon, 23 Nov 2026 06:25:41 +0200 [INFO] started", `"timestamp":"2026-11-23T04:25:41Z"`, `"message":"started"`, `"severity":"info"`)
	f("Mon Nov 23 06:25:41 UTC 2026 WARN it is late", `"timestamp":"2026-11-23T06:25:41Z"`, `"message":"it is late"`, `"severity":"warn"`)
	f("Mon Nov  2 06:25:41 2026 it is late", `"timestamp":"2026-11-02T06:25:41Z"`, `line_no_zone`, `"message":"it is late"`)
	f("Mon, 23 November of that year", `"timestamp_source":"read"`)
	f("1795415141.562 [WARN] it is late", `"timestamp":"2026-11-23T06:25:41.562Z"`, `"message":"it is late"`, `"severity":"warn"`)
	f("1795415141 bytes were read", `"timestamp_source":"read"`, `"message":"1795415141 bytes were read"`)
	f("2026-11-23T06:25:41Z [INFO] - started", `"message":"started"`)
	f("06:25:41.123  ERROR  wezterm_gui::x > it broke; bye", `"message":"it broke; bye"`, `"logger":"wezterm_gui::x"`, `"severity":"error"`)
	f("[12.345678901s] [WARN ] [alacritty_config] it is late", `"severity":"warn"`, `"logger":"alacritty_config"`, `"message":"it is late"`)
	f(`2026-11-23 06:25:41 WRN Failed (again) to talk (remote=tcp-client error="EOF (x)" log.pkg=connections)`, `"message":"Failed (again) to talk"`, `"remote":"tcp-client"`, `"exception.message":"EOF (x)"`, `"log.pkg":"connections"`)
	f("2026-11-23 06:25:41 INF started (n=1) twice", `"message":"started (n=1) twice"`)
	f("2026-11-23T06:25:41.123456Z  WARN app::span: Unknown: x\n   0: app::request\n           with a=GET b=\"http\"\n             at src/a.rs:16", `"message":"Unknown: x\n   0: app::request\n           with a=GET b=\"http\"\n             at src/a.rs:16"`)
	f("2026-11-23T06:25:41.123456Z  WARN app::span: one\ntwo a=GET b=1", `"message":"one\ntwo"`, `"b":1`)
	f(`info  [2026-11-23 06:25:41.123 Z] It starts      caller="a/b.go:17" n=1`, `"timestamp":"2026-11-23T06:25:41.123Z"`, `"severity":"info"`, `"message":"It starts"`, `"n":1`, `"caller":"a/b.go:17"`)
	f("error [1] of 2", `no timestamp":"2026-11-23T06`, `"message":"error [1] of 2"`)
	f("machine-0: 06:25:41 ERROR juju.worker it broke", `"timestamp":"2026-11-23T06:25:41Z"`, `"severity":"error"`, `"message":"juju.worker it broke"`)
	f("at: 06:25:41 it was", `"message":"at: 06:25:41 it was"`, `"timestamp_source":"read"`)
	f("[2026/11/23 06:25:41 UTC] [INFO] (main:12) started", `"message":"(main:12) started"`, `"severity":"info"`)
	f(`[{"level":"info","time":"2026-11-23T06:25:41Z","msg":"m"},`, `"severity":"info"`, `"message":"m"`, `"timestamp":"2026-11-23T06:25:41Z"`)
	f(`{"level":"warn","time":"2026-11-23T06:25:41Z","msg":"m"}]`, `"severity":"warn"`, `"message":"m"`)
	f(`{"level":"warn","msg":"m"},{"a":1},`, `"format":"text"`)
	f(`{"@timestamp":"2026-11-23T06:25:41.123Z","log":{"level":"warn","logger":"a"},"message":"m"}`, `"severity":"warn"`, `"logger":"a"`, `"message":"m"`)
	f(`{"body":{"level":"warn"},"msg":"m"}`, `no "severity":`)
	f(`{"severity":"ERROR","message":"m","timestamp":{"seconds":1795415141,"nanos":562000000}}`, `"timestamp":"2026-11-23T06:25:41.562Z"`, `no seconds`)
	f(`{"message":"m","timestamp":{"seconds":"many"}}`, `"timestamp_source":"read"`)
	f("INFO [PROC]      Connecting to it", `"message":"Connecting to it"`, `"logger":"PROC"`)
	f(`time="23-11-2026 06:25:41" level=info msg=m`, `"timestamp":"2026-11-23T06:25:41Z"`, `line_no_zone`, `"message":"m"`)
	f(" WARN The package is old", `"severity":"warn"`)
	f(" WARNING of it", `no "severity":`)
	f("Fatal: cannot start", `"severity":"fatal"`, `"message":"Fatal: cannot start"`)
	f("2026/11/23 06:25:41 [ INFO] started", `"severity":"info"`)
	f("[2026-11-23][06:25:41][WARN][app_lib::x] it is late", `"severity":"warn"`, `"logger":"app_lib::x"`, `"message":"it is late"`, `"timestamp":"2026-11-23T06:25:41Z"`)
	f("[2026-11-23 06:25:41][ERROR][app]: it broke", `"severity":"error"`, `"logger":"app"`, `"message":"it broke"`)
	f("DEBUG  provider  Reconciling  {\"n\": 1}", `"format":"zap-console"`, `"logger":"provider"`, `"message":"Reconciling"`, `"n":1`)
	f("INFO\tsetup\tstarting\t{\"n\": 1}", `"format":"zap-console"`, `"logger":"setup"`, `"message":"starting"`, `"n":1`)

	f("fatal runtime error: failed to initiate panic, error 5", `"format":"rust-panic"`, `"severity":"fatal"`, `"message":"fatal runtime error: failed to initiate panic, error 5"`)
	f("runtime/cgo: pthread_create failed: x\nSIGABRT: abort\nPC=0x7f m=0 sigcode=1", `"severity":"fatal"`, `"message":"SIGABRT: abort"`, `"signal":"SIGABRT"`)

	// rclone, Gitea and old TiKV, behind the header of package log.
	f("2026/11/23 06:25:41 ERROR : file.txt: Failed to copy", `"severity":"error"`, `"message":"file.txt: Failed to copy"`)
	f("2026/11/23 06:25:41 cmd/web.go:102:runWeb() [I] Starting", `"severity":"info"`, `"message":"Starting"`, `"code.function.name":"runWeb"`, `"code.line.number":102`)
	f("2026/11/23 06:25:41.123 INFO apply.rs:123: [region 4] apply", `"severity":"info"`, `"message":"[region 4] apply"`, `"code.file.path":"apply.rs"`)

	// Erigon, AvalancheGo, SeaweedFS.
	f("[EROR] [11-23|06:25:41.123] failed                                   err=x", `"severity":"error"`, `"2026-11-23T06:25:41.123Z"`, `"message":"failed"`, `"exception.message":"x"`)
	f("[11-23|06:25:41.123] INFO <P Chain> vm/vm.go:12: started", `"severity":"info"`, `"2026-11-23T06:25:41.123Z"`, `"message":"started"`, `"logger":"P Chain"`, `"code.line.number":12`)
	f(`[11-23|06:25:41.123] WARN health/worker.go:252 check started failing {"name": "health", "error": "x"}`, `"severity":"warn"`, `"message":"check started failing"`, `"code.file.path":"health/worker.go"`, `"name":"health"`, `"exception.message":"x"`)
	f(`[11-23|06:25:41.123] INFO <P> `, `"format":"geth"`)
	f("2026-11-23T06:25:41.123Z: ERROR\t▶ [auth] 5a2 it failed", `"severity":"error"`, `"logger":"auth"`, `"id":"5a2"`, `"message":"it failed"`)
	f("2026-11-23T06:25:41.123Z: ERROR\t▶ [auth]", `"severity":"error"`, `"message":"[auth]"`)
	f("[11-23|06:25:41.123] INFO", `"severity":"info"`, `"message":""`)
	f("I1123 06:25:41.123456 volume.go:322 Start 30GB", `"format":"klog"`, `"message":"Start 30GB"`, `"code.file.path":"volume.go"`, `"code.line.number":322`)
	f("W1123 06:25:41     1 raft.go:12] text", `"format":"klog"`, `"message":"text"`, `"2026-11-23T06:25:41Z"`)

	// Quoted with an indent.
	f("    2026/11/23 06:25:41 grpc: text", `"format":"go-std"`, `"message":"grpc: text"`)
	f("    I1123 06:25:41.544889    1705 more.go:55] text", `"format":"klog"`, `"message":"text"`)
	f(`  {"level":"info","ts":1795415142.5,"caller":"a/b.go:1","msg":"m"}`, `"format":"zap-json"`, `"message":"m"`)
	f("    text of a few words", `"message":"    text of a few words"`)

	// capnslog without a date, JuiceFS.
	f("14:14:25.363225 I | etcdserver: published", `"format":"capnslog"`, `"severity":"info"`, `"logger":"etcdserver"`, `"message":"published"`, `line_no_date`)
	f("2026/11/23 06:25:41.932241 juicefs[101222] <WARNING>: it is slow", `"severity":"warn"`, `"message":"it is slow"`, `"process.pid":101222`, `"logger":"juicefs"`)
	f("2026/11/23 06:25:41.932241 juicefs[x] <INFO>: text", `"message":"juicefs[x] `)

	// miette.
	f("Error:   × Main thread panicked.\n  ├─▶ at src/a.rs:1050:14\n", `"format":"rust-error"`, `"severity":"error"`, `"message":"Main thread panicked.\n  ├─▶ at src/a.rs:1050:14"`)

	// Times and levels in other places.
	f("2026-11-23 06:25:41.5 +0100 UTC started", `"2026-11-23T05:25:41.5Z"`, `"message":"started"`)
	f("2026-11-23 06:25:41 +0000 INFO started", `"severity":"info"`, `"message":"started"`)
	f("[INFO] 2026-11-23T06:25:41Z started", `"2026-11-23T06:25:41Z"`, `"severity":"info"`, `"message":"started"`)
	f("ERROR: 2026-11-23 06:25:41 it broke", `"2026-11-23T06:25:41Z"`, `"severity":"error"`, `"message":"it broke"`)
	f("2026-11-23 06:25:41: WARN: slow", `"severity":"warn"`, `"message":"slow"`)
	f("[06:25:41] INFO started", `line_no_date`, `"severity":"info"`, `"message":"started"`)
	f("06:25:41.123 DEBUG started", `line_no_date`, `"severity":"debug"`, `"message":"started"`)
	f("06:25:41,123 of text", `line_no_date`, `"message":"06:25:41,123 of text"`)

	f("(2026-11-23 06:25:41) INFO started", `"2026-11-23T06:25:41Z"`, `"severity":"info"`, `"message":"started"`)
	for _, alone := range []string{"[2026-11-23 06:25:41", "(2026-11-23 06:25:41", "<2026-11-23 06:25:41>", "[2026-11-23T06:25:41Z]"} { // and nothing behind
		f(alone, `"2026-11-23T06:25:41Z"`)
	}
	f("<2026-11-23T06:25:41Z> started", `"2026-11-23T06:25:41Z"`, `"message":"started"`)

	// Terraform.
	f("╷\n│ Error: Invalid\n│ \n╵\n", `"severity":"error"`, `Error: Invalid`)
	f("╷\n│ Warning: Old\n╵\n", `"severity":"warn"`)
	f("╷ of text", `no "severity":`)

	// A panic without tabs.
	f("panic: one\n        panic: two\n\ngoroutine 7 [running]:\nmain.main()\n        /src/main.go:3 +0x1d\n", `"message":"one"`, `panic: two`, `"code.file.path":"/src/main.go"`, `"code.function.name":"main.main"`, `"go.goroutine.id":7`)

	// gin.
	f("[GIN] 2026/11/23 - 06:25:41 | 404 |   1ms |     ::1 | GET  \"/a\"\nError #01: x\nError #02: y\n", `"client.address":"::1"`, `"exception.message":"x\nError #02: y"`, `"severity":"error"`)
	f("[GIN-debug] [ERROR] listen tcp :8080: bind: address already in use", `"severity":"error"`, `"message":"listen tcp`)
	f("\n\n\x1b[31m2026/11/23 06:25:41 [Recovery] 2026/11/23 - 06:25:41 panic recovered:\nruntime error: index out of range [5] with length 3\n/usr/local/go/src/runtime/panic.go:115 (0x1)\n\tgoPanicIndex: panic(x)\n/src/a.go:7 (0x2)\n\tmain.f: a[5]\n\x1b[0m",
		`"format":"gin"`, `"exception.message":"runtime error: index out of range [5] with length 3"`, `"code.file.path":"/src/a.go"`, `"code.line.number":7`, `"code.function.name":"main.f"`, `no http.request`)
	f("2026/11/23 06:25:41 [Recovery] of files", `"format":"go-std"`)

	// Fiber.
	f("[06:25:41] 127.0.0.1 500 - 1.2ms GET /err it failed", `"format":"fiber"`, `"client.address":"127.0.0.1"`, `"exception.message":"it failed"`, `"url.original":"/err"`, `"duration":"1.2ms"`)
	f("[06:25:41] 200 -     1.2ms GET /ok", `"format":"fiber"`, `"http.response.status_code":200`, `no exception`)
	f("06:25:41 | 200 | of them", `no "format":"fiber"`)

	// Access logs.
	f(`2001:db8::1 - ann b [23/Nov/2026:06:25:41 +0300] "GET / HTTP/1.1" 304 - "-" "-"`, `"client.address":"2001:db8::1"`, `"user.name":"ann b"`, `"2026-11-23T03:25:41Z"`, `no body.size`, `no user_agent`, `no severity`)
	f(`10.0.0.7 - - [23/Nov/2026:06:25:41 +0000] "\x16\x03\x01" 400 0 "-" "-"`, `"format":"access-log"`, `no request.method`)
	f(`10.0.0.7 - - [23/Nov/2026:06:25:41 +0000] "GET / HTTP/2.0" 200 9 "-" "curl" 1 "web@docker" "http://10.0.0.9:80" 2ms`, `"user_agent.original":"curl"`, `"http.response.body.size":9`)
	f(`[httpd] 127.0.0.1 - - [23/Nov/2026:06:25:41 +0000] "GET /query?q=x HTTP/1.1" 200 57 "-" "InfluxDBShell/1.2" 5d2b 1234`, `"format":"access-log"`, `"timestamp":"2026-11-23T06:25:41Z"`, `"message":"127.0.0.1 - - [`, `"logger":"httpd"`, `"http.response.status_code":200`)
	f(`a b [23/Nov/2026:06:25:41 +0000] "GET /" 200 1`, `no access-log`)

	// Through package log.
	f("2026/11/23 06:25:41 \"GET http://x/a\" HTTP/1.1\" from [::1]:80 - 200 2B in 1ms", `"client.address":"::1"`, `"url.original":"http://x/a\""`)
	f("2026/11/23 06:25:41 \"GET http://x/ HTTP/1.1\" from 10.0.0.7:51234 - 000 0B in 3.676µs", `no status_code`)
	f("2026/11/23 06:25:41 FATAL: [core] m", `"logger":"core"`, `"severity":"fatal"`, `"message":"m"`)
	f("2026/11/23 06:25:41 INFO: [Core] m", `no "logger"`, `"message":"[Core] m"`)
	f("2026/11/23 06:25:41 m dd.service=s dd.trace_id=\"5700248118863432293\" dd.span_id=5700248118863432293 n=1", `"service.name":"s"`, `"trace_id":"00000000000000004f1b597680718a65"`, `"span_id":"4f1b597680718a65"`, `"message":"m"`, `"n":1`)
	f("2026/11/23 06:25:41 Datadog Tracer v1.2.3 says hello", `"message":"Datadog Tracer v1.2.3 says hello"`)
	f("2026/11/23 06:25:41 a.go:1\n[x] m", `"format":"go-std"`)
	f("2026/11/23 06:25:41 a.go:1: m\n[1ms] [rows:1] m", `"format":"go-std"`)

	// funcr.
	f(`p/q: "level"=5 "msg"="m" "list"=["a" {"b"=1.5}] "o"={"c d"=null} "x"={"a"="\x01"}`, `"logger":"p/q"`, `"severity":"trace"`, `"list":["a",{"b":1.5}]`, `"o":{"c d":null}`, `"x":"{\"a\"=\"\\x01\"}"`)
	f(`"level"=0 "msg"="m" trailing`, `no "format":"funcr"`)
	f(`"level"=0 "a"=1`, `no "format":"funcr"`)
	f(`2026/11/23 06:25:41 he said "level"=0`, `"message":"he said \"level\"=0"`)
	f(`2026/11/23 06:25:41 p: "level"=0 "msg"="m" "msg"="n"`, `"message":"m"`, `"msg":"n"`, `"logger":"p"`, `"format":"go-std"`)

	// Calico.
	f(`2024-05-08 15:23:58.902 [DEBUG][606918] felix/sync_client.go 356: m`, `"message":"m"`, `"process.pid":606918`, `"code.line.number":356`, `"severity":"debug"`)
	f(`2024-05-08 15:23:58.902 [INFO] [a:b] m`, `no "format":"calico"`)
	f(`2024-05-08 15:23:58.902 [ERROR][1] a.go 3: m error=it broke badly`, `"exception.message":"it broke badly"`, `"message":"m"`)

	// CoreDNS.
	f("[FATAL] plugin/loop: Loop (127.0.0.1:51384 -> :1053) detected", `"format":"coredns"`, `"severity":"fatal"`, `"logger":"plugin/loop"`)
	f(`[INFO] [::1]:56799 - 51264 "AAAA IN example.org. udp 52 false 512" NXDOMAIN qr,rd,ra 52 0.001029851s`, `"client.address":"::1"`, `"dns.question.name":"example.org."`, `"duration":"0.001029851s"`)
	f("[INFO] plugin of something", `no coredns`)

	// CockroachDB.
	f("I210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [T1,n1] 40  node startup completed:\nI210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [T1,n1] 40 +CockroachDB node\nI210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [T1,n1] 40 | starting",
		`"message":"node startup completed:\nCockroachDB node starting"`, `"channel":1`, `"tags":"T1,n1"`, `"go.goroutine.id":14`)
	f("E210116 21:49:17.083093 14 a.go:6 ⋮ [-] 40  m\nE210116 21:49:17.083093 14 a.go:6 ⋮ [-] 40 !goroutine 14 [running]:\nE210116 21:49:17.083093 14 a.go:6 ⋮ [-] 40 !main.f()",
		`"message":"m"`, `"exception.stacktrace":"goroutine 14 [running]:\nmain.f()"`, `no "tags"`)
	f(`I210116 21:49:17.080713 14 1@a.go:32 ⋮ [-] 32 ={"EventType":"a"`+"\n"+`I210116 21:49:17.080713 14 1@a.go:32 ⋮ [-] 32 |,"n":1}`, `"EventType":"a"`, `"n":1`)
	f("I1123 06:25:41.544861    1705 kubelet.go:1953] m", `"format":"klog"`)

	// klog without headers, and as zapr writes for Kubernetes.
	f(`"Pod status updated" pod="a/b" count=3 m={"a":1}`, `"format":"klog"`, `"message":"Pod status updated"`, `"count":3`, `"m":{"a":1}`, `no severity`)
	f("\"m\" text=<\n\tfirst\n\tsecond\n > n=1", `"text":"first\nsecond"`, `"n":1`)
	f(`"quoted" words`, `"format":"text"`)
	f(`{"ts":1795441397889.0945,"caller":"a/b.go:20","msg":"m","v":4,"n":1}`, `"format":"zap-json"`, `"2026-11-23T13:43:17.8890945Z"`, `"severity":"trace"`, `"v":4`)
	f(`{"ts":1795441397889,"logger":"l","caller":"a/b.go:20","msg":"m","err":"e"}`, `"severity":"error"`, `"logger":"l"`, `"exception.message":"e"`)

	// Values of OpenTelemetry's stdoutlog.
	otel := func(value string) string {
		return `{"Timestamp":"2026-11-23T06:25:41Z","ObservedTimestamp":"2026-11-23T06:25:41Z","Severity":9,"SeverityText":"INFO","Body":{"Type":"STRING","Value":"m"},"Attributes":[{"Key":"k","Value":` + value + `}]}`
	}
	f(otel(`{"Type":"MAP","Value":[{"Key":"id","Value":{"Type":"INT64","Value":42}},{"Key":"l","Value":{"Type":"SLICE","Value":[{"Type":"STRING","Value":"a"},{"Type":"MAP","Value":[]}]}}]}`), `"format":"otel-json"`, `"k":{"id":42,"l":["a",[]]}`)
	f(otel(`{"Type":"SLICE","Value":[{"Type":"BOOL","Value":true}, {"Type":"FLOAT64","Value":1.5}]}`), `"k":[true,1.5]`)
	f(otel(`{"Type":"INT64","Value":7}`), `"k":7`)

	// Lists of frames.
	f(`{"level":"error","stack":[{"func":"load","line":"20","source":"errors.go"},{"function":"main.main","file":"a\"b.go","line":7}],"message":"m"}`,
		`"exception.stacktrace":"load\n\terrors.go:20\nmain.main\n\ta\"b.go:7"`, `no "stack":`)
	f(`{"level":"error","stack":["a","b"],"message":"m"}`, `"stack":["a","b"]`)
	f(`{"level":"error","stack":[],"message":"m"}`, `"stack":[]`)
	f(`{"level":"error","stack":[{"func":"a","source":"b"},{"x":1}],"message":"m"}`, `"stack":[{`)
	f(`{"level":"error","stack":{"a":1},"message":"m"}`, `"stack":{"a":1}`)

	// Objects that span lines.
	f("{\n  \"level\": \"warning\",\n  \"msg\": \"m\",\n  \"o\": {\n    \"a\": 1\n  },\n  \"time\": \"2026-11-23T06:25:42Z\"\n}\n", `"format":"logrus-json"`, `"severity":"warn"`, `"o":{"a":1}`)

	// echo's recovered panics.
	f(`{"time":"2026-11-23T06:25:41Z","level":"-","prefix":"echo","file":"recover.go","line":"119","message":"[PANIC RECOVER] a goroutine b goroutine 1 [running]:\nmain.f()\n"}`,
		`"severity":"error"`, `"message":"[PANIC RECOVER] a goroutine b"`, `"exception.message":"a goroutine b"`, `"exception.stacktrace":"goroutine 1 [running]:\nmain.f()`)

	// go test and GODEBUG.
	f("        --- SKIP: TestA/b_(c) (1.50s)", `"test.case.name":"TestA/b_(c)"`, `"test.case.result.status":"skip"`, `"duration":"1.50s"`, `no severity`)
	f("--- FAIL: it was nothing", `"format":"text"`)
	f("FAIL", `"format":"text"`)
	f("ok  \tpkg\t0.007s", `"format":"go-test"`)
	f("    x.go:1: m", `"format":"text"`)
	f("gc 12 @3.5s 2%: 0.1+0.2+0.3 ms clock, 8 P", `"gc":12`, `"percent":2`, `"format":"go-debug"`)
	f("gc 12 @home today, he said", `"format":"text"`)
	f("SCHED 2013ms: gomaxprocs=8 idleprocs=6 runqueue=0 [0 0]", `"gomaxprocs":8`, `"runqueue":0`)
}

// TestGlogYear wants the year of a log file from its first line.
func TestGlogYear(t *testing.T) {
	f := func(created, line, want string) {
		t.Helper()
		b := parse("Log file created at: " + created + "\nRunning on machine: node-17\n" + line + " 06:25:41.500000    1705 a.go:1] m\n")
		for i := range b.Records {
			if got := record.FormatName(b.Records[i].Format); got != "klog" {
				t.Errorf("format %s", got)
			}
		}
		if got := time.Unix(0, b.Records[len(b.Records)-1].Time).UTC().Format(time.DateOnly); got != want {
			t.Errorf("created %s, %s: %s, want %s", created, line, got, want)
		}
	}
	f("2019/03/01 10:00:00", "I0301", "2019-03-01")
	f("2019/03/01 10:00:00", "I1231", "2019-12-31")
	f("2019/06/30 10:00:00", "I0630", "2019-06-30")
	f("2019/12/31 23:00:00", "I1231", "2019-12-31")
	f("2019/12/31 23:00:00", "I0101", "2020-01-01")
	f("2019/12/31 23:00:00", "I0229", "2020-02-29")
	f("2019/07/01 00:00:00", "W0701", "2019-07-01")
	f("1999/12/31 00:00:00", "I1123", "2026-11-23") // not believed
}
