// Package native is the protocol between agent and indexer: both halves of it.
// A body is blocks as they are in the queue, so that neither side compresses or
// parses anything for the way between them. docs/protocol.md has the bytes.
//
// A request has the blocks of one agent and epoch, of contiguous sequences:
//
//	Content-Type    application/vnd.shipper.native.v1
//	Shipper-Agent   32 lower-case hexadecimal digits
//	Shipper-Epoch   decimal, 32 bits
//
// The answer 200 means that all of them are durable. Its body is a Reply, so
// that an answer that was cut off, or is somebody else's, is no ack.
package native

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"

	"shipper/internal/protocol"
)

// The names on the wire.
const (
	ContentType = "application/vnd.shipper.native.v1"
	AgentHeader = "Shipper-Agent"
	EpochHeader = "Shipper-Epoch"
)

// Path is where an indexer takes requests, behind its base URL.
const Path = "/api/v1/native"

// maxRaw bounds the bytes of a block before compression that a sender may name.
const maxRaw = 1 << 28

// MaxFrames is how many frames a body may have: each one costs the receiver more
// than its few bytes.
const MaxFrames = 4096

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrMalformed is wrapped by the errors of Decode and Sender.
var ErrMalformed = errors.New("malformed request")

// AppendFrame appends a block as it travels: uvarint sequence, uvarint records,
// uvarint bytes before compression, uvarint bytes of the payload, the payload,
// and the CRC-32C of all that, 4 bytes, little endian.
func AppendFrame(dst []byte, f protocol.Frame) []byte {
	start := len(dst)
	dst = binary.AppendUvarint(dst, f.Sequence)
	dst = binary.AppendUvarint(dst, uint64(max(f.Records, 0)))
	dst = binary.AppendUvarint(dst, uint64(max(f.Raw, 0)))
	dst = binary.AppendUvarint(dst, uint64(len(f.Payload)))
	dst = append(dst, f.Payload...)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// Decode calls emit for each frame of body, in order. Payloads point into body.
// It checks every bound and checksum before it calls emit for the first time,
// so a body is taken in as a whole or not at all. An error of emit ends it; more
// than MaxFrames frames are a protocol.ErrTooLarge; any other error wraps ErrMalformed.
func Decode(body []byte, emit func(protocol.Frame) error) error {
	last, n := uint64(0), 0
	for rest := body; ; {
		if n++; n > MaxFrames {
			return errFrames
		}
		f, after, err := next(rest)
		if err != nil {
			return fmt.Errorf("%w: frame at byte %d: %w", ErrMalformed, len(body)-len(rest), err)
		}
		if last != 0 && f.Sequence != last+1 {
			return fmt.Errorf("%w: block %d behind block %d", ErrMalformed, f.Sequence, last)
		}
		if last, rest = f.Sequence, after; len(rest) == 0 {
			break
		}
	}
	for len(body) > 0 {
		f, after := frame(body)
		if err := emit(f); err != nil {
			return err
		}
		body = after
	}
	return nil
}

// errFrames refuses what has more than MaxFrames frames, on both sides.
var errFrames = fmt.Errorf("%w: more than %d blocks", protocol.ErrTooLarge, MaxFrames)

var (
	errEnd      = errors.New("it ends in the middle")
	errNumber   = errors.New("a number is not a shortest uvarint")
	errRange    = errors.New("a number is out of range")
	errChecksum = errors.New("the checksum is wrong")
)

// next reads and checks the frame at the start of p.
func next(p []byte) (f protocol.Frame, rest []byte, err error) {
	at := 0
	var numbers [4]uint64
	for i := range numbers {
		n, w := binary.Uvarint(p[at:])
		switch {
		case w == 0:
			return f, nil, errEnd
		case w < 0, w > 1 && p[at+w-1] == 0:
			return f, nil, errNumber
		}
		numbers[i] = n
		at += w
	}
	sequence, records, raw, size := numbers[0], numbers[1], numbers[2], numbers[3]
	// A record has more than one byte, and no block more of them than maxRaw.
	if sequence == 0 || raw > maxRaw || records > raw || size == 0 {
		return f, nil, errRange
	}
	if len(p)-at < crc32.Size || size > uint64(len(p)-at-crc32.Size) {
		return f, nil, errEnd
	}
	end := at + int(size)
	if crc32.Checksum(p[:end], castagnoli) != binary.LittleEndian.Uint32(p[end:]) {
		return f, nil, errChecksum
	}
	f = protocol.Frame{Sequence: sequence, Records: int(records), Raw: int(raw), Payload: p[at:end:end]}
	return f, p[end+crc32.Size:], nil
}

// frame reads the frame at the start of p, which next has checked.
func frame(p []byte) (f protocol.Frame, rest []byte) {
	at := 0
	number := func() uint64 {
		n, w := binary.Uvarint(p[at:])
		at += w
		return n
	}
	f.Sequence, f.Records, f.Raw = number(), int(number()), int(number())
	end := int(number())
	end += at
	f.Payload = p[at:end:end]
	return f, p[end+crc32.Size:]
}

// Sender reads from the headers whose blocks a request has.
func Sender(h http.Header) (agent string, epoch uint32, err error) {
	agent = h.Get(AgentHeader)
	if len(agent) != 32 || strings.Trim(agent, "0123456789abcdef") != "" {
		return "", 0, fmt.Errorf("%w: %s is not 32 lower-case hexadecimal digits", ErrMalformed, AgentHeader)
	}
	n, err := strconv.ParseUint(h.Get(EpochHeader), 10, 32)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %s is not a number of 32 bits", ErrMalformed, EpochHeader)
	}
	return agent, uint32(n), nil
}

