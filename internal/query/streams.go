package query

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"shipper/internal/jsontext"
	"shipper/internal/segment"
	"shipper/internal/selector"
)

// queryRange answers /query_range.
func (h *Handler) queryRange(ctx context.Context, p *params) (result, error) {
	expr, err := selector.Parse(p.form.Get("query"))
	if err != nil {
		return nil, err
	}
	start, end, err := p.span(defaultSpan)
	if err != nil {
		return nil, err
	}
	if q, ok := expr.(*selector.Query); ok {
		return h.streams(ctx, p, translate(q, start, end))
	}
	g, err := p.grid(start, end)
	if err != nil {
		return nil, err
	}
	return h.matrix(ctx, p, expr, g)
}

// queryInstant answers /query: a metric query at one time, or the newest
// entries of the hour before it, which Loki 3 no longer gives.
func (h *Handler) queryInstant(ctx context.Context, p *params) (result, error) {
	expr, err := selector.Parse(p.form.Get("query"))
	if err != nil {
		return nil, err
	}
	at, err := p.instant("time", p.now.UnixNano())
	if err != nil {
		return nil, err
	}
	if q, ok := expr.(*selector.Query); ok {
		return h.streams(ctx, p, translate(q, at-int64(defaultSpan), at))
	}
	return h.vector(ctx, p, expr, at)
}

// streams answers a log query: at most limit entries, each stream's together.
func (h *Handler) streams(ctx context.Context, p *params, q *plan) (result, error) {
	limit, err := p.limit()
	if err != nil {
		return nil, err
	}
	if q.Backward, err = p.backward(true); err != nil {
		return nil, err
	}
	interval, err := p.duration("interval")
	if err != nil {
		return nil, err
	}
	s := streamSet{at: map[string]int{}, categorize: p.categorize, limit: limit, interval: int64(interval)}
	if interval == 0 {
		q.Limit = limit
	}
	if err := q.search(ctx, h.Store, s.add); err != nil {
		return nil, err
	}
	if s.size > maxAnswer {
		return nil, bad(fmt.Sprintf("the entries have more than %d MiB: use a smaller limit", maxAnswer>>20))
	}
	took := h.now().Sub(p.now)
	return func(dst []byte) []byte {
		dst = append(dst, `{"status":"success","data":{"resultType":"streams",`...)
		if s.categorize {
			dst = append(dst, `"encodingFlags":["categorize-labels"],`...)
		}
		dst = append(dst, `"result":[`...)
		for i, st := range s.streams {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"stream":{`...)
			dst = append(dst, st.labels...)
			dst = append(dst, `},"values":[`...)
			dst = append(dst, st.values...)
			dst = append(dst, `]}`...)
		}
		return appendStats(append(dst, ']'), took, s.n)
	}, nil
}

// appendStats appends the end of an answer with the statistics that clients
// show. Members that say how much was read are there because they expect them.
func appendStats(dst []byte, took time.Duration, entries int) []byte {
	return fmt.Appendf(dst, `,"stats":{"summary":{"bytesProcessedPerSecond":0,"linesProcessedPerSecond":0,"totalBytesProcessed":0,"totalLinesProcessed":0,`+
		`"execTime":%s,"queueTime":0,"subqueries":0,"totalEntriesReturned":%d},"querier":{},"ingester":{}}}}`+"\n",
		strconv.FormatFloat(took.Seconds(), 'f', -1, 64), entries)
}

// streamSet collects entries by their stream, both as JSON.
type streamSet struct {
	categorize bool
	limit      int
	interval   int64 // ns between entries

	streams []stream
	at      map[string]int // of a stream by its labels
	n       int            // entries
	size    int            // bytes of them
	last    int64          // time of the last one

	row      labels
	labels   []byte
	metadata []byte
}

type stream struct{ labels, values []byte }

func (s *streamSet) add(r segment.Row) bool {
	if s.n > 0 && s.interval > 0 && max(r.Time-s.last, s.last-r.Time) < s.interval {
		return true
	}
	s.last = r.Time
	s.row.collect(r)
	s.labels = s.row.append(s.labels[:0], func(l *label) bool { return l.stream || !s.categorize })
	i, ok := s.at[string(s.labels)]
	if !ok {
		i = len(s.streams)
		s.at[string(s.labels)] = i
		s.streams = append(s.streams, stream{labels: bytes.Clone(s.labels)})
		s.size += len(s.labels)
	}
	st := &s.streams[i]
	before := len(st.values)
	if before > 0 {
		st.values = append(st.values, ',')
	}
	st.values = append(st.values, `["`...)
	st.values = strconv.AppendInt(st.values, r.Time, 10)
	st.values = append(st.values, `",`...)
	st.values = jsontext.AppendString(st.values, r.Body)
	if s.categorize {
		st.values = append(st.values, `,{`...)
		s.metadata = s.row.append(s.metadata[:0], func(l *label) bool { return !l.stream })
		if len(s.metadata) > 0 {
			st.values = append(st.values, `"structuredMetadata":{`...)
			st.values = append(st.values, s.metadata...)
			st.values = append(st.values, '}')
		}
		st.values = append(st.values, '}')
	}
	st.values = append(st.values, ']')
	s.size += len(st.values) - before
	s.n++
	return s.n < s.limit && s.size <= maxAnswer
}
