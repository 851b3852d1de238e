package fault

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"shipper/test/site"
)

// soak is a site that is disturbed in every way at once for a long time.
type soak struct {
	*site.Site
	agent, indexer         *site.Process
	agentDisk, indexDisk   *disk            // nil without root: no power cuts, no full disk
	proxy                  *httptest.Server // the network
	flapping               atomic.Bool
	spoilt                 atomic.Int64
	changes                int // of the configuration
	rnd                    *rand.Rand
	began                  time.Time
	events                 []event
	samples                []moment
	writers                []*site.Oracle
	wg                     sync.WaitGroup
	stop                   chan struct{}
	goroutines, descriptor int // of the agent, at the start
}

// event is something that was done to the site.
type event struct {
	at   time.Duration
	kind string
}

// moment is how the site is at a time.
type moment struct {
	at                                    time.Duration
	written, stored                       int64
	agentRSS, indexerRSS                  int64 // bytes
	queue                                 int64 // bytes
	descriptors, goroutines               int
	indexerDescriptors, indexerGoroutines int
}

// TestSoak runs writers of all rotation modes while agent and indexer are
// killed, lose their power, have full disks and changed configurations, and a
// network between them that fails: for SOAK, 12 s by default. "make soak" takes
// longer, and leaves a report and a plot in the directory that SOAK_OUT names.
func TestSoak(t *testing.T) {
	length := 12 * time.Second
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	k := newSoak(t, rand.New(rand.NewPCG(seed, 0)))
	t.Logf("%s, seed %d", length, seed)
	k.write(t)
	k.goroutines, k.descriptor = int(k.Metric(t, "shipper_goroutines")), descriptors(k.agent)
	for next := time.Now(); time.Since(k.began) < length; {
		if time.Now().After(next) {
			k.disturb(t)
			next = time.Now().Add(time.Duration(300+k.rnd.IntN(2500)) * time.Millisecond)
		}
		k.look(t)
		time.Sleep(250 * time.Millisecond)
	}
	k.flapping.Store(false)
	close(k.stop)
	k.wg.Wait()
	k.judge(t, length, seed)
}

// newSoak starts the indexer, the failing network and the agent.
func newSoak(t *testing.T, rnd *rand.Rand) *soak {
	target := site.FreePort(t)
	k := &soak{rnd: rnd, began: time.Now(), stop: make(chan struct{})}
	k.proxy = httptest.NewServer(k.network(target))
	t.Cleanup(k.proxy.Close)
	k.Site = site.New(t, binary, k.proxy.URL, "    timeout: 2s\n    backoff: {min: 50ms, max: 1s}\n")
	k.IndexAddr, k.Patience = target, 5*time.Minute
	k.edit(t, "file: {", "file: {grace: 2s, ") // rotated files are let go soon
	if os.Geteuid() == 0 {
		k.agentDisk, k.indexDisk = mountExt4(t, k.AgentDir(), "256M"), mountExt4(t, k.IndexDir(), "16G")
	} else {
		t.Log("no power cuts and no full disks: they need root")
	}
	k.indexer = k.StartIndexer(t)
	k.agent = k.StartAgent(t)
	return k
}

// network is the way from the agent to the indexer. While it flaps, one request
// of two has an error, a reset, no answer at all, or an acknowledgement that is lost.
func (k *soak) network(target string) http.Handler {
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target})
	var requests atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		if !k.flapping.Load() || n%2 == 0 {
			forward.ServeHTTP(w, r)
			return
		}
		k.spoilt.Add(1)
		switch n / 2 % 4 {
		case 0:
			http.Error(w, "try later", http.StatusServiceUnavailable)
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			forward.ServeHTTP(httptest.NewRecorder(), r) // stored
			panic(http.ErrAbortHandler)
		case 3:
			io.Copy(io.Discard, r.Body) // only then the end of the connection is noticed
			<-r.Context().Done()
		}
	})
}

