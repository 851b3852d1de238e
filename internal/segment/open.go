package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
)

// Segment is a segment file that is open for reading. It keeps the file's index
// in memory, and reads columns and filters when a search needs them, checking
// what it reads. Any number of goroutines may search it.
type Segment struct {
	path  string
	file  io.ReaderAt
	close func() error
	cache *Cache
	id    uint64 // in the cache
	info  Info
	list  []part

	index   int64 // where the index begins and the chunks end
	filters int64 // where the filters begin
	end     int64 // where they end
}

// Open opens the segment file at path. Errors about its contents are
// *CorruptError.
func Open(path string) (*Segment, error) { return (*Cache)(nil).Open(path) }

// Open opens a segment file that keeps the filters it reads in the cache.
func (c *Cache) Open(path string) (*Segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	i, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	s := &Segment{path: path, file: f, close: f.Close, cache: c, id: c.next()}
	if err := s.open(i.Size()); err != nil {
		_ = f.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the file. No search may be under way, or come later.
func (s *Segment) Close() error { return s.close() }

// Info returns what is in the segment.
func (s *Segment) Info() Info { return s.info }

// Search calls emit with the rows that q asks for, in the order of their times,
// until emit returns false. A Row is valid until emit returns. Blocks that
// overlap in time are held unpacked together.
func (s *Segment) Search(ctx context.Context, q Query, emit func(Row) bool) error {
	k := newSearch(ctx, &q)
	defer k.free()
	return k.rows(s.list, emit)
}

// Count counts the rows that q asks for, but for its Limit, in buckets of step
// ns, of which the first begins at q.From, and by the values of labels in
// LogQL's spelling. It calls add with the beginning of a bucket, the values,
// empty where a row has none, and the number of rows, any number of times for
// the same bucket and values. With no step all is one bucket. values is valid
// until add returns.
func (s *Segment) Count(ctx context.Context, q Query, step int64, by []string, add func(bucket int64, values []string, n int64)) error {
	k := newSearch(ctx, &q)
	defer k.free()
	return k.count(s.list, step, by, add)
}

// Values calls add with the values that a column has in the rows that q asks
// for, but for its Limit, until add returns false. A value may come more than
// once, the empty one never does.
func (s *Segment) Values(ctx context.Context, column string, q Query, add func(value string) bool) error {
	k := newSearch(ctx, &q)
	defer k.free()
	return k.values(s.list, column, add)
}

// Columns returns the names of all columns in LogQL's spelling, sorted.
func (s *Segment) Columns() ([]string, error) { return columnNames(s.list) }

func (s *Segment) corrupt(at int64, what string) error {
	return &CorruptError{Path: s.path, Offset: at, What: what}
}

// read reads and checks n bytes.
func (s *Segment) read(at int64, n int, sum uint32, buf []byte, what string) ([]byte, error) {
	if cap(buf) < n {
		buf = make([]byte, n+n/8)
	}
	buf = buf[:n]
	if k, err := s.file.ReadAt(buf, at); k < n {
		if errors.Is(err, io.EOF) {
			return nil, s.corrupt(at, "file ends in "+what)
		}
		return nil, fmt.Errorf("read segment %s: %w", s.path, err)
	}
	if crc32.Checksum(buf, castagnoli) != sum {
		return nil, s.corrupt(at, "checksum of "+what)
	}
	return buf, nil
}

func (s *Segment) chunk(at int64, n int, sum uint32, buf []byte) ([]byte, error) {
	if at < int64(len(magic)) || at+int64(n) > s.index {
		return nil, s.corrupt(at, "place of a column")
	}
	return s.read(at, n, sum, buf, "a column")
}

func (s *Segment) filterAt(at int64, n int, sum uint32, buf []byte) ([]byte, error) {
	if at < 0 || at+int64(n) > s.end-s.filters {
		return nil, s.corrupt(at, "place of a filter")
	}
	at += s.filters
	if p := s.cache.get(cacheKey{s.id, at}); p != nil {
		return p, nil
	}
	p, err := s.read(at, n, sum, s.cache.room(n, buf), "a filter")
	if err == nil {
		s.cache.put(cacheKey{s.id, at}, p)
	}
	return p, err
}

// open reads footer and index.
func (s *Segment) open(size int64) error {
	if size < int64(len(magic)+footerSize) {
		return s.corrupt(0, "file is too short")
	}
	head, foot := make([]byte, len(magic)), make([]byte, footerSize)
	if err := s.readAll(head, 0); err != nil {
		return err
	}
	s.end = size - footerSize
	if err := s.readAll(foot, s.end); err != nil {
		return err
	}
	if string(head) != magic || string(foot[24:]) != magic {
		return s.corrupt(0, "not a segment file of this version")
	}
	if crc32.Checksum(foot[:20], castagnoli) != binary.LittleEndian.Uint32(foot[20:]) {
		return s.corrupt(s.end, "checksum of the footer")
	}
	at, n := binary.LittleEndian.Uint64(foot), binary.LittleEndian.Uint32(foot[8:])
	unpacked, sum := binary.LittleEndian.Uint32(foot[12:]), binary.LittleEndian.Uint32(foot[16:])
	if at < uint64(len(magic)) || at > uint64(s.end) || uint64(n) > uint64(s.end)-at {
		return s.corrupt(s.end, "place of the index")
	}
	s.index, s.filters = int64(at), int64(at)+int64(n)
	p, err := s.read(s.index, int(n), sum, nil, "the index")
	if err != nil {
		return err
	}
	r := unpacker{p: p}
	raw := r.list(nil, int(unpacked))
	if r.bad != "" || len(r.p) > 0 || !s.decode(string(raw)) {
		return s.corrupt(s.index, "index")
	}
	s.info.Bytes = size
	return nil
}

func (s *Segment) readAll(p []byte, at int64) error {
	if n, err := s.file.ReadAt(p, at); n < len(p) {
		return fmt.Errorf("read segment %s: %w", s.path, err)
	}
	return nil
}

// decode reads the index. It reports whether it is well formed.
func (s *Segment) decode(index string) bool {
	r := scanner{s: index}
	n := r.int(len(index))
	s.info = Info{Min: math.MaxInt64, Max: math.MinInt64, Blocks: n}
	at := int64(len(magic))
	for range n {
		p := part{from: s, data: at}
		at += int64(r.int(math.MaxInt))
		filters := r.int(len(index))
		for range filters {
			p.filter = append(p.filter, int64(r.int(math.MaxInt)))
		}
		p.meta = r.string()
		if r.bad || at < 0 || at > s.index || !p.describe() {
			return false
		}
		s.list = append(s.list, p)
		s.info.Min, s.info.Max = min(s.info.Min, p.min), max(s.info.Max, p.max)
		s.info.Rows, s.info.Raw = s.info.Rows+int64(p.rows), s.info.Raw+p.raw
	}
	return n > 0 && r.at == len(index) && at == s.index
}

// describe reads the beginning of the meta.
func (p *part) describe() bool {
	r := scanner{s: p.meta}
	p.rows = r.int(maxRows)
	p.raw = int64(r.uvarint())
	p.min = r.varint()
	p.max = int64(uint64(p.min) + r.uvarint())
	return !r.bad && p.rows > 0 && p.max >= p.min
}
