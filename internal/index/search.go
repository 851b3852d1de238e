package index

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"shipper/internal/segment"
)

// maxValues bounds what Values returns.
const maxValues = 50_000

// Search calls emit with the records that q asks for, in the order of their
// times, until emit returns false or q.Limit is reached. It sees what was
// stored when it began. A Row is valid until emit returns.
func (s *Store) Search(ctx context.Context, q segment.Query, emit func(segment.Row) bool) error {
	v := s.view(q.From, q.To, q.Backward)
	defer v.release()
	m := merger{ctx: ctx, query: q, waiting: v.sources}
	defer m.stop()
	for n := 0; q.Limit <= 0 || n < q.Limit; n++ {
		row, ok := m.next()
		if !ok || !emit(row) {
			break
		}
	}
	return m.err
}

// Count counts the records that q asks for, but for its Limit: see
// segment.Segment.Count. It sees what was stored when it began.
func (s *Store) Count(ctx context.Context, q segment.Query, step int64, by []string,
	add func(bucket int64, values []string, n int64)) error {
	return s.each(q, func(p *source, f searcher) error { return f.Count(ctx, q, step, by, add) })
}

// Columns returns the names of the attributes of records in a range of times,
// to not included, in LogQL's spelling and sorted. Segments that reach into the
// range count as a whole.
func (s *Store) Columns(ctx context.Context, from, to int64) ([]string, error) {
	names := make(map[string]struct{})
	v := s.view(from, to, false)
	defer v.release()
	for _, p := range v.sources {
		columns, err := p.columns()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		for _, c := range columns {
			names[c] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// Values returns the values that a column has in the records that q asks for,
// but for its Limit, sorted. More than 50000 are an error.
func (s *Store) Values(ctx context.Context, column string, q segment.Query) ([]string, error) {
	values := make(map[string]struct{})
	err := s.each(q, func(_ *source, f searcher) error {
		err := f.Values(ctx, column, q, func(v string) bool {
			values[v] = struct{}{}
			return len(values) <= maxValues
		})
		if err == nil && len(values) > maxValues {
			err = fmt.Errorf("%s has more than %d values: ask for less time or add filters", column, maxValues)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(values)), nil
}

// Size returns the number of records that q asks for, but for its Limit, and
// their share of the bytes of the blocks they are in.
func (s *Store) Size(ctx context.Context, q segment.Query) (segment.Info, error) {
	var total segment.Info
	err := s.each(q, func(p *source, f searcher) error {
		i := p.info
		rows := i.Rows
		if len(q.All) > 0 || i.Min < q.From || i.Max >= q.To {
			rows = 0
			err := f.Count(ctx, q, 0, nil, func(_ int64, _ []string, n int64) { rows += n })
			if err != nil || rows == 0 {
				return err
			}
		}
		if total.Rows == 0 {
			total.Min, total.Max = max(i.Min, q.From), i.Max
		}
		total.Min, total.Max = min(total.Min, max(i.Min, q.From)), max(total.Max, min(i.Max, q.To-1))
		share := float64(rows) / float64(i.Rows)
		total.Rows += rows
		total.Raw += int64(share * float64(i.Raw))
		total.Bytes += int64(share * float64(i.Bytes))
		total.Blocks += i.Blocks
		return nil
	})
	return total, err
}

// searcher is a segment or a block.
type searcher interface {
	Search(ctx context.Context, q segment.Query, emit func(segment.Row) bool) error
	Count(ctx context.Context, q segment.Query, step int64, by []string, add func(bucket int64, values []string, n int64)) error
	Values(ctx context.Context, column string, q segment.Query, add func(value string) bool) error
}

// each calls do with all parts of the store that may have records that q asks for.
func (s *Store) each(q segment.Query, do func(*source, searcher) error) error {
	v := s.view(q.From, q.To, q.Backward)
	defer v.release()
	for _, p := range v.sources {
		if err := p.use(func(f searcher) error { return do(p, f) }); err != nil {
			return err
		}
	}
	return nil
}

// use calls do with what is searched, which is open until do returns.
func (p *source) use(do func(searcher) error) error {
	if p.block != nil {
		return do(p.block)
	}
	f, err := p.stored.open()
	if err == nil {
		defer p.stored.done()
		err = do(f)
	}
	if err != nil {
		return p.store.found(p.stored, err)
	}
	return nil
}

// columns returns the names of all attributes in the source.
func (p *source) columns() ([]string, error) {
	if p.block != nil {
		return p.block.Columns()
	}
	f, err := p.stored.open()
	if err != nil {
		return nil, p.store.found(p.stored, err)
	}
	defer p.stored.done()
	return f.Columns()
}

// merger merges the rows of sources, which it opens when their time has come.
type merger struct {
	ctx     context.Context
	query   segment.Query
	waiting []*source
	open    []*cursor // by the time of their rows, the next one last
	moved   bool      // the row of the last one was returned
	err     error
}

// cursor is a source at one of its rows.
type cursor struct {
	row  segment.Row
	pull func() (segment.Row, bool)
	stop func()
}

// next returns the next row of all sources. The one before becomes invalid.
func (m *merger) next() (segment.Row, bool) {
	if n := len(m.open); n > 0 && m.moved {
		c := m.open[n-1]
		m.open = m.open[:n-1]
		m.advance(c)
	}
	for m.err == nil && len(m.waiting) > 0 && (len(m.open) == 0 || !m.before(m.open[len(m.open)-1].row.Time, m.first(m.waiting[0]))) {
		m.advance(m.start(m.waiting[0]))
		m.waiting = m.waiting[1:]
	}
	if m.err != nil || len(m.open) == 0 {
		return segment.Row{}, false
	}
	m.moved = true
	return m.open[len(m.open)-1].row, true
}

// first is the time of the first row a source can have.
func (m *merger) first(p *source) int64 {
	if m.query.Backward {
		return p.info.Max
	}
	return p.info.Min
}

// before reports whether a comes strictly before b.
func (m *merger) before(a, b int64) bool {
	if m.query.Backward {
		return a > b
	}
	return a < b
}

func (m *merger) start(p *source) *cursor {
	c := new(cursor)
	c.pull, c.stop = iter.Pull(func(yield func(segment.Row) bool) {
		err := p.use(func(f searcher) error { return f.Search(m.ctx, m.query, yield) })
		if err != nil && m.err == nil {
			m.err = err
		}
	})
	return c
}

// advance moves c to its next row and puts it in its place, or ends it.
func (m *merger) advance(c *cursor) {
	row, ok := c.pull()
	if !ok {
		c.stop()
		return
	}
	c.row = row
	i := len(m.open)
	for i > 0 && !m.before(row.Time, m.open[i-1].row.Time) {
		i--
	}
	m.open = slices.Insert(m.open, i, c)
}

func (m *merger) stop() {
	for _, c := range m.open {
		c.stop()
	}
}
