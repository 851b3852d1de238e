package format

import (
	"bytes"

	"shipper/internal/record"
)

// text takes what is in no format that is known: all of it is the body. A level
// at its start counts. Behind a time, and perhaps a level, the body begins, and
// a place in the code may stand in front of it:
//
//	2026-11-23 06:25:41 message
//	2026-11-23 06:25:41.007 [I] message
//	2026-11-23T06:25:41Z [INFO] [/core/main.go:12]: message
//	2026-11-23 06:25:41.007 [main] WARN message
//	2026-11-23T06:25:41Z I! message
//	2026-11-23T06:25:41.007 app::module [INFO] message
//	2026-11-23T06:25:41.007 [id:thread:WARN:src/a.rs:12] message
//	2026-11-23T06:25:41Z INFO client/a.go:12: message
//	2026-11-23 06:25:41 UTC | CORE | INFO | (pkg/a.go:12 in run) | message
func (p *Parser) text() {
	s := p.src
	p.r.Body = p.span(0, len(s))
	if p.hint == record.FormatGoTest {
		p.r.Format = record.FormatGoTest // what a test prints
	}
	if len(s) > 3 && s[0] == '<' && s[2] == '>' && s[1]-'0' < 8 { // systemd takes it off, nobody else does
		p.r.Severity, p.r.SeverityText = syslog(int64(s[1]-'0')), p.span(1, 2)
		p.r.Body = p.span(3, len(s))
		return
	}
	if len(s) > 0 && s[0] == 0xe2 {
		p.r.Severity = boxed(s)
		return
	}
	if len(s) > 0 && s[0] == '(' && p.gormOld() {
		return
	}
	if i := p.angleLevel(0); i > 0 {
		p.r.Body = p.span(i, len(s))
		return
	}
	if len(s) > 0 && s[0] == 'W' && bytes.HasPrefix(s, []byte("Well, this is embarrassing.\n")) {
		p.r.Severity = 21 // a panic, as human-panic reports it
		return
	}
	start := 0
	if len(s) > 0 && (s[0] == '[' || s[0] == '(' || s[0] == '<') {
		start = 1
	}
	if len(s) > 24 && s[0] == '[' && s[2] == ']' && s[3] == ' ' { // InfluxDB's level stands in front of the time
		if ns, n, source := p.clock.at(s[4:]); n > 0 && severityWord(s[1:2]) > 0 && 5+n < len(s) {
			p.r.Time, p.r.TimeSource = ns, source
			p.r.Severity, p.r.SeverityText = severityWord(s[1:2]), p.span(1, 2)
			p.r.Body = p.span(5+n, len(s))
			return
		}
	}
	ns, n, source := p.clock.at(s[start:])
	if n == 0 {
		if p.levelTarget() {
			return
		}
		lo, hi, rest, _, number := opening(s)
		if number == 0 {
			hi, number = label(s)
		}
		if i := blanksAt(s, 0); number == 0 && i > 0 && i < 4 { // as wide as others
			n, at := upperLevelAt(s[i:])
			if i+n < len(s) && s[i+n] == ' ' {
				lo, hi, number = i, i+n, at
			} else if i+n+2 < len(s) && string(s[i+n:i+n+3]) == ": [" {
				lo, hi, rest, number = i, i+n, i+n+2, at
			}
		}
		if number > 0 {
			p.r.Severity, p.r.SeverityText = number, p.span(lo, hi)
			if i := p.barePath(rest); rest > 0 && i > rest {
				p.r.Body = p.span(i, len(s))
				return
			}
			closing := byte(' ')
			if rest < len(s) && s[rest] == '[' {
				rest, closing = rest+1, ']'
			}
			if ns, n, source := p.clock.at(s[rest:]); n > 0 && rest+n+1 < len(s) && s[rest+n] == closing {
				p.r.Time, p.r.TimeSource = ns, source
				p.r.Body = p.span(p.pathDash(p.sourcePlace(skipBlanks(s, rest+n+1))), len(s))
				p.textTarget(true)
			} else if ns, n := p.clock.monthDay(s[rest:], p.near); closing == ']' && n > 0 && rest+n+1 < len(s) && s[rest+n] == ']' { // Wings's
				p.r.Time, p.r.TimeSource = ns, record.TimeNoYear
				body := skipBlanks(s, rest+n+1)
				end := p.calicoFields(body)
				p.settle(record.FormatText)
				p.r.Body = p.span(body, end)
			} else if ns, n, ok := p.timeAlone(s[rest:]); ok && closing == ' ' {
				p.r.Time, p.r.TimeSource = ns, record.TimeNoDate
				p.r.Body = p.span(skipBlanks(s, rest+n+1), len(s))
			}
			return
		}
		if start == 1 && s[0] == '[' {
			if n, number := signLevel(s[1:]); n > 0 {
				p.r.Severity, p.r.SeverityText = number, p.span(1, 1+n)
				p.r.Body = p.span(skipBlanks(s, n+2), len(s))
				return
			}
		}
		if !p.mattermost() && !p.cloudHypervisor(0) {
			p.textTime(start)
		}
		if p.r.TimeSource == record.TimeRead {
			p.bracketedTime()
		}
		return
	}
	p.r.Time, p.r.TimeSource = ns, source
	if i := start + n; start == 1 && i < len(s) && (s[i] == ')' || s[i] == '>') {
		n++
	} else if start == 1 {
		n += zoneName(s[i:])
	}
	end := p.leveled(start + n)
	if i := start + n; end == 0 && i < len(s) && (s[0] != '[' || s[i] == ']') {
		end = start + n
	}
	if p.r.Severity == 0 && end > 0 && (p.parity(end) || p.ftlog(end)) {
		return
	}
	if end > 0 && (p.r.Severity > 0 || end+2 > len(s) || !p.cloudHypervisor(end+1+blanksAt(s, end+1))) {
		p.textBody(end)
	}
}

