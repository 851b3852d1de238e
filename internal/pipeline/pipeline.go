// Package pipeline decides what becomes of records between parsing and the
// queue: an ordered list of rules routes, drops, samples, limits, changes and
// redacts them.
//
// A rule applies to the records that its selector matches, in the language of
// package selector. The first rule that matches decides, unless it says that
// the rules behind it are to be looked at, too. A record that no rule sends
// anywhere goes to the default outputs, and is counted as unmatched. What
// remains is redacted last.
//
// Within a rule the order is: limit, sample, drop, then set, rename, remove and
// redact. A Pipeline is compiled once and never changes; each goroutine that
// uses it has a Worker of its own.
package pipeline

import (
	"fmt"
	"sync/atomic"

	"shipper/internal/record"
	"shipper/internal/selector"
)

// Config is what a Pipeline is made of.
type Config struct {
	Outputs []Output
	Rules   []Rule
	Redact  []Redaction // of every record that is kept

	// Priorities keeps records of different priorities apart.
	Priorities bool
}

// Output is a destination by its name.
type Output struct {
	Name    string
	Default bool // it takes records that no rule sends anywhere
}

// All as a destination of a rule stands for every output.
const All = "*"

// Rule is what happens to the records that Match selects. One that decides and
// names no output leaves them to the default outputs.
type Rule struct {
	Name     string   // for counters and books
	Match    string   // LogQL; empty selects everything
	To       []string // outputs, or All
	Drop     bool
	Continue bool // rules behind it are looked at, too; destinations add up

	Priority Priority // with Config.Priorities; the last rule that says one decides

	Sample *Sample
	Limit  *Limit
	Set    []Attribute // added, or put in place of the attribute of that name
	Rename []Rename
	Remove []string // attributes; "*" stands for any number of characters
	Redact []Redaction
}

// Attribute is a name and a text.
type Attribute struct{ Name, Value string }

// Rename gives an attribute another name.
type Rename struct{ From, To string }

// Error says which part of a Config cannot work. Path is as in the
// configuration file: "rules[2].match".
type Error struct {
	Path string
	Err  error
}

func (e *Error) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// RuleStats counts what a rule did.
type RuleStats struct {
	Name    string
	Hits    atomic.Int64 // records it matched
	Dropped atomic.Int64 // of them, dropped
	Sampled atomic.Int64 // of them, not kept as a sample
	Limited atomic.Int64 // of them, beyond the limit
}

// Stats counts what a Pipeline did. It is safe for concurrent use.
type Stats struct {
	Rules     []RuleStats // in the order of Config.Rules
	Unmatched atomic.Int64
	Redacted  [detectors]atomic.Int64 // values, by Detector
}

// Pipeline is a compiled Config. It is safe for concurrent use.
type Pipeline struct {
	Stats Stats

	rules     []rule
	ranked    bool
	columns   []string  // LogQL names of the attributes and labels that rules look at
	shares    int       // samplers that count by key
	redactor  *redactor // of every record
	redactors []*redactor
	outputs   []string
	sets      sets
}

// maxRules bounds the list, so that a rule's number fits in what a record keeps of it.
const maxRules = 1000

// New compiles a configuration. Its error is an *Error.
func New(c Config) (*Pipeline, error) {
	p := &Pipeline{ranked: c.Priorities}
	if len(c.Outputs) > maxOutputs {
		return nil, &Error{"outputs", fmt.Errorf("more than %d outputs", maxOutputs)}
	}
	if len(c.Rules) > maxRules {
		return nil, &Error{"rules", fmt.Errorf("more than %d rules", maxRules)}
	}
	p.routes(c.Outputs)
	p.Stats.Rules = make([]RuleStats, len(c.Rules))
	for i := range c.Rules {
		p.Stats.Rules[i].Name = c.Rules[i].Name
		r, err := p.compile(&c.Rules[i], fmt.Sprintf("rules[%d]", i))
		if err != nil {
			return nil, err
		}
		p.rules = append(p.rules, r)
	}
	var err error
	p.redactor, err = p.newRedactor(c.Redact, "redact")
	if err != nil {
		return nil, err
	}
	return p, nil
}

// rule is a compiled Rule.
type rule struct {
	test   test
	levels uint32 // severities of records it can match, as bits
	to     Route
	rank   Priority
	drop   bool
	done   bool // the rules behind it are not looked at
	sample *sampler
	limit  *limiter
	set    []Attribute
	rename []Rename
	remove *names
	redact *redactor

	dropReason, sampleReason, limitReason string
}

func (p *Pipeline) compile(c *Rule, path string) (rule, error) {
	r := rule{
		drop: c.Drop, done: !c.Continue, rank: c.Priority, set: c.Set, rename: c.Rename,
		dropReason: "rule:" + c.Name, sampleReason: "sample:" + c.Name, limitReason: "rate_limit:" + c.Name,
	}
	fail := func(key string, err error) (rule, error) { return rule{}, &Error{path + "." + key, err} }
	var err error
	if c.Drop && len(c.To) > 0 {
		return fail("to", fmt.Errorf("a rule that drops sends nothing anywhere"))
	}
	if c.Match != "" {
		q, err := selector.ParseQuery(c.Match)
		if err != nil {
			return fail("match", err)
		}
		r.test = p.compileQuery(q)
	}
	r.levels = r.test.severities()
	if r.to, err = p.route(c.To); err != nil {
		return fail("to", err)
	}
	if c.Sample != nil {
		if r.sample, err = newSampler(*c.Sample); err != nil {
			return fail("sample", err)
		}
		if r.sample.column = p.column(c.Sample.Key); r.sample.column >= 0 {
			r.sample.index = p.shares
			p.shares++
		}
	}
	if c.Limit != nil {
		if r.limit, err = newLimiter(*c.Limit); err != nil {
			return fail("rate_limit", err)
		}
		r.limit.column = p.column(c.Limit.Key)
	}
	for _, a := range c.Set {
		if a.Name == "" {
			return fail("set."+a.Name, fmt.Errorf("an attribute without a name"))
		}
	}
	for _, a := range c.Rename {
		if a.From == "" || a.To == "" || a.From == a.To {
			return fail("rename."+a.From, fmt.Errorf("must get another name"))
		}
	}
	if len(c.Remove) > 0 {
		r.remove = newNames()
		for _, name := range c.Remove {
			r.remove.add(name, 0)
		}
	}
	if r.redact, err = p.newRedactor(c.Redact, path+".redact"); err != nil {
		return rule{}, err
	}
	return r, nil
}

// originalName is the attribute with text that is not in the body.
var originalName = record.Name("log.record.original")
