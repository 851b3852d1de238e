package pipeline

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"

	"shipper/internal/record"
)

// scrubber redacts records: the part of a Worker that needs memory for it.
//
// Secrets are overwritten where they are, in the arena. A replacement of
// another length is put behind everything else. Text that was unescaped is in
// the arena twice: when a copy is redacted, all of the bytes the record was
// made of that nothing spans are overwritten as well.
type scrubber struct {
	stats  *Stats
	b      *record.Batch
	starts []int32
	raw    int

	found   []match
	out     []byte
	number  []byte
	covered []record.Span
	macs    map[*Redaction]hash.Hash
	clean   []clean // by redactor
	changed bool    // names or kinds of attributes, or their number
	inPEM   uint64  // bits of redactors for which the record before ended within a PEM block
	copied  bool    // a secret of this record may be in its raw bytes, too
	tail    bool    // and in bytes behind all raw ones that were in use for a while
}

// begin takes up a batch: see Worker.Apply.
func (s *scrubber) begin(b *record.Batch, starts []int32, raw int) {
	s.b, s.starts, s.raw = b, starts, raw
	s.tail = false
}

// end overwrites what is behind the raw bytes and nothing spans, if a secret
// may be there.
func (s *scrubber) end() {
	if !s.tail {
		return
	}
	s.covered = s.covered[:0]
	for i := range s.b.Records {
		s.cover(&s.b.Records[i], s.raw, len(s.b.Arena))
	}
	s.maskRest(s.raw, len(s.b.Arena))
}

// record redacts record i, which has those keys. It reports whether names or
// kinds of its attributes changed, or how many there are.
func (s *scrubber) record(rd *redactor, i int, ks []*key) (changed bool) {
	r := &s.b.Records[i]
	s.copied, s.changed = false, false
	s.fields(rd, r, ks)
	r.Body = s.body(rd, r)
	r.Logger = s.text(rd, r.Logger)
	if r.Severity == 0 { // otherwise it is one of the words for it
		r.SeverityText = s.text(rd, r.SeverityText)
	}
	if s.copied {
		s.tail = true
		s.wipeCopies(r, i)
	}
	return s.changed
}

// fields redacts the attributes of r.
func (s *scrubber) fields(rd *redactor, r *record.Record, ks []*key) {
	fs := s.b.FieldsOf(r)
	for j := 0; j < len(fs); j++ {
		f, k := &fs[j], ks[0]
		ks = ks[1:]
		keep := true
		switch {
		case k.special&rd.bit != 0:
			keep = s.named(rd, f, &k.verdicts[rd.number])
		case f.Kind == record.Int:
			if n := f.Int(); n >= leastCard {
				keep = s.digits(rd, f)
			}
		case f.Val.Len >= shortest:
			keep = s.value(rd, f)
		}
		if !keep {
			s.b.Detach(r, j)
			s.changed = true
			fs = fs[:len(fs)-1]
			j--
		}
	}
}

// named redacts a field of which the name says something; keep is false if the
// field has to go.
func (s *scrubber) named(rd *redactor, f *record.Field, v *verdict) (keep bool) {
	if v.secret {
		s.changed = true
		f.Key = s.text(rd, f.Key)
	}
	if v.action >= 0 {
		return s.whole(rd, f, uint8(v.action), v.detector)
	}
	return s.value(rd, f)
}

// value redacts the value of a field; keep is false if the field has to go.
func (s *scrubber) value(rd *redactor, f *record.Field) (keep bool) {
	if f.Kind != record.String && f.Kind != record.JSON {
		return f.Kind != record.Int && f.Kind != record.Number || s.digits(rd, f)
	}
	if f.Val.WellKnown() || !s.look(rd, s.b.Bytes(f.Val)) {
		return true
	}
	for _, m := range s.found {
		if rd.todo[m.action].Action == Drop {
			s.count(m.detector)
			s.wipe(f.Val)
			return false
		}
	}
	f.Val = s.replace(rd, f.Val, f.Kind == record.JSON)
	return true
}

// leastCard is the least number with the digits of a card.
const leastCard = 1_000_000_000_000

// shortest is the length of the shortest text with a secret in it: pin=1
const shortest = 5

