package tail

import "strings"

// compression returns name without the suffix of a compressed file that can be
// read, and that suffix.
func compression(name string) (plain, suffix string) {
	for _, s := range []string{".gz", ".zst"} {
		if p, ok := strings.CutSuffix(name, s); ok && p != "" {
			return p, s
		}
	}
	return name, ""
}

// isRotationOf reports whether name, without a compression suffix, is what
// rotation makes of base: app.log.1, app.log-20260102, app-2026-01-02.log and
// app.1.log for app.log.
func isRotationOf(base, name string) bool {
	if mid, ok := strings.CutPrefix(name, base); ok && isSequence(mid) {
		return true
	}
	dot := strings.LastIndexByte(base, '.')
	if dot <= 0 {
		return false
	}
	mid, ok := strings.CutPrefix(name, base[:dot])
	if !ok {
		return false
	}
	mid, ok = strings.CutSuffix(mid, base[dot:])
	return ok && isSequence(mid)
}

// isSequence reports whether s is a separator followed by a number or a date.
func isSequence(s string) bool {
	if len(s) < 2 || !isSeparator(s[0]) || !isDigit(s[1]) {
		return false
	}
	for i := range len(s) {
		if !inSequence(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool     { return c >= '0' && c <= '9' }
func isSeparator(c byte) bool { return c == '.' || c == '-' || c == '_' }
func inSequence(c byte) bool {
	return isDigit(c) || isSeparator(c) || c == 'T' || c == 'Z' || c == ':' || c == '+'
}

// unrotated returns the names that name, without a compression suffix, can be
// a rotation of; empty where there is none.
func unrotated(name string) (suffixed, infixed string) {
	if i := sequenceStart(name); i > 0 {
		suffixed = name[:i]
	}
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		if i := sequenceStart(name[:dot]); i > 0 {
			infixed = name[:i] + name[dot:]
		}
	}
	return suffixed, infixed
}

// sequenceStart returns where the sequence at the end of name starts, 0 if
// there is none.
func sequenceStart(name string) int {
	i := len(name)
	for i > 0 && inSequence(name[i-1]) {
		i--
	}
	// The run may start with a digit that belongs to the name.
	for i < len(name) && !isSequence(name[i:]) {
		i++
	}
	if i == len(name) {
		return 0
	}
	return i
}
