package format

import (
	"strings"
	"testing"
)

// TestRustFields looks for parts of the canonical form of what Rust's libraries
// write, one record each.
func TestRustFields(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		got := summary(text)
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
}
