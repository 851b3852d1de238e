package format

import (
	"bytes"

	"shipper/internal/record"
)

// textBody takes what stands between the level, or the time, that ends at i and
// the message, and the message:
//
//	[/core/main.go:12]: message
//	(pkg/a.go:12 in run) | message
//	client/a.go:12: message
//	src/a.rs:12 — message
//	app::module - message
//	▶ [module] 5a2 message
//	[trace_id=85bde1d7ab21ca4fb3de669f38512bd7] message
//	file=server/server.go:150 level=info message
//	[app::module:12] message
func (p *Parser) textBody(i int) {
	s := p.src
	end := i + blanksAt(s, i) // as wide as others
	closed := end < len(s) && s[end] == ']'
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == ']' || s[i] == '|' || s[i] == ':') {
		i++
	}
	if closed && i < len(s) && s[i] == '[' {
		if i+2 < len(s) && s[i+1] == '/' {
			i = p.bracketPlace(i)
		} else if p.r.Severity > 0 && s[0] == '[' { // Alacritty before 0.11
			p.r.Body = p.span(i, len(s))
			p.textTarget(false)
			return
		}
	}
	if p.r.Severity > 0 {
		if closed && p.cdrSlog(i) {
			return
		}
		i = p.placeOrPath(i)
	}
	i = p.bracketTrace(p.goLoggingID(i))
	p.r.Body = p.span(p.leadingPairs(i), len(s))
	if p.r.Severity > 0 && p.r.Logger.Len == 0 {
		p.textTarget(true)
	}
}

// bracketPlace takes the "[/a/b.go:12]: " at i, and returns the index behind it,
// i if there is none.
func (p *Parser) bracketPlace(i int) int {
	s := p.src
	e := bytes.IndexByte(s[i:min(len(s), i+256)], ']')
	if !p.takePlace(i+1, i+max(e, 1)) {
		return i
	}
	for i += e + 1; i < len(s) && (s[i] == ':' || s[i] == ' '); i++ {
	}
	return i
}

// placeOrPath takes the place in the code or the path of a module at i, behind a
// level and perhaps a dash, and returns the index behind it, i if there is none.
func (p *Parser) placeOrPath(i int) int {
	s := p.src
	if i < len(s) && s[i] == '(' {
		return p.barredPlace(i)
	}
	if bytes.HasPrefix(s[i:], []byte("- ")) {
		i += len("- ")
	}
	i = p.sourcePlace(i)
	if p.r.Logger.Len == 0 {
		if e := p.anglePath(i); e > i {
			return e
		}
	}
	if e := p.barredPath(i); e > i {
		return e
	}
	if p.r.Logger.Len == 0 {
		return p.pathDash(i)
	}
	return i
}

// barredPlace takes the "(file:line in function) | " at i, and returns the index
// behind it, i if there is none.
func (p *Parser) barredPlace(i int) int {
	s := p.src
	e := bytes.Index(s[i:min(len(s), i+256)], []byte(") | "))
	in := bytes.Index(s[i:i+max(e, 0)], []byte(" in "))
	if in < 0 {
		return i
	}
	if !p.takePlace(i+1, i+in) {
		return i
	}
	p.addText(nameFunction, p.span(i+in+len(" in "), i+e))
	return i + e + len(") | ")
}

// sourcePlace takes the "a/b.go:12: " or "a/b.rs:12 " at i, and returns the index
// behind it, i if there is none.
func (p *Parser) sourcePlace(i int) int {
	s := p.src
	e := token(s, i)
	place := bytes.TrimSuffix(s[i:e], []byte(":"))
	n, line := fileLine(place)
	if n < 4 || e == len(s) || s[i] == '[' || s[e] != ' ' || string(place[n-3:n]) != ".go" && string(place[n-3:n]) != ".rs" {
		return i
	}
	p.addPlace(p.span(i, i+n), line)
	for _, dash := range [...]string{" — ", " - "} {
		if bytes.HasPrefix(s[e:], []byte(dash)) {
			return e + len(dash)
		}
	}
	return e + blanksAt(s, e)
}

// anglePath takes the "a::b > " at i, as WezTerm writes it, and returns the index
// behind it, i if there is none.
func (p *Parser) anglePath(i int) int {
	e := pathEnd(p.src, i)
	if e == i || !bytes.HasPrefix(p.src[e:], []byte(" > ")) {
		return i
	}
	p.r.Logger = p.span(i, e)
	return e + len(" > ")
}

// barredPath takes the "a::b | ", "a   | " or "a::b:12 | " at i, as Nimiq writes
// it, and returns the index behind it, i if there is none.
func (p *Parser) barredPath(i int) int {
	s := p.src
	e := pathEnd(s, i)
	bar := e + blanksAt(s, e)
	if e == i || !bytes.HasPrefix(s[bar:], []byte("| ")) || bar < e+2 && !bytes.Contains(s[i:e], []byte("::")) {
		return i
	}
	p.r.Logger = p.span(i, e)
	if n, line := fileLine(s[i:e]); n > 0 {
		p.r.Logger = p.span(i, i+n)
		p.b.AddField(record.IntField(nameLine, line))
	}
	return bar + len("| ")
}

