package format

import (
	"bytes"

	"shipper/internal/record"
)

// gin parses what gin (1.12) writes of its own: requests, with the errors of
// each behind it, and what it says in debug mode. Its Recovery writes through
// package log: see ginRecovery.
//
//	[GIN] 2026/11/23 - 06:25:41 | 500 |  11.237µs |    10.0.0.7 | GET      "/err"
//	Error #01: dial tcp: connection refused
//	[GIN-debug] [WARNING] Running in "debug" mode.
func (p *Parser) gin() bool {
	s := p.src
	switch {
	case len(s) > 36 && string(s[1:6]) == "GIN] ":
		return p.ginRequest()
	case len(s) > 12 && string(s[1:12]) == "GIN-debug] ":
	default:
		return false
	}
	i := 12
	p.r.Severity, p.r.SeverityText = 5, p.span(5, 10)
	if lo, hi, rest, _, number := opening(s[i:]); number > 0 && s[i] == '[' {
		p.r.Severity, p.r.SeverityText = number, p.span(i+lo, i+hi)
		i += rest
	}
	p.r.Body = p.span(i, len(s))
	return true
}

func (p *Parser) ginRequest() bool {
	s := p.src
	ns, source := p.ginTime(s[6:])
	if source == 0 || s[27] != ' ' || s[28] != '|' {
		return false
	}
	line := lineEnd(s, 0)
	body := min(skipBlanks(s, 29), line)
	var column [3]record.Span // status, duration, client
	i := 29
	for c := range column {
		j := bytes.IndexByte(s[i:min(line, i+64)], '|')
		if j < 0 {
			return false
		}
		column[c] = p.trimmed(i, i+j)
		i += j + 1
	}
	status, ok := decimal(p.b.Bytes(column[0]))
	i = skipBlanks(s[:line], i)
	method := methodAt(s[i:line])
	if !ok || method == 0 {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Body = p.span(body, trimBack(s, body, line))
	p.addInt(nameStatus, status)
	p.addText(nameDuration, column[1])
	p.addText(nameClient, column[2])
	p.addText(nameMethod, p.span(i, i+method))
	if i = skipBlanks(s[:line], i+method); i < line && s[i] == '"' {
		if e, found := quoted(s[:line], i+1); e >= 0 {
			p.addText(nameURL, p.unquoted(i+1, e, found))
		}
	} else if i < line {
		p.addText(nameURL, p.span(i, trimBack(s, i, line)))
	}
	p.ginErrors(line)
	return true
}

// ginErrors takes the errors of a request from the lines behind i.
func (p *Parser) ginErrors(i int) {
	s := p.src
	const mark = "Error #01: "
	if i++; i >= len(s) || !bytes.HasPrefix(s[i:], []byte(mark)) {
		return
	}
	p.r.Severity, p.r.SeverityText = 17, p.span(i, i+len("Error"))
	p.addText(nameError, p.trimmed(i+len(mark), len(s)))
}

// ginTime parses gin's "2026/11/23 - 06:25:41"; source is 0 if there is none.
func (p *Parser) ginTime(s []byte) (ns int64, source record.TimeSource) {
	if len(s) < 21 || s[4] != '/' || s[7] != '/' || s[10] != ' ' || s[11] != '-' || s[12] != ' ' {
		return 0, 0
	}
	day, ok1 := date(s)
	sec, _, n, ok2 := timeOfDay(s[13:21])
	if !ok1 || !ok2 || n != 8 {
		return 0, 0
	}
	return p.clock.utc(day*86400+sec) * 1e9, record.TimeNoZone
}

// ginRecovery parses what gin's Recovery writes of a panic, from "[Recovery] "
// at i on: the request, in debug mode, then what was recovered, and the stack.
//
//	[Recovery] 2026/11/23 - 06:25:41 panic recovered:
//	GET /panic HTTP/1.1
//	Host: example.com
//
//	kaboom
//	/src/web.go:78 (0x1a47d84)
//		init.2.func1.3: e.GET("/panic", func(c *gin.Context) { panic("kaboom") })
func (p *Parser) ginRecovery(i int) bool {
	s := p.src
	const mark = " panic recovered:\n"
	body := i + len("[Recovery] ") + 22
	text := body + len(mark) - 1
	if text >= len(s) || !bytes.HasPrefix(s[i:], []byte("[Recovery] ")) || string(s[body-1:text]) != mark {
		return false
	}
	stack := ginStack(s, text)
	p.r.Format = record.FormatGin
	p.r.Severity = 17
	p.r.Body = p.span(body, trimBack(s, body, stack))
	message := text
	if p.requestLine(p.span(text, lineEnd(s, text))) {
		if j := bytes.Index(s[text:stack], []byte("\n\n")); j >= 0 {
			p.ginHeaders(text, text+j)
			message = text + j + 2
		}
	}
	p.addText(nameError, p.trimmed(message, stack))
	if stack < len(s) {
		p.addText(nameStack, p.span(stack, len(s)))
		p.ginPlace(stack)
	}
	return true
}

// ginHeaders takes the user agent of the request src[lo:hi].
func (p *Parser) ginHeaders(lo, hi int) {
	const name = "\nUser-Agent: "
	if j := bytes.Index(p.src[lo:hi], []byte(name)); j >= 0 {
		lo += j + len(name)
		p.addText(nameAgent, p.span(lo, min(lineEnd(p.src, lo), hi)))
	}
}

// ginStack returns where the lines "file:line (0xpc)" start, the end if there
// are none.
func ginStack(s []byte, i int) int {
	for ; i < len(s); i = lineEnd(s, i) + 1 {
		if n, _ := ginFrame(s[i:lineEnd(s, i)]); n > 0 {
			return i
		}
	}
	return len(s)
}

// ginFrame returns the length of the file's name in "file:line (0xpc)", and the
// line, 0 if it is something else.
func ginFrame(line []byte) (n int, number int64) {
	i := bytes.LastIndex(line, []byte(" (0x"))
	if i < 0 || line[len(line)-1] != ')' {
		return 0, 0
	}
	return fileLine(line[:i])
}

// ginPlace takes the place of the first frame from i on that is not the
// runtime's.
func (p *Parser) ginPlace(i int) {
	s := p.src
	for i < len(s) {
		end := lineEnd(s, i)
		if n, number := ginFrame(s[i:end]); n > 0 && !bytes.Contains(s[max(i-1, 0):i+n], []byte("runtime/")) {
			p.addPlace(p.span(i, i+n), number)
			if end+1 < len(s) && s[end+1] == '\t' {
				if j := bytes.Index(s[end+2:lineEnd(s, end+2)], []byte(": ")); j > 0 {
					p.addText(nameFunction, p.span(end+2, end+2+j))
				}
			}
			return
		}
		i = end + 1
	}
}
