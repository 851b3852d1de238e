package format

import (
	"bytes"

	"shipper/internal/record"
)

// bracketTime parses what has its level in front and the time, or the seconds
// since the start, in brackets behind it:
//
//	INFO[0000] message in columns      key=value                   logrus
//	INFO[2006-01-02T15:04:05Z]file:line function() message         logrus
//	INFO [01-02|15:04:05.000] message in columns      key=value    go-ethereum
//	[INFO] [01-02|15:04:05.000] message in columns      key=value  Erigon
//	[01-02|15:04:05.000] INFO message                              AvalancheGo
//	INFO[01-02|15:04:05] message in columns      key=value         log15
//	I[2006-01-02|15:04:05.000] message in columns      key=value   Tendermint, CometBFT
//	  INFO[0000] message in columns      key=value without quotes  apex
func (p *Parser) bracketTime() bool {
	s := p.src
	if len(s) > 24 && s[1] == '[' && s[12] == '|' {
		return p.tendermint()
	}
	if s[0] == '[' {
		return p.bracketFirst()
	}
	lo := 0
	for lo < len(s) && lo < 3 && s[lo] == ' ' {
		lo++
	}
	hi := lo
	for hi < len(s) && hi < lo+8 && s[hi]-'A' < 26 {
		hi++
	}
	i := hi
	for i < len(s) && i < hi+4 && s[i] == ' ' {
		i++
	}
	if hi-lo < 4 || i+6 >= len(s) || s[i] != '[' {
		return false
	}
	number := severityWord(s[lo:hi])
	if number == 0 {
		return false
	}
	level := p.span(lo, hi)
	p.r.Severity, p.r.SeverityText = number, level
	i++
	switch {
	case i+2 < len(s) && s[i+2] == '-' && i+5 < len(s) && s[i+5] == '|':
		return p.geth(i, i > hi+1 || hi-lo == 5, number)
	case i+4 < len(s) && s[i+4] == '-':
		return lo == 0 && p.logrusTime(i)
	}
	e := i
	for e < len(s) && s[e]-'0' < 10 {
		e++
	}
	if e-i < 4 || e == len(s) || s[e] != ']' {
		return false
	}
	p.addText(nameTimestamp, p.span(i, e))
	if lo > 0 {
		p.looseEvent(behindBracket(s, e), len(s))
		p.settle(record.FormatApex)
		return true
	}
	p.logrusEvent(e + 1)
	return true
}

// bracketFirst is bracketTime for Erigon and AvalancheGo.
func (p *Parser) bracketFirst() bool {
	s := p.src
	if len(s) < 24 {
		return false
	}
	level, i := 1, 0
	if s[3] == '-' && s[6] == '|' { // the time comes first
		e := bytes.IndexByte(s[:24], ']')
		if e < 0 || e+3 >= len(s) || s[e+1] != ' ' {
			return false
		}
		level, i = e+2, 1
	}
	end := level
	for end < len(s) && end < level+8 && s[end]-'A' < 26 {
		end++
	}
	number := severityWord(s[level:end])
	if number == 0 || end-level < 4 {
		return false
	}
	if i == 0 {
		if i = end + 3; i+6 >= len(s) || string(s[end:i]) != "] [" || s[i+2] != '-' || s[i+5] != '|' {
			return false
		}
	}
	p.r.Severity, p.r.SeverityText = number, p.span(level, end)
	if !p.geth(i, true, number) {
		return false
	}
	if i == 1 {
		p.r.Body.Len -= min(p.r.Body.Len, uint32(end-level))
		p.r.Body.Off += uint32(end - level)
		for p.r.Body.Len > 0 && p.b.Arena[p.r.Body.Off] == ' ' {
			p.r.Body.Off, p.r.Body.Len = p.r.Body.Off+1, p.r.Body.Len-1
		}
		p.avalanche(int(p.r.Body.Off-p.base), int(p.r.Body.Off+p.r.Body.Len-p.base))
	}
	return true
}

