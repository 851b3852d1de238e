package receive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"shipper/internal/block"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

// fakeStore keeps what it is given and says what it is told to.
type fakeStore struct {
	mu      sync.Mutex
	frames  []string // agent/epoch/sequence=payload
	bodies  []string // of keyed blocks
	keys    []string
	receipt protocol.Receipt
	err     error
	entered chan struct{} // if not nil, told of every commit
	leave   chan struct{} // if not nil, every commit waits for it
}

func (s *fakeStore) Commit(_ context.Context, agent string, epoch uint32, frames []protocol.Frame) (protocol.Receipt, error) {
	if s.entered != nil {
		s.entered <- struct{}{}
		<-s.leave
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range frames {
		s.frames = append(s.frames, fmt.Sprintf("%s/%d/%d=%s", agent, epoch, f.Sequence, f.Payload))
	}
	return s.receipt, s.err
}

func (s *fakeStore) CommitKeyed(_ context.Context, key string, _ [sha256.Size]byte, payload []byte) (protocol.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := block.NewDecoder(1<<20).Decode(payload, func(b *record.Batch) error {
		for i := range b.Records {
			s.bodies = append(s.bodies, string(b.Bytes(b.Records[i].Body)))
		}
		return nil
	})
	s.keys = append(s.keys, key)
	return s.receipt, errors.Join(err, s.err)
}

// lines is a protocol with a block in each line: "sequence payload".
type lines struct{}

func (lines) Sender(h http.Header) (string, uint32, error) {
	if h.Get("Agent") == "" {
		return "", 0, errors.New("who are you?")
	}
	return h.Get("Agent"), 1, nil
}

func (lines) Decode(body []byte, emit func(protocol.Frame) error) error {
	if len(body) == 0 {
		return errors.New("no blocks")
	}
	for line := range bytes.Lines(body) {
		var f protocol.Frame
		if _, err := fmt.Sscan(string(line), &f.Sequence, &f.Payload); err != nil {
			return err
		}
		if err := emit(f); err != nil {
			return err
		}
	}
	return nil
}

func (lines) Reply(w http.ResponseWriter, through uint64, stored, repeated int) error {
	_, err := fmt.Fprintf(w, "through %d, %d stored, %d repeated", through, stored, repeated)
	return err
}

// records makes a record of each line.
func records(body []byte, emit func(*record.Batch) error) error {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, nil)
	for line := range bytes.Lines(body) {
		if bytes.HasPrefix(line, []byte("bad")) {
			return errors.New("line 1: bad")
		}
		b.Begin().Body = b.Add(bytes.TrimSpace(line))
	}
	return emit(b)
}

