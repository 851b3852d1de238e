package format

import "shipper/internal/record"

// seelog parses the default format of cihub/seelog: nanoseconds since the Unix
// epoch, the level in brackets, the message.
func (p *Parser) seelog() bool {
	s := p.src
	if len(s) < 24 || s[19] != ' ' || s[20] != '[' {
		return false
	}
	e, n := 21, 0
	for e < len(s) && e < 30 && s[e] != ']' {
		e++
	}
	ns, n := epochAt(s)
	number := severityWord(s[21:e])
	if n != 19 || number == 0 || e == len(s) || s[e] != ']' || e+1 < len(s) && s[e+1] != ' ' {
		return false
	}
	if number == 18 { // its top
		number = 21
	}
	p.r.Time, p.r.TimeSource = ns, record.TimeLine
	p.r.Severity, p.r.SeverityText = number, p.span(21, e)
	p.message(min(e+2, len(s)), len(s))
	return true
}