// bracketedTime takes the time in the line of an access log of oauth2-proxy:
//
//	10.0.0.7:51234 - id - user@example.com [2026/11/23 06:25:41] example.com GET - "/path" ...
func (p *Parser) bracketedTime() {
	s := p.src[:min(len(p.src), 160)]
	i := bytes.Index(s, []byte(" [2"))
	if i < 0 || !bytes.Contains(s[:i], []byte(" - ")) {
		return
	}
	if ns, n, source := p.clock.at(s[i+2:]); n > 0 && i+2+n < len(s) && s[i+2+n] == ']' {
		p.r.Time, p.r.TimeSource = ns, source
	}
}

// textTime takes a time in a form that clock.at does not know, at start, or a
// time behind a word in brackets or an offset, and what is behind it:
//
//	[monitor] 06:25:41 WARNING: message
//	[Macaron] 2026-11-23 06:25:41: message
//	+0200 2026-11-23 06:25:41 INFO message
//	23/Nov/2026:06:25:41 +0000 [ERROR 0 example.org. A] message
//	machine-0: 06:25:41 INFO message
//	Nov 23 06:25:41.007: message
//	Mon, 23 Nov 2026 06:25:41 GMT message
//	1795415141.562 INFO message
//	[12.345678901s] [INFO ] [target] message
func (p *Parser) textTime(start int) {
	s := p.src
	if len(s) < 20 {
		return
	}
	ns, n, source := int64(0), 0, record.TimeNoDate
	alone := false // what is behind it is no header
	if t, m, ok := p.timeAlone(s[start:]); ok {
		ns, n, alone = t, start+m, true
		if day, ok := dayBehind(s, n); start == 0 && ok { // btcd's of old
			sec, frac, _, _ := timeOfDay(s)
			ns, n, source, alone = p.clock.utc(day*86400+sec)*1e9+frac, n+11, record.TimeNoZone, false
		}
	} else if i := p.uptime(0); start == 1 && i > 0 { // Alacritty's
		if end := p.leveled(i); end > 0 {
			p.textBody(end)
			p.textTarget(false)
		}
		return
	} else if start == 1 {
		e := bytes.IndexByte(s[:min(len(s), 40)], ']') + 2
		if s[0] != '[' || e < 4 || e >= len(s) || s[e-1] != ' ' {
			return
		}
		if ns, n, source = p.clock.at(s[e:]); n == 0 {
			if ns, n = p.clock.monthDay(s[e:], p.near); n > 0 { // etcd's of old
				source = record.TimeNoYear
			} else if ns, n, ok = p.timeAlone(s[e:]); ok {
				source = record.TimeNoDate
			} else {
				return
			}
		}
		n += e
	} else if e := bytes.IndexByte(s[:min(len(s), 64)], ':') + 2; e > 3 && e < len(s) && s[e-1] == ' ' && bytes.IndexByte(s[:e-2], ' ') < 0 { // Juju's
		t, m, ok := p.timeAlone(s[e:])
		if _, number := upperLevelAt(s[min(len(s), e+m+1):]); !ok || number == 0 {
			return
		}
		ns, n = t, e+m
	} else if day, ok := compactDay(s); ok { // Grin's
		sec, frac, m, timed := timeOfDay(s[9:])
		if !timed {
			return
		}
		ns, n, source = p.clock.utc(day*86400+sec)*1e9+frac, 9+m, record.TimeNoZone
	} else if off, m := zoneOffset(s); m == 5 && s[5] == ' ' {
		if ns, n, source = p.clock.at(s[6:]); n == 0 || source != record.TimeNoZone {
			return
		}
		ns, n, source = ns+p.clock.offsetAt(ns/1e9)*1e9-off*1e9, n+6, record.TimeLine
	} else if t, ok := int64(0), false; len(s) > 27 && s[2] == '/' && s[26] == ' ' {
		if t, ok = commonTime(s); !ok {
			return
		}
		ns, n, source = t, 26, record.TimeLine
	} else if t, m, zoned := p.clock.weekday(s); m > 0 && m < len(s) && (s[m] == ' ' || s[m] == ':') {
		ns, n, source = t, m, zoned
	} else if t, m := epochAt(s); m == 10 && s[m] == ':' { // Hickory's
		p.hickory(t, m+1)
		return
	} else if m >= 10 && m < len(s) && s[m] == ' ' {
		if end := p.leveled(m); end > 0 {
			p.r.Time, p.r.TimeSource = t, record.TimeLine
			p.textBody(end)
		}
		return
	} else if t, m := p.clock.monthDay(s, p.near); m > 0 && m+1 < len(s) && (s[m] == ' ' || s[m] == ':' && s[m+1] == ' ') {
		ns, n, source = t, m, record.TimeNoYear
	} else {
		return
	}
	p.r.Time, p.r.TimeSource = ns, source
	if end := p.leveled(n); end > 0 {
		p.textBody(end)
	} else if !alone {
		p.textBody(n)
	}
}

