package format

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"shipper/internal/record"
)

// logfmt parses a line of key=value pairs, as slog's TextHandler, logrus,
// go-kit/log and many others write it. A value without quotes goes on over
// blanks up to the next pair, as logrus writes it with DisableQuote.
func (p *Parser) logfmt() bool {
	s := p.src
	var last record.Field // waits for what may go on
	var lastKey key
	var hash uint
	pairs, bare := 0, 0
	value, open := 0, false // where last's value starts, and whether it has no quotes
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		var (
			key  record.Span
			next int
			ok   bool
		)
		g := &p.pairKeys[p.head.keys%uint8(len(p.pairKeys))]
		guessed := g.length > 0 && (g.is(s, i, '=') || g.last(s, i, '='))
		if guessed {
			key, next = p.span(i, i+g.length), i+g.length+1
		} else if key, next, ok = p.pairKey(i); !ok {
			if pairs == 0 {
				return false
			}
			if p.lastMessage(i, lastKey) {
				bare++
				break
			}
			end := token(s, i)
			if end == i {
				return false // a newline
			}
			bare++
			if open {
				last = record.Field{Key: last.Key, Val: p.span(value, end)}
			} else if end == len(s) && p.head.taken[roleMessage] == 0 && s[i] != '=' {
				p.r.Body = p.span(i, end) // phuslu/log's, without quotes
				p.head.taken[roleMessage] = keyOthers
			} else {
				return false
			}
			i = end
			continue
		}
		if pairs > 0 {
			p.pair(lastKey, hash, last)
		}
		pairs++
		p.head.keys++
		if guessed {
			lastKey, hash = g.key, g.hash
		} else {
			name := p.b.Bytes(key)
			lastKey, hash = lookup(name)
			if s[i] != '"' {
				*g = pairGuess(name, lastKey, hash)
			}
		}
		value = next
		if last, i, open = p.pairValue(key, next); i < len(s) && s[i] == ' ' {
			i++
		}
		if h := &p.head; h.count < 4 {
			h.order = h.order<<8 | uint32(lastKey)
			h.count++
		}
	}
	if pairs > 0 {
		p.pair(lastKey, hash, last)
	}
	t := &p.head.taken
	header := t[roleTime] != 0 || t[roleLevel] != 0
	switch {
	case header && pairs >= 2:
	case bare == 0 && pairs >= 2:
	case bare == 0 && pairs == 1 && isLogfmt(p.hint):
	default:
		return false
	}
	p.settle(p.logfmtDialect())
	if !header && t[roleMessage] == 0 {
		p.r.Body = p.span(0, len(s))
	}
	return true
}

// lastMessage takes the message in quotes that phuslu/log has behind all pairs.
func (p *Parser) lastMessage(i int, before key) bool {
	s := p.src
	if s[i] != '"' || p.head.taken[roleMessage] != 0 || before != 0 && keys[before].role == roleMessage {
		return false
	}
	e, found := quoted(s, i+1)
	if e != len(s)-1 {
		return false
	}
	p.r.Body = p.span(i+1, e)
	if found&escapes != 0 {
		p.r.Body = p.unescaped(s[i+1 : e])
	}
	p.head.taken[roleMessage] = keyOthers
	return true
}

func isLogfmt(format uint8) bool {
	switch format {
	case record.FormatLogfmt, record.FormatSlogText, record.FormatLogrusText, record.FormatGokitLogfmt, record.FormatTracingLogfmt,
		record.FormatApex, record.FormatCharm, record.FormatLog15, record.FormatPhuslu:
		return true
	}
	return false
}

func (p *Parser) pair(k key, hash uint, f record.Field) {
	if k == 0 {
		p.addHashed(f, hash)
		return
	}
	p.promote(k, f)
}

