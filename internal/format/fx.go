package format

import "bytes"

// fx parses the lines of uber/fx's console logger: "[Fx] EVENT\ttext". An error
// is behind the last colon that fx itself writes.
func (p *Parser) fx() bool {
	const head = "[Fx] "
	s := p.src
	if !bytes.HasPrefix(s, []byte(head)) {
		return false
	}
	p.r.Logger = p.span(1, 3)
	p.r.Body = p.span(len(head), len(s))
	if !bytes.HasPrefix(s[len(head):], []byte("ERROR")) {
		if i := bytes.Index(s, []byte(" failed in ")); i >= 0 {
			p.r.Severity = 17
			if j := bytes.Index(s[i:], []byte(": ")); j >= 0 {
				p.addText(nameError, p.span(i+j+2, len(s)))
			}
		}
		return true
	}
	p.r.Severity, p.r.SeverityText = 17, p.span(len(head), len(head)+len("ERROR"))
	const called = "\nFailed: "
	if i := bytes.Index(s, []byte(called)); i >= 0 {
		line := lineEnd(s, 0)
		p.r.Body = p.span(len(head), line)
		p.addText(nameError, p.span(i+len(called), len(s)))
		if line < i {
			p.addText(nameStack, p.span(line+1, i))
		}
		return true
	}
	for _, sign := range [...]string{"rolling back: ", "Failed to start: ", "Failed to stop: ", "roll back cleanly: ", "were applied: ", "custom logger: "} {
		if i := bytes.Index(s, []byte(sign)); i >= 0 {
			p.addText(nameError, p.span(i+len(sign), len(s)))
			break
		}
	}
	return true
}
