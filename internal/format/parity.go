package format

import "bytes"

// parity takes the thread, the level and the target at i, behind a time, as
// Parity and Substrate before 2.0 wrote them, or the place, the level and the
// target, as Apollo's router writes them:
//
//	2018-08-06 11:00:11  IO Worker #3 INFO import  message
//	2026-11-23 06:25:41.007 src/a.rs:12 INFO app::module: message
func (p *Parser) parity(i int) bool {
	s := p.src
	lo := i + blanksAt(s, i)
	for at := lo; at > i && at < len(s) && at < lo+48; {
		e := token(s, at)
		if e == len(s) {
			return false
		}
		n, number := upperLevelAt(s[at:])
		if at = e + 1; n == 0 || e-n == lo {
			continue
		}
		level := e - n
		target := token(s, at)
		if n, line := fileLine(s[lo:trimBack(s, lo, level)]); n > 0 && sourceFile(s[lo:lo+n]) && target > at && s[target-1] == ':' {
			p.addPlace(p.span(lo, lo+n), line)
			p.r.Severity, p.r.SeverityText = number, p.span(level, e)
			p.r.Logger = p.span(at, target-1)
			p.r.Body = p.span(min(target+1, len(s)), len(s))
			return true
		}
		if target == at || !bytes.HasPrefix(s[target:], []byte("  ")) || pathEnd(s, at) != target {
			return false
		}
		p.addText(nameThread, p.span(lo, trimBack(s, lo, level)))
		p.r.Severity, p.r.SeverityText = number, p.span(level, e)
		p.r.Logger = p.span(at, target)
		p.r.Body = p.span(target+2, len(s))
		return true
	}
	return false
}
