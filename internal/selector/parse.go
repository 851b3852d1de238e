package selector

import (
	"regexp"
	"slices"
	"unicode/utf8"
)

const (
	maxText        = 64 << 10
	maxDepth       = 50   // of parentheses
	maxComparisons = 1000 // in a query
)

// Parse parses a LogQL expression. An error is an *Error.
func Parse(text string) (Expr, error) {
	if len(text) > maxText {
		return nil, &Error{1, 1, "the query is longer than 64 KiB"}
	}
	if !utf8.ValidString(text) {
		return nil, &Error{1, 1, "the query is not UTF-8"}
	}
	p := &parser{text: text}
	p.next()
	e := p.expr(0)
	if p.err == nil && p.tok.kind != tokenEnd {
		p.unexpected("")
	}
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
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

// nest fails if parentheses are too deep.
func (p *parser) nest(depth int) {
	if depth > maxDepth {
		p.fail(p.tok.at, "more than %d parentheses within each other", maxDepth)
	}
}

// query reads {...} and what filters behind it.
func (p *parser) query() *Query {
	q := p.selector()
	p.filters(q)
	return q
}

// selector reads {a="b", ...}.
func (p *parser) selector() *Query {
	p.expect("{")
	q := &Query{}
	for p.err == nil && !p.is("}") {
		c := Condition{Label: p.label()}
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
			p.unexpected("= != =~ or !~")
		}
		p.string(&c)
		q.Matchers = append(q.Matchers, c)
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	return q
}

// string reads the text that c compares with.
func (p *parser) string(c *Condition) {
	if p.count++; p.count > maxComparisons {
		p.fail(p.tok.at, "the query has more than %d comparisons", maxComparisons)
	}
	if p.err != nil {
		return
	}
	if p.tok.kind != tokenString {
		if p.isName("ip") {
			p.fail(p.tok.at, "not supported: ip()")
		}
		p.unexpected("a string")
		return
	}
	c.Value = p.tok.text
	switch c.Op {
	case Re, NotRe: // the whole label; a dot is no newline
		p.compile(c, "^(?:", ")$")
	case Match, NotMatch: // a dot is anything
		p.compile(c, "(?s:", ")")
	}
	p.next()
}

func (p *parser) compile(c *Condition, before, behind string) {
	if _, err := regexp.Compile(c.Value); err != nil {
		p.fail(p.tok.at, "%v", err)
		return
	}
	re, err := regexp.Compile(before + c.Value + behind)
	if err != nil { // it was as large as can be
		p.fail(p.tok.at, "%v", err)
		return
	}
	c.Regexp, c.Literal = re, literal(re.String())
}

// filters reads line filters and label filters.
func (p *parser) filters(q *Query) {
	for p.err == nil {
		switch {
		case p.is("|="), p.is("!="), p.is("|~"), p.is("!~"):
			q.Filters = append(q.Filters, p.lineFilter())
		case p.is("|>"), p.is("!>"):
			p.fail(p.tok.at, "not supported: pattern filters")
		case p.accept("|"):
			if p.isName("drop") {
				p.drop()
				continue
			}
			at := p.tok.at
			c := p.labelFilter(0, behindNothing)
			// Parentheses are not needed for that, and String writes them, with
			// perhaps one more around all.
			if c.nesting() >= maxDepth {
				p.fail(at, "%d groups of and and or within each other, or more", maxDepth)
			}
			q.Filters = append(q.Filters, c)
		default:
			return
		}
	}
}

// drop reads a stage that takes away what is never there: Grafana writes
// "| drop __error__" behind queries.
func (p *parser) drop() {
	at := p.tok.at
	p.next()
	for p.err == nil {
		if !p.isName("__error__") && !p.isName("__error_details__") {
			p.fail(at, "not supported: the stage drop, but of __error__")
		}
		p.next()
		if !p.accept(",") {
			break
		}
	}
	if p.is("=") || p.is("!=") || p.is("=~") || p.is("!~") { // which may be a condition of dropping
		p.fail(at, "not supported: the stage drop, but of __error__")
	}
}

func (p *parser) lineFilter() Condition {
	op := map[string]Op{"|=": Contains, "!=": NotContains, "|~": Match, "!~": NotMatch}[p.tok.text]
	p.next()
	var any []Condition
	for {
		c := Condition{Op: op}
		p.string(&c)
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

// nesting returns how many parentheses within each other c takes when it is written.
func (c *Condition) nesting() int {
	most := 0
	for i := range c.And {
		n := c.And[i].nesting()
		if len(c.And[i].Or) > 0 {
			n++
		}
		most = max(most, n)
	}
	for i := range c.Or {
		most = max(most, c.Or[i].nesting())
	}
	return most
}

// What a label filter is read behind, which says where it ends.
const (
	behindNothing = iota
	behindOr
	behindAnd
)

// labelFilter reads comparisons joined by "or", by "and", which binds closer, and
// by a comma or nothing, which are "and" with all that follows. That is how Loki
// reads them, other than its documentation says.
func (p *parser) labelFilter(depth, behind int) Condition {
	p.nest(depth)
	left := p.comparison(depth)
	for p.err == nil {
		or, and := p.isName("or"), p.isName("and")
		switch {
		case or && behind >= behindOr, and && behind >= behindAnd:
			return left
		case or:
			p.next()
			left = either(left, p.labelFilter(depth, behindOr))
		case and:
			p.next()
			left = both(left, p.labelFilter(depth, behindAnd))
		case p.accept(","), p.tok.kind == tokenName, p.is("("):
			left = both(left, p.labelFilter(depth, behindNothing))
		default:
			return left
		}
	}
	return left
}

func either(left, right Condition) Condition {
	return Condition{Or: flat(left, right, left.Or, right.Or)}
}

func both(left, right Condition) Condition {
	return Condition{And: flat(left, right, left.And, right.And)}
}

// flat returns all parts of two conditions of which each may have parts already.
func flat(left, right Condition, lefts, rights []Condition) []Condition {
	if len(lefts) == 0 {
		lefts = []Condition{left}
	}
	if len(rights) == 0 {
		return append(lefts, right)
	}
	return slices.Insert(rights, 0, lefts...)
}

// stages are those that LogQL has and this does not.
var stages = map[string]bool{"json": true, "logfmt": true, "regexp": true, "pattern": true, "unpack": true, "line_format": true,
	"label_format": true, "unwrap": true, "decolorize": true, "keep": true, "distinct": true}

// comparisons are the operators of label filters.
var comparisons = map[string]Op{"=": Eq, "==": Eq, "!=": Neq, "=~": Re, "!~": NotRe, "<": Lt, "<=": Le, ">": Gt, ">=": Ge}

func (p *parser) comparison(depth int) Condition {
	if p.accept("(") {
		c := p.labelFilter(depth+1, behindNothing)
		p.expect(")")
		return c
	}
	name := p.tok
	c := Condition{Label: p.label()}
	op, ok := comparisons[p.tok.text]
	if p.tok.kind != tokenSymbol || !ok {
		if stages[name.text] && name.kind == tokenName {
			p.fail(name.at, "not supported: the stage %s; attributes can be filtered without it", name.text)
		}
		p.unexpected("= != =~ !~ < <= > or >=")
		return c
	}
	c.Op = op
	equal := p.tok.text == "=="
	p.next()
	if sign := p.is("-"); op != Re && op != NotRe && (sign || p.tok.kind == tokenNumber) {
		p.number(&c)
		return c
	}
	if equal || op > NotRe {
		p.unexpected("a number, a duration or a size")
	}
	p.string(&c)
	return c
}

// number reads the number that c compares with.
func (p *parser) number(c *Condition) {
	sign := ""
	if p.accept("-") {
		sign = "-"
	}
	n, unit, ok := parseNumber(p.tok.text)
	if p.tok.kind != tokenNumber {
		p.unexpected("a number, a duration or a size")
	} else if !ok {
		p.fail(p.tok.at, "syntax error: %q is no number, duration or size", p.tok.text)
	}
	if sign != "" {
		n = -n
	}
	c.Value, c.Unit, c.Number = sign+p.tok.text, unit, n
	if p.count++; p.count > maxComparisons {
		p.fail(p.tok.at, "the query has more than %d comparisons", maxComparisons)
	}
	p.next()
}
