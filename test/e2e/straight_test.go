package e2e

import (
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// want fails the test unless v is: every line once and whole.
func want(t *testing.T, o *oracle, v verdict) {
	t.Helper()
	if v.missing+v.repeated+v.torn > 0 || v.found != o.seq {
		t.Errorf("%s (%s): %v, of %d written", o.name, o.mode, v, o.seq)
	}
}

// wantBooks fails the test unless the agent's books close and agree with what was written.
func wantBooks(t *testing.T, b books, lines int, bytes int64) {
	t.Helper()
	if b.Total.Read != b.Total.Queued+b.Total.Dropped+b.Total.Lost {
		t.Errorf("the books do not close: %+v", b.Total)
	}
	if b.Total.Queued != bytes || b.Total.Records != int64(lines) || b.Total.Lost != 0 {
		t.Errorf("books: %+v; written: %d lines, %d bytes", b.Total, lines, bytes)
	}
}

func TestEveryRotationModeAtFullSpeed(t *testing.T) {
	for _, mode := range []rotation{never, renameIt, lateClose, renameGzip, copyTruncate, deleteIt} {
		t.Run(string(mode), func(t *testing.T) {
			s := newSite(t, "", "")
			s.startIndexer(t)
			agent := s.startAgent(t)
			o := newOracle(s.logs, "w", mode, 5000)
			if mode == deleteIt || mode == copyTruncate {
				// What is gone before anybody could read it is not the agent's to deliver:
				// these writers go at a speed at which a reader that looks can see it.
				o.pause = 2 * time.Millisecond
			}
			s.begin(t, o)
			o.write(t, 60_000)
			s.awaitDrained(t, o.bytes.Load())
			want(t, o, o.check(t, s.url()))
			wantBooks(t, s.books(t), o.seq, o.bytes.Load())
			if code := agent.stop(t); code != 0 {
				t.Errorf("the agent ended with %d", code)
			}
		})
	}
}

func TestEveryRotationModeWithAStalledOutput(t *testing.T) {
	for _, mode := range []rotation{renameIt, lateClose, renameGzip, copyTruncate, deleteIt} {
		t.Run(string(mode), func(t *testing.T) {
			s := newSite(t, "", "queue: {max_bytes: 16MiB, full: block}\n")
			s.startAgent(t) // and no indexer: the queue fills up and reading stops
			o := newOracle(s.logs, "w", mode, 5000)
			o.noise, o.pause = true, 2*time.Millisecond
			s.begin(t, o)
			o.write(t, 120_000)
			if s.metric(t, "shipper_queue_full") != 1 {
				t.Error("the queue is not full: the test shows nothing")
			}
			s.startIndexer(t)
			s.awaitDrained(t, o.bytes.Load())
			want(t, o, o.check(t, s.url()))
			wantBooks(t, s.books(t), o.seq, o.bytes.Load())
		})
	}
}

func TestRotationWhileTheAgentIsDown(t *testing.T) {
	for _, mode := range []rotation{renameIt, renameGzip} {
		t.Run(string(mode), func(t *testing.T) {
			s := newSite(t, "", "")
			s.startIndexer(t)
			agent := s.startAgent(t)
			o := newOracle(s.logs, "w", mode, 3000)
			s.begin(t, o)
			o.write(t, 2000)
			s.awaitDrained(t, o.bytes.Load())
			o.write(t, 500) // perhaps read, perhaps not
			agent.kill()
			o.write(t, 8000) // two rotations and a bit
			s.startAgent(t)
			s.awaitDrained(t, o.bytes.Load())
			want(t, o, o.check(t, s.url()))
			wantBooks(t, s.books(t), o.seq, o.bytes.Load())
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
	s := newSite(t, "", "")
	indexer := s.startIndexer(t)
	agent := s.startAgent(t)

	oracles := []*oracle{newOracle(s.logs, "a", renameIt, 4000), newOracle(s.logs, "b", lateClose, 7000)}
	stop := make(chan bool)
	var wg sync.WaitGroup
	for _, o := range oracles {
		s.begin(t, o)
		o.pause = 5 * time.Millisecond
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					o.write(t, 500)
				}
			}
		})
	}
	agents, indexers := 0, 0
	for i := range rounds {
		time.Sleep(time.Duration(20+rnd.IntN(700)) * time.Millisecond)
		if i%3 != 2 {
			agent.kill()
			agent = s.startAgent(t)
			agents++
		} else {
			indexer.kill()
			indexer = s.startIndexer(t)
			indexers++
		}
	}
	close(stop)
	wg.Wait()
	lines, bytes := 0, int64(0)
	for _, o := range oracles {
		lines += o.seq
		bytes += o.bytes.Load()
	}
	s.awaitDrained(t, bytes)
	for _, o := range oracles {
		v := o.check(t, s.url())
		t.Logf("%s: %v", o.name, v)
		want(t, o, v)
	}
	wantBooks(t, s.books(t), lines, bytes)
	t.Logf("%d agent kills, %d indexer kills, %d lines", agents, indexers, lines)
}

// TestPanicCrossesARotation: one record, from one file into the next.
func TestPanicCrossesARotation(t *testing.T) {
	s := newSite(t, "", "")
	s.startIndexer(t)
	agent := s.startAgent(t)
	o := newOracle(s.logs, "w", never, 0)
	s.begin(t, o)
	head := "panic: broken\n\ngoroutine 1 [running]:\nmain.first(0x1)\n\t/src/main.go:10 +0x1d\n"
	rest := "main.main()\n\t/src/main.go:20 +0x2c\nexit status 2\n"
	if _, err := o.file.WriteString(head); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(o.path, o.path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.path, []byte(rest), 0o644); err != nil {
		t.Fatal(err)
	}
	bytes := o.bytes.Load() + int64(len(head)+len(rest))
	s.awaitDrained(t, bytes)
	wantBooks(t, s.books(t), o.seq+1, bytes)
	var stacks []string
	q := url.Values{"query": {`{service_name="w"} | exception_type!=""`}, "start": {"0"}}
	for _, r := range jsonLines(t, get(t, s.url()+"/api/v1/records?"+q.Encode())) {
		attributes, _ := r["attributes"].(map[string]any)
		stack, _ := attributes["exception.stacktrace"].(string)
		stacks = append(stacks, stack)
	}
	if len(stacks) != 1 || !strings.Contains(stacks[0], "main.first") || !strings.Contains(stacks[0], "main.main") {
		t.Errorf("stacks %q", stacks)
	}
	agent.stop(t)
}
