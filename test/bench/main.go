// Command bench measures shipper on the reference load and prints every figure
// beside a yardstick of the same run, since machines differ and shared ones
// change by the minute: CPU-seconds of `zstd -1` over the same file.
//
// Each program measured is a process of its own; CPU time and peak resident
// memory are those the kernel reports when it ends. What arrived is compared,
// record by record, with what was written.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"shipper/test/load"
)

const seed = 1

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "child-zstd":
			childZstd(os.Args[2])
			return
		case "child-floor":
			childFloor(os.Args[2], os.Args[3])
			return
		case "child-sink":
			childSink(os.Args[2], os.Args[3])
			return
		case "child-void":
			childVoid()
			return
		}
	}
	b := bench{}
	flag.StringVar(&b.binary, "shipper", "bin/shipper", "the program to measure")
	flag.IntVar(&b.lines, "lines", 1_000_000, "lines of the reference load")
	flag.Int64Var(&b.backlog, "backlog", 1<<30, "bytes on disk of the restart test")
	flag.DurationVar(&b.idle, "idle", 20*time.Second, "how long to watch 1,000 idle files")
	only := flag.String("only", "", "comma-separated parts to run: yardstick (always), floor, sink, rules, outputs, index, idle, restart")
	flag.Parse()
	if err := b.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	binary  string
	lines   int
	backlog int64
	idle    time.Duration

	dir      string
	file     string
	size     int64
	yard     float64 // CPU-seconds of the yardstick
	failures []string
}

// cost is what a finished process used.
type cost struct {
	cpu  float64 // seconds, user and system
	wall time.Duration
	rss  int64 // peak, bytes
}

func costOf(cmd *exec.Cmd, since time.Time) cost {
	ru := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{
		cpu:  (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		wall: time.Since(since),
		rss:  ru.Maxrss << 10,
	}
}

func (b *bench) run(only string) error {
	part := func(name string) bool {
		return only == "" || strings.Contains(","+only+",", ","+name+",")
	}
	binary, err := filepath.Abs(b.binary)
	if err != nil {
		return err
	}
	b.binary = binary
	if b.dir, err = os.MkdirTemp("", "shipper-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := b.writeLoad(); err != nil {
		return err
	}
	fmt.Printf("%s, %d cores, %s, %s\n", time.Now().UTC().Format("2006-01-02 15:04"), runtime.NumCPU(), runtime.Version(), cpuName())
	fmt.Printf("reference load: %d lines, %.1f MB\n\n", b.lines, float64(b.size)/1e6)
	fmt.Println("| what | CPU s | x yardstick | wall s | peak RSS MiB | missing | repeated | more |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	if err := b.yardstick(); err != nil {
		return err
	}
	for _, p := range []struct {
		name string
		run  func() error
	}{
		{"floor", b.floor}, {"sink", b.sink}, {"rules", b.rules}, {"outputs", b.outputs}, {"index", b.index}, {"idle", b.idleFiles}, {"restart", b.restart},
	} {
		if !part(p.name) {
			continue
		}
		if err := p.run(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if len(b.failures) > 0 {
		return fmt.Errorf("records were missing or repeated: %s", strings.Join(b.failures, "; "))
	}
	return nil
}

func (b *bench) writeLoad() error {
	logs := filepath.Join(b.dir, "logs")
	if err := os.Mkdir(logs, 0o755); err != nil {
		return err
	}
	b.file = filepath.Join(logs, "payments.log")
	f, err := os.Create(b.file)
	if err != nil {
		return err
	}
	if b.size, err = load.WriteTo(f, seed, b.lines); err != nil {
		return err
	}
	if err := f.Sync(); err != nil { // so that nobody pays for it later
		return err
	}
	return f.Close()
}

// row prints one line of the table. missing and repeated are -1 where nothing was delivered.
func (b *bench) row(what string, c cost, missing, repeated int, more string) {
	count := func(n int) string {
		if n < 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	fmt.Printf("| %s | %.2f | %.2f | %.2f | %.1f | %s | %s | %s |\n",
		what, c.cpu, c.cpu/b.yard, c.wall.Seconds(), float64(c.rss)/(1<<20), count(missing), count(repeated), more)
	if missing > 0 || repeated > 0 {
		b.failures = append(b.failures, fmt.Sprintf("%s: %d missing, %d repeated", what, missing, repeated))
	}
}

// self runs this program as a child with the given arguments and waits for it.
func (b *bench) self(args ...string) (cost, string, error) {
	exe, err := os.Executable()
	if err != nil {
		return cost{}, "", err
	}
	cmd := exec.Command(exe, args...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return cost{}, "", fmt.Errorf("%s: %w", args[0], err)
	}
	return costOf(cmd, start), strings.TrimSpace(string(out)), nil
}

func cpuName() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	for line := range strings.Lines(string(info)) {
		if rest, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimLeft(strings.TrimSpace(rest), ": \t")
		}
	}
	return "unknown CPU"
}
