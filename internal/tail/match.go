package tail

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shipper/internal/clock"
	"shipper/internal/fail"
	"shipper/internal/input"
)

// start finds out what the file is, as soon as there is enough in it: the rest
// of a generation that is known, a copy of a followed file, or something new.
// last says that no more is expected.
func (r *reader) start(f *file, fd int, last bool) error {
	if f.size == 0 {
		return nil
	}
	if f.source != nil {
		if r.copies(f, fd, f.source) {
			return nil
		}
		f.parted()
	}
	head := r.other[:]
	n, err := pread(fd, head, 0)
	if err != nil {
		return r.unread(f, err)
	}
	key := headKey(head[:n])
	if key == 0 && head[0] != 0 && !last {
		return nil
	}
	originals := r.originals(f, key)
	var prev uint64
	for again := true; again; {
		if fd, _ = r.set.acquire(f); fd < 0 {
			return nil
		}
		var ok bool
		if prev, ok = r.match(f, fd, key); ok {
			return nil
		}
		for _, o := range originals {
			_ = fail.Point("tail.copy.compare") // to stop at
			if r.copies(f, fd, o) {
				r.log.Debug("file is a copy of one that is followed; waiting", "path", f.path, "of", o.path)
				f.stage, f.source = shadow, o
				o.copies = append(o.copies, f)
				return nil
			}
		}
		// An original that was truncated since the last look is no longer like its copy.
		if again, err = r.noticeTruncated(originals); err != nil {
			return err
		}
	}
	r.log.Debug("file is new", "path", f.path)
	f.begin(prev)
	r.stats.Generations.Add(1)
	if r.fromEnd && f.first && (r.firstRun || f.mtime < r.startedAt) {
		return r.startAtEnd(f, fd)
	}
	return nil
}

// parted ends f's being a copy.
func (f *file) parted() {
	if i := slices.Index(f.source.copies, f); i >= 0 {
		f.source.copies = slices.Delete(f.source.copies, i, i+1)
	}
	f.source, f.stage = nil, fresh
}

// leaveCopies leaves f's copies to themselves, and f's original if it is one.
func (f *file) leaveCopies() {
	for _, c := range f.copies {
		c.source, c.stage = nil, fresh
	}
	f.copies = nil
	if f.source != nil {
		f.parted()
	}
}

// match has f go on with a saved position, if one is its own. If one was its
// own before the file got other content, match returns that generation.
func (r *reader) match(f *file, fd int, key uint64) (prev uint64, ok bool) {
	for _, s := range r.ledger.byFile[f.id] {
		if p := s.position; !s.truncated && r.agrees(fd, f.size, &p) {
			r.resumed(f, s, p)
			return 0, true
		}
		prev = s.gen
	}
	if key == 0 {
		return prev, false
	}
	for _, s := range r.ledger.byHead[key] {
		if s.file == f.id || !related(s.path, f.path) {
			continue
		}
		if p, ok := r.sameContent(f, fd, s); ok {
			r.resumed(f, s, p)
			return 0, true
		}
	}
	return prev, false
}

// related reports whether the generations of path can be found in the file at found.
func related(path, found string) bool {
	a, b := filepath.Base(path), filepath.Base(found)
	if a == b || isRotationOf(a, b) {
		return true
	}
	x, _ := unrotated(a)
	y, _ := unrotated(b)
	return x != "" && x == y
}

// sameContent reports whether f holds the generation of s, and where it goes
// on. A copy may be shorter than what was read of a truncated original: the
// writer went on between the end of the copying and the truncation.
func (r *reader) sameContent(f *file, fd int, s *saved) (position, bool) {
	p := s.position
	if s.truncated {
		// The last look at a copy may have been in the middle of the copying,
		// which is over now that the original was truncated.
		st, err := fstat(fd)
		if err != nil {
			return p, false
		}
		f.size = st.size
	}
	if p.prefixLen == 0 || f.size < int64(p.prefixLen) {
		return p, false
	}
	if f.size < p.offset && s.truncated {
		p.offset = f.size
		var err error
		if p.marker, err = r.markerAt(fd, f.size); err != nil {
			return p, false
		}
	}
	return p, r.agrees(fd, f.size, &p)
}

// resumed has f go on from p, which was saved as s.
func (r *reader) resumed(f *file, s *saved, p position) {
	r.ledger.remove(s)
	r.orphans = slices.DeleteFunc(r.orphans, func(o *saved) bool { return o == s })
	f.adopt(p)
	if f.gen != 0 {
		without(r.pending, f.lineage, f)
	}
	r.stats.Resumed.Add(1)
	r.log.Debug("file goes on with a known generation", "path", f.path, "generation", formatID(p.gen), "offset", p.offset, "was", p.path)
}

// originals returns the files that f, by its name, can be a copy of: beside it,
// and those elsewhere that begin alike, by key.
func (r *reader) originals(f *file, key uint64) []*file {
	dir, name := filepath.Split(f.path)
	var out []*file
	suffixed, infixed := unrotated(name)
	for _, n := range []string{name, suffixed, infixed} {
		if n == "" {
			continue
		}
		for _, o := range r.byName[n] {
			beside := strings.HasPrefix(o.path, dir) && len(o.path) == len(dir)+len(n)
			if o != f && o.archive == nil && (beside && n != name || !beside && key != 0 && o.head == key) {
				out = append(out, o)
			}
		}
	}
	return out
}

