package format

import (
	"bytes"

	"shipper/internal/record"
)

// fiber parses the lines of Fiber's middleware/logger as they are by default,
// of v2 and, with brackets, of v3:
//
//	06:25:41 | 404 |      14.101µs | 0.0.0.0 | GET | /missing | Cannot GET /missing
//	[06:25:41] 127.0.0.1 404 - 14.101µs GET /missing Cannot GET /missing
func (p *Parser) fiber() bool {
	s := p.src
	if s[0] == '[' {
		return p.fiberBrackets()
	}
	if len(s) < 30 || string(s[8:11]) != " | " || string(s[14:17]) != " | " {
		return false
	}
	sec, frac, n, ok := timeOfDay(s)
	status, isStatus := decimal(s[11:14])
	if !ok || n != 8 || !isStatus {
		return false
	}
	var column [3]record.Span // duration, client, method
	i := 17
	for c := range column {
		j := bytes.Index(s[i:min(len(s), i+64)], []byte(" | "))
		if j < 0 {
			return false
		}
		column[c] = p.trimmed(i, i+j)
		i += j + 3
	}
	p.r.Time, p.r.TimeSource = p.clock.dateless(sec, frac, p.near), record.TimeNoDate
	p.r.Body = p.span(11, len(s))
	p.addInt(nameStatus, status)
	p.addText(nameDuration, column[0])
	p.addText(nameClient, column[1])
	p.addText(nameMethod, column[2])
	path := len(s)
	if j := bytes.Index(s[i:], []byte(" | ")); j >= 0 {
		path = i + j
		if message := p.trimmed(path+3, len(s)); message.Len > 0 && string(p.b.Bytes(message)) != "-" {
			p.addText(nameError, message)
		}
	}
	p.addText(nameURL, p.trimmed(i, path))
	return true
}

// fiberBrackets parses the form with the time in brackets.
func (p *Parser) fiberBrackets() bool {
	s := p.src
	if len(s) < 24 || s[3] != ':' || s[9] != ']' || s[10] != ' ' {
		return false
	}
	sec, frac, n, ok := timeOfDay(s[1:9])
	if !ok || n != 8 {
		return false
	}
	i := 11
	client := record.Span{}
	if e := token(s, i); e-i > 3 && e < len(s) {
		client = p.span(i, e)
		i = e + 1
	}
	if len(s)-i < 12 || s[i+3] != ' ' || s[i+4] != '-' || s[i+5] != ' ' {
		return false
	}
	status, ok := decimal(s[i : i+3])
	if !ok {
		return false
	}
	duration := skipBlanks(s, i+6)
	method := skipBlanks(s, token(s, duration))
	target := token(s, method)
	if n := methodAt(s[method:]); n == 0 || method+n != target || target == len(s) {
		return false
	}
	end := token(s, target+1)
	p.r.Time, p.r.TimeSource = p.clock.dateless(sec, frac, p.near), record.TimeNoDate
	p.r.Body = p.span(11, len(s))
	p.addInt(nameStatus, status)
	p.addText(nameDuration, p.span(duration, token(s, duration)))
	if client.Len > 0 {
		p.addText(nameClient, client)
	}
	p.addText(nameMethod, p.span(method, target))
	p.addText(nameURL, p.span(target+1, end))
	if message := p.trimmed(end, len(s)); message.Len > 0 && string(p.b.Bytes(message)) != "-" {
		p.addText(nameError, message)
	}
	return true
}

// trimmed returns the Span of src[lo:hi] without blanks around it.
func (p *Parser) trimmed(lo, hi int) record.Span {
	lo = min(skipBlanks(p.src, lo), hi)
	return p.span(lo, trimBack(p.src, lo, hi))
}
