package format

import (
	"strings"
	"testing"
)

// TestTerminalFields looks for parts of the canonical form of what Go's
// libraries write for people, one record each.
func TestTerminalFields(t *testing.T) {
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
	// zap.
	const zap = `"format":"zap-console"`
	f("2026-11-23T06:25:41.5Z\tinfo\ta.go:1\tm", zap, `06:25:41.5Z`, `"severity":"info"`, `"message":"m"`, `"code.file.path":"a.go","code.line.number":1`)
	f("2026-11-23T06:25:41.5+0300\tINFO\tm", zap, `03:25:41.5Z`, `"message":"m"`, "no logger")
	f("2026-11-23T06:25:41Z\tINFO\tsetup\tstarting manager", zap, `"logger":"setup"`, `"message":"starting manager"`)
	f("2026-11-23T06:25:41Z\tINFO\ttwo words\tm", zap, `"message":"two words\tm"`)
	f("2026-11-23T06:25:41Z\tINFO\tm\t{\"a\": 1}", zap, `"message":"m"`, `"a":1`, "no logger")
	f("2026-11-23T06:25:41Z\tINFO\tl\tm {\"a\": 1}", zap, `"logger":"l"`, `"message":"m {\"a\": 1}"`)
	f("2026-11-23T06:25:41Z\tINFO\tm\t{\"a\": 1,}", zap, `"message":"m\t{\"a\": 1,}"`, `no "a":1`)
	f("2026-11-23T06:25:41Z\tINFO\ta.go:1\tx.y is down", zap, `"message":"x.y is down"`, "no function")
	f("2026-11-23T06:25:41Z\tINFO\ta.go:1\tx.y\t{\"a\": 1}", zap, `"message":"x.y"`, "no function")
	f("2026-11-23T06:25:41Z\tINFO\ta.go:1\tx.f\tm", zap, `"message":"m"`, `"code.function.name":"x.f"`)
	f("1.7954151421678123e+09\twarn\tm\t{\"msg\": \"n\", \"message\": \"o\", \"level\": \"p\"}", zap, `06:25:42.1678123Z`, `"message":"m"`, `"msg":"n","message":"o","level":"p"`)
	f("1795415142167.8123\tINFO\tm", zap, `06:25:42.1678123Z`)
	f("2026-11-23T06:25:41Z INFO l a.go:1 m {\"a\": 1}", zap, `"logger":"l"`, `"message":"m"`, `"a":1`)
	f("2026-11-23T06:25:41Z INFO m {\"a\": 1}", "no zap-console")
	f("2026-11-23T06:25:41Z | ERROR | a.go:1 |  | {\"a\": 1}", zap, `"message":""`, `"a":1`)
	f("INFO\ta.go:1\tm", zap, `"timestamp_source":"read"`, `"message":"m"`)
	f("INFO\tm", "no zap-console")
	f("2026-11-23T06:25:41Z\tERROR\tm\t{\"error\": \"e\"}\nmain.f\n\t/src/a.go:7\nmain.main\n\t/src/a.go:9\n", zap, `"exception.message":"e"`, `"exception.stacktrace":"main.f\n\t/src/a.go:7\nmain.main\n\t/src/a.go:9"`)
	f("2026-11-23T06:25:41Z\tERROR\tm\nmain.f\n        /src/a.go:7\n", `"message":"m"`, `"exception.stacktrace":"main.f\n        /src/a.go:7"`)
	f("2026-11-23T06:25:41Z\tERROR\tm\nmain.f\n\tno place\n", `"message":"m\nmain.f\n\tno place"`, "no stacktrace")
	f("2026-11-23T06:25:41Z\tERROR\tm\t{\"errorVerbose\": \"v\"}\nmain.f\n\t/src/a.go:7\n", `"exception.stacktrace":"v"`, `"stacktrace":"main.f\n\t/src/a.go:7"`)

	// zerolog, tint and phuslu.
	const zerolog, tint, phuslu = `"format":"zerolog-console"`, `"format":"tint"`, `"format":"phuslu"`
	f("6:25AM INF m", zerolog, `"2026-11-23T06:25:00Z","timestamp_source":"line_no_date"`, `"message":"m"`)
	f("12:05AM INF m", zerolog, `"2026-11-23T00:05:00Z"`)
	f("12:05PM INF m", zerolog, `"2026-11-23T12:05:00Z"`)
	f("13:05PM INF m", "no zerolog")
	f("6:25AM INFO m", "no zerolog")
	f("15:04:05 INF m", zerolog, `"2026-11-23T15:04:05Z"`)
	f("<nil> INF m", zerolog, `"timestamp_source":"read"`, `"message":"m"`)
	f("2026-11-23T06:25:42Z ??? m", zerolog, `"severity_text":"???"`, `no "severity"`)
	f(`2026-11-23T06:25:42Z INF a.go:1 > m a=1 b="x y" c=["d e",1] d={"e":"f g"} e= f=null`, zerolog, `"message":"m"`, `"code.line.number":1`,
		`"a":1,"b":"x y","c":["d e",1],"d":{"e":"f g"},"e":"","f":null`)
	f(`2026-11-23T06:25:42Z ERR m error="e" stack=[{"func":"f"}] trace_id=4bf92f3577b34da6a3ce929d0e0e4736`, `"exception.message":"e"`, `"trace_id":"4bf9`)
	f(`2026-11-23T06:25:42Z INF if a = b then c=d is it`, zerolog, `"message":"if a = b then c=d is it"`)
	f(`2026-11-23T06:25:42Z INF GET /x?id=5 took long status=200`, zerolog, `"message":"GET /x?id=5 took long"`, `"status":200`)
	f("Nov 23 06:25:41.5 INF m k=v", tint, `06:25:41.5Z","timestamp_source":"line_no_year"`, `"k":"v"`)
	f("2026-11-23T06:25:41Z DBG-4 m", tint, `"severity_number":1`, `"severity_text":"DBG-4"`)
	f("2026-11-23T06:25:41Z ERR+4 m", tint, `"severity_number":21`)
	f("2026-11-23T06:25:41Z INF a/b.go:3 m", tint, `"code.file.path":"a/b.go"`)
	f("2026-11-23T06:25:41Z INF localhost:80 is up", zerolog, `"message":"localhost:80 is up"`)
	f("\x1b[2m6:25AM\x1b[0m \x1b[92mINF\x1b[0m m", tint)
	f("\x1b[90mNov 23 06:25:41.5\x1b[0m \x1b[32mINF\x1b[0m m", zerolog)
	f("2026-11-23T06:25:41.5Z INF 1 a.go:3 > m k=two words n=1", phuslu, `"go.goroutine.id":1`, `"message":"m"`, `"k":"two words","n":1`)
	f(`2026-11-23T06:25:41.5Z INF 1 a.go:3 > k="two words" n=1 the message`, phuslu, `"message":"the message"`, `"k":"two words","n":1`)
	f("2026-11-23T06:25:41.5Z INF > m", phuslu, `"message":"m"`)
	f("2026-11-23T06:25:41.5Z INF 1 of 2 is done", zerolog, `"message":"1 of 2 is done"`)
	f(`ts=2026-11-23T06:25:41.5Z level=info a=1 "the message"`, phuslu, `"message":"the message"`, `"a":1`)
	f(`ts=2026-11-23T06:25:41.5Z level=info msg=say "hi"`, "no phuslu", `"message":"say \"hi\""`)
}
