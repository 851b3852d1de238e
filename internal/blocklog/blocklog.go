// Package blocklog keeps append-only files of checksummed entries: the agent's
// queue keeps its payloads in one, the indexer its write-ahead log.
//
// A log is a directory of segment files named by number, sixteen hexadecimal
// digits and ".seg". A segment is a magic number and entries; integers are
// little-endian:
//
//	segment  "shpblog1"  entry*
//
//	entry    0   u32  magic 0x6b6c6273
//	         4   u32  CRC32C of all that follows
//	         8   u64  sequence
//	         16  u32  length of meta
//	         20  u32  length of payload
//	         24       meta, payload
//
// It assumes that bytes written before an fdatasync that succeeded are there
// after a power cut, and that of others any part may be there.
package blocklog

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	fileMagic  = "shpblog1"
	entryMagic = 0x6b6c6273
	headerSize = 24

	// MaxEntry bounds meta and payload of one entry together, and with it what
	// a damaged length can make a reader allocate.
	MaxEntry = 64 << 20

	defaultSegmentBytes = 64 << 20
)

// castagnoli is the polynomial of CRC32C, which processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Options of a Log.
type Options struct {
	SegmentBytes int64 // a segment is closed when it has this many bytes; 64 MiB if 0
}

// Location is where an entry stands.
type Location struct {
	Segment uint64
	Offset  int64  // of the entry in its segment
	Length  uint32 // of the whole entry
}

// End is the offset of what follows the entry.
func (at Location) End() int64 { return at.Offset + int64(at.Length) }

// Entry is what a Log stores.
type Entry struct {
	Sequence uint64
	Meta     []byte // small, describes the payload, so that an index can be rebuilt from the log
	Payload  []byte
}

// CorruptError is damage to an entry. The entries around it may be well.
type CorruptError struct {
	Path   string
	Offset int64
	What   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d: %s", e.Path, e.Offset, e.What)
}

// SegmentInfo describes one segment file.
type SegmentInfo struct {
	Number uint64
	Bytes  int64
}

// Log is a directory of segments. Append, Sync, Cut, Remove and Close are for
// one goroutine at a time; Read may be called beside them by any number.
type Log struct {
	dir   string
	limit int64

	mu       sync.Mutex // guards what follows
	segments []SegmentInfo
	readers  map[uint64]*os.File

	tail  *os.File // the last segment, open for writing; nil before the first Append
	fresh bool     // the tail's name is not durable yet
	buf   []byte   // an entry being put together
}

// Open opens the log in dir, which it creates. Nothing is read yet: use Scan,
// and Cut to drop what a crash left behind.
func Open(dir string, o Options) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l := &Log{dir: dir, limit: o.SegmentBytes, readers: map[uint64]*os.File{}}
	if l.limit == 0 {
		l.limit = defaultSegmentBytes
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".seg")
		number, err := strconv.ParseUint(name, 16, 64)
		if !ok || err != nil || len(name) != 16 {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		l.segments = append(l.segments, SegmentInfo{number, info.Size()})
	}
	slices.SortFunc(l.segments, func(a, b SegmentInfo) int { return cmp.Compare(a.Number, b.Number) })
	return l, nil
}

func (l *Log) path(segment uint64) string {
	return filepath.Join(l.dir, fmt.Sprintf("%016x.seg", segment))
}

// Segments returns the segments in order.
func (l *Log) Segments() []SegmentInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.segments)
}

