package deliver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
	"shipper/internal/protocol/ndjson"
)

// receiver is an HTTP server on raw TCP that can do all the things a server
// must not do.
type receiver struct {
	t     testing.TB
	l     net.Listener
	fault func(n int) fault // what to do with request n, from 0

	mu     sync.Mutex
	n      int
	bodies map[string][sha256.Size]byte // by key
	blocks map[uint64]int               // times a block was stored
	lines  map[string]int               // times a record was stored
	logins int                          // requests to where a redirect leads
	conns  map[net.Conn]bool
}

// fault answers a request, whose body it has to read. It reports whether the
// connection can go on.
type fault func(r *receiver, c net.Conn, req *http.Request) bool

func newReceiver(t testing.TB, f func(n int) fault) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, l: l, fault: f, bodies: map[string][sha256.Size]byte{}, blocks: map[uint64]int{},
		lines: map[string]int{}, conns: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns[c] = true
			r.mu.Unlock()
			serving.Go(func() { r.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.mu.Lock()
		for c := range r.conns {
			c.Close()
		}
		r.mu.Unlock()
		serving.Wait()
	})
	return r
}

func (r *receiver) url() string { return "http://" + r.l.Addr().String() + "/in" }

func (r *receiver) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if req.URL.Path == "/login" {
			r.mu.Lock()
			r.logins++
			r.mu.Unlock()
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			return
		}
		r.mu.Lock()
		f := r.fault(r.n)
		r.n++
		r.mu.Unlock()
		if !f(r, c, req) {
			return
		}
	}
}

// read reads a body and checks that what is sent again is the same.
func (r *receiver) read(req *http.Request) []byte {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil
	}
	key, sum := req.Header.Get("Idempotency-Key"), sha256.Sum256(body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, ok := r.bodies[key]; ok && before != sum || key == "" {
		r.t.Errorf("another body under the key %q", key)
	}
	r.bodies[key] = sum
	return body
}

// store stores a body, unless its key was stored before, and returns the answer.
func (r *receiver) store(req *http.Request, body []byte) string {
	if req.Header.Get("Content-Type") == ndjson.ContentType {
		text, err := new(protocol.Decompressor).Append(nil, body, req.Header.Get("Content-Encoding"), 1<<24)
		if err != nil {
			r.t.Error(err)
		}
		for _, l := range linesOf(r.t, text) {
			r.mu.Lock()
			r.lines[l]++
			r.mu.Unlock()
		}
		return goodAnswer(req)
	}
	if agent, epoch, err := native.Sender(req.Header); agent != testAgent || epoch != 1 || err != nil {
		r.t.Errorf("sender %s %d %v", agent, epoch, err)
	}
	err := native.Decode(body, func(f protocol.Frame) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.blocks[f.Sequence]++
		for _, m := range messages(r.t, f.Payload) {
			r.lines[m]++
		}
		return nil
	})
	if err != nil {
		r.t.Error(err)
	}
	return goodAnswer(req)
}

func (r *receiver) has(sequence uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blocks[sequence] > 0
}

func reset(c net.Conn) bool {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	return false
}

func good(r *receiver, c net.Conn, req *http.Request) bool {
	answer := r.store(req, r.read(req))
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	return true
}

func status(code int, rest string) fault {
	return func(r *receiver, c net.Conn, req *http.Request) bool {
		r.read(req)
		fmt.Fprintf(c, "HTTP/1.1 %d Whatever\r\nContent-Length: 4\r\n%s\r\n", code, rest)
		if code != http.StatusNotModified {
			io.WriteString(c, "sad\n")
		}
		return true
	}
}

// answer answers with text, in which %a is the good answer. Nothing is stored:
// if it is taken for an ack, something is missing in the end.
func answer(text string) fault {
	return func(r *receiver, c net.Conn, req *http.Request) bool {
		r.read(req)
		io.WriteString(c, strings.ReplaceAll(text, "%a", goodAnswer(req)))
		return false
	}
}

