package index

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	berrors "go.etcd.io/bbolt/errors"

	"shipper/internal/block"
	"shipper/internal/blocklog"
	"shipper/internal/segment"
)

// recover brings a store up from what is on disk: see the package's doc.
func (s *Store) recover() error {
	infos, floor, err := s.loadCatalogue()
	if err != nil {
		return err
	}
	wals, err := listWALs(s.dir)
	if err != nil {
		return fmt.Errorf("list write-ahead logs: %w", err)
	}
	for len(wals) > 0 && wals[0] < floor {
		if err := removeWAL(walDir(s.dir, wals[0])); err != nil {
			return fmt.Errorf("remove the log of a sealed generation: %w", err)
		}
		wals = wals[1:]
	}
	if err := s.findSegments(infos, wals); err != nil {
		return err
	}
	for _, st := range s.segments {
		floor = max(floor, st.id.generation+1)
	}
	return s.replayAll(wals, floor)
}

// loadCatalogue opens the catalogue, or a new one if it is corrupt.
func (s *Store) loadCatalogue() (infos []segmentInfo, floor uint64, err error) {
	path := s.path("catalogue.db")
	if s.cat, err = openCatalogue(path); err == nil {
		if floor, infos, err = s.cat.load(s.agents, s.window); err == nil {
			return infos, floor, nil
		}
		_ = s.cat.close()
		s.cat = nil
	}
	if !isCorrupt(err) {
		return nil, 0, fmt.Errorf("open catalogue %s: %w", path, err)
	}
	to := fmt.Sprintf("%s.corrupt-%s", path, time.Now().UTC().Format("20060102T150405"))
	if err := os.Rename(path, to); err != nil {
		return nil, 0, fmt.Errorf("set corrupt catalogue aside: %w", err)
	}
	s.log.Error("the catalogue is corrupt and was set aside; segments are found again, "+
		"but blocks that agents send again will be stored twice", "moved_to", to, "err", err)
	s.agents, s.window = newAgents(), newWindow()
	if s.cat, err = openCatalogue(path); err != nil {
		return nil, 0, fmt.Errorf("create catalogue %s: %w", path, err)
	}
	return nil, 0, nil
}

// isCorrupt tells a corrupt catalogue from one that is not to be touched or
// cannot be read now.
func isCorrupt(err error) bool {
	var no syscall.Errno
	return !errors.Is(err, errForeign) && !errors.Is(err, berrors.ErrTimeout) && !errors.As(err, &no)
}

// findSegments compares the segment files with the catalogue. wals are the
// generations that will be read from their logs.
func (s *Store) findSegments(infos []segmentInfo, wals []uint64) error {
	known := make(map[segmentID]segmentInfo, len(infos))
	for _, i := range infos {
		known[i.id] = i
	}
	var adopted []segmentInfo
	err := filepath.WalkDir(s.path("seg"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		id, ok := parseSegmentPath(path)
		if !ok {
			return s.removeUnfinished(path)
		}
		info, ok := known[id]
		delete(known, id)
		switch {
		case ok && !info.dropped:
			s.segments = append(s.segments, s.newStored(info, path))
			return nil
		case ok || slices.Contains(wals, id.generation):
			return os.Remove(path)
		}
		if info, ok = s.adopt(id, path); ok {
			adopted = append(adopted, info)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list segments: %w", err)
	}
	if len(adopted) > 0 {
		if err := s.cat.put(adopted); err != nil {
			return fmt.Errorf("adopt segments: %w", err)
		}
	}
	// What is left has no file: dropped for good, or missing.
	var dropped []segmentID
	for id, info := range known {
		if info.dropped {
			dropped = append(dropped, id)
			continue
		}
		s.Stats.Missing.Add(1)
		s.log.Error("a segment is missing", "path", segmentPath(s.dir, id), "records", info.rows)
	}
	return s.cat.remove(dropped)
}

// removeUnfinished removes a segment that was being written; other files are not ours.
func (s *Store) removeUnfinished(path string) error {
	if strings.HasSuffix(path, ".seg.tmp") {
		return os.Remove(path)
	}
	return nil
}

// adopt takes in a segment that the catalogue does not know.
func (s *Store) adopt(id segmentID, path string) (segmentInfo, bool) {
	f, err := segment.Open(path)
	if err != nil {
		s.Stats.Missing.Add(1)
		s.log.Error("a segment that the catalogue does not know cannot be read; it is left as it is", "path", path, "err", err)
		return segmentInfo{}, false
	}
	info := describe(id, f.Info())
	_ = f.Close()
	s.segments = append(s.segments, s.newStored(info, path))
	s.Stats.Adopted.Add(1)
	s.log.Warn("the catalogue did not know a segment", "path", path, "records", info.rows)
	return info, true
}

// replayAll reads the logs that are not sealed. The last one becomes the open
// generation, those before it are sealed. first is the number of the
// generation to begin if there is none.
func (s *Store) replayAll(wals []uint64, first uint64) error {
	for _, n := range wals {
		if err := s.sealRecovered(); err != nil {
			return err
		}
		if err := s.begin(n); err != nil {
			return err
		}
		if err := s.replay(s.open.wal); err != nil {
			return err
		}
		first = n + 1
	}
	if s.open != nil && !s.open.wal.damaged {
		return nil
	}
	// Nothing may be written behind damage.
	if err := s.sealRecovered(); err != nil {
		return err
	}
	return s.begin(first)
}

// begin makes generation n the open one.
func (s *Store) begin(n uint64) error {
	w, err := openWAL(s.dir, n, &s.Stats.LogSyncs)
	if err != nil {
		return err
	}
	s.open = newGeneration(n, w, &s.builders)
	return nil
}

// sealRecovered seals the open generation, if there is one. One that cannot be
// sealed now is left to the maintainer, but sealed before another one is: a seal
// puts the floor behind all generations before it.
func (s *Store) sealRecovered() error {
	if s.open == nil {
		return nil
	}
	if s.pending != nil {
		if err := s.seal(s.pending); err != nil {
			return err
		}
		s.pending = nil
	}
	s.open.finish()
	h := &handover{s.open, s.agents.snapshot(), s.window.snapshot()}
	if s.seal(h) != nil { // it is in the log
		s.pending, s.sealing = h, h.generation
	}
	return nil
}

// replay adds what a log has to memory.
func (s *Store) replay(w *wal) error {
	d := block.NewDecoder(s.opt.MaxBlock)
	unread := func(err error) {
		s.Stats.Unread.Add(1)
		w.damaged = true
		s.log.Error("a write-ahead log is damaged; what can be read of it is stored, and it is kept", "path", w.dir, "err", err)
	}
	return w.read(func(be blocklog.Entry) error {
		e, err := decodeEntry(be.Meta)
		if err != nil {
			unread(err)
			return nil
		}
		// A log may have a block twice if a write failed and could not be taken back.
		if v, _ := s.known(&e); v != fresh {
			return nil
		}
		if e.agent != "" {
			e.hash = sha256.Sum256(be.Payload)
		}
		batches, err := decodeBlock(d, be.Payload, s.opt.MaxBlock)
		if err != nil {
			unread(err)
			return nil
		}
		full, _ := s.take(&e, batches)
		for _, p := range full {
			p.get()
		}
		s.Stats.Replayed.Add(1)
		return nil
	}, unread)
}
