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
// Others have the level in front of the target, and a colon behind it:
//
//	[2026-11-23][06:33:44][LEVEL][target] message
//	[2026-11-23 06:33:44.970][LEVEL][target]: message
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
	if n, number := upperLevelAt(s[target:]); n > 0 && bytes.HasPrefix(s[target+n:], []byte("][")) {
		e := bytes.IndexByte(s[target+n:min(len(s), target+256)], ' ')
		if e < 4 {
			return false
		}
		e += target + n
		end := e
		if s[e-1] == ':' {
			e--
		}
		if s[e-1] != ']' {
			return false
		}
		p.r.Time, p.r.TimeSource = p.clock.utc(day*86400+sec)*1e9+frac, record.TimeNoZone
		p.r.Severity, p.r.SeverityText = number, p.span(target, target+n)
		p.r.Logger = p.span(target+n+2, e-1)
		p.r.Body = p.span(min(end+1, len(s)), len(s))
		return true
	}
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
	p.r.Body = p.span(behindBracket(s, end), len(s))
	return true
}
