package format

import "shipper/internal/record"

// stackOf returns the text of a stack trace that is a list of frames, as the
// runtime would print it: a line for each function, and one for its place. Such
// are zerolog's (pkgerrors 1.34) and those of other handlers of errors:
//
//	[{"func":"load","line":"20","source":"errors.go"},{"function":"main.main","file":"/src/main.go","line":7}]
//
// What is none is returned as it is.
func (p *Parser) stackOf(f record.Field) (val record.Span, kind record.Kind) {
	list := p.b.Bytes(f.Val)
	if list[0] != '[' {
		return f.Val, f.Kind
	}
	at := len(p.b.Arena)
	for i := 1; i < len(list); i++ {
		i = skipBlanks(list, i)
		end := 0
		if i < len(list) && list[i] == '{' {
			end, _ = nested(list, i)
		}
		if end == 0 || !p.appendFrame(list[i:end]) {
			break
		}
		if i = skipBlanks(list, end); i < len(list) && list[i] == ']' {
			return record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}, record.String
		}
		p.b.Arena = append(p.b.Arena, '\n')
	}
	p.b.Arena = p.b.Arena[:at]
	return f.Val, f.Kind
}

// appendFrame appends a frame's lines to the arena; false if object is none.
func (p *Parser) appendFrame(object []byte) bool {
	var function, file, line []byte
	for m := (members{text: object}); m.next(); {
		switch string(m.key) {
		case "func", "function", "name":
			function = unquote(m.val)
		case "source", "file", "filename":
			file = unquote(m.val)
		case "line", "lineno":
			line = unquote(m.val)
		}
	}
	if len(function) == 0 || len(file) == 0 {
		return false
	}
	p.b.Arena = append(unescape(p.b.Arena, function), "\n\t"...)
	p.b.Arena = unescape(p.b.Arena, file)
	if len(line) > 0 {
		p.b.Arena = append(append(p.b.Arena, ':'), line...)
	}
	return true
}
