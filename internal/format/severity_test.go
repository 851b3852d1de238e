package format

import "testing"

// TestSeverities wants OpenTelemetry's number for every spelling of a level, in
// the lines of those who spell it so. 0 is a level that nobody knows.
func TestSeverities(t *testing.T) {
	f := func(want uint8, text string, lines ...string) {
		t.Helper()
		for _, line := range lines {
			b := parse(line)
			r := &b.Records[0]
			if got := string(b.Bytes(r.SeverityText)); r.Severity != want || got != text {
				t.Errorf("%s\ngot %d %q, want %d %q", line, r.Severity, got, want, text)
			}
		}
	}
	members := func(want uint8, text string, objects ...string) {
		t.Helper()
		for _, o := range objects {
			f(want, text, `{"time":"2026-11-23T06:25:41Z",`+o+`,"msg":"m"}`)
		}
	}

	// log/slog.
	slog := func(want uint8, text string) {
		t.Helper()
		f(want, text, "time=2026-11-23T06:25:41Z level="+text+" msg=m", "2026/11/23 06:25:41 "+text+" m", `{"time":"2026-11-23T06:25:41Z","level":"`+text+`","msg":"m"}`)
	}
	slog(1, "DEBUG-4")
	slog(4, "DEBUG-1")
	slog(5, "DEBUG")
	slog(7, "DEBUG+2")
	slog(9, "INFO")
	slog(10, "INFO+1")
	slog(12, "INFO+3")
	slog(13, "WARN")
	slog(14, "WARN+1")
	slog(17, "ERROR")
	slog(18, "ERROR+1")
	slog(21, "ERROR+4")
	members(1, "DEBUG-40", `"level":"DEBUG-40"`)
	members(24, "ERROR+99", `"level":"ERROR+99"`)
	members(0, "INFO+2x", `"level":"INFO+2x"`)
	members(0, "INFO+", `"level":"INFO+"`)

	// zap, in JSON and on the console; logr's verbosity beyond its names.
	zap := func(want uint8, lower, upper string) {
		t.Helper()
		f(want, lower, `{"level":"`+lower+`","ts":1795415142.5,"caller":"a/b.go:1","msg":"m"}`, "2026-11-23T06:25:41.421Z\t"+lower+"\ta.go:7\tm")
		f(want, upper, `{"level":"`+upper+`","ts":1795415142.5,"caller":"a/b.go:1","msg":"m"}`, "2026-11-23T06:25:41.421Z\t"+upper+"\ta.go:7\tm", "1.7954151421e+09\t"+upper+"\tm")
	}
	zap(5, "debug", "DEBUG")
	zap(9, "info", "INFO")
	zap(13, "warn", "WARN")
	zap(17, "error", "ERROR")
	zap(21, "dpanic", "DPANIC")
	zap(22, "panic", "PANIC")
	zap(21, "fatal", "FATAL")
	zap(5, "Level(-2)", "LEVEL(-2)")
	zap(5, "Level(-3)", "LEVEL(-3)")
	zap(1, "Level(-4)", "LEVEL(-4)")
	zap(1, "Level(-10)", "LEVEL(-10)")
	members(0, "Level(-x)", `"level":"Level(-x)"`)
	members(0, "Level(-1", `"level":"Level(-1"`)
	members(0, "Level()", `"level":"Level()"`)

	// logrus, zerolog.
	for _, l := range []struct {
		want uint8
		text string
	}{{1, "trace"}, {5, "debug"}, {9, "info"}, {13, "warning"}, {13, "warn"}, {17, "error"}, {21, "fatal"}, {22, "panic"}} {
		f(l.want, l.text, `time="2026-11-23T06:25:41Z" level=`+l.text+` msg=m`, `{"level":"`+l.text+`","msg":"m","time":"2026-11-23T06:25:41Z"}`, `{"level":"`+l.text+`","time":1795415142,"message":"m"}`)
	}
	for _, l := range []struct {
		want uint8
		text string
	}{{1, "TRC"}, {5, "DBG"}, {9, "INF"}, {13, "WRN"}, {17, "ERR"}, {21, "FTL"}, {22, "PNC"}} {
		f(l.want, l.text, "6:25AM "+l.text+" m", "2026-11-23T06:25:41Z "+l.text+" m a=1")
	}

	// klog and glog, CockroachDB, capnslog.
	for _, l := range []struct {
		want uint8
		text string
	}{{9, "I"}, {13, "W"}, {17, "E"}, {21, "F"}} {
		f(l.want, l.text, l.text+"1123 06:25:41.421188       1 a.go:152] m", l.text+"261123 06:25:41.421188 1 a.go:152  m")
	}
	for _, l := range []struct {
		want uint8
		text string
	}{{21, "C"}, {17, "E"}, {13, "W"}, {10, "N"}, {9, "I"}, {5, "D"}, {1, "T"}} {
		f(l.want, l.text, "2026-11-23 06:25:41.421188 "+l.text+" | pkg: m")
	}

	// hclog, log15, go-ethereum, nats-server, tidb, charm, go-logging.
	f(13, "WARN", "2026-11-23T06:25:41.421Z [WARN]  a: m: k=v", "[WARN]  a: m", "[2026/11/23 06:25:41.554 +00:00] [WARN] [a.go:1] [m]", "WARN [11-23|06:25:41.556] m  k=v")
	f(1, "TRACE", "2026-11-23T06:25:41.421Z [TRACE] a: m: k=v", "2026-11-23T06:25:41.421Z TRACE a: m", "[2026-11-23T06:25:41Z TRACE a] m")
	members(17, "eror", `"lvl":"eror"`)
	members(5, "dbug", `"lvl":"dbug"`)
	members(18, "crit", `"lvl":"crit"`)
	f(17, "ERROR", "ERROR[11-23|06:25:41.556] m  k=v", "2026-11-23T06:25:41.421Z ERROR a: m")
	f(17, "ERR", "[7] 2026/11/23 06:25:41.000001 [ERR] m")
	f(21, "FATA", "2026/11/23 06:25:41 FATA m k=v")

	// Rust's slog, and tracing's names.
	f(1, "TRCE", "Nov 23 06:25:41.421 TRCE m, k: v")
	f(5, "DEBG", "Nov 23 06:25:41.421 DEBG m, k: v")
	f(17, "ERRO", "Nov 23 06:25:41.421 ERRO m, k: v")
	f(21, "CRIT", "Nov 23 06:25:41.421 CRIT m, k: v")

	// bunyan and pino.
	for _, l := range []struct {
		want uint8
		text string
	}{{1, "10"}, {5, "20"}, {9, "30"}, {13, "40"}, {17, "50"}, {21, "60"}, {9, "35"}} {
		f(l.want, l.text, `{"v":0,"name":"a","msg":"m","level":`+l.text+`,"hostname":"h","pid":1,"time":"2026-11-23T06:25:41Z"}`, `{"level":`+l.text+`,"time":1795415142163,"msg":"m"}`)
	}

	// syslog: its names, GELF's digits, the journal's, systemd's prefix.
	for i, want := range []uint8{21, 19, 18, 17, 13, 10, 9, 5} {
		digit := string(rune('0' + i))
		f(want, digit, `{"version":"1.1","host":"h","short_message":"m","level":`+digit+`}`, `{"PRIORITY":"`+digit+`","message":"m"}`, `{"severity":`+digit+`,"message":"m"}`, `{"severity":"`+digit+`","message":"m"}`, "<"+digit+">m")
		name := []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}[i]
		members(want, name, `"level":"`+name+`"`)
	}
	for _, l := range []struct {
		want uint8
		text string
	}{{0, "DEFAULT"}, {5, "DEBUG"}, {9, "INFO"}, {10, "NOTICE"}, {13, "WARNING"}, {17, "ERROR"}, {18, "CRITICAL"}, {19, "ALERT"}, {21, "EMERGENCY"}} { // Google's
		members(l.want, l.text, `"severity":"`+l.text+`"`)
	}

	// OpenTelemetry's numbers.
	members(14, "", `"severity_number":14`, `"severityNumber":14`, `"SeverityNumber":14`, `"Severity":14`)
	members(17, "ERROR", `"SeverityNumber":17,"SeverityText":"ERROR"`, `"severity_text":"ERROR","severity_number":17`)
	members(17, "loud", `"severityNumber":17,"severityText":"loud"`)
	members(0, "", `"severity_number":0`, `"severity_number":25`)

	// In whatever case, and words of others.
	for _, l := range []struct {
		want uint8
		text string
	}{{9, "Information"}, {9, "informational"}, {13, "Warn"}, {5, "Verbose"}, {21, "severe"}, {9, "I"}, {13, "W"}, {0, "none"}, {0, "loud"}, {0, "unknown"}} {
		members(l.want, l.text, `"level":"`+l.text+`"`)
	}
	members(9, "INFO", `"level":"\u001b[34mINFO\u001b[0m"`)

	// What dies has a severity without a level.
	f(21, "", "panic: m\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1\n", "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [select (no cases)]:\nmain.main()\n\t/a.go:1 +0x1\n",
		"thread 'main' panicked at src/main.rs:2:5:\nm\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n")
	f(0, "", "no level at all", "2026/11/23 06:25:41 no level", `10.0.0.7 - - [23/Nov/2026:06:25:41 +0000] "GET / HTTP/1.1" 500 9 "-" "-"`, "<8>m", "<x>m")
}
