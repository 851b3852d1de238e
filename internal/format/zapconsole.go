package format

import (
	"bytes"

	"shipper/internal/record"
)

// zapConsole parses what zap's console encoder writes, as it is or set up by
// controller-runtime and IPFS's go-log, and VictoriaMetrics' logger:
//
//	time LEVEL logger file:line function message {"key": value}
//
// A tab is between the parts, unless another separator was chosen. All of them
// but level and message may be missing, and a stack trace may follow.
func (p *Parser) zapConsole() bool {
	z, ok := p.zapHead()
	if !ok {
		if z, ok = p.zapPasted(); !ok {
			return false
		}
	}
	s := p.src
	end := goStack(s, z.message, len(s))
	p.zapHeader(&z)
	if z.envoy {
		const sign = "\tthread="
		if i := bytes.LastIndex(s[z.message:end], []byte(sign)) + z.message; i >= z.message {
			if id, ok := decimal(s[i+len(sign) : end]); ok {
				p.addInt(nameThreadID, id)
				end = i
			}
		}
	}
	object := z.object(s, end)
	if object >= 0 {
		p.head.taken[roleMessage] = keyOthers // a member with such a key is not the message
		if e, sound := p.object(object+1, true); !sound || e != end {
			p.again(p.r.Observed)
			p.zapHeader(&z)
			object = -1
		}
	}
	if object < 0 {
		p.message(z.message, end)
	} else {
		p.r.Body = p.span(z.message, max(z.message, object-len(z.separator)))
	}
	p.addStack(end, len(s))
	p.settle(record.FormatZapConsole)
	return true
}

// zapLine is what stands in front of zap's message. A part is src[lo:hi].
type zapLine struct {
	ns               int64
	source           record.TimeSource
	level, levelEnd  int
	number           uint8
	separator        []byte
	logger, place, f [2]int // f is the function
	file             int    // length of the file's name
	line             int64
	message          int
	envoy            bool // a line of Envoy's that Istio passes on
}

// zapHead finds the parts in front of the message.
func (p *Parser) zapHead() (z zapLine, ok bool) {
	s := p.src
	n := 0
	if s[0]-'0' < 10 {
		if z.ns, n, z.source = p.clock.at(s); n == 0 {
			if z.ns, n = epochAt(s); n == 0 {
				return z, false
			}
			z.source = record.TimeLine
		}
		z.separator = s[n : n+separatorAt(s, n)]
		if len(z.separator) == 0 {
			return z, false
		}
	}
	z.level = n + len(z.separator)
	z.levelEnd, z.number = zapLevel(s, z.level)
	if z.number == 0 {
		return z, false
	}
	if n == 0 {
		z.separator = s[z.levelEnd : z.levelEnd+separatorAt(s, z.levelEnd)]
	}
	i := z.levelEnd + len(z.separator)
	if len(z.separator) == 0 || n == 0 && len(z.separator) == 1 && z.separator[0] == ' ' || !bytes.HasPrefix(s[z.levelEnd:], z.separator) || i >= len(s) {
		return z, false
	}
	tabs, bars := z.separator[0] == '\t', string(z.separator) == " | "
	return z, z.names(s, i) || tabs && (n > 0 || z.object(s, len(s)) > i) || p.hint == record.FormatZapConsole && (tabs || bars)
}

