package format

import (
	"bytes"

	"shipper/internal/record"
)

// tidb parses the unified log format of TiDB, TiKV and PD (RFC 2018-12-19 of
// tikv/rfcs):
//
//	[2026/11/23 06:21:59.691 +00:00] [INFO] [logger] [file:line] ["message"] [key=value] ["a key"="a value"]
func (p *Parser) tidb() bool {
	s := p.src
	if len(s) < 30 || s[1]-'0' > 9 || s[5] != '/' {
		return false
	}
	ns, n, source := p.clock.at(s[1:])
	level := n + 4 // behind "] ["
	if n == 0 || level >= len(s) || string(s[n+1:level]) != "] [" {
		return false
	}
	e := bytes.IndexByte(s[level:min(len(s), level+10)], ']')
	if e <= 0 || level+e+1 < len(s) && !bytes.HasPrefix(s[level+e+1:], []byte(" [")) {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = severityWord(s[level:level+e]), p.span(level, level+e)
	p.tidbParts(level + e + 1)
	return true
}

// tidbParts takes the parts in brackets from i on: the logger, the place, the
// message, and pairs.
func (p *Parser) tidbParts(i int) {
	s := p.src
	placed := false
	var waiting record.Span // the logger or the message
	for i < len(s) && s[i] != '\n' {
		if s[i] == ' ' && i+1 < len(s) && s[i+1] == '[' {
			i++
		}
		if s[i] != '[' { // what an encoder left behind a value
			j := bytes.Index(s[i:lineEnd(s, i)], []byte(" ["))
			if j < 0 {
				i = lineEnd(s, i)
				break
			}
			i += j + 1
			continue
		}
		at := i + 1
		if g := &p.pairKeys[p.head.keys%uint8(len(p.pairKeys))]; g.length > 0 && g.is(s, at, '=') {
			p.head.keys++
			i = p.tidbPair(p.span(at, at+g.length), g.key, g.hash, at+g.length+1) + 1
			continue
		}
		text, next, ok := p.tidbToken(at, true)
		if !ok {
			break
		}
		if s[next] == '=' {
			name := p.b.Bytes(text)
			k, hash := lookup(name)
			if s[at] != '"' {
				p.pairKeys[p.head.keys%uint8(len(p.pairKeys))] = pairGuess(name, k, hash)
			}
			p.head.keys++
			next = p.tidbPair(text, k, hash, next+1)
		} else if p.r.Body.Len == 0 {
			raw := s[at] != '"'
			switch name, line := fileLine(s[at:next]); {
			case placed || !raw:
				p.r.Body = text
			case name > 0:
				p.addPlace(p.span(at, at+name), line)
				p.r.Logger, placed = waiting, true
			case string(s[at:next]) == "<unknown>":
				placed = true
			case waiting.Len > 0:
				p.r.Body = text
			default:
				waiting = text
			}
		}
		i = next + 1
	}
	if p.r.Body.Len == 0 && !placed {
		p.r.Body = waiting
	}
	p.behindHeader(i)
}

// tidbToken returns the text of a key, a value or a message at i, in quotes or
// not, and the index of the equals sign or bracket behind it.
func (p *Parser) tidbToken(i int, key bool) (text record.Span, next int, ok bool) {
	s := p.src
	if i < len(s) && s[i] == '"' {
		e, found := quoted(s, i+1)
		if e < 0 || e+1 >= len(s) || s[e+1] != ']' && (!key || s[e+1] != '=') {
			return text, i, false
		}
		text = p.span(i+1, e)
		if found&escapes != 0 {
			text = p.unescaped(s[i+1 : e])
		}
		return text, e + 1, true
	}
	next = i
	for next < len(s) && s[next] != ']' && s[next] != '\n' && (!key || s[next] != '=') {
		next++
	}
	return p.span(i, next), next, next < len(s) && s[next] != '\n'
}

// tidbPair adds a pair whose value is at i, and returns the index of the bracket
// behind it. The key comes with what lookup gave.
func (p *Parser) tidbPair(name record.Span, k key, hash uint, i int) int {
	s := p.src
	val, next, ok := p.tidbToken(i, false)
	if !ok {
		return lineEnd(s, i) - 1
	}
	f := record.Field{Key: name, Val: val}
	if s[i] != '"' {
		f = p.typed(f, i, next)
	}
	if f.Kind == record.Int && f.Key.Len == uint32(len("thread_id")) && string(p.b.Bytes(f.Key)) == "thread_id" {
		f.Key = nameThreadID // TiKV's
		p.b.AddField(f)
		return next
	}
	p.promoteHashed(k, hash, f)
	return next
}

// behindHeader takes the lines behind a record whose format has only one: the
// trace of a goroutine, or more of the message.
func (p *Parser) behindHeader(i int) {
	s := p.src
	if i >= len(s) {
		return
	}
	rest := s[i:]
	if bytes.HasPrefix(rest, []byte("\ngoroutine ")) || goStack(s, i, len(s)) == i {
		p.addStack(i, len(s))
		return
	}
	at := len(p.b.Arena)
	p.b.Arena = append(p.b.Arena, p.b.Bytes(p.r.Body)...)
	p.b.Arena = append(p.b.Arena, rest...)
	p.r.Body = record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
}
