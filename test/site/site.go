// Package site runs shipper as its users do, for the tests that judge the whole:
// the built binary, real files, real processes, real kill -9. A Site is an agent
// and an indexer; an Oracle writes numbered lines and asks the indexer for every
// one of them. None of it may be called from several goroutines of a test, but
// an Oracle may write in a goroutine of its own.
package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Main builds shipper with the build tags given, sets binary to its path, runs
// the tests of m and returns their exit code. Paths are those of a package two
// directories below the repository's root. What is tested under the race detector
// is built with it, but for builds with tags: they have fail points, and bounds of
// memory and time that are an ordinary build's.
func Main(m *testing.M, binary *string, tags ...string) (code int, err error) {
	dir, err := os.MkdirTemp("", "shipper-test-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	*binary = filepath.Join(dir, "shipper")
	build := exec.Command("go", "build", "-tags", strings.Join(tags, ","), "-o", *binary, "shipper/cmd/shipper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if raced && len(tags) == 0 {
		build.Args = slices.Insert(build.Args, 2, "-race")
		build.Env = os.Environ()
	}
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build shipper: %w\n%s", err, out)
	}
	if err := readSources("../../go.mod", "../../cmd", "../../internal"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// readSources opens what the binary is built from: go test caches a result until
// a file that the test opened changes, and cannot know of the build.
func readSources(paths ...string) error {
	for _, p := range paths {
		err := filepath.WalkDir(p, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" && filepath.Base(path) != "go.mod" {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			return f.Close()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Log collects the output of all runs of one program. Safe for concurrent use.
type Log struct {
	mu  sync.Mutex
	buf []byte
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p...)
	return len(p), nil
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf)
}

// Tail returns the end of l.
func (l *Log) Tail() string {
	s := l.String()
	return s[max(0, len(s)-6000):]
}

// Process is a running program.
type Process struct {
	PID  int
	cmd  *exec.Cmd
	done chan error
	log  *Log
}

// Start runs a program; it is killed at the end of the test. env is added to the
// environment of the test.
func Start(t *testing.T, log *Log, env []string, program string, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(program, args...), done: make(chan error, 1), log: log}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.PID = p.cmd.Process.Pid
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.Kill()
		if raced && strings.Contains(log.String(), "WARNING: DATA RACE") {
			t.Errorf("a data race:\n%s", log)
		}
	})
	return p
}

// Kill ends p as a crash would and waits for its end.
func (p *Process) Kill() {
	if p.done == nil {
		return
	}
	p.Signal(syscall.SIGKILL)
	<-p.done
	p.done = nil
}

// Signal sends sig to p.
func (p *Process) Signal(sig os.Signal) { p.cmd.Process.Signal(sig) }

// Stop asks p to end and returns its exit code.
func (p *Process) Stop(t *testing.T) int {
	t.Helper()
	p.Signal(syscall.SIGTERM)
	return p.Wait(t)
}

// Wait waits for the end of p and returns its exit code, -1 if a signal ended
// it. It fails the test and kills p if that takes more than a minute.
func (p *Process) Wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		t.Errorf("%s did not end within a minute:\n%s", p.cmd.Args[1], p.log)
		p.Signal(syscall.SIGKILL)
		<-p.done
	}
	p.done = nil
	return p.cmd.ProcessState.ExitCode()
}

