package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"shipper/internal/config"
)

// finding is a fault of a configuration file as JSON.
type finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

func checkCommand(_ context.Context, args []string) error {
	f := newFlags("check")
	path := f.String("config", "", "the configuration `file`")
	output := f.outputFlag("text", "json")
	rest, err := f.parse(args)
	if err != nil {
		return err
	}
	if *path == "" || len(rest) > 0 {
		return f.misuse("wants --config FILE and nothing else")
	}
	c, err := config.Load(*path)
	if err == nil {
		err = ownLogApart(c)
	}
	var faults config.Errors
	if err != nil && !errors.As(err, &faults) {
		return noFile(err)
	}
	if output.is("json") {
		return printFindings(faults)
	}
	if err != nil {
		return err
	}
	for _, note := range c.Notes() {
		fmt.Fprintf(os.Stderr, "%s: note: %s\n", *path, note)
	}
	var inputs, outputs []string
	for _, in := range c.Inputs {
		inputs = append(inputs, in.Name)
	}
	for _, out := range c.Outputs {
		outputs = append(outputs, out.Name)
	}
	_, err = fmt.Printf("%s: fine; inputs: %s; outputs: %s\n", *path, strings.Join(inputs, ", "), strings.Join(outputs, ", "))
	return err
}

func printFindings(faults config.Errors) error {
	result := struct {
		OK     bool      `json:"ok"`
		Faults []finding `json:"faults"`
	}{OK: len(faults) == 0, Faults: []finding{}}
	for _, e := range faults {
		result.Faults = append(result.Faults, finding{e.File, e.Line, e.Col, e.Path, e.Text})
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return err
	}
	if !result.OK {
		return reported(2)
	}
	return nil
}

// noFile makes a configuration file that cannot be read a matter of usage.
func noFile(err error) error {
	return &usageError{err.Error(), "--config names the file to read"}
}

// ownLogApart refuses a configuration by which the agent would read the file
// that its own log goes to: each line it ships would make another.
func ownLogApart(c *config.Config) error {
	log, err := os.Readlink("/proc/self/fd/2")
	if err != nil {
		return nil // not Linux, or not a thing with a name
	}
	if input, ok := c.Follows(log); ok {
		return &usageError{fmt.Sprintf("standard error is %s, which input %s reads: the agent would ship its own log for ever", log, input),
			"send it elsewhere or exclude the file"}
	}
	return nil
}
