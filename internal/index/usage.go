package index

import "time"

// Usage returns what the store holds now.
func (s *Store) Usage() Usage {
	full := s.Refusing()
	s.mu.Lock()
	defer s.mu.Unlock()
	u := Usage{Segments: len(s.segments), Agents: len(s.agents.byID), Gaps: s.agents.missing, GapsForgotten: s.agents.missed, Full: full}
	for _, st := range s.segments {
		u.SegmentBytes += st.bytes
		u.Records += st.rows
		if u.Oldest == 0 || st.min < u.Oldest {
			u.Oldest = st.min
		}
	}
	for _, g := range []*generation{s.sealing, s.open} {
		if g != nil {
			u.OpenRecords += g.rows
			u.OpenBytes += g.raw
		}
	}
	u.Records += u.OpenRecords
	return u
}

// Refusing returns why blocks are refused now, or nothing. It takes little time,
// however much the store holds.
func (s *Store) Refusing() string {
	s.mu.Lock()
	err, logs := s.refusal(), s.logged()
	s.mu.Unlock()
	if err != nil {
		return err.Error()
	}
	why, _ := s.disk.full(time.Now(), logs)
	return why
}
