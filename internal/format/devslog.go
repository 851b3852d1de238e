package format

import (
	"bytes"

	"shipper/internal/record"
)

// devslog parses what golang-cz/devslog writes: a head, and a line for each
// attribute, with a mark for its type in front and groups indented by two:
//
//	[15:04:05] @@@ /src/file.go:1
//	 INFO  message
//	# number: 1
//	G group :
//	    text: value
//
// A member of a group has the group's name and a dot in front of its key, and so
// have those of structs, maps and slices. The place may be missing.
func (p *Parser) devslog() bool {
	s := p.src
	ns, i, source := p.clock.at(s[1:])
	if i == 0 {
		sec, frac, n, ok := timeOfDay(s[1:])
		if !ok {
			return false
		}
		ns, i, source = p.clock.dateless(sec, frac, p.near), n, record.TimeNoDate
	}
	if i++; i+2 >= len(s) || s[i] != ']' || s[i+1] != ' ' {
		return false
	}
	i += 2
	if bytes.HasPrefix(s[i:], []byte("@@@ ")) {
		e := lineEnd(s, i)
		if e == len(s) || !p.takePlace(i+4, e) {
			return false
		}
		i = e + 1
	}
	level := i + 1
	e := token(s[:min(len(s), i+10)], min(level, len(s)))
	if i >= len(s) || s[i] != ' ' || e < level+4 || e < len(s) && s[e] != ' ' || e+1 < len(s) && s[e+1] != ' ' {
		return false
	}
	number := severity(s[level:e])
	if number == 0 {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = number, p.span(level, e)
	lo := min(e+2, len(s))
	a := nextAttribute(s, lineEnd(s, lo), 0)
	p.r.Body = p.span(lo, trimBack(s, lo, a.line))
	p.attributes(a)
	p.settle(record.FormatDevslog)
	return true
}

// attribute is where an attribute of devslog is: its line, its key at
// src[key:keyEnd], its value at src[lo:hi].
type attribute struct {
	line, key, keyEnd, lo, hi int
	depth                     int
	mark                      byte
}

// maxGroups is how deep groups of devslog may be nested.
const maxGroups = 16

// attributes adds the attributes from a on.
func (p *Parser) attributes(a attribute) {
	s := p.src
	var (
		prefixes [maxGroups + 1]record.Span // of the members at a depth
		untyped  [maxGroups + 1]bool        // no member there has a mark: of structs, maps and slices
	)
	for a.line < len(s) {
		next := nextAttribute(s, lineEnd(s, a.lo), min(a.depth+1, maxGroups))
		a.hi = trimBack(s, a.lo, next.line)
		key := p.attributeKey(&a, prefixes[a.depth])
		switch {
		case a.mark == 'E' && a.lo == a.hi:
			next = p.attributeError(key, next)
		case next.line < len(s) && next.depth > a.depth:
			prefixes[next.depth], untyped[next.depth] = key, a.mark == 'S' || a.mark == 'M'
		default:
			if untyped[a.depth] && a.depth > 0 {
				a.mark = '#'
			}
			k, hash := lookup(p.b.Bytes(key))
			p.promotePair(k, hash, p.attributeValue(key, &a))
		}
		a = next
	}
}

// attributeKey returns the key of an attribute behind that of its group.
func (p *Parser) attributeKey(a *attribute, prefix record.Span) record.Span {
	if prefix.Len == 0 || a.depth == 0 {
		return p.span(a.key, a.keyEnd)
	}
	at := len(p.b.Arena)
	p.b.Arena = append(append(p.b.Arena, p.b.Bytes(prefix)...), '.')
	p.b.Arena = append(p.b.Arena, p.src[a.key:a.keyEnd]...)
	return record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
}

// attributeValue returns the field of an attribute by its mark.
func (p *Parser) attributeValue(key record.Span, a *attribute) record.Field {
	f := record.Field{Key: key}
	switch a.mark {
	case '!':
		f.Kind = record.Null
	case '#':
		f = p.typed(f, a.lo, a.hi)
	default:
		f.Val = p.span(a.lo, a.hi)
	}
	return f
}

// attributeError adds an error whose causes, from the outermost one, are the
// members behind it, and returns the attribute behind those.
func (p *Parser) attributeError(key record.Span, a attribute) attribute {
	s := p.src
	depth := a.depth
	at := len(p.b.Arena)
	list := append(p.scratch[:0], '[')
	n := 0
	for ; a.line < len(s) && a.depth == depth && depth > 0 && s[a.key]-'0' < 10; n++ {
		next := nextAttribute(s, lineEnd(s, a.lo), depth)
		cause := s[a.lo:trimBack(s, a.lo, next.line)]
		if n > 0 {
			p.b.Arena = append(p.b.Arena, ": "...)
			list = append(list, ',')
		}
		p.b.Arena = append(p.b.Arena, cause...)
		list = appendQuoted(list, cause)
		a = next
	}
	p.scratch = append(list, ']')
	f := record.Field{Key: key, Val: record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}}
	k, hash := lookup(p.b.Bytes(key))
	if k == 0 || keys[k].role != roleError || p.head.taken[roleError] != 0 {
		p.addHashed(f, hash)
		return a
	}
	p.promote(k, f)
	if n > 1 {
		p.add(record.Field{Key: nameChain, Val: p.b.Add(p.scratch), Kind: record.JSON})
	}
	return a
}

// nextAttribute returns the first attribute behind the line that ends at i, at
// most at the given depth. If there is none, its line is the end of s.
func nextAttribute(s []byte, i, depth int) attribute {
	for ; i < len(s); i = lineEnd(s, i+1) {
		if a, ok := attributeAt(s, i+1); ok && a.depth <= depth {
			return a
		}
	}
	return attribute{line: len(s)}
}

// attributeAt parses the line at i as "mark key  : value".
func attributeAt(s []byte, i int) (a attribute, ok bool) {
	a.line = i
	for i < len(s) && s[i] == ' ' {
		i++
	}
	indent := i - a.line
	a.mark = ' '
	if i+2 < len(s) && s[i+1] == ' ' && bytes.IndexByte([]byte("#*@GESM!"), s[i]) >= 0 {
		a.mark = s[i]
		i += 2
		indent += 2
	}
	if indent < 2 || indent%2 != 0 || i >= len(s) {
		return a, false
	}
	a.depth = indent/2 - 1
	line := s[:min(lineEnd(s, i), i+256)]
	a.key = i
	for {
		j := bytes.IndexByte(line[i:], ':')
		if j < 0 {
			return a, false
		}
		i += j
		if i+1 == len(line) || line[i+1] == ' ' {
			break
		}
		i++
	}
	a.keyEnd = trimBack(s, a.key, i)
	a.lo = min(i+2, lineEnd(s, i))
	return a, a.keyEnd > a.key
}