// avalanche takes the chain, the place and the object that AvalancheGo has around
// the message src[lo:hi]: "<P Chain> vm/vm.go:12 message {"key": 1}".
func (p *Parser) avalanche(lo, hi int) {
	s := p.src[:hi]
	if e := bytes.IndexByte(s[lo:min(hi, lo+64)], '>'); e > 1 && s[lo] == '<' && lo+e+2 <= hi {
		p.r.Logger = p.span(lo+1, lo+e)
		lo += e + 2
	}
	lo = p.sourcePlace(min(lo, hi))
	p.r.Body = p.span(min(lo, hi), hi)
	if i := bytes.Index(s[min(lo, hi):], []byte(` {"`)); i >= 0 && hi == len(p.src) {
		if e, _ := nested(s, lo+i+1); e == hi {
			p.head.taken[roleMessage] = keyOthers // a member with such a key is not the message
			p.object(lo+i+2, true)
			p.r.Body = p.span(lo, lo+i)
			p.settle(record.FormatGeth)
		}
	}
}

// geth parses what go-ethereum and log15 write from the time at i on. Padded
// says that the level takes five columns, which is go-ethereum's.
func (p *Parser) geth(i int, padded bool, number uint8) bool {
	s := p.src
	month, ok1 := two(s[i:])
	day, ok2 := two(s[i+3:])
	sec, frac, n, ok := timeOfDay(s[i+6:])
	i += 6 + n
	if !ok || !ok1 || !ok2 || month < 1 || month > 12 || day < 1 || day > 31 || i == len(s) {
		return false
	}
	p.r.Time, p.r.TimeSource = p.clock.utc(p.clock.yearless(month, day, sec, p.near))*1e9+frac, record.TimeNoYear
	if number == 18 { // the top of both
		p.r.Severity = 21
	}
	if s[i] == '|' {
		e := bytes.IndexByte(s[i:min(len(s), i+256)], ']')
		if e < 0 {
			return false
		}
		if !p.takePlace(i+1, i+e) {
			return false
		}
		i += e
	}
	if s[i] != ']' || i+1 < len(s) && s[i+1] != ' ' {
		return false
	}
	i = min(i+2, len(s))
	end := p.behind(i, len(s), groupedDigits)
	p.r.Body = p.span(i, end)
	if padded {
		p.settle(record.FormatGeth)
	} else {
		p.settle(record.FormatLog15)
	}
	return true
}

// tendermint parses what Tendermint's logger (tmfmt, of libs/log) writes.
func (p *Parser) tendermint() bool {
	s := p.src
	day, ok := date(s[2:])
	sec, frac, n, timed := timeOfDay(s[13:])
	i := 13 + n
	if !ok || !timed || s[6] != '-' || s[9] != '-' || i >= len(s) || s[i] != ']' || i+1 < len(s) && s[i+1] != ' ' {
		return false
	}
	switch s[0] {
	case 'D':
		p.r.Severity = 5
	case 'I':
		p.r.Severity = 9
	case 'E':
		p.r.Severity = 17
	default:
		return false
	}
	p.r.SeverityText = p.span(0, 1)
	p.r.Time, p.r.TimeSource = p.clock.utc(day*86400+sec)*1e9+frac, record.TimeNoZone
	i = min(i+2, len(s))
	end := p.behind(i, len(s), 0)
	p.r.Body = p.span(i, end)
	p.settle(record.FormatTendermint)
	return true
}

// logrusTime parses logrus' text for terminals from the time at i on.
func (p *Parser) logrusTime(i int) bool {
	ns, n, source := p.clock.at(p.src[i:])
	if n == 0 || i+n >= len(p.src) || p.src[i+n] != ']' {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.logrusEvent(i + n + 1)
	return true
}

// logrusEvent takes the place in the code, the message and the pairs that
// logrus writes behind the bracket.
func (p *Parser) logrusEvent(i int) {
	s := p.src
	if i < len(s) && s[i] != ' ' {
		i = p.calledFrom(i, "() ")
	}
	if i < len(s) && s[i] == ' ' {
		i++
	}
	end := p.behind(i, len(s), 0)
	p.r.Body = p.span(i, end)
	p.settle(record.FormatLogrusTTY)
}

// calledFrom takes the "file:line function" at i, with the given text behind
// it, and returns the index behind that, i if there is none.
func (p *Parser) calledFrom(i int, behind string) int {
	s := p.src
	e := token(s, i)
	n, line := fileLine(s[i:e])
	if n == 0 || e+1 >= len(s) || s[e] != ' ' {
		return i
	}
	j := bytes.Index(s[e+1:min(len(s), e+256)], []byte(behind))
	if j <= 0 || bytes.IndexByte(s[e+1:e+1+j], '\n') >= 0 {
		return i
	}
	p.addPlace(p.span(i, i+n), line)
	p.addText(nameFunction, p.span(e+1, e+1+j))
	return e + 1 + j + len(behind)
}
