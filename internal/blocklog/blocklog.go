// Package blocklog keeps blocks of bytes in append-only, checksummed files.
//
// A log is a directory of segment files that are named by their number, sixteen
// hex digits and ".log". Numbers grow and are never used again. All integers
// are little endian, all checksums CRC32C (Castagnoli, RFC 3720 appendix B.4).
//
//	segment file
//	 0               8       12      16              24      28      32
//	+---------------+-------+-------+---------------+-------+-------+---------
//	| "\x89blklog\n"|version|0      | number        | salt  | crc   | entries ...
//	+---------------+-------+-------+---------------+-------+-------+---------
//	                 crc is of bytes 0 to 28
//
//	entry
//	 0       4   6   8       12      16              24      28      32      36      40
//	+-------+---+---+-------+-------+---------------+-------+-------+-------+-------+------+---------+
//	| "blk1"|len| 0 | salt  | meta  | sequence      |payload| payload meta  | header| meta | payload |
//	|       |40 |   |       | length|               | length| crc   | crc   | crc   |      |         |
//	+-------+---+---+-------+-------+---------------+-------+-------+-------+-------+------+---------+
//	                 header crc is of bytes 0 to 36
//
// A header vouches for itself, so entries can be walked without reading what
// they hold, and a damaged payload does not hide the entries behind it. The salt
// is random and the same in a segment's header and in all of its entries: bytes
// inside a payload, which somebody else may have chosen, cannot pass for an
// entry when entries are looked for behind damage.
//
// Only the last segment is written to, and a segment is synced before the next
// one is begun. What a crash can leave behind is therefore a torn tail of the
// last segment, and Open cuts it off. Anything else that cannot be read is
// damage: a *CorruptError.
package blocklog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"shipper/internal/fail"
)

// DefaultSegmentBytes is the size at which a segment is full.
const DefaultSegmentBytes = 64 << 20

const (
	maxMeta    = 64 << 20
	maxPayload = 1 << 30
	keptBuffer = 1 << 20 // larger write buffers are not kept
	openFiles  = 16      // segments that are kept open for reading
)

// Options of a log. The zero value is fine.
type Options struct {
	// SegmentBytes is the size from which on a segment is full; 0 is DefaultSegmentBytes.
	SegmentBytes int64

	// Last is the last entry that counts, for callers that keep an index of
	// their own: Open cuts off what is behind it without looking at it, and
	// does not read what is before it. The zero Location cuts off everything.
	// Without Last, Open reads the last segment to find its end.
	Last *Location

	// ReadOnly leaves the files as they are. A torn tail is passed over.
	ReadOnly bool

	// Wrap stands between the log and a file it writes to; nil is nothing.
	Wrap func(File) File
}

// Location is the place of an entry. It stays valid until the entry is removed
// or cut off. The zero Location is no entry.
type Location struct {
	Segment uint64 // number, from 1
	Offset  int64  // of the entry's header in the segment
	Length  uint32 // bytes of the payload
}

// Entry is what is appended. Sequence and Meta are the caller's; they make a log
// self-describing, so that an index of it can be built again. Meta is for small
// things: at most 64 MiB; Payload has at most 1 GiB.
type Entry struct {
	Sequence uint64
	Meta     []byte
	Payload  []byte
}

// SegmentInfo describes a segment.
type SegmentInfo struct {
	Number uint64
	Path   string
	Bytes  int64 // with the header, without a torn tail
}

// Log is an open log. Append, CutAfter, Finish and Remove may be called
// concurrently with Read, Load, Sync and Walk, but only by one caller at a time.
type Log struct {
	dir string
	o   Options

	mu       sync.Mutex
	segments []*segment // by number
	file     *os.File   // the last segment, open for writing; nil: the next Append begins a new one
	writer   File       // writes to file
	next     uint64     // number of the next segment
	torn     bool       // the last segment may have bytes behind its end
	newFile  bool       // the directory has entries that are not durable
	buf      []byte     // the entry being written
	synced   Location   // where the durable part ends; Length is unused
	failed   error      // of a sync: what was appended since synced is unknown
	closed   bool
	clock    uint64 // of the segments' last use
	cut      int64  // bytes Open cut off without Options.Last
}

