package tail

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// notifiedInterval is between scans where inotify tells of most changes.
	notifiedInterval = time.Second
	// listInterval is how long a directory that seems unchanged is not listed:
	// some file systems do not keep its modification time.
	listInterval = 10 * time.Second
	// settleTime is how long after its modification time a directory may change
	// again without that time changing: the grain of the clock behind it.
	settleTime = 20 * time.Millisecond
	// retryMin and retryMax bound the waits between attempts to open a file.
	retryMin, retryMax = time.Second, 30 * time.Second
	// restMin and, for each name listed, restName are left between two scans, so
	// that a directory in which names come and go all the time costs little.
	restMin, restName = time.Millisecond, 10 * time.Microsecond
	// startTime is how long discovery waits at the very first start for the time of it
	// to be durable. It may take until a disk has room: then files are better held.
	startTime = time.Second
	// reserveFiles are descriptors left to the rest of the process.
	reserveFiles = 128
)

// scanner discovers: it knows the directories and the names in them, opens
// what matches and hands it to the reader. One goroutine uses it.
type scanner struct {
	set    *set
	filter *filter
	roots  []string // files may be in these, wherever links lead
	real   []string // roots without links, for this scan
	log    *slog.Logger
	stats  *Stats
	poll   time.Duration
	held   int64

	trees    []*dir
	watch    *watcher // nil: polling only
	watched  map[int32][]*dir
	arrived  []*file
	unlinked []*file // applied after a scan: the name may turn up elsewhere in it
	first    bool
	now      time.Time
	sought   map[identity]time.Time // files that are not open and have lost their name, and since when
	full     bool                   // there were more files than may be open, which was said
	listed   int                    // names in this scan
	all      bool                   // every directory is listed in this scan
	buf      []byte
}

// dir is a directory in which patterns have something left to match.
type dir struct {
	path  string
	rests [][]string

	id      identity
	mtime   int64
	listed  time.Time // zero: never
	wall    int64     // when it was listed, ns since the Unix epoch
	wd      int32     // 0: not watched
	problem string
	entries map[string]*entry
	again   []string // names to look at in each scan: links, directories, problems
	round   uint32
}

// entry is a name in a directory that matches.
type entry struct {
	ino   uint64
	typ   byte
	round uint32

	file    *file // followed
	sub     *dir  // searched
	settled bool  // neither, and there is nothing to try again
	problem string
	retry   time.Time
	wait    time.Duration
}

