package format

import (
	"bytes"

	"shipper/internal/record"
)

// goStd parses what package log writes, with any of its flags that leave a
// date, or a time and a file, or a file, and what slog's default handler and
// grpclog write through it:
//
//	[prefix] [2006/01/02] [15:04:05[.000000]] [file.go:1:] [prefix] message
func (p *Parser) goStd() bool {
	s := p.src
	start := 0       // of the date
	if s[0] == ' ' { // HashiCorp's tools of old put four blanks before it
		if start = 4; !bytes.HasPrefix(s, []byte("    2")) || len(s) < 25 || string(s[23:25]) != " [" {
			return false
		}
	} else if s[0]-'0' > 9 {
		if start = stdPrefix(s); start < 0 {
			return p.goFileOnly()
		}
	}
	i := start
	if ns, n, source := p.clock.at(s[i:]); n > 0 && s[i+4] == '/' {
		p.r.Time, p.r.TimeSource = ns, source
		i += n
	} else if len(s) >= i+10 && s[i+4] == '/' && s[i+7] == '/' && (len(s) == i+10 || s[i+10] == ' ') {
		day, ok := date(s[i:])
		if !ok {
			return false
		}
		wall, n := day*86400, 10
		if m, ok := minuteAlone(&p.clock, s[i:]); ok { // of Iris
			wall, n = m, 16
		}
		p.r.Time, p.r.TimeSource = p.clock.utc(wall)*1e9, record.TimeNoZone
		i += n
	} else if sec, frac, n, ok := timeOfDay(s[i:]); ok && i == 0 && (n == 8 || n == 15) {
		if _, dated := dayBehind(s, n); dated {
			return false
		}
		p.r.Time, p.r.TimeSource = p.clock.dateless(sec, frac, p.near), record.TimeNoDate
		i += n
	} else {
		return false
	}
	if i < len(s) && s[i] != ' ' {
		return false
	}
	for i < len(s) && s[i] == ' ' {
		i++
	}
	if start == 1 && s[0] == '[' && zoneName(s[i-1:]) > 0 {
		return false
	}
	if n, _ := upperLevelAt(s[i:]); n > 0 && s[2] == ':' && i+n+2 < len(s) && s[i+n+1] == '[' && bytes.Contains(s[i+n:lineEnd(s, i)], []byte("::")) {
		return false // of Rust's
	}
	if start == 0 && charmHead(s, i) || i < len(s) && (s[i] == '[' || s[i] == '^') && pastedColour(s[i:]) > 0 && recoloured(s) {
		return false
	}
	if n := p.sourceFile(i, ".go"); n > i {
		i = p.sourceFunction(n)
	} else if n := p.sourceFile(i, ".rs"); n > i { // TiKV before 2.1
		i = n
		if a, b, rest, _, number := opening(s[i:]); number > 0 {
			p.r.Severity, p.r.SeverityText = number, p.span(i+a, i+b)
			i += rest
		}
		p.r.Body = p.span(i, len(s))
		return true
	}
	p.stdMessage(0, start, i)
	return true
}

// minuteAlone parses the "2006/01/02 15:04 " that s starts with.
func minuteAlone(c *clock, s []byte) (wall int64, ok bool) {
	if len(s) < 17 || s[16] != ' ' || s[13] != ':' {
		return 0, false
	}
	return c.minute(s)
}

// stdPrefix returns where the date behind a prefix starts, -1 if there is none.
func stdPrefix(s []byte) int {
	head := s[:min(len(s), 64)]
	for i := 0; ; i++ {
		j := bytes.IndexByte(head[i:], '/')
		if j < 0 {
			return -1
		}
		i += j
		if i >= 4 && len(s)-i >= 15 && s[i+3] == '/' && s[i+6] == ' ' && s[i+9] == ':' {
			if _, ok := date(s[i-4:]); ok {
				return i - 4
			}
		}
	}
}

