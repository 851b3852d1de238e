package format

import (
	"bytes"

	"shipper/internal/record"
)

// capnslog parses what github.com/coreos/pkg/capnslog writes (etcd up to 3.3,
// flannel, Clair):
//
//	2006-01-02 15:04:05.000000 L | package: message
//	15:04:05.000000 L | package: message
func (p *Parser) capnslog() bool {
	s := p.src
	i := len("2006-01-02 15:04:05.000000")
	if len(s) > 8 && s[2] == ':' {
		i = len("15:04:05.000000")
	}
	if len(s) < i+6 || s[i] != ' ' || string(s[i+2:i+5]) != " | " {
		return false
	}
	at := bytes.IndexByte([]byte("CEWNIDT"), s[i+1])
	if at < 0 {
		return false
	}
	if sec, frac, n, ok := timeOfDay(s); ok && n == i {
		p.r.Time, p.r.TimeSource = p.clock.dateless(sec, frac, p.near), record.TimeNoDate
	} else if ns, n, source := p.clock.at(s); n == i && s[10] == ' ' {
		p.r.Time, p.r.TimeSource = ns, source
	} else {
		return false
	}
	p.r.Severity, p.r.SeverityText = [...]uint8{21, 17, 13, 10, 9, 5, 1}[at], p.span(i+1, i+2)
	i += 5
	if j := bytes.Index(s[i:min(len(s), i+64)], []byte(": ")); j > 0 && bytes.IndexByte(s[i:i+j], ' ') < 0 {
		p.r.Logger = p.span(i, i+j)
		i += j + 2
	}
	p.message(i, len(s))
	return true
}
