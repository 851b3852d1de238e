package frame

// cri parses what follows the time ns, of n bytes, in a line as containerd and CRI-O write it, in the format of the
// kubelet's log files: time, stream, a tag that starts with P (partial) or F
// (full), and the text, with blanks between.
func (l *line) cri(text []byte, ns int64, n int) bool {
	if len(text) < n+9 || string(text[n:n+4]) != " std" || text[n+7] != ' ' {
		return false
	}
	switch string(text[n+4 : n+7]) {
	case "out":
		l.stream = Stdout
	case "err":
		l.stream = Stderr
	default:
		return false
	}
	i := n + 9
	switch text[n+8] {
	case 'P':
		l.piece = true
	case 'F':
	default:
		return false
	}
	if i < len(text) && text[i] == ':' {
		for i < len(text) && text[i] != ' ' {
			i++
		}
	}
	if i < len(text) {
		if text[i] != ' ' {
			return false
		}
		i++
	}
	l.kind, l.key, l.time, l.lo, l.hi = cri, uint64(l.stream), ns, i, len(text)
	return true
}

// stamp parses the RFC 3339 time that text starts with: nanoseconds since the
// Unix epoch, and its length, 0 if there is none.
func stamp(text []byte) (ns int64, n int) {
	if len(text) < 20 || text[10] != 'T' || !shaped(text, "0000-00-00T00:00:00") {
		return 0, 0
	}
	two := func(i int) int64 { return int64(text[i]-'0')*10 + int64(text[i+1]-'0') }
	month, day, hour, minute, second := two(5), two(8), two(11), two(14), two(17)
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 {
		return 0, 0
	}
	seconds := days(two(0)*100+two(2), month, day)*86400 + hour*3600 + minute*60 + second
	n = 19
	if text[n] == '.' {
		frac, unit := int64(0), int64(1e9)
		for n++; n < len(text) && digit(text[n]) && unit > 1; n++ {
			unit /= 10
			frac += int64(text[n]-'0') * unit
		}
		ns = frac
	}
	if n >= len(text) {
		return 0, 0
	}
	switch c := text[n]; c {
	case 'Z':
		n++
	case '+', '-':
		offset, m := int64(0), 0
		switch {
		case shaped(text[n+1:], "00:00"):
			offset, m = two(n+1)*3600+two(n+4)*60, 6
		case shaped(text[n+1:], "0000"): // as "journalctl -o short-iso" writes it
			offset, m = two(n+1)*3600+two(n+3)*60, 5
		default:
			return 0, 0
		}
		if c == '-' {
			offset = -offset
		}
		seconds -= offset
		n += m
	default:
		return 0, 0
	}
	return seconds*1e9 + ns, n
}

// days returns the days from the Unix epoch to a day of the Gregorian calendar.
func days(y, m, d int64) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	yoe := y % 400
	doy := (153*(m-3)+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}