// sourceFile takes the "file.go:1: " at i, of a file with the given extension
// of two letters, and returns the index behind it, i if there is none.
func (p *Parser) sourceFile(i int, extension string) int {
	s := p.src
	j := bytes.IndexByte(s[i:min(len(s), i+256)], ':')
	if j < 4 || string(s[i+j-3:i+j]) != extension || bytes.IndexByte(s[i:i+j], ' ') >= 0 {
		return i
	}
	e := i + j + 1
	for e < len(s) && s[e]-'0' < 10 {
		e++
	}
	n, line := fileLine(s[i:e])
	if n == 0 || e == len(s) || s[e] != ':' {
		return i
	}
	p.addPlace(p.span(i, i+n), line)
	if e++; e < len(s) && s[e] == ' ' {
		e++
	}
	return e
}

// sourceFunction takes the "name() " and the "[I] " at i, which Gitea writes
// behind file and line, and returns the index behind them.
func (p *Parser) sourceFunction(i int) int {
	s := p.src
	e := token(s, i)
	if e < i+3 || string(s[e-2:e]) != "()" || e+5 > len(s) || string(s[e:e+2]) != " [" || s[e+3] != ']' {
		return i
	}
	number := severityWord(s[e+2 : e+3])
	if number == 0 || s[e+2] > 'Z' {
		return i
	}
	p.addText(nameFunction, p.span(i, e-2))
	p.r.Severity, p.r.SeverityText = number, p.span(e+2, e+3)
	return e + 4 + blanksAt(s, e+4)
}

// goFileOnly parses a line that has a file in front, but neither date nor time.
func (p *Parser) goFileOnly() bool {
	i := p.sourceFile(0, ".go")
	if i == 0 {
		return false
	}
	p.stdMessage(0, 0, i)
	return true
}

// stdMessage takes the prefix src[lo:hi] and the message from i on.
func (p *Parser) stdMessage(lo, hi, i int) {
	s := p.src
	if p.stdWriter(i) {
		return
	}
	i = p.angleLevel(i)
	if p.slogDefault(i) {
		p.r.Format = record.FormatSlogDefault
		return
	}
	if a, b, rest, colon, number := opening(s[i:]); number > 0 {
		p.r.Severity, p.r.SeverityText = number, p.span(i+a, i+b)
		if colon {
			i = p.component(i + rest)
		} else if n := p.sourceFile(i+rest, ".rs"); n > i+rest { // TiKV of old
			i = n
		}
	} else {
		p.prefixLevel(lo, hi)
		p.pluginLevel(i)
	}
	p.message(i, p.datadogFields(i))
}

// prefixLevel takes the level in the prefix src[lo:hi], perhaps behind a name in
// brackets: "[xorm] [info]  ".
func (p *Parser) prefixLevel(lo, hi int) {
	s := p.src[:hi]
	if i := bytes.Index(s[lo:], []byte("] [")); i > 0 && s[lo] == '[' && severityWord(s[lo+1:lo+i]) == 0 {
		lo += i + 2
	}
	if a, b, _, _, number := opening(s[lo:]); number > 0 {
		p.r.Severity, p.r.SeverityText = number, p.span(lo+a, lo+b)
	}
}

// pluginLevel takes the level behind the name of a plugin, and perhaps its own
// time, in the message at i, as HashiCorp's tools pass it on:
//
//	packer-builder plugin: [INFO] text
//	packer: 2026/11/23 06:25:41 [WARN] text
func (p *Parser) pluginLevel(i int) {
	s := p.src
	n := bytes.Index(s[i:min(len(s), i+80)], []byte(": "))
	if p.r.Severity > 0 || n < 3 || s[i] == '[' || bytes.Count(s[i:i+n], []byte(" ")) > 1 {
		return
	}
	at := i + n + 2
	if _, n, _ := p.clock.at(s[at:]); n > 0 {
		at = skipBlanks(s, at+n)
	}
	if at >= len(s) || s[at] != '[' {
		return
	}
	if a, b, _, _, number := opening(s[at:]); number > 0 && b-a > 2 && s[at+a] < 'a' {
		p.r.Severity, p.r.SeverityText = number, p.span(at+a, at+b)
	}
}