// logfmtDialect returns which library wrote the pairs.
func (p *Parser) logfmtDialect() uint8 {
	t := &p.head.taken
	first, second, third := p.head.first()
	switch {
	case t[roleMessage] == keyOthers:
		return record.FormatPhuslu
	case first == keyTs && second == keyLevel && third == keyTarget:
		return record.FormatTracingLogfmt
	case first == keyTimestamp && second == keyLevel && third == keyMessage:
		return record.FormatApex
	case t[roleTime] != 0 && t[roleTime] == t[roleTimeMaybe] && keys[first].name == "t" && keys[second].name == "lvl":
		return record.FormatLog15
	case first == keyTime && len(p.src) > 10 && p.src[5] == '"' && p.src[10] == '/':
		return record.FormatCharm
	case first == keyTime && second == keyLevel && p.head.flags&upperLevel != 0:
		return record.FormatSlogText
	case first == keyTime && second == keyLevel && len(p.src) > 5 && p.src[5] == '"':
		return record.FormatLogrusText
	case t[roleTime] == keyTs && t[roleLogger] != keyTarget:
		return record.FormatGokitLogfmt
	}
	return record.FormatLogfmt
}

// pairKey returns the key that starts at i and the index of its value.
func (p *Parser) pairKey(i int) (k record.Span, next int, ok bool) {
	s := p.src
	if s[i] == '"' {
		e, found := quoted(s, i+1)
		if e < 0 || e+1 >= len(s) || s[e+1] != '=' || e == i+1 {
			return record.Span{}, 0, false
		}
		if found&escapes != 0 {
			return p.unescaped(s[i+1 : e]), e + 2, true
		}
		return p.span(i+1, e), e + 2, true
	}
	j := i
	for j < len(s) && keyByte(s[j]) {
		j++
	}
	if j == i || j == len(s) || s[j] != '=' {
		return record.Span{}, 0, false
	}
	return p.span(i, j), j + 1, true
}

// keyByte reports whether c may be in a key without quotes.
func keyByte(c byte) bool { return keyBytes[c] }

var keyBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = c > ' ' && c != '=' && c != '"' && c != '{' && c != '(' && c != ','
	}
	return t
}()

// pairValue returns the field of a value that starts at i, and the index behind
// it. Raw says that it has no quotes.
func (p *Parser) pairValue(key record.Span, i int) (f record.Field, next int, raw bool) {
	s := p.src
	f.Key = key
	if i < len(s) && s[i] == '"' {
		e, found := quoted(s, i+1)
		if e >= 0 && (e+1 == len(s) || blank(s[e+1])) {
			f.Val = p.span(i+1, e)
			if found&escapes != 0 {
				f.Val = p.unescaped(s[i+1 : e])
			}
			return f, e + 1, false
		}
		if e = unescapedQuotes(s, i+1); e > 0 {
			f.Val = p.span(i+1, e)
			return f, e + 1, false
		}
	}
	e := token(s, i)
	if e > i && s[i] >= 'A' && e-i > len("false") {
		f.Val = p.span(i, e) // no number, and no other word that typed knows
		return f, e, true
	}
	return p.typed(f, i, e), e, e > i
}

// unescapedQuotes returns the quote that ends the value starting at i, in which
// there are others that nobody escaped, as old logrus writes them: it ends the
// line, or a key follows. It is 0 if there is none.
func unescapedQuotes(s []byte, i int) int {
	line := s[:lineEnd(s, i)]
	for n := 0; n < 64 && i < len(line); n++ {
		j := bytes.IndexByte(line[i:], '"')
		if j < 0 {
			return 0
		}
		i += j + 1
		if i == len(line) {
			return i - 1
		}
		if line[i] != ' ' {
			continue
		}
		k := i + 1
		for k < len(line) && keyByte(line[k]) {
			k++
		}
		if k > i+1 && k < len(line) && line[k] == '=' {
			return i - 1
		}
	}
	return 0
}

