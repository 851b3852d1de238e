package config

import (
	"fmt"
	"slices"
)

// Test is what should become of some lines, for "shipper test".
type Test struct {
	Name  string   `yaml:"name"`
	Input string   `yaml:"input"` // the input that reads the lines; default: the first
	File  string   `yaml:"file"`  // the path they are read from, as far as labels tell
	Lines string   `yaml:"lines"`
	Want  []Wanted `yaml:"want"` // the records, in order
}

// Wanted is what one record has to be. What is not given is not compared.
type Wanted struct {
	Fields  map[string]string `yaml:"fields"`  // of the canonical record, attributes by their own names
	Absent  []string          `yaml:"absent"`  // fields that must not be there
	To      []string          `yaml:"to"`      // outputs, in any order
	Rule    string            `yaml:"rule"`    // that decides
	Dropped string            `yaml:"dropped"` // reason, such as rule:noise
}

// validateTests notes everything in tests that cannot hold.
func (c *Config) validateTests(b *binder) {
	for i, t := range c.Tests {
		path := fmt.Sprintf("tests[%d]", i)
		if t.Name == "" && !b.faulty(path) {
			b.missing(path+".name", "what the test is about")
		}
		if t.Lines == "" && !b.faulty(path+".lines") {
			b.missing(path+".lines", "the text of one or more records")
		}
		if t.Input != "" && !slices.ContainsFunc(c.Inputs, func(in Input) bool { return in.Name == t.Input }) {
			b.fail(path+".input", "%q is no input", t.Input)
		}
		if len(t.Want) == 0 && !b.faulty(path+".want") {
			b.missing(path+".want", "a list with what each record has to be")
		}
		for j, w := range t.Want {
			at := fmt.Sprintf("%s.want[%d]", path, j)
			for k, name := range w.To {
				if !slices.ContainsFunc(c.Outputs, func(o Output) bool { return o.Name == name }) {
					b.fail(fmt.Sprintf("%s.to[%d]", at, k), "%q is no output", name)
				}
			}
			if w.Rule != "" && !slices.ContainsFunc(c.Rules, func(r Rule) bool { return r.Name == w.Rule }) {
				b.fail(at+".rule", "%q is no rule", w.Rule)
			}
			if w.Dropped != "" && len(w.To) > 0 {
				b.fail(at, "is dropped and goes somewhere; keep one of dropped and to")
			}
		}
	}
}