func serve(t *testing.T, h *Handler) string {
	t.Helper()
	h.Native, h.Records = lines{}, records
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func gzipped(p []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(p)
	_ = w.Close()
	return out.Bytes()
}

func zstded(p []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(p, nil)
}

func do(t *testing.T, method, url, encoding string, body io.Reader) (code int, answer string, header http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", "the key")
	if !strings.HasSuffix(url, "?nobody") {
		r.Header.Set("Agent", "a")
	}
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= 400 && resp.StatusCode != 404 {
		var refusal struct{ Error string }
		if err := json.Unmarshal(p, &refusal); err != nil || refusal.Error == "" {
			t.Fatalf("refusal %q: %v", p, err)
		}
		return resp.StatusCode, refusal.Error, resp.Header
	}
	return resp.StatusCode, strings.TrimSpace(string(p)), resp.Header
}

func TestAnswers(t *testing.T) {
	store := &fakeStore{receipt: protocol.Receipt{Records: 3, Repeated: 1}}
	h := &Handler{Store: store, MaxBody: 4 << 10, MaxDecoded: 64 << 10, MaxBlock: 1 << 10}
	url := serve(t, h)
	f := func(method, path, encoding string, body []byte, code int, answer string) {
		t.Helper()
		got, a, _ := do(t, method, url+path, encoding, bytes.NewReader(body))
		if got != code || !strings.Contains(a, answer) {
			t.Errorf("%s %s: got %d %q, want %d %q", method, path, got, a, code, answer)
		}
	}
	line := []byte("1 x\n")
	f("GET", NativePath, "", nil, 405, "use POST")
	f("POST", "/api/v1/other", "", nil, 404, "")
	f("POST", NativePath, "br", line, 415, `"br"`)
	f("POST", NativePath, "gzip", line, 400, "gzip")
	f("POST", NativePath, "zstd", line, 400, "decompress")
	f("POST", NativePath, "gzip", gzipped(line)[:12], 400, "unexpected EOF")
	f("POST", NativePath, "", []byte("a b c\n"), 400, "expected integer")
	f("POST", NativePath, "", nil, 400, "no blocks")
	f("POST", NativePath+"?nobody", "", line, 400, "who are you?")
	f("POST", NativePath, "", bytes.Repeat([]byte("x"), 4<<10+1), 413, "too large")
	f("POST", NDJSONPath, "gzip", gzipped(make([]byte, 2<<20)), 413, "too large")
	f("POST", NDJSONPath, "zstd", zstded(make([]byte, 64<<20)), 413, "too large")
	f("POST", NDJSONPath, "zstd", zstded(bytes.Repeat([]byte("x\n"), 1<<10)), 413, "too large: its records have")
	f("POST", NDJSONPath, "", []byte("bad\n"), 400, "line 1: bad")
	if len(store.frames)+len(store.bodies) > 0 {
		t.Fatalf("stored %q %q", store.frames, store.bodies)
	}
	f("POST", NativePath, "", []byte("4 x\n5 y\n"), 200, "through 5, 1 stored, 1 repeated")
	f("POST", NativePath, "gzip", gzipped(line), 200, "through 1, 0 stored, 1 repeated")
	f("POST", NDJSONPath, "zstd", zstded([]byte("one\ntwo\n")), 200, `{"records":3,"repeated":true}`)
	f("POST", NDJSONPath, "identity", []byte("three\n"), 200, `{"records":3,"repeated":true}`)
	if got, want := fmt.Sprint(store.frames), "[a/1/4=x a/1/5=y a/1/1=x]"; got != want {
		t.Errorf("frames %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(store.bodies, store.keys), "[one two three] [the key the key]"; got != want {
		t.Errorf("records %s, want %s", got, want)
	}
	s := &h.Stats
	if got, want := fmt.Sprint(s.Native.Accepted.Load(), s.Native.Rejected.Load(), s.Native.TooLarge.Load(), s.NDJSON.Accepted.Load(),
		s.NDJSON.Rejected.Load(), s.NDJSON.TooLarge.Load(), s.Open.Load(), s.Native.Records.Load()), "2 7 1 2 1 3 0 6"; got != want {
		t.Errorf("stats %s, want %s", got, want)
	}
}

func TestChunkedBodyOverLimit(t *testing.T) {
	url := serve(t, &Handler{Store: new(fakeStore), MaxBody: 1 << 10})
	body := io.LimitReader(neverEnding('x'), 1<<20)
	if code, a, _ := do(t, "POST", url+NDJSONPath, "", struct{ io.Reader }{body}); code != 413 {
		t.Errorf("got %d %q", code, a)
	}
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func TestStoreRefuses(t *testing.T) {
	store := &fakeStore{err: errors.New("disk is full")}
	url := serve(t, &Handler{Store: store})
	for _, path := range []string{NativePath, NDJSONPath} {
		code, a, header := do(t, "POST", url+path, "", strings.NewReader("1 x\n"))
		if code != 503 || a != "disk is full" || header.Get("Retry-After") != "1" {
			t.Errorf("%s: got %d %q, Retry-After %q", path, code, a, header.Get("Retry-After"))
		}
	}
	store.err = nil
	store.receipt.Rejected = []protocol.Rejection{{Sequence: 7, Reason: "corrupt"}, {Sequence: 8}}
	if code, a, _ := do(t, "POST", url+NativePath, "", strings.NewReader("1 x\n")); code != 400 || a != "block 7: corrupt" {
		t.Errorf("got %d %q", code, a)
	}
}

func TestTooManyRequests(t *testing.T) { synctest.Test(t, tooManyRequests) }

func tooManyRequests(t *testing.T) {
	store := &fakeStore{entered: make(chan struct{}), leave: make(chan struct{})}
	h := &Handler{Store: store, Native: lines{}, MaxRequests: 2}
	codes := make(chan int, 3)
	post := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", NativePath, strings.NewReader("1 x\n"))
		r.Header.Set("Agent", "a")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for range 2 {
		go func() { codes <- post().Code }()
		<-store.entered
	}
	if w := post(); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("third request: %d %q", w.Code, w.Body)
	}
	go func() { codes <- post().Code }() // gets the next place
	synctest.Wait()
	if n := len(h.places.waiting); n != 1 {
		t.Errorf("%d requests wait for a place", n)
	}
	if n := h.Stats.Open.Load(); n != 2 {
		t.Errorf("%d requests are being handled", n)
	}
	store.leave <- struct{}{}
	<-store.entered
	close(store.leave)
	for range 3 {
		if code := <-codes; code != 200 {
			t.Errorf("request within the limit: %d", code)
		}
	}
	if h.Stats.Busy.Load() != 1 {
		t.Errorf("%d busy", h.Stats.Busy.Load())
	}
}

// TestStalledBody sends half a body and no more.
func TestStalledBody(t *testing.T) {
	h := &Handler{Store: new(fakeStore), ReadTimeout: 50 * time.Millisecond}
	url := serve(t, h)
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", NativePath)
	p, err := io.ReadAll(c) // the server closes: there is no next request to find
	if err != nil || !bytes.HasPrefix(p, []byte("HTTP/1.1 503 ")) || !bytes.Contains(p, []byte("\r\nRetry-After: 1\r\n")) {
		t.Errorf("got %q, %v", p, err)
	}
}

// words is a protocol of somebody else: a record is a word, "bad" is none that
// can be taken, and answers are upper-case.
type words struct{}

func (words) Encoding(h http.Header) string { return h.Get("Encoding") }

func (words) Decode(h http.Header, body []byte, emit func(*record.Batch) error) (protocol.Verdict, error) {
	if h.Get("Agent") == "" {
		return protocol.Verdict{}, protocol.ErrMediaType
	}
	v := protocol.Verdict{Outcome: protocol.Accepted}
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, nil)
	for word := range bytes.FieldsSeq(body) {
		switch string(word) {
		case "bad":
			v.Lost++
		case "worse":
			return v, errors.New("much worse")
		default:
			b.Begin().Body = b.Add(word)
		}
	}
	return v, emit(b)
}

func (words) Reply(w http.ResponseWriter, _ http.Header, code int, v protocol.Verdict) error {
	w.WriteHeader(code)
	_, err := fmt.Fprintf(w, `{"error":"%s"}`, strings.ToUpper(fmt.Sprint(v.Outcome, " ", v.Lost, " ", v.After, " ", v.Reason)))
	return err
}

func TestProtocolsOfOthers(t *testing.T) {
	store := &fakeStore{receipt: protocol.Receipt{Records: 2}}
	h := &Handler{Store: store, Loki: words{}, OTLP: words{}, MaxBody: 4 << 10, MaxBlock: 1 << 10}
	url := serve(t, h)
	f := func(path, body string, code int, answer string) {
		t.Helper()
		got, a, _ := do(t, "POST", url+path, "br", strings.NewReader(body)) // an encoding that the protocol passes over
		if got != code || !strings.Contains(a, answer) {
			t.Errorf("%s: got %d %q, want %d %q", path, got, a, code, answer)
		}
	}
	f(LokiPath, "one two", 200, "ACCEPTED 0 0S")
	f(OTLPPath, "three bad four bad", 200, "ACCEPTED 2 0S")
	f(OTLPPathOfLoki, "five", 200, "ACCEPTED 0 0S")
	f(LokiPath, "six worse", 400, "REJECTED 0 0S MUCH WORSE")
	f(LokiPath+"?nobody", "", 415, "UNSUPPORTED CONTENT TYPE")
	f(LokiPath, strings.Repeat("x ", 1<<10), 413, "SPLIT 0 0S BODY IS TOO LARGE")
	store.err = errors.New("disk full")
	f(OTLPPath, "one", 503, "RETRY 0 1S DISK FULL")
	if got, want := fmt.Sprint(store.bodies), "[one two three four five one]"; got != want {
		t.Errorf("records %s, want %s", got, want)
	}
	s := &h.Stats
	if s.Loki.Accepted.Load() != 1 || s.Loki.Rejected.Load() != 2 || s.Loki.TooLarge.Load() != 1 || s.OTLP.Accepted.Load() != 2 ||
		s.OTLP.Failed.Load() != 1 || s.OTLP.Refused.Load() != 2 || s.OTLP.Records.Load() != 6 {
		t.Errorf("stats %+v %+v", &s.Loki, &s.OTLP)
	}
}
