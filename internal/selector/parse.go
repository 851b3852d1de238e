package selector

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse parses a LogQL expression. An error is an *Error.
func Parse(text string) (expr Expr, err error) {
	if len(text) > 64<<10 {
		return nil, &Error{1, 1, "the query is longer than 64 KiB"}
	}
	if !utf8.ValidString(text) {
		return nil, &Error{1, 1, "the query is not UTF-8"}
	}
	p := &parser{text: text}
	p.next()
	expr = p.expr()
	if p.err == nil && p.tok.kind != tokenEnd {
		p.unexpected()
	}
	if p.err != nil {
		return nil, p.err
	}
	return expr, nil
}

// ParseQuery parses a log query, such as {service_name="a"} |= "b".
func ParseQuery(text string) (*Query, error) {
	e, err := Parse(text)
	if err != nil {
		return nil, err
	}
	q, ok := e.(*Query)
	if !ok {
		return nil, &Error{1, 1, "a log query is needed here, such as {service_name=\"a\"} |= \"b\", not a metric query"}
	}
	return q, nil
}

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

type parser struct {
	text string
	at   int
	tok  token
	err  *Error
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

func (p *parser) unexpected() {
	if p.tok.kind == tokenEnd {
		p.fail(p.tok.at, "syntax error: unexpected end of the query")
		return
	}
	p.fail(p.tok.at, "syntax error: unexpected %q", p.tok.text)
}

// symbols, the longer before their beginnings.
var symbols = []string{"|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", "[", "]", ",", "|", "=", ">", "<", "+", "-", "*", "/", "%", "^"}

func isNameByte(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && (c >= '0' && c <= '9' || c == '.')
}

// next reads the next token.
func (p *parser) next() {
	if p.err != nil {
		return
	}
	for p.at < len(p.text) {
		if c := p.text[p.at]; c == '#' {
			for p.at < len(p.text) && p.text[p.at] != '\n' {
				p.at++
			}
		} else if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			p.at++
		} else {
			break
		}
	}
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
		for n < len(rest) && (isNameByte(rest[n], false) || rest[n] >= 0x80 || (rest[n] == '-' || rest[n] == '+') && (rest[n-1] == 'e' || rest[n-1] == 'E')) {
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
	p.fail(start, "syntax error: unexpected %q", r)
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
		p.fail(start, "the string that begins here does not end")
		return
	}
	s, err := strconv.Unquote(p.text[start : end+1])
	if quote == '`' {
		s, err = p.text[start+1:end], nil
	}
	if err != nil {
		p.fail(start, "the string that begins here is not valid: write backslashes twice, or quote it with `")
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
		if p.tok.kind == tokenEnd {
			p.fail(p.tok.at, "syntax error: unexpected end of the query, expecting %q", symbol)
			return
		}
		p.fail(p.tok.at, "syntax error: unexpected %q, expecting %q", p.tok.text, symbol)
	}
}

func (p *parser) expr() Expr {
	if p.is("{") {
		return p.query()
	}
	e := p.metric()
	for p.is("+") { // of constants only: what Grafana asks to see whether a server answers
		at := p.tok.at
		p.next()
		right := p.metric()
		x, ok := e.(Scalar)
		y, also := right.(Scalar)
		if !ok || !also {
			p.fail(at, "not supported: arithmetic on series")
			return nil
		}
		e = x + y
	}
	if p.err == nil && p.tok.kind == tokenSymbol {
		switch p.tok.text {
		case "-", "*", "/", "%", "^", "<", "<=", ">", ">=", "==", "!=":
			p.fail(p.tok.at, "not supported: the operator %s on series", p.tok.text)
		}
	}
	return e
}

