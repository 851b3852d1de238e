package segment

import (
	"slices"

	"shipper/internal/record"
)

// Row is a record that was found. It and what its methods return are valid
// until emit returns. Columns are read when they are first asked for; if that
// fails the values are missing and the search ends with the error.
type Row struct {
	Time int64  // ns since the Unix epoch
	Body []byte // the line

	view       *view
	row        int
	attributes *attributes
}

// Attribute is an attribute of a Row.
type Attribute struct {
	Name   string // as recorded, in OpenTelemetry's spelling
	Label  string // in LogQL's spelling
	Kind   record.Kind
	Text   []byte // as record.Batch.Text writes it
	Stream bool   // it belongs to the stream and not to the record
}

// AppendID appends the ID of the record.
func (r Row) AppendID(dst []byte) []byte {
	id, offset := r.Source()
	return record.AppendID(dst, string(id), offset)
}

// Source returns the ID of the stream and the record's offset in it.
func (r Row) Source() (stream []byte, offset int64) {
	if c := r.view.member(memberStream); c != nil {
		stream = r.view.text(nil, c, r.row)
	}
	return stream, r.view.num(memberOffset, r.row)
}

// Observed returns when the agent read the record, ns since the Unix epoch.
func (r Row) Observed() int64 { return r.view.num(memberObserved, r.row) }

// Severity returns the OpenTelemetry severity number, 0 if unspecified.
func (r Row) Severity() uint8 { return uint8(r.view.num(memberSeverity, r.row)) }

// SeverityText returns the severity as it was written.
func (r Row) SeverityText() []byte { return r.member(memberSeverityText) }

// Logger returns the name of the logger, if the record has one.
func (r Row) Logger() []byte { return r.member(memberLogger) }

// TraceID returns 32 hexadecimal digits, or none.
func (r Row) TraceID() []byte { return r.member(memberTrace) }

// SpanID returns 16 hexadecimal digits, or none.
func (r Row) SpanID() []byte { return r.member(memberSpan) }

// TraceFlags returns the W3C trace flags.
func (r Row) TraceFlags() uint8 { return uint8(r.view.num(memberTraceFlags, r.row)) }

// TimeSource returns where Time comes from.
func (r Row) TimeSource() record.TimeSource {
	return record.TimeSource(r.view.num(memberTimeSource, r.row))
}

// Flags returns what happened to the record on its way.
func (r Row) Flags() record.Flags { return record.Flags(r.view.num(memberFlags, r.row)) }

// Format returns the number of the format the record was parsed as.
func (r Row) Format() uint8 { return uint8(r.view.num(memberFormat, r.row)) }

func (r Row) member(m member) []byte {
	c := r.view.member(m)
	if c == nil {
		return nil
	}
	return r.view.text(nil, c, r.row)
}

// Attributes calls yield with level, logger, trace_id and span_id, the
// attributes of the record and those of its stream, or with those of them, and
// of the other members, that the query asks for, until yield returns false. The
// Text is valid until the next one.
func (r Row) Attributes(yield func(Attribute) bool) {
	r.attributes.each(r.view, r.row, yield)
}

// Label returns the value of a label, in LogQL's spelling, as predicates see
// it: empty if there is none.
func (r Row) Label(name string) []byte {
	var m matcher
	m.name(name)
	for _, c := range r.view.candidates(nil, &m) {
		if r.view.load(c.values); c.has(r.row) {
			return shown(c.show, c.append(nil, r.row))
		}
	}
	return nil
}

// body returns the line of a row.
func (v *view) body(row int) []byte {
	c := v.member(memberBody)
	if c == nil {
		return nil
	}
	if v.load(c); v.err != nil || !c.has(row) {
		return nil
	}
	switch c.shape {
	case shapeText:
		return c.slice(c.at(row))
	case shapeDict:
		return c.entries[c.codes[row]]
	case shapeConst:
		return c.entries[0]
	}
	return c.append(nil, row)
}

// attributes are what Row.Attributes gives, the same for all rows of a search.
type attributes struct {
	want   []string // nil is the usual
	labels map[string]string
	text   []byte
}

func newAttributes(columns []string) *attributes {
	a := &attributes{labels: make(map[string]string)}
	if columns != nil {
		a.want = make([]string, 0, len(columns))
		for _, c := range columns {
			a.want = append(a.want, canonical(c))
		}
	}
	return a
}

// usual are the members that are attributes if the query does not say which.
var usual = [...]string{"level", "logger", "trace_id", "span_id"}

func (a *attributes) each(v *view, row int, yield func(Attribute) bool) {
	members := usual[:]
	if a.want != nil {
		members = a.want
	}
	for _, label := range members {
		l, ok := memberLabels[label]
		if !ok || label == "" {
			continue
		}
		if c := v.member(l.member); c != nil && !a.yield(v, candidate{c, l.show}, label, label, row, yield) {
			return
		}
	}
	for i := range v.columns {
		c := &v.columns[i]
		if c.class == classMember {
			continue
		}
		label := a.label(c.name)
		if a.want != nil && !slices.Contains(a.want, label) {
			continue
		}
		if !a.yield(v, candidate{v.cols[i], showPlain}, c.name, label, row, yield) {
			return
		}
	}
}

func (a *attributes) yield(v *view, c candidate, name, label string, row int, yield func(Attribute) bool) bool {
	if v.loadRows(c.values); !c.has(row) {
		return true
	}
	if v.load(c.values); !c.has(row) {
		return true
	}
	kind := c.kind
	a.text = c.append(a.text[:0], row)
	if c.show != showPlain {
		kind = record.String
		a.text = append(a.text[:0], shown(c.show, a.text)...)
	}
	return yield(Attribute{Name: name, Label: label, Kind: kind, Text: a.text, Stream: c.class == classLabel})
}

func (a *attributes) label(name string) string {
	if isLabel(name) {
		return name
	}
	l, ok := a.labels[name]
	if !ok {
		l = LabelName(name)
		a.labels[name] = l
	}
	return l
}
