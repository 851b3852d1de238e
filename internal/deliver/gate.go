package deliver

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// gate is the circuit breaker that all requests of an output pass. While the
// receiver answers, it is open. After a failure nobody passes until the backoff
// is over, and then one: the probe, whose outcome opens the gate or closes it
// for longer.
type gate struct {
	backoff Backoff

	mu       sync.Mutex
	changed  chan struct{} // closed when another look is worth it
	round    int           // failures that counted, ever
	failures int           // in a row; 0: open
	until    time.Time
	probing  bool
}

func (g *gate) open(b Backoff) {
	g.backoff, g.changed = b, make(chan struct{})
}

// enter waits until the caller may send. It returns the round, to be handed to
// exactly one of pass, fail and leave.
func (g *gate) enter(ctx context.Context) (round int, err error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		g.mu.Lock()
		if g.failures == 0 {
			defer g.mu.Unlock()
			return g.round, nil
		}
		left := time.Until(g.until)
		if !g.probing && left <= 0 {
			defer g.mu.Unlock()
			g.probing = true
			return g.round, nil
		}
		changed, probing := g.changed, g.probing
		g.mu.Unlock()
		if probing { // its outcome decides
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		t := time.NewTimer(left)
		select {
		case <-t.C:
		case <-changed:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// pass says that the receiver has answered. It reports whether the gate is
// open: what was sent before the last failure says nothing about the time since.
func (g *gate) pass(round int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if round == g.round && g.failures > 0 {
		g.failures, g.probing = 0, false
		g.wake()
	}
	return g.failures == 0
}

// fail closes the gate for at least atLeast. Requests that were in flight
// together and fail together count once. It returns the time left.
func (g *gate) fail(round int, atLeast time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if round == g.round {
		g.round++
		g.failures++
		g.probing = false
		g.until = time.Now().Add(max(g.jitter(), atLeast))
		g.wake()
	} else if until := time.Now().Add(atLeast); atLeast > 0 && g.failures > 0 && until.After(g.until) {
		g.until = until
	}
	return max(0, time.Until(g.until))
}

// leave says that the outcome is not known.
func (g *gate) leave(round int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if round == g.round && g.probing {
		g.probing = false
		g.wake()
	}
}

// jitter returns a random part of the limit, which doubles with each failure
// ("full jitter"): many agents that failed together do not come back together.
func (g *gate) jitter() time.Duration {
	limit := g.backoff.Min
	for i := 1; i < g.failures && limit < g.backoff.Max; i++ {
		limit *= 2
	}
	return rand.N(min(limit, g.backoff.Max)) + 1
}

func (g *gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}
