package frame

import "bytes"

// panicLine is what Substrate's panic hook writes first.
const panicLine = "===================="

// rustStart returns the mode of a record of the Rust runtime that line starts.
func rustStart(line []byte) mode {
	switch line[0] {
	case 't', 'T':
		if !bytes.HasPrefix(line[1:], []byte("hread '")) {
			return none
		}
		if bytes.HasSuffix(line, []byte(" has overflowed its stack")) {
			return rustAbort
		}
		if i := bytes.Index(line, []byte(" panicked at ")); i > 0 {
			return panicked(line[i+len(" panicked at "):])
		}
	case 'p':
		// While a panic is being formatted there is no thread.
		if rest, ok := bytes.CutPrefix(line, []byte("panicked at ")); ok && place(rest) {
			return rustFirst
		}
	case 'f':
		if bytes.HasPrefix(line, []byte("fatal runtime error: ")) {
			return rustAfter
		}
	case 'm':
		if bytes.HasPrefix(line, []byte("memory allocation of ")) && bytes.HasSuffix(line, []byte(" bytes failed")) {
			return rustAfter
		}
	}
	return none
}

// panicked returns the mode behind a header whose text after "panicked at " is rest.
func panicked(rest []byte) mode {
	switch {
	case len(rest) > 0 && rest[0] == '\'':
		if quoteEnds(rest) {
			return rustAfter
		}
		return rustQuoted
	case place(rest):
		return rustFirst
	}
	return rustAfter
}

// place reports whether text is "file:line:column:".
func place(text []byte) bool {
	return len(text) > 0 && text[len(text)-1] == ':' && position(text[:len(text)-1])
}

// position reports whether text ends in "file:line:column".
func position(text []byte) bool {
	for range 2 {
		i := len(text)
		for i > 0 && digit(text[i-1]) {
			i--
		}
		if i == len(text) || i == 0 || text[i-1] != ':' {
			return false
		}
		text = text[:i-1]
	}
	return len(text) > 0
}

// quoteEnds reports whether line ends a message of the old layout: "', file:line:column".
func quoteEnds(line []byte) bool {
	return position(line) && bytes.Contains(line, []byte("', "))
}

// followRust judges a line behind lines of one of Rust's modes.
func (m mode) followRust(line []byte) (mode, verdict) {
	switch m {
	case rustQuoted:
		if rustStart(line) != none { // two threads wrote at once
			return m, begins
		}
		if quoteEnds(line) {
			return rustAfter, joins
		}
		return m, joins
	case rustFirst:
		return rustMore, joins
	case rustAbort:
		if bytes.HasPrefix(line, []byte("fatal runtime error: ")) {
			return none, closes
		}
		return m, begins
	}
	switch line[0] {
	case 'n':
		if bytes.HasPrefix(line, []byte("note: ")) {
			return none, closes
		}
	case 's':
		if m != rustTrace && string(line) == "stack backtrace:" {
			return rustTrace, joins
		}
	case 't':
		if bytes.HasPrefix(line, []byte("thread ")) && bytes.HasSuffix(line, []byte(" aborting.")) {
			return none, closes
		}
	}
	switch m {
	case rustMore:
		if !starts(line) {
			return m, joins
		}
	case rustTrace:
		if indented(line) {
			return m, joins
		}
	}
	return m, begins
}

// rustFrame reports whether line is part of a backtrace: "   3: symbol" or
// "             at file:line:column".
func rustFrame(line []byte) bool {
	text := bytes.TrimLeft(line, " ")
	if len(line)-len(text) < 2 || len(text) < 4 {
		return false
	}
	if text[0] == 'a' {
		return len(line)-len(text) > 8 && text[1] == 't' && text[2] == ' '
	}
	i := 0
	for i < len(text) && digit(text[i]) {
		i++
	}
	return i > 0 && i+1 < len(text) && text[i] == ':' && text[i+1] == ' '
}
