package selector

import (
	"math"
	"strconv"
	"time"
)

// expr reads a log query or a metric query.
func (p *parser) expr(depth int) Expr {
	e := p.operand(depth)
	for p.is("+") { // of constants only: what Grafana asks to see whether a server answers
		at := p.tok.at
		p.next()
		x, ok := e.(Scalar)
		y, also := p.operand(depth).(Scalar)
		switch {
		case !ok || !also:
			p.fail(at, "not supported: arithmetic on series")
		case math.IsInf(float64(x+y), 0):
			p.fail(at, "the sum is too large")
		}
		e = x + y
	}
	if p.err != nil {
		return e
	}
	switch p.tok.text {
	case "-", "*", "/", "%", "^", "<", "<=", ">", ">=", "==", "!=", "and", "or", "unless":
		if p.tok.kind == tokenSymbol || p.tok.kind == tokenName {
			p.fail(p.tok.at, "not supported: the operator %s on series", p.tok.text)
		}
	}
	return e
}

func (p *parser) operand(depth int) Expr {
	p.nest(depth)
	switch {
	case p.is("{"):
		return p.query()
	case p.accept("("):
		e := p.expr(depth + 1)
		p.expect(")")
		return e
	case p.tok.kind != tokenName || p.err != nil:
		p.unexpected("")
		return nil
	}
	name, at := p.tok.text, p.tok.at
	p.next()
	switch name {
	case "vector":
		return p.vector()
	case string(CountOverTime), string(Rate), string(BytesOverTime), string(BytesRate):
		return p.window(Function(name), depth)
	case string(Sum), string(Avg), string(Min), string(Max), string(Count), string(TopK), string(BottomK):
		return p.aggregation(Aggregator(name), depth)
	}
	p.fail(at, "not supported: %s; there are count_over_time, rate, bytes_over_time, bytes_rate, and sum, avg, min, max, count, topk, bottomk of them", name)
	return nil
}

// vector reads what follows "vector".
func (p *parser) vector() Expr {
	p.expect("(")
	n, unit, ok := parseNumber(p.tok.text)
	if p.tok.kind != tokenNumber || !ok || unit != Number {
		p.unexpected("a number")
	}
	p.next()
	p.expect(")")
	return Scalar(n)
}

// aggregation reads what follows its name: the grouping may come first or last.
func (p *parser) aggregation(a Aggregator, depth int) Expr {
	e := &Aggregation{Aggregator: a}
	grouped := p.grouping(e)
	p.expect("(")
	if a == TopK || a == BottomK {
		k, err := strconv.Atoi(p.tok.text)
		if p.tok.kind != tokenNumber || err != nil || k < 1 {
			p.unexpected("a number of series, 1 or more")
		}
		e.K = k
		p.next()
		p.expect(",")
	}
	at := p.tok.at
	e.Of = p.expr(depth + 1)
	switch e.Of.(type) {
	case *Query:
		p.fail(at, "syntax error: %s is of series: count records first, as in count_over_time({...}[5m])", a)
	case Scalar:
		p.fail(at, "not supported: %s of a constant", a)
	}
	p.expect(")")
	if !grouped {
		p.grouping(e)
	}
	return e
}

// grouping reads "by (a, b)" or "without (a, b)", if it is there.
func (p *parser) grouping(e *Aggregation) bool {
	e.Without = p.isName("without")
	if !e.Without && !p.isName("by") {
		return false
	}
	p.next()
	p.expect("(")
	for p.err == nil && !p.is(")") {
		e.Labels = append(e.Labels, p.label())
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return true
}

// window reads what follows the name of a function over a range.
func (p *parser) window(f Function, depth int) Expr {
	r := &Range{Function: f}
	p.expect("(")
	p.logRange(r, depth)
	if p.err == nil && r.Window == 0 {
		p.unexpected("a range such as [5m]")
	}
	p.expect(")")
	if p.isName("by") || p.isName("without") {
		p.fail(p.tok.at, "not supported: %s of %s; write sum %s (...) (%s(...))", p.tok.text, f, p.tok.text, f)
	}
	return r
}

// logRange reads a log query and its range, which may come before the filters.
func (p *parser) logRange(r *Range, depth int) {
	p.nest(depth)
	if p.accept("(") {
		p.logRange(r, depth+1)
		p.expect(")")
	} else {
		r.Query = p.selector()
	}
	p.brackets(r)
	if p.err == nil {
		p.filters(r.Query)
	}
	p.brackets(r)
}

// brackets reads a range and its offset, if they are there and were not before.
func (p *parser) brackets(r *Range) {
	if r.Window > 0 || !p.accept("[") {
		return
	}
	r.Window = p.duration()
	p.expect("]")
	if !p.isName("offset") {
		return
	}
	p.next()
	negative := p.accept("-")
	if r.Offset = p.duration(); negative {
		r.Offset = -r.Offset
	}
}

func (p *parser) duration() time.Duration {
	d, ok := ParseDuration(p.tok.text)
	if p.err == nil && (p.tok.kind != tokenNumber || !ok || d <= 0) {
		p.fail(p.tok.at, "syntax error: a duration such as 5m is needed here, not %q", p.tok.text)
	}
	p.next()
	return d
}
