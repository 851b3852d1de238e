package format

import (
	"bytes"

	"shipper/internal/record"
)

// shortLevels parses what writes its levels in three letters: zerolog's console
// writer, tint, and phuslu's console writer.
//
//	time LVL file:line > message key=value   zerolog
//	time LVL+2 file:line message key=value   tint
//	time LVL 1 file:line > message key=value phuslu, with the goroutine's number
//	time LVL file:line > message | key=value Portainer, with zerolog
func (p *Parser) shortLevels() bool {
	s := p.src
	ns, i, source := p.terminalTime()
	if i == 0 || i+4 > len(s) || s[i] != ' ' {
		return false
	}
	level := i + 1
	n, number := shortLevel(s[level:])
	if n == 0 {
		return false
	}
	if source != record.TimeRead {
		p.r.Time, p.r.TimeSource = ns, source
	}
	p.r.Severity, p.r.SeverityText = number, p.span(level, level+n)
	i = min(level+n+1, len(s))
	next, arrow := p.arrow(i)
	if arrow && s[i]-'0' < 10 || arrow && s[i] == '>' {
		p.phusluEvent(next)
		p.settle(record.FormatPhuslu)
		return true
	}
	format := record.FormatZerologConsole
	if !arrow && p.isTint(next > i || n > 3, level, source) {
		format = record.FormatTint
	}
	end := p.inParentheses(next)
	if end == len(s) {
		end = p.behind(next, len(s), jsonValues)
	}
	if end-2 > next && string(s[end-2:end]) == " |" { // Portainer's
		end -= 2
	}
	p.r.Body = p.span(next, end)
	p.settle(format)
	return true
}

// inParentheses takes the pairs behind the message at i as Syncthing writes them,
// "message (key=value key=value)", and returns where they start, the end of the
// text if there are none.
func (p *Parser) inParentheses(i int) int {
	s := p.src
	last := len(s) - 1
	if i >= last || s[last] != ')' {
		return len(s)
	}
	for range 8 {
		j := bytes.Index(s[i:last], []byte(" ("))
		if j < 0 {
			break
		}
		i += j + 2
		if n, end := p.findPairs(i, last, jsonValues); n > 0 && end == last {
			p.addPairs(n, jsonValues)
			return i - 2
		}
	}
	return len(s)
}

// terminalTime finds the time at the start in the forms that are for people,
// and returns the index behind it, 0 if there is none. zerolog writes <nil> if
// the event has none.
func (p *Parser) terminalTime() (ns int64, n int, source record.TimeSource) {
	s := p.src
	switch {
	case s[0] == '<':
		if bytes.HasPrefix(s, []byte("<nil> ")) {
			return 0, len("<nil>"), record.TimeRead
		}
	case s[0]-'0' > 9:
		ns, n = p.clock.monthDay(s, p.near)
		return ns, n, record.TimeNoYear
	case len(s) > 6 && (s[1] == ':' || s[2] == ':'):
		sec, frac, n, ok := timeOfDay(s)
		if !ok {
			sec, n = kitchen(s)
		}
		if n == 0 {
			return 0, 0, 0
		}
		return p.clock.dateless(sec, frac, p.near), n, record.TimeNoDate
	case len(s) > 19 && s[4] == '/' && s[10] == ' ' && s[17] == 'M':
		if day, ok := date(s); ok {
			if sec, n := kitchen(s[11:]); n == 7 {
				return p.clock.utc(day*86400+sec) * 1e9, 11 + n, record.TimeNoZone
			}
		}
	}
	return p.clock.at(s)
}

// kitchen parses the "6:25AM" that s starts with, and returns the second of the
// day and the length, 0 if there is none.
func kitchen(s []byte) (sec int64, n int) {
	h := int64(s[0] - '0')
	i := 1
	if s[1] != ':' {
		h, _ = two(s)
		i = 2
	}
	if len(s) < i+5 {
		return 0, 0
	}
	m, ok := two(s[i+1:])
	if !ok || h < 1 || h > 12 || m > 59 || s[i] != ':' || s[i+3] != 'A' && s[i+3] != 'P' || s[i+4] != 'M' {
		return 0, 0
	}
	h %= 12
	if s[i+3] == 'P' {
		h += 12
	}
	return h*3600 + m*60, i + 5
}

