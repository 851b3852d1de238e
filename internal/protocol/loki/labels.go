package loki

import (
	"bytes"
	"fmt"
	"strconv"
)

// parseLabels calls add for each label of a stream, in their order: what is
// between braces, as Prometheus and Loki write it. Values are strings of Go.
func parseLabels(p []byte, add func(name, value string)) error {
	rest, ok := bytes.CutPrefix(blank(p), []byte{'{'})
	if !ok {
		return errLabels(p)
	}
	for rest = blank(rest); ; {
		if len(rest) > 0 && rest[0] == '}' {
			if len(blank(rest[1:])) > 0 {
				return errLabels(p)
			}
			return nil
		}
		eq := bytes.IndexByte(rest, '=')
		if eq < 0 {
			return errLabels(p)
		}
		name := bytes.TrimRight(rest[:eq], " \t\r\n")
		quoted := quotedPrefix(blank(rest[eq+1:]))
		value, err := strconv.Unquote(string(quoted))
		if err != nil || !isLabelName(name) {
			return errLabels(p)
		}
		add(string(name), value)
		rest = blank(blank(rest[eq+1:])[len(quoted):])
		switch {
		case len(rest) > 0 && rest[0] == ',':
			rest = blank(rest[1:])
		case len(rest) == 0 || rest[0] != '}':
			return errLabels(p)
		}
	}
}

func errLabels(p []byte) error {
	return fmt.Errorf("couldn't parse labels: %.200q is not {name=\"value\", ...}", p)
}

func blank(p []byte) []byte { return bytes.TrimLeft(p, " \t\r\n") }

// quotedPrefix returns the string at the start of p with its quotation marks.
func quotedPrefix(p []byte) []byte {
	if len(p) == 0 || p[0] != '"' && p[0] != '`' {
		return nil
	}
	for i := 1; i < len(p); i++ {
		switch {
		case p[i] == p[0]:
			return p[:i+1]
		case p[i] == '\\' && p[0] == '"':
			i++
		}
	}
	return nil
}

// isLabelName reports whether s is a name as LogQL has them.
func isLabelName(s []byte) bool {
	for i, c := range s {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '_', c == ':':
		case i > 0 && c >= '0' && c <= '9':
		default:
			return false
		}
	}
	return len(s) > 0
}
