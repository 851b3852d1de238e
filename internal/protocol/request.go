package protocol

import (
	"errors"
	"fmt"
	"strconv"
)

// Request is what one request carries: whole blocks, or a part of one block.
// It is all that its body and its key are made of, so a Request that is sent
// again is the same to the byte.
type Request struct {
	Agent  string // 32 hexadecimal digits
	Epoch  uint32
	Frames []Frame // of contiguous sequences; at least one

	// Part says that only the records First up to, not including, End of the
	// only frame are meant.
	Part       bool
	First, End int

	// Limit bounds the body before compression, in bytes; 0 means no limit.
	Limit int
}

// Records is the number of records in r.
func (r *Request) Records() int {
	if r.Part {
		return r.End - r.First
	}
	n := 0
	for _, f := range r.Frames {
		n += f.Records
	}
	return n
}

// ErrTooLarge means that a body has more bytes than allowed.
var ErrTooLarge = errors.New("body is too large")

// TooMany says that a body has more than limit of something. It wraps ErrTooLarge.
func TooMany(what string, limit int) error {
	return fmt.Errorf("%w: more than %d %s in one request", ErrTooLarge, limit, what)
}

// AppendKey appends the Idempotency-Key: the ID of the block, agent-epoch-sequence,
// that of several blocks, agent-epoch-first-last, or that of a part of one,
// agent-epoch-sequence/first-end with the numbers of records in the block.
func (r *Request) AppendKey(dst []byte) []byte {
	first, last := r.Frames[0].Sequence, r.Frames[len(r.Frames)-1].Sequence
	dst = append(dst, r.Agent...)
	dst = append(dst, '-')
	dst = strconv.AppendUint(dst, uint64(r.Epoch), 10)
	dst = append(dst, '-')
	dst = strconv.AppendUint(dst, first, 10)
	if last != first {
		dst = append(dst, '-')
		dst = strconv.AppendUint(dst, last, 10)
	}
	if r.Part {
		dst = append(dst, '/')
		dst = strconv.AppendInt(dst, int64(r.First), 10)
		dst = append(dst, '-')
		dst = strconv.AppendInt(dst, int64(r.End), 10)
	}
	return dst
}
