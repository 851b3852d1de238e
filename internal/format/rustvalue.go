package format

import (
	"bytes"

	"shipper/internal/record"
)

// rustEvent makes src[lo:hi] the body and the fields of an event of tracing:
// "message key=value key=value". Where the message has an equals sign, fields
// and message cannot be told apart, and the fields win. It reports whether there
// are fields.
func (p *Parser) rustEvent(lo, hi int) (fields bool) {
	s := p.src
	i := firstField(s, lo, hi)
	if i < hi && bytes.IndexByte(s[lo:i], '\n') >= 0 {
		if e := lineEnd(s[:hi], i); e+1 < hi && s[e+1] == ' ' {
			i = hi // of a span in the middle of a trace
		}
	}
	end := i
	for end > lo && blank(s[end-1]) {
		end--
	}
	p.r.Body = p.span(lo, end)
	for i < hi {
		key, g := p.rustKey(i, hi, '=')
		if key == i {
			return fields
		}
		fields = true
		v := p.rustValue(i, key, hi, false)
		p.promoteHashed(g.key, g.hash, p.rustTyped(p.span(i, key), v))
		if i = v.hi; i < hi && s[i] == ' ' {
			i++
		}
	}
	return fields
}

// rustKey returns the index behind the key of the field at i, which ends with
// the given byte, i if there is none, and what the key means.
func (p *Parser) rustKey(i, hi int, end byte) (key int, g *guess) {
	s := p.src
	g = &p.rustKeys[p.head.keys%uint8(len(p.rustKeys))]
	p.head.keys++
	if g.length > 0 && (g.is(s, i, end) || g.last(s, i, end)) {
		return i + g.length, g
	}
	key = identEnd(s[:hi], i)
	if key == i || key >= hi || s[key] != end {
		return i, g
	}
	if name := s[i:key]; !g.same(name) {
		k, hash := lookup(name)
		*g = guessOf(name, k, hash)
	}
	return key, g
}

// rustValue returns the field whose key is src[i:key]. It is rustField with a
// short way for values of one word.
func (p *Parser) rustValue(i, key, end int, span bool) rustValue {
	s := p.src
	hi := key + 1
	for hi < end && plainBytes[s[hi]] {
		hi++
	}
	if hi == end && !span || hi < end && (s[hi] == ' ' && p.rustKeyAt(hi+1, end) || s[hi] == '}' && span) {
		return rustValue{key: key, lo: key + 1, hi: hi, plain: true}
	}
	return rustField(s, i, key, end, span)
}

// rustKeyAt reports whether there is the key of a field at i.
func (p *Parser) rustKeyAt(i, end int) bool {
	s := p.src
	if g := &p.rustKeys[p.head.keys%uint8(len(p.rustKeys))]; g.length > 0 && (g.is(s, i, '=') || g.last(s, i, '=')) {
		return true
	}
	e := identEnd(s[:end], i)
	return e > i && e < end && s[e] == '='
}

// rustTyped returns the field of a value.
func (p *Parser) rustTyped(key record.Span, v rustValue) record.Field {
	f := record.Field{Key: key}
	switch {
	case v.quoted && v.found&escapes != 0:
		f.Val = p.unescaped(p.src[v.lo+1 : v.hi-1])
	case v.quoted:
		f.Val = p.span(v.lo+1, v.hi-1)
	default:
		f = p.typed(f, v.lo, v.hi)
	}
	return f
}

// firstField returns where the first field in s[lo:hi] starts; hi if there is none.
func firstField(s []byte, lo, hi int) int {
	for at := lo; at < hi; {
		i := bytes.IndexByte(s[at:hi], '=')
		if i < 0 {
			return hi
		}
		i += at
		j := i
		for j > at && isIdent(s[j-1]) {
			j--
		}
		if j < i && (j == lo || s[j-1] == ' ') && s[j]-'0' > 9 {
			return j
		}
		at = i + 1
	}
	return hi
}

// rustValue is where a field of tracing is: its key ends at key, its value goes
// from lo to hi. Quoted says that the value is one string, and found what is in
// it; plain that it is text without quotes that JSON has as it is.
type rustValue struct {
	key, lo, hi   int
	quoted, plain bool
	found         uint8
}

// rustField returns the field whose key is s[i:key]. Its value goes on to the next
// field or to end, in a span to the brace that ends the span's fields. There is
// no field if the key is empty.
func rustField(s []byte, i, key, end int, span bool) (v rustValue) {
	if key >= end || s[key] != '=' {
		return rustValue{key: i}
	}
	v.key = key
	v.lo = v.key + 1
	hi := v.lo
	if hi < end && s[hi] == '"' {
		if e, found := quoted(s[:end], hi+1); e > 0 {
			if hi = e + 1; hi == end || s[hi] == ' ' || span && s[hi] == '}' {
				v.hi, v.quoted, v.found = hi, true, found
				return v
			}
		}
	}
	depth := 0
	for ; hi < end; hi++ {
		if !delimits[s[hi]] {
			continue
		}
		switch s[hi] {
		case '"':
			if e, _ := quoted(s[:end], hi+1); e > 0 {
				hi = e
			}
		case '{', '(', '[':
			depth++
		case '}':
			if depth == 0 && span {
				v.hi = hi
				return v
			}
			depth = max(depth-1, 0)
		case ')', ']':
			depth = max(depth-1, 0)
		case ' ':
			if depth > 0 {
				continue
			}
			if e := identEnd(s[:end], hi+1); e > hi+1 && e < end && s[e] == '=' {
				v.hi = hi
				return v
			}
		}
	}
	v.hi = end
	return v
}

