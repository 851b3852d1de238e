package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"

	"shipper/internal/jsontext"
	"shipper/internal/protobuf"
)

// The JSON form of the protocol is made of the protobuf form and into it, so
// that there is one place where records become messages, and one where messages
// become records.

// appendJSON appends p, a message of kind m, as JSON. Fields of a repeated
// member have to be behind each other; members that are not known are left out.
func appendJSON(dst, p []byte, m message) ([]byte, error) {
	dst = append(dst, '{')
	start, open := len(dst), 0 // open is the number of the member whose array is not closed
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return dst, err
		}
		p = rest
		to := memberByNumber(m, f.Number)
		if to == nil {
			continue
		}
		if open != 0 && open != f.Number {
			dst = append(dst, ']')
			open = 0
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		if open == 0 {
			dst = append(append(append(dst, '"'), to.name...), '"', ':')
			if to.repeated {
				dst = append(dst, '[')
				open = f.Number
			}
		}
		if dst, err = appendJSONOf(dst, &f, to); err != nil {
			return dst, err
		}
	}
	if open != 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}'), nil
}

// appendJSONOf appends the value of one field.
func appendJSONOf(dst []byte, f *protobuf.Field, to *member) ([]byte, error) {
	switch to.kind {
	case kindMessage:
		return appendJSON(dst, f.Bytes, to.message)
	case kindText:
		return jsontext.AppendString(dst, f.Bytes), nil
	case kindBool:
		return strconv.AppendBool(dst, f.Value != 0), nil
	case kindNumber, kindFixed32:
		return strconv.AppendUint(dst, f.Value, 10), nil
	case kindLong:
		dst = strconv.AppendInt(append(dst, '"'), int64(f.Value), 10)
	case kindFixed64:
		dst = strconv.AppendUint(append(dst, '"'), f.Value, 10)
	case kindDouble:
		v := math.Float64frombits(f.Value)
		switch {
		case math.IsNaN(v):
			return append(dst, `"NaN"`...), nil
		case math.IsInf(v, 0):
			if v < 0 {
				return append(dst, `"-Infinity"`...), nil
			}
			return append(dst, `"Infinity"`...), nil
		}
		return strconv.AppendFloat(dst, v, 'g', -1, 64), nil
	case kindHex:
		dst = hex.AppendEncode(append(dst, '"'), f.Bytes)
	case kindBase64:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), f.Bytes)
	}
	return append(dst, '"'), nil
}

// maxMessages is how deep messages may be within each other in JSON.
const maxMessages = 256

var errJSON = errors.New("this is not the JSON that was expected")

// appendProto appends the fields of the JSON object at text[i], a message of
// kind m, and returns the index behind it. Unknown members are passed over, as
// they are in protobuf, and null is none.
func appendProto(dst, text []byte, i int, m message, depth int) ([]byte, int, error) {
	i = jsontext.Space(text, i)
	if i >= len(text) || text[i] != '{' || depth > maxMessages {
		return dst, i, at(i, errJSON)
	}
	i = jsontext.Space(text, i+1)
	if i < len(text) && text[i] == '}' {
		return dst, i + 1, nil
	}
	for {
		if i >= len(text) || text[i] != '"' {
			return dst, i, at(i, errJSON)
		}
		end, ok := jsontext.SkipString(text, i)
		if !ok {
			return dst, i, at(i, errJSON)
		}
		to := memberByName(m, text[i+1:end-1])
		if i = jsontext.Space(text, end); i >= len(text) || text[i] != ':' {
			return dst, i, at(i, errJSON)
		}
		var err error
		if dst, i, err = appendProtoOf(dst, text, jsontext.Space(text, i+1), to, depth); err != nil {
			return dst, i, err
		}
		i = jsontext.Space(text, i)
		switch {
		case i < len(text) && text[i] == ',':
			i = jsontext.Space(text, i+1)
		case i < len(text) && text[i] == '}':
			return dst, i + 1, nil
		default:
			return dst, i, at(i, errJSON)
		}
	}
}

func at(i int, err error) error { return fmt.Errorf("byte %d: %w", i, err) }

