package receive

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"shipper/internal/protocol"
)

// firstBytes is the room a body begins with.
const firstBytes = 64 << 10

// readBody appends the body of r as it comes over the wire to dst, which is
// empty. It asks room for every byte of dst's capacity before it is there. More
// than limit bytes are a protocol.ErrTooLarge.
func readBody(w http.ResponseWriter, r *http.Request, dst []byte, limit int, v *arrival, room func(n int) error) ([]byte, error) {
	if r.ContentLength > int64(limit) {
		return dst, fmt.Errorf("%w: %d bytes, the limit is %d", protocol.ErrTooLarge, r.ContentLength, limit)
	}
	if cap(dst) > 0 {
		if err := room(cap(dst)); err != nil {
			return dst, err
		}
	}
	body := http.MaxBytesReader(w, r.Body, int64(limit))
	for {
		if len(dst) == cap(dst) {
			// A declared length is not believed before the bytes come.
			size := max(firstBytes, 2*cap(dst))
			if r.ContentLength > 0 {
				size = min(size, int(r.ContentLength)+1) // one byte to meet the end with
			}
			if err := room(size - cap(dst)); err != nil {
				return dst, err
			}
			dst = append(make([]byte, 0, size), dst...)
		}
		n, err := body.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		v.bytes.Add(int64(n))
		if err == io.EOF {
			return dst, nil
		}
		if over := (*http.MaxBytesError)(nil); errors.As(err, &over) {
			return dst, fmt.Errorf("%w: more than %d bytes", protocol.ErrTooLarge, limit)
		}
		if err != nil {
			return dst, fmt.Errorf("the body did not arrive: %w", err)
		}
	}
}
