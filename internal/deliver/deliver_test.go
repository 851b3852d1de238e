package deliver

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shipper/internal/metrics"
	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
)

// transport answers requests without a network.
type transport struct {
	answer func(n int, r *http.Request, body []byte) (*http.Response, error)

	mu     sync.Mutex
	times  []time.Time // of the requests
	bodies []string
	now    int // in flight
	most   int

	renewed int // times that kept connections were closed
}

// RoundTrip is http.RoundTripper's.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	n := len(t.times)
	t.times = append(t.times, time.Now())
	t.bodies = append(t.bodies, string(body))
	t.now++
	t.most = max(t.most, t.now)
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		t.now--
		t.mu.Unlock()
	}()
	return t.answer(n, r, body)
}

// CloseIdleConnections is http.Client's.
func (t *transport) CloseIdleConnections() { t.renewed++ }

func response(code int, header, body string) *http.Response {
	h := http.Header{}
	if k, v, ok := strings.Cut(header, ": "); ok {
		h.Set(k, v)
	}
	return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// stored is the good answer to a native request.
func stored(body []byte) *http.Response {
	last := uint64(0)
	if native.Decode(body, func(f protocol.Frame) error { last = f.Sequence; return nil }) != nil {
		return response(400, "", "malformed")
	}
	return response(200, "", fmt.Sprintf(`{"through":%d,"stored":1}`, last))
}

// simulate runs an Output on the transport until all is acked.
func simulate(t *testing.T, s *source, tr *transport, set func(*Output)) *Output {
	t.Helper()
	o := &Output{Name: "test", URL: "http://indexer/in", Agent: testAgent, Source: s, Encoder: native.Encoder{},
		Client: &http.Client{Transport: tr}}
	if set != nil {
		set(o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.end = cancel
	if err := o.Run(ctx); err != nil {
		t.Error(err)
	}
	return o
}

// TestLatency has a receiver that is down for five seconds.
func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		tr := &transport{answer: func(_ int, _ *http.Request, body []byte) (*http.Response, error) {
			if time.Since(start) < 5*time.Second {
				return nil, errors.New("connection refused")
			}
			return stored(body), nil
		}}
		s := &source{t: t, blocks: makeBlocks(2, 1, plainText)}
		for i := range s.blocks {
			s.blocks[i].Queued = start.UnixNano()
		}
		o := simulate(t, s, tr, func(o *Output) { o.Backoff = Backoff{Min: time.Second, Max: time.Second} })
		var m metrics.Writer
		m.Histogram("latency", "h").Durations(&o.Stats.Latency)
		if s := string(m.Bytes()); !strings.Contains(s, `le="2.5"} 0`) || !strings.Contains(s, `le="10"} 2`) {
			t.Error(s)
		}
	})
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const failures = 12
		tr := &transport{answer: func(n int, _ *http.Request, body []byte) (*http.Response, error) {
			switch {
			case n >= failures:
				return stored(body), nil
			case n%2 == 0:
				return nil, errors.New("connection refused")
			}
			return response(503, "", ""), nil
		}}
		s := &source{t: t, blocks: makeBlocks(1, 1, plainText)}
		o := simulate(t, s, tr, nil)
		longest := time.Duration(0)
		for i := range failures {
			wait, limit := tr.times[i+1].Sub(tr.times[i]), min(500*time.Millisecond<<i, 30*time.Second)
			longest = max(longest, wait)
			if wait > limit {
				t.Errorf("failure %d: waited %v, more than %v", i+1, wait, limit)
			}
			if tr.bodies[i] != tr.bodies[failures] {
				t.Errorf("failure %d: another body", i+1)
			}
		}
		if longest < 4*time.Second { // seven waits within 30 s each: once in a million runs
			t.Errorf("the longest wait was %v", longest)
		}
		if o.Stats.Failed.Load() != failures {
			t.Errorf("%d failed", o.Stats.Failed.Load())
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		value     string
		least, at time.Duration // the wait is at least one and less than half a second more than the other
	}{
		{"7", 7 * time.Second, 7 * time.Second},
		{"0", 0, 0},
		{"-3", 0, 0},
		{"soon", 0, 0},
		{"1000000000", 5 * time.Minute, 5 * time.Minute},
		{"date", 90 * time.Second, 90 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			value := c.value
			if value == "date" {
				value = time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
			}
			tr := &transport{answer: func(n int, _ *http.Request, body []byte) (*http.Response, error) {
				if n == 0 {
					return response(429, "Retry-After: "+value, ""), nil
				}
				return stored(body), nil
			}}
			simulate(t, &source{t: t, blocks: makeBlocks(1, 1, plainText)}, tr, nil)
			if wait := tr.times[1].Sub(tr.times[0]); wait < c.least || wait > c.at+500*time.Millisecond {
				t.Errorf("Retry-After %s: waited %v", value, wait)
			}
		})
	}
}

