package format

import (
	"bytes"

	"shipper/internal/record"
)

// tracing parses the default format of tracing-subscriber ("full"), with any of
// its options, and the same with an uptime, or nothing, for the time:
//
//	time LEVEL [thread] [ThreadId(n)] span{field=value}:span: target: [file:line:] message field=value
//
// "Compact" is the same but for the fields of the spans, which it writes behind
// those of the event.
func (p *Parser) tracing() bool {
	s := p.src
	timed, i := p.tracingTime()
	if timed && (i >= len(s) || s[i] != ' ') {
		return false
	}
	pad := i
	for i < len(s) && s[i] == ' ' {
		i++
	}
	n, number := upperLevelAt(s[i:])
	if n == 0 || i+n < len(s) && s[i+n] != ' ' && (s[i+n] != '\n' || !timed) {
		return false
	}
	// The level is right-aligned in five columns, for most.
	narrow := timed && n == 4 && i-pad == 1 && p.r.TimeSource == record.TimeLine
	if width := i - pad + n; timed && width != 6 && !narrow && (width != 7 || p.r.TimeSource != record.TimeNoYear && !bytes.HasPrefix(s[i+n:], []byte("   "))) || !timed && width != 5 {
		return false
	}
	level := p.span(i, i+n)
	i = min(i+n+1, len(s))
	if i < len(s) && s[i] == '[' && !isTracing(p.hint) {
		return false // a target in brackets is simple_logger's
	}
	target, spans, braces := i, false, false
	e := nameEnd(s, i)
	if e+1 >= len(s) || s[e] != ':' || s[e+1] != ':' { // else it is a path, and so the target
		if e == len(s) || s[e] != ':' && s[e] != '{' {
			if j := p.tracingThread(i); j != i {
				i = j
				e = nameEnd(s, i)
			}
		}
		if target, spans, braces = p.tracingSpans(i, e); !spans {
			target, spans = p.loneSpan(i)
		}
	}
	n = targetAt(s[target:])
	if !timed && !spans && !p.untimedTarget(s[target:target+n]) {
		return false
	}
	if p.r.TimeSource == record.TimeNoYear && !spans && n == 0 {
		return false // slog-term
	}
	if narrow && (n == 0 || !isTracing(p.hint) && !spans && !bytes.Contains(s[target:target+n], []byte("::"))) {
		return false
	}
	if e = pathEnd(s, target); timed && !spans && n == 0 && e > target {
		if bytes.HasPrefix(s[min(e+blanksAt(s, e), len(s)):], []byte("> ")) {
			return false // pretty_env_logger
		}
		if bytes.HasPrefix(s[e:], []byte(" - ")) && bytes.Contains(s[target:e], []byte("::")) {
			return false // log4rs
		}
	}
	if !spans && n == 0 && bytes.Contains(s[target:min(len(s), target+96)], []byte(".go:")) {
		return false // zap's console with blanks
	}
	p.r.Severity, p.r.SeverityText = number, level
	if p.takeSource(target, target+n) {
		n += 2
	} else if n > 0 {
		p.r.Logger = p.span(target, target+n)
		p.meetTarget(target, n)
		n += 2
	}
	if i = p.rustFile(min(target+n, len(s))); i < len(s) && s[i] == '\n' { // Reth's message starts with one
		i++
	}
	if n == 0 && !spans && i < len(s) && s[i] == ' ' { // tracing-forest aligns what is behind the level
		i = forestText(s, skipBlanks(s, i))
	}
	if n == 0 {
		i = p.bracketTrace(i)
	}
	fields := p.rustEvent(i, len(s))
	p.tracingDialect(spans, braces, fields)
	return true
}

// forestText returns where the text starts behind the branches of a tree at i, and
// behind a picture and the level in brackets, as tracing-forest writes them:
// "│  ┕━ 🚨 [error]: text".
func forestText(s []byte, i int) int {
	for {
		n := 0
		for _, sign := range [...]string{"│  ", "┝━ ", "┕━ ", "   "} {
			if bytes.HasPrefix(s[i:], []byte(sign)) {
				n = len(sign)
			}
		}
		if n == 0 {
			break
		}
		i += n
	}
	e := i + bytes.Index(s[i:min(len(s), i+16)], []byte("]: "))
	open := i + bytes.IndexByte(s[i:max(e, i)], '[')
	if e < i || open < i || severityWord(s[open+1:e]) == 0 || open > i && s[open-1] != ' ' {
		return i
	}
	return e + len("]: ")
}

