package frame

import (
	"bytes"

	"shipper/internal/record"
)

// Text is one record of a unit: its text, and what its wrapper says of it.
type Text struct {
	Lo, Hi int          // where the text is in the arena
	Offset int          // of the record's first byte in the unit
	Flags  record.Flags // of the unit that are this record's
	Time   int64        // ns since the Unix epoch, when the wrapper got its first line; 0 if unknown
	Stream uint8        // Stdout, Stderr or, if unknown, 0
}

// Splitter makes records of units. It is not for concurrent use.
type Splitter struct {
	weave  weave
	line   line
	pieces []piece
	chains []chained
	texts  []Text

	scratch []byte
}

// piece is a line of a unit.
type piece struct {
	strand int
	at     int // offset in the unit
	lo, hi int // its text in the arena
	more   bool
	time   int64
	stream uint8
	next   int // piece of the same record, or -1
}

// chained are the pieces of one record.
type chained struct{ head, tail, count int }

// Split finds the records of a unit, arena[lo:hi], that a Cutter found. It
// changes the unit where there are escapes, and appends to the arena the texts
// that do not stand there in one piece. Every byte of the unit belongs to
// exactly one record, in the order of their first ones. Flags are those of the
// unit. The texts are valid until the next call.
func (s *Splitter) Split(arena []byte, lo, hi int, flags record.Flags) ([]byte, []Text) {
	unit := arena[lo:hi]
	s.texts = s.texts[:0]
	if hi > lo {
		switch k := s.kindOf(unit); {
		case k != plain:
			return s.wrapped(arena, lo, hi, flags, k)
		case woven(unit):
			return s.split(arena, lo, hi, flags, plain)
		}
	}
	s.texts = append(s.texts, Text{Lo: lo, Hi: hi, Flags: flags})
	return arena, s.texts
}

// kindOf returns what the lines of unit are wrapped in, and leaves the first in s.line.
func (s *Splitter) kindOf(unit []byte) kind {
	if !wraps[unit[0]] || !wrapped(unit[:lineEnd(unit, 0)], &s.line) {
		return plain
	}
	return s.line.kind
}

// woven reports whether lines of several records may be in unit, whose lines are plain.
func woven(unit []byte) bool {
	first := unit
	if first[0] < ' ' {
		first = bytes.TrimLeft(unit, "\r\n")
	}
	n := lineEnd(first, 0)
	if n == len(first) || alone[first[0]] {
		return false
	}
	m := opens(trimEnd(first[:n]))
	return m.precedes() || m == header && bytes.Contains(first, []byte("\ngoroutine "))
}

// wrapped is Split for lines of kind k, the first of which is s.line.
func (s *Splitter) wrapped(arena []byte, lo, hi int, flags record.Flags, k kind) ([]byte, []Text) {
	if n := lineEnd(arena[:hi], lo); n < hi || s.line.piece {
		return s.split(arena, lo, hi, flags, k)
	}
	t := Text{Lo: lo + s.line.lo, Hi: lo + s.line.hi, Flags: flags, Time: s.line.time, Stream: s.line.stream}
	if s.line.escaped {
		t.Hi = t.Lo + s.unescape(arena[lo:hi])
	}
	s.texts = append(s.texts, t)
	return arena, s.texts
}

// split is Split for any unit.
func (s *Splitter) split(arena []byte, lo, hi int, flags record.Flags, k kind) ([]byte, []Text) {
	s.weave.reset(k)
	s.pieces = s.pieces[:0]
	for at := lo; at < hi; {
		end := lineEnd(arena[:hi], at)
		if k == plain {
			s.line = line{hi: end - at}
		} else {
			unwrap(arena[at:end], &s.line)
		}
		p := piece{at: at - lo, lo: at + s.line.lo, hi: at + s.line.hi, more: s.line.piece, time: s.line.time, stream: s.line.stream, next: -1}
		if s.line.escaped {
			p.hi = p.lo + s.unescape(arena[at:end])
		}
		p.strand = s.weave.take(&s.line, arena[p.lo:p.hi], at, end)
		s.pieces = append(s.pieces, p)
		at = end
	}
	for i := range s.weave.sources {
		s.weave.settle(&s.weave.sources[i])
	}
	return s.gather(arena, k, flags), s.texts
}