// noticeTruncated looks whether files were truncated since they were read, and
// reports whether one was.
func (r *reader) noticeTruncated(files []*file) (any bool, err error) {
	for _, o := range files {
		if o.stage != following || !r.isTruncated(o) {
			continue
		}
		if err := r.truncated(o); err != nil {
			return true, err
		}
		any = true
	}
	return any, nil
}

// isTruncated reports whether f is known not to be what its position says any more.
func (r *reader) isTruncated(f *file) bool {
	fd, _ := r.set.acquire(f)
	st, err := fstat(fd)
	if err != nil {
		return false
	}
	same, err := r.compare(fd, st.size, &f.position)
	return !same && err == nil
}

// copies reports whether all that f has so far is what o has there, too: it
// looks at the first and the last KiB. A file that stays as it is is taken for
// one of its own after the grace time if it is small, or not beside o, which goes
// on: it may only begin alike. What has lost its names is read to its end first.
func (r *reader) copies(f *file, fd int, o *file) bool {
	r.set.mu.Lock()
	ofd, named := o.fd, o.links > 0
	r.set.mu.Unlock()
	mayBeOwn := !f.copied && (f.size < prefixBytes || named && filepath.Dir(f.path) != filepath.Dir(o.path))
	if ofd < 0 || mayBeOwn && r.now.Sub(f.grown) > r.grace {
		return false
	}
	st, err := fstat(ofd)
	if err != nil || st.size < f.size {
		return false
	}
	n := min(f.size, prefixBytes)
	for _, at := range []int64{0, f.size - n} {
		a, b := r.other[:n], r.head[:n]
		if k, err := pread(fd, a, at); err != nil || k < len(a) {
			return false
		}
		if k, err := pread(ofd, b, at); err != nil || k < len(b) || string(a) != string(b) {
			return false
		}
	}
	return true
}

// truncated begins a new generation in f. The one before may turn up as a copy.
func (r *reader) truncated(f *file) error {
	r.log.Info("file was truncated; reading from its start", "path", f.path, "position", f.offset, "size", f.known)
	r.stats.Truncations.Add(1)
	r.stats.Generations.Add(1)
	s := &saved{position: f.position, truncated: true, lost: max(f.known-f.offset, 0), deadline: r.now.Add(r.grace)}
	copies := slices.Clone(f.copies)
	f.leaveCopies()
	prev := s.gen
	if prev == 0 {
		prev = f.prev
	}
	if s.gen != 0 {
		f.born = wallClock()
	} else { // it is not stored, and its copy found by its age
		f.born++
	}
	f.begin(prev)
	r.pend(f)
	r.orphans = append(r.orphans, s)
	gone := r.ledger.add(s)
	for _, c := range copies {
		fd, _ := r.set.acquire(c)
		if fd < 0 {
			continue
		}
		if p, ok := r.sameContent(c, fd, s); ok {
			r.resumed(c, s, p)
			f.before = c
			f.born = max(f.born, c.born+1)
			break
		}
	}
	if gone != nil {
		return r.forget(gone)
	}
	return nil
}

// expireOrphans gives up truncated generations of which no copy turned up.
func (r *reader) expireOrphans() error {
	for len(r.orphans) > 0 && !r.now.Before(r.orphans[0].deadline) {
		s := r.orphans[0]
		r.orphans = r.orphans[1:]
		if err := r.giveUp(s, "truncated_unread", s.lost); err != nil {
			return err
		}
	}
	return nil
}

// giveUp expects nothing more of a saved position. If lost is not 0, data is
// gone for that reason; -1 is an unknown number of bytes.
func (r *reader) giveUp(s *saved, reason string, lost int64) error {
	s.flags |= flagDone
	c := input.Chunk{}
	if s.gen == 0 {
		r.ledger.remove(s) // nothing of it was ever handed on
	} else {
		c.Input, c.Pos = r.key(s.gen), s.position.append(nil)
	}
	if lost != 0 {
		bytes := max(lost, 0)
		r.log.Error("data of a file is gone unread", "path", s.path, "reason", reason, "bytes", bytes, "known", lost > 0)
		c.Books = append(c.Books, input.Entry{Kind: input.Lost, Reason: reason, Bytes: bytes, Count: 1})
	}
	return r.book(s.path, max(lost, 0), c)
}

// remember keeps the position of a file that was closed.
func (r *reader) remember(s *saved) error {
	if gone := r.ledger.add(s); gone != nil {
		return r.forget(gone)
	}
	return nil
}

// forget deletes a stored position.
func (r *reader) forget(s *saved) error {
	r.set.release()
	return r.put(input.Chunk{Input: r.key(s.gen)})
}

// expirePositions forgets files that have been gone for long, and stores how long.
func (r *reader) expirePositions() error {
	oldest := clock.Steady(r.begun, time.Now()).UnixNano() - int64(r.retention)
	// What is not read yet is told from what was read and forgotten by its age.
	for _, files := range r.pending {
		for _, f := range files {
			if f.size > 0 {
				oldest = min(oldest, f.mtime)
			}
		}
	}
	var old []*saved
	r.ledger.each(func(s *saved) {
		if s.time < oldest && !s.parked && (s.done() || !s.truncated) {
			old = append(old, s)
		}
	})
	if len(old) == 0 {
		return nil
	}
	r.set.release()
	r.forgotten = oldest
	if err := r.put(input.Chunk{Input: r.name + forgottenKey, Pos: appendTime(nil, oldest)}); err != nil {
		return err
	}
	for _, s := range old {
		r.ledger.remove(s)
		if err := r.forget(s); err != nil {
			return err
		}
	}
	return nil
}
