package format

import (
	"strings"
	"testing"

	"shipper/internal/record"
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

	// hclog.
	const hclog = `"format":"hclog-text"`
	f("2026-11-23T06:25:41.5Z [INFO]  a.b: m: k=v n=1", hclog, `"logger":"a.b"`, `"message":"m"`, `"k":"v","n":1`)
	f("2026-11-23T06:25:41.5+0300 [DEBUG] m", hclog, `03:25:41.5Z`, `"message":"m"`, "no logger")
	f("2026-11-23T06:25:41.5Z [INFO]  m: k=v", hclog, `"message":"m"`, "no logger")
	f("2026-11-23T06:25:41.5Z [INFO]  a: x: y: z", hclog, `"logger":"a"`, `"message":"x: y: z"`)
	f("2026-11-23T06:25:41.5Z [INFO]  a: set k=v", hclog, `"message":"set k=v"`, `no "k"`)
	f("2026-11-23T06:25:41.5Z [ERROR] go/a.go:7: a: m", hclog, `"code.file.path":"go/a.go","code.line.number":7`, `"logger":"a"`)
	f("2026-11-23T06:25:41.5Z [WARN]  a: m: k=v\n  sql=\n  | SELECT *\n  | \n  | FROM t\n   after=it", hclog, `"k":"v","sql":"SELECT *\n\nFROM t","after":"it"`, `"message":"m"`)
	f("[ERROR] a: with stack:\nmain.f\n\t/src/a.go:7\nmain.main\n\t/src/a.go:9", "no hclog")
	f("[INFO]  a: with stack:\nmain.f\n\t/src/a.go:7\nmain.main\n\t/src/a.go:9", hclog, `"message":"with stack"`, `"exception.stacktrace":"main.f`)
	f("[ERROR] plugin/errors: 2 example.org.", "no hclog")
	f("[ERROR] m: k=v", hclog, `"severity":"error"`)
	f("[INFO] m", "no hclog")

	// logrus, go-ethereum, log15, apex.
	const logrus, geth, log15, apex = `"format":"logrus-tty"`, `"format":"geth"`, `"format":"log15"`, `"format":"apex"`
	f("INFO[0042] m                                            k=v q=\"x y\"", logrus, `"message":"m"`, `"log.record.timestamp":"0042"`, `"k":"v","q":"x y"`, `"timestamp_source":"read"`)
	f("WARN[12345] m", logrus, `"log.record.timestamp":"12345"`)
	f("PANI[2026-11-23T06:25:41Z]/src/a.go:7 main.f() m k=v", logrus, `06:25:41Z`, `"severity_number":22`, `"code.function.name":"main.f"`, `"code.line.number":7`, `"message":"m"`)
	f("ERROR  [2026-11-23 06:25:41] m", logrus, "line_no_zone", `"message":"m"`)
	f("INFO[2026-11-23T06:25:41Z]not a place m", logrus, `"message":"not a place m"`)
	f("HTTP[0042] m", "no logrus")
	f("INFO[42] m", "no logrus")
	f("INFO [11-23|06:21:59.692] m                                        a=17,034,870 b=-1,234 c=1,23 d=18,446,744,073,709,551,615 e=1,000.5 f=1,234,567,x", geth,
		`"2026-11-23T06:21:59.692Z","timestamp_source":"line_no_year"`, `"a":17034870,"b":-1234,"c":"1,23","d":18446744073709551615`, `"f":"1,234,567,x"`)
	f("INFO [11-23|06:21:59.692|p2p/server.go:7] m", geth, `"code.file.path":"p2p/server.go","code.line.number":7`)
	f("CRIT [11-23|06:21:59.692] m", geth, `"severity_number":21`)
	f("ERROR[11-23|06:21:59] m", geth)
	f("EROR[11-23|06:21:59] m   module=a/b err=e", log15, `"severity":"error"`, `"logger":"a/b"`, `"exception.message":"e"`)
	f("INFO [13-23|06:21:59.692] m", "no geth")
	f("  INFO[0000] m                         error=one two k=v", apex, `"message":"m"`, `"exception.message":"one two"`, `"k":"v"`)

	// nested-logrus-formatter.
	const nested = `"format":"logrus-nested"`
	f("2026-11-23T06:25:41Z [INFO] [k:v:w] [n:1] [l:[a b]] [e:] m", nested, `"k":"v:w","n":1,"l":"[a b]","e":""`, `"message":"m"`)
	f("2026-11-23T06:25:41Z [ERRO] m (/src/a.go:7 main.f)", nested, `"message":"m"`, `"code.file.path":"/src/a.go","code.line.number":7,"code.function.name":"main.f"`)
	f("Nov 23 06:25:41.5 [INFO] m", nested, "line_no_year")
	f("2026-11-23T06:25:41Z [INFO] [:8080] [k:v] m", "no logrus-nested")
	f("2026-11-23T06:25:41Z [DEBU] [:8080] [k:v] m", nested, `"message":"[:8080] [k:v] m"`)
	f("2026-11-23T06:25:41Z [INFO] [k:v m", "no logrus-nested")
	f("2026-11-23T06:25:41Z [INFO] m", "no logrus-nested")

	// charm.
	const charm = `"format":"charm"`
	f("2026/11/23 06:25:41 INFO <go/a.go:7> http: m k=v", charm, "line_no_zone", `"code.file.path":"go/a.go","code.line.number":7`, `"logger":"http"`, `"message":"m"`, `"k":"v"`)
	f("2026/11/23 06:25:41 ERRO m", charm, `"severity":"error"`, `"message":"m"`)
	f("2026/11/23 06:25:41 <go/a.go:7> m", charm, `no "severity"`, `"message":"m"`)
	f("2026/11/23 06:25:41 INFO m k=v", `"format":"slog-default"`)
	f("2026/11/23 06:25:41 <nil> m", `"format":"go-std"`)
	f("6:25AM INFO m", charm, `"timestamp_source":"line_no_date"`)
	f("INFO m k=v", charm, `"timestamp_source":"read"`, `"k":"v"`)
	f("INFO m", `"format":"text"`)
	f("DEBU m", charm)
	f("WARN failed: m k=v", charm, `"message":"failed: m"`, "no logger")
	f("WARN m\n  sql=\n  │ SELECT *\n  │ \n  │ FROM t\n took=1ms", charm, `"message":"m"`, `"sql":"SELECT *\n\nFROM t","took":"1ms"`)
	f(`INFO m a="b c" two words=1`, charm, `"a":"b c","two words":1`)
	f(`time="2026/11/23 06:25:41" level=info msg=m`, charm)

	// apex and log15 as pairs.
	f("   • m                         k=two words n=1", apex, `"message":"m"`, `"k":"two words","n":1`, `no "severity"`)
	f("   ⨯ m                         error=e", apex, `"severity":"error"`, `"exception.message":"e"`)
	f("\x1b[33m   •\x1b[0m m", apex, `"severity":"warn"`)
	f("timestamp=2026-11-23T06:25:41.5Z level=info message=m k=v", apex, `"message":"m"`)
	f("t=2026-11-23T06:25:41+0000 lvl=eror msg=m k=v", log15, `"severity":"error"`)

	// go-logging and seelog.
	const gologging, seelog = `"format":"go-logging"`, `"format":"seelog"`
	f("06:25:41.558 f ▶ NOTI 00a m", gologging, "line_no_date", `"severity_number":10`, `"code.function.name":"f"`, `"id":"00a"`, `"message":"m"`)
	f("2026-11-23 06:25:41.558 UTC [gossip] f -> ERRO 00a m", gologging, `"timestamp":"2026-11-23T06:25:41.558Z","severity"`, `"logger":"gossip"`)
	f("06:25:41.558 f ▶ INFO m", "no go-logging")
	f("1795415141558833999 [Critical] m", seelog, `06:25:41.558833999Z`, `"severity_number":21`, `"message":"m"`)
	f("1795415141558833999 [Other] m", "no seelog")

	// kratos.
	const kratos = `"format":"kratos"`
	f("INFO ts=2026-11-23T06:25:41Z caller=a.go:7 trace.id=4bf92f3577b34da6a3ce929d0e0e4736 msg=two words err=e f", kratos, `"message":"two words"`, `"exception.message":"e f"`, `"trace_id":"4bf9`, `"code.line.number":7`)
	f("DEBUG msg=m", kratos)
	f("INFO a=b c=d", "no kratos")

	// go-zero.
	const gozero = `"format":"go-zero"`
	f("2026-11-23T06:25:41.5Z\t slow \tm a=b\tc\tk=v w\tn=1\tcaller=a.go:7\ttrace=4bf92f3577b34da6a3ce929d0e0e4736\tspan=00f067aa0ba902b7", gozero, `"severity":"warn"`, `"message":"m a=b\tc"`,
		`"k":"v w","n":1`, `"code.line.number":7`, `"trace_id":"4bf9`, `"span_id":"00f0`)
	f("2026-11-23T06:25:41.5Z\t severe \tm\ngoroutine 1 [running]:\nmain.f()\n\t/src/a.go:7\n", gozero, `"message":"m"`, `"exception.stacktrace":"goroutine 1`)
	f("2026-11-23T06:25:41.5Z\t other \tm", "no go-zero")

	// fx.
	const fx = `"format":"fx"`
	f("[Fx] RUNNING", fx, `"message":"RUNNING"`, `"logger":"Fx"`, "no severity")
	f("[Fx] HOOK OnStart\t\tf() called by g failed in 0s: e: f", fx, `"severity":"error"`, `"exception.message":"e: f"`)
	f("[Fx] ERROR\t\tFailed to start: e", fx, `"severity_text":"ERROR"`, `"exception.message":"e"`)
	f("[Fx] ERROR\t\tfx.Invoke(f()) called from:\nmain.main\n\t/src/a.go:7\nFailed: e", fx, `"message":"ERROR\t\tfx.Invoke(f()) called from:"`, `"exception.stacktrace":"main.main\n\t/src/a.go:7"`, `"exception.message":"e"`)

	// devslog.
	const devslog = `"format":"devslog"`
	f("[06:25:41]  INFO+2  m", devslog, `"severity_number":11`, `"message":"m"`, "line_no_date")
	f("[2026-11-23 06:25:41.5] @@@ /src/a.go:7\n WARN  m\n  s  : a: b\n# n  : 1\nG g  : \n    t: x\n  # u: 2\n  G h: \n    # i: 3\n! z  : <nil>", devslog,
		`"code.line.number":7`, `"message":"m"`, `"s":"a: b","n":1,"g.t":"x","g.u":2,"g.h.i":3,"z":null`)
	f("[06:25:41]  ERROR  m\nE err: \n    0: a, b\n    1: c\n  k: v", devslog, `"exception.message":"a, b: c"`, `"exception.chain":["a, b","c"]`, `"k":"v"`)
	f("[06:25:41]  ERROR  m\nS list: 2 []int\n    0: 1\n    1: x\nM map: 1\n    a: 1.5", devslog, `"list.0":1,"list.1":"x","map.a":1.5`)
	f("[06:25:41]  INFO  m\nl\n  k: v\nw", devslog, `"message":"m\nl"`, `"k":"v\nw"`)
	f("[06:25:41] INFO m", "no devslog")

	// What others write into the same stream.
	after := func(first, second, want string) {
		t.Helper()
		b := parse(first + "\n" + second + "\n")
		if got := record.FormatName(b.Records[len(b.Records)-1].Format); got != want {
			t.Errorf("%s\nbehind %s\nis %s, want %s", second, first, got, want)
		}
	}
	const tab = "2026-11-23T06:25:41.5Z\tINFO\ta.go:1\tm"
	after(tab, "2026/11/23 06:25:41 http: TLS handshake error", "go-std")
	after(tab, "2026/11/23 06:25:41 ERROR failed: e", "go-std")
	after(tab, "2026/11/23 06:25:41 INFO m k=v", "slog-default")
	after(tab, "INFO - m", "stderrlog")
	after(tab, "INFO m k=v", "charm")
	after("2026/11/23 06:25:41 DEBU m", "2026/11/23 06:25:41 http: TLS handshake error", "go-std")
	after("2026/11/23 06:25:41 DEBU m", "2026/11/23 06:25:41 INFO m", "charm")
	after("2026/11/23 06:25:41 http: TLS handshake error", "2026/11/23 06:25:41 DEBU m", "charm")
	after("DEBU m", "INFO [11-23|06:21:59.692] m", "geth")
	after("DEBU m", "INFO ts=2026-11-23T06:25:41Z msg=m", "kratos")
	after("6:25AM DEBU m", "6:25AM INF m", "zerolog-console")
	after("6:25AM DEBU m", "6:25AM m", "charm")
	after("2026-11-23T06:25:41Z [DEBU] m", "2026/11/23 06:25:41 [WARN] m", "go-std")
	after("2026-11-23T06:25:41Z [DEBU] m", "2026-11-23T06:25:41.5Z [INFO]  a: m", "hclog-text")
	after("2026-11-23T06:25:41Z INF m", "2026-11-23T06:25:41Z DBG-4 m", "tint")
	after("2026-11-23T06:25:41Z DBG-4 m", "2026-11-23T06:25:41Z INF m", "tint")
	after("2026-11-23T06:25:41Z DBG-4 m", "2026-11-23T06:25:41Z INF a.go:1 > m", "zerolog-console")
}