// compactDay parses the "20230106 " that s starts with.
func compactDay(s []byte) (day int64, ok bool) {
	if s[8] != ' ' || s[11] != ':' {
		return 0, false
	}
	d := [10]byte{s[0], s[1], s[2], s[3], '-', s[4], s[5], '-', s[6], s[7]}
	return date(d[:])
}

// dayBehind parses the " 2026-11-23 " behind a time of day, at i.
func dayBehind(s []byte, i int) (day int64, ok bool) {
	if len(s) < i+13 || s[i] != ' ' || s[i+5] != '-' || s[i+8] != '-' || s[i+11] != ' ' {
		return 0, false
	}
	return date(s[i+1:])
}

// textTarget takes the "[target] " or "[target:line] " that the body starts with;
// path says that it has to be a path.
func (p *Parser) textTarget(path bool) {
	body := p.b.Bytes(p.r.Body)
	e := bytes.IndexByte(body, ']')
	if e < 2 || body[0] != '[' || e+2 >= len(body) || !rustTarget(body[1:e]) || bytes.IndexByte(body[:e], ' ') >= 0 || path && !bytes.Contains(body[:e], []byte("::")) {
		return
	}
	p.r.Logger = record.Span{Off: p.r.Body.Off + 1, Len: uint32(e - 1)}
	if n, line := fileLine(body[1:e]); n > 0 {
		p.r.Logger.Len = uint32(n)
		p.b.AddField(record.IntField(nameLine, line))
	}
	text := uint32(behindBracket(body, e))
	p.r.Body = record.Span{Off: p.r.Body.Off + text, Len: p.r.Body.Len - text}
}

