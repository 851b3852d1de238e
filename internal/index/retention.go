package index

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// retain drops the segments that are too old, and the oldest ones while there
// are too many bytes.
func (s *Store) retain(now time.Time) {
	s.turns.Lock()
	defer s.turns.Unlock()
	s.forgetDropped()
	s.mu.Lock()
	drop := s.expired(now.UnixNano())
	s.mu.Unlock()
	if len(drop) == 0 {
		return
	}
	// First the catalogue, so that a segment that is half gone is not taken
	// for one that the catalogue does not know yet.
	infos := make([]segmentInfo, len(drop))
	ids := make([]segmentID, len(drop))
	for i, st := range drop {
		infos[i], ids[i] = st.segmentInfo, st.id
		infos[i].dropped = true
	}
	if err := s.cat.put(infos); err != nil {
		s.log.Error("retention failed", "err", err)
		return
	}
	s.mu.Lock()
	s.segments = slices.DeleteFunc(s.segments, func(st *stored) bool { return slices.Contains(drop, st) })
	s.Stats.Dropped.Add(int64(len(drop))) // whoever misses them finds them counted
	s.mu.Unlock()
	for _, st := range drop {
		st.drop()
	}
	s.dropped = append(s.dropped, drop...)
	s.log.Info("dropped old segments", "segments", len(drop), "first_day", dayName(ids[0].day))
}

func dayName(day uint32) string { return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly) }

// expired returns the segments to drop, oldest first. The caller holds mu.
func (s *Store) expired(now int64) []*stored {
	total, oldest := int64(0), int64(math.MaxInt64)
	for _, st := range s.segments {
		total, oldest = total+st.bytes, min(oldest, st.max)
	}
	tooOld := func(last int64) bool { return s.opt.MaxAge > 0 && last < now-int64(s.opt.MaxAge) }
	tooMuch := func() bool { return s.opt.MaxBytes > 0 && total > s.opt.MaxBytes }
	if !tooOld(oldest) && !tooMuch() {
		return nil
	}
	byAge := slices.Clone(s.segments)
	slices.SortFunc(byAge, func(a, b *stored) int { return cmp.Compare(a.max, b.max) })
	n := 0
	for n < len(byAge) && (tooOld(byAge[n].max) || tooMuch()) {
		total -= byAge[n].bytes
		n++
	}
	return byAge[:n]
}

// forgetDropped takes the dropped segments whose files are gone out of the catalogue.
func (s *Store) forgetDropped() {
	var ids []segmentID
	kept := s.dropped[:0]
	for _, st := range s.dropped {
		if st.removed() {
			ids = append(ids, st.id)
		} else {
			kept = append(kept, st)
		}
	}
	if err := s.cat.remove(ids); err != nil {
		s.log.Warn("take dropped segments out of the catalogue", "err", err) // the next start does
	}
	s.dropped = kept
}
