package format

import (
	"bytes"

	"shipper/internal/record"
)

// tracingPretty parses tracing-subscriber's Pretty format (0.3): two blanks in
// front, fields as "key: value", the place and the spans, innermost first, on
// lines of their own:
//
//	time LEVEL target: message, key: value
//	  at file:line on thread ThreadId(1)
//	  in target::span with key: value
func (p *Parser) tracingPretty() bool {
	s := p.src
	if len(s) < 10 || s[0] != ' ' || s[1] != ' ' {
		return false
	}
	timed, i := p.prettyTime()
	level := i
	for level < len(s) && s[level] == ' ' {
		level++
	}
	n, number := upperLevelAt(s[level:])
	if n == 0 || level-i+n != 5 || level+n < len(s) && s[level+n] != ' ' {
		return false
	}
	end := prettyEnd(s)
	if !timed && end == len(s) {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, p.span(level, level+n)
	i = min(level+n+1, end)
	if n := targetAt(s[i:end]); n > 0 {
		p.r.Logger = p.span(i, i+n)
		i = min(i+n+2, end)
	}
	p.colonEvent(i, end, true)
	if end < len(s) {
		p.prettyPlace(end + 1)
		p.prettySpans(end)
	}
	return true
}

// prettyTime takes the time behind the two blanks, if there is one, and returns
// the index behind it and a blank. Timed says that the format is known by it;
// full has blanks in front of an uptime, too.
func (p *Parser) prettyTime() (timed bool, i int) {
	s := p.src
	if ns, n, source := p.clock.at(s[2:]); n > 0 && s[6] == '-' && 2+n < len(s) && s[2+n] == ' ' {
		p.r.Time, p.r.TimeSource = ns, source
		return true, n + 3
	}
	if n := p.uptime(2); n > 0 && n < len(s) && s[n] == ' ' {
		return false, n + 1
	}
	return false, 2
}

// prettyEnd returns where the event ends and the lines with its place and its
// spans begin.
func prettyEnd(s []byte) int {
	end := len(s)
	for at := lineEnd(s, 0); at < len(s); at = lineEnd(s, at+1) {
		line := s[at+1:]
		if bytes.HasPrefix(line, []byte("    at ")) || bytes.HasPrefix(line, []byte("    in ")) || bytes.HasPrefix(line, []byte("    on ")) {
			end = min(end, at)
		} else {
			end = len(s)
		}
	}
	return end
}

// prettyPlace takes the line "    at file:line on thread ThreadId(1)" at i.
func (p *Parser) prettyPlace(i int) {
	s := p.src[:lineEnd(p.src, i)]
	i += len("    ")
	if bytes.HasPrefix(s[i:], []byte("at ")) {
		i += len("at ")
		end := len(s)
		if j := bytes.Index(s[i:], []byte(" on ")); j >= 0 {
			end = i + j
		}
		if !p.takePlace(i, end) {
			p.addText(nameFile, p.span(i, end))
		}
		i = min(end+1, len(s))
	}
	if !bytes.HasPrefix(s[i:], []byte("on ")) {
		return
	}
	i += len("on ")
	name := len(s)
	if j := bytes.LastIndex(s[i:], []byte("ThreadId(")); j >= 0 {
		name = i + j
		if id, ok := decimal(bytes.TrimSuffix(s[name+len("ThreadId("):], []byte(")"))); ok && id < 1<<63 {
			p.b.AddField(record.IntField(nameThreadID, int64(id)))
		}
	}
	if name = trimBack(s, i, name); name > i {
		p.addText(nameThread, p.span(i, name))
	}
}

// prettySpans takes the lines "    in target::name with key: value" behind the
// newline at i, the last one first: it is the outermost span.
func (p *Parser) prettySpans(i int) {
	s := p.src
	at := len(p.b.Arena)
	var name record.Span
	for hi := len(s); hi > i; {
		newline := i + bytes.LastIndexByte(s[i:hi], '\n')
		lo := newline + 1 + len("    ")
		if bytes.HasPrefix(s[lo:hi], []byte("in ")) {
			name = p.prettySpan(lo+len("in "), hi, len(p.b.Arena) == at)
		}
		hi = newline
	}
	if name.Len == 0 {
		p.b.Arena = p.b.Arena[:at]
		return
	}
	p.b.Arena = append(p.b.Arena, ']')
	p.addSpans(at, name)
}

// prettySpan appends the span "target::name with key: value" that is src[lo:hi]
// to the list, and returns its name.
func (p *Parser) prettySpan(lo, hi int, first bool) record.Span {
	s := p.src
	end, fields := hi, hi
	if j := bytes.Index(s[lo:hi], []byte(" with ")); j >= 0 {
		end, fields = lo+j, lo+j+len(" with ")
	}
	for j := end - 1; j > lo; j-- {
		if s[j] == ':' && s[j-1] == ':' {
			lo = j + 1
			break
		}
	}
	p.openSpan(first, s[lo:end])
	for i := fields; i < hi; {
		key, g := p.rustKey(i, hi, ':')
		if key == i || key+1 < hi && s[key+1] != ' ' {
			break
		}
		v := colonValue(s, key, hi, true)
		p.spanField(i, g.key, v)
		if i = v.hi; i < hi {
			i += len(", ")
		}
	}
	p.b.Arena = append(p.b.Arena, '}')
	return p.span(lo, end)
}
