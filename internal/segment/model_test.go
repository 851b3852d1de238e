package segment

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"shipper/internal/record"
)

// modelRow is a record as plain data, evaluated without any of the package.
type modelRow struct {
	time, observed, offset int64
	stream                 *record.Stream
	body                   string
	members                map[string]string // by label, those that have a value
	fields                 []modelField      // one for each name and kind, sorted
	byLabel                map[string]string // of fields and labels: the first of each
	flags, format          uint8
	source                 record.TimeSource
}

type modelField struct {
	name string
	kind record.Kind
	text string
}

var notLabel = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// spelling is LabelName as its comment has it.
func spelling(name string) string {
	s := notLabel.ReplaceAllString(name, "_")
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		s = "_" + s
	}
	return s
}

func (m *modelRow) label(label string) string {
	if label == "detected_level" {
		label = "level"
	}
	if label == "" {
		return m.body
	}
	if v, ok := m.members[label]; ok {
		return v
	}
	return m.byLabel[label]
}

func (m *modelRow) index() {
	m.byLabel = map[string]string{}
	for i := len(m.stream.Labels) - 1; i >= 0; i-- {
		m.byLabel[spelling(m.stream.Labels[i].Name)] = m.stream.Labels[i].Value
	}
	for i := len(m.fields) - 1; i >= 0; i-- {
		m.byLabel[spelling(m.fields[i].name)] = m.fields[i].text
	}
}

func (m *modelRow) holds(p *Predicate) bool {
	if len(p.And) > 0 {
		return !slices.ContainsFunc(p.And, func(q Predicate) bool { return !m.holds(&q) })
	}
	if len(p.Or) > 0 {
		return slices.ContainsFunc(p.Or, func(q Predicate) bool { return m.holds(&q) })
	}
	v := m.label(p.Column)
	n, err := strconv.ParseFloat(v, 64)
	number := err == nil
	switch p.Op {
	case Eq:
		if p.IsNumber {
			return number && n == p.Number
		}
		return v == p.Value
	case Neq:
		if p.IsNumber {
			return number && n != p.Number
		}
		return v != p.Value
	case Re, Match:
		return p.Regexp.MatchString(v)
	case NotRe, NotMatch:
		return !p.Regexp.MatchString(v)
	case Contains:
		return strings.Contains(v, p.Value)
	case NotContains:
		return !strings.Contains(v, p.Value)
	case Lt:
		return number && n < p.Number
	case Le:
		return number && n <= p.Number
	case Gt:
		return number && n > p.Number
	}
	return number && n >= p.Number
}

// dice makes records, predicates and queries.
type dice struct {
	*rand.Rand
	streams []*record.Stream
	columns []fieldDice
	time    int64
}

// fieldDice is a name, how likely a record has it, and what its values are.
type fieldDice struct {
	name  string
	often int // in percent
	value func() (record.Kind, string)
}

