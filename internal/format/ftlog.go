package format

import "bytes"

// ftlog takes what the library of that name writes behind a time, at i: how late
// it did, the level, the thread and the place.
//
//	2022-04-08 19:20:48.190+08 298ms INFO main [src/ftlog.rs:14] message
func (p *Parser) ftlog(i int) bool {
	s := p.src
	i += blanksAt(s, i)
	e := token(s, i)
	if _, ok := decimal(bytes.TrimSuffix(s[i:e], []byte("ms"))); !ok || s[e-1] != 's' || e+1 >= len(s) {
		return false
	}
	level := e + 1
	n, number := upperLevelAt(s[level:])
	open := level + bytes.Index(s[level:min(len(s), level+96)], []byte(" ["))
	if n == 0 || open <= level+n {
		return false
	}
	hi := open + bytes.IndexByte(s[open:min(len(s), open+256)], ']')
	if hi < open+3 || hi+2 > len(s) {
		return false
	}
	file, line := fileLine(s[open+2 : hi])
	if file == 0 {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, p.span(level, level+n)
	p.addText(nameThread, p.span(level+n+1, open))
	p.addPlace(p.span(open+2, open+2+file), line)
	p.r.Body = p.span(behindBracket(s, hi), len(s))
	return true
}
