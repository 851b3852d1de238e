package format

import (
	"bytes"

	"shipper/internal/record"
)

// goPanic parses what the Go runtime writes when a program dies, and traces of
// goroutines: "panic: ", "fatal error: ", a signal, or goroutines alone. Lines
// are those of Go 1.26 and before.
func (p *Parser) goPanic() bool {
	s := p.src
	i := 0
	for _, sign := range [...]string{"runtime: ", "runtime/cgo: ", "unexpected fault address "} {
		if bytes.HasPrefix(s, []byte(sign)) {
			i = runtimeError(s)
		}
	}
	rest := s[i:]
	format := record.FormatGoPanic
	switch {
	case bytes.HasPrefix(rest, []byte("panic: ")):
		if bytes.HasPrefix(rest, []byte(`panic: {"`)) && rest[len(rest)-1] == '}' && lineEnd(rest, 0) == len(rest) {
			return false // torn: the line of another process
		}
		i = p.panicValue(i + len("panic: "))
	case bytes.HasPrefix(rest, []byte("fatal error: ")):
		format = record.FormatGoFatal
		text := p.span(i+len("fatal error: "), lineEnd(s, i))
		p.exception("fatal error", text, text)
		i = lineEnd(s, i)
	case bytes.HasPrefix(rest, []byte("goroutine ")) && bytes.HasSuffix(rest[:lineEnd(rest, 0)], []byte("]:")):
		p.r.Body = p.span(i, lineEnd(s, i))
		p.r.Severity = 17 // the program may have printed it and live on
	case bytes.HasPrefix(rest, []byte("Exception 0x")) && bytes.HasPrefix(rest[lineEnd(rest, 0):], []byte("\nPC=0x")):
		format = record.FormatGoFatal // on Windows
		text := p.span(i, lineEnd(s, i))
		p.exception("signal", text, text)
		i = lineEnd(s, i)
	case signalAt(rest) > 0:
		format = record.FormatGoFatal
		text := p.span(i, lineEnd(s, i))
		p.exception("signal", text, text)
		p.addText(nameSignal, p.span(i, i+signalAt(rest)))
		i = lineEnd(s, i)
	default:
		return false
	}
	p.r.Format = format
	if p.r.Severity == 0 {
		p.r.Severity = 21
	}
	for i < len(s) && s[i] == '\n' {
		i++
	}
	p.panicSignal(i)
	if i < len(s) {
		p.addText(nameStack, p.span(i, len(s)))
	}
	p.goroutine(i)
	return true
}

// runtimeError returns where the error starts that lines of the runtime are in
// front of, 0 if there is none.
func runtimeError(s []byte) int {
	for i := lineEnd(s, 0) + 1; i < len(s); i = lineEnd(s, i) + 1 {
		if rest := s[i:]; bytes.HasPrefix(rest, []byte("fatal error: ")) || bytes.HasPrefix(rest, []byte("panic: ")) || signalAt(rest) > 0 {
			return i
		}
	}
	return 0
}

// exception sets the body and adds the type and the message of an exception.
func (p *Parser) exception(kind string, body, message record.Span) {
	p.r.Body = body
	p.addText(nameErrorType, p.b.AddString(kind))
	p.addText(nameError, message)
}

// panicValue takes the value of a panic, from i on, and returns the index of the
// end of its last line. Lines of it behind the first have a tab in front, but for
// those of old versions; one that starts with "panic: " is another panic, in a
// deferred call.
func (p *Parser) panicValue(i int) int {
	s := p.src
	first := i
	end := lineEnd(s, i)
	for end < len(s) && valueLine(s[end+1:]) {
		end = lineEnd(s, end+1)
	}
	body, plain := end, bytes.IndexByte(s[i:end], '\n') >= 0
	nested := false
	for end < len(s) && indent(s, end+1) > 0 {
		nested = nested || bytes.HasPrefix(s[end+1+indent(s, end+1):], []byte("panic: "))
		end = lineEnd(s, end+1)
		if !nested {
			body = end
		}
	}
	text := s[first:body]
	for _, mark := range [...]string{" [recovered, repanicked]", " [recovered]"} {
		if !bytes.HasSuffix(text, []byte(mark)) {
			continue
		}
		text = text[:len(text)-len(mark)]
		p.b.AddField(record.BoolField(p.b.AddString("panic.recovered"), true))
		if mark != " [recovered]" {
			p.b.AddField(record.BoolField(p.b.AddString("panic.repanicked"), true))
		}
	}
	kind := "panic"
	if bytes.HasPrefix(text, []byte("runtime error: ")) {
		kind = "runtime error"
	}
	value := p.span(first, first+len(text))
	if !plain && bytes.IndexByte(text, '\n') >= 0 {
		value = p.unindented(text)
	}
	message := value
	if nested {
		message = p.span(first, end)
	}
	p.exception(kind, value, message)
	return end
}

// valueLine reports whether s starts with a line of a panic's value that is not indented.
func valueLine(s []byte) bool {
	if len(s) == 0 || blank(s[0]) || s[0] == '[' {
		return false
	}
	for _, sign := range [...]string{"goroutine ", "exit status ", "runtime stack:", "PC=0x", "panic: "} {
		if bytes.HasPrefix(s, []byte(sign)) {
			return false
		}
	}
	line := s[:lineEnd(s, 0)]
	return line[len(line)-1] != ')' || indent(s, len(line)+1) == 0 // a frame
}

