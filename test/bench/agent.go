package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// agent is a running shipper agent.
type agent struct {
	cmd     *exec.Cmd
	start   time.Time
	metrics string // address
	log     string // path
}

// startAgent starts an agent that reads the files of glob into a queue in dir
// and ships to url.
func (b *bench) startAgent(dir, glob, url string, extra string) (*agent, error) {
	return b.startWith(dir, glob, "  - name: out\n    native: {url: "+url+"}\n"+extra)
}

// startWith starts an agent with the outputs given, as YAML.
func (b *bench) startWith(dir, glob, outputs string) (*agent, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	a := &agent{metrics: freeAddress(), log: filepath.Join(dir, "agent.log")}
	config := filepath.Join(dir, "shipper.yaml")
	yaml := fmt.Sprintf(`data_dir: %s/data
listen: %s
inputs:
  - name: app
    file: {paths: ["%s"]}
outputs:
%s`, dir, a.metrics, glob, outputs)
	if err := os.WriteFile(config, []byte(yaml), 0o644); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(a.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	a.cmd = exec.Command(b.binary, "run", "--config", config)
	a.cmd.Stdout, a.cmd.Stderr = log, log
	a.start = time.Now()
	return a, a.cmd.Start()
}

// stop ends the agent and returns what it cost from start to end.
func (a *agent) stop() (cost, error) {
	a.cmd.Process.Signal(syscall.SIGTERM)
	err := a.cmd.Wait()
	if err != nil {
		log, _ := os.ReadFile(a.log)
		err = fmt.Errorf("agent: %w\n%s", err, log)
	}
	return costOf(a.cmd, a.start), err
}

// ready waits until the agent says it is.
func (a *agent) ready() error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if resp, err := http.Get("http://" + a.metrics + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	log, _ := os.ReadFile(a.log)
	return fmt.Errorf("agent not ready within a minute\n%s", log)
}

// cpu returns the CPU-seconds a running process has used.
func cpu(pid int) float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100
}

// memory returns a line of a running process's status, VmRSS or VmHWM, in bytes.
func memory(pid int, what string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(err)
	defer l.Close()
	return l.Addr().String()
}

// sink measures the agent from the file to an acknowledged HTTP sink, with the
// queue fsynced on the way.
func (b *bench) sink() error {
	return b.toSink("file to acked HTTP sink", "sink", "")
}

// rules measures the same with redaction, and with ten rules besides, none of
// which sends a record elsewhere: the load is to arrive as a whole.
func (b *bench) rules() error {
	const redact = "redact: [{detect: [\"*\"]}]\n"
	const rules = `rules:
  - {name: health, match: '{} | url_path="/healthz"', drop: true}
  - {name: archive, to: [out], continue: true}
  - {name: slow, match: '{} | latency > 3', to: [out]}
  - {name: timeouts, match: '{service_name="orders"} |= "timeout"', to: [out]}
  - {name: codes, match: '{service_name=~"orders|stock"} | http_response_status_code >= 500', to: [out]}
  - {name: team, match: '{team="a"}', to: [out]}
  - {name: logger, match: '{logger=~"db|cache"}', to: [out]}
  - {name: payments, match: '{service_name="payments"} |= "no such text"', to: [out]}
  - {name: debug, match: '{level="debug", service_name="none"}', drop: true}
  - {name: errors, match: '{level=~"error|fatal"}', to: ["*"]}
`
	if err := b.toSink("all detectors", "redact", redact); err != nil {
		return err
	}
	return b.toSink("ten rules, all detectors", "rules", rules+redact)
}

// toSink is sink with more in the configuration.
func (b *bench) toSink(what, dir, extra string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	received := filepath.Join(b.dir, "received-"+dir)
	sink := exec.Command(exe, "child-sink", strconv.Itoa(b.lines), received)
	sink.Stderr = os.Stderr
	pipe, err := sink.StdoutPipe()
	if err != nil {
		return err
	}
	if err := sink.Start(); err != nil {
		return err
	}
	defer func() { sink.Process.Kill(); sink.Wait() }()
	lines := bufio.NewScanner(pipe)
	if !lines.Scan() {
		return fmt.Errorf("the sink did not start")
	}
	a, err := b.startAgent(filepath.Join(b.dir, dir), b.file, "http://"+lines.Text(), extra)
	if err != nil {
		return err
	}
	if !lines.Scan() || lines.Text() != "done" {
		a.stop()
		return fmt.Errorf("the sink ended early")
	}
	wall := time.Since(a.start)
	idle := b.settle(a)
	c, err := a.stop()
	if err != nil {
		return err
	}
	c.wall = wall
	missing, repeated, err := countReceived(received, b.lines)
	if err != nil {
		return err
	}
	b.row("agent: "+what, c, missing, repeated,
		fmt.Sprintf("%.0f MiB resident 11 s later; %s on the wire", float64(idle)/(1<<20), megabytes(received)))
	return nil
}