// look finds the secrets in v and reports whether there are any.
func (s *scrubber) look(rd *redactor, v []byte) bool {
	known, slot := s.clean[rd.number].has(v)
	if known {
		return false
	}
	s.found = rd.find(s.found[:0], v)
	if len(s.found) == 0 {
		s.clean[rd.number].keep(slot, v)
	}
	return len(s.found) > 0
}

// text redacts text that is no attribute: what is dropped leaves a gap.
func (s *scrubber) text(rd *redactor, v record.Span) record.Span {
	if v.Len < shortest || v.WellKnown() || !s.look(rd, s.b.Bytes(v)) {
		return v
	}
	return s.replace(rd, v, false)
}

// body redacts a body, which can be a line of a PEM block that others began.
func (s *scrubber) body(rd *redactor, r *record.Record) record.Span {
	v := r.Body
	if !rd.on[PEM] || v.WellKnown() {
		return s.text(rd, v)
	}
	t := s.b.Bytes(v)
	if s.inPEM&rd.bit != 0 && isPEMLine(t) || looksLikePEM(t, r.Format == 0) {
		s.found = append(s.found[:0], match{0, len(t), PEM, rd.actions[PEM]})
		return s.replace(rd, v, false)
	}
	if s.inPEM&rd.bit != 0 && !isPEMHeader(t) {
		s.inPEM &^= rd.bit
	}
	if v.Len < shortest || !s.look(rd, t) {
		return v
	}
	if last := s.found[len(s.found)-1]; last.detector == PEM && !bytes.Contains(t[last.from:last.to], []byte(pemEnd)) {
		s.inPEM |= rd.bit
	}
	return s.replace(rd, v, false)
}

// whole redacts a value because of its name.
func (s *scrubber) whole(rd *redactor, f *record.Field, action uint8, d Detector) (keep bool) {
	if f.Kind == record.Null || f.Kind != record.Int && f.Kind != record.Bool && f.Val.Len == 0 {
		return true
	}
	if f.Kind != record.String {
		s.changed = true
		s.number = s.b.Text(s.number[:0], *f)
		if f.Kind == record.Int || f.Kind == record.Bool {
			s.copied = true
		} else {
			s.wipe(f.Val)
		}
		f.Kind, f.Val = record.String, s.b.Add(s.number)
	}
	if f.Val.WellKnown() {
		f.Val = s.b.Add(s.b.Bytes(f.Val))
	}
	if rd.todo[action].Action == Drop {
		s.count(d)
		s.wipe(f.Val)
		s.copied = true
		return false
	}
	s.found = append(s.found[:0], match{0, int(f.Val.Len), d, action})
	f.Val = s.replace(rd, f.Val, false)
	s.copied = true
	return true
}

// digits redacts a number that is a card's.
func (s *scrubber) digits(rd *redactor, f *record.Field) (keep bool) {
	if !rd.on[Card] || f.Kind == record.Number && f.Val.Len < 13 {
		return true
	}
	if f.Kind == record.Int {
		s.number = strconv.AppendInt(s.number[:0], f.Int(), 10)
	} else {
		s.number = append(s.number[:0], s.b.Bytes(f.Val)...)
	}
	if n := len(s.number); n < 13 || n > 19 || run(s.number, 0, isDigit) != n || !isCard(s.number) {
		return true
	}
	return s.whole(rd, f, rd.actions[Card], Card)
}

// replace puts something in place of the secrets found in v. Where they all
// keep their length it is done in place.
func (s *scrubber) replace(rd *redactor, v record.Span, json bool) record.Span {
	text := s.b.Bytes(v)
	inPlace := !json || !s.findBare(text)
	for _, m := range s.found {
		s.count(m.detector)
		inPlace = inPlace && rd.todo[m.action].Action == Mask
	}
	if int(v.Off) >= s.raw {
		s.copied = true
	}
	if inPlace {
		for _, m := range s.found {
			mask(text[m.from:m.to])
		}
		return v
	}
	s.out = s.out[:0]
	at := 0
	quotes := quoteState{}
	for _, m := range s.found {
		s.out = append(s.out, text[at:m.from]...)
		quotes.read(text[at:m.from])
		bare := json && !quotes.inside
		if bare {
			s.out = append(s.out, '"')
		}
		switch t := &rd.todo[m.action]; t.Action {
		case Mask:
			n := len(s.out)
			s.out = append(s.out, text[m.from:m.to]...)
			mask(s.out[n:])
		case Token:
			s.out = s.token(s.out, t, text[m.from:m.to], m.detector)
		}
		if bare {
			s.out = append(s.out, '"')
		}
		quotes.read(text[m.from:m.to])
		at = m.to
	}
	s.out = append(s.out, text[at:]...)
	for _, m := range s.found {
		mask(text[m.from:m.to])
	}
	return s.b.Add(s.out)
}

