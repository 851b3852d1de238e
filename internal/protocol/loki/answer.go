package loki

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"shipper/internal/protocol"
)

// Verdict judges the answer to r. Only 200 and 204 are acks: Loki has other 2xx
// for tenants that are blocked. With a 400, which names one or more entries that
// are too old, too far behind or too large, or a stream that is refused, Loki has
// stored all others; they are sent again when r is bisected, and it drops them as
// exact repeats. A request that is too large for one of its parts to take, which
// it says with several codes, is split.
func (e *Encoder) Verdict(_ *protocol.Request, code int, h http.Header, body []byte) protocol.Verdict {
	v := protocol.Judge(code, h, body)
	switch {
	case code == http.StatusOK || code == http.StatusNoContent:
	case v.Outcome == protocol.Accepted:
		v = protocol.Verdict{Reason: fmt.Sprintf("%d, which is no ack of Loki", code)}
	case (v.Outcome == protocol.Rejected || code >= 500) && isTooLarge(body):
		v.Outcome, v.After = protocol.Split, 0
	}
	return v
}

// isTooLarge reports whether an answer is about the size of the whole request,
// as gRPC within Loki, its HTTP side or a proxy says it.
func isTooLarge(body []byte) bool {
	for _, text := range []string{"larger than max", "message size too large", "request body too large"} {
		if bytes.Contains(body, []byte(text)) {
			return true
		}
	}
	return false
}

// Reply answers a request as Loki does: with nothing if all of it is stored, or
// with plain text. Code 200 stands for a request that was taken; if v says that
// entries of it are Lost, the answer is a 400, and all others are stored.
func Reply(w http.ResponseWriter, code int, v protocol.Verdict) error {
	h := w.Header()
	if code == http.StatusOK && v.Lost == 0 {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	text := v.Reason
	if code == http.StatusOK {
		code = http.StatusBadRequest
		text = fmt.Sprintf("%s, total ignored: %d", v.Reason, v.Lost)
	}
	if v.After > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((v.After+time.Second-1)/time.Second), 10))
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(code)
	if _, err := w.Write(append([]byte(text), '\n')); err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}
