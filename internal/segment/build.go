package segment

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"slices"
	"strconv"

	"shipper/internal/record"
)

// assembly is the scratch memory of Build.
type assembly struct {
	packer
	order
	integers
	tokens  tokens
	filters []byte
	meta    []byte
	columns []column
	sorted  []*staged
	lanes   lanes // stream of each row in the order of time, if there are 2 to 255

	// Of the column at hand, in the order of time.
	index []uint32 // of its values; empty if that is the order they came in
	rows  []uint32 // that have a value; nil if all have
	pairs []uint64

	nums  []int64 // its integers
	data  []byte  // its bytes or codes
	lens  []int64 // of its texts
	where []int64 // rows that have a value
	bits  []byte  // the same as a bitmap
	small [4][]int64
	set   intSet

	repeats repeats
}

// Build makes a block of all records added since the last Reset. The Builder
// stays as it is: more records may be added, and Build called again. There must
// be at least one record.
func (b *Builder) Build() *Block { return b.assemble(false) }

// View makes a block as Build does, quicker and larger: it is neither compressed
// nor has it filters. It is meant for rows that are soon part of a larger block.
func (b *Builder) View() *Block { return b.assemble(true) }

func (b *Builder) assemble(quick bool) *Block {
	if b.build == nil {
		b.build = new(assembly)
	}
	a := b.build
	a.quick, a.dst, a.filters, a.columns = quick, a.dst[:0], a.filters[:0], a.columns[:0]
	a.order.sort(b.times)
	a.addStreams(b)
	a.addNumbers(b)
	for _, c := range b.members() {
		if c.count > 0 {
			a.add(c, b.rows)
		}
	}
	a.sorted = append(a.sorted[:0], b.columns...)
	slices.SortFunc(a.sorted, func(x, y *staged) int {
		return cmp.Or(cmp.Compare(x.class, y.class), cmp.Compare(x.name, y.name), cmp.Compare(x.kind, y.kind))
	})
	for _, c := range a.sorted {
		a.add(c, b.rows)
	}
	return a.block(b)
}

// block puts together what was packed.
func (a *assembly) block(b *Builder) *Block {
	first, last := b.times[0], b.times[len(b.times)-1]
	if n := len(a.order.rows); n > 0 {
		first, last = b.times[a.order.rows[0]], b.times[a.order.rows[n-1]]
	}
	m := binary.AppendUvarint(a.meta[:0], uint64(b.rows))
	m = binary.AppendUvarint(m, uint64(b.raw))
	m = binary.AppendVarint(m, first)
	m = binary.AppendUvarint(m, uint64(last)-uint64(first))
	m = binary.AppendUvarint(m, uint64(len(a.columns)))
	out := &Block{data: bytes.Clone(a.dst), filters: bytes.Clone(a.filters)}
	at := int64(0)
	for i := range a.columns {
		m = a.columns[i].append(m)
		if n := a.columns[i].filterSize; n > 0 {
			out.filter = append(out.filter, at)
			at += int64(n)
		}
	}
	a.meta = m
	out.meta = string(m)
	out.info = Info{Min: first, Max: last, Rows: int64(b.rows), Raw: b.raw, Blocks: 1,
		Bytes: int64(len(out.meta) + len(out.data) + len(out.filters))}
	return out
}

// addStreams adds the column of stream IDs, and finds the lanes of those that
// run along with a stream.
func (a *assembly) addStreams(b *Builder) {
	c := column{member: memberStream, kind: record.String, count: b.rows}
	a.lanes = a.lanes[:0]
	a.index, a.rows = a.order.rows, nil
	start := len(a.dst)
	n := len(b.streamIDs)
	switch {
	case n == 1:
		c.shape, c.value = shapeConst, b.streamIDs[0]
	case n <= maxEntries:
		for i := range b.rows {
			a.lanes = append(a.lanes, byte(b.streams[a.place(i)]))
		}
		a.dict(&c, b.rows, a.lanes, n, func(i int) []byte { return []byte(b.streamIDs[i]) })
	default:
		a.text(&c, b.rows, b.rows, func(i int) []byte { return []byte(b.streamIDs[b.streams[i]]) })
	}
	a.finish(c, start)
}

// place returns which value comes as number i in the order of time.
func (a *assembly) place(i int) int {
	if len(a.index) == 0 {
		return i
	}
	return int(a.index[i])
}