// appendProtoOf appends the value at text[i] of a member, nil if it is not known.
func appendProtoOf(dst, text []byte, i int, to *member, depth int) ([]byte, int, error) {
	if to == nil || i < len(text) && text[i] == 'n' {
		end, ok := jsontext.Skip(text, i)
		if !ok || to != nil && string(text[i:end]) != "null" {
			return dst, i, at(i, errJSON)
		}
		return dst, end, nil
	}
	if !to.repeated {
		return appendProtoValue(dst, text, i, to, depth)
	}
	if i >= len(text) || text[i] != '[' {
		return dst, i, at(i, errJSON)
	}
	i = jsontext.Space(text, i+1)
	if i < len(text) && text[i] == ']' {
		return dst, i + 1, nil
	}
	for {
		var err error
		if dst, i, err = appendProtoValue(dst, text, i, to, depth); err != nil {
			return dst, i, err
		}
		i = jsontext.Space(text, i)
		switch {
		case i < len(text) && text[i] == ',':
			i = jsontext.Space(text, i+1)
		case i < len(text) && text[i] == ']':
			return dst, i + 1, nil
		default:
			return dst, i, at(i, errJSON)
		}
	}
}

// appendProtoValue appends one field.
func appendProtoValue(dst, text []byte, i int, to *member, depth int) ([]byte, int, error) {
	if to.kind == kindMessage {
		dst, start := protobuf.Open(dst, to.number, 2)
		dst, i, err := appendProto(dst, text, i, to.message, depth+1)
		return protobuf.Close(dst, start, 2), i, err
	}
	end, ok := jsontext.Skip(text, i)
	if !ok || text[i] == '{' || text[i] == '[' {
		return dst, i, at(i, errJSON)
	}
	dst, ok = appendProtoScalar(dst, text[i:end], to)
	if !ok {
		return dst, i, at(i, fmt.Errorf("%w: the value of %s", errJSON, to.name))
	}
	return dst, end, nil
}

// appendProtoScalar appends a field with the JSON value s.
func appendProtoScalar(dst, s []byte, to *member) ([]byte, bool) {
	text, quoted := s, s[0] == '"'
	if quoted {
		text = s[1 : len(s)-1]
	}
	switch to.kind {
	case kindText:
		if !quoted {
			return dst, false
		}
		return appendString(dst, to.number, s)
	case kindBool:
		if string(s) == "true" {
			return protobuf.AppendUint(dst, to.number, 1), true
		}
		return protobuf.AppendUint(dst, to.number, 0), string(s) == "false"
	case kindNumber, kindFixed32:
		v, err := strconv.ParseUint(string(text), 10, 32)
		if to.kind == kindFixed32 {
			return protobuf.AppendFixed32(dst, to.number, uint32(v)), err == nil
		}
		return protobuf.AppendUint(dst, to.number, v), err == nil
	case kindLong:
		v, err := strconv.ParseInt(string(text), 10, 64)
		return protobuf.AppendUint(dst, to.number, uint64(v)), err == nil
	case kindFixed64:
		v, err := strconv.ParseUint(string(text), 10, 64)
		return protobuf.AppendFixed64(dst, to.number, v), err == nil
	case kindDouble:
		v, err := strconv.ParseFloat(string(text), 64)
		if !quoted && !jsontext.IsNumber(text) {
			return dst, false
		}
		return protobuf.AppendFixed64(dst, to.number, math.Float64bits(v)), err == nil
	case kindHex:
		v, err := hex.AppendDecode(nil, text)
		return protobuf.AppendBytes(dst, to.number, v), quoted && err == nil
	}
	v, err := base64.StdEncoding.AppendDecode(nil, text)
	return protobuf.AppendBytes(dst, to.number, v), quoted && err == nil
}

// toProto returns the JSON object in text as a message of kind m.
func toProto(dst, text []byte, m message) ([]byte, error) {
	dst, i, err := appendProto(dst, text, 0, m, 0)
	if err == nil && jsontext.Space(text, i) != len(text) {
		err = at(i, errJSON)
	}
	return dst, err
}

// floatText appends v as JSON has it, so that it is still seen to be none of
// the integers. It reports whether v is a number.
func floatText(dst []byte, v float64) ([]byte, bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.AppendFloat(dst, v, 'g', -1, 64), false
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst, true
		}
	}
	return append(dst, '.', '0'), true
}