// Append writes e behind the last entry, in one write. It is durable after
// Sync. After an error the log is as it was before, and can be used.
func (l *Log) Append(e Entry) (Location, error) {
	if len(e.Meta)+len(e.Payload) > MaxEntry {
		return Location{}, fmt.Errorf("entry %d of %d bytes: the limit is %d", e.Sequence, len(e.Meta)+len(e.Payload), MaxEntry)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.openTail(); err != nil {
		return Location{}, err
	}
	b := append(l.buf[:0], make([]byte, headerSize)...)
	b = append(b, e.Meta...)
	b = append(b, e.Payload...)
	binary.LittleEndian.PutUint32(b, entryMagic)
	binary.LittleEndian.PutUint64(b[8:], e.Sequence)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(e.Meta)))
	binary.LittleEndian.PutUint32(b[20:], uint32(len(e.Payload)))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	l.buf = b[:0]
	last := &l.segments[len(l.segments)-1]
	if _, err := l.tail.WriteAt(b, last.Bytes); err != nil {
		return Location{}, errors.Join(fmt.Errorf("append to %s: %w", l.tail.Name(), err), l.tail.Truncate(last.Bytes))
	}
	at := Location{last.Number, last.Bytes, uint32(len(b))}
	last.Bytes += int64(len(b))
	return at, nil
}

// openTail makes sure that there is a segment with room to write to.
func (l *Log) openTail() error {
	n := len(l.segments)
	if l.tail != nil && l.segments[n-1].Bytes < l.limit {
		return nil
	}
	if l.tail == nil && n > 0 && l.segments[n-1].Bytes >= int64(len(fileMagic)) && l.segments[n-1].Bytes < l.limit {
		f, err := os.OpenFile(l.path(l.segments[n-1].Number), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		l.tail = f
		return nil
	}
	if err := l.sync(); err != nil {
		return err
	}
	next := uint64(1)
	if n > 0 {
		next = l.segments[n-1].Number + 1
	}
	f, err := os.OpenFile(l.path(next), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(fileMagic); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", f.Name(), err), f.Close(), os.Remove(f.Name()))
	}
	if l.tail != nil {
		l.tail.Close()
	}
	l.tail, l.fresh = f, true
	l.segments = append(l.segments, SegmentInfo{next, int64(len(fileMagic))})
	return nil
}

// Sync makes all entries durable. After an error it is unknown which are.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sync()
}

