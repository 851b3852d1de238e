// Package selector is the part of LogQL that shipper speaks: stream selectors,
// line filters and label filters, and metric queries over them, as the
// documentation of Grafana Loki 3 describes them. A query is parsed once; the
// result is plain data that any number of goroutines may use. What is not
// supported is an error that says so, with its place: never another meaning.
//
// It differs from Loki in what it makes of a label filter that compares with a
// number, a duration or a size: a record whose label is no such thing does not
// pass, where Loki keeps it and marks it with __error__; nothing here ever has
// an __error__. And {} selects everything.
package selector

import (
	"regexp"
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

// Unit says what a label is compared as.
type Unit uint8

// The units of a comparison. A label that cannot be read as a number, a
// duration or a size satisfies no comparison with one, not even !=.
const (
	Text     Unit = iota
	Number        // as strconv.ParseFloat reads it
	Duration      // as time.ParseDuration reads it: a unit is needed, but for 0
	Bytes         // a number of bytes, or with a unit: 1.5KiB, 20 MB
)

// Condition is one comparison, or, with And or Or set, a combination of others.
type Condition struct {
	Label   string // of a label comparison; empty for a line filter
	Op      Op
	Value   string         // what to compare with, as written if it is not Text
	Unit    Unit           // Text for line filters
	Number  float64        // Value as a number; of a Duration in ns, of Bytes in bytes
	Regexp  *regexp.Regexp // compiled Value of Re, NotRe, Match and NotMatch, anchored for labels
	Literal string         // text that is in every match of Regexp; empty if none is known
	And, Or []Condition    // all of, any of
}

// Query is a log query: the records that satisfy every condition.
type Query struct {
	Matchers []Condition // in braces
	Filters  []Condition // behind them
}

// Function is what a Range computes.
type Function string

// The functions over a range.
const (
	CountOverTime Function = "count_over_time"
	Rate          Function = "rate" // records a second
	BytesOverTime Function = "bytes_over_time"
	BytesRate     Function = "bytes_rate" // bytes of lines a second
)

// Range is a function over the records in a window that ends at each instant:
// later than its start, not later than its end.
type Range struct {
	Function Function
	Query    *Query
	Window   time.Duration
	Offset   time.Duration // how long before the instant the window ends
}

// Aggregator is how an Aggregation makes one series of several.
type Aggregator string

// The aggregators. TopK and BottomK leave series as they are and choose among them.
const (
	Sum     Aggregator = "sum"
	Avg     Aggregator = "avg"
	Min     Aggregator = "min"
	Max     Aggregator = "max"
	Count   Aggregator = "count"
	TopK    Aggregator = "topk"
	BottomK Aggregator = "bottomk"
)

// Aggregation combines series by the labels they have in common.
type Aggregation struct {
	Aggregator Aggregator
	K          int      // of TopK and BottomK
	Labels     []string // to group by, or, with Without, not to group by
	Without    bool
	Of         Expr // a *Range or an *Aggregation
}

// Scalar is a constant as a series without labels: vector(1)+vector(1), with
// which Grafana asks whether a server answers.
type Scalar float64

// Expr is a parsed expression: a *Query, a *Range, an *Aggregation or a Scalar.
// String writes it in LogQL; parsing that gives the same expression.
type Expr interface {
	String() string
	expr()
}

func (*Query) expr()       {}
func (*Range) expr()       {}
func (*Aggregation) expr() {}
func (Scalar) expr()       {}