// Reply is the body of a 200.
type Reply struct {
	// Through is the highest sequence such that all blocks of the request up
	// to it are durable.
	Through  uint64 `json:"through"`
	Stored   int    `json:"stored"`         // blocks that were new
	Repeated int    `json:"repeated"`       // blocks that had been stored before
	Lost     int    `json:"lost,omitempty"` // records that were dropped on purpose
}

// WriteReply answers with a 200 and r.
func WriteReply(w http.ResponseWriter, r Reply) error {
	return protocol.WriteJSON(w, http.StatusOK, r)
}

// Encoder is the sending half. It has no state.
type Encoder struct{}

// SplitsBlocks says that a request has whole blocks only, as many as fit: the
// receiver knows each one by its number.
func (Encoder) SplitsBlocks() bool { return false }

// Append appends the body of r to dst and sets its headers. It fails with
// protocol.ErrTooLarge if r has more than MaxFrames blocks.
func (Encoder) Append(dst []byte, h http.Header, r *protocol.Request) ([]byte, error) {
	if len(r.Frames) > MaxFrames {
		return dst, errFrames
	}
	for _, f := range r.Frames {
		dst = AppendFrame(dst, f)
	}
	h.Set("Content-Type", ContentType)
	h.Set(AgentHeader, r.Agent)
	h.Set(EpochHeader, strconv.FormatUint(uint64(r.Epoch), 10))
	return dst, nil
}

// Verdict judges the answer to r. A 2xx without a whole Reply that covers all
// blocks of r is a Retry.
func (Encoder) Verdict(r *protocol.Request, code int, h http.Header, body []byte) protocol.Verdict {
	v := protocol.Judge(code, h, body)
	if v.Outcome != protocol.Accepted {
		return v
	}
	var reply Reply
	last := r.Frames[len(r.Frames)-1].Sequence
	if err := json.Unmarshal(body, &reply); err != nil || reply.Through == 0 {
		return protocol.Verdict{Reason: strconv.Itoa(code) + " without a whole answer of an indexer: is this the right url?"}
	}
	if reply.Through < last {
		return protocol.Verdict{Reason: fmt.Sprintf("%d, but block %d of %d to %d is the last that is stored",
			code, reply.Through, r.Frames[0].Sequence, last)}
	}
	v.Lost = max(reply.Lost, 0)
	return v
}
