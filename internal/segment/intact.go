package segment

import "context"

// Intact returns the blocks of the segment of which everything can be read and is
// what was written, in memory: Write makes a segment of them. damage is called with
// a *CorruptError for each of the others. An error is of the file system.
func (s *Segment) Intact(damage func(error)) ([]*Block, error) {
	var blocks []*Block
	for i, p := range s.list {
		end := s.index
		if i+1 < len(s.list) {
			end = s.list[i+1].data
		}
		b, err := s.block(p, int(end-p.data))
		if corrupt, ok := err.(*CorruptError); ok {
			damage(corrupt)
			continue
		}
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// block reads one block, whose chunks take n bytes.
func (s *Segment) block(p part, n int) (*Block, error) {
	var m blockMeta
	if !m.decode(p.meta) {
		return nil, s.corrupt(p.data, "description of the block")
	}
	b := &Block{meta: p.meta, data: make([]byte, 0, n), info: Info{Min: p.min, Max: p.max, Rows: int64(p.rows), Raw: p.raw, Blocks: 1}}
	for i := range m.columns {
		c := &m.columns[i]
		if c.length > 0 {
			chunk, err := s.chunk(p.data+c.offset, int(c.length), c.sum, nil)
			if err != nil {
				return nil, err
			}
			b.data = append(b.data, chunk...)
		}
		if c.filterSize == 0 {
			continue
		}
		if c.filter >= len(p.filter) {
			return nil, s.corrupt(p.data, "places of the filters")
		}
		filter, err := s.filterAt(p.filter[c.filter], c.filterSize, c.filterSum, nil)
		if err != nil {
			return nil, err
		}
		b.filter = append(b.filter, int64(len(b.filters)))
		b.filters = append(b.filters, filter...)
	}
	if len(b.data) != n {
		return nil, s.corrupt(p.data, "length of the block")
	}
	b.info.Bytes = int64(len(b.meta) + len(b.data) + len(b.filters))
	// What the checksums do not tell, reading all rows does.
	everything := Query{From: b.info.Min, To: b.info.Max + 1}
	if err := b.Search(context.Background(), everything, func(Row) bool { return true }); err != nil {
		return nil, s.corrupt(p.data, err.Error())
	}
	return b, nil
}
