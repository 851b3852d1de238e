package tail

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"shipper/internal/input"
	"shipper/internal/record"
)

const (
	// maxRests bounds how rarely an idle file is looked at: every 2^maxRests ticks.
	maxRests = 3
	// slots is the size of the timer wheel, more than the longest wait in ticks.
	slots = 1<<maxRests + 1
	// expireInterval is between looks for positions to forget.
	expireInterval = time.Minute
)

// reader reads all files, in turn. One goroutine uses it.
type reader struct {
	set    *set
	filter *filter
	roots  []string // files may be in these, wherever links lead
	put    func(input.Chunk) error
	log    *slog.Logger
	stats  *Stats

	name      string
	limit     int
	chunk     int
	tick      time.Duration
	join      time.Duration
	grace     time.Duration
	retention time.Duration
	fromEnd   bool
	newStream func(id, path string) *record.Stream
	newCutter func(state []byte) Cutter

	pool    *pool
	ledger  *ledger
	byPath  map[string][]*file // open files, by the path where they were found
	byName  map[string][]*file // the same by their name in the directory
	pending map[string][]*file // open files of which nothing is stored yet, by lineage
	orphans []*saved           // truncated generations that may turn up as copies

	first     bool      // no position is stored yet
	firstRun  bool      // this is the very first start
	startedAt int64     // when the very first start was, ns since the Unix epoch
	forgotten int64     // positions from before this may be forgotten, ns since the Unix epoch
	begun     time.Time // of this run
	matched   bool      // the files of the first scan are matched
	now       time.Time
	next      time.Time // tick
	expire    time.Time
	wheel     [slots][]*file
	slot      int
	ready     []*file // with something to read, in order
	from      int     // first of ready

	head  [prefixBytes]byte // scratch: the first bytes of the file read last
	mark  [markerBytes]byte // scratch
	other [prefixBytes]byte // scratch
}

func newReader(f *Follower, set *set, filter *filter, roots []string, put func(input.Chunk) error) *reader {
	return &reader{
		begun: time.Now(), set: set, filter: filter, roots: roots, put: put, log: f.Log, stats: f.Stats,
		name: f.Name, limit: f.LineLimit, chunk: f.ChunkBytes, tick: f.PollInterval, join: f.JoinTimeout, grace: f.Grace,
		retention: f.Retention, fromEnd: f.FromEnd, newStream: f.NewStream, newCutter: f.NewCutter,
		pool: newPool(f.ChunkBytes), ledger: newLedger(), byPath: map[string][]*file{}, byName: map[string][]*file{},
		pending: map[string][]*file{},
	}
}

func (r *reader) run(ctx context.Context) error {
	timer := time.NewTimer(r.tick)
	defer timer.Stop()
	for ctx.Err() == nil {
		busy, err := r.step(time.Now())
		if err != nil {
			return err
		}
		if busy {
			continue
		}
		r.set.release()
		timer.Reset(time.Until(r.next))
		select {
		case <-ctx.Done():
		case <-r.set.wake:
		case <-timer.C:
		}
	}
	return nil
}

// step takes in new files, looks at those that are due, and reads once. It
// reports whether there is more to do at once.
func (r *reader) step(now time.Time) (busy bool, err error) {
	r.now = now
	arrived, scanned := r.set.accept()
	if !scanned {
		r.next = now.Add(r.tick)
		return false, nil
	}
	if !r.matched {
		r.matched, r.next, r.expire = true, now.Add(r.tick), now.Add(expireInterval)
		if arrived, err = r.resume(arrived); err != nil {
			return false, err
		}
	}
	// What others can be copies of comes first.
	slices.SortStableFunc(arrived, func(a, b *file) int { return len(a.path) - len(b.path) })
	for _, f := range arrived {
		r.stats.Files.Add(1)
		if same := r.byPath[f.path]; f.before == nil && len(same) > 0 {
			f.before = same[len(same)-1] // it had the name until some time ago
		}
		r.pend(f)
		r.byPath[f.path] = append(r.byPath[f.path], f)
		r.byName[filepath.Base(f.path)] = append(r.byName[filepath.Base(f.path)], f)
		f.grown = now
		if err := r.look(f); err != nil {
			return false, err
		}
		f.first = false // what comes to be in it from now on is new
	}
	if err := r.ticks(); err != nil {
		return false, err
	}
	return r.read()
}

