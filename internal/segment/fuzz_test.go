package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"shipper/internal/record"
)

// loose is a source that checks no checksums, as if a fault had been there
// before they were made.
type loose struct{ data, filters []byte }

func (l *loose) cut(p []byte, at int64, n int) ([]byte, error) {
	if at < 0 || n < 0 || at+int64(n) > int64(len(p)) {
		return nil, &CorruptError{What: "end"}
	}
	return slices.Clone(p[at : at+int64(n)]), nil
}

func (l *loose) chunk(at int64, n int, _ uint32, _ []byte) ([]byte, error) {
	return l.cut(l.data, at, n)
}

func (l *loose) filterAt(at int64, n int, _ uint32, _ []byte) ([]byte, error) {
	return l.cut(l.filters, at, n)
}

func (l *loose) corrupt(_ int64, what string) error { return &CorruptError{What: what} }

// seeds are blocks of every kind of column.
func seeds() (out []*Block) {
	for seed := range uint64(6) {
		d, b, k := newDice(seed), new(record.Batch), NewBuilder()
		for range 2 {
			d.batch(b, 8)
			k.Add(b)
		}
		out = append(out, k.Build(), k.View())
	}
	return append(out, rowsAt("a", 1, 2, 3), rowsAt("b", math.MaxInt64))
}

// tryAll runs every kind of search. The answers must fit each other, and only
// corruption may be found.
func tryAll(t *testing.T, parts []part) {
	ctx := context.Background()
	fine := func(err error) bool {
		var corrupt *CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			t.Fatalf("%v", err)
		}
		return err == nil
	}
	search := func(q Query) (out []string, ok bool) {
		s := newSearch(ctx, &q)
		defer s.free()
		err := s.rows(parts, func(r Row) bool {
			text := r.AppendID(append([]byte(nil), r.Body...))
			r.Attributes(func(a Attribute) bool {
				text = append(append(text, a.Label...), a.Text...)
				return true
			})
			out = append(out, string(text))
			return len(out) < 300
		})
		return out, fine(err)
	}
	all, ok := search(always)
	back := always
	back.Backward = true
	if reversed, _ := search(back); ok && len(all) < 300 && len(parts) == 1 {
		slices.Reverse(reversed)
		if !slices.Equal(all, reversed) {
			t.Fatalf("forward and backward differ: %d and %d rows", len(all), len(reversed))
		}
	}
	for _, p := range []Predicate{
		{Op: Contains, Value: "a timeout b"}, {Column: "text", Op: Match, Regexp: regexp.MustCompile("a+"), Literal: "a"},
		{Column: "hex", Value: "0011223344556677"}, {Column: "wide", Op: Ge, Number: 4}, {Column: "level", Value: "warn"},
		{Column: "seconds", Op: Neq, Number: 0.5, IsNumber: true}, {Column: "path", Op: Neq, Value: "/a/1"},
	} {
		q := always
		q.All = []Predicate{p}
		with, ok1 := search(q)
		q.All = []Predicate{negated(p)}
		without, ok2 := search(q)
		if p.Op == Ge || p.IsNumber || !ok || !ok1 || !ok2 || len(all) == 300 {
			continue
		}
		if len(with)+len(without) != len(all) {
			t.Fatalf("%+v: %d rows and %d rows of %d", p, len(with), len(without), len(all))
		}
	}
	for _, by := range []string{"word", "status", "level", "log_format"} {
		q, n := always, 0
		q.From = 0
		s := newSearch(ctx, &q)
		fine(s.count(parts, 1000, []string{by}, func(int64, []string, int64) { n++ }))
		fine(s.values(parts, by, func(string) bool { n++; return n < 1000 }))
		s.free()
	}
	_, err := columnNames(parts)
	fine(err)
}

func negated(p Predicate) Predicate {
	switch p.Op {
	case Eq:
		p.Op = Neq
	case Neq:
		p.Op = Eq
	case Contains:
		p.Op = NotContains
	case Match:
		p.Op = NotMatch
	}
	return p
}

// FuzzBlock reads blocks whose meta, chunks and filters are not what was written.
func FuzzBlock(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, b := range seeds() {
		f.Add(b.meta, b.data, b.filters)
		for range 3 {
			data := slices.Clone(b.data)
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
			f.Add(b.meta, data, b.filters)
		}
	}
	f.Fuzz(func(t *testing.T, meta string, data, filters []byte) {
		p := part{from: &loose{data, filters}, meta: meta}
		if !p.describe() || p.rows > 4096 {
			return
		}
		var m blockMeta
		at := int64(0)
		if m.decode(meta) {
			for _, c := range m.columns {
				if c.filter >= 0 {
					p.filter = append(p.filter, at)
					at += int64(c.filterSize)
				}
			}
		}
		tryAll(t, []part{p})
	})
}

// FuzzIndex opens files whose index has the right checksum and any content.
func FuzzIndex(f *testing.F) {
	for _, b := range seeds() {
		_, places, err := layFilters([]*Block{b})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(appendIndex(nil, []*Block{b}, places), b.data, b.filters)
	}
	f.Fuzz(func(t *testing.T, index, data, filters []byte) {
		var p packer
		p.list(index)
		file := slices.Concat([]byte(magic), data, p.dst, filters)
		foot := binary.LittleEndian.AppendUint64(nil, uint64(len(magic)+len(data)))
		foot = binary.LittleEndian.AppendUint32(foot, uint32(len(p.dst)))
		foot = binary.LittleEndian.AppendUint32(foot, uint32(len(index)))
		foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(p.dst, castagnoli))
		foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(foot, castagnoli))
		tryFile(t, slices.Concat(file, foot, []byte(magic)))
	})
}

// FuzzFile opens any bytes as a file.
func FuzzFile(f *testing.F) {
	whole, err := fileOf(rowsAt("a", 1, 2, 3), rowsAt("b", 2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(magic))
	f.Fuzz(tryFile)
}

func tryFile(t *testing.T, file []byte) {
	s := &Segment{path: "x", file: bytesAt(file)}
	err := s.open(int64(len(file)))
	var corrupt *CorruptError
	if err != nil {
		if !errors.As(err, &corrupt) {
			t.Fatal(err)
		}
		return
	}
	rows := 0
	for _, p := range s.list {
		if rows += p.rows; rows > 4096 {
			return
		}
	}
	if s.Info().Rows != int64(rows) || s.Info().Min > s.Info().Max {
		t.Fatalf("%+v with %d rows", s.Info(), rows)
	}
	tryAll(t, s.list)
}
