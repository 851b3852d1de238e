package frame

import "bytes"

// alone says of a first byte that no record of several lines starts with it,
// whatever follows it.
var alone = func() (t [256]bool) {
	for c := range t {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		t[c] = !letter && !digit(byte(c)) && bytes.IndexByte([]byte("\x00\n\r\t [=\x1b\xef(<*#/^\xe2+-"), byte(c)) < 0
	}
	return t
}()

// timed reports whether line starts with a time as most formats write it. It
// is a part of headerOf that costs next to nothing.
func timed(line []byte) bool {
	if len(line) < 24 {
		return false
	}
	switch c := line[0]; {
	case digit(c):
		return date(line)
	case c == '[':
		return date(line[1:])
	case c == 'I' || c == 'W' || c == 'E' || c == 'F':
		return line[5] == ' ' && line[8] == ':' && line[11] == ':' && line[14] == '.' && shaped(line[1:], "0000 00:00:00.")
	}
	return false
}

// headBytes is how far a header is looked for.
const headBytes = 64

// headerOf returns header or levelled if line starts with a header, none otherwise.
func headerOf(line []byte) mode {
	switch c := line[0]; {
	case alone[c] || c == 0xe2:
		return none
	case c == 0x1b || c == '[' && len(line) > 1 && line[1] == 0x1b || c == 0xef:
		return coloured(line)
	case digit(c):
		return dated(line)
	case c == '[' || c == '^':
		if n := pastedColour(line); n > 0 {
			return colourless(line)
		}
		if c == '^' {
			return none
		}
		return bracketed(line)
	case c == ' ':
		return padded(line)
	case c == '(' || c == '<':
		if date(line[1:]) {
			return header
		}
	case c == '+' || c == '-':
		if shaped(line[1:], "0000 0000-00-00 00:00:00 ") { // sing-box's zone
			return header
		}
		return none
	case c >= 'A' && c <= 'Z':
		if m := capital(line); m != none {
			return m
		}
	}
	if m := prefixed(line); m != none {
		return m
	}
	if len(line) > 24 && (line[6] == '[' || line[5] == '[' || line[7] == '[') && lowerLevelled(line) {
		return header
	}
	return placed(line)
}

// lowerLevelled reports whether line starts with a level in lower case and a time
// in brackets, as Mattermost writes them: "info  [2026-11-23 06:25:41.007 Z] ".
func lowerLevelled(line []byte) bool {
	i := bytes.IndexByte(line, '[')
	return line[i-1] == ' ' && date(line[i+1:]) && level(upper(line[:i])) > 0
}

// upper returns word, of less than ten letters, in capitals.
func upper(word []byte) []byte {
	var capitals [10]byte
	for i, c := range word {
		capitals[i] = c &^ 0x20
	}
	return capitals[:len(word)]
}

// placed judges a line that may start with a place in a Go source and no time,
// "main.go:12: ", or with a name in front of a time of day, "machine-0: 06:25:41 INFO ".
func placed(line []byte) mode {
	if dateBehind(line) == header {
		return header
	}
	i := bytes.IndexByte(line[:min(len(line), headBytes)], ':')
	if i > 0 && i+12 < len(line) && line[i+1] == ' ' && line[i+4] == ':' {
		if shaped(line[i+2:], "00:00:00 ") && level(line[i+11:]) > 0 && bytes.IndexByte(line[:i], ' ') < 0 {
			return header // Juju's
		}
		return none
	}
	if i > 1 && (recordBehind(line, i) || goFileLine(line, i)) {
		return header
	}
	return none
}

// recordBehind reports whether a day, or a panic of Rust's, is behind a name, with
// the first colon of line at i: the name of a process, or a target.
func recordBehind(line []byte, i int) bool {
	j := bytes.Index(line[i:min(len(line), headBytes)], []byte(": "))
	if j < 0 {
		return false
	}
	rest := line[i+j+2:]
	if len(rest) <= 8 {
		return false
	}
	word := bytes.IndexByte(line[:i+j], ' ') < 0
	if digit(rest[0]) {
		return date(rest) && (word || bytes.Contains(rest[:min(len(rest), 40)], []byte(" - ")))
	}
	return word && rest[0] == 't' && rustStart(rest) != none
}