// barePath takes the path of a module at i, "a::b" or "a::b:", in front of the message, and
// returns the index behind it, i if there is none.
func (p *Parser) barePath(i int) int {
	s := p.src
	e := pathEnd(s, i)
	if e < i+4 || e+1 >= len(s) || s[e] != ' ' {
		return i
	}
	hi := e
	if s[hi-1] == ':' {
		hi--
	}
	if s[hi-1] == ':' || !bytes.Contains(s[i:hi], []byte("::")) {
		return i
	}
	p.r.Logger = p.span(i, hi)
	return e + blanksAt(s, e)
}

// pathDash is barePath for a path that a dash may follow, as in Grin's lines.
func (p *Parser) pathDash(i int) int {
	e := p.barePath(i)
	if e > i && bytes.HasPrefix(p.src[e:], []byte("- ")) {
		e += len("- ")
	}
	return e
}

// pathEnd returns the index behind the path of a module, "a::b", at i.
func pathEnd(s []byte, i int) int {
	for i < len(s) && (isIdent(s[i]) || s[i] == ':') {
		i++
	}
	return i
}

// goLoggingID takes the "▶ [module] 5a2 " at i, of op/go-logging as Vikunja has
// set it, and returns the index behind it, or behind the "▶ " if that is all
// there is of it, i if there is none.
func (p *Parser) goLoggingID(i int) int {
	s := p.src
	rest, ok := bytes.CutPrefix(s[i:], []byte("▶ ["))
	if !ok {
		return i
	}
	i += len("▶ ")
	e := bytes.IndexByte(rest[:min(len(rest), 64)], ']') + len("[") + i
	id := token(s, min(e+2, len(s)))
	if e <= i+1 || id == len(s) || id <= e+2 || s[e+1] != ' ' {
		return i
	}
	p.r.Logger = p.span(i+1, e)
	p.addText(p.b.AddString("id"), p.span(e+2, id))
	return id + 1
}

// bracketTrace takes the "[trace_id=85bde1d7ab21ca4fb3de669f38512bd7] " at i, of
// Apollo's router, and returns the index behind it, i if there is none.
func (p *Parser) bracketTrace(i int) int {
	const sign = "[trace_id="
	s := p.src
	lo := i + len(sign)
	if len(s) < lo+34 || string(s[i:lo]) != sign || s[lo+32] != ']' || s[lo+33] != ' ' || !p.setTrace(s[lo:lo+32], rankOther, false) {
		return i
	}
	return lo + 34
}

// leadingPairs takes the pairs at i, of which one is a level, in front of a
// message, as go-micro writes them, and returns where the message starts:
//
//	file=server/server.go:150 level=info service=micro Registering
func (p *Parser) leadingPairs(i int) int {
	s := p.src[:lineEnd(p.src, i)]
	if p.r.Severity > 0 || !bytes.HasPrefix(s[i:], []byte("file=")) && !bytes.HasPrefix(s[i:], []byte("level=")) {
		return i
	}
	end, leveled := i, false
	for end < len(s) {
		e := token(s, end)
		eq := bytes.IndexByte(s[end:e], '=')
		if eq <= 0 || identEnd(s, end) != end+eq {
			break
		}
		leveled = leveled || string(s[end:end+eq]) == "level" && severityWord(s[end+eq+1:e]) > 0
		end = skipBlanks(s, e)
	}
	if !leveled || end >= len(s) {
		return i
	}
	for i < end {
		key, next, ok := p.pairKey(i)
		if !ok {
			break
		}
		k, hash := lookup(p.b.Bytes(key))
		f, next, _ := p.pairValue(key, next)
		p.pair(k, hash, f)
		i = skipBlanks(s, next)
	}
	p.settle(record.FormatText)
	return i
}

// textTarget takes the "[target] " or "[target:line] " that the body starts with;
// path says that it has to be a path.
func (p *Parser) textTarget(path bool) {
	body := p.b.Bytes(p.r.Body)
	e := bytes.IndexByte(body, ']')
	if e < 2 || body[0] != '[' || e+2 >= len(body) || !rustTarget(body[1:e]) || bytes.IndexByte(body[:e], ' ') >= 0 || path && !bytes.Contains(body[:e], []byte("::")) {
		return
	}
	p.r.Logger = record.Span{Off: p.r.Body.Off + 1, Len: uint32(e - 1)}
	if n, line := fileLine(body[1:e]); n > 0 {
		p.r.Logger.Len = uint32(n)
		p.b.AddField(record.IntField(nameLine, line))
	}
	text := uint32(behindBracket(body, e))
	p.r.Body = record.Span{Off: p.r.Body.Off + text, Len: p.r.Body.Len - text}
}