// zoneName returns the length of the " CST" in front of the bracket that ends a
// time, 0 if there is none.
func zoneName(s []byte) int {
	i := 1
	for i < len(s) && i < 6 && s[i]-'A' < 26 {
		i++
	}
	if i < 4 || i == len(s) || s[0] != ' ' || s[i] != ']' {
		return 0
	}
	return i
}

// timeAlone parses the time of day that s starts with, in front of a blank or a
// bracket.
func (p *Parser) timeAlone(s []byte) (ns int64, n int, ok bool) {
	if len(s) < 10 || s[2] != ':' {
		return 0, 0, false
	}
	sec, frac, n, ok := timeOfDay(s)
	if !ok || n >= len(s) || s[n] != ' ' && s[n] != ']' {
		return 0, 0, false
	}
	return p.clock.dateless(sec, frac, p.near), n, true
}

// boxed returns the severity number of what Terraform writes behind a bar:
//
//	╷
//	│ Error: text
func boxed(s []byte) uint8 {
	rest, ok := bytes.CutPrefix(s, []byte("╷\n│ "))
	switch {
	case ok && bytes.HasPrefix(rest, []byte("Error: ")):
		return 17
	case ok && bytes.HasPrefix(rest, []byte("Warning: ")):
		return 13
	}
	return 0
}

// label returns the length of the level that tools of the command line write in
// front of their text: "error: text".
func label(s []byte) (n int, number uint8) {
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

// headWords bounds how many words in brackets stand before a level.
const headWords = 3

// leveled takes the level that is at i, perhaps behind words in brackets, and
// returns the index behind it, 0 if there is none.
func (p *Parser) leveled(i int) int {
	s := p.src
	for range headWords {
		for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == ']' || s[i] == '|' || s[i] == '-' || s[i] == ':') {
			i++
		}
		if i == len(s) {
			return 0
		}
		lo, bracket := i, s[i] == '['
		if bracket {
			lo++
		}
		hi := lo
		for hi < len(s) && hi < lo+10 && s[hi]|0x20 >= 'a' && s[hi]|0x20 <= 'z' {
			hi++
		}
		if hi-lo == 1 && hi+1 < len(s) && s[hi] == '!' && s[hi+1] == ' ' { // Telegraf
			hi++
		}
		if bracket {
			if n, number := signLevel(s[lo:]); n > 0 {
				p.r.Severity, p.r.SeverityText = number, p.span(lo, lo+n)
				return lo + n
			}
		}
		if hi == len(s) || s[hi]&0x80 != 0 {
			return 0
		}
		if e := part(s, i); e > 0 && levelled(s[e:]) {
			i = e // the Datadog Agent's, of which TRACE is one
			continue
		}
		number := levelWord(s[lo:hi])
		if number == 0 && bracket && hi-lo == 1 && s[hi] == ']' && s[lo] < 'a' { // beego's
			number = severityWord(s[lo:hi])
		}
		if number > 0 {
			p.r.Severity, p.r.SeverityText = number, p.span(lo, lo+len(bytes.TrimRight(s[lo:hi], "!")))
			if bracket && s[hi] == ' ' && s[skipBlanks(s, hi)] != ']' {
				return i // there is more in the bracket
			}
			return hi
		}
		if !bracket && s[lo]-'0' < 10 { // Fabric's number of the line
			for hi = lo; hi < len(s) && s[hi]-'0' < 10; hi++ {
			}
			if hi == len(s) || s[hi] != ' ' {
				return 0
			}
			i = hi
			continue
		}
		if !bracket {
			return p.targeted(i)
		}
		e := bytes.IndexByte(s[i:min(len(s), i+160)], ']')
		if e < 0 {
			return 0
		}
		if p.colonLevel(i+1, i+e) {
			return i + e
		}
		i += e + 1
	}
	return 0
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
		file, line := fileLine(s[i+n+1:])
		if file == 0 {
			return false
		}
		p.r.Severity, p.r.SeverityText = number, p.span(i, i+n)
		p.addPlace(p.span(i+n+1, i+n+1+file), line)
		return true
	}
	return false
}

