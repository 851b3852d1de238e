package format

import (
	"bytes"
)

// capnslog parses what github.com/coreos/pkg/capnslog writes (etcd up to 3.3,
// flannel, Clair):
//
//	2006-01-02 15:04:05.000000 L | package: message
func (p *Parser) capnslog() bool {
	s := p.src
	if len(s) < 32 || s[10] != ' ' || s[26] != ' ' || string(s[28:31]) != " | " {
		return false
	}
	at := bytes.IndexByte([]byte("CEWNIDT"), s[27])
	ns, n, source := p.clock.at(s)
	if at < 0 || n != 26 {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = [...]uint8{21, 17, 13, 10, 9, 5, 1}[at], p.span(27, 28)
	i := 31
	if j := bytes.Index(s[i:min(len(s), i+64)], []byte(": ")); j > 0 && bytes.IndexByte(s[i:i+j], ' ') < 0 {
		p.r.Logger = p.span(i, i+j)
		i += j + 2
	}
	p.message(i, len(s))
	return true
}
