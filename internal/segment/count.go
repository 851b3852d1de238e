package segment

import (
	"encoding/binary"
	"slices"
)

// maxTable is how many groups are counted in a table, by the product of the
// numbers of values of the labels; more are counted in a map.
const maxTable = 1 << 12

// count: see Segment.Count.
func (s *search) count(parts []part, step int64, by []string, add func(bucket int64, values []string, n int64)) error {
	g := newGroups(by)
	for i := range parts {
		v, sel, err := s.selectRows(&parts[i])
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		s.countPart(v, sel, g, step, add)
		err = v.err
		s.views = append(s.views, v)
		s.give(sel)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *search) countPart(v *view, sel bitmap, g *groups, step int64, add func(bucket int64, values []string, n int64)) {
	g.assign(v, sel)
	if v.err != nil {
		return
	}
	bucket := func(at int64) int64 {
		if step <= 0 {
			return s.query.From
		}
		d := uint64(at) - uint64(s.query.From)
		return int64(uint64(s.query.From) + d - d%uint64(step))
	}
	if first := bucket(max(v.part.min, s.query.From)); first == bucket(min(v.part.max, s.query.To-1)) {
		if len(g.labels) == 0 {
			add(first, nil, int64(sel.count()))
			return
		}
		for i := sel.next(0); i >= 0; i = sel.next(i + 1) {
			g.add(i)
		}
		g.flush(first, add)
		return
	}
	times := v.times()
	if times == nil {
		return
	}
	now, end := int64(0), uint64(0)
	for i := sel.next(0); i >= 0; i = sel.next(i + 1) {
		if d := uint64(times[i]) - uint64(s.query.From); d >= end {
			g.flush(now, add)
			now = bucket(times[i])
			end = uint64(now) - uint64(s.query.From) + uint64(step)
		}
		g.add(i)
	}
	g.flush(now, add)
}

// groups counts rows by the values of labels.
type groups struct {
	labels []label
	table  []int64 // by combined code, if there are few
	used   []int32 // codes of table that are not 0
	small  bool
	counts []int64 // if there are many, and by combined code which of them
	keys   map[string]int
	key    []byte
	values []string
}

// label is one of the labels to group by, in the block at hand.
type label struct {
	matcher matcher
	codes   []uint32 // by row
	values  []string // by code
	seen    map[string]uint32
	room    []uint32
	text    []byte
}

func newGroups(by []string) *groups {
	g := &groups{labels: make([]label, len(by)), keys: make(map[string]int), values: make([]string, len(by))}
	for i, name := range by {
		g.labels[i].matcher.name(name)
		g.labels[i].seen = make(map[string]uint32)
	}
	return g
}

// name makes m the matcher of no predicate, for its label.
func (m *matcher) name(label string) {
	m.Column = canonical(label)
	if l, ok := memberLabels[m.Column]; ok {
		m.member, m.show, m.known = l.member, l.show, true
	}
}

// assign finds the code of every row of sel for each label.
func (g *groups) assign(v *view, sel bitmap) {
	size := 1
	for i := range g.labels {
		l := &g.labels[i]
		l.assign(v, sel)
		size = min(size, maxTable+1) * len(l.values)
	}
	if g.small = size <= maxTable; g.small {
		if cap(g.table) < size {
			g.table = make([]int64, size)
		}
		g.table = g.table[:size]
	}
}

func (l *label) code(text string) uint32 {
	c, ok := l.seen[text]
	if !ok {
		c = uint32(len(l.values))
		l.values = append(l.values, text)
		l.seen[text] = c
	}
	return c
}

func (l *label) assign(v *view, sel bitmap) {
	clear(l.seen)
	l.values = l.values[:0]
	l.code("") // 0: no value
	n := v.blockMeta.rows
	if cap(l.codes) < n {
		l.codes = make([]uint32, n+n/8)
	}
	l.codes = l.codes[:n]
	clear(l.codes)
	rest := slices.Clone(sel)
	for _, c := range v.candidates(nil, &l.matcher) {
		if v.load(c.values); v.err != nil {
			return
		}
		l.take(c, rest)
	}
}

// byValue returns room for the code + 1 of each value of a column that has no dictionary.
func (l *label) byValue(c candidate) []uint32 {
	n := 0
	switch c.shape {
	case shapeInt, shapeDecimal:
		n = len(c.nums)
	case shapeHex:
		n = len(c.bytes) / c.size
	case shapeText:
		n = len(c.ends)
	}
	if cap(l.room) < n {
		l.room = make([]uint32, n+n/8)
	}
	l.room = l.room[:n]
	clear(l.room)
	return l.room
}

// take gives codes to the rows of rest that have a value in c, and takes them out of it.
func (l *label) take(c candidate, rest bitmap) {
	var byCode [256]uint32
	if c.shape == shapeConst || c.shape == shapeDict {
		for i, e := range c.entries {
			byCode[i] = l.code(string(shown(c.show, e)))
		}
	}
	if c.dense && c.shape == shapeDict {
		for i, code := range c.codes {
			l.codes[i] = byCode[code]
		}
		clear(rest)
		return
	}
	byValue := l.byValue(c)
	for i := rest.next(0); i >= 0; i = rest.next(i + 1) {
		if !c.has(i) {
			continue
		}
		switch c.shape {
		case shapeConst:
			l.codes[i] = byCode[0]
		case shapeDict:
			l.codes[i] = byCode[c.codes[i]]
		default:
			k := c.at(i)
			if byValue[k] == 0 {
				l.text = c.append(l.text[:0], i)
				byValue[k] = l.code(string(shown(c.show, l.text))) + 1
			}
			l.codes[i] = byValue[k] - 1
		}
		rest[i>>6] &^= 1 << (i & 63)
	}
}

func (g *groups) add(row int) {
	if g.small {
		k := 0
		for i := range g.labels {
			l := &g.labels[i]
			k = k*len(l.values) + int(l.codes[row])
		}
		if g.table[k] == 0 {
			g.used = append(g.used, int32(k))
		}
		g.table[k]++
		return
	}
	g.key = g.key[:0]
	for i := range g.labels {
		g.key = binary.LittleEndian.AppendUint32(g.key, g.labels[i].codes[row])
	}
	k, ok := g.keys[string(g.key)]
	if !ok {
		k = len(g.counts)
		g.keys[string(g.key)] = k
		g.counts = append(g.counts, 0)
	}
	g.counts[k]++
}

// flush hands over the counts of a bucket and forgets them.
func (g *groups) flush(bucket int64, add func(bucket int64, values []string, n int64)) {
	for _, k := range g.used {
		at := int(k)
		for i := len(g.labels) - 1; i >= 0; i-- {
			l := &g.labels[i]
			g.values[i] = l.values[at%len(l.values)]
			at /= len(l.values)
		}
		add(bucket, g.values, g.table[k])
		g.table[k] = 0
	}
	for key, k := range g.keys {
		for i := range g.labels {
			g.values[i] = g.labels[i].values[binary.LittleEndian.Uint32([]byte(key[4*i:]))]
		}
		add(bucket, g.values, g.counts[k])
	}
	g.used, g.counts = g.used[:0], g.counts[:0]
	clear(g.keys)
}

// values: see Segment.Values.
func (s *search) values(parts []part, column string, add func(value string) bool) error {
	g := newGroups([]string{column})
	l := &g.labels[0]
	for i := range parts {
		v, sel, err := s.selectRows(&parts[i])
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		more := s.valuesOf(v, sel, l, add)
		err = v.err
		s.views = append(s.views, v)
		s.give(sel)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// valuesOf hands over the values that the rows of sel have. It does not read a
// column if the description of it says enough.
func (s *search) valuesOf(v *view, sel bitmap, l *label, add func(value string) bool) bool {
	cands := v.candidates(nil, &l.matcher)
	if len(cands) == 0 {
		return true
	}
	if c := cands[0]; len(cands) == 1 && sel.count() == v.blockMeta.rows && (c.shape == shapeConst || c.inline != "") {
		if c.shape == shapeConst {
			return addValue(c.show, []byte(c.value), add)
		}
		sc := scanner{s: c.inline}
		for range c.distinct {
			if !addValue(c.show, []byte(sc.string()), add) {
				return false
			}
		}
		return true
	}
	if l.assign(v, sel); v.err != nil {
		return false
	}
	used := make([]bool, len(l.values))
	for i := sel.next(0); i >= 0; i = sel.next(i + 1) {
		used[l.codes[i]] = true
	}
	for i, value := range l.values {
		if used[i] && value != "" && !add(value) {
			return false
		}
	}
	return true
}

func addValue(show display, text []byte, add func(value string) bool) bool {
	value := string(shown(show, text))
	return value == "" || add(value)
}

// columnNames returns the names of all columns in LogQL's spelling.
func columnNames(parts []part) ([]string, error) {
	names := make(map[string]bool)
	v := new(view)
	for i := range parts {
		if v.open(&parts[i]); v.err != nil {
			return nil, v.err
		}
		for k := range v.columns {
			if c := &v.columns[k]; c.class != classMember {
				names[LabelName(c.name)] = true
			}
		}
		for _, label := range usual {
			if v.member(memberLabels[label].member) != nil {
				names[label] = true
			}
		}
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	return sorted, nil
}
