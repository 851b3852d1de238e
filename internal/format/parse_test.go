package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/internal/record"
)

// summary renders the first record of text without what f does not ask for.
func summary(text string) string {
	b := parse(text)
	if len(b.Records) == 0 {
		return "no record"
	}
	return render(b, &b.Records[0])
}

// TestFields looks for parts of the canonical form of single lines.
func TestFields(t *testing.T) {
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
	// Where the header may stand.
	f(`{"ts":1795415142.16387,"severity":"WARNING","message":"m"}`, `"2026-11-23T06:25:42.16387Z"`, `"severity":"warn"`, `"message":"m"`)
	f(`{"t":"2026-11-23T06:25:41.5+03:00","lvl":"eror","msg":"m"}`, `"2026-11-23T03:25:41.5Z"`, `"severity_number":17`)
	f(`{"time":"soon","level":"info","msg":"m"}`, `"log.record.timestamp":"soon"`, `"timestamp_source":"read"`)
	f(`{"time":12,"ts":1795415142,"msg":"m"}`, `"time":12`, `"2026-11-23T06:25:42Z"`)
	f(`{"level":"info","msg":"first","msg":"second","level":"error"}`, `"message":"first"`, `"severity":"info"`, "no second", "no error")
	f(`{"level":"info","msg":"m","a":1,"b":2,"a":"x"}`, `"a":"x","b":2`, `no "a":1`)
	f(`{"msg":"m","message":"n"}`, `"message":"m"`, `"message":"n"`)
	f(`{"level":"info","msg":{"a":1}}`, `"msg":{"a":1}`)
	f(`{"foo":"bar"}`, `"message":"{\"foo\":\"bar\"}"`, `"foo":"bar"`)
	f(`{}`, `"message":"{}"`, `"format":"json"`)
	f(`{"level":"info","event":"e"}`, `"message":"e"`)
	f(`{"level":"info","event":"e","msg":"m"}`, `"message":"m"`, `"event":"e"`)
	f(`{"level":30,"msg":"m"}`, `"severity":"info"`, `"severity_text":"30"`)
	f(`{"level":7000,"msg":"m"}`, `"level":7000`, `no severity`)
	f(`{"short_message":"m","level":3,"version":"1.1","host":"h"}`, `"severity":"error"`, `"message":"m"`)
	f(`{"level":"loud","msg":"m"}`, `"severity_text":"loud"`, `no "severity"`)
	f(`{"level":"\u001b[34mINFO\u001b[0m","msg":"\u001b[1mm\u001b[0m"}`, `"severity_text":"INFO"`, `"message":"m"`)

	// Quotes that nobody escaped.
	f(`time="2020-07-28T04:42:47Z" level=info msg="loading plugin "io.containerd.v1"..." type=a.b`, `"message":"loading plugin \"io.containerd.v1\"..."`, `"type":"a.b"`)
	f(`time="2020-07-28T04:42:47Z" level=info msg="loading "x"" n=1`, `"message":"loading \"x\""`, `"n":1`)

	// Copied from a screen.
	f("2021-02-02T18:00:55.915Z        INFO    controller.GoogleCASIssuer      reconciled issuer       {\"kind\": \"a  b\"}", `"format":"zap-console"`, `"logger":"controller.GoogleCASIssuer"`, `"message":"reconciled issuer"`, `"kind":"a  b"`)
	f("1.6836474195594983e+09  ERROR   Reconciler error        {\"error\": \"e\"}\nsigs.k8s.io/a.(*b).c\n        /go/a.go:27", `"timestamp":"2023-05-09T15:50:19.559498`, `"exception.stacktrace":"sigs`, `"message":"Reconciler error"`)

	// env_logger with places, flexi_logger's pairs, stdr without a time, slog's logger.
	f("[2026-11-23T06:33:26Z INFO  app::http src/http.rs:31] m", `"logger":"app::http"`, `"code.file.path":"src/http.rs"`, `"code.line.number":31`, `"message":"m"`)
	f("[2026-11-23T06:33:26Z INFO  app::http src/http.rs] m", `"logger":"app::http"`, `"code.file.path":"src/http.rs"`, `"message":"m"`)
	f("[2026-11-23T06:33:26Z INFO  src/http.rs:31] m", `no "logger"`, `"code.file.path":"src/http.rs"`)
	f("[2026-11-23T06:33:26Z INFO ] m", `no "logger"`, `"severity":"info"`)
	f("[2026-11-23T06:33:26Z ERROR] m", `no "logger"`, `"severity":"error"`, `"message":"m"`)
	f(`[2026-11-23 12:29:44.831235 +00:00] INFO [logs] src/bin/logs.rs:43: {order_id=42, who="x, \"y\"", it=Some(1)} m`, `"order_id":42`, `"who":"x, \"y\""`, `"it":"Some(1)"`, `"message":"m"`)
	f(`[2026-11-23 12:29:44.831235 +00:00] INFO [src/bin/logs.rs:43] {a: 1} m`, `"message":"{a: 1} m"`)
	f(`[2026-11-23 12:29:44.831235 +00:00] INFO [src/bin/logs.rs:43] {a=1, b} m`, `"message":"{a=1, b} m"`, `no "a":1`)
	f(`main.go:12: "level"=0 "msg"="m" "k"="v"`, `"code.line.number":12`, `no "logger"`, `"message":"m"`, `"k":"v"`)
	f("2026/11/23 06:25:41 INFO m component=worker n=1", `"logger":"worker"`, `"n":1`, `no "component"`)

	// zap's development configuration.
	f(`{"L":"WARN","T":"2026-11-23T06:25:41.5Z","N":"app","C":"a/b.go:7","M":"m","n":1}`, `"2026-11-23T06:25:41.5Z"`, `"severity":"warn"`, `"message":"m"`, `"logger":"app"`, `"code.line.number":7`, `"n":1`)
	f(`{"level":"info","msg":"m","T":5,"M":"x","N":2,"C":"d"}`, `"message":"m"`, `"T":5`, `"M":"x"`, `"N":2`, `"C":"d"`)

	// Promotion.
	f(`{"msg":"m","service":"s","env":"e","version":"v","hostname":"h"}`, `"service.name":"s"`, `"deployment.environment.name":"e"`, `"service.version":"v"`, `"host.name":"h"`)
	f(`{"msg":"m","service.name":"s","service":"t"}`, `"service.name":"s"`, `"service":"t"`)
	f(`{"msg":"m","version":2,"app":{"a":1}}`, `"version":2`, `"app":{"a":1}`)
	f(`{"msg":"m","pid":4711,"name":"n"}`, `"pid":4711`, `"name":"n"`, "no process.pid")
	f(`{"name":"svc","hostname":"h","pid":1,"level":50,"msg":"m","time":"2026-11-23T06:25:41Z","v":0}`, `"service.name":"svc"`, `"process.pid":1`, `"format":"bunyan"`, `"severity_number":17`, `no "v"`)
	f(`{"msg":"m","logger":"l","component":"c"}`, `"logger":"l"`, `"component":"c"`)
	f(`{"msg":"m","component":"c"}`, `"logger":"c"`)
	f(`{"msg":"m","caller":"a/b.go:12"}`, `"code.file.path":"a/b.go"`, `"code.line.number":12`)
	f(`{"msg":"m","source":"kafka:9092"}`, `"source":"kafka:9092"`)
	f(`{"msg":"m","file":"a.go:7","func":"main.f"}`, `"code.line.number":7`, `"code.function.name":"main.f"`)
	f(`{"msg":"m","file":"a.go","line":"7"}`, `"code.file.path":"a.go","code.line.number":7`)
	f(`{"msg":"m","file":"report.csv","func":"f"}`, `"file":"report.csv"`, `"func":"f"`)
	f(`{"msg":"m","err":"e","error":"f"}`, `"exception.message":"e"`, `"error":"f"`)
	f(`{"msg":"m","error":{"type":"T","message":"e"}}`, `"exception.type":"T"`, `"exception.message":"e"`, `"error":{`)
	f(`{"msg":"m","error":null,"stacktrace":"s"}`, `"error":null`, `"exception.stacktrace":"s"`)
	f(`{"msg":"m","resource":{"service.name":"s","k8s.pod.name":"p"}}`, `"service.name":"s"`, `"resource":{`)

	// Numbers keep their digits.
	f(`{"msg":"m","a":9223372036854775807,"b":-9223372036854775808,"c":9223372036854775808,"d":1e400,"e":0.10,"f":123456789012345678901234567890}`,
		`"a":9223372036854775807`, `"b":-9223372036854775808`, `"c":9223372036854775808`, `"d":1e400`, `"e":0.10`, `"f":123456789012345678901234567890`)

	// Trace context.
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	f(`{"msg":"m","traceId":"4BF92F3577B34DA6A3CE929D0E0E4736","spanID":"`+span+`","trace_flags":"01"}`, `"trace_id":"`+trace, `"span_id":"`+span, `"trace_flags":1`, "no spanID")
	f(`{"msg":"m","trace_id":"a3ce929d0e0e4736"}`, `"trace_id":"0000000000000000a3ce929d0e0e4736"`)
	f(`{"msg":"m","trace_id":"4bf92f35-77b3-4da6-a3ce-929d0e0e4736"}`, `"trace_id":"`+trace)
	f(`{"msg":"m","trace_id":"00000000000000000000000000000000","span_id":"0000000000000000"}`, "no trace_id", "no span_id")
	f(`{"msg":"m","trace_id":"nonsense"}`, `"trace_id":"nonsense"`)
	f(`{"msg":"m","dd.trace_id":"5700248118863432293","dd.span_id":5700248118863432293}`, `"trace_id":"00000000000000004f1b597680718a65"`, `"span_id":"4f1b597680718a65"`)
	f(`{"msg":"m","trace_id":"5700248118863432293"}`, `"trace_id":"5700248118863432293"`)
	f(`{"msg":"m","dd.trace_id":"5700248118863432293","trace_id":"`+trace+`"}`, `"trace_id":"`+trace)
	f(`{"msg":"m","traceparent":"00-`+trace+`-`+span+`-01"}`, `"trace_id":"`+trace, `"span_id":"`+span, `"trace_flags":1`)
	f(`{"msg":"m","traceparent":"ff-`+trace+`-`+span+`-01"}`, `"traceparent":"ff-`)
	f(`{"message":"m","logging.googleapis.com/trace":"projects/p/traces/`+trace+`","logging.googleapis.com/trace_sampled":true}`, `"trace_id":"`+trace, `"trace_flags":1`)
	f(`{"msg":"m","xray_trace_id":"1-4bf92f35-77b34da6a3ce929d0e0e4736"}`, `"trace_id":"`+trace)
	f(`{"content":"m","level":"info","trace":"`+trace+`","span":"`+span+`"}`, `"trace_id":"`+trace, `"span_id":"`+span)
	f(`{"msg":"m","trace":"full"}`, `"trace":"full"`)
	f(`{"msg":"m","openTelemetry":{"traceId":"`+trace+`","spanId":"`+span+`"}}`, `"trace_id":"`+trace, `"span_id":"`+span, "no openTelemetry")

	// Text that is not quite right.
	f("\xef\xbb\xbf{\"msg\":\"m\",\"level\":\"info\"}\r\n", `"message":"m"`)
	f("^C{\"level\":\"info\",\"msg\":\"m\"}\n", `"message":"m"`, `"log.record.original":"^C{`)
	f("user: {\"id\":1}\n", `"message":"user: {\"id\":1}"`, `"format":"text"`)
	f("{\"msg\":\"a\xffb\",\"level\":\"info\"}", `"message":"a`+"\uFFFD"+`b"`, `"invalid_utf8":true`, `"severity":"info"`)
	f("{\"msg\":\"\xf0\x28\x8c\x28\"}", `"invalid_utf8":true`)
	f("text \xc3\x28 text", `"message":"text `+"\uFFFD"+`( text"`, `"invalid_utf8":true`)
	f("{\"msg\":\"a\tb\"}", `"message":"a\tb"`)
	f("{\"msg\":\"\x1b[1ma\x1b[0m\"}", `"message":"a"`)
	f(`{"level":"info","msg":"cut`, `"format":"text"`, `"message":"{\"level\"`)
	f(`{"level":"info","msg":"m"} trailing`, `"format":"text"`)
	f("\x1b[31mERROR\x1b[0m broken\n", `"message":"ERROR broken"`, `"severity":"error"`)
	f("\x1b]0;title\x07text", `"message":"text"`)
	f("\x1b[1mERROR\x1b(B\x1b[m broken\x1b(B", `"message":"ERROR broken"`, `"severity":"error"`)

	// Pairs.
	f(`level=info ts=1795415142 msg="a \"b\"\n" n=1 f=0.5 t=true z=null s=1ms q="1" e=`, `"message":"a \"b\"\n"`, `"n":1`, `"f":0.5`, `"t":true`, `"z":null`, `"s":"1ms"`, `"q":"1"`, `"e":""`)
	f(`level=error level=info msg=m x=1`, `"severity":"error"`, "no info")
	f(`time=2026-11-23T06:25:42Z level=info msg=two words and more n=1`, `"message":"two words and more"`, `"n":1`)
	f(`level=info n=1 apple x=2`, `"n":"1 apple"`, `"x":2`)
	f(`a=1 b=2`, `"format":"logfmt"`, `"message":"a=1 b=2"`, `"a":1`)
	f(`x=1 is what it says`, `"format":"text"`)
	f(`a == b`, `"format":"text"`)
	f(`"key with space"=v level=info msg=m`, `"key with space":"v"`)

	// What waits for the rest of the record is not lost.
	for _, head := range []string{`I1123 06:25:41.5 1 a.go:1] "m"`, "2026/11/23 06:25:41 INFO m", "2026-11-23T06:33:43Z  INFO a::b: m", "INFO[0000] m", "level=info msg=m"} {
		f(head+" log.file=x log.target=y n=1", `"x"`, `"y"`, `"n":1`)
	}

	// Headers.
	f("2026/11/23 06:25:41.5 x", `"format":"go-std"`, `06:25:41.5Z`)
	f("2026/13/23 06:25:41 x", `"format":"text"`)
	f("06:25:41 x", `"timestamp":"2026-11-23T06:25:41Z"`, "line_no_date")
	f("2026/11/23 06:25:41 INFO text only", `"format":"go-std"`, `"message":"INFO text only"`)
	f("2026/11/23 06:25:41 INFO text n=1", `"format":"slog-default"`, `"message":"text"`, `"n":1`)
	f("2026/11/23 06:25:41 E! [agent] x", `"severity":"error"`)
	f("I0102 03:04:05.000006 1 a.go:1] m", `"timestamp":"2026-01-02T03:04:05.000006Z"`, "line_no_year", `"process.pid":1`)
	f("I1301 03:04:05.000006 1 a.go:1] m", `"format":"text"`)
	f(`E1123 06:25:41.5 1 a.go:1] "m" err="e" logger="l" extension point="P" obj={"a":[1]}`, `"exception.message":"e"`, `"logger":"l"`, `"extension point":"P"`, `"obj":{"a":[1]}`)
	f(`I1123 06:25:41.5 1 a.go:1] "quoted" and more`, `"message":"\"quoted\" and more"`)
	f(`2026-11-23T06:33:43Z  INFO a::b: m x=Some("y z") e=No such file n=1`, `"logger":"a::b"`, `"x":"Some(\"y z\")"`, `"e":"No such file"`, `"n":1`)
	f(`2026-11-23T06:33:43Z  INFO s{a=1 b="x\"y" c=d e}:t: u::v: m`, `"spans":[{"name":"s","a":1,"b":"x\"y","c":"d e"},{"name":"t"}]`, `"span.name":"t"`, `"logger":"u::v"`, `"message":"m"`)
	f(`2026-11-23T06:33:43Z  INFO s{trace_id="`+trace+`"}:t{trace_id="a3ce929d0e0e4736"}: u: m`, `"trace_id":"0000000000000000a3ce929d0e0e4736"`)
	f(`2026-11-23T06:33:43Z  INFO s{broken: m`, `"message":"s{broken: m"`, "no spans")
	f(`2026-11-23T06:33:43Z INFO [a] m`, `no "tracing-full"`)
	f(`2026-11-23 06:33:44,006 DEBUG [a] m`, `"format":"simple_logger"`, `"severity":"debug"`, `06:33:44.006Z`)
	f(`ERROR main: m`, `"format":"text"`)
	f(`ERROR a::b: m`, `"logger":"a::b"`)
	f("    at src/main.rs:1\n", `"format":"text"`, "no severity")
	f("main.f()\n\t/src/main.go:1 +0x1\n", `"format":"text"`, "no severity")
	f("goroutine 1 [running]:\nmain.f()\n\t/src/main.go:1 +0x1\n", `"severity":"error"`, `"go.goroutine.id":1`, `"code.line.number":1`)
	f(`[2026-11-23T06:33:43Z WARN  a::b] m`, `"logger":"a::b"`, `"severity":"warn"`)
	f(`[INFO] m`, `"format":"text"`, `"severity":"info"`)

	f("[2026-11-23 06:25:41] [WARN] m", `06:25:41Z`, `"severity":"warn"`)
	f("2026-11-23 06:25:41 warnings were found", `no severity`)

	// Runtimes.
	f("panic: x\n", `"format":"go-panic"`, `"severity_number":21`)
	f(`panic: {"level":"info","msg":"tick"}`, `"message":"tick"`, `"log.record.original"`)
	f("thread 'a b' panicked at 'it''s', x.rs:1:2\n", `"thread.name":"a b"`, `"message":"it''s"`, `"code.column.number":2`)
}

