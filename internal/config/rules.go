package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shipper/internal/pipeline"
)

// Rule is what happens to the records that Match selects. The first rule that
// matches decides, unless it says continue.
type Rule struct {
	Name     string   `yaml:"name"`  // unique; counters and books have it
	Match    string   `yaml:"match"` // LogQL, such as {level="debug"} |= "cache"; empty: everything
	To       []string `yaml:"to"`    // names of outputs, or "*" for all
	Drop     bool     `yaml:"drop"`
	Continue bool     `yaml:"continue"` // the rules behind it are looked at, too

	Priority  string            `yaml:"priority"` // low, normal or high, for queue.full: shed
	Sample    *Sample           `yaml:"sample"`
	RateLimit *RateLimit        `yaml:"rate_limit"`
	Set       map[string]string `yaml:"set"`
	Rename    map[string]string `yaml:"rename"` // old name: new name
	Remove    []string          `yaml:"remove"` // names of attributes; * stands for any number of characters
	Redact    []Redaction       `yaml:"redact"`
}

// Sample keeps a part of the records.
type Sample struct {
	Keep  float64 `yaml:"keep"`  // the part that is kept: 0.1 is one in ten
	By    string  `yaml:"by"`    // attribute whose values are sampled one by one; empty: whole traces
	Floor string  `yaml:"floor"` // severity from which on everything is kept, or none
}

// RateLimit drops what is more than so many records a second.
type RateLimit struct {
	Rate  float64 `yaml:"rate"`  // records a second
	Burst float64 `yaml:"burst"` // records at once; 0: those of a second
	By    string  `yaml:"by"`    // attribute or label whose values share the rate fairly; empty: the file
}

// Redaction is secrets to find and what becomes of them.
type Redaction struct {
	Detect     []string `yaml:"detect"`     // detectors, or "*" for all
	Attributes []string `yaml:"attributes"` // names of attributes; * stands for any number of characters
	Regexps    []string `yaml:"regexps"`    // RE2
	Action     string   `yaml:"action"`     // mask, drop or token
	KeyID      string   `yaml:"key_id"`     // of token; it is part of each token
	Key        string   `yaml:"key"`        // of token
}

func (s *Sample) setDefaults()    { s.Floor = "warn" }
func (r *Redaction) setDefaults() { r.Action = "mask" }

// floors are the severities a Sample can have as its Floor, by severity number.
var floors = []string{"none", "trace", "debug", "info", "warn", "error", "fatal"}

// priorities are those a Rule can have, by number.
var priorities = []string{pipeline.Low: "low", pipeline.Normal: "normal", pipeline.High: "high"}

// Pipeline returns the rules as the pipeline wants them.
func (c *Config) Pipeline() pipeline.Config {
	p := pipeline.Config{Redact: makeRedactions(c.Redact), Priorities: c.Queue.Full == "shed"}
	for _, o := range c.Outputs {
		p.Outputs = append(p.Outputs, pipeline.Output{Name: o.Name, Default: o.Default})
	}
	for i := range c.Rules {
		p.Rules = append(p.Rules, c.Rules[i].pipeline())
	}
	return p
}