// addNumbers adds the members that every record has.
func (a *assembly) addNumbers(b *Builder) {
	streams := a.lanes
	if len(streams) == 0 {
		streams = nil
	}
	for _, m := range [...]struct {
		member member
		vals   []int64
		lanes  lanes
	}{{memberTime, b.times, nil}, {memberObserved, b.observed, streams}, {memberOffset, b.offsets, streams}} {
		a.index, a.rows = a.order.rows, nil
		start := len(a.dst)
		c := column{member: m.member, kind: record.Int, count: b.rows}
		a.gather(m.vals, b.rows)
		a.int(&c, m.lanes)
		a.finish(c, start)
	}
	for k, m := range [...]struct {
		member member
		vals   []byte
	}{{memberSeverity, b.severity}, {memberTimeSource, b.timeSource}, {memberFlags, b.flags}, {memberFormat, b.formats}} {
		s := staged{member: m.member, kind: record.Int, last: -1}
		s.ints = a.small[k][:0]
		for i, v := range m.vals {
			if v != 0 || m.member != memberSeverity {
				s.addInt(i, int64(v))
			}
		}
		a.small[k] = s.ints
		if s.count > 0 {
			a.add(&s, b.rows)
		}
	}
}

// gather fills a.nums with n values in the order of time.
func (a *assembly) gather(vals []int64, n int) {
	a.nums = a.nums[:0]
	if len(a.index) == 0 {
		a.nums = append(a.nums, vals[:n]...)
		return
	}
	for _, i := range a.index {
		a.nums = append(a.nums, vals[i])
	}
}

// arrange finds the order of a column's values.
func (a *assembly) arrange(s *staged) {
	a.index, a.rows = a.order.rows, nil
	if !s.sparse {
		if s.count < len(a.index) { // the rows behind the last value have none
			a.sparse(s.count, func(k int) uint32 { return uint32(k) })
		}
		return
	}
	if len(a.index) == 0 {
		a.rows = s.rows
		return
	}
	a.sparse(s.count, func(k int) uint32 { return s.rows[k] })
}

func (a *assembly) sparse(count int, row func(k int) uint32) {
	a.pairs = a.pairs[:0]
	for k := range count {
		a.pairs = append(a.pairs, uint64(a.order.inverse[row(k)])<<32|uint64(k))
	}
	slices.Sort(a.pairs)
	index, rows := make([]uint32, count), make([]uint32, count)
	for i, p := range a.pairs {
		index[i], rows[i] = uint32(p), uint32(p>>32)
	}
	a.index, a.rows = index, rows
}

// add adds a staged column.
func (a *assembly) add(s *staged, rows int) {
	c := column{class: s.class, kind: s.kind, member: s.member, name: s.name, count: s.count}
	start := len(a.dst)
	a.arrange(s)
	switch {
	case len(s.hex) > 0:
		a.id(&c, s, rows)
	case s.kind == record.Null:
		c.shape, c.value = shapeConst, "null"
		a.presence(&c, rows)
	case s.kind == record.Bool:
		a.bool(&c, s, rows)
	case s.kind == record.Int:
		a.addInts(&c, s, rows)
	default:
		a.addTexts(&c, s, rows)
	}
	a.finish(c, start)
}

// finish adds a packed column to the list of columns.
func (a *assembly) finish(c column, start int) {
	c.length = int64(len(a.dst) - start)
	c.sum = crc32.Checksum(a.dst[start:], castagnoli)
	a.columns = append(a.columns, c)
}

// presence packs which rows have a value, if not all have.
//
//	u8 0, list of a bitmap: bit i of byte n is row 8n+i
//	u8 1, integers: the rows
//	u8 2, nothing: the codes say so (only for dictionaries)
func (a *assembly) presence(c *column, rows int) {
	if c.count == rows {
		return
	}
	a.findRows(c)
	if c.count*8 < rows {
		a.byte(presentList)
		a.where = a.where[:0]
		for _, r := range a.rows {
			a.where = append(a.where, int64(r))
		}
		a.integers.pack(&a.packer, a.where, nil)
		return
	}
	a.byte(presentBits)
	a.bits = append(a.bits[:0], make([]byte, (rows+7)/8)...)
	for _, r := range a.rows {
		a.bits[r>>3] |= 1 << (r & 7)
	}
	a.list(a.bits)
}

const (
	presentBits = iota
	presentList
	presentCodes
)

// findRows fills a.rows for a column whose values are all in its first rows.
func (a *assembly) findRows(c *column) {
	if a.rows != nil {
		return
	}
	a.rows = make([]uint32, c.count)
	for i := range a.rows {
		a.rows[i] = uint32(i)
	}
}

func (a *assembly) bool(c *column, s *staged, rows int) {
	texts := [...]string{"false", "true"}
	if !slices.Contains(s.ints, 1-s.ints[0]) {
		c.shape, c.value = shapeConst, texts[s.ints[0]]
		a.presence(c, rows)
		return
	}
	a.gather(s.ints, s.count)
	codes := make([]byte, s.count)
	for i, n := range a.nums {
		codes[i] = byte(n)
	}
	a.dict(c, rows, codes, 2, func(i int) []byte { return []byte(texts[i]) })
}

