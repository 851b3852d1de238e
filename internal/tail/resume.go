package tail

import (
	"cmp"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"shipper/internal/input"
)

// Behind an input's name, startedKey is where the time of the very first start is
// stored, and forgottenKey the time before which positions may be forgotten: eight
// bytes each, little endian, ns since the Unix epoch.
const (
	startedKey   = "/started"
	forgottenKey = "/forgotten"
)

func appendTime(dst []byte, ns int64) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(ns))
}

// begin hands on the time of the very first start, if this is it: what is rotated
// before anything else is stored is known to be younger than that. durable is called
// when it is stored.
func (r *reader) begin(durable func()) error {
	if r.startedAt != 0 {
		durable()
		return nil
	}
	r.startedAt, r.firstRun = wallClock(), true
	return r.put(input.Chunk{Input: r.name + startedKey, Pos: appendTime(nil, r.startedAt), Release: durable})
}

// recall takes in what was stored by earlier runs.
func (r *reader) recall(stored map[string][]byte) {
	r.first = true
	times := map[string]*int64{startedKey: &r.startedAt, forgottenKey: &r.forgotten}
	for key, value := range stored {
		name := strings.TrimPrefix(key, r.name)
		if at := times[name]; at != nil && len(value) == 8 {
			*at = int64(binary.LittleEndian.Uint64(value))
			continue
		}
		r.first = false
		id, ok := parseID(strings.TrimPrefix(name, "/"))
		p, err := decodePosition(value)
		if err != nil || !ok {
			r.log.Error("a stored position is unreadable and not used", "key", key, "err", err)
			continue
		}
		p.gen = id
		r.ledger.add(&saved{position: p})
	}
}

// resume matches stored positions with files: those of the first scan, and
// those that rotation has put beside them since. It returns all files to read.
func (r *reader) resume(files []*file) ([]*file, error) {
	m := &matching{reader: r, lineages: map[string]*lineage{}, kin: map[string][]*candidate{}, files: files, dirs: map[string]map[string][]string{}, taken: map[string]bool{}}
	r.ledger.each(func(s *saved) {
		l := m.lineages[s.path]
		if l == nil {
			l = &lineage{path: s.path}
			m.lineages[s.path] = l
		}
		c := &candidate{saved: s}
		l.saved = append(l.saved, c)
		for _, p := range kinships(s.path) {
			m.kin[p] = append(m.kin[p], c)
		}
	})
	for _, f := range files {
		if !m.sameFile(f) && m.lineages[f.path] == nil {
			m.lineages[f.path] = &lineage{path: f.path}
		}
	}
	for _, l := range m.lineages {
		m.look(l)
	}
	// By inode everywhere, then by content: two files may begin alike.
	for _, f := range files {
		m.sameContent(f)
	}
	for _, l := range m.lineages {
		m.complete(l)
	}
	return m.files, m.missing()
}

// maxListings is how often a directory is listed while its files are being rotated.
const maxListings = 10

// matching is the state of resume.
type matching struct {
	*reader
	lineages map[string]*lineage
	kin      map[string][]*candidate // by kinships
	files    []*file
	dirs     map[string]map[string][]string // names in a directory by what they can be a rotation of
	taken    map[string]bool                // plain files by path that are read already, whatever they are compressed to
	full     bool                           // not all could be opened: there are too many
	real     []string                       // roots without links
}

// lineage is what is known of the generations of one path.
type lineage struct {
	path   string
	saved  []*candidate
	since  int64      // what is not known is younger than all that is if it was written since: ns since the Unix epoch
	whole  bool       // only what was written since is looked for
	beside []*rotated // oldest first
}

// candidate is a stored position and the file it was found to belong to.
type candidate struct {
	*saved
	file *file
}

// rotated is a file beside a followed one, under a rotated name.
type rotated struct {
	path   string
	suffix string // of a compressed one
	status
	file *file // of a plain one: open
}

// newest returns the position of the youngest generation, nil if there is none.
func (l *lineage) newest() *candidate {
	if len(l.saved) == 0 {
		return nil
	}
	return slices.MaxFunc(l.saved, func(a, b *candidate) int { return cmp.Compare(a.born, b.born) })
}

// current returns what has the path of l and goes on with a generation of it, nil
// if there is no such file.
func (l *lineage) current() *file {
	for _, c := range l.saved {
		if c.file != nil && c.file.path == l.path {
			return c.file
		}
	}
	return nil
}