// Open opens the log in dir, which it creates if needed. A torn tail is cut off.
// What an earlier process left unsynced is made durable by the next Sync.
func Open(dir string, o Options) (*Log, error) {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if o.Wrap == nil {
		o.Wrap = func(f File) File { return f }
	}
	l := &Log{dir: dir, o: o, next: 1}
	if !o.ReadOnly {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("create log directory: %w", err)
		}
	}
	if err := l.list(); err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	if err := l.recover(); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("recover log %s: %w", dir, err)
	}
	return l, nil
}

// list finds the segments. Other files are not ours and stay.
func (l *Log) list() error {
	names, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, e := range names {
		base, ok := strings.CutSuffix(e.Name(), ".log")
		if !ok || len(base) != 16 || !e.Type().IsRegular() {
			continue
		}
		n, err := strconv.ParseUint(base, 16, 64)
		if err != nil || n == 0 {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		l.segments = append(l.segments, &segment{number: n, path: filepath.Join(l.dir, e.Name()), end: info.Size()})
	}
	slices.SortFunc(l.segments, func(a, b *segment) int {
		if a.number < b.number {
			return -1
		}
		return 1
	})
	return nil
}

// recover finds the end of the log and cuts off what is behind it.
func (l *Log) recover() error {
	if n := len(l.segments); n > 0 {
		l.next = l.segments[n-1].number + 1
	}
	if l.o.Last != nil {
		l.next = max(l.next, l.o.Last.Segment+1)
		if err := l.keepThrough(*l.o.Last); err != nil {
			return err
		}
	} else if err := l.findEnd(); err != nil {
		return err
	}
	if l.o.ReadOnly {
		return nil
	}
	return l.openWriter()
}

func (l *Log) last() *segment { return l.segments[len(l.segments)-1] }

// openWriter opens the last segment for writing and cuts off what is behind its end.
func (l *Log) openWriter() error {
	if l.file != nil {
		return l.untear()
	}
	if len(l.segments) == 0 || l.last().sealed {
		return nil
	}
	s := l.last()
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	l.file, l.writer, l.torn = f, l.o.Wrap(osFile{f}), true
	if l.synced.Segment != s.number {
		l.synced = Location{Segment: s.number, Offset: headerBytes}
		if l.o.Last != nil {
			l.synced.Offset = s.end // the caller says so
		}
	}
	return l.untear()
}

func (l *Log) closeWriter() error {
	l.torn = false
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file, l.writer = nil, nil
	return err
}

// ErrClosed is returned by calls on a closed log.
var ErrClosed = errors.New("log is closed")

func (l *Log) writable() error {
	if l.closed {
		return ErrClosed
	}
	if l.o.ReadOnly {
		return errors.New("log is open for reading only")
	}
	return nil
}

// ErrSync is wrapped by the errors of a sync that failed, and of all calls that
// fail because one did.
var ErrSync = errors.New("sync log")

// Append writes one entry behind all others. It is durable only after Sync. An
// error, of a full disk for example, leaves the log as it was and usable, unless it
// wraps ErrSync: a segment that is full is synced before the next one is begun. After
// a failed sync it fails until CutAfter has taken back what was not synced.
func (l *Log) Append(e Entry) (Location, error) {
	if len(e.Meta) > maxMeta || len(e.Payload) > maxPayload {
		return Location{}, fmt.Errorf("entry of %d and %d bytes is too large", len(e.Meta), len(e.Payload))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return Location{}, err
	}
	if l.failed != nil {
		return Location{}, l.failed
	}
	if err := l.makeRoom(); err != nil {
		return Location{}, err
	}
	s := l.last()
	l.buf = appendEntry(l.buf[:0], s.salt, e)
	_, err := l.writer.WriteAt(l.buf, s.end)
	n := int64(len(l.buf))
	if cap(l.buf) > keptBuffer {
		l.buf = nil
	}
	if err != nil {
		l.torn = true
		_ = l.untear()
		return Location{}, fmt.Errorf("write to %s: %w", s.path, err)
	}
	at := Location{Segment: s.number, Offset: s.end, Length: uint32(len(e.Payload))}
	s.end += n
	return at, nil
}

// makeRoom sees to it that there is a segment to write to.
func (l *Log) makeRoom() error {
	if err := l.untear(); err != nil {
		return err
	}
	if !l.full() {
		return nil
	}
	if err := l.finish(); err != nil {
		return err
	}
	return l.begin()
}

// untear takes back a write that failed.
func (l *Log) untear() error {
	if !l.torn {
		return nil
	}
	if err := l.writer.Truncate(l.last().end); err != nil {
		return fmt.Errorf("cut back %s: %w", l.last().path, err)
	}
	l.torn = false
	return nil
}

func (l *Log) full() bool {
	return l.file == nil || l.last().end >= l.o.SegmentBytes
}

// Full reports whether the next Append begins a new segment.
func (l *Log) Full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.full()
}

