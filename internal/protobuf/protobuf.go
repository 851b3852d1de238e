// Package protobuf reads and writes the wire format of Protocol Buffers
// (https://protobuf.dev/programming-guides/encoding/), field by field. There are
// no messages here: a protocol knows the numbers of its fields.
//
// Messages are written straight into the body they are part of. Open leaves room
// for the length, Close fills it in and moves the message if the room was not
// right.
package protobuf

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// Type is a wire type.
type Type uint8

// The wire types. Groups, which are deprecated, are not read.
const (
	Varint  Type = 0
	Fixed64 Type = 1
	Bytes   Type = 2
	Fixed32 Type = 5
)

// ErrMalformed means that bytes are no fields.
var ErrMalformed = errors.New("malformed protobuf")

// Size returns how many bytes v has as a varint.
func Size(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// AppendTag appends what is before the value of a field.
func AppendTag(dst []byte, number int, t Type) []byte {
	return binary.AppendUvarint(dst, uint64(number)<<3|uint64(t))
}

// AppendUint appends a varint field.
func AppendUint(dst []byte, number int, v uint64) []byte {
	return binary.AppendUvarint(AppendTag(dst, number, Varint), v)
}

// AppendFixed64 appends a field of eight bytes.
func AppendFixed64(dst []byte, number int, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(AppendTag(dst, number, Fixed64), v)
}

// AppendFixed32 appends a field of four bytes.
func AppendFixed32(dst []byte, number int, v uint32) []byte {
	return binary.LittleEndian.AppendUint32(AppendTag(dst, number, Fixed32), v)
}

// AppendBytes appends a field of bytes, text or a message.
func AppendBytes[T string | []byte](dst []byte, number int, v T) []byte {
	dst = AppendTag(dst, number, Bytes)
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	return append(dst, v...)
}

// Open appends the tag of a message and room for a length of width bytes, 1 to
// 5. What is appended until Close gets the start that is returned is the message.
func Open(dst []byte, number, width int) (out []byte, start int) {
	dst = AppendTag(dst, number, Bytes)
	dst = append(dst, "\x00\x00\x00\x00\x00"[:width]...)
	return dst, len(dst)
}

// Close ends the message that Open began with the same width. The length is in
// its shortest form; if it does not have width bytes, the message is moved.
func Close(dst []byte, start, width int) []byte {
	n := len(dst) - start
	size := Size(uint64(n))
	switch {
	case size < width:
		copy(dst[start-width+size:], dst[start:])
		dst = dst[:len(dst)-width+size]
	case size > width:
		dst = append(dst, "\x00\x00\x00\x00\x00\x00\x00\x00\x00"[:size-width]...)
		copy(dst[start-width+size:], dst[start:start+n])
	}
	binary.PutUvarint(dst[start-width:start-width+size], uint64(n))
	return dst
}

// Field is a field as it was read.
type Field struct {
	Number int
	Type   Type
	Value  uint64 // of Varint, Fixed64 and Fixed32
	Bytes  []byte // of Bytes; a part of what was read
}

// Is reports whether f is the field of that number and has that type. A field
// with a known number and another type is as good as an unknown one.
func (f *Field) Is(number int, t Type) bool { return f.Number == number && f.Type == t }

// Each calls fn with the bytes of each field of a message that has that number and
// bytes. It fails with ErrMalformed, or as fn does.
func Each(message []byte, number int, fn func([]byte) error) error {
	for len(message) > 0 {
		f, rest, err := Next(message)
		if err != nil {
			return err
		}
		message = rest
		if !f.Is(number, Bytes) {
			continue
		}
		if err := fn(f.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// Next reads the field at the start of p, which is not empty, and returns what
// is behind it. The error is ErrMalformed.
func Next(p []byte) (f Field, rest []byte, err error) {
	tag, n := binary.Uvarint(p)
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return f, nil, ErrMalformed
	}
	p = p[n:]
	f.Number, f.Type = int(tag>>3), Type(tag&7)
	switch f.Type {
	case Varint:
		if f.Value, n = binary.Uvarint(p); n <= 0 {
			return f, nil, ErrMalformed
		}
		return f, p[n:], nil
	case Fixed64:
		if len(p) < 8 {
			return f, nil, ErrMalformed
		}
		f.Value = binary.LittleEndian.Uint64(p)
		return f, p[8:], nil
	case Fixed32:
		if len(p) < 4 {
			return f, nil, ErrMalformed
		}
		f.Value = uint64(binary.LittleEndian.Uint32(p))
		return f, p[4:], nil
	case Bytes:
		size, n := binary.Uvarint(p)
		if n <= 0 || size > uint64(len(p)-n) {
			return f, nil, ErrMalformed
		}
		end := n + int(size)
		f.Bytes = p[n:end:end]
		return f, p[end:], nil
	}
	return f, nil, ErrMalformed
}
