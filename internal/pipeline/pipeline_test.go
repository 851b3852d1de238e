package pipeline

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/internal/format"
	"shipper/internal/record"
)

// batchOf makes a batch of lines and returns where each record begins.
func batchOf(lines ...string) (*record.Batch, []int32, int) {
	data := []byte(strings.Join(lines, "\n") + "\n")
	var ends []int
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	b := &record.Batch{}
	starts := parseAll(format.New(format.Options{Zone: time.UTC}), b, data, ends, nil)
	return b, starts, len(data)
}

func outputs() []Output { return []Output{{"archive", true}, {"loki", false}, {"store", true}} }

func pipelineOf(t testing.TB, rules ...Rule) *Pipeline {
	t.Helper()
	p, err := New(Config{Outputs: outputs(), Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// show writes parts down: destination or reason, rows and bytes.
func show(p *Pipeline, parts []Part) string {
	var all []string
	for _, part := range parts {
		to := part.Reason
		if to == "" {
			to = strings.Join(p.Names(part.Route), "+")
		}
		if to == "" {
			to = "default"
		}
		all = append(all, fmt.Sprintf("%s%v", to, part.Rows))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func apply(p *Pipeline, lines ...string) (string, *record.Batch) {
	b, starts, raw := batchOf(lines...)
	parts := p.NewWorker().Apply(b, starts, raw, 1)
	return show(p, parts), b
}

const (
	debugLine   = `{"level":"debug","msg":"cache miss","service":"payments","n":1}`
	infoLine    = `{"level":"info","msg":"query timeout","service":"orders","n":2}`
	errorLine   = `{"level":"error","msg":"gateway timeout","service":"payments","n":3}`
	paymentLine = `{"level":"info","msg":"paid","service":"payments","status":503}`
)

func TestRoutes(t *testing.T) {
	f := func(want string, rules ...Rule) {
		t.Helper()
		got, _ := apply(pipelineOf(t, rules...), debugLine, infoLine, errorLine, paymentLine)
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	debug := Rule{Name: "debug", Match: `{level="debug"}`, Drop: true}
	payments := Rule{Name: "payments", Match: `{service_name="payments"}`, To: []string{"loki"}}
	failures := Rule{Name: "errors", Match: `{level=~"error|fatal"}`, To: []string{All}}
	archive := Rule{Name: "all", To: []string{"archive"}, Continue: true}

	f("default[0 1 2 3]")
	f("default[1 2 3] rule:debug[0]", debug)
	f("default[1] loki[0 2 3]", payments)
	f("default[1] loki[2 3] rule:debug[0]", debug, payments)
	f("archive+loki+store[2] default[1] loki[0 3]", failures, payments)
	f("archive+loki+store[2] archive+loki[3] archive[1] rule:debug[0]", debug, archive, failures, payments)
	f("archive[0 1 2 3]", Rule{Name: "a", To: []string{"archive"}}, debug)
	f("default[0 1 2 3]", Rule{Name: "stop"}, debug) // it decides, and names no output
	f("default[0 1 2] loki[3]", Rule{Name: "s", Match: `{} | status >= 500`, To: []string{"loki"}})
	f("default[0 3] loki[1 2]", Rule{Name: "t", Match: `{} |= "timeout"`, To: []string{"loki"}})
}

func TestStats(t *testing.T) {
	p := pipelineOf(t,
		Rule{Name: "debug", Match: `{level="debug"}`, Drop: true},
		Rule{Name: "all", To: nil, Continue: true},
		Rule{Name: "payments", Match: `{service_name="payments"}`, To: []string{"loki"}})
	apply(p, debugLine, infoLine, errorLine, paymentLine)
	var hits []int64
	for i := range p.Stats.Rules {
		hits = append(hits, p.Stats.Rules[i].Hits.Load())
	}
	if !slices.Equal(hits, []int64{1, 3, 2}) || p.Stats.Rules[0].Dropped.Load() != 1 || p.Stats.Unmatched.Load() != 1 {
		t.Errorf("hits %d, unmatched %d", hits, p.Stats.Unmatched.Load())
	}
}

// TestBytesAddUp: every byte that was read is in exactly one part.
func TestBytesAddUp(t *testing.T) {
	p := pipelineOf(t, Rule{Name: "debug", Match: `{level="debug"}`, Drop: true}, Rule{Name: "p", Match: `{service_name="payments"}`, To: []string{"loki"}})
	lines := []string{debugLine, "", `^C` + infoLine, paymentLine, "x", debugLine}
	b, starts, raw := batchOf(lines...)
	parts := p.NewWorker().Apply(b, starts, raw, 1)
	sum, rows := int64(0), 0
	for _, part := range parts {
		sum += part.Bytes
		rows += len(part.Rows)
		if part.Reason != "" && part.Bytes != int64(2*len(debugLine)+2) {
			t.Errorf("dropped %d bytes", part.Bytes)
		}
	}
	if sum != int64(raw) || rows != len(b.Records) {
		t.Errorf("parts have %d bytes of %d, %d records of %d", sum, raw, rows, len(b.Records))
	}
}

// fieldsOf writes the fields of record i as name=value, sorted.
func fieldsOf(b *record.Batch, i int) string {
	var all []string
	for _, f := range b.FieldsOf(&b.Records[i]) {
		all = append(all, fmt.Sprintf("%s=%s", b.Bytes(f.Key), b.Text(nil, f)))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestChanges(t *testing.T) {
	f := func(r Rule, want ...string) {
		t.Helper()
		r.Name = "r"
		r.Continue = true
		_, b := apply(pipelineOf(t, r), debugLine, errorLine)
		for i, w := range want {
			if got := fieldsOf(b, i); got != w {
				t.Errorf("record %d has %s, want %s", i, got, w)
			}
		}
	}
	debug, other := "n=1 service.name=payments", "n=3 service.name=payments"
	f(Rule{}, debug, other)
	f(Rule{Set: []Attribute{{"team", "a"}}}, "n=1 service.name=payments team=a", "n=3 service.name=payments team=a")
	f(Rule{Set: []Attribute{{"n", "x"}}, Match: `{level="debug"}`}, "n=x service.name=payments", other)
	f(Rule{Rename: []Rename{{"n", "number"}, {"none", "x"}}}, "number=1 service.name=payments")
	f(Rule{Rename: []Rename{{"n", "service.name"}}}, "service.name=1", "service.name=3")
	f(Rule{Remove: []string{"N", "x"}}, "service.name=payments", "service.name=payments")
	f(Rule{Remove: []string{"*"}}, "", "")
	f(Rule{Remove: []string{"service.*"}}, "n=1", "n=3")
	f(Rule{Match: `{level="debug"}`, Set: []Attribute{{"a", "1"}, {"b", "2"}}, Remove: []string{"a"}}, "b=2 n=1 service.name=payments", other)
}

// TestRulesSeeChanges: what a rule sets, those behind it match.
func TestRulesSeeChanges(t *testing.T) {
	got, _ := apply(pipelineOf(t,
		Rule{Name: "look", Match: `{team="a"}`, Drop: true}, // looks the attributes up before they change
		Rule{Name: "set", Match: `{level="error"}`, Set: []Attribute{{"team", "a"}}, Rename: []Rename{{"n", "m"}}, Continue: true},
		Rule{Name: "use", Match: `{team="a"} | m = 3`, To: []string{"loki"}}), debugLine, errorLine)
	if want := "default[0] loki[1]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFaults(t *testing.T) {
	f := func(c Config, path, text string) {
		t.Helper()
		c.Outputs = outputs()
		_, err := New(c)
		var e *Error
		if !errors.As(err, &e) || e.Path != path || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %s with %q", err, path, text)
		}
	}
	rule := func(r Rule) Config { return Config{Rules: []Rule{{Name: "ok"}, r}} }
	f(rule(Rule{Match: `{a=b}`}), "rules[1].match", "string")
	f(rule(Rule{Match: `rate({a="b"}[5m])`}), "rules[1].match", "log query")
	f(rule(Rule{To: []string{"nowhere"}}), "rules[1].to", "archive, loki, store")
	f(rule(Rule{To: []string{"loki"}, Drop: true}), "rules[1].to", "drops")
	f(rule(Rule{Sample: &Sample{Keep: 0}}), "rules[1].sample", "from a billionth to 1")
	f(rule(Rule{Sample: &Sample{Keep: 1e-310}}), "rules[1].sample", "from a billionth to 1")
	f(rule(Rule{Sample: &Sample{Keep: 1.5}}), "rules[1].sample", "from a billionth to 1")
	f(rule(Rule{Limit: &Limit{}}), "rules[1].rate_limit", "above 0")
	f(rule(Rule{Set: []Attribute{{"", "x"}}}), "rules[1].set.", "name")
	f(rule(Rule{Rename: []Rename{{"a", "a"}}}), "rules[1].rename.a", "another")
	f(rule(Rule{Redact: []Redaction{{}}}), "rules[1].redact[0]", "nothing")
	f(Config{Redact: []Redaction{{Detect: []string{"card", "cart"}}}}, "redact[0].detect[1]", `no detector "cart"`)
	f(Config{Redact: []Redaction{{Regexps: []string{"("}}}}, "redact[0].regexps[0]", "missing")
	f(Config{Redact: []Redaction{{Regexps: []string{"a*"}}}}, "redact[0].regexps[0]", "empty")
	f(Config{Redact: []Redaction{{Attributes: []string{""}}}}, "redact[0].attributes[0]", "name")
	f(Config{Redact: []Redaction{{Detect: []string{All}, Action: Token, Key: Key{ID: "1"}}}}, "redact[0].key", "16 bytes")
	f(Config{Redact: []Redaction{{Detect: []string{All}, Action: Token, Key: Key{Secret: make([]byte, 32)}}}}, "redact[0].key_id", "letters")
	f(Config{Outputs: nil, Rules: make([]Rule, maxRules+1)}, "rules", "more than")
	if _, err := New(Config{Outputs: make([]Output, maxOutputs+1)}); err == nil {
		t.Error("too many outputs are fine")
	}
}

func TestNames(t *testing.T) {
	p := pipelineOf(t)
	all, err := p.route([]string{All})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Names(all); !reflect.DeepEqual(got, []string{"archive", "loki", "store"}) {
		t.Errorf("all are %q", got)
	}
	if got := p.Names(0); got != nil {
		t.Errorf("the default outputs are %q", got)
	}
}
