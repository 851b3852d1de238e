package agent

import (
	"context"
	"io"
	"log/slog"

	"shipper/internal/format"
	"shipper/internal/input"
	"shipper/internal/input/file"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
)

// Print follows the named files from their beginning and writes their records
// to w as canonical NDJSON, until ctx is done or w fails. Nothing is stored.
func Print(ctx context.Context, paths []string, w io.Writer, log *slog.Logger) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := packer{parser: format.New(format.Options{})}
	b := new(record.Batch)
	var out []byte
	in := &file.Input{Name: "print", Paths: paths, Exact: true, Log: log}
	err := in.Run(ctx, nil, func(c input.Chunk) error {
		p.parse(b, c)
		out = out[:0]
		for i := range b.Records {
			out = append(ndjson.AppendRecord(out, b, &b.Records[i]), '\n')
		}
		if c.Release != nil {
			c.Release()
		}
		_, err := w.Write(out)
		return err
	})
	return err
}
