package format

// severity returns the OpenTelemetry severity number of a level as any of the
// libraries spells it, 0 if it is none. It knows slog's offsets: "INFO+2".
func severity(level []byte) uint8 {
	switch string(level) {
	case "info", "INFO":
		return 9
	case "debug", "DEBUG":
		return 5
	case "error", "ERROR":
		return 17
	case "warn", "WARN":
		return 13
	}
	n := 0
	for n < len(level) && level[n]|0x20 >= 'a' && level[n]|0x20 <= 'z' {
		n++
	}
	base := severityWord(level[:n])
	if n == len("level") && n < len(level) && level[n] == '(' {
		return zapVerbosity(level)
	}
	if n == len(level) || base == 0 {
		return base
	}
	offset := 0
	if sign := level[n]; (sign == '+' || sign == '-') && len(level)-n <= 3 && n+1 < len(level) {
		for _, c := range level[n+1:] {
			if c-'0' > 9 {
				return 0
			}
			offset = offset*10 + int(c-'0')
		}
		if sign == '-' {
			offset = -offset
		}
		return uint8(min(max(int(base)+offset, 1), 24))
	}
	return 0
}

// zapVerbosity returns the severity number of a level that zap has no name for:
// "Level(-3)", or "LEVEL(-3)", is logr's verbosity 3.
func zapVerbosity(level []byte) uint8 {
	const start, end = len("Level("), len(")")
	if len(level) < start+1+end || len(level) > start+4+end || level[start-1] != '(' || level[len(level)-1] != ')' {
		return 0
	}
	digits := level[start : len(level)-end]
	negative := digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	n, ok := decimal(digits)
	switch {
	case !ok:
		return 0
	case negative:
		return verbosity(int64(n))
	}
	return 21
}

// severityWord returns the severity number of a word, in whatever case.
func severityWord(word []byte) uint8 {
	if len(word) == 0 || len(word) > 13 {
		return 0
	}
	var lower [13]byte
	for i, c := range word {
		lower[i] = c | 0x20
	}
	switch string(lower[:len(word)]) {
	case "info", "inf", "i", "information", "informational":
		return 9
	case "debug", "debu", "debg", "dbug", "dbg", "deb", "d", "verbose":
		return 5
	case "warn", "warning", "warni", "wrn", "w":
		return 13
	case "error", "erro", "eror", "err", "e":
		return 17
	case "trace", "trac", "trce", "trc", "t":
		return 1
	case "fatal", "fata", "ftl", "f", "dpanic", "emergency", "emerg", "severe":
		return 21
	case "panic", "pani", "pnc":
		return 22
	case "critical", "criti", "crit", "c":
		return 18
	case "alert":
		return 19
	case "notice", "notic", "note", "noti":
		return 10
	case "finest":
		return 1
	case "slow":
		return 13
	case "stat":
		return 9
	}
	return 0
}

// severityNumber returns the severity number of a level of bunyan, pino and
// their like (10..60).
func severityNumber(level int64) uint8 {
	switch {
	case level < 10 || level > 69:
		return 0
	default:
		return uint8(level/10-1)*4 + 1
	}
}

// upperLevelAt returns the length of the level in capitals, as Rust's log,
// tracing and slog write them, that s starts with, and its severity number.
func upperLevelAt(s []byte) (n int, number uint8) {
	if len(s) < 4 {
		return 0, 0
	}
	switch s[0] {
	case 'I':
		if string(s[:4]) == "INFO" {
			return 4, 9
		}
	case 'W':
		if string(s[:4]) == "WARN" {
			return 4, 13
		}
	case 'E':
		if len(s) >= 5 && string(s[:5]) == "ERROR" {
			return 5, 17
		}
	case 'D':
		if len(s) >= 5 && string(s[:5]) == "DEBUG" {
			return 5, 5
		}
	case 'T':
		if len(s) >= 5 && string(s[:5]) == "TRACE" {
			return 5, 1
		}
	}
	return 0, 0
}

// opening returns the bounds of the level word that a message starts with by
// convention, and its severity number: "ERROR text", "[WARN] text", "I! text",
// "INFO: text". Colon says that the word is a label of its own: the text starts
// at rest.
func opening(s []byte) (lo, hi, rest int, colon bool, number uint8) {
	if len(s) == 0 {
		return 0, 0, 0, false, 0
	}
	bracket := s[0] == '['
	if bracket {
		lo = 1 + min(blanksAt(s, 1), 2) // as wide as others
	}
	hi = lo
	for hi < len(s) && hi < lo+10 && s[hi]|0x20 >= 'a' && s[hi]|0x20 <= 'z' {
		hi++
	}
	n := hi - lo
	if n == 0 || hi == len(s) {
		return 0, 0, 0, false, 0
	}
	capitals := s[lo] < 'a' && s[hi-1] < 'a'
	switch c := s[hi]; {
	case bracket:
		if rest = hi + min(blanksAt(s, hi), 2); rest == len(s) || s[rest] != ']' {
			return 0, 0, 0, false, 0
		}
		if rest++; n == 1 && !capitals && rest < len(s) && s[rest] == '[' {
			return 0, 0, 0, false, 0
		}
	case c == '!':
		if n != 1 || !capitals {
			return 0, 0, 0, false, 0
		}
		rest = hi + 1
	case c == ':' && n > 1 && (hi+1 == len(s) || s[hi+1] == ' '):
		colon = capitals
		if !capitals {
			return 0, 0, 0, false, 0
		}
		rest = hi + 1
	case c == ' ' && n > 2 && capitals:
		rest = hi
		if k := hi + blanksAt(s, hi); k+1 < len(s) && s[k] == ':' && s[k+1] == ' ' { // rclone's
			colon, rest = true, k+1
		}
	default:
		return 0, 0, 0, false, 0
	}
	for rest < len(s) && s[rest] == ' ' {
		rest++
	}
	number = severityWord(s[lo:hi])
	if number == 0 {
		return 0, 0, 0, false, 0
	}
	return lo, hi, rest, colon, number
}
