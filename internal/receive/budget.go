package receive

import (
	"context"
	"sync"
	"time"
)

// budget bounds what all requests that are being handled have of something, so
// that many of them wait for each other instead of filling the memory.
type budget struct {
	size int64

	// crowded, if set, is called now and then while somebody waits, to make room.
	crowded func()

	mu      sync.Mutex
	used    int64
	over    *grant   // who has more than there is
	waiting []waiter // in order; the first one is served first
}

// grant is what one request has of a budget.
type grant struct{ n int64 }

type waiter struct {
	to    *grant
	n     int64
	ready chan struct{}
}

// look is how often who waits asks for room to be made.
const look = 50 * time.Millisecond

// take waits until g has n more. Who has some already goes before those that
// have none, and one at a time of them may have more than there is: so of many
// half bodies there is always one that can become whole.
func (b *budget) take(ctx context.Context, g *grant, n int64) error {
	b.mu.Lock()
	if (len(b.waiting) == 0 || g.n > 0) && b.add(g, n) {
		b.mu.Unlock()
		return nil
	}
	w := waiter{g, n, make(chan struct{})}
	b.enqueue(w)
	b.mu.Unlock()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if b.crowded != nil {
			b.crowded()
		}
		select {
		case <-w.ready:
			return nil
		case <-tick.C:
		case <-ctx.Done():
			b.leave(w)
			return ctx.Err()
		}
	}
}

// add gives n to g if that may be. The caller holds mu.
func (b *budget) add(g *grant, n int64) bool {
	switch {
	case b.used+n <= b.size, b.used == 0, b.over == g:
	case g.n > 0 && b.over == nil:
		b.over = g
	default:
		return false
	}
	b.used += n
	g.n += n
	return true
}

// enqueue puts w behind those that have as much right. The caller holds mu.
func (b *budget) enqueue(w waiter) {
	at := len(b.waiting)
	if w.to.n > 0 {
		for at = 0; at < len(b.waiting) && b.waiting[at].to.n > 0; at++ {
		}
	}
	b.waiting = append(b.waiting, waiter{})
	copy(b.waiting[at+1:], b.waiting[at:])
	b.waiting[at] = w
}

// leave ends a wait. If w became ready at the same time its grant has it.
func (b *budget) leave(w waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.waiting {
		if b.waiting[i].ready == w.ready {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			b.serve()
			return
		}
	}
}

// give returns all that g has.
func (b *budget) give(g *grant) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= g.n
	g.n = 0
	if b.over == g {
		b.over = nil
	}
	b.serve()
}

func (b *budget) serve() {
	for len(b.waiting) > 0 && b.add(b.waiting[0].to, b.waiting[0].n) {
		close(b.waiting[0].ready)
		b.waiting = b.waiting[1:]
	}
}
