package receive

import (
	"context"
	"sync"
)

// budget bounds the bytes of the requests that are being handled, so that many
// large ones wait for each other instead of filling the memory.
type budget struct {
	size int64

	mu      sync.Mutex
	used    int64
	waiting []waiter // in order; the first one is served first
}

type waiter struct {
	n     int64
	ready chan struct{}
}

// take waits for n bytes, or for all there are if n is more.
func (b *budget) take(ctx context.Context, n int64) (taken int64, err error) {
	n = min(n, b.size)
	b.mu.Lock()
	if len(b.waiting) == 0 && b.used+n <= b.size {
		b.used += n
		b.mu.Unlock()
		return n, nil
	}
	w := waiter{n, make(chan struct{})}
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()
	select {
	case <-w.ready:
		return n, nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.waiting {
		if b.waiting[i].ready == w.ready {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			b.serve()
			return 0, ctx.Err()
		}
	}
	b.used -= n // it became ready at the same time
	b.serve()
	return 0, ctx.Err()
}

// give returns n bytes.
func (b *budget) give(n int64) {
	b.mu.Lock()
	b.used -= n
	b.serve()
	b.mu.Unlock()
}

func (b *budget) serve() {
	for len(b.waiting) > 0 && b.used+b.waiting[0].n <= b.size {
		b.used += b.waiting[0].n
		close(b.waiting[0].ready)
		b.waiting = b.waiting[1:]
	}
}
