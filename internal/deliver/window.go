package deliver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/protocol"
	"shipper/internal/queue"
)

// slot is some blocks in flight, with the memory they need.
type slot struct {
	blocks []queue.Block
	frames []protocol.Frame
	body   []byte
	done   bool
}

// keepBytes is the memory that a slot keeps for the next blocks.
const keepBytes = 4 << 20

// trim lets go of memory that a few large blocks have left behind.
func (s *slot) trim() {
	total := 0
	for _, b := range s.blocks[:cap(s.blocks)] {
		total += cap(b.Payload)
	}
	if total > keepBytes {
		s.blocks = nil
	}
	if cap(s.body) > keepBytes {
		s.body = nil
	}
}

// window keeps slots in the order of their blocks, acks them in that order, and
// adapts how many there may be to the receiver: one more for each window of
// good answers, as long as all were in use, half as many after a failure, a
// tenth fewer when answers take long (AIMD).
type window struct {
	ack   func(through queue.ID) error
	max   int
	limit *atomic.Int64
	room  chan struct{} // has a value when it is worth looking again

	mu    sync.Mutex
	slots []*slot
	free  []*slot
	size  float64       // of the window: limit is the whole part of it
	quick time.Duration // what a quick answer takes
}

func (w *window) open(limit int, ack func(queue.ID) error, show *atomic.Int64) {
	w.max, w.ack, w.limit, w.size = limit, ack, show, 1
	w.room = make(chan struct{}, 1)
	w.limit.Store(1)
}

// acquire waits until another slot may be in flight. One goroutine calls it.
func (w *window) acquire(ctx context.Context) (*slot, error) {
	for {
		w.mu.Lock()
		if len(w.slots) < int(w.size) {
			defer w.mu.Unlock()
			if n := len(w.free); n > 0 {
				s := w.free[n-1]
				w.free = w.free[:n-1]
				return s, nil
			}
			return new(slot), nil
		}
		w.mu.Unlock()
		select {
		case <-w.room:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// add puts a slot that has got its blocks behind all others.
func (w *window) add(s *slot) {
	s.done = false
	w.mu.Lock()
	w.slots = append(w.slots, s)
	w.mu.Unlock()
}

// finish acks the blocks of s, or leaves that to a slot before it that is not
// done yet.
func (w *window) finish(s *slot) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.done = true
	var through queue.ID
	for len(w.slots) > 0 && w.slots[0].done {
		head := w.slots[0]
		through = head.blocks[len(head.blocks)-1].ID()
		copy(w.slots, w.slots[1:])
		w.slots = w.slots[:len(w.slots)-1]
		head.trim()
		w.free = append(w.free, head)
	}
	if through == (queue.ID{}) {
		return nil
	}
	err := w.ack(through)
	w.signal()
	return err
}

// rest lets go of the memory of slots that are not in use.
func (w *window) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = nil
}

func (w *window) signal() {
	select {
	case w.room <- struct{}{}:
	default:
	}
}

// slow is how much longer than a quick answer one takes that says the receiver
// has too much to do; small differences mean nothing.
const slow = 100 * time.Millisecond

// observe adapts the window to an answer and the time it took.
func (w *window) observe(took time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	full := len(w.slots) >= int(w.size)
	switch {
	case !ok:
		w.size /= 2
	case w.quick > 0 && took > 2*w.quick+slow:
		w.size *= 0.9
	case full:
		w.size += 1 / w.size
	}
	if ok && (w.quick == 0 || took < w.quick) {
		w.quick = took
	} else if ok {
		w.quick += (took - w.quick) / 64 // the receiver may have changed
	}
	w.size = min(max(w.size, 1), float64(w.max))
	w.limit.Store(int64(w.size))
	w.signal()
}