// goFileLine reports whether line starts with "main.go:12: ", with the colon at i.
func goFileLine(line []byte, i int) bool {
	if i < 4 || string(line[i-3:i]) != ".go" || bytes.IndexByte(line[:i], ' ') >= 0 {
		return false
	}
	for i++; i < len(line) && digit(line[i]); i++ {
	}
	return i+1 < len(line) && line[i] == ':' && line[i+1] == ' ' && digit(line[i-1])
}

// coloured is headerOf for a line that starts with control sequences or a byte
// order mark.
func coloured(line []byte) mode {
	var head [headBytes]byte
	if line = strip(head[:0], line); len(line) == 0 || bytes.IndexByte(line, 0x1b) >= 0 || line[0] == 0xef {
		return none
	}
	return headerOf(line)
}

// pastedColour returns the length of the control sequence for a colour that line
// starts with, written as "^[[36m", or "[36m", its escape lost on the way over a
// screen; 0 if there is none.
func pastedColour(line []byte) int {
	i := 0
	if line[0] == '^' {
		i = 2
	}
	if i+2 >= len(line) || line[i] != '[' || i == 2 && line[1] != '[' {
		return 0
	}
	first, semi := 0, false
	for i++; i < len(line) && i < 16 && (digit(line[i]) || line[i] == ';'); i++ {
		if semi = semi || line[i] == ';'; !semi {
			first = first*10 + int(line[i]-'0')
		}
	}
	if first > 9 && first < 30 || first > 49 && first < 90 || first > 107 {
		return 0 // no colour
	}
	if i < len(line) && line[i] == 'm' && line[i-1] != '[' {
		return i + 1
	}
	return 0
}

// colourless is headerOf for a line with such sequences.
func colourless(line []byte) mode {
	var head [headBytes]byte
	text := head[:0]
	for i := 0; i < len(line) && len(text) < cap(text); {
		if c := line[i]; c == '[' || c == '^' {
			if n := pastedColour(line[i:]); n > 0 {
				i += n
				continue
			}
		}
		text = append(text, line[i])
		i++
	}
	if len(text) == 0 || text[0] == '[' && pastedColour(text) > 0 || text[0] == '^' {
		return none
	}
	return headerOf(text)
}

// dated judges a line that starts with a digit.
func dated(line []byte) mode {
	switch {
	case len(line) < 8:
		return none
	case line[1] == '.': // zap's time as a number: 1.7954147991227977e+09
		if i := bytes.Index(line[:min(len(line), 24)], []byte("e+")); i > 0 && shaped(line[i:], "e+00") {
			return header
		}
	case line[2] == ':':
		if shaped(line, "00:00:00") && (len(line) == 8 || line[8] == ' ' || line[8] == '.' || line[8] == ',') || kitchen(line) {
			return header
		}
	case line[2] == '/': // CoreDNS's of old
		if len(line) > 27 && month(line[3:]) && shaped(line[6:], "/0000:00:00:00 ") {
			return header
		}
	case line[1] == ':':
		if kitchen(line) {
			return header
		}
	case line[4] == '/', line[4] == '-':
		if date(line) || shaped(line, "0000/00/00") && (len(line) == 10 || line[10] == ' ') {
			return header
		}
	case line[0] != '0' && epoch(line):
		return header
	case len(line) > 8 && line[8] == ' ': // Grin's
		if shaped(line, "00000000 00:00:00") {
			return header
		}
	case len(line) > 16 && line[10] == ':': // Hickory's
		if shaped(line, "0000000000:") && level(line[11:]) > 0 {
			return header
		}
	}
	return dateBehind(line)
}

// dateBehind judges a line that may start with an identifier in hexadecimal in
// front of a day, as Databend's do.
func dateBehind(line []byte) mode {
	i := 0
	for i < len(line) && i < 40 && (digit(line[i]) || line[i] >= 'a' && line[i] <= 'f' || line[i] == '-') {
		i++
	}
	if i < 4 || i+20 > len(line) || line[i] != ' ' || !date(line[i+1:]) {
		return none
	}
	return header
}

