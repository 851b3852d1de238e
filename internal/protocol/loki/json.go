package loki

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"shipper/internal/jsontext"
	"shipper/internal/protobuf"
)

// The JSON form is made of the protobuf form and into it, so that there is one
// place where records become entries, and one where entries become records:
//
//	{"streams":[{"stream":{"label":"value"},"values":[["ns","line",{"name":"value"}]]}]}

// appendJSON appends the PushRequest p as JSON.
func appendJSON(dst, p []byte) ([]byte, error) {
	dst = append(dst, `{"streams":[`...)
	start := len(dst)
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return dst, err
		}
		p = rest
		if !f.Is(1, protobuf.Bytes) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		if dst, err = appendJSONStream(dst, f.Bytes); err != nil {
			return dst, err
		}
	}
	return append(dst, "]}"...), nil
}

func appendJSONStream(dst, p []byte) ([]byte, error) {
	dst = append(dst, `{"stream":{`...)
	start, values := len(dst), false
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return dst, err
		}
		p = rest
		switch {
		case f.Is(1, protobuf.Bytes):
			err = parseLabels(f.Bytes, func(name, value string) {
				if len(dst) > start {
					dst = append(dst, ',')
				}
				dst = append(jsontext.AppendString(dst, name), ':')
				dst = jsontext.AppendString(dst, value)
			})
		case f.Is(2, protobuf.Bytes):
			sep := byte(',')
			if !values {
				values, sep = true, '['
				dst = append(dst, `},"values":`...)
			}
			dst, err = appendJSONEntry(append(dst, sep), f.Bytes)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, "]}"...), nil
}

func appendJSONEntry(dst, p []byte) ([]byte, error) {
	e, err := readEntry(p, nil)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `["`...)
	dst = strconv.AppendInt(dst, e.time, 10)
	dst = append(dst, `",`...)
	dst = jsontext.AppendString(dst, e.line)
	for i, m := range e.metadata {
		if i == 0 {
			dst = append(dst, ",{"...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, m.name), ':')
		dst = jsontext.AppendString(dst, m.value)
	}
	if len(e.metadata) > 0 {
		dst = append(dst, '}')
	}
	return append(dst, ']'), nil
}

var errJSON = errors.New("this is not the JSON of a push request")

func at(i int) error { return fmt.Errorf("byte %d: %w", i, errJSON) }

// reader reads a push request in JSON and makes a PushRequest of it.
type reader struct {
	text   []byte
	i      int
	dst    []byte
	labels []string // of the stream: name="value"
}

// toProto returns the JSON in text as a PushRequest.
func toProto(text []byte) ([]byte, error) {
	r := reader{text: text, dst: make([]byte, 0, len(text))}
	err := r.object(func(key []byte) error {
		if string(key) != `"streams"` {
			return r.skip()
		}
		return r.array(func(int) error { return r.stream() })
	})
	if err == nil && r.space() != len(text) {
		err = at(r.i)
	}
	return r.dst, err
}

func (r *reader) space() int {
	r.i = jsontext.Space(r.text, r.i)
	return r.i
}

// is passes over c, if it is what comes next.
func (r *reader) is(c byte) bool {
	if r.space() < len(r.text) && r.text[r.i] == c {
		r.i++
		return true
	}
	return false
}

// skip passes over a value.
func (r *reader) skip() error {
	end, ok := jsontext.Skip(r.text, r.space())
	if !ok {
		return at(r.i)
	}
	r.i = end
	return nil
}

// string returns the string that comes next, with its quotation marks.
func (r *reader) string() ([]byte, error) {
	start := r.space()
	if start >= len(r.text) || r.text[start] != '"' {
		return nil, at(start)
	}
	end, ok := jsontext.SkipString(r.text, start)
	if !ok {
		return nil, at(start)
	}
	r.i = end
	return r.text[start:end], nil
}

// object calls value for each member, behind its colon. Keys are as written, with
// their quotation marks.
func (r *reader) object(value func(key []byte) error) error {
	if !r.is('{') {
		return at(r.i)
	}
	if r.is('}') {
		return nil
	}
	for {
		key, err := r.string()
		if err != nil {
			return err
		}
		if !r.is(':') {
			return at(r.i)
		}
		if err := value(key); err != nil {
			return err
		}
		if r.is('}') {
			return nil
		}
		if !r.is(',') {
			return at(r.i)
		}
	}
}

// array calls value for each element.
func (r *reader) array(value func(i int) error) error {
	if !r.is('[') {
		return at(r.i)
	}
	if r.is(']') {
		return nil
	}
	for i := 0; ; i++ {
		if err := value(i); err != nil {
			return err
		}
		if r.is(']') {
			return nil
		}
		if !r.is(',') {
			return at(r.i)
		}
	}
}

// stream reads a stream; its labels can be behind its values.
func (r *reader) stream() error {
	dst, start := protobuf.Open(r.dst, 1, streamWidth)
	r.dst, r.labels = dst, r.labels[:0]
	err := r.object(func(key []byte) error {
		switch string(key) {
		case `"stream"`:
			return r.readLabels()
		case `"values"`:
			return r.array(func(int) error { return r.entry() })
		}
		return r.skip()
	})
	slices.Sort(r.labels)
	r.dst = protobuf.AppendBytes(r.dst, 1, "{"+strings.Join(r.labels, ", ")+"}")
	r.dst = protobuf.Close(r.dst, start, streamWidth)
	return err
}

func (r *reader) readLabels() error {
	return r.object(func(key []byte) error {
		value, err := r.string()
		if err != nil {
			return err
		}
		text, _, ok := jsontext.AppendText(nil, value)
		if !ok {
			return at(r.i)
		}
		name := string(key[1 : len(key)-1])
		if !isLabelName([]byte(name)) {
			name = strconv.Quote(name) // nobody takes that for a name
		}
		r.labels = append(r.labels, name+"="+strconv.Quote(string(text)))
		return nil
	})
}

// entry reads a time in nanoseconds, a line, and metadata, which need not be there.
func (r *reader) entry() error {
	dst, start := protobuf.Open(r.dst, 2, entryWidth)
	r.dst = dst
	n := 0
	err := r.array(func(i int) error {
		n = i + 1
		switch i {
		case 0:
			return r.time()
		case 1:
			return r.field(2)
		case 2:
			return r.object(r.metadata)
		}
		return at(r.i)
	})
	if err == nil && n < 2 {
		err = at(r.i)
	}
	r.dst = protobuf.Close(r.dst, start, entryWidth)
	return err
}

func (r *reader) time() error {
	text, err := r.string()
	if err != nil {
		return err
	}
	ns, err := strconv.ParseInt(string(bytes.Trim(text, `"`)), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: a time is not a number of nanoseconds", at(r.i))
	}
	r.dst = appendTimestamp(r.dst, ns)
	return nil
}

// field reads a string into a field.
func (r *reader) field(number int) error {
	text, err := r.string()
	if err != nil {
		return err
	}
	dst, start := protobuf.Open(r.dst, number, 2)
	dst, _, ok := jsontext.AppendText(dst, text)
	r.dst = protobuf.Close(dst, start, 2)
	if !ok {
		return at(r.i)
	}
	return nil
}

func (r *reader) metadata(key []byte) error {
	dst, pair := protobuf.Open(r.dst, 3, 1)
	dst, start := protobuf.Open(dst, 1, 1)
	dst, _, ok := jsontext.AppendText(dst, key)
	r.dst = protobuf.Close(dst, start, 1)
	if !ok {
		return at(r.i)
	}
	err := r.field(2)
	r.dst = protobuf.Close(r.dst, pair, 1)
	return err
}
