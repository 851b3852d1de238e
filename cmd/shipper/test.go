package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"shipper/internal/agent"
	"shipper/internal/config"
	"shipper/internal/protocol/ndjson"
)

// testCommand runs the tests that a configuration file has.
func testCommand(ctx context.Context, args []string) error {
	f := newFlags("test")
	verbose := f.Bool("v", false, "name the tests that pass, too")
	files, err := f.parse(args)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return f.misuse("wants one configuration FILE")
	}
	c, err := config.Load(files[0])
	if err != nil {
		return configError(err)
	}
	if len(c.Tests) == 0 {
		return &usageError{files[0] + " has no tests", `add a list "tests:"; docs/rules.md shows one`}
	}
	failed := 0
	for _, t := range c.Tests {
		faults, err := runTest(ctx, c, t)
		if err != nil {
			return fmt.Errorf("test %q: %w", t.Name, err)
		}
		switch {
		case len(faults) > 0:
			failed++
			fmt.Printf("FAIL  %s\n      %s\n", t.Name, strings.Join(faults, "\n      "))
		case *verbose:
			fmt.Printf("ok    %s\n", t.Name)
		}
	}
	fmt.Printf("%d passed, %d failed\n", len(c.Tests)-failed, failed)
	if failed > 0 {
		return reported(1)
	}
	return nil
}

// runTest returns what is not as the test wants it.
func runTest(ctx context.Context, c *config.Config, t config.Test) (faults []string, err error) {
	p := agent.Parsing{Wait: time.Hour}
	n := 0
	err = p.Explain(ctx, c, t.Input, t.File, strings.NewReader(t.Lines), func(x agent.Explained) error {
		n++
		if n > len(t.Want) {
			faults = append(faults, fmt.Sprintf("record %d, of line %d, is one too many", n, x.First))
			return nil
		}
		for _, fault := range compare(t.Want[n-1], x) {
			faults = append(faults, fmt.Sprintf("record %d: %s", n, fault))
		}
		return nil
	})
	if n < len(t.Want) {
		faults = append(faults, fmt.Sprintf("%d records instead of %d", n, len(t.Want)))
	}
	return faults, err
}

// compare returns what of x is not as w wants it.
func compare(w config.Wanted, x agent.Explained) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if w.Dropped != x.Dropped && (w.Dropped != "" || len(w.To) > 0) {
		fault("dropped is %q, want %q", x.Dropped, w.Dropped)
	}
	got, want := slices.Sorted(slices.Values(x.To)), slices.Sorted(slices.Values(w.To))
	if len(want) > 0 && !slices.Equal(got, want) {
		fault("goes to %s, want %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
	last := ""
	if len(x.Rules) > 0 {
		last = x.Rules[len(x.Rules)-1]
	}
	if w.Rule != "" && last != w.Rule {
		fault("rule %q decides, want %q", last, w.Rule)
	}
	fields := fieldsOf(x)
	for _, name := range slices.Sorted(maps.Keys(w.Fields)) {
		if got, ok := fields[name]; !ok {
			fault("there is no field %s; there are %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		} else if want := w.Fields[name]; got != want && !sameTime(got, want) {
			fault("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range w.Absent {
		if got, ok := fields[name]; ok {
			fault("%s is %q and must not be there", name, got)
		}
	}
	return faults
}

// sameTime reports whether both are RFC 3339 times, and the same.
func sameTime(a, b string) bool {
	x, err := time.Parse(time.RFC3339Nano, a)
	if err != nil {
		return false
	}
	y, err := time.Parse(time.RFC3339Nano, b)
	return err == nil && x.Equal(y)
}

// fieldsOf returns the canonical record as texts by name, attributes beside
// the rest.
func fieldsOf(x agent.Explained) map[string]string {
	var object, attributes map[string]json.RawMessage
	json.Unmarshal(ndjson.AppendRecord(nil, x.Batch, x.Record), &object) // valid by its contract
	json.Unmarshal(object["attributes"], &attributes)
	delete(object, "attributes")
	fields := make(map[string]string, len(object)+len(attributes))
	for _, m := range []map[string]json.RawMessage{attributes, object} {
		for name, value := range m {
			var text string
			if !bytes.HasPrefix(value, []byte{'"'}) || json.Unmarshal(value, &text) != nil {
				text = string(value)
			}
			fields[name] = text
		}
	}
	return fields
}
