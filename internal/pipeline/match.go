package pipeline

import (
	"bytes"
	"slices"
	"strconv"

	"shipper/internal/record"
	"shipper/internal/selector"
)

// what a test looks at.
type what uint8

const (
	everything what = iota
	allOf
	anyOf
	body         // of the record, in which to find value
	bodyRegexp   // and then a match of the condition's regular expression
	severity     // by set
	severityText // and what follows, by text
	logger
	traceID
	spanID
	formatName
	timeSource
	attribute // or label of the stream
)

// test is a compiled condition.
type test struct {
	what   what
	not    bool
	parts  []test
	value  []byte              // to find in the body
	values []string            // one of which the text has to be; nil: condition decides
	set    uint32              // of severity numbers
	column int                 // in Pipeline.columns
	cond   *selector.Condition // for what is not a plain comparison
}

// column returns the number of the column of a name, -1 for none.
func (p *Pipeline) column(name string) int {
	if name == "" {
		return -1
	}
	label := labelName(name)
	if i := slices.Index(p.columns, label); i >= 0 {
		return i
	}
	p.columns = append(p.columns, label)
	return len(p.columns) - 1
}

func (p *Pipeline) compileQuery(q *selector.Query) test {
	var parts []test
	for _, cs := range [...][]selector.Condition{q.Matchers, q.Filters} {
		for i := range cs {
			parts = append(parts, p.compileCondition(&cs[i]))
		}
	}
	switch len(parts) {
	case 0:
		return test{}
	case 1:
		return parts[0]
	}
	cheapFirst(parts)
	return test{what: allOf, parts: parts}
}

func (p *Pipeline) compileCondition(c *selector.Condition) test {
	if len(c.And)+len(c.Or) > 0 {
		t := test{what: allOf}
		if len(c.Or) > 0 {
			t.what = anyOf
		}
		for i := range c.And {
			t.parts = append(t.parts, p.compileCondition(&c.And[i]))
		}
		for i := range c.Or {
			t.parts = append(t.parts, p.compileCondition(&c.Or[i]))
		}
		return t
	}
	switch c.Op {
	case selector.Contains, selector.NotContains:
		return test{what: body, not: c.Op == selector.NotContains, value: []byte(c.Value)}
	case selector.Match, selector.NotMatch:
		return test{what: bodyRegexp, not: c.Op == selector.NotMatch, value: []byte(c.Literal), cond: c}
	}
	t := test{what: attribute, column: -1, cond: c}
	switch c.Label {
	case "level", "detected_level":
		t.what = severity
		for n := range uint8(25) {
			if c.MatchValue([]byte(record.SeverityName(n))) {
				t.set |= 1 << n
			}
		}
		return t
	case "severity_number":
		t.what = severity
		for n := range uint8(25) {
			if c.MatchValue(strconv.AppendInt(nil, int64(n), 10)) {
				t.set |= 1 << n
			}
		}
		return t
	case "severity_text":
		t.what = severityText
	case "logger":
		t.what = logger
	case "trace_id":
		t.what = traceID
	case "span_id":
		t.what = spanID
	case "log_format":
		t.what = formatName
	case "log_time_source":
		t.what = timeSource
	default:
		t.column = p.column(c.Label)
	}
	if c.Unit == selector.Text {
		t.plain(c)
	}
	return t
}

// severities returns the severities that a record can have to satisfy t: a set
// of bits.
func (t *test) severities() uint32 {
	switch t.what {
	case severity:
		return t.set
	case allOf:
		all := ^uint32(0)
		for i := range t.parts {
			all &= t.parts[i].severities()
		}
		return all
	}
	return ^uint32(0)
}

// cheapFirst orders what has to hold together by what it costs to find out.
func cheapFirst(parts []test) {
	slices.SortStableFunc(parts, func(a, b test) int { return a.cost() - b.cost() })
}

func (t *test) cost() int {
	switch t.what {
	case severity:
		return 0
	case body:
		return 2
	case bodyRegexp:
		return 5
	case allOf, anyOf:
		return 3
	}
	if t.values == nil && t.cond.Regexp != nil {
		return 4
	}
	return 1
}

// plain makes c a comparison with some texts, if it is no more than that.
func (t *test) plain(c *selector.Condition) {
	switch c.Op {
	case selector.Eq:
		t.values = []string{c.Value}
	case selector.Neq:
		t.values, t.not = []string{c.Value}, true
	case selector.Re, selector.NotRe:
		if t.values = language(c.Value); t.values != nil {
			t.not = c.Op == selector.NotRe
		}
	}
}

// holds reports whether the record that w looks at satisfies t.
func (w *Worker) holds(t *test) bool {
	switch t.what {
	case everything:
		return true
	case allOf:
		for i := range t.parts {
			if !w.holds(&t.parts[i]) {
				return false
			}
		}
		return true
	case anyOf:
		for i := range t.parts {
			if w.holds(&t.parts[i]) {
				return true
			}
		}
		return false
	case severity:
		return w.r.Severity < 25 && t.set>>w.r.Severity&1 != 0
	case body:
		return bytes.Contains(w.b.Bytes(w.r.Body), t.value) != t.not
	case bodyRegexp:
		line := w.b.Bytes(w.r.Body)
		return (bytes.Contains(line, t.value) && t.cond.Regexp.Match(line)) != t.not
	case attribute:
		return w.attribute(t, w.shape.fields[t.column])
	}
	return t.text(w.member(t.what))
}

// attribute reports whether an attribute, which is that field of the record, or
// a label of the stream, satisfies t.
func (w *Worker) attribute(t *test, field int32) bool {
	if t.cond.Unit != selector.Number {
		return t.text(w.fieldText(t.column, field))
	}
	if field >= 0 {
		if f := &w.b.FieldsOf(w.r)[field]; f.Kind == record.Int {
			return t.cond.MatchNumber(float64(f.Int()))
		}
	}
	n, ok := parseFloat(w.fieldText(t.column, field))
	return ok && t.cond.MatchNumber(n)
}

// text reports whether a text satisfies t.
func (t *test) text(v []byte) bool {
	if t.values == nil {
		return t.cond.MatchValue(v)
	}
	for _, s := range t.values {
		if string(v) == s {
			return !t.not
		}
	}
	return t.not
}

// member returns what the record says of itself beside attributes.
func (w *Worker) member(m what) []byte {
	r := w.r
	switch m {
	case severityText:
		return w.b.Bytes(r.SeverityText)
	case logger:
		return w.b.Bytes(r.Logger)
	case traceID:
		w.text = r.AppendTraceID(w.text[:0])
	case spanID:
		w.text = r.AppendSpanID(w.text[:0])
	case formatName:
		w.text = append(w.text[:0], record.FormatName(r.Format)...)
	case timeSource:
		w.text = append(w.text[:0], r.TimeSource.String()...)
	}
	return w.text
}
