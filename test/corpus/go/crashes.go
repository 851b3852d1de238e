package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// program is a way to run the crash program, or the go command.
type program struct {
	name string // of the sample
	args []string
	env  []string
	quit bool // end it with SIGQUIT
	race bool
}

// crashes is what the Go runtime and the go command write.
func crashes() []sample {
	var all []sample
	for _, how := range []string{
		"string", "error", "wrapped", "joined", "customerror", "stringer", "struct", "int", "multiline", "nilpanic", "nilderef",
		"nilmap", "index", "slice", "divide", "typeassert", "closeclosed", "goroutine", "indefer", "repanic", "recoverwrap", "long",
		"generic", "closure", "method", "quoted", "deep",
	} {
		all = append(all, crash(program{name: "go-panic/runtime-" + how, args: []string{how}}))
	}
	for _, how := range []string{"deadlock", "mapwrites", "overflow", "unlock", "oom", "waitgroup"} {
		all = append(all, crash(program{name: "go-fatal/runtime-" + how, args: []string{how}}))
	}
	for _, traceback := range []string{"none", "single", "all", "system"} {
		all = append(all, crash(program{name: "go-panic/traceback-" + traceback + "-many", args: []string{"many"}, env: []string{"GOTRACEBACK=" + traceback}}))
	}
	all = append(all,
		crash(program{name: "go-panic/traceback-crash-many", args: []string{"many"}, env: []string{"GOTRACEBACK=crash"}}),
		crash(program{name: "go-fatal/runtime-sigquit", args: []string{"wait"}, quit: true}),
		crash(program{name: "go-race/race", args: []string{"race"}, env: []string{"GORACE=halt_on_error=1"}, race: true}),
		crash(program{name: "mixed/race-and-its-end", args: []string{"race"}, race: true}),
		crash(program{name: "go-debug/gctrace", args: []string{"garbage"}, env: []string{"GODEBUG=gctrace=1"}}),
		crash(program{name: "go-debug/schedtrace", args: []string{"garbage"}, env: []string{"GODEBUG=schedtrace=2"}}),
		crash(program{name: "go-debug/inittrace", args: []string{"exit"}, env: []string{"GODEBUG=inittrace=1"}}),
		crash(program{name: "mixed/slog-and-panic", args: []string{"slog"}}),
		crash(program{name: "mixed/logs-and-recovered", args: []string{"recovered"}}),
		tested("go-test/verbose", "-v", "-run", "OK|Sub|Skip"),
		tested("go-test/quiet", "-run", "Sub|Skip"),
		tested("mixed/go-test-panic", "-v", "-run", "OK|Panic"),
		tested("mixed/go-test-timeout", "-v", "-run", "OK|Slow", "-timeout", "300ms"),
		tested("mixed/go-test-log", "-v", "-run", "OK|Log"),
		tested("go-test/bench", "-run", "none", "-bench", ".", "-benchtime", "5x", "-benchmem"),
		tested("go-test/cover", "-run", "OK", "-cover"),
		tested("go-test-json/verbose", "-json", "-run", "OK|Sub|Skip|Log"),
		tested("go-test-json/panic", "-json", "-run", "OK|Panic"),
	)
	return all
}

// crash is the output of the crash program.
func crash(p program) sample {
	return sample{p.name, func(w io.Writer) {
		bin := built(p.race)
		defer os.RemoveAll(filepath.Dir(bin))
		cmd := exec.Command(bin, p.args...)
		cmd.Env = append(os.Environ(), p.env...)
		var text bytes.Buffer
		cmd.Stdout, cmd.Stderr = &text, &text
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		if p.quit {
			time.Sleep(300 * time.Millisecond)
			cmd.Process.Signal(syscall.SIGQUIT)
		}
		cmd.Wait()
		w.Write(text.Bytes())
	}}
}

// built builds the crash program, with the paths it was compiled from.
func built(race bool) string {
	dir, err := os.MkdirTemp("", "crash")
	if err != nil {
		panic(err)
	}
	bin := filepath.Join(dir, "crash")
	args := []string{"build", "-trimpath=false", "-o", bin}
	if race {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "./crash")...).CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%s: %s", err, out))
	}
	return bin
}

// tested is the output of go test.
func tested(name string, args ...string) sample {
	return sample{name, func(w io.Writer) {
		cmd := exec.Command("go", append(append([]string{"test", "-trimpath=false", "-count=1"}, args...), "./tested")...)
		text, _ := cmd.CombinedOutput()
		w.Write(text)
	}}
}
