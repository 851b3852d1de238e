package indexer

import (
	"net/http"

	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
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
