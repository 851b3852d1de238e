package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"shipper/internal/agent"
	"shipper/internal/config"
)

func runCommand(ctx context.Context, args []string) error {
	f := newFlags("run")
	path := f.String("config", "", "the configuration `file`")
	files, err := f.parse(args)
	switch {
	case err != nil:
		return err
	case *path != "" && len(files) > 0:
		return f.misuse("wants either --config FILE or FILEs to print, not both")
	case *path != "":
		return runAgent(ctx, *path)
	case len(files) > 0:
		return printFiles(ctx, files)
	}
	return f.misuse("wants --config FILE, or FILEs to print")
}

// runAgent runs the agent of a configuration file, which it reads again when
// the file changes and on SIGHUP.
func runAgent(ctx context.Context, path string) error {
	c, err := loadConfig(path)
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	level.Set(c.Log.Slog())
	log := newLog(level, c.Log.Format)
	limitMemory(log)
	a := agent.Agent{
		Load:       func() (*config.Config, error) { return loadConfig(path) },
		Log:        log,
		Level:      level,
		CheckIndex: checkIndex,
		Version:    readBuild().Version,
	}
	// From here on a signal or a change is not missed: it is seen to once the agent is ready.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	seen := contentOf(path)
	a.Ready = func() {
		announce(log, "READY=1")
		go reloadOnChange(ctx, path, hangup, seen, log, &a)
	}
	context.AfterFunc(ctx, func() {
		log.Info("stopping: what was read is committed, what is queued delivered for a few seconds")
		announce(log, "STOPPING=1")
	})
	return a.Run(ctx)
}

func loadConfig(path string) (*config.Config, error) {
	c, err := config.Load(path)
	var faults config.Errors
	if err != nil && !errors.As(err, &faults) {
		return nil, noFile(err)
	}
	if err == nil {
		err = ownLogApart(c)
	}
	return c, err
}

// printFiles prints the records of files until a signal comes.
func printFiles(ctx context.Context, files []string) error {
	for _, name := range files {
		if err := readable(name); err != nil {
			return err
		}
	}
	ctx, cancel := whileRead(ctx)
	defer cancel()
	return agent.Print(ctx, files, os.Stdout, newLog(slog.LevelWarn, "text"))
}

// readable makes a misspelt name an error at once instead of a file to wait for.
func readable(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	return nil
}

// newLog returns a log on standard error.
func newLog(level slog.Leveler, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

func announce(log *slog.Logger, state string) {
	if err := notify(state); err != nil {
		log.Warn("systemd was not told", "state", state, "err", err)
	}
}

// checkIndex checks a queue's index in a child process: reading a damaged one
// can end the process that does it.
func checkIndex(path string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := exec.Command(self, "queue-check", path).CombinedOutput()
	if err != nil {
		line, _, _ := strings.Cut(string(out), "\n")
		return fmt.Errorf("%w: %s", err, strings.TrimPrefix(line, "shipper: "))
	}
	return nil
}
