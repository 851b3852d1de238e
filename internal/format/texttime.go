package format

import (
	"bytes"

	"shipper/internal/record"
)

// rareTime takes a time in a form that clock.at does not know, or one that is
// behind a word or an offset, and what is behind it.
func (p *Parser) rareTime() {
	if len(p.src) < 20 || p.timeOfDayFirst() || p.uptimeFirst() {
		return
	}
	if ns, n, source := p.rareTimeAt(); n > 0 {
		p.r.Time, p.r.TimeSource = ns, source
		p.textBody(max(p.levelBehind(n), n))
		return
	}
	p.epochFirst()
}

// timeOfDayFirst takes the time of day that the text starts with, perhaps in
// brackets. Only a level or the day behind it makes it a header:
//
//	06:25:41.007 INFO message
//	[06:25:41] [INFO] message
//	06:25:41 2026-11-23 [INF] message     btcd's of old
func (p *Parser) timeOfDayFirst() bool {
	s := p.src
	start := bracketFirst(s)
	ns, n, ok := p.timeAlone(s[start:])
	if !ok {
		return false
	}
	n += start
	if day, dated := dayBehind(s, n); dated && start == 0 {
		sec, frac, _, _ := timeOfDay(s)
		p.r.Time, p.r.TimeSource = p.clock.utc(day*86400+sec)*1e9+frac, record.TimeNoZone
		n += len(" 2026-11-23")
		p.textBody(max(p.levelBehind(n), n))
		return true
	}
	p.r.Time, p.r.TimeSource = ns, record.TimeNoDate
	if end := p.levelBehind(n); end > 0 {
		p.textBody(end)
	}
	return true
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

// dayBehind parses the " 2026-11-23 " behind a time of day, at i.
func dayBehind(s []byte, i int) (day int64, ok bool) {
	if len(s) < i+13 || s[i] != ' ' || s[i+5] != '-' || s[i+8] != '-' || s[i+11] != ' ' {
		return 0, false
	}
	return date(s[i+1:])
}

// uptimeFirst takes the seconds since the start in brackets that Alacritty's text
// starts with:
//
//	[12.345678901s] [INFO ] [target] message
func (p *Parser) uptimeFirst() bool {
	if p.src[0] != '[' {
		return false
	}
	i := p.uptime(0)
	if i == 0 {
		return false
	}
	if end := p.levelBehind(i); end > 0 {
		p.textBody(end)
		p.textTarget(false)
	}
	return true
}

// rareTimeAt finds the time that the text starts with, perhaps behind something
// else, and returns the index behind it, 0 if there is none.
func (p *Parser) rareTimeAt() (ns int64, n int, source record.TimeSource) {
	s := p.src
	if bracketFirst(s) == 1 {
		return p.timeBehindWord()
	}
	if i := behindName(s); i > 0 {
		return p.timeBehindName(i)
	}
	switch c := s[0]; {
	case c == '+' || c == '-':
		return p.timeBehindOffset()
	case c-'0' < 10:
		if ns, n, source = p.compactTime(); n > 0 {
			return ns, n, source
		}
		return accessTime(s)
	}
	if ns, n, source = p.clock.weekday(s); n > 0 && n < len(s) && (s[n] == ' ' || s[n] == ':') {
		return ns, n, source
	}
	if ns, n = p.clock.monthDay(s, p.near); n > 0 && n+1 < len(s) && (s[n] == ' ' || s[n] == ':' && s[n+1] == ' ') {
		return ns, n, record.TimeNoYear
	}
	return 0, 0, 0
}

// timeBehindWord is rareTimeAt for a time behind a word in brackets:
//
//	[monitor] 06:25:41 WARNING: message
//	[Macaron] 2026-11-23 06:25:41: message
//	[etcd] Nov 23 06:25:41.007 INFO      | message
func (p *Parser) timeBehindWord() (ns int64, n int, source record.TimeSource) {
	s := p.src
	e := bytes.IndexByte(s[:min(len(s), 40)], ']') + 2
	if s[0] != '[' || e < 4 || e >= len(s) || s[e-1] != ' ' {
		return 0, 0, 0
	}
	if ns, n, source = p.clock.at(s[e:]); n > 0 {
		return ns, e + n, source
	}
	if ns, n = p.clock.monthDay(s[e:], p.near); n > 0 {
		return ns, e + n, record.TimeNoYear
	}
	ns, n, ok := p.timeAlone(s[e:])
	if !ok {
		return 0, 0, 0
	}
	return ns, e + n, record.TimeNoDate
}

// behindName returns the index behind the "machine-0: " that s starts with, 0 if
// there is none.
func behindName(s []byte) int {
	i := bytes.IndexByte(s[:min(len(s), 64)], ':') + len(": ")
	if i < 4 || i >= len(s) || s[i-1] != ' ' || bytes.IndexByte(s[:i-2], ' ') >= 0 {
		return 0
	}
	return i
}

// timeBehindName is rareTimeAt for a time of day behind a name, at i, as Juju
// writes it. A level has to follow:
//
//	machine-0: 06:25:41 INFO message
func (p *Parser) timeBehindName(i int) (ns int64, n int, source record.TimeSource) {
	ns, n, ok := p.timeAlone(p.src[i:])
	if !ok {
		return 0, 0, 0
	}
	n += i
	if _, number := upperLevelAt(p.src[n+1:]); number == 0 {
		return 0, 0, 0
	}
	return ns, n, record.TimeNoDate
}

// timeBehindOffset is rareTimeAt for a time behind its offset, as sing-box writes
// it:
//
//	+0200 2026-11-23 06:25:41 INFO message
func (p *Parser) timeBehindOffset() (ns int64, n int, source record.TimeSource) {
	s := p.src
	off, m := zoneOffset(s)
	if m != 5 || s[5] != ' ' {
		return 0, 0, 0
	}
	if ns, n, source = p.clock.at(s[6:]); n == 0 || source != record.TimeNoZone {
		return 0, 0, 0
	}
	return ns + p.clock.offsetAt(ns/1e9)*1e9 - off*1e9, 6 + n, record.TimeLine
}

// compactTime is rareTimeAt for a day without dashes, as Grin writes it:
//
//	20261123 06:25:41.007 WARN message
func (p *Parser) compactTime() (ns int64, n int, source record.TimeSource) {
	s := p.src
	if s[8] != ' ' || s[11] != ':' {
		return 0, 0, 0
	}
	dashed := [10]byte{s[0], s[1], s[2], s[3], '-', s[4], s[5], '-', s[6], s[7]}
	day, ok := date(dashed[:])
	sec, frac, n, timed := timeOfDay(s[9:])
	if !ok || !timed {
		return 0, 0, 0
	}
	return p.clock.utc(day*86400+sec)*1e9 + frac, 9 + n, record.TimeNoZone
}

// accessTime is rareTimeAt for the time of the Common Log Format:
//
//	23/Nov/2026:06:25:41 +0000 [ERROR 0 example.org. A] message
func accessTime(s []byte) (ns int64, n int, source record.TimeSource) {
	if len(s) < 28 || s[2] != '/' || s[26] != ' ' {
		return 0, 0, 0
	}
	ns, ok := commonTime(s)
	if !ok {
		return 0, 0, 0
	}
	return ns, 26, record.TimeLine
}

// epochFirst takes the seconds since the Unix epoch that the text starts with, if
// a level is behind them:
//
//	1795415141.562 INFO message
func (p *Parser) epochFirst() {
	s := p.src
	ns, n := epochAt(s)
	if n == 10 && s[n] == ':' {
		p.hickory(ns, n+1)
		return
	}
	if n < 10 || n == len(s) || s[n] != ' ' {
		return
	}
	if end := p.levelBehind(n); end > 0 {
		p.r.Time, p.r.TimeSource = ns, record.TimeLine
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
