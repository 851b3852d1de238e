package otlp

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"

	"shipper/internal/jsontext"
	"shipper/internal/protobuf"
	"shipper/internal/record"
)

// Tags of the fields of AnyValue, one of which it has; none is null.
const (
	anyString = 1<<3 | 2
	anyBool   = 2 << 3
	anyInt    = 3 << 3
	anyDouble = 4<<3 | 1
	anyArray  = 5 // numbers of messages
	anyKVList = 6
	anyBytes  = 7
)

// maxDepth is how deep arrays and objects are within each other; what is deeper
// is text. Each takes up to four messages, and some readers of protobuf take a
// hundred.
const maxDepth = 16

// appendField appends what is behind the tag of a KeyValue. key is KeyValue.key
// as it is written.
func (w *writer) appendField(dst, key []byte, f record.Field) []byte {
	switch f.Kind {
	case record.Int:
		n := 1 + protobuf.Size(uint64(f.Int()))
		dst = binary.AppendUvarint(dst, uint64(len(key)+2+n))
		dst = append(dst, key...)
		dst = append(dst, tagValue, byte(n), anyInt)
		return binary.AppendUvarint(dst, uint64(f.Int()))
	case record.String:
		s := w.text(f.Val)
		if n := len(key) + 4 + len(s); n < 0x80 { // then so are the other lengths
			dst = append(dst, byte(n))
			dst = append(dst, key...)
			dst = append(dst, tagValue, byte(2+len(s)), anyString, byte(len(s)))
			return append(dst, s...)
		}
		dst = appendValueHead(dst, key, len(s))
		return append(dst, s...)
	}
	// The length of these is not known before.
	var scratch [24]byte
	value := scratch[:0]
	switch f.Kind {
	case record.Bool:
		value = append(value, anyBool, byte(f.Val.Len&1))
	case record.Number:
		if out, ok := appendNumber(value, w.b.Bytes(f.Val)); ok {
			value = out
			break
		}
		f.Kind = record.String
		return w.appendField(dst, key, f)
	case record.JSON:
		return w.appendJSONField(dst, key, f)
	}
	dst = binary.AppendUvarint(dst, uint64(len(key)+2+len(value)))
	dst = append(dst, key...)
	dst = append(dst, tagValue, byte(len(value)))
	return append(dst, value...)
}

// appendNumber appends an AnyValue of a JSON number: an integer of 64 bits or a
// finite float64. It reports whether it is one.
func appendNumber(dst, text []byte) ([]byte, bool) {
	if v, ok := shortFraction(text); ok {
		return binary.LittleEndian.AppendUint64(append(dst, anyDouble), math.Float64bits(v)), true
	}
	if !jsontext.IsNumber(text) {
		return dst, false
	}
	if !bytes.ContainsAny(text, ".eE") {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return dst, false // no int64, and as a float64 not exact
		}
		return binary.AppendUvarint(append(dst, anyInt), uint64(n)), true
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return dst, false
	}
	return binary.LittleEndian.AppendUint64(append(dst, anyDouble), math.Float64bits(v)), true
}

// tens are powers of ten that a float64 has exactly.
var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortFraction reads a JSON number that is at most 15 digits with a point between
// two of them. They and the power of ten are exact, so the quotient is the nearest
// float64.
func shortFraction(text []byte) (float64, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	if len(text) < 3 || len(text) > 16 || text[0] == '0' && text[1] != '.' {
		return 0, false
	}
	n, point := int64(0), 0
	for i, c := range text {
		switch {
		case c-'0' <= 9:
			n = n*10 + int64(c-'0')
		case c == '.' && point == 0:
			point = i
		default:
			return 0, false
		}
	}
	if point == 0 || point == len(text)-1 {
		return 0, false
	}
	v := float64(n) / tens[len(text)-1-point]
	if negative {
		v = -v
	}
	return v, true
}