// access reports whether line is one of an access log, in the Common Log Format:
// "10.0.0.1 - - [23/Nov/2026:06:25:41 +0000] ".
func access(line []byte) bool {
	if line[0] == '[' { // of InfluxDB
		line = line[bytes.IndexByte(line[:min(len(line), headBytes)], ']')+1:]
	}
	i := bytes.IndexByte(line[:min(len(line), 2*headBytes)], '[')
	if i > 8 && line[i-1] == ' ' && shaped(line[i+1:], "0000/00/00 00:00:00] ") { // of oauth2-proxy
		return bytes.Contains(line[:i], []byte(" - "))
	}
	return i > 8 && line[i-1] == ' ' && len(line) > i+28 && shaped(line[i+7:], "/0000:00:00:00 ") && line[i+3] == '/' && month(line[i+4:])
}

// kitchen reports whether line starts with a time as zerolog writes it: "6:25AM ".
func kitchen(line []byte) bool {
	i := bytes.IndexByte(line, ':') + 3
	return i+2 < len(line) && digit(line[i-2]) && digit(line[i-1]) && (line[i] == 'A' || line[i] == 'P') && line[i+1] == 'M' && line[i+2] == ' '
}

// epoch reports whether line starts with seconds since the Unix epoch, or a
// part of them, as zap and seelog write them: "1.7954151421678123e+09\t",
// "1795415141558833999 [".
func epoch(line []byte) bool {
	i := 0
	for i < len(line) && i < 24 && (digit(line[i]) || line[i] == '.' || line[i] == 'e' || line[i] == '+') {
		i++
	}
	return i >= 10 && i+1 < len(line) && (line[i] == '\t' || line[i] == ' ' && line[i+1] == '[')
}

// date reports whether line starts with a day and a time in one of the forms
// 2006/01/02 15:04:05, 2006-01-02T15:04:05, 2006-01-02 15:04:05.
func date(line []byte) bool {
	return len(line) >= 19 && line[4] == line[7] && (line[4] == '-' || line[4] == '/') && (line[10] == ' ' || line[10] == 'T') &&
		line[13] == ':' && line[16] == ':' && digit(line[0]) && digit(line[1]) && digit(line[2]) && digit(line[3]) && digit(line[6]) && digit(line[9]) &&
		digit(line[12]) && digit(line[15]) && digit(line[18])
}

// bracketed judges a line that starts with a bracket: env_logger, TiDB, NATS,
// linkerd, levels.
func bracketed(line []byte) mode {
	rest := line[1:]
	if i := bytes.Index(rest[:min(len(rest), headBytes)], []byte("] @@@ ")); i >= 8 && (shaped(rest, "00:00:00") || date(rest)) {
		return devslog
	}
	if bytes.HasPrefix(rest, []byte("GIN]")) || bytes.HasPrefix(rest, []byte("GIN-")) && len(rest) > 4 {
		return levelled
	}
	if date(rest) || len(rest) > 12 && digit(rest[0]) && (shaped(rest, "00:00:00") || shaped(rest, "0000-00-00][00:00:00]")) {
		return header
	}
	if len(rest) > 24 && shaped(rest, "00-00|00:00:00") {
		return header // AvalancheGo's
	}
	if n := level(rest); n > 0 && n < len(rest) && (rest[n] == ']' || rest[n] == ' ' || rest[n] == '\t') {
		return bracketedLevel(line, n)
	}
	if n := uptime(rest); n > 0 && n < len(rest) && rest[n] == ']' {
		return header
	}
	if bytes.HasPrefix(rest, []byte("Fx] ")) {
		if bytes.HasPrefix(rest, []byte("Fx] ERROR\t\tfx.Invoke(")) { // a stack trace follows
			return header
		}
		return levelled
	}
	i := bytes.IndexByte(rest[:min(len(rest), 40)], ']')
	if i > 0 && i < 8 && digit(rest[0]) && len(rest) > i+7 && rest[i+1] == ' ' && rest[i+2] == '[' && rest[i+6] == ']' && isLevel(rest[i+3:i+6]) {
		return header // NATS's without a time
	}
	if i > 0 && timeBehind(rest[i+1:]) {
		return header
	}
	return prefixed(line)
}

// bracketedLevel judges a line that starts with a bracket and a level of n bytes.
func bracketedLevel(line []byte, n int) mode {
	rest := line[1+n:]
	switch {
	case prefixed(line) == header,
		len(rest) > 18 && shaped(rest[3:], "00-00|00:00:00"), // Erigon's
		n == 4 && bytes.HasPrefix(rest, []byte("]  ")),       // hclog's without a time
		rest[0] == ']' && timeBehind(rest[1:]):
		return header
	}
	return levelled
}

