package format

import (
	"bytes"

	"shipper/internal/record"
)

// slogTerm parses what slog-rs writes to terminals, and Lighthouse's variant,
// in which the message is padded:
//
//	Nov 23 06:33:43.970 INFO message, key: value, key: value
//	Nov 23 06:33:43.970 INFO[file:line:column] message, key: value
//	Oct 12 14:41:26.415 CRIT message      key: value, key: value
//
// The newest keys come first. Where the message has a comma, a word and a
// colon, the fields win. The compact form has blanks in front, and the fields of
// loggers on lines of their own above, which are records themselves.
func (p *Parser) slogTerm() bool {
	s := p.src
	i := 0
	for i < len(s) && i < 64 && s[i] == ' ' {
		i++
	}
	if i == len(s) {
		return false
	}
	if s[i] >= 'a' || s[i] < 'A' {
		return i > 0 && p.hint == record.FormatSlogTermCompact && p.slogContext(i)
	}
	ns, n := p.clock.monthDay(s[i:], p.near)
	level := i + n + 1
	if n == 0 && i == 1 {
		return p.slogUntimed()
	}
	if n == 0 || level >= len(s) || s[level-1] != ' ' {
		return i > 0 && p.hint == record.FormatSlogTermCompact && p.slogContext(i)
	}
	m, number := slogLevel(s[level:])
	if m == 0 || level+m < len(s) && s[level+m] != ' ' && s[level+m] != '[' {
		return false
	}
	if i > 0 || p.hint == record.FormatSlogTermCompact {
		p.r.Format = record.FormatSlogTermCompact
	}
	p.r.Time, p.r.TimeSource = ns, record.TimeNoYear
	p.r.Severity, p.r.SeverityText = number, p.span(level, level+m)
	i = level + m
	if i < len(s) && s[i] == '[' {
		e := bytes.IndexByte(s[i:min(len(s), i+256)], ']')
		if e < 0 || !p.rustPlace(i+1, i+e) {
			return false
		}
		i += e + 1
	}
	wide := m == 5 || i+1 < len(s) && s[i] == ' ' && s[i+1] == ' ' // Lighthouse since 7, with values in Debug form
	for i < len(s) && s[i] == ' ' {
		i++
	}
	if j := paddedFields(s, i); j > 0 {
		p.r.Body = p.span(i, trimBack(s, i, j))
		p.colonFields(j, len(s), wide)
		return true
	}
	p.colonEvent(i, len(s), false)
	return true
}

// slogUntimed parses what Lighthouse writes for the journal, without a time:
//
//	CRIT message      key: value, key: value
func (p *Parser) slogUntimed() bool {
	s := p.src
	n, number := slogLevel(s[1:])
	i := 1 + n + 1
	if n != 4 || i >= len(s) || s[i-1] != ' ' || s[i] == ' ' {
		return false
	}
	j := paddedFields(s, i)
	if j == 0 {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, p.span(1, 1+n)
	p.r.Body = p.span(i, trimBack(s, i, j))
	p.colonFields(j, len(s), false)
	return true
}

// slogLevel is upperLevelAt for slog-rs, whose levels have four letters; those
// of Lighthouse's successor have five at most.
func slogLevel(s []byte) (n int, number uint8) {
	if len(s) >= 4 {
		switch string(s[:4]) {
		case "CRIT":
			return 4, 21 // its top
		case "DEBG":
			return 4, 5
		case "TRCE":
			return 4, 1
		case "ERRO":
			if len(s) == 4 || s[4] != 'R' {
				return 4, 17
			}
		}
	}
	return upperLevelAt(s)
}

// slogContext parses the line "key: value" of the compact form, at i.
func (p *Parser) slogContext(i int) bool {
	s := p.src
	v := colonField(s, i, len(s), false)
	if v.key == i || bytes.IndexByte(s, '\n') >= 0 {
		return false
	}
	p.r.Format = record.FormatSlogTermCompact
	p.r.Body = p.span(i, len(s))
	p.colonFields(i, len(s), false)
	return true
}

// paddedFields returns where the fields start behind a message that is padded
// with blanks, 0 if they do not.
func paddedFields(s []byte, i int) int {
	line := s[:min(lineEnd(s, i), i+maxPadded)]
	for i++; i < len(line); i += 2 {
		if line[i] != ' ' || line[i-1] != ' ' && (i+1 == len(line) || line[i+1] != ' ') {
			continue
		}
		for i < len(line) && line[i] == ' ' {
			i++
		}
		if colonKey(s, i-1, len(s)) > 0 {
			return i
		}
	}
	return 0
}

// maxPadded is how far the fields behind a padded message may start.
const maxPadded = 160
