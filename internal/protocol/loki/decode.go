package loki

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"shipper/internal/jsontext"
	"shipper/internal/protobuf"
	"shipper/internal/protocol"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
)

// What one body may become, so that a small one cannot take many times its size
// in memory.
const (
	maxRecords = 1 << 17
	maxStreams = 4096 // batches
	maxLabels  = 1024 // of one stream

	maxMetadata = 1 << 14 // of one entry
)

// Decode calls emit for each stream in body with all its records, once body is
// known to be sound as a whole. The batches do not point into body, stay valid
// after emit, and are the receiver's. contentType is that of the request: JSON,
// or protobuf that was taken out of its snappy block (see Encoding); with any
// other the error wraps protocol.ErrMediaType. An error of emit ends it.
//
// The verdict is Accepted. Its Lost counts the entries that cannot be taken,
// because their time is not in the years 1677 to 2262 or the labels of their stream
// are none, and its Reason names the first of them. A record without an ID of ours belongs to a stream that is
// this body, so that the same body always has the same IDs.
func Decode(contentType string, body []byte, emit func(*record.Batch) error) (protocol.Verdict, error) {
	request := body
	switch protocol.MediaType(contentType) {
	case protobufType:
	case jsonType:
		var err error
		if request, err = toProto(body); err != nil {
			return protocol.Verdict{}, err
		}
	default:
		return protocol.Verdict{}, fmt.Errorf("%w %q: use %s or %s", protocol.ErrMediaType, contentType, protobufType, jsonType)
	}
	d := decoder{body: body, now: time.Now().UnixNano(), streams: map[string]*record.Batch{}}
	if err := d.request(request); err != nil {
		return protocol.Verdict{}, err
	}
	for _, b := range d.order {
		if err := emit(b); err != nil {
			return protocol.Verdict{}, err
		}
	}
	return protocol.Verdict{Outcome: protocol.Accepted, Lost: d.lost, Reason: d.reason}, nil
}

// Encoding returns the content encoding of a body by the headers of its
// request: protobuf is in a snappy block, said or not.
func Encoding(contentType, contentEncoding string) string {
	if protocol.MediaType(contentType) == protobufType && (contentEncoding == "" || contentEncoding == "identity") {
		return "snappy"
	}
	return contentEncoding
}

// decoder makes batches of a PushRequest.
type decoder struct {
	body []byte
	now  int64

	order   []*record.Batch
	streams map[string]*record.Batch // by labels and ID

	records int
	lost    int
	reason  string

	labels []record.Label // of the stream being read
	name   []byte         // of it
	level  []byte         // a label of it

	ownID    []byte        // of the stream that is the body
	last     *record.Batch // the batch of lastKey
	lastKey  []byte
	key      []byte // scratch
	metadata []pair // scratch
}

// pair is a name and a value.
type pair struct{ name, value []byte }

func (d *decoder) request(p []byte) error { return protobuf.Each(p, 1, d.stream) }

// stream reads a StreamAdapter: its labels first, wherever they are.
func (d *decoder) stream(p []byte) error {
	var labels []byte
	if err := protobuf.Each(p, 1, func(text []byte) error { labels = text; return nil }); err != nil {
		return err
	}
	refused := d.readLabels(labels)
	return protobuf.Each(p, 2, func(entry []byte) error { return d.entry(entry, refused) })
}

// lose counts the entry being read as one that cannot be taken.
func (d *decoder) lose(reason string) {
	if d.lost++; d.lost == 1 {
		d.reason = fmt.Sprintf("entry %d ignored, reason: '%s'", d.records, reason)
	}
}

// readLabels takes the labels of a stream, in OpenTelemetry's spelling.
func (d *decoder) readLabels(p []byte) error {
	d.labels, d.level = nil, nil
	err := parseLabels(p, func(name, value string) {
		if name == "level" {
			d.level = []byte(value)
		}
		if name == "service_name" && value == unknownService || value == "" {
			return
		}
		if len(d.labels) > maxLabels {
			return
		}
		d.labels = append(d.labels, record.Label{Name: attributeOf(name), Value: strings.ToValidUTF8(value, "\uFFFD")})
	})
	if err != nil {
		return err
	}
	if len(d.labels) > maxLabels {
		return fmt.Errorf("a stream has more than %d labels", maxLabels)
	}
	slices.Reverse(d.labels) // the last one of a name is left
	slices.SortStableFunc(d.labels, func(a, b record.Label) int { return strings.Compare(a.Name, b.Name) })
	d.labels = slices.CompactFunc(d.labels, func(a, b record.Label) bool { return a.Name == b.Name })
	d.name = d.name[:0]
	for _, l := range d.labels {
		d.name = protobuf.AppendBytes(d.name, 1, l.Name)
		d.name = protobuf.AppendBytes(d.name, 2, l.Value)
	}
	return nil
}

