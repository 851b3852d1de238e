package query

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipper/internal/segment"
	"shipper/internal/selector"
)

// defaultSpan is how far back a query looks that does not say.
const defaultSpan = time.Hour

// queryInstant answers /query: a metric query at one time, or the newest entries before it.
func (h *Handler) queryInstant(ctx context.Context, p *params) (result, error) {
	expr, err := selector.Parse(p.form.Get("query"))
	if err != nil {
		return nil, err
	}
	at, err := p.instant("time", p.now)
	if err != nil {
		return nil, err
	}
	if q, ok := expr.(*selector.Query); ok {
		return h.streams(ctx, p, translate(q, at.Add(-defaultSpan), at))
	}
	all, err := h.evaluate(ctx, expr, at, at, time.Second)
	if err != nil {
		return nil, err
	}
	return func(dst []byte) []byte {
		dst = append(dst, `{"status":"success","data":{"resultType":"vector","result":[`...)
		n := 0
		for _, s := range all {
			for _, pt := range s.points {
				if n++; n > 1 {
					dst = append(dst, ',')
				}
				dst = append(append(dst, `{"metric":`...), s.metric...)
				dst = append(appendPoint(append(dst, `,"value":`...), pt), '}')
			}
		}
		return append(append(append(dst, `],"stats":`...), emptyStats...), "}}\n"...)
	}, nil
}

// matrix answers a metric query over a range of times.
func (h *Handler) matrix(ctx context.Context, expr selector.Expr, start, end time.Time, step time.Duration) (result, error) {
	all, err := h.evaluate(ctx, expr, start, end, step)
	if err != nil {
		return nil, err
	}
	return func(dst []byte) []byte {
		dst = append(dst, `{"status":"success","data":{"resultType":"matrix","result":[`...)
		for i, s := range all {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, `{"metric":`...), s.metric...)
			dst = append(dst, `,"values":[`...)
			for j, pt := range s.points {
				if j > 0 {
					dst = append(dst, ',')
				}
				dst = appendPoint(dst, pt)
			}
			dst = append(dst, `]}`...)
		}
		return append(append(append(dst, `],"stats":`...), emptyStats...), "}}\n"...)
	}, nil
}

func appendPoint(dst []byte, p point) []byte {
	dst = append(dst, '[')
	dst = strconv.AppendFloat(dst, float64(p.at.UnixMilli())/1000, 'f', -1, 64)
	dst = append(dst, `,"`...)
	dst = strconv.AppendFloat(dst, p.value, 'f', -1, 64)
	return append(dst, `"]`...)
}

// series is one series of a metric query.
type series struct {
	metric string // its labels as a JSON object
	points []point
}

type point struct {
	at    time.Time
	value float64
}

// evaluate computes expr at start, start+step, ... up to end.
func (h *Handler) evaluate(ctx context.Context, expr selector.Expr, start, end time.Time, step time.Duration) ([]series, error) {
	switch e := expr.(type) {
	case selector.Scalar:
		s := series{metric: "{}"}
		for at := start; !at.After(end); at = at.Add(step) {
			s.points = append(s.points, point{at, float64(e)})
		}
		return []series{s}, nil
	case *selector.Sum:
		return h.windows(ctx, e.Range, e.By, start, end, step)
	case *selector.Range:
		// One series for each set of labels that records have.
		by, err := h.Store.Columns(ctx, start.Add(-e.Window).UnixNano(), end.UnixNano()+1)
		if err != nil {
			return nil, err
		}
		return h.windows(ctx, e, by, start, end, step)
	}
	return nil, bad("not supported: this kind of query")
}

