package blocklog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"shipper/internal/fail"
)

// CutAfter drops every entry behind the one at a location, durable or not; the
// zero Location drops all. After a failed Sync, cutting back to what was synced
// makes the log usable again.
func (l *Log) CutAfter(at Location) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	if err := l.keepThrough(at); err != nil {
		return err
	}
	if err := l.openWriter(); err != nil {
		return err
	}
	if l.failed == nil {
		return nil
	}
	if at.Segment < l.synced.Segment || at.Segment == l.synced.Segment && at.Offset < l.synced.Offset {
		l.failed = nil
	}
	return nil
}

// keepThrough makes the entry at a location the last one. Segments behind it are
// removed; the file of its own is not touched yet, but marked torn.
func (l *Log) keepThrough(at Location) error {
	keep := len(l.segments)
	for keep > 0 && l.segments[keep-1].number > at.Segment {
		keep--
	}
	if keep < len(l.segments) && l.file != nil {
		_ = l.closeWriter()
	}
	if !l.o.ReadOnly {
		for i := len(l.segments) - 1; i >= keep; i-- {
			if err := l.removeLast(); err != nil {
				return err
			}
		}
	}
	l.segments = l.segments[:keep]
	if keep == 0 || l.last().number != at.Segment {
		return nil
	}
	s := l.last()
	if s.sealed {
		return nil // its file may be gone
	}
	v, err := l.view(s)
	if err != nil {
		return err
	}
	defer l.releaseLocked(v)
	h, err := v.header(at.Offset)
	if err != nil || h.payload != at.Length {
		s.sealed = true // it stays for what can be read of it
		return errors.Join(ignoreCorrupt(err), l.closeWriter())
	}
	if end := at.Offset + h.size(); end != s.end {
		s.end, l.torn = end, true
	}
	return nil
}

func ignoreCorrupt(err error) error {
	var c *CorruptError
	if errors.As(err, &c) {
		return nil
	}
	return err
}

func (l *Log) removeLast() error {
	s := l.last()
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove segment: %w", err)
	}
	_ = s.closeIdle()
	l.segments = l.segments[:len(l.segments)-1]
	l.newFile = true
	return nil
}

// releaseLocked is release for a caller that holds Log.mu.
func (l *Log) releaseLocked(v *view) { v.seg.users-- }

// findEnd reads the last segment and drops what is behind its last sound entry.
// A last segment without any entry, whose header may be torn, is removed.
func (l *Log) findEnd() error {
	if len(l.segments) == 0 {
		return nil
	}
	s := l.last()
	v, err := l.view(s)
	if err != nil {
		return err
	}
	end := int64(headerBytes)
	w := Walk{Damage: func(*CorruptError) error { return nil }}
	_, err = v.walk(w, nil, func(at Location, e Entry) error {
		end = at.Offset + entryOverhead + int64(len(e.Meta)) + int64(len(e.Payload))
		return nil
	})
	l.releaseLocked(v)
	if err != nil {
		return err
	}
	l.cut = max(0, s.end-end)
	if end == headerBytes && l.o.ReadOnly {
		l.segments = l.segments[:len(l.segments)-1]
		return nil
	}
	if end == headerBytes {
		return l.removeLast()
	}
	s.end, l.torn = min(s.end, end), true
	return nil
}

// Remove removes the segments before the one of that number, never the last one,
// and returns how many bytes that freed. What was removed may be back after a
// power cut.
func (l *Log) Remove(before uint64) (freed int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return 0, err
	}
	for len(l.segments) > 1 && l.segments[0].number < before {
		s := l.segments[0]
		if err := fail.Point("blocklog.segment.remove"); err != nil {
			return freed, err
		}
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return freed, fmt.Errorf("remove segment: %w", err)
		}
		_ = s.closeIdle()
		freed += s.end
		l.segments = l.segments[1:]
	}
	return freed, nil
}
