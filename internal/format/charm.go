package format

import (
	"bytes"

	"shipper/internal/record"
)

// charm parses the text of charmbracelet/log:
//
//	time LEVL <file:line> prefix: message key=value
//	  key=
//	  │ a line
//	  │ another
//
// All but the message may be missing. What tells it from slog's default handler
// are levels of four letters, the place and the bars; without them it is what
// the stream had before.
func (p *Parser) charm() bool {
	s := p.src
	ns, i, source := p.terminalTime()
	if i > 0 {
		if i+1 >= len(s) || s[i] != ' ' {
			return false
		}
		i++
	} else if s[0]-'0' < 10 {
		return false
	}
	level := i
	for i < len(s) && i < level+5 && s[i]-'A' < 26 {
		i++
	}
	e := i
	number, certain := charmLevel(s[level:e])
	switch {
	case number == 0:
		i, e = level, level
	case e == len(s):
		return false
	case s[e] != ' ':
		return false
	default:
		i++
	}
	place := charmPlace(s, i)
	certain = certain || place > 0
	if level > 0 {
		short := s[level-2] == 'M' // 6:25AM
		certain = certain || short && number > 0 || p.hint == record.FormatCharm && (short && !shortLevelAt(s, level) || number > 0)
		if !certain {
			return false
		}
	} else if number == 0 {
		return false
	}
	lo := min(i+place, len(s))
	if lo < len(s) && (s[lo] == '[' || s[lo] == '|' || s[lo] == ' ' || s[lo] == '-') {
		return false // columns of others
	}
	end := p.behind(lo, len(s), blankKeys)
	if !certain && (end == lo || end == len(s) && p.hint != record.FormatCharm) {
		return false // a word in capitals, and pairs or text
	}
	if level > 0 {
		p.r.Time, p.r.TimeSource = ns, source
	}
	p.r.Severity, p.r.SeverityText = number, p.span(level, e)
	if place > 0 {
		p.takePlace(i+1, i+place-2)
	} else if next := p.sourcePlace(lo); next <= end { // NetBird's
		lo = next
	}
	if n := charmPrefix(s[lo:end]); n > 0 && p.r.Logger.Len == 0 {
		p.r.Logger = p.span(lo, lo+n)
		lo += n + 2
	}
	p.r.Body = p.span(lo, end)
	p.settle(record.FormatCharm)
	return true
}

// shortLevelAt reports whether a level in three letters is at i.
func shortLevelAt(s []byte, i int) bool {
	if i+3 > len(s) {
		return false
	}
	n, _ := shortLevel(s[i:])
	return n > 0
}

// charmHead reports whether what stands behind a time at i is charm's: a level
// that others write in another way, or a place.
func charmHead(s []byte, i int) bool {
	if i+5 >= len(s) || s[i] != '<' && s[i+4] != ' ' {
		return false
	}
	_, certain := charmLevel(s[i : i+4])
	return certain || charmPlace(s, i) > 0
}

// charmLevel returns the severity number of a level of charm's, 0 if it is
// none. Certain says that others do not write it so.
func charmLevel(level []byte) (number uint8, certain bool) {
	switch string(level) {
	case "INFO":
		return 9, false
	case "WARN":
		return 13, false
	case "DEBU":
		return 5, true
	case "ERRO":
		return 17, true
	case "FATA":
		return 21, true
	}
	return 0, false
}

// charmPlace returns the length of the "<file:line> " at i, 0 if there is none.
func charmPlace(s []byte, i int) int {
	if i >= len(s) || s[i] != '<' {
		return 0
	}
	e := bytes.IndexByte(s[i:min(len(s), i+256)], '>')
	if e < 0 || i+e+1 < len(s) && s[i+e+1] != ' ' {
		return 0
	}
	if n, _ := fileLine(s[i+1 : i+e]); n == 0 || !sourceFile(s[i+1:i+1+n]) {
		return 0
	}
	return e + 2
}

// charmPrefix returns the length of the prefix that a message starts with, 0 if
// there is none: a word in front of a colon that says nothing of the event.
func charmPrefix(message []byte) int {
	n := identEnd(message, 0)
	if n == 0 || n > 32 || n+2 >= len(message) || message[n] != ':' || message[n+1] != ' ' || severityWord(message[:n]) > 0 || string(message[:n]) == "failed" {
		return 0
	}
	return n
}
