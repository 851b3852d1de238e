package format

import (
	"bytes"

	"shipper/internal/record"
)

// accessLog parses the Common Log Format and what Apache calls "combined", as
// gorilla/handlers (1.5), Traefik and others write them:
//
//	10.0.0.7 - ann [23/Nov/2026:06:25:41 +0000] "GET /a?b=1 HTTP/1.1" 200 5120 "https://shop.example/" "curl/8.5.0"
//
// A status is no level: these records have none. InfluxDB has "[httpd] " in front.
func (p *Parser) accessLog() bool {
	whole, base := p.src, p.base
	if e := bytes.IndexByte(whole[:min(len(whole), 32)], ']'); whole[0] == '[' && e > 1 && e+2 < len(whole) && whole[e+1] == ' ' {
		p.src, p.base = whole[e+2:], base+uint32(e+2)
		if p.common() {
			p.r.Logger = record.Span{Off: base + 1, Len: uint32(e - 1)}
			return true
		}
		p.src, p.base = whole, base
		return false
	}
	return p.common()
}

// common is accessLog for what has nothing in front.
func (p *Parser) common() bool {
	s := p.src
	at := bytes.IndexByte(s[:min(len(s), 160)], '[') + 1
	if at < 6 || len(s)-at < 34 || s[at+2] != '/' || s[at-2] != ' ' || string(s[at+26:at+29]) != `] "` {
		return false
	}
	ns, ok := commonTime(s[at:])
	if !ok {
		return false
	}
	client := bytes.IndexByte(s, ' ')
	user := client + 1 + bytes.IndexByte(s[client+1:], ' ') + 1 // behind the identity
	if client == 0 || user > at-2 {
		return false
	}
	request := at + 29
	e, found := quoted(s, request)
	if e < 0 || e+5 > len(s) || s[e+1] != ' ' {
		return false
	}
	status, ok := decimal(s[e+2 : e+5])
	if !ok {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, record.TimeLine
	p.r.Body = p.span(0, len(s))
	p.addText(nameClient, p.span(0, client))
	if user < at-2 && string(s[user:at-2]) != "-" {
		p.addText(nameUser, p.span(user, at-2))
	}
	p.requestLine(p.unquoted(request, e, found))
	p.addInt(nameStatus, status)
	i := e + 6
	if i >= len(s) || s[e+5] != ' ' {
		return true
	}
	end := token(s, i)
	if size, ok := decimal(s[i:end]); ok {
		p.addInt(nameBodySize, size)
	}
	for _, name := range [...]record.Span{nameReferer, nameAgent} {
		if end+2 >= len(s) || s[end] != ' ' || s[end+1] != '"' {
			break
		}
		e, found := quoted(s, end+2)
		if e < 0 {
			break
		}
		if text := p.unquoted(end+2, e, found); text.Len > 0 && string(p.b.Bytes(text)) != "-" {
			p.addText(name, text)
		}
		end = e + 1
	}
	return true
}

// unquoted returns the text src[lo:hi] of a string in which quoted found that.
func (p *Parser) unquoted(lo, hi int, found uint8) record.Span {
	if found&escapes != 0 {
		return p.unescaped(p.src[lo:hi])
	}
	return p.span(lo, hi)
}

// requestLine takes the method and the target of "GET /path HTTP/1.1".
func (p *Parser) requestLine(line record.Span) bool {
	text := p.b.Bytes(line)
	n := methodAt(text)
	if n == 0 || n == len(text) || text[n] != ' ' {
		return false
	}
	end := len(text)
	if i := bytes.LastIndex(text, []byte(" HTTP/")); i > n {
		end = i
	}
	p.addText(nameMethod, record.Span{Off: line.Off, Len: uint32(n)})
	p.addText(nameURL, record.Span{Off: line.Off + uint32(n+1), Len: uint32(max(end-n-1, 0))})
	return true
}

// methodAt returns the length of the method of HTTP that s starts with.
func methodAt(s []byte) int {
	n := 0
	for n < len(s) && n < 16 && s[n]-'A' <= 'Z'-'A' {
		n++
	}
	if n < 3 {
		return 0
	}
	return n
}

// host returns the Span of src[lo:hi] without the port and brackets.
func (p *Parser) host(lo, hi int) record.Span {
	s := p.src[lo:hi]
	if i := bytes.LastIndexByte(s, ':'); i > 0 && (bytes.IndexByte(s, ':') == i || s[i-1] == ']') {
		s = s[:i]
	}
	if n := len(s); n > 2 && s[0] == '[' && s[n-1] == ']' {
		s = s[1 : n-1]
	}
	return p.spanOf(s)
}

// commonTime parses the 23/Nov/2026:06:25:41 +0000 that s, of at least 26
// bytes, starts with.
func commonTime(s []byte) (ns int64, ok bool) {
	if s[6] != '/' || s[11] != ':' || s[20] != ' ' {
		return 0, false
	}
	day, ok1 := two(s)
	month := monthNumber(s[3:])
	century, ok2 := two(s[7:])
	year, ok3 := two(s[9:])
	sec, _, n, ok4 := timeOfDay(s[12:20])
	off, zone := zoneOffset(s[21:26])
	if !ok1 || !ok2 || !ok3 || !ok4 || n != 8 || zone != 5 || month == 0 || day < 1 || day > 31 {
		return 0, false
	}
	return (days(century*100+year, month, day)*86400 + sec - off) * 1e9, true
}

// addInt adds a number that a format has in a place of its own, unless it is
// beyond 63 bits.
func (p *Parser) addInt(name record.Span, n uint64) {
	if n <= 1<<63-1 {
		p.b.AddField(record.IntField(name, int64(n)))
	}
}
