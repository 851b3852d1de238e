package format

import "bytes"

// cloudHypervisor takes what Cloud Hypervisor writes, at lo, with the time since
// its start:
//
//	cloud-hypervisor: 16.865408ms: <vmm> INFO:vmm/src/vm.rs:1924 -- message
func (p *Parser) cloudHypervisor(lo int) bool {
	s := p.src
	head := s[:min(len(s), lo+96)]
	i := bytes.Index(head[lo:], []byte(": <")) + lo
	e := bytes.IndexByte(head[i+1:], '>') + i + 1
	if i < lo+1 || e < i+4 || e+6 >= len(s) || s[i-1] != 's' || s[e+1] != ' ' {
		return false
	}
	level := e + 2
	n, number := upperLevelAt(s[level:])
	rest := bytes.Index(s[level:min(len(s), level+256)], []byte(" -- "))
	if n == 0 || rest < n+2 || s[level+n] != ':' {
		return false
	}
	file, line := fileLine(s[level+n+1 : level+rest])
	if file == 0 {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, p.span(level, level+n)
	p.addText(nameThread, p.span(i+3, e))
	p.addPlace(p.span(level+n+1, level+n+1+file), line)
	if name := bytes.Index(s[lo:i], []byte(": ")); name > 0 {
		p.addText(nameService, p.span(lo, lo+name))
		p.addText(nameTimestamp, p.span(lo+name+2, i))
	}
	p.r.Body = p.span(level+rest+len(" -- "), len(s))
	return true
}
