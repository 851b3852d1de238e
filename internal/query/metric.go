package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"shipper/internal/jsontext"
	"shipper/internal/selector"
)

// grid are the instants of a metric query: start, start+step, ... n of them, ns.
type grid struct {
	start, step int64
	n           int
}

func (g grid) at(i int) int64 { return g.start + int64(i)*g.step }

// series is one series of a metric query.
type series struct {
	names, values []string // of its labels, sorted by name
	metric        string   // the labels as a JSON object
	points        []point
}

// point is the value of a series at one of the instants.
type point struct {
	i     int // of the grid
	value float64
}

// matrix answers a metric query over a range of times.
func (h *Handler) matrix(ctx context.Context, p *params, expr selector.Expr, g grid) (result, error) {
	all, err := h.answer(ctx, expr, g)
	if err != nil {
		return nil, err
	}
	took := h.now().Sub(p.now)
	return func(dst []byte) []byte {
		dst = append(dst, `{"status":"success","data":{"resultType":"matrix","result":[`...)
		for i := range all {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, `{"metric":`...), all[i].metric...), `,"values":[`...)
			for j, pt := range all[i].points {
				if j > 0 {
					dst = append(dst, ',')
				}
				dst = appendPoint(dst, g, pt)
			}
			dst = append(dst, `]}`...)
		}
		return appendStats(append(dst, ']'), took, 0)
	}, nil
}

// vector answers a metric query at one time.
func (h *Handler) vector(ctx context.Context, p *params, expr selector.Expr, at int64) (result, error) {
	g := grid{start: at, step: 1, n: 1}
	all, err := h.answer(ctx, expr, g)
	if err != nil {
		return nil, err
	}
	if a, ok := expr.(*selector.Aggregation); ok && a.K > 0 { // the most, or the least, first
		slices.SortStableFunc(all, func(x, y series) int { return better(a.Aggregator, x.points[0].value, y.points[0].value) })
	}
	took := h.now().Sub(p.now)
	return func(dst []byte) []byte {
		dst = append(dst, `{"status":"success","data":{"resultType":"vector","result":[`...)
		for i := range all {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, `{"metric":`...), all[i].metric...), `,"value":`...)
			dst = append(appendPoint(dst, g, all[i].points[0]), '}')
		}
		return appendStats(append(dst, ']'), took, 0)
	}, nil
}

// answer computes expr. Series that have no points are left out.
func (h *Handler) answer(ctx context.Context, expr selector.Expr, g grid) ([]series, error) {
	all, err := h.evaluate(ctx, expr, g, maxSeries)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s series) bool { return len(s.points) == 0 })
	if len(all) > maxSeries {
		return nil, tooMany(expr, maxSeries)
	}
	slices.SortFunc(all, func(a, b series) int { return strings.Compare(a.metric, b.metric) })
	return all, nil
}

func tooMany(expr selector.Expr, limit int) error {
	hint := "group by fewer labels, or use topk"
	if _, ok := expr.(*selector.Range); ok {
		hint = "records with different attributes are different series: group them, as in sum by (level) (" + expr.String() + ")"
	}
	return bad(fmt.Sprintf("maximum number of series (%d) reached for a single query: %s", limit, hint))
}

// appendPoint appends a point as Prometheus does: s with ms, and a text.
func appendPoint(dst []byte, g grid, p point) []byte {
	dst = append(dst, '[')
	dst = strconv.AppendFloat(dst, float64(g.at(p.i)/1e6)/1000, 'f', -1, 64)
	dst = append(dst, `,"`...)
	dst = strconv.AppendFloat(dst, p.value, 'f', -1, 64)
	return append(dst, `"]`...)
}

// appendMetric appends the labels that have a value as a JSON object.
func appendMetric(dst []byte, names, values []string) []byte {
	dst = append(dst, '{')
	start := len(dst)
	for i, v := range values {
		if v == "" {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, names[i]), ':')
		dst = jsontext.AppendString(dst, v)
	}
	return append(dst, '}')
}

// newSeries returns a series with those of the labels that have a value.
func newSeries(names, values []string) series {
	s := series{metric: string(appendMetric(nil, names, values))}
	for i, v := range values {
		if v != "" {
			s.names, s.values = append(s.names, names[i]), append(s.values, strings.Clone(v))
		}
	}
	return s
}

// value returns the value of a label, empty if there is none.
func (s *series) value(name string) string {
	if i, ok := slices.BinarySearch(s.names, name); ok {
		return s.values[i]
	}
	return ""
}

// evaluate computes expr at the instants of g. More series than limit may be an error.
func (h *Handler) evaluate(ctx context.Context, expr selector.Expr, g grid, limit int) ([]series, error) {
	switch e := expr.(type) {
	case selector.Scalar:
		s := newSeries(nil, nil)
		for i := range g.n {
			s.points = append(s.points, point{i, float64(e)})
		}
		return []series{s}, nil
	case *selector.Range:
		return h.windows(ctx, expr, e, nil, true, g, limit)
	case *selector.Aggregation:
		if r, ok := e.Of.(*selector.Range); ok && e.Aggregator == selector.Sum {
			return h.windows(ctx, expr, r, e.Labels, e.Without, g, limit)
		}
		inner, err := h.evaluate(ctx, e.Of, g, maxInner)
		if err != nil {
			return nil, err
		}
		return aggregate(e, inner, g.n), nil
	}
	return nil, bad("not supported: this kind of query")
}

// better orders values for TopK and BottomK.
func better(a selector.Aggregator, x, y float64) int {
	if a == selector.TopK {
		return cmp.Compare(y, x)
	}
	return cmp.Compare(x, y)
}
