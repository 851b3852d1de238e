package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"shipper/internal/agent"
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

func checkCommand(ctx context.Context, args []string) error {
	f := newFlags("check")
	path := f.String("config", "", "the configuration `file`")
	connect := f.Bool("connect", false, "try each output, too")
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
	var probes []agent.Probe
	if err == nil && *connect {
		probes = agent.Connect(ctx, c)
	}
	if output.is("json") {
		return printFindings(faults, probes)
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
	if _, err = fmt.Printf("%s: fine; inputs: %s; outputs: %s\n", *path, strings.Join(inputs, ", "), strings.Join(outputs, ", ")); err != nil {
		return err
	}
	return printProbes(probes)
}

func printProbes(probes []agent.Probe) error {
	failed := false
	for _, p := range probes {
		if p.Err != nil {
			failed = true
			fmt.Printf("output %s: %s: failed: %s\n", p.Output, p.URL, p.Err)
			continue
		}
		fmt.Printf("output %s: %s: reached in %s\n", p.Output, p.URL, p.Took.Round(time.Millisecond))
	}
	if failed {
		return reported(1)
	}
	return nil
}

// connection is the outcome of trying an output as JSON.
type connection struct {
	Output  string  `json:"output"`
	URL     string  `json:"url"`
	OK      bool    `json:"ok"`
	Status  int     `json:"status,omitempty"`
	Seconds float64 `json:"seconds"`
	Message string  `json:"message,omitempty"`
}

func printFindings(faults config.Errors, probes []agent.Probe) error {
	result := struct {
		OK          bool         `json:"ok"`
		Faults      []finding    `json:"faults"`
		Connections []connection `json:"connections,omitempty"`
	}{OK: len(faults) == 0, Faults: []finding{}}
	for _, p := range probes {
		c := connection{Output: p.Output, URL: p.URL, OK: p.Err == nil, Status: p.Status, Seconds: p.Took.Seconds()}
		if p.Err != nil {
			c.Message = p.Err.Error()
			result.OK = false
		}
		result.Connections = append(result.Connections, c)
	}
	for _, e := range faults {
		result.Faults = append(result.Faults, finding{e.File, e.Line, e.Col, e.Path, e.Text})
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return err
	}
	switch {
	case len(faults) > 0:
		return reported(2)
	case !result.OK:
		return reported(1)
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