func newScanner(f *Follower, set *set, filter *filter, roots []string) *scanner {
	s := &scanner{
		set: set, filter: filter, roots: roots, log: f.Log, stats: f.Stats, poll: f.PollInterval, held: f.HeldBytes,
		watched: map[int32][]*dir{}, sought: map[identity]time.Time{}, first: true, buf: make([]byte, 32<<10),
	}
	byBase := map[string]*dir{}
	for _, p := range filter.patterns {
		d := byBase[p.base]
		if d == nil {
			d = &dir{path: p.base, entries: map[string]*entry{}}
			byBase[p.base] = d
			s.trees = append(s.trees, d)
		}
		d.rests = append(d.rests, p.rest)
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < 1<<30 {
		set.maxOpen = max(int(limit.Cur)-reserveFiles, 16)
		set.crowded = set.maxOpen - set.maxOpen/4 // the rest is for what rotates
	}
	if !f.NoNotify {
		w, err := newWatcher()
		if err != nil {
			s.degrade(err)
		}
		s.watch = w
	}
	return s
}

// degrade goes on without inotify.
func (s *scanner) degrade(err error) {
	if s.watch != nil {
		s.watch.close()
		s.watch = nil
	}
	s.stats.Polling.Store(1)
	s.log.Warn("following files without inotify: new names are found by polling only", "interval", s.poll, "err", err)
}

func (s *scanner) run(ctx context.Context) {
	defer func() {
		if s.watch != nil {
			s.watch.close()
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		start := time.Now()
		s.scan(start, nil)
		next := start.Add(s.interval())
		for s.watch != nil && s.rest(ctx, timer, s.pause()) {
			timer.Reset(time.Until(next))
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			case <-s.watch.wake:
				start = time.Now()
				if s.scan(start, s.watch.take()) {
					continue
				}
			}
			break
		}
		if s.watch == nil {
			s.rest(ctx, timer, max(s.poll, s.pause()))
		}
	}
}

// await waits until the time of the very first start is durable, but not for long.
func (s *scanner) await(ctx context.Context, durable <-chan struct{}) {
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	select {
	case <-durable:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// rest waits and reports whether ctx is still good.
func (s *scanner) rest(ctx context.Context, timer *time.Timer, d time.Duration) bool {
	timer.Reset(d)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (s *scanner) pause() time.Duration { return restMin + time.Duration(s.listed)*restName }

func (s *scanner) interval() time.Duration {
	if s.watch == nil {
		return s.poll
	}
	return max(s.poll, notifiedInterval)
}

// scan looks for names that came and went: in all directories, or, if some
// are known to have changed, in these only. It returns false if that is not
// known well enough.
func (s *scanner) scan(now time.Time, changed map[int32]bool) bool {
	if changed[-1] {
		return false
	}
	s.now, s.real, s.listed = now, s.real[:0], 0
	if changed == nil {
		s.lookAtParked(nil)
		s.all = s.set.takeReopen()
		for _, d := range s.trees {
			s.visit(d, false)
		}
		s.all = false
	} else {
		dirs := map[string]bool{}
		for wd := range changed {
			for _, d := range s.watched[wd] {
				dirs[d.path] = true
			}
		}
		s.lookAtParked(dirs)
		for wd := range changed {
			for _, d := range s.watched[wd] {
				s.visit(d, true)
			}
		}
	}
	for _, f := range s.unlinked {
		s.set.unlink(f, now)
	}
	if s.first || len(s.arrived) > 0 || len(s.unlinked) > 0 {
		s.set.arrive(s.arrived, s.first)
	}
	s.unlinked, s.arrived, s.first = s.unlinked[:0], nil, false
	if changed == nil {
		s.checkHeld()
	}
	return true
}

func (s *scanner) checkHeld() {
	files, bytes, given := s.set.held(s.held)
	s.stats.HeldFiles.Store(int64(files))
	s.stats.HeldBytes.Store(bytes)
	for _, f := range given {
		s.log.Error("a deleted file was given up before it was read: deleted files hold too much space", "path", f.path, "limit", s.held)
	}
	if len(given) > 0 {
		s.set.signal()
	}
}

// visit brings d up to date, and what is below it.
func (s *scanner) visit(d *dir, changed bool) {
	st, err := stat(d.path)
	if err == nil && st.mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err == nil && (changed || s.all || st.id != d.id || st.mtime != d.mtime || d.unsettled(s.now)) {
		err = s.list(d)
	}
	if err != nil {
		s.lost(d, err)
		return
	}
	if d.problem != "" {
		s.log.Info("directory can be read again", "path", d.path)
		d.problem = ""
	}
	for _, name := range d.again {
		s.again(d, name)
	}
}

// unsettled reports whether d may have changed without a sign since it was listed.
func (d *dir) unsettled(now time.Time) bool {
	return d.listed.IsZero() || now.Sub(d.listed) > listInterval || d.wall-d.mtime < int64(settleTime)
}

// lost takes everything below d away and says why, once.
func (s *scanner) lost(d *dir, err error) {
	if d.problem != err.Error() {
		d.problem = err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("directory to follow files in does not exist; waiting for it", "path", d.path)
		} else {
			s.log.Error("directory to follow files in cannot be read; trying again", "path", d.path, "err", err)
		}
	}
	s.forget(d)
}

// forget drops all names of d.
func (s *scanner) forget(d *dir) {
	for _, e := range d.entries {
		s.drop(d, e)
	}
	clear(d.entries)
	d.again = nil
	d.listed, d.id, d.mtime = time.Time{}, identity{}, 0
	s.unwatch(d)
}

// drop takes a name of d away. A file that could not be opened under it is looked
// for under others.
func (s *scanner) drop(d *dir, e *entry) {
	if e.problem != "" {
		s.sought[identity{d.id.dev, e.ino}] = s.now
	}
	s.clearProblem(e)
	if e.file != nil {
		s.unlinked = append(s.unlinked, e.file)
		e.file = nil
	}
	if e.sub != nil {
		s.forget(e.sub)
		e.sub = nil
	}
}

func (s *scanner) unwatch(d *dir) {
	if d.wd == 0 {
		return
	}
	left := s.watched[d.wd][:0]
	for _, o := range s.watched[d.wd] {
		if o != d {
			left = append(left, o)
		}
	}
	if s.watched[d.wd] = left; len(left) == 0 {
		delete(s.watched, d.wd)
		if s.watch != nil {
			s.watch.remove(d.wd)
		}
	}
	d.wd = 0
}

// rewatch makes sure that d, which may be another directory than before, is watched.
func (s *scanner) rewatch(d *dir) {
	if s.watch == nil {
		return
	}
	wd, err := s.watch.add(d.path)
	if err != nil {
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.ENOMEM) {
			s.degrade(err)
		}
		return // polling finds out what else there is to say
	}
	if wd != d.wd {
		s.unwatch(d)
		d.wd = wd
		s.watched[wd] = append(s.watched[wd], d)
	}
}

// list reads the names of d and acts on what changed.
func (s *scanner) list(d *dir) error {
	fd, err := openRetry(d.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	st, err := fstat(fd)
	if err != nil {
		return err
	}
	if st.id != d.id {
		// Watched before it is listed, so that nothing falls between the two.
		s.rewatch(d)
	}
	before := d.wall
	d.id, d.mtime, d.listed, d.wall = st.id, st.mtime, s.now, time.Now().UnixNano()
	d.round++
	d.again = d.again[:0]
	for {
		n, err := unix.Getdents(fd, s.buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n <= 0 {
			break
		}
		s.names(d, s.buf[:n], before)
	}
	for name, e := range d.entries {
		if e.round != d.round {
			s.drop(d, e)
			delete(d.entries, name)
		} else if e.sub != nil || e.typ == unix.DT_LNK || e.problem != "" {
			d.again = append(d.again, name)
		}
	}
	return nil
}

// names goes through entries as the kernel writes them:
//
//	u64 inode, i64 offset, u16 length of the entry, u8 type, name, NUL
func (s *scanner) names(d *dir, b []byte, before int64) {
	const head = 19
	for len(b) > head {
		ino := binary.NativeEndian.Uint64(b)
		length := int(binary.NativeEndian.Uint16(b[16:]))
		if length <= head || length > len(b) {
			return
		}
		typ := b[18]
		name := b[head:length]
		if i := bytes.IndexByte(name, 0); i >= 0 {
			name = name[:i]
		}
		b = b[length:]
		s.listed++
		if string(name) == "." || string(name) == ".." {
			continue
		}
		e := d.entries[string(name)]
		if e != nil {
			e.round = d.round
			if e.ino == ino && e.typ == typ && (e.settled || e.problem != "" || e.sub != nil || e.file != nil && !s.set.isClosed(e.file)) {
				continue
			}
		}
		s.name(d, e, string(name), ino, typ, before)
	}
}

// name acts on a name that is new or stands for something else than before.
func (s *scanner) name(d *dir, e *entry, name string, ino uint64, typ byte, before int64) {
	p := filepath.Join(d.path, name)
	if typ == unix.DT_UNKNOWN {
		if st, err := lstat(p); err == nil {
			typ = typeOf(st.mode)
		}
	}
	matched := matches(d.rests, name)
	var sub [][]string
	if typ == unix.DT_DIR || typ == unix.DT_LNK {
		sub = below(d.rests, name)
	}
	if !matched && len(sub) == 0 {
		if typ == unix.DT_REG && before > 0 {
			s.sibling(d, name, p, ino, before)
		}
		return
	}
	var replaced *file
	if e == nil {
		e = &entry{}
		d.entries[name] = e
	} else {
		replaced = e.file
		s.drop(d, e)
	}
	*e = entry{ino: ino, typ: typ, round: d.round}
	if s.filter.excluded(p) {
		e.settled = true
		return
	}
	if typ == unix.DT_DIR || typ == unix.DT_LNK && isDir(p) {
		s.enter(e, p, sub, typ == unix.DT_LNK)
		return
	}
	if !matched {
		e.settled = typ != unix.DT_LNK
		return
	}
	s.follow(e, p, replaced, before)
}

func typeOf(mode uint32) byte { return byte(mode & unix.S_IFMT >> 12) }

func isDir(p string) bool {
	st, err := stat(p)
	return err == nil && st.mode&unix.S_IFMT == unix.S_IFDIR
}

// enter begins to search the directory p. A link to a directory is entered for
// a pattern that names it, not for **, which could go round in circles.
func (s *scanner) enter(e *entry, p string, rests [][]string, link bool) {
	if link {
		named := rests[:0:0]
		for _, r := range rests {
			if r[0] != "**" {
				named = append(named, r)
			}
		}
		rests = named
	}
	if len(rests) == 0 {
		e.settled = true // a directory that matches is nothing to report: globs do that
		return
	}
	e.sub = &dir{path: p, rests: rests, entries: map[string]*entry{}}
}

// again looks at a name that has to be looked at in every scan.
func (s *scanner) again(d *dir, name string) {
	e := d.entries[name]
	p := filepath.Join(d.path, name)
	switch {
	case e.sub != nil:
		s.visit(e.sub, false)
	case e.problem != "":
		if !s.now.Before(e.retry) {
			s.follow(e, p, nil, d.wall)
		}
	case e.typ == unix.DT_LNK:
		st, err := stat(p)
		if e.file != nil && err == nil && st.id == e.file.id && !s.set.isClosed(e.file) || e.file == nil && e.settled {
			return
		}
		replaced := e.file
		if e.file != nil {
			s.unlinked = append(s.unlinked, e.file)
			e.file = nil
		}
		if err == nil && st.mode&unix.S_IFMT == unix.S_IFDIR {
			s.enter(e, p, below(d.rests, name), true)
		} else if matches(d.rests, name) {
			s.follow(e, p, replaced, d.wall)
		}
	}
}

// follow opens p, unless it is open under another name already. before is when
// it was not there yet, 0 if that is not known.
func (s *scanner) follow(e *entry, p string, replaced *file, before int64) {
	if plain, suffix := compression(p); suffix != "" {
		s.skip(e, p, skipError("is compressed, and read only to complete "+filepath.Base(plain)+" at start"))
		return
	}
	link := e.typ == unix.DT_LNK
	if !link {
		// No need to open what is open.
		if st, err := lstat(p); err == nil {
			if e.file = s.set.link(st.id); e.file != nil {
				s.clearProblem(e)
				return
			}
		}
	}
	if s.set.size() >= s.set.maxOpen {
		s.set.wait()
		s.failed(e, p, unix.EMFILE)
		return
	}
	fd, st, err := s.open(p, link)
	var why skipError
	switch {
	case errors.As(err, &why):
		s.skip(e, p, why)
		return
	case err != nil:
		s.failed(e, p, err)
		return
	}
	s.clearProblem(e)
	if e.file = s.set.link(st.id); e.file != nil {
		unix.Close(fd)
		return
	}
	f := newFile(fd, st, p, 1)
	f.first, f.before = s.first, replaced
	if before > 0 {
		f.born = before // what is younger than this file was written after that
	}
	s.set.add(f, s.now)
	delete(s.sought, f.id)
	e.file = f
	s.arrived = append(s.arrived, f)
}

// open opens a regular file that may be followed.
func (s *scanner) open(p string, link bool) (int, status, error) {
	fd, st, err := openRegular(p, link)
	if err != nil {
		return -1, st, err
	}
	if len(s.real) == 0 {
		s.real = resolve(s.roots)
	}
	if err := mayFollow(fd, st, p, s.real); err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

// sibling opens a file that a followed file may have become before it was ever
// listed under its own name: one with a rotated name, that nobody has open, and
// that was written since the listing before.
func (s *scanner) sibling(d *dir, name, p string, ino uint64, before int64) {
	a, b := unrotated(name)
	if !(a != "" && matches(d.rests, a)) && !(b != "" && matches(d.rests, b)) {
		return
	}
	if s.set.has(identity{d.id.dev, ino}) {
		return
	}
	_, sought := s.sought[identity{d.id.dev, ino}]
	st, err := lstat(p)
	if err != nil || !sought && st.mtime < before-int64(settleTime) || s.set.has(st.id) || s.filter.excluded(p) {
		return
	}
	fd, err := -1, error(unix.EMFILE)
	if s.set.size() < s.set.maxOpen {
		fd, st, err = s.open(p, false)
	} else {
		s.set.wait()
	}
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		s.sought[st.id] = s.now
		s.set.listAgain() // it is found when there is room
		return
	}
	if err != nil {
		return
	}
	delete(s.sought, st.id)
	if a == "" || !matches(d.rests, a) {
		a = b
	}
	f := newFile(fd, st, p, 0)
	f.lineage, f.born = filepath.Join(d.path, a), before
	if !s.set.add(f, s.now) {
		unix.Close(fd)
		return
	}
	s.arrived = append(s.arrived, f)
}

// skip leaves a name alone for good and says so once.
func (s *scanner) skip(e *entry, p string, why skipError) {
	s.clearProblem(e)
	e.settled = true
	s.stats.Skipped.Add(1)
	s.log.Info("not followed: it "+string(why), "path", p)
}

// failed notes that a name could not be opened, says so once, and has it tried again.
func (s *scanner) failed(e *entry, p string, err error) {
	if e.problem == "" {
		s.stats.Unreadable.Add(1)
		e.wait = retryMin
	} else if errors.Is(err, unix.EMFILE) {
		e.wait = s.poll // idle files make room all the time
	} else {
		e.wait = min(2*e.wait, retryMax)
	}
	if e.problem != err.Error() {
		e.problem = err.Error()
		switch {
		case errors.Is(err, fs.ErrNotExist) && e.typ == unix.DT_LNK:
			s.log.Warn("link to a file to follow leads nowhere; trying again", "path", p)
		case errors.Is(err, fs.ErrNotExist): // it went as it came
		case errors.Is(err, unix.EMFILE) && s.set.size() >= s.set.maxOpen:
			if !s.full {
				s.full = true
				s.log.Warn("more files than descriptors: idle ones are closed and looked at by name; raise the limit of open files", "path", p, "open", s.set.maxOpen)
			}
		default:
			s.log.Error("cannot open file to follow; trying again", "path", p, "err", err)
		}
	}
	e.retry = s.now.Add(e.wait)
}

func (s *scanner) clearProblem(e *entry) {
	if e.problem != "" {
		e.problem = ""
		s.stats.Unreadable.Add(-1)
	}
}
