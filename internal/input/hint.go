package input

import "sync/atomic"

// Hint carries what was learnt from one chunk of a stream to the next: by
// detection, and by redaction about blocks of several lines. It speeds parsing up
// and settles ambiguous lines; chunks of a stream may be parsed concurrently, and
// the last writer wins.
type Hint struct{ v, open atomic.Uint64 }

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

// Open returns what SetOpen stored last, 0 at first.
func (h *Hint) Open() uint64 {
	if h == nil {
		return 0
	}
	return h.open.Load()
}

// SetOpen says what secrets of several lines the chunk ended within.
func (h *Hint) SetOpen(v uint64) {
	if h != nil && h.open.Load() != v {
		h.open.Store(v)
	}
}
