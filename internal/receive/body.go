package receive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// errTooLarge is wrapped by the error for a body, or what it decompresses to,
// that is larger than the limit.
var errTooLarge = errors.New("body is too large")

// errEncoding is wrapped by the error for an unknown Content-Encoding.
var errEncoding = errors.New("unsupported content encoding")

// readBody appends the body of r as it comes over the wire to dst, limit bytes at most.
func readBody(w http.ResponseWriter, r *http.Request, dst []byte, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return dst, fmt.Errorf("%w: %d bytes, the limit is %d", errTooLarge, r.ContentLength, limit)
	}
	return readAll(http.MaxBytesReader(w, r.Body, limit), dst, limit)
}

// decompress appends what body decompresses to, limit bytes at most, to dst.
func decompress(body []byte, encoding string, dst []byte, limit int64) ([]byte, error) {
	switch encoding {
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return dst, fmt.Errorf("read gzip body: %w", err)
		}
		return readAll(z, dst, limit)
	case "zstd":
		z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(uint64(limit)), zstd.WithDecoderMaxWindow(uint64(max(limit, 1<<10))))
		if err != nil {
			return dst, fmt.Errorf("read zstd body: %w", err)
		}
		defer z.Close()
		return readAll(z, dst, limit)
	}
	return dst, fmt.Errorf("%w %q: gzip, zstd and none are understood", errEncoding, encoding)
}

// readAll appends r to dst, limit bytes at most.
func readAll(r io.Reader, dst []byte, limit int64) ([]byte, error) {
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if int64(len(dst)-start) > limit {
			return dst[:start], fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst[:start], bodyError(fmt.Errorf("read body: %w", err))
		}
	}
}

// bodyError marks what the limits of net/http and zstd report as too large.
func bodyError(err error) error {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return fmt.Errorf("%w: more than %d bytes", errTooLarge, over.Limit)
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("%w: %w", errTooLarge, err)
	}
	return err
}