// faults are what a request can meet. In each case the same is to be sent again.
var faults = map[string]fault{
	"408": status(408, ""), "429": status(429, "Retry-After: 0\r\n"), "500": status(500, ""), "502": status(502, ""),
	"503": status(503, "Retry-After: garbage\r\n"), "504": status(504, ""), "404": status(404, ""), "304": status(304, ""),
	"401": status(401, ""), "403": status(403, ""), "407": status(407, ""),
	"302": status(302, "Location: /login\r\n"), "303": status(303, "Location: /login\r\n"),
	"307": status(307, "Location: /login\r\n"), "308": status(308, "Location: /login\r\n"),
	"302 without a place": status(302, ""),
	"early 503 without reading": func(r *receiver, c net.Conn, req *http.Request) bool {
		fmt.Fprintf(c, "HTTP/1.1 503 Whatever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		io.Copy(io.Discard, req.Body) // or the reset may overtake the answer
		return false
	},
	"closed at once": func(_ *receiver, c net.Conn, _ *http.Request) bool { return false },
	"reset within the body": func(_ *receiver, c net.Conn, req *http.Request) bool {
		io.ReadFull(req.Body, make([]byte, req.ContentLength/2))
		return reset(c)
	},
	"stored and closed": func(r *receiver, c net.Conn, req *http.Request) bool {
		r.store(req, r.read(req))
		return false
	},
	"lost ack": func(r *receiver, c net.Conn, req *http.Request) bool {
		r.store(req, r.read(req))
		return reset(c)
	},
	"stored, half a good answer": func(r *receiver, c net.Conn, req *http.Request) bool {
		r.store(req, r.read(req))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"thr")
		return false
	},
	"half a status line": answer("HTTP/1.1 20"),
	"garbage":            answer("SSH-2.0-OpenSSH_9.2p1 Debian\r\n"),
	"truncated answer":   answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n%a"),
	"truncated chunk":    answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n%a"),
	"bad chunk":          answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n%a"),
	"silent": func(r *receiver, c net.Conn, req *http.Request) bool {
		r.read(req)
		c.Read(make([]byte, 1)) // until the client gives up
		return false
	},
	"silent within the answer": func(r *receiver, c net.Conn, req *http.Request) bool {
		r.read(req)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n%s", goodAnswer(req))
		c.Read(make([]byte, 1))
		return false
	},
	"huge header": func(r *receiver, c net.Conn, req *http.Request) bool {
		r.read(req)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Huge: %s\r\nContent-Length: 0\r\n\r\n", strings.Repeat("x", 2<<20))
		return false
	},
	"endless body": func(r *receiver, c net.Conn, req *http.Request) bool {
		r.read(req)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n\r\n%s", goodAnswer(req))
		for {
			if _, err := io.WriteString(c, strings.Repeat(" ", 64<<10)); err != nil {
				return false
			}
		}
	},
	"flood of 1xx": func(r *receiver, c net.Conn, req *http.Request) bool {
		r.read(req)
		for {
			if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"); err != nil {
				return false
			}
		}
	},
	"good but closed behind the answer": func(r *receiver, c net.Conn, req *http.Request) bool {
		good(r, c, req)
		return false
	},
}

// goodAnswer is the answer to a request that is stored.
func goodAnswer(req *http.Request) string {
	key := req.Header.Get("Idempotency-Key")
	if req.Header.Get("Content-Type") == ndjson.ContentType {
		return "{}"
	}
	return `{"through":` + key[strings.LastIndexByte(key, '-')+1:] + `,"stored":1,"repeated":0}`
}

// nativeFaults are no good answers of an indexer, and those of another server.
var nativeFaults = map[string]fault{
	"login page":          answer("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n<html>\r\n"),
	"204":                 answer("HTTP/1.1 204 No Content\r\n\r\n"),
	"cut without lengths": answer("HTTP/1.0 200 OK\r\n\r\n{\"through\":"),
	"gzip":                answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"),
	"not all of it": func(r *receiver, c net.Conn, req *http.Request) bool {
		r.read(req)
		const a = `{"through":1,"stored":1,"repeated":0}`
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(a), a)
		return true
	},
}

// newOutput is an Output in a hurry.
func newOutput(t testing.TB, url string, s *source, e Encoder) *Output {
	client := NewClient(nil, nil)
	t.Cleanup(client.CloseIdleConnections)
	return &Output{Name: "test", URL: url, Agent: testAgent, Source: s, Encoder: e, Client: client,
		Backoff: Backoff{Min: time.Millisecond, Max: 4 * time.Millisecond}, RequestTimeout: 20 * time.Second,
		Log: slog.New(slog.DiscardHandler)}
}

// run runs o until all blocks of s are acked.
func run(t testing.TB, o *Output, s *source) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.end = cancel
	if err := o.Run(ctx); err != nil {
		t.Error(err)
	}
	if last := s.blocks[len(s.blocks)-1].Sequence; s.acked != last {
		t.Errorf("acked up to %d of %d", s.acked, last)
	}
}

