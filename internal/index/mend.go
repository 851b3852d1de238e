package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"shipper/internal/segment"
)

// A sealed segment that turns out to be damaged fails the query that found it,
// which says so, and only that one: the maintainer sets the file aside, with its
// name, and puts a segment of the blocks that are intact in its place.

// found looks whether err says that st is damaged, and if so has it mended.
func (s *Store) found(st *stored, err error) error {
	var corrupt *segment.CorruptError
	if !errors.As(err, &corrupt) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.mu.Lock()
	if !slices.Contains(s.damaged, st) && slices.Contains(s.segments, st) {
		s.damaged = append(s.damaged, st)
	}
	s.mu.Unlock()
	s.poke()
	return fmt.Errorf("%w; it is being set aside: ask again, and what of it can be read is there", err)
}

// mendAll deals with the segments that were found to be damaged.
func (s *Store) mendAll() {
	s.turns.Lock()
	defer s.turns.Unlock()
	s.mu.Lock()
	// One may have been mended, or dropped, since.
	damaged := slices.DeleteFunc(s.damaged, func(st *stored) bool { return !slices.Contains(s.segments, st) })
	s.damaged = nil
	s.mu.Unlock()
	for _, st := range damaged {
		if err := s.mend(st); err != nil {
			s.log.Error("a damaged segment cannot be mended, trying again when it is read", "path", st.path, "err", err)
		}
	}
}

// mend sets a damaged segment aside and stores what of it is intact. It may be
// called again after an error. After a crash in between, the next start finds the
// segment damaged, mended, or missing.
func (s *Store) mend(st *stored) error {
	blocks, cause, err := intact(st.path)
	if err != nil {
		return err
	}
	if cause == nil && st.aside == "" {
		return nil // it was the disk, and is over
	}
	info, err := st.setAside(blocks)
	if err != nil {
		return err
	}
	var mended *stored
	if len(blocks) > 0 {
		mended = s.newStored(describe(st.id, info), st.path)
		err = s.cat.put([]segmentInfo{mended.segmentInfo})
	} else if st.aside != "" {
		err = s.cat.remove([]segmentID{st.id})
	}
	if err != nil {
		return fmt.Errorf("register what is intact: %w", err)
	}
	lost := st.rows
	if mended != nil {
		lost -= mended.rows
	}
	// Whose query works again finds what it lacks counted, and in the log.
	s.log.Error("a segment is damaged: it was set aside, and what of it is intact stored again", "path", st.path, "moved_to", st.aside,
		"records", st.rows, "lost_records", lost, "err", cause)
	s.Stats.Damaged.Add(1)
	s.Stats.LostRecords.Add(lost)
	s.mu.Lock()
	s.segments = slices.DeleteFunc(s.segments, func(other *stored) bool { return other == st })
	if mended != nil {
		s.segments = append(s.segments, mended)
	}
	s.mu.Unlock()
	st.replace()
	return nil
}

// setAside gives a damaged file, if it is there, another name, and its own to a
// segment of blocks, if there are any. It has both names until that is whole: who
// cannot write, as on a full disk, loses nothing.
func (st *stored) setAside(blocks []*segment.Block) (info segment.Info, err error) {
	if st.aside == "" {
		aside := fmt.Sprintf("%s.corrupt-%s", st.path, time.Now().UTC().Format("20060102T150405.000"))
		if err := os.Link(st.path, aside); errors.Is(err, fs.ErrNotExist) {
			return info, nil
		} else if err != nil {
			return info, fmt.Errorf("set damaged segment aside: %w", err)
		}
		st.aside = aside
	}
	if len(blocks) > 0 {
		if info, err = segment.Write(st.path, blocks); err != nil {
			return info, fmt.Errorf("write what is intact: %w", err)
		}
		return info, nil
	}
	if err := os.Remove(st.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return info, fmt.Errorf("set damaged segment aside: %w", err)
	}
	return info, nil
}

// intact returns the blocks of a segment file that can be read, and what is wrong
// with it, nil if nothing is. err is of the file system.
func intact(path string) (blocks []*segment.Block, cause, err error) {
	f, err := segment.Open(path)
	var corrupt *segment.CorruptError
	if errors.As(err, &corrupt) || errors.Is(err, fs.ErrNotExist) {
		return nil, err, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	blocks, err = f.Intact(func(err error) {
		if cause == nil {
			cause = err
		}
	})
	return blocks, cause, err
}
