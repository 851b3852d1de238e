package frame

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"shipper/internal/record"
)

// width is the encoding of a stream as far as framing depends on it.
type width uint8

const (
	narrow       width = iota // UTF-8 and all that has ASCII in bytes
	littleEndian              // UTF-16
	bigEndian
	widths
)

// maybeWide reports whether text may start as UTF-16 does, at next to no cost.
func maybeWide(text []byte) bool {
	return text[0] == 0 || text[0] >= 0xfe || len(text) > 1 && text[1] == 0
}

// widthOf returns the width of a line by its start: a byte order mark, or at
// least two characters of ASCII with a zero before or behind each.
func widthOf(text []byte) width {
	if len(text) < 3 {
		return narrow
	}
	switch {
	case text[0] == 0xff && text[1] == 0xfe:
		return littleEndian
	case text[0] == 0xfe && text[1] == 0xff:
		return bigEndian
	case text[0] == 0 && ascii(text, 1):
		return bigEndian
	case text[1] == 0 && ascii(text, 0):
		return littleEndian
	}
	return narrow
}

// ascii reports whether the first characters of text, two to four, are ASCII,
// the byte in each that is not zero being its first (0) or second (1).
func ascii(text []byte, at int) bool {
	text = text[:min(len(text), 8)]
	for i, c := range text {
		if i%2 == at && (c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != 0x1b || c > '~') || i%2 != at && c != 0 {
			return false
		}
	}
	return len(text) > 2
}

// newline reports whether a newline is at i, which is even.
func (w width) newline(text []byte, i int) bool {
	if w == littleEndian {
		return text[i] == '\n' && text[i+1] == 0
	}
	return text[i] == 0 && text[i+1] == '\n'
}

// lineEnd returns the end of the line that starts at an offset in data, its
// first bytes being known to have no newline, and whether it has a newline.
func (w width) lineEnd(data []byte, at, known int) (end int, ok bool) {
	for i := at + known; ; i++ {
		j := bytes.IndexByte(data[i:], '\n')
		if j < 0 {
			return len(data), false
		}
		i += j
		if k := i - (i-at)%2; k+1 < len(data) && w.newline(data, k) {
			return k + 2, true
		}
	}
}

// append appends text in UTF-8, without byte order mark, and U+FFFD for what is
// no UTF-16: invalid says that there is some.
func (w width) append(dst, text []byte) (out []byte, invalid bool) {
	unit := func(i int) rune {
		if w == littleEndian {
			return rune(text[i]) | rune(text[i+1])<<8
		}
		return rune(text[i])<<8 | rune(text[i+1])
	}
	for i := 0; i+1 < len(text); i += 2 {
		r := unit(i)
		if i == 0 && r == 0xfeff {
			continue
		}
		if utf16.IsSurrogate(r) {
			both := rune(utf8.RuneError)
			if i+3 < len(text) {
				both = utf16.DecodeRune(r, unit(i+2))
			}
			if r = both; both != utf8.RuneError {
				i += 2
			} else {
				invalid = true
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	if len(text)%2 == 1 && text[len(text)-1] != 0 {
		dst = utf8.AppendRune(dst, utf8.RuneError)
		invalid = true
	}
	return dst, invalid
}

// turned is the width of what follows a unit of a stream of width w, by its
// first bytes: bytes that were skipped may have been an odd number.
func (w width) turned(text []byte) width {
	if len(text) >= 4 && ascii(text[:4], 1-int(w-littleEndian)) {
		return littleEndian + bigEndian - w
	}
	return w
}

// wideLine takes the line of UTF-16 at an offset and returns where the next one
// starts, or -1 if it is unfinished.
func (c *Cutter) wideLine(data []byte, at int, final bool) (next int) {
	if at == c.from && c.looked == 0 && !c.weaving {
		if len(data)-at < 4 && !final {
			return -1
		}
		c.wide = c.wide.turned(data[at:])
	}
	end, ok := c.wide.lineEnd(data, at, c.looked)
	text := narrowAt(data[at:end], c.looked)
	if at > c.from && (text >= 0 || end-at > c.lineLimit || end-c.from > c.maxRecord) {
		c.finish(at, none)
		c.looked = 0
		return at // to be looked at as the start of a unit
	}
	if text >= 0 {
		c.finish(at, none)
		c.endAt(at + text)
		c.wide, c.looked = narrow, 0
		return at + text
	}
	if !ok {
		c.looked = max(0, (len(data)-at)&^1-2)
		if !final {
			return -1
		}
	}
	c.looked = 0
	c.weaveWide(data[at:end], at, end)
	return end
}

// sureBytes is how many bytes that are text, and have no zero among them, are
// none of UTF-16: in no script are both halves of so many characters ASCII.
const sureBytes = 128

// narrowAt returns where in a line, of which some bytes are known to be UTF-16,
// text begins that is not, or -1: what is between a zero and the next newline is
// still none.
func narrowAt(line []byte, known int) int {
	for at := known / sureBytes * sureBytes; at+sureBytes <= len(line); at += sureBytes {
		if !narrowText(line[at : at+sureBytes]) {
			continue
		}
		from := bytes.LastIndexByte(line[:at], 0) + 1
		if i := bytes.IndexByte(line[from:at+sureBytes], '\n'); at > 0 && i >= 0 {
			return from + i + 1
		}
		return at
	}
	return -1
}

// narrowText reports whether text, which may begin and end within a character,
// is UTF-8 without control characters that are rare in logs.
func narrowText(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != 0x1b || c == 0x7f {
			return false
		}
	}
	for i := 0; i < utf8.UTFMax-1 && !utf8.RuneStart(text[0]); i++ {
		text = text[1:]
	}
	for i := len(text) - 1; i > len(text)-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				text = text[:i]
			}
			break
		}
	}
	return utf8.Valid(text)
}

