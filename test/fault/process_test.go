package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"shipper/test/site"
)

// TestProcess has what happens to a process: its surroundings, its rights, its
// data directory.
func TestProcess(t *testing.T) {
	run(t, []row{
		{103, "its own log within what it follows", ownLogFollowed},
		{105, "the configuration changes while the agent starts", func(t *testing.T) { reloadAtStart(t, false) }},
		{105, "SIGHUP while the agent starts", func(t *testing.T) { reloadAtStart(t, true) }},
		{107, "nobody reads what it writes", nobodyReads},
		{107, "standard input is closed", closedInput},
		{107, "the disk of its log is full", fullLog},
		{108, "a user who may not read a file, until he may", noPermission},
		{113, "two agents with copies of one data directory", cloned},
		{114, "a data directory put back from a backup", restored},
		{115, "a pipe among the files, and one as standard input", pipes},
		{115, "a pipe that writers come to and leave, its reader killed and told to stop", pipeWithWriters},
	})
}

// ownLogFollowed: an agent that follows its own log never comes to an end.
func ownLogFollowed(t *testing.T) {
	s := site.New(t, binary, "", "")
	log, err := os.Create(filepath.Join(s.Logs, "own.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(binary, "run", "--config", s.Config)
	cmd.Stderr = log
	err = cmd.Run()
	text, _ := os.ReadFile(log.Name())
	if err == nil || !strings.Contains(string(text), "own.log") {
		t.Errorf("error %v, said:\n%s", err, text)
	}
}

// nobodyReads closes the other end of what the agent writes to.
func nobodyReads(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "run", "--config", s.Config)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	w.Close()
	r.Close()
	o := site.NewOracle(s.Logs, "w", site.Rename, 1000)
	s.Begin(t, o)
	cmd.Process.Signal(syscall.SIGHUP) // it has something to say
	site.Await(t, "the reload", func() bool { return s.Metric(t, `shipper_config_reloads_total{result="ok"}`) > 0 })
	o.Write(t, 5000)
	settle(t, s, o)
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the agent ended with %v", err)
	}
}

func closedInput(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	s.Wrap = []string{"sh", "-c", `exec "$0" "$@" <&-`}
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 1000)
	s.Begin(t, o)
	o.Write(t, 2000)
	settle(t, s, o)
}

// fullLog has every write of the agent to its log fail.
func fullLog(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	s.Wrap = []string{"sh", "-c", `exec "$0" "$@" >/dev/full 2>&1`}
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 1000)
	s.Begin(t, o)
	agent.Signal(syscall.SIGHUP) // it has something to say
	site.Await(t, "the reload", func() bool { return s.Metric(t, `shipper_config_reloads_total{result="ok"}`) > 0 })
	o.Write(t, 2000)
	settle(t, s, o)
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
}

// reloadAtStart wants what comes when the agent has read its configuration, and is
// not ready yet, to be seen to.
func reloadAtStart(t *testing.T, hangup bool) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	s.Env = []string{"SHIPPER_FAIL=agent.start=stop"}
	agent := s.StartAgent(t)
	site.Await(t, "the agent to be stopped", func() bool { return stopped(agent) })
	input := "app"
	if hangup {
		agent.Signal(syscall.SIGHUP)
	} else {
		input = "other"
		edit(t, s, "- name: app\n", "- name: other\n")
	}
	agent.Signal(syscall.SIGCONT)
	site.Await(t, "the reload", func() bool {
		return site.Status("http://"+s.Metrics+"/healthz") == 200 && s.Metric(t, `shipper_config_reloads_total{result="ok"}`) > 0
	})
	o := site.NewOracle(s.Logs, "w", site.Rename, 1000)
	o.Write(t, 3000)
	settle(t, s, o)
	for _, f := range s.Books(t).Files {
		if f.Input != input {
			t.Errorf("%s is of input %s", f.File, f.Input)
		}
	}
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
}

