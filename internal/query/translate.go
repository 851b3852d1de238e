package query

import (
	"context"

	"shipper/internal/segment"
	"shipper/internal/selector"
)

// plan is a log query made ready for the store.
type plan struct {
	segment.Query
	rest []selector.Condition // which the store cannot decide
}

// translate makes a plan for q over [from, to).
func translate(q *selector.Query, from, to int64) *plan {
	p := &plan{Query: segment.Query{From: from, To: to}}
	for _, cs := range [...][]selector.Condition{q.Matchers, q.Filters} {
		for i := range cs {
			if s, ok := predicate(&cs[i]); ok {
				p.All = append(p.All, s)
			} else {
				p.rest = append(p.rest, cs[i])
			}
		}
	}
	return p
}

// ops are the store's names of the selector's operators.
var ops = [...]segment.Op{
	selector.Eq: segment.Eq, selector.Neq: segment.Neq, selector.Re: segment.Re, selector.NotRe: segment.NotRe,
	selector.Contains: segment.Contains, selector.NotContains: segment.NotContains, selector.Match: segment.Match, selector.NotMatch: segment.NotMatch,
	selector.Lt: segment.Lt, selector.Le: segment.Le, selector.Gt: segment.Gt, selector.Ge: segment.Ge,
}

// predicate reports whether the store can decide c: it knows texts and numbers.
func predicate(c *selector.Condition) (segment.Predicate, bool) {
	if len(c.And) > 0 || len(c.Or) > 0 {
		and, ok := predicates(c.And)
		or, also := predicates(c.Or)
		return segment.Predicate{And: and, Or: or}, ok && also
	}
	return segment.Predicate{Column: c.Label, Op: ops[c.Op], Value: c.Value, Number: c.Number, IsNumber: c.Unit == selector.Number,
		Regexp: c.Regexp, Literal: c.Literal}, c.Unit == selector.Text || c.Unit == selector.Number
}

func predicates(cs []selector.Condition) ([]segment.Predicate, bool) {
	var ps []segment.Predicate
	for i := range cs {
		p, ok := predicate(&cs[i])
		if !ok {
			return nil, false
		}
		ps = append(ps, p)
	}
	return ps, true
}

// search calls emit with the rows of the plan, at most Limit of them, until it
// returns false.
func (p *plan) search(ctx context.Context, s Store, emit func(segment.Row) bool) error {
	if len(p.rest) == 0 {
		return s.Search(ctx, p.Query, emit)
	}
	q := p.Query
	q.Limit = 0
	n := 0
	return s.Search(ctx, q, func(r segment.Row) bool {
		label := func(name string) string { return string(r.Label(name)) }
		for i := range p.rest {
			if !p.rest[i].Match(label, r.Body) {
				return true
			}
		}
		n++
		return emit(r) && n != p.Limit
	})
}
