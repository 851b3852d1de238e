package format

import "bytes"

// goRace parses a report of Go's race detector.
func (p *Parser) goRace() bool {
	const head = "==================\nWARNING: "
	s := p.src
	if !bytes.HasPrefix(s, []byte(head)) {
		return false
	}
	end := lineEnd(s, len(head))
	text := p.span(len(head), end)
	p.exception("data race", text, text)
	p.r.Severity, p.r.SeverityText = 17, p.span(len(head)-len("WARNING: "), len(head)-2)
	if end < len(s) {
		stack := s[end+1:]
		if i := bytes.LastIndex(stack, []byte("\n==================")); i >= 0 {
			stack = stack[:i] // "Found 1 data race(s)" and an exit status may follow
		}
		p.addText(nameStack, p.span(end+1, end+1+len(stack)))
		p.raceFrame(end + 1)
	}
	return true
}

// raceFrame takes the place of the first frame behind i.
func (p *Parser) raceFrame(i int) {
	s := p.src
	function := lineEnd(s, i) + 1
	place := lineEnd(s, function) + 1
	if place >= len(s) {
		return
	}
	name := bytes.TrimSpace(s[function : place-1])
	name = bytes.TrimSuffix(name, []byte("()"))
	file := bytes.TrimSpace(s[place:lineEnd(s, place)])
	if j := bytes.IndexByte(file, ' '); j > 0 {
		file = file[:j]
	}
	n, line := fileLine(file)
	if n == 0 || len(name) == 0 {
		return
	}
	p.addPlace(p.spanOf(file[:n]), line)
	p.addText(nameFunction, p.spanOf(name))
}
