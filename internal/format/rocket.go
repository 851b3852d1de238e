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
