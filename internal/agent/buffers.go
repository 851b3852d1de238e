package agent

import "sync"

// buffers are payload buffers between their use for one commit and the next.
type buffers struct {
	mu   sync.Mutex
	free [][]byte
}

// maxFree is how many buffers are kept: one for each job of a large commit.
const maxFree = 16

// maxKept is the capacity above which a buffer is not kept.
const maxKept = 1 << 20

func (b *buffers) get() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.free)
	if n == 0 {
		return nil
	}
	p := b.free[n-1]
	b.free = b.free[:n-1]
	return p
}

func (b *buffers) put(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.free) < maxFree && cap(p) <= maxKept {
		b.free = append(b.free, p[:0])
	}
}

// drop lets go of all that nobody uses.
func (b *buffers) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = nil
}