// TestJSON wants what encoding/json takes, and raw control characters.
func TestJSON(t *testing.T) {
	f := func(text string) {
		t.Helper()
		want := json.Valid([]byte(text)) && strings.HasPrefix(text, "{")
		if got := isJSON(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	for _, value := range []string{
		`1`, `-1`, `-0`, `01`, `1.`, `.1`, `1.5`, `1e5`, `1E+5`, `1e`, `+1`, `-`, `--1`, `1.5e-3x`,
		`true`, `false`, `null`, `nul`, `True`, `NaN`, `""`, `"a"`, `"\u00e9"`, `"\u00zz"`, `"\q"`, `"\`, `"\"`, `"\\"`,
		`[]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2`, `{}`, `{"a":1}`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":}`, `{"\q":1}`, `[[[]]]`, `[[[]]`, `[}`, `{"a":[{"b":{}}]}`, ``,
	} {
		f(`{"a":` + value + `}`)
		f(`{ "a" : ` + value + ` , "b" : 1 } `)
		f(`{"a":[` + value + `]}`)
	}
	f(`{"a":1}}`)
	f(`{"a":1}{"a":1}`)
	f(`{"a":1,}`)
	f(`{,}`)
	f(`{"\u0061\q":1}`)
	if !isJSON("{\"a\":\"\x01\t\"}") {
		t.Error("raw control characters are refused")
	}
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if !isJSON(`{"a":`+deep+`}`) || isJSON(`{"a":[`+deep+`]}`) {
		t.Error("depth limit")
	}
}

func isJSON(text string) bool {
	p := New(Options{Zone: time.UTC})
	b := new(record.Batch)
	b.Reset(testStream, []byte(text))
	p.b = b
	lo, hi := trim(b.Arena, 0, len(text))
	p.src, p.base = b.Arena[lo:hi:hi], uint32(lo)
	p.begin(observed)
	return hi > lo && p.src[0] == '{' && p.json()
}

func TestEpoch(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		got, ok := epochText([]byte(text))
		if !ok {
			got = 0
		}
		if got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
	f("1795415142", 1795415142_000000000)
	f("1795415142.1", 1795415142_100000000)
	f("1795415142.123456789", 1795415142_123456789)
	f("1795415142.1234567891", 1795415142_123456789)
	f("1795415142163", 1795415142_163000000)
	f("1795415142163.8580", 1795415142_163858000)
	f("1795415142163858", 1795415142_163858000)
	f("1795415142163858123", 1795415142_163858123)
	f("1.79541514216387e+09", 1795415142_163870000)
	f("1.79541514216387E9", 1795415142_163870000)
	f("9999999999999999999", 0)
	f("1.8e400", 0)
	f("12", 0)
	f("0.5", 0)
	f("", 0)
	f("1795415142x", 0)
	f("1795415142.1.2", 0)
	for _, n := range []int64{100000000, 1795415142, 1795415142163, 1795415142163858, 1795415142163858123, math.MaxInt64} {
		a, ok := epoch(n)
		b, ok2 := epochText([]byte(fmt.Sprint(n)))
		if !ok || !ok2 || a != b {
			t.Errorf("%d: %d and %d", n, a, b)
		}
	}
	if _, ok := epoch(-1); ok {
		t.Error("a negative number is a time")
	}
}

func TestClock(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	f := func(text, want string, source record.TimeSource) {
		t.Helper()
		c := clock{zone: berlin}
		ns, n, got := c.at([]byte(text))
		if want == "" {
			if n == len(text) {
				t.Errorf("%s is taken", text)
			}
			return
		}
		if s := time.Unix(0, ns).UTC().Format(time.RFC3339Nano); s != want || got != source || n != len(text) {
			t.Errorf("%s: %s from %v, %d bytes; want %s", text, s, got, n, want)
		}
	}
	f("2026-11-23T06:25:41Z", "2026-11-23T06:25:41Z", record.TimeLine)
	f("2026-11-23t06:25:41z", "2026-11-23T06:25:41Z", record.TimeLine)
	f("2026-11-23T06:25:41.123456789Z", "2026-11-23T06:25:41.123456789Z", record.TimeLine)
	f("2026-11-23T06:25:41.1234567899Z", "2026-11-23T06:25:41.123456789Z", record.TimeLine)
	f("2026-11-23 06:25:41,123", "2026-11-23T05:25:41.123Z", record.TimeNoZone)
	f("2026-11-23T06:25:41+0300", "2026-11-23T03:25:41Z", record.TimeLine)
	f("2026-11-23T06:25:41-03:30", "2026-11-23T09:55:41Z", record.TimeLine)
	f("2026-11-23T06:25:41+03", "2026-11-23T03:25:41Z", record.TimeLine)
	f("2026/11/23 06:21:59.691 +00:00", "2026-11-23T06:21:59.691Z", record.TimeLine)
	f("2026-11-23 06:25:41 UTC", "2026-11-23T06:25:41Z", record.TimeLine)
	f("2026/11/23 06:25:41", "2026-11-23T05:25:41Z", record.TimeNoZone)
	f("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", record.TimeLine)
	f("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z", record.TimeLine)
	f("2026-13-23T06:25:41Z", "", 0)
	f("2026-11-23T24:25:41Z", "", 0)
	f("2026-11-23T06:25:4", "", 0)
	f("2026-11/23T06:25:41Z", "", 0)

	for day := int64(-800000); day < 200000; day += 37 {
		d := time.Unix(day*86400, 0).UTC()
		if got := days(int64(d.Year()), int64(d.Month()), int64(d.Day())); got != day && d.Year() > 0 {
			t.Fatalf("%s: day %d, want %d", d, got, day)
		}
	}
}

// TestYear wants the year that is closest to when the line was read.
func TestYear(t *testing.T) {
	f := func(text, read, want string) {
		t.Helper()
		at, err := time.Parse(time.RFC3339, read)
		if err != nil {
			t.Fatal(err)
		}
		c := clock{zone: time.UTC}
		ns, _, ok := c.klog([]byte(text), at.UnixNano())
		if got := time.Unix(0, ns).UTC().Format(time.RFC3339); !ok || got != want {
			t.Errorf("%s read at %s: %s, want %s", text, read, got, want)
		}
	}
	f("1231 23:59:59.000000", "2027-01-01T00:00:01Z", "2026-12-31T23:59:59Z")
	f("0101 00:00:01.000000", "2026-12-31T23:59:59Z", "2027-01-01T00:00:01Z")
	f("0615 00:00:01.000000", "2026-06-15T00:00:00Z", "2026-06-15T00:00:01Z")
	f("0229 00:00:01.000000", "2024-03-15T00:00:00Z", "2024-02-29T00:00:01Z")
}

func TestLocalTime(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	c := clock{zone: zone}
	for hour := range int64(24 * 366) {
		want := time.Date(2026, 1, 1, int(hour), 30, 5, 0, zone)
		wall := days(2026, 1, 1)*86400 + hour*3600 + 30*60 + 5
		if got := c.utc(wall); got != want.Unix() {
			t.Fatalf("%s: %s", want, time.Unix(got, 0).In(zone))
		}
	}
}

func TestSeverity(t *testing.T) {
	f := func(text string, want uint8) {
		t.Helper()
		if got := severity([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
	f("info", 9)
	f("Information", 9)
	f("INF", 9)
	f("WARNING", 13)
	f("wrn", 13)
	f("dpanic", 21)
	f("panic", 22)
	f("CRITICAL", 18)
	f("NOTICE", 10)
	f("DEBUG-4", 1)
	f("INFO+2", 11)
	f("ERROR+4", 21)
	f("ERROR+99", 24)
	f("INFO+", 0)
	f("INFO2", 0)
	f("loud", 0)
	f("", 0)
	f("averyveryverylongword", 0)
}

func TestUnescape(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := string(unescape(nil, []byte(text))); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	f(`a\n\t\"\\\/b`, "a\n\t\"\\/b")
	f(`\u00e9\u20ac`, "é€")
	f(`\ud83d\ude00`, "😀")
	f(`\ud83d`, "\uFFFD")
	f(`\ud83d\u0041`, "\uFFFDA")
	f(`\x41\a\'`, "A\a'")
	f(`\u{1f600}`, "😀")
	f(`\q\`, `\q\`)
	f(`\u12`, `\u12`)
}

// TestHint wants a record that does not tell its format to be taken for what
// the stream had before.
func TestHint(t *testing.T) {
	b := parse("2026/11/23 06:25:41 INFO first n=1\n2026/11/23 06:25:41 INFO second\n" +
		`{"level":"info","message":"z"}` + "\n" + `{"only":1,"message":"z"}` + "\n")
	for i, want := range []uint8{record.FormatSlogDefault, record.FormatSlogDefault, record.FormatZerologJSON, record.FormatZerologJSON} {
		if got := b.Records[i].Format; got != want {
			t.Errorf("record %d: %s", i+1, record.FormatName(got))
		}
	}
}

// TestNoAllocations wants the arena alone to grow, and only as long as it is new.
func TestNoAllocations(t *testing.T) {
	for _, dir := range []string{"zap-json", "slog-json", "slog-text", "klog", "tracing-full", "env_logger", "go-std", "slog-default", "tracing-json", "go-panic",
		"tracing-compact", "tracing-pretty", "tracing-logfmt", "bunyan", "gcp-json", "log4rs-json", "slog-rs-json", "slog-term", "slog-term-compact", "simple_logger",
		"simplelog", "stderrlog", "femme", "fern", "flexi_logger", "log4rs", "pretty_env_logger", "substrate", "rocket", "rust-panic", "rust-error",
		"zap-console", "zerolog-console", "tint", "phuslu",
		"access-log", "calico", "cockroachdb", "coredns", "fiber", "funcr", "gin", "gorm", "nats", "tidb", "go-test", "go-debug",
		"hclog-text", "logrus-tty", "logrus-nested", "geth", "log15", "apex",
		"charm", "go-logging", "seelog", "kratos", "go-zero", "fx", "devslog"} {
		text := corpus(t, dir)
		b := new(record.Batch)
		p := New(Options{Zone: time.UTC})
		arena := make([]byte, len(text), 4*len(text))
		copy(arena, text)
		ends := cutAll(text)
		var hint uint64
		run := func() {
			b.Reset(testStream, arena)
			lo := int32(0)
			for _, hi := range ends {
				p.Parse(b, int(lo), int(hi), observed, &hint)
				lo = hi
			}
		}
		run()
		if n := testing.AllocsPerRun(5, run); n != 0 {
			t.Errorf("%s: %v allocations", dir, n)
		}
	}
}

// TestLinearTime parses lines of ten megabytes that are all structure. What is
// quadratic takes hours for them, and so does this test.
func TestLinearTime(t *testing.T) {
	const size = 10 << 20
	p := New(Options{Zone: time.UTC})
	b := new(record.Batch)
	arena := make([]byte, 0, 2*size)
	for _, part := range []string{
		`{`, `\`, `=`, `"`, `[`, `{"a":`, `{"a":"\`, `a=`, `a="`, `a=b `, `a=b c `, ` =`, `, a: `, "\n    in ", `: `, "\x1b", "\x1b[", "\x1b]", "\xff", `{"`, `{}`, `:`, `', `, "goroutine ", " a", "\n",
	} {
		for _, head := range []string{"", `{"level":"info","msg":"`, `{"a":`, "level=info msg=x ", "2026/11/23 06:25:41 INFO ", "I1123 06:25:41.5 1 a.go:1] ",
			`I1123 06:25:41.5 1 a.go:1] "m" `, "2026-11-23T06:33:43Z  INFO ", "2026-11-23T06:33:43Z  INFO s{", "[2026-11-23T06:33:43Z INFO  ",
			"Nov 23 06:33:43.970 INFO m, a: b, ", "  2026-11-23T06:33:43Z  INFO ", "  2026-11-23T06:33:43Z  INFO m\n    in a with ", "[2026-11-23T06:33:43Z INFO  a] datapoint: x ",
			"2026-11-23T06:33:43Z  INFO a:b: c: ", "Error: \n   0: a\n", "The application panicked (crashed).\nMessage:  m\n   0: ", "2026-11-23T06:33:43Z ERROR a::b: m\n\nCaused by:\n    0: ",
			`{"timestamp":"2026-11-23T06:33:43Z","level":"INFO","fields":{"message":"m"},"span":{"a":"`, "panic: ", "thread 'main' panicked at '", "thread 'main' panicked at x.rs:1:1:\n", "Error: ",
			"2026-11-23T06:33:43Z\tINFO\ta.go:1\t", "2026-11-23T06:33:43Z INF a.go:1 > ", "2026-11-23T06:33:43Z INF 1 a.go:1 > ",
			"2026-11-23T06:33:43.5Z [INFO]  a: ", "INFO[0000] ", "  INFO[0000] ", "INFO [11-23|06:21:59.692] ", "2026-11-23T06:33:43Z [DEBU] ",
			"DEBU m ", "   • m ", "06:25:41.558 f ▶ INFO 001 ", "INFO ts=2026-11-23T06:25:41Z msg=m ", "2026-11-23T06:25:41.5Z\t info \tm\t", "[Fx] ERROR\t\t", "[06:25:41]  INFO  m\n"} {
			n := size
			if head != "" {
				n = size / 16
			}
			arena = append(arena[:0], head...)
			for len(arena) < n {
				arena = append(arena, part...)
			}
			b.Reset(testStream, arena)
			var hint uint64
			p.Parse(b, 0, len(arena), observed, &hint)
			if len(b.Records) != 1 {
				t.Fatalf("%q and many %q: %d records", head, part, len(b.Records))
			}
		}
	}
}

// TestManyFields parses records of many fields: what looks at each of them for
// each other takes hours.
func TestManyFields(t *testing.T) {
	for _, kind := range [][3]string{
		{`{"level":"info"`, `,"%x":%d`, "}"},
		{"level=info", " %x=%d", ""},
		{"2026-11-23T06:33:43Z\tINFO\tm\t{\"a\": 1", `, "%x": %d`, "}"},
		{"2026-11-23T06:33:43Z  INFO a::b: m", " k%x=%d", ""},
		{"2026/11/23 06:33:43 INFO m", " k%x=%d", ""},
		{"2026-11-23T06:33:43Z [INFO]", " [k%x:%d]", " m"},
	} {
		text := []byte(kind[0])
		const n = 200_000
		for i := range n {
			text = fmt.Appendf(text, kind[1], i%(n-1), i) // the first key comes again at the end
		}
		text = append(text, kind[2]...)
		b := new(record.Batch)
		b.Reset(testStream, text)
		var hint uint64
		New(Options{Zone: time.UTC}).Parse(b, 0, len(text), observed, &hint)
		fields := b.FieldsOf(&b.Records[0])
		if got := len(fields); got < n-1 || got > n {
			t.Errorf("%s: %d fields", kind[0], got)
		}
		twice := 0
		for _, f := range fields {
			if f.Kind == record.Int && f.Int() == n-1 {
				twice++
			}
		}
		if twice != 1 {
			t.Errorf("%s: %d fields have the last value", kind[0], twice)
		}
	}
}

// checkRecord wants every Span of a record to be within the arena, and the text
// to be valid.
func checkRecord(t *testing.T, b *record.Batch, r *record.Record) {
	t.Helper()
	text := func(s record.Span) {
		if !bytes.Equal(bytes.ToValidUTF8(b.Bytes(s), nil), b.Bytes(s)) {
			t.Fatalf("%q is not valid UTF-8", b.Bytes(s))
		}
	}
	text(r.Body)
	text(r.SeverityText)
	text(r.Logger)
	if r.SeverityText.Len > 32 || r.Severity > 24 || r.Observed != observed {
		t.Fatalf("severity %q %d, observed %d", b.Bytes(r.SeverityText), r.Severity, r.Observed)
	}
	seen := map[string]bool{}
	for _, f := range b.FieldsOf(r) {
		text(f.Key)
		if k := string(b.Bytes(f.Key)); seen[k] {
			t.Fatalf("two fields %q", k)
		} else {
			seen[k] = true
		}
		switch f.Kind {
		case record.String:
			text(f.Val)
		case record.Number:
			if !json.Valid(b.Bytes(f.Val)) {
				t.Fatalf("number %q", b.Bytes(f.Val))
			}
		case record.JSON:
			text(f.Val)
			if !json.Valid(printable(b.Bytes(f.Val))) {
				t.Fatalf("JSON %q", b.Bytes(f.Val))
			}
		}
	}
}

// TestSpoilt parses records of all corpora with one byte of each replaced: what
// parsers take for granted behind a bracket or a blank, they have to look at.
func TestSpoilt(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no corpora")
	}
	p := New(Options{Zone: time.UTC})
	b := new(record.Batch)
	for _, dir := range dirs {
		text := corpus(t, filepath.Base(dir))
		lo, records := int32(0), 0
		for _, hi := range cutAll(text) {
			whole := text[lo:hi]
			lo = hi
			if len(whole) > 400 {
				continue
			}
			if records++; records > 4 {
				break
			}
			for i := range whole {
				for _, part := range []string{"\xff", "€", "", "\n", "\"", "=", "[", "]"} {
					spoilt := slices.Concat(whole[:i], []byte(part), whole[i+1:])
					b.Reset(testStream, slices.Clone(spoilt))
					var hint uint64
					func() {
						defer func() {
							if r := recover(); r != nil || t.Failed() {
								t.Fatalf("%v in %s: %q", r, dir, spoilt)
							}
						}()
						p.Parse(b, 0, len(spoilt), observed, &hint)
						checkRecord(t, b, &b.Records[0])
					}()
				}
			}
		}
	}
}

// TestManyPairs parses lines twice that have more pairs than keys are remembered:
// one of the same place in the memory is learnt anew before the other is used.
func TestManyPairs(t *testing.T) {
	pairs := ""
	for i := range 32 {
		pairs += fmt.Sprintf(" k%d=%d", i, i)
	}
	for _, head := range []string{"INFO [11-23|06:25:41.556] message                    ", "2026-11-23T06:25:41.547Z [INFO]  a: message:", "2026/11/23 06:25:41 INFO message", "2026/11/23 06:25:41 INFO <a.go:1> message"} {
		text := []byte(head + pairs + " error=boom last=of_all_the_pairs_here")
		p := New(Options{Zone: time.UTC})
		var first string
		for range 3 {
			b := new(record.Batch)
			b.Reset(testStream, slices.Clone(text))
			var hint uint64
			p.Parse(b, 0, len(text), observed, &hint)
			got := render2(b)
			if first == "" {
				first = got
			}
			if got != first || !strings.Contains(got, "exception.message") {
				t.Fatalf("again\n%s\nbefore\n%s", got, first)
			}
		}
	}
}

// TestRescue has a parser that panics in the middle of records.
func TestRescue(t *testing.T) {
	lines := []string{`{"level":"info","msg":"one","n":1}` + "\n", "2026/11/23 06:25:41 INFO two\xff n=2\n", "[GIN] 2026/11/23 - 06:25:41 | 200 |   11.727µs |        10.0.0.7 | GET      \"/\"\n"}
	text := []byte(strings.Join(lines, ""))
	var failures []any
	p := New(Options{Zone: time.UTC, Failed: func(v any) { failures = append(failures, v) }})
	b := new(record.Batch)
	b.Reset(testStream, text)
	at, hint := 0, uint64(0)
	for i, line := range lines {
		p.clock.zone = time.UTC
		if i == 1 {
			p.clock.zone, p.clock.slot = nil, 0 // a time without a zone panics
		}
		p.Parse(b, at, at+len(line), observed, &hint)
		at += len(line)
	}
	if len(failures) != 1 || len(b.Records) != 3 {
		t.Fatalf("%d records, failures %v", len(b.Records), failures)
	}
	for i, want := range []string{"one", "2026/11/23 06:25:41 INFO two\ufffd n=2", "200 |   11.727µs"} {
		if got := string(b.Bytes(b.Records[i].Body)); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if r := &b.Records[1]; r.Format != record.FormatText || r.Time != observed || r.Flags&record.InvalidUTF8 == 0 || len(b.FieldsOf(r)) > 0 {
		t.Errorf("%s", render2(&record.Batch{Arena: b.Arena, Records: b.Records[1:2], Fields: b.Fields}))
	}
	if r := &b.Records[2]; r.Format != record.FormatGin || len(b.FieldsOf(r)) != 5 {
		t.Errorf("format %d, %d fields", r.Format, len(b.FieldsOf(r)))
	}
}

// printable replaces the raw control characters that are let through in strings.
func printable(text []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' && r != '\r' {
			return ' '
		}
		if r == '\t' || r == '\r' {
			return ' '
		}
		return r
	}, text)
}

func FuzzParse(f *testing.F) {
	for _, dir := range []string{"zap-json", "slog-json", "tracing-json", "hclog-json", "slog-text", "logrus-text", "klog", "tracing-full", "env_logger", "go-std", "slog-default", "go-panic", "go-fatal", "rust-panic", "rust-error", "mixed",
		"tracing-pretty", "tracing-compact", "slog-term", "slog-term-compact", "simplelog", "stderrlog", "flexi_logger", "fern", "femme", "log4rs",
		"zap-console", "zerolog-console", "tint", "phuslu",
		"access-log", "calico", "cockroachdb", "coredns", "fiber", "funcr", "gin", "gorm", "nats", "tidb", "go-test", "go-debug",
		"hclog-text", "logrus-tty", "logrus-nested", "geth", "log15", "apex",
		"charm", "go-logging", "seelog", "kratos", "go-zero", "fx", "devslog"} {
		text := corpus(f, dir)
		lo := int32(0)
		for i, hi := range cutAll(text) {
			if i%7 == 0 && hi-lo < 2000 {
				f.Add(text[lo:hi], uint64(i))
			}
			lo = hi
		}
	}
	f.Add([]byte("thread ' panicked at 'x"), uint64(0))
	f.Add([]byte("\x1b[32m\x1b[1ml"+strings.Repeat("\xf0", 22)+"ogs\x1b[0m"), uint64(0))
	f.Add([]byte("  2026-11-23T06:33:43.959871Z  INFO a: m\n    in a::b with id: \"a1 b2\",\xff\xffrace_id:"), uint64(21))
	f.Add([]byte("{\"stack\":\" \\n\\t00000000000000000000000000000\"}"), uint64(271))
	f.Fuzz(func(t *testing.T, text []byte, hint uint64) {
		b := new(record.Batch)
		// Bytes around the record are not its own.
		b.Reset(testStream, append(append([]byte("before\""), text...), "\"behind"...))
		p := New(Options{Zone: time.UTC})
		again := hint
		p.Parse(b, 7, 7+len(text), observed, &hint)
		if len(b.Records) != 1 {
			t.Fatalf("%d records", len(b.Records))
		}
		checkRecord(t, b, &b.Records[0])
		first := render2(b)
		if !bytes.HasPrefix(b.Arena, append([]byte("before\""), text...)) {
			t.Fatal("the text was changed")
		}
		// What the parser has learnt makes no difference.
		b.Reset(testStream, append([]byte(nil), text...))
		p.Parse(b, 0, len(text), observed, &again)
		if second := render2(b); second != first || again != hint {
			t.Fatalf("again\n%s\nbefore\n%s", second, first)
		}
	})
}

// render2 is render for any record, valid JSON or not.
func render2(b *record.Batch) string {
	r := &b.Records[0]
	var out strings.Builder
	fmt.Fprintln(&out, r.Time, r.TimeSource, r.Severity, r.Flags, r.Format, string(r.AppendTraceID(nil)), string(r.AppendSpanID(nil)), r.TraceFlags)
	fmt.Fprintf(&out, "%q %q %q\n", b.Bytes(r.Body), b.Bytes(r.SeverityText), b.Bytes(r.Logger))
	for _, f := range b.FieldsOf(r) {
		fmt.Fprintf(&out, "%q %d %q\n", b.Bytes(f.Key), f.Kind, b.Text(nil, f))
	}
	return out.String()
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5e3,{"b":null}],"c":"\u00e9"}`))
	f.Add([]byte(`{"level":"info","ts":1.5,"msg":"x"}`))
	f.Add([]byte("{\"a\"\n:\t1\n,\r\"b\":\n[\t1\n,{}],\"fields\":\n{\"message\":\t\"x\"},\"target\":\"\"}"))
	f.Add([]byte(`{"a":"\"` + strings.Repeat("}", 70) + `","b":` + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1) + "}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		if !bytes.HasPrefix(text, []byte("{")) {
			return
		}
		var depth, deepest int
		for i, inside := 0, false; i < len(text); i++ {
			switch c := text[i]; {
			case c == '"':
				inside = !inside
			case inside && c == '\\':
				i++
			case inside:
			case c == '{' || c == '[':
				depth++
				deepest = max(deepest, depth)
			case c == '}' || c == ']':
				depth--
			}
		}
		if deepest > maxDepth {
			return // encoding/json goes deeper
		}
		want := json.Valid(text)
		if got := isJSON(string(text)); got != want && !(got && json.Valid(printable(text))) {
			t.Fatalf("%q: %v, encoding/json says %v", text, got, want)
		}
	})
}

func FuzzTime(f *testing.F) {
	f.Add("2026-11-23T06:25:41.5629Z")
	f.Add("2026-11-23T06:25:41+03:00")
	f.Fuzz(func(t *testing.T, text string) {
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || want.Year() < 1700 || want.Year() > 2250 || len(text) < 19 || text[13] != ':' || strings.Contains(text, ",") || strings.HasSuffix(text, "60") {
			return // hours of one digit and offsets of 60 minutes, which nobody writes
		}
		c := clock{zone: time.UTC}
		ns, n, source := c.at([]byte(text))
		if n != len(text) || source != record.TimeLine {
			// Offsets beyond those in use are left out.
			if _, off := want.Zone(); off > 15*3600 || off < -15*3600 {
				return
			}
			t.Fatalf("%s: %d bytes", text, n)
		}
		if ns != want.UnixNano() {
			t.Fatalf("%s: %d, want %d", text, ns, want.UnixNano())
		}
	})
}
