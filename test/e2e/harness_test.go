// Package e2e drives the built binary: real files, real processes, real
// kill -9. An oracle numbers the lines it writes and the indexer is asked for
// every one of them.
package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var binary string // of shipper, built by TestMain

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "shipper-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "shipper")
	build := exec.Command("go", "build", "-o", binary, "shipper/cmd/shipper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build shipper: %v\n%s", err, out)
		os.Exit(1)
	}
	if err := readSources("../../go.mod", "../../cmd", "../../internal"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
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

// process is a running shipper.
type process struct {
	cmd  *exec.Cmd
	done chan error
	log  *logFile
}

// logFile collects the output of all runs of one program.
type logFile struct {
	mu  sync.Mutex
	buf []byte
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p...)
	return len(p), nil
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf)
}

// start runs shipper with args; the process is killed at the end of the test.
func start(t *testing.T, log *logFile, args ...string) *process {
	t.Helper()
	return startProgram(t, log, binary, args...)
}

func startProgram(t *testing.T, log *logFile, program string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), done: make(chan error, 1), log: log}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(p.kill)
	return p
}

// kill ends p as a crash would and waits for its end.
func (p *process) kill() {
	if p.done == nil {
		return
	}
	p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
	p.done = nil
}

// stop asks p to end and reports its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Errorf("%s did not end within 30 s of SIGTERM:\n%s", p.cmd.Args[1], p.log)
		p.cmd.Process.Signal(syscall.SIGKILL)
		<-p.done
	}
	p.done = nil
	return p.cmd.ProcessState.ExitCode()
}

// freePort returns an address on loopback that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// site is an agent and an indexer with their directories.
type site struct {
	dir, logs          string
	config             string
	indexAddr, metrics string
	agentLog, indexLog *logFile
}

// newSite makes a site; the agent ships to url, or to the indexer if url is empty.
func newSite(t *testing.T, url, extra string) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), indexAddr: freePort(t), metrics: freePort(t), agentLog: new(logFile), indexLog: new(logFile)}
	s.logs = filepath.Join(s.dir, "logs")
	s.config = filepath.Join(s.dir, "shipper.yaml")
	if err := os.Mkdir(s.logs, 0o755); err != nil {
		t.Fatal(err)
	}
	if url == "" {
		url = s.url()
	}
	yaml := fmt.Sprintf(`data_dir: %s/agent
listen: %s
inputs:
  - name: app
    file: {paths: ["%s/*.log"]}
outputs:
  - name: index
    native: {url: %s}
%s`, s.dir, s.metrics, s.logs, url, extra)
	if err := os.WriteFile(s.config, []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("agent:\n%s\nindexer:\n%s", tail(s.agentLog.String()), tail(s.indexLog.String()))
		}
	})
	return s
}

func tail(s string) string { return s[max(0, len(s)-6000):] }

func (s *site) url() string { return "http://" + s.indexAddr }

func (s *site) startAgent(t *testing.T) *process {
	t.Helper()
	return start(t, s.agentLog, "run", "--config", s.config)
}

func (s *site) startIndexer(t *testing.T) *process {
	t.Helper()
	p := start(t, s.indexLog, "index", "--data", filepath.Join(s.dir, "index"), "--listen", s.indexAddr)
	await(t, "the indexer to be ready", func() bool { return status(s.url()+"/ready") == 200 })
	return p
}

func status(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// await waits until ok, at most 20 s.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited 20 s for %s", what)
}

// books are the agent's accounts.
type books struct {
	Files []struct {
		Input, File                 string
		Read, Queued, Dropped, Lost int64
		Records                     int64
	}
	Total struct{ Read, Queued, Dropped, Lost, Records int64 }
}

func (s *site) books(t *testing.T) books {
	t.Helper()
	var b books
	if err := json.Unmarshal(get(t, "http://"+s.metrics+"/books"), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// begin writes the first lines of o and waits until the agent has read them: a
// file that was rotated before the agent ever saw its name is not its to find.
func (s *site) begin(t *testing.T, o *oracle) {
	t.Helper()
	o.write(t, 100)
	await(t, "the agent to follow "+o.path, func() bool {
		return status("http://"+s.metrics+"/healthz") == 200 && s.books(t).Total.Read > 0
	})
}

// metric returns a sample of the agent's metrics, by its whole name, 0 if it is not there.
func (s *site) metric(t *testing.T, name string) float64 {
	t.Helper()
	for line := range strings.Lines(string(get(t, "http://"+s.metrics+"/metrics"))) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			var v float64
			fmt.Sscan(rest, &v)
			return v
		}
	}
	return 0
}

// awaitDrained waits until the agent has read n bytes, as its books say, and
// has nothing left to deliver.
func (s *site) awaitDrained(t *testing.T, n int64) {
	t.Helper()
	end := time.Now().Add(drainLimit)
	for {
		if status("http://"+s.metrics+"/healthz") == 200 {
			b := s.books(t)
			if b.Total.Read >= n && s.metric(t, `shipper_queue_undelivered_blocks{output="index"}`) == 0 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("not drained: %+v of %d bytes", b.Total, n)
			}
		} else if time.Now().After(end) {
			t.Fatal("the agent does not answer")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// drainLimit is how long a test waits for all to be delivered.
const drainLimit = 40 * time.Second
