package frame

import "bytes"

// mode is what an open record is: it decides what may follow.
type mode uint8

const (
	none         mode = iota // no record is open
	blanks                   // blank lines only, which go with what follows them
	header                   // a header with a time: all that starts nothing joins it
	levelled                 // a header of a level alone: indented lines join it
	goRuntime                // "runtime: ..." in front of a fatal error
	goDump                   // Go panic, fatal error, signal, goroutines
	raceRule                 // the "=====" that may start a race report
	raceBody                 // from "WARNING: DATA RACE" to the next "====="
	rustQuoted               // 'message of the old layout that spans lines
	rustAfter                // a complete message: note or backtrace may follow
	rustFirst                // header of the new layout: the message comes
	rustMore                 // message of the new layout, which has no end of its own
	rustTrace                // stack backtrace:
	rustAbort                // overflowed its stack: one more line
	errorLine                // Error: ...
	errorMore                // Caused by: and what follows
	headerDump               // a header with goroutines behind it
	pretty                   // tracing's Pretty, whose places come
	prettyPlaces             // and those: a blank line ends it
	devslog                  // devslog's place: level and fields come
	compact                  // slog-term's Compact: indented lines are no part of it
	object                   // "{" alone, or the head of a Debug value over lines
	report                   // of color-eyre: all that starts nothing joins it
	panicRule                // the "=====" in front of a panic of Substrate: all up to it
	panicDone                // and the panic: where to report it follows
	minioHead                // MinIO's "API: ", behind which a time comes
	minioBody                // and what comes behind that: up to a blank line
	boxed                    // the upper end of the bar that Terraform draws in front of an error
	raceDone                 // a race report that is complete: the number of them may follow
	goValue                  // "panic: ...", behind which more of the value may come
	gormPlace                // "(file.go:1)" of GORM 1, behind which a time comes
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
func (m mode) dump() bool { return m == goDump || m == goValue || m == rustTrace }

// interruptible reports whether lines of others may be inside a record of mode m.
func (m mode) interruptible() bool {
	switch m {
	case goDump, goValue, headerDump, raceBody, rustAfter, rustMore, rustTrace:
		return true
	}
	return false
}

// precedes reports whether a record of mode m may become one that is interruptible.
func (m mode) precedes() bool {
	switch m {
	case goRuntime, raceRule, rustQuoted, rustFirst:
		return true
	}
	return m.interruptible()
}

// ends reports whether a blank line ends a record of mode m.
func (m mode) ends() bool { return m == prettyPlaces }

// resumes reports whether line can only belong to a dump of mode m that was cut.
func (m mode) resumes(line []byte) bool {
	switch m {
	case goDump, goValue:
		return goFrame(line) && !isBlank(line) // who starts with it takes it for blank
	case rustTrace:
		return rustFrame(line)
	}
	return false
}

// opens returns the mode of a record that line starts; none if it is all of it.
func opens(line []byte) mode {
	switch line[0] {
	case '{':
		if len(line) == 1 {
			return object
		}
		return none
	case '(', 0x1b:
		if goSource(line) {
			return gormPlace
		}
	case 'p', 'f', 'g', 'S', 'r', 'u':
		if m := goStart(line); m != none {
			return m
		}
	case ' ':
		if diagnostic(line) {
			return errorLine
		}
	case 0xe2:
		if string(line) == "╷" {
			return boxed
		}
	case 'A':
		if bytes.HasPrefix(line, []byte("API: ")) {
			return minioHead
		}
	case '=':
		if string(line) == raceLine {
			return raceRule
		}
		if string(line) == panicLine {
			return panicRule
		}
	case 'e':
		if bytes.HasPrefix(line, []byte("error: ")) {
			return errorLine
		}
	case 'E':
		if m := goStart(line); m != none {
			return m
		}
		if rest, ok := bytes.CutPrefix(line, []byte("Error:")); ok {
			if len(bytes.TrimRight(rest, " ")) == 0 {
				return report
			}
			if rest[0] == ' ' {
				return errorLine
			}
		}
	}
	if m := rustStart(line); m != none {
		return m
	}
	return headerOf(line)
}

// first returns the mode of a record whose first line that is there is line: of
// one that line starts, or of a stack trace whose head was cut off.
func first(line []byte) mode {
	if len(line) > 1 && line[1] == 0 {
		return none // who starts with it takes it for UTF-16
	}
	m := opens(line)
	if alone[line[0]] {
		return m
	}
	if m == none && opensValue(line) && namesValue(line) {
		return object
	}
	if m != none || line[0] > ' ' && line[0] != 'c' && line[len(line)-1] != ')' {
		return m
	}
	return fragment(line)
}

// starts reports whether line starts a record wherever it stands. An object has
// to end in a brace, so that text in a message that spans lines is none.
func starts(line []byte) bool {
	switch line[0] {
	case '{':
		return len(line) > 2 && line[1] == '"' && line[len(line)-1] == '}'
	case '\t':
		return false
	case ' ':
		if diagnostic(line) {
			return false
		}
	case 'g':
		return false // a goroutine belongs to the message that announces it
	case '=', '-', 'F', 'P', 'o', 'S', 'E', 'R':
		if testLine(line) || lambda(line) || bytes.HasPrefix(line, []byte("==> ")) || bytes.HasPrefix(line, []byte("Fatal: ")) { // of HashiCorp's tools, of geth
			return true
		}
	}
	m := opens(line)
	return m != none && m != goRuntime || pairs(line) || !indented(line) && access(line)
}

// follow judges a line that is not blank behind lines of mode m; gap says that
// blank lines are between.
func (m mode) follow(line []byte, gap bool) (mode, verdict) {
	switch m {
	case header, headerDump:
		if line[0] == 'g' && goroutine(line) {
			return headerDump, joins
		}
		if !starts(line) || crdbMore(line) {
			return m, joins
		}
	case levelled:
		if indented(line) && !starts(line) || chain(line) || symbol(line) || closing(line) {
			return m, joins
		}
	case pretty, prettyPlaces:
		if prettyPlace(line) {
			return prettyPlaces, joins
		}
		if !starts(line) {
			return m, joins
		}
	case devslog:
		if line[0] != '{' && !timed(line) && !dump(opens(line)) {
			return m, joins
		}
	case compact:
		if !indented(line) && !starts(line) {
			if opensValue(line) {
				return header, joins
			}
			return m, joins
		}
	case object:
		if indented(line) {
			return m, joins
		}
		if closing(line) {
			return none, closes
		}
	case report:
		if !starts(line) {
			return m, joins
		}
	case goRuntime:
		return followRuntime(line)
	case goDump:
		return followGo(line)
	case goValue:
		return followValue(line, gap)
	case raceRule:
		if !gap && string(line) == "WARNING: DATA RACE" {
			return raceBody, joins
		}
	case raceBody:
		if string(line) == raceLine {
			return raceDone, joins
		}
		if indented(line) || raceHead(line) {
			return m, joins
		}
	case boxed:
		if string(line) == "╵" {
			return none, closes
		}
		if bytes.HasPrefix(line, []byte("│")) {
			return m, joins
		}
	case gormPlace:
		if !gap && bracketedDate(line) {
			return header, joins
		}
	case minioHead:
		if !gap && bytes.HasPrefix(line, []byte("Time: ")) {
			return minioBody, joins
		}
	case minioBody:
		if !gap && (indented(line) || line[0] != '{' && headerOf(line) == none && opens(line) != minioHead) {
			return m, joins
		}
	case panicRule:
		if bytes.HasPrefix(line, []byte("Thread '")) {
			return panicDone, joins
		}
		if !starts(line) {
			return m, joins
		}
	case panicDone:
		if indented(line) || bytes.HasPrefix(line, []byte("This is a bug. ")) || bytes.HasPrefix(line, []byte("Hash: ")) {
			return m, joins
		}
	case raceDone:
		if bytes.HasPrefix(line, []byte("Found ")) && bytes.HasSuffix(line, []byte(" data race(s)")) {
			return m, joins
		}
		if bytes.HasPrefix(line, []byte("exit status ")) {
			return none, closes
		}
	case errorLine, errorMore:
		if chain(line) || bullet(line) || m == errorMore && (indented(line) || numbered(line)) || diagnostic(line) || branch(line) || !gap && (indented(line) || line[0] == '}') {
			return errorMore, joins
		}
	default:
		return m.followRust(line)
	}
	return m, begins
}

// dump reports whether m is the mode of what a runtime prints, or a record of devslog.
func dump(m mode) bool { return m > levelled }

// testLine reports whether line is of "go test".
func testLine(line []byte) bool {
	switch string(line) {
	case "FAIL", "PASS":
		return true
	}
	for _, h := range testHeads {
		if bytes.HasPrefix(line, []byte(h)) {
			return true
		}
	}
	return false
}

var testHeads = [...]string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME ", "--- PASS: ", "--- FAIL: ", "--- SKIP: ", "FAIL\t", "ok  \t"}

// lambda reports whether line is one that AWS Lambda writes around those of a function.
func lambda(line []byte) bool {
	for _, h := range [...]string{"START RequestId: ", "END RequestId: ", "REPORT RequestId: "} {
		if bytes.HasPrefix(line, []byte(h)) {
			return true
		}
	}
	return false
}

// goSource reports whether line is "(file.go:1)", perhaps coloured, as GORM 1
// writes it in front of a statement.
func goSource(line []byte) bool {
	i := bytes.IndexByte(line[:min(len(line), 8)], '(')
	j := bytes.LastIndexByte(line, ')')
	if i < 0 || j < i+6 || len(line)-j > 8 {
		return false
	}
	for j--; j > i && digit(line[j]); j-- {
	}
	return line[j] == ':' && line[j+1] != ')' && string(line[j-3:j]) == ".go" && bytes.IndexByte(line[i:j], ' ') < 0
}

// bracketedDate reports whether line starts with a day and a time in brackets.
func bracketedDate(line []byte) bool {
	var head [headBytes]byte
	line = strip(head[:0], line)
	return len(line) > 1 && line[0] == '[' && date(line[1:])
}

// prettyPlace reports whether line is a place of tracing's Pretty: "    at
// file:line" or "    in span".
func prettyPlace(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("    "))
	if !ok {
		return false
	}
	var head [3]byte
	rest = strip(head[:0], rest)
	return string(rest) == "at " || string(rest) == "in "
}

