package format

import (
	"bytes"

	"shipper/internal/record"
)

// mattermost parses what Mattermost writes for people:
//
//	info  [2026-11-23 06:25:41.123 Z] message    key=value
func (p *Parser) mattermost() bool {
	s := p.src
	hi := 0
	for hi < len(s) && hi < 8 && s[hi]-'a' < 26 {
		hi++
	}
	i := hi + blanksAt(s, hi)
	if hi < 4 || i == hi || i+24 > len(s) || s[i] != '[' {
		return false
	}
	number := severityWord(s[:hi])
	ns, n, source := p.clock.at(s[i+1:])
	if number == 0 || n == 0 {
		return false
	}
	i += 1 + n
	if bytes.HasPrefix(s[i:], []byte(" Z]")) {
		i, ns, source = i+2, ns+p.clock.offsetAt(ns/1e9)*1e9, record.TimeLine
	}
	if i+1 >= len(s) || s[i] != ']' || s[i+1] != ' ' {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = number, p.span(0, hi)
	end := p.behind(i+2, len(s), jsonValues)
	p.r.Body = p.span(i+2, end)
	p.settle(record.FormatText)
	return true
}
