// Package receive is the receiving side of the indexer's HTTP: it reads
// requests within limits, has a protocol take them apart, commits what is in
// them, and answers only when it is durable.
package receive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/block"
	"shipper/internal/fail"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

// Store takes blocks in. An error means that the same request may succeed later.
type Store interface {
	Commit(ctx context.Context, agent string, epoch uint32, frames []protocol.Frame) (protocol.Receipt, error)
	CommitKeyed(ctx context.Context, idempotency string, body [sha256.Size]byte, payload []byte) (protocol.Receipt, error)
}

// Native is what Handler needs of the native protocol: blocks of one agent and
// epoch, as they are.
type Native interface {
	Sender(h http.Header) (agent string, epoch uint32, err error)
	Decode(body []byte, emit func(protocol.Frame) error) error
	// Reply says that all blocks through a sequence are durable.
	Reply(w http.ResponseWriter, through uint64, stored, repeated int) error
}

// Protocol is the receiving half of a protocol that somebody else made, and that
// has answers of its own. h is the header of the request.
type Protocol interface {
	// Encoding returns the content encoding of the body.
	Encoding(h http.Header) string
	// Decode takes a body apart. The batches are the handler's. The verdict
	// says how many records cannot be taken, and why.
	Decode(h http.Header, body []byte, emit func(*record.Batch) error) (protocol.Verdict, error)
	// Reply answers: with 200 a request that is durable but for the records
	// that v says are Lost, with any other code one of which nothing is stored.
	Reply(w http.ResponseWriter, h http.Header, code int, v protocol.Verdict) error
}

// Handler answers POST on the paths of its protocols. Set its fields before its first use.
type Handler struct {
	Store  Store
	Native Native
	// Records takes an NDJSON body apart. Its batches are the handler's.
	Records func(body []byte, emit func(*record.Batch) error) error

	Loki Protocol
	OTLP Protocol

	MaxBody     int           // bytes of a body on the wire; default 16 MiB
	MaxBlock    int           // bytes of what a body becomes, as package block counts them; default 8 MiB
	MaxDecoded  int           // bytes of a body after decompression; default 8 MiB
	MaxBytes    int           // bytes of all bodies being handled, and MaxBody beyond it; default 32 MiB
	MaxRequests int           // at a time; default 256
	ReadTimeout time.Duration // for a whole body; default 30 s

	Stats Stats

	once         sync.Once
	decompressor protocol.Decompressor
	packing      chan struct{} // one for each body being taken apart
	arrivals     arrivals
	places       budget    // requests
	wire         budget    // bytes of bodies as they come
	decoded      budget    // bytes of decompressed bodies
	bodies       sync.Pool // of *[]byte, as they come
	texts        sync.Pool // of *[]byte, decompressed
	encoders     sync.Pool
}

// Stats count what came in.
type Stats struct {
	Native, NDJSON, Loki, OTLP Requests

	Busy atomic.Int64 // requests refused because too many were being handled
	Slow atomic.Int64 // requests given up because their bodies came slowly and others waited
	Open atomic.Int64 // requests being handled now
}

// Requests count the requests of one protocol.
type Requests struct {
	Accepted atomic.Int64 // all of it is durable
	Rejected atomic.Int64 // never to be accepted as they are
	TooLarge atomic.Int64 // to be split
	Failed   atomic.Int64 // to be sent again: the store refused, or the body did not arrive
	Bytes    atomic.Int64 // of bodies, after decompression
	Records  atomic.Int64 // stored
	Refused  atomic.Int64 // records that were not taken out of a request that was
}

// The paths of the protocols.
const (
	NativePath = "/api/v1/native"
	NDJSONPath = "/api/v1/ndjson"
	LokiPath   = "/loki/api/v1/push"
	OTLPPath   = "/v1/logs"

	// OTLPPathOfLoki is where Loki takes OTLP.
	OTLPPathOfLoki = "/otlp/v1/logs"
)

