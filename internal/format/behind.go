package format

import (
	"bytes"

	"shipper/internal/record"
)

// pairStyle is how a library writes the pairs behind a message, besides
// key=value and key="quoted value".
type pairStyle uint8

const (
	jsonValues    pairStyle = 1 << iota // arrays and objects are values
	groupedDigits                       // numbers are 17,034,870
	blankKeys                           // keys may have blanks
	afterColon                          // a colon ends the message in front of them
	onOneLine                           // no value is in lines with bars
)

// pairRoles are the roles that a pair behind a message can have.
const pairRoles = eventRoles | 1<<roleLogger | 1<<roleLoggerMaybe

// maxPairs is how many pairs may stand behind a message.
const maxPairs = 128

// place is where a pair is in src: the key at src[at:key], the value at
// src[lo:hi], without quotes.
type place struct {
	at, key, lo, hi int
	guess           *guess // the key is the one that was guessed
	form            uint8
	found           uint8 // in a string with quotes
}

// The forms of the value of a place.
const (
	plainValue  = iota
	quotedValue // a string
	jsonValue   // an array or an object
	barredValue // lines that each have a bar in front
)

// behind finds the pairs at the end of src[lo:hi], adds them as fields of the
// event, and returns where the message in front of them ends. If there are no
// pairs, or something else is between them, that is hi: all of it is message.
func (p *Parser) behind(lo, hi int, style pairStyle) (end int) {
	s := p.src[:hi]
	at := lo
	for range 8 { // "a = b" in messages; more of them than this, and it is text
		i := bytes.IndexByte(s[at:], '=')
		if i < 0 {
			return hi
		}
		at += i + 1
		start := pairStart(s, lo, at-1)
		if start < lo {
			continue
		}
		end := trimBack(s, lo, start)
		if style&afterColon != 0 && (end == lo || s[end-1] != ':') || style&blankKeys != 0 && identEnd(s, start) != at-1 {
			continue
		}
		if n, stop := p.findPairs(start, hi, style); n > 0 && stop == hi {
			p.addPairs(n, style)
			return end
		}
	}
	return hi
}

// findPairs finds the pairs that src[i:hi] consists of, or as many as there is
// room for, and returns how many there are, 0 if there is anything else, and the
// index behind them.
func (p *Parser) findPairs(i, hi int, style pairStyle) (n, end int) {
	s := p.src[:hi]
	for i < hi {
		if blank(s[i]) {
			i++
			continue
		}
		if n == maxPairs {
			break
		}
		v := &p.places[n]
		if v.at, v.guess = i, p.guessed(i, hi, n); v.guess != nil {
			v.key = i + v.guess.length
		} else if v.key = keyEnd(s, i, style); v.key == i {
			return 0, i
		}
		n++
		i = v.value(s, style)
	}
	return n, i
}

// pairSlot returns where the n-th key from here on is remembered, nil if it is not:
// no two keys of a record share a slot, since pairs are found before they are added.
func (p *Parser) pairSlot(n int) *guess {
	if at := uint(p.head.keys) + uint(n); at < uint(len(p.pairKeys)) {
		return &p.pairKeys[at]
	}
	return nil
}

// guessed returns the guess of the n-th key from here on if that is the key at
// i, in front of hi.
func (p *Parser) guessed(i, hi, n int) *guess {
	g := p.pairSlot(n)
	// The arena goes on behind the text.
	if g != nil && g.length > 0 && i+g.length < hi && g.is(p.b.Arena, int(p.base)+i, '=') {
		return g
	}
	return nil
}

// identKey returns the index behind the key at i, an identifier, i if there is
// none, and what lookup says of it.
func (p *Parser) identKey(i, hi int) (end int, k key, hash uint) {
	if g := p.guessed(i, hi, 0); g != nil {
		p.head.keys++
		return i + g.length, g.key, g.hash
	}
	if end = identEnd(p.src[:hi], i); end == i || end == hi || p.src[end] != '=' {
		return i, 0, 0
	}
	name := p.src[i:end]
	k, hash = lookup(name)
	if g := p.pairSlot(0); g != nil {
		*g = pairGuess(name, k, hash)
	}
	p.head.keys++
	return end, k, hash
}

