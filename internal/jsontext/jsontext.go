// Package jsontext reads and writes the tokens of JSON (RFC 8259) in byte slices:
// what the protocols need of it, without a value made of anything that is not used.
package jsontext

import (
	"math/bits"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	dst = AppendEscaped(dst, s)
	return append(dst, '"')
}

// AppendEscaped appends s as it is within a JSON string.
func AppendEscaped[T string | []byte](dst []byte, s T) []byte {
	first := Plain(s)
	if first == len(s) {
		return append(dst, s...)
	}
	from := 0
	for i := first; i < len(s); {
		if n := Plain(s[i:]); n > 0 {
			i += n
			continue
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := decodeRune(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			dst = append(dst, s[from:i]...)
			dst = append(dst, "\uFFFD"...)
			i++
			from = i
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(dst, s[from:]...)
}

func decodeRune[T string | []byte](s T) (rune, int) {
	var p [utf8.UTFMax]byte
	return utf8.DecodeRune(p[:copy(p[:], s)])
}

// Plain returns how many bytes at the start of s are ASCII that a JSON string
// has as they are. It looks at eight bytes at a time (see "Bit Twiddling Hacks",
// "determine if a word has a byte less than n"): a borrow can only mark bytes
// behind the first that is meant.
func Plain[T string | []byte](s T) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if m := marked(load(s[i : i+8])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	if i < len(s) && i > 0 { // the last word begins with bytes that are known already
		i = len(s) - 8
		if m := marked(load(s[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
		return len(s)
	}
	for ; i < len(s); i++ {
		if !plain[s[i]] {
			break
		}
	}
	return i
}

// marked returns a word with the top bit set of the first byte of x that needs an
// escape, and perhaps of some behind it.
func marked(x uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, slash := x^('"'*ones), x^('\\'*ones)
	// Bytes above 0x7f are marked by x; the others cannot be marked by mistake, but
	// for a borrow from a marked byte below.
	return (x | (x - ' '*ones) | (quote - ones) | (slash - ones)) & tops
}

// plain are the bytes that need no escape and are ASCII.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\'
	}
	return t
}()

func load[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