// unescape takes the escapes out of what is inside of raw, in place, and
// returns how long it is then.
func (s *Splitter) unescape(raw []byte) int {
	s.scratch = s.line.text(s.scratch[:0], raw)
	return copy(raw[s.line.lo:], s.scratch)
}

// gather makes records of the pieces. It appends the texts that are not in one
// piece to the arena.
func (s *Splitter) gather(arena []byte, k kind, flags record.Flags) []byte {
	s.chains = s.chains[:0]
	for range s.weave.strands {
		s.chains = append(s.chains, chained{head: -1})
	}
	for i := range s.pieces {
		p := &s.pieces[i]
		if into := s.weave.strands[p.strand].into; into >= 0 {
			p.strand = into
		}
		c := &s.chains[p.strand]
		if c.head < 0 {
			c.head = i
		} else {
			s.pieces[c.tail].next = i
		}
		c.tail = i
		c.count++
	}
	last := s.pieces[len(s.pieces)-1].strand
	for i, c := range s.chains {
		if c.head < 0 {
			continue
		}
		first := &s.pieces[c.head]
		t := Text{Offset: first.at, Time: first.time, Stream: first.stream, Lo: first.lo, Hi: first.hi}
		for p := first; p.next >= 0 && len(trimEnd(arena[p.lo:p.hi])) == 0; {
			p = &s.pieces[p.next]
			t.Time = p.time // blank lines may be much older
		}
		if c.count > 1 {
			arena = s.text(arena, k, c, &t)
		}
		if i == last {
			t.Flags = flags & (record.Truncated | record.Partial)
		}
		if c.count > 1 && s.weave.strands[i].open {
			t.Flags |= flags & record.TimedOut
		}
		if s.pieces[c.tail].more {
			t.Flags |= record.Partial
		}
		s.texts = append(s.texts, t)
	}
	return arena
}

// text sets the bounds of the text of a record of several lines.
func (s *Splitter) text(arena []byte, k kind, c chained, t *Text) []byte {
	i := c.head
	for p := s.pieces[i]; p.next >= 0 && (k == plain || p.more) && s.pieces[p.next].lo == t.Hi; p = s.pieces[i] {
		i = p.next
		t.Hi = s.pieces[i].hi
	}
	if i == c.tail {
		return arena
	}
	t.Lo = len(arena)
	for i = c.head; i >= 0; i = s.pieces[i].next {
		p := &s.pieces[i]
		arena = append(arena, arena[p.lo:p.hi]...)
		if k != plain && !p.more && p.next >= 0 {
			arena = append(arena, '\n')
		}
	}
	t.Hi = len(arena)
	return arena
}

var (
	nameStream = record.Name("log.iostream")
	nameStdout = record.Name("stdout")
	nameStderr = record.Name("stderr")
)

// Complete gives the record that was begun last in b, that of t's text, what
// t's wrapper knows: the stream it was written to, as log.iostream, and the
// time, unless the record has a full one of its own.
func (t *Text) Complete(b *record.Batch) {
	r := &b.Records[len(b.Records)-1]
	r.Flags |= t.Flags
	if t.Time != 0 && r.TimeSource != record.TimeLine {
		r.Time, r.TimeSource = t.Time, record.TimeFrame
	}
	switch t.Stream {
	case Stdout:
		b.AddField(record.Field{Key: nameStream, Val: nameStdout})
	case Stderr:
		b.AddField(record.Field{Key: nameStream, Val: nameStderr})
	}
}
