package indexer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"shipper/internal/block"
	"shipper/internal/metrics"
	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
	"shipper/internal/record"
)

// running is an Indexer that serves.
type running struct {
	t    *testing.T
	url  string
	stop context.CancelFunc
	end  chan error
}

func start(t *testing.T, x *Indexer) *running {
	t.Helper()
	r := &running{t: t, end: make(chan error, 1)}
	addr := make(chan string, 1)
	x.Listening = func(a net.Addr) { addr <- a.String() }
	x.Listen = "127.0.0.1:0"
	if x.Log == nil {
		x.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() { r.end <- x.Run(ctx) }()
	select {
	case a := <-addr:
		r.url = "http://" + a
	case err := <-r.end:
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.close() })
	return r
}

// close ends the Indexer and returns what Run did.
func (r *running) close() error {
	r.stop()
	err := <-r.end
	r.end <- nil
	return err
}

func (r *running) get(path string) (int, string) {
	r.t.Helper()
	resp, err := http.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(p)
}

const agent = "0123456789abcdef0123456789abcdef"

// send posts blocks and returns the sender's verdict.
func (r *running) send(frames ...protocol.Frame) protocol.Verdict {
	r.t.Helper()
	q := &protocol.Request{Agent: agent, Epoch: 1, Frames: frames}
	req, _ := http.NewRequest("POST", r.url+"/api/v1/native", nil)
	body, err := native.Encoder{}.Append(nil, req.Header, q)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return native.Encoder{}.Verdict(q, resp.StatusCode, resp.Header, p)
}

// begun is the time of the first record: equal frames are equal to the byte.
var begun = time.Now().Add(-time.Minute).UnixNano()

// frame makes a block of one record for each body.
func frame(sequence uint64, bodies ...string) protocol.Frame {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s", Labels: []record.Label{{Name: "service.name", Value: "test"}}}, nil)
	for i, body := range bodies {
		r := b.Begin()
		r.Time = begun + int64(sequence)*1e6 + int64(i)
		r.Offset, r.Body = int64(sequence)*100+int64(i), b.AddString(body)
	}
	p, raw := block.NewEncoder().Append(nil, []*record.Batch{b})
	return protocol.Frame{Sequence: sequence, Records: len(bodies), Raw: raw, Payload: p}
}

// lines asks the query API for all lines of a service, oldest first.
func (r *running) lines(query string) []string {
	r.t.Helper()
	code, body := r.get("/loki/api/v1/query_range?direction=forward&limit=1000&since=1h&query=" + url.QueryEscape(query))
	var answer struct {
		Data struct{ Result []struct{ Values [][]any } }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 200 {
		r.t.Fatalf("%d %s: %v", code, body, err)
	}
	var lines []string
	for _, s := range answer.Data.Result {
		for _, v := range s.Values {
			lines = append(lines, fmt.Sprint(v[1]))
		}
	}
	return lines
}

func (r *running) want(query string, want ...string) {
	r.t.Helper()
	if got := r.lines(query); fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Fatalf("%s: got %q, want %q", query, got, want)
	}
}

func TestFromBlockToQuery(t *testing.T) {
	x := &Indexer{Dir: t.TempDir()}
	r := start(t, x)
	for range 2 {
		if v := r.send(frame(1, "one", "two"), frame(2, "three")); v.Outcome != protocol.Accepted {
			t.Fatalf("%+v", v)
		}
	}
	r.want(`{service_name="test"}`, "one", "two", "three")
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	if logs, _ := os.ReadDir(x.Dir + "/wal"); len(logs) != 1 {
		t.Errorf("%d generations are left in the log, want an empty one", len(logs))
	}
	r = start(t, x)
	if v := r.send(frame(2, "three")); v.Outcome != protocol.Accepted {
		t.Fatalf("%+v", v)
	}
	r.want(`{service_name="test"} |= "t"`, "two", "three")
}