func (a *assembly) addInts(c *column, s *staged, rows int) {
	least, most := slices.Min(s.ints), slices.Max(s.ints)
	if least == most {
		c.shape, c.value = shapeConst, strconv.FormatInt(least, 10)
		a.presence(c, rows)
		return
	}
	// Members are few by nature and good to group by; others in one byte are as well as they are.
	wide := uint64(most)-uint64(least) > 255
	a.gather(s.ints, s.count)
	if (wide || s.class == classMember) && a.set.build(a.nums) {
		entries := a.set.entries
		a.dict(c, rows, a.set.codes, len(entries), func(i int) []byte { return strconv.AppendInt(nil, entries[i], 10) })
		return
	}
	a.presence(c, rows)
	a.someInts(c)
}

// someInts packs a.nums, each once if that pays.
func (a *assembly) someInts(c *column) {
	nums := a.nums
	if a.quick || a.integers.rises(nums) || !a.repeats.find(len(nums),
		func(i int) uint64 { return uint64(nums[i]) * 0x9e3779b97f4a7c15 },
		func(i, j int) bool { return nums[i] == nums[j] }) {
		a.int(c, nil)
		return
	}
	a.repeated()
	for i, row := range a.repeats.first {
		nums[i] = nums[row]
	}
	a.ints(c, nums[:len(a.repeats.first)], nil)
}

// int packs a.nums as they are.
func (a *assembly) int(c *column, l lanes) {
	a.byte(eachValue)
	a.ints(c, a.nums, l)
}

func (a *assembly) ints(c *column, nums []int64, l lanes) {
	c.shape, c.least, c.most = shapeInt, slices.Min(nums), slices.Max(nums)
	a.integers.pack(&a.packer, nums, l)
}

// repeated packs which values repeat which.
func (a *assembly) repeated() {
	a.byte(eachOnce)
	a.uvarint(uint64(len(a.repeats.first)))
	a.integers.pack(&a.packer, a.repeats.back, nil)
}

// dict packs codes, which are in the order of time.
func (a *assembly) dict(c *column, rows int, codes []byte, entries int, entry func(i int) []byte) {
	c.shape, c.distinct = shapeDict, entries
	var list []byte
	for i := range entries {
		list = appendString(list, entry(i))
	}
	c.size = len(list)
	if c.size <= maxInline {
		c.inline = string(list)
	}
	if c.count < rows && c.count*8 >= rows {
		a.byte(presentCodes)
		a.data = append(a.data[:0], bytes.Repeat([]byte{maxEntries}, rows)...)
		a.findRows(c)
		for i, r := range a.rows {
			a.data[r] = codes[i]
		}
		codes = a.data
	} else {
		a.presence(c, rows)
	}
	if c.inline == "" {
		a.list(list)
		if !a.quick {
			a.tokens.reset()
			for i := range entries {
				a.tokens.text(entry(i))
			}
			a.filter(c)
		}
	}
	a.list(codes)
}

func (a *assembly) filter(c *column) {
	start := len(a.filters)
	a.filters = a.tokens.appendFilter(a.filters)
	c.filterSize = len(a.filters) - start
	c.filterSum = crc32.Checksum(a.filters[start:], castagnoli)
}

// id packs a trace or span ID.
func (a *assembly) id(c *column, s *staged, rows int) {
	c.size = len(s.hex) / s.count
	if bytes.Equal(s.hex[c.size:], s.hex[:len(s.hex)-c.size]) {
		c.shape, c.value = shapeConst, hex.EncodeToString(s.hex[:c.size])
		a.presence(c, rows)
		return
	}
	a.presence(c, rows)
	n, value := a.once(s.count, func(i int) []byte { return s.hex[i*c.size:][:c.size] })
	a.data = a.data[:0]
	for i := range n {
		a.data = append(a.data, value(i)...)
	}
	a.hex(c, a.data)
}

// once packs which of n values repeat which, and returns those that are left in
// the order of time.
func (a *assembly) once(n int, get func(i int) []byte) (left int, value func(i int) []byte) {
	at := func(i int) []byte { return get(a.place(i)) }
	if a.quick || !a.repeats.find(n,
		func(i int) uint64 { return hash(at(i)) },
		func(i, j int) bool { return bytes.Equal(at(i), at(j)) }) {
		a.byte(eachValue)
		return n, at
	}
	a.repeated()
	first := a.repeats.first
	return len(first), func(i int) []byte { return at(int(first[i])) }
}