// windows counts records in (at-window, at] for each at, by labels. Counts of
// buckets are asked for, of a length that divides both step and window, so that
// every window is a whole number of them.
func (h *Handler) windows(ctx context.Context, r *selector.Range, by []string, start, end time.Time, step time.Duration) ([]series, error) {
	bucket := gcd(step, r.Window)
	length := end.Sub(start) + r.Window
	if start.Equal(end) {
		bucket = r.Window
	}
	if length/bucket > maxBuckets {
		return nil, bad(fmt.Sprintf("the step %s and the window %s need more than %d intervals: use a step that divides the window", step, r.Window, maxBuckets))
	}
	// (at-window, at] in whole nanoseconds is [at-window+1, at+1).
	from := start.Add(-r.Window).Add(1)
	q := translate(r.Query, from, end.Add(1))
	type key struct {
		series int
		bucket int64
	}
	counts := map[key]int64{}
	metrics := map[string]int{}
	var all []series
	tooMany := false
	count := func(at int64, values []string, n int64) {
		m := metric(by, values)
		i, ok := metrics[m]
		if !ok {
			if i = len(all); i >= maxSeries {
				tooMany = true
				return
			}
			metrics[m] = i
			all = append(all, series{metric: m})
		}
		counts[key{i, (at - q.From) / int64(bucket)}] += n
	}
	if err := h.Store.Count(ctx, q, int64(bucket), by, count); err != nil {
		return nil, err
	}
	if tooMany {
		return nil, bad(fmt.Sprintf("maximum number of series (%d) reached for a single query: group with sum by (...)", maxSeries))
	}
	per := int64(r.Window / bucket)
	for i := range all {
		for k, at := int64(0), start; !at.After(end); k, at = k+1, at.Add(step) {
			first := k * int64(step/bucket)
			n := int64(0)
			for b := first; b < first+per; b++ {
				n += counts[key{i, b}]
			}
			if n == 0 {
				continue // as in Loki, a window without records has no point
			}
			v := float64(n)
			if r.Function == selector.Rate {
				v /= r.Window.Seconds()
			}
			all[i].points = append(all[i].points, point{at, v})
		}
	}
	all = slices.DeleteFunc(all, func(s series) bool { return len(s.points) == 0 })
	slices.SortFunc(all, func(a, b series) int { return strings.Compare(a.metric, b.metric) })
	return all, nil
}

func gcd(a, b time.Duration) time.Duration {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// metric is the labels that have a value as a JSON object.
func metric(names, values []string) string {
	dst := []byte{'{'}
	for i, v := range values {
		if v == "" {
			continue
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, names[i]), ':')
		dst = appendString(dst, v)
	}
	return string(append(dst, '}'))
}

// labels answers /labels: the names of all attributes.
func (h *Handler) labels(ctx context.Context, p *params) (result, error) {
	start, end, err := p.span(6 * time.Hour)
	if err != nil {
		return nil, err
	}
	names, err := h.Store.Columns(ctx, start.UnixNano(), end.UnixNano())
	if err != nil {
		return nil, err
	}
	return stringList(names), nil
}

// values answers /label/{name}/values.
func (h *Handler) values(ctx context.Context, p *params) (result, error) {
	start, end, err := p.span(6 * time.Hour)
	if err != nil {
		return nil, err
	}
	q := &selector.Query{}
	if text := p.form.Get("query"); text != "" {
		if q, err = selector.ParseQuery(text); err != nil {
			return nil, err
		}
	}
	vs, err := h.Store.Values(ctx, p.name, translate(q, start, end))
	if err != nil {
		return nil, err
	}
	slices.Sort(vs)
	return stringList(vs), nil
}

func stringList(vs []string) result {
	return func(dst []byte) []byte {
		dst = append(dst, `{"status":"success","data":[`...)
		for i, v := range vs {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, v)
		}
		return append(dst, "]}\n"...)
	}
}

// series answers /series: the streams, in Loki's sense, of all selectors.
func (h *Handler) series(ctx context.Context, p *params) (result, error) {
	start, end, err := p.span(6 * time.Hour)
	if err != nil {
		return nil, err
	}
	matches := append(p.form["match[]"], p.form["match"]...)
	if len(matches) == 0 {
		return nil, bad("match[]: at least one selector is needed")
	}
	seen := map[string]bool{}
	for _, m := range matches {
		q, err := selector.ParseQuery(m)
		if err != nil {
			return nil, err
		}
		vs, err := h.Store.Values(ctx, streamLabel, translate(q, start, end))
		if err != nil {
			return nil, err
		}
		for _, v := range vs {
			seen[metric([]string{streamLabel}, []string{v})] = true
		}
	}
	all := make([]string, 0, len(seen))
	for m := range seen {
		all = append(all, m)
	}
	slices.Sort(all)
	return func(dst []byte) []byte {
		return append(append(append(dst, `{"status":"success","data":[`...), strings.Join(all, ",")...), "]}\n"...)
	}, nil
}

// stats answers /index/stats: how much a query would read.
func (h *Handler) stats(ctx context.Context, p *params) (result, error) {
	start, end, err := p.span(defaultSpan)
	if err != nil {
		return nil, err
	}
	q, err := selector.ParseQuery(p.form.Get("query"))
	if err != nil {
		return nil, err
	}
	info, err := h.Store.Stats(ctx, translate(q, start, end))
	if err != nil {
		return nil, err
	}
	streams, err := h.Store.Values(ctx, streamLabel, segment.Query{From: start.UnixNano(), To: end.UnixNano()})
	if err != nil {
		return nil, err
	}
	return func(dst []byte) []byte {
		return fmt.Appendf(dst, `{"streams":%d,"chunks":%d,"entries":%d,"bytes":%d}`+"\n", len(streams), info.Blocks, info.Rows, min(info.Raw, math.MaxInt64))
	}, nil
}
