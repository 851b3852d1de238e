// Package loki is the push protocol of Grafana Loki, both halves of it:
// protobuf in a snappy block, and JSON.
//
// Sources: pkg/push/push.proto and pkg/loghttp/push of Loki 3.7, and what Loki
// 3.6 answers. docs/schema.md says what becomes of a record.
//
// A stream of Loki has few labels: those that Encoder.Labels names, of the
// record's fields or else of its stream. A record's line is its body, or what
// Encoder.Line says. All the rest is structured metadata, as text, under the
// names that LogQL has: every character but ASCII letters, digits and _ is _.
// Of the record itself these are
//
//	level, severity_text, logger, trace_id, trace_flags, span_id
//	severity_number       unless it is the first one of its level
//	observed_timestamp    ns since the Unix epoch, unless it is the time
//	log_record_uid        the record's ID
//	log_time_source       where its time comes from, unless that is the line
//	log_format            what it was read as, unless that is plain text
//	log_truncated, log_partial, log_invalid_utf8, log_timed_out
//
// and a field with one of these names has _extracted behind its own.
//
// Loki stores one of two entries of a stream that have the same time and line,
// whatever their metadata. That makes what is sent again harmless, and would lose
// records. So within a block times go up: a record at, or before, the time of the
// one before it in its stream is put a nanosecond behind that one. This depends
// on the block only, not on how it is sent. Records of different blocks with one
// time and line, in one stream of Loki, are one record there: lines as JSON,
// which have the ID, or a label for the file keep them apart.
//
// Decode of what an Encoder wrote gives the same batch, but for these losses:
//
//   - fields are text, and those of one LogQL name are one; names have dots
//     again only if they are of the semantic conventions that Decode knows;
//   - times are different where they had to go up, and records are in their order;
//   - labels that are not Loki's, and resource fields that are, have changed
//     places: labels are fields and fields are labels;
//   - records without any label have the service unknown_service;
//   - with Line Original or JSON the line is the body;
//   - bytes that are not UTF-8 are U+FFFD;
//   - a stream without an ID has got one.
package loki

import (
	"fmt"
	"net/http"
	"sync"

	"shipper/internal/block"
	"shipper/internal/protocol"
)

// Path is where Loki takes requests, behind its address.
const Path = "/loki/api/v1/push"

// The media types of bodies.
const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// Line is what the line of an entry is made of.
type Line uint8

// The kinds of lines.
const (
	Body     Line = iota // the record's body
	Original             // the field log.record.original; the body if there is none
	Whole                // the whole record as one JSON object (see package ndjson); it is then no metadata but level
)

// maxBlock is the size of a block before compression that an Encoder takes;
// what an agent makes is far smaller.
const maxBlock = 256 << 20

// maxScratch is the memory for a body that is kept from one to the next.
const maxScratch = 8 << 20

// Encoder is the sending half. Set its fields before its first use; it may then
// be used by several goroutines at a time.
type Encoder struct {
	// Labels are the attributes that become labels of Loki's streams, in
	// OpenTelemetry's spelling. They should have few values: each combination
	// is a stream. nil: service.name and deployment.environment.name.
	Labels []string

	Line Line

	// JSON has bodies in JSON, compressed by Compressor, which may be nil,
	// instead of protobuf in snappy.
	JSON       bool
	Compressor *protocol.Compressor

	scratch sync.Pool // of *scratch
}

// scratch is what making one body takes.
type scratch struct {
	decoder *block.Decoder
	writer  writer
	json    []byte
	snappy  *protocol.Compressor // of protobuf
}

// SplitsBlocks says that a request has one block or a part of one, so that a
// request which is sent again, by another run of the agent too, is the same.
func (e *Encoder) SplitsBlocks() bool { return true }

// Append appends the body of r, which has one block, to dst and sets its
// headers. The error wraps protocol.ErrTooLarge if the body has more than
// r.Limit bytes before compression; any other error means that the block cannot
// be read.
func (e *Encoder) Append(dst []byte, h http.Header, r *protocol.Request) ([]byte, error) {
	s, _ := e.scratch.Get().(*scratch)
	if s == nil {
		s = &scratch{decoder: block.NewDecoder(maxBlock), writer: newWriter(e), snappy: &protocol.Compressor{Encoding: "snappy"}}
	}
	defer e.scratch.Put(s)
	batches, _, err := s.decoder.All(r.Frames[0].Payload)
	if err != nil {
		return dst, err
	}
	s.writer.write(batches, r)
	body, compressor := s.writer.dst, s.snappy
	h.Set("Content-Type", protobufType)
	if e.JSON {
		if s.json, err = appendJSON(s.json[:0], body); err != nil {
			return dst, fmt.Errorf("write as JSON: %w", err)
		}
		body, compressor = s.json, e.Compressor
		h.Set("Content-Type", jsonType)
	}
	if r.Limit > 0 && len(body) > r.Limit {
		return dst, fmt.Errorf("%w: %d bytes, the limit is %d", protocol.ErrTooLarge, len(body), r.Limit)
	}
	if compressor == nil {
		dst = append(dst, body...)
	} else {
		// Loki takes protobuf to be snappy without being told.
		if e.JSON && compressor.Encoding != "" {
			h.Set("Content-Encoding", compressor.Encoding)
		}
		dst, err = compressor.Append(dst, body)
	}
	if cap(s.writer.dst) > maxScratch {
		s.writer.dst = nil
	}
	if cap(s.json) > maxScratch {
		s.json = nil
	}
	return dst, err
}
