package selector

import (
	"errors"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	labels := map[string]string{"service_name": "payments", "status": "503", "level": "error", "latency": "0.25", "trace_id": "abc"}
	line := []byte("gateway timeout, giving up")
	f := func(query string, want bool) {
		t.Helper()
		q, err := ParseQuery(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			return
		}
		if got := q.Match(func(n string) string { return labels[n] }, line); got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	f(`{service_name="payments"}`, true)
	f(`{service_name="payment"}`, false)
	f(`{service_name=~"pay.*"}`, true)
	f(`{service_name=~"pay"}`, false) // whole labels only
	f(`{service_name!~"pay", level="error"}`, true)
	f(`{service_name!="x", nothing=""}`, true)
	f(`{nothing!="x"}`, true)
	f(`{level="error"} |= "timeout"`, true)
	f(`{level="error"} |= "Timeout"`, false)
	f(`{level="error"} != "timeout"`, false)
	f("{level=\"error\"} |~ `time(out|r)`", true)
	f(`{level="error"} !~ "^time"`, true)
	f(`{level="error"} |= "nope" or "giving"`, true)
	f(`{level="error"} != "nope" or "giving"`, false)
	f(`{level="error"} |= "gateway" |= "giving" != "x"`, true)
	f(`{level="error"} | trace_id="abc"`, true)
	f(`{level="error"} | status >= 500`, true)
	f(`{level="error"} | status > 503`, false)
	f(`{level="error"} | status == 503 and latency < 300ms`, true)
	f(`{level="error"} | status != 503`, false)
	f(`{level="error"} | nothing > 1 or latency <= 0.25`, true)
	f(`{level="error"} | (status = 1 or status = 503), level="error"`, true)
	f(`{level="error"} | latency > -1`, true)
	f(`{level="error"} | service_name < 1`, false) // no number
	f("# comment\n{level=\"error\"}", true)
}

func TestParse(t *testing.T) {
	f := func(query string, check func(Expr) bool) {
		t.Helper()
		e, err := Parse(query)
		if err != nil || !check(e) {
			t.Errorf("%s: %#v, error %v", query, e, err)
		}
	}
	f(`count_over_time({a="b"}[5m])`, func(e Expr) bool {
		r, ok := e.(*Range)
		return ok && r.Function == CountOverTime && r.Window == 5*time.Minute
	})
	f(`rate({a="b"} |= "x" [1h30m])`, func(e Expr) bool {
		r, ok := e.(*Range)
		return ok && r.Function == Rate && r.Window == 90*time.Minute && len(r.Query.All) == 2
	})
	f(`sum by (level, service_name) (rate({a="b"}[1m]))`, func(e Expr) bool {
		s, ok := e.(*Sum)
		return ok && len(s.By) == 2 && s.By[1] == "service_name" && s.Range.Function == Rate
	})
	f(`sum(count_over_time({a="b"}[1d])) by (level)`, func(e Expr) bool {
		s, ok := e.(*Sum)
		return ok && len(s.By) == 1 && s.Range.Window == 24*time.Hour
	})
	f(`sum(rate({a="b"}[1s]))`, func(e Expr) bool { s, ok := e.(*Sum); return ok && s.By == nil })
	f(`vector(1)+vector(1)`, func(e Expr) bool { return e == Scalar(2) })
}

func TestErrors(t *testing.T) {
	f := func(query string, line, column int, msg string) {
		t.Helper()
		_, err := Parse(query)
		var e *Error
		if !errors.As(err, &e) || e.Line != line || e.Column != column || e.Msg != msg {
			t.Errorf("%s: %v", query, err)
		}
	}
	f(``, 1, 1, `syntax error: unexpected end of the query`)
	f(`{}`, 1, 1, `queries require at least one matcher, such as {service_name="a"}`)
	f(`{a="b"`, 1, 7, `syntax error: unexpected end of the query, expecting "}"`)
	f(`{a="b"} foo`, 1, 9, `syntax error: unexpected "foo"`)
	f(`{a=b}`, 1, 4, `syntax error: unexpected "b"`)
	f(`{a>"b"}`, 1, 3, `syntax error: unexpected ">", expecting = != =~ or !~`)
	f("{a=\"b\"}\n| json", 2, 3, `not supported: the stage json; attributes can be filtered without it`)
	f(`{a="b"} | line_format "x"`, 1, 11, `not supported: the stage line_format; attributes can be filtered without it`)
	f(`{a=~"("}`, 1, 5, "the regular expression that begins here is not valid: error parsing regexp: missing closing ): `^(?s:()$`")
	f(`{a="b"} |= "x`, 1, 12, `the string that begins here does not end`)
	f(`topk(3, rate({a="b"}[1m]))`, 1, 1, `not supported: topk; there are count_over_time, rate, and sum by (...) of them`)
	f(`rate({a="b"}[5x])`, 1, 14, `a duration such as 5m is needed here, not "5x"`)
	f(`rate({a="b"}[5m] offset 1h)`, 1, 18, `not supported: offset`)
	f(`sum without (a) (rate({a="b"}[5m]))`, 1, 5, `not supported: without; name the labels to keep with by (...)`)
	f(`rate({a="b"}[5m]) > 1`, 1, 19, `not supported: the operator > on series`)
	f(`rate({a="b"}[5m]) + rate({a="b"}[5m])`, 1, 19, `not supported: arithmetic on series`)
	f("{ä=\"b\"}", 1, 2, `syntax error: unexpected 'ä'`)
}

func FuzzParse(f *testing.F) {
	for _, q := range []string{`{a="b", c=~"d.*"} |= "x" or "y" !~ "z" | a > 5ms and (b = "c" or d != 1)`, `sum by (a) (rate({a="b"}[5m]))`, `vector(1)+vector(2)`} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		var pe *Error
		if err != nil && (!errors.As(err, &pe) || pe.Line < 1 || pe.Column < 1) {
			t.Fatalf("an error without a place: %v", err)
		}
		if q, ok := e.(*Query); ok && err == nil {
			q.Match(func(string) string { return "1" }, []byte("line"))
		}
	})
}