// numbered reports whether line is a cause of an error whose indent was lost: "0: text".
func numbered(line []byte) bool {
	return len(line) > 3 && digit(line[0]) && (line[1] == ':' && line[2] == ' ' || digit(line[1]) && line[2] == ':' && line[3] == ' ')
}

// symbol reports whether line is the name of a function in a stack without
// arguments, as zap prints it, or an error of gin's.
func symbol(line []byte) bool {
	if bytes.HasPrefix(line, []byte("Error #")) {
		return true
	}
	i := bytes.LastIndexByte(line, '.')
	return i > 0 && i+1 < len(line) && bytes.IndexByte(line, ' ') < 0 && letter(line[0]) && (letter(line[i+1]) || line[i+1] == '(')
}

// crdbMore reports whether line goes on with the record of the line before it,
// in a log of CockroachDB: its header is there again, with a mark behind the
// counter: "F210116 21:49:17.083093 14 cli/start.go:690 ⋮ [n1] 40 +text".
func crdbMore(line []byte) bool {
	if len(line) < 32 || line[7] != ' ' || line[0] != 'I' && line[0] != 'W' && line[0] != 'E' && line[0] != 'F' || !shaped(line[1:], "000000 00:00:00.") {
		return false
	}
	i := bytes.Index(line, []byte("] "))
	if i < 0 {
		return false
	}
	first := i + 2
	for i = first; i < len(line) && digit(line[i]); i++ {
	}
	return i > first && i+1 < len(line) && line[i] == ' ' && (line[i+1] == '+' || line[i+1] == '|' || line[i+1] == '!')
}