// signalAt returns the length of the signal's name that s starts with: "SIGQUIT: ".
func signalAt(s []byte) int {
	if len(s) < 6 || string(s[:3]) != "SIG" {
		return 0
	}
	i := 3
	for i < len(s) && s[i] >= 'A' && s[i] <= 'Z' {
		i++
	}
	if i == 3 || i+1 >= len(s) || s[i] != ':' || s[i+1] != ' ' {
		return 0
	}
	return i
}

// panicSignal takes the "[signal SIGSEGV: ... code=0x1 addr=0x0 pc=0x0]" at i.
func (p *Parser) panicSignal(i int) {
	s := p.src
	if !bytes.HasPrefix(s[i:], []byte("[signal ")) {
		return
	}
	line := s[i:lineEnd(s, i)]
	if n := signalAt(line[len("[signal "):]); n > 0 {
		p.addText(nameSignal, p.span(i+len("[signal "), i+len("[signal ")+n))
	}
	for _, v := range [...]struct {
		sign string
		name record.Span
	}{{" code=", nameSigCode}, {" addr=", nameSigAddr}} {
		if j := bytes.Index(line, []byte(v.sign)); j > 0 {
			lo := j + len(v.sign)
			hi := lo
			for hi < len(line) && line[hi] != ' ' && line[hi] != ']' {
				hi++
			}
			p.addText(v.name, p.span(i+lo, i+hi))
		}
	}
}

// goroutine takes the number of the first goroutine behind i, and the place of
// its first function that is not the standard library's; where all are, of the
// first that is not the runtime's.
func (p *Parser) goroutine(i int) {
	s := p.src
	if !bytes.HasPrefix(s[i:], []byte("goroutine ")) {
		j := bytes.Index(s[i:], []byte("\ngoroutine "))
		if j < 0 {
			return
		}
		i += j + 1
	}
	lo := i + len("goroutine ")
	hi := lo
	for hi < len(s) && s[hi]-'0' < 10 {
		hi++
	}
	n, ok := decimal(s[lo:hi])
	if !ok || n > 1<<63-1 {
		return
	}
	p.b.AddField(record.IntField(nameGoroutine, int64(n)))
	first := -1
	for i = lineEnd(s, hi) + 1; i < len(s) && s[i] != '\n'; i = lineEnd(s, i) + 1 {
		end := lineEnd(s, i)
		if indent(s, i) > 0 || indent(s, end+1) == 0 {
			continue
		}
		line := s[i:end]
		paren := bytes.LastIndexByte(line, '(')
		if paren <= 0 || bytes.HasPrefix(line, []byte("panic(")) || bytes.HasPrefix(line, []byte("created by ")) || runtimeFunction(line) {
			continue
		}
		if !standardFunction(line) {
			first = i
			break
		}
		if first < 0 {
			first = i
		}
	}
	if first >= 0 {
		p.frame(first)
	}
}

// frame takes the function at i and the place on the line behind it.
func (p *Parser) frame(i int) {
	s := p.src
	end := lineEnd(s, i)
	place := end + 1 + indent(s, end+1)
	stop := place
	for stop < len(s) && s[stop] != ' ' && s[stop] != '\n' {
		stop++
	}
	if name, number := fileLine(s[place:stop]); name > 0 {
		p.addPlace(p.span(place, place+name), number)
		p.addText(nameFunction, p.span(i, i+bytes.LastIndexByte(s[i:end], '(')))
	}
}

// indent returns the length of the tab, or of the four blanks or more that it
// became on the way over a screen, that s[i:] starts with.
func indent(s []byte, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '\t':
		return 1
	}
	n := blanksAt(s, i)
	if n < 4 {
		return 0
	}
	return n
}

// runtimeFunction reports whether a frame is the runtime's own.
func runtimeFunction(line []byte) bool {
	for _, prefix := range [...]string{"runtime.", "runtime/debug.", "internal/runtime/", "testing.tRunner.func"} {
		if bytes.HasPrefix(line, []byte(prefix)) {
			return true
		}
	}
	return false
}

// standardFunction reports whether a frame is the standard library's, by the
// first element of its package's path: that of other packages has a dot in it,
// or is none of these.
func standardFunction(line []byte) bool {
	n := bytes.IndexAny(line[:min(len(line), 16)], "./")
	if n < 0 {
		return false
	}
	switch string(line[:n]) {
	case "archive", "bufio", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug", "embed", "encoding",
		"errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io", "iter", "log", "maps", "math", "mime",
		"net", "os", "path", "plugin", "reflect", "regexp", "runtime", "slices", "sort", "strconv", "strings", "sync", "syscall",
		"testing", "text", "time", "unicode", "unique", "vendor", "weak":
		return true
	}
	return false
}

// lineEnd returns the index of the first newline at or behind i.
func lineEnd(s []byte, i int) int {
	if i >= len(s) {
		return len(s)
	}
	if j := bytes.IndexByte(s[i:], '\n'); j >= 0 {
		return i + j
	}
	return len(s)
}