// findBare reports whether a secret found in JSON is not within a string.
func (s *scrubber) findBare(text []byte) bool {
	at, quotes := 0, quoteState{}
	for _, m := range s.found {
		quotes.read(text[at:m.from])
		if !quotes.inside {
			return true
		}
		at = m.from
	}
	return false
}

// quoteState knows whether text read so far ends within a JSON string.
type quoteState struct{ inside, escaped bool }

func (q *quoteState) read(text []byte) {
	for _, c := range text {
		switch {
		case q.escaped:
			q.escaped = false
		case c == '\\':
			q.escaped = q.inside
		case c == '"':
			q.inside = !q.inside
		}
	}
}

// token appends what stands for a secret.
func (s *scrubber) token(dst []byte, t *Redaction, secret []byte, d Detector) []byte {
	mac := s.macs[t]
	if mac == nil {
		if s.macs == nil {
			s.macs = map[*Redaction]hash.Hash{}
		}
		mac = hmac.New(sha256.New, t.Key.Secret)
		s.macs[t] = mac
	}
	mac.Reset()
	if d == Card || d == IBAN { // grouped or not, it is the same
		s.number = s.number[:0]
		for _, c := range secret {
			if is(c, isAlnum) {
				s.number = append(s.number, c)
			}
		}
		secret = s.number
	}
	mac.Write(secret)
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	dst = append(append(append(dst, "tok_"...), t.Key.ID...), '_')
	return hex.AppendEncode(dst, sum[:8])
}

func mask(p []byte) {
	for i := range p {
		p[i] = '*'
	}
}

func (s *scrubber) wipe(v record.Span) {
	if int(v.Off) >= s.raw {
		s.copied = true
	}
	if !v.WellKnown() {
		mask(s.b.Bytes(v))
	}
}

func (s *scrubber) count(d Detector) { s.stats.Redacted[d].Add(1) }

// wipeCopies overwrites those bytes record i was made of that nothing spans,
// and what was kept of them as the original.
func (s *scrubber) wipeCopies(r *record.Record, i int) {
	fs := s.b.FieldsOf(r)
	for j := len(fs) - 1; j >= 0; j-- {
		if fs[j].Key == originalName {
			s.wipe(fs[j].Val)
			s.b.Detach(r, j)
			s.changed = true
		}
	}
	first := i
	for first > 0 && s.starts[first-1] == s.starts[i] {
		first--
	}
	lo, hi := int(s.starts[i]), end(s.starts, i, s.raw)
	s.covered = s.covered[:0]
	for k := first; k < len(s.starts) && s.starts[k] == s.starts[i]; k++ {
		s.cover(&s.b.Records[k], lo, hi)
	}
	s.maskRest(lo, hi)
}

// maskRest overwrites the bytes in [lo, hi) that are not covered.
func (s *scrubber) maskRest(lo, hi int) {
	slices.SortFunc(s.covered, func(a, b record.Span) int { return int(a.Off) - int(b.Off) })
	for _, c := range s.covered {
		from, to := int(c.Off), int(c.Off+c.Len)
		if from > lo {
			mask(s.b.Arena[lo:from])
		}
		lo = max(lo, min(to, hi))
	}
	mask(s.b.Arena[lo:hi])
}

// cover notes the spans of a record that begin in [lo, hi).
func (s *scrubber) cover(r *record.Record, lo, hi int) {
	note := func(v record.Span) {
		if !v.WellKnown() && int(v.Off) >= lo && int(v.Off) < hi {
			s.covered = append(s.covered, v)
		}
	}
	note(r.Body)
	note(r.Logger)
	note(r.SeverityText)
	for _, f := range s.b.FieldsOf(r) {
		note(f.Key)
		if f.Kind == record.String || f.Kind == record.Number || f.Kind == record.JSON {
			note(f.Val)
		}
	}
}