func (r *Rule) pipeline() pipeline.Rule {
	p := pipeline.Rule{Name: r.Name, Match: r.Match, To: r.To, Drop: r.Drop, Continue: r.Continue, Remove: r.Remove, Redact: makeRedactions(r.Redact)}
	p.Priority = pipeline.Priority(max(0, slices.Index(priorities, r.Priority)))
	if s := r.Sample; s != nil {
		p.Sample = &pipeline.Sample{Keep: s.Keep, Key: s.By}
		if i := slices.Index(floors, s.Floor); i > 0 {
			p.Sample.Floor = uint8(4*i - 3)
		}
	}
	if l := r.RateLimit; l != nil {
		p.Limit = &pipeline.Limit{Rate: l.Rate, Burst: l.Burst, Key: l.By}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Set)) {
		p.Set = append(p.Set, pipeline.Attribute{Name: name, Value: r.Set[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Rename)) {
		p.Rename = append(p.Rename, pipeline.Rename{From: name, To: r.Rename[name]})
	}
	return p
}

func makeRedactions(list []Redaction) (all []pipeline.Redaction) {
	for _, r := range list {
		p := pipeline.Redaction{Detect: r.Detect, Attributes: r.Attributes, Regexps: r.Regexps}
		switch r.Action {
		case "drop":
			p.Action = pipeline.Drop
		case "token":
			p.Action, p.Key = pipeline.Token, pipeline.Key{ID: r.KeyID, Secret: []byte(r.Key)}
		}
		all = append(all, p)
	}
	return all
}

// validateRules notes everything in rules and redact that cannot work.
func (c *Config) validateRules(b *binder) {
	names := map[string]int{}
	all := c.Pipeline()
	for i := range c.Rules {
		r, path := &c.Rules[i], fmt.Sprintf("rules[%d]", i)
		checkName(b, path, r.Name, names, i)
		r.validate(b, path)
		if at := path + ".priority"; r.Priority != "" && c.Queue.Full != "shed" && !b.faulty(at) {
			b.fail(at, "has an effect with queue.full: shed only")
		}
		one := all.Rules[i]
		for _, match := range []string{one.Match, ""} { // what else is wrong beside the selector
			one.Match = match
			_, err := pipeline.New(pipeline.Config{Outputs: all.Outputs, Rules: []pipeline.Rule{one}})
			b.compiled(err, "rules[0]", path)
		}
	}
	checkRedactions(b, "redact", c.Redact)
	for i := range all.Redact {
		_, err := pipeline.New(pipeline.Config{Redact: all.Redact[i : i+1]})
		b.compiled(err, "redact[0]", fmt.Sprintf("redact[%d]", i))
	}
	_, err := pipeline.New(all) // what is wrong only as a whole
	if len(b.errors) == 0 {
		b.compiled(err, "", "")
	}
}

// compiled notes why the pipeline refuses what is at path, which it calls own.
func (b *binder) compiled(err error, own, path string) {
	var e *pipeline.Error
	if errors.As(err, &e) {
		if at := path + strings.TrimPrefix(e.Path, own); !b.faulty(at) {
			b.fail(at, "%s", e.Err)
		}
	}
}

func (r *Rule) validate(b *binder, path string) {
	if r.Priority != "" {
		oneOf(b, path+".priority", r.Priority, priorities[1:]...)
	}
	if s := r.Sample; s != nil {
		oneOf(b, path+".sample.floor", s.Floor, floors...)
		if at := path + ".sample.keep"; (s.Keep < pipeline.LeastKept || s.Keep > 1) && !b.faulty(at) {
			b.fail(at, "%v is no part to keep; it must be from a billionth to 1, such as 0.1", s.Keep)
		}
		b.bad[path+".sample"] = b.faulty(path + ".sample.keep")
	}
	if l := r.RateLimit; l != nil {
		if at := path + ".rate_limit.rate"; l.Rate <= 0 && !b.faulty(at) {
			b.fail(at, "%v is no rate; it must be above 0 records a second", l.Rate)
		}
		b.bad[path+".rate_limit"] = b.faulty(path + ".rate_limit.rate")
	}
	for i, name := range r.Remove {
		b.notEmpty(fmt.Sprintf("%s.remove[%d]", path, i), name)
	}
	checkRedactions(b, path+".redact", r.Redact)
}

func checkRedactions(b *binder, path string, list []Redaction) {
	for i, r := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		oneOf(b, at+".action", r.Action, "mask", "drop", "token")
		if r.Action != "token" && r.KeyID+r.Key != "" {
			b.fail(at, "has a key, which only the action token uses")
		}
	}
}