// kinships returns the paths by which the generations of path are looked for:
// path, and, if it was found under a rotated name, what that is a rotation of.
func kinships(path string) []string {
	dir, name := filepath.Split(path)
	if suffixed, _ := unrotated(name); suffixed != "" {
		return []string{path, dir + suffixed}
	}
	return []string{path}
}

// relatives returns the positions that a file beside l's path can have.
func (m *matching) relatives(b *rotated, l *lineage) []*candidate {
	list := m.kin[l.path]
	plain, _ := compression(b.path)
	for _, p := range kinships(plain) {
		if p != l.path {
			list = append(list[:len(list):len(list)], m.kin[p]...)
		}
	}
	return list
}

// note remembers which file goes on with which position.
func (m *matching) note(s *saved, f *file) {
	for _, c := range m.lineages[s.path].saved {
		if c.saved == s {
			c.file = f
		}
	}
}

// sameFile matches f by inode.
func (m *matching) sameFile(f *file) bool {
	fd, _ := m.set.acquire(f)
	st, err := fstat(fd)
	if err != nil {
		return false
	}
	f.size = st.size
	for _, s := range slices.Clone(m.ledger.byFile[f.id]) {
		if p := s.position; m.agrees(fd, f.size, &p) {
			m.resumed(f, s, p)
			m.note(s, f)
			return true
		}
	}
	return false
}

// sameContent matches f by what is in it.
func (m *matching) sameContent(f *file) bool {
	if f.stage != fresh {
		return false
	}
	fd, _ := m.set.acquire(f)
	st, err := fstat(fd)
	if err != nil {
		return false
	}
	f.size = st.size // it may be growing
	n, err := pread(fd, m.other[:], 0)
	if err != nil {
		return false
	}
	for _, s := range slices.Clone(m.ledger.byHead[headKey(m.other[:n])]) {
		if s.file == f.id || s.head == 0 || !related(s.path, f.path) {
			continue
		}
		if p, ok := m.reader.sameContent(f, fd, s); ok {
			m.resumed(f, s, p)
			m.note(s, f)
			return true
		}
	}
	return false
}

// look lists what is beside the path of l, if the path may have been rotated,
// and matches plain files by inode.
func (m *matching) look(l *lineage) {
	if !m.filter.follows(l.path) {
		return
	}
	l.since = m.since(l)
	if m.first || l.current() != nil && !slices.ContainsFunc(l.saved, func(c *candidate) bool { return c.file == nil && !c.done() }) {
		// What was written since may be a copy of what is not read yet and will be
		// truncated soon, or late lines in a file that was empty when it was rotated.
		l.whole = true
	}
	for range maxListings {
		if m.list(l) {
			break
		}
	}
	slices.SortFunc(l.beside, func(a, b *rotated) int {
		return cmp.Or(cmp.Compare(a.mtime, b.mtime), cmp.Compare(b.path, a.path))
	})
}

// list takes in what is listed beside the path of l. It reports false if some of
// that had another name by then, or was compressed: it is to be listed again.
func (m *matching) list(l *lineage) bool {
	l.beside = slices.DeleteFunc(l.beside, func(b *rotated) bool { return b.file == nil })
	dir, base := filepath.Split(l.path)
	for _, name := range m.rotations(dir)[base] {
		plain, suffix := compression(name)
		p := dir + name
		if m.filter.excluded(p) {
			continue
		}
		if suffix != "" {
			if _, err := os.Lstat(dir + plain); err == nil || m.taken[dir+plain] {
				continue // not finished, or not needed
			}
		}
		st, err := lstat(p)
		if os.IsNotExist(err) {
			delete(m.dirs, dir)
			return false
		}
		if err != nil || st.mode&unix.S_IFMT != unix.S_IFREG || l.whole && st.mtime < l.since {
			continue
		}
		if m.set.has(st.id) {
			m.taken[p] = true
			continue
		}
		b := &rotated{path: p, suffix: suffix, status: st}
		if suffix == "" {
			if m.isRead(st) {
				m.taken[p] = true
				continue
			}
			if b.file = m.open(b, l); b.file == nil {
				continue
			}
			m.taken[p] = true
			if m.sameFile(b.file) {
				m.files = append(m.files, b.file)
				continue
			}
			if st.mtime < l.since && !m.mayGoOn(b) {
				m.drop(b.file) // others may need its descriptor
				continue
			}
		}
		l.beside = append(l.beside, b)
	}
	return true
}

