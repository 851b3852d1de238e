package selector

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenString
	tokenNumber // also durations and sizes
	tokenSymbol
)

type token struct {
	kind tokenKind
	text string // of a string: unquoted
	at   int
}

// parser reads tokens, one ahead. After the first error there are no more.
type parser struct {
	text  string
	at    int
	tok   token
	count int // of comparisons
	err   *Error
}

func (p *parser) fail(at int, format string, args ...any) {
	if p.err != nil {
		return
	}
	before := p.text[:min(at, len(p.text))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	p.err = &Error{line, column, fmt.Sprintf(format, args...)}
	p.tok = token{kind: tokenEnd, at: at}
	p.at = len(p.text)
}

// unexpected fails at the token at hand.
func (p *parser) unexpected(expecting string) {
	if expecting != "" {
		expecting = ", expecting " + expecting
	}
	if p.tok.kind == tokenEnd {
		p.fail(p.tok.at, "syntax error: unexpected end of the query%s", expecting)
		return
	}
	p.fail(p.tok.at, "syntax error: unexpected %q%s", p.tok.text, expecting)
}

// symbols, the longer before their beginnings.
var symbols = []string{"|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", "[", "]", ",", "|", "=", ">", "<", "+", "-", "*", "/", "%", "^"}

// isNameByte takes dots for part of a name, to say what is wrong with them.
func isNameByte(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && (c >= '0' && c <= '9' || c == '.')
}

// next reads the next token.
func (p *parser) next() {
	if p.err != nil {
		return
	}
	p.skip()
	start := p.at
	if start == len(p.text) {
		p.tok = token{tokenEnd, "", start}
		return
	}
	rest := p.text[start:]
	switch c := rest[0]; {
	case c == '"' || c == '`':
		p.quoted(start, c)
		return
	case isNameByte(c, true):
		n := 1
		for n < len(rest) && isNameByte(rest[n], false) {
			n++
		}
		p.at += n
		p.tok = token{tokenName, rest[:n], start}
		return
	case c >= '0' && c <= '9' || c == '.':
		n := 1
		for n < len(rest) && (isNameByte(rest[n], false) || rest[n] >= utf8.RuneSelf || (rest[n] == '-' || rest[n] == '+') && (rest[n-1] == 'e' || rest[n-1] == 'E')) {
			n++
		}
		p.at += n
		p.tok = token{tokenNumber, rest[:n], start}
		return
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			p.at += len(s)
			p.tok = token{tokenSymbol, s, start}
			return
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	p.fail(start, "syntax error: unexpected %q", string(r))
}

// skip goes over white space and comments.
func (p *parser) skip() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		case '#':
			for p.at < len(p.text) && p.text[p.at] != '\n' {
				p.at++
			}
		default:
			return
		}
	}
}

func (p *parser) quoted(start int, quote byte) {
	end := start + 1
	for end < len(p.text) && p.text[end] != quote {
		if quote == '"' && p.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.text) {
		p.fail(start, "syntax error: the string that begins here does not end")
		return
	}
	s, err := p.text[start+1:end], error(nil)
	if quote == '"' {
		s, err = strconv.Unquote(p.text[start : end+1])
	}
	if err != nil {
		p.fail(start, "syntax error: the string that begins here is not valid: write backslashes twice, or quote it with `")
		return
	}
	p.at = end + 1
	p.tok = token{tokenString, s, start}
}

func (p *parser) is(symbol string) bool {
	return p.err == nil && p.tok.kind == tokenSymbol && p.tok.text == symbol
}

func (p *parser) isName(name string) bool {
	return p.err == nil && p.tok.kind == tokenName && p.tok.text == name
}

func (p *parser) accept(symbol string) bool {
	if !p.is(symbol) {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(symbol string) {
	if !p.accept(symbol) {
		p.unexpected(strconv.Quote(symbol))
	}
}

// label reads the name of a label.
func (p *parser) label() string {
	name := p.tok.text
	switch {
	case p.err != nil:
	case p.tok.kind != tokenName:
		p.unexpected("the name of a label")
	case strings.Contains(name, "."):
		p.fail(p.tok.at, "syntax error: %q: in LogQL names are written with underscores: %s", name, strings.ReplaceAll(name, ".", "_"))
	default:
		p.next()
	}
	return name
}