// diagnostic reports whether line is the first of what miette prints of an error:
// "  × External command failed".
func diagnostic(line []byte) bool {
	return bytes.HasPrefix(line, []byte("  × ")) || bytes.HasPrefix(line, []byte("  x "))
}

// bullet reports whether line is one error of several, as HashiCorp's errors
// and mapstructure list them.
func bullet(line []byte) bool { return bytes.HasPrefix(line, []byte("* ")) }

// opensValue reports whether the value at the end of line goes on in lines, which
// are indented.
func opensValue(line []byte) bool {
	c := line[len(line)-1]
	return c == '(' || c == '{' || c == '['
}

// namesValue reports whether what line ends with opens a Debug value: "a: Name {",
// "[src/main.rs:1:2] a = Name(", "Name {".
func namesValue(line []byte) bool {
	rest := line[:len(line)-1]
	head := bytes.TrimSuffix(rest, []byte(" "))
	i := len(head)
	for i > 0 && nameByte[head[i-1]] {
		i--
	}
	if i < len(head) {
		if head[i]-'A' > 25 {
			return false
		}
		if rest = head[:i]; i == 0 {
			return true
		}
	}
	return bytes.HasSuffix(rest, []byte(": ")) || bytes.HasSuffix(rest, []byte("= "))
}

// branch reports whether line is one of the tree that error-stack prints of an error.
func branch(line []byte) bool {
	for _, sign := range [...]string{"├", "│", "╰"} {
		if bytes.HasPrefix(line, []byte(sign)) {
			return true
		}
	}
	return false
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// closing reports whether line is the end of a value that was printed over lines.
func closing(line []byte) bool {
	rest := bytes.TrimLeft(line, "}])")
	return len(rest) < len(line) && len(bytes.TrimLeft(rest, ",;")) == 0
}

func indented(line []byte) bool { return line[0] == ' ' || line[0] == '\t' }

// chain reports whether line is a head inside the report of an error, as
// anyhow, eyre and color-eyre print it, and gin those of a request.
func chain(line []byte) bool {
	switch line[0] {
	case 'C':
		return bytes.HasPrefix(line, []byte("Caused by:")) || bytes.HasPrefix(line, []byte("Caused by these errors")) // SNAFU's
	case 'L':
		return string(line) == "Location:"
	case 'S':
		return string(line) == "Stack backtrace:"
	case 'E':
		return bytes.HasPrefix(line, []byte("Error #"))
	}
	return false
}
