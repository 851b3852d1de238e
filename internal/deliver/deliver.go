// Package deliver sends what is in the queue to an output. There is one loop
// for all outputs and protocols: a protocol only makes bodies and judges
// answers.
//
//	queue ── slots, in order ─┬─ request ── gate ── HTTP ── verdict
//	  ▲                       ├─ request ── gate ── HTTP ── verdict
//	  └── acks, in order ─────┴─ ...
//
// A block is acked when it, and every block before it, is stored by the
// receiver, deliberately dropped by it, or kept as a dead letter. Until then its
// request is sent again, the same to the byte and with the same ID. So no block
// is lost; one can arrive more than once, and a receiver that knows IDs drops it.
//
// What is in memory is bounded by Concurrency times MaxRequestBytes.
package deliver

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/metrics"
	"shipper/internal/protocol"
	"shipper/internal/queue"
)

// Source is where blocks come from: a queue.Cursor.
type Source interface {
	// Next appends blocks to dst, in order, at least one, for which it waits,
	// and more while their payloads stay within maxBytes. It puts payloads into
	// the memory of those that dst has behind its length.
	Next(ctx context.Context, maxBytes int, dst []queue.Block) ([]queue.Block, error)
	// Ack says that all blocks up to one are done with.
	Ack(through queue.ID) error
	// DeadLetter keeps a block that was refused, or a part of it; it is
	// durable when DeadLetter returns nil. It is called concurrently.
	DeadLetter(b queue.Block, reason string) error
}

// Encoder is the sending half of a protocol. It is used concurrently.
type Encoder interface {
	// SplitsBlocks reports whether a request has one block or a part of one,
	// rather than as many whole blocks as fit.
	SplitsBlocks() bool
	// Append appends the body of r to dst and sets its headers. The same r
	// always gives the same body. An error that wraps protocol.ErrTooLarge
	// makes r be split; with any other its blocks become dead letters.
	Append(dst []byte, h http.Header, r *protocol.Request) ([]byte, error)
	// Verdict judges an answer to r that was read to its end. h has its
	// trailers, too.
	Verdict(r *protocol.Request, code int, h http.Header, body []byte) protocol.Verdict
}

// Backoff bounds the wait after a failed request: a random time up to a limit
// that begins at Min and doubles with each failure in a row, up to Max.
type Backoff struct{ Min, Max time.Duration }

// Output delivers to one receiver. Set the fields, then call Run once. Zero
// fields have the defaults named; Name, URL, Agent, Source and Encoder have none.
type Output struct {
	Name    string
	URL     string
	Agent   string // agent ID, 32 hexadecimal digits
	Source  Source
	Encoder Encoder

	Client  *http.Client // default: NewClient(nil, nil)
	Headers http.Header  // sent with every request, such as Authorization
	// Reload reads the headers again after the receiver has said that
	// credentials are wrong. It may be nil.
	Reload func() (http.Header, error)

	// MaxRequestBytes bounds the bytes of one request before compression; 4
	// MiB. A single block, or record of one, may be larger.
	MaxRequestBytes int
	MaxRetryAfter   time.Duration // the longest Retry-After that is honoured; 5 min
	Backoff         Backoff       // 500 ms and 30 s
	RequestTimeout  time.Duration // from the first byte sent to the last one of the answer; 30 s
	Concurrency     int           // requests in flight at most; 4. It begins with one
	DrainTimeout    time.Duration // how long requests in flight may go on when Run is to end; 2 s

	Log   *slog.Logger
	Stats Stats

	headers atomic.Pointer[http.Header]
	window  window
	gate    gate
	trouble trouble
	suspect atomic.Bool // a request has timed out since kept connections were closed
	parts   parts
}

// Stats count what an Output does.
type Stats struct {
	Requests     atomic.Int64 // sent, again or for the first time
	Bytes        atomic.Int64 // of bodies sent, as they go over the wire
	Nanoseconds  atomic.Int64 // that requests took, all together
	Blocks       atomic.Int64 // done with: stored by the receiver or dead letters
	Records      atomic.Int64 // stored by the receiver
	Lost         atomic.Int64 // records that the receiver says it dropped
	Failed       atomic.Int64 // requests without a good answer, sent again
	Unauthorized atomic.Int64 // requests refused for their credentials, sent again
	Splits       atomic.Int64 // requests that were too large
	Rejected     atomic.Int64 // requests that will never be accepted as they are
	DeadRecords  atomic.Int64 // records that became dead letters
	InFlight     atomic.Int64 // requests being sent now
	Limit        atomic.Int64 // of requests in flight, as adapted to the receiver
	Failing      atomic.Int64 // 1 while the receiver does not take requests
	Delivered    atomic.Int64 // ns since the Unix epoch of the last good answer; 0 before the first

	Latency metrics.Histogram // of blocks, from when they were queued to when they are done with
}

