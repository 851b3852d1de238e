package format

import (
	"bytes"
)

// prettyEnvLogger parses the format of pretty_env_logger, with or without a
// time. The target is as wide as the widest so far:
//
//	LEVEL target > message
//	time LEVEL target > message
func (p *Parser) prettyEnvLogger() bool {
	s := p.src
	if len(s) < 8 || s[1] == ' ' {
		return false
	}
	i := 1
	if s[1]-'0' < 10 {
		ns, n, source := p.clock.at(s[1:])
		if n == 0 || s[5] != '-' || n+2 >= len(s) || s[n+1] != ' ' {
			return false
		}
		p.r.Time, p.r.TimeSource = ns, source
		i = n + 2
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
	p.r.Severity, p.r.SeverityText = number, p.span(i, i+n)
	p.r.Logger = p.span(target, trimBack(s, target, e))
	p.r.Body = p.span(min(e+3, len(s)), len(s))
	return true
}
