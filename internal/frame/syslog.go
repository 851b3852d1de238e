package frame

import "bytes"

// syslog parses what follows the time ns, of n bytes, in a line as rsyslog and
// "journalctl" write it:
//
//	Nov 23 06:42:55 host prog[123]: text
//	Nov 23 06:42:55 prog[123]: text          journalctl --no-hostname
//	2026-11-23T06:42:55.609743+00:00 host prog[123]: text
//
//	Nov 23 06:42:55 host-1 prog: text        rsyslog, of some programs
//
// Only the kernel, sudo, and what has a header of its own behind it may have no
// process ID, behind a word that need be no host.
func (l *line) syslog(text []byte, ns int64, n int) bool {
	i := n
	if i+1 >= len(text) || text[i] != ' ' {
		return false
	}
	i++
	lo := i
	for i < len(text) && i < lo+64 && nameByte[text[i]] {
		i++
	}
	host := part{lo, i}
	if i > lo && i < len(text) && text[i] == ' ' {
		if isLevel(text[lo:i]) {
			return false
		}
		i++
	} else {
		i, host = lo, part{}
	}
	bare := n == 15 && bytes.ContainsAny(text[host.lo:host.hi], "0123456789-.") // no word of a sentence
	if i = l.program(text, i, bare); i == 0 {
		return false
	}
	l.kind, l.time, l.host, l.lo, l.hi = syslog, ns, host, i, len(text)
	l.key = hash(text[lo:l.service.hi]) ^ uint64(l.pid)<<32
	if bytes.IndexByte(text[i:], '#') >= 0 {
		l.escape = asOctal
	}
	return true
}

// priority parses a line that starts with a priority, as those who receive
// syslog (RFC 3164, RFC 5424) write it to a file:
//
//	<14>Nov 23 06:42:55 host prog[123]: text
//	<14>1 2026-11-23T06:42:55.609Z host prog 123 - - text
func (l *line) priority(text []byte) bool {
	at := bytes.IndexByte(text[:min(len(text), 6)], '>') + 1
	if at < 3 || at+24 > len(text) {
		return false
	}
	for _, c := range text[1 : at-1] {
		if !digit(c) {
			return false
		}
	}
	rest := text[at:]
	if rest[0] != '1' || rest[1] != ' ' {
		ns, n := yearless(rest)
		if n == 0 || !l.syslog(rest, ns, n) {
			return false
		}
		l.yearless = part{0, n}
		l.shift(at)
		return true
	}
	ns, n := stamp(rest[2:])
	i := 2 + n
	if n == 0 || i == len(rest) || rest[i] != ' ' {
		return false
	}
	var words [4]part // host, program, process, message ID
	for k := range words {
		lo := i + 1
		for i = lo; i < len(rest) && rest[i] != ' '; i++ {
		}
		if i == lo || i+1 >= len(rest) {
			return false
		}
		words[k] = part{lo, i}
	}
	if i++; rest[i] == '[' {
		e := bytes.IndexByte(rest[i:], ']') // of the first element
		if e < 0 {
			return false
		}
		i += e
	} else if rest[i] != '-' {
		return false
	}
	i = min(i+2, len(rest))
	l.kind, l.time, l.lo, l.hi = syslog, ns, i, len(rest)
	for k, word := range [...]*part{&l.host, &l.service} {
		if string(rest[words[k].lo:words[k].hi]) != "-" {
			*word = words[k]
		}
	}
	for _, c := range rest[words[2].lo:min(words[2].hi, words[2].lo+9)] {
		if !digit(c) {
			l.pid = 0
			break
		}
		l.pid = l.pid*10 + uint32(c-'0')
	}
	l.key = hash(rest[words[0].lo:words[2].hi])
	l.shift(at)
	return true
}

// shift moves all parts, which were found behind something of n bytes.
func (l *line) shift(n int) {
	l.lo, l.hi = l.lo+n, l.hi+n
	for _, p := range [...]*part{&l.yearless, &l.host, &l.service} {
		if p.hi > 0 {
			p.lo, p.hi = p.lo+n, p.hi+n
		}
	}
}

// dayNamed parses a line of "journalctl -o short-full":
// "Mon 2026-11-23 06:42:55 UTC host prog[123]: text".
func (l *line) dayNamed(text []byte) bool {
	const layout = "Mon 2006-01-02 15:04:05"
	var t [len("2006-01-02T15:04:05Z")]byte
	copy(t[:], text[4:len(layout)])
	t[10], t[len(t)-1] = 'T', 'Z'
	ns, n := stamp(t[:])
	if n == 0 || string(text[len(layout):len(layout)+5]) != " UTC " || !l.syslog(text[4:], ns, len(layout)) {
		return false
	}
	l.shift(4)
	return true
}