// token returns the index of the first blank at or behind i.
func token(s []byte, i int) int {
	for i+8 <= len(s) {
		w := binary.LittleEndian.Uint64(s[i:])
		m := (w - ones*(' '+1)) &^ w & highs // bytes up to the blank
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		if blank(s[i]) {
			return i
		}
		i++ // another control character
	}
	for i < len(s) && !blank(s[i]) {
		i++
	}
	return i
}

// typed gives f the value src[lo:hi], which has no quotes: a number, true,
// false, null if it is one, and text otherwise.
func (p *Parser) typed(f record.Field, lo, hi int) record.Field {
	s := p.src[lo:hi]
	if len(s) == 0 {
		return f
	}
	switch c := s[0]; {
	case c-'0' < 10 || c == '-':
		if e, integer, n := number(p.src[:hi], lo); e == hi {
			if integer {
				return record.IntField(f.Key, n)
			}
			f.Kind = record.Number
		}
	case c == 't' && string(s) == "true", c == 'f' && string(s) == "false":
		return record.BoolField(f.Key, c == 't')
	case c == 'n' && (string(s) == "null" || string(s) == "nil"), c == '<' && string(s) == "<nil>":
		f.Kind = record.Null
		return f
	}
	f.Val = p.span(lo, hi)
	return f
}

// tail finds the key=value pairs at the end of src[lo:hi] behind a message
// without quotes, as slog's default handler writes them, and returns where the
// message ends. If there are none, it is hi.
func (p *Parser) tail(lo, hi int) (end int) {
	s := p.src[:hi]
	at := lo
	for range 8 { // "a = b" in messages; more of them than this, and it is text
		i := bytes.IndexByte(s[at:], '=')
		if i < 0 {
			return hi
		}
		at += i + 1
		start := pairStart(s, lo, at-1)
		if start > lo && p.eventPairs(start, hi) {
			for end = start; end > lo && blank(s[end-1]); end-- {
			}
			return end
		}
	}
	return hi
}

// pairStart returns where the key in front of the equals sign at i starts, -1
// if there is none.
func pairStart(s []byte, lo, i int) int {
	if i > lo && s[i-1] == '"' {
		j := bytes.LastIndexByte(s[lo:i-1], '"')
		if j < 1 || !blank(s[lo+j-1]) {
			return -1
		}
		return lo + j
	}
	j := i
	for j > lo && !blank(s[j-1]) {
		if s[j-1] == '"' {
			return -1
		}
		j--
	}
	if j == i {
		return -1
	}
	return j
}

// eventPairs adds the pairs src[i:hi] as fields of the event. It reports whether
// they are nothing but pairs.
func (p *Parser) eventPairs(i, hi int) bool {
	n, end := p.findPairs(i, hi, onOneLine)
	if n > 0 && end == hi {
		p.addEventPairs(n, hi)
		return true
	}
	for n > 0 && end < hi { // more than there is room for: are they all pairs?
		n, end = p.findPairs(end, hi, onOneLine)
	}
	if n == 0 {
		return false
	}
	for i < hi {
		n, i = p.findPairs(i, hi, onOneLine)
		p.addEventPairs(n, hi)
	}
	return true
}

// addEventPairs adds the first n places, which end at hi at the latest, as logfmt
// reads keys and values in quotes.
func (p *Parser) addEventPairs(n, hi int) {
	for i := range p.places[:n] {
		v := &p.places[i]
		var f record.Field
		var k key
		var hash uint
		switch {
		case v.guess != nil:
			f.Key = p.span(v.at, v.key)
			k, hash = v.guess.key, v.guess.hash
		case p.src[v.at] == '"':
			f.Key, _, _ = p.pairKey(v.at)
			k, hash = lookup(p.b.Bytes(f.Key))
		default:
			k, hash = p.keyOf(v, &f)
		}
		p.head.keys++
		if value := v.key + 1; value < hi && p.src[value] == '"' {
			f, _, _ = p.pairValue(f.Key, value)
		} else {
			f = p.typed(f, v.lo, v.hi)
		}
		p.promoteHashed(k, hash, f)
	}
}
