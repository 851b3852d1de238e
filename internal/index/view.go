package index

import (
	"cmp"
	"maps"
	"slices"

	"shipper/internal/segment"
)

// view is what a query sees: the records that were stored when it began, no
// matter what is sealed or dropped while it runs. It has to be released.
type view struct{ sources []*source }

// source is a part of a view: a sealed segment or a block in memory.
type source struct {
	info   segment.Info
	store  *Store
	stored *stored // or
	block  *segment.Block
}

// view returns the parts of the store that may have records in a range of
// times, to not included, in the order of their first or, backward, their last
// records.
func (s *Store) view(from, to int64, backward bool) *view {
	v := new(view)
	for _, b := range s.hold(v, from, to) {
		if i := b.Info(); i.Min < to && i.Max >= from {
			v.sources = append(v.sources, &source{info: i, block: b})
		}
	}
	slices.SortStableFunc(v.sources, func(a, b *source) int {
		if backward {
			return cmp.Compare(b.info.Max, a.info.Max)
		}
		return cmp.Compare(a.info.Min, b.info.Min)
	})
	return v
}

// hold adds the segments to v and returns all blocks in memory.
func (s *Store) hold(v *view, from, to int64) (blocks []*segment.Block) {
	var pieces []*piece
	s.mu.Lock()
	for _, st := range s.segments {
		if st.min < to && st.max >= from {
			st.hold()
			v.sources = append(v.sources, &source{info: st.info(), store: s, stored: st})
		}
	}
	for _, g := range []*generation{s.sealing, s.open} {
		if g == nil {
			continue
		}
		for _, day := range slices.Sorted(maps.Keys(g.days)) {
			ps, open := g.days[day].blocks()
			pieces = append(pieces, ps...)
			if open != nil {
				blocks = append(blocks, open)
			}
		}
	}
	s.mu.Unlock()
	for _, p := range pieces {
		blocks = append(blocks, p.get())
	}
	return blocks
}

func (v *view) release() {
	for _, p := range v.sources {
		if p.stored != nil {
			p.stored.release()
		}
	}
}