// pushed is an EntryAdapter as it is read.
type pushed struct {
	time     int64
	far      bool // the time does not fit
	line     []byte
	metadata []pair
}

// readEntry reads an EntryAdapter. Its metadata is in the memory of dst.
func readEntry(p []byte, dst []pair) (e pushed, err error) {
	e.metadata = dst[:0]
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return e, err
		}
		p = rest
		switch {
		case f.Is(1, protobuf.Bytes):
			e.time, e.far, err = readTimestamp(f.Bytes)
		case f.Is(2, protobuf.Bytes):
			e.line = f.Bytes
		case f.Is(3, protobuf.Bytes):
			var m pair
			m, err = readPair(f.Bytes)
			if len(e.metadata) == maxMetadata {
				return e, fmt.Errorf("an entry has more than %d pairs of metadata", maxMetadata)
			}
			e.metadata = append(e.metadata, m)
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

func readPair(p []byte) (m pair, err error) {
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return m, err
		}
		p = rest
		switch {
		case f.Is(1, protobuf.Bytes):
			m.name = f.Bytes
		case f.Is(2, protobuf.Bytes):
			m.value = f.Bytes
		}
	}
	return m, nil
}

// readTimestamp returns a google.protobuf.Timestamp in nanoseconds since the
// Unix epoch, or that it is too far from it.
func readTimestamp(p []byte) (ns int64, far bool, err error) {
	var sec, frac int64
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return 0, false, err
		}
		p = rest
		switch {
		case f.Is(1, protobuf.Varint):
			sec = int64(f.Value)
		case f.Is(2, protobuf.Varint):
			frac = int64(f.Value)
		}
	}
	const limit = math.MaxInt64 / int64(time.Second)
	if sec < -limit-1 || sec > limit || frac < 0 || frac >= int64(time.Second) {
		return 0, true, nil
	}
	ns = sec*int64(time.Second) + frac
	return ns, (ns < 0) != (sec < 0), nil // what does not fit has turned its sign
}

// entry makes a record of an EntryAdapter, unless its stream is refused.
func (d *decoder) entry(p []byte, refused error) error {
	if d.records++; d.records > maxRecords {
		return protocol.TooMany("entries", maxRecords)
	}
	e, err := readEntry(p, d.metadata)
	d.metadata = e.metadata
	switch {
	case err != nil:
		return err
	case refused != nil:
		d.lose(refused.Error())
		return nil
	case e.far:
		d.lose("its timestamp is not in the years 1677 to 2262")
		return nil
	}
	id, offset, uid := d.identify(e.metadata)
	b, err := d.batch(id)
	if err != nil {
		return err
	}
	l := line{b: b, r: b.Begin()}
	l.r.Time, l.r.Offset, l.r.TimeSource = e.time, offset, record.TimeLine
	l.r.Body = l.text(e.line)
	for i := range e.metadata {
		if i != uid {
			l.add(&e.metadata[i])
		}
	}
	l.finish(d, uid >= 0)
	return nil
}

// identify returns the stream and the offset that metadata says a record has,
// and which of it does; -1 if none does.
func (d *decoder) identify(metadata []pair) (id []byte, offset int64, uid int) {
	for i := range metadata {
		if string(metadata[i].name) != "log_record_uid" {
			continue
		}
		stream, digits, ok := bytes.Cut(metadata[i].value, []byte{'-'})
		if !ok || len(stream) == 0 || len(stream) > 64 || len(digits) > 16 || jsontext.Plain(stream) != len(stream) {
			continue
		}
		n, err := strconv.ParseUint(string(digits), 16, 64)
		if err != nil {
			continue
		}
		return stream, int64(n), i
	}
	if d.ownID == nil {
		sum := sha256.Sum256(d.body)
		d.ownID = hex.AppendEncode(nil, sum[:16])
	}
	return d.ownID, int64(d.records - 1), -1
}

// batch returns the batch of an ID and the labels being read.
func (d *decoder) batch(id []byte) (*record.Batch, error) {
	d.key = append(append(append(d.key[:0], id...), 0), d.name...)
	if d.last != nil && bytes.Equal(d.key, d.lastKey) {
		return d.last, nil
	}
	b := d.streams[string(d.key)]
	if b == nil {
		if len(d.order) == maxStreams {
			return nil, protocol.TooMany("streams", maxStreams)
		}
		b = new(record.Batch)
		b.Reset(&record.Stream{ID: string(id), Labels: d.labels}, nil)
		d.order = append(d.order, b)
		d.streams[string(d.key)] = b
	}
	d.last, d.lastKey = b, append(d.lastKey[:0], d.key...)
	return b, nil
}