func (p *parser) metric() Expr {
	if p.tok.kind != tokenName {
		p.unexpected()
		return nil
	}
	name, at := p.tok.text, p.tok.at
	switch name {
	case "sum":
		p.next()
		return p.sum()
	case string(CountOverTime), string(Rate):
		p.next()
		return p.window(Function(name))
	case "vector":
		p.next()
		p.expect("(")
		n, ok := parseNumber(p.tok.text)
		if p.tok.kind != tokenNumber || !ok {
			p.unexpected()
		}
		p.next()
		p.expect(")")
		return Scalar(n)
	}
	p.fail(at, "not supported: %s; there are count_over_time, rate, and sum by (...) of them", name)
	return nil
}

func (p *parser) sum() Expr {
	s := &Sum{}
	by := p.grouping(s)
	p.expect("(")
	if p.tok.kind != tokenName || p.tok.text != string(CountOverTime) && p.tok.text != string(Rate) {
		p.fail(p.tok.at, "not supported: a sum of anything but count_over_time or rate")
		return nil
	}
	r, _ := p.metric().(*Range)
	s.Range = r
	p.expect(")")
	if !by {
		p.grouping(s)
	}
	return s
}

// grouping reads "by (a, b)", if it is there.
func (p *parser) grouping(s *Sum) bool {
	if p.isName("without") {
		p.fail(p.tok.at, "not supported: without; name the labels to keep with by (...)")
	}
	if !p.isName("by") {
		return false
	}
	p.next()
	p.expect("(")
	for p.err == nil && !p.is(")") {
		if p.tok.kind != tokenName {
			p.unexpected()
			return true
		}
		s.By = append(s.By, p.tok.text)
		p.next()
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return true
}

func (p *parser) window(f Function) Expr {
	p.expect("(")
	if !p.is("{") {
		p.unexpected()
		return nil
	}
	r := &Range{Function: f, Query: p.selector()}
	brackets := func() {
		p.expect("[")
		d, ok := ParseDuration(p.tok.text)
		if p.err == nil && (p.tok.kind != tokenNumber || !ok || d <= 0) {
			p.fail(p.tok.at, "a duration such as 5m is needed here, not %q", p.tok.text)
		}
		r.Window = d
		p.next()
		p.expect("]")
	}
	early := p.is("[")
	if early {
		brackets()
	}
	p.stages(r.Query)
	if !early {
		brackets()
	}
	if p.isName("offset") {
		p.fail(p.tok.at, "not supported: offset")
	}
	p.expect(")")
	return r
}

func (p *parser) query() *Query {
	q := p.selector()
	p.stages(q)
	return q
}

// selector reads {a="b", ...}.
func (p *parser) selector() *Query {
	at := p.tok.at
	p.expect("{")
	q := &Query{}
	for p.err == nil && !p.is("}") {
		if p.tok.kind != tokenName {
			p.unexpected()
			return q
		}
		c := Condition{Label: p.tok.text}
		p.next()
		opAt := p.tok.at
		switch {
		case p.accept("="):
			c.Op = Eq
		case p.accept("!="):
			c.Op = Neq
		case p.accept("=~"):
			c.Op = Re
		case p.accept("!~"):
			c.Op = NotRe
		default:
			p.fail(opAt, "syntax error: unexpected %q, expecting = != =~ or !~", p.tok.text)
			return q
		}
		if p.tok.kind != tokenString {
			p.unexpected()
			return q
		}
		c.Value = p.tok.text
		p.compile(&c)
		p.next()
		q.All = append(q.All, c)
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	if p.err == nil && len(q.All) == 0 {
		p.fail(at, "queries require at least one matcher, such as {service_name=\"a\"}")
	}
	return q
}

func (p *parser) compile(c *Condition) {
	pattern := c.Value
	switch c.Op {
	case Re, NotRe:
		pattern = "^(?s:" + pattern + ")$"
	case Match, NotMatch:
	default:
		return
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		p.fail(p.tok.at, "the regular expression that begins here is not valid: %v", err)
		return
	}
	c.Regexp = re
}

// stages reads line filters and label filters.
func (p *parser) stages(q *Query) {
	for p.err == nil {
		switch {
		case p.is("|="), p.is("!="), p.is("|~"), p.is("!~"):
			q.All = append(q.All, p.lineFilter())
		case p.is("|>"), p.is("!>"):
			p.fail(p.tok.at, "not supported: pattern filters")
		case p.is("|"):
			p.next()
			q.All = append(q.All, p.labelFilter(0))
		default:
			return
		}
	}
}

func (p *parser) lineFilter() Condition {
	op := map[string]Op{"|=": Contains, "!=": NotContains, "|~": Match, "!~": NotMatch}[p.tok.text]
	p.next()
	var any []Condition
	for {
		if p.tok.kind != tokenString {
			if p.isName("ip") {
				p.fail(p.tok.at, "not supported: ip()")
			}
			p.unexpected()
			return Condition{}
		}
		c := Condition{Op: op, Value: p.tok.text}
		p.compile(&c)
		p.next()
		any = append(any, c)
		if !p.isName("or") {
			break
		}
		p.next()
	}
	switch {
	case len(any) == 1:
		return any[0]
	case op == NotContains || op == NotMatch: // none of
		return Condition{And: any}
	}
	return Condition{Or: any}
}

// maxDepth bounds parentheses.
const maxDepth = 50

// labelFilter reads comparisons joined by or.
func (p *parser) labelFilter(depth int) Condition {
	if depth > maxDepth {
		p.fail(p.tok.at, "more than %d parentheses within each other", maxDepth)
		return Condition{}
	}
	any := []Condition{p.conjunction(depth)}
	for p.isName("or") {
		p.next()
		any = append(any, p.conjunction(depth))
	}
	if len(any) == 1 {
		return any[0]
	}
	return Condition{Or: any}
}

// conjunction reads comparisons joined by and or a comma.
func (p *parser) conjunction(depth int) Condition {
	all := []Condition{p.comparison(depth)}
	for p.isName("and") || p.is(",") {
		p.next()
		all = append(all, p.comparison(depth))
	}
	if len(all) == 1 {
		return all[0]
	}
	return Condition{And: all}
}

// stageNames are the stages that LogQL has and this does not.
var stageNames = map[string]bool{"json": true, "logfmt": true, "regexp": true, "pattern": true, "unpack": true, "line_format": true,
	"label_format": true, "unwrap": true, "decolorize": true, "drop": true, "keep": true, "distinct": true}

func (p *parser) comparison(depth int) Condition {
	if p.accept("(") {
		c := p.labelFilter(depth + 1)
		p.expect(")")
		return c
	}
	if p.tok.kind != tokenName {
		p.unexpected()
		return Condition{}
	}
	c := Condition{Label: p.tok.text}
	name := p.tok
	p.next()
	op, ok := map[string]Op{"=": Eq, "==": Eq, "!=": Neq, "=~": Re, "!~": NotRe, "<": Lt, "<=": Le, ">": Gt, ">=": Ge}[p.tok.text]
	if p.tok.kind != tokenSymbol || !ok {
		if stageNames[name.text] {
			p.fail(name.at, "not supported: the stage %s; attributes can be filtered without it", name.text)
		}
		p.unexpected()
		return c
	}
	c.Op = op
	double := p.tok.text == "=="
	p.next()
	sign := ""
	if p.is("-") {
		sign = "-"
		p.next()
	}
	switch {
	case p.tok.kind == tokenString && sign == "" && op <= NotRe && !double:
		c.Value = p.tok.text
		p.compile(&c)
	case p.tok.kind == tokenNumber && op != Re && op != NotRe:
		n, ok := parseNumber(sign + p.tok.text)
		if sign != "" && !ok {
			n, ok = parseNumber(p.tok.text)
			n = -n
		}
		if !ok {
			p.fail(p.tok.at, "%q is no number, duration or size", p.tok.text)
		}
		c.Number, c.IsNum, c.Value = n, true, sign+p.tok.text
	default:
		if p.isName("ip") {
			p.fail(p.tok.at, "not supported: ip()")
		}
		p.unexpected()
		return c
	}
	p.next()
	return c
}
