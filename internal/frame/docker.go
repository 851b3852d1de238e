package frame

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

const dockerStart = `{"log":"`

// docker parses a line of Docker's json-file driver: an object with log,
// stream, perhaps attrs, and time. Docker cuts long lines: the last part of
// one is that which ends in a newline.
func (l *line) docker(text []byte) bool {
	const timeKey = `,"time":"`
	n := len(text)
	if n < 56 || string(text[:8]) != dockerStart || string(text[n-3:]) != `Z"}` {
		return false
	}
	i := bytes.LastIndex(text[n-48:], []byte(timeKey))
	if i < 0 {
		return false
	}
	i += n - 48
	ns, m := stamp(text[i+len(timeKey):])
	if m == 0 || i+len(timeKey)+m != n-2 {
		return false
	}
	// Within a string no quote stands behind a comma.
	end := bytes.Index(text[:i], []byte(`","stream":"std`))
	if end < len(dockerStart) || !escapedQuotes(text[len(dockerStart):end]) {
		return false
	}
	rest := text[end+1 : i]
	switch {
	case bytes.HasPrefix(rest, []byte(`,"stream":"stdout"`)):
		l.stream = Stdout
	case bytes.HasPrefix(rest, []byte(`,"stream":"stderr"`)):
		l.stream = Stderr
	default:
		return false
	}
	if rest = rest[18:]; len(rest) > 0 && (!bytes.HasPrefix(rest, []byte(`,"attrs":{`)) || rest[len(rest)-1] != '}') {
		return false
	}
	l.kind, l.key, l.time = docker, uint64(l.stream), ns
	l.lo, l.hi = len(dockerStart), end
	l.piece = true
	if end > l.lo && text[end-1] == 'n' && escaped(text[l.lo:end-1]) {
		l.hi, l.piece = end-2, false
	}
	if bytes.IndexByte(text[l.lo:l.hi], '\\') >= 0 {
		l.escape = asJSON
	}
	return true
}

// escapedQuotes reports whether each quote in text has a backslash.
func escapedQuotes(text []byte) bool {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		x := binary.LittleEndian.Uint64(text[i:]) ^ 0x2222222222222222 // zero where a quote is
		for x = (x - 0x0101010101010101) &^ x & 0x8080808080808080; x != 0; x &= x - 1 {
			if k := i + bits.TrailingZeros64(x)/8; text[k] == '"' && !escaped(text[:k]) {
				return false
			}
		}
	}
	for ; i < len(text); i++ {
		if text[i] == '"' && !escaped(text[:i]) {
			return false
		}
	}
	return !escaped(text)
}

// escaped reports whether what follows text is escaped.
func escaped(text []byte) bool {
	n := len(text)
	if n == 0 || text[n-1] != '\\' {
		return false
	}
	return n == 1 || text[n-2] != '\\' || backslashes(text)%2 == 1
}

// backslashes returns how many backslashes text ends with.
func backslashes(text []byte) int {
	n := 0
	for n < len(text) && text[len(text)-1-n] == '\\' {
		n++
	}
	return n
}

// appendJSON appends the inside of a JSON string without its escapes, which is
// never longer. Escapes that are none stay as they are.
func appendJSON(dst, s []byte) []byte {
	at := len(dst)
	dst = slices.Grow(dst, len(s))[:at+len(s)]
	out, n := dst[at:], 0
	for i := 0; i < len(s); {
		if i+8 <= len(s) {
			v := binary.LittleEndian.Uint64(s[i:])
			binary.LittleEndian.PutUint64(out[n:], v)
			x := v ^ 0x5c5c5c5c5c5c5c5c // zero where a backslash is
			if x = (x - 0x0101010101010101) &^ x & 0x8080808080808080; x == 0 {
				i, n = i+8, n+8
				continue
			}
			k := bits.TrailingZeros64(x) / 8
			i, n = i+k, n+k
		}
		if s[i] == '\\' && i+1 < len(s) {
			if c := plainOf[s[i+1]]; c != 0 {
				out[n] = c
				i, n = i+2, n+1
				continue
			}
			if r, k := escapedRune(s[i:]); k > 0 {
				i, n = i+k, n+utf8.EncodeRune(out[n:], r)
				continue
			}
		}
		out[n] = s[i]
		i, n = i+1, n+1
	}
	return dst[:at+n]
}

// plainOf is what a backslash and a byte stand for.
var plainOf = [256]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', '"': '"', '\\': '\\', '/': '/'}

// escapedRune returns the character that s starts with as an escape, \u0000 or
// a pair of surrogates, and the length of the escape, 0 if it is none.
func escapedRune(s []byte) (rune, int) {
	r, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := hex4(s[6:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, 12
			}
		}
	}
	return r, 6 // EncodeRune replaces half a pair
}

// hex4 returns the number in an escape \u0000.
func hex4(s []byte) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for _, c := range s[2:6] {
		switch {
		case digit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
