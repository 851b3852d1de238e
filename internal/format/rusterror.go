package format

import (
	"bytes"

	"shipper/internal/record"
)

// rustError parses the error that a Rust program ends with, and the chain of
// causes behind it as anyhow and eyre write it; color-eyre numbers the error
// itself, too.
func (p *Parser) rustError() bool {
	const head = "Error: "
	s := p.src
	if bytes.HasPrefix(s, []byte("  × ")) { // miette's
		p.exception("Error", p.span(len("  × "), len(s)), p.span(len("  × "), len(s)))
		p.r.Severity = 17
		return true
	}
	if !bytes.HasPrefix(s, []byte(head[:len(head)-1])) || len(s) < len(head) || !blank(s[len(head)-1]) {
		return false
	}
	if i := skipBlanks(s, len(head)-1); bytes.HasPrefix(s[i:], []byte("0: ")) && s[i-1] == ' ' && bytes.IndexByte(s[:i], '\n') > 0 {
		return p.colorEyre(i - 3)
	}
	end := len(s)
	causes := bytes.Index(s, []byte(causedBy))
	if causes < 0 {
		causes = bytes.Index(s, []byte("\nCaused by these errors")) // SNAFU's
	}
	if causes >= 0 {
		end = causes
	}
	for _, sign := range [...]string{"\nLocation:\n", "\nStack backtrace:\n"} {
		if i := bytes.Index(s, []byte(sign)); i >= 0 && i < end {
			end = i
		}
	}
	start := min(len(head), end)
	if i := start + blanksAt(s, start); bytes.HasPrefix(s[i:end], []byte("× ")) { // as miette draws it
		start = i + len("× ")
	}
	end = trimBack(s, start, end)
	body := p.span(start, end)
	p.r.Severity, p.r.SeverityText = 17, p.span(0, len("Error"))
	if causes < 0 {
		p.exception("Error", body, body)
	} else {
		message, chain := p.causes(p.b.Bytes(body), s[min(lineEnd(s, causes+1)+1, len(s)):])
		p.exception("Error", body, message)
		p.add(record.Field{Key: nameChain, Val: chain, Kind: record.JSON})
	}
	p.errorPlace()
	return true
}

// causedBy stands in front of the causes of an error of anyhow and eyre.
const causedBy = "\nCaused by:\n"

// causes returns the error with its causes behind it, and the list of all of
// them. The causes are indented lines at the start of text: one of them without
// a number, or more with numbers, each with what lines behind it have none.
func (p *Parser) causes(first, text []byte) (message, chain record.Span) {
	list := appendQuoted(append(p.scratch[:0], '['), bytes.TrimPrefix(first, []byte(unwrapped)))
	at := len(p.b.Arena)
	p.b.Arena = append(p.b.Arena, first...)
	for i := 0; i < len(text); {
		lo, numbered := causeNumber(text, i)
		if text[i] != ' ' && !numbered { // they may have lost their indent
			break
		}
		hi := lineEnd(text, lo)
		for i = hi + 1; i < len(text) && text[i] == ' '; i = hi + 1 {
			if _, next := causeNumber(text, i); next && numbered {
				break
			}
			hi = lineEnd(text, i)
		}
		cause := bytes.TrimSpace(text[lo:hi])
		p.b.Arena = append(append(p.b.Arena, ": "...), cause...)
		list = appendQuoted(append(list, ','), cause)
	}
	message = record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
	p.scratch = append(list, ']')
	return message, p.b.Add(p.scratch)
}

// unwrapped is what Result::unwrap puts in front of an error.
const unwrapped = "called `Result::unwrap()` on an `Err` value: "

// causeNumber returns where the text of the indented line at i starts, and
// whether there is a number in front: "   0: text".
func causeNumber(text []byte, i int) (lo int, numbered bool) {
	for i < len(text) && text[i] == ' ' {
		i++
	}
	n := i
	for n < len(text) && text[n]-'0' < 10 {
		n++
	}
	if n == i || n == len(text) || text[n] != ':' {
		return i, false
	}
	return n + 1, true
}

