package otlp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
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
	"shipper/internal/record"
)

// What one body may become, so that a small one cannot take many times its size
// in memory.
const (
	maxRecords    = 1 << 17
	maxStreams    = 4096     // batches
	maxExpanded   = 64 << 20 // bytes, with what records of one resource or scope share counted for each of them
	maxAttributes = 1 << 14  // of one record
	maxNested     = 64       // arrays and maps within each other
	fieldBytes    = 24       // that a field is counted with
)

// Decode calls emit for each stream in body with all its records, once body is
// known to be sound as a whole. The batches do not point into body, stay valid
// after emit, and are the receiver's. contentType is that of the request:
// protobuf or JSON; with any other the error wraps protocol.ErrMediaType. An
// error of emit ends it.
//
// The verdict is Accepted. Its Lost counts the records that cannot be taken,
// because of too many attributes or values that are nested too deep, and its
// Reason says what was wrong with the first. Text of a resource is labels,
// other values of it and what there is of a scope besides its name are fields
// of its records. A record without a time gets the time at which it was
// observed, or now; one without an ID of ours belongs to a stream that is this
// body, so that the same body always has the same IDs.
func Decode(contentType string, body []byte, emit func(*record.Batch) error) (protocol.Verdict, error) {
	message := body
	switch protocol.MediaType(contentType) {
	case protobufType:
	case jsonType:
		var err error
		if message, err = toProto(make([]byte, 0, len(body)), body, exportRequest); err != nil {
			return protocol.Verdict{}, err
		}
	default:
		return protocol.Verdict{}, fmt.Errorf("%w %q: use %s or %s", protocol.ErrMediaType, contentType, protobufType, jsonType)
	}
	d := decoder{body: body, now: time.Now().UnixNano(), resources: map[string]int{}, streams: map[stream]*record.Batch{}}
	if err := d.request(message); err != nil {
		return protocol.Verdict{}, err
	}
	for _, b := range d.order {
		if len(b.Records) == 0 {
			continue
		}
		if err := emit(b); err != nil {
			return protocol.Verdict{}, err
		}
	}
	return protocol.Verdict{Outcome: protocol.Accepted, Lost: d.lost, Reason: d.reason}, nil
}

// decoder makes batches of an ExportLogsServiceRequest.
type decoder struct {
	body []byte
	now  int64

	order     []*record.Batch
	streams   map[stream]*record.Batch
	resources map[string]int // numbers of resources by their labels
	own       string         // ID of the stream that is the body
	records   int
	expanded  int
	lost      int
	reason    string

	// of the ResourceLogs and ScopeLogs being read
	resource int
	labels   []record.Label
	shared   []pair // what becomes fields of each record
	logger   []byte

	last   *record.Batch // the batch of lastID and lastOf
	lastID []byte
	lastOf int

	spread       []record.Field // shared as fields of spreadOf
	spreadOf     *record.Batch
	attributes   []pair // of the record
	text         []byte // scratch
	resourceName []byte // scratch
}

// stream is what the records of one batch have in common.
type stream struct {
	resource int
	id       string
}

// pair is a KeyValue.
type pair struct{ key, value []byte }

func (d *decoder) request(p []byte) error { return protobuf.Each(p, 1, d.resourceLogs) }

// resourceLogs reads a ResourceLogs: its resource first, wherever it is.
func (d *decoder) resourceLogs(p []byte) error {
	d.labels, d.shared = nil, d.shared[:0]
	if err := protobuf.Each(p, 1, d.readResource); err != nil {
		return err
	}
	d.nameResource()
	shared := len(d.shared)
	return protobuf.Each(p, 2, func(scope []byte) error {
		d.shared = d.shared[:shared]
		return d.scopeLogs(scope)
	})
}