// zapPasted is zapHead for a line that was copied from a screen: its tabs have
// become blanks, two of them at least between time and level and behind it.
func (p *Parser) zapPasted() (z zapLine, ok bool) {
	s := p.src
	line := s[:lineEnd(s, 0)]
	n := 0
	for n < len(line) && n < 40 && line[n] != ' ' {
		n++
	}
	if s[0]-'0' > 9 {
		if n > 6 || len(line) == 0 || line[len(line)-1] != '}' {
			return z, false
		}
		n = 0 // without a time
	} else if n < 10 {
		return z, false
	}
	if bytes.IndexByte(line, '\t') >= 0 {
		return z, false
	}
	spaced := false // Caddy's time has a blank in it
	if n == 10 && line[4] == '/' {
		if _, m, _ := p.clock.at(line); m > 19 && m < len(line) && line[m] == ' ' {
			n, spaced = m, true
		}
	}
	blanks := blanksAt(line, n)
	if n > 0 && !spaced && (blanks < 2 || blanks == 2 && line[n-4] != 'e') { // tracing pads its levels
		return z, false
	}
	level := n + blanks
	end, number := zapLevel(line, level)
	if number == 0 || blanksAt(line, end) < 2 {
		return z, false
	}
	base := p.base
	at := len(p.b.Arena)
	for i := 0; i < len(line); {
		if run := blanksAt(line, i); run >= 2 || run == 1 && i == n {
			p.b.Arena = append(p.b.Arena, '\t')
			i += run
			continue
		}
		if line[i] == '{' {
			p.b.Arena = append(p.b.Arena, line[i:]...) // its strings stay as they are
			break
		}
		p.b.Arena = append(p.b.Arena, line[i])
		i++
	}
	p.b.Arena = append(p.b.Arena, s[len(line):]...)
	p.src, p.base = p.b.Arena[at:len(p.b.Arena):len(p.b.Arena)], uint32(at)
	if z, ok = p.zapHead(); !ok {
		p.src, p.base = s, base
	}
	return z, ok
}

// blanksAt returns the number of blanks at i.
func blanksAt(s []byte, i int) (n int) {
	for i+n < len(s) && s[i+n] == ' ' {
		n++
	}
	return n
}

// behindBracket returns the index behind the bracket at e and the blank that may
// follow it.
func behindBracket(s []byte, e int) int {
	if e++; e < len(s) && s[e] == ' ' {
		e++
	}
	return min(e, len(s))
}

// names finds logger, place and function from i on. It reports whether there is
// a place: nothing else is certain.
func (z *zapLine) names(s []byte, i int) bool {
	z.message = i
	a := z.part(s, i)
	if a < 0 {
		return false
	}
	if z.placeAt(s, i, a) || z.envoyAt(s, i, a) {
		i = a + len(z.separator)
	} else {
		b := z.part(s, a+len(z.separator))
		next := a + len(z.separator)
		if bytes.IndexByte(s[i:a], ' ') >= 0 && (s[z.level] < 'a' || !z.scope(s[i:a])) || a == i {
			return false
		}
		if b < 0 || !z.placeAt(s, next, b) {
			if z.separator[0] != ' ' && next < len(s) && s[next] != '{' {
				z.logger, z.message = [2]int{i, a}, next
			}
			return false
		}
		z.logger = [2]int{i, a}
		i = b + len(z.separator)
	}
	z.message = min(i, len(s))
	if z.separator[0] == ' ' && len(z.separator) == 1 {
		return true // a name with a dot may be a word of the message
	}
	e := z.part(s, z.message)
	if e < 0 || bytes.IndexByte(s[z.message:e], ' ') >= 0 || bytes.IndexByte(s[z.message:e], '.') < 0 {
		return true
	}
	if next := e + len(z.separator); next < len(s) && s[next] != '{' {
		z.f, z.message = [2]int{z.message, e}, next
	}
	return true
}

// envoyAt takes the logger and the place of "envoy config source/grpc.cc:12",
// which is s[lo:hi].
func (z *zapLine) envoyAt(s []byte, lo, hi int) bool {
	at := lo + bytes.LastIndexByte(s[lo:hi], ' ')
	if at <= lo || !bytes.HasPrefix(s[lo:], []byte("envoy ")) || !z.scope(s[lo:at]) {
		return false
	}
	n, line := fileLine(s[at+1 : hi])
	if n == 0 {
		return false
	}
	z.logger, z.place, z.file, z.line, z.envoy = [2]int{lo, at}, [2]int{at + 1, hi}, n, line, true
	return true
}

// scope reports whether name may be one of Istio's loggers: "envoy config".
func (z *zapLine) scope(name []byte) bool {
	blanks := 0
	for _, c := range name {
		if c == ' ' {
			blanks++
		} else if c-'a' > 25 {
			return false
		}
	}
	return z.separator[0] == '\t' && blanks == 1 && len(name) < 24
}

// part returns where the part that starts at i ends, -1 if no separator follows
// on the same line.
func (z *zapLine) part(s []byte, i int) int {
	if i > len(s) {
		return -1
	}
	e := bytes.Index(s[i:], z.separator)
	if e < 0 {
		if tail := bytes.TrimRight(z.separator, " \t"); len(tail) > 0 && bytes.HasSuffix(s[i:], tail) {
			return len(s) - len(tail) // blanks at the end were cut off
		}
		return -1
	}
	if bytes.IndexByte(s[i:i+e], '\n') >= 0 {
		return -1
	}
	return i + e
}

