package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"shipper/test/site"
)

// sink takes NDJSON and counts the times it got each line of an oracle.
type sink struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[int]int
}

var seqOf = regexp.MustCompile(`"seq":(\d+)`)

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{seen: map[int]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := zstd.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		defer z.Close()
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 1<<20)
		var got []int
		for lines.Scan() {
			if m := seqOf.FindSubmatch(lines.Bytes()); m != nil {
				n, _ := strconv.Atoi(string(m[1]))
				got = append(got, n)
			}
		}
		if lines.Err() != nil {
			return // cut off
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, n := range got {
			s.seen[n]++
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// TestReloads changes the configuration fifty times under load: outputs, labels
// of the input, a name; every fifth one is not valid.
func TestReloads(t *testing.T) {
	const rounds = 50
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	copies := newSink(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	o.Pause = 5 * time.Millisecond
	base, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(round int) {
		t.Helper()
		text := strings.Replace(string(base), "- name: app\n", fmt.Sprintf("- name: app\n    labels: {round: \"%d\"}\n", round/7), 1)
		text = strings.Replace(text, "file: {", "file: {grace: 1s, ", 1) // rotated files are let go soon
		text = strings.TrimRight(text, "\n") + fmt.Sprintf("\n    timeout: %ds\n", 20+round)
		text += fmt.Sprintf("  - name: copy%d\n    http: {url: %s}\n", round/10, copies.URL)
		if round >= 10 {
			text += fmt.Sprintf("    formerly: copy%d\n", round/10-1)
		}
		if round%5 == 4 {
			text += "nonsense: true\n"
		}
		// As configuration management does it: another file under the same name.
		if err := os.WriteFile(s.Config+".new", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(s.Config+".new", s.Config); err != nil {
			t.Fatal(err)
		}
	}
	write(0)
	agent := s.StartAgent(t)
	s.Begin(t, o)
	descriptors := func() int {
		t.Helper()
		fds, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(agent.PID), "fd"))
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	s.AwaitDrained(t, o.Bytes.Load())
	goroutines, fds := s.Metric(t, "shipper_goroutines"), descriptors()

	stop, written := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		for {
			select {
			case <-stop:
				return
			default:
				o.Write(t, 500)
			}
		}
	}()
	done := func(result string) float64 {
		return s.Metric(t, `shipper_config_reloads_total{result="`+result+`"}`)
	}
	for round := 1; round <= rounds; round++ {
		ok, failed := done("ok"), done("failed")
		write(round)
		if round%3 == 0 {
			agent.Signal(syscall.SIGHUP) // and the change is seen, too
		}
		site.Await(t, "reload "+strconv.Itoa(round), func() bool {
			if round%5 == 4 {
				return done("failed") > failed && s.Metric(t, "shipper_config_last_reload_successful") == 0
			}
			return done("ok") > ok && s.Metric(t, "shipper_config_last_reload_successful") == 1
		})
	}
	close(stop)
	<-written
	s.AwaitDrained(t, o.Bytes.Load())
	site.Want(t, o, o.Check(t, s.URL()))
	site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
	site.Await(t, "the sink to have all", func() bool { return copies.distinct() == o.Seq })
	s.AwaitLog(t, "nonsense: unknown key")
	ok := done("ok")
	write(rounds + 10) // other outputs, since connections are kept for longer than is waited
	site.Await(t, "the last reload", func() bool { return done("ok") > ok })
	site.Await(t, "goroutines and descriptors to go", func() bool {
		return s.Metric(t, "shipper_goroutines") <= goroutines+3 && descriptors() <= fds+3
	})
	t.Logf("%d lines; goroutines %g, then %g; descriptors %d, then %d", o.Seq, goroutines, s.Metric(t, "shipper_goroutines"), fds, descriptors())
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
}

// TestReloadBehindAFullQueue: a change of an input that has to wait, since the
// queue is full, gives way to the next one, which says where the receiver is.
func TestReloadBehindAFullQueue(t *testing.T) {
	s := site.New(t, binary, "http://127.0.0.1:1", "queue: {max_bytes: 16MiB}\n")
	text, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	change := func(from, to string) {
		t.Helper()
		text = []byte(strings.Replace(string(text), from, to, 1))
		if err := os.WriteFile(s.Config+".new", text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(s.Config+".new", s.Config); err != nil { // so that no half of it is read
			t.Fatal(err)
		}
	}
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	o.Noise = true
	o.Write(t, 100_000)
	site.Await(t, "the queue to be full", func() bool { return s.Metric(t, "shipper_queue_full") == 1 })
	change("- name: app\n", "- name: app\n    labels: {team: a}\n")
	s.AwaitLog(t, "inputs change once the queue has room")
	s.StartIndexer(t)
	change("http://127.0.0.1:1", s.URL())
	s.AwaitDrained(t, o.Bytes.Load())
	site.Want(t, o, o.Check(t, s.URL()))
	site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
	site.Await(t, "the reload to be counted", func() bool { return s.Metric(t, `shipper_config_reloads_total{result="ok"}`) > 0 })
	if ok, failed := s.Metric(t, `shipper_config_reloads_total{result="ok"}`), s.Metric(t, `shipper_config_reloads_total{result="failed"}`); ok != 1 || failed != 0 {
		t.Errorf("%g reloads, %g failed", ok, failed)
	}
}
