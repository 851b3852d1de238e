package fault

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipper/test/site"
)

// TestCrash kills the agent at each step of a record's way.
func TestCrash(t *testing.T) {
	var rows []row
	for _, point := range []string{
		"tail.read.before@7", "tail.read.after@7", "agent.commit.before@5", "queue.log.synced@5", "queue.commit.tx@5",
		"queue.commit.after@5", "agent.commit.after@5", "deliver.send@3", "deliver.answered@3", "queue.ack.before@3", "queue.ack.tx@2",
		"blocklog.segment.created@2", "blocklog.segment.remove",
	} {
		rows = append(rows, row{58, "killed at " + point, func(t *testing.T) { killAt(t, point) }})
	}
	for n := 1; n <= 4; n++ {
		rows = append(rows,
			row{58, fmt.Sprintf("killed within the commit of the index, before sync %d", n), func(t *testing.T) { killInIndex(t, "fdatasync", n) }},
			row{58, fmt.Sprintf("killed within the commit of the index, before write %d", n), func(t *testing.T) { killInIndex(t, "pwrite64", 2*n) }})
	}
	rows = append(rows,
		row{58, "killed with a request stored and not answered", func(t *testing.T) { killBehindRequest(t, false) }},
		row{58, "killed with a request answered and not acknowledged", func(t *testing.T) { killBehindRequest(t, true) }},
		row{58, "killed in the commits of its first start", killAtFirstStart},
		row{58, "killed while it stops", killWhileStopping},
		row{58, "killed between the outputs and the inputs of a new configuration", func(t *testing.T) { killInReload(t, "agent.reload.outputs@2") }},
		row{58, "killed behind the inputs of a new configuration", func(t *testing.T) { killInReload(t, "agent.reload.inputs@2") }},
	)
	rows = append(rows,
		row{59, "killed at random, again and again", killAtRandom},
		row{60, "told to stop while no output answers", stopWithoutOutput},
		row{61, "a panic", panics},
		row{63, "a panic at each start", panicsAtEachStart},
	)
	run(t, rows)
}

// killAt has the agent kill itself at a fail point while a writer writes and
// rotates, and starts it again without.
func killAt(t *testing.T, point string) {
	s := site.New(t, binary, "", "queue: {max_bytes: 16MiB}\n")
	s.StartIndexer(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	o.Noise = true // segments fill up
	s.Env = []string{"SHIPPER_FAIL=" + name(point) + "=kill" + when(point)}
	agent := s.StartAgent(t)
	end := keepWriting(t, o, 20)
	if code := agent.Wait(t); code != -1 {
		t.Errorf("the agent ended with %d", code)
	}
	end()
	s.Env = nil
	s.StartAgent(t)
	settle(t, s, o)
}

// keepWriting writes a thousand lines at a time, least times and then until end is
// called, so that there are several reads, commits and requests.
func keepWriting(t *testing.T, o *site.Oracle, least int) (end func()) {
	killed, ended := make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		for alive, n := true, 0; n < least || alive && n < 400; n++ {
			o.Write(t, 1000)
			select {
			case <-killed:
				alive = false
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() { close(killed); <-ended }
}

// killInIndex kills the agent before a system call of a thread of its on the
// index: a transaction writes and syncs pages, then the page that makes them valid.
func killInIndex(t *testing.T, call string, n int) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	inject(t, agent, filepath.Join(s.AgentDir(), "index.db"), call, fmt.Sprintf("signal=SIGKILL:when=%d", n))
	site.Await(t, "the agent to be killed", func() bool {
		o.Write(t, 500)
		return site.Status("http://"+s.Metrics+"/healthz") == 0
	})
	if code := agent.Wait(t); code != -1 {
		t.Errorf("the agent ended with %d", code)
	}
	s.StartAgent(t)
	settle(t, s, o)
}

// killBehindRequest kills the agent when the receiver has stored a request: it
// comes again, under its key and the same to the byte.
func killBehindRequest(t *testing.T, answered bool) {
	srv := &server{}
	stored := make(chan bool)
	srv.script = func(n int) act {
		if n != 3 {
			return good
		}
		return spoil(func(c *call) bool {
			code, answer := c.store(c.body())
			if answered {
				return c.reply(code, "", answer)
			}
			close(stored)
			return c.hang()
		})
	}
	s := site.New(t, binary, "", "")
	if answered {
		s.Env = []string{"SHIPPER_FAIL=deliver.answered=kill@4"}
		close(stored)
	}
	srv.target = s.URL()
	serve(t, srv)
	shipTo(t, s, srv.url(), "")
	edit(t, s, "timeout: 1s", "timeout: 20s") // the fourth answer is that of the fourth request
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	site.Await(t, "four requests", func() bool {
		o.Write(t, 500)
		return srv.requests.Load() > 3
	})
	<-stored
	if answered {
		if code := agent.Wait(t); code != -1 {
			t.Errorf("the agent ended with %d", code)
		}
	} else {
		agent.Kill()
	}
	s.Env = nil
	s.StartAgent(t)
	settle(t, s, o)
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.again == 0 {
		t.Error("no block came twice")
	}
}

// name and when are the parts of a point that is given as name@when.
func name(point string) string { n, _, _ := strings.Cut(point, "@"); return n }
func when(point string) string { return strings.TrimPrefix(point, name(point)) }

// killAtFirstStart kills the agent in the first commit of its first start, when it
// must not have opened a file yet, and in the second, of which nothing is stored
// when its file is rotated.
func killAtFirstStart(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 300)
	o.Write(t, 100)
	s.Env = []string{"SHIPPER_FAIL=agent.commit.before=stop"}
	agent := s.StartAgent(t)
	awaitState(t, agent, "T")
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", agent.PID))
	if err != nil || len(open) == 0 {
		t.Fatalf("descriptors %v, error %v", open, err)
	}
	for _, fd := range open {
		if path, _ := os.Readlink(fd); path == o.Path {
			t.Error("the file is open before the time of the start is stored")
		}
	}
	agent.Kill()
	s.Env = []string{"SHIPPER_FAIL=agent.commit.before=stop@2"}
	agent = s.StartAgent(t)
	awaitState(t, agent, "T")
	o.Write(t, 200)
	agent.Kill()
	o.Write(t, 1000)
	s.Env = nil
	s.StartAgent(t)
	settle(t, s, o)
}

// killWhileStopping kills the agent between its last commit and the drain of its outputs.
func killWhileStopping(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.Env = []string{"SHIPPER_FAIL=agent.stop.drain=kill"}
	agent := s.StartAgent(t) // and no indexer yet: there is something to drain
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	o.Write(t, 20_000)
	if code := agent.Stop(t); code != -1 {
		t.Errorf("the agent ended with %d", code)
	}
	s.Env = nil
	o.Write(t, 1000)
	s.StartIndexer(t)
	s.StartAgent(t)
	settle(t, s, o)
}

// killInReload kills the agent within the change to another configuration.
func killInReload(t *testing.T, point string) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	s.Env = []string{"SHIPPER_FAIL=" + name(point) + "=kill" + when(point)}
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	o.Write(t, 5000)
	text, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("- name: app\n"), []byte("- name: app\n    labels: {changed: yes}\n"), 1)
	if err := os.WriteFile(s.Config, text, 0o644); err != nil {
		t.Fatal(err)
	}
	agent.Signal(syscall.SIGHUP)
	o.Write(t, 5000)
	if code := agent.Wait(t); code != -1 {
		t.Errorf("the agent ended with %d", code)
	}
	s.Env = nil
	s.StartAgent(t)
	o.Write(t, 1000)
	settle(t, s, o)
}

