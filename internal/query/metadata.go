package query

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"shipper/internal/jsontext"
	"shipper/internal/segment"
	"shipper/internal/selector"
)

// labels answers /labels: the names of all attributes, whatever the query.
func (h *Handler) labels(ctx context.Context, p *params) (result, error) {
	start, end, err := p.span(labelSpan)
	if err != nil {
		return nil, err
	}
	names, err := h.Store.Columns(ctx, start, end)
	if err != nil {
		return nil, err
	}
	return stringList(names), nil
}

// logQuery reads a log query of which the store decides everything.
func logQuery(text string, start, end int64) (segment.Query, error) {
	q, err := selector.ParseQuery(text)
	if err != nil {
		return segment.Query{}, err
	}
	p := translate(q, start, end)
	if len(p.rest) > 0 {
		return segment.Query{}, bad("not supported here: comparisons with durations and sizes")
	}
	return p.Query, nil
}

// values answers /label/{name}/values.
func (h *Handler) values(ctx context.Context, p *params) (result, error) {
	start, end, err := p.span(labelSpan)
	if err != nil {
		return nil, err
	}
	q := segment.Query{From: start, To: end}
	if text := p.form.Get("query"); text != "" {
		if q, err = logQuery(text, start, end); err != nil {
			return nil, err
		}
	}
	vs, err := h.Store.Values(ctx, p.name, q)
	if err != nil {
		return nil, err
	}
	return stringList(vs), nil
}

// maxSample is the number of records that are looked at for the names of the
// labels that make a stream.
const maxSample = 1000

// streamLabels answers /series: the streams of all selectors, by service_name
// and those labels of where they were read that the newest records have.
func (h *Handler) streamLabels(ctx context.Context, p *params) (result, error) {
	start, end, err := p.span(labelSpan)
	if err != nil {
		return nil, err
	}
	matches := append(p.form["match[]"], p.form["match"]...)
	if len(matches) == 0 {
		return nil, bad("match[]: at least one selector is needed")
	}
	seen := map[string]bool{}
	for _, m := range matches {
		q, err := logQuery(m, start, end)
		if err != nil {
			return nil, err
		}
		names, err := h.streamNames(ctx, q)
		if err != nil {
			return nil, err
		}
		err = h.Store.Count(ctx, q, 0, names, func(_ int64, values []string, _ int64) {
			if len(seen) <= maxEntries {
				seen[string(appendMetric(nil, names, values))] = true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	if len(seen) > maxEntries {
		return nil, bad(fmt.Sprintf("more than %d streams: use a narrower selector", maxEntries))
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

func (h *Handler) streamNames(ctx context.Context, q segment.Query) ([]string, error) {
	names := map[string]bool{streamLabel: true}
	q.Limit, q.Backward = maxSample, true
	err := h.Store.Search(ctx, q, func(r segment.Row) bool {
		for a := range r.Attributes {
			if a.Stream {
				names[a.Label] = true
			}
		}
		return true
	})
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	return sorted, err
}

// stats answers /index/stats: how many records a query finds, and, roughly,
// what there is to read for it.
func (h *Handler) stats(ctx context.Context, p *params) (result, error) {
	start, end, err := p.span(defaultSpan)
	if err != nil {
		return nil, err
	}
	q, err := logQuery(p.form.Get("query"), start, end)
	if err != nil {
		return nil, err
	}
	info, err := h.Store.Size(ctx, q)
	if err != nil {
		return nil, err
	}
	streams, entries := map[string]bool{}, int64(0)
	err = h.Store.Count(ctx, q, 0, []string{streamLabel}, func(_ int64, values []string, n int64) {
		streams[values[0]] = true
		entries += n
	})
	if err != nil {
		return nil, err
	}
	size := float64(info.Raw) * float64(entries) / float64(max(info.Rows, 1))
	return func(dst []byte) []byte {
		return fmt.Appendf(dst, `{"streams":%d,"chunks":%d,"entries":%d,"bytes":%.0f}`+"\n", len(streams), info.Blocks, entries, size)
	}, nil
}

// format answers /format_query.
func (h *Handler) format(_ context.Context, p *params) (result, error) {
	e, err := selector.Parse(p.form.Get("query"))
	if err != nil {
		return nil, err
	}
	return func(dst []byte) []byte {
		return append(jsontext.AppendString(append(dst, `{"status":"success","data":`...), e.String()), "}\n"...)
	}, nil
}

// buildinfo answers /status/buildinfo.
func (h *Handler) buildinfo(context.Context, *params) (result, error) {
	body, err := json.Marshal(map[string]string{"version": h.Version, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": runtime.Version()})
	return func(dst []byte) []byte { return append(append(dst, body...), '\n') }, err
}
