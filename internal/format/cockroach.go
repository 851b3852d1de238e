package format

import (
	"bytes"

	"shipper/internal/record"
)

// cockroach parses the formats crdb-v1 and crdb-v2 of CockroachDB's log files
// (pkg/util/log, 19 to 25), which begin as glog's does but have a year. Lines of
// crdb-v2 that go on with the record of the line before have its header again,
// and a mark in front of the text.
//
//	I170929 03:09:41.434035 543 sql/session.go:1370  [n1,client=10.0.0.7:1] text
//	I160622 14:16:12.840036 cli/start.go:317  text
//	I210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [T1,n1] 40  text
//	I210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [T1,n1] 40 +its second line
//	I210116 21:49:17.080713 14 1@util/log/event_log.go:32 ⋮ [-] 32 ={"EventType":"node_restart"}
func (p *Parser) cockroach() bool {
	s := p.src
	if len(s) < 32 || s[7] != ' ' || s[1]-'0' > 9 {
		return false
	}
	h, ok := crdbHeaderAt(s[:lineEnd(s, 0)])
	if !ok {
		return false
	}
	p.r.Time, p.r.TimeSource = h.ns, record.TimeLine
	p.r.Severity, p.r.SeverityText = klogSeverity(s[0]), p.span(0, 1)
	if h.goroutine > 0 {
		p.addInt(nameGoroutine, h.goroutine)
	}
	if h.channel > 0 {
		p.addInt(nameChannel, h.channel)
	}
	p.addPlace(p.span(h.file, h.file+h.name), h.line)
	if h.tags < h.tagsEnd && string(s[h.tags:h.tagsEnd]) != "-" {
		p.addText(nameTags, p.span(h.tags, h.tagsEnd))
	}
	if h.counted && bytes.IndexByte(s, '\n') >= 0 {
		h.text = p.crdbJoin(h)
		s = p.src
	}
	if h.mark == '=' && h.text < len(s) && s[h.text] == '{' {
		p.crdbEvent(h.text)
		return true
	}
	p.message(h.text, len(s))
	return true
}

// crdbHeader is what is in front of the text of a line.
type crdbHeader struct {
	ns                 int64
	goroutine, channel uint64
	file, name         int // where the file's name starts, and its length
	line               int64
	tags, tagsEnd      int
	counted            bool // crdb-v2: a counter and a mark
	mark               byte
	text               int
}

func crdbHeaderAt(s []byte) (h crdbHeader, ok bool) {
	if len(s) < 24 {
		return h, false
	}
	switch s[0] {
	case 'I', 'W', 'E', 'F':
	default:
		return h, false
	}
	year, ok1 := two(s[1:])
	month, ok2 := two(s[3:])
	day, ok3 := two(s[5:])
	sec, frac, n, ok4 := timeOfDay(s[8:])
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || day < 1 || day > 31 {
		return h, false
	}
	h.ns = (days(2000+year, month, day)*86400+sec)*1e9 + frac
	i := 8 + n
	if i+1 >= len(s) || s[i] != ' ' {
		return h, false
	}
	e := token(s, i+1)
	h.file = min(e+1, len(s))
	if h.goroutine, ok = decimal(s[i+1 : e]); !ok { // before version 1.1
		h.file = i + 1
	}
	const std = "(gostd) "
	if bytes.HasPrefix(s[h.file:], []byte(std)) {
		h.file += len(std)
	}
	e = token(s, h.file)
	if j := bytes.IndexByte(s[h.file:min(e, h.file+4)], '@'); j > 0 {
		if h.channel, ok = decimal(s[h.file : h.file+j]); ok {
			h.file += j + 1
		}
	}
	if h.name, h.line = fileLine(s[h.file:e]); h.name == 0 {
		return h, false
	}
	h.body(s, e)
	return h, true
}

// body finds what is behind the place: a marker, tags, a counter and a mark.
func (h *crdbHeader) body(s []byte, i int) {
	const marker = " ⋮ "
	redactable := bytes.HasPrefix(s[i:], []byte(marker))
	if redactable {
		i += len(marker)
	} else {
		for i < len(s) && s[i] == ' ' {
			i++
		}
	}
	h.mark, h.text = ' ', i
	if i >= len(s) || s[i] != '[' {
		return
	}
	e := bytes.IndexByte(s[i:lineEnd(s, i)], ']')
	if e < 0 || bytes.IndexByte(s[i:i+e], ' ') >= 0 {
		return
	}
	h.tags, h.tagsEnd = i+1, i+e
	i += e + 1
	if i < len(s) && s[i] == ' ' {
		i++
	}
	h.text = i
	for i < len(s) && s[i]-'0' < 10 {
		i++
	}
	if i >= len(s) || s[i] != ' ' {
		return
	}
	if i+1 == len(s) || bytes.IndexByte([]byte(" =!+|"), s[i+1]) >= 0 {
		h.counted, h.text = true, min(i+2, len(s))
		if i+1 < len(s) {
			h.mark = s[i+1]
		}
	} else if redactable && i > h.text {
		h.text = i + 1 // crdb-v1 with a counter
	}
}

// crdbJoin makes a record of several lines one without the headers of the lines
// behind the first, and returns where its text starts.
func (p *Parser) crdbJoin(h crdbHeader) int {
	s := p.src
	at := len(p.b.Arena)
	end := lineEnd(s, 0)
	p.b.Arena = append(p.b.Arena, s[h.text:end]...)
	for i := end + 1; i <= len(s); i = end + 1 {
		end = lineEnd(s, i)
		line := s[i:end]
		next, ok := crdbHeaderAt(line)
		if !ok || !next.counted {
			p.b.Arena = append(append(p.b.Arena, '\n'), line...)
			continue
		}
		if next.mark != '|' {
			p.b.Arena = append(p.b.Arena, '\n')
		}
		p.b.Arena = append(p.b.Arena, line[next.text:]...)
	}
	p.move(at)
	return 0
}

// crdbEvent takes a structured event, the object at i: what it has are fields.
func (p *Parser) crdbEvent(i int) {
	s := p.src
	p.r.Body = p.span(i, len(s))
	if e, _ := nested(s, i); e == len(s) {
		p.object(i+1, true)
	}
}