// fly parses what follows the time ns, of n bytes, in a line of "fly logs": the
// program and its machine, the region, and a level that is not the text's:
//
//	2023-08-28T17:24:09Z app[4d891d7] iad [info]text
func (l *line) fly(text []byte, ns int64, n int) bool {
	lo := n + 1
	open := lo + bytes.IndexByte(text[lo:min(len(text), lo+16)], '[')
	e := open + bytes.IndexByte(text[max(open, 0):min(len(text), open+32)], ']')
	if open <= lo || e < open+2 || e+8 > len(text) || text[e+1] != ' ' || text[e+5] != ' ' || text[e+6] != '[' {
		return false
	}
	i := e + 7
	for i < len(text) && text[i] >= 'a' && text[i] <= 'z' {
		i++
	}
	if i == len(text) || text[i] != ']' || !isLevel(text[e+7:i]) {
		return false
	}
	if i++; i+1 < len(text) && text[i] == ' ' && text[i+1] != ' ' {
		i++ // of older versions
	}
	*l = line{kind: syslog, key: hash(text[lo : e+1]), time: ns, service: part{lo, open}, lo: i, hi: len(text)}
	return true
}

// process parses a line that may be one of "journalctl" whose time was cut off:
// "prog[123]: text".
func (l *line) process(raw []byte) bool {
	text := trimEnd(raw)
	*l = line{}
	i := l.program(text, 0, false)
	if i == 0 || l.pid == 0 || isLevel(text[:l.service.hi]) {
		return false
	}
	l.kind, l.lo, l.hi, l.weak = syslog, i, len(text), true
	l.key = hash(text[:l.service.hi]) ^ uint64(l.pid)<<32
	return true
}

// headed reports whether a record with a header of its own is behind the ": "
// that text starts with: then what is in front of it is no sentence.
func headed(text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte(": "))
	return ok && len(rest) > 3 && (timed(rest) || pairs(rest) || rest[0] == '{' && rest[1] == '"')
}

// program parses the "prog[123]: " at i, or "prog: " if bare is set, and returns
// where the text begins, 0 if there is none.
func (l *line) program(text []byte, i int, bare bool) int {
	lo := i
	for i < len(text) && i < lo+64 && (nameByte[text[i]] || text[i] == '/' || text[i] == '@' || text[i] == '(' || text[i] == ')') {
		i++
	}
	if i == lo || i == len(text) {
		return 0
	}
	l.service = part{lo, i}
	pid, digits := uint32(0), 0
	if text[i] == '[' {
		for i++; i < len(text) && digit(text[i]) && digits < 9; i++ {
			pid = pid*10 + uint32(text[i]-'0')
			digits++
		}
		if digits == 0 { // Heroku's dynos: "app[web.1]: "
			dyno := i
			for i < len(text) && i < dyno+32 && nameByte[text[i]] {
				i++
			}
			digits = bytes.IndexByte(text[dyno:i], '.')
		}
		if digits <= 0 || i == len(text) || text[i] != ']' {
			return 0
		}
		i++
	} else if name := string(text[lo:i]); !bare && name != "kernel" && name != "sudo" && !headed(text[i:]) {
		return 0
	}
	if i >= len(text) || text[i] != ':' {
		return 0
	}
	l.pid = pid
	if i++; i == len(text) {
		return i
	}
	if text[i] != ' ' {
		return 0
	}
	return i + 1
}

// yearless parses the "Nov 23 06:42:55", perhaps with a fraction, that text
// starts with. The time is in no year in particular.
func yearless(text []byte) (ns int64, n int) {
	if len(text) < 16 || text[3] != ' ' || text[6] != ' ' || !digit(text[5]) || text[4] != ' ' && !digit(text[4]) || !shaped(text[7:], "00:00:00") {
		return 0, 0
	}
	m := int64(bytes.Index([]byte("JanFebMarAprMayJunJulAugSepOctNovDec"), text[:3]))
	if m < 0 || m%3 != 0 {
		return 0, 0
	}
	two := func(i int) int64 { return int64(text[i]&0xf)*10 + int64(text[i+1]-'0') }
	seconds := days(2000, m/3+1, two(4))*86400 + two(7)*3600 + two(10)*60 + two(13)
	n = 15
	if text[n] == '.' {
		unit := int64(1e9)
		for n++; n < len(text) && digit(text[n]) && unit > 1; n++ {
			unit /= 10
			ns += int64(text[n]-'0') * unit
		}
	}
	return seconds*1e9 + ns, n
}

// appendOctal appends text with the control characters that rsyslog wrote as #
// and three octal digits.
func appendOctal(dst, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '#')
		if i < 0 || i+4 > len(text) {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		text = text[i:]
		a, b, c := text[1]-'0', text[2]-'0', text[3]-'0'
		if v := a<<6 | b<<3 | c; a < 2 && b < 8 && c < 8 && (v < ' ' || v == 0x7f) {
			dst = append(dst, v)
			text = text[4:]
			continue
		}
		dst = append(dst, '#')
		text = text[1:]
	}
}
