package format

// nats parses what the logger of nats-server (2.x) writes, with and without
// its pid and its time:
//
//	[1705] 2026/11/23 06:25:41.935661 [INF] Server is ready
func (p *Parser) nats() bool {
	s := p.src
	if len(s) < 10 || s[1]-'0' > 9 {
		return false
	}
	e := 2
	for e < len(s) && e < 12 && s[e]-'0' < 10 {
		e++
	}
	if e+7 >= len(s) || s[e] != ']' || s[e+1] != ' ' {
		return false
	}
	i := e + 2
	ns, n, source := p.clock.at(s[i:])
	if n > 0 {
		if s[i+4] != '/' || i+n >= len(s) || s[i+n] != ' ' {
			return false
		}
		i += n + 1
	}
	if i+5 > len(s) || s[i] != '[' || s[i+4] != ']' {
		return false
	}
	switch string(s[i+1 : i+4]) {
	case "INF", "DBG", "WRN", "ERR", "TRC", "FTL":
	default:
		return false
	}
	pid, ok := decimal(s[1:e])
	if !ok {
		return false
	}
	p.addInt(namePid, pid)
	if n > 0 {
		p.r.Time, p.r.TimeSource = ns, source
	}
	p.r.Severity, p.r.SeverityText = severityWord(s[i+1:i+4]), p.span(i+1, i+4)
	if i += 5; i < len(s) && s[i] == ' ' {
		i++
	}
	p.message(i, len(s))
	return true
}
