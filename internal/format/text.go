package format

// text takes what is in no format that is known: all of it is the body. A word
// for a level at its start counts.
func (p *Parser) text() {
	p.r.Body = p.span(0, len(p.src))
	if lo, hi, _, _, n := opening(p.src); n > 0 {
		p.r.Severity, p.r.SeverityText = n, p.span(lo, hi)
	}
}
