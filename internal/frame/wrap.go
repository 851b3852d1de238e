package frame

// kind is what lines are wrapped in.
type kind uint8

const (
	plain kind = iota
	cri
	docker
	syslog
	compose
	kube
)

// Where a line was written to.
const (
	Stdout = 1 + iota
	Stderr
)

// escaping is how what is inside of a wrapper is escaped.
type escaping uint8

const (
	unescaped escaping = iota
	asJSON
	asOctal
)

// line is a line in its wrapper. Parts of it are offsets.
type line struct {
	kind   kind
	key    uint64   // tells the sources of one kind apart
	lo, hi int      // what is inside
	time   int64    // ns since the Unix epoch; 0 if there is none
	loose  bool     // it is in a wrapper because it goes on with a record that is open
	weak   bool     // it may as well go on with a record in no wrapper
	void   bool     // it is blank, and in no wrapper
	piece  bool     // it goes on in the next line of its source
	escape escaping // of what is inside
	stream uint8    // Stdout, Stderr or 0

	yearless      part // the time, if it has no year: then time is good for differences only
	host, service part
	pid           uint32
}

// part is a range of a line; the zero part is none.
type part struct{ lo, hi int }

// wraps says of a first byte that a line in a wrapper may start with it.
var wraps = func() (t [256]bool) {
	for c := range t {
		t[c] = letter(byte(c)) || digit(byte(c))
	}
	for _, c := range []byte("{[ @<\x1b") {
		t[c] = true
	}
	return t
}()

// unwrap finds what is inside of raw, a line with its terminator. What is in
// no wrapper, by all that the line itself says, is all inside.
func unwrap(raw []byte, l *line) {
	if !wrapped(raw, l) {
		*l = line{hi: len(raw)}
	}
}

// wrapped reports whether raw is in a wrapper.
func wrapped(raw []byte, l *line) bool {
	if !wraps[raw[0]] || len(raw) < 5 {
		return false
	}
	*l = line{}
	switch c := raw[0]; {
	case c == '{':
		return len(raw) > 56 && string(raw[:8]) == dockerStart && l.docker(trimEnd(raw))
	case digit(c) && len(raw) > 25 && raw[10] == '_':
		return l.svlogd(trimEnd(raw))
	case digit(c) && (raw[1] == '|' || raw[2] == '|'):
		return l.manager(raw) && evident(raw[l.lo:l.hi])
	case digit(c):
		return len(raw) > 21 && raw[10] == 'T' && raw[13] == ':' && l.timed(trimEnd(raw))
	case raw[3] == ' ' && len(raw) > 20 && month(raw):
		text := trimEnd(raw)
		ns, n := yearless(text)
		l.yearless = part{0, n}
		return n > 0 && l.syslog(text, ns, n)
	case c == '[':
		return l.pod(raw)
	case c == ' ':
		return len(raw) > 40 && raw[1] == ' ' && raw[2] == ' ' && digit(raw[3]) && l.foundry(raw, 3)
	case c == '@':
		return l.tai64n(trimEnd(raw))
	case c == '<':
		return digit(raw[1]) && l.priority(trimEnd(raw))
	case raw[3] == ' ' && len(raw) > 40 && raw[8] == '-' && date(raw[4:]):
		return l.dayNamed(trimEnd(raw))
	}
	n, dashed := 0, false
	for n < len(raw) && nameByte[raw[n]] {
		dashed = dashed || raw[n] == '-'
		n++
	}
	switch {
	case n == len(raw):
	case raw[n] == ' ':
		i := n + 1
		for i < len(raw) && raw[i] == ' ' {
			i++
		}
		if i < len(raw) && raw[i] == '|' {
			return l.compose(raw)
		}
		return i == n+1 && dashed && l.stern(raw) && evident(raw[l.lo:l.hi])
	case raw[n] == '[':
		return l.process(raw) && evident(raw[l.lo:l.hi])
	case raw[n] == '|' || raw[n] == '@' || n == 0:
		return l.compose(raw)
	}
	return false
}