func newDice(seed uint64) *dice {
	d := &dice{Rand: rand.New(rand.NewPCG(seed, 7)), time: 1_700_000_000_000_000_000}
	for i := range 1 + d.IntN(3)*d.IntN(150) {
		s := &record.Stream{ID: fmt.Sprintf("%016x", i), Labels: []record.Label{{Name: "host.name", Value: "h" + strconv.Itoa(i%3)}, {Name: "service.name", Value: "svc"}}}
		if i%2 == 0 {
			s.Labels = append(s.Labels, record.Label{Name: "zone", Value: strings.Repeat("z", i%5)})
		}
		d.streams = append(d.streams, s)
	}
	words := strings.Fields("alpha beta gamma delta timeout connection refused 503 x_y ünï caché 12ab34cd id=7 a.b/c -")
	word := func() string { return words[d.IntN(len(words))] }
	text := func() string {
		s := ""
		for range d.IntN(6) {
			s += word() + " "
		}
		return s
	}
	ids := make([]byte, 8)
	str := func(f func() string) func() (record.Kind, string) {
		return func() (record.Kind, string) { return record.String, f() }
	}
	num := func(f func() string) func() (record.Kind, string) {
		return func() (record.Kind, string) { return record.Number, f() }
	}
	integer := func(f func() int64) func() (record.Kind, string) {
		return func() (record.Kind, string) { return record.Int, strconv.FormatInt(f(), 10) }
	}
	step := int64(0)
	pool := []fieldDice{
		{"word", 90, str(word)},
		{"text", 100, str(text)},
		{"user id", 60, str(func() string { return "u" + strconv.Itoa(d.IntN(10000)) })},
		{"same", 100, str(func() string { return "always" })},
		{"same.rare", 3, str(func() string { return "always" })},
		{"hex", 80, str(func() string { _, _ = hexRead(d.Rand, ids); return hex.EncodeToString(ids) })},
		{"digits", 50, str(func() string { return fmt.Sprintf("%08d", d.IntN(1<<26)) })},
		{"service.name", 30, str(word)},
		{"service_name", 30, str(func() string { return "under" + word() })},
		{"level", 20, str(func() string { return "custom" })},
		{"trace_id", 5, str(text)},
		{"0start", 10, str(word)},
		{"", 10, str(word)},
		{"status", 90, integer(func() int64 { return []int64{200, 201, 404, 500, 503}[d.IntN(5)] })},
		{"status", 10, str(func() string { return "404" })},
		{"small", 70, integer(func() int64 { return int64(d.IntN(9)) - 4 })},
		{"wide", 100, integer(func() int64 { return int64(d.Uint64()) })},
		{"extreme", 5, integer(func() int64 { return []int64{math.MinInt64, math.MaxInt64, 0}[d.IntN(3)] })},
		{"steps", 95, integer(func() int64 { step += int64(d.IntN(3)) * 1000; return step })},
		{"one", 100, integer(func() int64 { return 42 })},
		{"seconds", 100, num(func() string { return strconv.FormatFloat(float64(d.IntN(5_000_000))/1e6, 'f', -1, 64) + "1" })},
		{"money", 50, num(func() string { return strconv.FormatFloat(float64(d.IntN(900000)-1000)/100, 'f', 2, 64) })},
		{"float", 50, num(func() string { return strconv.FormatFloat(d.NormFloat64(), 'g', -1, 64) })},
		{"huge", 10, num(func() string { return strconv.FormatUint(d.Uint64()|1<<63, 10) })},
		{"ok", 60, func() (record.Kind, string) { return record.Bool, strconv.FormatBool(d.IntN(2) == 0) }},
		{"yes", 60, func() (record.Kind, string) { return record.Bool, "true" }},
		{"nil", 40, func() (record.Kind, string) { return record.Null, "null" }},
		{"mixed", 50, func() (record.Kind, string) { return record.Null, "null" }},
		{"mixed", 50, integer(func() int64 { return int64(d.IntN(3)) })},
		{"list", 50, func() (record.Kind, string) {
			return record.JSON, `["` + word() + `",` + strconv.Itoa(d.IntN(99)) + `]`
		}},
		{"long", 30, str(func() string { return strings.Repeat(word(), d.IntN(100)) })},
	}
	for _, f := range pool {
		if d.IntN(3) > 0 {
			if d.IntN(4) == 0 {
				f.often = 1 + d.IntN(100)
			}
			d.columns = append(d.columns, f)
		}
	}
	return d
}

func hexRead(r *rand.Rand, p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}

func (d *dice) pick(n int) bool { return d.IntN(n) == 0 }

// batch fills b with n records and returns them as plain data.
func (d *dice) batch(b *record.Batch, n int) []modelRow {
	s := d.streams[d.IntN(len(d.streams))]
	b.Reset(s, b.Arena[:0])
	at := d.time + int64(d.IntN(3))*1000
	d.time += int64(d.IntN(2 * n * 1000))
	rows := make([]modelRow, 0, n)
	for i := range n {
		if !d.pick(4) {
			at += int64(d.IntN(2000))
		}
		if d.pick(50) {
			at -= 500
		}
		rows = append(rows, d.record(b, s, at, int64(i)*100))
	}
	return rows
}

