package format

import "bytes"

// cdrSlog takes what cdr.dev/slog (1.4) writes for people behind a level in
// brackets, at i:
//
//	2026-11-23 06:25:41.123 [INFO]	(coderd)	<a/b.go:12>	run	message
func (p *Parser) cdrSlog(i int) bool {
	s := p.src
	if i == len(s) || s[i] != '(' && s[i] != '<' || s[i-1] != '\t' {
		return false
	}
	line := lineEnd(s, i)
	if s[i] == '(' {
		e := bytes.Index(s[i:line], []byte(")\t<"))
		if e < 0 {
			return false
		}
		p.r.Logger = p.span(i+1, i+e)
		i += e + 2
	}
	e := bytes.Index(s[i:line], []byte(">\t"))
	if e < 0 {
		return false
	}
	name, number := fileLine(s[i+1 : i+e])
	function := i + e + 2
	e = bytes.IndexByte(s[function:line], '\t')
	if name == 0 || e < 0 {
		return false
	}
	p.addPlace(p.span(i+1, i+1+name), number)
	p.addText(nameFunction, p.span(function, function+e))
	p.message(function+e+1, len(s))
	return true
}
