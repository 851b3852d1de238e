package receive

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"shipper/internal/protocol"
)

// readBody appends the body of r as it comes over the wire to dst. More than
// limit bytes are a protocol.ErrTooLarge.
func readBody(w http.ResponseWriter, r *http.Request, dst []byte, limit int) ([]byte, error) {
	if r.ContentLength > int64(limit) {
		return dst, fmt.Errorf("%w: %d bytes, the limit is %d", protocol.ErrTooLarge, r.ContentLength, limit)
	}
	body := http.MaxBytesReader(w, r.Body, int64(limit))
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := body.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if over := (*http.MaxBytesError)(nil); errors.As(err, &over) {
			return dst, fmt.Errorf("%w: more than %d bytes", protocol.ErrTooLarge, limit)
		}
		if err != nil {
			return dst, fmt.Errorf("read body: %w", err)
		}
	}
}
