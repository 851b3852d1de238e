package agent

import (
	"context"
	"io"
	"time"

	"shipper/internal/format"
	"shipper/internal/input"
	"shipper/internal/input/stdin"
	"shipper/internal/record"
)

// Parsing makes records of bytes as an agent does that reads them from a pipe,
// and stores nothing.
type Parsing struct {
	Options  format.Options
	Labels   []record.Label // sorted by name
	Read     time.Time      // when the bytes count as read, zero is when they are: for times without a date or year, and records without a time
	Modified time.Time      // when r was changed last, if it is a file and that is not Read
	Wait     time.Duration  // how long complete lines wait for what may belong to them; default 500 ms
}

// Run reads r to its end and hands its records to put, chunk by chunk, in
// order. The batch and the chunk are put's until it returns. Run returns nil at
// the end of r or of ctx, and otherwise the first error of r or put.
func (p *Parsing) Run(ctx context.Context, r io.Reader, put func(*record.Batch, input.Chunk) error) error {
	pack := packer{parser: format.New(p.Options)}
	return p.run(ctx, r, &pack, &record.Stream{Labels: p.Labels}, put)
}

// run is Run with what parses and the stream that the records are of.
func (p *Parsing) run(ctx context.Context, r io.Reader, pack *packer, stream *record.Stream, put func(*record.Batch, input.Chunk) error) error {
	b := new(record.Batch)
	in := &stdin.Input{Name: "input", Reader: r, JoinTimeout: p.Wait}
	return in.Run(ctx, nil, func(c input.Chunk) error {
		c.Stream = stream
		if !p.Read.IsZero() {
			c.Read = p.Read.UnixNano()
		}
		if !p.Modified.IsZero() {
			c.Modified = p.Modified.UnixNano()
		}
		pack.parse(b, c)
		return put(b, c)
	})
}