// angleLevel takes the "juicefs[101222] <INFO>: " at i, of JuiceFS, and returns
// the index behind it, i if there is none.
func (p *Parser) angleLevel(i int) int {
	s := p.src
	e := token(s, i)
	if e == i || e+5 >= len(s) || s[e-1] != ']' || s[e+1] != '<' {
		return i
	}
	open := bytes.IndexByte(s[i:e], '[')
	hi := bytes.Index(s[e:min(len(s), e+16)], []byte(">: "))
	if open <= 0 || hi < 0 {
		return i
	}
	pid, ok := decimal(s[i+open+1 : e-1])
	number := severityWord(s[e+2 : e+hi])
	if !ok || number == 0 {
		return i
	}
	p.addInt(namePid, pid)
	p.r.Logger = p.span(i, i+open)
	p.r.Severity, p.r.SeverityText = number, p.span(e+2, e+hi)
	return e + hi + 3
}

// slogDefault parses what slog's default handler writes: LEVEL message pairs.
// The level alone does not tell it from a message that starts with a word.
func (p *Parser) slogDefault(i int) bool {
	s := p.src
	n := i
	for n < len(s) && n < i+10 && s[n] != ' ' {
		n++
	}
	level := s[i:n]
	if len(level) < 4 || n == len(s) && p.hint != record.FormatSlogDefault {
		return false
	}
	word, offset := level, false
	if c := level[len(level)-2]; c == '+' || c == '-' {
		word, offset = level[:len(level)-2], true
	}
	if string(word) != "INFO" && string(word) != "WARN" && string(word) != "ERROR" && string(word) != "DEBUG" {
		return false
	}
	number := severity(level)
	if number == 0 {
		return false
	}
	body := min(n+1, len(s))
	end := p.tail(body, len(s))
	if end == len(s) && !offset && p.hint != record.FormatSlogDefault {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, p.span(i, n)
	p.takeLogger()
	p.message(body, end)
	return true
}

// takeLogger makes a field that names the logger the record's.
func (p *Parser) takeLogger() {
	for i, f := range p.b.FieldsOf(p.r) {
		if f.Kind != record.String || f.Val.Len == 0 {
			continue
		}
		switch string(p.b.Bytes(f.Key)) {
		case "logger", "component", "module":
			p.r.Logger = f.Val
			p.drop(i)
			return
		}
	}
}

// message makes src[lo:hi] the body. The goroutines of a stack trace behind it
// become the trace of an exception.
func (p *Parser) message(lo, hi int) {
	s := p.src[lo:hi]
	if i := bytes.IndexByte(s, '\n'); i >= 0 {
		if j := bytes.Index(s[i:], []byte("\ngoroutine ")); j >= 0 {
			p.addText(nameStack, p.span(lo+i+j+1, hi))
			hi = lo + i + j
			p.recovered(lo, hi)
		}
	}
	p.r.Body = p.span(lo, hi)
}

// recovered takes what was recovered from the message in front of a stack trace.
func (p *Parser) recovered(lo, hi int) {
	s := p.src[lo:hi]
	for _, sign := range [...]string{"panic serving ", "recovered: ", "panic recovered: ", "panic: "} {
		i := bytes.Index(s, []byte(sign))
		if i < 0 {
			continue
		}
		i += len(sign)
		if sign == "panic serving " {
			j := bytes.Index(s[i:], []byte(": "))
			if j < 0 {
				continue
			}
			i += j + 2
		}
		p.addText(nameError, p.span(lo+i, hi))
		if p.r.Severity == 0 {
			p.r.Severity = 17
		}
		return
	}
}
