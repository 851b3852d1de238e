package segment

import (
	"bytes"
	"slices"
)

// candidate is a column that may give a label its value. A label has the value
// of the first candidate that has one in the row: a member, then attributes of
// the record, then those of its stream, each by name and kind.
type candidate struct {
	*values
	show display
}

// candidates appends the candidates of a label.
func (v *view) candidates(dst []candidate, m *matcher) []candidate {
	if m.known {
		if c := v.member(m.member); c != nil {
			dst = append(dst, candidate{c, m.show})
		}
	}
	if m.Column == "" {
		return dst
	}
	for i := range v.columns {
		if c := &v.columns[i]; c.class != classMember && spells(c.name, m.Column) {
			dst = append(dst, candidate{v.cols[i], showPlain})
		}
	}
	return dst
}

// foresee says what is known of a predicate on all rows of a block without reading them.
func (s *search) foresee(v *view, m *matcher, deep bool) verdict {
	switch m.test {
	case testAnd:
		out := all
		for i := range m.inner {
			out = min(out, s.foresee(v, &m.inner[i], deep))
		}
		return out
	case testOr:
		out := none
		for i := range m.inner {
			out = max(out, s.foresee(v, &m.inner[i], deep))
		}
		return out
	}
	yes, no := false, false
	s.cands = v.candidates(s.cands[:0], m)
	for _, c := range s.cands {
		switch v.judge(m, c.values, c.show, deep).not(m.negate) {
		case all:
			yes = true
		case none:
			no = true
		default:
			return some
		}
		if c.count == v.blockMeta.rows {
			return together(yes, no)
		}
	}
	if m.empty {
		yes = true
	} else {
		no = true
	}
	return together(yes, no)
}

func together(yes, no bool) verdict {
	switch {
	case yes && no:
		return some
	case yes:
		return all
	}
	return none
}

// evaluate takes out of sel the rows for which m does not hold.
func (s *search) evaluate(v *view, m *matcher, sel bitmap) {
	switch m.test {
	case testAnd:
		for i := range m.inner {
			s.evaluate(v, &m.inner[i], sel)
		}
		return
	case testOr:
		s.any(v, m, sel)
		return
	}
	out := s.take(len(sel))
	rest := s.take(len(sel))
	copy(rest, sel)
	cands := v.candidates(nil, m)
	for _, c := range cands {
		if v.loadRows(c.values); v.err != nil || rest.empty() {
			break
		}
		s.candidate(v, m, c, rest, out)
	}
	for i := range sel {
		sel[i] = out[i]
		if m.empty {
			sel[i] |= rest[i]
		}
	}
	s.give(out)
	s.give(rest)
}

// any takes out of sel the rows for which none of m's alternatives holds.
func (s *search) any(v *view, m *matcher, sel bitmap) {
	out, rest := s.take(len(sel)), s.take(len(sel))
	for i := range m.inner {
		for k := range sel {
			rest[k] = sel[k] &^ out[k]
		}
		s.evaluate(v, &m.inner[i], rest)
		for k := range out {
			out[k] |= rest[k]
		}
	}
	copy(sel, out)
	s.give(out)
	s.give(rest)
}

// candidate moves the rows of rest that have a value in c out of it, and those
// for which m holds into out.
func (s *search) candidate(v *view, m *matcher, c candidate, rest, out bitmap) {
	rows := s.take(len(rest))
	for i := range rows {
		rows[i] = rest[i]
		if !c.dense {
			rows[i] &= c.rows[i]
		}
		rest[i] &^= rows[i]
	}
	switch v.judge(m, c.values, c.show, true).not(m.negate) {
	case all:
		for i := range out {
			out[i] |= rows[i]
		}
	case some:
		hit := s.take(len(rest))
		if v.load(c.values); v.err == nil && !rows.empty() {
			s.match(m, c, rows, hit)
		}
		for i := range out {
			if m.negate {
				out[i] |= rows[i] &^ hit[i]
			} else {
				out[i] |= rows[i] & hit[i]
			}
		}
		s.give(hit)
	}
	s.give(rows)
}