func (d *dice) record(b *record.Batch, s *record.Stream, at, offset int64) modelRow {
	r := b.Begin()
	m := modelRow{time: at, observed: at + 5, offset: offset, stream: s, members: map[string]string{}}
	if d.pick(3) {
		m.observed += int64(d.IntN(1000))
	}
	r.Time, r.Observed, r.Offset = m.time, m.observed, m.offset
	m.body = []string{"", "ready", "payment authorized", "timeout after " + strconv.Itoa(d.IntN(5000)) + " ms"}[d.IntN(4)]
	r.Body = b.AddString(m.body)
	m.format, m.source, m.flags = uint8(d.IntN(3)), record.TimeSource(d.IntN(2)), uint8(d.IntN(2))
	r.Format, r.TimeSource = m.format, m.source
	m.members["log_format"], m.members["log_time_source"] = record.FormatName(m.format), m.source.String()
	m.members["log_stream_id"], m.members["log_record_offset"] = s.ID, strconv.FormatInt(offset, 10)
	m.members["log_observed_timestamp"] = strconv.FormatInt(m.observed, 10)
	if d.pick(2) {
		r.Severity = uint8(1 + 4*d.IntN(6))
		m.members["level"], m.members["severity_number"] = record.SeverityName(r.Severity), strconv.Itoa(int(r.Severity))
	}
	if d.pick(3) {
		r.SeverityText, r.Logger = b.AddString("WARN"), b.AddString("pkg/"+strconv.Itoa(d.IntN(4)))
		m.members["severity_text"], m.members["logger"] = "WARN", string(b.Bytes(r.Logger))
	}
	if d.pick(2) {
		m.flags |= uint8(record.HasTrace)
		_, _ = hexRead(d.Rand, r.TraceID[:1+d.IntN(2)])
		r.TraceFlags = uint8(d.IntN(2))
		m.members["trace_id"], m.members["trace_flags"] = hex.EncodeToString(r.TraceID[:]), strconv.Itoa(int(r.TraceFlags))
	}
	if d.pick(2) {
		m.flags |= uint8(record.HasSpan)
		_, _ = hexRead(d.Rand, r.SpanID[:])
		m.members["span_id"] = hex.EncodeToString(r.SpanID[:])
	}
	r.Flags = record.Flags(m.flags)
	m.members["log_flags"] = strconv.Itoa(int(m.flags))
	for _, f := range d.columns {
		for d.IntN(100) < f.often {
			kind, text := f.value()
			d.addField(b, &m, modelField{f.name, kind, text})
			if !d.pick(200) { // rarely the same name twice
				break
			}
		}
	}
	slices.SortFunc(m.fields, func(x, y modelField) int {
		return cmp.Or(cmp.Compare(x.name, y.name), cmp.Compare(x.kind, y.kind))
	})
	m.index()
	return m
}

func (d *dice) addField(b *record.Batch, m *modelRow, f modelField) {
	key := b.AddString(f.name)
	switch f.kind {
	case record.Int:
		n, _ := strconv.ParseInt(f.text, 10, 64)
		b.AddField(record.IntField(key, n))
	case record.Bool:
		b.AddField(record.BoolField(key, f.text == "true"))
	case record.Null:
		b.AddField(record.Field{Key: key, Kind: record.Null})
	default:
		b.AddField(record.Field{Key: key, Val: b.AddString(f.text), Kind: f.kind})
	}
	m.fields = slices.DeleteFunc(m.fields, func(x modelField) bool { return x.name == f.name && x.kind == f.kind })
	m.fields = append(m.fields, f)
}

var modelLabels = strings.Fields(`level detected_level severity_number severity_text logger trace_id span_id trace_flags
	log_format log_time_source log_flags log_stream_id log_record_offset log_observed_timestamp
	host_name service_name zone word text user_id same same_rare hex digits _0start _ status small wide extreme steps one
	seconds money float huge ok yes nil mixed list long nosuch`)

func (d *dice) predicate(rows []modelRow, depth int) Predicate {
	if depth > 0 && d.pick(6) {
		var ps []Predicate
		for range 1 + d.IntN(3) {
			ps = append(ps, d.predicate(rows, depth-1))
		}
		if d.pick(2) {
			return Predicate{And: ps}
		}
		return Predicate{Or: ps}
	}
	p := Predicate{Op: Op(d.IntN(int(Ge) + 1))}
	if !d.pick(4) {
		p.Column = modelLabels[d.IntN(len(modelLabels))]
	}
	p.Value = rows[d.IntN(len(rows))].label(p.Column)
	if d.pick(8) {
		p.Value = "503"
	}
	if n, err := strconv.ParseFloat(p.Value, 64); err == nil {
		p.Number, p.IsNumber = n, d.pick(2)
	} else {
		p.Number = float64(d.IntN(500))
	}
	part := p.Value
	if len(part) > 2 && d.pick(2) {
		from := d.IntN(len(part) - 1)
		part = part[from : from+1+d.IntN(len(part)-from)]
	}
	if !utf8.ValidString(part) {
		part = p.Value
	}
	switch p.Op {
	case Contains, NotContains:
		p.Value = part
	case Re, NotRe:
		p.Regexp = regexp.MustCompile("^(?s:" + regexp.QuoteMeta(part) + ".*)$")
		p.Literal = part
	case Match, NotMatch:
		p.Regexp = regexp.MustCompile("(?s)" + regexp.QuoteMeta(part) + "[0-9 ]*")
		if d.pick(2) {
			p.Literal = part
		}
	}
	return p
}