// FreePort returns an address on loopback that nobody listens on. Its host is
// hardly another one's, so that no connection takes the port meanwhile.
func FreePort(t *testing.T) string {
	t.Helper()
	host := net.IPv4(127, byte(1+rand.IntN(254)), byte(rand.IntN(256)), byte(1+rand.IntN(254)))
	l, err := net.Listen("tcp", net.JoinHostPort(host.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Site is an agent and an indexer with their directories.
type Site struct {
	Binary             string   // of shipper
	Env, IndexEnv      []string // of the agent and of the indexer, beside that of the test
	Wrap               []string // a command that runs the agent, before its own
	Dir, Logs          string   // of all; of the files that are followed, Logs/*.log
	Config             string   // the agent's file
	IndexAddr, Metrics string   // addresses of the indexer and of the agent
	AgentLog, IndexLog *Log
	Patience           time.Duration // of AwaitDrained
	Seen               Books         // the last ones that Books returned
}

// New makes a site; its agent ships to url, or to the indexer if url is empty.
// extra is added to the agent's configuration, whose last key is outputs.
func New(t *testing.T, binary, url, extra string) *Site {
	t.Helper()
	s := &Site{Binary: binary, Dir: t.TempDir(), IndexAddr: FreePort(t), Metrics: FreePort(t), AgentLog: new(Log), IndexLog: new(Log), Patience: 2 * time.Minute}
	s.Logs = filepath.Join(s.Dir, "logs")
	s.Config = filepath.Join(s.Dir, "shipper.yaml")
	if err := os.Mkdir(s.Logs, 0o755); err != nil {
		t.Fatal(err)
	}
	if url == "" {
		url = s.URL()
	}
	yaml := fmt.Sprintf(`data_dir: %s
listen: %s
inputs:
  - name: app
    file: {paths: ["%s/*.log"]}
outputs:
  - name: index
    native: {url: %s}
%s`, s.AgentDir(), s.Metrics, s.Logs, url, extra)
	if err := os.WriteFile(s.Config, []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("agent:\n%s\nindexer:\n%s", s.AgentLog.Tail(), s.IndexLog.Tail())
		}
	})
	return s
}

// URL is where the indexer listens.
func (s *Site) URL() string { return "http://" + s.IndexAddr }

// AgentDir is the agent's data directory, IndexDir the indexer's.
func (s *Site) AgentDir() string { return filepath.Join(s.Dir, "agent") }
func (s *Site) IndexDir() string { return filepath.Join(s.Dir, "index") }

// SetOutput replaces the outputs of the configuration by one.
func (s *Site) SetOutput(t *testing.T, output string) {
	t.Helper()
	text, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := bytes.Cut(text, []byte("outputs:"))
	if err := os.WriteFile(s.Config, fmt.Appendf(before, "outputs:\n  - name: index\n    %s\n", output), 0o644); err != nil {
		t.Fatal(err)
	}
}

// StartAgent starts the agent; it may not be ready yet.
func (s *Site) StartAgent(t *testing.T) *Process {
	t.Helper()
	args := slices.Concat(s.Wrap, []string{s.Binary, "run", "--config", s.Config})
	return Start(t, s.AgentLog, s.Env, args[0], args[1:]...)
}

// StartIndexer starts the indexer, with further arguments, and waits until it is ready.
func (s *Site) StartIndexer(t *testing.T, args ...string) *Process {
	t.Helper()
	args = append([]string{"index", "--data", s.IndexDir(), "--listen", s.IndexAddr}, args...)
	p := Start(t, s.IndexLog, s.IndexEnv, s.Binary, args...)
	Await(t, "the indexer to be ready", func() bool { return Status(s.URL()+"/ready") == 200 })
	return p
}

// impatient asks who may be stopped, or on its way down.
var impatient = &http.Client{Timeout: 15 * time.Second}

// Status returns the status of a GET of url, 0 without an answer.
func Status(url string) int {
	resp, err := impatient.Get(url)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Await waits until ok, at most a minute: machines that test are busy.
func Await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited a minute for %s", what)
}

// AwaitLog waits for the agent's log to have each of texts. It arrives through a
// pipe: what the agent does next may be seen before it.
func (s *Site) AwaitLog(t *testing.T, texts ...string) {
	t.Helper()
	awaitLog(t, "agent", s.AgentLog, texts)
}

// AwaitIndexLog is AwaitLog for the indexer's log.
func (s *Site) AwaitIndexLog(t *testing.T, texts ...string) {
	t.Helper()
	awaitLog(t, "indexer", s.IndexLog, texts)
}

func awaitLog(t *testing.T, whose string, log *Log, texts []string) {
	t.Helper()
	for _, text := range texts {
		Await(t, fmt.Sprintf("the %s to log %q", whose, text), func() bool { return strings.Contains(log.String(), text) })
	}
}

// Books are the agent's accounts.
type Books struct {
	Files []struct {
		Input, File                 string
		Read, Queued, Dropped, Lost int64
		Records                     int64
	}
	Total struct{ Read, Queued, Dropped, Lost, Records int64 }
}

// Books asks the agent for its books.
func (s *Site) Books(t *testing.T) Books {
	t.Helper()
	b, err := s.AskBooks()
	if err != nil {
		t.Fatal(err)
	}
	s.Seen = b
	return b
}

// AskBooks asks the agent, who may be down or have trouble with its disk, for its books.
func (s *Site) AskBooks() (b Books, err error) {
	resp, err := impatient.Get("http://" + s.Metrics + "/books")
	if err != nil {
		return b, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return b, fmt.Errorf("books: %s", resp.Status)
	}
	return b, json.NewDecoder(resp.Body).Decode(&b)
}

// Begin writes the first lines of o and waits until the agent has read them: a
// file that was rotated before the agent ever saw its name is not its to find.
func (s *Site) Begin(t *testing.T, o *Oracle) {
	t.Helper()
	o.Write(t, 100)
	Await(t, "the agent to follow "+o.Path, func() bool {
		b, err := s.AskBooks()
		return err == nil && b.Total.Read > 0
	})
}

// Metric returns a sample of the agent's metrics, by its whole name, 0 if it is not there.
func (s *Site) Metric(t *testing.T, name string) float64 {
	t.Helper()
	return metric(Get(t, "http://"+s.Metrics+"/metrics"), name)
}

// IndexMetric returns a sample of the indexer's metrics, by its whole name, 0 if it is not there.
func (s *Site) IndexMetric(t *testing.T, name string) float64 {
	t.Helper()
	return metric(Get(t, s.URL()+"/metrics"), name)
}

func metric(text []byte, name string) (v float64) {
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			fmt.Sscan(rest, &v)
		}
	}
	return v
}

// Delivered reports whether an output lacks nothing: an agent that cannot tell has no
// such sample.
func (s *Site) Delivered(t *testing.T, output string) bool {
	t.Helper()
	return bytes.Contains(Get(t, "http://"+s.Metrics+"/metrics"), fmt.Appendf(nil, "\nshipper_queue_undelivered_blocks{output=%q} 0\n", output))
}

// AwaitDrained waits until the agent has read n bytes, as its books say, and
// has nothing left to deliver to the output index.
func (s *Site) AwaitDrained(t *testing.T, n int64) {
	t.Helper()
	end := time.Now().Add(s.Patience)
	for {
		if Status("http://"+s.Metrics+"/healthz") == 200 {
			b, err := s.AskBooks()
			if err == nil && b.Total.Read >= n && s.Delivered(t, "index") {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("not drained: %+v of %d bytes, %v", b.Total, n, err)
			}
		} else if time.Now().After(end) {
			t.Fatal("the agent does not answer")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
