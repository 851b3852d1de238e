package query

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
	"shipper/internal/segment"
	"shipper/internal/selector"
)

// flush is how much of an answer is written at a time.
const flush = 32 << 10

// records answers a log query with canonical records as NDJSON, oldest first
// unless direction says otherwise, and all of them unless there is a limit. The
// answer is not held in memory, so it may be as large as it is. If the query
// fails after its beginning the connection is broken off: a client never takes
// a part for the whole.
func (h *Handler) records(w http.ResponseWriter, r *http.Request) {
	q, err := h.recordsPlan(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	at, err := h.place(ctx, w, stop)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	defer at.leave()
	w.Header().Set("Content-Type", ndjson.ContentType)
	var rec canonical
	var lines []byte
	begun, failed := false, error(nil)
	write := func() bool {
		begun = true
		_, failed = at.Write(lines)
		lines = lines[:0]
		return failed == nil
	}
	err = q.search(ctx, h.Store, func(row segment.Row) bool {
		lines = append(rec.append(lines, row), '\n')
		return len(lines) < flush || write()
	})
	switch {
	case failed != nil || ctx.Err() != nil: // nobody reads on
		if begun {
			panic(http.ErrAbortHandler) // nor takes a part for the whole
		}
	case err == nil:
		h.Stats.Answered.Add(1)
		write()
	case begun:
		h.Stats.Failed.Add(1)
		h.Log.Error("query failed", "query", r.Form.Get("query"), "error", err)
		panic(http.ErrAbortHandler)
	default:
		h.refuse(w, r, err)
	}
}

// place waits for a place for records.
func (h *Handler) place(ctx context.Context, w http.ResponseWriter, stop context.CancelFunc) (*place, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	at, err := h.parts.enter(ctx, w, stop)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, errBusy
	}
	return at, err
}

func (h *Handler) recordsPlan(w http.ResponseWriter, r *http.Request) (*plan, error) {
	p, err := h.params(w, r)
	if err != nil {
		return nil, err
	}
	query, err := selector.ParseQuery(p.form.Get("query"))
	if err != nil {
		return nil, err
	}
	start, end, err := p.span(defaultSpan)
	if err != nil {
		return nil, err
	}
	q := translate(query, start, end)
	if q.Backward, err = p.backward(false); err != nil {
		return nil, err
	}
	if v := p.form.Get("limit"); v != "" {
		if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit < 0 {
			return nil, bad(fmt.Sprintf("limit: %q is no number of records", v))
		}
	}
	return q, nil
}

// canonical makes records of rows again.
type canonical struct {
	batch  record.Batch
	stream record.Stream
}

// append appends a row as a canonical record.
func (c *canonical) append(dst []byte, row segment.Row) []byte {
	b := &c.batch
	id, offset := row.Source()
	c.stream.ID, c.stream.Labels = string(id), c.stream.Labels[:0]
	b.Reset(&c.stream, b.Arena[:0])
	r := b.Begin()
	r.Time, r.Observed, r.Offset = row.Time, row.Observed(), offset
	r.Severity, r.TimeSource, r.Flags, r.Format = row.Severity(), row.TimeSource(), row.Flags(), row.Format()
	r.SeverityText, r.Logger, r.Body = b.Add(row.SeverityText()), b.Add(row.Logger()), b.Add(row.Body)
	r.TraceFlags = row.TraceFlags()
	_, _ = hex.Decode(r.TraceID[:], limited(row.TraceID(), 2*len(r.TraceID)))
	_, _ = hex.Decode(r.SpanID[:], limited(row.SpanID(), 2*len(r.SpanID)))
	// The first attributes are those that are members of a record.
	members := 0
	for _, there := range [...]bool{r.Severity > 0, r.Logger.Len > 0, r.Flags&record.HasTrace != 0, r.Flags&record.HasSpan != 0} {
		if there {
			members++
		}
	}
	for a := range row.Attributes {
		switch {
		case members > 0:
			members--
		case a.Stream:
			c.stream.Labels = append(c.stream.Labels, record.Label{Name: a.Name, Value: string(a.Text)})
		default:
			b.AddField(field(b, a))
		}
	}
	return ndjson.AppendRecord(dst, b, r)
}

func limited(p []byte, n int) []byte { return p[:min(len(p), n)] }

// field makes a field of an attribute again.
func field(b *record.Batch, a segment.Attribute) record.Field {
	key := b.AddString(a.Name)
	switch a.Kind {
	case record.Int:
		n, _ := strconv.ParseInt(string(a.Text), 10, 64)
		return record.IntField(key, n)
	case record.Bool:
		return record.BoolField(key, string(a.Text) == "true")
	case record.Null:
		return record.Field{Key: key, Kind: record.Null}
	}
	return record.Field{Key: key, Val: b.Add(a.Text), Kind: a.Kind}
}