// noPermission runs the agent as somebody who may not read one of two files.
func noPermission(t *testing.T) {
	needRoot(t, "running as another user")
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	for path := s.Dir; path != "/tmp" && path != "/"; path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(s.AgentDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(s.AgentDir(), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	runner := filepath.Join(s.Dir, "shipper") // the binary's own directory is closed to others
	command(t, "cp", binary, runner)
	s.Binary = runner
	s.Wrap = []string{need(t, "setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"}
	closed, open := site.NewOracle(s.Logs, "closed", site.Never, 0), site.NewOracle(s.Logs, "open", site.Never, 0)
	closed.Write(t, 1000)
	if err := os.Chmod(closed.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	s.StartAgent(t)
	s.Begin(t, open)
	site.Await(t, "the file to be counted as unreadable", func() bool {
		return s.Metric(t, `shipper_files_unreadable{input="app"}`) == 1
	})
	says(t, s, closed.Path, "permission denied")
	open.Write(t, 1000)
	if err := os.Chmod(closed.Path, 0o644); err != nil {
		t.Fatal(err)
	}
	settle(t, s, open, closed)
}

// cloned is an image of a machine on which an agent has run already, started twice.
func cloned(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "first", site.Never, 0)
	s.Begin(t, o)
	o.Write(t, 1000)
	settle(t, s, o)
	agent.Stop(t)
	before := o.Bytes.Load()

	c := site.New(t, binary, s.URL(), "")
	c.IndexAddr = s.IndexAddr
	command(t, "cp", "-r", s.AgentDir(), c.AgentDir())
	s.StartAgent(t)
	c.StartAgent(t)
	p := site.NewOracle(c.Logs, "second", site.Never, 0)
	site.Await(t, "both to run", func() bool {
		return site.Status("http://"+s.Metrics+"/healthz") == 200 && site.Status("http://"+c.Metrics+"/healthz") == 200
	})
	p.Write(t, 3000)
	o.Write(t, 3000)
	s.AwaitDrained(t, o.Bytes.Load())
	c.AwaitDrained(t, before+p.Bytes.Load()) // its books begin with those it was copied with
	site.Want(t, o, o.Check(t, s.URL()))
	site.Want(t, p, p.Check(t, s.URL()))
}

// restored puts back the data directory of an agent that went on meanwhile.
func restored(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	s.Begin(t, o)
	o.Write(t, 1000)
	settle(t, s, o)
	agent.Stop(t)
	backup := filepath.Join(s.Dir, "backup")
	command(t, "cp", "-r", s.AgentDir(), backup)
	agent = s.StartAgent(t)
	o.Write(t, 3000)
	settle(t, s, o)
	agent.Kill()
	if err := os.RemoveAll(s.AgentDir()); err != nil {
		t.Fatal(err)
	}
	command(t, "mv", backup, s.AgentDir())
	s.StartAgent(t)
	o.Write(t, 1000)
	s.AwaitDrained(t, o.Bytes.Load())
	v := o.Check(t, s.URL())
	if v.Missing+v.Torn+v.Disorder > 0 {
		t.Error(v)
	}
	ids, records := map[string]bool{}, 0
	q := url.Values{"query": {`{writer="w"}`}, "start": {"0"}, "limit": {"100000"}}
	for line := range bytes.Lines(site.Get(t, s.URL()+"/api/v1/records?"+q.Encode())) {
		var r struct{ ID string }
		if err := json.Unmarshal(line, &r); err != nil || r.ID == "" {
			t.Fatalf("%s: error %v", line, err)
		}
		ids[r.ID] = true
		records++
	}
	if len(ids) != o.Seq || records != v.Found+v.Repeated {
		t.Errorf("%d IDs of %d records, want %d of %d", len(ids), records, o.Seq, v.Found+v.Repeated)
	}
	t.Log(v)
}

func pipes(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	fifo := filepath.Join(s.Logs, "pipe.log")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 1000)
	s.Begin(t, o)
	o.Write(t, 2000)
	settle(t, s, o)
	if n := s.Metric(t, `shipper_files_skipped{input="app"}`); n != 1 {
		t.Errorf("%v files are said to be skipped", n)
	}
	s.AwaitLog(t, fifo)
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	out, err := exec.Command("sh", "-c", `mkfifo "$1/in" && { printf 'level=info msg=one\nlevel=info msg=two\n' >"$1/in" & "$0" parse <"$1/in"; }`, binary, s.Dir).CombinedOutput()
	if err != nil || strings.Count(string(out), `"message"`) != 2 {
		t.Errorf("error %v:\n%s", err, out)
	}
	openPipe(t, s)
}

// openPipe stops an agent whose standard input stays open, with lines that still
// wait for what may belong to them.
func openPipe(t *testing.T, s *site.Site) {
	data, conf := filepath.Join(s.Dir, "pipe"), filepath.Join(s.Dir, "pipe.yaml")
	text := fmt.Sprintf("data_dir: %s\nlisten: \"off\"\ninputs: [{name: in, stdin: {}}]\noutputs: [{name: out, http: {url: \"http://127.0.0.1:1\"}, proxy: \"off\"}]\n", data)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var log bytes.Buffer
	agent := exec.Command(binary, "run", "--config", conf)
	agent.Stdin, agent.Stderr = r, &log
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.Process.Kill() })
	for _, lines := range []string{"level=info msg=one\n", "panic: two\n\ngoroutine 1 [running]:\n"} {
		if _, err := w.WriteString(lines); err != nil {
			t.Fatal(err)
		}
		site.Await(t, "the lines to be read", func() bool {
			n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
			return err == nil && n == 0
		})
	}
	agent.Process.Signal(syscall.SIGTERM)
	if err := agent.Wait(); err != nil {
		t.Errorf("the agent ended with %v:\n%s", err, log.String())
	}
	out, err := exec.Command(binary, "queue", "cat", "--data", data).CombinedOutput()
	if err != nil || strings.Count(string(out), `"message"`) != 2 {
		t.Errorf("in the queue, error %v:\n%s\nsaid:\n%s", err, out, log.String())
	}
}

