package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// ErrEncoding means that a Content-Encoding is not known.
var ErrEncoding = errors.New("unsupported content encoding")

// windowBytes is how far a compressor of request bodies looks back, and what a
// receiver has to keep of them.
const windowBytes = 1 << 20

// Compressor compresses bodies with one content encoding: zstd (RFC 8878),
// gzip (RFC 1952), snappy (its block format, not the framed one), or none. It may be used by several goroutines at a time.
type Compressor struct {
	// Encoding is the value of Content-Encoding; empty if there is none.
	Encoding string

	zstd *zstd.Encoder
	gzip sync.Pool // of *gzip.Writer
}

// NewCompressor returns a Compressor for "zstd", "gzip", "snappy", "none" or "".
func NewCompressor(encoding string) (*Compressor, error) {
	switch encoding {
	case "", "none", "identity":
		return &Compressor{}, nil
	case "gzip", "snappy":
		return &Compressor{Encoding: encoding}, nil
	case "zstd":
		// Concurrent calls wait for the one encoder: two of them would cost
		// memory and, since a sender has many other things to do, gain nothing.
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(windowBytes), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, fmt.Errorf("make zstd encoder: %w", err)
		}
		return &Compressor{Encoding: encoding, zstd: z}, nil
	}
	return nil, fmt.Errorf("%w %q: use zstd, gzip or none", ErrEncoding, encoding)
}

// Append appends p, compressed, to dst. The same p always gives the same bytes.
func (c *Compressor) Append(dst, p []byte) ([]byte, error) {
	switch c.Encoding {
	case "":
		return append(dst, p...), nil
	case "zstd":
		return c.zstd.EncodeAll(p, dst), nil
	case "snappy":
		return appendSnappy(dst, p)
	}
	out := bytes.NewBuffer(dst)
	z, _ := c.gzip.Get().(*gzip.Writer)
	if z == nil {
		var err error
		if z, err = gzip.NewWriterLevel(out, gzip.BestSpeed); err != nil {
			return dst, fmt.Errorf("make gzip writer: %w", err)
		}
	}
	defer c.gzip.Put(z)
	z.Reset(out)
	if _, err := z.Write(p); err != nil {
		return dst, fmt.Errorf("compress body: %w", err)
	}
	if err := z.Close(); err != nil {
		return dst, fmt.Errorf("compress body: %w", err)
	}
	return out.Bytes(), nil
}

// Bodies that decompress to more than freeBytes and to more than maxRatio times
// their size are refused: no log is that dull, and a bomb is.
const (
	maxRatio  = 1000
	freeBytes = 1 << 20
)

// Decompressor undoes content encodings, within limits. It may be used by
// several goroutines at a time; its zero value is ready.
type Decompressor struct {
	zstd sync.Pool // of *zstd.Decoder
	gzip sync.Pool // of *gzip.Reader
}

// Append appends what p decompresses to, at most limit bytes, to dst. The error
// wraps ErrTooLarge if there are more or far more than p has, and ErrEncoding
// if encoding is none of zstd, gzip, snappy, identity and "".
func (d *Decompressor) Append(dst, p []byte, encoding string, limit int) ([]byte, error) {
	limit = min(limit, max(freeBytes, len(p)*maxRatio))
	switch encoding {
	case "", "identity":
		if len(p) > limit {
			return dst, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(p), limit)
		}
		return append(dst, p...), nil
	case "snappy":
		return appendUnsnappy(dst, p, limit)
	case "zstd":
		z, _ := d.zstd.Get().(*zstd.Decoder)
		if z == nil {
			var err error
			z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(8<<20))
			if err != nil {
				return dst, fmt.Errorf("make zstd decoder: %w", err)
			}
		}
		defer d.zstd.Put(z)
		if err := z.Reset(bytes.NewReader(p)); err != nil {
			return dst, fmt.Errorf("decompress zstd body: %w", err)
		}
		defer z.Reset(nil) // lets go of p
		return readAll(z, dst, limit)
	case "gzip":
		z, _ := d.gzip.Get().(*gzip.Reader)
		if z == nil {
			z = new(gzip.Reader)
		}
		defer d.gzip.Put(z)
		if err := z.Reset(bytes.NewReader(p)); err != nil {
			return dst, fmt.Errorf("decompress gzip body: %w", err)
		}
		return readAll(z, dst, limit)
	}
	return dst, fmt.Errorf("%w %q: use zstd, gzip or none", ErrEncoding, encoding)
}

// appendSnappy appends p as a snappy block.
func appendSnappy(dst, p []byte) ([]byte, error) {
	room := s2.MaxEncodedLen(len(p))
	if room < 0 {
		return dst, fmt.Errorf("%w: %d bytes are too many for snappy", ErrTooLarge, len(p))
	}
	dst = slices.Grow(dst, room)
	z := s2.EncodeSnappy(dst[len(dst):len(dst)+room], p)
	return dst[:len(dst)+len(z)], nil
}

// appendUnsnappy appends what the snappy block p stands for.
func appendUnsnappy(dst, p []byte, limit int) ([]byte, error) {
	n, err := s2.DecodedLen(p)
	if err != nil {
		return dst, fmt.Errorf("decompress snappy body: %w", err)
	}
	if n > limit {
		return dst, fmt.Errorf("%w: it decompresses to more than %d bytes", ErrTooLarge, limit)
	}
	dst = slices.Grow(dst, n)
	if _, err := s2.Decode(dst[len(dst):len(dst)+n], p); err != nil {
		return dst, fmt.Errorf("decompress snappy body: %w", err)
	}
	return dst[:len(dst)+n], nil
}

// readAll appends r to dst, limit bytes at most.
func readAll(r io.Reader, dst []byte, limit int) ([]byte, error) {
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst)-start > limit {
			return dst[:start], fmt.Errorf("%w: it decompresses to more than %d bytes", ErrTooLarge, limit)
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst[:start], fmt.Errorf("decompress body: %w", err)
		}
	}
}

// MediaType is a Content-Type without its parameters, in lower case.
func MediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}
