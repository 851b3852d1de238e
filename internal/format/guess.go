package format

import "encoding/binary"

// guess is a key that the next record may have at the same place as the one
// before it: records of one kind have the same keys in the same order. The zero
// guess is the empty key.
type guess struct {
	head, tail uint64 // the first eight bytes and the last
	mask       uint64 // of head
	length     int    // at most 16
	key        key
	hash       uint
}

// guessOf returns the guess that the key is name again.
func guessOf(name []byte, k key, hash uint) guess {
	n := len(name)
	g := guess{head: keyWord(name), mask: ^uint64(0), length: n, key: k, hash: hash}
	switch {
	case n > 16:
		return guess{head: 1} // matches nothing
	case n >= 8:
		g.tail = binary.LittleEndian.Uint64(name[n-8:])
	default:
		g.mask = 1<<(8*n) - 1
	}
	return g
}

// pairGuess is guessOf for pairs, whose keys end at different bytes in different
// formats: it guesses those that are keys in all of them.
func pairGuess(name []byte, k key, hash uint) guess {
	if identEnd(name, 0) < len(name) {
		return guess{head: 1} // matches nothing
	}
	return guessOf(name, k, hash)
}

// is reports whether the key is at i, with the byte end behind it. It does not
// know keys among the last 16 bytes of s.
func (g *guess) is(s []byte, i int, end byte) bool {
	return len(s)-i > 16 && binary.LittleEndian.Uint64(s[i:])&g.mask == g.head && s[i+g.length] == end &&
		(g.length <= 8 || binary.LittleEndian.Uint64(s[i+g.length-8:]) == g.tail)
}

// last is is for the last 16 bytes of s.
func (g *guess) last(s []byte, i int, end byte) bool {
	j := i + g.length
	return len(s)-i <= 16 && j < len(s) && s[j] == end && g.same(s[i:j])
}

// same reports whether name is the key.
func (g *guess) same(name []byte) bool {
	n := len(name)
	return n == g.length && n > 0 && keyWord(name) == g.head && (n <= 8 || binary.LittleEndian.Uint64(name[n-8:]) == g.tail)
}