// retryAfter is when a request that was not stored is to come again.
const retryAfter = time.Second

func (h *Handler) defaults() {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&h.MaxBody, 16<<20)
	set(&h.MaxBlock, 8<<20)
	set(&h.MaxDecoded, 8<<20)
	set(&h.MaxBytes, 32<<20)
	set(&h.MaxRequests, 256)
	if h.ReadTimeout <= 0 {
		h.ReadTimeout = 30 * time.Second
	}
	h.wire.size, h.decoded.size = int64(h.MaxBytes/2), int64(h.MaxBytes/2)
	h.packing = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))
	h.places.size = int64(h.MaxRequests)
	h.places.crowded, h.wire.crowded = h.arrivals.yield, h.arrivals.yield
}

// ServeHTTP handles one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.once.Do(h.defaults)
	var q request
	switch r.URL.Path {
	case NativePath:
		q = request{stats: &h.Stats.Native, commit: h.native}
	case NDJSONPath:
		q = request{stats: &h.Stats.NDJSON, commit: h.ndjson}
	case LokiPath:
		q = h.request(h.Loki, &h.Stats.Loki)
	case OTLPPath, OTLPPathOfLoki:
		q = h.request(h.OTLP, &h.Stats.OTLP)
	default:
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		reply(w, http.StatusMethodNotAllowed, answer{Error: "use POST"})
		return
	}
	var place grant
	defer h.places.give(&place)
	if err := h.enter(r.Context(), &place); err != nil {
		h.Stats.Busy.Add(1)
		w.Header().Set("Connection", "close") // the body is not read
		refuse(w, r, q.protocol, errors.New("too many requests at a time"))
		return
	}
	h.Stats.Open.Add(1)
	defer h.Stats.Open.Add(-1)
	records, err := h.handle(w, r, &q)
	q.stats.Records.Add(int64(records))
	h.count(q.stats, err)
	if err != nil {
		refuse(w, r, q.protocol, err)
	}
}

// request is how a request is handled.
type request struct {
	protocol Protocol // nil: one of our own
	stats    *Requests
	commit   func(w http.ResponseWriter, r *http.Request, body []byte) (int, error)
}

func (h *Handler) request(p Protocol, stats *Requests) request {
	return request{p, stats, func(w http.ResponseWriter, r *http.Request, body []byte) (int, error) {
		return h.records(w, r, body, p, stats)
	}}
}

// enter takes a place for a request. If there is none for a while, it fails.
func (h *Handler) enter(ctx context.Context, place *grant) error {
	ctx, cancel := context.WithTimeout(ctx, fair)
	defer cancel()
	return h.places.take(ctx, place, 1)
}

// handle reads the body and commits it. Whoever answers, answers once: commit
// if the error is nil.
func (h *Handler) handle(w http.ResponseWriter, r *http.Request, q *request) (records int, err error) {
	var wire grant
	defer h.wire.give(&wire)
	buf := buffer(&h.bodies)
	defer func() { keep(&h.bodies, buf, keptBody) }()
	if err := h.arrive(w, r, buf, &wire); err != nil {
		return 0, err
	}
	e := r.Header.Get("Content-Encoding")
	if q.protocol != nil {
		e = q.protocol.Encoding(r.Header)
	}
	if e == "" || e == "identity" {
		q.stats.Bytes.Add(int64(len(*buf)))
		return q.commit(w, r, *buf)
	}
	var decoded grant
	ctx, cancel := context.WithTimeout(r.Context(), h.ReadTimeout)
	defer cancel()
	defer h.decoded.give(&decoded)
	if err := h.decoded.take(ctx, &decoded, int64(h.MaxDecoded)); err != nil {
		return 0, errCrowded
	}
	out := buffer(&h.texts)
	defer func() { keep(&h.texts, out, h.MaxDecoded) }()
	if *out, err = h.decompressor.Append(*out, *buf, e, h.MaxDecoded); err != nil {
		return 0, badBody{err}
	}
	q.stats.Bytes.Add(int64(len(*out)))
	return q.commit(w, r, *out)
}

