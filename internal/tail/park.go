package tail

import (
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// With more files than there are descriptors for, those that have been read to
// their end and are idle for longest are parked: closed, with their position kept.
// Each scan looks at them by name, and those that have changed are opened again.
// Until then a parked file is like one of an agent that is down: what is written
// into it and rotated away is found as long as it is beside it.

// parkAfter is how long a file has to be idle to be parked.
const parkAfter = time.Second

// leaveAfter is how long a file without a name has to be idle to be closed before
// its grace time is over.
const leaveAfter = 5 * time.Second

// seekTime is how long a parked file that has lost its name is looked for under
// others.
const seekTime = 10 * time.Minute

// makeRoom parks idle files while more are open than there should be.
func (r *reader) makeRoom() error {
	n := r.set.tooMany()
	if n <= 0 {
		return nil
	}
	var idle []*file
	for _, files := range r.byPath {
		for _, f := range files {
			if f.mayPark(r.now) && len(files) == 1 {
				idle = append(idle, f)
			}
		}
	}
	slices.SortFunc(idle, func(a, b *file) int { return a.grown.Compare(b.grown) })
	for _, f := range idle {
		if n == 0 {
			break
		}
		if !r.set.park(f) {
			// It has no name any more: what is written into it this late is found
			// when the directory is listed.
			if _, unlinked := r.set.acquire(f); unlinked.IsZero() || r.now.Sub(latest(unlinked, f.grown)) < leaveAfter {
				continue
			}
			if err := r.finish(f); err != nil {
				return err
			}
			if f.parked = r.set.isClosed(f); f.parked {
				n--
			}
			continue
		}
		n--
		f.parked = true
		r.stats.Parked.Add(1)
		if err := r.closed(f, 0); err != nil {
			return err
		}
	}
	return nil
}

// mayPark reports whether there is nothing to do for f that needs its handle.
func (f *file) mayPark(now time.Time) bool {
	return f.stage == following && f.archive == nil && f.gen != 0 && f.size == f.seen && f.seen == f.offset && !f.lines && !f.stale &&
		f.failed == "" && f.rests > 0 && now.Sub(f.grown) >= parkAfter &&
		f.before == nil && f.heir == nil && f.source == nil && len(f.copies) == 0
}

// tooMany is how many files should be closed: so that a quarter of what may be open
// is free, and up to half of it if files wait for that.
func (s *set) tooMany() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := max(len(s.open)-s.crowded, min(s.waiting, len(s.open)-s.crowded/2))
	s.waiting = 0
	return n
}

// wait notes that a file could not be opened because too many are.
func (s *set) wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting++
}

// rest is how a parked file was when it was closed.
type rest struct{ size, mtime int64 }

// park closes f, which has one name, unless it has lost that meanwhile.
func (s *set) park(f *file) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.links != 1 || f.fd < 0 {
		return false
	}
	s.close(f)
	f.closed = true
	delete(s.open, f.id)
	s.parked[f] = rest{f.size, f.mtime}
	return true
}

// lookAtParked has those parked files opened again that have changed, or are not
// under their name any more: all of them, or those in dirs.
func (s *scanner) lookAtParked(dirs map[string]bool) {
	for f, was := range s.set.allParked() {
		if dirs != nil && !dirs[filepath.Dir(f.path)] {
			continue
		}
		var st unix.Stat_t
		err := unix.Lstat(f.path, &st)
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			err = unix.Stat(f.path, &st)
		}
		if err == nil && st.Dev == f.id.dev && st.Ino == f.id.ino && st.Size == was.size && st.Mtim.Nano() == was.mtime {
			continue
		}
		s.sought[f.id] = s.now // it may have another name, or have it before it is open again
		s.set.unpark(f)
		s.stats.Parked.Add(-1)
	}
	for id, since := range s.sought {
		if s.now.Sub(since) > seekTime {
			delete(s.sought, id)
		}
	}
}

func (s *set) allParked() map[*file]rest {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.parked) == 0 {
		return nil
	}
	all := make(map[*file]rest, len(s.parked))
	for f, was := range s.parked {
		all[f] = was
	}
	return all
}

func (s *set) unpark(f *file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parked, f)
	s.reopen = true
}

// listAgain has all directories listed in the next scan.
func (s *set) listAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reopen = true
}
