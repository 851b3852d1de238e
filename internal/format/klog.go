package format

import (
	"bytes"
	"time"

	"shipper/internal/record"
)

// klog parses the header of klog and glog and what klog's structured calls
// write behind it:
//
//	Lmmdd hh:mm:ss.uuuuuu threadid file:line] "message" key="value" ...
func (p *Parser) klog() bool {
	switch p.src[0] {
	case '"':
		return p.klogBare()
	case 'L', 'R', 'B', 'P':
		return p.glogBanner()
	}
	i := p.klogHeader()
	if i < 0 {
		return false
	}
	if i < len(p.src) && (p.src[i] == '"' || klogrName(p.src[i:]) > 0) {
		if p.klogStructured(i) {
			return true
		}
		p.again(p.r.Observed) // a text with quotes
		p.klogHeader()
	}
	p.message(i, len(p.src))
	return true
}

// klogrName returns the length of the logger that klogr puts in front of its
// pairs, 0 if s does not start with one.
func klogrName(s []byte) int {
	n := bytes.IndexByte(s[:min(len(s), 128)], ' ')
	if n > 0 && (bytes.HasPrefix(s[n:], []byte(` "msg"="`)) || bytes.HasPrefix(s[n:], []byte(` "level"=`)) || bytes.HasPrefix(s[n:], []byte(` "error"=`))) {
		return n
	}
	return 0
}

// klogHeader takes the header and returns the index behind it, -1 if there is none.
func (p *Parser) klogHeader() int {
	s := p.src
	if len(s) < 24 || s[1]-'0' > 9 {
		return -1
	}
	ns, n, ok := p.clock.klog(s[1:], p.glogYear())
	if !ok {
		return -1
	}
	i := 1 + n
	first := i
	for i < len(s) && s[i] == ' ' {
		i++
	}
	if i == first+1 && s[i]|0x20 >= 'a' {
		return p.weedHeader(ns, i)
	}
	pid := i
	for i < len(s) && s[i]-'0' < 10 {
		i++
	}
	if pid == first || i == pid || i-pid > 10 || i == len(s) || s[i] != ' ' {
		return -1
	}
	file := i + 1
	j := bytes.IndexByte(s[file:min(len(s), file+256)], ']')
	if j < 0 {
		return -1
	}
	end := file + j
	name, line := fileLine(s[file:end])
	if name == 0 {
		return -1
	}
	p.r.Time, p.r.TimeSource = ns, record.TimeNoYear
	p.r.Severity, p.r.SeverityText = klogSeverity(s[0]), p.span(0, 1)
	number, _ := decimal(s[pid:i])
	p.b.AddField(record.IntField(namePid, int64(number)))
	p.addPlace(p.span(file, file+name), line)
	i = end + 1
	if i < len(s) && s[i] == ' ' {
		i++
	}
	return i
}

// weedHeader takes the place at i, and the time, of a line of SeaweedFS or of
// geth of old, which have no thread:
//
//	Lmmdd hh:mm:ss.uuuuuu file.go:322 text
//	Lmmdd hh:mm:ss.uuuuuu eth/file.go:322] text
func (p *Parser) weedHeader(ns int64, i int) int {
	s := p.src
	e := token(s, i)
	name, line := fileLine(bytes.TrimSuffix(s[i:e], []byte("]")))
	if name == 0 || !sourceFile(s[i:i+name]) || e == len(s) {
		return -1
	}
	p.r.Time, p.r.TimeSource = ns, record.TimeNoYear
	p.r.Severity, p.r.SeverityText = klogSeverity(s[0]), p.span(0, 1)
	p.addPlace(p.span(i, i+name), line)
	return e + 1
}

func klogSeverity(c byte) uint8 {
	switch c {
	case 'I':
		return 9
	case 'W':
		return 13
	case 'E':
		return 17
	case 'D': // gVisor's
		return 5
	}
	return 21
}

// klogStructured parses a message in quotes and the pairs behind it, or, as
// klogr writes it, pairs alone, perhaps with the logger in front of them:
//
//	logger "msg"="message" "key"="value"
func (p *Parser) klogStructured(i int) bool {
	s := p.src
	if n := klogrName(s[i:]); s[i] != '"' && n > 0 {
		p.r.Logger = p.span(i, i+n)
		return p.klogPairs(i + n)
	}
	e, found := quoted(s, i+1)
	if e < 0 {
		return false
	}
	if e+1 < len(s) && s[e+1] == '=' {
		return p.klogPairs(i)
	}
	p.r.Body = p.span(i+1, e)
	if found&escapes != 0 {
		p.r.Body = p.unescaped(s[i+1 : e])
	}
	return p.klogPairs(e + 1)
}