// TestRenewal: connections are not kept for ever, however busy they are.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(_ int, _ *http.Request, body []byte) (*http.Response, error) {
			time.Sleep(time.Second)
			return stored(body), nil
		}}
		simulate(t, &source{t: t, blocks: makeBlocks(2000, 1, plainText)}, tr, func(o *Output) { o.MaxRequestBytes, o.Concurrency = 1, 1 })
		if tr.renewed != 3 { // in 2000 s
			t.Errorf("kept connections were closed %d times", tr.renewed)
		}
	})
}

// TestProbe: while the receiver fails, requests go out one at a time.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := false
		most := 0
		tr := new(transport)
		tr.answer = func(n int, _ *http.Request, body []byte) (*http.Response, error) {
			tr.mu.Lock()
			bad := n >= 30 && n < 50
			if failing && bad {
				most = max(most, tr.now)
			}
			tr.mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			if !bad {
				return stored(body), nil
			}
			tr.mu.Lock()
			failing = n >= 30+4 // those in flight with the first failure do not count
			tr.mu.Unlock()
			return response(503, "", ""), nil
		}
		s := &source{t: t, blocks: makeBlocks(100, 1, plainText)}
		o := simulate(t, s, tr, func(o *Output) { o.MaxRequestBytes = 1 })
		if tr.most != 4 {
			t.Errorf("at most %d in flight, want 4", tr.most)
		}
		if most != 1 {
			t.Errorf("%d probes at a time", most)
		}
		if s.acked != 100 || o.Stats.Limit.Load() != 4 {
			t.Errorf("acked %d, limit %d", s.acked, o.Stats.Limit.Load())
		}
	})
}

// TestOrder: answers come in any order, acks do not.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(3, 4))
		var mu sync.Mutex
		have := map[uint64]bool{}
		tr := &transport{answer: func(_ int, _ *http.Request, body []byte) (*http.Response, error) {
			mu.Lock()
			wait, bad := rand.N(time.Second), rnd.IntN(5) == 0
			mu.Unlock()
			time.Sleep(wait)
			if bad {
				return nil, errors.New("bad luck")
			}
			mu.Lock()
			native.Decode(body, func(f protocol.Frame) error { have[f.Sequence] = true; return nil })
			mu.Unlock()
			return stored(body), nil
		}}
		s := &source{t: t, blocks: makeBlocks(300, 1, plainText)}
		s.stored = func(n uint64) bool { mu.Lock(); defer mu.Unlock(); return have[n] }
		simulate(t, s, tr, func(o *Output) { o.MaxRequestBytes, o.Concurrency = 1, 16 })
		if tr.most < 2 || len(have) != 300 {
			t.Errorf("at most %d in flight, %d blocks", tr.most, len(have))
		}
	})
}

// TestSlowReceiver: the window shrinks when answers take much longer.
func TestSlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := new(transport)
		tr.answer = func(n int, _ *http.Request, body []byte) (*http.Response, error) {
			tr.mu.Lock()
			now := tr.now
			tr.mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			if now > 2 { // more than two at a time are too much for it
				time.Sleep(time.Second)
			}
			return stored(body), nil
		}
		s := &source{t: t, blocks: makeBlocks(400, 1, plainText)}
		o := simulate(t, s, tr, func(o *Output) { o.MaxRequestBytes, o.Concurrency = 1, 64 })
		if limit := o.Stats.Limit.Load(); limit > 4 || tr.most > 8 {
			t.Errorf("limit %d, at most %d in flight", limit, tr.most)
		}
	})
}

