package format

import (
	"bytes"

	"shipper/internal/record"
)

// envLogger parses the default format of env_logger 0.6 and later, with any of
// its parts left out but one, and fern's documented one, which is the same:
//
//	[time LEVEL target] message
//
// Lines of the message behind the first are indented by four.
func (p *Parser) envLogger() bool {
	s := p.src
	i := 1
	timed := false
	if ns, n, source := p.clock.at(s[1:]); n > 0 && s[5] == '-' && 1+n < len(s) && s[1+n] == ' ' {
		p.r.Time, p.r.TimeSource = ns, source
		timed = true
		i = n + 2
	}
	n, number := upperLevelAt(s[i:])
	if n > 0 && i+n < len(s) && s[i+n] == ' ' {
		p.r.Severity, p.r.SeverityText = number, p.span(i, i+n)
		for i += n; i < len(s) && s[i] == ' '; i++ {
		}
	} else if !timed {
		return false
	}
	e := bytes.IndexByte(s[i:min(len(s), i+256)], ']')
	if e < 0 || e == 0 && !timed {
		return false
	}
	e += i
	target := bytes.TrimRight(s[i:e], " ")
	if bytes.IndexByte(target, '[') >= 0 || bytes.IndexByte(target, '\n') >= 0 {
		return false
	}
	if file, line := fileLine(target); file > 0 && sourceFile(target[:file]) {
		p.addText(nameFile, p.span(i, i+file))
		p.b.AddField(record.IntField(nameLine, line))
	} else {
		p.r.Logger = p.span(i, i+len(target))
	}
	if e++; e < len(s) && s[e] != ' ' {
		return false
	}
	p.r.Body = p.outdented(min(e+1, len(s)))
	return true
}

// outdented returns the text from i on without the indent of four that all
// lines but the first have.
func (p *Parser) outdented(i int) record.Span {
	text := p.src[i:]
	if bytes.IndexByte(text, '\n') < 0 {
		return p.span(i, len(p.src))
	}
	indent := []byte("\n    ")
	if bytes.Count(text, indent[:1]) != bytes.Count(text, indent) {
		return p.span(i, len(p.src))
	}
	at := len(p.b.Arena)
	for {
		j := bytes.Index(text, indent)
		if j < 0 {
			break
		}
		p.b.Arena = append(p.b.Arena, text[:j+1]...)
		text = text[j+len(indent):]
	}
	p.b.Arena = append(p.b.Arena, text...)
	return record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
}
