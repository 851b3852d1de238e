package blocklog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// segment is one file of the log. Its fields are guarded by Log.mu.
type segment struct {
	number uint64
	path   string
	end    int64 // behind the last entry
	sealed bool  // nothing may be appended to it: its end is damaged

	salt      uint32
	saltKnown bool
	headerBad bool
	reader    *os.File // nil: not open
	users     int      // of reader
	used      uint64
	gone      bool // removed: the last user closes reader
}

func newSegment(dir string, number uint64) *segment {
	path := filepath.Join(dir, fmt.Sprintf("%016x.log", number))
	return &segment{number: number, path: path, end: headerBytes, salt: rand.Uint32(), saltKnown: true}
}

func (s *segment) closeIdle() error {
	if s.users > 0 {
		s.gone = true
		return nil
	}
	if s.reader == nil {
		return nil
	}
	err := s.reader.Close()
	s.reader = nil
	return err
}

// view is a segment as a reader sees it. It stays readable until release, also
// when the segment is removed meanwhile.
type view struct {
	log    *Log
	seg    *segment
	number uint64
	path   string
	file   *os.File
	end    int64

	salt      *uint32 // nil: not known
	headerBad bool
}

// acquire opens a segment for reading.
func (l *Log) acquire(number uint64) (*view, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	for _, s := range l.segments {
		if s.number == number {
			return l.view(s)
		}
	}
	return nil, fmt.Errorf("segment %d: %w", number, fs.ErrNotExist)
}

func (l *Log) view(s *segment) (*view, error) {
	if s.reader == nil {
		l.closeLeastUsed()
		f, err := os.Open(s.path)
		if err != nil {
			return nil, fmt.Errorf("open segment: %w", err)
		}
		s.reader = f
	}
	if !s.saltKnown && !s.headerBad {
		if err := s.readSalt(); err != nil {
			return nil, err
		}
	}
	l.clock++
	s.used = l.clock
	s.users++
	v := &view{log: l, seg: s, number: s.number, path: s.path, file: s.reader, end: s.end, headerBad: s.headerBad}
	if s.saltKnown {
		v.salt = &s.salt
	}
	return v, nil
}

// readSalt takes the salt from the segment's header, or, if that is damaged,
// from its first entry. It is no error if neither can tell.
func (s *segment) readSalt() error {
	var p [headerBytes + entryOverhead]byte
	n, err := s.reader.ReadAt(p[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", s.path, err)
	}
	if salt, err := parseSegmentHeader(p[:n], s.number); err == nil {
		s.salt, s.saltKnown = salt, true
		return nil
	}
	s.headerBad = true
	if n < headerBytes {
		return nil
	}
	if h, ok := parseHeader(p[headerBytes:n]); ok {
		s.salt, s.saltKnown = h.salt, true
	}
	return nil
}

// closeLeastUsed bounds the number of open files.
func (l *Log) closeLeastUsed() {
	open, least := 0, (*segment)(nil)
	for _, s := range l.segments {
		if s.reader == nil {
			continue
		}
		open++
		if s.users == 0 && (least == nil || s.used < least.used) {
			least = s
		}
	}
	if open >= openFiles && least != nil {
		_ = least.closeIdle()
	}
}

func (v *view) release() {
	v.log.mu.Lock()
	defer v.log.mu.Unlock()
	v.seg.users--
	if v.seg.gone && v.seg.users == 0 {
		_ = v.seg.closeIdle()
	}
}
