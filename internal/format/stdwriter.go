package format

import (
	"bytes"

	"shipper/internal/record"
)

// stdWriter parses what libraries write through package log in a form of their
// own, behind the header, from i on. It reports whether that was all; if not,
// it has left the text alone, but for fields.
func (p *Parser) stdWriter(i int) bool {
	s := p.src
	if i >= len(s) {
		return false
	}
	switch c := s[i]; c {
	case '[':
		if p.ginRecovery(i) || p.coreDNSMessage(i) {
			return true
		}
		p.chi(i)
	case '"':
		if p.funcrMessage(i) {
			return true
		}
		p.chi(i)
	case 'D':
		return p.datadogTracer(i)
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		p.fasthttp(i)
	}
	if end := lineEnd(s, i); end < len(s) {
		return p.gorm(i, end)
	}
	return bytes.IndexByte(s[i:], '=') > 0 && p.funcrMessage(i)
}

// chi takes the fields of a request that go-chi's middleware.Logger (5.2) wrote,
// the ID in brackets being that of its middleware.RequestID:
//
//	[node/Hx-000001] "GET http://example.com/ok HTTP/1.1" from 10.0.0.7:51234 - 200 2B in 6.84µs
func (p *Parser) chi(i int) {
	s := p.src[:lineEnd(p.src, i)]
	id := record.Span{}
	if s[i] == '[' {
		e := bytes.IndexByte(s[i:min(len(s), i+128)], ']')
		if e < 0 {
			return
		}
		id = p.span(i+1, i+e)
		i += e + 2
	}
	const from = `" from `
	if i+4 >= len(s) || s[i] != '"' || methodAt(s[i+1:]) == 0 {
		return
	}
	j := bytes.LastIndexByte(s, '"')
	if j <= i || !bytes.HasPrefix(s[j:], []byte(from)) {
		return
	}
	client := j + len(from)
	e := client + bytes.IndexByte(s[client:], ' ')
	if e < client || len(s)-e < 14 || string(s[e:e+3]) != " - " || s[e+6] != ' ' {
		return
	}
	status, ok := decimal(s[e+3 : e+6])
	if !ok || !p.requestLine(p.span(i+1, j)) {
		return
	}
	p.addText(nameClient, p.host(client, e))
	if status > 0 { // 0 is that of a handler that did not get to answer
		p.addInt(nameStatus, status)
	}
	size := e + 7
	end := token(s, size)
	if n, ok := decimal(bytes.TrimSuffix(s[size:end], []byte("B"))); ok {
		p.addInt(nameBodySize, n)
	}
	if took, ok := bytes.CutPrefix(s[end:], []byte(" in ")); ok && len(took) > 0 {
		p.addText(nameDuration, p.spanOf(took))
	}
	if id.Len > 0 {
		p.addText(nameRequestID, id)
	}
}

// fasthttp takes the fields of what RequestCtx.Logger of valyala/fasthttp (1.6x)
// puts in front of a message:
//
//	0.002 #0000000400000001 - 10.0.0.1:80<->10.0.0.7:39322 - GET http://shop/x - text
func (p *Parser) fasthttp(i int) {
	s := p.src[:lineEnd(p.src, i)]
	e := token(s, i)
	if e+24 >= len(s) || s[e+1] != '#' || string(s[e+18:e+21]) != " - " {
		return
	}
	client := bytes.Index(s[e+21:], []byte("<->"))
	if client < 0 {
		return
	}
	client += e + 21 + 3
	end := token(s, client)
	method := end + 3
	if method >= len(s) || string(s[end:method]) != " - " {
		return
	}
	n := bytes.Index(s[method:], []byte(" - "))
	if n < 0 || !p.requestLine(p.span(method, method+n)) {
		return
	}
	p.addText(nameClient, p.host(client, end))
}

// datadogTracer parses what dd-trace-go (2.x) says of itself:
//
//	Datadog Tracer v2.12.0 ERROR: lost 1 traces: connection refused
func (p *Parser) datadogTracer(i int) bool {
	s := p.src
	const name = "Datadog Tracer v"
	if !bytes.HasPrefix(s[i:], []byte(name)) {
		return false
	}
	version := token(s, i+len(name))
	if version+1 >= len(s) {
		return false
	}
	lo, hi, rest, colon, number := opening(s[version+1:])
	if !colon {
		return false
	}
	p.r.Logger = p.span(i, version)
	p.r.Severity, p.r.SeverityText = number, p.span(version+1+lo, version+1+hi)
	p.message(version+1+rest, len(s))
	return true
}

// datadogFields takes the fields that a span of dd-trace-go is printed as, and
// those around them, from the end of the message at i, and returns where they
// start.
func (p *Parser) datadogFields(i int) (end int) {
	if s := p.src[i:]; bytes.IndexByte(s, '=') > 0 && bytes.Contains(s, []byte("dd.trace_id=")) {
		return p.tail(i, len(p.src))
	}
	return len(p.src)
}

// component takes the "[core] " of grpclog, behind the level, for the logger,
// and returns where the text starts.
func (p *Parser) component(i int) int {
	s := p.src
	if i >= len(s) || s[i] != '[' {
		return i
	}
	j := i + 1
	for j < len(s) && j < i+34 && (s[j]-'a' < 26 || s[j]-'0' < 10 || s[j] == '-' || s[j] == '_') {
		j++
	}
	if j == i+1 || j+1 >= len(s) || s[j] != ']' || s[j+1] != ' ' || s[i+1]-'a' > 25 {
		return i
	}
	p.r.Logger = p.span(i+1, j)
	return j + 2
}