// klogPairs adds the pairs from i on; false if something is none.
func (p *Parser) klogPairs(i int) bool {
	s := p.src
	for i < len(s) {
		if blank(s[i]) {
			i++
			continue
		}
		key, next, ok := p.pairKey(i)
		if !ok {
			// Keys have blanks, now and then.
			if next = bytes.IndexByte(s[i:min(len(s), i+64)], '='); next <= 0 || bytes.IndexByte(s[i:i+next], '\n') >= 0 {
				return false
			}
			key, next = p.span(i, i+next), i+next+1
		}
		f := record.Field{Key: key}
		switch {
		case next+1 < len(s) && s[next] == '<' && s[next+1] == '\n':
			end := bytes.Index(s[next:], []byte("\n >"))
			if end < 0 {
				return false
			}
			f.Val = p.unindented(s[next+2 : max(next+2, next+end)])
			i = next + end + 3
		case next < len(s) && (s[next] == '{' || s[next] == '['):
			e, _ := nested(s, next)
			if e == 0 || e < len(s) && !blank(s[e]) {
				f.Val, i = p.goValue(next)
				break
			}
			f.Val, f.Kind = p.span(next, e), record.JSON
			i = e
		case next+1 < len(s) && s[next] == '&' && s[next+1] == '{', bytes.HasPrefix(s[next:], []byte("map[")):
			f.Val, i = p.goValue(next)
		default:
			f, i, _ = p.pairValue(key, next)
		}
		k, hash := lookup(p.b.Bytes(key))
		if k != 0 && (keys[k].role == roleMessage || keys[k].role == roleLogger) {
			p.promote(k, f)
		} else {
			p.promoteHashed(k, hash, f)
		}
	}
	return true
}

// goValue takes the value at i, as fmt writes that of a struct or a map, and
// returns the index behind it.
func (p *Parser) goValue(i int) (v record.Span, end int) {
	s := p.src[:lineEnd(p.src, i)]
	end = trimBack(s, i, calicoValue(s, i))
	return p.span(i, end), end
}

// unindented appends lines without the tab in front of each to the arena.
func (p *Parser) unindented(lines []byte) record.Span {
	at := len(p.b.Arena)
	for len(lines) > 0 {
		line := lines
		if i := bytes.IndexByte(lines, '\n'); i >= 0 {
			line = lines[:i+1]
		}
		lines = lines[len(line):]
		p.b.Arena = append(p.b.Arena, bytes.TrimPrefix(line, []byte("\t"))...)
	}
	return record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
}

// klogBare parses what klog's structured calls write without a header, with
// -skip_headers: a message in quotes, and at least one pair behind it.
func (p *Parser) klogBare() bool {
	s := p.src
	e, _ := quoted(s, 1)
	if e < 1 || e+3 >= len(s) || s[e+1] != ' ' {
		return false
	}
	if _, next, ok := p.pairKey(e + 2); !ok || next == len(s) {
		return false
	}
	return p.klogStructured(0)
}

// glogBanner parses the lines that a log file of glog and klog starts with,
// together or one by one. The first says which year it is.
//
//	Log file created at: 2026/11/23 06:25:41
//	Running on machine: node-17
//	Binary: Built with gc go1.26.8 for linux/amd64
//	Previous log: <none>
//	Log line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid file:line] msg
func (p *Parser) glogBanner() bool {
	const created, machine = "Log file created at: ", "Running on machine: "
	s := p.src
	end := lineEnd(s, 0)
	switch {
	case bytes.HasPrefix(s, []byte(created)):
		ns, n, source := p.clock.at(s[len(created):])
		if n == 0 || len(created)+n != end {
			return false
		}
		p.r.Time, p.r.TimeSource = ns, source
		p.rememberYear(ns)
		if next := min(end+1, len(s)); bytes.HasPrefix(s[next:], []byte(machine)) {
			p.addText(nameHost, p.span(next+len(machine), lineEnd(s, next)))
		}
	case bytes.HasPrefix(s, []byte(machine)):
		p.addText(nameHost, p.span(len(machine), end))
	case bytes.HasPrefix(s, []byte("Binary: Built with ")):
	case p.hint == record.FormatKlog && bytes.HasPrefix(s, []byte("Previous log: ")):
	case bytes.HasPrefix(s, []byte("Log line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid ")):
	default:
		return false
	}
	p.r.Body = p.span(0, len(s))
	return true
}

// What the stream's hint says of glog: the half year in which the file was
// created, counted from 2000 on. 0 is unknown.
const (
	stateHalf     = 9 // its first bit
	stateHalfMask = 1<<7 - 1
)

func (p *Parser) rememberYear(ns int64) {
	t := time.Unix(0, ns).UTC()
	half := (t.Year()-2000)*2 + int(t.Month()-1)/6
	if half > 0 && half <= stateHalfMask {
		p.state = p.state&^(stateHalfMask<<stateHalf) | uint64(half)<<stateHalf
	}
}

// glogYear returns a time that those of the file's lines are not behind: the end
// of the year that began with the half in which it was created, or when the
// record was written.
func (p *Parser) glogYear() int64 {
	half := int64(p.state >> stateHalf & stateHalfMask)
	if half == 0 {
		return p.near
	}
	end := days(2001+half/2, 1+half%2*6, 1) * 86400
	return (end - 1 - yearlessAhead) * 1e9 // which it may be behind
}