// killAtRandom kills the agent, and the indexer, wherever they are, while a writer
// writes and rotates: 20 times, 200 in make fault-all.
func killAtRandom(t *testing.T) {
	rounds := 20
	if all() {
		rounds = 200
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 59))
	s := site.New(t, binary, "", "")
	indexer, agent := s.StartIndexer(t), s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 3000)
	s.Begin(t, o)
	for i := range rounds {
		goal := s.Books(t).Total.Read + int64(random.IntN(300_000))
		site.Await(t, "some more to be read", func() bool {
			o.Write(t, random.IntN(500))
			return s.Books(t).Total.Read >= goal
		})
		if i%4 == 3 {
			indexer.Kill()
			indexer = s.StartIndexer(t)
		}
		agent.Kill()
		o.Write(t, random.IntN(500))
		agent = s.StartAgent(t)
		site.Await(t, "the agent to be up", func() bool { _, err := s.AskBooks(); return err == nil })
	}
	settle(t, s, o)
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	verified(t, s)
	t.Logf("%d lines", o.Seq)
}

func stopWithoutOutput(t *testing.T) {
	s := site.New(t, binary, "", "")
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	o.Write(t, 20_000)
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	if !strings.Contains(s.AgentLog.String(), "blocks left to deliver") {
		t.Error("the log does not say that there is something left")
	}
	s.StartIndexer(t)
	s.StartAgent(t)
	settle(t, s, o)
}

func panics(t *testing.T) {
	for _, point := range []string{"tail.read.after@5", "agent.commit.before@3", "deliver.answered@2"} {
		s := site.New(t, binary, "", "")
		s.StartIndexer(t)
		s.Env = []string{"SHIPPER_FAIL=" + name(point) + "=panic" + when(point)}
		agent := s.StartAgent(t)
		o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
		o.Write(t, 100)
		end := keepWriting(t, o, 10)
		if code := agent.Wait(t); code != 2 {
			t.Errorf("%s: the agent ended with %d", point, code)
		}
		end()
		s.Env = nil
		s.StartAgent(t)
		settle(t, s, o)
	}
}

// panicsAtEachStart: what a supervisor starts again and again does not fill the disk.
func panicsAtEachStart(t *testing.T) {
	s := site.New(t, binary, "", "")
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	o.Write(t, 3000)
	s.Env = []string{"SHIPPER_FAIL=agent.commit.after=panic"}
	var sizes []int
	for range 10 {
		if code := s.StartAgent(t).Wait(t); code != 2 {
			t.Fatalf("the agent ended with %d", code)
		}
		o.Write(t, 1) // so that there is something to commit
		var size int
		fmt.Sscan(command(t, "du", "-s", "--apparent-size", "-B1", s.AgentDir()), &size)
		sizes = append(sizes, size)
	}
	if sizes[9] > sizes[1]+sizes[1]/4 {
		t.Errorf("sizes after each start: %v", sizes)
	}
	s.Env = nil
	s.StartIndexer(t)
	s.StartAgent(t)
	settle(t, s, o)
}