// rustFile is sourceFile for a file of Rust's.
func (p *Parser) rustFile(i int) int {
	s := p.src
	j := i
	for j < len(s) && s[j] > ' ' && s[j] != ':' {
		j++
	}
	if j == len(s) || s[j] != ':' || j-i < 4 || s[j-3] != '.' {
		if n, ok := decimal(s[i:j]); ok && n > 0 && j-i < 6 && bytes.HasPrefix(s[j:], []byte(": ")) && p.r.Logger.Len > 0 { // without the file
			p.b.AddField(record.IntField(nameLine, int64(n)))
			return j + 2
		}
		return i
	}
	if n := p.sourceFile(i, ".rs"); n > i || p.r.Logger.Len == 0 {
		return n
	}
	return p.sourcePlace(i) // logforth's
}

func isTracing(format uint8) bool {
	return format == record.FormatTracingFull || format == record.FormatTracingCompact
}

// tracingDialect tells "full" from "compact". Where spans have fields, full has
// them in braces. Without spans, the two are the same: it is what it was before.
func (p *Parser) tracingDialect(spans, braces, fields bool) {
	if braces {
		p.state |= stateBraces
	}
	compact := p.hint == record.FormatTracingCompact || spans && fields
	if compact && p.state&stateBraces == 0 {
		p.r.Format = record.FormatTracingCompact
	}
}

// What the stream's hint says of tracing, besides the format.
const (
	stateBraces = 1 << 8 // spans had their fields in braces
	stateCrate  = 16     // first bit of the hash of the crate that a target was of
	stateSpan   = 40     // first bit of the hash of the outermost span's name
	stateHash   = 1<<24 - 1
)

// remembered reports whether the stream's hint has the hash at bit.
func (p *Parser) remembered(bit int, hash uint64) bool { return p.state>>bit&stateHash == hash }

func (p *Parser) remember(bit int, hash uint64) {
	p.state = p.state&^(stateHash<<bit) | hash<<bit
}

// nameHash returns a hash of 24 bits.
func nameHash(name []byte) uint64 {
	return ((keyWord(name) + uint64(len(name))) * 0x9e3779b97f4a7c15) >> 40
}

// crateHash returns a hash of the crate that a target is in, a::b in a.
func crateHash(target []byte) uint64 {
	if i := bytes.IndexByte(target, ':'); i >= 0 {
		target = target[:i]
	}
	return nameHash(target)
}

// meetTarget remembers the crate of the target src[i:i+n], unless it may be a
// span in front of another target.
func (p *Parser) meetTarget(i, n int) {
	h := crateHash(p.src[i : i+n])
	if p.remembered(stateCrate, h) {
		return
	}
	if next := min(i+n+2, len(p.src)); targetAt(p.src[next:]) == 0 {
		p.remember(stateCrate, h)
	}
}

// loneSpan takes the span at i if it is the only one and without fields, as in
// "span: target: ", which may be a target and a message with a colon, too. It
// is a span if there was one of that name, or if the other has a path or is of
// the crate that the target before was of.
func (p *Parser) loneSpan(i int) (next int, found bool) {
	s := p.src
	e := nameEnd(s, i)
	if e == i || e+2 >= len(s) || s[e] != ':' || s[e+1] != ' ' {
		return p.pathSpans(i)
	}
	n := targetAt(s[e+2:])
	if n == 0 || bytes.IndexByte(s[e+2:e+2+n], '.') >= 0 {
		return i, false // no target, or the file that the event is from
	}
	if j := bytes.IndexByte(s[e+2:e+2+n], ':'); j >= 0 && s[e+2+j+1] != ':' {
		return i, false // no path
	}
	if name, target := nameHash(s[i:e]), s[e+2:e+2+n]; !p.remembered(stateSpan, name) {
		if p.remembered(stateCrate, name) || bytes.IndexByte(target, ':') < 0 && !p.remembered(stateCrate, nameHash(target)) {
			return i, false
		}
	}
	p.addSpan(i, e)
	return e + 2, true
}

