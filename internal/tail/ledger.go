package tail

import (
	"slices"
	"time"
)

// perPath bounds the positions kept of the earlier generations of one path.
const perPath = 64

// saved is a position whose file is not open: stored before a restart, of a
// file that was read to its end and closed, or of one that was truncated.
type saved struct {
	position

	parked    bool      // its file is looked at by name
	truncated bool      // its file has other content now
	lost      int64     // of a truncated one: bytes known to have been there and not read
	deadline  time.Time // of a truncated one: when it is given up
}

func (s *saved) done() bool { return s.flags&flagDone != 0 }

// ledger keeps saved positions so that files can be matched with them.
type ledger struct {
	byFile map[identity][]*saved
	byHead map[uint64][]*saved
	byPath map[string][]*saved
}

func newLedger() *ledger {
	return &ledger{map[identity][]*saved{}, map[uint64][]*saved{}, map[string][]*saved{}}
}

// add keeps s and returns what has to go for it, or nil.
func (l *ledger) add(s *saved) *saved {
	l.byFile[s.file] = append(l.byFile[s.file], s)
	l.byHead[s.head] = append(l.byHead[s.head], s)
	l.byPath[s.path] = append(l.byPath[s.path], s)
	if len(l.byPath[s.path]) <= perPath {
		return nil
	}
	var oldest *saved
	for _, o := range l.byPath[s.path] {
		if o.done() && (oldest == nil || o.time < oldest.time) {
			oldest = o
		}
	}
	if oldest != nil {
		l.remove(oldest)
	}
	return oldest
}

func (l *ledger) remove(s *saved) {
	remove(l.byFile, s.file, s)
	remove(l.byHead, s.head, s)
	remove(l.byPath, s.path, s)
}

func remove[K comparable](m map[K][]*saved, k K, s *saved) {
	if left := slices.DeleteFunc(m[k], func(o *saved) bool { return o == s }); len(left) > 0 {
		m[k] = left
	} else {
		delete(m, k)
	}
}

// each calls fn for every position; fn may remove it.
func (l *ledger) each(fn func(*saved)) {
	for _, list := range l.byPath {
		for _, s := range slices.Clone(list) {
			fn(s)
		}
	}
}