// pend remembers f while nothing of it is stored.
func (r *reader) pend(f *file) {
	without(r.pending, f.lineage, f)
	if f.gen == 0 {
		r.pending[f.lineage] = append(r.pending[f.lineage], f)
	}
}

// age limits how young f counts as, of which something will be stored now. After a
// restart a file without a name of which nothing is stored is found only if it is
// younger than all that are. So nothing stored is younger than such a file that is
// open, but by 1 ns.
func (r *reader) age(f *file) {
	without(r.pending, f.lineage, f)
	for _, o := range r.pending[f.lineage] {
		if o.born < f.born && !r.set.named(o) {
			f.born = o.born + 1
		}
	}
}

// ticks looks at the files that are due. After a long wait each is looked at once.
func (r *reader) ticks() error {
	for n := 0; !r.now.Before(r.next); n++ {
		if n == slots {
			r.next = r.now.Add(r.tick)
			break
		}
		r.next = r.next.Add(r.tick)
		r.slot = (r.slot + 1) % slots
		due := r.wheel[r.slot]
		for _, f := range due {
			if err := r.look(f); err != nil {
				return err
			}
		}
		clear(due)
		r.wheel[r.slot] = due[:0]
		if err := r.expireOrphans(); err != nil {
			return err
		}
		if err := r.makeRoom(); err != nil {
			return err
		}
	}
	if r.now.Before(r.expire) {
		return nil
	}
	r.expire = r.now.Add(expireInterval)
	return r.expirePositions()
}

// later has f looked at again, the later the longer nothing happened.
func (r *reader) later(f *file) {
	i := (r.slot + 1<<f.rests) % slots
	r.wheel[i] = append(r.wheel[i], f)
	if f.rests < maxRests {
		f.rests++
	}
}

// enqueue has f read in its turn.
func (r *reader) enqueue(f *file) {
	f.rests = 0
	r.ready = append(r.ready, f)
}

// read gives the first of the files that are ready a turn.
func (r *reader) read() (busy bool, err error) {
	if r.from == len(r.ready) {
		r.ready, r.from = r.ready[:0], 0
		return false, nil
	}
	f := r.ready[r.from]
	r.ready[r.from] = nil
	if r.from++; r.from > 64 && 2*r.from > len(r.ready) {
		n := copy(r.ready, r.ready[r.from:])
		clear(r.ready[n:])
		r.ready, r.from = r.ready[:n], 0
	}
	// What was written before is read before.
	switch t, err := r.ahead(f); {
	case err != nil:
		return false, err
	case t == another:
		r.ready = append(r.ready, f)
		return true, nil
	case t == later:
		f.rests = 0
		r.later(f)
		return true, nil
	}
	more, err := r.turn(f, open)
	if err != nil {
		return false, err
	}
	switch {
	case more:
		r.ready = append(r.ready, f)
	case f.archive != nil && f.stage == following && f.archive.end:
		return true, r.finish(f)
	default:
		r.later(f)
	}
	return true, nil
}

// look finds out whether there is something to do for f, and queues it.
func (r *reader) look(f *file) error {
	if f.parked {
		return nil
	}
	fd, unlinked := r.set.acquire(f)
	if fd < 0 {
		return r.given(f)
	}
	st, err := fstat(fd)
	if f.archive != nil {
		if err == nil {
			f.mtime = st.mtime
		}
		r.enqueue(f)
		return nil
	}
	if f.stale && err == nil {
		err = unix.ESTALE
	}
	if err != nil {
		return r.broken(f, err)
	}
	changed := st.size != f.size || st.mtime != f.mtime
	if changed && f.mtime != 0 {
		f.grown = r.now
		f.rests = 0
	}
	f.size, f.mtime = st.size, st.mtime
	over := !unlinked.IsZero() && r.now.Sub(latest(unlinked, f.grown)) >= r.grace
	if f.stage != following {
		if err := r.start(f, fd, over); err != nil {
			return err
		}
		if f.stage != following {
			if over {
				return r.finish(f)
			}
			r.later(f)
			return nil
		}
		if fd, _ = r.set.acquire(f); fd < 0 {
			return r.given(f)
		}
	}
	switch {
	case f.size < f.offset, changed && f.size <= f.seen && r.differs(fd, f):
		if err := r.truncated(f); err != nil {
			return err
		}
		r.enqueue(f)
	case f.size > f.seen:
		r.enqueue(f)
	case changed && f.seen > f.offset:
		f.cutter = nil // unfinished bytes, which it has seen, may have been overwritten
		r.enqueue(f)
	case f.lines && r.now.Sub(f.grown) >= r.join && !f.waitsForHeir(r.now, r.join):
		if _, err := r.turn(f, flush); err != nil {
			return err
		}
		r.later(f)
	case over:
		return r.finish(f)
	default:
		if f.lines {
			f.rests = 0
		}
		r.later(f)
	}
	return nil
}

