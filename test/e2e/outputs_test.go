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
)

// TestBlockedOutput has two outputs, of which one does not answer for as long as
// SHIPPER_BLOCKED says, 5 s by default. The other has everything meanwhile, and
// the first one gets everything afterwards.
func TestBlockedOutput(t *testing.T) {
	blocked := 5 * time.Second
	if d, err := time.ParseDuration(os.Getenv("SHIPPER_BLOCKED")); err == nil {
		blocked = d
	}
	s := newSite(t, "", "")
	s.startIndexer(t)
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
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	text = fmt.Appendf(text, "  - name: hole\n    http: {url: %s}\n    timeout: 1s\n    backoff: {min: 100ms, max: 1s}\n", hole.URL)
	if err := os.WriteFile(s.config, text, 0o644); err != nil {
		t.Fatal(err)
	}
	agent := s.startAgent(t)
	o := newOracle(s.logs, "w", renameIt, 20_000)
	o.pause = 5 * time.Millisecond // 20,000 lines a second at most
	s.begin(t, o)
	for start := time.Now(); time.Since(start) < blocked; {
		o.write(t, 2000)
	}
	s.awaitDrained(t, o.bytes.Load()) // as far as the other output goes
	want(t, o, o.check(t, s.url()))
	if n := sink.distinct(); n != 0 || turned.Load() == 0 {
		t.Errorf("the blocked output got %d lines in %d requests: the test shows nothing", n, turned.Load())
	}
	lag := s.metric(t, `shipper_queue_undelivered_blocks{output="hole"}`)
	open.Store(true)
	await(t, "the output to catch up", func() bool {
		return s.metric(t, `shipper_queue_undelivered_blocks{output="hole"}`) == 0
	})
	if sink.distinct() != o.seq {
		t.Errorf("the output that was blocked has %d of %d lines", sink.distinct(), o.seq)
	}
	wantBooks(t, s.books(t), o.seq, o.bytes.Load())
	t.Logf("%d lines while an output was blocked for %s; it was %s blocks behind", o.seq, blocked, strconv.FormatFloat(lag, 'f', 0, 64))
	if code := agent.stop(t); code != 0 || strings.Contains(s.agentLog.String(), "panic") {
		t.Errorf("the agent ended with %d", code)
	}
}
