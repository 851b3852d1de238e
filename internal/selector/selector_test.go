package selector

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// labels and line are the record that queries are tried on.
var labels = map[string]string{"service_name": "payments", "status": "503", "level": "error", "latency": "0.25", "took": "1.5s", "size": "20KB",
	"bytes": "2048", "trace_id": "abc", "text": "a\nb", "negative": "-3"}

const line = "gateway timeout, giving up\n\tat charge"

func TestMatch(t *testing.T) {
	f := func(query string, want bool) {
		t.Helper()
		q, err := ParseQuery(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			return
		}
		if got := q.Match(func(n string) string { return labels[n] }, []byte(line)); got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	f(`{}`, true)
	f(`{service_name="payments"}`, true)
	f(`{service_name="payment"}`, false)
	f(`{service_name="payments",}`, true)
	f(`{service_name=~"pay.*"}`, true)
	f(`{service_name=~"pay"}`, false) // whole labels only
	f(`{service_name=~"pay|payments"}`, true)
	f(`{service_name!~"pay", level="error"}`, true)
	f(`{service_name!="x", nothing=""}`, true)
	f(`{nothing!="x"}`, true)
	f(`{nothing=~".*"}`, true)
	f(`{nothing=~".+"}`, false)
	f(`{text=~"a.b"}`, false) // in labels a dot is no newline
	f(`{text=~"(?s)a.b"}`, true)

	f(`{level="error"} |= "timeout"`, true)
	f(`{level="error"} |= "Timeout"`, false)
	f(`{level="error"} |= ""`, true)
	f(`{level="error"} != "timeout"`, false)
	f("{level=\"error\"} |~ `time(out|r)`", true)
	f("{level=\"error\"} |~ `(?i)TIMEOUT`", true)
	f("{level=\"error\"} |~ `up.*charge`", true) // in lines it is
	f(`{level="error"} !~ "^time"`, true)
	f(`{level="error"} |= "nope" or "giving"`, true)
	f(`{level="error"} |~ "nope" or "giv"`, true)
	f(`{level="error"} != "nope" or "giving"`, false)
	f(`{level="error"} != "nope" or "none"`, true)
	f(`{level="error"} !~ "nope" or "giv"`, false)
	f(`{level="error"} |= "gateway" |= "giving" != "x"`, true)
	f("{} |= \"giving up\\n\"", true)

	f(`{level="error"} | trace_id="abc"`, true)
	f(`{level="error"} | nothing!="abc"`, true)
	f(`{level="error"} | trace_id=~"a.c"`, true)
	f(`{level="error"} | trace_id!~"a"`, true)
	f(`{level="error"} | status >= 500`, true)
	f(`{level="error"} | status > 503`, false)
	f(`{level="error"} | status = 503`, true)
	f(`{level="error"} | status == 503 and latency < 0.3`, true)
	f(`{level="error"} | status != 503`, false)
	f(`{level="error"} | latency > -1`, true)
	f(`{level="error"} | negative < -2.5`, true)
	f(`{level="error"} | service_name < 1`, false) // no number
	f(`{level="error"} | service_name != 1`, false)
	f(`{level="error"} | nothing != 1`, false)

	f(`{} | took > 1s`, true)
	f(`{} | took = 1500ms`, true)
	f(`{} | took < 1h30m`, true)
	f(`{} | latency < 1s`, false) // a number is no duration: of what unit?
	f(`{} | nothing < 1s`, false)
	f(`{} | size >= 20000B`, true)
	f(`{} | size < 20KiB`, true)
	f(`{} | bytes = 2KiB`, true) // but it is a number of bytes

	f(`{} | nothing > 1 or latency <= 0.25`, true)
	f(`{} | (status = 1 or status = 503), level="error"`, true)
	f(`{} | level="error" or level="info" and status = 1`, true)
	f(`{} | (level="error" or level="info") and status = 1`, false)
	f(`{} | level="error" or (level="info" and status = 1)`, true)
	f(`{} | level="info" and status = 1 or level="error"`, true)
	f(`{} | level="error" status = 1`, false)
	f(`{} | level="error" status = 503 | trace_id="abc" |= "gateway"`, true)
	f(`{} | __error__=""`, true)
	f(`{} | drop __error__, __error_details__ | level="error"`, true)
	f("# comment\n{level=\"error\"} # another", true)
}

func TestMetricQueries(t *testing.T) {
	f := func(query string, check func(Expr) bool) {
		t.Helper()
		e, err := Parse(query)
		if err != nil || !check(e) {
			t.Errorf("%s: %#v, error %v", query, e, err)
		}
	}
	f(`count_over_time({a="b"}[5m])`, func(e Expr) bool {
		r, ok := e.(*Range)
		return ok && r.Function == CountOverTime && r.Window == 5*time.Minute && r.Offset == 0
	})
	f(`rate({a="b"} |= "x" [1h30m])`, func(e Expr) bool {
		r, ok := e.(*Range)
		return ok && r.Function == Rate && r.Window == 90*time.Minute && len(r.Query.Matchers) == 1 && len(r.Query.Filters) == 1
	})
	f(`bytes_rate({a="b"}[1d] |= "x")`, func(e Expr) bool {
		r, ok := e.(*Range)
		return ok && r.Function == BytesRate && r.Window == 24*time.Hour && len(r.Query.Filters) == 1
	})
	f(`rate(({a="b"} |= "x")[1m] offset 1h)`, func(e Expr) bool {
		r, ok := e.(*Range)
		return ok && r.Window == time.Minute && r.Offset == time.Hour && len(r.Query.Filters) == 1
	})
	f(`rate({a="b"}[1m] offset -1w)`, func(e Expr) bool { return e.(*Range).Offset == -7*24*time.Hour })
	f(`sum by (level, service_name) (rate({a="b"}[1m]))`, func(e Expr) bool {
		s, ok := e.(*Aggregation)
		return ok && s.Aggregator == Sum && len(s.Labels) == 2 && s.Labels[1] == "service_name" && !s.Without && s.Of.(*Range).Function == Rate
	})
	f(`sum(count_over_time({a="b"}[1d])) without (level)`, func(e Expr) bool {
		s, ok := e.(*Aggregation)
		return ok && len(s.Labels) == 1 && s.Without
	})
	f(`sum(rate({a="b"}[1s]))`, func(e Expr) bool { s, ok := e.(*Aggregation); return ok && s.Labels == nil && !s.Without })
	f(`topk by (x) (3, (avg by (x, y) (rate({a="b"}[1s]))))`, func(e Expr) bool {
		s, ok := e.(*Aggregation)
		return ok && s.Aggregator == TopK && s.K == 3 && s.Labels[0] == "x" && s.Of.(*Aggregation).Aggregator == Avg
	})
	f(`vector(1)+vector(1)`, func(e Expr) bool { return e == Scalar(2) })
	// As Grafana asks for the volume of a query.
	f("sum by (level, detected_level) (count_over_time({service_name=`a`} |= `x` | drop __error__ [1m]))", func(e Expr) bool {
		return len(e.(*Aggregation).Of.(*Range).Query.Filters) == 1
	})
}

func TestErrors(t *testing.T) {
	f := func(query string, line, column int, msg string) {
		t.Helper()
		_, err := Parse(query)
		var e *Error
		if !errors.As(err, &e) || e.Line != line || e.Column != column || e.Msg != msg {
			t.Errorf("%.80s: %v", query, err)
		}
	}
	f(``, 1, 1, `syntax error: unexpected end of the query`)
	f(`{a="b"`, 1, 7, `syntax error: unexpected end of the query, expecting "}"`)
	f(`{a="b"} foo`, 1, 9, `syntax error: unexpected "foo"`)
	f(`{a=b}`, 1, 4, `syntax error: unexpected "b", expecting a string`)
	f(`{a>"b"}`, 1, 3, `syntax error: unexpected ">", expecting = != =~ or !~`)
	f(`{service.name="b"}`, 1, 2, `syntax error: "service.name": in LogQL names are written with underscores: service_name`)
	f(`{} | http.status > 1`, 1, 6, `syntax error: "http.status": in LogQL names are written with underscores: http_status`)
	f("{a=\"b\"}\n| json", 2, 3, `not supported: the stage json; attributes can be filtered without it`)
	f(`{a="b"} | logfmt | b="c"`, 1, 11, `not supported: the stage logfmt; attributes can be filtered without it`)
	f(`{a="b"} | line_format "x"`, 1, 11, `not supported: the stage line_format; attributes can be filtered without it`)
	f(`{a="b"} | b="c" unwrap d`, 1, 17, `not supported: the stage unwrap; attributes can be filtered without it`)
	f(`{a="b"} | drop level`, 1, 11, `not supported: the stage drop, but of __error__`)
	f(`{a="b"} | drop __error__ != "x"`, 1, 11, `not supported: the stage drop, but of __error__`)
	f(`{a="b"} | a`, 1, 12, `syntax error: unexpected end of the query, expecting = != =~ !~ < <= > or >=`)
	f(`{a="b"} | a > "5"`, 1, 15, `syntax error: unexpected "5", expecting a number, a duration or a size`)
	f(`{a="b"} | a == "5"`, 1, 16, `syntax error: unexpected "5", expecting a number, a duration or a size`)
	f(`{a="b"} | a =~ 5`, 1, 16, `syntax error: unexpected "5", expecting a string`)
	f(`{a="b"} | a > 5x`, 1, 15, `syntax error: "5x" is no number, duration or size`)
	f(`{a="b"} | a = ip("1.2.3.4")`, 1, 15, `not supported: ip()`)
	f(`{a="b"} |= ip("1.2.3.4")`, 1, 12, `not supported: ip()`)
	f(`{a="b"} |> "<_> x"`, 1, 9, `not supported: pattern filters`)
	f(`{a=~"("}`, 1, 5, "error parsing regexp: missing closing ): `(`")
	f(`{a=~"a)(b"}`, 1, 5, "error parsing regexp: unexpected ): `a)(b`")
	f(`{a="b"} |= "x`, 1, 12, `syntax error: the string that begins here does not end`)
	f(`{a="b"} |= "\d"`, 1, 12, "syntax error: the string that begins here is not valid: write backslashes twice, or quote it with `")
	f(`stddev(rate({a="b"}[1m]))`, 1, 1, `not supported: stddev; there are count_over_time, rate, bytes_over_time, bytes_rate, and sum, avg, min, max, count, topk, bottomk of them`)
	f(`rate({a="b"}[5x])`, 1, 14, `syntax error: a duration such as 5m is needed here, not "5x"`)
	f(`rate({a="b"}[0s])`, 1, 14, `syntax error: a duration such as 5m is needed here, not "0s"`)
	f(`rate({a="b"})`, 1, 13, `syntax error: unexpected ")", expecting a range such as [5m]`)
	f(`rate({a="b"}[5m]) by (x)`, 1, 19, `not supported: by of rate; write sum by (...) (rate(...))`)
	f(`sum({a="b"})`, 1, 5, `syntax error: sum is of series: count records first, as in count_over_time({...}[5m])`)
	f(`sum(vector(1))`, 1, 5, `not supported: sum of a constant`)
	f(`topk(rate({a="b"}[5m]))`, 1, 6, `syntax error: unexpected "rate", expecting a number of series, 1 or more`)
	f(`rate({a="b"}[5m]) > 1`, 1, 19, `not supported: the operator > on series`)
	f(`rate({a="b"}[5m]) or vector(0)`, 1, 19, `not supported: the operator or on series`)
	f(`rate({a="b"}[5m]) + rate({a="b"}[5m])`, 1, 19, `not supported: arithmetic on series`)
	f(`2 * 3`, 1, 1, `syntax error: unexpected "2"`)
	f("{ä=\"b\"}", 1, 2, `syntax error: unexpected "ä"`)
	f("{a=\"\xff\"}", 1, 1, `the query is not UTF-8`)
	f(`{} | `+strings.Repeat("(", 60)+`a="b"`, 1, 57, `more than 50 parentheses within each other`)
	f(strings.Repeat("(", 60)+`{}`, 1, 52, `more than 50 parentheses within each other`)
	f(`{} | a="b"`+strings.Repeat(` or a="b"`, 1000), 1, 9008, `the query has more than 1000 comparisons`)
	f(strings.Repeat(" ", 65<<10), 1, 1, `the query is longer than 64 KiB`)
	if _, err := ParseQuery(`vector(1)`); err == nil || !strings.Contains(err.Error(), "a log query is needed here") {
		t.Errorf("a metric query for a log query: %v", err)
	}
}

func TestString(t *testing.T) {
	f := func(query, want string) {
		t.Helper()
		e, err := Parse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			return
		}
		if got := e.String(); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	f("{ a =~ `b.\"` , c!=\"d\" }|=`x`or\"y\"!~\"z\"", `{a=~"b.\"", c!="d"} |= "x" or "y" !~ "z"`)
	f(`{}|a>=5ms b="c",d==-1|e="f"`, `{} | a >= 5ms and b="c" and d = -1 | e="f"`)
	f(`{}|a="1" or b="2" and (c="3" or (d="4"))`, `{} | a="1" or b="2" and (c="3" or d="4")`)
	f(`{}|(a="1" or b="2") and c="3"`, `{} | (a="1" or b="2") and c="3"`)
	f(`{}|a="1" and (b="2" and c="3") or (d="4" or e="5")`, `{} | a="1" and b="2" and c="3" or d="4" or e="5"`)
	// The precedence is that of Loki's parser: 3.7.8 reads each like that.
	f(`{}|a="1" and b="2" or c="3"`, `{} | a="1" and b="2" or c="3"`)
	f(`{}|a="1" or b="2" and c="3" or d="4"`, `{} | a="1" or b="2" and c="3" or d="4"`)
	f(`{}|a="1", b="2" or c="3"`, `{} | a="1" and (b="2" or c="3")`)
	f(`{}|a="1" b="2" or c="3"`, `{} | a="1" and (b="2" or c="3")`)
	f(`{}|a="1" or b="2", c="3"`, `{} | a="1" or b="2" and c="3"`)
	f(`{}|a="1" or b="2" c="3" or d="4"`, `{} | a="1" or b="2" and (c="3" or d="4")`)
	f(`{}|a="1" b="2", c="3" or d="4" and e="5"`, `{} | a="1" and b="2" and (c="3" or d="4" and e="5")`)
	f(`{}!="x"or"y"`, `{} != "x" or "y"`)
	f(`rate({}[90s]|="x")`, `rate({} |= "x" [1m30s])`)
	f(`rate({}[1m] offset 5m)`, `rate({} [1m] offset 5m)`)
	f(`rate({}[90m] offset 25h)`, `rate({} [1h30m] offset 25h)`)
	f(`sum(rate({}[1m]))by(a,b)`, `sum by (a, b) (rate({} [1m]))`)
	f(`sum by () (rate({}[1m]))`, `sum(rate({} [1m]))`)
	f(`sum without () (rate({}[1m]))`, `sum without () (rate({} [1m]))`)
	f(`((topk(2,rate({}[1m]))))`, `topk(2, rate({} [1m]))`)
	f(`vector(1.5)+vector(1)`, `vector(2.5)`)
}

func TestParseDuration(t *testing.T) {
	f := func(s string, want time.Duration, ok bool) {
		t.Helper()
		if d, is := ParseDuration(s); is != ok || is && d != want {
			t.Errorf("%q: %v %v", s, d, is)
		}
	}
	f("5m", 5*time.Minute, true)
	f("1h30m", 90*time.Minute, true)
	f("1.5s", 1500*time.Millisecond, true)
	f("16.854775807s", 16854775807, true)
	f("2w1d", 15*24*time.Hour, true)
	f("0s", 0, true)
	f("1µs", time.Microsecond, true)
	f("", 0, false)
	f("5", 0, false)
	f("m", 0, false)
	f("5M", 0, false)
	f("-5m", 0, false)
	f("1..5s", 0, false)
	f("300y", 0, false)
	f("70y70y", 0, false)
}

func TestLiteral(t *testing.T) {
	f := func(pattern, want string) {
		t.Helper()
		if got := literal(pattern); got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	f(`timeout`, "timeout")
	f(`^(?:pay.*ments)$`, "ments")
	f(`(?i)timeout`, "")
	f(`a|b`, "")
	f(`(error)+x?`, "error")
	f(`(error){2,}`, "error")
	f(`x*`, "")
	f("a\uFFFD", "")
	f(`(`, "")
}

// FuzzParse wants every error to have a place, and that what String writes is
// the same query.
func FuzzParse(f *testing.F) {
	for _, q := range []string{`{a="b", c=~"d.*"} |= "x" or "y" !~ "z" | a > 5ms and (b = "c" or d != 1)`, `{} | a="1" or b="2" and (c>-20KiB or d=~"4")`,
		`sum by (a) (rate({a="b"}[5m] offset -3m))`, `topk without (x) (2, bytes_rate(({} |~ "a" or "b")[1.5s]))`, `vector(1e300)+vector(2)`, "{a=`\\`}\n#x\n!= `\"` | drop __error__"} {
		f.Add(q)
	}
	f.Add(`{} | (drop="x") | (drop=1 and a=2) or (drop=1 or c=3) and (a=1 or drop=2) | (drop=1 or c=3) and a=4`)
	f.Add("{} | (drop=1) or b=1" + strings.Repeat(", a=1 or b=1", maxDepth-1))
	f.Add("{} | a=1 or b=1" + strings.Repeat(", a=1 or b=1", maxDepth+1))
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			var pe *Error
			if !errors.As(err, &pe) || pe.Line < 1 || pe.Column < 1 || pe.Msg == "" {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		s := e.String()
		if len(s) > maxText {
			return // escapes and blanks have made it longer than text
		}
		again, err := Parse(s)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, s, err)
		}
		if got := again.String(); got != s {
			t.Fatalf("%q became %q and then %q", text, s, got)
		}
		q, ok := e.(*Query)
		if !ok {
			return
		}
		for _, l := range []string{line, "", "b x y"} {
			label := func(n string) string { return labels[n] }
			if a, b := q.Match(label, []byte(l)), again.(*Query).Match(label, []byte(l)); a != b {
				t.Fatalf("%q: %v, as %q: %v", text, a, s, b)
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	q, err := ParseQuery(`{service_name="payments", level=~"warn|error"} |~ "time.*up" | status >= 500`)
	if err != nil {
		b.Fatal(err)
	}
	get := func(n string) string { return labels[n] }
	l := []byte(line)
	b.ReportAllocs()
	for b.Loop() {
		if !q.Match(get, l) {
			b.Fatal("no match")
		}
	}
}