// differs reports whether what is in f is not what was read before the position.
func (r *reader) differs(fd int, f *file) bool {
	same, err := r.compare(fd, f.size, &f.position)
	return !same && err == nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// finish hands on what is left of f, without a newline or not, and closes it.
func (r *reader) finish(f *file) error {
	if f.stage == following && (f.seen > f.offset || f.archive != nil) {
		begun := f.begun
		for more := true; more; {
			var err error
			if more, err = r.turn(f, final); err != nil {
				return err
			}
			if f.begun != begun { // it was truncated at the last moment
				r.enqueue(f)
				return nil
			}
		}
		if f.failed != "" { // what is left cannot be read now
			r.later(f)
			return nil
		}
	}
	if !r.set.retire(f, false) {
		f.rests = 0
		r.later(f)
		return nil
	}
	return r.closed(f, flagDone)
}

// closed keeps the position of a file that is no longer open.
func (r *reader) closed(f *file, flags uint8) error {
	r.stats.Files.Add(-1)
	r.stats.Closed.Add(1)
	without(r.byPath, f.path, f)
	without(r.byName, filepath.Base(f.path), f)
	without(r.pending, f.lineage, f)
	if f.archive != nil {
		f.archive.stop()
		if f.archive.damage != nil {
			r.log.Error("a compressed file is damaged; what is behind the damage is lost", "path", f.path, "err", f.archive.damage)
			if err := r.account(f, input.Entry{Kind: input.Lost, Reason: "damaged_archive", Count: 1}); err != nil {
				return err
			}
		}
	}
	f.leaveCopies()
	if f.stage != following {
		return nil
	}
	if f.gen == 0 {
		return nil
	}
	f.flags |= flags
	if err := r.save(f); err != nil {
		return err
	}
	return r.remember(&saved{position: f.position, parked: f.parked})
}

// without takes f out of a list.
func without(lists map[string][]*file, key string, f *file) {
	left := slices.DeleteFunc(lists[key], func(o *file) bool { return o == f })
	if lists[key] = left; len(left) == 0 {
		delete(lists, key)
	}
}

// given accounts for a file that discovery closed because deleted files held too much space.
func (r *reader) given(f *file) error {
	r.set.retire(f, true)
	return r.lost(f, f.heldSize, "held_limit")
}

// broken closes a file that cannot even be looked at. Discovery opens it again
// if it has a name; else what is left of it is lost.
func (r *reader) broken(f *file, err error) error {
	r.stats.ReadErrors.Add(1)
	_, unlinked := r.set.acquire(f)
	r.set.retire(f, true)
	if unlinked.IsZero() {
		r.log.Error("cannot follow an open file; opening it anew", "path", f.path, "err", err)
		return r.closed(f, 0)
	}
	r.log.Error("cannot read a file that has no name any more; what is left of it is lost", "path", f.path, "offset", f.offset, "err", err)
	return r.lost(f, max(f.seen, f.size), "read_error")
}

// lost accounts for what a file that is closed had from its position to size, and
// keeps its position.
func (r *reader) lost(f *file, size int64, reason string) error {
	if unread := size - f.offset; unread > 0 {
		if err := r.account(f, input.Entry{Kind: input.Lost, Reason: reason, Bytes: unread, Count: 1}); err != nil {
			return err
		}
	}
	return r.closed(f, flagDone)
}