func ndjsonEncoder(t testing.TB, encoding string) Encoder {
	t.Helper()
	e, err := ndjson.NewEncoder(ndjson.Lines, encoding)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestFaults: whatever happens to the first requests, every block is stored,
// none is acked before, and what is sent again is the same to the byte.
func TestFaults(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testFault(t, f, native.Encoder{})
			testFault(t, f, ndjsonEncoder(t, "zstd"))
		})
	}
	for name, f := range nativeFaults {
		t.Run("native "+name, func(t *testing.T) {
			t.Parallel()
			testFault(t, f, native.Encoder{})
		})
	}
}

func testFault(t *testing.T, f fault, e Encoder) {
	const bad = 3
	r := newReceiver(t, func(n int) fault {
		if n < bad {
			return f
		}
		return good
	})
	s := &source{t: t, blocks: makeBlocks(6, 4, plainText)}
	if !e.SplitsBlocks() {
		s.stored = r.has
	}
	o := newOutput(t, r.url(), s, e)
	o.MaxRequestBytes = 3 * s.blocks[0].Raw * payloadShare / 2 // more than one block, and not all
	o.RequestTimeout = 200 * time.Millisecond
	run(t, o, s)
	r.mu.Lock() // a request that took too long may still be stored
	defer r.mu.Unlock()
	for i := range 6 {
		for j := range 4 {
			if r.lines[plainText(i, j)] == 0 {
				t.Errorf("%s is missing", plainText(i, j))
			}
		}
	}
	if r.logins != 0 {
		t.Errorf("%d redirects were followed", r.logins)
	}
	if len(s.dead) != 0 {
		t.Errorf("dead letters: %q", s.reason)
	}
}

// TestNeverReads has a receiver whose window is closed: the body does not leave.
func TestNeverReads(t *testing.T) {
	gone := make(chan struct{})
	r := newReceiver(t, func(n int) fault {
		if n > 0 {
			return good
		}
		return func(*receiver, net.Conn, *http.Request) bool { <-gone; return false }
	})
	s := &source{t: t, blocks: makeBlocks(1, 1, func(int, int) string { return noise(1 << 20) })}
	o := newOutput(t, r.url(), s, native.Encoder{})
	o.RequestTimeout = 2 * time.Second // the good request is there at once, also on a busy machine
	o.Client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetWriteBuffer(32 << 10) // or much more than the body would leave
		}
		return c, err
	}
	time.AfterFunc(o.RequestTimeout, func() { close(gone) })
	run(t, o, s)
	if r.blocks[1] != 1 || o.Stats.Failed.Load() == 0 {
		t.Errorf("stored %d times, %d failed", r.blocks[1], o.Stats.Failed.Load())
	}
}

