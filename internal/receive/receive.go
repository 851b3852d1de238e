// Package receive is the receiving side of the indexer's HTTP: it reads
// requests within limits, has a protocol take them apart, commits what is in
// them, and answers only when it is durable.
package receive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/block"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

// Store takes blocks in. An error means that the same request may succeed later.
type Store interface {
	Commit(ctx context.Context, agent string, epoch uint32, frames []protocol.Frame) (protocol.Receipt, error)
	CommitKeyed(ctx context.Context, idempotency string, body [sha256.Size]byte, payload []byte) (protocol.Receipt, error)
}

// Handler answers POST on the paths of its protocols. Set its fields before its first use.
type Handler struct {
	Store Store
	Log   *slog.Logger

	// Frames takes a native body apart: numbered blocks of one or more agents.
	Frames func(body []byte, emit func(agent string, epoch uint32, f protocol.Frame) error) error
	// Records takes an NDJSON body apart.
	Records func(body []byte, emit func(*record.Batch) error) error

	MaxBody     int           // bytes of a body on the wire; default 16 MiB
	MaxDecoded  int           // bytes of a body after decompression; default 16 MiB
	MaxBytes    int           // bytes of all bodies being handled; default 32 MiB
	MaxRequests int           // at a time; default 256
	ReadTimeout time.Duration // for a whole body; default 30 s

	Stats Stats

	once         sync.Once
	decompressor protocol.Decompressor
	arriving     budget
	decoded      budget
	bodies       sync.Pool // of *[]byte
	encoders     sync.Pool
}

// Stats count what came in.
type Stats struct {
	Native, NDJSON Requests
	Busy           atomic.Int64 // requests refused because too many were being handled
	Open           atomic.Int64 // requests being handled now
}

// Requests count the requests of one protocol.
type Requests struct {
	Accepted atomic.Int64 // all of it is durable
	Rejected atomic.Int64 // never to be accepted as they are
	TooLarge atomic.Int64 // to be split
	Failed   atomic.Int64 // to be sent again: the store refused, or the body did not arrive
	Bytes    atomic.Int64 // of bodies, after decompression
	Records  atomic.Int64 // stored
}

// The paths of the protocols.
const (
	NativePath = "/api/v1/native"
	NDJSONPath = "/api/v1/ndjson"
)

const retryAfter = time.Second

func (h *Handler) defaults() {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&h.MaxBody, 16<<20)
	set(&h.MaxDecoded, 16<<20)
	set(&h.MaxBytes, 32<<20)
	set(&h.MaxRequests, 256)
	if h.ReadTimeout <= 0 {
		h.ReadTimeout = 30 * time.Second
	}
	h.arriving.size, h.decoded.size = int64(h.MaxBytes/2), int64(h.MaxBytes/2)
}

// ServeHTTP handles one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.once.Do(h.defaults)
	var stats *Requests
	var commit func(context.Context, *http.Request, []byte) (protocol.Receipt, error)
	switch r.URL.Path {
	case NativePath:
		stats, commit = &h.Stats.Native, h.commitFrames
	case NDJSONPath:
		stats, commit = &h.Stats.NDJSON, h.commitRecords
	default:
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		reply(w, http.StatusMethodNotAllowed, answer{Error: "use POST"})
		return
	}
	if h.Stats.Open.Add(1) > int64(h.MaxRequests) {
		h.Stats.Open.Add(-1)
		h.Stats.Busy.Add(1)
		w.Header().Set("Connection", "close") // the body is not read
		retry(w, http.StatusServiceUnavailable, "too many requests at a time")
		return
	}
	defer h.Stats.Open.Add(-1)
	h.handle(w, r, stats, commit)
}

func (h *Handler) handle(w http.ResponseWriter, r *http.Request, stats *Requests,
	commit func(context.Context, *http.Request, []byte) (protocol.Receipt, error)) {
	// A client that stops sending must not keep its place for ever.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.ReadTimeout))
	ctx, cancel := context.WithTimeout(r.Context(), h.ReadTimeout)
	defer cancel()
	size := r.ContentLength
	if size < 0 {
		size = int64(h.MaxBody)
	}
	taken, err := h.arriving.take(ctx, size)
	if err != nil {
		h.crowded(w, stats)
		return
	}
	defer h.arriving.give(taken)
	buf := h.buffer()
	defer h.keep(buf)
	if *buf, err = readBody(w, r, *buf, h.MaxBody); err != nil {
		h.refuseBody(w, r, stats, err)
		return
	}
	body := *buf
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		taken, err := h.decoded.take(ctx, int64(h.MaxDecoded))
		if err != nil {
			h.crowded(w, stats)
			return
		}
		defer h.decoded.give(taken)
		out := h.buffer()
		defer h.keep(out)
		if *out, err = h.decompressor.Append(*out, body, e, h.MaxDecoded); err != nil {
			h.refuseBody(w, r, stats, err)
			return
		}
		body = *out
	}
	stats.Bytes.Add(int64(len(body)))
	receipt, err := commit(r.Context(), r, body)
	stats.Records.Add(int64(receipt.Records))
	h.answer(w, r, stats, receipt, err)
}

