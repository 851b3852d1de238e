package format

import (
	"bytes"

	"shipper/internal/record"
)

// femme parses the format of femme 1 for terminals, which has no level but in
// the colour of the target: red for errors, yellow for warnings, green for all
// else.
//
//	ESC[32mESC[1mtargetESC[0m message
func (p *Parser) femme() bool {
	raw := p.raw
	if len(raw) < 16 || raw[0] != 0x1b || string(raw[1:3]) != "[3" || string(raw[4:9]) != "m\x1b[1m" {
		return false
	}
	n := bytes.IndexByte(raw[9:min(len(raw), 9+128)], 0x1b)
	if n <= 0 || !bytes.HasPrefix(raw[9+n:], []byte("\x1b[0m")) || !bytes.HasPrefix(p.src, raw[9:9+n]) || n+1 < len(p.src) && p.src[n] != ' ' {
		return false
	}
	switch raw[3] {
	case '1':
		p.r.Severity = 17
	case '2':
	case '3':
		p.r.Severity = 13
	default:
		return false
	}
	p.r.Format = record.FormatFemme
	p.r.Logger = p.span(0, n)
	p.r.Body = p.span(min(n+1, len(p.src)), len(p.src))
	return true
}