// shortLevel returns the length of the level in three letters that s starts
// with, slog's offset included, and its severity number. The level of an event
// that has none is ???.
func shortLevel(s []byte) (n int, number uint8) {
	switch string(s[:3]) {
	case "INF":
		number = 9
	case "DBG":
		number = 5
	case "WRN":
		number = 13
	case "ERR":
		number = 17
	case "TRC":
		number = 1
	case "FTL":
		number = 21
	case "PNC":
		number = 22
	case "???":
	default:
		return 0, 0
	}
	if len(s) == 3 || s[3] == ' ' {
		return 3, number
	}
	if s[3] != '+' && s[3] != '-' {
		return 0, 0
	}
	n = token(s[:min(len(s), 8)], 3)
	if number = severity(s[:n]); number == 0 {
		return 0, 0
	}
	return n, number
}

// arrow takes the place in the code at i, with or without phuslu's goroutine in
// front and an arrow behind it, and returns the index of what follows.
func (p *Parser) arrow(i int) (next int, arrow bool) {
	s := p.src
	place := i
	for place < len(s) && s[place]-'0' < 10 {
		place++
	}
	if place > i && place < len(s) && s[place] == ' ' {
		place++
	} else {
		place = i
	}
	e := token(s, place)
	n, line := fileLine(s[place:e])
	if n == 0 {
		if e == i+1 && s[i] == '>' { // without a place
			return min(e+1, len(s)), true
		}
		return i, false
	}
	arrow = e+1 < len(s) && s[e] == ' ' && s[e+1] == '>' && (e+2 == len(s) || s[e+2] == ' ')
	if !arrow && (place > i || !sourceFile(s[place:place+n])) {
		return i, false
	}
	if place > i {
		id, ok := decimal(s[i : place-1])
		if !ok || id >= 1<<63 {
			return i, false
		}
		p.b.AddField(record.IntField(nameGoroutine, int64(id)))
	}
	p.addPlace(p.span(place, place+n), line)
	if arrow {
		e += 2
	}
	return min(e+1, len(s)), arrow
}

// isTint tells tint from zerolog where there is no arrow. Certain are a level
// with an offset and a place, and colours. Otherwise it is what it was before,
// and at first what is more frequent.
func (p *Parser) isTint(certain bool, level int, source record.TimeSource) bool {
	switch {
	case certain:
		return true
	case len(p.raw) > 4 && p.raw[0] == 0x1b:
		return p.raw[2] == '2' // faint; zerolog's time is grey
	case p.hint == record.FormatTint:
		return true
	case p.hint == record.FormatZerologConsole:
		return false
	}
	switch string(p.src[level : level+3]) {
	case "TRC", "FTL", "PNC", "???":
		return false
	}
	return source == record.TimeNoYear || source == record.TimeLine && level > len("2006-01-02T15:04:05.000Z ")
}

// phusluEvent takes the message and the pairs from i on, whichever comes first.
// Values may have no quotes.
func (p *Parser) phusluEvent(i int) {
	s := p.src
	end := i
	for end < len(s) {
		key, k, hash := p.identKey(end, len(s))
		v := rustField(s, end, key, len(s), false)
		if v.key == end || !v.quoted && !jsonScalar(s[v.lo:token(s, v.lo)]) {
			break
		}
		if !v.quoted {
			v.hi = token(s, v.lo)
		}
		p.promotePair(k, hash, p.rustTyped(p.span(end, v.key), v))
		for end = v.hi; end < len(s) && s[end] == ' '; end++ {
		}
	}
	if end > i && end < len(s) {
		p.r.Body = p.span(end, len(s))
		return
	}
	if end == i {
		p.looseEvent(i, len(s))
	}
}

// looseEvent makes src[lo:hi] the body and the fields of an event whose values
// may have blanks without quotes: each goes on to the next field.
func (p *Parser) looseEvent(lo, hi int) {
	s := p.src[:hi]
	i := firstField(s, lo, hi)
	p.r.Body = p.span(lo, trimBack(s, lo, i))
	for i < hi {
		key, k, hash := p.identKey(i, hi)
		if key == i {
			return
		}
		v := rustField(s, i, key, hi, false)
		p.promotePair(k, hash, p.rustTyped(p.span(i, v.key), v))
		for i = v.hi; i < hi && blank(s[i]); i++ {
		}
	}
}
