package query

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"shipper/internal/segment"
	"shipper/internal/selector"
)

// tally collects, for each series, how much there is in short intervals.
//
// A window of the query is (t-window, t], which in whole nanoseconds is
// [t-window+1, t+1), for t = start, start+step, ... So with from = start-window+1
// window i is [from+i*step, from+i*step+window), and intervals from from on, of a
// length that divides both step and window, are never in a window by half.
type tally struct {
	from     int64
	interval int64 // ns
	limit    int   // of series

	at        map[string]int // of a series by its labels
	all       []counted
	intervals int
	key       []byte
	full      error // why no more can be taken
}

// counted is a series before it has points.
type counted struct {
	series
	parts []part
}

// part is what a series has in one interval.
type part struct {
	at   int64 // where the interval begins, from tally.from on
	rows int64
	sum  int64 // rows, or bytes of lines
}

// windows computes r, with the series added up by labels, or without them.
func (h *Handler) windows(ctx context.Context, expr selector.Expr, r *selector.Range, group []string, without bool, g grid, limit int) ([]series, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	window := int64(r.Window)
	from, to := g.start-int64(r.Offset)-window+1, g.at(g.n-1)-int64(r.Offset)+1
	if float64(g.start)-float64(r.Offset)-float64(window) < math.MinInt64 || to-from < 0 {
		return nil, errCenturies
	}
	t := &tally{from: from, interval: gcd(g.step, window), limit: limit, at: map[string]int{}}
	if g.n == 1 {
		t.interval = window
	}
	p := translate(r.Query, from, to)
	size := r.Function == selector.BytesOverTime || r.Function == selector.BytesRate
	var err error
	if without || size || len(p.rest) > 0 {
		err = t.scan(ctx, h.Store, p, names(group), without, size)
	} else {
		by := names(group)
		err = h.Store.Count(ctx, p.Query, t.interval, by, func(at int64, values []string, n int64) {
			if !t.add(by, values, at, n, n) {
				stop()
			}
		})
	}
	switch {
	case t.full != nil:
		return nil, t.full
	case len(t.all) > limit:
		return nil, tooMany(expr, limit)
	case err != nil:
		return nil, err
	}
	return t.points(r, g)
}

// scan adds records one by one, which is needed where the store does not count.
func (t *tally) scan(ctx context.Context, s Store, p *plan, group []string, without, size bool) error {
	var row labels
	var by, values []string
	return p.search(ctx, s, func(r segment.Row) bool {
		by, values = by[:0], values[:0]
		if without {
			row.collect(r)
			for _, l := range row.all {
				if !slices.Contains(group, l.name) {
					by, values = append(by, l.name), append(values, string(row.text[l.from:l.to]))
				}
			}
		} else {
			for _, name := range group {
				by, values = append(by, name), append(values, string(r.Label(name)))
			}
		}
		sum := int64(1)
		if size {
			sum = int64(len(r.Body))
		}
		return t.add(by, values, r.Time-(r.Time-t.from)%t.interval, 1, sum)
	})
}

// add reports whether more can be added.
func (t *tally) add(by, values []string, at, rows, sum int64) bool {
	t.key = appendMetric(t.key[:0], by, values)
	i, ok := t.at[string(t.key)]
	if !ok {
		i = len(t.all)
		t.at[string(t.key)] = i
		t.all = append(t.all, counted{series: newSeries(by, values)})
		if len(t.all) > t.limit {
			return false
		}
	}
	s := &t.all[i]
	at -= t.from
	if n := len(s.parts); n > 0 && s.parts[n-1].at == at {
		s.parts[n-1].rows += rows
		s.parts[n-1].sum += sum
		return true
	}
	s.parts = append(s.parts, part{at, rows, sum})
	if t.intervals++; t.intervals > maxIntervals {
		t.full = bad(fmt.Sprintf("the query has more than %d counts to add up: use a step that divides the range, a shorter time or fewer series", maxIntervals))
		return false
	}
	return true
}

// points makes the points of all series. A window without records has none.
func (t *tally) points(r *selector.Range, g grid) ([]series, error) {
	all := make([]series, len(t.all))
	samples := 0
	for k := range t.all {
		s := &t.all[k]
		slices.SortFunc(s.parts, func(a, b part) int { return cmp.Compare(a.at, b.at) })
		first, behind := 0, 0 // parts of the window
		var rows, sum int64
		for i := range g.n {
			begin := int64(i) * g.step
			for ; behind < len(s.parts) && s.parts[behind].at < begin+int64(r.Window); behind++ {
				rows, sum = rows+s.parts[behind].rows, sum+s.parts[behind].sum
			}
			for ; first < behind && s.parts[first].at < begin; first++ {
				rows, sum = rows-s.parts[first].rows, sum-s.parts[first].sum
			}
			if rows == 0 {
				continue
			}
			value := float64(sum)
			if r.Function == selector.Rate || r.Function == selector.BytesRate {
				value /= r.Window.Seconds()
			}
			s.points = append(s.points, point{i, value})
		}
		if samples += len(s.points); samples > maxSamples {
			return nil, bad(fmt.Sprintf("the answer has more than %d points: use a larger step or fewer series", maxSamples))
		}
		all[k] = s.series
	}
	return all, nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
