package format

import (
	"bytes"

	"shipper/internal/record"
)

// spanHead is what a record takes from a span of tracing's JSON, besides the
// whole of it.
type spanHead struct {
	text, name, trace, id record.Span
}

// currentSpan parses tracing's current span, the object at i, and returns the
// index behind it, 0 if it is malformed, and what is in its strings.
func (p *Parser) currentSpan(i int) (end int, found uint8) {
	end, found = p.spanObject(i, &p.head.current)
	p.head.current.text = p.span(i, max(end, i))
	return end, found
}

// spanList parses tracing's list of spans, the array at i, outermost first. Its
// last one mostly is the current span again, and is not looked at twice.
func (p *Parser) spanList(i int) (end int, found uint8) {
	s := p.src
	current := p.b.Bytes(p.head.current.text)
	h := &p.head.inner
	if i = skipBlanks(s, i+1); i < len(s) && s[i] == ']' {
		return i + 1, 0
	}
	for i < len(s) {
		e, f := 0, uint8(0)
		switch n := i + len(current); {
		case s[i] != '{':
			e, f = nested(s, i)
		case n > i && n < len(s) && s[n] == ']' && bytes.Equal(s[i:n], current):
			e = n
			h.merge(&p.head.current)
		default:
			e, f = p.spanObject(i, h)
		}
		if e == 0 {
			return 0, found
		}
		found |= f
		if i = skipBlanks(s, e); i == len(s) || s[i] != ',' {
			break
		}
		i = skipBlanks(s, i+1)
	}
	if i >= len(s) || s[i] != ']' {
		return 0, found
	}
	return i + 1, found
}

// merge adds a span that is further in.
func (h *spanHead) merge(in *spanHead) {
	h.name = in.name
	if in.trace.Len > 0 {
		h.trace = in.trace
	}
	if in.id.Len > 0 {
		h.id = in.id
	}
}

// spanObject parses the span at i and puts what it has into h.
func (p *Parser) spanObject(i int, h *spanHead) (end int, found uint8) {
	s := p.src
	h.name = record.Span{}
	if i = skipBlanks(s, i+1); i < len(s) && s[i] == '}' {
		return i + 1, 0
	}
	for i < len(s) && s[i] == '"' {
		var e int
		var k key
		if g := &p.objectKeys[p.head.keys%uint8(len(p.objectKeys))]; g.is(s, i+1, '"') {
			e, k = i+1+g.length, g.key
		} else {
			var f uint8
			if e, f = quoted(s, i+1); e < 0 || f&escapes != 0 && !escaped(s[i+1:e]) {
				return 0, found
			}
			found |= f
			var hash uint
			k, hash = lookup(s[i+1 : e])
			if f == 0 {
				*g = guessOf(s[i+1:e], k, hash)
			}
		}
		p.head.keys++
		if i = e + 1; i >= len(s) || s[i] != ':' {
			if i = skipBlanks(s, i); i >= len(s) || s[i] != ':' {
				return 0, found
			}
		}
		if i++; i < len(s) && s[i] == '"' {
			e, f := quoted(s, i+1)
			if e < 0 || f&escapes != 0 && !escaped(s[i+1:e]) {
				return 0, found
			}
			found |= f
			if k != 0 {
				p.spanMember(h, k, i+1, e, f)
			}
			i = e + 1
		} else {
			e, f := nested(s, i)
			if e == 0 {
				return 0, found
			}
			found |= f
			i = e
		}
		if i < len(s) && s[i] != ',' && s[i] != '}' {
			i = skipBlanks(s, i)
		}
		if i >= len(s) {
			return 0, found
		}
		if s[i] == '}' {
			return i + 1, found
		}
		if s[i] != ',' {
			return 0, found
		}
		if i++; i < len(s) && s[i] != '"' {
			i = skipBlanks(s, i)
		}
	}
	return 0, found
}

// spanMember takes the text src[lo:hi] of a member of a span.
func (p *Parser) spanMember(h *spanHead, k key, lo, hi int, found uint8) {
	switch keys[k].role {
	case roleName:
		if h.name = p.span(lo, hi); found&escapes != 0 {
			h.name = p.unescaped(p.src[lo:hi])
		}
	case roleTrace:
		if n := hi - lo; n == 32 || n == 16 || n == 36 {
			h.trace = p.span(lo, hi)
		}
	case roleSpan:
		if hi-lo == 16 {
			h.id = p.span(lo, hi)
		}
	}
}

// settleSpans makes one list of tracing's current span and list of spans, and
// takes the trace IDs that no field of the event had.
func (p *Parser) settleSpans() {
	var list record.Span
	for i := range p.head.later {
		if k := &p.kept[i]; keys[k.key].role == roleSpanList {
			list = k.field.Val
		}
	}
	in := &p.head.inner
	if list.Len <= 2 {
		in = &p.head.current
		if in.text.Len <= 2 {
			return
		}
		at := len(p.b.Arena)
		p.b.Arena = append(p.b.Arena, '[')
		p.b.Arena = append(p.b.Arena, p.b.Bytes(in.text)...)
		p.b.Arena = append(p.b.Arena, ']')
		list = record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
	}
	p.add(record.Field{Key: nameSpans, Val: list, Kind: record.JSON})
	if in.name.Len > 0 {
		p.addText(nameSpan, in.name)
	}
	p.setTrace(p.b.Bytes(in.trace), rankSpans, false)
	p.setSpan(p.b.Bytes(in.id), rankSpans, false)
}
