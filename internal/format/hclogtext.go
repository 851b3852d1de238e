package format

import (
	"bytes"

	"shipper/internal/record"
)

// hclogText parses the text of go-hclog (1.x):
//
//	time [LEVEL] file:line: name.sub: message: key=value
//	  key=
//	  | a line
//	  | another
//
// Levels take seven columns. Time, place and name may be missing, and a message
// without pairs has no colon. A stack trace may follow.
func (p *Parser) hclogText() bool {
	s := p.src
	i := 0
	if s[0] == ' ' { // Nomad's agent puts four blanks in front
		if i = 4; !bytes.HasPrefix(s, []byte("    2")) {
			return false
		}
	}
	timed := s[0] != '['
	if timed {
		ns, n, source := p.clock.at(s[i:])
		if n == 0 || s[i+10] != 'T' || source != record.TimeLine || i+n+1 >= len(s) || s[i+n] != ' ' || s[i+n+1] != '[' {
			return false
		}
		p.r.Time, p.r.TimeSource = ns, source
		i += n + 1
	}
	n, number := upperLevelAt(s[i+1:])
	if n == 0 || i+8 >= len(s) || s[i+7] != ' ' {
		return false
	}
	// "[INFO] " with a blank more, or, before 0.9, "[INFO ]".
	if s[i+1+n] != ']' && (n != 4 || s[i+6] != ']') || n == 4 && s[i+5] != ' ' && s[i+6] != ' ' {
		return false
	}
	level := p.span(i+1, i+1+n)
	i += 8
	known := n == 4 || p.hint == record.FormatHclogText
	if s[i] == ' ' || !known && (s[i] == '[' || s[i] == '(') {
		return false
	}
	lo := p.sourceFile(i, ".go")
	hi := goStack(s, lo, len(s))
	end := p.behind(lo, hi, jsonValues|afterColon)
	if !known && !timed && end == hi {
		return false // anybody's
	}
	p.r.Severity, p.r.SeverityText = number, level
	if (end < hi || hi < len(s)) && end > lo && s[end-1] == ':' {
		end--
	}
	if e := hclogName(s[lo:end]); e > 0 {
		p.r.Logger = p.span(lo, lo+e)
		lo = min(lo+e+2, end)
	}
	if end == hi {
		p.message(lo, end)
	} else {
		p.r.Body = p.span(lo, end)
	}
	p.addStack(hi, len(s))
	p.settle(record.FormatHclogText)
	return true
}

// hclogName returns the length of the name that text starts with, 0 if there
// is none: a word in front of a colon and a blank.
func hclogName(text []byte) int {
	i := bytes.Index(text[:min(len(text), 128)], []byte(": "))
	if i <= 0 || bytes.IndexByte(text[:i], ' ') >= 0 || bytes.IndexByte(text[:i], '\n') >= 0 {
		return 0
	}
	return i
}
