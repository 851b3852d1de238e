package format

import (
	"bytes"

	"shipper/internal/record"
)

// flexiLogger parses the formats of flexi_logger 0.31: default, opt, with the
// thread, and detailed:
//
//	LEVEL [target] message
//	[time] LEVEL [file:line] message
//	[time] T[thread] LEVEL [file:line] message
//	[time] LEVEL [target] file:line: message
func (p *Parser) flexiLogger() bool {
	s := p.src
	i := 0
	if s[0] == '[' {
		ns, n, source := p.clock.at(s[1:])
		if n == 0 || s[5] != '-' || n+3 >= len(s) || s[n+1] != ']' || s[n+2] != ' ' {
			return false
		}
		p.r.Time, p.r.TimeSource = ns, source
		i = n + 3
		if bytes.HasPrefix(s[i:], []byte("T[")) {
			e := bytes.Index(s[i:min(len(s), i+128)], []byte("] "))
			if e < 0 {
				return false
			}
			p.addText(nameThread, p.span(i+2, i+e))
			i += e + 2
		}
	}
	n, number := upperLevelAt(s[i:])
	next := i + n + 2
	simple := false // simple_logger without a time, whose level has a width
	if i == 0 && n > 0 {
		simple = p.hint == record.FormatSimpleLogger
		if n == 4 && next < len(s) && s[next-1] == ' ' && s[next] == '[' {
			next++
			simple = true
		}
	}
	if n == 0 || next >= len(s) || s[i+n] != ' ' || s[next-1] != '[' {
		return false
	}
	e := bytes.IndexByte(s[next:min(len(s), next+256)], ']')
	if e <= 0 || next+e+1 < len(s) && s[next+e+1] != ' ' {
		return false
	}
	e += next
	if bytes.IndexByte(s[next:e], '|') >= 0 {
		return false // geth's time
	}
	level := p.span(i, i+n)
	i = behindBracket(s, e)
	if simple {
		p.simpleTarget(next, e)
	} else if !p.takeSource(next, e) {
		p.r.Logger = p.span(next, e)
		i = p.sourceFile(i, ".rs")
	}
	p.r.Severity, p.r.SeverityText = number, level
	i = p.flexiPairs(i)
	p.r.Body = p.span(i+blanksAt(s, i), len(s)) // Teleport has columns
	return true
}

// flexiPairs takes the key-value pairs that may stand at i, and returns where
// the text behind them is:
//
//	{order_id=42, who="x y"} message
func (p *Parser) flexiPairs(i int) int {
	s := p.src
	if i+2 >= len(s) || s[i] != '{' {
		return i
	}
	n, at := 0, i+1
	for {
		v := &p.places[n]
		v.lo = at
		for at < len(s) && (s[at]|0x20 >= 'a' && s[at]|0x20 <= 'z' || s[at]-'0' < 10 || s[at] == '_' || s[at] == '.' || s[at] == '-' || s[at] == ':') {
			at++
		}
		if at == v.lo || at == len(s) || s[at] != '=' {
			return i
		}
		v.key = at
		if at++; at < len(s) && s[at] == '"' {
			if at, v.found = quoted(s, at+1); at < 0 {
				return i
			}
			at++
		}
		for at < len(s) && s[at] != ',' && s[at] != '}' && s[at] != '\n' {
			at++
		}
		v.hi = at
		if n++; n == maxPairs || at+1 >= len(s) || s[at+1] != ' ' {
			return i
		}
		if s[at] == '}' {
			break
		}
		if s[at] != ',' {
			return i
		}
		at += 2
	}
	for _, v := range p.places[:n] {
		f := record.Field{Key: p.span(v.lo, v.key)}
		if text := s[v.key+1 : v.hi]; len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
			f.Val = p.jsonText(text)
		} else {
			f = p.typed(f, v.key+1, v.hi)
		}
		k, hash := lookup(p.b.Bytes(f.Key))
		p.promoteHashed(k, hash, f)
	}
	return at + 2
}