// line is the record that an entry becomes.
type line struct {
	b *record.Batch
	r *record.Record

	level    []byte
	detected []byte
	number   bool // there is a severity number
	observed bool
}

// text adds s to the arena.
func (l *line) text(s []byte) record.Span {
	if utf8.Valid(s) {
		return l.b.Add(s)
	}
	l.r.Flags |= record.InvalidUTF8
	return l.b.Add(bytes.ToValidUTF8(s, []byte("\uFFFD")))
}

// add takes metadata: where it belongs, or as a field.
func (l *line) add(m *pair) {
	if l.take(m) {
		return
	}
	f := record.Field{Val: l.text(m.value)}
	if dotted := attributes[string(m.name)]; dotted != "" {
		f.Key = l.b.AddString(dotted)
	} else {
		f.Key = l.text(m.name)
	}
	l.b.AddField(f)
}

// take makes metadata part of the record, if its value is what it has to be.
func (l *line) take(m *pair) bool {
	r := l.r
	switch string(m.name) {
	case "level":
		l.level = m.value
		return true
	case "detected_level":
		l.detected = m.value
		return ndjson.Severity(m.value) != 0
	case "severity_number":
		n, err := strconv.ParseUint(string(m.value), 10, 8)
		if err != nil || n > 24 {
			return false
		}
		r.Severity, l.number = uint8(n), true
		return true
	case "severity_text":
		if !protocol.FitsSeverityText(m.value) {
			return false
		}
		r.SeverityText = l.text(m.value)
		return true
	case "logger":
		r.Logger = l.text(m.value)
		return true
	case "trace_id":
		return l.id(r.TraceID[:], m.value, record.HasTrace)
	case "span_id":
		return l.id(r.SpanID[:], m.value, record.HasSpan)
	case "trace_flags":
		n, err := strconv.ParseUint(string(m.value), 10, 8)
		if err == nil {
			r.TraceFlags = uint8(n)
		}
		return err == nil
	}
	return l.origin(m)
}

// id reads a trace or span ID. All zeros mean that there is none.
func (l *line) id(dst, text []byte, flag record.Flags) bool {
	if len(text) != 2*len(dst) {
		return false
	}
	// What is no ID leaves one that came before as it is.
	var id [len(record.Record{}.TraceID)]byte
	n, err := hex.Decode(id[:], text)
	if err != nil {
		return false
	}
	copy(dst, id[:n])
	l.r.Flags &^= flag
	if id != [len(id)]byte{} {
		l.r.Flags |= flag
	}
	return true
}

// origin takes the metadata that says how a record was read.
func (l *line) origin(m *pair) bool {
	switch string(m.name) {
	case "observed_timestamp":
		n, err := strconv.ParseInt(string(m.value), 10, 64)
		if err != nil {
			return false
		}
		l.r.Observed, l.observed = n, true
		return true
	case "log_time_source":
		for s := record.TimeRead; s <= record.TimeFrame; s++ {
			if s.String() == string(m.value) {
				l.r.TimeSource = s
				return true
			}
		}
		return false
	case "log_format":
		n, ok := record.FormatNumber(string(m.value))
		if ok {
			l.r.Format = n
		}
		return ok
	}
	for i, name := range markNames {
		if name == string(m.name) && string(m.value) == "true" {
			l.r.Flags |= markFlags[i]
			return true
		}
	}
	return false
}

// finish fills in the severity and what the entry did not say.
func (l *line) finish(d *decoder, ours bool) {
	r := l.r
	if !l.observed {
		r.Observed = d.now
		if ours {
			r.Observed = r.Time
		}
	}
	level := l.level
	if level == nil {
		level = l.detected
	}
	if level == nil {
		level = d.level
	}
	n := ndjson.Severity(level)
	if !l.number {
		r.Severity = n
	}
	if l.level == nil || record.SeverityName(n) == string(l.level) {
		return
	}
	// A level that is not one of ours is worth keeping as it was written.
	if r.SeverityText.Len == 0 && protocol.FitsSeverityText(l.level) {
		r.SeverityText = l.text(l.level)
		return
	}
	l.b.AddField(record.Field{Key: l.b.AddString("level"), Val: l.text(l.level)})
}