// weaveWide weaves a line of UTF-16.
func (c *Cutter) weaveWide(raw []byte, at, end int) {
	if len(raw) > c.lineLimit {
		c.finish(end, none)
		return
	}
	if !c.weaving {
		c.begin(plain)
	}
	c.line = line{}
	c.text, _ = c.wide.append(c.text[:0], raw)
	c.weave.take(&c.line, c.text, c.origin+at, c.origin+end)
	c.endUnits()
	c.weaving = !c.weave.idle()
}

// wideUnit returns the width of a unit.
func wideUnit(unit []byte) width {
	n := len(unit)
	if n > 1 && unit[n-1] == 0 && unit[n-2] == '\n' {
		return littleEndian // nothing else ends so
	}
	if w := widthOf(unit); w != narrow {
		return w
	}
	if n < 4 || n%2 == 1 || unit[n-1] != '\n' || unit[n-2] != 0 {
		return narrow
	}
	high := 0 // bytes that are not text but may be the upper halves of it
	for i := 0; i < n; i += 2 {
		if unit[i] < ' ' {
			high++
		}
	}
	if high > n/4 {
		return bigEndian
	}
	return narrow
}

// splitWide is Split for UTF-16.
func (s *Splitter) splitWide(arena []byte, lo, hi int, flags record.Flags, w width) ([]byte, []Text) {
	s.weave.reset(plain)
	s.pieces = s.pieces[:0]
	complete, invalid := false, false
	for at := lo; at < hi; {
		var end int
		var bad bool
		end, complete = w.lineEnd(arena[:hi], at, 0)
		s.line = line{}
		p := piece{next: -1, text: Text{Offset: at - lo, Lo: len(arena)}}
		arena, bad = w.append(arena, arena[at:end])
		invalid = invalid || bad
		p.text.Hi = len(arena)
		p.strand = s.weave.take(&s.line, arena[p.text.Lo:], at, end)
		s.pieces = append(s.pieces, p)
		at = end
	}
	if complete && flags&record.Partial != 0 { // its last byte is no newline
		flags = flags&^record.Partial | record.TimedOut
	}
	arena = s.gather(arena, plain, flags)
	if invalid {
		for i := range s.texts {
			s.texts[i].Flags |= record.InvalidUTF8
		}
	}
	return arena, s.texts
}