// part returns the index behind the "CORE | " at i, a part of an agent between
// bars, 0 if there is none.
func part(s []byte, i int) int {
	e := i
	for e < len(s) && e < i+24 && (s[e]-'A' < 26 || s[e] == '-') {
		e++
	}
	if e == i || i < 2 || s[i-2] != '|' || s[i-1] != ' ' || !bytes.HasPrefix(s[e:], []byte(" | ")) {
		return 0
	}
	return e + len(" | ")
}

// levelled reports whether s starts with a level in front of a bar.
func levelled(s []byte) bool {
	e := bytes.IndexByte(s[:min(len(s), 12)], ' ')
	return e > 0 && bytes.HasPrefix(s[e:], []byte(" | ")) && levelWord(s[:e]) > 0
}

// targeted takes the "target [LEVEL]" at i, and returns the index behind the
// level, 0 if there is none.
func (p *Parser) targeted(i int) int {
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

// textBody takes a place in the code in brackets and the body, from i on, where
// what ends a level is.
func (p *Parser) textBody(i int) {
	s := p.src
	end := i + blanksAt(s, i) // as wide as others
	closed := end < len(s) && s[end] == ']'
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == ']' || s[i] == '|' || s[i] == ':') {
		i++
	}
	if closed && i+2 < len(s) && s[i] == '[' && s[i+1] == '/' {
		e := bytes.IndexByte(s[i:min(len(s), i+256)], ']')
		if n, line := fileLine(s[i+1 : i+max(e, 1)]); n > 0 {
			p.addPlace(p.span(i+1, i+1+n), line)
			for i += e + 1; i < len(s) && (s[i] == ':' || s[i] == ' '); i++ {
			}
		}
	} else if closed && p.r.Severity > 0 && s[0] == '[' && i < len(s) && s[i] == '[' { // Alacritty before 0.11
		p.r.Body = p.span(i, len(s))
		p.textTarget(false)
		return
	}
	if p.r.Severity > 0 && closed && p.cdrSlog(i) {
		return
	}
	if p.r.Severity > 0 && i < len(s) && s[i] == '(' {
		i = p.barredPlace(i)
	} else if p.r.Severity > 0 {
		if i+1 < len(s) && s[i] == '-' && s[i+1] == ' ' {
			i += 2
		}
		i = p.sourcePlace(i)
		if e := token(s, i); p.r.Logger.Len == 0 && e > i && e+3 < len(s) && string(s[e:e+3]) == " > " && pathEnd(s, i) == e { // WezTerm's
			p.r.Logger = p.span(i, e)
			i = e + 3
		} else if e := pathEnd(s, i); e > i && bytes.HasPrefix(s[e+blanksAt(s, e):], []byte("| ")) && (bytes.HasPrefix(s[e:], []byte("  ")) || bytes.Contains(s[i:e], []byte("::"))) { // Nimiq's
			p.r.Logger = p.span(i, e)
			if n, line := fileLine(s[i:e]); n > 0 {
				p.r.Logger = p.span(i, i+n)
				p.b.AddField(record.IntField(nameLine, line))
			}
			i = e + blanksAt(s, e) + len("| ")
		} else if p.r.Logger.Len == 0 {
			i = p.pathDash(i)
		}
	}
	if rest, ok := bytes.CutPrefix(s[i:], []byte("▶ [")); ok { // op/go-logging's, as Vikunja has it
		i += len("▶ ")
		e := bytes.IndexByte(rest[:min(len(rest), 64)], ']') + len("[") + i
		id := token(s, min(e+2, len(s)))
		if e > i+1 && id < len(s) && id > e+2 && s[e+1] == ' ' {
			p.r.Logger = p.span(i+1, e)
			p.addText(p.b.AddString("id"), p.span(e+2, id))
			i = id + 1
		}
	}
	if e := p.bracketTrace(i); e > i {
		i = e
	}
	p.r.Body = p.span(p.leadingPairs(i), len(s))
	if p.r.Severity > 0 && p.r.Logger.Len == 0 {
		p.textTarget(true)
	}
}

