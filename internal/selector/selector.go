// Package selector is the part of LogQL that shipper speaks: stream selectors,
// line filters and label filters, and the metric queries over them, as Grafana
// Loki 3 documents them. A query is parsed once; the result is plain data that
// any number of goroutines may use. What is not supported is an error that
// says so, with its place: never another meaning.
package selector

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Op compares a label or a line with a value.
type Op uint8

// The operators. Re and NotRe match whole labels; Match and NotMatch any part of a line.
const (
	Eq          Op = iota // =
	Neq                   // !=
	Re                    // =~
	NotRe                 // !~
	Contains              // |=
	NotContains           // != on a line
	Match                 // |~
	NotMatch              // !~ on a line
	Lt                    // <
	Le                    // <=
	Gt                    // >
	Ge                    // >=
)

func (o Op) String() string {
	return [...]string{"=", "!=", "=~", "!~", "|=", "!=", "|~", "!~", "<", "<=", ">", ">="}[o]
}

// Condition is one comparison, or, with Or or And set, a combination of others.
type Condition struct {
	Label  string // of a label comparison; empty for a line filter
	Op     Op
	Value  string
	Number float64        // the value of a comparison with a number, duration or size
	IsNum  bool           // compare numbers
	Regexp *regexp.Regexp // compiled Value of Re, NotRe, Match and NotMatch
	Or     []Condition    // any of
	And    []Condition    // all of
}

// Query is a log query: the records that satisfy every condition.
type Query struct{ All []Condition }

// Match reports whether a record satisfies q. label returns a label's value,
// the empty string for one the record does not have.
func (q *Query) Match(label func(name string) string, line []byte) bool {
	return matchAll(q.All, label, line)
}

func matchAll(all []Condition, label func(string) string, line []byte) bool {
	for i := range all {
		if !all[i].match(label, line) {
			return false
		}
	}
	return true
}

func (c *Condition) match(label func(string) string, line []byte) bool {
	if len(c.And) > 0 {
		return matchAll(c.And, label, line)
	}
	if len(c.Or) > 0 {
		for i := range c.Or {
			if c.Or[i].match(label, line) {
				return true
			}
		}
		return false
	}
	switch c.Op {
	case Contains:
		return strings.Contains(string(line), c.Value)
	case NotContains:
		return !strings.Contains(string(line), c.Value)
	case Match:
		return c.Regexp.Match(line)
	case NotMatch:
		return !c.Regexp.Match(line)
	}
	v := label(c.Label)
	if c.IsNum {
		n, err := strconv.ParseFloat(v, 64)
		return err == nil && compare(c.Op, n, c.Number)
	}
	switch c.Op {
	case Eq:
		return v == c.Value
	case Neq:
		return v != c.Value
	case Re:
		return c.Regexp.MatchString(v)
	case NotRe:
		return !c.Regexp.MatchString(v)
	}
	return false
}

func compare(op Op, a, b float64) bool {
	switch op {
	case Eq:
		return a == b
	case Neq:
		return a != b
	case Lt:
		return a < b
	case Le:
		return a <= b
	case Gt:
		return a > b
	case Ge:
		return a >= b
	}
	return false
}

// Expr is a parsed expression: a *Query, a *Range, a *Sum or a Scalar.
type Expr interface{ expr() }

// Function is what a Range computes.
type Function string

// The functions over a range.
const (
	CountOverTime Function = "count_over_time"
	Rate          Function = "rate"
)

// Range is a function over the records of a window before each instant.
type Range struct {
	Function Function
	Query    *Query
	Window   time.Duration
}

// Sum adds the series of a Range up: by the labels named, or all of them.
type Sum struct {
	Range *Range
	By    []string
}

// Scalar is a constant: vector(1)+vector(1), which Grafana asks to see whether a server answers.
type Scalar float64

func (*Query) expr() {}
func (*Range) expr() {}
func (*Sum) expr()   {}
func (Scalar) expr() {}

// Error is a query that cannot be answered, and where it stops being understood.
type Error struct {
	Line, Column int // from 1
	Msg          string
}

func (e *Error) Error() string {
	return fmt.Sprintf("parse error at line %d, col %d: %s", e.Line, e.Column, e.Msg)
}

// parseNumber reads a number, a duration (5ms, 1h30m) in seconds, or a size (10KB, 4MiB) in bytes.
func parseNumber(s string) (float64, bool) {
	if n, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(n, 0) && !math.IsNaN(n) {
		return n, true
	}
	if d, ok := ParseDuration(s); ok {
		return d.Seconds(), true
	}
	i := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if i <= 0 {
		return 0, false
	}
	n, err := strconv.ParseFloat(s[:i], 64)
	unit, ok := map[string]float64{"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}[strings.ToLower(s[i:])]
	return n * unit, err == nil && ok
}

// ParseDuration reads a duration as Prometheus writes it: 5m, 1h30m; units ns to y.
func ParseDuration(s string) (time.Duration, bool) {
	units := []struct {
		name string
		d    time.Duration
	}{{"ns", 1}, {"us", time.Microsecond}, {"µs", time.Microsecond}, {"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute},
		{"h", time.Hour}, {"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour}, {"y", 365 * 24 * time.Hour}}
	var total time.Duration
	if s == "" {
		return 0, false
	}
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if i <= 0 {
			return 0, false
		}
		n, err := strconv.ParseFloat(s[:i], 64)
		rest := s[i:]
		unit := strings.IndexFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' })
		if unit < 0 {
			unit = len(rest)
		}
		found := false
		for _, u := range units {
			if rest[:unit] == u.name {
				v := n * float64(u.d)
				if v > float64(math.MaxInt64)/4 {
					return 0, false
				}
				total += time.Duration(v)
				found = true
			}
		}
		if err != nil || !found {
			return 0, false
		}
		s = rest[unit:]
	}
	return total, true
}
