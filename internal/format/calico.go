package format

import (
	"bytes"

	"shipper/internal/record"
)

// calico parses what Calico's components (libcalico-go/lib/logutils, 3.x)
// write: a header, and the fields of logrus behind the message, which are
// quoted, as Go writes values, or as they are.
//
//	2024-08-29 11:49:12.339 [WARNING][18] felix/health.go 233: Path lookup failed error=stat /x: no such file or directory name="/x"
func (p *Parser) calico() bool {
	s := p.src
	if len(s) < 40 || s[10] != ' ' || s[23] != ' ' || s[24] != '[' {
		return false
	}
	ns, n, source := p.clock.at(s)
	if n != 23 {
		return false
	}
	level := bytes.IndexByte(s[25:36], ']') + 25
	if level < 28 || s[level+1] != '[' {
		return false
	}
	number := severityWord(s[25:level])
	pid := level + 2
	e := pid
	for e < len(s) && s[e]-'0' < 10 {
		e++
	}
	id, ok := decimal(s[pid:e])
	if !ok || number == 0 || e+2 >= len(s) || s[e] != ']' || s[e+1] != ' ' {
		return false
	}
	file := e + 2
	name := token(s, file)
	line := min(name+1, len(s))
	e = line
	for e < len(s) && s[e]-'0' < 10 {
		e++
	}
	at, ok := decimal(s[line:e])
	if unknown := []byte("<nil>"); bytes.HasPrefix(s[line:], unknown) && bytes.HasSuffix(s[file:name], unknown) {
		e, name = line+len(unknown), file
	} else if !ok {
		return false
	}
	if e+1 >= len(s) || s[e] != ':' {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = number, p.span(25, level)
	p.addInt(namePid, id)
	if name > file {
		p.addText(nameFile, p.span(file, name))
		p.addInt(nameLine, at)
	}
	body := e + 1
	if s[body] == ' ' {
		body++
	}
	end := p.calicoFields(body)
	p.message(body, end)
	return true
}

// calicoFields adds the fields behind the message at i, and returns where the
// message ends. They start at the first key with a blank in front.
func (p *Parser) calicoFields(i int) (end int) {
	s := p.src
	stop := lineEnd(s, i)
	at := calicoKey(s[:stop], i)
	if at == stop {
		return len(s)
	}
	end = trimBack(s, i, at)
	for at < stop {
		if !identifierAt(s[:stop], at) {
			return len(s)
		}
		key := at
		at += bytes.IndexByte(s[at:], '=')
		f := record.Field{Key: p.span(key, at)}
		value := at + 1
		at = calicoValue(s[:stop], value)
		switch {
		case at-value >= 2 && s[value] == '"' && s[at-1] == '"':
			f.Val = p.span(value+1, at-1)
			if bytes.IndexByte(s[value:at], '\\') >= 0 {
				f.Val = p.unescaped(s[value+1 : at-1])
			}
		default:
			f = p.typed(f, value, at)
		}
		k, hash := lookup(s[key : value-1])
		p.promoteHashed(k, hash, f)
		at = skipBlanks(s[:stop], at)
	}
	if stop < len(s) {
		return len(s) // a message of several lines
	}
	return end
}

// calicoKey returns the index of the first "key=" at or behind i with a blank
// in front, the end if there is none.
func calicoKey(s []byte, i int) int {
	for at := i; ; {
		j := bytes.IndexByte(s[at:], '=')
		if j < 0 {
			return len(s)
		}
		at += j
		k := at
		for k > i && wordByte(s[k-1]) {
			k--
		}
		if k < at && (k == i || s[k-1] == ' ') {
			return k
		}
		at++
	}
}

// calicoValue returns the end of the value at i: of the string, of what has
// braces around it, or of the text up to the next key.
func calicoValue(s []byte, i int) int {
	if i < len(s) && s[i] == '"' {
		if e, _ := quoted(s, i+1); e >= 0 && (e+1 == len(s) || s[e+1] == ' ') {
			return e + 1
		}
	}
	depth := 0
	for j := i; j < len(s); j++ {
		if !delimits[s[j]] {
			continue
		}
		switch s[j] {
		case '"':
			if depth > 0 {
				e, _ := quoted(s, j+1)
				if e < 0 {
					return len(s)
				}
				j = e
			}
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			depth--
		case ' ':
			if depth <= 0 && identifierAt(s, j+1) {
				return j
			}
		}
	}
	return len(s)
}

// identifierAt reports whether "key=" is at i.
func identifierAt(s []byte, i int) bool {
	j := i
	for j < len(s) && j < i+64 && wordByte(s[j]) {
		j++
	}
	return j > i && j < len(s) && s[j] == '='
}

// wordByte reports whether c may be in the key of a field.
func wordByte(c byte) bool {
	return c|0x20-'a' < 26 || c-'0' < 10 || c == '_' || c == '-' || c == '.' || c == '/'
}