func (h *Handler) crowded(w http.ResponseWriter, stats *Requests) {
	stats.Failed.Add(1)
	w.Header().Set("Connection", "close")
	retry(w, http.StatusServiceUnavailable, "too many bytes at a time")
}

func (h *Handler) buffer() *[]byte {
	if buf, ok := h.bodies.Get().(*[]byte); ok {
		return buf
	}
	return new([]byte)
}

// keep keeps a buffer for another request, unless it is too large to keep.
func (h *Handler) keep(buf *[]byte) {
	if cap(*buf) <= 4<<20 {
		*buf = (*buf)[:0]
		h.bodies.Put(buf)
	}
}

func (h *Handler) refuseBody(w http.ResponseWriter, r *http.Request, stats *Requests, err error) {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, protocol.ErrTooLarge):
		stats.TooLarge.Add(1)
		reply(w, http.StatusRequestEntityTooLarge, answer{Error: err.Error()})
	case errors.Is(err, protocol.ErrEncoding):
		stats.Rejected.Add(1)
		reply(w, http.StatusUnsupportedMediaType, answer{Error: err.Error()})
	case errors.As(err, &timeout) && timeout.Timeout():
		stats.Failed.Add(1)
		reply(w, http.StatusRequestTimeout, answer{Error: "the body did not arrive in time"})
	case r.Context().Err() != nil:
		stats.Failed.Add(1) // nobody is there to be told
	default:
		stats.Rejected.Add(1)
		reply(w, http.StatusBadRequest, answer{Error: err.Error()})
	}
}

// badRequest is an error in what was sent.
type badRequest struct{ error }

// commitFrames commits the blocks of a native body, those of one agent and
// epoch together.
func (h *Handler) commitFrames(ctx context.Context, _ *http.Request, body []byte) (protocol.Receipt, error) {
	var all protocol.Receipt
	var agent string
	var epoch uint32
	var frames []protocol.Frame
	flush := func() error {
		if len(frames) == 0 {
			return nil
		}
		r, err := h.Store.Commit(ctx, agent, epoch, frames)
		all.Records, all.Repeated = all.Records+r.Records, all.Repeated+r.Repeated
		all.Rejected = append(all.Rejected, r.Rejected...)
		frames = frames[:0]
		return err
	}
	var failed error // of the store
	err := h.Frames(body, func(a string, e uint32, f protocol.Frame) error {
		if a != agent || e != epoch {
			if failed = flush(); failed != nil {
				return failed
			}
			agent, epoch = a, e
		}
		frames = append(frames, f)
		return nil
	})
	if failed != nil {
		return all, failed
	}
	if err != nil {
		return all, badRequest{fmt.Errorf("read frames: %w", err)}
	}
	return all, flush()
}

// commitRecords commits the records of an NDJSON body as one block, so that
// they are stored all or not at all.
func (h *Handler) commitRecords(ctx context.Context, r *http.Request, body []byte) (protocol.Receipt, error) {
	e, _ := h.encoders.Get().(*block.Encoder)
	if e == nil {
		e = block.NewEncoder()
	}
	defer h.encoders.Put(e)
	var batches []*record.Batch
	err := h.Records(body, func(b *record.Batch) error {
		batches = append(batches, b)
		return nil
	})
	if err != nil {
		return protocol.Receipt{}, badRequest{err}
	}
	if len(batches) == 0 {
		return protocol.Receipt{}, nil
	}
	payload, _ := e.Append(nil, batches)
	return h.Store.CommitKeyed(ctx, r.Header.Get("Idempotency-Key"), sha256.Sum256(body), payload)
}

// answer is the JSON body of every reply.
type answer struct {
	Error    string `json:"error,omitempty"`
	Records  int    `json:"records"`
	Repeated int    `json:"repeated"`
	Rejected int    `json:"rejected,omitempty"`
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, stats *Requests, receipt protocol.Receipt, err error) {
	a := answer{Records: receipt.Records, Repeated: receipt.Repeated, Rejected: len(receipt.Rejected)}
	var bad badRequest
	switch {
	case errors.As(err, &bad):
		stats.Rejected.Add(1)
		a.Error = bad.Error()
		reply(w, http.StatusBadRequest, a)
	case err != nil:
		stats.Failed.Add(1)
		if r.Context().Err() == nil {
			retry(w, http.StatusServiceUnavailable, err.Error())
		}
	case len(receipt.Rejected) > 0:
		stats.Rejected.Add(1)
		a.Error = receipt.Rejected[0].Reason
		if n := receipt.Rejected[0].Sequence; n > 0 {
			a.Error = "block " + strconv.FormatUint(n, 10) + ": " + a.Error
		}
		reply(w, http.StatusBadRequest, a)
	default:
		stats.Accepted.Add(1)
		reply(w, http.StatusOK, a)
	}
}

func retry(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
	reply(w, code, answer{Error: reason})
}

func reply(w http.ResponseWriter, code int, a answer) {
	_ = protocol.WriteJSON(w, code, a) // nobody is there to be told
}
