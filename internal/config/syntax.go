package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parse returns the one document of data as a tree.
func parse(data []byte) (*yaml.Node, *Error) {
	if len(data) > maxFileBytes {
		return nil, &Error{Line: 1, Col: 1, Text: "the file is larger than 1 MiB; is this the configuration?"}
	}
	if at := invalidUTF8(data); at >= 0 {
		line, col := position(data, at)
		return nil, &Error{Line: line, Col: col, Text: "not UTF-8; save the file as UTF-8"}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && isEmpty(&doc) {
		return nil, &Error{Line: 1, Col: 1, Text: "the file is empty; it needs data_dir, inputs and outputs"}
	}
	if err == nil {
		err = dec.Decode(&second)
		if err == nil {
			return nil, &Error{Line: max(second.Line, 1), Col: max(second.Column, 1), Text: `a second document; one file holds one, remove the "---" before it`}
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxError(data, err)
	}
	return doc.Content[0], nil
}

func isEmpty(doc *yaml.Node) bool {
	return len(doc.Content) == 0 || doc.Content[0].Tag == "!!null"
}

// syntaxError finds where data stops being YAML. yaml.v3 tells the line at
// which the enclosing structure begins, sometimes one off and never a column;
// but its parser reads strictly forwards, so the shortest beginning of data that
// gives the same message ends at the fault.
func syntaxError(data []byte, err error) *Error {
	message := err.Error()
	if strings.HasSuffix(message, unclosedQuote) {
		line, col := openQuote(data, message)
		return &Error{Line: line, Col: col, Text: plain(message)}
	}
	n := sort.Search(len(data), func(n int) bool { return failsWith(data[:n+1], message) })
	if n == len(data) {
		n = max(len(data)-1, 0)
	}
	line, col := position(data, n)
	if tab := tabIndent(data, line); tab > 0 {
		return &Error{Line: line, Col: tab, Text: "a tab; YAML is indented with spaces"}
	}
	return &Error{Line: line, Col: col, Text: plain(message)}
}

func failsWith(data []byte, message string) bool { return firstError(data) == message }

func firstError(data []byte) string {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); err != nil {
			return err.Error()
		}
	}
}

// unclosedQuote is the message about a quoted value that runs to the end of the file.
const unclosedQuote = "found unexpected end of stream"

// openQuote finds the quote that is not closed. The message names its line,
// or the last one if the quote is in the first.
func openQuote(data []byte, message string) (line, col int) {
	unclosed := func(n int) bool { return strings.HasSuffix(firstError(data[:n]), unclosedQuote) }
	fmt.Sscanf(message, "yaml: line %d:", &line)
	line = max(line, 1)
	start := lineStart(data, line)
	if start > 0 && unclosed(start-1) {
		line, start = 1, 0
	}
	// Each try parses all that is before it: only quotes are tried, and not many.
	text := lineAt(data, line)
	for n, tries := len(text), 0; tries < 100; tries++ {
		if n = bytes.LastIndexAny(text[:n], `"'`); n < 0 {
			break
		}
		if n > 0 && text[n] == '\'' && text[n-1] == '\'' { // it stands for one within a value
			n--
			continue
		}
		before := bytes.TrimRight(text[:n], `\`) // half an escape would be another error
		if !unclosed(start + len(before)) {
			return line, utf8.RuneCount(text[:n]) + 1
		}
	}
	return line, 1
}

// lineStart returns where a line, counted from 1, begins; the length of data
// if there is no such line.
func lineStart(data []byte, line int) int {
	at := 0
	for ; line > 1; line-- {
		n := bytes.IndexByte(data[at:], '\n')
		if n < 0 {
			return len(data)
		}
		at += n + 1
	}
	return at
}

// lineAt returns a line without its end.
func lineAt(data []byte, line int) []byte {
	text, _, _ := bytes.Cut(data[lineStart(data, line):], []byte{'\n'})
	return text
}

// tabIndent returns the column of a tab in the indentation of a line, or 0.
func tabIndent(data []byte, line int) int {
	text := lineAt(data, line)
	indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
	return bytes.IndexByte(indent, '\t') + 1
}

// plain turns a message of the YAML parser into what a person can act on.
func plain(message string) string {
	text := strings.TrimPrefix(message, "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if _, after, ok := strings.Cut(rest, ": "); ok {
			text = after
		}
	}
	for _, m := range [...]struct{ parser, person string }{
		{"did not find expected key", `no key here; check the indentation and that the key ends in ":"`},
		{"did not find expected '-' indicator", `no list item here; check the indentation, each item begins with "- "`},
		{"did not find expected ',' or ']'", `a list in [...] is not closed; add "]" or ","`},
		{"did not find expected ',' or '}'", `a mapping in {...} is not closed; add "}" or ",", or quote a value that has braces`},
		{"did not find expected node content", "a value is missing"},
		{"mapping values are not allowed in this context", `a ":" where none can be; quote the value or check the indentation`},
		{"could not find expected ':'", `a key without ":"`},
		{unclosedQuote, "a quote is not closed"},
		{"found character that cannot start any token", "a value cannot begin with this character; put it in quotes"},
		{"block sequence entries are not allowed in this context", `a "- " where no list can be; put it on a line of its own`},
		{"found unknown escape character", `an unknown escape after "\"; use single quotes or "\\"`},
	} {
		if strings.HasPrefix(text, m.parser) {
			return m.person
		}
	}
	return fmt.Sprintf("not valid YAML: %s", text)
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 || r == 0 {
			return i
		}
		i += size
	}
	return -1
}

// position returns line and column, in characters, of data[at].
func position(data []byte, at int) (line, col int) {
	before := data[:at]
	line = bytes.Count(before, []byte{'\n'}) + 1
	start := bytes.LastIndexByte(before, '\n') + 1
	return line, utf8.RuneCount(before[start:]) + 1
}