// timeBehind reports whether text, behind a word in brackets, starts with a blank
// and a time, or with another bracket and a day.
func timeBehind(text []byte) bool {
	return len(text) > 16 && text[0] == ' ' && monthTime(text[1:]) ||
		len(text) > 10 && (text[0] == ' ' && (date(text[1:]) || shaped(text[1:], "00:00:00") && (text[9] == ' ' || text[9] == '.')) || text[0] == '[' && date(text[1:]))
}

// padded judges a line that starts with a blank: tracing with an uptime or
// without a time, tracing's Pretty, pretty_env_logger.
func padded(line []byte) mode {
	rest := bytes.TrimLeft(line, " ")
	pad := len(line) - len(rest)
	if len(rest) == 0 || pad > 8 {
		return none
	}
	if rest[0] == 0x1b {
		return coloured(line)
	}
	if pad <= 2 && date(rest) {
		if pad == 2 {
			return pretty
		}
		return header
	}
	if timed(rest) && rest[0] != '[' { // HashiCorp's agents indent, and so does who quotes
		return header
	}
	if monthTime(rest) {
		if opensValue(rest) {
			return header
		}
		return compact
	}
	if pad == 4 && placed(rest) == header {
		return levelled // a test's log
	}
	if n := level(rest); pad <= 3 && n > 0 && n < len(rest) && rest[n] == ' ' {
		return levelled
	} else if n > 0 && n+2 < len(rest) && rest[n] == ':' && monthInBrackets(rest[n+2:]) {
		return header
	} else if n > 0 && n < len(rest) && rest[n] == '[' { // apex
		return header
	}
	if n := uptime(rest); n > 0 && n < len(rest) && rest[n] == ' ' {
		if r := bytes.TrimLeft(rest[n:], " "); level(r) > 0 {
			return header
		}
	}
	return none
}

// capital judges a line that starts with a capital letter.
func capital(line []byte) mode {
	if len(line) > 24 && line[1] == '[' && shaped(line[2:], "0000-00-00|00:00:00.") {
		return header
	}
	if len(line) > 15 && digit(line[1]) {
		if klog(line) {
			return header
		}
		return none
	}
	if len(line) > 15 && line[3] == ' ' && month(line) && (digit(line[5]) && line[6] == ' ' && shaped(line[7:], "00:00:00")) {
		return header
	}
	if len(line) > 24 && weekday(line) {
		return header
	}
	if line[0] == 'T' && bytes.HasPrefix(line, []byte("The application panicked (crashed).")) || line[0] == 'W' && string(line) == "Well, this is embarrassing." { // human-panic's
		return report
	}
	if n := level(line); n > 0 && n < len(line) {
		return capitalLevel(line, n)
	}
	return none
}

// klog reports whether line starts as klog's, "Lmmdd hh:mm:ss.uuuuuu", or as
// CockroachDB's, "Lyymmdd hh:mm:ss.uuuuuu".
func klog(line []byte) bool {
	switch line[0] {
	case 'I', 'W', 'E', 'F', 'D':
		return line[5] == ' ' && shaped(line[1:], "0000 00:00:00") && (line[14] == '.' || line[14] == ' ') || line[7] == ' ' && shaped(line[1:], "000000 00:00:00.")
	}
	return false
}

// weekday reports whether line starts with a time that has the name of the day:
// "Mon, 23 Nov 2026 06:25:41 ", "Mon Nov 23 06:25:41 ".
func weekday(line []byte) bool {
	if line[3] == ',' {
		return line[4] == ' ' && month(line[8:]) && shaped(line[16:], " 00:00:00 ")
	}
	return line[3] == ' ' && line[7] == ' ' && month(line[4:]) && shaped(line[10:], " 00:00:00 ")
}

// capitalLevel judges a line that starts with a level of n bytes.
func capitalLevel(line []byte, n int) mode {
	switch line[n] {
	case '[': // logrus on a terminal, geth
		return header
	case ':':
		if n+2 < len(line) && (date(line[n+2:]) || monthInBrackets(line[n+2:])) {
			return header
		}
	case ' ', '\t':
		rest := bytes.TrimLeft(line[n:], " \t")
		if len(rest) > 15 && rest[0] == '[' && digit(rest[1]) && (bytes.IndexByte(rest[:15], '|') > 0 || date(rest[1:])) || date(rest) {
			return header
		}
		if bytes.HasPrefix(rest, []byte("| ")) || line[n] == '\t' { // zap without a time
			return header
		}
		return levelled
	}
	return none
}

