package input

import "sync/atomic"

// Hint carries what detection learnt from one chunk of a stream to the next.
// It only speeds parsing up and settles ambiguous lines; chunks of a stream may
// be parsed concurrently, and the last writer wins.
type Hint struct{ v atomic.Uint64 }

// Load returns the value stored last, 0 at first.
func (h *Hint) Load() uint64 {
	if h == nil {
		return 0
	}
	return h.v.Load()
}

// Store replaces the value.
func (h *Hint) Store(v uint64) {
	if h != nil && h.v.Load() != v {
		h.v.Store(v)
	}
}