// hex packs values of c.size bytes.
func (a *assembly) hex(c *column, p []byte) {
	c.shape = shapeHex
	a.list(p)
	if a.quick {
		return
	}
	a.tokens.reset()
	for ; len(p) > 0; p = p[c.size:] {
		a.tokens.add(hash(p[:c.size]))
	}
	a.filter(c)
}

func (a *assembly) addTexts(c *column, s *staged, rows int) {
	t := &s.text
	if !t.many && len(t.entries) == 1 {
		c.shape, c.value = shapeConst, string(t.get(t.entries[0]))
		a.presence(c, rows)
		return
	}
	if !t.many && 2*len(t.entries) <= s.count {
		codes := t.codes
		if len(a.index) > 0 {
			codes = make([]byte, s.count)
			for i, k := range a.index {
				codes[i] = t.codes[k]
			}
		}
		a.dict(c, rows, codes, len(t.entries), func(i int) []byte { return t.get(t.entries[i]) })
		return
	}
	if s.kind == record.Number && a.decimal(c, t, rows) {
		return
	}
	a.text(c, s.count, rows, func(i int) []byte { return t.get(t.all[i]) })
}

// decimal packs numbers with a fraction, if that is what all are.
func (a *assembly) decimal(c *column, t *texts, rows int) bool {
	short, fixed, scale := true, true, -1
	for _, e := range t.all {
		p := t.get(e)
		_, n, ok := parseDecimal(p)
		if !ok {
			return false
		}
		fixed = fixed && (n == scale || scale < 0)
		short = short && (n == 0 || p[len(p)-1] != '0')
		scale = max(scale, n)
	}
	if !short && !fixed {
		return false
	}
	form := decimalForm{scale: scale, short: short}
	a.nums = a.nums[:0]
	for i := range t.all {
		n, from, _ := parseDecimal(t.get(t.all[a.place(i)]))
		n, ok := rescale(n, from, scale)
		if !ok {
			return false
		}
		a.nums = append(a.nums, n)
	}
	a.presence(c, rows)
	a.someInts(c)
	c.shape, c.form = shapeDecimal, form
	return true
}

// text packs values as hexadecimal digits or as they are.
func (a *assembly) text(c *column, n, rows int, get func(i int) []byte) {
	a.presence(c, rows)
	n, value := a.once(n, get)
	if first := value(0); len(first) >= 8 && len(first)%2 == 0 && a.unhex(n, len(first), value) {
		c.size = len(first) / 2
		a.hex(c, a.data)
		return
	}
	c.shape = shapeText
	a.lens, a.data = a.lens[:0], a.data[:0]
	a.tokens.reset()
	for i := range n {
		v := value(i)
		if !a.quick && (i == 0 || !bytes.Equal(v, a.data[len(a.data)-int(a.lens[i-1]):])) {
			a.tokens.text(v)
		}
		a.lens = append(a.lens, int64(len(v)))
		a.data = append(a.data, v...)
	}
	a.integers.pack(&a.packer, a.lens, nil)
	a.list(a.data)
	a.filter(c)
}

// unhex fills a.data with the bytes of n values of so many digits, if that is what they are.
func (a *assembly) unhex(n, digits int, value func(i int) []byte) bool {
	a.data = a.data[:0]
	for i := range n {
		v := value(i)
		if len(v) != digits {
			return false
		}
		for ; len(v) > 0; v = v[2:] {
			hi, lo := hexDigit[v[0]], hexDigit[v[1]]
			if hi|lo > 15 {
				return false
			}
			a.data = append(a.data, hi<<4|lo)
		}
	}
	return true
}

// hexDigit is the value of a lower-case hexadecimal digit, 255 for other bytes.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()

// intSet finds columns of few different integers.
type intSet struct {
	slots   [2048]uint16 // entry + 1 by hash, 0 is free
	entries []int64
	codes   []byte
}

// build reports whether there are at most maxEntries and few enough to be worth it.
func (s *intSet) build(vals []int64) bool {
	clear(s.slots[:])
	s.entries, s.codes = s.entries[:0], s.codes[:0]
	for i, v := range vals {
		for k := uint64(v) * 0x9e3779b97f4a7c15 >> 53; ; k = (k + 1) % uint64(len(s.slots)) {
			e := s.slots[k]
			if e != 0 && s.entries[e-1] != v {
				continue
			}
			if e == 0 {
				if len(s.entries) == maxEntries || len(s.entries) > 32+i/4 {
					return false
				}
				s.entries = append(s.entries, v)
				e = uint16(len(s.entries))
				s.slots[k] = e
			}
			s.codes = append(s.codes, byte(e-1))
			break
		}
	}
	return 2*len(s.entries) <= len(vals)
}
