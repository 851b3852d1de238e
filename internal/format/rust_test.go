package format

import (
	"strings"
	"testing"
	"time"

	"shipper/internal/record"
)

// whole renders text as one record, however it would be framed.
func whole(text string) string {
	b := new(record.Batch)
	b.Reset(testStream, []byte(text))
	var hint uint64
	New(Options{Zone: time.UTC}).Parse(b, 0, len(text), observed, &hint)
	return render(b, &b.Records[0])
}

// TestRustFields looks for parts of the canonical form of what Rust's libraries
// write, one record each.
func TestRustFields(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		got := whole(text)
		for _, w := range want {
			absent := strings.HasPrefix(w, "no ")
			if strings.Contains(got, strings.TrimPrefix(w, "no ")) == absent {
				t.Errorf("%s\ngot  %s\nwant %s", text, got, w)
			}
		}
	}
	// tracing: threads.
	f("2026-11-23T06:33:43Z  INFO     main ThreadId(01) a::b: m", `"thread.name":"main"`, `"thread.id":1`, `"logger":"a::b"`)
	f("2026-11-23T06:33:43Z  INFO ThreadId(01) a::b: m", `"thread.id":1`, "no thread.name")
	f("2026-11-23T06:33:43Z  INFO tokio-runtime-worker s{a=1}: a::b: m", `"thread.name":"tokio-runtime-worker"`, "no thread.id", `"message":"m"`)
	f("2026-11-23T06:33:43Z  INFO actix-rt|system:0|arbiter:0 ThreadId(03) a::b: m", `"thread.name":"actix-rt|system:0|arbiter:0"`, `"thread.id":3`)
	f("2026-11-23T06:33:43Z  INFO word in a sentence: m", "no thread.name", `"message":"word in a sentence: m"`)
	f("[   301.092239s]  INFO ThreadId(01) inbound:accept{client.addr=10.0.0.1:5}: linkerd_app: m", `"log.record.timestamp":"301.092239s"`,
		`"spans":[{"name":"inbound"},{"name":"accept","client.addr":"10.0.0.1:5"}]`, `"logger":"linkerd_app"`)
	f("Nov 23 06:33:43.947  INFO a::b: m x=1", `"format":"tracing-full"`, `06:33:43.947Z`, "line_no_year", `"x":1`)
	f("Nov  3 06:33:43.947 ERROR a::b: m", `"timestamp":"2026-11-03T06:33:43.947Z"`)
	f(`2026-11-23T06:33:43Z  INFO HTTP request{http.method=GET otel.name="GET /"}: a::b: m`, `"spans":[{"name":"HTTP request","http.method":"GET","otel.name":"GET /"}]`, `"logger":"a::b"`)
	f(`2026-11-23T06:33:43Z  INFO a: got some words{x}: m`, `"logger":"a"`, "no spans")

	f("2024-01-01 00:00:00.123  INFO main sc_cli::runner: m", `"thread.name":"main"`, `"logger":"sc_cli::runner"`)
	f(`2026-11-23T06:33:43Z ERROR request{method=GET uri=/ version=HTTP/1.1}: tower_http::trace::on_failure: response failed classification=Status code: 500 Internal Server Error latency=0 ms`,
		`"message":"response failed"`, `"classification":"Status code: 500 Internal Server Error"`, `"latency":"0 ms"`, `"version":"HTTP/1.1"`)

	// tracing: compact, where there is a choice.
	f("2026-11-23T06:33:43Z  INFO a:b: c::d: m x=1 y=2", `"format":"tracing-compact"`, `"spans":[{"name":"a"},{"name":"b"}]`, `"y":2`)
	f("2026-11-23T06:33:43Z  INFO request: c::d: m x=1", `"spans":[{"name":"request"}]`, `"logger":"c::d"`)
	f("2026-11-23T06:33:43Z  INFO hyper: connection: closed", `"logger":"hyper"`, `"message":"connection: closed"`, "no spans")
	f("2026-11-23T06:33:43Z  INFO a::b: src/x.rs:3: m", `"logger":"a::b"`, `"code.line.number":3`, "no spans")

	// tracing: pretty, where framing does not matter.
	f("  2026-11-23T06:33:43Z  INFO a::b: m, n, k: v, s: \"x, y: z\", u: User { a: 1, b: 2 }, e: \n    at src/x.rs:3 on main ThreadId(1)\n    in a::b::HTTP request with k: 1, j: \"q\\\"\"\n    in a::outer",
		`"format":"tracing-pretty"`, `"message":"m, n"`, `"k":"v"`, `"s":"x, y: z"`, `"u":"User { a: 1, b: 2 }"`, `"e":""`, `"thread.name":"main"`, `"thread.id":1`,
		`"spans":[{"name":"outer"},{"name":"HTTP request","k":1,"j":"q\""}]`, `"span.name":"HTTP request"`)
	f("  2026-11-23T06:33:43Z  INFO a: error: no such file\n    at x.rs:1\n", `"message":"error: no such file"`)
	f("  2026-11-23T06:33:43Z  INFO a: m\n    at home\n    there is none", `"message":"m\n    at home\n    there is none"`)

	// env_logger and its like.
	f("INFO 2019-06-24T07:30:00Z: a::b: m", `"format":"env_logger"`, `"logger":"a::b"`, `"message":"m"`, "07:30:00Z")
	f("[2026-11-23T06:33:43Z INFO  my target] m", `"format":"env_logger"`, `"logger":"my target"`)
	f("[2026-11-23T06:33:43Z INFO ] m", `"format":"env_logger"`, `no "logger"`, `"message":"m"`)
	f("[2026-11-23T06:33:43Z INFO a] m", `"format":"fern"`, `"logger":"a"`)
	f(`[2026-11-23T06:33:43Z INFO  actix_web::middleware::logger] 127.0.0.1:54184 "GET /x?y=1 HTTP/1.1" 400 15 "-" "curl/8 \(x\)" 0.002036`,
		`"client.address":"127.0.0.1"`, `"http.request.method":"GET"`, `"url.original":"/x?y=1"`, `"http.response.status_code":400`, `"message":"127.0.0.1:54184`, "no user_agent")
	f(`[2026-11-23T06:33:43Z INFO  actix_web::middleware::logger] ::1 "GET / HTTP/1.1" 200 15 "-" "curl/8" 0.1`, `"user_agent.original":"curl/8"`)
	f(`[2026-11-23T06:33:43Z INFO  actix_web::middleware::logger] done "x" 1`, "no client.address")
	f(`[2026-11-23T06:33:43.982772889Z INFO  solana_metrics::metrics] datapoint: bank,host=h n=12i f=0.5 s="a \"b\"" t=true i=i`,
		`"message":"datapoint: bank"`, `"host":"h"`, `"n":12`, `"f":0.5`, `"s":"a \"b\""`, `"t":true`, `"i":"i"`)

	// Formats that start with a time are not taken for each other.
	f("2026-11-23T06:33:43Z INFO  [a::b] m", `"format":"simple_logger"`, `"logger":"a::b"`)
	f("2026-11-23T06:33:43Z INFO [a::b] m", `no "simple_logger"`)
	f("2026-11-23T06:33:43.5-08:00 INFO a::b - m", `"format":"log4rs"`, `"logger":"a::b"`, `"message":"m"`)
	f("2026-11-23T06:33:43.123Z [INFO] m", `"format":"simplelog"`, `"message":"m"`)
	f("2026-11-23T06:33:43Z [INFO] m", `no "simplelog"`)
	f("2026-11-23T06:33:43Z [DEBUG] (worker 1) a::b: [src/x.rs:3] m", `"thread.name":"worker 1"`, `"code.line.number":3`, `"logger":"a::b"`)
	f("2026-11-23T06:33:43.562Z [INFO]  module: m", `no "simplelog"`)
	f("2026-11-23T06:33:43.562Z [DEBUG] module: m", `no "simplelog"`)
	f("2026-11-23T06:33:43Z [INFO] [key:value] m", `no "simplelog"`)
	f("2026-11-23T06:33:43+00:00 - WARN - m", `"format":"stderrlog"`, `"severity":"warn"`, `"message":"m"`)
	f("my target: 2026-11-23T06:33:43+00:00 - WARN m", `"format":"stderrlog"`, `"logger":"my target"`, `"message":"m"`)
	f("INFO - m", `"format":"stderrlog"`, `"message":"m"`)
	f("2024-07-24 22:45:57 Запуск", `no "substrate"`)
	f("2024-07-24 22:45:57 [ERROR] 💥", `no "substrate"`)

	f("INFO [a::b] m", `"format":"flexi_logger"`, `"logger":"a::b"`)
	f("[2026-11-23 12:29:22.058026 +00:00] INFO [a] x.rs:3: m", `"format":"flexi_logger"`, `"logger":"a"`, `"code.line.number":3`, `"message":"m"`)
	f("[2026-11-23][06:33:44][a][INFO] m", `"format":"fern"`, "line_no_zone")
	f("\x1b[33m\x1b[1ma::b\x1b[0m m", `"format":"femme"`, `"severity":"warn"`, `"logger":"a::b"`, `"message":"m"`)
	f("\x1b[33mWARN\x1b[0m m", `no "femme"`)

	// slog-rs.
	f("Oct 12 14:41:26.415 CRIT Failed to start beacon node             reason: bad, really, service: x", `"format":"slog-term"`, `"severity_number":21`,
		`"message":"Failed to start beacon node"`, `"reason":"bad, really"`, `"service.name":"x"`)
	f(`May 02 10:11:12.123 INFO  Synced            peers: "16", slot: 3842, block: "0x1 2"`, `"message":"Synced"`, `"peers":"16"`, `"slot":3842`, `"block":"0x1 2"`)
	f("Oct 12 14:41:26.415 INFO m, k: 1, k: 2", `"k":1`, "no 2}")
	f(" Nov 23 06:33:43.972 INFO m, k: 1", `"format":"slog-term-compact"`, `"k":1`)
	f(" key: value", `"format":"text"`)

	// Rocket.
	f("GET /a/b?c=d text/html:\n   >> Matched: (index) GET /\n   >> Outcome: Success(200 OK)", `"format":"rocket"`, `"http.request.method":"GET"`, `"url.original":"/a/b?c=d"`, `"http.response.status_code":200`)
	f("   >> Outcome: Error(404 Not Found)", `"format":"rocket"`, `"http.response.status_code":404`)
	f("GET /a is the way to go:", `no "rocket"`)
	f("🚀 Rocket has launched from http://127.0.0.1:8000", `"format":"rocket"`)
	f("📬 Routes:", `"format":"rocket"`)
	f("Routes:", `no "rocket"`)
	f("Configured for debug.", `"format":"rocket"`)

	// Widths and threads.
	f("06:33:44 [INFO ] (main) m", `"format":"simplelog"`, `"thread.name":"main"`, `"message":"m"`)
	f("2026-11-23T06:33:43Z WARN  [a::b@worker 1] m", `"format":"simple_logger"`, `"logger":"a::b"`, `"thread.name":"worker 1"`)
	f("INFO  [a::b] m", `"format":"simple_logger"`)
	f("INFO [11-23|12:50:53.106] m", `no "flexi_logger"`)
	f("2026-11-23 12:51:19.853 WARN  [main] a::b:19 store::db - m - n", `"format":"log4rs"`, `"thread.name":"main"`, `"code.line.number":19`, `"logger":"store::db"`, `"message":"m - n"`)
	f(`2026-11-23T12:50:53.000Z DEBUG go/zap.go:19 cache miss {"key": "user:42"}`, `no "tracing-full"`)

	// JSON.
	f(`{"fields":{"message":"m","a":1},"level":"INFO","openTelemetry":{"spanId":"00f067aa0ba902b7","traceId":"4bf92f3577b34da6a3ce929d0e0e4736"},"span":{"name":"s"},"spans":[{"name":"s","b":2}],"target":"a::b","timestamp":"2026-11-23T06:33:43Z"}`,
		`"format":"tracing-json"`, `"message":"m"`, `"a":1`, `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`, `"span_id":"00f067aa0ba902b7"`, `"spans":[{"name":"s","b":2}]`, `"logger":"a::b"`)
	f(`{"fields":{"message":"m","a":1},"level":"info","msg":"n"}`, `"fields":{"message":"m","a":1}`, `"message":"n"`)
	f(`{"timestamp":"2026-11-23T06:33:43Z","level":"INFO","fields":{"message":"m","log.target":"x::y","log.file":"a.rs","log.line":3},"target":"log"}`, `"logger":"x::y"`, `"code.file.path":"a.rs"`, `"code.line.number":3`, "no log.target")
	f(`{"level":"info","msg":"m","log.file":"a.rs","log.line":3}`, `"log.file":"a.rs"`, `"log.line":3`)
	f(`{"time":"2026-11-23T06:33:43Z","target":"a","severity":"INFO","logging.googleapis.com/trace":"projects/p/traces/4bf92f3577b34da6a3ce929d0e0e4736","logging.googleapis.com/spanId":"00f067aa0ba902b7","logging.googleapis.com/trace_sampled":true,"message":"m"}`,
		`"format":"gcp-json"`, `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`, `"span_id":"00f067aa0ba902b7"`, `"trace_flags":1`)
	f(`{"msg":"m","level":"CRIT","ts":"2026-11-23T06:33:43Z"}`, `"format":"slog-rs-json"`, `"severity_number":21`)
	f(`{"v":0,"name":"n","msg":"[HTTP REQUEST - EVENT] m","level":30,"hostname":"h","pid":1,"time":"2026-11-23T06:33:43Z"}`, `"message":"m"`, `"span.name":"HTTP REQUEST"`)
	f(`{"v":0,"name":"n","msg":"[A - END] m","level":30,"hostname":"h","pid":1,"time":"2026-11-23T06:33:43Z"}`, `"message":"[A - END] m"`, "no span.name")
	f("ts=2026-11-23T06:33:43Z level=info target=a::b span=c span_path=a>b>c message=m", `"format":"tracing-logfmt"`, `"spans":[{"name":"a"},{"name":"b"},{"name":"c"}]`, `"span.name":"c"`, `"logger":"a::b"`, "no span_path")

	// Errors with causes.
	const chain = "\n\nCaused by:\n    0: b\n       b2\n    1: c"
	f("Error: a"+chain, `"format":"rust-error"`, `"message":"a"`, `"exception.chain":["a","b\n       b2","c"]`)
	f("Error: a\n\nCaused by:\n    b\n    c", `"exception.chain":["a","b\n    c"]`)
	f("thread 'main' panicked at x.rs:1:2:\ncalled `Result::unwrap()` on an `Err` value: a"+chain, `"exception.chain":["a","b\n       b2","c"]`, "`Err` value: a\"")
	f("thread 'main' panicked at 'a"+chain+"', x.rs:1:2", `"exception.chain":["a","b\n       b2","c"]`, `"code.column.number":2`)
	f("2026-11-23T06:33:43Z ERROR a::b: m error=a"+chain, `"message":"m"`, `"exception.message":"a: b`, `"exception.chain":["a","b\n       b2","c"]`)
	f("2026-11-23T06:33:43Z ERROR a::b: a"+chain, `"message":"a\n\nCaused by:`, `"exception.chain":["a","b\n       b2","c"]`)
	f(`{"level":"error","msg":"m","error":"a\n\nCaused by:\n    b"}`, `"exception.message":"a: b"`, `"exception.chain":["a","b"]`)
	f("2026-11-23T06:33:43Z  INFO a::b: a"+chain, "no exception")

	// Panics in a log.
	f("[2026-11-23T06:33:43Z ERROR panic] thread 'a b' panicked at 'it's: off', x.rs:1:2", `"severity_number":21`, `"severity_text":"ERROR"`, `"thread.name":"a b"`,
		`"exception.type":"panic"`, `"exception.message":"it's: off"`, `"code.line.number":1`, `"code.column.number":2`, `"message":"thread 'a b'`)
	f("[2026-11-23T06:33:43Z ERROR panic] thread 'main' panicked at 'm': x.rs:7", `"code.line.number":7`, "no column")
	f(`{"level":"ERROR","message":"panicked at crash.rs:85:13:\nvia a hook"}`, `"severity_number":21`, `"exception.message":"via a hook"`, `"code.line.number":85`, `"code.column.number":13`)
	f(`{"level":"ERROR","file":"y.rs","line":3,"message":"panicked at crash.rs:85:13:\nvia a hook"}`, `"code.file.path":"crash.rs"`, "no y.rs")
	f(`{"level":"ERROR","message":"panicked at the disco and more"}`, `"severity_number":17`, "no exception")

	// The end of the process.
	f("panicked at crash.rs:89:98:\nm\nthread panicked while processing panic. aborting.", `"exception.type":"abort"`, `"message":"m"`)
	f("thread 'main' panicked at 'm', x.rs:1:2\nstack backtrace:\n   0: f\nthread panicked while panicking. aborting.", `"exception.type":"abort"`, `"exception.stacktrace":"   0: f"`)
	f("The application panicked (crashed).\nMessage:  m\nLocation: x.rs:1\n", `"format":"color-eyre"`, `"severity_number":21`, `"exception.message":"m"`, `"code.line.number":1`)
	f("Thread 'main' panicked at 'm', x.rs:12", `"format":"rust-panic"`, `"message":"m"`, `"thread.name":"main"`)
	f("Error: 0: m", `"format":"rust-error"`, `"message":"0: m"`)
	f("Error:x", `no "rust-error"`)

	// TiKV of old.
	f("2018/01/12 11:57:16.807 panic_hook.rs:99: [ERROR] thread 'raftstore-4' panicked 'it' at \"src/a.rs:484\"\nstack backtrace:\n   0: f",
		`"severity":"error"`, `"code.file.path":"panic_hook.rs"`, `"code.line.number":99`, `"message":"thread 'raftstore-4' panicked 'it' at`)
	f("2018/03/16 09:30:27.997 tikv-server.rs:121: [INFO] start prometheus client", `"format":"go-std"`, `"severity":"info"`, `"message":"start prometheus client"`)

	// tracing: spans of all kinds.
	f(`2026-11-23T06:33:43Z DEBUG rpc/call:process: surreal::dbs: Executing: a otel.kind="server"`, `"spans":[{"name":"rpc/call"},{"name":"process"}]`, `"logger":"surreal::dbs"`, `"message":"Executing: a"`)
	f("2026-11-23T06:33:43Z  INFO src/a.rs:3: m", `"code.line.number":3`, `"message":"m"`, "no spans")
	f("2026-11-23T06:33:43Z ERROR panic: timely:work-1: it broke", `"logger":"panic"`, `"message":"timely:work-1: it broke"`, "no spans")
	f(`2026-11-23T06:33:43Z  INFO {zebrad="79419b6" net="Main"}:sync{x=1}: zebrad::start: m`, `"spans":[{"name":"","zebrad":"79419b6","net":"Main"},{"name":"sync","x":1}]`, `"logger":"zebrad::start"`, `"message":"m"`)
	f("2026-11-23T06:33:43Z  INFO {actor=a::B}:{msg_id=1}::{index=i gen=0}: q::actors: m", `"logger":"q::actors"`, `{"name":""},{"name":"","index":"i","gen":0}]`, "no span.name")
	f("2026-11-23T06:33:43Z  INFO {a=b::C}:: q::actors: m k=v", `"logger":"q::actors"`, `"message":"m"`, `"k":"v"`)
	f(`2026-11-23T06:33:43Z  INFO {"a": 1}: m`, `"message":"{\"a\": 1}: m"`, "no spans")
	f("2026-11-23T06:33:43Z ERROR on_query:mysql::do_query: a::b: m err=x", `"spans":[{"name":"on_query"},{"name":"mysql::do_query"}]`, `"logger":"a::b"`, `"message":"m"`)
	f("2026-11-23T06:33:43Z  INFO a{x=1}:mysql::do_query: b: m", `"spans":[{"name":"a","x":1},{"name":"mysql::do_query"}]`, `"logger":"b"`)
	f("2026-11-23T06:33:43Z  INFO HTTP request: a::b: m", `"spans":[{"name":"HTTP request"}]`, `"logger":"a::b"`, `"message":"m"`)
	f("2026-11-23T06:33:43Z  WARN failed to start: hyper::Error: m", `"message":"failed to start: hyper::Error: m"`, "no spans")
	f("Feb 19 09:08:55.136  TRACE sink{name=s3}: tower::rate: m", `"format":"tracing-full"`, `"severity":"trace"`, `"logger":"tower::rate"`, `"message":"m"`)
	f("2026-11-23T06:33:43Z  INFO\nPre-merge:\n- a", `"format":"tracing-full"`, `"message":"Pre-merge:\n- a"`)
	f("2026-11-23T06:33:43Z  INFO \nPre-merge:\n- a", `"message":"Pre-merge:\n- a"`)

	// tracing: places.
	f("2026-11-23T06:33:43+08:00 ERROR a::b: panic_hook.rs:60 m", `"logger":"a::b"`, `"code.file.path":"panic_hook.rs"`, `"code.line.number":60`, `"message":"m"`)
	f("2026-11-23T06:33:43Z  INFO a::b: 200: starting 10 workers", `"code.line.number":200`, `"message":"starting 10 workers"`)
	f(`2026-11-23T06:33:43Z  INFO crates\a\b.rs:18: m`, `"code.file.path":"crates\\a\\b.rs"`, `"code.line.number":18`, "no logger")

	// tracing-forest.
	f("2026-11-23T06:33:43+00:00  INFO     ┝━ ｉ [info]: Starting | a: 1", `"severity":"info"`, `"message":"Starting | a: 1"`)
	f("2026-11-23T06:33:43+00:00  ERROR    │  ┕━ 🚨 [error]: it broke", `"format":"tracing-full"`, `"severity":"error"`, `"message":"it broke"`)
	f("2026-11-23T06:33:43+00:00  INFO     HTTP request [ 18.6ms | 9.11% / 100.00% ] method: \"POST\"", `"message":"HTTP request [ 18.6ms`)

	// pretty_env_logger without the blank in front.
	f("2026-11-23T06:33:43Z ERROR mux                          > read_pty EOF: pane_id 0", `"format":"pretty_env_logger"`, `"logger":"mux"`, `"message":"read_pty EOF: pane_id 0"`)
	f("INFO  logs > m", `"format":"pretty_env_logger"`, `"logger":"logs"`, `"message":"m"`)
	f("ERROR a::b > m", `"format":"pretty_env_logger"`, `"logger":"a::b"`)
	f("ERROR count > 5", `no "pretty_env_logger"`, `"message":"ERROR count > 5"`)

	// What is in no format.
	f("cloud-hypervisor: 638.690000µs: <vmm> INFO:vmm/src/lib.rs:1782 -- API request", `"severity":"info"`, `"service.name":"cloud-hypervisor"`, `"log.record.timestamp":"638.690000µs"`,
		`"thread.name":"vmm"`, `"code.file.path":"vmm/src/lib.rs"`, `"code.line.number":1782`, `"message":"API request"`)
	f("[2022-08-30T21:01:29.045Z] cloud-hypervisor: 85.5s: <vcpu0> WARN:a/b.rs:1 -- m", `"severity":"warn"`, `"timestamp":"2022-08-30T21:01:29.045Z"`, `"message":"m"`)
	f("worker: done in 3s: <b> INFO: no", "no severity", `"message":"worker: done in 3s: <b> INFO: no"`)
	f("INFO  surrealdb::dbs Running v1", `"severity":"info"`, `"logger":"surrealdb::dbs"`, `"message":"Running v1"`)
	f("[2022-10-16 19:01:24] INFO  surrealdb::iam Root username is 'root'", `"logger":"surrealdb::iam"`, `"message":"Root username is 'root'"`)
	f("INFO Running at a::b", `"message":"INFO Running at a::b"`, "no logger")
	f("[2021-10-08 14:33:12.562735688] [INFO ] [alacritty] Welcome", `"severity":"info"`, `"logger":"alacritty"`, `"message":"Welcome"`)
	f("[2021-10-08 14:33:12.562735688] [ERROR] [two words] m", `"message":"[two words] m"`)
	f("2016-10-07 17:08:02  IO Worker #0 TRACE sync  23: header", `"severity":"trace"`, `"thread.name":"IO Worker #0"`, `"logger":"sync"`, `"message":"23: header"`)
	f("2020-06-11 14:09:25.769 tokio-runtime-worker ERROR sc_service  it failed", `"severity":"error"`, `"thread.name":"tokio-runtime-worker"`, `"logger":"sc_service"`, `"message":"it failed"`)
	f("2020-06-11 14:09:25.769 it got an ERROR from b", "no severity", `"message":"it got an ERROR from b"`)

	// Behind something that others put there.
	f("2024-01-20 17:03:19 2024-01-20T11:33:19.910877Z DEBUG a::b: m", `"timestamp":"2024-01-20T11:33:19.910877Z"`, `"severity":"debug"`, `"logger":"a::b"`, `"message":"m"`, "no prefix")
	f("2024-01-20 17:03:19 [2024-01-20T11:33:19Z INFO  a::b] m", `"format":"env_logger"`, `"message":"m"`)
	f("cluster-u6: 2023-07-13T13:10:30.712636Z  WARN a::b: m", `"service.name":"cluster-u6"`, `"severity":"warn"`, `"message":"m"`)
	f("cluster-u6: thread 'main' panicked at 'm', a.rs:1:2", `"service.name":"cluster-u6"`, `"format":"rust-panic"`, `"message":"m"`)
	f("0b6c9870-75a6-4d7a-952f-beb427a04291 2024-08-12T15:32:45.579123Z  INFO a::b: m", `"prefix":"0b6c9870-75a6-4d7a-952f-beb427a04291"`, `"severity":"info"`, `"message":"m"`)
	f("deadline: 2023-07-13T13:10:30Z it was", `"message":"deadline: 2023-07-13T13:10:30Z it was"`)

	// slog-term without a time, for the journal.
	f(" CRIT Task panic. This is a bug!     advice: look above, message: m", `"format":"slog-term"`, `"severity_number":21`, `"message":"Task panic. This is a bug!"`, `"advice":"look above"`)
	f(" INFO in a sentence: x", `no "slog-term"`)

	// Places and times in other parts.
	f("[DEBUG crates/a/b.rs:191] 2022-01-09T18:57:16.555372295-08:00 Save it", `"timestamp":"2022-01-10T02:57:16.555372295Z"`, `"code.line.number":191`, `"message":"Save it"`)
	f("2025-05-02T22:50:13-04:00 ERROR [crates/a/b.rs:6983] m", `"code.file.path":"crates/a/b.rs"`, `"code.line.number":6983`, `no "logger"`)
	f("2024-11-22 10:11:12 ERROR [lightning::ln:10650] m", `"logger":"lightning::ln"`, `"code.line.number":10650`, `"message":"m"`)
	f("2024-11-22 10:11:13 INFO  [ldk_node:300] m", `"logger":"ldk_node"`, `"code.line.number":300`)
	f(`{"timestamp":"Nov 22 14:23:37.920","level":"WARN","fields":{"message":"m"},"target":"a::b"}`, `"timestamp":"2026-11-22T14:23:37.92Z"`, "line_no_year")

	// More errors with causes.
	f("Error: a\nCaused by:\n0: b\n1: c", `"message":"a"`, `"exception.chain":["a","b","c"]`)
	f("Error: a\n\nCaused by these errors (recent errors listed first):\n  1: b\n  2: c", `"message":"a"`, `"exception.chain":["a","b","c"]`)
	f("  × Failed to load\n  ╰─▶ b", `"format":"rust-error"`, `"severity":"error"`, `"message":"Failed to load\n  ╰─▶ b"`)

	// Escapes that somebody spelled out.
	f("␛[2m2026-11-23T06:33:43Z␛[0m ␛[32m INFO␛[0m ␛[2ma::b␛[0m␛[2m:␛[0m m", `"logger":"a::b"`, `"message":"m"`)
	f(`\u001b[2m2026-11-23T06:33:43Z\u001b[0m \u001b[32m INFO\u001b[0m \u001b[2ma::b\u001b[0m\u001b[2m:\u001b[0m m`, `"logger":"a::b"`, `"message":"m"`)
	f("#033[2m2026-11-23T06:33:43Z#033[0m #033[32m INFO#033[0m #033[2ma::b#033[0m#033[2m:#033[0m m", `"logger":"a::b"`, `"message":"m"`)

	// tracing with a level that is not aligned, and log4rs with one that seems to be.
	f("2024-06-17T09:00:22.302567+00:00 INFO actix_web::logger: m", `"format":"tracing-full"`, `"severity":"info"`, `"logger":"actix_web::logger"`, `"message":"m"`)
	f("2024-06-17T09:00:22.302567+00:00 INFO listening: m", `no "tracing-full"`, `"message":"listening: m"`)
	f("2022-05-01T10:00:00.123456+02:00 ERROR app::module - it broke", `"format":"log4rs"`, `"logger":"app::module"`, `"message":"it broke"`)

	// More of log4rs, fast_log, Casper and shadowsocks.
	f("2022-05-01 10:00:00.123456789 +00:00 [INFO] app::mod - m", `"format":"log4rs"`, `"logger":"app::mod"`, `"message":"m"`)
	f("2022-12-25T02:31:58.123456+08:00 [ERROR] (src/main.rs:10) m", `"code.file.path":"src/main.rs"`, `"code.line.number":10`, "no thread.name")
	f("2022-04-14T12:00:00.123456Z INFO  [casper_node::x mod.rs:123] m", `"logger":"casper_node::x"`, `"code.file.path":"mod.rs"`, `"code.line.number":123`)
	f("2021-05-01T11:48:08.123456+08:00 DEBUG [12345:140234] [shadowsocks::config] m", `"logger":"shadowsocks::config"`, `"message":"m"`)

	// More of what is in no format.
	f("2022-05-01 10:00:00 | INFO  | src/main.rs:12 — m", `"code.line.number":12`, `"message":"m"`)
	f("INFO 2021-01-01T00:00:00Z [app::x:12] m", `"logger":"app::x"`, `"code.line.number":12`, `"message":"m"`)
	f("INFO 2020-01-01 10:00:00 common/src/lib.rs:10 m", `"code.file.path":"common/src/lib.rs"`, `"message":"m"`)
	f("2022-04-08 19:20:48.190+08 298ms INFO main [src/ftlog.rs:14] m", `"timestamp":"2022-04-08T11:20:48.19Z"`, `"severity":"info"`, `"thread.name":"main"`, `"code.line.number":14`, `"message":"m"`)
	f("2022-04-08 19:20:48.190+08 298ms INFO main [src/ftlog.rs:14]: m", `"message":": m"`)
	f("2022-03-04T11:42:00.123456Z INFO  consensus            | m", `"logger":"consensus"`, `"message":"m"`)
	f("20230106 13:36:42.123 INFO grin_servers::server - m", `"timestamp":"2023-01-06T13:36:42.123Z"`, `"severity":"info"`, `"logger":"grin_servers::server"`, `"message":"m"`)
	f("1504392424:INFO:named:240:m: n", `"timestamp":"2017-09-02T22:47:04Z"`, `"severity":"info"`, `"logger":"named"`, `"code.line.number":240`, `"message":"m: n"`)
	f("1504392424:1504392425:1504392426: m", "no severity", `"message":"1504392424:1504392425:1504392426: m"`)

	// env_logger's brackets with the time behind the level, and after a time of day.
	f("[INFO 2021-01-01 12:00:00 app::x:12] m", `"timestamp":"2021-01-01T12:00:00Z"`, `"logger":"app::x"`, `"code.line.number":12`, `"message":"m"`)
	f("12:00:00 INFO [app::x] m", `"severity":"info"`, `"logger":"app::x"`, `"message":"m"`)

	// slog-term's commas inside braces are no ends of values.
	f("Jun 01 00:29:07.958 ERRO Couldn't sign: X { dkg_id: D { instance_id: 1, subnet_id: 0 } }, Application: Consensus", `"message":"Couldn't sign: X { dkg_id: D { instance_id: 1, subnet_id: 0 } }"`, `"Application":"Consensus"`)
	f("Jun 01 00:29:07.958 ERRO m, a: X { b: 1, c: 2 }, d: 3", `"a":"X { b: 1, c: 2 }"`, `"d":3`)

	// What Apollo's router writes of a trace and a place; what Synology exports.
	f("2024-01-13T20:18:02.123456Z  ERROR [trace_id=85bde1d7ab21ca4fb3de669f38512bd7] m", `"severity":"error"`, `"trace_id":"85bde1d7ab21ca4fb3de669f38512bd7"`, `"message":"m"`)
	f("2024-01-13T20:18:02.123456Z src/a/b.rs:34  WARN a::b: m", `"severity":"warn"`, `"logger":"a::b"`, `"code.line.number":34`, `"message":"m"`)
	f("2025/01/13 20:18:02\tstdout\t[2025-01-13 19:18:02.513564 +00:00] INFO [src/peer.rs:130] m", `"timestamp":"2025-01-13T19:18:02.513564Z"`, `"severity":"info"`, `"code.line.number":130`, `"message":"m"`)

	// Paths of modules, with a colon, behind a level of text; librespot's colons.
	f("[2026-09-02 17:39:06.833]  INFO a::b: m", `"severity":"info"`, `"logger":"a::b"`, `"message":"m"`)
	f("23:10:32.782 [DEBUG] a::b: m", `"severity":"debug"`, `"logger":"a::b"`, `"message":"m"`)
	f("INFO:librespot_core::session: m", `"severity":"info"`, `"logger":"librespot_core::session"`, `"message":"m"`)
	f("WARN:mdns: m: x", `"severity":"warn"`, `"logger":"mdns"`, `"message":"m: x"`)
	f("<unknown time>  INFO a::b: m", `"format":"tracing-full"`, `"severity":"info"`, `"logger":"a::b"`, `"message":"m"`)
	f(`2022-07-02T14:53:42+02:00 INFO - 192.168.0.113 "GET /" - 200`, `"severity":"info"`, `"message":"192.168.0.113 \"GET /\" - 200"`)
	f("2024-01-02 03:04:05.678 | INFO | a::b:12 | m", `"severity":"info"`, `"logger":"a::b"`, `"code.line.number":12`, `"message":"m"`)
	f("2024-01-02 03:04:05 - INFO - a::b - m", `"severity":"info"`, `"logger":"a::b"`, `"message":"m"`)
	f(`{"level":"ERROR","timestamp":"2024-01-02T03:04:05.678Z","fields":{"message":"m","error":"x"},"target":"app"}`, `"format":"tracing-json"`, `"severity":"error"`, `"message":"m"`, `"exception.message":"x"`)
	f(`{"app":"a","timestamp":"2024-01-02T03:04:05.678Z","level":"INFO","fields":{"message":"m","n":1},"target":"app"}`, `"message":"m"`, `"n":1`)
	f(`{"level":"error","fields":{"message":"m"},"target":"app","timestamp":"2024-01-02T03:04:05.678Z"}`, `"severity":"error"`, `"message":"m"`, `"logger":"app"`)
	f("[INFO] [2024-01-02T03:04:05Z] a::b - m", `"timestamp":"2024-01-02T03:04:05Z"`, `"severity":"info"`, `"logger":"a::b"`, `"message":"m"`)
	f("Well, this is embarrassing.\n\napp had a problem", `"severity":"fatal"`, `"message":"Well, this is embarrassing.\n\napp had a problem"`)
}
