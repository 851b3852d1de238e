package format

import (
	"bytes"

	"shipper/internal/record"
)

// json parses an object (RFC 8259) that is all of the text. Raw control
// characters but the newline are let through, as sloppy encoders write them.
func (p *Parser) json() bool {
	end, ok := p.object(1, false)
	if !ok || skipBlanks(p.src, end) != len(p.src) {
		return false
	}
	p.head.flags |= isObject
	p.settle(p.dialect())
	if t := &p.head.taken; p.r.Body.Len == 0 && t[roleTime] == 0 && t[roleLevel] == 0 && t[roleMessage] == 0 {
		p.r.Body = p.span(0, len(p.src))
	}
	return true
}

// object parses the members of an object behind its brace, as fields of the
// record, and returns the index behind the object. Event says that it is not
// the record itself but what it says of the event.
func (p *Parser) object(i int, event bool) (end int, ok bool) {
	s := p.src
	if i = skipBlanks(s, i); i < len(s) && s[i] == '}' {
		return i + 1, true
	}
	for {
		if i >= len(s) || s[i] != '"' {
			return 0, false
		}
		var (
			f     record.Field
			k     key
			hash  uint
			e     int
			found uint8
		)
		if g := &p.objectKeys[p.head.keys%uint8(len(p.objectKeys))]; g.is(s, i+1, '"') {
			e = i + 1 + g.length
			f.Key, k, hash = p.span(i+1, e), g.key, g.hash
		} else {
			if e, found = quoted(s, i+1); e < 0 {
				return 0, false
			}
			name := s[i+1 : e]
			f.Key = p.span(i+1, e)
			if found&escapes != 0 {
				if !escaped(name) {
					return 0, false
				}
				f.Key = p.unescaped(name)
				name = p.b.Bytes(f.Key)
			}
			k, hash = lookup(name)
			if found == 0 {
				*g = guessOf(name, k, hash)
			}
		}
		p.head.keys++
		if i = e + 1; i >= len(s) {
			return 0, false
		}
		if s[i] != ':' {
			if i = skipBlanks(s, i); i >= len(s) || s[i] != ':' {
				return 0, false
			}
		}
		if i++; i >= len(s) {
			return 0, false
		}
		if s[i] <= ' ' {
			if i = skipBlanks(s, i); i >= len(s) {
				return 0, false
			}
		}
		if !event {
			h := &p.head
			if h.count < 4 {
				h.order = h.order<<8 | uint32(k)
			}
			h.count++
			h.last = k
		}
		switch c := s[i]; {
		case c == '"':
			var g uint8
			e, g = quoted(s, i+1)
			if e < 0 {
				return 0, false
			}
			f.Val = p.span(i+1, e)
			if g&escapes != 0 {
				at := len(p.b.Arena)
				var sound bool
				if p.b.Arena, sound = unescapeJSON(p.b.Arena, s[i+1:e]); !sound {
					return 0, false
				}
				f.Val = record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
			}
			found |= g
			i = e + 1
		case c == '-' || c-'0' < 10:
			e, integer, n := number(s, i)
			if e == 0 {
				return 0, false
			}
			if integer {
				f = record.IntField(f.Key, n)
			} else {
				f.Val, f.Kind = p.span(i, e), record.Number
			}
			i = e
		case c == '{' || c == '[':
			if k != 0 && keys[k].role == roleFields && c == '{' && !event && (k != keyFields || p.tracingFields(i)) {
				if k == keyFields {
					p.head.flags |= fieldsObject
				}
				if i, ok = p.object(i+1, true); !ok {
					return 0, false
				}
				goto next
			}
			var g uint8
			switch r := keys[k].role; {
			case r == roleSpanObject && c == '{' && !event:
				e, g = p.currentSpan(i)
			case r == roleSpanList && c == '[' && !event:
				e, g = p.spanList(i)
			default:
				e, g = nested(s, i)
			}
			if e == 0 {
				return 0, false
			}
			f.Val, f.Kind = p.span(i, e), record.JSON
			found |= g
			i = e
		default:
			e := literal(s, i)
			if e == 0 {
				return 0, false
			}
			if c == 'n' {
				f.Kind = record.Null
			} else {
				f = record.BoolField(f.Key, c == 't')
			}
			i = e
		}
		switch {
		case k == 0 || event && eventRoles>>keys[k].role&1 == 0 && keys[k].role != roleMessage:
			p.addHashed(f, hash)
		default:
			p.promote(k, f)
		}
	next:
		if found > escapes {
			if found&highBits != 0 {
				p.head.flags |= nonASCII
			}
			if found&controls != 0 {
				p.head.flags |= rawControls
			}
		}
		if i >= len(s) {
			return 0, false
		}
		if s[i] != ',' && s[i] != '}' {
			if i = skipBlanks(s, i); i >= len(s) {
				return 0, false
			}
		}
		switch s[i] {
		case '}':
			return i + 1, true
		case ',':
			if i++; i < len(s) && s[i] != '"' {
				i = skipBlanks(s, i)
			}
		default:
			return 0, false
		}
	}
}

// unescaped appends text with its escapes resolved to the arena.
func (p *Parser) unescaped(text []byte) record.Span {
	at := len(p.b.Arena)
	p.b.Arena = unescape(p.b.Arena, text)
	return record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
}

// jsonText returns the text of a JSON string, a part of the arena, with its quotes.
func (p *Parser) jsonText(value []byte) record.Span {
	text := unquote(value)
	if bytes.IndexByte(text, '\\') >= 0 {
		return p.unescaped(text)
	}
	if at := cap(p.src) - cap(text); at >= 0 && at+len(text) <= len(p.src) && (len(text) == 0 || &p.src[at] == &text[0]) {
		return p.span(at, at+len(text))
	}
	return p.b.Add(text)
}

// unquote returns what is between quotes, or value if it has none.
func unquote(value []byte) []byte {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		return value[1 : n-1]
	}
	return value
}

// embedded parses an object behind a few bytes of something else: a prompt, the
// start of a line of another process. It has to look like a record. The whole
// text is kept, too.
func (p *Parser) embedded(observed int64) bool {
	i := bytes.Index(p.src[:min(len(p.src), maxPrefix)], []byte(`{"`))
	if i <= 0 {
		return false
	}
	whole, base := p.src, p.base
	p.src, p.base = whole[i:], base+uint32(i)
	if t := &p.head.taken; p.json() && (t[roleTime] != 0 || t[roleLevel] != 0) && t[roleMessage] != 0 {
		p.addText(nameOriginal, record.Span{Off: base, Len: uint32(len(whole))})
		return true
	}
	p.src, p.base = whole, base
	p.again(observed)
	return false
}

// maxPrefix is how many bytes may stand before an object.
const maxPrefix = 48

// members iterates over the members of an object that is known to be sound.
// Keys and values are as they are written, keys without their quotes.
type members struct {
	text     []byte
	at       int
	key, val []byte
}

func (m *members) next() bool {
	i := skipBlanks(m.text, m.at+1) // behind the brace or the comma
	if i >= len(m.text) || m.text[i] != '"' {
		return false
	}
	e, _ := quoted(m.text, i+1)
	if e < 0 {
		return false
	}
	m.key = m.text[i+1 : e]
	if i = skipBlanks(m.text, e+1); i == len(m.text) || m.text[i] != ':' {
		return false
	}
	i = skipBlanks(m.text, i+1)
	if e, _ = nested(m.text, i); e == 0 {
		return false
	}
	m.val = m.text[i:e]
	m.at = skipBlanks(m.text, e)
	return true
}
