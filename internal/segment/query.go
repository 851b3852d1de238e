package segment

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"strconv"
)

// Op is what a Predicate asks of a value.
type Op uint8

// The operators. A row without a value has the empty text, as in LogQL, but
// no number.
const (
	Eq          Op = iota // equal to Value or, with IsNumber, to Number
	Neq                   // not so; with IsNumber there must be a number
	Re                    // Regexp matches; whoever wants it anchored anchors it
	NotRe                 // does not
	Contains              // has Value in it
	NotContains           // has not
	Match                 // as Re
	NotMatch              // as NotRe
	Lt                    // is a number below Number
	Le                    // or equal
	Gt                    // is a number above Number
	Ge                    // or equal
)

// Predicate is a condition on a row. If And or Or is set it is all or any of
// these, and the rest does not count.
type Predicate struct {
	Column   string // in LogQL's spelling; empty is the line
	Op       Op
	Value    string
	Number   float64 // for Lt to Ge and, with IsNumber, for Eq and Neq
	IsNumber bool
	Regexp   *regexp.Regexp // for Re to NotMatch
	Literal  string         // text in every match of Regexp, case and all, or empty: only makes it faster
	And, Or  []Predicate
}

// Query asks for rows.
type Query struct {
	From, To int64 // ns since the Unix epoch, To not included
	All      []Predicate
	Columns  []string // attributes that Row.Attributes gives, in LogQL's spelling; nil is all
	Backward bool     // newest first
	Limit    int      // of rows; 0 is none
}

type testKind uint8

const (
	testEqual testKind = iota
	testContains
	testRegexp
	testNumber
	testAnd
	testOr
)

// matcher is a Predicate made ready.
type matcher struct {
	Predicate
	test   testKind
	negate bool
	value  []byte   // of Equal and Contains, or the Literal
	tokens []uint64 // that a text must have
	bytes  []byte   // value as hexadecimal digits, nil if it is not
	id     []uint64 // the hash of bytes
	empty  bool     // the outcome for a row without a value
	inner  []matcher

	member member // if known
	show   display
	known  bool
}

func compile(ps []Predicate) []matcher {
	ms := make([]matcher, len(ps))
	for i := range ps {
		ms[i].compile(&ps[i])
	}
	return ms
}

func (m *matcher) compile(p *Predicate) {
	m.Predicate = *p
	if len(p.And) > 0 {
		m.test, m.inner = testAnd, compile(p.And)
		return
	}
	if len(p.Or) > 0 {
		m.test, m.inner = testOr, compile(p.Or)
		return
	}
	m.Column = canonical(m.Column)
	if l, ok := memberLabels[m.Column]; ok {
		m.member, m.show, m.known = l.member, l.show, true
	}
	switch m.Op {
	case Eq, Neq:
		m.value = []byte(m.Value)
		m.tokens = appendTokens(nil, m.value, true)
		m.bytes, _ = hex.DecodeString(m.Value)
		m.id = []uint64{hash(m.bytes)}
		if m.negate = m.Op == Neq; m.IsNumber {
			m.test, m.negate = testNumber, false
		}
	case Contains, NotContains:
		m.test, m.negate, m.value = testContains, m.Op == NotContains, []byte(m.Value)
		m.tokens = appendTokens(nil, m.value, false)
	case Re, NotRe, Match, NotMatch:
		m.test, m.negate, m.value = testRegexp, m.Op == NotRe || m.Op == NotMatch, []byte(m.Literal)
		m.tokens = appendTokens(nil, m.value, false)
	default:
		m.test = testNumber
	}
	m.empty = m.holds(nil) != m.negate
}

// holds applies the test to a text, negation aside.
func (m *matcher) holds(text []byte) bool {
	switch m.test {
	case testEqual:
		return string(text) == m.Value
	case testContains:
		return bytes.Contains(text, m.value)
	case testRegexp:
		return m.Regexp.Match(text)
	}
	n, err := strconv.ParseFloat(string(text), 64)
	return err == nil && m.compare(n)
}

func (m *matcher) compare(n float64) bool {
	switch m.Op {
	case Eq:
		return n == m.Number
	case Neq:
		return n != m.Number
	case Lt:
		return n < m.Number
	case Le:
		return n <= m.Number
	case Gt:
		return n > m.Number
	}
	return n >= m.Number
}

// between says whether numbers from least to most hold.
func (m *matcher) between(least, most float64) verdict {
	a, b := m.compare(least), m.compare(most)
	switch {
	case m.Op == Eq && !(least <= m.Number && m.Number <= most):
		return none
	case m.Op == Neq && !(least <= m.Number && m.Number <= most):
		return all
	case m.Op == Eq || m.Op == Neq:
		return some
	case a && b:
		return all
	case !a && !b:
		return none
	}
	return some
}

// verdict is what is known of a number of values before they are read.
type verdict uint8

const (
	none verdict = iota
	some
	all
)

// not turns a verdict round.
func (v verdict) not(negate bool) verdict {
	if negate {
		return all - v
	}
	return v
}

// rank orders predicates by what they cost.
func (m *matcher) rank() int {
	switch m.test {
	case testAnd, testOr:
		r := 0
		for i := range m.inner {
			r = max(r, m.inner[i].rank())
		}
		return r
	case testRegexp:
		return 3
	case testContains:
		return 2
	}
	if m.Column == "" {
		return 1
	}
	return 0
}
