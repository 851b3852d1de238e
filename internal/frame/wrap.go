package frame

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// kind is what lines are wrapped in.
type kind uint8

const (
	plain kind = iota
	cri
	docker
)

// Where a line was written to.
const (
	Stdout = 1 + iota
	Stderr
)

// line is a line in its wrapper.
type line struct {
	kind    kind
	key     uint64 // tells the sources of one kind apart
	lo, hi  int    // what is inside
	time    int64  // ns since the Unix epoch, 0 if there is none
	piece   bool   // it goes on in the next line of its source
	escaped bool   // there are escapes inside
	stream  uint8  // Stdout, Stderr or 0
}

// wraps says of a first byte that a line in a wrapper may start with it.
var wraps = func() (t [256]bool) {
	for _, c := range []byte("0123456789{") {
		t[c] = true
	}
	return t
}()

// unwrap finds what is inside of raw, a line with its terminator. What is in
// no wrapper is all inside.
func unwrap(raw []byte, l *line) {
	if wraps[raw[0]] {
		text := trimEnd(raw)
		*l = line{}
		if len(text) > 0 && (text[0] == '{' && l.docker(text) || text[0] != '{' && l.cri(text)) {
			return
		}
	}
	*l = line{hi: len(raw)}
}

// wrapped is unwrap for lines that are mostly in no wrapper.
func wrapped(raw []byte, l *line) bool {
	switch {
	case len(raw) < 28:
		return false
	case raw[0] == '{':
		if string(raw[:8]) != dockerStart {
			return false
		}
	case raw[10] != 'T' || raw[13] != ':':
		return false
	default:
		i := 19 // behind the seconds
		for i < len(raw) && i < 36 && raw[i] != ' ' {
			i++
		}
		if i+8 > len(raw) || string(raw[i+1:i+4]) != "std" {
			return false
		}
	}
	unwrap(raw, l)
	return l.kind != plain
}

// whole reports whether the line is a record that nothing joins, by its first byte.
func (l *line) whole(raw []byte) bool {
	return !l.piece && l.hi-l.lo > 2 && alone[raw[l.lo]] && raw[l.lo] != '\\'
}

// text returns what is inside of raw, without escapes: a part of raw, or
// appended to scratch.
func (l *line) text(scratch, raw []byte) []byte {
	if l.escaped {
		return appendJSON(scratch, raw[l.lo:l.hi])
	}
	return raw[l.lo:l.hi]
}

// cri parses a line as containerd and CRI-O write it, in the format of the
// kubelet's log files: time, stream, a tag that starts with P (partial) or F
// (full), and the text, with blanks between.
func (l *line) cri(text []byte) bool {
	ns, n := stamp(text)
	if n == 0 || len(text) < n+9 || string(text[n:n+4]) != " std" || text[n+7] != ' ' {
		return false
	}
	switch string(text[n+4 : n+7]) {
	case "out":
		l.stream = Stdout
	case "err":
		l.stream = Stderr
	default:
		return false
	}
	i := n + 9
	switch text[n+8] {
	case 'P':
		l.piece = true
	case 'F':
	default:
		return false
	}
	if i < len(text) && text[i] == ':' {
		for i < len(text) && text[i] != ' ' {
			i++
		}
	}
	if i < len(text) {
		if text[i] != ' ' {
			return false
		}
		i++
	}
	l.kind, l.key, l.time, l.lo, l.hi = cri, uint64(l.stream), ns, i, len(text)
	return true
}

const dockerStart = `{"log":"`

// docker parses a line of Docker's json-file driver: an object with log,
// stream, perhaps attrs, and time. Docker cuts long lines: the last part of
// one is that which ends in a newline.
func (l *line) docker(text []byte) bool {
	const timeKey = `,"time":"`
	n := len(text)
	if n < 64 || string(text[:8]) != dockerStart || string(text[n-3:]) != `Z"}` {
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
	l.escaped = bytes.IndexByte(text[l.lo:l.hi], '\\') >= 0
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
			if c := unescaped[s[i+1]]; c != 0 {
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

// unescaped is what a backslash and a byte stand for.
var unescaped = [256]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', '"': '"', '\\': '\\', '/': '/'}

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

// stamp parses the RFC 3339 time that text starts with: nanoseconds since the
// Unix epoch, and its length, 0 if there is none.
func stamp(text []byte) (ns int64, n int) {
	if len(text) < 20 || text[10] != 'T' || !shaped(text, "0000-00-00T00:00:00") {
		return 0, 0
	}
	two := func(i int) int64 { return int64(text[i]-'0')*10 + int64(text[i+1]-'0') }
	month, day, hour, minute, second := two(5), two(8), two(11), two(14), two(17)
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 {
		return 0, 0
	}
	seconds := days(two(0)*100+two(2), month, day)*86400 + hour*3600 + minute*60 + second
	n = 19
	if text[n] == '.' {
		frac, unit := int64(0), int64(1e9)
		for n++; n < len(text) && digit(text[n]) && unit > 1; n++ {
			unit /= 10
			frac += int64(text[n]-'0') * unit
		}
		ns = frac
	}
	if n >= len(text) {
		return 0, 0
	}
	switch c := text[n]; c {
	case 'Z':
		n++
	case '+', '-':
		if !shaped(text[n+1:], "00:00") {
			return 0, 0
		}
		offset := two(n+1)*3600 + two(n+4)*60
		if c == '-' {
			offset = -offset
		}
		seconds -= offset
		n += 6
	default:
		return 0, 0
	}
	return seconds*1e9 + ns, n
}

// days returns the days from the Unix epoch to a day of the Gregorian calendar.
func days(y, m, d int64) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	yoe := y % 400
	doy := (153*(m-3)+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}