// readResource takes the attributes of a Resource: text becomes labels.
func (d *decoder) readResource(p []byte) error {
	return protobuf.Each(p, 1, func(attribute []byte) error {
		kv, err := readPair(attribute)
		if err != nil {
			return err
		}
		v, err := readValue(kv.value)
		if err != nil {
			return err
		}
		if v.Number == 1 {
			d.labels = append(d.labels, record.Label{Name: valid(kv.key), Value: valid(v.Bytes)})
		} else {
			d.shared = append(d.shared, kv)
		}
		return nil
	})
}

func valid(s []byte) string { return strings.ToValidUTF8(string(s), "\uFFFD") }

// nameResource sorts the labels, leaves the last one of each name, and finds
// the number of the resource.
func (d *decoder) nameResource() {
	slices.Reverse(d.labels)
	slices.SortStableFunc(d.labels, func(a, b record.Label) int { return strings.Compare(a.Name, b.Name) })
	d.labels = slices.CompactFunc(d.labels, func(a, b record.Label) bool { return a.Name == b.Name })
	d.resourceName = d.resourceName[:0]
	for _, l := range d.labels {
		d.resourceName = protobuf.AppendBytes(d.resourceName, 1, l.Name)
		d.resourceName = protobuf.AppendBytes(d.resourceName, 2, l.Value)
	}
	n, ok := d.resources[string(d.resourceName)]
	if !ok {
		n = len(d.resources)
		d.resources[string(d.resourceName)] = n
	}
	d.resource = n
}

func (d *decoder) scopeLogs(p []byte) error {
	d.logger = nil
	if err := protobuf.Each(p, 1, d.readScope); err != nil {
		return err
	}
	d.spreadOf = nil
	return protobuf.Each(p, 2, d.logRecord)
}

// scopeVersion is KeyValue.key of a scope's version.
var scopeVersion = []byte("otel.scope.version")

func (d *decoder) readScope(p []byte) error {
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return err
		}
		p = rest
		switch {
		case f.Is(1, protobuf.Bytes):
			d.logger = f.Bytes
		case f.Is(2, protobuf.Bytes) && len(f.Bytes) > 0:
			d.shared = append(d.shared, pair{scopeVersion, protobuf.AppendBytes(nil, 1, f.Bytes)})
		case f.Is(3, protobuf.Bytes):
			kv, err := readPair(f.Bytes)
			if err != nil {
				return err
			}
			d.shared = append(d.shared, kv)
		}
	}
	return nil
}

func readPair(p []byte) (kv pair, err error) {
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return kv, err
		}
		p = rest
		switch {
		case f.Is(1, protobuf.Bytes):
			kv.key = f.Bytes
		case f.Is(2, protobuf.Bytes):
			kv.value = f.Bytes
		}
	}
	return kv, nil
}

// anyTypes are the wire types of the fields of AnyValue.
var anyTypes = [8]protobuf.Type{1: protobuf.Bytes, 2: protobuf.Varint, 3: protobuf.Varint, 4: protobuf.Fixed64,
	5: protobuf.Bytes, 6: protobuf.Bytes, 7: protobuf.Bytes}

// readValue returns the field that an AnyValue has, with number 0 if it is null.
func readValue(p []byte) (v protobuf.Field, err error) {
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return v, err
		}
		p = rest
		if f.Number < len(anyTypes) && f.Type == anyTypes[f.Number] {
			v = f
		}
	}
	return v, nil
}

// entry is a LogRecord as it is read.
type entry struct {
	time, observed uint64
	severity       uint64
	severityText   []byte
	body           []byte
	dropped        uint64
	flags          uint64
	trace, span    []byte
	event          []byte
}

func (d *decoder) logRecord(p []byte) error {
	if d.records++; d.records > maxRecords {
		return protocol.TooMany("records", maxRecords)
	}
	var e entry
	d.attributes = d.attributes[:0]
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return err
		}
		p = rest
		if err := d.readMember(&e, &f); err != nil {
			return err
		}
	}
	if n := len(d.attributes) + len(d.shared); n > maxAttributes {
		d.reject(fmt.Sprintf("a record has %d attributes, the limit is %d", n, maxAttributes))
		return nil
	}
	return d.add(&e)
}