func (l *Log) sync() error {
	if l.tail == nil {
		return nil
	}
	if err := unix.Fdatasync(int(l.tail.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", l.tail.Name(), err)
	}
	if !l.fresh {
		return nil
	}
	if err := syncDir(l.dir); err != nil {
		return err
	}
	l.fresh = false
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// Read returns the entry at a location, in dst's memory if it has room. An
// entry that is not as it was written is a *CorruptError.
func (l *Log) Read(at Location, dst []byte) (Entry, error) {
	f, err := l.reader(at.Segment)
	if err != nil {
		return Entry{}, err
	}
	if at.Length < headerSize || at.Length > MaxEntry+headerSize {
		return Entry{}, &CorruptError{f.Name(), at.Offset, "impossible length"}
	}
	b := slices.Grow(dst[:0], int(at.Length))[:at.Length]
	if _, err := f.ReadAt(b, at.Offset); err != nil {
		if err == io.EOF {
			return Entry{}, &CorruptError{f.Name(), at.Offset, "the file ends"}
		}
		return Entry{}, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	e, n, what := parse(b)
	if what == "" && n != len(b) {
		what = "another length than expected"
	}
	if what != "" {
		return Entry{}, &CorruptError{f.Name(), at.Offset, what}
	}
	return e, nil
}

func (l *Log) reader(segment uint64) (*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f, ok := l.readers[segment]; ok {
		return f, nil
	}
	f, err := os.Open(l.path(segment))
	if err != nil {
		return nil, err
	}
	l.readers[segment] = f
	return f, nil
}

// parse reads the entry at the start of b: what is wrong with it is not empty
// if it is none. n is its length.
func parse(b []byte) (e Entry, n int, what string) {
	if len(b) < headerSize {
		return e, 0, "the file ends"
	}
	if binary.LittleEndian.Uint32(b) != entryMagic {
		return e, 0, "no entry begins here"
	}
	meta, payload := int64(binary.LittleEndian.Uint32(b[16:])), int64(binary.LittleEndian.Uint32(b[20:]))
	if meta+payload > MaxEntry {
		return e, 0, "impossible length"
	}
	n = headerSize + int(meta+payload)
	if n > len(b) {
		return e, n, "the file ends"
	}
	if crc32.Checksum(b[8:n], castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return e, n, "checksum"
	}
	e.Sequence = binary.LittleEndian.Uint64(b[8:])
	e.Meta = b[headerSize : headerSize+meta]
	e.Payload = b[headerSize+meta : n]
	return e, n, ""
}

// Scan calls fn for every entry from a segment on, in order. The entry is
// valid until fn returns; an error of fn ends the scan. A tail that ends within
// an entry is the trace of a crash and no error: see Cut. Any other damage is
// handed to damaged, if it is not nil, and the scan goes on with the next entry
// that reads; if it is nil, the damage ends the scan as a *CorruptError.
func (l *Log) Scan(from uint64, fn func(Location, Entry) error, damaged func(*CorruptError)) error {
	for _, s := range l.Segments() {
		if s.Number < from {
			continue
		}
		if err := l.scan(s, fn, damaged); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) scan(s SegmentInfo, fn func(Location, Entry) error, damaged func(*CorruptError)) error {
	b, err := os.ReadFile(l.path(s.Number))
	if err != nil {
		return err
	}
	report := func(at int, what string) error {
		e := &CorruptError{l.path(s.Number), int64(at), what}
		if damaged == nil {
			return e
		}
		damaged(e)
		return nil
	}
	at := len(fileMagic)
	if !strings.HasPrefix(string(b[:min(at, len(b))]), fileMagic) {
		if len(b) < at {
			return nil // the file was made and the crash came
		}
		if err := report(0, "no log segment of this version"); err != nil {
			return err
		}
	}
	for at < len(b) {
		e, n, what := parse(b[at:])
		if what == "" {
			if err := fn(Location{s.Number, int64(at), uint32(n)}, e); err != nil {
				return err
			}
			at += n
			continue
		}
		next := findEntry(b, at+1)
		if next < 0 {
			return nil // nothing reads behind it: a torn tail
		}
		if err := report(at, what); err != nil {
			return err
		}
		at = next
	}
	return nil
}

// findEntry returns the offset of the first whole entry from at on, -1 if there is none.
func findEntry(b []byte, at int) int {
	var magic [4]byte
	binary.LittleEndian.PutUint32(magic[:], entryMagic)
	for at < len(b) {
		i := bytes.Index(b[at:], magic[:])
		if i < 0 {
			return -1
		}
		at += i
		if _, _, what := parse(b[at:]); what == "" {
			return at
		}
		at++
	}
	return -1
}

// Cut drops everything behind offset end of a segment, later segments
// included. A segment that would be empty is removed.
func (l *Log) Cut(segment uint64, end int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tail != nil {
		l.tail.Close()
		l.tail = nil
	}
	drop := func(s SegmentInfo) bool {
		return s.Number > segment || s.Number == segment && end <= int64(len(fileMagic))
	}
	for n := len(l.segments); n > 0 && drop(l.segments[n-1]); n-- {
		l.forget(l.segments[n-1].Number)
		if err := os.Remove(l.path(l.segments[n-1].Number)); err != nil {
			return err
		}
		l.segments = l.segments[:n-1]
	}
	if n := len(l.segments); n > 0 && l.segments[n-1].Number == segment && l.segments[n-1].Bytes > end {
		if err := os.Truncate(l.path(segment), end); err != nil {
			return err
		}
		l.segments[n-1].Bytes = end
	}
	return syncDir(l.dir)
}

func (l *Log) forget(segment uint64) {
	if f, ok := l.readers[segment]; ok {
		f.Close()
		delete(l.readers, segment)
	}
}

// Remove deletes the segments before the given one, never the last.
func (l *Log) Remove(before uint64) (freed int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.segments) > 1 && l.segments[0].Number < before {
		s := l.segments[0]
		l.forget(s.Number)
		if err := os.Remove(l.path(s.Number)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return freed, err
		}
		l.segments = slices.Delete(l.segments, 0, 1)
		freed += s.Bytes
	}
	return freed, nil
}

// Close closes the files. What was not synced may be lost.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := range l.readers {
		l.forget(n)
	}
	if l.tail == nil {
		return nil
	}
	err := l.tail.Close()
	l.tail = nil
	return err
}