func TestUnauthorized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(_ int, r *http.Request, body []byte) (*http.Response, error) {
			if r.Header.Get("Authorization") != "Bearer 3" {
				return response(401, "", "who are you"), nil
			}
			return stored(body), nil
		}}
		reloads := 0
		s := &source{t: t, blocks: makeBlocks(2, 1, plainText)}
		o := simulate(t, s, tr, func(o *Output) {
			o.Headers = http.Header{"Authorization": {"Bearer 0"}}
			o.Reload = func() (http.Header, error) {
				if reloads++; reloads == 2 {
					return nil, errors.New("no such file")
				}
				return http.Header{"Authorization": {"Bearer " + strconv.Itoa(reloads)}}, nil
			}
		})
		if len(tr.times) != 4 || o.Stats.Unauthorized.Load() != 3 || reloads != 3 || len(s.dead) != 0 {
			t.Errorf("%d requests, %d unauthorized, %d reloads", len(tr.times), o.Stats.Unauthorized.Load(), reloads)
		}
		for i := range 3 {
			if wait := tr.times[i+1].Sub(tr.times[i]); wait < 15*time.Second || wait > 31*time.Second {
				t.Errorf("waited %v", wait)
			}
		}
	})
}

func TestLogsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(n int, _ *http.Request, body []byte) (*http.Response, error) {
			switch {
			case n < 10:
				return nil, errors.New("connection refused")
			case n < 20:
				return response(503, "", "request "+strconv.Itoa(n)), nil
			case n < 60 && n%2 == 0: // flaps
				return response(502, "", ""), nil
			}
			return stored(body), nil
		}}
		var log bytes.Buffer
		s := &source{t: t, blocks: makeBlocks(60, 1, plainText)}
		simulate(t, s, tr, func(o *Output) {
			o.MaxRequestBytes = 1
			o.Backoff.Max = time.Second
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
		})
		text := log.String()
		for want, n := range map[string]int{"connection refused": 1, "503 Service Unavailable: request 10": 1, `="503`: 1, `="502`: 1, "works again": 1} {
			if got := strings.Count(text, want); got != n {
				t.Errorf("%q is there %d times in\n%s", want, got, text)
			}
		}
	})
}

// TestLogsChangingReasonsOnce: ports and times within a reason make no new one.
func TestLogsChangingReasonsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		remote := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 443}
		tr := &transport{answer: func(n int, _ *http.Request, body []byte) (*http.Response, error) {
			local := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 40000 + n}
			switch {
			case n < 4:
				write := &net.OpError{Op: "write", Net: "tcp", Source: local, Addr: remote, Err: errors.New("connection reset by peer")}
				return nil, &net.OpError{Op: "readfrom", Net: "tcp", Source: local, Addr: remote, Err: write}
			case n < 8:
				return nil, x509.CertificateInvalidError{Cert: new(x509.Certificate), Reason: x509.Expired, Detail: "current time " + time.Now().String()}
			case n < 12:
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "read udp " + local.String() + "->10.0.0.3:53: i/o timeout", Name: "logs.example"}}
			}
			return stored(body), nil
		}}
		var log bytes.Buffer
		simulate(t, &source{t: t, blocks: makeBlocks(1, 1, plainText)}, tr, func(o *Output) {
			o.Backoff.Max = time.Second
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
		})
		text := log.String()
		for _, want := range []string{"tried again", `reason="write 10.0.0.1:443: connection reset by peer"`, "certificate has expired", "lookup logs.example"} {
			n := 1
			if want == "tried again" {
				n = 3
			}
			if got := strings.Count(text, want); got != n {
				t.Errorf("%q is there %d times in\n%s", want, got, text)
			}
		}
	})
}

// TestDrain: what is in flight at the end has DrainTimeout, and nothing new begins.
func TestDrain(t *testing.T) {
	for _, c := range []struct {
		takes time.Duration
		acked uint64
		end   time.Duration
	}{{time.Second, 1, time.Second}, {time.Hour, 0, 2 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			tr := &transport{answer: func(_ int, r *http.Request, body []byte) (*http.Response, error) {
				cancel()
				select {
				case <-time.After(c.takes):
					return stored(body), nil
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}}
			s := &source{t: t, blocks: makeBlocks(9, 1, plainText)}
			o := &Output{URL: "http://indexer", Agent: testAgent, Source: s, Encoder: native.Encoder{}, MaxRequestBytes: 1,
				Client: &http.Client{Transport: tr}, RequestTimeout: time.Minute}
			start := time.Now()
			if err := o.Run(ctx); err != nil {
				t.Error(err)
			}
			if s.acked != c.acked || len(tr.times) != 1 || time.Since(start) != c.end {
				t.Errorf("acked %d, %d requests, after %v", s.acked, len(tr.times), time.Since(start))
			}
		})
	}
}