// leadingPairs takes the pairs at i, of which one is a level, in front of a
// message, as go-micro writes them, and returns where the message starts:
//
//	file=server/server.go:150 level=info service=micro Registering
func (p *Parser) leadingPairs(i int) int {
	s := p.src[:lineEnd(p.src, i)]
	if p.r.Severity > 0 || !bytes.HasPrefix(s[i:], []byte("file=")) && !bytes.HasPrefix(s[i:], []byte("level=")) {
		return i
	}
	end, leveled := i, false
	for end < len(s) {
		e := token(s, end)
		eq := bytes.IndexByte(s[end:e], '=')
		if eq <= 0 || identEnd(s, end) != end+eq {
			break
		}
		leveled = leveled || string(s[end:end+eq]) == "level" && severityWord(s[end+eq+1:e]) > 0
		end = skipBlanks(s, e)
	}
	if !leveled || end >= len(s) {
		return i
	}
	for i < end {
		key, next, ok := p.pairKey(i)
		if !ok {
			break
		}
		k, hash := lookup(p.b.Bytes(key))
		f, next, _ := p.pairValue(key, next)
		p.pair(k, hash, f)
		i = skipBlanks(s, next)
	}
	p.settle(record.FormatText)
	return i
}

// bracketTrace takes the "[trace_id=85bde1d7ab21ca4fb3de669f38512bd7] " at i, of
// Apollo's router, and returns the index behind it, i if there is none.
func (p *Parser) bracketTrace(i int) int {
	const sign = "[trace_id="
	s := p.src
	lo := i + len(sign)
	if len(s) < lo+34 || string(s[i:lo]) != sign || s[lo+32] != ']' || s[lo+33] != ' ' || !p.setTrace(s[lo:lo+32], rankOther, false) {
		return i
	}
	return lo + 34
}

// barePath takes the path of a module at i, "a::b" or "a::b:", in front of the message, and
// returns the index behind it, i if there is none.
func (p *Parser) barePath(i int) int {
	s := p.src
	e := pathEnd(s, i)
	if e < i+4 || e+1 >= len(s) || s[e] != ' ' {
		return i
	}
	hi := e
	if s[hi-1] == ':' {
		hi--
	}
	if s[hi-1] == ':' || !bytes.Contains(s[i:hi], []byte("::")) {
		return i
	}
	p.r.Logger = p.span(i, hi)
	return e + blanksAt(s, e)
}

// pathDash is barePath for a path that a dash may follow, as in Grin's lines.
func (p *Parser) pathDash(i int) int {
	e := p.barePath(i)
	if e > i && bytes.HasPrefix(p.src[e:], []byte("- ")) {
		e += len("- ")
	}
	return e
}

// sourcePlace takes the "a/b.go:12: " or "a/b.rs:12 " at i, and returns the index
// behind it, i if there is none.
func (p *Parser) sourcePlace(i int) int {
	s := p.src
	e := token(s, i)
	place := bytes.TrimSuffix(s[i:e], []byte(":"))
	n, line := fileLine(place)
	if n < 4 || e == len(s) || s[i] == '[' || s[e] != ' ' || string(place[n-3:n]) != ".go" && string(place[n-3:n]) != ".rs" {
		return i
	}
	p.addPlace(p.span(i, i+n), line)
	for _, dash := range [...]string{" — ", " - "} {
		if bytes.HasPrefix(s[e:], []byte(dash)) {
			return e + len(dash)
		}
	}
	return e + blanksAt(s, e)
}

// pathEnd returns the index behind the path of a module, "a::b", at i.
func pathEnd(s []byte, i int) int {
	for i < len(s) && (isIdent(s[i]) || s[i] == ':') {
		i++
	}
	return i
}

// barredPlace takes the "(file:line in function) | " at i, and returns the index
// behind it, i if there is none.
func (p *Parser) barredPlace(i int) int {
	s := p.src
	e := bytes.Index(s[i:min(len(s), i+256)], []byte(") | "))
	in := bytes.Index(s[i:i+max(e, 0)], []byte(" in "))
	if in < 0 {
		return i
	}
	n, line := fileLine(s[i+1 : i+in])
	if n == 0 {
		return i
	}
	p.addPlace(p.span(i+1, i+1+n), line)
	p.addText(nameFunction, p.span(i+in+len(" in "), i+e))
	return i + e + len(") | ")
}