// colonEvent makes src[lo:hi] the body and the fields of an event that has its
// fields as "message, key: value, key: value". Where the message has a comma, a
// word and a colon, the two cannot be told apart, and the fields win. Nested
// says that values are in Rust's Debug form, with quotes and brackets.
func (p *Parser) colonEvent(lo, hi int, nested bool) {
	s := p.src
	i := lo
	if !startsScalar(s[:hi], lo, nested) {
		open, at := 0, lo
		for i = lo; i < hi; i++ {
			j := bytes.IndexByte(s[i:hi], ',')
			if j < 0 {
				i = hi
				break
			}
			if i += j; colonKey(s, i+1, hi) > 0 {
				if open, at = open+braces(s[at:i]), i; open <= 0 {
					break
				}
			}
		}
	}
	p.r.Body = p.span(lo, trimBack(s, lo, i))
	if i > lo {
		i = min(i+2, hi)
	}
	p.colonFields(i, hi, nested)
}

// braces returns how many braces text opens and does not close.
func braces(text []byte) int {
	return bytes.Count(text, []byte("{")) - bytes.Count(text, []byte("}"))
}

// colonFields adds the fields "key: value, key: value" of src[i:hi].
func (p *Parser) colonFields(i, hi int, nested bool) {
	s := p.src
	for i < hi {
		key, g := p.rustKey(i, hi, ':')
		if key == i || key+1 < hi && s[key+1] != ' ' {
			return
		}
		v := colonValue(s, key, hi, nested)
		if name := p.span(i, key); nested || !p.has(name, g.hash) { // slog's newest come first
			p.promoteHashed(g.key, g.hash, p.rustTyped(name, v))
		}
		i = min(v.hi+2, hi)
	}
}

// startsScalar reports whether s starts at i with a field whose value is a
// number, a string in quotes or a value with brackets up to the next field,
// without Debug's form one that is empty: a message has no such start.
func startsScalar(s []byte, i int, nested bool) bool {
	v := colonField(s, i, len(s), nested)
	if v.key == i || !nested {
		return v.key > i && v.hi == v.lo
	}
	value := s[v.lo:v.hi]
	return v.quoted || jsonScalar(value) || len(value) > 0 && (value[len(value)-1] == '}' || value[len(value)-1] == ')' || value[len(value)-1] == ']')
}

// colonKey returns the index behind the key of the field that starts behind a
// blank at i, 0 if there is none.
func colonKey(s []byte, i, hi int) int {
	if i >= hi || s[i] != ' ' {
		return 0
	}
	e := identEnd(s[:hi], i+1)
	if e == i+1 || e >= hi || s[e] != ':' || e+1 < hi && s[e+1] != ' ' && s[e+1] != '\n' {
		return 0
	}
	return e
}

// colonField returns the field "key: value" at i.
func colonField(s []byte, i, end int, nested bool) rustValue {
	key := identEnd(s[:end], i)
	if key == i || key >= end || s[key] != ':' || key+1 < end && s[key+1] != ' ' {
		return rustValue{key: i}
	}
	return colonValue(s, key, end, nested)
}

// colonValue returns the field whose key ends at key. Its value goes on to the
// next ", key: " or to end.
func colonValue(s []byte, key, end int, nested bool) (v rustValue) {
	v.key = key
	v.lo = min(key+2, end)
	hi := v.lo
	if !nested {
		for open, at := 0, hi; ; {
			j := bytes.IndexByte(s[hi:end], ',')
			if j < 0 {
				v.hi = end
				return v
			}
			if hi += j; colonKey(s, hi+1, end) > 0 {
				if open, at = open+braces(s[at:hi]), hi; open <= 0 {
					v.hi = hi
					return v
				}
			}
			hi++
		}
	}
	if hi < end && s[hi] == '"' {
		if e, found := quoted(s[:end], hi+1); e > 0 {
			if hi = e + 1; hi == end || s[hi] == ',' && (hi+1 == end || s[hi+1] == ' ') {
				v.hi, v.quoted, v.found = hi, true, found
				return v
			}
		}
	}
	depth := 0
	for ; hi < end; hi++ {
		switch c := s[hi]; {
		case c == ',':
			if depth == 0 && colonKey(s, hi+1, end) > 0 {
				v.hi = hi
				return v
			}
		case !delimits[c]:
		case c == '"':
			if e, _ := quoted(s[:end], hi+1); e > 0 {
				hi = e
			}
		case c == '{' || c == '(' || c == '[':
			depth++
		case c != ' ':
			depth = max(depth-1, 0)
		}
	}
	v.hi = end
	return v
}

// delimits are the bytes that have a meaning in a value without quotes.
var delimits = [256]bool{'"': true, '{': true, '(': true, '[': true, '}': true, ')': true, ']': true, ' ': true}

// plainBytes are those that neither end a value nor need escapes in JSON.
var plainBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '\\' && !delimits[c]
	}
	return t
}()

// identEnd returns the index behind the identifier that starts at i: i if there
// is none.
func identEnd(s []byte, i int) int {
	for i < len(s) && isIdent(s[i]) {
		i++
	}
	return i
}

func isIdent(c byte) bool { return identBytes[c] }

// identBytes are letters, digits, what stands between them in names, and what
// is not ASCII.
var identBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = c|0x20 >= 'a' && c|0x20 <= 'z' || byte(c)-'0' < 10 || c == '_' || c == '.' || c == '-' || c >= 0x80
	}
	return t
}()

// appendQuoted appends text as a JSON string.
func appendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	for {
		i := 0
		for i < len(text) && text[i] >= ' ' && text[i] != '"' && text[i] != '\\' {
			i++
		}
		dst = append(dst, text[:i]...)
		if i == len(text) {
			return append(dst, '"')
		}
		switch c := text[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		text = text[i+1:]
	}
}
