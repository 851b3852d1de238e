// Package query answers queries over the indexer's store the way Grafana Loki 3
// does over HTTP, so that Grafana and logcli work on it, and has the client
// that `shipper query` is. docs/query.md says what is supported; whatever is
// not is a 400 with the place in the query, never another answer.
//
// A record's line is its message. All its attributes are labels, in LogQL's
// spelling. The stream of a record, in Loki's sense, is its service_name and
// the attributes of where it was read; the rest is its structured metadata.
package query

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"

	"shipper/internal/segment"
	"shipper/internal/selector"
)

// Store is what is queried. A query sees what was stored when it began. Columns
// and Values are sorted and have everything once; Size is of what may have to be
// read.
type Store interface {
	Search(ctx context.Context, q segment.Query, emit func(segment.Row) bool) error
	Count(ctx context.Context, q segment.Query, step int64, by []string, add func(bucket int64, values []string, n int64)) error
	Columns(ctx context.Context, from, to int64) ([]string, error)
	Values(ctx context.Context, column string, q segment.Query) ([]string, error)
	Size(ctx context.Context, q segment.Query) (segment.Info, error)
}

// The limits of a query; beyond them it is a 400 that names the limit.
const (
	maxEntries   = 5000
	maxAnswer    = 64 << 20 // bytes of entries
	maxSeries    = 500
	maxInner     = 10_000    // series that are aggregated
	maxPoints    = 11_000    // of a series, as Prometheus has it
	maxSamples   = 2_000_000 // points of all series
	maxIntervals = 1 << 20   // counts of all series before they are made points
	maxBody      = 1 << 20   // bytes of a request
	timeout      = time.Minute
	concurrent   = 4 // queries at a time; others wait

	concurrentParts = 16 // queries for records at a time
)

// streamLabel is the attribute that makes a stream, besides those of where it was read.
const streamLabel = "service_name"

// RecordsPath is where log queries are answered with canonical records.
const RecordsPath = "/api/v1/records"

// Stats counts queries and questions about labels by what became of them.
type Stats struct {
	Answered atomic.Int64
	Refused  atomic.Int64 // not valid, beyond a limit, or too many at a time
	Failed   atomic.Int64
}

// Handler serves the query API. Set its fields before use.
type Handler struct {
	Store   Store
	Version string       // for /status/buildinfo
	Log     *slog.Logger // default: none
	Stats   Stats

	now func() time.Time // time.Now but in tests

	wholes *places // of queries whose answers are made as a whole
	parts  *places // of those whose answers are written as they are found
}

// Routes puts all endpoints on mux. It is called once.
func (h *Handler) Routes(mux *http.ServeMux) {
	if h.now == nil {
		h.now = time.Now
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	h.wholes, h.parts = newPlaces(concurrent), newPlaces(concurrentParts)
	for path, serve := range map[string]func(ctx context.Context, p *params) (result, error){
		"/loki/api/v1/query_range":         h.queryRange,
		"/loki/api/v1/query":               h.queryInstant,
		"/loki/api/v1/labels":              h.labels,
		"/loki/api/v1/label":               h.labels,
		"/loki/api/v1/label/{name}/values": h.values,
		"/loki/api/v1/series":              h.streamLabels,
		"/loki/api/v1/index/stats":         h.stats,
		"/loki/api/v1/format_query":        h.format,
		"/loki/api/v1/status/buildinfo":    h.buildinfo,
	} {
		handle := h.handler(serve)
		mux.HandleFunc("GET "+path, handle)
		mux.HandleFunc("POST "+path, handle)
	}
	mux.HandleFunc("GET "+RecordsPath, h.records)
	mux.HandleFunc("POST "+RecordsPath, h.records)
	mux.HandleFunc("/loki/api/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "not supported: "+r.Method+" "+r.URL.Path)
	})
}

// result appends the body of a 200.
type result func(dst []byte) []byte

// errBusy is that of a query for records that found no place.
var errBusy = errors.New("too many queries at a time")

// badRequest is the caller's fault: a 400.
type badRequest struct{ error }

func bad(msg string) error { return badRequest{errors.New(msg)} }

func (h *Handler) handler(serve func(context.Context, *params) (result, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		p, err := h.params(w, r)
		var at *place
		if err == nil {
			at, err = h.wholes.enter(ctx, w, cancel)
		}
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		defer at.leave()
		write, err := serve(ctx, p)
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		h.Stats.Answered.Add(1)
		respond(w, r, at, write(nil))
	}
}

// params reads the parameters of a request, from its URL or its form.
func (h *Handler) params(w http.ResponseWriter, r *http.Request) (*params, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil, bad("read the form: " + err.Error())
	}
	// The body is there: a deadline for it must not end the query.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return &params{form: r.Form, name: r.PathValue("name"), now: h.now(),
		categorize: strings.Contains(r.Header.Get("X-Loki-Response-Encoding-Flags"), "categorize-labels")}, nil
}

// refuse answers a query that failed.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var parse *selector.Error
	var b badRequest
	switch {
	case errors.As(err, &parse), errors.As(err, &b):
		h.Stats.Refused.Add(1)
		fail(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, errBusy):
		h.Stats.Refused.Add(1)
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, err.Error())
	case r.Context().Err() != nil: // nobody waits for the answer
	case errors.Is(err, context.DeadlineExceeded):
		h.Stats.Refused.Add(1)
		fail(w, http.StatusBadRequest, "the query took longer than "+timeout.String()+": ask for less time or add filters")
	default:
		h.Stats.Failed.Add(1)
		h.Log.Error("query failed", "query", r.Form.Get("query"), "error", err)
		fail(w, http.StatusInternalServerError, err.Error())
	}
}

// respond writes a JSON body to the client of w, compressed if the client takes that.
func respond(w http.ResponseWriter, r *http.Request, to io.Writer, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Vary", "Accept-Encoding")
	if len(body) < 4<<10 || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_, _ = to.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(to, gzip.BestSpeed)
	_, _ = z.Write(body)
	_ = z.Close()
}

// fail answers as Loki does: the message as text.
func fail(w http.ResponseWriter, code int, msg string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, msg+"\n")
}
