package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"shipper/internal/clock"
	"shipper/internal/fail"
	"shipper/internal/segment"
)

const (
	// look is how often the maintainer looks at ages and retention when nobody pokes it.
	look = time.Second
	// sealRetry is how long it waits after a seal that failed.
	sealRetry = 5 * time.Second
)

// handover is a generation on its way into the catalogue.
type handover struct {
	*generation
	agents agentChanges // as they were when the generation ended
	keys   keyChanges
}

// maintain seals and drops until ctx is done.
func (s *Store) maintain(ctx context.Context) {
	defer close(s.done)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
		if s.turn(false) != nil {
			sleep(ctx, sealRetry)
		}
		s.mendAll()
		s.retain(clock.Steady(s.started, time.Now()))
	}
}

// turn seals what a turn before could not, and then the open generation if it
// is due or force is set.
func (s *Store) turn(force bool) error {
	s.turns.Lock()
	defer s.turns.Unlock()
	for {
		if s.pending == nil {
			s.pending = s.rotate(force)
		}
		if s.pending == nil {
			return nil
		}
		if err := s.seal(s.pending); err != nil {
			return err
		}
		s.pending = nil
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// rotate ends the open generation if it is due, or if force is set and it has
// records, and opens the next one. It returns nil if there is nothing to seal.
func (s *Store) rotate(force bool) *handover {
	s.mu.Lock()
	due := s.due(time.Now()) || force && s.open.wal.appended.Load() > 0
	next := s.open.number + 1
	s.mu.Unlock()
	if !due {
		return nil
	}
	w, err := openWAL(s.dir, next, &s.Stats.LogSyncs)
	if err == nil {
		err = fail.Point("index.seal.rotated")
	}
	if err != nil {
		s.sealFailed(fmt.Errorf("open the next generation: %w", err))
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// What comes later may take a repeat of what is in here for durable.
	if err := s.open.wal.sync(); err != nil {
		s.open.broken = err
	}
	s.open.finish()
	h := &handover{s.open, s.agents.snapshot(), s.window.snapshot()}
	s.sealing = s.open
	s.open = newGeneration(next, w, &s.builders)
	s.pressed = false
	return h
}

// seal makes segments of a generation and registers them. It may be called
// again after an error.
func (s *Store) seal(h *handover) error {
	if err := fail.Point("index.seal.before"); err != nil {
		return err
	}
	added, err := s.writeSegments(h.generation)
	if err == nil {
		err = fail.Point("index.seal.written")
	}
	if err == nil {
		infos := make([]segmentInfo, len(added))
		for i := range added {
			infos[i] = added[i].segmentInfo
		}
		err = s.cat.seal(sealed{floor: h.number + 1, segments: infos, agents: h.agents, keys: h.keys, sums: h.sums})
	}
	if err != nil {
		s.sealFailed(err)
		return err
	}
	if err := fail.Point("index.seal.registered"); err != nil {
		return err
	}
	s.mu.Lock()
	s.segments = append(s.segments, added...)
	s.sealing, s.sealErr = nil, nil
	close(s.sealed)
	s.sealed = make(chan struct{})
	s.mu.Unlock()
	s.Stats.Sealed.Add(int64(len(added)))
	if err := h.wal.drop(); err != nil {
		s.log.Warn("remove the log of a sealed generation", "err", err) // the next start tries again
	}
	return nil
}

func (s *Store) sealFailed(err error) {
	s.Stats.SealFails.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealErr == nil || s.sealErr.Error() != err.Error() {
		s.log.Error("seal failed, trying again; records stay in the log", "err", err)
	}
	s.sealErr = err
	close(s.sealed)
	s.sealed = make(chan struct{})
}

// writeSegments writes a segment for each day of g. Written again it is the same file.
func (s *Store) writeSegments(g *generation) ([]*stored, error) {
	var added []*stored
	for _, day := range slices.Sorted(maps.Keys(g.days)) {
		st, err := s.writeSegment(segmentID{day, g.number}, g.days[day].allBlocks())
		if err != nil {
			return nil, err
		}
		added = append(added, st)
	}
	if len(added) == 0 {
		return nil, nil
	}
	// The files' own directories are synced with the files. Those above may be new,
	// or be left from a try that failed.
	for _, dir := range []string{s.dir, s.path("seg"), s.path("seg", "default")} {
		if err := s.syncDir(dir); err != nil {
			return nil, fmt.Errorf("sync segments: %w", err)
		}
	}
	return added, nil
}

// allBlocks returns all records of a day of a generation that grows no more.
func (d *dayRows) allBlocks() []*segment.Block {
	blocks := make([]*segment.Block, len(d.pieces))
	for i, p := range d.pieces {
		blocks[i] = p.get()
	}
	return blocks
}

func (s *Store) writeSegment(id segmentID, blocks []*segment.Block) (*stored, error) {
	if err := os.MkdirAll(segmentDir(s.dir, id.day), 0o700); err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	path := segmentPath(s.dir, id)
	info, err := segment.Write(path, blocks)
	if err != nil {
		return nil, fmt.Errorf("write segment %s: %w", path, err)
	}
	return s.newStored(describe(id, info), path), nil
}

// finish seals all there is at the end. What cannot be sealed stays in the logs.
func (s *Store) finish() error {
	err := s.turn(true)
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("seal: %w", err), s.open.wal.sync())
}

func (s *Store) newStored(info segmentInfo, path string) *stored {
	return &stored{segmentInfo: info, path: path, files: &s.files}
}

// info is the inverse of describe.
func (s *segmentInfo) info() segment.Info {
	return segment.Info{Min: s.min, Max: s.max, Rows: s.rows, Raw: s.raw, Bytes: s.bytes, Blocks: 1}
}

func describe(id segmentID, i segment.Info) segmentInfo {
	return segmentInfo{id: id, min: i.Min, max: i.Max, rows: i.Rows, bytes: i.Bytes, raw: i.Raw}
}