// Finish makes the next Append begin a new segment.
func (l *Log) Finish() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	return l.finish()
}

func (l *Log) finish() error {
	if l.file == nil {
		return nil
	}
	if err := l.untear(); err != nil {
		return err
	}
	if err := l.writer.Datasync(); err != nil {
		return l.syncFailed(err)
	}
	if err := taken(l.file, l.last().path); err != nil {
		return l.lost(err)
	}
	if err := l.closeWriter(); err != nil {
		return fmt.Errorf("close %s: %w", l.last().path, err)
	}
	return nil
}

// begin creates the next segment.
func (l *Log) begin() error {
	s := newSegment(l.dir, l.next)
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("create segment: %w", err)
	}
	w := l.o.Wrap(osFile{f})
	if _, err := w.WriteAt(appendSegmentHeader(nil, s.number, s.salt), 0); err != nil {
		_ = f.Close()
		_ = os.Remove(s.path)
		return fmt.Errorf("write to %s: %w", s.path, err)
	}
	if err := fail.Point("blocklog.segment.created"); err != nil {
		_ = f.Close()
		return err
	}
	l.file, l.writer, l.newFile = f, w, true
	l.segments = append(l.segments, s)
	l.next++
	l.synced = Location{Segment: s.number, Offset: s.end}
	return nil
}

// Sync makes everything durable that was appended before it was called. When
// it fails, what was appended since the last Sync that worked may or may not
// be on disk, and no later Sync could tell: Append and Sync fail until CutAfter
// takes it back. That the file was removed or replaced under its name is such an
// error, too; what is appended then goes to a new segment.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	if l.file == nil {
		return l.syncDir()
	}
	// The lock is not held meanwhile, so that appending and reading go on. A
	// writer that was closed meanwhile was synced by who closed it.
	s, f, w, end := l.last(), l.file, l.writer, l.last().end
	l.mu.Unlock()
	err := w.Datasync()
	away := taken(f, s.path)
	l.mu.Lock()
	if err != nil && !(errors.Is(err, fs.ErrClosed) && l.file != f) {
		return l.syncFailed(err)
	}
	if away != nil && l.file == f {
		return l.lost(away)
	}
	if l.file == f {
		l.synced = Location{Segment: s.number, Offset: max(end, l.synced.Offset)}
	}
	return l.syncDir()
}

// taken returns an error if f is not what is at path any more: nobody would
// find again what is written to it.
func taken(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return nil // it was closed
	}
	now, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, now) {
		return fmt.Errorf("%s was removed or replaced while in use", path)
	}
	return nil
}

// lost gives up the last segment, which was taken away. What it has can be read
// for as long as its file is open.
func (l *Log) lost(err error) error {
	s := l.last()
	s.sealed = true
	if s.reader == nil {
		s.reader, l.file, l.writer = l.file, nil, nil
	}
	return errors.Join(l.syncFailed(err), l.closeWriter())
}

func (l *Log) syncDir() error {
	if !l.newFile {
		return nil
	}
	d, err := os.Open(l.dir)
	if err != nil {
		return l.syncFailed(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return l.syncFailed(err)
	}
	l.newFile = false
	return nil
}

func (l *Log) syncFailed(err error) error {
	l.failed = fmt.Errorf("%w: %w", ErrSync, err)
	return l.failed
}

// Segments lists the segments in order.
func (l *Log) Segments() []SegmentInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	infos := make([]SegmentInfo, len(l.segments))
	for i, s := range l.segments {
		infos[i] = SegmentInfo{s.number, s.path, s.end}
	}
	return infos
}

// Bytes is the size of all segments.
func (l *Log) Bytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(0)
	for _, s := range l.segments {
		n += s.end
	}
	return n
}

// Torn is how many bytes of a torn tail Open found. It is 0 with Options.Last.
func (l *Log) Torn() int64 { return l.cut }

// Close closes the files. It does not sync. Reads under way end well.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	var errs []error
	errs = append(errs, l.closeWriter())
	for _, s := range l.segments {
		errs = append(errs, s.closeIdle())
	}
	return errors.Join(errs...)
}