// placeAt takes the place in a Go source that s[lo:hi] is.
func (z *zapLine) placeAt(s []byte, lo, hi int) bool {
	n, line := fileLine(s[lo:hi])
	if n < 4 || string(s[lo+n-3:lo+n]) != ".go" || bytes.IndexByte(s[lo:hi], ' ') >= 0 || bytes.IndexByte(s[lo:hi], '=') >= 0 {
		return false
	}
	z.place, z.file, z.line = [2]int{lo, hi}, n, line
	return true
}

// object returns where the object that ends at end starts, -1 if there is none.
func (z *zapLine) object(s []byte, end int) int {
	if end <= z.message || s[end-1] != '}' {
		return -1
	}
	for i, tries := z.message, 0; tries < 8; tries++ {
		j := bytes.IndexByte(s[i:end], '{')
		if j < 0 {
			return -1
		}
		i += j
		if (i == z.message || bytes.HasSuffix(s[z.message-len(z.separator):i], z.separator)) && (s[i+1] == '"' || s[i+1] == '}') {
			return i
		}
		i++
	}
	return -1
}

// zapHeader puts what stands in front of the message into the record.
func (p *Parser) zapHeader(z *zapLine) {
	if z.level > 0 {
		p.r.Time, p.r.TimeSource = z.ns, z.source
	}
	p.r.Severity, p.r.SeverityText = z.number, p.span(z.level, z.levelEnd)
	p.r.Logger = p.span(z.logger[0], z.logger[1])
	if z.file > 0 {
		p.addPlace(p.span(z.place[0], z.place[0]+z.file), z.line)
	}
	if z.f[1] > 0 {
		p.addText(nameFunction, p.span(z.f[0], z.f[1]))
	}
}

// separatorAt returns the length of the separator at i: a tab, a blank, or
// another sign between blanks.
func separatorAt(s []byte, i int) int {
	switch {
	case i+1 >= len(s):
	case s[i] == '\t' && s[i+1] != ' ':
		return 1
	case s[i] != ' ':
	case i+2 < len(s) && s[i+2] == ' ' && (s[i+1] == '|' || s[i+1] == '-' || s[i+1] == ':' || s[i+1] == ';'):
		return 3
	case s[i+1] != ' ':
		return 1
	}
	return 0
}

// zapLevel returns the index behind the level at i and its severity number, 0
// if there is none.
func zapLevel(s []byte, i int) (end int, number uint8) {
	if i >= len(s) {
		return i, 0
	}
	for end = i; end < len(s) && end < i+7 && s[end]|0x20 >= 'a' && s[end]|0x20 <= 'z'; {
		end++
	}
	if end == i+len("Level") && end < len(s) && s[end] == '(' {
		if e := bytes.IndexByte(s[end:min(len(s), end+6)], ')'); e > 0 {
			end += e + 1
			return end, zapVerbosity(s[i:end])
		}
	}
	if number = zapLevelNumber(s[i:end]); number == 0 {
		return i, 0
	}
	return end, number
}

// zapLevelNumber returns the severity number of a level of zap's, 0 if it is none.
func zapLevelNumber(level []byte) uint8 {
	switch string(level) {
	case "INFO", "info":
		return 9
	case "DEBUG", "debug":
		return 5
	case "WARN", "warn", "warning": // Istio's
		return 13
	case "ERROR", "error":
		return 17
	case "DPANIC", "dpanic", "FATAL", "fatal":
		return 21
	case "PANIC", "panic":
		return 22
	}
	return 0
}

// epochAt parses the number of seconds, or parts of them, since the Unix epoch
// that s starts with, and returns its length, 0 if there is none.
func epochAt(s []byte) (ns int64, n int) {
	for n < len(s) && n < 24 && (s[n]-'0' < 10 || s[n] == '.' || s[n] == 'e' || s[n] == '+') {
		n++
	}
	ns, ok := epochText(s[:n])
	if !ok {
		return 0, 0
	}
	return ns, n
}
