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
}
