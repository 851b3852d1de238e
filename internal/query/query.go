// Package query answers queries over the indexer's store the way Grafana Loki 3
// does over HTTP, so that Grafana and logcli work on it, and has the client
// that `shipper query` is. docs/query.md says what is supported; whatever is
// not is a 400 with the place in the query, never another answer.
//
// A record's line is its message. All its attributes are structured metadata;
// the stream of a record, in Loki's sense, is its service_name.
package query

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"shipper/internal/segment"
	"shipper/internal/selector"
)

// Store is what is queried. A query sees what was stored when it began.
type Store interface {
	Search(ctx context.Context, q segment.Query, emit func(segment.Row) bool) error
	Count(ctx context.Context, q segment.Query, step int64, by []string, add func(bucket int64, values []string, n int64)) error
	Columns(ctx context.Context, from, to int64) ([]string, error)
	Values(ctx context.Context, column string, q segment.Query) ([]string, error)
	Stats(ctx context.Context, q segment.Query) (segment.Info, error)
}

// The limits of a query; beyond them it is a 400 that names the limit.
const (
	maxEntries = 5000
	maxSeries  = 500
	maxPoints  = 11000 // of a series, as Prometheus has it
	maxBuckets = 200_000
	timeout    = time.Minute
)

// streamLabel is the attribute that makes a stream, in Loki's sense.
const streamLabel = "service_name"

// Handler serves the query API. Set its fields before use.
type Handler struct {
	Store   Store
	Version string // for /status/buildinfo

	now func() time.Time // time.Now but in tests
}

// Routes puts all endpoints on mux.
func (h *Handler) Routes(mux *http.ServeMux) {
	if h.now == nil {
		h.now = time.Now
	}
	for path, serve := range map[string]func(ctx context.Context, p *params) (result, error){
		"/loki/api/v1/query_range":         h.queryRange,
		"/loki/api/v1/query":               h.queryInstant,
		"/loki/api/v1/labels":              h.labels,
		"/loki/api/v1/label":               h.labels,
		"/loki/api/v1/label/{name}/values": h.values,
		"/loki/api/v1/series":              h.series,
		"/loki/api/v1/index/stats":         h.stats,
	} {
		handle := h.handler(serve)
		mux.HandleFunc("GET "+path, handle)
		mux.HandleFunc("POST "+path, handle)
	}
	mux.HandleFunc("GET /loki/api/v1/status/buildinfo", h.buildinfo)
	mux.HandleFunc("/loki/api/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "not supported: "+r.Method+" "+r.URL.Path)
	})
}

// result writes itself as the body of a 200.
type result func(dst []byte) []byte

// badRequest is the caller's fault: a 400.
type badRequest struct{ error }

func bad(msg string) error { return badRequest{errors.New(msg)} }

func (h *Handler) handler(serve func(context.Context, *params) (result, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			fail(w, http.StatusBadRequest, "read the form: "+err.Error())
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		write, err := serve(ctx, &params{form: r.Form, name: r.PathValue("name"), now: h.now(),
			categorize: strings.Contains(r.Header.Get("X-Loki-Response-Encoding-Flags"), "categorize-labels")})
		var parse *selector.Error
		var b badRequest
		switch {
		case err == nil:
			respond(w, r, write(nil))
		case errors.As(err, &parse), errors.As(err, &b):
			fail(w, http.StatusBadRequest, err.Error())
		case errors.Is(err, context.DeadlineExceeded):
			fail(w, http.StatusGatewayTimeout, "the query took longer than "+timeout.String()+": ask for less time or add filters")
		case r.Context().Err() != nil: // nobody waits for the answer
		default:
			fail(w, http.StatusInternalServerError, err.Error())
		}
	}
}

// respond writes a JSON body, compressed if the client takes that.
func respond(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Vary", "Accept-Encoding")
	if len(body) < 4<<10 || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	z.Write(body)
	z.Close()
}

// fail answers as Loki does: the message as text.
func fail(w http.ResponseWriter, code int, msg string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	io.WriteString(w, msg+"\n")
}

func (h *Handler) buildinfo(w http.ResponseWriter, r *http.Request) {
	body, _ := json.Marshal(map[string]string{"version": h.Version, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""})
	respond(w, r, body)
}
