package index

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/segment"
)

// stored is a sealed segment. A query holds on to it, so that retention does
// not take the file away under it.
type stored struct {
	segmentInfo
	path  string
	files *files
	aside string // the other name of a file that was found damaged; guarded by Store.turns

	mu      sync.Mutex
	holds   int  // queries that may come to it
	gone    bool // dropped: the last of them removes the file
	old     bool // another file has its place
	readers int  // queries that are reading it
	file    *segment.Segment
}

// maxFiles is how many segments stay open while nobody reads them.
const maxFiles = 256

// files is what the segments of a store share.
type files struct {
	open  atomic.Int64
	cache segment.Cache
}

func segmentPath(dir string, id segmentID) string {
	return filepath.Join(segmentDir(dir, id.day), fmt.Sprintf("%016x.seg", id.generation))
}

func segmentDir(dir string, day uint32) string {
	return filepath.Join(dir, "seg", "default", time.Unix(int64(day)*86400, 0).UTC().Format("20060102"))
}

// parseSegmentPath is the inverse of segmentPath, for the last two elements.
func parseSegmentPath(path string) (segmentID, bool) {
	name, ok := strings.CutSuffix(filepath.Base(path), ".seg")
	g, err := strconv.ParseUint(name, 16, 64)
	if !ok || err != nil || len(name) != 16 {
		return segmentID{}, false
	}
	d, err := time.Parse("20060102", filepath.Base(filepath.Dir(path)))
	if err != nil || d.Unix() < 0 {
		return segmentID{}, false
	}
	return segmentID{uint32(d.Unix() / 86400), g}, true
}

// hold keeps the file until release.
func (s *stored) hold() {
	s.mu.Lock()
	s.holds++
	s.mu.Unlock()
}

// release ends what hold began.
func (s *stored) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds--
	if s.holds == 0 && s.gone {
		s.remove()
	}
}

// open returns the segment, which is open until done. Only who holds s may call it.
func (s *stored) open() (*segment.Segment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		f, err := s.files.cache.Open(s.path)
		if err != nil {
			return nil, fmt.Errorf("open segment %s: %w", s.path, err)
		}
		s.file = f
		s.files.open.Add(1)
	}
	s.readers++
	return s.file, nil
}

// done ends what open began.
func (s *stored) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers--
	if s.old || s.files.open.Load() > maxFiles {
		s.close()
	}
}

// close gives up the open file, if nobody reads it. The caller holds mu.
func (s *stored) close() {
	if s.file != nil && s.readers == 0 {
		_ = s.file.Close()
		s.file = nil
		s.files.open.Add(-1)
	}
}

// replace gives up the file, which has another name now, when nobody reads it any more.
func (s *stored) replace() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old = true
	s.close()
}

// drop removes the file, now or when the last query is done with it.
func (s *stored) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	if s.holds == 0 {
		s.remove()
	}
}

// removed reports whether the file is gone after drop.
func (s *stored) removed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone && s.holds == 0
}

func (s *stored) remove() {
	s.close()
	_ = os.Remove(s.path)
	_ = os.Remove(filepath.Dir(s.path)) // if it is empty
}