func TestVerdicts(t *testing.T) {
	r := start(t, &Indexer{Dir: t.TempDir()})
	bad := frame(2, "x")
	bad.Payload = []byte("this is no zstd frame")
	if v := r.send(frame(1, "good"), bad); v.Outcome != protocol.Rejected || !strings.Contains(v.Reason, "block 2") {
		t.Errorf("a bad block: %+v", v)
	}
	large := frame(2, "x")
	large.Payload = make([]byte, 17<<20)
	if v := r.send(large); v.Outcome != protocol.Split {
		t.Errorf("a large body: %+v", v)
	}
	r.want(`{service_name="test"}`, "good")
	resp, err := http.Post(r.url+"/api/v1/native", "", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if p, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || !strings.Contains(string(p), native.AgentHeader) {
		t.Errorf("no agent: %d %s", resp.StatusCode, p)
	}
}

func TestNDJSON(t *testing.T) {
	r := start(t, &Indexer{Dir: t.TempDir()})
	post := func(key, body string, code int, answer string) {
		t.Helper()
		req, _ := http.NewRequest("POST", r.url+"/api/v1/ndjson", strings.NewReader(body))
		if key != "" {
			req.Header.Set("Idempotency-Key", key)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if p, _ := io.ReadAll(resp.Body); resp.StatusCode != code || !strings.Contains(string(p), answer) {
			t.Errorf("key %q: got %d %s, want %d %s", key, resp.StatusCode, p, code, answer)
		}
	}
	body := `{"message":"hello","service.name":"web"}` + "\n" + `{"message":"world","service.name":"web"}` + "\n"
	post("", body, 200, `"records":2`)
	post("", body, 200, `"repeated":true`)
	post("k", body, 200, `"records":2`)
	post("k", body, 200, `"repeated":true`)
	post("k", body+body, 200, `"records":4`) // another body is no repeat
	post("k", body+body, 200, `"repeated":true`)
	post("", "{\n", 400, "line 1")
	post("", "", 200, `"records":0`)
	if got := r.lines(`{service_name="web"}`); len(got) != 8 {
		t.Errorf("got %q", got)
	}
}

// TestMetrics wants every metric to be there before anything happens, named
// as agreed and explained, and to be readable.
func TestMetrics(t *testing.T) {
	r := start(t, &Indexer{Dir: t.TempDir(), Version: "v1.2.3"})
	code, before := r.get("/metrics")
	if code != 200 {
		t.Fatal(before)
	}
	line := regexp.MustCompile(`^(?:# (?:HELP|TYPE) shipper_index_[a-z_]+ .+|shipper_index_[a-z_]+(?:\{[a-z_]+="[a-z0-9_.]+"(?:,[a-z_]+="[a-z0-9_.]+")*\})? [0-9.e+-]+)$`)
	for l := range strings.Lines(before) {
		if !line.MatchString(strings.TrimSpace(l)) {
			t.Errorf("odd line %q", l)
		}
	}
	r.send(frame(1, "one", "two"))
	r.send(frame(1, "one", "two"))
	r.send(frame(3, "three"))
	r.get("/loki/api/v1/labels")
	r.get("/api/v1/records?query=%7B%7D")
	r.get("/loki/api/v1/query_range?query=%7B")
	r.get("/api/v1/records?query=%7B")
	_, after := r.get("/metrics")
	if n, m := strings.Count(before, "\n"), strings.Count(after, "\n"); n != m {
		t.Errorf("%d lines before anything happened, %d after", n, m)
	}
	for _, want := range []string{
		`shipper_index_build_info{version="v1.2.3",go="` + runtime.Version() + `"} 1` + "\n",
		`shipper_index_queries_total{outcome="answered"} 2` + "\n",
		`shipper_index_queries_total{outcome="refused"} 2` + "\n",
		`shipper_index_queries_total{outcome="failed"} 0` + "\n",
		"shipper_index_records_total 3\n",
		`shipper_index_blocks_total{outcome="stored"} 2` + "\n",
		`shipper_index_blocks_total{outcome="repeated"} 1` + "\n",
		`shipper_index_requests_total{protocol="native",outcome="accepted"} 3` + "\n",
		"shipper_index_missing_blocks 1\n",
		`shipper_index_conflicts_total{reason="differs"} 0` + "\n",
		"shipper_index_agents 1\n",
		"shipper_index_open_records 3\n",
		"shipper_index_refusing 0\n",
	} {
		if !strings.Contains(after, want) {
			t.Errorf("no %q in\n%s", want, after)
		}
	}
	resp, err := http.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != metrics.ContentType {
		t.Errorf("content type %q", got)
	}
}

func TestHealth(t *testing.T) {
	dir := t.TempDir()
	r := start(t, &Indexer{Dir: dir})
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n", "/ready": "ready\n"} {
		if code, body := r.get(path); code != 200 || body != want {
			t.Errorf("%s: %d %q", path, code, body)
		}
	}
	_ = r.close()
	r = start(t, &Indexer{Dir: dir, Reserve: 1 << 62}) // no disk has so much
	for path, code := range map[string]int{"/healthz": 200, "/readyz": 503, "/ready": 503} {
		if got, body := r.get(path); got != code || code == 503 && !strings.Contains(body, "disk is full") {
			t.Errorf("%s: %d %q, want %d", path, got, body, code)
		}
	}
	if v := r.send(frame(1, "x")); v.Outcome != protocol.Retry || !strings.Contains(v.Reason, "disk is full") || v.After == 0 {
		t.Errorf("a block with no room: %+v", v)
	}
	if _, body := r.get("/metrics"); !strings.Contains(body, "shipper_index_refusing 1\n") {
		t.Error("the metric does not say so")
	}
}

func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	r := start(t, &Indexer{Dir: dir})
	f := func(x *Indexer, want string) {
		t.Helper()
		if err := x.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f(&Indexer{Dir: dir, Listen: "127.0.0.1:0"}, "in use by another process, pid")
	f(&Indexer{Dir: t.TempDir(), Listen: strings.TrimPrefix(r.url, "http://")}, "address already in use")
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f(&Indexer{Dir: file, Listen: "127.0.0.1:0"}, "not a directory")
}
