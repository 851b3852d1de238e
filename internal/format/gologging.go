package format

import (
	"bytes"

	"shipper/internal/record"
)

// goLogging parses the format of op/go-logging's documentation, and
// Hyperledger Fabric's, which comes from it:
//
//	time [file.go:1 ]function ▶ LEVL id message
//	time [module] function -> LEVL id message
func (p *Parser) goLogging() bool {
	s := p.src
	ns, i, source := p.terminalTime()
	if i == 0 || i+8 > len(s) || s[i] != ' ' {
		return false
	}
	i++
	head := s[:min(len(s), i+256)]
	var module, function [2]int
	if s[i] == '[' {
		e := bytes.Index(head[i:], []byte("] "))
		if e < 0 {
			return false
		}
		module = [2]int{i + 1, i + e}
		i += e + 2
	}
	const arrow, ascii = "▶ ", "-> "
	place := i
	if n, _ := fileLine(head[i:token(head, i)]); n > 0 && sourceFile(head[i:i+n]) {
		i = min(token(head, i)+1, len(head))
	}
	e := token(head, i)
	function = [2]int{i, e}
	if i = e + 1; i < len(s) && bytes.HasPrefix(s[i:], []byte(arrow)) {
		i += len(arrow)
	} else if i < len(s) && bytes.HasPrefix(s[i:], []byte(ascii)) {
		i += len(ascii)
	} else {
		return false
	}
	level := i
	for i < len(s) && s[i]-'A' < 26 {
		i++
	}
	number := severityWord(s[level:i])
	id := i + 1
	if i-level < 4 || number == 0 || id >= len(s) || s[i] != ' ' {
		return false
	}
	for i = id; i < len(s) && unhex[s[i]] < 16; i++ {
	}
	if i == id || i < len(s) && s[i] != ' ' {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = number, p.span(level, min(id-1, level+8))
	p.r.Logger = p.span(module[0], module[1])
	if place < function[0] && module[1] == 0 {
		p.takePlace(place, function[0]-1)
	}
	p.addText(nameFunction, p.span(function[0], function[1]))
	p.addText(p.b.AddString("id"), p.span(id, i))
	p.message(min(i+1, len(s)), len(s))
	p.settle(record.FormatGoLogging)
	return true
}
