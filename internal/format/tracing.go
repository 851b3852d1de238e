package format

import (
	"bytes"

	"shipper/internal/record"
)

// tracing parses the default format of tracing-subscriber ("full"), with any of
// its options, and the same with an uptime, or nothing, for the time:
//
//	time LEVEL [thread] [ThreadId(n)] span{field=value}:span: target: [file:line:] message field=value
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
	if n == 0 || i+n < len(s) && s[i+n] != ' ' {
		return false
	}
	// The level is right-aligned in five columns.
	if width := i - pad + n; timed && width != 6 || !timed && width != 5 {
		return false
	}
	level := p.span(i, i+n)
	i = min(i+n+1, len(s))
	if i < len(s) && s[i] == '[' && p.hint != record.FormatTracingFull {
		return false // a target in brackets is simple_logger's
	}
	i = p.tracingThread(i)
	target, spans := p.tracingSpans(i)
	n = targetAt(s[target:])
	if !timed && !spans && !p.untimedTarget(s[target:target+n]) {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, level
	if n > 0 {
		p.r.Logger = p.span(target, target+n)
		n += 2
	}
	p.rustEvent(p.sourceFile(min(target+n, len(s)), ".rs"), len(s))
	return true
}

// untimedTarget reports whether a target is enough to know a line without a
// time: "ERROR main: text" may be anybody's.
func (p *Parser) untimedTarget(target []byte) bool {
	return len(target) > 0 && (p.src[0] == ' ' || p.hint == record.FormatTracingFull || bytes.Contains(target, []byte("::")))
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
	if s[0] == '[' {
		i = 1
	}
	for i < len(s) && i < 16 && s[i] == ' ' {
		i++
	}
	first, dots := i, 0
	for i < len(s) && (s[i]-'0' < 10 || s[i] == '.') {
		if s[i] == '.' {
			dots++
		}
		i++
	}
	if i < first+3 || dots != 1 || i == len(s) || s[i] != 's' {
		return false, 0
	}
	if i++; s[0] == '[' {
		if i == len(s) || s[i] != ']' {
			return false, 0
		}
		i++
	}
	p.addText(nameTimestamp, p.span(first, bytes.IndexByte(s[first:], 's')+first+1))
	return true, i
}

// tracingThread takes the name and the number of the thread at i.
func (p *Parser) tracingThread(i int) int {
	s := p.src
	const sign = "ThreadId("
	j := i
	if j < len(s) && s[j] != sign[0] || !bytes.HasPrefix(s[j:], []byte(sign)) {
		for j < len(s) && j < i+64 && s[j] > ' ' && s[j] != ':' && s[j] != '{' {
			j++
		}
		if j == len(s) || s[j] != ' ' {
			return i
		}
		j++
	}
	if !bytes.HasPrefix(s[j:], []byte(sign)) {
		return i
	}
	e := j + len(sign)
	for e < len(s) && s[e]-'0' < 10 {
		e++
	}
	n, ok := decimal(s[j+len(sign) : e])
	if !ok || e+1 >= len(s) || s[e] != ')' || s[e+1] != ' ' {
		return i
	}
	if j > i {
		p.addText(nameThread, p.span(i, j-1))
	}
	p.b.AddField(record.IntField(nameThreadID, int64(n)))
	return e + 2
}

// tracingSpans takes the list of spans that starts at i, "a{x=1}:b: ", and
// returns the index behind it, i if there is none. A single name without
// fields is not told from a target.
func (p *Parser) tracingSpans(i int) (next int, found bool) {
	s := p.src
	start, at := i, len(p.b.Arena)
	var name record.Span
	for count := 0; ; count++ {
		e := identEnd(s, i)
		if e == i || e == len(s) || s[e] != '{' && s[e] != ':' {
			break
		}
		if count == 0 && s[e] == ':' && (e+1 == len(s) || s[e+1] == ' ' || s[e+1] == ':') {
			break
		}
		name = p.span(i, e)
		separator := byte(',')
		if count == 0 {
			separator = '['
		}
		p.b.Arena = append(append(p.b.Arena, separator), `{"name":"`...)
		p.b.Arena = append(append(p.b.Arena, s[i:e]...), '"')
		if s[e] == '{' {
			if e = p.spanFields(e + 1); e < 0 || e == len(s) || s[e] != ':' {
				break
			}
		}
		p.b.Arena = append(p.b.Arena, '}')
		if e++; e == len(s) || s[e] == ' ' {
			p.b.Arena = append(p.b.Arena, ']')
			p.b.AddField(record.Field{Key: nameSpans, Val: record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}, Kind: record.JSON})
			p.addText(nameSpan, name)
			return min(e+1, len(s)), true
		}
		i = e
	}
	// It only looked like spans.
	p.b.Arena = p.b.Arena[:at]
	p.head.trace, p.head.span = 0, 0
	p.r.Flags &^= record.HasTrace | record.HasSpan
	return start, false
}

// spanFields appends the fields of a span, from i on, as members of an object,
// and returns the index behind the brace that ends them, -1 if there is none.
func (p *Parser) spanFields(i int) int {
	s := p.src
	for i < len(s) {
		if s[i] == '}' {
			return i + 1
		}
		v := rustField(s, i, identEnd(s, i), len(s), true)
		if v.key == i {
			return -1
		}
		p.b.Arena = append(append(append(p.b.Arena, `,"`...), s[i:v.key]...), `":`...)
		value := s[v.lo:v.hi]
		switch {
		case v.quoted && v.found&^highBits == 0:
			p.b.Arena = append(p.b.Arena, value...)
		case v.quoted:
			p.scratch = unescape(p.scratch[:0], unquote(value))
			p.b.Arena = appendQuoted(p.b.Arena, p.scratch)
		case jsonScalar(value):
			p.b.Arena = append(p.b.Arena, value...)
		default:
			p.b.Arena = appendQuoted(p.b.Arena, value)
		}
		if k, _ := lookup(s[i:v.key]); k != 0 {
			p.spanTrace(keys[k].role, unquote(value))
		}
		if i = v.hi; i < len(s) && s[i] == ' ' {
			i++
		}
	}
	return -1
}

// jsonScalar reports whether value is a number, true, false or null in JSON.
func jsonScalar(value []byte) bool {
	if len(value) == 0 {
		return false
	}
	e := 0
	if value[0] == '-' || value[0]-'0' < 10 {
		e, _, _ = number(value, 0)
	} else {
		e = literal(value, 0)
	}
	return e == len(value)
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
	for i, c := range s {
		switch {
		case c == ':':
			if i+1 < len(s) && s[i+1] == ' ' || i+1 == len(s) {
				return i
			}
		case c <= ' ' || c == '"' || c == '=' || c == '{' || c == '(' || c == '[' || i == 128:
			return 0
		}
	}
	return 0
}
