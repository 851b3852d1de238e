package segment

import (
	"strconv"

	"github.com/klauspost/compress/huff0"
)

// view is a block that is being searched: its meta and the columns that were
// needed so far. It is not for concurrent use. After the first fault err is
// set and columns have no values.
type view struct {
	*part
	blockMeta
	cols  []*values
	chunk []byte
	tree  *huff0.Scratch
	bloom []byte
	err   error
}

// open makes v a view of p.
func (v *view) open(p *part) {
	v.part, v.err = p, nil
	if !v.decode(p.meta) || v.blockMeta.rows != p.rows {
		v.err = p.from.corrupt(p.data, "description of a block")
		v.columns = v.columns[:0]
	}
	for len(v.cols) < len(v.columns) {
		v.cols = append(v.cols, new(values))
	}
	for i := range v.columns {
		c := v.cols[i]
		c.column, c.state, c.asked = &v.columns[i], unpackedNone, nil
	}
}

// member returns the column of a member, nil if no row has it.
func (v *view) member(m member) *values {
	for i := range v.columns {
		if c := &v.columns[i]; c.class == classMember && c.member == m {
			return v.cols[i]
		}
		if v.columns[i].class != classMember {
			break
		}
	}
	return nil
}

// load unpacks a column.
func (v *view) load(c *values) {
	if c.state == unpackedAll {
		return
	}
	c.state = unpackedAll
	if c.shape == shapeConst && c.length == 0 {
		c.dense = true
		c.setConst()
		return
	}
	var l lanes
	if c.class == classMember && (c.member == memberObserved || c.member == memberOffset) {
		if s := v.member(memberStream); s != nil && s.shape == shapeDict {
			v.load(s)
			if s.dense {
				l = s.codes
			}
		}
	}
	r := unpacker{p: v.read(c.column), tree: v.tree}
	if v.err == nil {
		c.unpack(&r, v.blockMeta.rows, l)
	}
	v.tree = r.tree
	v.check(c, &r)
}

// loadRows unpacks which rows have a value, and all of it if that is no more work.
func (v *view) loadRows(c *values) {
	if c.state != unpackedNone {
		return
	}
	if c.count == v.blockMeta.rows {
		c.dense = true
		return
	}
	r := unpacker{p: v.read(c.column)}
	if v.err == nil && c.unpackRows(&r, v.blockMeta.rows) {
		v.load(c)
		return
	}
	c.state = unpackedRows
	v.check(c, &r)
}

func (v *view) read(c *column) []byte {
	if v.err != nil {
		return nil
	}
	p, err := v.from.chunk(v.data+c.offset, int(c.length), c.sum, v.chunk)
	if err != nil {
		v.err = err
		return nil
	}
	if !v.inMemory() {
		v.chunk = p
	}
	return p
}

func (v *view) inMemory() bool {
	_, ok := v.from.(*Block)
	return ok
}

// check notes a fault, after which the column has no values.
func (v *view) check(c *values, r *unpacker) {
	if v.err == nil && r.bad != "" {
		v.err = v.from.corrupt(v.data+c.offset, "column "+c.title()+": "+r.bad)
	}
	if v.err == nil {
		return
	}
	c.dense, c.rows = false, c.rows.reset(v.blockMeta.rows)
	c.before = append(c.before[:0], make([]uint32, len(c.rows))...)
	c.state = unpackedAll
}

func (c *column) title() string {
	if c.class != classMember {
		return strconv.Quote(c.name)
	}
	if n := memberNames[c.member]; n != "" {
		return n
	}
	if c.member == memberTime {
		return "time"
	}
	return "body"
}

// times returns the times of all rows.
func (v *view) times() []int64 {
	c := v.member(memberTime)
	if c == nil || c.shape != shapeInt || c.count != v.blockMeta.rows {
		if v.err == nil {
			v.err = v.from.corrupt(v.data, "a block without times")
		}
		return nil
	}
	v.load(c)
	if v.err == nil && c.once {
		v.err = v.from.corrupt(v.data, "times that repeat")
	}
	if v.err != nil {
		return nil
	}
	return c.nums
}

