package index

import "time"

// Usage returns what the store holds now.
func (s *Store) Usage() Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	full, _ := s.disk.full(time.Now(), s.logged())
	u := Usage{Segments: len(s.segments), Agents: len(s.agents.byID), GapsForgotten: s.agents.missed, Full: full}
	if err := s.refusal(); err != nil {
		u.Full = err.Error()
	}
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
	for _, a := range s.agents.byID {
		for _, e := range a.epochs {
			u.Gaps += e.marks.missing()
		}
	}
	return u
}
