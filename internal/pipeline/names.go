package pipeline

import (
	"bytes"
	"strings"
)

// names are patterns of attribute names, upper and lower case alike, in which
// "*" stands for any number of characters. It is for concurrent use once all
// are added.
type names struct{ patterns []pattern }

type pattern struct {
	parts []string // between the stars, in lower case
	id    int
}

func newNames() *names { return &names{} }

// add adds a pattern; id is what find returns.
func (n *names) add(text string, id int) {
	n.patterns = append(n.patterns, pattern{strings.Split(strings.ToLower(text), "*"), id})
}

func (n *names) matches(name []byte) bool { return n.find(name) >= 0 }

// find returns the id of the first pattern that name matches, -1 if none does.
func (n *names) find(name []byte) int {
	for i := range n.patterns {
		if n.patterns[i].match(name) {
			return n.patterns[i].id
		}
	}
	return -1
}

func (p *pattern) match(name []byte) bool {
	first, last := p.parts[0], p.parts[len(p.parts)-1]
	if len(p.parts) == 1 {
		return equalFold(name, first)
	}
	if len(name) < len(first)+len(last) || !equalFold(name[:len(first)], first) || !equalFold(name[len(name)-len(last):], last) {
		return false
	}
	rest := name[len(first) : len(name)-len(last)]
	for _, part := range p.parts[1 : len(p.parts)-1] {
		i := indexFold(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return true
}

// equalFold reports whether b is lower but for the case of ASCII letters.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if toLower(c) != lower[i] {
			return false
		}
	}
	return true
}

func indexFold(b []byte, lower string) int {
	if len(lower) == 0 {
		return 0
	}
	for i := 0; i+len(lower) <= len(b); i++ {
		if equalFold(b[i:i+len(lower)], lower) {
			return i
		}
	}
	return -1
}

func toLower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// secretWords end names of what has to stay secret, in lower case and without
// separators.
var secretWords = [...]string{"password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "apikey", "accesskey", "secretkey",
	"privatekey", "authorization", "credential", "credentials", "cookie", "pass", "pin", "cvv", "cvc"}

// isSecretName reports whether name ends in one of the words: db.password,
// X-Api-Key, accessToken. The short ones have to be words of their own.
func isSecretName(name []byte) bool {
	var buf [24]byte
	n := len(buf)
	ends := [len(buf) + 1]bool{} // a word can begin here
	for i := len(name) - 1; i >= 0 && n > 0; i-- {
		c := name[i]
		if c == '_' || c == '-' || c == '.' || c == ' ' {
			ends[n] = true
			continue
		}
		n--
		buf[n] = toLower(c)
		ends[n] = i == 0 || c >= 'A' && c <= 'Z'
	}
	text := buf[n:]
	for _, w := range secretWords {
		if bytes.HasSuffix(text, []byte(w)) && (len(w) > 4 || ends[len(buf)-len(w)]) {
			return true
		}
	}
	return false
}