// settle waits until an idle agent has given memory back, which takes it up to ten
// seconds, and returns what it has resident then.
func (b *bench) settle(a *agent) int64 {
	time.Sleep(11 * time.Second)
	return memory(a.cmd.Process.Pid, "VmRSS")
}

func megabytes(path string) string {
	return fmt.Sprintf("%.1f MB", float64(diskUsage(path))/1e6)
}

// idleFiles measures an agent that follows 1,000 files nobody writes to.
func (b *bench) idleFiles() error {
	logs := filepath.Join(b.dir, "idle", "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	for i := range 1000 {
		text := strings.Repeat(fmt.Sprintf("{\"level\":\"info\",\"ts\":1795414799.5,\"msg\":\"line of file %d\"}\n", i), 10)
		if err := os.WriteFile(filepath.Join(logs, fmt.Sprintf("%04d.log", i)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	sink := discard()
	defer sink.Close()
	a, err := b.startAgent(filepath.Join(b.dir, "idle"), logs+"/*.log", "http://"+sink.Addr().String(), "")
	if err != nil {
		return err
	}
	if err := a.ready(); err != nil {
		return err
	}
	time.Sleep(10 * time.Second) // all is read, and the last collection done
	before, since := cpu(a.cmd.Process.Pid), time.Now()
	time.Sleep(b.idle)
	used := cpu(a.cmd.Process.Pid) - before
	wall := time.Since(since)
	rss := memory(a.cmd.Process.Pid, "VmRSS")
	if _, err := a.stop(); err != nil {
		return err
	}
	b.row("agent: 1,000 idle files", cost{cpu: used, wall: wall, rss: rss}, -1, -1,
		fmt.Sprintf("%.2f %% of a core; RSS is the one at the end", 100*used/wall.Seconds()))
	return nil
}

// discard is an HTTP server that takes connections and accepts nothing, so the
// agent's retries are part of its idling.
func discard() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(err)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		http.Error(w, "not now", http.StatusServiceUnavailable)
	}))
	return l
}

// restart measures how soon an agent is ready on a large backlog.
func (b *bench) restart() error {
	dir := filepath.Join(b.dir, "restart")
	logs := filepath.Join(dir, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	url := "http://" + freeAddress() // where nobody listens
	extra := fmt.Sprintf("queue: {max_bytes: %d}\n", 4*b.backlog)
	a, err := b.startAgent(dir, logs+"/*.log", url, extra)
	if err != nil {
		return err
	}
	written, err := fillBacklog(filepath.Join(logs, "noise.log"), filepath.Join(dir, "data"), b.backlog)
	if err != nil {
		return err
	}
	if _, err := a.stop(); err != nil {
		return err
	}
	for _, how := range []string{"after a clean stop", "after kill -9"} {
		a, err := b.startAgent(dir, logs+"/*.log", url, extra)
		if err != nil {
			return err
		}
		if err := a.ready(); err != nil {
			return err
		}
		ready := time.Since(a.start)
		used := cpu(a.cmd.Process.Pid)
		time.Sleep(2 * time.Second)
		peak := memory(a.cmd.Process.Pid, "VmHWM")
		if how == "after a clean stop" {
			a.cmd.Process.Kill() // for the next round
			a.cmd.Wait()
		} else if _, err := a.stop(); err != nil {
			return err
		}
		b.row("agent: restart on a backlog, "+how, cost{cpu: used, wall: ready, rss: peak}, -1, -1,
			fmt.Sprintf("ready after %d ms; %s queued of %.1f GB of lines", ready.Milliseconds(), megabytes(filepath.Join(dir, "data")), float64(written)/1e9))
	}
	return nil
}
