package format

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"shipper/internal/record"
)

// clean makes src free of terminal control sequences and of carriage returns
// at line ends, and valid UTF-8. If there is anything to do, src becomes a copy
// at the end of the arena. It reports whether bytes were replaced by U+FFFD.
func (p *Parser) clean() (replaced bool) {
	if p.src[0] != '[' && p.src[0] != '^' && isPlain(p.src) {
		return false
	}
	if bytes.IndexByte(p.src, 0x1b) >= 0 || bytes.IndexByte(p.src, '\n') >= 0 && bytes.Contains(p.src, []byte("\r\n")) {
		at := len(p.b.Arena)
		p.b.Arena = appendStripped(p.b.Arena, p.src)
		p.move(at)
	}
	if c := p.src; len(c) > 3 && (c[0] == '[' || c[0] == '^') && pastedColour(c) > 0 {
		at := len(p.b.Arena)
		p.b.Arena = appendColourless(p.b.Arena, p.src)
		p.move(at)
	}
	if !utf8.Valid(p.src) {
		at := len(p.b.Arena)
		p.b.Arena = appendValid(p.b.Arena, p.src)
		p.move(at)
		replaced = true
	}
	return replaced
}

// isPlain reports whether all of text, which has none of its bytes to be
// changed then, is ASCII without control characters.
func isPlain(text []byte) bool {
	word := func(i int) uint64 {
		w := binary.LittleEndian.Uint64(text[i:])
		return (w - ones*' ') | w // bytes below the blank, and above ASCII
	}
	bad := uint64(0)
	for ; len(text) >= 32; text = text[32:] {
		bad |= word(0) | word(8) | word(16) | word(24)
	}
	for ; len(text) >= 8; text = text[8:] {
		bad |= word(0)
	}
	if bad&highs != 0 {
		return false
	}
	for _, c := range text {
		if c-' ' >= 0x80-' ' {
			return false
		}
	}
	return true
}

// pastedColour returns the length of the control sequence for a colour that text
// starts with, written as "^[[36m", or "[36m", its escape lost on the way over a
// screen; 0 if there is none.
func pastedColour(text []byte) int {
	i := 0
	if text[0] == '^' {
		i = 2
	}
	if i+2 >= len(text) || text[i] != '[' || i == 2 && text[1] != '[' {
		return 0
	}
	first, semi := 0, false
	for i++; i < len(text) && i < 16 && (text[i]-'0' < 10 || text[i] == ';'); i++ {
		if semi = semi || text[i] == ';'; !semi {
			first = first*10 + int(text[i]-'0')
		}
	}
	if first > 9 && first < 30 || first > 49 && first < 90 || first > 107 {
		return 0 // no colour
	}
	if i < len(text) && text[i] == 'm' && text[i-1] != '[' {
		return i + 1
	}
	return 0
}

// recoloured reports whether text has such a sequence in it, and behind it one
// that ends a colour: it is no text then.
func recoloured(text []byte) bool {
	coloured := false
	for i := 0; i < len(text); i++ {
		j := bytes.IndexByte(text[i:], '[')
		if j < 0 {
			return false
		}
		if i += j; pastedColour(text[i:]) > 0 {
			if coloured && text[i+1] == '0' {
				return true
			}
			coloured = true
		}
	}
	return false
}

// appendColourless appends text without such sequences, and without what stands
// for the escape in front of them.
func appendColourless(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		if c := text[i]; c == '[' || c == '^' {
			if n := pastedColour(text[i:]); n > 0 {
				dst = dst[:len(dst)-spelledEscape(text[:i])]
				i += n
				continue
			}
		}
		dst = append(dst, text[i])
		i++
	}
	return dst
}

// spelledEscape returns the length of the escape that text ends with, as symbol or
// as a programming language writes it.
func spelledEscape(text []byte) int {
	for _, sign := range [...]string{"␛", `\u001b`, `\u{1b}`, `\x1b`, `\x1B`, `\033`, "#033", `\e`} {
		if bytes.HasSuffix(text, []byte(sign)) {
			return len(sign)
		}
	}
	return 0
}

// tidy reports whether a text has nothing that clean would change.
func tidy(text []byte) bool { return utf8.Valid(text) && bytes.IndexByte(text, 0x1b) < 0 }

// move makes src what is in the arena from at on.
func (p *Parser) move(at int) {
	lo, hi := trim(p.b.Arena, at, len(p.b.Arena))
	p.src, p.base = p.b.Arena[lo:hi:hi], uint32(lo)
}

// appendStripped appends text without terminal control sequences (ECMA-48) and
// carriage returns at line ends.
func appendStripped(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == 0x1b:
			i += sequence(text[i:])
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
			i++
		default:
			j := i + 1
			for j < len(text) && text[j] != 0x1b && text[j] != '\r' {
				j++
			}
			dst = append(dst, text[i:j]...)
			i = j
		}
	}
	return dst
}

// sequence returns the length of the control sequence that text, with an
// escape in front, starts with.
func sequence(text []byte) int {
	if len(text) == 1 {
		return 1
	}
	switch text[1] {
	case '[': // CSI: parameters, then one letter
		for i := 2; i < len(text); i++ {
			if c := text[i]; c >= 0x40 && c <= 0x7e {
				return i + 1
			} else if c < 0x20 {
				return i
			}
		}
		return len(text)
	case ']': // OSC: text up to BEL or ST
		for i := 2; i < len(text) && i < 512; i++ {
			switch text[i] {
			case 7:
				return i + 1
			case 0x1b:
				if i+1 < len(text) && text[i+1] == '\\' {
					return i + 2
				}
				return i
			case '\n':
				return i
			}
		}
		return 2
	}
	i := 1
	for i < min(len(text), 8) && text[i] >= 0x20 && text[i] < 0x30 { // intermediate bytes, as in the choice of a character set
		i++
	}
	if i == len(text) || text[i] < 0x20 || text[i] >= 0x80 {
		return i
	}
	return i + 1
}

// appendValid appends text with U+FFFD for each run of bytes that are no UTF-8.
func appendValid(dst, text []byte) []byte {
	for len(text) > 0 {
		i := 0
		for i < len(text) {
			r, n := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		dst = append(dst, text[:i]...)
		text = text[i:]
		if len(text) == 0 {
			break
		}
		dst = append(dst, "\uFFFD"...)
		for len(text) > 0 {
			if r, n := utf8.DecodeRune(text); r != utf8.RuneError || n != 1 {
				break
			}
			text = text[1:]
		}
	}
	return dst
}

// stripSpan returns s, whose text was unescaped, without terminal control sequences.
func (p *Parser) stripSpan(s record.Span) record.Span {
	text := p.b.Bytes(s)
	if bytes.IndexByte(text, 0x1b) < 0 {
		return s
	}
	at := len(p.b.Arena)
	p.b.Arena = appendStripped(p.b.Arena, text)
	return record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
}
