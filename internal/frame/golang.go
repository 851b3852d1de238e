package frame

import "bytes"

const raceLine = "=================="

// goStart returns the mode of a record of the Go runtime that line starts.
func goStart(line []byte) mode {
	switch line[0] {
	case 'p':
		if bytes.HasPrefix(line, []byte("panic: ")) {
			return goValue
		}
	case 'f':
		if bytes.HasPrefix(line, []byte("fatal error: ")) {
			return goDump
		}
	case 'g':
		if goroutine(line) {
			return goDump
		}
	case 'S':
		if signal(line) {
			return goDump
		}
	case 'r':
		if bytes.HasPrefix(line, []byte("runtime: ")) || bytes.HasPrefix(line, []byte("runtime/cgo: ")) {
			return goRuntime
		}
		if string(line) == "runtime stack:" {
			return goDump
		}
	case 'E':
		if bytes.HasPrefix(line, []byte("Exception 0x")) { // on Windows
			return goDump
		}
	case 'u':
		if bytes.HasPrefix(line, []byte("unexpected fault address ")) {
			return goRuntime
		}
	}
	return none
}

// goroutine reports whether line is "goroutine 7 [running]:" or, with
// GOTRACEBACK=system, "goroutine 7 gp=0x... m=0 mp=0x... [running]:".
func goroutine(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("goroutine "))
	return ok && len(rest) > 3 && digit(rest[0]) && bytes.HasSuffix(rest, []byte("]:")) && bytes.IndexByte(rest, '[') > 0
}

// signal reports whether line is "SIGQUIT: quit" or the like.
func signal(line []byte) bool {
	if len(line) < 8 || line[1] != 'I' || line[2] != 'G' {
		return false
	}
	i := 3
	for i < len(line) && line[i] >= 'A' && line[i] <= 'Z' {
		i++
	}
	return i > 3 && i+1 < len(line) && line[i] == ':' && line[i+1] == ' '
}

// followValue judges a line behind the lines of a panic's value: old versions do
// not indent those behind the first.
func followValue(line []byte, gap bool) (mode, verdict) {
	next, v := followGo(line)
	if v == begins && !gap && line[0] != '{' && !starts(line) {
		return goValue, joins
	}
	return next, v
}

// followRuntime judges a line behind those that come before a fatal error.
func followRuntime(line []byte) (mode, verdict) {
	switch {
	case bytes.HasPrefix(line, []byte("runtime: ")), line[0] == '\t', stackWords(line),
		bytes.HasPrefix(line, []byte("object=0x")), bytes.HasPrefix(line, []byte(" *(object+")):
		return goRuntime, joins
	case bytes.HasPrefix(line, []byte("panic: ")):
		return goValue, joins
	case bytes.HasPrefix(line, []byte("fatal error: ")), line[0] == 'S' && signal(line):
		return goDump, joins
	}
	return goRuntime, begins
}

// stackWords reports whether line is of a stack that the runtime prints word by word.
func stackWords(line []byte) bool {
	if line[0] == 's' {
		return bytes.HasPrefix(line, []byte("stack: frame={"))
	}
	i := bytes.IndexByte(line, ':')
	return line[0] == '0' && (i == 16 || i == 18) && bytes.HasPrefix(line[i:], []byte(":  0"))
}

// followGo judges a line behind the lines of a dump.
func followGo(line []byte) (mode, verdict) {
	if goFrame(line) {
		return goDump, joins
	}
	switch line[0] {
	case '\t', '\r':
		return goDump, joins
	case ' ': // tabs become blanks on the way over a screen
		if rest := bytes.TrimLeft(line, " "); len(line)-len(rest) >= 4 && (goPlace(line) || bytes.HasPrefix(rest, []byte("panic: "))) {
			return goDump, joins
		}
	case '[':
		if bytes.HasPrefix(line, []byte("[signal ")) || bytes.HasPrefix(line, []byte("[originating from ")) || string(line) == "[recovered]" {
			return goDump, joins
		}
	case 'P':
		if bytes.HasPrefix(line, []byte("PC=0x")) {
			return goDump, joins
		}
	case 'e':
		if bytes.HasPrefix(line, []byte("exit status ")) {
			return none, closes
		}
	case 'r':
		if string(line) == "runtime stack:" || string(line) == "running tests:" || bytes.HasPrefix(line, []byte("runtime: ")) {
			return goDump, joins
		}
	case 's':
		if string(line) == "signal arrived during cgo execution" || string(line) == "signal arrived during external code execution" {
			return goDump, joins
		}
	case '-':
		if string(line) == "-----" { // between what GOTRACEBACK=crash prints of each thread
			return goDump, joins
		}
	}
	if register(line) || foreign(line) || stackWords(line) {
		return goDump, joins
	}
	return goDump, begins
}

