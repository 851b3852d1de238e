package query

import (
	"regexp/syntax"
	"time"

	"shipper/internal/segment"
	"shipper/internal/selector"
)

// translate makes the store's query of q over [from, to).
func translate(q *selector.Query, from, to time.Time) segment.Query {
	return segment.Query{From: from.UnixNano(), To: to.UnixNano(), All: predicates(q.All)}
}

func predicates(cs []selector.Condition) []segment.Predicate {
	ps := make([]segment.Predicate, len(cs))
	for i, c := range cs {
		ps[i] = predicate(c)
	}
	return ps
}

// ops are the store's names of the selector's operators.
var ops = map[selector.Op]segment.Op{
	selector.Eq: segment.Eq, selector.Neq: segment.Neq, selector.Re: segment.Re, selector.NotRe: segment.NotRe,
	selector.Contains: segment.Contains, selector.NotContains: segment.NotContains, selector.Match: segment.Match, selector.NotMatch: segment.NotMatch,
	selector.Lt: segment.Lt, selector.Le: segment.Le, selector.Gt: segment.Gt, selector.Ge: segment.Ge,
}

func predicate(c selector.Condition) segment.Predicate {
	if len(c.And) > 0 {
		return segment.Predicate{And: predicates(c.And)}
	}
	if len(c.Or) > 0 {
		return segment.Predicate{Or: predicates(c.Or)}
	}
	p := segment.Predicate{Column: c.Label, Op: ops[c.Op], Value: c.Value, Number: c.Number, IsNumber: c.IsNum, Regexp: c.Regexp}
	if c.Regexp != nil {
		p.Literal = literal(c.Regexp.String())
	}
	return p
}

// literal returns text that every match of a regular expression contains, the
// longest that is easily found, or nothing.
func literal(pattern string) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	return required(re.Simplify())
}

func required(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpConcat:
		best := ""
		for _, sub := range re.Sub {
			if s := required(sub); len(s) > len(best) {
				best = s
			}
		}
		return best
	}
	return ""
}
