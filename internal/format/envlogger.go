package format

import (
	"bytes"

	"shipper/internal/record"
)

// envLogger parses the default format of env_logger 0.6 and later, with any of
// its parts left out but one, and that of 0.5:
//
//	[time LEVEL target] message
//	LEVEL time: target: message
//
// Lines of the message behind the first are indented by four. fern's documented
// format is the same, but the level has no width.
func (p *Parser) envLogger() bool {
	s := p.src
	if s[0] != '[' {
		return p.oldEnvLogger()
	}
	i := 1
	timed := false
	if ns, n, source := p.clock.at(s[1:]); n > 0 && s[5] == '-' && 1+n < len(s) && s[1+n] == ' ' {
		p.r.Time, p.r.TimeSource = ns, source
		timed = true
		i = n + 2
	}
	fern := p.hint == record.FormatFern
	n, number := upperLevelAt(s[i:])
	if n > 0 && timed && i+n < len(s) && s[i+n] == ']' { // without a target
		p.r.Severity, p.r.SeverityText = number, p.span(i, i+n)
		i += n
	} else if n > 0 && i+n < len(s) && s[i+n] == ' ' {
		p.r.Severity, p.r.SeverityText = number, p.span(i, i+n)
		if n == 4 && i+n+1 < len(s) {
			fern = timed && s[i+n+1] != ' ' && s[i+n+1] != ']'
		}
		for i += n; i < len(s) && s[i] == ' '; i++ {
		}
		if ns, n, source := p.clock.at(s[i:]); !timed && n > 0 && i+n < len(s) && s[i+n] == ' ' {
			p.r.Time, p.r.TimeSource = ns, source
			timed = true
			i += n + 1
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
	if fern {
		p.r.Format = record.FormatFern
	}
	module := target
	if file, line := fileLine(target); file > 0 && sourceFile(target[:file]) { // perhaps behind the module
		at := bytes.LastIndexByte(target[:file], ' ') + 1
		p.addPlace(p.span(i+at, i+file), line)
		module = bytes.TrimRight(target[:at], " ")
	} else if file > 0 && bytes.Contains(target[:file], []byte("::")) {
		p.b.AddField(record.IntField(nameLine, line))
		module = target[:file]
	} else if at := bytes.LastIndexByte(target, ' '); at > 0 && sourceFile(target[at:]) {
		p.addText(nameFile, p.span(i+at+1, i+len(target)))
		module = bytes.TrimRight(target[:at], " ")
	}
	if len(module) > 0 {
		p.r.Logger = p.span(i, i+len(module))
	}
	if e++; e < len(s) && s[e] != ' ' {
		return false
	}
	if !timed && len(s) > e+21 && s[e+11] == 'T' { // youki's, whose time is in front of the message
		if ns, n, source := p.clock.at(s[e+1:]); n > 0 && e+n+1 < len(s) && s[e+n+1] == ' ' {
			p.r.Time, p.r.TimeSource = ns, source
			e += n + 1
		}
	}
	p.envMessage(target, min(e+1, len(s)))
	return true
}

// oldEnvLogger parses the format of env_logger 0.5.
func (p *Parser) oldEnvLogger() bool {
	s := p.src
	level, number := upperLevelAt(s)
	if level == 0 || len(s) < level+22 || s[level] != ' ' || s[level+5] != '-' {
		return false
	}
	ns, n, source := p.clock.at(s[level+1:])
	i := level + 1 + n
	if n == 0 || i+1 >= len(s) || s[i] != ':' || s[i+1] != ' ' {
		return false
	}
	i += 2
	target := targetAt(s[i:])
	if target == 0 {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = number, p.span(0, level)
	p.r.Logger = p.span(i, i+target)
	p.envMessage(s[i:i+target], min(i+target+2, len(s)))
	return true
}

// envMessage takes the message from i on, and what the well-known targets have
// in it.
func (p *Parser) envMessage(target []byte, i int) {
	p.r.Body = p.outdented(i)
	s := p.src[i:]
	switch {
	case len(target) > 5 && target[0] == 'a' && string(target[:6]) == "actix_":
		p.actixAccess(i)
	case len(s) > 11 && s[0] == 'd' && string(s[:11]) == "datapoint: ":
		p.datapoint(i)
	}
}

// actixAccess takes the parts of a line of actix-web's Logger (4.x):
//
//	127.0.0.1:54184 "GET /x HTTP/1.1" 400 15 "-" "curl/8" 0.002036
func (p *Parser) actixAccess(i int) {
	s := p.src
	address := token(s, i)
	if address == i || address+2 >= len(s) || s[address+1] != '"' {
		return
	}
	request := address + 2
	e, found := quoted(s, request)
	method := token(s, request)
	if e < 0 || found&escapes != 0 || e+4 >= len(s) || s[e+1] != ' ' || method >= e || !httpMethod(s[request:method]) {
		return
	}
	path := token(s, method+1)
	status := token(s, e+2)
	code, ok := decimal(s[e+2 : status])
	if path >= e || !ok || code < 100 || code > 999 {
		return
	}
	client := address
	if j := bytes.LastIndexByte(s[i:address], ':'); j > 0 {
		client = i + j
	}
	p.addText(nameClient, p.span(i, client))
	p.addText(nameMethod, p.span(request, method))
	p.addText(nameURL, p.span(method+1, path))
	p.b.AddField(record.IntField(nameStatus, int64(code)))
	size := token(s, min(status+1, len(s)))
	if size+2 >= len(s) || s[size+1] != '"' {
		return
	}
	referer, _ := quoted(s, size+2)
	if referer < 0 || referer+3 >= len(s) || s[referer+2] != '"' {
		return
	}
	if end, f := quoted(s, referer+3); end > referer+3 && f&escapes == 0 && string(s[referer+3:end]) != "-" {
		p.addText(nameAgent, p.span(referer+3, end))
	}
}

// datapoint takes the pairs of one of Solana's datapoints, integers of which
// end in an i:
//
//	datapoint: name,tag=value count=1i mean=0.5 text="..."
func (p *Parser) datapoint(i int) {
	s := p.src
	i += len("datapoint: ")
	name := i
	for name < len(s) && s[name] != ' ' && s[name] != ',' {
		name++
	}
	for j := name; j < len(s); {
		if s[j] == ' ' || s[j] == ',' {
			j++
			continue
		}
		key, next, ok := p.pairKey(j)
		if !ok {
			return
		}
		end := next
		f := record.Field{Key: key}
		if next < len(s) && s[next] == '"' {
			if end, _ = quoted(s, next+1); end < 0 {
				return
			}
			f.Val = p.jsonText(s[next : end+1])
			end++
		} else {
			for end < len(s) && s[end] != ' ' && s[end] != ',' {
				end++
			}
			f = p.typed(f, next, end)
			if end > next+1 && s[end-1] == 'i' {
				if e, integer, n := number(s[:end-1], next); integer && e == end-1 {
					f = record.IntField(key, n)
				}
			}
		}
		p.add(f)
		j = end
	}
	p.r.Body = p.span(i-len("datapoint: "), name)
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
