package format

import (
	"bytes"

	"shipper/internal/record"
)

// logrusNested parses the lines of nested-logrus-formatter:
//
//	time [INFO] [key:value] [key:value] message (file:line function)
//
// With HideKeys there are values alone, which stay in the message. INFO and
// WARN without pairs are simplelog's, too: they are what the stream had before.
func (p *Parser) logrusNested() bool {
	s := p.src
	ns, n, source := p.terminalTime()
	if n == 0 || source == record.TimeNoDate || s[4] == '/' || n+8 > len(s) || s[n] != ' ' || s[n+1] != '[' {
		return false
	}
	level := n + 2
	e := level
	for e < len(s) && e < level+8 && s[e]-'A' < 26 {
		e++
	}
	number := severityWord(s[level:e])
	if number == 0 || e == len(s) || s[e] != ']' || e+1 < len(s) && s[e+1] != ' ' || e+2 < len(s) && s[e+2] == ' ' {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = number, p.span(level, e)
	i := min(e+2, len(s))
	hi := p.nestedCaller(i)
	pairs := p.nestedPairs(i, hi)
	if !nestedLevel(s[level:e]) && pairs == i && hi == len(s) && source != record.TimeNoYear && p.hint != record.FormatLogrusNested {
		return false
	}
	p.r.Body = p.span(pairs, trimBack(s, pairs, hi))
	p.settle(record.FormatLogrusNested)
	return true
}

// nestedLevel reports whether a level was cut to four letters.
func nestedLevel(level []byte) bool {
	switch string(level) {
	case "TRAC", "DEBU", "ERRO", "FATA", "PANI":
		return true
	}
	return false
}

// nestedPairs takes the pairs at i and returns the index behind them. If one of
// them has no key, i: none has.
func (p *Parser) nestedPairs(i, hi int) int {
	s := p.src[:hi]
	end := i
	for end < hi && s[end] == '[' {
		e, key := nestedPair(s, end)
		if e == 0 {
			break
		}
		if key == end+1 {
			p.state |= stateKeyless
			return i
		}
		for end = e; end < hi && s[end] == ' '; end++ {
		}
	}
	if p.hint == record.FormatLogrusNested && p.state&stateKeyless != 0 {
		return i
	}
	p.state &^= stateKeyless
	for at := i; at < end; {
		e, key := nestedPair(s, at)
		k, hash := lookup(s[at+1 : key])
		f := p.typed(record.Field{Key: p.span(at+1, key)}, key+1, e-1)
		if k == 0 {
			p.addHashed(f, hash)
		} else {
			p.promotePair(k, hash, f)
		}
		for at = e; at < end && s[at] == ' '; at++ {
		}
	}
	return end
}

// stateKeyless says that pairs had no keys, of nested-logrus-formatter.
const stateKeyless = 1 << 9

// nestedPair returns the index behind the pair in brackets at i, 0 if it does
// not end, and that of the colon behind its key. Brackets in values are paired.
func nestedPair(s []byte, i int) (end, key int) {
	for key = i + 1; key < len(s) && isIdent(s[key]); {
		key++
	}
	if key < len(s) && s[key] != ':' || sourceFile(s[i+1:min(key, len(s))]) { // "[main.go:12]" is no pair
		key = i + 1
	}
	depth := 0
	for j := i; j < len(s); j++ {
		switch s[j] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return j + 1, key
			}
		}
	}
	return 0, key
}

// nestedCaller takes the "(file:line function)" at the end and returns where it
// starts, the end of the text if there is none.
func (p *Parser) nestedCaller(i int) int {
	s := p.src
	if s[len(s)-1] != ')' {
		return len(s)
	}
	j := bytes.LastIndexByte(s[i:], '(')
	if j < 0 || p.calledFrom(i+j+1, ")") != len(s) {
		return len(s)
	}
	return i + j
}
