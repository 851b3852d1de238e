package jsontext

import (
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may be within each other.
const MaxDepth = 64

// Space returns the index of the first byte of p from i on that is not JSON white space.
func Space(p []byte, i int) int {
	for i < len(p) && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n') {
		i++
	}
	return i
}

// Skip returns the index behind the value that starts at p[i]. It only looks
// for the end: what the value is made of is checked when it is used.
func Skip(p []byte, i int) (end int, ok bool) {
	if i >= len(p) {
		return i, false
	}
	switch p[i] {
	case '"':
		return SkipString(p, i)
	case '{', '[':
		for depth := 0; i < len(p); i++ {
			switch p[i] {
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1, true
				}
			case '"':
				if i, ok = SkipString(p, i); !ok {
					return i, false
				}
				i--
			}
		}
		return i, false
	}
	start := i
	for i < len(p) {
		switch p[i] {
		case ',', '}', ']', ' ', '\t', '\r', '\n', ':', '"':
			return i, i > start
		}
		i++
	}
	return i, i > start
}

// SkipString returns the index behind the string whose quotation mark is p[i].
func SkipString(p []byte, i int) (end int, ok bool) {
	for i++; i < len(p); i++ {
		i += Plain(p[i:])
		if i >= len(p) {
			break
		}
		switch p[i] {
		case '"':
			return i + 1, true
		case '\\':
			i++
		}
	}
	return i, false
}

// IsNumber reports whether s is a number as JSON writes it (RFC 8259, section 6).
func IsNumber(s []byte) bool {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	switch {
	case i >= len(s):
		return false
	case s[i] == '0':
		i++
	default:
		n := digits(s[i:])
		if n == 0 {
			return false
		}
		i += n
	}
	if i < len(s) && s[i] == '.' {
		n := digits(s[i+1:])
		if n == 0 {
			return false
		}
		i += 1 + n
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		n := digits(s[i:])
		if n == 0 {
			return false
		}
		i += n
	}
	return i == len(s)
}

func digits(s []byte) int {
	i := 0
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// AppendCompact appends the JSON value s without white space between its
// tokens. It reports whether s is one valid value and nothing else; if not, dst
// is as it was.
func AppendCompact(dst, s []byte) ([]byte, bool) {
	out, i, ok := appendValue(dst, s, Space(s, 0), 0)
	if !ok || Space(s, i) != len(s) {
		return dst, false
	}
	return out, true
}

func appendValue(dst, s []byte, i, depth int) ([]byte, int, bool) {
	if i >= len(s) || depth > MaxDepth {
		return dst, i, false
	}
	switch s[i] {
	case '"':
		return copyString(dst, s, i)
	case '{', '[':
		return appendNested(dst, s, i, depth)
	}
	end, ok := Skip(s, i)
	if !ok || !isScalar(s[i:end]) {
		return dst, i, false
	}
	return append(dst, s[i:end]...), end, true
}

func isScalar(s []byte) bool {
	switch string(s) {
	case "true", "false", "null":
		return true
	}
	return IsNumber(s)
}

// appendNested appends the array or object at s[i].
func appendNested(dst, s []byte, i, depth int) ([]byte, int, bool) {
	object := s[i] == '{'
	end := s[i] + 2 // ']' and '}' are two behind '[' and '{'
	dst = append(dst, s[i])
	i = Space(s, i+1)
	if i < len(s) && s[i] == end {
		return append(dst, end), i + 1, true
	}
	for ok := true; ; {
		if object {
			if i >= len(s) || s[i] != '"' {
				return dst, i, false
			}
			if dst, i, ok = copyString(dst, s, i); !ok {
				return dst, i, false
			}
			if i = Space(s, i); i >= len(s) || s[i] != ':' {
				return dst, i, false
			}
			dst = append(dst, ':')
			i = Space(s, i+1)
		}
		if dst, i, ok = appendValue(dst, s, i, depth+1); !ok {
			return dst, i, false
		}
		i = Space(s, i)
		switch {
		case i < len(s) && s[i] == ',':
			dst = append(dst, ',')
			i = Space(s, i+1)
		case i < len(s) && s[i] == end:
			return append(dst, end), i + 1, true
		default:
			return dst, i, false
		}
	}
}

// copyString appends the string at s[i], its escapes as they are; only what is
// not UTF-8 becomes U+FFFD.
func copyString(dst, s []byte, i int) ([]byte, int, bool) {
	dst = append(dst, '"')
	i++
	for i < len(s) {
		n := Plain(s[i:])
		dst = append(dst, s[i:i+n]...)
		if i += n; i >= len(s) {
			break
		}
		switch c := s[i]; {
		case c == '"':
			return append(dst, '"'), i + 1, true
		case c == '\\':
			_, n := escape(s[i:])
			if n == 0 {
				return dst, i, false
			}
			dst = append(dst, s[i:i+n]...)
			i += n
		case c < ' ':
			return dst, i, false
		default:
			r, n := utf8.DecodeRune(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
	return dst, i, false
}

// escape reads the escape sequence at the start of s, which is a backslash, and
// returns its rune and how many bytes it has, 0 if it is none. A surrogate
// without its other half is U+FFFD.
func escape(s []byte) (rune, int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, ok := hex4(s[2:])
		if !ok {
			return 0, 0
		}
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
			if low, ok := hex4(s[8:]); ok {
				if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
					return both, 12
				}
			}
		}
		return utf8.RuneError, 6
	}
	return 0, 0
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	r := rune(0)
	for _, c := range s[:4] {
		d := hexDigit(c)
		if d > 15 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

// hexDigit returns the value of a hexadecimal digit, 16 or more for other bytes.
func hexDigit(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// AppendText appends what the string token s, with its quotation marks, stands
// for. clean is false if bytes that are not UTF-8 became U+FFFD.
func AppendText(dst, s []byte) (out []byte, clean, ok bool) {
	clean = true
	s = s[1 : len(s)-1]
	for i := 0; i < len(s); {
		n := Plain(s[i:])
		dst = append(dst, s[i:i+n]...)
		if i += n; i >= len(s) {
			break
		}
		switch c := s[i]; {
		case c == '\\':
			r, n := escape(s[i:])
			if n == 0 {
				return dst, clean, false
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		case c < ' ' || c == '"':
			return dst, clean, false
		default:
			r, n := utf8.DecodeRune(s[i:])
			if r == utf8.RuneError && n == 1 {
				clean = false
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
	return dst, clean, true
}