// addSpan adds the span without fields whose name is src[lo:hi].
func (p *Parser) addSpan(lo, hi int) {
	at := len(p.b.Arena)
	p.openSpan(true, p.src[lo:hi])
	p.b.Arena = append(p.b.Arena, "}]"...)
	p.addSpans(at, p.span(lo, hi))
}

// pathSpans takes the spans at i, one of which has a path for its name, in front
// of a target: "on_query:mysql::do_query: frontend::instance: ".
func (p *Parser) pathSpans(i int) (next int, found bool) {
	s := p.src
	n := targetAt(s[i:])
	end := i + n
	lo := singleColon(s, i, end)
	if n == 0 {
		return p.wordySpan(i)
	}
	if lo == end || !bytes.Contains(s[end+1:min(len(s), end+2+targetAt(s[min(end+2, len(s)):]))], []byte("::")) {
		return i, false
	}
	at := len(p.b.Arena)
	for ; ; lo = singleColon(s, i, end) {
		p.openSpan(len(p.b.Arena) == at, s[i:lo])
		p.b.Arena = append(p.b.Arena, '}')
		if lo == end {
			break
		}
		i = lo + 1
	}
	p.b.Arena = append(p.b.Arena, ']')
	p.addSpans(at, p.span(i, end))
	return end + 2, true
}

// wordySpan takes the span of two or three words at i, in front of a target that is
// a path: "HTTP request: shop::http: ".
func (p *Parser) wordySpan(i int) (next int, found bool) {
	s := p.src
	e := nameEnd(s, i)
	for words := 1; words < 3 && e > i && e+1 < len(s) && s[e] == ' '; words++ {
		e = nameEnd(s, e+1)
	}
	if e == i || e+2 >= len(s) || s[e] != ':' || s[e+1] != ' ' {
		return i, false
	}
	target := s[e+2 : e+2+targetAt(s[e+2:])]
	if j := bytes.LastIndex(target, []byte("::")); j < 1 || j+2 == len(target) || target[j+2] < 'a' { // else it may be an error's
		return i, false
	}
	p.addSpan(i, e)
	return e + 2, true
}

// singleColon returns the index of the first colon in s[i:end] that is not one of
// a pair, end if there is none.
func singleColon(s []byte, i, end int) int {
	for ; i < end; i++ {
		if s[i] != ':' {
			continue
		}
		if i+1 == end || s[i+1] != ':' {
			return i
		}
		i++
	}
	return end
}

// untimedTarget reports whether a target is enough to know a line without a
// time: "ERROR main: text" may be anybody's.
func (p *Parser) untimedTarget(target []byte) bool {
	return len(target) > 0 && (p.src[0] == ' ' || isTracing(p.hint) || bytes.Contains(target, []byte("::")))
}

// tracingTime takes the time, and returns the index behind it.
func (p *Parser) tracingTime() (timed bool, i int) {
	s := p.src
	if s[0]-'0' < 10 {
		ns, n, source := p.clock.at(s)
		if n == 0 || s[4] != '-' {
			return false, 0
		}
		p.r.Time, p.r.TimeSource = ns, source
		return true, n
	}
	if s[0] == '<' {
		const unknown = "<unknown time>" // the timer failed
		if !bytes.HasPrefix(s, []byte(unknown)) {
			return false, 0
		}
		return true, len(unknown)
	}
	if s[0] > ' ' && s[0] != '[' {
		ns, n := p.clock.monthDay(s, p.near) // before version 0.2
		if n > 0 {
			p.r.Time, p.r.TimeSource = ns, record.TimeNoYear
		}
		return n > 0, n
	}
	i = p.uptime(0)
	return i > 0, i
}

// uptime takes the seconds since the start at i, "0.000211213s" with blanks in
// front, linkerd's in brackets, and returns the index behind them, 0 if there
// are none.
func (p *Parser) uptime(i int) int {
	s := p.src
	bracket := i < len(s) && s[i] == '['
	if bracket {
		i++
	}
	for start := i; i < len(s) && i < start+16 && s[i] == ' '; i++ {
	}
	first, dots := i, 0
	for i < len(s) && (s[i]-'0' < 10 || s[i] == '.') {
		if s[i] == '.' {
			dots++
		}
		i++
	}
	if i < first+3 || dots != 1 || i == len(s) || s[i] != 's' {
		return 0
	}
	end := i + 1
	if i = end; bracket {
		if i == len(s) || s[i] != ']' {
			return 0
		}
		i++
	}
	p.addText(nameTimestamp, p.span(first, end))
	return i
}