// arrive reads the body of r.
func (h *Handler) arrive(w http.ResponseWriter, r *http.Request, buf *[]byte, has *grant) (err error) {
	ctx, v := h.arrivals.begin(r, w, h.ReadTimeout)
	*buf, err = readBody(w, r, *buf, h.MaxBody, v, func(n int) error { return h.wire.take(ctx, has, int64(n)) })
	slow := h.arrivals.end(v)
	switch {
	case err == nil:
		// From here on the deadline would end the request, not the reading.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		return nil
	case errors.Is(err, protocol.ErrTooLarge):
		return badBody{err}
	case slow:
		h.Stats.Slow.Add(1)
		return errSlow
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errCrowded
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errLate
	}
	return err
}

// The refusals of bodies that may arrive the next time.
var (
	errCrowded = errors.New("too many bytes at a time")
	errLate    = errors.New("the body did not arrive in time")
	errSlow    = errors.New("the body came slowly, and others waited")
)

// badBody is an error in what was sent. Other errors are of the store.
type badBody struct{ error }

func (b badBody) Unwrap() error { return b.error }

// native commits the blocks of a body.
func (h *Handler) native(w http.ResponseWriter, r *http.Request, body []byte) (int, error) {
	agent, epoch, err := h.Native.Sender(r.Header)
	if err != nil {
		return 0, badBody{err}
	}
	var frames []protocol.Frame
	err = h.Native.Decode(body, func(f protocol.Frame) error {
		frames = append(frames, f)
		return nil
	})
	if err != nil {
		return 0, badBody{err}
	}
	receipt, err := h.Store.Commit(r.Context(), agent, epoch, frames)
	if err == nil {
		err = rejected(receipt)
	}
	if err != nil {
		return receipt.Records, err
	}
	if err := fail.Point("receive.stored"); err != nil {
		return receipt.Records, err
	}
	last := frames[len(frames)-1].Sequence
	_ = h.Native.Reply(w, last, len(frames)-receipt.Repeated, receipt.Repeated) // nobody is there to be told
	return receipt.Records, nil
}

// ndjson commits the records of a body.
func (h *Handler) ndjson(w http.ResponseWriter, r *http.Request, body []byte) (int, error) {
	payload, err := h.pack(r, func(emit func(*record.Batch) error) error { return h.Records(body, emit) })
	if err != nil {
		return 0, err
	}
	receipt, err := h.commit(r, body, payload)
	if err == nil {
		reply(w, http.StatusOK, answer{Records: receipt.Records, Repeated: receipt.Repeated > 0})
	}
	return receipt.Records, err
}

// records commits the records of a body of p.
func (h *Handler) records(w http.ResponseWriter, r *http.Request, body []byte, p Protocol, stats *Requests) (int, error) {
	var v protocol.Verdict
	payload, err := h.pack(r, func(emit func(*record.Batch) error) (err error) {
		v, err = p.Decode(r.Header, body, emit)
		return err
	})
	if err != nil {
		return 0, err
	}
	receipt, err := h.commit(r, body, payload)
	if err == nil {
		stats.Refused.Add(int64(v.Lost))
		_ = p.Reply(w, r.Header, http.StatusOK, v) // nobody is there to be told
	}
	return receipt.Records, err
}

