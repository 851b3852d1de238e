package format

import (
	"bytes"

	"shipper/internal/record"
)

// substrate parses what nodes of Substrate and Polkadot write at their default
// level: no level, the name of the chain if there are two, and mostly a picture.
//
//	2024-07-24 22:45:57 [Relaychain] 💤 Idle (29 peers), best: #1
//
// With more logging they write what tracing does, with the thread.
func (p *Parser) substrate() bool {
	s := p.src
	ns, n, source := p.clock.at(s)
	if n == 0 || s[4] != '-' || s[10] != ' ' || source != record.TimeNoZone || n+1 >= len(s) || s[n] != ' ' {
		return false
	}
	i := n + 1
	if s[i] == '[' {
		e := bytes.IndexByte(s[i:min(len(s), i+40)], ']')
		if e < 2 || i+e+2 >= len(s) || s[i+e+1] != ' ' || severity(s[i+1:i+e]) > 0 {
			return false
		}
		if !picture(s[i+e+2]) && p.hint != record.FormatSubstrate {
			return false
		}
		p.r.Logger = p.span(i+1, i+e)
		i += e + 2
	} else if !picture(s[i]) {
		m, _ := upperLevelAt(s[i:])
		if m > 0 || s[i] == ' ' || p.hint != record.FormatSubstrate {
			return false
		}
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Body = p.span(i, len(s))
	return true
}

// picture reports whether c is the first byte of a symbol in UTF-8: U+2000 to
// U+2FFF, and from U+10000 on.
func picture(c byte) bool { return c == 0xe2 || c == 0xf0 }
