package format

import "shipper/internal/record"

// text takes what is in no format that is known: all of it is the body. A time
// at its start counts, and so does a level there or behind the time.
func (p *Parser) text() {
	s := p.src
	p.r.Body = p.span(0, len(s))
	if p.hint == record.FormatGoTest {
		p.r.Format = record.FormatGoTest // what a test prints
	}
	start := 0
	if len(s) > 0 && s[0] == '[' {
		start = 1
	}
	ns, n, source := p.clock.at(s[start:])
	if n == 0 {
		if lo, hi, _, _, number := opening(s); number > 0 {
			p.r.Severity, p.r.SeverityText = number, p.span(lo, hi)
		}
		return
	}
	p.r.Time, p.r.TimeSource = ns, source
	lo := start + n
	for lo < len(s) && lo < start+n+8 && (s[lo] == ' ' || s[lo] == '\t' || s[lo] == '[' || s[lo] == ']' || s[lo] == '|' || s[lo] == '-') {
		lo++
	}
	hi := lo
	for hi < len(s) && hi < lo+10 && s[hi]|0x20 >= 'a' && s[hi]|0x20 <= 'z' {
		hi++
	}
	if hi-lo < 3 || hi < len(s) && s[hi]&0x80 != 0 {
		return
	}
	if number := severityWord(s[lo:hi]); number > 0 {
		p.r.Severity, p.r.SeverityText = number, p.span(lo, hi)
	}
}
