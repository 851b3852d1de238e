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
	i = p.tracingThread(min(i+n+1, len(s)))
	spans := spanList(s, i)
	target := i
	if spans > 0 {
		target = spans
	}
	n = targetAt(s[target:])
	if !timed && spans == 0 && n == 0 {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, level
	if spans > 0 {
		p.tracingSpans(i, spans)
	}
	if n > 0 {
		p.r.Logger = p.span(target, target+n)
		n += 2
	}
	p.rustEvent(p.rustFile(min(target+n, len(s))), len(s))
	return true
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

// spanList returns the index behind the list of spans that starts at i, 0 if
// there is none. A single name without fields is not told from a target.
func spanList(s []byte, i int) int {
	for count := 0; ; count++ {
		e := identEnd(s, i)
		if e == i || e == len(s) {
			return 0
		}
		fields := s[e] == '{'
		if fields {
			if e = closing(s, e+1); e == 0 || e == len(s) {
				return 0
			}
		}
		if s[e] != ':' {
			return 0
		}
		if e++; e == len(s) || s[e] == ' ' {
			if count == 0 && !fields {
				return 0
			}
			return min(e+1, len(s))
		}
		i = e
	}
}

// closing returns the index behind the brace that closes what was opened in
// front of i, 0 if there is none.
func closing(s []byte, i int) int {
	for depth := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			if e, _ := quoted(s, i+1); e > 0 {
				i = e
			}
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '\n':
			return 0
		}
	}
	return 0
}

// tracingSpans adds the list of spans src[i:end], and takes trace IDs from the
// innermost span that has them.
func (p *Parser) tracingSpans(i, end int) {
	s := p.src
	at := len(p.b.Arena)
	p.b.Arena = append(p.b.Arena, '[')
	var name record.Span
	for i < end {
		e := identEnd(s, i)
		if e == i {
			break
		}
		if len(p.b.Arena) > at+1 {
			p.b.Arena = append(p.b.Arena, ',')
		}
		name = p.span(i, e)
		p.b.Arena = append(p.b.Arena, `{"name":`...)
		p.b.Arena = appendQuoted(p.b.Arena, s[i:e])
		if i = e; s[i] == '{' {
			i = closing(s, i+1)
			p.spanFields(e+1, i-1)
		}
		p.b.Arena = append(p.b.Arena, '}')
		i++ // the colon
		if i < end && s[i] == ' ' {
			break
		}
	}
	p.b.Arena = append(p.b.Arena, ']')
	p.b.AddField(record.Field{Key: nameSpans, Val: record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}, Kind: record.JSON})
	p.addText(nameSpan, name)
}

// spanFields appends the fields src[i:end] of a span as members of an object.
func (p *Parser) spanFields(i, end int) {
	s := p.src
	for i < end {
		key, lo, hi := rustField(s, i, end)
		if key == i {
			return
		}
		p.b.Arena = append(p.b.Arena, ',')
		p.b.Arena = appendQuoted(p.b.Arena, s[i:key])
		p.b.Arena = append(p.b.Arena, ':')
		value := s[lo:hi]
		e := 0
		switch {
		case len(value) == 0:
		case value[0] == '-' || value[0]-'0' < 10:
			e, _, _ = number(value, 0)
		default:
			e = literal(value, 0)
		}
		switch {
		case e > 0 && e == len(value):
			p.b.Arena = append(p.b.Arena, value...)
		case rustString(value):
			p.b.Arena = p.appendRequoted(p.b.Arena, value)
		default:
			p.b.Arena = appendQuoted(p.b.Arena, value)
		}
		if k, _ := lookup(s[i:key]); k != 0 {
			p.spanTrace(keys[k].role, unquote(value))
		}
		if i = hi; i < end && s[i] == ' ' {
			i++
		}
	}
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

// rustFile takes the "file.rs:1: " at i and returns the index behind it.
func (p *Parser) rustFile(i int) int {
	s := p.src
	j := bytes.Index(s[i:min(len(s), i+256)], []byte(".rs:"))
	if j <= 0 || bytes.IndexByte(s[i:i+j], ' ') >= 0 {
		return i
	}
	e := i + j + 4
	for e < len(s) && s[e]-'0' < 10 {
		e++
	}
	n, line := fileLine(s[i:e])
	if n == 0 || e == len(s) || s[e] != ':' {
		return i
	}
	p.addText(nameFile, p.span(i, i+n))
	p.b.AddField(record.IntField(nameLine, line))
	if e++; e < len(s) && s[e] == ' ' {
		e++
	}
	return e
}
