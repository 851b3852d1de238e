package format

import (
	"bytes"

	"shipper/internal/record"
)

// rustEvent makes src[lo:hi] the body and the fields of an event of tracing:
// "message key=value key=value". Where the message has an equals sign, fields
// and message cannot be told apart, and the fields win.
func (p *Parser) rustEvent(lo, hi int) {
	s := p.src
	i := firstField(s, lo, hi)
	end := i
	for end > lo && blank(s[end-1]) {
		end--
	}
	p.r.Body = p.span(lo, end)
	for i < hi {
		key, from, to := rustField(s, i, hi)
		if key == i {
			return
		}
		f := record.Field{Key: p.span(i, key)}
		if value := s[from:to]; rustString(value) {
			f.Val = p.span(from+1, to-1)
			if bytes.IndexByte(value, '\\') >= 0 {
				f.Val = p.unescaped(value[1 : len(value)-1])
			}
		} else {
			f = p.typed(f, from, to)
		}
		p.promoteEvent(f)
		if i = to; i < hi && s[i] == ' ' {
			i++
		}
	}
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

// rustField returns where the key that starts at i ends, and the bounds of its
// value, which goes on to the next field or to end. There is no field if the
// key is empty.
func rustField(s []byte, i, end int) (key, lo, hi int) {
	key = identEnd(s[:end], i)
	if key == end || s[key] != '=' {
		return i, end, end
	}
	lo = key + 1
	if lo < end && s[lo] == '"' {
		if e, _ := quoted(s[:end], lo+1); e > 0 && (e+1 == end || s[e+1] == ' ') {
			return key, lo, e + 1
		}
	}
	depth := 0
	for hi = lo; hi < end; hi++ {
		switch s[hi] {
		case '"':
			if e, _ := quoted(s[:end], hi+1); e > 0 {
				hi = e
			}
		case '{', '(', '[':
			depth++
		case '}', ')', ']':
			depth = max(depth-1, 0)
		case ' ':
			if depth > 0 {
				continue
			}
			if e := identEnd(s[:end], hi+1); e > hi+1 && e < end && s[e] == '=' {
				return key, lo, hi
			}
		}
	}
	return key, lo, end
}

// rustString reports whether value is one string in quotes.
func rustString(value []byte) bool {
	if len(value) < 2 || value[0] != '"' {
		return false
	}
	e, _ := quoted(value, 1)
	return e == len(value)-1
}

// identEnd returns the index behind the identifier that starts at i: i if there
// is none.
func identEnd(s []byte, i int) int {
	for i < len(s) && isIdent(s[i]) {
		i++
	}
	return i
}

func isIdent(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' < 10 || c == '_' || c == '.' || c == '-' || c >= 0x80
}

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

// appendRequoted appends a string as Rust's Debug writes it as a JSON string.
func (p *Parser) appendRequoted(dst, value []byte) []byte {
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 || escaped(inner) {
		return append(dst, value...)
	}
	p.scratch = unescape(p.scratch[:0], inner)
	return appendQuoted(dst, p.scratch)
}