func (d *dice) query(rows []modelRow) Query {
	q := Query{From: math.MinInt64, To: math.MaxInt64, Backward: d.pick(2)}
	if d.pick(2) {
		q.From, q.To = rows[d.IntN(len(rows))].time, rows[d.IntN(len(rows))].time+int64(d.IntN(2))
	}
	for range d.IntN(4) {
		q.All = append(q.All, d.predicate(rows, 2))
	}
	if d.pick(3) {
		q.Limit = 1 + d.IntN(20)
	}
	return q
}

// answer is what q asks for of rows, which are in the order of time.
func answer(rows []modelRow, q *Query) (out []*modelRow) {
	for i := range rows {
		m := &rows[i]
		if m.time < q.From || m.time >= q.To || slices.ContainsFunc(q.All, func(p Predicate) bool { return !m.holds(&p) }) {
			continue
		}
		out = append(out, m)
	}
	return out
}

func (m *modelRow) String() string {
	s := fmt.Sprintf("%d %s %q observed %d flags %d", m.time, record.AppendID(nil, m.stream.ID, m.offset), m.body, m.observed, m.flags)
	for _, label := range []string{"level", "logger", "trace_id", "span_id"} {
		if v, ok := m.members[label]; ok {
			s += fmt.Sprintf(" %s=%q", label, v)
		}
	}
	for _, f := range m.fields {
		s += fmt.Sprintf(" %s(%s,%d)=%q", f.name, spelling(f.name), f.kind, f.text)
	}
	for _, l := range m.stream.Labels {
		s += fmt.Sprintf(" {%s=%q}", l.Name, l.Value)
	}
	return s
}

func rowString(r Row) string {
	s := fmt.Sprintf("%d %s %q observed %d flags %d", r.Time, r.AppendID(nil), r.Body, r.Observed(), r.Flags())
	r.Attributes(func(a Attribute) bool {
		switch {
		case a.Stream:
			s += fmt.Sprintf(" {%s=%q}", a.Name, a.Text)
		case slices.Contains(usual[:], a.Name) && a.Name == a.Label && a.Kind == record.String && !strings.Contains(s, "("):
			s += fmt.Sprintf(" %s=%q", a.Label, a.Text)
		default:
			s += fmt.Sprintf(" %s(%s,%d)=%q", a.Name, a.Label, a.Kind, a.Text)
		}
		return true
	})
	return s
}

// store is what both a Block and a Segment are.
type store interface {
	Search(ctx context.Context, q Query, emit func(Row) bool) error
	Count(ctx context.Context, q Query, step int64, by []string, add func(bucket int64, values []string, n int64)) error
	Values(ctx context.Context, column string, q Query, add func(value string) bool) error
}