// tracingThread takes the name and the number of the thread at i. The name is
// right-aligned and may have blanks. A name without a number is taken if it is
// one that a runtime gives.
func (p *Parser) tracingThread(i int) int {
	const sign = "ThreadId("
	s := p.src
	name := i
	for name < len(s) && name < i+32 && s[name] == ' ' {
		name++
	}
	j := name
	for j < len(s) && j < name+64 && s[j] != ':' && s[j] != '{' && s[j] != ' ' {
		j++
	}
	if j == len(s) {
		return i
	}
	if !bytes.HasPrefix(s[name:j], []byte(sign)) {
		if s[j] == '{' {
			return i
		}
		if s[j] == ' ' && bytes.HasPrefix(s[j+1:], []byte(sign)) {
			j++
		} else if s[j] == ' ' && runtimeThread(s[name:j]) {
			if e := identEnd(s, j+1); e > j+1 && e < len(s) && (s[e] == ':' || s[e] == '{') {
				p.addText(nameThread, p.span(name, j))
				return j + 1
			}
			return i
		} else if s[name] == 'a' && bytes.HasPrefix(s[name:], []byte("actix-")) {
			n := bytes.Index(s[j:min(len(s), j+64)], []byte(" "+sign))
			if n < 0 {
				return i
			}
			j += n + 1
		} else {
			return i
		}
	} else {
		j = name
	}
	e := j + len(sign)
	for e < len(s) && s[e]-'0' < 10 {
		e++
	}
	n, ok := decimal(s[j+len(sign) : e])
	if !ok || n >= 1<<63 || e+1 >= len(s) || s[e] != ')' || s[e+1] != ' ' {
		return i
	}
	if j > name {
		p.addText(nameThread, p.span(name, j-1))
	}
	p.b.AddField(record.IntField(nameThreadID, int64(n)))
	return e + 2
}

// runtimeThread reports whether name is that of a thread of Rust's or Tokio's runtime.
func runtimeThread(name []byte) bool {
	return string(name) == "main" || bytes.HasPrefix(name, []byte("tokio-"))
}

// tracingSpans takes the list of spans that starts at i, "a{x=1}:b: ", with a
// word up to e, and returns the index behind it, i if there is none. A single
// name without fields is not told from a target. Braces says that a span had
// fields.
func (p *Parser) tracingSpans(i, e int) (next int, found, braces bool) {
	s := p.src
	start, first, at := i, i, len(p.b.Arena)
	var name record.Span
	for count := 0; ; count++ {
		e = spanName(s, i, e)
		if e == len(s) || s[e] != '{' && (s[e] != ':' || e == i && count == 0) { // it may have no name
			break
		}
		if count == 0 && s[e] == ':' && (e+1 == len(s) || s[e+1] == ' ' || s[e+1] == ':') {
			break
		}
		if count == 0 {
			first = e
		}
		name = p.span(i, e)
		open := `,{"name":"`
		if count == 0 {
			open = `[{"name":"`
		}
		p.b.Arena = append(append(append(p.b.Arena, open...), s[i:e]...), '"')
		if s[e] == '{' {
			if e = p.spanFields(e + 1); e < 0 || e == len(s) || s[e] != ':' {
				break
			}
			braces = true
		}
		p.b.Arena = append(p.b.Arena, '}')
		if e++; e == len(s) || s[e] == ' ' {
			p.b.Arena = append(p.b.Arena, ']')
			p.addSpans(at, name)
			p.remember(stateSpan, nameHash(s[start:first]))
			return min(e+1, len(s)), true, braces
		}
		i = e
		for e = nameEnd(s, i); e > i && e+2 < len(s) && s[e] == ':' && s[e+1] == ':' && isIdent(s[e+2]); { // a path
			e = identEnd(s, e+2)
		}
	}
	// It only looked like spans.
	p.b.Arena = p.b.Arena[:at]
	p.head.trace, p.head.span = 0, 0
	p.r.Flags &^= record.HasTrace | record.HasSpan
	return start, false, false
}

