package format

import (
	"encoding/binary"
	"math/bits"
)

// Constants of the arithmetic on eight bytes at a time.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// What quoted found in a string.
const (
	escapes  = 1 << iota // backslashes
	controls             // bytes below 0x20
	highBits             // bytes above 0x7f
)

// quoted returns the index of the quote that ends the string whose text starts
// at i, and what is in it. It is -1 if the string does not end before s or the
// line does.
func quoted(s []byte, i int) (end int, found uint8) {
	for {
		for i+8 <= len(s) {
			w := binary.LittleEndian.Uint64(s[i:])
			q, e := w^(ones*'"'), w^(ones*'\\')
			// In each of the three, the lowest bit that is set is right.
			m := ((q-ones)&^q | (e-ones)&^e | (w-ones*0x20)&^w) & highs
			if m == 0 {
				if w&highs != 0 {
					found |= highBits
				}
				i += 8
				continue
			}
			if w&highs&(m&-m-1) != 0 {
				found |= highBits
			}
			i += bits.TrailingZeros64(m) >> 3
			break
		}
		if i >= len(s) {
			return -1, found
		}
		switch c := s[i]; {
		case c == '"':
			return i, found
		case c == '\\':
			found |= escapes
			i++
		case c == '\n':
			return -1, found
		case c < 0x20:
			found |= controls
		case c >= 0x80:
			found |= highBits
		}
		i++
	}
}

// number returns the index behind the JSON number (RFC 8259 section 6) that
// starts at i, 0 if there is none. Integer says that it is an integer that
// fits 64 bits with a sign, which is n.
func number(s []byte, i int) (end int, integer bool, n int64) {
	negative := false
	if i < len(s) && s[i] == '-' {
		negative = true
		i++
	}
	first := i
	var u uint64
	for i < len(s) && s[i]-'0' < 10 {
		u = u*10 + uint64(s[i]-'0')
		i++
	}
	switch d := i - first; {
	case d == 0 || d > 1 && s[first] == '0':
		return 0, false, 0
	case d < 19:
		integer = true
	case d == 19:
		// No wrap: 19 digits fit an unsigned integer.
		integer = u <= 1<<63-1 || negative && u == 1<<63
	}
	if i < len(s) && (s[i] == '.' || s[i]|0x20 == 'e') {
		return fraction(s, i), false, 0
	}
	n = int64(u)
	if negative {
		n = -n
	}
	return i, integer, n
}

// fraction returns the index behind the fraction and the exponent of a number,
// which start at i, 0 if they are malformed.
func fraction(s []byte, i int) int {
	if s[i] == '.' {
		first := i + 1
		for i = first; i < len(s) && s[i]-'0' < 10; i++ {
		}
		if i == first {
			return 0
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		first := i
		for i < len(s) && s[i]-'0' < 10 {
			i++
		}
		if i == first {
			return 0
		}
	}
	return i
}

// literal returns the index behind true, false or null at i, 0 if there is none.
func literal(s []byte, i int) int {
	switch {
	case i+4 <= len(s) && (string(s[i:i+4]) == "true" || string(s[i:i+4]) == "null"):
		return i + 4
	case i+5 <= len(s) && string(s[i:i+5]) == "false":
		return i + 5
	}
	return 0
}

// maxDepth is how deep arrays and objects may be nested.
const maxDepth = 64

// nested returns the index behind the JSON array or object that starts at i, 0
// if it is malformed or too deep, and what is in its strings.
func nested(s []byte, i int) (end int, found uint8) {
	var objects uint64 // a bit for each open level: 1 is an object
	depth := 0
	for {
		// A value starts at i.
		if i = skipBlanks(s, i); i >= len(s) {
			return 0, found
		}
		switch c := s[i]; {
		case c == '{' || c == '[':
			if depth == maxDepth {
				return 0, found
			}
			depth++
			objects = objects<<1 | uint64(c>>5&1) // '{' is 0x7b, '[' 0x5b
			i = skipBlanks(s, i+1)
			if i >= len(s) {
				return 0, found
			}
			if s[i] != c+2 { // the closing one
				if c == '[' {
					continue
				}
				var f uint8
				if i, f = member(s, i); i == 0 {
					return 0, found
				}
				found |= f
				continue
			}
			i++
			depth--
			objects >>= 1
		case c == '"':
			e, f := quoted(s, i+1)
			if e < 0 || f&escapes != 0 && !escaped(s[i+1:e]) {
				return 0, found
			}
			found |= f
			i = e + 1
		case c == '-' || c-'0' < 10:
			if i, _, _ = number(s, i); i == 0 {
				return 0, found
			}
		default:
			if i = literal(s, i); i == 0 {
				return 0, found
			}
		}
		// A value ended in front of i.
		for {
			if depth == 0 {
				return i, found
			}
			if i = skipBlanks(s, i); i >= len(s) {
				return 0, found
			}
			object := objects&1 == 1
			if s[i] == ',' {
				i++
				if object {
					var f uint8
					if i, f = member(s, skipBlanks(s, i)); i == 0 {
						return 0, found
					}
					found |= f
				}
				break
			}
			if object && s[i] != '}' || !object && s[i] != ']' {
				return 0, found
			}
			i++
			depth--
			objects >>= 1
		}
	}
}

// member returns the index behind the key and the colon that start at i, 0 if
// they are malformed.
func member(s []byte, i int) (end int, found uint8) {
	if i >= len(s) || s[i] != '"' {
		return 0, 0
	}
	e, found := quoted(s, i+1)
	if e < 0 || found&escapes != 0 && !escaped(s[i+1:e]) {
		return 0, found
	}
	i = skipBlanks(s, e+1)
	if i >= len(s) || s[i] != ':' {
		return 0, found
	}
	return i + 1, found
}

func skipBlanks(s []byte, i int) int {
	for i < len(s) && blank(s[i]) {
		i++
	}
	return i
}
