package format

import (
	"bytes"

	"shipper/internal/record"
)

// fern parses the format that fern's documentation had up to 0.6, and that many
// programs have from there:
//
//	[2026-11-23][06:33:44][target][LEVEL] message
//	[2026-11-23 06:33:44.970][target][LEVEL] message
//
// The one since then is env_logger's but for the width of the level.
func (p *Parser) fern() bool {
	s := p.src
	if len(s) < 24 || s[5] != '-' || s[11] != ']' && s[11] != ' ' {
		return false
	}
	i := 12
	if s[11] == ']' && s[12] == '[' {
		i++
	}
	day, ok := date(s[1:])
	sec, frac, n, timed := timeOfDay(s[i:])
	i += n
	if !ok || !timed || s[8] != '-' || i+1 >= len(s) || s[i] != ']' || s[i+1] != '[' {
		return false
	}
	target := i + 2
	e := bytes.Index(s[target:min(len(s), target+256)], []byte("]["))
	if e < 0 {
		return false
	}
	e += target
	n, number := upperLevelAt(s[e+2:])
	end := e + 2 + n
	if n == 0 || end >= len(s) || s[end] != ']' {
		return false
	}
	p.r.Time, p.r.TimeSource = p.clock.utc(day*86400+sec)*1e9+frac, record.TimeNoZone
	p.r.Severity, p.r.SeverityText = number, p.span(e+2, end)
	p.r.Logger = p.span(target, e)
	p.r.Body = p.span(min(end+2, len(s)), len(s))
	return true
}
