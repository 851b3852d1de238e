package frame

import "bytes"

// mode is what an open record is: it decides what may follow.
type mode uint8

const (
	none       mode = iota // no record is open
	blanks                 // blank lines only, which go with what follows them
	header                 // a header with a time: all that starts nothing joins it
	levelled               // a header of a level alone: indented lines join it
	goRuntime              // "runtime: ..." in front of a fatal error
	goDump                 // Go panic, fatal error, signal, goroutines
	raceRule               // the "=====" that may start a race report
	raceBody               // from "WARNING: DATA RACE" to the next "====="
	rustQuoted             // 'message of the old layout that spans lines
	rustAfter              // a complete message: note or backtrace may follow
	rustFirst              // header of the new layout: the message comes
	rustMore               // message of the new layout, which has no end of its own
	rustTrace              // stack backtrace:
	rustAbort              // overflowed its stack: one more line
	errorLine              // Error: ...
	errorMore              // Caused by: and what follows
	headerDump             // a header with goroutines behind it
	modes
)

// verdict is what becomes of a line.
type verdict uint8

const (
	begins verdict = iota // another record
	joins                 // the open record
	closes                // the open record, which ends with it
)

// dump reports whether a record of mode m may go on after it was cut.
func (m mode) dump() bool { return m == goDump || m == rustTrace }

// interruptible reports whether lines of others may be inside a record of mode m.
func (m mode) interruptible() bool {
	switch m {
	case goDump, headerDump, raceBody, rustAfter, rustMore, rustTrace:
		return true
	}
	return false
}

// resumes reports whether line can only belong to a dump of mode m that was cut.
func (m mode) resumes(line []byte) bool {
	switch m {
	case goDump:
		return goFrame(line)
	case rustTrace:
		return rustFrame(line)
	}
	return false
}

// opens returns the mode of a record that line starts; none if it is all of it.
func opens(line []byte) mode {
	switch line[0] {
	case '{':
		return none
	case 'p', 'f', 'g', 'S', 'r', 'u':
		if m := goStart(line); m != none {
			return m
		}
	case '=':
		if string(line) == raceLine {
			return raceRule
		}
	case 'E':
		if bytes.HasPrefix(line, []byte("Error: ")) {
			return errorLine
		}
	}
	if m := rustStart(line); m != none {
		return m
	}
	return headerOf(line)
}

// starts reports whether line starts a record wherever it stands. An object has
// to end in a brace, so that text in a message that spans lines is none.
func starts(line []byte) bool {
	switch line[0] {
	case '{':
		return len(line) > 2 && line[1] == '"' && line[len(line)-1] == '}'
	case '\t':
		return false
	case 'g':
		return false // a goroutine belongs to the message that announces it
	}
	m := opens(line)
	return m != none && m != goRuntime || pairs(line)
}

// follow judges a line that is not blank behind lines of mode m; gap says that
// blank lines are between.
func (m mode) follow(line []byte, gap bool) (mode, verdict) {
	switch m {
	case header, headerDump:
		if line[0] == 'g' && goroutine(line) {
			return headerDump, joins
		}
		if !starts(line) {
			return m, joins
		}
	case levelled:
		if indented(line) && !starts(line) || chain(line) {
			return m, joins
		}
	case goRuntime:
		if bytes.HasPrefix(line, []byte("runtime: ")) || line[0] == '\t' {
			return m, joins
		}
		if bytes.HasPrefix(line, []byte("fatal error: ")) || bytes.HasPrefix(line, []byte("panic: ")) {
			return goDump, joins
		}
	case goDump:
		return followGo(line)
	case raceRule:
		if !gap && string(line) == "WARNING: DATA RACE" {
			return raceBody, joins
		}
	case raceBody:
		if string(line) == raceLine {
			return none, closes
		}
		if indented(line) || raceHead(line) {
			return m, joins
		}
	case errorLine, errorMore:
		if chain(line) || m == errorMore && indented(line) || !gap && (indented(line) || line[0] == '}') {
			return errorMore, joins
		}
	default:
		return m.followRust(line)
	}
	return m, begins
}

func indented(line []byte) bool { return line[0] == ' ' || line[0] == '\t' }

// chain reports whether line is a head inside the report of an error, as
// anyhow, eyre and color-eyre print it.
func chain(line []byte) bool {
	switch line[0] {
	case 'C':
		return bytes.HasPrefix(line, []byte("Caused by:"))
	case 'L':
		return string(line) == "Location:"
	case 'S':
		return string(line) == "Stack backtrace:"
	}
	return false
}