// TestStopWhileFailing: the end does not wait for a backoff.
func TestStopWhileFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(int, *http.Request, []byte) (*http.Response, error) {
			return response(429, "Retry-After: 200", ""), nil
		}}
		s := &source{t: t, blocks: makeBlocks(9, 1, plainText)}
		o := &Output{URL: "http://indexer", Agent: testAgent, Source: s, Encoder: native.Encoder{}, Client: &http.Client{Transport: tr}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if err := o.Run(ctx); err != nil || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestBrokenSource: a queue that has failed ends Run with its error.
func TestBrokenSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("queue is damaged")
		tr := &transport{answer: func(_ int, _ *http.Request, body []byte) (*http.Response, error) { return stored(body), nil }}
		s := &source{t: t, blocks: makeBlocks(9, 1, plainText), broken: broken}
		o := &Output{URL: "http://indexer", Agent: testAgent, Source: s, Encoder: native.Encoder{}, Client: &http.Client{Transport: tr}}
		if err := o.Run(t.Context()); err != broken {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestRequestTimeout: a whole exchange has a limit, and the log says so.
func TestRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(n int, r *http.Request, body []byte) (*http.Response, error) {
			if n == 0 {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return stored(body), nil
		}}
		var log bytes.Buffer
		simulate(t, &source{t: t, blocks: makeBlocks(1, 1, plainText)}, tr, func(o *Output) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		if wait := tr.times[1].Sub(tr.times[0]); wait < 30*time.Second || wait > 31*time.Second {
			t.Errorf("waited %v", wait)
		}
		if !strings.Contains(log.String(), "no whole answer within 30s") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// TestSecretsAreNotLogged: neither the URL nor a header shows up in the log.
func TestSecretsAreNotLogged(t *testing.T) {
	var log bytes.Buffer
	s := &source{t: t, blocks: makeBlocks(1, 1, plainText)}
	o := newOutput(t, "http://user:hunter2@127.0.0.1:1/?token=hunter2", s, native.Encoder{}) // nobody listens on port 1
	o.Headers = http.Header{"Authorization": {"hunter2"}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "reason" {
			cancel() // what there is to see is there
		}
		return a
	}}))
	if err := o.Run(ctx); err != nil {
		t.Error(err)
	}
	if text := log.String(); !strings.Contains(text, "dial 127.0.0.1:1") || strings.Contains(text, "hunter2") {
		t.Errorf("log: %s", text)
	}
}

// BenchmarkDeliver is everything but the network, for a block of 32 KiB.
func BenchmarkDeliver(b *testing.B) {
	blocks := makeBlocks(1, 1, plainText)
	blocks[0].Payload = bytes.Repeat([]byte{7}, 32<<10)
	blocks[0].Raw = 256 << 10
	s := &source{t: b, kind: true}
	for i := range b.N {
		s.blocks = append(s.blocks, blocks[0])
		s.blocks[i].Sequence = uint64(i + 1)
	}
	tr := roundTrip(func(r *http.Request) (*http.Response, error) {
		key := r.Header.Get("Idempotency-Key")
		io.Copy(io.Discard, r.Body)
		return response(200, "", `{"through":`+key[strings.LastIndexByte(key, '-')+1:]+"}"), nil
	})
	o := &Output{URL: "http://indexer", Agent: testAgent, Source: s, Encoder: native.Encoder{}, Client: &http.Client{Transport: tr}}
	ctx, cancel := context.WithCancel(context.Background())
	s.end = cancel
	b.SetBytes(32 << 10)
	b.ReportAllocs()
	b.ResetTimer()
	if err := o.Run(ctx); err != nil {
		b.Fatal(err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip is http.RoundTripper's.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
