package format

import (
	"bytes"

	"shipper/internal/record"
)

// prettyEnvLogger parses the format of pretty_env_logger, with or without a
// time. The target is as wide as the widest so far:
//
//	LEVEL target > message
//	time LEVEL target > message
//
// WezTerm leaves the blank in front out.
func (p *Parser) prettyEnvLogger() bool {
	s := p.src
	i := blanksAt(s, 0)
	if len(s) < 8 || i > 1 {
		return false
	}
	if s[i]-'0' < 10 {
		ns, n, source := p.clock.at(s[i:])
		if n == 0 || s[i+4] != '-' || i+n+1 >= len(s) || s[i+n] != ' ' {
			return false
		}
		p.r.Time, p.r.TimeSource = ns, source
		i += n + 1
	}
	n, number := upperLevelAt(s[i:])
	target := i + 6
	if n == 0 || target >= len(s) || s[target-1] != ' ' || n == 4 && s[target-2] != ' ' {
		return false
	}
	e := bytes.Index(s[target:min(len(s), target+160)], []byte(" >"))
	if e <= 0 || target+e+2 < len(s) && s[target+e+2] != ' ' {
		return false
	}
	e += target
	if s[0] != ' ' && (pathEnd(s, target) != trimBack(s, target, e) || i == 0 && n > 4 && p.hint != record.FormatPrettyEnvLogger && !bytes.Contains(s[target:e], []byte("::"))) {
		return false // "ERROR a > b" may be anybody's
	}
	p.r.Severity, p.r.SeverityText = number, p.span(i, i+n)
	p.r.Logger = p.span(target, trimBack(s, target, e))
	p.r.Body = p.span(min(e+3, len(s)), len(s))
	return true
}
