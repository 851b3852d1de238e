package segment

import (
	"encoding/hex"
	"math/bits"
	"strconv"
)

// values are the values of a column of a block, unpacked.
type values struct {
	*column
	state  uint8  // none, presence or all of it is unpacked
	dense  bool   // every row has a value
	rows   bitmap // that have a value, if not dense
	before []uint32

	codes   []byte   // dict: by row; maxEntries is no value
	entries [][]byte // dict; of const the one value
	nums    []int64  // int, decimal
	bytes   []byte   // hex, text
	ends    []uint32 // text: where each value ends

	asked *matcher // what the filter was asked last
	lacks bool     // and what it said

	once   bool // each value is there once
	repeat []uint32

	plane, scratch, list []byte
	lens                 []int64
}

const (
	unpackedNone = iota
	unpackedRows
	unpackedAll
)

// unpackRows reads which rows have a value. It reports whether that is all of
// what the chunk has to say about a const column or the codes say it.
func (v *values) unpackRows(r *unpacker, rows int) (codes bool) {
	v.dense = v.count == rows
	if v.dense {
		return false
	}
	v.rows = v.rows.reset(rows)
	switch r.byte() {
	case presentBits:
		p := r.list(v.scratch, (rows+7)/8)
		if p == nil {
			return false
		}
		v.scratch = p
		for i, b := range p {
			v.rows[i>>3] |= uint64(b) << (8 * (i & 7))
		}
		if rows&63 != 0 && v.rows[len(v.rows)-1]>>(rows&63) != 0 {
			r.fail("rows beyond the block")
		}
	case presentList:
		v.nums = r.ints(v.nums, v.count, nil, &v.plane)
		for _, i := range v.nums {
			if i < 0 || i >= int64(rows) {
				r.fail("rows beyond the block")
				return false
			}
			v.rows.set(int(i))
		}
	case presentCodes:
		return true
	default:
		r.fail("form of presence")
	}
	v.countBefore(r)
	return false
}

func (v *values) countBefore(r *unpacker) {
	v.before = v.before[:0]
	n := uint32(0)
	for _, w := range v.rows {
		v.before = append(v.before, n)
		n += uint32(bits.OnesCount64(w))
	}
	if int(n) != v.count {
		r.fail("number of rows with a value")
	}
}

func (v *values) unpack(r *unpacker, rows int, l lanes) {
	codes := v.unpackRows(r, rows)
	if codes && v.shape != shapeDict {
		r.fail("form of presence")
	}
	if r.bad != "" {
		return
	}
	n := v.unpackRepeats(r)
	switch v.shape {
	case shapeConst:
		v.setConst()
	case shapeDict:
		v.unpackDict(r, rows, codes)
	case shapeInt, shapeDecimal:
		v.nums = r.ints(v.nums, n, l, &v.plane)
	case shapeHex:
		v.bytes = r.list(v.bytes, n*v.size)
	case shapeText:
		v.unpackText(r, n)
	}
	if len(r.p) > 0 && r.bad == "" {
		r.fail("bytes left over")
	}
}

// unpackRepeats reads which values repeat others, and returns the number of
// those that do not.
func (v *values) unpackRepeats(r *unpacker) int {
	v.once = false
	if v.shape == shapeConst || v.shape == shapeDict || r.byte() == eachValue {
		return v.count
	}
	n := r.uvarint()
	v.lens = r.ints(v.lens, v.count, nil, &v.plane)
	v.repeat = v.repeat[:0]
	k := uint32(0)
	for i, back := range v.lens {
		switch {
		case back == 0:
			v.repeat = append(v.repeat, k)
			k++
		case back < 0 || back > int64(i):
			r.fail("repeats")
			return 0
		default:
			v.repeat = append(v.repeat, v.repeat[i-int(back)])
		}
	}
	if uint64(k) != n {
		r.fail("number of different values")
	}
	v.once = true
	return int(k)
}

func (v *values) unpackDict(r *unpacker, rows int, aligned bool) {
	if v.size > maxInline {
		p := r.list(v.list, v.size)
		if p == nil {
			return
		}
		v.list = p
	} else {
		v.list = append(v.list[:0], v.inline...)
	}
	v.entries = v.entries[:0]
	s := unpacker{p: v.list}
	for range v.distinct {
		v.entries = append(v.entries, s.bytes())
	}
	if s.bad != "" || len(s.p) > 0 {
		r.fail("dictionary")
		return
	}
	n := v.count
	if aligned {
		n = rows
	}
	p := r.list(v.codes, n)
	if p == nil {
		return
	}
	v.codes = p
	missing := 0
	for _, c := range p {
		if int(c) >= v.distinct {
			if missing++; c != maxEntries || !aligned {
				r.fail("code")
				return
			}
		}
	}
	if aligned {
		for i, c := range p {
			if c != maxEntries {
				v.rows.set(i)
			}
		}
		v.countBefore(r)
	} else if !v.dense {
		v.align(rows)
	}
}

func (v *values) setConst() {
	v.list = append(v.list[:0], v.value...)
	v.entries = append(v.entries[:0], v.list)
}

// align makes codes by value codes by row.
func (v *values) align(rows int) {
	k := v.count
	if cap(v.codes) < rows {
		v.codes = append(make([]byte, 0, rows+rows/8), v.codes...)
	}
	v.codes = v.codes[:rows]
	for i := rows - 1; i >= 0; i-- {
		if v.rows.has(i) {
			k--
			v.codes[i] = v.codes[k]
		} else {
			v.codes[i] = maxEntries
		}
	}
}

func (v *values) unpackText(r *unpacker, n int) {
	v.lens = r.ints(v.lens, n, nil, &v.plane)
	v.ends = v.ends[:0]
	end := int64(0)
	for _, n := range v.lens {
		if n < 0 || n > maxList {
			r.fail("length of a text")
			return
		}
		if end += n; end > maxList {
			r.fail("length of texts")
			return
		}
		v.ends = append(v.ends, uint32(end))
	}
	v.bytes = r.list(v.bytes, int(end))
}

// has reports whether a row has a value.
func (v *values) has(row int) bool { return v.dense || v.rows.has(row) }

// at returns the number of a row's value, which it must have.
func (v *values) at(row int) int {
	k := row
	if !v.dense {
		w := row >> 6
		k = int(v.before[w]) + bits.OnesCount64(v.rows[w]&(1<<(row&63)-1))
	}
	if v.once {
		return int(v.repeat[k])
	}
	return k
}

// slice returns value k of a text column.
func (v *values) slice(k int) []byte {
	from := uint32(0)
	if k > 0 {
		from = v.ends[k-1]
	}
	return v.bytes[from:v.ends[k]:v.ends[k]]
}

// append appends the text of a row's value, which it must have.
func (v *values) append(dst []byte, row int) []byte {
	switch v.shape {
	case shapeConst:
		return append(dst, v.entries[0]...)
	case shapeDict:
		return append(dst, v.entries[v.codes[row]]...)
	case shapeInt:
		return strconv.AppendInt(dst, v.nums[v.at(row)], 10)
	case shapeDecimal:
		return v.form.append(dst, v.nums[v.at(row)])
	case shapeHex:
		k := v.at(row)
		return hex.AppendEncode(dst, v.bytes[k*v.size:][:v.size])
	}
	return append(dst, v.slice(v.at(row))...)
}
