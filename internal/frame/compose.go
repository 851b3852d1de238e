package frame

import "bytes"

// compose parses a line of "docker compose logs", a container's name, blanks
// and "| " before the text, if it is certain to be one: the name ends in a
// number, or the text is that of a service.
func (l *line) compose(raw []byte) bool {
	if !l.named(raw) {
		return false
	}
	name := raw[l.service.lo:l.service.hi]
	n := stem(name)
	if l.service.hi = l.service.lo + n; n < len(name) {
		return true
	}
	l.weak = true
	return evident(raw[l.lo:l.hi])
}

// stem returns the length of a container's name without its number.
func stem(name []byte) int {
	i := len(name)
	for i > 0 && digit(name[i-1]) {
		i--
	}
	if i < len(name) && i > 1 && (name[i-1] == '-' || name[i-1] == '_') {
		return i - 1
	}
	return len(name)
}

// named parses a line that may be one of "docker compose logs".
func (l *line) named(raw []byte) bool {
	lo := colour(raw, 0)
	i := lo
	task := 0 // of "docker service logs": "shop.1.x2v9k@node-1"
	for i < len(raw) && i < lo+96 && (nameByte[raw[i]] || raw[i] == '@') {
		if raw[i] == '@' {
			task = lo + max(bytes.IndexByte(raw[lo:i], '.'), 0)
		}
		i++
	}
	n := i
	for i < len(raw) && raw[i] == ' ' {
		i++
	}
	if i == n || i+1 >= len(raw) || raw[i] != '|' || !letter(raw[lo]) || isLevel(raw[lo:n]) {
		return false
	}
	if i = colour(raw, i+1); i == len(raw) {
		return false
	}
	if raw[i] == ' ' {
		i++
	} else if raw[i] != '\n' && raw[i] != '\r' {
		return false
	}
	l.kind, l.key, l.service, l.lo, l.hi = compose, hash(raw[lo:n]), part{lo, n}, i, i+len(trimEnd(raw[i:]))
	if task > lo {
		l.service.hi = task
	}
	l.stamp(raw)
	return true
}

// manager parses a line that may be one of "pm2 logs", which writes the number of
// a process and its name in front of the text: "0|web  | text".
func (l *line) manager(raw []byte) bool {
	n := 0
	for n < len(raw) && n < 3 && digit(raw[n]) {
		n++
	}
	if n == 0 || n == len(raw) || raw[n] != '|' {
		return false
	}
	if n++; !l.named(raw[n:]) {
		return false
	}
	l.shift(n)
	l.key = hash(raw[:l.service.hi])
	l.weak = true
	return true
}

// colour returns the index behind the control sequence for a colour that may be at i.
func colour(raw []byte, i int) int {
	if i+2 >= len(raw) || raw[i] != 0x1b || raw[i+1] != '[' {
		return i
	}
	for j := i + 2; j < len(raw) && j < i+12; j++ {
		if raw[j] == 'm' {
			return j + 1
		}
		if !digit(raw[j]) && raw[j] != ';' {
			break
		}
	}
	return i
}

// pod parses a line of "kubectl logs --prefix": "[pod/web-7d4b9/app] text".
func (l *line) pod(raw []byte) bool {
	name, ok := bytes.CutPrefix(raw[:min(len(raw), 256)], []byte("[pod/"))
	if !ok {
		return false
	}
	slash := bytes.IndexByte(name, '/')
	end := bytes.IndexByte(name, ']')
	if slash < 1 || end < slash+2 || end+1 >= len(name) || name[end+1] != ' ' || bytes.IndexByte(name[:end], ' ') >= 0 {
		return false
	}
	n := len("[pod/")
	l.kind, l.key, l.service = compose, hash(name[:end]), part{n + slash + 1, n + end}
	l.lo = n + end + 2
	l.hi = l.lo + len(trimEnd(raw[l.lo:]))
	l.stamp(raw)
	return true
}

// stern parses a line that may be one of stern, which writes a pod's name, with a
// number in it, and a container's in front of the text: "web-7d4b9 app text".
func (l *line) stern(raw []byte) bool {
	i, dashed, numbered := 0, false, false
	for i < len(raw) && i < 253 && nameByte[raw[i]] {
		dashed = dashed || raw[i] == '-'
		numbered = numbered || digit(raw[i])
		i++
	}
	lo := i + 1
	if !dashed || !numbered || lo >= len(raw) || raw[i] != ' ' || !letter(raw[0]) {
		return false
	}
	for i = lo; i < len(raw) && i < lo+64 && nameByte[raw[i]]; i++ {
	}
	if i == lo || i+1 >= len(raw) || raw[i] != ' ' || !letter(raw[lo]) {
		return false
	}
	l.kind, l.key, l.service, l.weak = compose, hash(raw[:i]), part{lo, i}, true
	l.lo = i + 1
	l.hi = l.lo + len(trimEnd(raw[l.lo:]))
	return true
}