// isRead reports whether a file was read to its end and closed, and not written to since.
func (m *matching) isRead(st status) bool {
	return slices.ContainsFunc(m.ledger.byFile[st.id], func(s *saved) bool {
		return s.done() && s.offset == st.size && st.mtime <= s.time
	})
}

// mayGoOn reports whether b begins like a file that is not read to its end.
func (m *matching) mayGoOn(b *rotated) bool {
	fd, _ := m.set.acquire(b.file)
	n, err := pread(fd, m.other[:], 0)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(m.ledger.byHead[headKey(m.other[:n])], func(s *saved) bool { return !s.done() })
}

// rotations returns the names in dir by what they can be a rotation of.
func (m *matching) rotations(dir string) map[string][]string {
	if names, ok := m.dirs[dir]; ok {
		return names
	}
	names := map[string][]string{}
	m.dirs[dir] = names
	entries, err := os.ReadDir(dir)
	if err != nil {
		m.log.Error("cannot look for rotated files", "path", dir, "err", err)
	}
	for _, e := range entries {
		plain, _ := compression(e.Name())
		suffixed, infixed := unrotated(plain)
		for _, base := range []string{suffixed, infixed} {
			if base != "" {
				names[base] = append(names[base], e.Name())
			}
		}
	}
	return names
}

// since returns from when on a file of l that is not known is younger than all
// that are. What is of no known lineage may be all new, but for what was there
// before the first start, and for what may have been read and forgotten.
func (m *matching) since(l *lineage) int64 {
	at := m.startedAt
	if n := l.newest(); n != nil {
		at = max(at, n.born)
	}
	return max(at-int64(settleTime), m.forgotten)
}

// open opens a file beside l's path.
func (m *matching) open(b *rotated, l *lineage) *file {
	if m.set.size() >= m.set.maxOpen {
		if !m.full {
			m.full = true
			m.log.Error("more rotated files than descriptors; raise the limit of open files, and start again", "path", b.path, "open", m.set.maxOpen)
		}
		// It stays for the next start to find: until then nothing is younger.
		m.pending[l.path] = append(m.pending[l.path],
			&file{fd: -1, path: b.path, lineage: l.path, size: b.size, mtime: b.mtime, position: position{born: b.mtime - 1}})
		return nil
	}
	fd, st, err := openRegular(b.path, false)
	if err != nil {
		m.log.Error("cannot open rotated file", "path", b.path, "err", err)
		return nil
	}
	if m.real == nil {
		m.real = resolve(m.roots)
	}
	if err := mayFollow(fd, st, b.path, m.real); err != nil {
		unix.Close(fd)
		return nil
	}
	f := newFile(fd, st, b.path, 0)
	f.lineage, f.born = l.path, st.mtime
	if b.suffix != "" {
		f.archive = &archive{suffix: b.suffix}
	}
	if !m.set.add(f, m.now) {
		unix.Close(fd)
		return nil
	}
	b.status = st
	return f
}

// complete finds what is left of l among the files beside it: known generations
// by content, and generations younger than all known ones.
func (m *matching) complete(l *lineage) {
	var missed []*file
	for _, b := range l.beside {
		if b.file != nil && (m.sameContent(b.file) || m.isCopy(b, l)) || b.suffix != "" && m.inArchive(b, l) {
			if b.file != nil {
				m.files = append(m.files, b.file)
			}
			continue
		}
		if b.mtime < l.since || m.isKnown(b, l) {
			m.drop(b.file)
			continue
		}
		if b.file == nil {
			if b.file = m.open(b, l); b.file == nil {
				continue
			}
			b.file.begin(0)
			m.stats.Generations.Add(1)
		}
		m.log.Info("reading a file that was rotated in the meantime", "path", b.path)
		missed = append(missed, b.file)
	}
	m.files = append(m.files, missed...)
	m.order(l, missed)
}

func (m *matching) drop(f *file) {
	if f != nil {
		m.set.retire(f, true)
	}
}

// inArchive matches a compressed file with a position that has no file yet.
func (m *matching) inArchive(b *rotated, l *lineage) bool {
	for _, c := range m.relatives(b, l) {
		if c.file != nil || c.done() || c.prefixLen == 0 || !m.archived(b, &c.position) {
			continue
		}
		f := m.open(b, l)
		if f == nil {
			return false
		}
		b.file = f
		m.resumed(f, c.saved, c.position)
		c.file = f
		return true
	}
	return false
}

