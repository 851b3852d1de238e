package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"shipper/test/site"
)

func TestEveryRotationModeAtFullSpeed(t *testing.T) {
	for _, mode := range []site.Rotation{site.Never, site.Rename, site.LateClose, site.RenameGzip, site.CopyTruncate, site.Delete} {
		t.Run(string(mode), func(t *testing.T) {
			s := site.New(t, binary, "", "")
			s.StartIndexer(t)
			agent := s.StartAgent(t)
			o := site.NewOracle(s.Logs, "w", mode, 5000)
			if mode == site.Delete || mode == site.CopyTruncate {
				// What is gone before anybody could read it is not the agent's to deliver:
				// these writers go at a speed at which a reader that looks can see it.
				o.Pause = 2 * time.Millisecond
			}
			awaitOpen(t, agent, o)
			s.Begin(t, o)
			o.Write(t, 60_000)
			s.AwaitDrained(t, o.Bytes.Load())
			site.Want(t, o, o.Check(t, s.URL()))
			site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
			if code := agent.Stop(t); code != 0 {
				t.Errorf("the agent ended with %d", code)
			}
		})
	}
}

// awaitOpen has a writer that deletes its files wait, before each rotation, until the
// agent has the file open: on a busy machine that may take longer than a file lives.
// It is read no sooner for that.
func awaitOpen(t *testing.T, agent *site.Process, o *site.Oracle) {
	if o.Mode != site.Delete && o.Mode != site.RenameGzip {
		return
	}
	o.Before = func() {
		site.Await(t, "the agent to open the file", func() bool {
			open, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", agent.PID))
			return slices.ContainsFunc(open, func(fd string) bool {
				path, _ := os.Readlink(fd)
				return path == o.Path // with more behind it once it is deleted
			})
		})
	}
}

func TestEveryRotationModeWithAStalledOutput(t *testing.T) {
	for _, mode := range []site.Rotation{site.Rename, site.LateClose, site.RenameGzip, site.CopyTruncate, site.Delete} {
		t.Run(string(mode), func(t *testing.T) {
			s := site.New(t, binary, "", "queue: {max_bytes: 16MiB, full: block}\n")
			agent := s.StartAgent(t) // and no indexer: the queue fills up and reading stops
			o := site.NewOracle(s.Logs, "w", mode, 5000)
			o.Noise, o.Pause = true, 2*time.Millisecond
			awaitOpen(t, agent, o)
			s.Begin(t, o)
			o.Write(t, 120_000)
			site.Await(t, "the queue to be full", func() bool { return s.Metric(t, "shipper_queue_full") == 1 })
			s.StartIndexer(t)
			s.AwaitDrained(t, o.Bytes.Load())
			site.Want(t, o, o.Check(t, s.URL()))
			site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
		})
	}
}

func TestRotationWhileTheAgentIsDown(t *testing.T) {
	for _, mode := range []site.Rotation{site.Rename, site.RenameGzip} {
		t.Run(string(mode), func(t *testing.T) {
			s := site.New(t, binary, "", "")
			s.StartIndexer(t)
			agent := s.StartAgent(t)
			o := site.NewOracle(s.Logs, "w", mode, 3000)
			s.Begin(t, o)
			o.Write(t, 2000)
			s.AwaitDrained(t, o.Bytes.Load())
			o.Write(t, 500) // perhaps read, perhaps not
			agent.Kill()
			o.Write(t, 8000) // two rotations and a bit
			s.StartAgent(t)
			s.AwaitDrained(t, o.Bytes.Load())
			site.Want(t, o, o.Check(t, s.URL()))
			site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
		})
	}
}

// TestKill9 kills the agent and the indexer at random while two writers write
// and rotate. SHIPPER_ROUNDS sets the number of kills, 12 by default.
func TestKill9(t *testing.T) {
	rounds := 12
	if v := os.Getenv("SHIPPER_ROUNDS"); v != "" {
		rounds, _ = strconv.Atoi(v)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d rounds", seed, rounds)
	rnd := rand.New(rand.NewPCG(seed, 0))
	s := site.New(t, binary, "", "")
	indexer := s.StartIndexer(t)
	agent := s.StartAgent(t)

	oracles := []*site.Oracle{site.NewOracle(s.Logs, "a", site.Rename, 4000), site.NewOracle(s.Logs, "b", site.LateClose, 7000)}
	stop := make(chan bool)
	var wg sync.WaitGroup
	for _, o := range oracles {
		s.Begin(t, o)
		o.Pause = 5 * time.Millisecond
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					o.Write(t, 500)
				}
			}
		})
	}
	agents, indexers := 0, 0
	for i := range rounds {
		time.Sleep(time.Duration(20+rnd.IntN(700)) * time.Millisecond)
		if i%3 != 2 {
			agent.Kill()
			agent = s.StartAgent(t)
			agents++
		} else {
			indexer.Kill()
			indexer = s.StartIndexer(t)
			indexers++
		}
	}
	close(stop)
	wg.Wait()
	lines, bytes := 0, int64(0)
	for _, o := range oracles {
		lines += o.Seq
		bytes += o.Bytes.Load()
	}
	s.AwaitDrained(t, bytes)
	for _, o := range oracles {
		v := o.Check(t, s.URL())
		t.Logf("%s: %v", o.Name, v)
		site.Want(t, o, v)
	}
	site.WantBooks(t, s.Books(t), lines, bytes)
	t.Logf("%d agent kills, %d indexer kills, %d lines", agents, indexers, lines)
}

// TestPanicCrossesARotation: one record, from one file into the next.
func TestPanicCrossesARotation(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	s.Begin(t, o)
	head := "panic: broken\n\ngoroutine 1 [running]:\nmain.first(0x1)\n\t/src/main.go:10 +0x1d\n"
	rest := "main.main()\n\t/src/main.go:20 +0x2c\nexit status 2\n"
	if _, err := o.File.WriteString(head); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(o.Path, o.Path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.Path, []byte(rest), 0o644); err != nil {
		t.Fatal(err)
	}
	bytes := o.Bytes.Load() + int64(len(head)+len(rest))
	s.AwaitDrained(t, bytes)
	site.WantBooks(t, s.Books(t), o.Seq+1, bytes)
	var stacks []string
	q := url.Values{"query": {`{service_name="w"} | exception_type!=""`}, "start": {"0"}}
	for _, r := range jsonLines(t, site.Get(t, s.URL()+"/api/v1/records?"+q.Encode())) {
		attributes, _ := r["attributes"].(map[string]any)
		stack, _ := attributes["exception.stacktrace"].(string)
		stacks = append(stacks, stack)
	}
	if len(stacks) != 1 || !strings.Contains(stacks[0], "main.first") || !strings.Contains(stacks[0], "main.main") {
		t.Errorf("stacks %q", stacks)
	}
	agent.Stop(t)
}
