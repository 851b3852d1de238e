package query

import (
	"slices"
	"strings"

	"shipper/internal/jsontext"
	"shipper/internal/segment"
)

// label is a label of a row; its name and value are those of the labels it is in.
type label struct {
	name     string
	from, to int // of the value in labels.text
	stream   bool
}

// labels are those of one row, sorted by name. It is made to be used again.
type labels struct {
	all  []label
	text []byte
}

// collect takes all labels of a row. What the record says of itself goes before
// what is known of its stream, and a label without a value is none.
func (s *labels) collect(r segment.Row) {
	s.all, s.text = s.all[:0], s.text[:0]
	for a := range r.Attributes {
		from := len(s.text)
		s.text = append(s.text, a.Text...)
		s.all = append(s.all, label{a.Label, from, len(s.text), a.Stream || a.Label == streamLabel})
	}
	// Stable: the first of two columns with one label is the one that filters see.
	slices.SortStableFunc(s.all, func(a, b label) int { return strings.Compare(a.name, b.name) })
	s.all = slices.CompactFunc(s.all, func(a, b label) bool { return a.name == b.name })
	s.all = slices.DeleteFunc(s.all, func(l label) bool { return l.from == l.to })
}

// append appends those labels that keep chooses as the members of a JSON object.
func (s *labels) append(dst []byte, keep func(*label) bool) []byte {
	start := len(dst)
	for i := range s.all {
		l := &s.all[i]
		if !keep(l) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, l.name), ':')
		dst = jsontext.AppendString(dst, s.text[l.from:l.to])
	}
	return dst
}
