package segment

import (
	"math/bits"
	"slices"
)

// Integers are stored as differences, if that pays, less their least value,
// divided by their greatest common divisor, in as many byte planes as the
// largest result has bytes: the list of all lowest bytes first. Planes make
// what does not vary cost nothing, whatever varies next to it.
//
//	u8       planes | difference << 4
//	varint   base
//	varint   first    (with differences)
//	uvarint  divisor
//	list     for each plane
//
// value = [value before, or first +] base + divisor * u. With zigzag
// differences base is 0, the divisor 1, and u the difference, its sign in the
// lowest bit. "Before" is the row before or, for members that run along with a
// stream, the row before of the same stream.
const (
	diffNone   = iota
	diffUp     // no value is below the one before
	diffZigzag // any
)

// lanes says which stream each row is of; nil is one for all.
type lanes []byte

// maxLanes is the number of streams that have integers of their own.
const maxLanes = 256

// integers packs a list of values.
type integers struct {
	u     []uint64
	diff  []int64
	plane []byte
	last  [maxLanes]int64
}

func (s *integers) pack(w *packer, vals []int64, l lanes) {
	if len(vals) == 0 {
		return
	}
	least, most := vals[0], vals[0]
	for _, v := range vals {
		least, most = min(least, v), max(most, v)
	}
	s.differences(vals, l)
	base, top := s.diff[0], s.diff[0]
	for _, d := range s.diff {
		base, top = min(base, d), max(top, d)
	}
	mode := diffNone
	switch plain := cost(vals, least); {
	case base >= 0 && cost(s.diff, base) < plain:
		mode = diffUp
	case base < 0 && zigzagCost(s.diff) < plain:
		mode = diffZigzag
	}
	s.u = s.u[:0]
	divisor := uint64(1)
	switch mode {
	case diffNone:
		base = least
		divisor = s.scale(vals, base)
	case diffUp:
		divisor = s.scale(s.diff, base)
	case diffZigzag:
		base = 0
		for _, d := range s.diff {
			s.u = append(s.u, uint64(d<<1)^uint64(d>>63))
		}
	}
	all := uint64(0)
	for _, u := range s.u {
		all |= u
	}
	planes := (bits.Len64(all) + 7) / 8
	w.byte(byte(planes | mode<<4))
	w.varint(base)
	if mode != diffNone {
		w.varint(vals[0])
	}
	w.uvarint(divisor)
	if cap(s.plane) < len(s.u) {
		s.plane = make([]byte, len(s.u)+len(s.u)/4)
	}
	for k := range planes {
		p := s.plane[:len(s.u)]
		for i, u := range s.u {
			p[i] = byte(u >> (8 * k))
		}
		w.list(p)
	}
}

// rises reports whether differences between values are much smaller than values.
func (s *integers) rises(vals []int64) bool {
	s.differences(vals, nil)
	return 2*zigzagCost(s.diff) <= cost(vals, slices.Min(vals))
}

// differences fills s.diff. The first value of each lane differs from vals[0].
func (s *integers) differences(vals []int64, l lanes) {
	s.diff = s.diff[:0]
	if l == nil {
		last := vals[0]
		for _, v := range vals {
			s.diff = append(s.diff, v-last)
			last = v
		}
		return
	}
	for i := range s.last {
		s.last[i] = vals[0]
	}
	for i, v := range vals {
		s.diff = append(s.diff, v-s.last[l[i]])
		s.last[l[i]] = v
	}
}

// scale fills s.u with the distances from base in the largest unit, and returns that.
func (s *integers) scale(vals []int64, base int64) uint64 {
	divisor := uint64(0)
	for _, v := range vals {
		u := uint64(v) - uint64(base)
		s.u = append(s.u, u)
		if divisor != 1 && u != 0 && (divisor == 0 || u%divisor != 0) {
			for u != 0 {
				divisor, u = u, divisor%u
			}
		}
	}
	if divisor == 0 {
		return 1
	}
	if divisor > 1 {
		for i := range s.u {
			s.u[i] /= divisor
		}
	}
	return divisor
}

// cost is the number of bytes that vary above base.
func cost(vals []int64, base int64) int {
	n := 0
	for _, v := range vals {
		n += (bits.Len64(uint64(v)-uint64(base)) + 7) >> 3
	}
	return n
}

func zigzagCost(vals []int64) int {
	n := 0
	for _, v := range vals {
		n += (bits.Len64(uint64(v<<1)^uint64(v>>63)) + 7) >> 3
	}
	return n
}

// ints reads n values into dst's memory.
func (r *unpacker) ints(dst []int64, n int, l lanes, plane *[]byte) []int64 {
	if cap(dst) < n {
		dst = make([]int64, n+n/8)
	}
	dst = dst[:n]
	clear(dst)
	if n == 0 {
		return dst
	}
	head := r.byte()
	planes, mode := int(head&15), head>>4
	base := r.varint()
	first := int64(0)
	if mode != diffNone {
		first = r.varint()
	}
	divisor := int64(r.uvarint())
	if planes > 8 || mode > diffZigzag {
		r.fail("form of integers")
		return dst
	}
	for k := range planes {
		p := r.list(*plane, n)
		if p == nil {
			return dst
		}
		*plane = p
		shift := 8 * k
		for i, b := range p {
			dst[i] |= int64(uint64(b) << shift)
		}
	}
	switch {
	case mode == diffZigzag:
		for i, u := range dst {
			dst[i] = int64(uint64(u)>>1) ^ -(u & 1)
		}
	case divisor == 1:
		for i := range dst {
			dst[i] += base
		}
	default:
		for i := range dst {
			dst[i] = dst[i]*divisor + base
		}
	}
	if mode != diffNone {
		sum(dst, first, l)
	}
	return dst
}

// sum turns differences into values.
func sum(dst []int64, first int64, l lanes) {
	if l == nil {
		last := first
		for i := range dst {
			last += dst[i]
			dst[i] = last
		}
		return
	}
	var last [maxLanes]int64
	for i := range last {
		last[i] = first
	}
	for i := range dst {
		last[l[i]] += dst[i]
		dst[i] = last[l[i]]
	}
}