// monthInBrackets reports whether text starts with a month, a day and a time in
// brackets, as Pterodactyl's Wings has them behind a level: "[Nov 23 06:25:41.007] ".
func monthInBrackets(text []byte) bool {
	return len(text) > 17 && text[0] == '[' && monthTime(text[1:])
}

// monthTime reports whether text starts with a month, a day and a time: "Nov 23 06:25:41".
func monthTime(text []byte) bool {
	return len(text) > 15 && text[3] == ' ' && month(text) && shaped(text[7:], "00:00:00")
}

// prefixed finds the time of package log behind a prefix.
func prefixed(line []byte) mode {
	if len(line) < 20 {
		return none
	}
	head := line[:min(len(line), headBytes)]
	i := bytes.IndexByte(head, '/')
	for i >= 4 && len(line)-i >= 15 {
		if line[i+3] == '/' && line[i+6] == ' ' && line[i+9] == ':' && (date(line[i-4:]) || shaped(line[i-4:], "0000/00/00 00:00 ")) {
			return header
		}
		j := bytes.IndexByte(head[i+1:], '/')
		if j < 0 {
			return none
		}
		i += 1 + j
	}
	return none
}

// level returns the length of the level that line starts with in capitals, 0
// if there is none.
func level(line []byte) int {
	if len(line) < 4 {
		return 0
	}
	switch string(line[:4]) {
	case "INFO", "WARN", "DEBU", "TRAC", "ERRO", "FATA", "PANI", "CRIT", "DPAN", "DBUG", "EROR":
	default:
		return 0
	}
	n := 4
	for n < len(line) && n < 8 && line[n] >= 'A' && line[n] <= 'Z' {
		n++
	}
	switch string(line[:n]) {
	case "INFO", "WARN", "DEBU", "TRAC", "ERRO", "FATA", "PANI", "CRIT", "DBUG", "EROR", "WARNING", "DEBUG", "TRACE", "ERROR", "FATAL", "PANIC", "DPANIC", "CRITICAL":
		return n
	}
	return 0
}

// uptime returns the length of seconds since the start, "0.000211213s", with
// blanks before it.
func uptime(line []byte) int {
	i := 0
	for i < len(line) && line[i] == ' ' {
		i++
	}
	j := i
	for j < len(line) && j < i+20 && (digit(line[j]) || line[j] == '.') {
		j++
	}
	if j > i+2 && j < len(line) && line[j] == 's' && bytes.IndexByte(line[i:j], '.') > 0 {
		return j + 1
	}
	return 0
}

// pairs reports whether line starts as logfmt does: with a key that only the
// start of a record has.
func pairs(line []byte) bool {
	i := bytes.IndexByte(line[:min(len(line), 10)], '=')
	if i < 1 || i+1 == len(line) {
		return false
	}
	switch string(line[:i]) {
	case "time", "ts", "t", "level", "lvl", "timestamp", "severity":
		return true
	}
	return false
}

func month(line []byte) bool {
	switch string(line[:3]) {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
		return true
	}
	return false
}

// shaped reports whether line starts as pattern says, in which 0 stands for any digit.
func shaped(line []byte, pattern string) bool {
	if len(line) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		if p := pattern[i]; p == '0' && !digit(line[i]) || p != '0' && line[i] != p {
			return false
		}
	}
	return true
}

// strip appends the start of line without terminal control sequences
// (ECMA-48) and byte order mark to dst, until dst is full.
func strip(dst, line []byte) []byte {
	for i := 0; i < len(line) && len(dst) < cap(dst); i++ {
		switch {
		case line[i] == 0x1b && i+1 < len(line) && line[i+1] == '[':
			i += 2
			for i < len(line) && line[i] < 0x40 {
				i++
			}
		case line[i] == 0x1b && i+2 < len(line) && line[i+1] == '(':
			i += 2
		case line[i] == 0xef && i+2 < len(line) && line[i+1] == 0xbb && line[i+2] == 0xbf:
			i += 2
		default:
			dst = append(dst, line[i])
		}
	}
	return dst
}
