// Package ndjson is the canonical record as JSON, one object a line, and both
// halves of sending such lines over HTTP. docs/schema.md describes the object.
//
// The object is flat: what the OpenTelemetry log data model calls Timestamp,
// SeverityNumber, Body and so on, what describes the place a record comes from,
// and one member "attributes" with all the rest, typed. AppendRecord writes it;
// Decode reads it, and other objects by the names that are common for time,
// message and level.
//
// Decode of what AppendRecord wrote gives the same batch, but for these losses:
//
//   - bytes that are not UTF-8 are U+FFFD;
//   - of fields with one key the last is left, of a label and a resource field
//     with one name the field; resource fields come first;
//   - white space within arrays and objects is gone; what says it is a number,
//     array or object and is not valid JSON has become a string, and a Number
//     that fits an integer an Int;
//   - a severity beyond 24, and a time source or format that has no name, are
//     as if they were not known, and a label with the name of another member
//     has "label." before it;
//   - a stream without an ID has got one.
package ndjson

import (
	"fmt"
	"net/http"
	"sync"

	"shipper/internal/block"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

// ContentType is the media type of lines.
const ContentType = "application/x-ndjson"

// maxBlock is the size of a block before compression that an Encoder takes;
// what an agent makes is far smaller.
const maxBlock = 256 << 20

// Form is what a body is made of.
type Form uint8

// The forms of a body.
const (
	Lines Form = iota // an object a line
	Array             // one JSON array of objects
	Bulk              // lines for the bulk API of Elasticsearch and OpenSearch: see bulk.go
)

// Encoder is the sending half: it makes bodies of blocks and judges answers.
// It may be used by several goroutines at a time.
type Encoder struct {
	form       Form
	compressor *protocol.Compressor
	scratch    sync.Pool // of *scratch
}

// scratch is what making one body takes.
type scratch struct {
	decoder *block.Decoder
	body    []byte
}

// maxScratch is the memory for a body that is kept from one to the next.
const maxScratch = 8 << 20

// NewEncoder returns an Encoder of bodies of the given form and content
// encoding: zstd, gzip or none.
func NewEncoder(form Form, encoding string) (*Encoder, error) {
	c, err := protocol.NewCompressor(encoding)
	if err != nil {
		return nil, err
	}
	return &Encoder{form: form, compressor: c}, nil
}

// SplitsBlocks says that a request has one block or a part of one. A receiver
// that remembers keys then knows a block again whatever it is sent with.
func (e *Encoder) SplitsBlocks() bool { return true }

// Append appends the body of r, which has one block, to dst and sets its
// headers. The error wraps protocol.ErrTooLarge if the body has more than
// r.Limit bytes; any other error means that the block cannot be read.
func (e *Encoder) Append(dst []byte, h http.Header, r *protocol.Request) ([]byte, error) {
	s, _ := e.scratch.Get().(*scratch)
	if s == nil {
		s = &scratch{decoder: block.NewDecoder(maxBlock)}
	}
	defer e.scratch.Put(s)
	body := s.body[:0]
	n, taken := 0, 0
	err := s.decoder.Decode(r.Frames[0].Payload, func(b *record.Batch) error {
		for i := range b.Records {
			if !r.Part || n >= r.First && n < r.End {
				body = e.appendItem(body, b, &b.Records[i], taken == 0)
				taken++
			}
			n++
			if r.Limit > 0 && (len(body) > r.Limit || e.form == Bulk && taken > maxItems) {
				return fmt.Errorf("%w: more than %d bytes or %d records", protocol.ErrTooLarge, r.Limit, maxItems)
			}
		}
		return nil
	})
	if e.form == Array {
		body = append(body, ']')
	}
	if cap(body) <= maxScratch {
		s.body = body
	}
	if err != nil {
		return dst, err
	}
	h.Set("Content-Type", ContentType)
	if e.form == Array {
		h.Set("Content-Type", "application/json")
	}
	if e.compressor.Encoding != "" {
		h.Set("Content-Encoding", e.compressor.Encoding)
	}
	return e.compressor.Append(dst, body)
}

// appendItem appends one record with what is around it.
func (e *Encoder) appendItem(dst []byte, b *record.Batch, r *record.Record, first bool) []byte {
	switch e.form {
	case Array:
		if first {
			dst = append(dst, '[')
		} else {
			dst = append(dst, ',')
		}
		return AppendRecord(dst, b, r)
	case Bulk:
		dst = appendCreate(dst, b, r)
	default:
		dst = AppendRecord(dst, b, r)
	}
	return append(dst, '\n')
}

// Verdict judges the answer to r. Any 2xx is an ack of all records, unless the
// body is the JSON object of WriteVerdict and says that some were lost. The bulk
// API has a verdict for each record.
func (e *Encoder) Verdict(r *protocol.Request, code int, h http.Header, body []byte) protocol.Verdict {
	v := protocol.Judge(code, h, body)
	if e.form == Bulk && v.Outcome == protocol.Accepted {
		return judgeBulk(body, r.Records())
	}
	if v.Outcome == protocol.Accepted {
		v.Lost = protocol.Lost(body)
	}
	return v
}