// isCopy reports whether b is a copy of what has the path of l, of more than is
// read of that: it may be needed yet.
func (m *matching) isCopy(b *rotated, l *lineage) bool {
	f := l.current()
	if f == nil || f.offset == 0 || b.size <= f.offset {
		return false
	}
	fd, _ := m.set.acquire(b.file)
	p := f.position
	if b.file.copied = m.agrees(fd, b.size, &p); !b.file.copied || m.copies(b.file, fd, f) {
		return b.file.copied
	}
	return m.isTruncated(f) // since it was matched: this is what it was
}

// isKnown reports whether b holds a generation that was read before or is being read.
func (m *matching) isKnown(b *rotated, l *lineage) bool {
	for _, c := range m.relatives(b, l) {
		if c.prefixLen == 0 {
			continue
		}
		if b.suffix != "" {
			if m.archived(b, &c.position) {
				return true
			}
			continue
		}
		fd, _ := m.set.acquire(b.file)
		if p := c.position; m.agrees(fd, b.size, &p) {
			return true
		}
	}
	return false
}

// archived reports whether the plain text of b agrees with p.
func (m *matching) archived(b *rotated, p *position) bool {
	fd, err := openRetry(b.path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	a := &archive{suffix: b.suffix}
	if a.open(fd) != nil {
		return false
	}
	defer a.stop()
	head := m.other[:p.prefixLen]
	if n, err := a.readAt(head, 0); err != nil || n < len(head) || sum(head) != p.prefix {
		return false
	}
	if p.flags&flagDone != 0 && b.mtime <= p.time && a.says(fd, p.offset) {
		return true // it was read to its end: no need to go there again
	}
	n := min(markerBytes, p.offset)
	mark := m.mark[:n]
	if p.offset-n < a.at+int64(len(a.held)) && p.offset > 0 {
		// The marker is in what has been read: begin again.
		if a.open(fd) != nil {
			return false
		}
	}
	k, err := a.readAt(mark, p.offset-n)
	return err == nil && k == len(mark) && (n == 0 || sum(mark) == p.marker)
}

// order has the generations of l read one after the other: known ones by age,
// missed ones by age, then what has the path now.
func (m *matching) order(l *lineage, missed []*file) {
	var chain []*file
	slices.SortFunc(l.saved, func(a, b *candidate) int { return cmp.Compare(a.born, b.born) })
	for _, c := range l.saved {
		if c.file != nil && c.file.path != l.path {
			chain = append(chain, c.file)
		}
	}
	chain = append(chain, missed...)
	for _, f := range m.files {
		if f.path == l.path && f.first {
			chain = append(chain, f)
		}
	}
	for i := 1; i < len(chain); i++ {
		chain[i].before = chain[i-1]
	}
}

// missing accounts for positions whose file was not found.
func (m *matching) missing() error {
	for _, l := range m.lineages {
		if !m.filter.follows(l.path) {
			continue // perhaps it will be again
		}
		if _, err := os.Stat(filepath.Dir(l.path)); err != nil {
			m.log.Warn("directory of files read before is not there", "path", l.path, "err", err)
			continue
		}
		newest := l.newest()
		for _, c := range l.saved {
			if c.file != nil || c.done() || m.full {
				continue
			}
			if st, err := stat(l.path); err == nil && st.id == c.saved.file && !m.set.has(st.id) || err != nil && !os.IsNotExist(err) {
				continue // it is there, and cannot be opened now
			}
			if err := m.giveUp(c.saved, m.cause(c), unknownLoss(c, newest)); err != nil {
				return err
			}
		}
	}
	return nil
}

// cause says what became of the file of c.
func (m *matching) cause(c *candidate) string {
	if m.set.has(c.saved.file) {
		return "truncated_unread"
	}
	return "deleted_unread"
}

// unknownLoss is -1 unless all of a generation had been read when it had been
// rotated already.
func unknownLoss(c, newest *candidate) int64 {
	if c.flags&flagAtEnd != 0 && c != newest {
		return 0
	}
	return -1
}

// resolve returns paths without links, those that exist.
func resolve(paths []string) []string {
	var out []string
	for _, p := range paths {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			out = append(out, real)
		}
	}
	return out
}
