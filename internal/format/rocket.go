package format

import (
	"bytes"

	"shipper/internal/record"
)

// rocket parses what Rocket (0.4 and 0.5) writes of requests, without its
// pictures and colours or with them:
//
//	GET /path text/html:
//	   >> Matched: (index) GET /
//	   >> Outcome: Success(200 OK)
func (p *Parser) rocket() bool {
	s := p.src
	if s[0] == ' ' {
		return bytes.HasPrefix(s, []byte("   >> ")) && p.rocketDetail(0)
	}
	line := s[:lineEnd(s, 0)]
	if p.rocketStart(line) {
		return true
	}
	e := bytes.IndexByte(line[:min(len(line), 8)], ' ')
	if e < 3 || !httpMethod(line[:e]) || e+1 >= len(line) || line[e+1] != '/' || line[len(line)-1] != ':' {
		return false
	}
	path := e + 1
	end := path
	for end < len(line)-1 && line[end] != ' ' {
		end++
	}
	if bytes.IndexByte(line[min(end+1, len(line)):], ' ') >= 0 {
		return false // a sentence
	}
	p.addText(nameMethod, p.span(0, e))
	p.addText(nameURL, p.span(path, end))
	p.r.Body = p.span(0, len(s))
	if len(line) < len(s) {
		p.rocketDetail(len(line) + 1)
	}
	return true
}

// rocketStart parses the lines that Rocket writes when it starts, with a
// picture in front or without.
func (p *Parser) rocketStart(line []byte) bool {
	text := line
	for len(text) > 0 && (text[0] >= 0x80 || text[0] == ' ') {
		text = text[1:]
	}
	known := bytes.HasPrefix(text, []byte("Rocket has launched ")) ||
		bytes.HasPrefix(text, []byte("Configured for ")) && text[len(text)-1] == '.'
	if !known && (len(text) == len(line) || len(text) == 0) && p.hint != record.FormatRocket {
		return false
	}
	switch string(text) {
	case "Routes:", "Fairings:", "Catchers:", "Shield:", "Templating:":
		known = true
	}
	if known {
		p.r.Body = p.span(0, len(p.src))
	}
	return known
}

// rocketDetail takes the status from the lines ">> Outcome: Success(200 OK)" from i on.
func (p *Parser) rocketDetail(i int) bool {
	s := p.src
	if i == 0 {
		p.r.Body = p.span(len("   >> "), len(s))
	}
	if j := bytes.Index(s[i:], []byte(">> Outcome: ")); j >= 0 {
		rest := s[i+j : lineEnd(s, i+j)]
		if k := bytes.IndexByte(rest, '('); k > 0 && len(rest) > k+4 {
			if code, ok := decimal(rest[k+1 : k+4]); ok && code >= 100 {
				p.b.AddField(record.IntField(nameStatus, int64(code)))
			}
		}
	}
	return true
}

// httpMethod reports whether word is a method of HTTP.
func httpMethod(word []byte) bool {
	switch string(word) {
	case "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE":
		return true
	}
	return false
}