// goFrame reports whether line is part of a goroutine's trace.
func goFrame(line []byte) bool {
	switch line[0] {
	case '\t':
		return true
	case '/':
		return bytes.Contains(line, []byte(".go:")) && goPlace(line)
	case 'g':
		if goroutine(line) {
			return true
		}
	case 'c':
		if bytes.HasPrefix(line, []byte("created by ")) {
			return true
		}
	case '.':
		return bytes.HasPrefix(line, []byte("...")) && bytes.HasSuffix(line, []byte("frames elided..."))
	case '?': // a place that the runtime did not know
		return bytes.HasPrefix(line, []byte("??:0"))
	}
	return call(line) || clipped(line)
}

// clipped reports whether line is a call or a place whose end journalctl cut off,
// for the width of a screen: "main.f(0xc000444fc0?, {0x22b5>".
func clipped(line []byte) bool {
	rest := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte(">")), []byte("…"))
	if len(rest) == len(line) || len(rest) < 24 {
		return false
	}
	if rest[0] == ' ' {
		return bytes.HasPrefix(bytes.TrimLeft(rest, " "), []byte("/"))
	}
	paren := bytes.IndexByte(rest, '(')
	return paren > 0 && bytes.IndexByte(rest[:paren], ' ') < 0 && bytes.IndexByte(rest[:paren], '.') > 0
}

// call reports whether line is a function with its arguments: "main.f(0x1, ...)".
func call(line []byte) bool {
	if !bytes.HasSuffix(line, []byte(")")) {
		return false
	}
	paren := bytes.IndexByte(line, '(')
	if paren <= 0 || bytes.IndexByte(line[:paren], ' ') >= 0 {
		return false
	}
	return bytes.IndexByte(line[:paren], '.') > 0 || string(line[:paren]) == "panic"
}

// fragment returns the mode of a stack trace that line is in, none if it need be in none.
func fragment(line []byte) mode {
	switch c := line[0]; {
	case c == '\t' || c == ' ':
		text := bytes.TrimLeft(line, " \t")
		if bytes.Contains(text, []byte(".go:")) && bytes.Contains(text, []byte(" +0x")) && goPlace(line) {
			return goDump
		}
		if rustFrame(line) && (text[0] == 'a' && position(text) || text[0] != 'a' && bytes.Contains(text, []byte("::"))) {
			return rustTrace
		}
	case !letter(c):
	case c == 'c' && bytes.HasPrefix(line, []byte("created by ")) && bytes.IndexByte(line, '.') > 0:
		return goDump
	case call(line) && (bytes.Contains(line, []byte("(0x")) || bytes.Contains(line, []byte("({0x")) || bytes.HasSuffix(line, []byte("(...)"))):
		return goDump
	}
	return none
}

// foreign reports whether line is a function of C in a goroutine's trace, which
// has no arguments: a name that is no word, or none.
func foreign(line []byte) bool {
	if line[0] == 'n' && string(line) == "non-Go function" {
		return true
	}
	for _, c := range line {
		if !letter(c) && !digit(c) && c != '_' && c != '.' && c != '$' {
			return false
		}
	}
	return bytes.IndexByte(line, '_') >= 0
}

// register reports whether line is one of "rax    0x0" and the like, which end
// the dump of a signal.
func register(line []byte) bool {
	i := 0
	for i < len(line) && i < 8 && (line[i] >= 'a' && line[i] <= 'z' || digit(line[i])) {
		i++
	}
	j := i
	for j < len(line) && line[j] == ' ' {
		j++
	}
	return i > 0 && j > i && bytes.HasPrefix(line[j:], []byte("0x"))
}

// raceHead reports whether line is a head inside a race report.
func raceHead(line []byte) bool {
	for _, h := range raceHeads {
		if bytes.HasPrefix(line, []byte(h)) {
			return true
		}
	}
	return false
}

var raceHeads = [...]string{"Read at ", "Write at ", "Previous ", "Goroutine ", "Atomic ", "[failed to restore the stack]", "Mutex ", "Location is "}

func digit(c byte) bool { return c-'0' < 10 }
