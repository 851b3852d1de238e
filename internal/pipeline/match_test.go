package pipeline

import (
	"slices"
	"strconv"
	"testing"

	"shipper/internal/record"
	"shipper/internal/selector"
)

// labelOf is the plain way to a label: what Match is given.
func labelOf(b *record.Batch, r *record.Record) func(string) string {
	return func(name string) string {
		switch name {
		case "level", "detected_level":
			return record.SeverityName(r.Severity)
		case "severity_number":
			return strconv.Itoa(int(r.Severity))
		case "severity_text":
			return string(b.Bytes(r.SeverityText))
		case "logger":
			return string(b.Bytes(r.Logger))
		case "trace_id":
			return string(r.AppendTraceID(nil))
		case "span_id":
			return string(r.AppendSpanID(nil))
		case "log_format":
			return record.FormatName(r.Format)
		case "log_time_source":
			return r.TimeSource.String()
		}
		fs := b.FieldsOf(r)
		for i := len(fs) - 1; i >= 0; i-- {
			if labelName(string(b.Bytes(fs[i].Key))) == name {
				return string(b.Text(nil, fs[i]))
			}
		}
		for _, l := range b.Stream.Labels {
			if labelName(l.Name) == name {
				return l.Value
			}
		}
		return ""
	}
}

// FuzzMatch: a compiled selector says of every record what the selector says.
func FuzzMatch(f *testing.F) {
	for _, s := range []string{
		`{}`, `{service_name="payments"}`, `{level=~"warn|error"} |= "timeout"`, `{level!~"debug"} != "x" |~ "t.m" !~ "^q"`,
		`{} | status >= 500 or n < 3 and latency > 1ms`, `{host_name="h", log_file_path=~".*\\.log"}`, `{} | n != 2`, `{} | n = 2 | trace_id=""`,
		`{} | size > 1KB`, `{severity_number=~"1[0-9]"}`, `{} | service_name=~"pay(ments)?|x[a-c]"`, `{log_format="zap", logger!="a"}`, `{a_b="1"}`, `{} | __1a="x"`,
		`{service_name=~"(?i)PAYMENTS"}`, `{} | ok="true"`, `{} | nothing="null"`, `{} | list=~".*1.*"`,
	} {
		f.Add(s)
	}
	b, starts, _ := batchOf(debugLine, infoLine, errorLine, paymentLine,
		`{"level":"warn","ts":1.5,"logger":"db","msg":"queue","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","latency":"15ms","size":"2KiB","a.b":1,"a_b":2}`,
		`{"level":"info","msg":"","1a":"x","ok":true,"nothing":null,"list":[1,2],"n":2.5,"é":"y","n2":1e400}`, "plain text timeout", "")
	_ = starts
	f.Fuzz(func(t *testing.T, text string) {
		q, err := selector.ParseQuery(text)
		if err != nil {
			return
		}
		p := &Pipeline{}
		compiled := p.compileQuery(q)
		w := p.NewWorker()
		w.b = b
		w.useStream(b.Stream)
		w.useShapes(b)
		for i := range b.Records {
			w.r, w.i = &b.Records[i], i
			w.shape = w.shapeOfRecord()
			want := q.Match(labelOf(b, w.r), b.Bytes(w.r.Body))
			if got := w.holds(&compiled); got != want {
				t.Errorf("%s on record %d: %t, want %t", text, i, got, want)
			}
		}
	})
}

func TestLanguage(t *testing.T) {
	f := func(pattern string, want ...string) {
		t.Helper()
		if got := language(pattern); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	f("warn|error", "error", "warn")
	f("err|error", "err", "error")
	f("(a|b)c?", "a", "ac", "b", "bc")
	f("1[0-3]", "10", "11", "12", "13")
	f("", "")
	f("x", "x")
	f(".*")
	f("a+")
	f("(?i)a")
	f("[a-z][a-z]")
	f("^a$")
}

func TestParseFloat(t *testing.T) {
	f := func(text string) {
		t.Helper()
		want, err := strconv.ParseFloat(text, 64)
		got, ok := parseFloat([]byte(text))
		if ok != (err == nil) || ok && got != want {
			t.Errorf("%q is %v, %t, want %v, %v", text, got, ok, want, err)
		}
	}
	for _, s := range []string{"", "0", "1", "-1", "+3", ".5", "5.", ".", "1.5", "0.1", "123456789012345", "1234567890.12345", "12345678901234567890", "1e5", "1e400", "x",
		"inf", "-Inf", "nano", "1.2.3", "0x10", "1_0", "1.5s", "0.000000000000001"} {
		f(s)
	}
}

func TestRulesDoNotAllocate(t *testing.T) {
	p, err := New(Config{Outputs: []Output{{"archive", true}, {"loki", true}}, Rules: tenRules(), Redact: allDetectors()})
	if err != nil {
		t.Fatal(err)
	}
	w := p.NewWorker()
	b, starts, raw := batchOf(debugLine, infoLine, errorLine, paymentLine)
	if n := testing.AllocsPerRun(100, func() { w.Apply(b, starts, raw, 1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
