package segment

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"
)

// search is one query on its way through blocks.
type search struct {
	ctx   context.Context
	query *Query
	all   []matcher

	owned []*view
	views []*view  // those that are free
	maps  []bitmap // free
	cands []candidate
	text  []byte
	known []verdict
}

// searches keeps the memory of searches, which is a few megabytes each.
var searches = sync.OnceValue(func() *sync.Pool {
	return &sync.Pool{New: func() any { return new(search) }}
})

// maxOwned is how many views a search keeps for the next one.
const maxOwned = 8

// newSearch returns a search, to be freed when nothing it returned is in use.
func newSearch(ctx context.Context, q *Query) *search {
	s := searches().Get().(*search)
	s.ctx, s.query, s.all = ctx, q, compile(q.All)
	slices.SortStableFunc(s.all, func(a, b matcher) int { return cmp.Compare(a.rank(), b.rank()) })
	return s
}

func (s *search) free() {
	s.ctx, s.query, s.all = nil, nil, nil
	clear(s.cands)
	for _, v := range s.owned {
		v.part = nil
	}
	s.owned = s.owned[:min(len(s.owned), maxOwned)]
	s.views = append(s.views[:0], s.owned...)
	searches().Put(s)
}

// take returns an empty set of rows of so many words.
func (s *search) take(words int) bitmap {
	if n := len(s.maps); n > 0 {
		m := s.maps[n-1]
		s.maps = s.maps[:n-1]
		return m.reset(words * 64)
	}
	return make(bitmap, words)
}

func (s *search) give(m bitmap) { s.maps = append(s.maps, m) }

func (s *search) view() *view {
	if n := len(s.views); n > 0 {
		v := s.views[n-1]
		s.views = s.views[:n-1]
		return v
	}
	v := new(view)
	s.owned = append(s.owned, v)
	return v
}

// selectRows opens a part and returns the rows of it that the query asks for,
// nil if there are none. The caller frees both.
func (s *search) selectRows(p *part) (*view, bitmap, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, nil, err
	}
	if p.min >= s.query.To || p.max < s.query.From {
		return nil, nil, nil
	}
	v := s.view()
	v.open(p)
	sel := s.narrow(v)
	if v.err != nil || sel == nil {
		err := v.err
		s.views = append(s.views, v)
		return nil, nil, err
	}
	return v, sel, nil
}

func (s *search) narrow(v *view) bitmap {
	if v.err != nil {
		return nil
	}
	// First what costs nothing, then filters, then columns.
	s.known = s.known[:0]
	for i := range s.all {
		if s.foresee(v, &s.all[i], false) == none {
			return nil
		}
	}
	for i := range s.all {
		s.known = append(s.known, s.foresee(v, &s.all[i], true))
		if s.known[i] == none {
			return nil
		}
	}
	from, to := 0, v.part.rows
	if v.part.min < s.query.From || v.part.max >= s.query.To {
		times := v.times()
		from = sort.Search(len(times), func(i int) bool { return times[i] >= s.query.From })
		to = sort.Search(len(times), func(i int) bool { return times[i] >= s.query.To })
	}
	if from >= to || v.err != nil {
		return nil
	}
	sel := s.take((v.part.rows + 63) / 64)
	sel.fill(from, to)
	for i := range s.all {
		if s.known[i] == all {
			continue
		}
		if s.evaluate(v, &s.all[i], sel); v.err != nil || sel.empty() {
			s.give(sel)
			return nil
		}
	}
	return sel
}

// cursor is a part at one of its rows.
type cursor struct {
	number int // of the part
	view   *view
	sel    bitmap
	times  []int64
	row    int
}

func (c *cursor) time() int64 { return c.times[c.row] }

// rows calls emit with the rows of all parts in the order of time. Parts that
// overlap are open at the same time.
func (s *search) rows(parts []part, emit func(Row) bool) error {
	order := make([]int, len(parts))
	for i := range order {
		order[i] = i
	}
	back := s.query.Backward
	slices.SortStableFunc(order, func(a, b int) int {
		if back {
			return cmp.Or(cmp.Compare(parts[b].max, parts[a].max), cmp.Compare(b, a))
		}
		return cmp.Compare(parts[a].min, parts[b].min)
	})
	var open []*cursor // the next one last
	attributes := newAttributes(s.query.Columns)
	for n := 0; ; {
		for len(order) > 0 && (len(open) == 0 || s.reaches(&parts[order[0]], open[len(open)-1].time())) {
			c, err := s.open(parts, order[0])
			if err != nil {
				return err
			}
			order = order[1:]
			if c != nil {
				open = s.place(open, c)
			}
		}
		if len(open) == 0 {
			return nil
		}
		c := open[len(open)-1]
		open = open[:len(open)-1]
		row := Row{Time: c.time(), view: c.view, row: c.row, attributes: attributes}
		row.Body = c.view.body(c.row)
		if c.view.err != nil {
			return c.view.err
		}
		n++
		more := emit(row)
		if c.view.err != nil {
			return c.view.err
		}
		if !more || n == s.query.Limit {
			return nil
		}
		if c.next(back) {
			open = s.place(open, c)
		} else {
			s.views = append(s.views, c.view)
			s.give(c.sel)
		}
	}
}

// reaches reports whether a part may have a row before or at a time.
func (s *search) reaches(p *part, at int64) bool {
	if s.query.Backward {
		return p.max >= at
	}
	return p.min <= at
}

// open returns a cursor at the first row of a part, nil if there is none.
func (s *search) open(parts []part, i int) (*cursor, error) {
	v, sel, err := s.selectRows(&parts[i])
	if v == nil {
		return nil, err
	}
	c := &cursor{number: i, view: v, sel: sel, times: v.times()}
	if v.err != nil {
		return nil, v.err
	}
	c.row = sel.next(0)
	if s.query.Backward {
		c.row = sel.prev(parts[i].rows - 1)
	}
	return c, nil
}

func (c *cursor) next(back bool) bool {
	if back {
		c.row = c.sel.prev(c.row - 1)
	} else {
		c.row = c.sel.next(c.row + 1)
	}
	return c.row >= 0
}

// place puts c among the open ones. Rows of the same time come in the order of
// their parts.
func (s *search) place(open []*cursor, c *cursor) []*cursor {
	i := len(open)
	for i > 0 && !s.before(c, open[i-1]) {
		i--
	}
	return slices.Insert(open, i, c)
}

func (s *search) before(a, b *cursor) bool {
	if s.query.Backward {
		return cmp.Or(cmp.Compare(b.time(), a.time()), cmp.Compare(b.number, a.number)) < 0
	}
	return cmp.Or(cmp.Compare(a.time(), b.time()), cmp.Compare(a.number, b.number)) < 0
}