// pack makes one block of the records of a body, nil if there are none. Records
// take many times the memory of their text, so no more bodies are taken apart at
// a time than there are cores.
func (h *Handler) pack(r *http.Request, decode func(emit func(*record.Batch) error) error) ([]byte, error) {
	select {
	case h.packing <- struct{}{}:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	defer func() { <-h.packing }()
	var batches []*record.Batch
	err := decode(func(b *record.Batch) error {
		batches = append(batches, b)
		return nil
	})
	if err != nil {
		return nil, badBody{err}
	}
	if len(batches) == 0 {
		return nil, nil
	}
	e, _ := h.encoders.Get().(*block.Encoder)
	if e == nil {
		e = block.NewEncoder()
	}
	payload, raw := e.Append(nil, batches)
	h.encoders.Put(e)
	if raw > h.MaxBlock {
		return nil, badBody{fmt.Errorf("%w: its records have %d bytes, the limit is %d", protocol.ErrTooLarge, raw, h.MaxBlock)}
	}
	return payload, nil
}

// commit commits a block of all records of a body, so that they are stored all or
// not at all, and once however often the body comes.
func (h *Handler) commit(r *http.Request, body, payload []byte) (protocol.Receipt, error) {
	if payload == nil {
		return protocol.Receipt{}, nil
	}
	receipt, err := h.Store.CommitKeyed(r.Context(), r.Header.Get("Idempotency-Key"), sha256.Sum256(body), payload)
	if err == nil {
		err = rejected(receipt)
	}
	return receipt, err
}

// rejected is the error of a receipt that has a block which is never stored.
func rejected(receipt protocol.Receipt) error {
	if len(receipt.Rejected) == 0 {
		return nil
	}
	first := receipt.Rejected[0]
	err := errors.New(first.Reason)
	if first.TooLarge {
		err = fmt.Errorf("%w: %s", protocol.ErrTooLarge, first.Reason)
	}
	if first.Sequence == 0 {
		return badBody{err}
	}
	return badBody{fmt.Errorf("block %d: %w", first.Sequence, err)}
}

func (h *Handler) count(stats *Requests, err error) {
	var bad badBody
	switch {
	case err == nil:
		stats.Accepted.Add(1)
	case errors.Is(err, protocol.ErrTooLarge):
		stats.TooLarge.Add(1)
	case errors.As(err, &bad):
		stats.Rejected.Add(1)
	default:
		stats.Failed.Add(1)
	}
}

// refuse answers a request that is not, or not completely, stored: as p does if
// it is not nil.
func refuse(w http.ResponseWriter, r *http.Request, p Protocol, err error) {
	code, v := http.StatusServiceUnavailable, protocol.Verdict{Reason: err.Error()}
	var bad badBody
	switch {
	case errors.Is(err, protocol.ErrTooLarge):
		code, v.Outcome = http.StatusRequestEntityTooLarge, protocol.Split
	case errors.Is(err, protocol.ErrEncoding), errors.Is(err, protocol.ErrMediaType):
		code = http.StatusUnsupportedMediaType
	case errors.As(err, &bad):
		code, v.Outcome = http.StatusBadRequest, protocol.Rejected
	default:
		v.After = retryAfter
	}
	if p != nil {
		_ = p.Reply(w, r.Header, code, v) // nobody is there to be told
		return
	}
	if v.After > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(v.After/time.Second)))
	}
	reply(w, code, answer{Error: v.Reason})
}

// answer is the JSON body of a refusal, and of an accepted NDJSON request.
type answer struct {
	Error    string `json:"error,omitempty"`
	Records  int    `json:"records"` // stored now
	Repeated bool   `json:"repeated,omitempty"`
}

func reply(w http.ResponseWriter, code int, a answer) {
	_ = protocol.WriteJSON(w, code, a) // nobody is there to be told
}

// keptBody is the capacity up to which a buffer for bodies is kept.
const keptBody = 1 << 20

func buffer(of *sync.Pool) *[]byte {
	if buf, ok := of.Get().(*[]byte); ok {
		return buf
	}
	return new([]byte)
}

// keep keeps a buffer for another request, unless it is too large to keep.
func keep(in *sync.Pool, buf *[]byte, most int) {
	if cap(*buf) <= most {
		*buf = (*buf)[:0]
		in.Put(buf)
	}
}
