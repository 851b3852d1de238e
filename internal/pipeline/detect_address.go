package pipeline

import "unicode/utf8"

// email looks for an address around the @ at v[i]: up to 64 bytes before it
// and 255 behind it (RFC 5321).
func email(v []byte, i, floor int) match {
	from := i
	for from > max(floor, i-64) && is(v[from-1], isEmail) {
		from--
	}
	for from < i && (!utf8.RuneStart(v[from]) || is(v[from], isEmail) && !is(v[from], isAlnum) && v[from] < utf8.RuneSelf) {
		from++ // a quote, a bracket, key=
	}
	for k := i - 1; k >= from; k-- { // what precedes the address in key=a@b
		if v[k] == '=' || v[k] == '\'' || v[k] == '/' || v[k] == '{' || v[k] == '|' || v[k] == '`' {
			from = k + 1
			break
		}
	}
	if from == i {
		return match{}
	}
	to, dot := i+1, -1 // dot: the last one
	for to < min(len(v), i+256) && (is(v[to], isWord) && v[to] != '_' || v[to] == '.' && v[to-1] != '.') {
		if v[to] == '.' {
			dot = to
		}
		to++
	}
	for to > i && (v[to-1] == '.' || v[to-1] == '-') {
		to--
	}
	if dot >= to {
		for dot = to - 1; dot > i && v[dot] != '.'; dot-- {
		}
	}
	if dot <= i+1 || to-dot < 3 || is(v[dot+1], isDigit) {
		return match{}
	}
	return match{from: from, to: to, detector: Email}
}

// maxURL bounds the part of a URL that is searched for a password.
const maxURL = 512

// urlPassword looks for a password behind the colon at v[i], if it is that of
// scheme://user:password@host.
func urlPassword(v []byte, i int) match {
	if i+3 >= len(v) || v[i+1] != '/' || v[i+2] != '/' || i == 0 || !is(v[i-1], isAlnum) {
		return match{}
	}
	colon, at, slash := -1, -1, -1
	for k := i + 3; k < min(len(v), i+maxURL); k++ {
		c := v[k]
		if c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`' || c == '\\' {
			break
		}
		switch {
		case c == ':' && colon < 0:
			colon = k
		case c == '@':
			at = k
		case c == '/' || c == '?' || c == '#':
			if at < 0 && slash < 0 && colon > 0 && run(v, colon+1, isDigit) == k {
				return match{} // a port
			}
			slash = k
		}
		if slash > 0 && (at > 0 || colon < 0) {
			break
		}
	}
	if colon < 0 || at <= colon+1 {
		return match{}
	}
	return match{from: colon + 1, to: at, detector: URLPassword}
}

// ipv6 looks for an address whose first colon is v[i].
func ipv6(v []byte, i, floor int) match {
	from := i
	for from > floor && i-from < 5 && is(v[from-1], isHex) {
		from--
	}
	if i-from > 4 || from > 0 && (is(v[from-1], isWord) || v[from-1] == ':' || v[from-1] == '.') {
		return match{}
	}
	to, digit := from, false
	for to < len(v) && to-from <= 46 && (is(v[to], isHex) || v[to] == ':' || v[to] == '.') {
		digit = digit || is(v[to], isDigit)
		to++
	}
	if to-from > 46 || !digit || !bounded(v, to, isWord) {
		return match{}
	}
	for v[to-1] == '.' || v[to-1] == ':' && (to-from < 2 || v[to-2] != ':') {
		to-- // of the sentence
	}
	if !isIPv6(v[from:to]) {
		return match{}
	}
	return match{from: from, to: to, detector: IPv6}
}

// isIPv6 reports whether t is eight groups, or fewer around one "::". The last
// two can be written as an IPv4 address.
func isIPv6(t []byte) bool {
	groups, gap := 0, false
	for i := 0; i < len(t); {
		if t[i] == ':' {
			switch {
			case i+1 < len(t) && t[i+1] == ':':
				if gap || i+2 < len(t) && t[i+2] == ':' {
					return false
				}
				gap = true
				i += 2
			case i == 0 || i+1 == len(t):
				return false
			default:
				i++
			}
			continue
		}
		end := run(t, i, isHex)
		if end < len(t) && t[end] == '.' {
			return dotted(t, i) == len(t) && (groups == 6 || gap && groups < 6)
		}
		if end == i || end-i > 4 {
			return false
		}
		groups++
		i = end
	}
	return groups == 8 && !gap || gap && groups < 8
}
