package main

import (
	"fmt"
	"slices"
	"strings"
)

// choice is a flag whose value is one of a few words; the first is the default.
type choice struct {
	value   string
	allowed []string
}

func (c *choice) String() string { return c.value }

func (c *choice) Set(v string) error {
	if !slices.Contains(c.allowed, v) {
		return fmt.Errorf("must be one of %s", strings.Join(c.allowed, ", "))
	}
	c.value = v
	return nil
}

func (c *choice) is(v string) bool { return c.value == v }

// choiceFlag adds a flag whose value is one of the allowed words.
func (f *flags) choiceFlag(name, usage string, allowed ...string) *choice {
	c := &choice{value: allowed[0], allowed: allowed}
	f.Var(c, name, usage+": "+strings.Join(allowed, " or "))
	return c
}

// outputFlag adds -o, the form of the output.
func (f *flags) outputFlag(allowed ...string) *choice {
	return f.choiceFlag("o", "`form` of the output", allowed...)
}