// appendJSONField appends an array or object, or text if it is none.
func (w *writer) appendJSONField(dst, key []byte, f record.Field) []byte {
	text := w.b.Bytes(f.Val)
	before := len(dst)
	// The length of a KeyValue has no tag here: the caller has written it.
	dst = append(dst, 0, 0)
	start := len(dst)
	dst = append(dst, key...)
	dst, value := protobuf.Open(dst, 2, 2)
	out, end, ok := appendJSONValue(dst, text, jsontext.Space(text, 0), 0)
	if !ok || jsontext.Space(text, end) != len(text) {
		f.Kind = record.String
		return w.appendField(dst[:before], key, f)
	}
	dst = protobuf.Close(out, value, 2)
	return protobuf.Close(dst, start, 2)
}

// appendJSONValue appends the AnyValue of the JSON value at text[i].
func appendJSONValue(dst, text []byte, i, depth int) ([]byte, int, bool) {
	end, ok := i, false
	if i >= len(text) {
		return dst, i, false
	}
	switch text[i] {
	case '[', '{':
		if depth < maxDepth {
			return appendNested(dst, text, i, depth)
		}
		if end, ok = jsontext.Skip(text, i); !ok {
			return dst, i, false
		}
		dst = append(dst, anyString)
		return appendText(dst, text[i:end]), end, true
	case '"':
		if end, ok = jsontext.SkipString(text, i); !ok {
			return dst, i, false
		}
		dst, ok = appendString(dst, 1, text[i:end])
		return dst, end, ok
	}
	if end, ok = jsontext.Skip(text, i); !ok {
		return dst, i, false
	}
	switch string(text[i:end]) {
	case "null":
		return dst, end, true
	case "true":
		return append(dst, anyBool, 1), end, true
	case "false":
		return append(dst, anyBool, 0), end, true
	}
	if !jsontext.IsNumber(text[i:end]) {
		return dst, end, false
	}
	if dst, ok = appendNumber(dst, text[i:end]); !ok {
		dst = appendText(append(dst, anyString), text[i:end])
	}
	return dst, end, true
}

// appendString appends a field with what the JSON string s stands for.
func appendString(dst []byte, number int, s []byte) ([]byte, bool) {
	dst, start := protobuf.Open(dst, number, 1)
	dst, _, ok := jsontext.AppendText(dst, s)
	return protobuf.Close(dst, start, 1), ok
}

// appendNested appends the AnyValue of the array or object at text[i].
func appendNested(dst, text []byte, i, depth int) ([]byte, int, bool) {
	object, end := text[i] == '{', text[i]+2 // ']' and '}' are two behind '[' and '{'
	number := anyArray
	if object {
		number = anyKVList
	}
	dst, list := protobuf.Open(dst, number, 2)
	i = jsontext.Space(text, i+1)
	if i < len(text) && text[i] == end {
		return protobuf.Close(dst, list, 2), i + 1, true
	}
	for ok := true; ; {
		at := 0
		dst, at = protobuf.Open(dst, 1, 1) // ArrayValue.values, KeyValueList.values
		if object {
			dst, i, ok = appendMember(dst, text, i, depth)
		} else {
			dst, i, ok = appendJSONValue(dst, text, i, depth+1)
		}
		if !ok {
			return dst, i, false
		}
		dst = protobuf.Close(dst, at, 1)
		i = jsontext.Space(text, i)
		switch {
		case i < len(text) && text[i] == ',':
			i = jsontext.Space(text, i+1)
		case i < len(text) && text[i] == end:
			return protobuf.Close(dst, list, 2), i + 1, true
		default:
			return dst, i, false
		}
	}
}

// appendMember appends the KeyValue of the member at text[i].
func appendMember(dst, text []byte, i, depth int) ([]byte, int, bool) {
	if i >= len(text) || text[i] != '"' {
		return dst, i, false
	}
	end, ok := jsontext.SkipString(text, i)
	if !ok {
		return dst, i, false
	}
	if dst, ok = appendString(dst, 1, text[i:end]); !ok {
		return dst, i, false
	}
	if i = jsontext.Space(text, end); i >= len(text) || text[i] != ':' {
		return dst, i, false
	}
	dst, at := protobuf.Open(dst, 2, 1)
	dst, i, ok = appendJSONValue(dst, text, jsontext.Space(text, i+1), depth+1)
	return protobuf.Close(dst, at, 1), i, ok
}