// TestDeadConnections: when one kept connection has died without a word, so have
// the others. They are not tried one after the other.
func TestDeadConnections(t *testing.T) {
	const conns = 4
	var mu sync.Mutex
	dead := map[net.Conn]bool{}
	warm := make(chan struct{})
	r := newReceiver(t, func(int) fault {
		return func(r *receiver, c net.Conn, req *http.Request) bool {
			mu.Lock()
			old := dead[c]
			dead[c] = true
			if len(dead) == conns && !old {
				close(warm)
			}
			mu.Unlock()
			if old {
				c.Read(make([]byte, 1)) // until the client gives up
				return false
			}
			<-warm // so that each has a connection of its own
			return good(r, c, req)
		}
	})
	s := &source{t: t, blocks: makeBlocks(1, 1, plainText)}
	o := newOutput(t, r.url(), s, ndjsonEncoder(t, "none"))
	o.RequestTimeout = 2 * time.Second // only a dead connection takes so long, also on a busy machine
	var warming sync.WaitGroup
	for range conns {
		warming.Go(func() {
			req, err := http.NewRequest(http.MethodPost, o.URL, strings.NewReader(""))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Idempotency-Key", "warm")
			req.Header.Set("Content-Type", ndjson.ContentType)
			resp, err := o.Client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
	}
	warming.Wait()
	run(t, o, s)
	if n := o.Stats.Failed.Load(); n != 1 {
		t.Errorf("%d requests failed", n)
	}
}

// noise is text that does not get smaller by half when it is compressed.
func noise(n int) string {
	rnd := rand.NewChaCha8([32]byte{})
	p := make([]byte, n)
	rnd.Read(p)
	for i := range p {
		p[i] = '0' + p[i]&63
	}
	return string(p)
}

// TestFlapping has a receiver that refuses every other request, by chance.
func TestFlapping(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	r := newReceiver(t, func(int) fault {
		if rnd.IntN(2) == 0 {
			return status(503, "")
		}
		return good
	})
	s := &source{t: t, blocks: makeBlocks(60, 2, plainText), stored: r.has}
	o := newOutput(t, r.url(), s, native.Encoder{})
	o.MaxRequestBytes = 1
	run(t, o, s)
	for i := range s.blocks {
		if n := r.blocks[uint64(i+1)]; n != 1 {
			t.Errorf("block %d is there %d times", i+1, n)
		}
	}
	if o.Stats.Failed.Load() == 0 || o.Stats.Blocks.Load() != 60 || o.Stats.Records.Load() != 120 || o.Stats.Failing.Load() != 0 {
		t.Errorf("%d failed, %d blocks, %d records", o.Stats.Failed.Load(), o.Stats.Blocks.Load(), o.Stats.Records.Load())
	}
}

// picky refuses bodies for which no says why.
func picky(code int, no func(lines []string, size int) bool) func(int) fault {
	return func(int) fault {
		return func(r *receiver, c net.Conn, req *http.Request) bool {
			body := r.read(req)
			var lines []string
			if req.Header.Get("Content-Type") == native.ContentType {
				native.Decode(body, func(f protocol.Frame) error { lines = append(lines, messages(r.t, f.Payload)...); return nil })
			} else {
				lines = linesOf(r.t, body)
			}
			if no(lines, len(body)) {
				fmt.Fprintf(c, "HTTP/1.1 %d No\r\nContent-Length: 4\r\n\r\nbad\n", code)
				return true
			}
			a := r.store(req, body)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(a), a)
			return true
		}
	}
}

// poisoned makes some records of makeBlocks poison.
func poisoned(i, j int) string {
	if i == 2 && j == 5 || i == 3 && j == 0 || i == 3 && j == 7 {
		return fmt.Sprintf("poison %d %d", i, j)
	}
	return plainText(i, j)
}

func hasPoison(lines []string, _ int) bool {
	return strings.Contains(strings.Join(lines, "\n"), "poison")
}

func TestPoisonRecords(t *testing.T) {
	for i, code := range []int{400, 413, 422} {
		r := newReceiver(t, picky(code, hasPoison))
		s := &source{t: t, blocks: makeBlocks(6, 8, poisoned)}
		if i == 0 {
			s.full = 1 // the first dead letter cannot be kept at once
		}
		run(t, newOutput(t, r.url(), s, ndjsonEncoder(t, "none")), s)
		if len(s.dead) != 3 {
			t.Fatalf("%d: %d dead letters", code, len(s.dead))
		}
		for i, d := range s.dead {
			m := messages(t, d.Payload)
			if len(m) != 1 || !strings.HasPrefix(m[0], "poison") || d.Records != 1 || d.Epoch != 1 || d.Raw == 0 ||
				!strings.Contains(s.reason[i], "bad") || fmt.Sprintf("poison %d", d.Sequence-1) != m[0][:8] {
				t.Errorf("%d: dead letter %d: %q, %+v, %s", code, i, m, d, s.reason[i])
			}
		}
		for i := range 6 {
			for j := range 8 {
				want := 1
				if strings.HasPrefix(poisoned(i, j), "poison") {
					want = 0
				}
				if n := r.lines[poisoned(i, j)]; n != want {
					t.Errorf("%d: %q is there %d times", code, poisoned(i, j), n)
				}
			}
		}
	}
}

func TestPoisonBlocks(t *testing.T) {
	for _, code := range []int{400, 413} {
		r := newReceiver(t, picky(code, hasPoison))
		s := &source{t: t, blocks: makeBlocks(8, 8, poisoned), stored: r.has}
		o := newOutput(t, r.url(), s, native.Encoder{})
		run(t, o, s)
		if len(s.dead) != 2 || s.dead[0].Sequence != 3 || s.dead[1].Sequence != 4 || !bytes.Equal(s.dead[1].Payload, s.blocks[3].Payload) {
			t.Errorf("%d: dead letters %v", code, s.dead)
		}
		for i := range s.blocks {
			if n, want := r.blocks[uint64(i+1)], 1; n != want && i != 2 && i != 3 {
				t.Errorf("%d: block %d is there %d times", code, i+1, n)
			}
		}
		if o.Stats.DeadRecords.Load() != 16 {
			t.Errorf("%d dead records", o.Stats.DeadRecords.Load())
		}
	}
}

// TestTooLarge has a receiver with a limit of bytes, and one record over it.
func TestTooLarge(t *testing.T) {
	text := func(i, j int) string {
		if i == 1 && j == 3 {
			return "large " + strings.Repeat("x", 5000)
		}
		return plainText(i, j)
	}
	for _, own := range []int{0, 600} { // by the receiver's limit only, or by our own before
		r := newReceiver(t, picky(413, func(_ []string, size int) bool { return size > 1000 }))
		s := &source{t: t, blocks: makeBlocks(3, 16, text)}
		o := newOutput(t, r.url(), s, ndjsonEncoder(t, "none"))
		o.MaxRequestBytes = own
		run(t, o, s)
		if len(s.dead) != 1 || len(messages(t, s.dead[0].Payload)) != 1 {
			t.Errorf("dead letters %v", s.reason)
		}
		if len(r.lines) != 3*16-1 {
			t.Errorf("%d records", len(r.lines))
		}
		for l, n := range r.lines {
			if n != 1 {
				t.Errorf("%q is there %d times", l, n)
			}
		}
	}
}

// TestRefusesAll: a receiver that takes nothing is not asked about each record.
func TestRefusesAll(t *testing.T) {
	r := newReceiver(t, func(int) fault { return status(422, "") })
	s := &source{t: t, blocks: makeBlocks(1, 1000, plainText)}
	run(t, newOutput(t, r.url(), s, ndjsonEncoder(t, "gzip")), s)
	if r.n > 2*maxRefused {
		t.Errorf("%d requests for one block", r.n)
	}
	n := 0
	for _, d := range s.dead {
		n += len(messages(t, d.Payload))
	}
	if n != 1000 {
		t.Errorf("%d dead records", n)
	}
}

// TestManyPoisonRecords: they are many, but not all.
func TestManyPoisonRecords(t *testing.T) {
	text := func(i, j int) string {
		if j%16 == 5 {
			return fmt.Sprintf("poison %d", j)
		}
		return plainText(i, j)
	}
	r := newReceiver(t, picky(400, hasPoison))
	s := &source{t: t, blocks: makeBlocks(1, 512, text)}
	o := newOutput(t, r.url(), s, ndjsonEncoder(t, "none"))
	run(t, o, s)
	if o.Stats.Rejected.Load() <= maxRefused {
		t.Fatalf("%d requests rejected prove nothing", o.Stats.Rejected.Load())
	}
	if len(s.dead) != 512/16 || len(r.lines) != 512-512/16 || o.Stats.DeadRecords.Load() != 512/16 {
		t.Errorf("%d dead letters, %d records", len(s.dead), len(r.lines))
	}
}

// TestDamagedBlock: a block that cannot be read becomes a dead letter as it is.
func TestDamagedBlock(t *testing.T) {
	r := newReceiver(t, func(int) fault { return good })
	s := &source{t: t, blocks: makeBlocks(3, 2, plainText)}
	s.blocks[1].Payload = []byte("not a block")
	run(t, newOutput(t, r.url(), s, ndjsonEncoder(t, "zstd")), s)
	if len(s.dead) != 1 || string(s.dead[0].Payload) != "not a block" || len(r.lines) != 4 {
		t.Errorf("%d dead letters, %d records", len(s.dead), len(r.lines))
	}
}

// TestHoles: requests have contiguous sequences of one epoch.
func TestHoles(t *testing.T) {
	r := newReceiver(t, func(int) fault { return good })
	s := &source{t: t, blocks: makeBlocks(9, 2, plainText), stored: r.has}
	for i, n := range []uint64{1, 2, 3, 10, 11, 12, 20, 30, 31} {
		s.blocks[i].Sequence = n
	}
	run(t, newOutput(t, r.url(), s, native.Encoder{}), s)
	for _, key := range []string{"1-1-3", "1-10-12", "1-20", "1-30-31"} {
		if _, ok := r.bodies[testAgent+"-"+key]; !ok {
			t.Errorf("no request %s: %v", key, r.bodies)
		}
	}
}

// TestUploadIsRead: net/http may read a body for longer than there is an answer to
// wait for; its memory is not to have other blocks in it then.
func TestUploadIsRead(t *testing.T) {
	read, end := true, make(chan struct{})
	defer close(end)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if read {
			io.Copy(io.Discard, r.Body)
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			<-end
			c.Close()
		}()
	}))
	defer server.Close()
	o := &Output{URL: server.URL, Encoder: &ndjson.Encoder{}}
	o.setDefaults()
	o.headers.Store(&o.Headers)
	r := protocol.Request{Frames: []protocol.Frame{{}}}
	for _, read = range []bool{true, false, true} {
		up := &upload{body: make([]byte, 16<<20)}
		for range 2 { // a request that is sent again
			if v, _ := o.exchange(t.Context(), &r, http.Header{}, up); v.Outcome != protocol.Accepted {
				t.Fatalf("%+v", v)
			}
		}
		if up.isRead() != read {
			t.Errorf("all of the body was read: %v, and it says so: %v", read, !read)
		}
	}
}