// readMember takes a field of a LogRecord.
func (d *decoder) readMember(e *entry, f *protobuf.Field) error {
	switch f.Type {
	case protobuf.Fixed64:
		switch f.Number {
		case 1:
			e.time = f.Value
		case 11:
			e.observed = f.Value
		}
	case protobuf.Varint:
		switch f.Number {
		case 2:
			e.severity = f.Value
		case 7:
			e.dropped = f.Value
		}
	case protobuf.Fixed32:
		if f.Number == 8 {
			e.flags = f.Value
		}
	case protobuf.Bytes:
		switch f.Number {
		case 3:
			e.severityText = f.Bytes
		case 5:
			e.body = f.Bytes
		case 6:
			kv, err := readPair(f.Bytes)
			if len(d.attributes) <= maxAttributes { // one more, so that it shows
				d.attributes = append(d.attributes, kv)
			}
			return err
		case 9:
			e.trace = f.Bytes
		case 10:
			e.span = f.Bytes
		case 12:
			e.event = f.Bytes
		}
	}
	return nil
}

// reject counts a record that is not taken.
func (d *decoder) reject(reason string) {
	if d.lost++; d.lost == 1 {
		d.reason = reason
	}
}

// errDeep is a value that is nested too deep.
var errDeep = errors.New("a value is nested more than 64 deep")

// add makes a record of e and d.attributes.
func (d *decoder) add(e *entry) error {
	id, offset, uid := d.identify()
	b, err := d.batch(id)
	if err != nil {
		return err
	}
	r := b.Begin()
	l := line{decoder: d, b: b, r: r, size: len(b.Arena)}
	r.Offset, r.Time, r.Observed, r.TimeSource = offset, int64(e.time), int64(e.observed), record.TimeLine
	if r.Observed == 0 && uid < 0 {
		r.Observed = d.now
	}
	if r.Time == 0 {
		r.Time, r.TimeSource = r.Observed, record.TimeRead
	}
	r.Logger = l.text(d.logger)
	err = l.members(e)
	for i := 0; i < len(d.attributes) && err == nil; i++ {
		if i != uid {
			err = l.attribute(d.attributes[i])
		}
	}
	if err == nil {
		err = l.share()
	}
	if err != nil && !errors.Is(err, errDeep) {
		return err
	}
	// What is not taken counts as well: it has been read.
	if d.expanded += len(b.Arena) - l.size + len(b.FieldsOf(r))*fieldBytes; d.expanded > maxExpanded {
		return protocol.TooMany("bytes of records", maxExpanded)
	}
	if err != nil {
		b.Undo()
		b.Arena = b.Arena[:l.size]
		d.spreadOf = nil
		d.reject(err.Error())
	}
	return nil
}

// identify returns the stream and the offset that the record's attributes say
// it has, and which of them does; -1 if none does.
func (d *decoder) identify() (id []byte, offset int64, uid int) {
	for i := range d.attributes {
		if string(d.attributes[i].key) != "log.record.uid" {
			continue
		}
		v, err := readValue(d.attributes[i].value)
		if err != nil || v.Number != 1 {
			continue
		}
		stream, digits, ok := bytes.Cut(v.Bytes, []byte{'-'})
		if !ok || len(stream) == 0 || len(stream) > 64 || len(digits) > 16 || jsontext.Plain(stream) != len(stream) {
			continue
		}
		n, err := strconv.ParseUint(string(digits), 16, 64)
		if err != nil {
			continue
		}
		return stream, int64(n), i
	}
	if d.own == "" {
		sum := sha256.Sum256(d.body)
		d.own = hex.EncodeToString(sum[:16])
	}
	d.text = append(d.text[:0], d.own...)
	return d.text, int64(d.records - 1), -1
}

