package format

import (
	"bytes"

	"shipper/internal/record"
)

// apexCLI parses what apex/log's handler for command lines writes: three blanks,
// a sign, the message in columns, and pairs without quotes. The sign tells
// errors from all else, the colour tells more.
func (p *Parser) apexCLI() bool {
	s := p.src
	i := 0
	for i < len(s) && i < 4 && s[i] == ' ' {
		i++
	}
	const dot, cross = "• ", "⨯ "
	switch {
	case i == 0 || i == len(s):
		return false
	case bytes.HasPrefix(s[i:], []byte(cross)):
		p.r.Severity = 17
		i += len(cross)
	case bytes.HasPrefix(s[i:], []byte(dot)):
		p.r.Severity = apexColour(p.raw)
		i += len(dot)
	default:
		return false
	}
	p.looseEvent(i, len(s))
	p.settle(record.FormatApex)
	return true
}

// apexColour returns the severity number that a colour stands for.
func apexColour(raw []byte) uint8 {
	if len(raw) < 5 || raw[0] != 0x1b || raw[1] != '[' || raw[2] != '3' || raw[4] != 'm' {
		return 0
	}
	switch raw[3] {
	case '7':
		return 5
	case '4':
		return 9
	case '3':
		return 13
	}
	return 0
}
