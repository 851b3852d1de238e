package tail

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// set holds the open files, which discovery and the reader share. Neither
// holds its lock while it reads, lists or waits.
type set struct {
	wake chan struct{} // of capacity 1: something arrived

	mu      sync.Mutex
	open    map[identity]*file
	unnamed map[*file]struct{} // of open: without a name, or deleted
	arrived []*file            // for the reader
	scanned bool               // the first scan is complete
	reading *file              // whose descriptor the reader is using
	reopen  bool               // a file that has a name was closed
	parked  map[*file]rest     // see park.go
	maxOpen int                // files that may be open
	crowded int                // files that may be open before idle ones are parked
	waiting int                // files that cannot be opened for that
}

func newSet() *set {
	return &set{wake: make(chan struct{}, 1), open: map[identity]*file{}, unnamed: map[*file]struct{}{}, parked: map[*file]rest{}, maxOpen: 1 << 30, crowded: 1 << 30}
}

func (s *set) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// link gives the open file of that identity one more name.
func (s *set) link(id identity) *file {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.open[id]
	if f == nil {
		return nil
	}
	f.links++
	f.unlinked = time.Time{}
	delete(s.unnamed, f)
	return f
}

// named reports whether f has a name in the patterns.
func (s *set) named(f *file) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.links > 0
}

// has reports whether a file of that identity is open.
func (s *set) has(id identity) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[id] != nil
}

// add takes a newly opened file; it returns false if one of its identity is open.
func (s *set) add(f *file, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[f.id] != nil {
		return false
	}
	s.open[f.id] = f
	if f.links == 0 {
		f.unlinked = now
		s.unnamed[f] = struct{}{}
	}
	return true
}

// arrive hands files to the reader.
func (s *set) arrive(fs []*file, scanned bool) {
	s.mu.Lock()
	s.arrived = append(s.arrived, fs...)
	s.scanned = s.scanned || scanned
	s.mu.Unlock()
	s.signal()
}

// accept takes what has arrived, nothing before the first scan is complete.
func (s *set) accept() (fs []*file, scanned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.scanned {
		return nil, false
	}
	fs, s.arrived = s.arrived, nil
	return fs, true
}

// unlink takes one name of f away.
func (s *set) unlink(f *file, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.links--
	if f.links <= 0 && !f.closed {
		f.unlinked = now
		s.unnamed[f] = struct{}{}
	}
}

// size is the number of open files.
func (s *set) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// acquire returns f's descriptor, which is not closed before the next acquire
// or release, and since when f has no name. It is -1 if f was given up.
func (s *set) acquire(f *file) (fd int, unlinked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = f
	return f.fd, f.unlinked
}

func (s *set) release() {
	s.mu.Lock()
	s.reading = nil
	s.mu.Unlock()
}

// retire closes f unless it has got a name in the meantime and named is false.
func (s *set) retire(f *file, named bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.links > 0 && !named {
		return false
	}
	s.close(f)
	f.closed = true
	s.reopen = s.reopen || f.links > 0
	delete(s.open, f.id)
	delete(s.unnamed, f)
	return true
}

// takeReopen reports whether names lead to files that were closed since it was
// last called.
func (s *set) takeReopen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.reopen
	s.reopen = false
	return r
}

// isClosed reports whether f is closed, and not parked.
func (s *set) isClosed(f *file) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, parked := s.parked[f]
	return f.closed && !parked
}

func (s *set) close(f *file) {
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
	}
}

func (s *set) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.open {
		s.close(f)
		f.closed = true
	}
	clear(s.open)
	clear(s.unnamed)
}

// held looks at the files that were deleted, sums up the space they take, and
// gives up the oldest while it is more than limit. A file that is being read
// is spared. It needs no help of the reader, which may be blocked.
func (s *set) held(limit int64) (files int, bytes int64, given []*file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.unnamed {
		if st, err := fstat(f.fd); f.fd >= 0 && err == nil {
			f.held = 0
			if st.nlink == 0 {
				f.held = st.blocks * 512
				f.heldSize = st.size
				files++
				bytes += f.held
			}
		}
	}
	for limit > 0 && bytes > limit {
		var oldest *file
		for f := range s.unnamed {
			if f.fd >= 0 && f.held > 0 && f != s.reading && (oldest == nil || f.unlinked.Before(oldest.unlinked)) {
				oldest = f
			}
		}
		if oldest == nil {
			break
		}
		bytes -= oldest.held
		files--
		s.close(oldest)
		given = append(given, oldest)
	}
	return files, bytes, given
}
