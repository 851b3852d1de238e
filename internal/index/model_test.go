package index

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"shipper/internal/protocol"
	"shipper/internal/segment"
)

// modelRecord is a record a store should have. No two have the same time.
type modelRecord struct {
	at   int64
	body string
}

// model does the same things to a store and to a list, and compares.
type model struct {
	t       *testing.T
	r       *rand.Rand
	dir     string
	s       *Store
	at      int64
	records []modelRecord
	sent    map[string][]byte // payload by agent/epoch/sequence
	keyed   map[string][]byte
}

const modelAgents = 5

func TestModel(t *testing.T) {
	for seed := range uint64(3) {
		m := &model{t: t, r: rand.New(rand.NewPCG(seed, 7)), dir: t.TempDir(), at: base(), sent: map[string][]byte{}, keyed: map[string][]byte{}}
		m.s = open(t, m.dir, Options{SealBytes: 20 << 10})
		for range 300 {
			m.step()
		}
		m.query(segment.Query{From: 0, To: math.MaxInt64})
		if err := m.s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *model) step() {
	switch n := m.r.IntN(100); {
	case n < 50:
		m.commit()
	case n < 60:
		m.commitKeyed()
	case n < 62:
		seal(m.t, m.s)
	case n < 63:
		crash(m.t, m.s)
		m.s = open(m.t, m.dir, Options{SealBytes: 20 << 10})
	case n < 64:
		if err := m.s.Close(); err != nil {
			m.t.Fatal(err)
		}
		m.s = open(m.t, m.dir, Options{SealBytes: 20 << 10})
	default:
		m.query(m.randomQuery())
	}
}

// block makes a payload of records over a few days and the records in it.
func (m *model) block() ([]byte, []modelRecord) {
	start := m.at + int64(m.r.IntN(1e9))*1e3 - int64(m.r.IntN(3))*day
	var bodies []string
	var rs []modelRecord
	for i := range 1 + m.r.IntN(30) {
		body := fmt.Sprintf("body %d %d", m.r.Uint32(), i)
		bodies = append(bodies, body)
		rs = append(rs, modelRecord{start + int64(i)*1000, body})
	}
	for _, a := range rs { // times are unique
		if slices.ContainsFunc(m.records, func(b modelRecord) bool { return b.at == a.at }) {
			return m.block()
		}
	}
	return payload(start, bodies...), rs
}

// commit sends a few blocks of an agent: new ones, out of order, or again.
func (m *model) commit() {
	agent, epoch := fmt.Sprintf("agent-%d", m.r.IntN(modelAgents)), uint32(1+m.r.IntN(2))
	var frames []protocol.Frame
	records := 0
	for range 1 + m.r.IntN(4) {
		sequence := 1 + m.r.Uint64N(60)
		key := fmt.Sprintf("%s/%d/%d", agent, epoch, sequence)
		p := m.sent[key]
		if p == nil {
			var rs []modelRecord
			p, rs = m.block()
			m.sent[key] = p
			m.records = append(m.records, rs...)
			records += len(rs)
		}
		frames = append(frames, protocol.Frame{Sequence: sequence, Payload: p})
	}
	r, err := m.s.Commit(m.t.Context(), agent, epoch, frames)
	if err != nil || r.Records != records || len(r.Rejected) > 0 {
		m.t.Fatalf("%+v, %v, want %d records", r, err, records)
	}
}

func (m *model) commitKeyed() {
	key := fmt.Sprint(m.r.IntN(40))
	records := 0
	p := m.keyed[key]
	if p == nil {
		var rs []modelRecord
		p, rs = m.block()
		m.keyed[key] = p
		m.records = append(m.records, rs...)
		records = len(rs)
	}
	r, err := m.s.CommitKeyed(m.t.Context(), key, [32]byte{1}, p)
	if err != nil || r.Records != records || len(r.Rejected) > 0 {
		m.t.Fatalf("%+v, %v, want %d records", r, err, records)
	}
}

func (m *model) randomQuery() segment.Query {
	q := segment.Query{From: 0, To: math.MaxInt64, Backward: m.r.IntN(2) == 0, Limit: m.r.IntN(3) * m.r.IntN(50)}
	if m.r.IntN(2) == 0 {
		q.From = m.at - 2*day + m.r.Int64N(3*day)
		q.To = q.From + m.r.Int64N(2*day)
	}
	if m.r.IntN(3) == 0 {
		q.All = []segment.Predicate{{Op: segment.Contains, Value: fmt.Sprint(m.r.IntN(10))}}
	}
	return q
}

func (m *model) query(q segment.Query) {
	m.t.Helper()
	var want []modelRecord
	for _, r := range m.records {
		if r.at >= q.From && r.at < q.To && (q.All == nil || strings.Contains(r.body, q.All[0].Value)) {
			want = append(want, r)
		}
	}
	slices.SortFunc(want, func(a, b modelRecord) int {
		if q.Backward {
			a, b = b, a
		}
		return cmp.Compare(a.at, b.at)
	})
	counted := int64(0)
	if err := m.s.Count(m.t.Context(), q, 0, nil, func(_ int64, _ []string, n int64) { counted += n }); err != nil {
		m.t.Fatal(err)
	}
	stats, err := m.s.Size(m.t.Context(), q)
	if err != nil || counted != int64(len(want)) || stats.Rows != counted {
		m.t.Fatalf("%+v: %d counted, stats %+v, %v, want %d", q, counted, stats, err, len(want))
	}
	if q.Limit > 0 {
		want = want[:min(len(want), q.Limit)]
	}
	var got []modelRecord
	if err := m.s.Search(m.t.Context(), q, func(r segment.Row) bool {
		got = append(got, modelRecord{r.Time, string(r.Body)})
		return true
	}); err != nil {
		m.t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		m.t.Fatalf("%+v: got %d records %v, want %d %v", q, len(got), got, len(want), want)
	}
}
