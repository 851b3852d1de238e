package format

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// escaped reports whether all escapes of text are JSON's (RFC 8259 section 7).
func escaped(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return true
		}
		if i+1 >= len(text) {
			return false
		}
		switch text[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			text = text[i+2:]
		case 'u':
			if _, ok := hexRune(text[i+2:], 4); !ok {
				return false
			}
			text = text[i+6:]
		default:
			return false
		}
	}
}

// unescapeJSON appends text with its escapes resolved to dst; ok is false if one
// is not JSON's. A surrogate without its other half becomes U+FFFD.
func unescapeJSON(dst, text []byte) (_ []byte, ok bool) {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return append(dst, text...), true
		}
		if i+1 == len(text) {
			return dst, false
		}
		dst = append(dst, text[:i]...)
		c := text[i+1]
		if r := simpleEscapes[c]; r != 0 {
			dst = append(dst, r)
			text = text[i+2:]
			continue
		}
		if c != 'u' {
			return dst, false
		}
		r, n := longEscape(text[i:])
		if n == 0 || text[i+2] == '{' {
			return dst, false
		}
		dst = utf8.AppendRune(dst, r)
		text = text[i+n:]
	}
}

// simpleEscapes are what JSON's escapes of one letter stand for, 0 if there is none.
var simpleEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape appends text with its escapes resolved to dst: those of JSON, Go and
// Rust. What is no escape stays as it is.
func unescape(dst, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		n := 2
		switch c := text[i+1]; c {
		case '\'':
			dst = append(dst, c)
		case 'a':
			dst = append(dst, '\a')
		case 'v':
			dst = append(dst, '\v')
		case '0':
			dst = append(dst, 0)
		default:
			if r := simpleEscapes[c]; r != 0 {
				dst = append(dst, r)
				break
			}
			var r rune
			if r, n = longEscape(text[i:]); n == 0 {
				dst = append(dst, '\\')
				n = 1
				break
			}
			dst = utf8.AppendRune(dst, r)
		}
		text = text[i+n:]
	}
}

// longEscape returns the character of the escape by number that text starts
// with, and its length, 0 if it is none: \u0041, with surrogates, \U00000041,
// \x41, \u{41}.
func longEscape(text []byte) (rune, int) {
	switch text[1] {
	case 'u':
		if len(text) > 2 && text[2] == '{' {
			end := bytes.IndexByte(text[:min(len(text), 11)], '}')
			if end < 4 {
				return 0, 0
			}
			r, ok := hexRune(text[3:], end-3)
			if !ok {
				return 0, 0
			}
			return r, end + 1
		}
		r, ok := hexRune(text[2:], 4)
		if !ok {
			return 0, 0
		}
		if utf16.IsSurrogate(r) {
			if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
				if low, ok := hexRune(text[8:], 4); ok {
					if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
						return both, 12
					}
				}
			}
			r = utf8.RuneError
		}
		return r, 6
	case 'U':
		if r, ok := hexRune(text[2:], 8); ok {
			return r, 10
		}
	case 'x':
		if r, ok := hexRune(text[2:], 2); ok {
			if r >= 0x80 { // a byte that was no UTF-8
				r = utf8.RuneError
			}
			return r, 4
		}
	}
	return 0, 0
}

// hexRune returns the value of the n hexadecimal digits that text starts with.
func hexRune(text []byte, n int) (r rune, ok bool) {
	if len(text) < n {
		return 0, false
	}
	for _, c := range text[:n] {
		d := unhex[c]
		if d > 15 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, r >= 0
}

// unhex is the value of a hexadecimal digit, 255 for other bytes.
var unhex = func() (t [256]uint8) {
	for c := range t {
		t[c] = 255
	}
	for i := range 10 {
		t['0'+i] = uint8(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = uint8(10+i), uint8(10+i)
	}
	return t
}()