// text appends the text of a row in a column; no value has none.
func (v *view) text(dst []byte, c *values, row int) []byte {
	if v.load(c); !c.has(row) {
		return dst
	}
	return c.append(dst, row)
}

// num returns the integer of a row in an integer column.
func (v *view) num(m member, row int) int64 {
	c := v.member(m)
	if c == nil {
		return 0
	}
	if v.load(c); !c.has(row) {
		return 0
	}
	if c.shape == shapeInt {
		return c.nums[c.at(row)]
	}
	var buf [24]byte
	n, _ := strconv.ParseInt(string(c.append(buf[:0], row)), 10, 64)
	return n
}

// lacks reports whether a filter says that the column has not all of the
// tokens, which are those of m.
func (v *view) lacks(c *values, m *matcher, tokens []uint64) bool {
	if c.asked != m {
		c.asked, c.lacks = m, v.askFilter(c, tokens)
	}
	return c.lacks
}

func (v *view) askFilter(c *values, tokens []uint64) bool {
	if c.filter < 0 || len(tokens) == 0 || v.err != nil {
		return false
	}
	if c.filter >= len(v.filter) {
		v.err = v.from.corrupt(v.data, "filters of a block")
		return false
	}
	p, err := v.from.filterAt(v.filter[c.filter], c.filterSize, c.filterSum, v.bloom)
	if err != nil {
		v.err = err
		return false
	}
	if !v.inMemory() {
		v.bloom = p
	}
	for _, h := range tokens {
		if lacks(p, h) {
			return true
		}
	}
	return false
}

// judge says what is known of the values of a column, negation aside. Filters
// are asked only if deep is set: they may have to be read.
func (v *view) judge(m *matcher, c *values, show display, deep bool) verdict {
	switch c.shape {
	case shapeConst:
		return known(m.holds(shown(show, []byte(c.value))))
	case shapeDict:
		if c.inline != "" {
			return judgeEntries(m, c.column, show)
		}
	case shapeInt, shapeDecimal:
		if show == showPlain {
			return judgeNumbers(m, c.column)
		}
	case shapeHex:
		return v.judgeHex(m, c, deep)
	case shapeText:
	}
	if deep && show == showPlain && m.test != testNumber && v.lacks(c, m, m.tokens) {
		return none
	}
	return some
}

func known(holds bool) verdict {
	if holds {
		return all
	}
	return none
}

func judgeEntries(m *matcher, c *column, show display) verdict {
	s := scanner{s: c.inline}
	yes, no := false, false
	for range c.distinct {
		if m.holds(shown(show, []byte(s.string()))) {
			yes = true
		} else {
			no = true
		}
	}
	switch {
	case yes && no:
		return some
	case yes:
		return all
	}
	return none
}

func judgeNumbers(m *matcher, c *column) verdict {
	switch m.test {
	case testNumber:
		return m.between(c.form.float(c.least), c.form.float(c.most))
	case testEqual:
		if n, ok := c.parse(m.value); !ok || n < c.least || n > c.most {
			return none
		}
	}
	return some
}

// parse returns the integer that stands for a text in an integer or decimal column.
func (c *column) parse(p []byte) (int64, bool) {
	if c.shape == shapeDecimal {
		return c.form.parse(p)
	}
	n, err := strconv.ParseInt(string(p), 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == string(p)
}

func (v *view) judgeHex(m *matcher, c *values, deep bool) verdict {
	switch m.test {
	case testEqual:
		if len(m.bytes) != c.size || !isHex(m.value) {
			return none
		}
		if deep && v.lacks(c, m, m.id) {
			return none
		}
	case testContains, testRegexp:
		if len(m.value) > 2*c.size || !isHex(m.value) {
			return none
		}
	}
	return some
}

func isHex(p []byte) bool {
	for _, c := range p {
		if hexDigit[c] > 15 {
			return false
		}
	}
	return true
}

// shown returns the text that is seen of a stored text.
func shown(show display, text []byte) []byte {
	if show == showPlain {
		return text
	}
	n, err := strconv.ParseUint(string(text), 10, 8)
	if err != nil {
		return nil
	}
	return []byte(show.text(uint8(n)))
}