// keepFor is how often kept connections are closed, however busy they are: a
// receiver that has moved, or a certificate that was replaced, is seen with the
// next one.
const keepFor = 10 * time.Minute

// payloadShare is how many times larger than its payload a block is before
// compression, about.
const payloadShare = 8

func (o *Output) setDefaults() {
	if o.Client == nil {
		o.Client = NewClient(nil, nil)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxRequestBytes <= 0 {
		o.MaxRequestBytes = 4 << 20
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	for _, d := range []struct {
		value *time.Duration
		other time.Duration
	}{
		{&o.MaxRetryAfter, 5 * time.Minute}, {&o.RequestTimeout, 30 * time.Second}, {&o.DrainTimeout, 2 * time.Second},
		{&o.Backoff.Min, 500 * time.Millisecond}, {&o.Backoff.Max, 30 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.other
		}
	}
	o.Backoff.Max = max(o.Backoff.Max, o.Backoff.Min)
}

// Run delivers until ctx is done, and then gives the requests in flight
// DrainTimeout to end. It returns nil then, or earlier the error of a Source
// that has failed for good.
func (o *Output) Run(ctx context.Context) error {
	o.setDefaults()
	o.headers.Store(&o.Headers)
	o.window.open(o.Concurrency, o.Source.Ack, &o.Stats.Limit)
	o.gate.open(o.Backoff)

	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(working, func() { time.AfterFunc(o.DrainTimeout, cut) })()

	var workers sync.WaitGroup
	renewed := time.Now()
	for {
		if time.Since(renewed) >= keepFor {
			o.Client.CloseIdleConnections()
			renewed = time.Now()
		}
		s, err := o.fetch(working)
		if err != nil {
			stop(err)
			break
		}
		workers.Go(func() {
			err := o.deliverSlot(working, sending, s)
			if err == nil {
				err = o.window.finish(s)
			}
			if err != nil {
				stop(err)
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(working)
}

// Rest lets go of memory that is kept for the next requests. It may be called
// concurrently with Run.
func (o *Output) Rest() { o.window.rest() }

// fetch waits until another request may be in flight, and then for its blocks.
func (o *Output) fetch(ctx context.Context) (*slot, error) {
	s, err := o.window.acquire(ctx)
	if err != nil {
		return nil, err
	}
	maxBytes := o.MaxRequestBytes / payloadShare
	if o.Encoder.SplitsBlocks() {
		maxBytes = 1
	}
	s.blocks, err = o.Source.Next(ctx, maxBytes, s.blocks[:0])
	if err != nil {
		return nil, err
	}
	o.window.add(s)
	return s, nil
}

// deliverSlot delivers the blocks of s, in as many requests as it takes.
func (o *Output) deliverSlot(working, sending context.Context, s *slot) error {
	d := delivery{Output: o, working: working, sending: sending, slot: s}
	for rest := s.blocks; len(rest) > 0; {
		n := o.fit(rest)
		s.frames = s.frames[:0]
		for _, b := range rest[:n] {
			s.frames = append(s.frames, protocol.Frame{Sequence: b.Sequence, Records: b.Records, Raw: b.Raw, Payload: b.Payload})
		}
		r := protocol.Request{Agent: o.Agent, Epoch: rest[0].Epoch, Frames: s.frames, Limit: o.MaxRequestBytes}
		if err := d.deliver(&r); err != nil {
			return err
		}
		o.Stats.Blocks.Add(int64(n))
		now := time.Now().UnixNano()
		for _, b := range rest[:n] {
			o.Stats.Latency.Observe(time.Duration(max(now-b.Queued, 0)))
		}
		rest = rest[n:]
	}
	return nil
}

// fit returns how many of the blocks go into one request.
func (o *Output) fit(blocks []queue.Block) int {
	if o.Encoder.SplitsBlocks() {
		return 1
	}
	n, raw := 1, blocks[0].Raw
	for ; n < len(blocks); n++ {
		b, before := &blocks[n], &blocks[n-1]
		raw += b.Raw
		if raw > o.MaxRequestBytes || b.Sequence != before.Sequence+1 || b.Epoch != before.Epoch {
			break
		}
	}
	return n
}