// keyEnd returns the index of the equals sign behind the key at i, i if there
// is none.
func keyEnd(s []byte, i int, style pairStyle) int {
	j := i
	if s[i] == '"' {
		if j, _ = quoted(s, i+1); j <= i+1 {
			return i
		}
		j++
	} else {
		for j < len(s) && keyByte(s[j]) {
			j++
		}
		for words := 1; style&blankKeys != 0 && words < 4 && j > i && j+1 < len(s) && s[j] == ' ' && keyByte(s[j+1]); words++ {
			for j++; j < len(s) && keyByte(s[j]); j++ {
			}
		}
	}
	if j == len(s) || s[j] != '=' {
		return i
	}
	return j
}

// value finds the value behind the key and returns the index behind it.
func (v *place) value(s []byte, style pairStyle) int {
	i := v.key + 1
	v.form = plainValue
	if i < len(s) {
		switch c := s[i]; {
		case c == '"':
			if e, found := quoted(s, i+1); e >= 0 && (e+1 == len(s) || blank(s[e+1])) {
				v.lo, v.hi, v.form, v.found = i+1, e, quotedValue, found
				return e + 1
			}
		case c == '{' || c == '[':
			if style&jsonValues == 0 {
				break
			}
			if e, _ := nested(s, i); e > 0 && (e == len(s) || blank(s[e])) {
				v.lo, v.hi, v.form = i, e, jsonValue
				return e
			}
		case c == '\n' && style&onOneLine == 0 && barAt(s, i+1) > 0:
			v.lo, v.form = i+1, barredValue
			for v.hi = i; v.hi < len(s) && barAt(s, v.hi+1) > 0; {
				v.hi = lineEnd(s, v.hi+1)
			}
			return v.hi
		}
	}
	v.lo, v.hi = i, token(s, i)
	return v.hi
}

// barAt returns the length of the bar that charm and hclog put in front of the
// lines of a value, and of the blanks around it, at i, 0 if there is none.
func barAt(s []byte, i int) int {
	if i+4 > len(s) || s[i] != ' ' || s[i+1] != ' ' {
		return 0
	}
	switch {
	case s[i+2] == '|' && s[i+3] == ' ':
		return 4
	case bytes.HasPrefix(s[i+2:], []byte("│ ")):
		return 2 + len("│ ")
	case bytes.HasPrefix(s[i+2:], []byte("│")):
		return 2 + len("│") // the end of the text is trimmed
	}
	return 0
}

// addPairs adds the first n places as fields of the event.
func (p *Parser) addPairs(n int, style pairStyle) {
	for i := range p.places[:n] {
		v := &p.places[i]
		f := p.valueOf(v, style)
		var k key
		var hash uint
		if v.guess != nil {
			f.Key = p.span(v.at, v.key)
			k, hash = v.guess.key, v.guess.hash
		} else {
			k, hash = p.keyOf(v, &f)
		}
		p.head.keys++
		p.promotePair(k, hash, f)
	}
}

// promotePair is promote for a pair behind a message, with the key and the hash
// that lookup gave.
func (p *Parser) promotePair(k key, hash uint, f record.Field) {
	if k == 0 || pairRoles>>keys[k].role&1 == 0 || keys[k].role == roleLogger && p.r.Logger.Len > 0 {
		p.addHashed(f, hash)
		return
	}
	p.promote(k, f)
}

// keyOf sets the key of a field, and makes it the one that is guessed next time.
func (p *Parser) keyOf(v *place, f *record.Field) (k key, hash uint) {
	name := p.src[v.at:v.key]
	f.Key = p.span(v.at, v.key)
	if name[0] == '"' {
		f.Key = p.jsonText(name)
		return lookup(p.b.Bytes(f.Key))
	}
	k, hash = lookup(name)
	if g := p.pairSlot(0); g != nil {
		*g = pairGuess(name, k, hash)
	}
	return k, hash
}

