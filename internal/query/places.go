package query

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// places are for answers that take memory while they are made and written: as
// many at a time as there are places, others wait. A client may take its time to
// read as long as nobody waits; when somebody does, the answer that has waited
// longest for its client is broken off. What the query itself takes is not the
// client's fault and does not count.
type places struct {
	free chan struct{}

	mu   sync.Mutex
	open map[*place]struct{}
}

const (
	// stall is how long a client may take to read what was written; for each
	// MiB of it a second more.
	stall = time.Minute

	// fair is how long an answer may wait for its client although others wait.
	fair = 2 * time.Second

	// look is how often who waits looks for such an answer.
	look = 100 * time.Millisecond
)

// place is that of one answer. It is an io.Writer, to its client.
type place struct {
	of     *places
	w      http.ResponseWriter
	client *http.ResponseController
	stop   context.CancelFunc

	// guarded by places.mu
	waited time.Duration // for the client
	since  time.Time     // of a write under way
	slow   bool          // it was broken off
}

func newPlaces(n int) *places {
	return &places{free: make(chan struct{}, n), open: make(map[*place]struct{})}
}

// enter waits for a place, until ctx is done. stop is to end the query.
func (p *places) enter(ctx context.Context, w http.ResponseWriter, stop context.CancelFunc) (*place, error) {
	v := &place{of: p, w: w, client: http.NewResponseController(w), stop: stop}
	select {
	case p.free <- struct{}{}:
		p.add(v)
		return v, nil
	default:
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		p.yield()
		select {
		case p.free <- struct{}{}:
			p.add(v)
			return v, nil
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *places) add(v *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[v] = struct{}{}
}

// leave gives the place back.
func (v *place) leave() {
	v.of.mu.Lock()
	delete(v.of.open, v)
	v.of.mu.Unlock()
	<-v.of.free
}

// yield breaks off the answer that has waited longest for its client.
func (p *places) yield() {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	var slowest *place
	longest := fair
	for v := range p.open {
		if v.slow {
			return // one at a time
		}
		waited := v.waited
		if !v.since.IsZero() {
			waited += now.Sub(v.since)
		}
		if waited >= longest {
			slowest, longest = v, waited
		}
	}
	if slowest != nil {
		slowest.slow = true
		slowest.stop()
		_ = slowest.client.SetWriteDeadline(now)
	}
}

// Write writes a part of the answer.
func (v *place) Write(b []byte) (int, error) {
	now := time.Now()
	v.of.mu.Lock()
	if v.slow {
		v.of.mu.Unlock()
		return 0, context.Canceled
	}
	v.since = now
	_ = v.client.SetWriteDeadline(now.Add(stall + time.Duration(len(b)>>20)*time.Second))
	v.of.mu.Unlock()
	n, err := v.w.Write(b)
	v.of.mu.Lock()
	v.waited += time.Since(now)
	v.since = time.Time{}
	v.of.mu.Unlock()
	return n, err
}
