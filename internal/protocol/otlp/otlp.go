// Package otlp is the OpenTelemetry protocol for logs, both halves of it: over
// HTTP in protobuf and in JSON, and the sending half over gRPC.
//
// Sources: opentelemetry-proto v1.7 (collector/logs/v1, logs/v1, common/v1,
// resource/v1), the OTLP specification 1.7 for answers, retries and the JSON
// mapping, and gRPC over HTTP/2. docs/schema.md says what becomes of a record.
//
// A record's resource is the labels of its stream and those of its fields that
// describe where it comes from (record.ResourceBit), which go before labels; its
// scope is its logger. What OTLP has no member for are attributes:
//
//	log.record.uid         the record's ID
//	log.time_source        where its time comes from, unless that is the line
//	log.format             what it was read as, unless that is plain text
//	log.truncated, log.partial, log.invalid_utf8, log.timed_out
//
// Decode of what an Encoder wrote gives the same batch, but for these losses:
//
//   - bytes that are not UTF-8 are U+FFFD;
//   - resource fields that are text are labels, those that are not are fields,
//     and a label that a field hid is gone;
//   - of fields with one key the last is left, and one with the name of an
//     attribute above is gone;
//   - a Number with a fraction or an exponent is the nearest float64 in its
//     shortest form, one beyond 64 bits is text;
//   - arrays and objects are without white space and needless escapes, and
//     deeper than 16 they are text;
//   - a stream without an ID has got one.
package otlp

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"sync"

	"shipper/internal/block"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

// The paths of the protocol, behind a receiver's address.
const (
	Path     = "/v1/logs"
	GRPCPath = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
)

// The media types of bodies.
const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
	grpcType     = "application/grpc+proto"
)

// Form is how a request travels.
type Form uint8

// The forms of a request.
const (
	Protobuf Form = iota // over HTTP
	JSON                 // over HTTP
	GRPC                 // a unary call; the client has to speak HTTP/2
)

// maxBlock is the size of a block before compression that an Encoder takes;
// what an agent makes is far smaller.
const maxBlock = 256 << 20

// maxScratch is the memory for a body that is kept from one to the next.
const maxScratch = 8 << 20

// Encoder is the sending half. Set its fields before its first use; it may then
// be used by several goroutines at a time.
type Encoder struct {
	Form       Form
	Compressor *protocol.Compressor // of bodies, for gRPC of messages; nil: none

	scratch      sync.Pool // of *scratch
	decompressor protocol.Decompressor
}

// scratch is what making one body takes.
type scratch struct {
	decoder *block.Decoder
	writer  writer
	message []byte
	json    []byte
}

// SplitsBlocks says that a request has one block or a part of one. A receiver
// that remembers keys then knows a block again whatever it is sent with.
func (e *Encoder) SplitsBlocks() bool { return true }

// Append appends the body of r, which has one block, to dst and sets its
// headers. The error wraps protocol.ErrTooLarge if the message has more than
// r.Limit bytes; any other error means that the block cannot be read.
func (e *Encoder) Append(dst []byte, h http.Header, r *protocol.Request) ([]byte, error) {
	s, _ := e.scratch.Get().(*scratch)
	if s == nil {
		s = &scratch{decoder: block.NewDecoder(maxBlock)}
	}
	defer e.scratch.Put(s)
	if err := s.encode(r); err != nil {
		return dst, err
	}
	message := s.message
	h.Set("Content-Type", protobufType)
	if e.Form == JSON {
		var err error
		s.json, err = appendJSON(s.json[:0], message, exportRequest)
		if err != nil {
			return dst, fmt.Errorf("write as JSON: %w", err)
		}
		if r.Limit > 0 && len(s.json) > r.Limit {
			return dst, fmt.Errorf("%w: more than %d bytes", protocol.ErrTooLarge, r.Limit)
		}
		message = s.json
		h.Set("Content-Type", jsonType)
	}
	dst, err := e.wrap(dst, h, message)
	if cap(s.message) > maxScratch {
		s.message = nil
	}
	if cap(s.json) > maxScratch {
		s.json = nil
	}
	return dst, err
}

// encode makes s.message of r.
func (s *scratch) encode(r *protocol.Request) error {
	w := &s.writer
	w.reset(s.message[:0])
	n := 0
	err := s.decoder.Decode(r.Frames[0].Payload, func(b *record.Batch) error {
		w.begin(b)
		shapes := b.Shapes()
		for i := range b.Records {
			if !r.Part || n >= r.First && n < r.End {
				w.record(&b.Records[i], shapes[i])
			}
			n++
			if r.Limit > 0 && len(w.dst) > r.Limit {
				return fmt.Errorf("%w: more than %d bytes", protocol.ErrTooLarge, r.Limit)
			}
		}
		w.end()
		return nil
	})
	s.message = w.dst
	return err
}

// wrap appends message, compressed and, for gRPC, with its prefix: a byte that
// says whether it is compressed and its length.
func (e *Encoder) wrap(dst []byte, h http.Header, message []byte) ([]byte, error) {
	encoding := ""
	if e.Compressor != nil {
		encoding = e.Compressor.Encoding
	}
	name, start := "Content-Encoding", len(dst)
	if e.Form == GRPC {
		name = "Grpc-Encoding"
		h.Set("Content-Type", grpcType)
		h.Set("Te", "trailers")
		dst = append(dst, 0, 0, 0, 0, 0)
	}
	if encoding == "" {
		dst = append(dst, message...)
	} else {
		h.Set(name, encoding)
		var err error
		if dst, err = e.Compressor.Append(dst, message); err != nil {
			return dst[:start], err
		}
	}
	if e.Form == GRPC {
		if encoding != "" {
			dst[start] = 1
		}
		binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-grpcPrefix))
	}
	return dst, nil
}