// batch returns the batch of a stream of the resource being read.
func (d *decoder) batch(id []byte) (*record.Batch, error) {
	if d.last != nil && d.lastOf == d.resource && bytes.Equal(d.lastID, id) {
		return d.last, nil
	}
	b := d.streams[stream{d.resource, string(id)}]
	if b == nil {
		if len(d.order) == maxStreams {
			return nil, protocol.TooMany("streams", maxStreams)
		}
		b = new(record.Batch)
		b.Reset(&record.Stream{ID: string(id), Labels: d.labels}, nil)
		d.order = append(d.order, b)
		d.streams[stream{d.resource, string(id)}] = b
	}
	d.last, d.lastOf, d.lastID = b, d.resource, append(d.lastID[:0], id...)
	return b, nil
}

// line is the record that a LogRecord becomes.
type line struct {
	*decoder
	b    *record.Batch
	r    *record.Record
	size int // of the arena before it
}

// text adds s to the arena.
func (l *line) text(s []byte) record.Span {
	if utf8.Valid(s) {
		return l.b.Add(s)
	}
	l.r.Flags |= record.InvalidUTF8
	return l.b.Add(bytes.ToValidUTF8(s, []byte("\uFFFD")))
}

// members takes what is no attribute. What does not fit becomes a field.
func (l *line) members(e *entry) error {
	r := l.r
	body, err := readValue(e.body)
	if err != nil {
		return err
	}
	f, err := l.value(record.Span{}, &body)
	if err != nil {
		return err
	}
	switch f.Kind {
	case record.Int, record.Bool:
		start := len(l.b.Arena)
		l.b.Arena = l.b.Text(l.b.Arena, f)
		r.Body = record.Span{Off: uint32(start), Len: uint32(len(l.b.Arena) - start)}
	case record.Null:
	default:
		r.Body = f.Val
	}
	if e.severity <= 24 {
		r.Severity = uint8(e.severity)
	} else {
		l.b.AddField(record.IntField(l.b.AddString("severity_number"), int64(e.severity)))
	}
	if protocol.FitsSeverityText(e.severityText) {
		r.SeverityText = l.text(e.severityText)
	} else {
		l.addText("severity_text", e.severityText)
	}
	l.setID(r.TraceID[:], e.trace, record.HasTrace, "trace_id")
	l.setID(r.SpanID[:], e.span, record.HasSpan, "span_id")
	if r.Flags&record.HasTrace != 0 {
		r.TraceFlags = uint8(e.flags)
	}
	if len(e.event) > 0 {
		l.addText("event.name", e.event)
	}
	if e.dropped > 0 {
		l.b.AddField(record.IntField(l.b.AddString("dropped_attributes_count"), int64(e.dropped)))
	}
	return nil
}

func (l *line) addText(key string, value []byte) {
	l.b.AddField(record.Field{Key: l.b.AddString(key), Val: l.text(value)})
}

// setID sets a trace or span ID. All zeros mean that there is none.
func (l *line) setID(dst, id []byte, flag record.Flags, key string) {
	if len(id) == len(dst) {
		copy(dst, id)
		if len(bytes.Trim(id, "\x00")) > 0 {
			l.r.Flags |= flag
		}
		return
	}
	if len(id) > 0 {
		l.addText(key, hex.AppendEncode(nil, id))
	}
}

// attribute adds an attribute: where it belongs, or as a field.
func (l *line) attribute(kv pair) error {
	v, err := readValue(kv.value)
	if err != nil {
		return err
	}
	if l.origin(kv.key, &v) {
		return nil
	}
	f, err := l.value(l.text(kv.key), &v)
	if err != nil {
		return err
	}
	l.b.AddField(f)
	return nil
}

// origin takes the attributes that say how a record was read. It reports
// whether this is one.
func (l *line) origin(key []byte, v *protobuf.Field) bool {
	if len(key) < 5 || string(key[:4]) != "log." {
		return false
	}
	switch {
	case string(key) == "log.time_source" && v.Number == 1:
		for s := record.TimeRead; s <= record.TimeFrame; s++ {
			if s.String() == string(v.Bytes) {
				l.r.TimeSource = s
				return true
			}
		}
	case string(key) == "log.format" && v.Number == 1:
		n, ok := record.FormatNumber(string(v.Bytes))
		if ok {
			l.r.Format = n
		}
		return ok
	case v.Number == 2 && v.Value == 1:
		for i, name := range markNames {
			if name == string(key) {
				l.r.Flags |= markFlags[i]
				return true
			}
		}
	}
	return false
}