// nameEnd returns the index behind the name of a span at i, an identifier or
// some of them with slashes between, i if there is none.
func nameEnd(s []byte, i int) int {
	e := identEnd(s, i)
	for last := e; last > i && last < len(s) && s[last] == '/'; {
		next := identEnd(s, last+1)
		if next == last+1 || bytes.IndexByte(s[last:next], '.') >= 0 { // a file
			return e
		}
		if last = next; last == len(s) || s[last] != '/' {
			return last
		}
	}
	return e
}

// spanName returns the index behind the name of the span that starts at i with
// a word up to e. If fields follow, it may have blanks: "HTTP request{".
func spanName(s []byte, i, e int) int {
	last := e
	for words := 1; words < 4 && last > i && last < len(s) && s[last] == ' '; words++ {
		next := identEnd(s, last+1)
		if next == last+1 {
			break
		}
		if last = next; last < len(s) && s[last] == '{' {
			if k := identEnd(s, last+1); k > last+1 && k < len(s) && s[k] == '=' {
				return last
			}
			break
		}
	}
	return e
}

// openSpan appends the start of a span to a list, which it starts if it is the first.
func (p *Parser) openSpan(first bool, name []byte) {
	separator := byte(',')
	if first {
		separator = '['
	}
	p.b.Arena = append(append(p.b.Arena, separator), `{"name":`...)
	p.b.Arena = appendQuoted(p.b.Arena, name)
}

// addSpans adds the list of spans that is in the arena from at on, and the name
// of the innermost.
func (p *Parser) addSpans(at int, name record.Span) {
	p.b.AddField(record.Field{Key: nameSpans, Val: record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}, Kind: record.JSON})
	if name.Len > 0 {
		p.addText(nameSpan, name)
	}
}

// spanFields appends the fields of a span, from i on, as members of an object,
// and returns the index behind the brace that ends them, -1 if there is none.
func (p *Parser) spanFields(i int) int {
	s := p.src
	for i < len(s) {
		if s[i] == '}' {
			return i + 1
		}
		key, g := p.rustKey(i, len(s), '=')
		if key == i {
			return -1
		}
		v := p.rustValue(i, key, len(s), true)
		p.spanField(i, g.key, v)
		if i = v.hi; i < len(s) && s[i] == ' ' {
			i++
		}
	}
	return -1
}

// spanField appends the field of a span, whose key starts at i and means k, as a
// member of an object, and takes the trace and span IDs.
func (p *Parser) spanField(i int, k key, v rustValue) {
	s := p.src
	value := s[v.lo:v.hi]
	a := append(append(append(p.b.Arena, `,"`...), s[i:v.key]...), `":`...)
	switch {
	case v.quoted && v.found&^highBits == 0:
		a = append(a, value...)
	case v.quoted:
		p.scratch = unescape(p.scratch[:0], unquote(value))
		a = appendQuoted(a, p.scratch)
	case jsonScalar(value):
		a = append(a, value...)
	case v.plain:
		a = append(append(append(a, '"'), value...), '"')
	default:
		a = appendQuoted(a, value)
	}
	p.b.Arena = a
	if k != 0 {
		p.spanTrace(keys[k].role, unquote(value))
	}
}

// jsonScalar reports whether value is a number, true, false or null in JSON.
func jsonScalar(value []byte) bool {
	if len(value) == 0 {
		return false
	}
	switch c := value[0]; {
	case c == '-' || c-'0' < 10:
		e, _, _ := number(value, 0)
		return e == len(value)
	case c == 't' || c == 'f' || c == 'n':
		return literal(value, 0) == len(value)
	}
	return false
}

func (p *Parser) spanTrace(r role, text []byte) {
	switch r {
	case roleTrace:
		p.head.trace = 0
		p.setTrace(text, rankSpans, false)
	case roleSpan:
		p.head.span = 0
		p.setSpan(text, rankSpans, false)
	}
}

// targetAt returns the length of the target that s starts with: "a::b: ".
func targetAt(s []byte) int {
	for i := 0; i < len(s) && i < 128; i++ {
		if !endsTarget[s[i]] {
			continue
		}
		if s[i] != ':' {
			return 0
		}
		if i+1 == len(s) || s[i+1] == ' ' {
			return i
		}
	}
	return 0
}

// endsTarget are the bytes that no target has, and the colon.
var endsTarget = func() (t [256]bool) {
	for c := range t {
		t[c] = c <= ' ' || c == ':' || c == '"' || c == '=' || c == '{' || c == '(' || c == '['
	}
	return t
}()
