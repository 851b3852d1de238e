package format

import (
	"bytes"

	"shipper/internal/record"
)

// coreDNS parses what CoreDNS (1.x) writes without a time:
//
//	[ERROR] plugin/errors: 2 example.org. A: read udp 10.0.0.7:36807->10.0.0.10:53: i/o timeout
//	[INFO] 10.0.0.7:56799 - 51264 "A IN example.org. udp 52 false 512" NXDOMAIN qr,rd,ra 52 0.001029851s
func (p *Parser) coreDNS() bool {
	return p.coreDNSMessage(0)
}

// coreDNSMessage parses a level in brackets and a message of CoreDNS's from i
// on. Versions before 1.5 wrote a time in front of it.
func (p *Parser) coreDNSMessage(i int) bool {
	s := p.src
	if len(s)-i < 8 || s[i] != '[' || s[i+1]-'A' > 'Z'-'A' {
		return false
	}
	lo, hi, rest, _, number := opening(s[i:])
	if number == 0 || i+rest >= len(s) {
		return false
	}
	text := i + rest
	body, query := text, 0
	switch c := s[text]; {
	case c == 'p' && bytes.HasPrefix(s[text:], []byte("plugin/")):
		n := bytes.IndexByte(s[text:min(len(s), text+64)], ':')
		if n < 0 || bytes.IndexByte(s[text:text+n], ' ') >= 0 {
			return false
		}
		p.r.Logger = p.span(text, text+n)
		if body = text + n + 1; body < len(s) && s[body] == ' ' {
			body++
		}
	case c == 'C' && bytes.HasPrefix(s[text:], []byte("CoreDNS-")):
	default:
		if query = dnsQuery(s[text:]); query == 0 && p.hint != record.FormatCoreDNS {
			return false
		}
	}
	p.r.Format = record.FormatCoreDNS
	p.r.Severity, p.r.SeverityText = number, p.span(i+lo, i+hi)
	if query > 0 {
		p.dnsFields(text, text+query)
	}
	p.message(body, len(s))
	return true
}

// dnsQuery returns where the question starts in s, if it is a line of the
// plugin log in its usual form, 0 otherwise: address:port - id "A IN name. ".
func dnsQuery(s []byte) int {
	i := bytes.Index(s[:min(len(s), 64)], []byte(" - "))
	if i < 3 || s[i-1]-'0' > 9 {
		return 0
	}
	for i += 3; i < len(s) && s[i]-'0' < 10; i++ {
	}
	if i+2 >= len(s) || s[i] != ' ' || s[i+1] != '"' {
		return 0
	}
	return i + 2
}

// dnsFields takes the fields of the line of a query at lo, whose question is at i.
func (p *Parser) dnsFields(lo, i int) {
	s := p.src
	p.addText(nameClient, p.host(lo, lo+bytes.IndexByte(s[lo:], ' ')))
	end := bytes.IndexByte(s[i:lineEnd(s, i)], '"')
	if end < 0 {
		return
	}
	question := s[i : i+end]
	if a := bytes.IndexByte(question, ' '); a > 0 { // type
		if b := bytes.IndexByte(question[a+1:], ' '); b > 0 { // class
			name := i + a + 1 + b + 1
			p.addText(nameQuestion, p.span(name, token(s, name)))
		}
	}
	last := bytes.LastIndexByte(s[i:lineEnd(s, i)], ' ') + i + 1
	if d := s[last:lineEnd(s, i)]; len(d) > 2 && d[len(d)-1] == 's' && d[0]-'0' < 10 {
		p.addText(nameDuration, p.span(last, last+len(d)))
	}
}