// valueOf returns a field with the value of a place.
func (p *Parser) valueOf(v *place, style pairStyle) (f record.Field) {
	switch v.form {
	case quotedValue:
		f.Val = p.span(v.lo, v.hi)
		if v.found&escapes != 0 {
			f.Val = p.unescaped(p.src[v.lo:v.hi])
		}
	case jsonValue:
		f.Val, f.Kind = p.span(v.lo, v.hi), record.JSON
	case barredValue:
		f.Val = p.unbarred(v.lo, v.hi)
	default:
		if style&groupedDigits != 0 && v.hi-v.lo > 4 {
			if f, ok := p.grouped(v.lo, v.hi); ok {
				return f
			}
		}
		f = p.typed(f, v.lo, v.hi)
	}
	return f
}

// grouped returns the field of a number whose digits are in groups of three.
func (p *Parser) grouped(lo, hi int) (f record.Field, ok bool) {
	s := p.src[lo:hi]
	first := bytes.IndexByte(s, ',')
	if first < 1 || first > 4 || len(s) > 64 || (len(s)-first)%4 != 0 {
		return f, false
	}
	at := len(p.b.Arena)
	p.b.Arena = append(p.b.Arena, s[:first]...)
	for i := first; i < len(s); i += 4 {
		if s[i] != ',' {
			p.b.Arena = p.b.Arena[:at]
			return f, false
		}
		p.b.Arena = append(p.b.Arena, s[i+1:i+4]...)
	}
	digits := p.b.Arena[at:]
	e, integer, n := number(digits, 0)
	switch {
	case e != len(digits):
		p.b.Arena = p.b.Arena[:at]
		return f, false
	case integer:
		p.b.Arena = p.b.Arena[:at]
		return record.IntField(f.Key, n), true
	}
	f.Val, f.Kind = record.Span{Off: uint32(at), Len: uint32(len(digits))}, record.Number
	return f, true
}

// unbarred appends the lines of a value without the bars to the arena.
func (p *Parser) unbarred(lo, hi int) record.Span {
	s := p.src[:hi]
	at := len(p.b.Arena)
	for i := lo; i < hi; {
		e := lineEnd(s, i)
		p.b.Arena = append(p.b.Arena, s[min(i+barAt(s, i), e):e]...)
		if i = e + 1; i < hi {
			p.b.Arena = append(p.b.Arena, '\n')
		}
	}
	return record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
}

// goStack returns where the stack trace behind the text src[lo:hi] starts, hi
// if there is none: a line for each function, and one for its place, as zap and
// hclog write them.
func goStack(s []byte, lo, hi int) int {
	if bytes.IndexByte(s[lo:hi], '\n') < 0 {
		return hi
	}
	i := bytes.Index(s[lo:hi], []byte("\n\t"))
	if i < 0 {
		if i = bytes.Index(s[lo:hi], []byte("\n    ")); i < 0 { // a tab that was lost
			return hi
		}
	}
	i += lo
	start := bytes.LastIndexByte(s[lo:i], '\n')
	function := s[lo+start+1 : i]
	place := bytes.TrimSpace(s[i:lineEnd(s[:hi], i+1)])
	n, _ := fileLine(place)
	if start < 0 || len(function) == 0 || bytes.IndexByte(function, ' ') >= 0 || n == 0 || !sourceFile(place[:n]) {
		return hi
	}
	return lo + start
}

// addStack adds the stack trace src[lo:hi]. An error that brought its own along
// keeps it.
func (p *Parser) addStack(lo, hi int) {
	for lo < hi && p.src[lo] == '\n' {
		lo++
	}
	if lo == hi {
		return
	}
	if p.head.taken[roleStack] != 0 {
		p.add(record.Field{Key: p.b.AddString("stacktrace"), Val: p.span(lo, hi)})
		return
	}
	p.addText(nameStack, p.span(lo, hi))
}
