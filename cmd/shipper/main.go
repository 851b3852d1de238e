// Shipper follows logs, ships them and stores them. This package is the command
// line: flags, signals and exit codes. What the commands do is in
// internal/agent, internal/indexer and internal/query.
//
// Exit codes: 0 fine, 1 failed, 2 wrong usage or configuration.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"shipper/internal/config"
)

// command is one of the words after "shipper".
type command struct {
	name  string
	args  string // as usage shows them
	about string // one line; a command without it is not listed
	run   func(ctx context.Context, args []string) error
}

// commands returns the table of commands in the order of the usage text.
func commands() []command {
	return []command{
		{"run", "--config FILE | FILE...", "follow logs and ship them; with FILEs alone, print them as NDJSON", runCommand},
		{"index", "--data DIR [flags]", "receive, store and search what agents ship", indexCommand},
		{"query", "[flags] QUERY", "search an indexer", queryCommand},
		{"parse", "[flags] [FILE...]", "show the records that FILEs or standard input have, as NDJSON", parseCommand},
		{"check", "--config FILE [--connect]", "check a configuration file, and try its outputs", checkCommand},
		{"explain", "--config FILE [flags] [FILE...]", "show what becomes of records: format, fields, rules, outputs", explainCommand},
		{"test", "FILE", "run the tests in a configuration file", testCommand},
		{"tail", "[-n LINES] FILE", "show the end of one file and what is added to it", tailCommand},
		{"queue", "stat|ls|cat|verify|salvage|replay|drop OUTPUT --data DIR", "look into the queue of a stopped agent", queueCommand},
		{"version", "", "print the version", versionCommand},
		{"queue-check", "FILE", "", queueCheckCommand},
	}
}

func main() { os.Exit(execute(os.Args[1:])) }

// execute runs one command and returns the exit code.
func execute(args []string) int {
	// The reader of our output or log may leave: that is an error of a write,
	// not the end of an agent.
	signal.Ignore(syscall.SIGPIPE)
	return exitCode(dispatch(untilSignal(), args))
}

// echo is how soon after the first signal others are taken for the same one:
// timeout(1) and some shells send it to a process and to its group.
const echo = 200 * time.Millisecond

// untilSignal returns a context that ends with the first SIGINT or SIGTERM. A
// second one ends the process at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		for first := time.Now(); time.Since(first) < echo; {
			<-signals
		}
		fmt.Fprintln(os.Stderr, "shipper: ended at once by a second signal")
		os.Exit(1)
	}()
	return ctx
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		writeHelp(os.Stderr)
		return reported(2)
	}
	name := args[0]
	switch {
	case asksHelp(name):
		return help(ctx, args[1:])
	case name == "-version" || name == "--version":
		name = "version"
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, args[1:])
		}
	}
	return &usageError{fmt.Sprintf("%q is not a command", name), `"shipper help" lists them`}
}

// exitCode reports err on standard error, if nobody has yet, and returns the
// code to exit with.
func exitCode(err error) int {
	var usage *usageError
	var faults config.Errors
	var code reported
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp), errors.Is(err, syscall.EPIPE):
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "shipper: %s; %s\n", usage.text, usage.hint)
		return 2
	case errors.As(err, &faults):
		fmt.Fprintln(os.Stderr, faults)
		return 2
	}
	fmt.Fprintf(os.Stderr, "shipper: %s\n", err)
	return 1
}

// reported is the exit code of a command that has said itself what is wrong.
type reported int

func (r reported) Error() string { return fmt.Sprintf("exit code %d", int(r)) }

// usageError is a command line that makes no sense.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text }

// flags is the flag set of one command.
type flags struct {
	flag.FlagSet
	command string
}

// newFlags returns the flag set of the command of the given name.
func newFlags(name string) *flags {
	f := &flags{command: name}
	f.Init(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}

// parse reads args; flags may also follow other arguments. "-h" prints the
// command's usage and returns flag.ErrHelp.
func (f *flags) parse(args []string) (rest []string, err error) {
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			f.writeUsage(os.Stdout)
			return nil, err
		}
		if err != nil {
			return nil, f.misuse("%s", err)
		}
		args = f.Args()
		for len(args) > 0 && (args[0] == "-" || !strings.HasPrefix(args[0], "-")) {
			rest, args = append(rest, args[0]), args[1:]
		}
		if len(args) == 0 {
			return rest, nil
		}
	}
}

// misuse returns a usageError that points to the command's usage.
func (f *flags) misuse(format string, args ...any) error {
	return &usageError{fmt.Sprintf("%s: %s", f.command, fmt.Sprintf(format, args...)),
		fmt.Sprintf("%q shows the usage", "shipper "+f.command+" -h")}
}

func (f *flags) writeUsage(w io.Writer) {
	for _, c := range commands() {
		if c.name == f.command {
			fmt.Fprintf(w, "Usage: %s\n\n%s\n", strings.TrimSpace("shipper "+c.name+" "+c.args), c.about)
		}
	}
	any := false
	f.VisitAll(func(*flag.Flag) { any = true })
	if any {
		fmt.Fprintln(w, "\nFlags:")
		f.SetOutput(w)
		f.PrintDefaults()
	}
}
