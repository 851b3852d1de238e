package segment

import (
	"encoding/binary"
	"math/bits"
)

// A filter tells which tokens a column of a block does not have: a Bloom filter
// of filterBits bits for each different token. A token is a run of ASCII
// letters, digits, underscores and bytes beyond ASCII. In a column of
// hexadecimal values each value is one token, its bytes unpacked.
//
//	bits in 64-bit little-endian words; bit i of a token with hash h is at
//	    (lo + i*(hi|1) mod 2^32) * bits / 2^32     lo, hi: halves of h
//
// 12 bits and 6 hashes let 0.3 % of the tokens that are not there through.
const (
	filterBits   = 12
	filterHashes = 6
)

// tokenByte are the bytes that tokens are made of.
var tokenByte = func() (t [256]bool) {
	for i := range t {
		t[i] = i >= 0x80 || i == '_' || i >= '0' && i <= '9' || i >= 'a' && i <= 'z' || i >= 'A' && i <= 'Z'
	}
	return t
}()

// hash is part of the format of filters: the product of 64-bit lanes, folded.
func hash(p []byte) uint64 {
	const k0, k1, k2 = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93, 0xa0761d6478bd642f
	h := uint64(len(p))*k1 ^ k0
	for len(p) > 16 {
		hi, lo := bits.Mul64(binary.LittleEndian.Uint64(p)^k1, binary.LittleEndian.Uint64(p[8:])^h)
		h = hi ^ lo
		p = p[16:]
	}
	var a, b uint64
	switch n := len(p); {
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(p)), uint64(binary.LittleEndian.Uint32(p[n-4:]))
	case n > 0:
		a, b = uint64(p[0])|uint64(p[n/2])<<8|uint64(p[n-1])<<16, 0
	}
	hi, lo := bits.Mul64(a^k2, b^h)
	hi, lo = bits.Mul64(hi^lo^k0, k1)
	return hi ^ lo
}

// tokens collects the different tokens of a column.
type tokens struct {
	slots []uint64 // by hash; 0 is free
	list  []uint64
}

func (t *tokens) reset() {
	if len(t.list) < len(t.slots)/64 {
		for _, h := range t.list {
			t.drop(h)
		}
	} else {
		clear(t.slots)
	}
	t.list = t.list[:0]
	if t.slots == nil {
		t.slots = make([]uint64, 1024)
	}
}

// drop empties the slots that a probe for h goes over. All of the list is
// dropped, so nothing has to stay reachable.
func (t *tokens) drop(h uint64) {
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; t.slots[i] != 0; i = (i + 1) & mask {
		t.slots[i] = 0
	}
}

func (t *tokens) add(h uint64) {
	h |= 1 << 63 // never 0
	mask := uint64(len(t.slots) - 1)
	i := h & mask
	for ; t.slots[i] != 0; i = (i + 1) & mask {
		if t.slots[i] == h {
			return
		}
	}
	t.slots[i] = h
	t.list = append(t.list, h)
	if 2*len(t.list) > len(t.slots) {
		t.grow()
	}
}

func (t *tokens) grow() {
	t.slots = make([]uint64, 4*len(t.slots))
	mask := uint64(len(t.slots) - 1)
	for _, h := range t.list {
		i := h & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = h
	}
}

// text adds the tokens of a text.
func (t *tokens) text(p []byte) {
	for i := 0; i < len(p); i++ {
		if !tokenByte[p[i]] {
			continue
		}
		from := i
		for i < len(p) && tokenByte[p[i]] {
			i++
		}
		t.add(hash(p[from:i]))
	}
}

// appendFilter appends the filter of the tokens.
func (t *tokens) appendFilter(dst []byte) []byte {
	if len(t.list) == 0 {
		return dst
	}
	words := (len(t.list)*filterBits + 63) / 64
	from := len(dst)
	for range words {
		dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	f := dst[from:]
	n := uint64(len(f)) * 8
	for _, h := range t.list {
		at, step := uint32(h), uint32(h>>32)|1
		for range filterHashes {
			bit := uint64(at) * n >> 32
			f[bit>>3] |= 1 << (bit & 7)
			at += step
		}
	}
	return dst
}

// lacks reports whether the column of the filter surely does not have a token
// of hash h. An empty filter has none.
func lacks(filter []byte, h uint64) bool {
	h |= 1 << 63
	n := uint64(len(filter)) * 8
	at, step := uint32(h), uint32(h>>32)|1
	for range filterHashes {
		bit := uint64(at) * n >> 32
		if n == 0 || filter[bit>>3]>>(bit&7)&1 == 0 {
			return true
		}
		at += step
	}
	return false
}

// appendTokens appends the hashes of the tokens that any text has that contains
// p, or, if whole is set, that is p. Tokens at an end of p may go on beyond it.
func appendTokens(dst []uint64, p []byte, whole bool) []uint64 {
	for i := 0; i < len(p); i++ {
		if !tokenByte[p[i]] {
			continue
		}
		from := i
		for i < len(p) && tokenByte[p[i]] {
			i++
		}
		if whole || from > 0 && i < len(p) {
			dst = append(dst, hash(p[from:i]))
		}
	}
	return dst
}
