package selector

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Match reports whether a record satisfies q. label returns a label's value,
// the empty string for one the record does not have.
func (q *Query) Match(label func(name string) string, line []byte) bool {
	return matchAll(q.Matchers, label, line) && matchAll(q.Filters, label, line)
}

func matchAll(all []Condition, label func(string) string, line []byte) bool {
	for i := range all {
		if !all[i].Match(label, line) {
			return false
		}
	}
	return true
}

// Match reports whether a record satisfies c. label is as for Query.Match.
func (c *Condition) Match(label func(name string) string, line []byte) bool {
	if len(c.And) > 0 {
		return matchAll(c.And, label, line)
	}
	if len(c.Or) > 0 {
		for i := range c.Or {
			if c.Or[i].Match(label, line) {
				return true
			}
		}
		return false
	}
	switch c.Op {
	case Contains:
		return bytes.Contains(line, []byte(c.Value))
	case NotContains:
		return !bytes.Contains(line, []byte(c.Value))
	case Match:
		return c.matchLine(line)
	case NotMatch:
		return !c.matchLine(line)
	}
	return c.matchLabel(label(c.Label))
}

func (c *Condition) matchLine(line []byte) bool {
	return bytes.Contains(line, []byte(c.Literal)) && c.Regexp.Match(line)
}

func (c *Condition) matchLabel(v string) bool {
	if c.Unit != Text {
		n, ok := c.Unit.read(v)
		return ok && compare(c.Op, n, c.Number)
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

// MatchValue reports whether a label with the value v satisfies c, which must be
// a comparison of a label. It is Match for a value that is at hand, and does not
// allocate unless a regular expression does.
func (c *Condition) MatchValue(v []byte) bool {
	if c.Unit != Text {
		n, ok := c.Unit.read(string(v))
		return ok && compare(c.Op, n, c.Number)
	}
	switch c.Op {
	case Eq:
		return string(v) == c.Value
	case Neq:
		return string(v) != c.Value
	case Re:
		return c.Regexp.Match(v)
	case NotRe:
		return !c.Regexp.Match(v)
	}
	return false
}

// MatchNumber reports whether a label that is the number n satisfies c, which
// must be a comparison with a number.
func (c *Condition) MatchNumber(n float64) bool { return compare(c.Op, n, c.Number) }

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

// read reads a label as the unit says.
func (u Unit) read(v string) (float64, bool) {
	switch u {
	case Number:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil
	case Duration:
		if v == "" {
			return 0, false
		}
		d, err := time.ParseDuration(v)
		return float64(d), err == nil
	case Bytes:
		return parseBytes(strings.Replace(v, " ", "", 1), true)
	}
	return 0, false
}
