package format

import (
	"bytes"

	"shipper/internal/record"
)

// funcr parses what the text logger of logr's package funcr (1.4) writes, alone
// or, as stdr does, behind the header of package log. Values are Go's, objects
// have equals signs and blanks where JSON has colons and commas.
//
//	prefix: "ts"="2006-01-02 15:04:05.000000" "caller"={"file"="a.go" "line"=1} "level"=0 "msg"="text" "key"=1
func (p *Parser) funcr() bool {
	if !p.funcrMessage(p.sourceFile(0, ".go")) {
		return false
	}
	p.r.Format = record.FormatFuncr
	return true
}

func (p *Parser) funcrMessage(i int) bool {
	s := p.src
	at := bytes.IndexByte(s[i:min(len(s), i+128)], '"')
	if at < 0 || at == 1 || at > 1 && (s[i+at-2] != ':' || s[i+at-1] != ' ') {
		return false
	}
	at += i
	if !funcrKey(s[at:]) {
		return false
	}
	n := p.funcrPairs(at)
	if n == 0 {
		return false
	}
	if at > i+2 {
		p.r.Logger = p.span(i, at-2)
	}
	place := p.placed() // by package log
	level := false
	for j := range p.places[:n] {
		v := &p.places[j]
		name, k, hash := p.funcrName(v)
		header := p.r.Body.Len == 0
		if header && k == keyCaller && (place || p.funcrCaller(v.lo, v.hi)) {
			continue
		}
		f := p.funcrValue(v)
		f.Key = name
		switch {
		case header && k == keyLevel && f.Kind == record.Int:
			p.r.Severity, p.r.SeverityText = verbosity(f.Int()), p.span(v.lo, v.hi)
			level = true
		case header && k != 0:
			p.promote(k, f)
		default:
			p.promoteHashed(k, hash, f)
		}
	}
	if !level {
		p.r.Severity = 17 // logr's Error has none
	}
	return true
}

// placed reports whether the record has a place in the code.
func (p *Parser) placed() bool {
	for _, f := range p.b.FieldsOf(p.r) {
		if f.Key == nameFile {
			return true
		}
	}
	return false
}

// funcrKey reports whether s starts with a key that only the header of a record
// has.
func funcrKey(s []byte) bool {
	i := bytes.IndexByte(s[1:min(len(s), 10)], '"')
	if i < 0 || i+2 >= len(s) || s[i+2] != '=' {
		return false
	}
	switch string(s[1 : i+1]) {
	case "ts", "caller", "level", "msg", "logger":
		return true
	}
	return false
}

// funcrPairs finds the pairs that src[i:] consists of, and returns how many
// there are, 0 if there is anything else or no message.
func (p *Parser) funcrPairs(i int) (n int) {
	s := p.src
	message := false
	for i < len(s) {
		if s[i] == ' ' {
			i++
			continue
		}
		if s[i] != '"' || n == maxPairs {
			return 0
		}
		v := &p.places[n]
		e := 0
		if g := p.pairSlot(n); g != nil && g.length > 0 && g.is(s, i+1, '"') {
			e, v.guess = i+1+g.length, g
			message = message || g.key == keyMsg
		} else {
			e, _ = quoted(s, i+1)
			v.guess = nil
			message = message || e == i+4 && string(s[i+1:e]) == "msg"
		}
		if e < 0 || e+2 >= len(s) || s[e+1] != '=' {
			return 0
		}
		v.at, v.key, v.form, v.lo = i, e+1, plainValue, e+2
		n++
		switch s[v.lo] {
		case '"':
			if v.hi, v.found = quoted(s, v.lo+1); v.hi < 0 {
				return 0
			}
			v.lo++
			v.form, i = quotedValue, v.hi+1
		case '{', '[':
			if v.hi = funcrNested(s, v.lo); v.hi == 0 {
				return 0
			}
			v.form, i = jsonValue, v.hi
		default:
			v.hi = token(s, v.lo)
			i = v.hi
		}
		if i < len(s) && s[i] != ' ' {
			return 0
		}
	}
	if !message {
		return 0
	}
	return n
}

// funcrName returns the key of a pair and what lookup gives, and makes it the one
// that is guessed next time.
func (p *Parser) funcrName(v *place) (name record.Span, k key, hash uint) {
	text := p.src[v.at+1 : v.key-1]
	slot := p.pairSlot(0)
	p.head.keys++
	if g := v.guess; g != nil {
		return p.span(v.at+1, v.key-1), g.key, g.hash
	}
	if bytes.IndexByte(text, '\\') >= 0 {
		name = p.unescaped(text)
		k, hash = lookup(p.b.Bytes(name))
		return name, k, hash
	}
	k, hash = lookup(text)
	if slot != nil {
		*slot = pairGuess(text, k, hash)
	}
	return p.span(v.at+1, v.key-1), k, hash
}

// funcrCaller takes the {"file"="a.go" "line"=1} at src[lo:hi], and reports
// whether that is all there is.
func (p *Parser) funcrCaller(lo, hi int) bool {
	const file, line = `{"file"="`, `" "line"=`
	s := p.src[lo:hi]
	if !bytes.HasPrefix(s, []byte(file)) {
		return false
	}
	n := bytes.IndexByte(s[len(file):], '"') + len(file)
	if n < len(file) || !bytes.HasPrefix(s[n:], []byte(line)) || bytes.IndexByte(s[:n], '\\') >= 0 {
		return false
	}
	number, ok := decimal(s[n+len(line) : len(s)-1])
	if !ok {
		return false
	}
	p.addText(nameFile, p.spanOf(s[len(file):n]))
	p.addInt(nameLine, number)
	return true
}

// funcrNested returns the index behind the object or list at i, 0 if it has no end.
func funcrNested(s []byte, i int) int {
	for depth := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			if i, _ = quoted(s, i+1); i < 0 {
				return 0
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '\n':
			return 0
		}
	}
	return 0
}

func (p *Parser) funcrValue(v *place) (f record.Field) {
	switch v.form {
	case quotedValue:
		f.Val = p.unquoted(v.lo, v.hi, v.found)
		return f
	case jsonValue:
		return p.funcrJSON(v.lo, v.hi)
	}
	return p.typed(f, v.lo, v.hi)
}

// funcrJSON returns a field with the object or list src[lo:hi] as JSON; as text,
// if it has strings that JSON does not.
func (p *Parser) funcrJSON(lo, hi int) (f record.Field) {
	s := p.src[:hi]
	at := len(p.b.Arena)
	for i := lo; i < hi; i++ {
		c := s[i]
		switch c {
		case '"':
			e, _ := quoted(s, i+1)
			p.b.Arena = append(p.b.Arena, s[i:e]...)
			i = e
		case '=':
			c = ':'
		case ' ':
			c = ','
		}
		p.b.Arena = append(p.b.Arena, c)
	}
	if e, _ := nested(p.b.Arena[at:], 0); e == len(p.b.Arena)-at {
		f.Val, f.Kind = record.Span{Off: uint32(at), Len: uint32(e)}, record.JSON
		return f
	}
	p.b.Arena = p.b.Arena[:at]
	f.Val = p.span(lo, hi)
	return f
}