// errorPlace takes eyre's location and anyhow's backtrace.
func (p *Parser) errorPlace() {
	s := p.src
	if i := bytes.Index(s, []byte("\nLocation:\n")); i >= 0 {
		lo := i + len("\nLocation:\n")
		for lo < len(s) && s[lo] == ' ' {
			lo++
		}
		p.rustPlace(lo, lineEnd(s, lo))
	}
	if i := bytes.Index(s, []byte("\nStack backtrace:\n")); i >= 0 {
		p.addText(nameStack, p.span(i+len("\nStack backtrace:\n"), len(s)))
	}
}

// errorCauses takes the causes of an error that is a field of a record.
func (p *Parser) errorCauses(val record.Span) {
	text := p.b.Bytes(val)
	if bytes.IndexByte(text, '\n') < 0 {
		return
	}
	if i := bytes.Index(text, []byte(causedBy)); i >= 0 {
		message, chain := p.causes(bytes.TrimRight(text[:i], "\n"), text[i+len(causedBy):])
		p.add(record.Field{Key: nameError, Val: message})
		p.add(record.Field{Key: nameChain, Val: chain, Kind: record.JSON})
	}
}

// loggedError takes what a record of a log says of an error in its text: the
// panic that a hook logs, as log-panics (2) and the standard library's
// PanicHookInfo write it, and the causes of an error. The text stays as it is.
func (p *Parser) loggedError() {
	text := p.b.Bytes(p.r.Body)
	switch {
	case len(text) < 20:
	case text[0] == 't' && bytes.HasPrefix(text, []byte("thread '")):
		if i := bytes.Index(text[:lineEnd(text, 0)], []byte("' panicked at ")); i > 0 {
			p.loggedPanic(record.Span{Off: p.r.Body.Off + 8, Len: uint32(i - 8)}, i+len("' panicked at "))
		}
	case text[0] == 'p' && bytes.HasPrefix(text, []byte("panicked at ")):
		p.loggedPanic(record.Span{}, len("panicked at "))
	default:
		i := bytes.Index(text, []byte(causedBy))
		if i < 0 || p.has(nameError, keyHash(keyWord([]byte("exception.message")), len("exception.message"))) {
			return
		}
		message, chain := p.causes(bytes.TrimRight(text[:i], "\n"), text[i+len(causedBy):])
		p.set(record.Field{Key: nameError, Val: message})
		p.set(record.Field{Key: nameChain, Val: chain, Kind: record.JSON})
	}
}

// loggedPanic takes a panic whose place or message starts at i of the text:
//
//	'message', file:line:column
//	'message': file:line
//	file:line:column:
//	message
func (p *Parser) loggedPanic(thread record.Span, i int) {
	text := p.b.Bytes(p.r.Body)
	off := p.r.Body.Off
	var message, place []byte
	if text[i] == '\'' {
		line := text[i+1:]
		j := bytes.LastIndex(line, []byte("': "))
		if k := bytes.LastIndex(line, []byte("', ")); k > j {
			j = k
		}
		if j < 0 {
			return
		}
		message, place = line[:j], line[j+3:lineEnd(line, j+3)]
	} else {
		end := lineEnd(text, i)
		if place = text[i:end]; !bytes.HasSuffix(place, []byte(":")) {
			return
		}
		place = place[:len(place)-1]
		message = text[min(end+1, len(text)):]
	}
	n, number := fileLine(place)
	if n == 0 {
		return
	}
	column := int64(-1)
	if m, line := fileLine(place[:n]); m > 0 {
		n, number, column = m, line, number
	}
	at := func(part []byte) record.Span {
		return record.Span{Off: off + uint32(cap(text)-cap(part)), Len: uint32(len(part))}
	}
	p.r.Severity = 21
	if thread.Len > 0 {
		p.set(record.Field{Key: nameThread, Val: thread})
	}
	p.set(record.Field{Key: nameFile, Val: at(place[:n])})
	p.set(record.IntField(nameLine, number))
	if column >= 0 {
		p.set(record.IntField(nameColumn, column))
	}
	p.set(record.Field{Key: nameErrorType, Val: p.b.AddString("panic")})
	p.set(record.Field{Key: nameError, Val: at(message)})
}