// match adds to hit those of rows, which all have a value in c, that pass m's
// test, negation aside. It may add others.
func (s *search) match(m *matcher, c candidate, rows, hit bitmap) {
	switch c.shape {
	case shapeDict:
		matchCodes(m, c, rows, hit)
		return
	case shapeInt, shapeDecimal:
		if c.show == showPlain && matchNumbers(m, c, rows, hit) {
			return
		}
	case shapeHex:
		if m.test == testEqual {
			s.matchBytes(m, c, rows, hit)
			return
		}
	case shapeText:
		s.matchText(m, c, rows, hit)
		return
	}
	for i := rows.next(0); i >= 0; i = rows.next(i + 1) {
		s.text = c.append(s.text[:0], i)
		if m.holds(shown(c.show, s.text)) {
			hit.set(i)
		}
	}
}

func matchCodes(m *matcher, c candidate, rows, hit bitmap) {
	var table [256]uint64
	for i, e := range c.entries {
		if m.holds(shown(c.show, e)) {
			table[i] = 1
		}
	}
	for w := range rows {
		if rows[w] == 0 {
			continue
		}
		h := uint64(0)
		codes := c.codes[w<<6 : min(w<<6+64, len(c.codes))]
		for i, code := range codes {
			h |= table[code] << i
		}
		hit[w] |= h
	}
}

// matchNumbers reports whether it knows what to do.
func matchNumbers(m *matcher, c candidate, rows, hit bitmap) bool {
	switch m.test {
	case testEqual:
		n, ok := c.parse(m.value)
		if !ok {
			return true
		}
		for i := rows.next(0); i >= 0; i = rows.next(i + 1) {
			if c.nums[c.at(i)] == n {
				hit.set(i)
			}
		}
		return true
	case testNumber:
		for i := rows.next(0); i >= 0; i = rows.next(i + 1) {
			if m.compare(c.form.float(c.nums[c.at(i)])) {
				hit.set(i)
			}
		}
		return true
	}
	return false
}

// matchBytes looks for an ID. As one run of bytes the column is searched much
// faster than value by value.
func (s *search) matchBytes(m *matcher, c candidate, rows, hit bitmap) {
	found := s.take(len(c.bytes)/c.size/64 + 1)
	for from := 0; ; {
		i := bytes.Index(c.bytes[from:], m.bytes)
		if i < 0 {
			break
		}
		if from += i; from%c.size == 0 {
			found.set(from / c.size)
		}
		from++
	}
	c.spread(found, rows, hit)
	s.give(found)
}

// spread adds to hit those of rows whose value is among those found.
func (v *values) spread(found, rows, hit bitmap) {
	if found.empty() {
		return
	}
	for i := rows.next(0); i >= 0; i = rows.next(i + 1) {
		if found.has(v.at(i)) {
			hit.set(i)
		}
	}
}

func (s *search) matchText(m *matcher, c candidate, rows, hit bitmap) {
	found := s.take(len(c.ends)/64 + 1)
	if (m.test == testContains || m.test == testRegexp) && len(m.value) > 0 {
		m.find(c, found)
	} else {
		s.matchEach(m, c, rows, found)
	}
	c.spread(found, rows, hit)
	s.give(found)
}

// matchEach tests each value that a row has, once.
func (s *search) matchEach(m *matcher, c candidate, rows, found bitmap) {
	done := s.take(len(found))
	for i := rows.next(0); i >= 0; i = rows.next(i + 1) {
		k := c.at(i)
		if done.has(k) {
			continue
		}
		if done.set(k); m.holds(c.slice(k)) {
			found.set(k)
		}
	}
	s.give(done)
}

// find looks for m's text. Most often it is in few values, so it looks in all
// of them at once.
func (m *matcher) find(c candidate, found bitmap) {
	for from := 0; ; {
		i := bytes.Index(c.bytes[from:], m.value)
		if i < 0 {
			return
		}
		from += i
		k, _ := slices.BinarySearch(c.ends, uint32(from+1))
		if from+len(m.value) > int(c.ends[k]) {
			from++ // begins in one value and ends in the next
			continue
		}
		if m.test == testContains || m.Regexp.Match(c.slice(k)) {
			found.set(k)
		}
		from = int(c.ends[k])
	}
}