// pipeWithWriters has an agent read a pipe that has no writer yet, then one, then
// two, then none, and again. It ends when it is told to, although the pipe does
// not, and what it had not taken when it was killed is there for the next one.
func pipeWithWriters(t *testing.T) {
	s := site.New(t, binary, "", "")
	text, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(text, []byte("\noutputs:"))
	before, _, _ := bytes.Cut(text, []byte("    file:"))
	if err := os.WriteFile(s.Config, slices.Concat(before, []byte("    stdin: {}\noutputs:"), after), 0o644); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(s.Dir, "in")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	s.StartIndexer(t)
	s.Wrap = []string{"sh", "-c", `exec "$0" "$@" <>"` + fifo + `"`} // open for writing, too: its end never comes
	agent := s.StartAgent(t)
	site.Await(t, "the agent", func() bool { return site.Status("http://"+s.Metrics+"/healthz") == 200 })
	one, two := site.NewOracle(s.Dir, "one", site.Never, 0), site.NewOracle(s.Dir, "two", site.Never, 0)
	one.Path, two.Path = fifo, fifo
	for range 3 { // writers that begin anew
		one.Write(t, 200)
		reopen(one)
		two.Write(t, 200)
		one.Write(t, 200)
	}
	s.AwaitDrained(t, one.Bytes.Load()+two.Bytes.Load())
	site.Want(t, one, one.Check(t, s.URL()))
	site.Want(t, two, two.Check(t, s.URL()))
	keep, err := os.OpenFile(fifo, os.O_RDWR, 0) // what is in a pipe nobody has open is gone
	if err != nil {
		t.Fatal(err)
	}
	defer keep.Close()
	agent.Kill()
	one.Write(t, 100) // less than a pipe holds
	agent = s.StartAgent(t)
	settle(t, s, one, two)
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
}
