package format

import (
	"bytes"

	"shipper/internal/record"
)

// levelFirst takes the level that the text starts with, and the module or the
// time behind it:
//
//	error: message
//	INFO:app::module: message
//	[✖]  message
//	[INFO] app::module message
//	[ERROR][2026-11-23 06:25:41] a/b.go:12: message
//	[INFO] 06:25:41.007 message
//	 INFO: [Nov 23 06:25:41.007] message key=value
func (p *Parser) levelFirst() bool {
	if p.levelTarget() || p.levelSign() {
		return true
	}
	lo, hi, rest, number := levelOpening(p.src)
	if number == 0 {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, p.span(lo, hi)
	if rest > 0 {
		p.timeBehindLevel(rest)
	}
	return true
}

// levelTarget takes the "INFO:librespot::session: " of librespot that the line
// starts with.
func (p *Parser) levelTarget() bool {
	s := p.src
	n, number := upperLevelAt(s)
	if n == 0 || n+1 >= len(s) || s[n] != ':' {
		return false
	}
	lo := n + 1
	e := targetAt(s[lo:])
	if e < 2 || pathEnd(s, lo) != lo+e+1 {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, p.span(0, n)
	p.r.Logger = p.span(lo, lo+e)
	p.r.Body = p.span(min(lo+e+2, len(s)), len(s))
	return true
}

// levelSign takes the sign in brackets that the text starts with.
func (p *Parser) levelSign() bool {
	s := p.src
	if s[0] != '[' {
		return false
	}
	n, number := signLevel(s[1:])
	if n == 0 {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, p.span(1, 1+n)
	p.r.Body = p.span(skipBlanks(s, n+2), len(s))
	return true
}

// signLevel returns the length of the sign that s starts with, in front of a
// bracket, and the severity number that eksctl has it for, 0 if it is none.
func signLevel(s []byte) (n int, number uint8) {
	n = bytes.IndexByte(s[:min(len(s), 4)], ']')
	if n < 1 {
		return 0, 0
	}
	switch string(s[:n]) {
	case "ℹ", "✔":
		return n, 9
	case "✖":
		return n, 17
	case "!":
		return n, 13
	case "▶":
		return n, 5
	}
	return 0, 0
}

// levelOpening returns the bounds of the level that s starts with and its severity
// number, and where the text behind it starts; rest is 0 if the level is a part
// of the message.
func levelOpening(s []byte) (lo, hi, rest int, number uint8) {
	if lo, hi, rest, _, number = opening(s); number > 0 {
		return lo, hi, rest, number
	}
	if hi, number = labelLevel(s); number > 0 {
		return 0, hi, 0, number
	}
	return paddedLevel(s)
}

// labelLevel returns the length of the level that tools of the command line write
// in front of their text: "error: text".
func labelLevel(s []byte) (n int, number uint8) {
	n = bytes.IndexByte(s[:min(len(s), 8)], ':')
	if n < 5 || n+1 >= len(s) || s[n+1] != ' ' {
		return 0, 0
	}
	switch string(s[:n]) {
	case "error", "warning", "fatal", "Warning", "Fatal":
		return n, severityWord(s[:n])
	}
	return 0, 0
}

// paddedLevel is levelOpening for a level that is behind up to three blanks, to
// be as wide as others: " INFO message", " INFO: [Nov 23 06:25:41] message".
func paddedLevel(s []byte) (lo, hi, rest int, number uint8) {
	lo = blanksAt(s, 0)
	if lo == 0 || lo > 3 {
		return 0, 0, 0, 0
	}
	n, number := upperLevelAt(s[lo:])
	switch hi = lo + n; {
	case n == 0:
	case hi < len(s) && s[hi] == ' ':
		return lo, hi, 0, number
	case bytes.HasPrefix(s[hi:], []byte(": [")):
		return lo, hi, hi + len(": "), number
	}
	return 0, 0, 0, 0
}

// timeBehindLevel takes the module, or the time, perhaps in brackets, that is at
// i, behind a level.
func (p *Parser) timeBehindLevel(i int) {
	s := p.src
	if e := p.barePath(i); e > i {
		p.r.Body = p.span(e, len(s))
		return
	}
	closing := byte(' ')
	if i < len(s) && s[i] == '[' {
		i, closing = i+1, ']'
	}
	if ns, n, source := p.clock.at(s[i:]); n > 0 && i+n+1 < len(s) && s[i+n] == closing {
		p.r.Time, p.r.TimeSource = ns, source
		p.r.Body = p.span(p.pathDash(p.sourcePlace(skipBlanks(s, i+n+1))), len(s))
		p.textTarget(true)
	} else if closing == ']' {
		p.wings(i)
	} else if ns, n, ok := p.timeAlone(s[i:]); ok {
		p.r.Time, p.r.TimeSource = ns, record.TimeNoDate
		p.r.Body = p.span(skipBlanks(s, i+n+1), len(s))
	}
}

// wings takes the time at i, in brackets, and the pairs behind the message, as
// Pterodactyl's Wings writes them behind a level:
//
//	INFO: [Nov 23 06:25:41.007] message key=value
func (p *Parser) wings(i int) {
	s := p.src
	ns, n := p.clock.monthDay(s[i:], p.near)
	if n == 0 || i+n+1 >= len(s) || s[i+n] != ']' {
		return
	}
	p.r.Time, p.r.TimeSource = ns, record.TimeNoYear
	body := skipBlanks(s, i+n+1)
	end := p.calicoFields(body)
	p.settle(record.FormatText)
	p.r.Body = p.span(body, end)
}

// headWords bounds how many words stand between a time and a level, and the level.
const headWords = 3

// levelBehind takes the level at i, behind a time, perhaps with other words
// between, and returns the index behind it, 0 if there is none:
//
//	[INFO]
//	 | CORE | INFO
//	 [main] WARN
//	 0325 INFO
//	 app::module [INFO]
//	 [id:thread:WARN:src/a.rs:12]
func (p *Parser) levelBehind(i int) int {
	s := p.src
	for range headWords {
		for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == ']' || s[i] == '|' || s[i] == '-' || s[i] == ':') {
			i++
		}
		if i == len(s) {
			return 0
		}
		if e := agentPart(s, i); e > 0 && levelBarred(s[e:]) {
			i = e // of the parts, TRACE is one
			continue
		}
		end, word := p.levelAt(i)
		if end > 0 {
			return end
		}
		switch {
		case word == len(s) || s[word]&0x80 != 0:
			return 0
		case s[i] == '[':
			e := bytes.IndexByte(s[i:min(len(s), i+160)], ']')
			if e < 0 {
				return 0
			}
			if p.colonLevel(i+1, i+e) {
				return i + e
			}
			i += e + 1
		case s[i]-'0' < 10: // Fabric's number of the line
			for i++; i < len(s) && s[i]-'0' < 10; i++ {
			}
			if i == len(s) || s[i] != ' ' {
				return 0
			}
		default:
			return p.targetLevel(i)
		}
	}
	return 0
}

// levelAt takes the level at i, perhaps in brackets, and returns the index behind
// it, 0 if there is none, and the index behind the letters there. If the brackets
// have more in them than the level, they are left for others.
func (p *Parser) levelAt(i int) (end, word int) {
	s := p.src
	lo, bracket := i, s[i] == '['
	if bracket {
		lo++
	}
	hi := lo
	for hi < len(s) && hi < lo+10 && s[hi]|0x20 >= 'a' && s[hi]|0x20 <= 'z' {
		hi++
	}
	letters := hi
	if hi-lo == 1 && hi+1 < len(s) && s[hi] == '!' && s[hi+1] == ' ' { // Telegraf's
		hi++
	}
	if bracket {
		if n, number := signLevel(s[lo:]); n > 0 {
			p.r.Severity, p.r.SeverityText = number, p.span(lo, lo+n)
			return lo + n, hi
		}
	}
	if hi == len(s) || s[hi]&0x80 != 0 {
		return 0, hi
	}
	number := levelWord(s[lo:hi])
	if number == 0 && bracket && hi-lo == 1 && s[hi] == ']' && s[lo] < 'a' { // beego's
		number = severityWord(s[lo:hi])
	}
	if number == 0 {
		return 0, hi
	}
	p.r.Severity, p.r.SeverityText = number, p.span(lo, letters)
	if bracket && s[hi] == ' ' && s[skipBlanks(s, hi)] != ']' {
		return i, hi
	}
	return hi, hi
}

// colonLevel takes the level and the place of "id:thread:WARN:src/a.rs:12", which
// is src[lo:hi], as Firecracker writes them.
func (p *Parser) colonLevel(lo, hi int) bool {
	s := p.src[:hi]
	for i := lo; i < hi; i++ {
		j := bytes.IndexByte(s[i:], ':')
		if j < 0 {
			return false
		}
		if i += j + 1; i == hi {
			return false
		}
		n, number := upperLevelAt(s[i:])
		if n == 0 || i+n+1 >= hi || s[i+n] != ':' {
			continue
		}
		if !p.takePlace(i+n+1, hi) {
			return false
		}
		p.r.Severity, p.r.SeverityText = number, p.span(i, i+n)
		return true
	}
	return false
}

// agentPart returns the index behind the "CORE | " at i, a part of the Datadog
// Agent between bars, 0 if there is none.
func agentPart(s []byte, i int) int {
	e := i
	for e < len(s) && e < i+24 && (s[e]-'A' < 26 || s[e] == '-') {
		e++
	}
	if e == i || i < 2 || s[i-2] != '|' || s[i-1] != ' ' || !bytes.HasPrefix(s[e:], []byte(" | ")) {
		return 0
	}
	return e + len(" | ")
}

// levelBarred reports whether s starts with a level in front of a bar.
func levelBarred(s []byte) bool {
	e := bytes.IndexByte(s[:min(len(s), 12)], ' ')
	return e > 0 && bytes.HasPrefix(s[e:], []byte(" | ")) && levelWord(s[:e]) > 0
}

// targetLevel takes the "target [LEVEL]" at i, and returns the index behind the
// level, 0 if there is none.
func (p *Parser) targetLevel(i int) int {
	s := p.src
	e := token(s, i)
	if e+3 >= len(s) || s[e] != ' ' || s[e+1] != '[' {
		return 0
	}
	n, number := upperLevelAt(s[e+2:])
	if n == 0 || e+2+n >= len(s) || s[e+2+n] != ']' {
		return 0
	}
	p.r.Logger = p.span(i, e)
	p.r.Severity, p.r.SeverityText = number, p.span(e+2, e+2+n)
	return e + 2 + n
}

// levelWord is severityWord for words of three letters and more, and for
// Telegraf's "I!".
func levelWord(word []byte) uint8 {
	if len(word) == 2 && word[1] == '!' {
		return severityWord(word[:1])
	}
	if len(word) < 3 {
		return 0
	}
	return severityWord(word)
}
