package format

import (
	"bytes"

	"shipper/internal/record"
)

// hickory takes the level, the target, the line and the message at i, with
// colons between, behind the time ns, as Hickory DNS writes them:
//
//	1504392424:INFO:named:240:message
func (p *Parser) hickory(ns int64, i int) {
	s := p.src
	n, number := upperLevelAt(s[i:])
	target := i + n + 1
	if n == 0 || target >= len(s) || s[target-1] != ':' {
		return
	}
	e, file, line := target, 0, int64(0)
	for end := pathEnd(s, target); file == 0; e++ {
		j := bytes.IndexByte(s[e:end], ':')
		if j < 0 {
			return
		}
		e += j
		file, line = fileLine(s[target:e])
	}
	e--
	p.r.Time, p.r.TimeSource = ns, record.TimeLine
	p.r.Severity, p.r.SeverityText = number, p.span(i, i+n)
	p.r.Logger = p.span(target, target+file)
	p.b.AddField(record.IntField(nameLine, line))
	p.r.Body = p.span(e+1, len(s))
}