func checkSearch(t *testing.T, s store, q Query, want []*modelRow) {
	t.Helper()
	want = slices.Clone(want)
	if q.Backward {
		slices.Reverse(want)
	}
	if q.Limit > 0 && len(want) > q.Limit {
		want = want[:q.Limit]
	}
	var got []string
	if err := s.Search(context.Background(), q, func(r Row) bool {
		if len(got)%8 == 0 { // the whole of a row takes long
			got = append(got, rowString(r))
		} else {
			got = append(got, string(r.AppendID(nil))+string(r.Body))
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%+v\ngot %d rows, want %d", q, len(got), len(want))
	}
	for i := range got {
		// Which members are shown before the fields cannot be told from fields of
		// the same name, so such rows are compared without regard to that.
		w := string(record.AppendID(nil, want[i].stream.ID, want[i].offset)) + want[i].body
		if i%8 == 0 {
			w = want[i].String()
		}
		if got[i] != w && (i%8 != 0 || !ambiguous(want[i])) {
			t.Fatalf("%+v\nrow %d:\n got %s\nwant %s", q, i, got[i], w)
		}
	}
}

func ambiguous(m *modelRow) bool {
	return slices.ContainsFunc(m.fields, func(f modelField) bool { return f.name == "level" || f.name == "trace_id" })
}

func checkCount(t *testing.T, d *dice, s store, q Query, want []*modelRow) {
	t.Helper()
	step := []int64{0, 1000, 100_000, 1 << 40}[d.IntN(4)]
	var by []string
	for range d.IntN(4) {
		by = append(by, modelLabels[d.IntN(len(modelLabels))])
	}
	q.Limit = 0
	left := map[string]int64{}
	for _, m := range want {
		bucket := q.From
		if step > 0 {
			bucket += int64(uint64(m.time-q.From) / uint64(step) * uint64(step))
		}
		k := fmt.Sprint(bucket)
		for _, label := range by {
			k += " " + strconv.Quote(m.label(label))
		}
		left[k]++
	}
	err := s.Count(context.Background(), q, step, by, func(bucket int64, values []string, n int64) {
		k := fmt.Sprint(bucket)
		for _, v := range values {
			k += " " + strconv.Quote(v)
		}
		if left[k] -= n; left[k] == 0 {
			delete(left, k)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Fatalf("%+v step %d by %v: %d groups differ, such as %v", q, step, by, len(left), left)
	}
}

func checkValues(t *testing.T, d *dice, s store, q Query, want []*modelRow) {
	t.Helper()
	label := modelLabels[d.IntN(len(modelLabels))]
	w, got := map[string]bool{}, map[string]bool{}
	for _, m := range want {
		if v := m.label(label); v != "" {
			w[v] = true
		}
	}
	err := s.Values(context.Background(), label, q, func(v string) bool {
		got[v] = true
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(w) != len(got) {
		t.Fatalf("%+v values of %s: got %d %v, want %d %v", q, label, len(got), got, len(w), w)
	}
	for v := range w {
		if !got[v] {
			t.Fatalf("%+v values of %s lack %q", q, label, v)
		}
	}
}

// TestModel compares searches over random records with plain evaluation.
func TestModel(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	for seed := range uint64(rounds) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { model(t, seed) })
	}
}

func model(t *testing.T, seed uint64) {
	d := newDice(seed)
	builder, batch, decoded := NewBuilder(), new(record.Batch), new(record.Batch)
	cache := &Cache{Bytes: int64(d.IntN(20_000))}
	var blocks []*Block
	var all []modelRow
	for range 1 + d.IntN(4) {
		builder.Reset()
		var rows []modelRow
		for range 1 + d.IntN(8) {
			rows = append(rows, d.batch(batch, 1+d.IntN(200))...)
			from := batch
			if d.pick(2) { // spans as a decoder makes them
				if _, err := decoded.Decode(batch.Append(nil)); err != nil {
					t.Fatal(err)
				}
				from = decoded
			}
			builder.Add(from)
			if d.pick(4) {
				builder.Build() // must not disturb
			}
		}
		slices.SortStableFunc(rows, func(a, b modelRow) int { return cmp.Compare(a.time, b.time) })
		b := builder.Build()
		view := builder.View()
		for range 40 {
			q := d.query(rows)
			want := answer(rows, &q)
			checkSearch(t, b, q, want)
			checkSearch(t, view, q, want)
			checkCount(t, d, b, q, want)
			checkValues(t, d, b, q, want)
		}
		blocks = append(blocks, b)
		all = append(all, rows...)
		d.time -= int64(d.IntN(100_000)) // the next block may overlap
	}
	slices.SortStableFunc(all, func(a, b modelRow) int { return cmp.Compare(a.time, b.time) })
	path := filepath.Join(t.TempDir(), "a.seg")
	info, err := Write(path, blocks)
	if err != nil {
		t.Fatal(err)
	}
	s, err := cache.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Info() != info || info.Rows != int64(len(all)) || info.Min != all[0].time || info.Max != all[len(all)-1].time {
		t.Fatalf("written %+v, read %+v, %d rows", info, s.Info(), len(all))
	}
	for range 40 {
		q := d.query(all)
		want := answer(all, &q)
		checkSearch(t, s, q, want)
		checkCount(t, d, s, q, want)
		checkValues(t, d, s, q, want)
	}
	if cache.size > cache.Bytes {
		t.Errorf("cache has %d of %d bytes", cache.size, cache.Bytes)
	}
	var again bytes.Buffer
	if err := copyFile(&again, path); err != nil {
		t.Fatal(err)
	}
	if again.Len() != int(info.Bytes) {
		t.Errorf("file has %d bytes, said to have %d", again.Len(), info.Bytes)
	}
}
