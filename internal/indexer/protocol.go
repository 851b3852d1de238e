package indexer

import (
	"net/http"

	"shipper/internal/protocol"
	"shipper/internal/protocol/loki"
	"shipper/internal/protocol/native"
	"shipper/internal/protocol/otlp"
	"shipper/internal/record"
)

// nativeSide is the receiving half of the native protocol.
type nativeSide struct{}

func (nativeSide) Sender(h http.Header) (agent string, epoch uint32, err error) {
	return native.Sender(h)
}

func (nativeSide) Decode(body []byte, emit func(protocol.Frame) error) error {
	return native.Decode(body, emit)
}

func (nativeSide) Reply(w http.ResponseWriter, through uint64, stored, repeated int) error {
	return native.WriteReply(w, native.Reply{Through: through, Stored: stored, Repeated: repeated})
}

// lokiSide is the receiving half of Loki's push.
type lokiSide struct{}

func (lokiSide) Encoding(h http.Header) string {
	return loki.Encoding(h.Get("Content-Type"), h.Get("Content-Encoding"))
}

func (lokiSide) Decode(h http.Header, body []byte, emit func(*record.Batch) error) (protocol.Verdict, error) {
	return loki.Decode(h.Get("Content-Type"), body, emit)
}

func (lokiSide) Reply(w http.ResponseWriter, _ http.Header, code int, v protocol.Verdict) error {
	return loki.Reply(w, code, v)
}

// otlpSide is the receiving half of OTLP over HTTP.
type otlpSide struct{}

func (otlpSide) Encoding(h http.Header) string { return h.Get("Content-Encoding") }

func (otlpSide) Decode(h http.Header, body []byte, emit func(*record.Batch) error) (protocol.Verdict, error) {
	return otlp.Decode(h.Get("Content-Type"), body, emit)
}

func (otlpSide) Reply(w http.ResponseWriter, h http.Header, code int, v protocol.Verdict) error {
	return otlp.Reply(w, h.Get("Content-Type"), code, v)
}