// stamp takes the time off that "docker compose logs --timestamps" writes
// before the text, if the text is that of a service, or the time has all digits
// and no level is behind it.
func (l *line) stamp(raw []byte) {
	text := raw[l.lo:l.hi]
	ns, n := stamp(text)
	switch {
	case n == 0 || n < len(text) && text[n] != ' ':
	case n+1 < len(text) && evident(text[n+1:]), n == len("2006-01-02T15:04:05.000000000Z") && !levelNext(text[n:]):
		l.time, l.lo = ns, min(l.lo+n+1, l.hi)
	}
}

// levelNext reports whether a level, perhaps in a bracket, is behind blanks in text.
func levelNext(text []byte) bool {
	text = bytes.TrimLeft(text, " [")
	i := 0
	for i < len(text) && letter(text[i]) {
		i++
	}
	return isLevel(text[:i])
}

// foundry parses a line of "cf logs", of Cloud Foundry:
//
//	2026-11-23T06:42:55.60+0000 [APP/PROC/WEB/0] OUT text
func (l *line) foundry(raw []byte, at int) bool {
	text := raw[at:]
	ns, n := stamp(text)
	if n == 0 || n+12 > len(text) || text[n] != ' ' || text[n+1] != '[' {
		return false
	}
	e := bytes.IndexByte(text[n:min(len(text), n+64)], ']')
	if e < 5 || !digit(text[n+e-1]) || bytes.IndexByte(text[n:n+e], '/') < 0 {
		return false
	}
	i := n + e + 1
	for i < len(text) && text[i] == ' ' {
		i++
	}
	if i+3 > len(text) || i == n+e+1 {
		return false
	}
	switch string(text[i : i+3]) {
	case "OUT":
		l.stream = Stdout
	case "ERR":
		l.stream = Stderr
	default:
		return false
	}
	if i += 3; i < len(text) && text[i] == ' ' {
		i++
	} else if i < len(text) && text[i] != '\n' && text[i] != '\r' {
		return false
	}
	l.kind, l.key, l.time, l.lo, l.hi = cri, hash(text[n:n+e])+uint64(l.stream), ns, at+i, at+i+len(trimEnd(text[i:]))
	return true
}

// tai64n parses a line of daemontools' multilog: "@4000000065a1b2c3075bcd15 text".
func (l *line) tai64n(text []byte) bool {
	const digits = 24
	if len(text) < 1+digits || len(text) > 1+digits && text[1+digits] != ' ' || string(text[1:9]) != "40000000" {
		return false
	}
	var v [2]uint64 // seconds, nanoseconds
	for i, c := range text[1 : 1+digits] {
		d := uint64(c - '0')
		if d > 9 {
			if d = uint64(c-'a') + 10; c < 'a' || c > 'f' {
				return false
			}
		}
		v[i/16] = v[i/16]<<4 | d
	}
	seconds := int64(v[0] - 1<<62 - 10) // its zero is ten seconds before Unix's
	l.kind, l.time, l.lo, l.hi = kube, seconds*1e9+int64(v[1]), min(2+digits, len(text)), len(text)
	return v[1] < 1e9
}

// kube parses what follows the time ns, of n bytes, in a line of "kubectl logs
// --timestamps", if it is certain to be one. Tables have a tab behind the time.
func (l *line) kube(text []byte, ns int64, n int) bool {
	l.kind, l.time, l.lo, l.hi = kube, ns, min(n+1, len(text)), len(text)
	return evident(text[l.lo:l.hi])
}

// svlogd parses a line of runit's logger, as GitLab has it write, in UTC:
// "2026-11-23_06:42:55.60974 text".
func (l *line) svlogd(text []byte) bool {
	const layout = "0000-00-00_00:00:00.00000"
	if !shaped(text, layout) || len(text) > len(layout) && text[len(layout)] != ' ' {
		return false
	}
	var t [len(layout) + 1]byte
	copy(t[:], text)
	t[10], t[len(layout)] = 'T', 'Z'
	ns, n := stamp(t[:])
	l.kind, l.time, l.lo, l.hi = kube, ns, min(n, len(text)), len(text)
	return n > 0
}

// stamped parses a line that may be one of "kubectl logs --timestamps".
func (l *line) stamped(text []byte) bool {
	ns, n := stamp(text)
	if n == 0 || n < len(text) && text[n] != ' ' && text[n] != '\t' {
		return false
	}
	l.kube(text, ns, n)
	return true
}

// joins reports whether a line goes on with a record of its source that is open.
func (w *weave) joins(l *line, raw []byte) bool {
	for i := range w.sources {
		s := &w.sources[i]
		if s.key != l.key {
			continue
		}
		text := s.content(raw[l.lo:l.hi])
		if len(text) == 0 {
			return s.record >= 0
		}
		if s.resumes(text) {
			return true
		}
		if s.record < 0 {
			return false
		}
		_, v := s.mode.follow(text, s.blank >= 0)
		return v != begins
	}
	return false
}
