package format

import (
	"bytes"

	"shipper/internal/record"
)

// rustError parses the error that a Rust program ends with, and the chain of
// causes behind it as anyhow and eyre write it.
func (p *Parser) rustError() bool {
	const head = "Error: "
	s := p.src
	if !bytes.HasPrefix(s, []byte(head)) {
		return false
	}
	end := len(s)
	causes := bytes.Index(s, []byte("\nCaused by:\n"))
	if causes >= 0 {
		end = causes
	}
	for _, sign := range [...]string{"\nLocation:\n", "\nStack backtrace:\n"} {
		if i := bytes.Index(s, []byte(sign)); i >= 0 && i < end {
			end = i
		}
	}
	end = trimBack(s, len(head), end)
	body := p.span(len(head), end)
	p.r.Severity, p.r.SeverityText = 17, p.span(0, len("Error"))
	if causes < 0 {
		p.exception("Error", body, body)
	} else {
		message, chain := p.causes(body, causes+len("\nCaused by:\n"))
		p.exception("Error", body, message)
		p.add(record.Field{Key: nameChain, Val: chain, Kind: record.JSON})
	}
	p.errorPlace()
	return true
}

// causes returns the message with the causes from i on behind it, and the list
// of all of them.
func (p *Parser) causes(first record.Span, i int) (message, chain record.Span) {
	s := p.src
	head := p.b.Bytes(first)
	list := append(p.scratch[:0], '[')
	list = appendQuoted(list, head)
	at := len(p.b.Arena)
	p.b.Arena = append(p.b.Arena, head...)
	for i < len(s) && s[i] == ' ' {
		end := lineEnd(s, i)
		cause := bytes.TrimSpace(s[i:end])
		n := 0
		for n < len(cause) && cause[n]-'0' < 10 {
			n++
		}
		if n > 0 && n < len(cause) && cause[n] == ':' {
			cause = bytes.TrimLeft(cause[n+1:], " ")
		}
		p.b.Arena = append(append(p.b.Arena, ": "...), cause...)
		list = appendQuoted(append(list, ','), cause)
		i = end + 1
	}
	message = record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
	p.scratch = append(list, ']')
	return message, p.b.Add(p.scratch)
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
