package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"shipper/test/site"
)

// keeper takes NDJSON and keeps every line; while refusing it takes nothing.
type keeper struct {
	*httptest.Server
	mu       sync.Mutex
	refusing bool
	lines    map[string]int
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{lines: map[string]int{}}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := zstd.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		defer z.Close()
		body, err := io.ReadAll(z)
		if err != nil {
			return // cut off
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.refusing {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		for line := range bytes.Lines(body) {
			k.lines[string(line)]++
		}
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *keeper) refuse(yes bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refusing = yes
}

// got returns how many of n numbered lines arrived of each kind.
func (k *keeper) got(kinds []string, n int) map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	counts := map[string]int{}
	for line := range k.lines {
		for _, kind := range kinds {
			for i := range n {
				if strings.Contains(line, fmt.Sprintf("%s %d.", kind, i)) {
					counts[kind]++
				}
			}
		}
	}
	return counts
}

// TestRules: each output gets what the rules say, over a kill and while one of
// them is away, and no secret is in any file of the agent.
func TestRules(t *testing.T) {
	const n = 50
	archive, loki := newKeeper(t), newKeeper(t)
	loki.refuse(true)
	s := site.New(t, binary, "", "")
	config := fmt.Sprintf(`data_dir: %s/agent
listen: %s
inputs:
  - name: app
    file: {paths: ["%s/*.log"]}
outputs:
  - name: archive
    http: {url: %s}
    backoff: {min: 50ms, max: 100ms}
  - name: loki
    default: false
    http: {url: %s}
    backoff: {min: 50ms, max: 100ms}
rules:
  - {name: debug, match: '{level="debug"}', drop: true}
  - {name: errors, match: '{level="error"}', to: ["*"]}
  - {name: payments, match: '{service_name="payments"}', to: [loki]}
redact:
  - {detect: ["*"]}
  - {attributes: [customer], action: token, key_id: k1, key: 0123456789abcdef}
`, s.Dir, s.Metrics, s.Logs, archive.URL, loki.URL)
	if err := os.WriteFile(s.Config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	const card, password, customer = "4111111111111111", "correct-horse-battery", "Mr. Smith of Acme"
	kinds := []string{"noise", "paid", "other", "broken"}
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"level":"debug","msg":"noise %d.","service":"payments"}`+"\n", i)
		fmt.Fprintf(&text, `{"level":"info","msg":"paid %d. with %s","service":"payments","customer":"%s"}`+"\n", i, card, customer)
		fmt.Fprintf(&text, `{"level":"info","msg":"other %d. \"password\":\"%s\"","service":"orders"}`+"\n", i, password)
		fmt.Fprintf(&text, `{"level":"error","msg":"broken %d. postgres://app:%s@db/x","service":"payments"}`+"\n", i, password)
	}
	if err := os.WriteFile(filepath.Join(s.Logs, "a.log"), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	agent := s.StartAgent(t)
	site.Await(t, "the archive to have its records", func() bool {
		got := archive.got(kinds, n)
		return got["other"] == n && got["broken"] == n
	})
	b := s.Books(t)
	if b.Total.Read != int64(text.Len()) || b.Total.Read != b.Total.Queued+b.Total.Dropped || b.Total.Records != 3*n || b.Total.Lost != 0 {
		t.Errorf("books %+v of %d bytes", b.Total, text.Len())
	}
	for name, want := range map[string]float64{
		`shipper_rule_hits_total{rule="debug"}`: n, `shipper_rule_dropped_records_total{rule="debug"}`: n,
		`shipper_rule_hits_total{rule="errors"}`: n, `shipper_rule_hits_total{rule="payments"}`: n, "shipper_unmatched_records_total": n,
		`shipper_redacted_values_total{detector="card"}`: n, `shipper_redacted_values_total{detector="attribute"}`: n,
	} {
		if got := s.Metric(t, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	agent.Kill()
	wantNowhere(t, filepath.Join(s.Dir, "agent"), card, password, customer)

	loki.refuse(false)
	agent = s.StartAgent(t)
	site.Await(t, "loki to have its records", func() bool {
		got := loki.got(kinds, n)
		return got["paid"] == n && got["broken"] == n
	})
	if got := loki.got(kinds, n); got["noise"]+got["other"] > 0 {
		t.Errorf("loki got %v", got)
	}
	if got := archive.got(kinds, n); got["noise"]+got["paid"] > 0 {
		t.Errorf("the archive got %v", got)
	}
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	for _, k := range []*keeper{archive, loki} {
		k.Close() // nobody writes to lines any more
		for line := range k.lines {
			for _, secret := range []string{card, password, customer} {
				if strings.Contains(line, secret) {
					t.Errorf("%s was sent in %s", secret, line)
				}
			}
		}
	}
	for _, secret := range []string{card, password, customer} {
		if strings.Contains(s.AgentLog.String(), secret) {
			t.Errorf("%s is in the agent's log", secret)
		}
	}
}

// wantNowhere looks for texts in all files of a directory, and in what the
// queue's blocks hold.
func wantNowhere(t *testing.T, dir string, texts ...string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, text := range texts {
			if bytes.Contains(data, []byte(text)) {
				t.Errorf("%s is in %s", text, path)
			}
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files in %s, error %v", files, dir, err)
	}
	log := new(site.Log)
	p := site.Start(t, log, nil, binary, "queue", "--data", dir, "cat")
	p.Wait(t)
	if !strings.Contains(log.String(), "paid 1.") {
		t.Errorf("the queue has not what loki lacks:\n%s", log.Tail())
	}
	for _, text := range texts {
		if strings.Contains(log.String(), text) {
			t.Errorf("%s is in the queue", text)
		}
	}
}