// share adds what the record has of its resource and scope. It is written to an
// arena once, but counted for each record.
func (l *line) share() error {
	if len(l.shared) == 0 {
		return nil
	}
	if l.spreadOf != l.b {
		l.spread = l.spread[:0]
		for _, kv := range l.shared {
			v, err := readValue(kv.value)
			if err != nil {
				return err
			}
			f, err := l.value(l.text(kv.key), &v)
			if err != nil {
				return err
			}
			l.spread = append(l.spread, f)
		}
		l.spreadOf = l.b
	}
	for _, f := range l.spread {
		if f.Kind != record.Int && f.Kind != record.Bool {
			l.expanded += int(f.Val.Len)
		}
		l.b.AddField(f)
	}
	return nil
}

// value makes a field of the value v.
func (l *line) value(key record.Span, v *protobuf.Field) (record.Field, error) {
	f := record.Field{Key: key}
	switch v.Number {
	case 1:
		f.Val = l.text(v.Bytes)
	case 2:
		f = record.BoolField(key, v.Value != 0)
	case 3:
		f = record.IntField(key, int64(v.Value))
	case 0:
		f.Kind = record.Null
	default:
		start := len(l.b.Arena)
		var err error
		l.b.Arena, f.Kind, err = appendAny(l.b.Arena, v, 0)
		if err != nil {
			return f, err
		}
		f.Val = record.Span{Off: uint32(start), Len: uint32(len(l.b.Arena) - start)}
	}
	return f, nil
}

// appendAny appends the text of a float64, bytes, an array or a map, and says
// what kind of field that is.
func appendAny(dst []byte, v *protobuf.Field, depth int) ([]byte, record.Kind, error) {
	switch v.Number {
	case 4:
		dst, ok := floatText(dst, math.Float64frombits(v.Value))
		if !ok {
			return dst, record.String, nil
		}
		return dst, record.Number, nil
	case anyBytes:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes), record.String, nil
	}
	dst, err := appendList(dst, v.Bytes, v.Number == anyKVList, depth)
	return dst, record.JSON, err
}

// appendList appends an ArrayValue or KeyValueList as JSON.
func appendList(dst, p []byte, object bool, depth int) ([]byte, error) {
	if depth >= maxNested {
		return dst, errDeep
	}
	end := byte(']')
	if object {
		dst, end = append(dst, '{'), '}'
	} else {
		dst = append(dst, '[')
	}
	for start := len(dst); len(p) > 0; {
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
		value := f.Bytes
		if object {
			kv, err := readPair(value)
			if err != nil {
				return dst, err
			}
			dst = append(jsontext.AppendString(dst, kv.key), ':')
			value = kv.value
		}
		if dst, err = appendNestedAny(dst, value, depth); err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}

// appendNestedAny appends an AnyValue within another one as JSON.
func appendNestedAny(dst, p []byte, depth int) ([]byte, error) {
	v, err := readValue(p)
	if err != nil {
		return dst, err
	}
	switch v.Number {
	case 0:
		return append(dst, "null"...), nil
	case 1:
		return jsontext.AppendString(dst, v.Bytes), nil
	case 2:
		return strconv.AppendBool(dst, v.Value != 0), nil
	case 3:
		return strconv.AppendInt(dst, int64(v.Value), 10), nil
	case anyArray, anyKVList:
		return appendList(dst, v.Bytes, v.Number == anyKVList, depth+1)
	}
	start := len(dst)
	dst, kind, err := appendAny(dst, &v, depth)
	if kind == record.Number || err != nil {
		return dst, err
	}
	text := string(dst[start:])
	return jsontext.AppendString(dst[:start], text), nil
}
