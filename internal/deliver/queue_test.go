package deliver

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"shipper/internal/protocol/native"
	"shipper/internal/queue"
)

// TestQueue delivers from a real queue to a receiver that loses every third
// ack, stops in between, and goes on with what was not acked.
func TestQueue(t *testing.T) {
	dir := t.TempDir()
	r := newReceiver(t, func(n int) fault {
		if n%3 == 1 {
			return faults["lost ack"]
		}
		return good
	})
	agent := ""
	session := func(deliver func(q *queue.Queue, o *Output)) {
		q, err := queue.Open(dir, queue.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := q.Close(); err != nil {
				t.Error(err)
			}
		}()
		c, err := q.Cursor("test")
		if err != nil {
			t.Fatal(err)
		}
		if agent == "" {
			agent = q.AgentID()
		}
		o := newOutput(t, r.url(), nil, native.Encoder{})
		o.Source, o.Agent, o.MaxRequestBytes = c, testAgent, 2000
		deliver(q, o)
		if q.AgentID() != agent {
			t.Errorf("agent %s, before it was %s", q.AgentID(), agent)
		}
	}
	blocks := makeBlocks(60, 3, plainText)
	session(func(q *queue.Queue, o *Output) {
		for i := range blocks {
			if err := q.Append(t.Context(), []queue.Append{{Block: &blocks[i]}}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o.Client.Transport = stopAfter{o.Client.Transport, 10, new(int), cancel}
		o.Concurrency = 1
		if err := o.Run(ctx); err != nil {
			t.Error(err)
		}
		if lag, err := q.Lag("test"); err != nil || lag.Blocks == 0 || lag.Blocks == 60 {
			t.Errorf("%d of 60 blocks left in the middle, %v", lag.Blocks, err)
		}
	})
	session(func(q *queue.Queue, o *Output) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		o.Source = acked{o.Source, 60, cancel}
		if err := o.Run(ctx); err != nil {
			t.Error(err)
		}
		if lag, err := q.Lag("test"); err != nil || lag.Blocks != 0 {
			t.Errorf("%d blocks left at the end, %v", lag.Blocks, err)
		}
	})
	repeats := 0
	for n := uint64(1); n <= 60; n++ {
		if r.blocks[n] == 0 {
			t.Errorf("block %d is missing", n)
		}
		repeats += r.blocks[n] - 1
	}
	if repeats == 0 {
		t.Error("no ack was lost")
	}
}

// stopAfter calls stop with a request.
type stopAfter struct {
	http.RoundTripper
	after int
	n     *int
	stop  func()
}

// RoundTrip is http.RoundTripper's.
func (s stopAfter) RoundTrip(r *http.Request) (*http.Response, error) {
	if *s.n++; *s.n == s.after {
		s.stop()
	}
	return s.RoundTripper.RoundTrip(r)
}

// acked calls done when the last block is acked.
type acked struct {
	Source
	last uint64
	done func()
}

// Ack is Source's.
func (a acked) Ack(through queue.ID) error {
	defer func() {
		if through.Sequence == a.last {
			a.done()
		}
	}()
	return a.Source.Ack(through)
}

// TestIdleConnection: a receiver closes the connection it was to keep, just
// when the next request is on its way. net/http sends it again by itself.
func TestIdleConnection(t *testing.T) {
	var mu sync.Mutex
	used := map[net.Conn]bool{}
	r := newReceiver(t, func(int) fault {
		return func(r *receiver, c net.Conn, req *http.Request) bool {
			mu.Lock()
			again := used[c]
			used[c] = true
			mu.Unlock()
			if again {
				r.read(req)
				return false
			}
			return good(r, c, req)
		}
	})
	s := &source{t: t, blocks: makeBlocks(20, 1, plainText), stored: r.has}
	o := newOutput(t, r.url(), s, native.Encoder{})
	o.MaxRequestBytes, o.Concurrency = 1, 1
	run(t, o, s)
	if o.Stats.Failed.Load() != 0 {
		t.Errorf("%d of %d requests failed", o.Stats.Failed.Load(), o.Stats.Requests.Load())
	}
}
