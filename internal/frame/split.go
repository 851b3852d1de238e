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

	yearless, host, service record.Span // as the wrapper has them
	pid                     uint32
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
	text   Text
	void   bool // it is blank, and in no wrapper
	more   bool // it goes on in the next piece
	next   int  // piece of the same record, or -1
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
		if maybeWide(unit) || unit[len(unit)-1] == 0 || len(unit) > 1 && unit[len(unit)-2] == 0 {
			if w := wideUnit(unit); w != narrow {
				return s.splitWide(arena, lo, hi, flags, w)
			}
		}
		head := 0
		if unit[0] <= '\r' { // blank lines may be in front of what is in a wrapper
			if head = terminators(unit); head == len(unit) {
				head = 0
			}
		}
		switch k := s.kindOf(unit[head:]); {
		case k != plain:
			arena, texts := s.wrapped(arena, lo+head, hi, flags, k)
			for i := 1; i < len(texts); i++ {
				texts[i].Offset += head
			}
			return arena, texts
		case woven(unit):
			return s.split(arena, lo, hi, flags, plain)
		}
	}
	t := Text{Lo: hi - len(trimNUL(unit)), Hi: hi, Flags: flags}
	s.texts = append(s.texts, t)
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
	text, n := unit, lineEnd(unit, 0)
	line := content(text[:n], none, false)
	for n < len(text) && len(line) == 0 {
		text = text[n:]
		n = lineEnd(text, 0)
		line = content(text[:n], none, false)
	}
	if n == len(text) || alone[line[0]] {
		return false
	}
	m := first(line)
	return m.precedes() || m == header && bytes.Contains(text, []byte("\ngoroutine "))
}

// wrapped is Split for lines of kind k, the first of which is s.line.
func (s *Splitter) wrapped(arena []byte, lo, hi int, flags record.Flags, k kind) ([]byte, []Text) {
	if n := lineEnd(arena[:hi], lo); n < hi || s.line.piece {
		return s.split(arena, lo, hi, flags, k)
	}
	var t Text
	arena = s.take(arena, lo, hi, &t)
	t.Flags = flags
	s.texts = append(s.texts, t)
	return arena, s.texts
}

// take makes t what s.line, which is arena[lo:hi], says.
func (s *Splitter) take(arena []byte, lo, hi int, t *Text) []byte {
	l := &s.line
	span := func(p part) record.Span { return record.Span{Off: uint32(lo + p.lo), Len: uint32(p.hi - p.lo)} }
	*t = Text{Lo: lo + l.lo, Hi: lo + l.hi, Time: l.time, Stream: l.stream, pid: l.pid}
	if l.kind > docker {
		t.yearless, t.host, t.service = span(l.yearless), span(l.host), span(l.service)
	}
	if t.yearless.Len > 0 {
		t.Time = 0
	}
	switch l.escape {
	case asJSON: // never longer, and a line
		s.scratch = l.text(s.scratch[:0], arena[lo:hi])
		t.Hi = t.Lo + copy(arena[t.Lo:], s.scratch)
	case asOctal:
		t.Lo = len(arena)
		arena = l.text(arena, arena[lo:hi])
		t.Hi = len(arena)
	}
	return arena
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
			unwrapNext(arena[at:end], &s.line, &s.weave, end)
		}
		p := piece{more: s.line.piece, void: s.line.void, next: -1}
		arena = s.take(arena, at, end, &p.text)
		p.text.Offset = at - lo
		p.strand = s.weave.take(&s.line, arena[p.text.Lo:p.text.Hi], at, end)
		s.pieces = append(s.pieces, p)
		at = end
	}
	return s.gather(arena, k, flags), s.texts
}

// gather makes records of the pieces. It appends the texts that are not in one
// piece to the arena.
func (s *Splitter) gather(arena []byte, k kind, flags record.Flags) []byte {
	for i := range s.weave.sources {
		s.weave.settle(&s.weave.sources[i])
	}
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
		t := s.pieces[c.head].text
		for p := &s.pieces[c.head]; p.next >= 0 && len(trimEnd(arena[p.text.Lo:p.text.Hi])) == 0; {
			p = &s.pieces[p.next]
			t.Time, t.yearless = p.text.Time, p.text.yearless // blank lines may be much older
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
	for p := s.pieces[i]; p.next >= 0 && (k == plain || p.more) && s.pieces[p.next].text.Lo == t.Hi; p = s.pieces[i] {
		i = p.next
		t.Hi = s.pieces[i].text.Hi
	}
	if i == c.tail {
		return arena
	}
	t.Lo = len(arena)
	more := true
	for i = c.head; i >= 0; i = s.pieces[i].next {
		p := &s.pieces[i]
		if p.void {
			continue
		}
		if k != plain && !more {
			arena = append(arena, '\n')
		}
		arena = append(arena, arena[p.text.Lo:p.text.Hi]...)
		more = p.more
	}
	t.Hi = len(arena)
	return arena
}

// Years knows the year of times that have none.
type Years interface {
	// Yearless returns the time "Nov 23 06:42:55" that text starts with, in ns
	// since the Unix epoch, in a year that suits the record begun last.
	Yearless(text []byte) (ns int64, ok bool)
}

var (
	nameStream  = record.Name("log.iostream")
	nameStdout  = record.Name("stdout")
	nameStderr  = record.Name("stderr")
	nameHost    = record.Name("host.name")
	nameService = record.Name("service.name")
	namePid     = record.Name("process.pid")
)

// Complete gives the record that was begun last in b, that of t's text, what
// t's wrapper knows: the time, unless the record has a full one of its own, the
// stream it was written to, as log.iostream, and the service, host and process,
// unless the record names its own.
func (t *Text) Complete(b *record.Batch, years Years) {
	r := &b.Records[len(b.Records)-1]
	r.Flags |= t.Flags
	if t.Time != 0 && r.TimeSource != record.TimeLine {
		r.Time, r.TimeSource = t.Time, record.TimeFrame
	}
	if t.yearless.Len > 0 && r.TimeSource == record.TimeRead {
		if ns, ok := years.Yearless(b.Bytes(t.yearless)); ok {
			r.Time, r.TimeSource = ns, record.TimeNoYear
		}
	}
	switch t.Stream {
	case Stdout:
		b.AddField(record.Field{Key: nameStream, Val: nameStdout})
	case Stderr:
		b.AddField(record.Field{Key: nameStream, Val: nameStderr})
	}
	add := func(f record.Field, name string) {
		if _, ok := b.Lookup(r, name); !ok {
			b.AddField(f)
		}
	}
	if t.host.Len > 0 {
		add(record.Field{Key: nameHost, Val: t.host}, "host.name")
	}
	if t.service.Len > 0 {
		add(record.Field{Key: nameService, Val: t.service}, "service.name")
	}
	if t.pid > 0 {
		add(record.IntField(namePid, int64(t.pid)), "process.pid")
	}
}
