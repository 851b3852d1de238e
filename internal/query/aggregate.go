package query

import (
	"slices"
	"strings"

	"shipper/internal/selector"
)

// aggregate combines series as e says, at each of n instants those that have a
// point there.
func aggregate(e *selector.Aggregation, inner []series, n int) []series {
	// Sums of fractions and choices among equals must not depend on chance.
	slices.SortFunc(inner, func(a, b series) int { return strings.Compare(a.metric, b.metric) })
	groups, members := group(e, inner)
	if e.K > 0 {
		out := make([]series, 0, len(inner))
		for _, m := range members {
			out = append(out, choose(e, m, n)...)
		}
		return out
	}
	acc, count := make([]float64, n), make([]int, n)
	for k := range groups {
		clear(acc)
		clear(count)
		for _, s := range members[k] {
			for _, p := range s.points {
				acc[p.i] = combine(e.Aggregator, acc[p.i], p.value, count[p.i] == 0)
				count[p.i]++
			}
		}
		for i, c := range count {
			switch {
			case c == 0:
				continue
			case e.Aggregator == selector.Count:
				acc[i] = float64(c)
			case e.Aggregator == selector.Avg:
				acc[i] /= float64(c)
			}
			groups[k].points = append(groups[k].points, point{i, acc[i]})
		}
	}
	return groups
}

func combine(a selector.Aggregator, x, y float64, first bool) float64 {
	switch {
	case first:
		return y
	case a == selector.Min:
		return min(x, y)
	case a == selector.Max:
		return max(x, y)
	}
	return x + y
}

// group makes a series without points for each group of e, with its members.
func group(e *selector.Aggregation, inner []series) (groups []series, members [][]*series) {
	at := map[string]int{}
	by := names(e.Labels)
	values := make([]string, len(by))
	for i := range inner {
		s := &inner[i]
		var g series
		if e.Without {
			vs := slices.Clone(s.values)
			for k, name := range s.names {
				if slices.Contains(by, name) {
					vs[k] = ""
				}
			}
			g = newSeries(s.names, vs)
		} else {
			for k, name := range by {
				values[k] = s.value(name)
			}
			g = newSeries(by, values)
		}
		k, ok := at[g.metric]
		if !ok {
			k = len(groups)
			at[g.metric] = k
			groups, members = append(groups, g), append(members, nil)
		}
		members[k] = append(members[k], s)
	}
	return groups, members
}

// names returns labels sorted, each once.
func names(labels []string) []string {
	labels = slices.Sorted(slices.Values(labels))
	return slices.Compact(labels)
}

// choose leaves of each member the points that are among the K best at their instants.
func choose(e *selector.Aggregation, members []*series, n int) []series {
	out := make([]series, len(members))
	next := make([]int, len(members)) // point of each
	for k, s := range members {
		out[k] = series{names: s.names, values: s.values, metric: s.metric}
	}
	var there []int // members that have a point at an instant
	for i := range n {
		there = there[:0]
		for k, s := range members {
			if next[k] < len(s.points) && s.points[next[k]].i == i {
				there = append(there, k)
			}
		}
		slices.SortStableFunc(there, func(a, b int) int {
			return better(e.Aggregator, members[a].points[next[a]].value, members[b].points[next[b]].value)
		})
		for r, k := range there {
			if r < e.K {
				out[k].points = append(out[k].points, members[k].points[next[k]])
			}
			next[k]++
		}
	}
	return out
}
