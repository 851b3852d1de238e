package segment

import "math/bits"

// bitmap is a set of rows of a block.
type bitmap []uint64

// reset makes m the empty set of n rows.
func (m bitmap) reset(n int) bitmap {
	words := (n + 63) / 64
	if cap(m) < words {
		return make(bitmap, words)
	}
	m = m[:words]
	clear(m)
	return m
}

// fill adds the rows from, from+1 ... to-1.
func (m bitmap) fill(from, to int) {
	for i := from / 64; i*64 < to; i++ {
		w := ^uint64(0)
		if from > i*64 {
			w <<= from - i*64
		}
		if to < i*64+64 {
			w &= ^uint64(0) >> (i*64 + 64 - to)
		}
		m[i] |= w
	}
}

func (m bitmap) set(i int)      { m[i>>6] |= 1 << (i & 63) }
func (m bitmap) has(i int) bool { return m[i>>6]>>(i&63)&1 != 0 }

func (m bitmap) count() int {
	n := 0
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

func (m bitmap) empty() bool {
	for _, w := range m {
		if w != 0 {
			return false
		}
	}
	return true
}

// next returns the first row of m from i on, -1 if there is none.
func (m bitmap) next(i int) int {
	if i>>6 >= len(m) {
		return -1
	}
	if w := m[i>>6] >> (i & 63); w != 0 {
		return i + bits.TrailingZeros64(w)
	}
	for k := i>>6 + 1; k < len(m); k++ {
		if m[k] != 0 {
			return k<<6 + bits.TrailingZeros64(m[k])
		}
	}
	return -1
}

// prev returns the last row of m up to i, -1 if there is none.
func (m bitmap) prev(i int) int {
	if i < 0 {
		return -1
	}
	if w := m[i>>6] << (63 - i&63); w != 0 {
		return i - bits.LeadingZeros64(w)
	}
	for k := i>>6 - 1; k >= 0; k-- {
		if m[k] != 0 {
			return k<<6 + 63 - bits.LeadingZeros64(m[k])
		}
	}
	return -1
}
