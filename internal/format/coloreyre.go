package format

import (
	"bytes"

	"shipper/internal/record"
)

// colorEyre parses the report of an error as color-eyre (0.6) writes it, whose
// list of errors starts at i:
//
//	Error:
//	   0: failed to load config
//	   1: No such file or directory (os error 2)
//
//	Location:
//	   src/main.rs:4
//
//	  ━━━━━━━━ BACKTRACE ━━━━━━━━
//	   5: app::main
//	      at src/main.rs:4
//
//	Suggestion: create the file
func (p *Parser) colorEyre(i int) bool {
	p.r.Format = record.FormatColorEyre
	p.r.Severity, p.r.SeverityText = 17, p.span(0, len("Error"))
	body := p.eyreErrors(i)
	p.r.Body = body
	p.addText(nameErrorType, p.b.AddString("Error"))
	p.eyreRest(i)
	return true
}

// colorEyrePanic parses the report of a panic:
//
//	The application panicked (crashed).
//	Message:  index out of bounds
//	Location: src/main.rs:11
func (p *Parser) colorEyrePanic() bool {
	const head = "The application panicked (crashed).\n"
	s := p.src
	if !bytes.HasPrefix(s, []byte(head)) {
		return false
	}
	lo := len(head)
	if !bytes.HasPrefix(s[lo:], []byte("Message:")) {
		return false
	}
	lo = skipBlanks(s, lo+len("Message:"))
	end := len(s)
	// The last one: the message may be a report of an error.
	if j := bytes.LastIndex(s, []byte("\nLocation: ")); j >= lo {
		end = j
		place := j + len("\nLocation: ")
		p.anyPlace(place, lineEnd(s, place))
	}
	p.r.Severity = 21
	p.addText(nameErrorType, p.b.AddString("panic"))
	if j := bytes.Index(s[lo:end], []byte("\n   0: ")); j >= 0 {
		first := p.eyreErrors(lo + j + 1)
		p.r.Body = record.Span{Off: p.base + uint32(lo), Len: first.Off + first.Len - p.base - uint32(lo)}
	} else {
		p.r.Body = p.span(lo, trimBack(s, lo, end))
		p.addText(nameError, p.r.Body)
	}
	p.eyreStack(lo)
	return true
}

// eyreErrors takes the list of errors at i, "   0: text", and returns the first.
func (p *Parser) eyreErrors(i int) record.Span {
	s := p.src
	lo, _ := causeNumber(s, i)
	hi := lineEnd(s, lo)
	for hi+1 < len(s) && s[hi+1] == ' ' {
		if _, next := causeNumber(s, hi+1); next {
			break
		}
		hi = lineEnd(s, hi+1)
	}
	lo = skipBlanks(s[:hi], lo)
	first := p.span(lo, trimBack(s, lo, hi))
	message, chain := p.causes(p.b.Bytes(first), s[min(hi+1, len(s)):])
	p.addText(nameError, message)
	p.add(record.Field{Key: nameChain, Val: chain, Kind: record.JSON})
	return first
}

// eyreRest takes the place and the backtrace of a report.
func (p *Parser) eyreRest(i int) {
	s := p.src
	if j := bytes.Index(s[i:], []byte("\nLocation:\n")); j >= 0 {
		lo := i + j + len("\nLocation:\n")
		end := lineEnd(s, lo)
		p.anyPlace(skipBlanks(s[:end], lo), end)
	}
	p.eyreStack(i)
}

// anyPlace takes src[lo:end], "file:line" or "file:line:column", and reports
// whether it is one.
func (p *Parser) anyPlace(lo, end int) bool {
	return p.rustPlace(lo, end) || p.takePlace(min(lo, end), end)
}

// eyreStack takes the last backtrace, which ends with a blank line.
func (p *Parser) eyreStack(i int) {
	s := p.src
	j := bytes.LastIndex(s[i:], []byte("━ BACKTRACE ━"))
	if j < 0 {
		return
	}
	lo := min(lineEnd(s, i+j)+1, len(s))
	hi := len(s)
	if k := bytes.Index(s[lo:], []byte("\n\n")); k >= 0 {
		hi = lo + k
	}
	if hi = trimBack(s, lo, hi); hi > lo {
		p.addText(nameStack, p.span(lo, hi))
	}
}