// write starts the writers, after their first lines were read.
func (k *soak) write(t *testing.T) {
	for _, mode := range []site.Rotation{site.Never, site.Rename, site.LateClose, site.RenameGzip, site.CopyTruncate, site.Delete} {
		o := site.NewOracle(k.Logs, strings.NewReplacer(" ", "-", ",", "").Replace(string(mode)), mode, 3000)
		o.Noise = true
		k.writers = append(k.writers, o)
		o.Write(t, 100)
		// What is gone before anybody could read it is not the agent's to deliver.
		switch mode {
		case site.Delete, site.CopyTruncate:
			o.Before = func() { k.awaitQueued(o, 0) }
		case site.RenameGzip: // which removes what is more than three files of 1.4 MB old
			o.Before = func() { k.awaitQueued(o, 4<<20) }
		}
	}
	total := int64(0)
	for _, o := range k.writers {
		total += o.Bytes.Load()
	}
	k.AwaitDrained(t, total)
	for _, o := range k.writers {
		o.Pause = 200 * time.Millisecond
		k.wg.Go(func() {
			for {
				select {
				case <-k.stop:
					return
				default:
					o.Write(t, 100)
				}
			}
		})
	}
}

// awaitQueued waits until what o wrote is in the queue, but for the last so many bytes.
func (k *soak) awaitQueued(o *site.Oracle, but int64) {
	for {
		if b, err := k.AskBooks(); err == nil {
			var queued int64
			for _, f := range b.Files {
				if strings.HasPrefix(filepath.Base(f.File), filepath.Base(o.Path)) {
					queued += f.Queued
				}
			}
			if queued >= o.Bytes.Load()-but {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// disturb does something to the site.
func (k *soak) disturb(t *testing.T) {
	disturbances := []struct {
		kind string
		do   func(*testing.T)
	}{
		{"agent killed", k.killAgent},
		{"indexer killed", k.killIndexer},
		{"configuration changed", k.reload},
		{"network", func(*testing.T) { k.flapping.Store(!k.flapping.Load()) }},
		{"agent's power cut", k.cutAgent},
		{"indexer's power cut", k.cutIndexer},
		{"agent's disk full", k.fill},
	}
	if k.agentDisk == nil {
		disturbances = disturbances[:4]
	}
	d := disturbances[k.rnd.IntN(len(disturbances))]
	k.events = append(k.events, event{time.Since(k.began), d.kind})
	d.do(t)
}

func (k *soak) killAgent(t *testing.T) {
	k.agent.Kill()
	k.agent = k.StartAgent(t)
}

func (k *soak) killIndexer(t *testing.T) {
	k.indexer.Kill()
	k.indexer = k.StartIndexer(t)
}

func (k *soak) cutAgent(t *testing.T) {
	k.agentDisk.cut(t, k.agent)
	k.agent = k.StartAgent(t)
}

func (k *soak) cutIndexer(t *testing.T) {
	k.indexDisk.cut(t, k.indexer)
	k.indexer = k.StartIndexer(t)
}

// reload changes a label of the input, on disk and by signal.
func (k *soak) reload(t *testing.T) {
	was := fmt.Sprintf("- name: app\n    labels: {change: \"%d\"}\n", k.changes)
	if k.changes == 0 {
		was = "- name: app\n"
	}
	k.changes++
	k.edit(t, was, fmt.Sprintf("- name: app\n    labels: {change: \"%d\"}\n", k.changes))
	k.agent.Signal(syscall.SIGHUP)
}

// edit replaces a part of the configuration by another file of that name.
func (k *soak) edit(t *testing.T, was, is string) {
	text, err := os.ReadFile(k.Config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(was), []byte(is), 1)
	if err := os.WriteFile(k.Config+".new", text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(k.Config+".new", k.Config); err != nil {
		t.Fatal(err)
	}
}

// fill leaves no space on the agent's disk for two seconds.
func (k *soak) fill(t *testing.T) {
	filler := filepath.Join(k.AgentDir(), "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer os.Remove(filler)
	for size := 1 << 20; size >= 4096; size /= 2 {
		for block := make([]byte, size); ; {
			if _, err := f.Write(block); err != nil {
				break // full
			}
		}
	}
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		k.look(t)
	}
}

// look takes a sample.
func (k *soak) look(t *testing.T) {
	s := moment{at: time.Since(k.began), agentRSS: rss(k.agent), indexerRSS: rss(k.indexer),
		descriptors: descriptors(k.agent), indexerDescriptors: descriptors(k.indexer)}
	for _, o := range k.writers {
		s.written += o.Written.Load()
	}
	if site.Status("http://"+k.Metrics+"/healthz") == 200 {
		s.queue, s.goroutines = int64(k.Metric(t, "shipper_queue_bytes")), int(k.Metric(t, "shipper_goroutines"))
	}
	s.stored = int64(k.IndexMetric(t, "shipper_index_records"))
	s.indexerGoroutines = int(k.IndexMetric(t, "shipper_index_goroutines"))
	k.samples = append(k.samples, s)
}

// judge waits until all is delivered, asks for every line, and reports.
func (k *soak) judge(t *testing.T, length time.Duration, seed uint64) {
	settle(t, k.Site, k.writers...)
	k.proxy.CloseClientConnections() // the agent keeps those of its busiest time for longer than is waited
	site.Await(t, fmt.Sprintf("goroutines and descriptors to be about %d and %d again", k.goroutines, k.descriptor), func() bool {
		k.look(t)
		last := k.samples[len(k.samples)-1]
		return last.goroutines <= k.goroutines+5 && last.descriptors <= k.descriptor+5
	})
	report := k.report(t, length, seed)
	t.Log("\n" + report)
	if dir := os.Getenv("SOAK_OUT"); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"report.md": report, "soak.svg": k.plot()} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// report is what was written, stored and done, as Markdown.
func (k *soak) report(t *testing.T, length time.Duration, seed uint64) string {
	t.Helper()
	b := new(strings.Builder)
	fmt.Fprintf(b, "# Soak\n\n%s, seed %d, %s.\n\n", length, seed, time.Now().UTC().Format("2006-01-02"))
	b.WriteString("| writer | written | stored | missing | repeated | torn |\n|---|---:|---:|---:|---:|---:|\n")
	var all site.Verdict
	lines := 0
	for _, o := range k.writers {
		v := o.Check(t, k.URL())
		fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d |\n", o.Mode, o.Seq, v.Found, v.Missing, v.Repeated, v.Torn)
		lines += o.Seq
		all.Found, all.Missing, all.Repeated, all.Torn = all.Found+v.Found, all.Missing+v.Missing, all.Repeated+v.Repeated, all.Torn+v.Torn
	}
	fmt.Fprintf(b, "| all | %d | %d | %d | %d | %d |\n\n", lines, all.Found, all.Missing, all.Repeated, all.Torn)
	kinds := map[string]int{}
	for _, e := range k.events {
		kinds[e.kind]++
	}
	b.WriteString("| done | times |\n|---|---:|\n")
	for _, kind := range []string{"agent killed", "agent's power cut", "agent's disk full", "indexer killed", "indexer's power cut", "configuration changed", "network"} {
		fmt.Fprintf(b, "| %s | %d |\n", kind, kinds[kind])
	}
	fmt.Fprintf(b, "| requests spoilt | %d |\n\n", k.spoilt.Load())
	var most moment
	for _, s := range k.samples {
		most.agentRSS, most.indexerRSS = max(most.agentRSS, s.agentRSS), max(most.indexerRSS, s.indexerRSS)
		most.descriptors, most.indexerDescriptors = max(most.descriptors, s.descriptors), max(most.indexerDescriptors, s.indexerDescriptors)
		most.queue = max(most.queue, s.queue)
	}
	last := k.samples[len(k.samples)-1]
	b.WriteString("| | agent | indexer |\n|---|---:|---:|\n")
	fmt.Fprintf(b, "| most memory, MiB | %d | %d |\n", most.agentRSS>>20, most.indexerRSS>>20)
	fmt.Fprintf(b, "| most descriptors | %d | %d |\n", most.descriptors, most.indexerDescriptors)
	fmt.Fprintf(b, "| goroutines at the end | %d (%d at the start) | %d |\n", last.goroutines, k.goroutines, last.indexerGoroutines)
	fmt.Fprintf(b, "| most in the queue, MiB | %d | |\n", most.queue>>20)
	total := k.Books(t).Total
	fmt.Fprintf(b, "\nBooks: %d bytes read = %d queued + %d dropped + %d lost.\n", total.Read, total.Queued, total.Dropped, total.Lost)
	return b.String()
}

// rss is the memory of a process in bytes, 0 if it is gone.
func rss(p *site.Process) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.PID))
	var size, resident int64
	fmt.Sscan(string(text), &size, &resident)
	return resident * int64(os.Getpagesize())
}

// descriptors is how many a process has open, 0 if it is gone.
func descriptors(p *site.Process) int {
	all, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID))
	return len(all)
}
