package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shipper/test/site"
)

// TestBlockedOutput has two outputs, of which one does not answer for as long as
// SHIPPER_BLOCKED says, 5 s by default. The other has everything meanwhile, and
// the first one gets everything afterwards.
func TestBlockedOutput(t *testing.T) {
	blocked := 5 * time.Second
	if d, err := time.ParseDuration(os.Getenv("SHIPPER_BLOCKED")); err == nil {
		blocked = d
	}
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	sink := newSink(t)
	target, err := url.Parse(sink.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	var open atomic.Bool
	var turned atomic.Int64
	hole := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open.Load() {
			forward.ServeHTTP(w, r)
			return
		}
		turned.Add(1)
		select { // neither an answer nor an error
		case <-r.Context().Done():
		case <-time.After(2 * time.Second):
			reset(w)
		}
	}))
	defer hole.Close()
	text, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	text = fmt.Appendf(text, "  - name: hole\n    http: {url: %s}\n    timeout: 1s\n    backoff: {min: 100ms, max: 1s}\n", hole.URL)
	if err := os.WriteFile(s.Config, text, 0o644); err != nil {
		t.Fatal(err)
	}
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 20_000)
	o.Pause = 5 * time.Millisecond // 20,000 lines a second at most
	s.Begin(t, o)
	for start := time.Now(); time.Since(start) < blocked; {
		o.Write(t, 2000)
	}
	s.AwaitDrained(t, o.Bytes.Load()) // as far as the other output goes
	site.Want(t, o, o.Check(t, s.URL()))
	if n := sink.distinct(); n != 0 || turned.Load() == 0 {
		t.Errorf("the blocked output got %d lines in %d requests: the test shows nothing", n, turned.Load())
	}
	lag := s.Metric(t, `shipper_queue_undelivered_blocks{output="hole"}`)
	open.Store(true)
	for left := lag; left > 0; { // minutes of it take more than a wait
		site.Await(t, "the output to catch up", func() bool {
			now := s.Metric(t, `shipper_queue_undelivered_blocks{output="hole"}`)
			progress := now < left
			left = now
			return progress
		})
	}
	if sink.distinct() != o.Seq {
		t.Errorf("the output that was blocked has %d of %d lines", sink.distinct(), o.Seq)
	}
	site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
	t.Logf("%d lines while an output was blocked for %s; it was %s blocks behind", o.Seq, blocked, strconv.FormatFloat(lag, 'f', 0, 64))
	if code := agent.Stop(t); code != 0 || strings.Contains(s.AgentLog.String(), "panic") {
		t.Errorf("the agent ended with %d", code)
	}
}