// timed parses a line in a wrapper that starts with a time.
func (l *line) timed(text []byte) bool {
	i := 19 // behind the seconds
	for i < len(text) && i < 36 && text[i] > ' ' {
		i++
	}
	if i+2 < len(text) && text[i+1] == '[' && letter(text[i+2]) && l.foundry(text, 0) {
		return true
	}
	if i+2 >= len(text) || text[i] != ' ' && text[i] != '\t' || text[i+1] == ' ' || text[i+1] == '[' && !digit(text[i+2]) || level(text[i+1:]) > 0 {
		return false // it costs little to know most lines of services
	}
	ns, n := stamp(text)
	if n != i {
		return false
	}
	if l.cri(text, ns, n) {
		return true
	}
	*l = line{}
	if l.syslog(text, ns, n) || l.fly(text, ns, n) {
		return true
	}
	*l = line{}
	return l.kube(text, ns, n)
}

// unwrapNext is unwrap for a line behind others of w, up to end. What is in the same
// wrapper and not certain by itself is so if it goes on with one of them.
func unwrapNext(raw []byte, l *line, w *weave, end int) {
	unwrap(raw, l)
	if l.kind != plain || w.kind == plain {
		return
	}
	if len(trimEnd(raw)) == 0 { // who pastes such lines has them far apart
		*l = line{kind: w.kind, void: true}
		return
	}
	*l = line{}
	switch w.kind {
	case compose:
		l.loose = l.named(raw) || l.stern(raw) || l.manager(raw)
	case kube:
		l.loose = l.stamped(trimEnd(raw))
	case syslog:
		l.loose = l.process(raw)
	}
	if l.loose {
		w.expire(l.time, end)
	}
	if !l.loose || !w.joins(l, raw) {
		*l = line{hi: len(raw)}
	}
}

// whole reports whether the line is a record that nothing joins, by its first byte.
func (l *line) whole(raw []byte) bool {
	if l.piece || l.hi-l.lo <= 2 || !alone[raw[l.lo]] || raw[l.lo] == '\\' || raw[l.lo] == '#' {
		return false
	}
	switch raw[l.lo+1] {
	case '\\': // an escaped line end, or the quote of an object's first key
		return raw[l.lo+2] == '"'
	case '#', '\r':
		return false
	}
	return true
}

// text returns what is inside of raw, without escapes: a part of raw, or
// appended to scratch.
func (l *line) text(scratch, raw []byte) []byte {
	switch l.escape {
	case asJSON:
		return appendJSON(scratch, raw[l.lo:l.hi])
	case asOctal:
		return appendOctal(scratch, raw[l.lo:l.hi])
	}
	return raw[l.lo:l.hi]
}

// evident reports whether text is certain to be that of a service, so that what
// is before it is a wrapper: an object, a header with a time, pairs, a dump. All
// that starts a record of several lines has to be, and is by a header.
func evident(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	switch text[0] {
	case '{':
		return len(text) > 2 && text[1] == '"' && text[len(text)-1] == '}'
	case ' ', '\t':
		return false
	}
	if text[0] >= 'A' && text[0] <= 'Z' {
		if _, n := yearless(text); n > 0 {
			return true
		}
	}
	return timed(text) || date(text) || goStart(text) != none || rustStart(text) != none || pairs(text) || testLine(text)
}

// hash tells names apart.
func hash(name []byte) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range name {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// nameByte says of a byte that it may be in the name of a host, program or container.
var nameByte = func() (t [256]bool) {
	for i := range t {
		c := byte(i)
		t[i] = letter(c) || digit(c) || c == '-' || c == '.' || c == '_'
	}
	return t
}()

// isLevel reports whether name, of a host or a container, is a level.
func isLevel(name []byte) bool {
	var upper [8]byte
	if len(name) < 3 || len(name) > len(upper) {
		return false
	}
	for i, c := range name {
		upper[i] = c &^ 0x20
	}
	switch string(upper[:len(name)]) {
	case "INF", "WRN", "ERR", "DBG", "TRC", "FTL", "PNC", "NOTICE", "ALERT", "EMERG":
		return true
	}
	return level(append(upper[:len(name):len(name)], "    "...)) == len(name)
}
