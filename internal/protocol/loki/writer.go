package loki

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"shipper/internal/protobuf"
	"shipper/internal/protocol"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
)

// Tags of the fields of an entry that are written one by one; the names are
// those of push.proto.
const (
	tagEntry     = 2<<3 | 2 // StreamAdapter.entries
	tagTimestamp = 1<<3 | 2 // EntryAdapter.timestamp
	tagLine      = 2<<3 | 2 // EntryAdapter.line
	tagMetadata  = 3<<3 | 2 // EntryAdapter.structuredMetadata
	tagName      = 1<<3 | 2 // LabelPairAdapter.name
	tagValue     = 2<<3 | 2 // LabelPairAdapter.value
	tagSeconds   = 1 << 3   // Timestamp.seconds
	tagNanos     = 2 << 3   // Timestamp.nanos
)

// The lengths that most messages have bytes for; see protobuf.Open.
const (
	streamWidth = 3
	entryWidth  = 2
)

// writer makes a PushRequest of a block. Its memory is used again.
type writer struct {
	labels []string // that make streams, sorted by their LogQL names
	names  []string // of them
	line   Line

	dst     []byte
	entries []entry
	streams []string         // labels, as they are sent
	byKey   map[string]int32 // streams by the values of their labels
	sources []source         // of the batches
	plans   []plan           // of the shapes of all batches
	attrs   []attr           // of all plans
	keys    []byte           // of attrs: metadata up to the length of its value, without its own length
	fixed   []byte           // of plans: whole metadata
	key     []byte           // scratch
	values  []record.Span    // of the label fields of the record before

	severities      [256]severity // by number
	traceID, spanID []byte        // metadata up to its value
	tail            []byte        // of the record before
	tailOf          tail
}

// severity is all metadata that says how severe a record is.
type severity struct {
	known       bool
	text, pairs []byte
}

// tail is what the last metadata of a record depend on.
type tail struct {
	known      bool
	plan       int   // the place of its plan
	observed   int64 // 0: not written
	timeSource record.TimeSource
	format     uint8
}

// entry is a record on its way into a stream.
type entry struct {
	time               int64
	stream, batch, row int32
	place              int32 // in the block
}

// source is what a batch's records have in common.
type source struct {
	batch  *record.Batch
	shapes []int32
	plans  int    // first of its plans
	uid    []byte // what all IDs of the stream begin with, empty if there is none
	id     []byte // log_record_uid up to the digits, of which there are digits
	digits int
	ascii  bool // all text is
}

// plan says how the records of a shape are written.
type plan struct {
	made        bool
	first, end  int   // metadata in attrs
	labels      int   // the first so many of attrs are labels of Loki's stream
	fixed, last int   // metadata from labels, in fixed
	original    int32 // the field log.record.original, -1: none
	stream      int32 // if there are no label fields: of all records; -1: not known yet
}

// attr is a field of a shape.
type attr struct {
	field      int32
	label      int32 // of Loki's labels, for those that are
	key, until int32 // in keys
}

func newWriter(e *Encoder) writer {
	w := writer{labels: slices.Clone(e.Labels), line: e.Line, byKey: map[string]int32{},
		traceID: appendHead(nil, "trace_id", 32), spanID: appendHead(nil, "span_id", 16)}
	if e.Labels == nil {
		w.labels = defaultLabels()
	}
	name := func(l string) string { return string(appendName(nil, l)) }
	slices.SortFunc(w.labels, func(a, b string) int { return cmp.Compare(name(a), name(b)) })
	w.labels = slices.CompactFunc(w.labels, func(a, b string) bool { return name(a) == name(b) })
	for _, l := range w.labels {
		w.names = append(w.names, name(l))
	}
	return w
}

// write makes w.dst of the records of a block that r means.
func (w *writer) write(batches []*record.Batch, r *protocol.Request) {
	w.dst, w.entries, w.streams, w.sources = w.dst[:0], w.entries[:0], w.streams[:0], w.sources[:0]
	w.plans, w.attrs, w.keys, w.fixed = w.plans[:0], w.attrs[:0], w.keys[:0], w.fixed[:0]
	w.tailOf = tail{}
	clear(w.byKey)
	for _, b := range batches {
		w.assign(b)
	}
	w.order()
	stream, start := int32(-1), 0
	for i := range w.entries {
		e := &w.entries[i]
		if r.Part && (int(e.place) < r.First || int(e.place) >= r.End) {
			continue
		}
		if e.stream != stream {
			if stream >= 0 {
				w.dst = protobuf.Close(w.dst, start, streamWidth)
			}
			stream = e.stream
			w.dst, start = protobuf.Open(w.dst, 1, streamWidth) // PushRequest.streams
			w.dst = protobuf.AppendBytes(w.dst, 1, w.streams[stream])
		}
		if w.append(e); r.Limit > 0 && len(w.dst) > r.Limit {
			break // the caller sees that it is too large
		}
	}
	if stream >= 0 {
		w.dst = protobuf.Close(w.dst, start, streamWidth)
	}
}

// assign makes entries of the records of b. One without a time of its own has that
// of the record before it, or else of the first one that has its own: its time of
// reading would be far ahead of the others in a log that is read late, and Loki
// refuses what is far behind in a stream.
func (w *writer) assign(b *record.Batch) {
	s := source{batch: b, shapes: b.Shapes(), plans: len(w.plans), ascii: b.ASCII()}
	if b.Stream.ID != "" {
		s.uid = append([]byte(b.Stream.ID), '-')
	}
	number := int32(len(w.sources))
	w.sources = append(w.sources, s)
	shape, stream := int32(-1), int32(-1)
	last, timed := firstTime(b)
	for i := range b.Records {
		if r := &b.Records[i]; r.TimeSource != record.TimeRead || !timed {
			last = r.Time
		}
		p := w.planOf(&s, int32(i))
		if p.labels == 0 {
			if p.stream < 0 {
				p.stream = w.streamOf(b, p, nil)
			}
			stream = p.stream
		} else if fields := b.FieldsOf(&b.Records[i]); s.shapes[i] != shape || !w.sameLabels(p, fields) {
			stream = w.streamOf(b, p, fields)
		}
		shape = s.shapes[i]
		w.entries = append(w.entries, entry{last, stream, number, int32(i), int32(len(w.entries))})
	}
}

// firstTime is the time of the first record that has one of its own, if one has.
func firstTime(b *record.Batch) (ns int64, ok bool) {
	for i := range b.Records {
		if b.Records[i].TimeSource != record.TimeRead {
			return b.Records[i].Time, true
		}
	}
	return 0, false
}

// order sorts the entries by stream and time and has the times of a stream go up.
func (w *writer) order() {
	before := func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.stream, b.stream), cmp.Compare(a.time, b.time))
	}
	if !slices.IsSortedFunc(w.entries, before) {
		slices.SortStableFunc(w.entries, before)
	}
	for i := 1; i < len(w.entries); i++ {
		e, last := &w.entries[i], &w.entries[i-1]
		if e.stream == last.stream && e.time <= last.time {
			e.time = last.time + min(1, math.MaxInt64-last.time)
		}
	}
}

// sameLabels reports whether the label fields of a record are those of the
// record before, which has the same shape; if not, they are from now on.
func (w *writer) sameLabels(p *plan, fields []record.Field) bool {
	attrs := w.attrs[p.first : p.first+p.labels]
	same := len(w.values) == len(attrs)
	for i := 0; same && i < len(attrs); i++ {
		same = w.values[i] == fields[attrs[i].field].Val
	}
	return same
}

// streamOf returns the stream of a record with these fields.
func (w *writer) streamOf(b *record.Batch, p *plan, fields []record.Field) int32 {
	attrs := w.attrs[p.first : p.first+p.labels]
	w.values = w.values[:0]
	for _, a := range attrs {
		w.values = append(w.values, fields[a.field].Val)
	}
	w.key = append(w.key[:0], '{')
	for i, name := range w.names {
		start := len(w.key)
		w.key = append(append(w.key, name...), '=')
		head := len(w.key)
		at := slices.IndexFunc(attrs, func(a attr) bool { return a.label == int32(i) })
		if at >= 0 {
			value := b.Text(nil, fields[attrs[at].field])
			w.key = appendQuoted(w.key, string(value))
		} else {
			w.key = appendQuoted(w.key, labelOf(b.Stream, w.labels[i]))
		}
		if len(w.key) == head+2 { // nothing between quotation marks
			w.key = w.key[:start]
			continue
		}
		w.key = append(w.key, ',', ' ')
	}
	if len(w.key) == 1 {
		w.key = append(w.key, `service_name="`+unknownService+`", `...)
	}
	w.key = append(w.key[:len(w.key)-2], '}')
	n, ok := w.byKey[string(w.key)]
	if !ok {
		n = int32(len(w.streams))
		w.streams = append(w.streams, string(w.key))
		w.byKey[w.streams[n]] = n
	}
	return n
}

// appendQuoted appends a label's value as Prometheus and Loki write it.
func appendQuoted(dst []byte, s string) []byte {
	return strconv.AppendQuote(dst, string(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD"))))
}

func labelOf(s *record.Stream, name string) string {
	for i := range s.Labels {
		if s.Labels[i].Name == name {
			return s.Labels[i].Value
		}
	}
	return ""
}

// planOf returns the plan of a record's shape.
func (w *writer) planOf(s *source, row int32) *plan {
	at := s.plans + int(s.shapes[row])
	for at >= len(w.plans) {
		w.plans = append(w.plans, plan{})
	}
	p := &w.plans[at]
	if !p.made {
		*p = w.makePlan(s.batch, s.batch.FieldsOf(&s.batch.Records[row]))
	}
	return p
}

// makePlan finds the place of every field: labels of Loki's stream first.
func (w *writer) makePlan(b *record.Batch, fields []record.Field) plan {
	p := plan{made: true, first: len(w.attrs), fixed: len(w.fixed), original: -1, stream: -1}
	names := make(map[string]int, len(fields)) // the last field of each name
	for i, f := range fields {
		key := b.Bytes(f.Key)
		if label := slices.Index(w.labels, string(key)); label >= 0 {
			names[w.names[label]] = i
			continue
		}
		names[string(w.fieldName(key))] = i
	}
	for i, f := range fields {
		key := b.Bytes(f.Key)
		if label := slices.Index(w.labels, string(key)); label >= 0 && names[w.names[label]] == i {
			w.attrs = append(w.attrs, attr{field: int32(i), label: int32(label)})
		}
	}
	p.labels = len(w.attrs) - p.first
	for i, f := range fields {
		key := b.Bytes(f.Key)
		if slices.Contains(w.labels, string(key)) {
			continue
		}
		name := w.fieldName(key)
		if names[string(name)] != i {
			continue
		}
		if w.line == Original && string(key) == "log.record.original" && f.Kind == record.String {
			p.original = int32(i)
			continue
		}
		at := len(w.keys)
		w.keys = append(appendPart(append(w.keys, tagMetadata, 0), tagName, name), tagValue)
		w.attrs = append(w.attrs, attr{int32(i), -1, int32(at), int32(len(w.keys))})
	}
	p.end = len(w.attrs)
	for i := range b.Stream.Labels {
		l := &b.Stream.Labels[i]
		name := w.fieldName([]byte(l.Name))
		if _, hidden := names[string(name)]; hidden || slices.Contains(w.labels, l.Name) || l.Value == "" {
			continue
		}
		w.fixed = appendPair(w.fixed, string(name), []byte(l.Value))
	}
	p.last = len(w.fixed)
	return p
}

// fieldName returns the name of a field's metadata, which is valid until the
// next call. It is none of a record's own, and none of Loki's labels.
func (w *writer) fieldName(key []byte) []byte {
	w.key = appendName(w.key[:0], key)
	if reserved(w.key) || slices.Contains(w.names, string(w.key)) {
		w.key = append(w.key, "_extracted"...)
	}
	return w.key
}

// append writes an entry.
func (w *writer) append(e *entry) {
	s := &w.sources[e.batch]
	r := &s.batch.Records[e.row]
	plan := s.plans + int(s.shapes[e.row])
	p := &w.plans[plan]
	dst := append(w.dst, tagEntry, 0, 0) // as protobuf.Open
	start := len(dst)
	dst = w.appendLine(dst, s, r, p)
	if w.line != Whole {
		dst = w.appendMetadata(dst, s, r, p)
		dst = w.appendTail(dst, r, plan)
	} else if level := record.SeverityName(r.Severity); level != "" {
		dst = appendPair(dst, "level", level)
	}
	// Here it is between what repeats and the length and line of the next entry,
	// which gives snappy fewer repeats to name than at the start.
	dst = appendTimestamp(dst, e.time)
	w.dst = protobuf.Close(dst, start, entryWidth)
}

func (w *writer) appendLine(dst []byte, s *source, r *record.Record, p *plan) []byte {
	b := s.batch
	text := r.Body
	switch {
	case w.line == Whole:
		dst, start := protobuf.Open(dst, 2, 2)
		return protobuf.Close(ndjson.AppendRecord(dst, b, r), start, 2)
	case p.original >= 0:
		text = b.FieldsOf(r)[p.original].Val
	}
	line := s.text(text)
	dst = append(dst, tagLine)
	dst = binary.AppendUvarint(dst, uint64(len(line)))
	return append(dst, line...)
}

// text returns what a span of the batch stands for. A protobuf string has to be UTF-8.
func (s *source) text(span record.Span) []byte {
	text := s.batch.Bytes(span)
	if !s.ascii && !utf8.Valid(text) {
		return bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return text
}

// appendMetadata appends what differs from record to record. What goes with the
// line stands next to it, and IDs behind that, for snappy.
func (w *writer) appendMetadata(dst []byte, s *source, r *record.Record, p *plan) []byte {
	b := s.batch
	severity := &w.severities[r.Severity]
	if text := b.Bytes(r.SeverityText); !severity.known || string(severity.text) != string(text) {
		severity.set(r.Severity, text)
	}
	dst = append(dst, severity.pairs...)
	if r.Logger.Len > 0 {
		dst = appendPair(dst, "logger", b.Bytes(r.Logger))
	}
	fields := b.FieldsOf(r)
	for _, a := range w.attrs[p.first+p.labels : p.end] {
		dst = s.appendField(dst, w.keys[a.key:a.until], fields[a.field])
	}
	if r.Flags&record.HasTrace != 0 {
		dst = r.AppendTraceID(append(dst, w.traceID...))
		if r.TraceFlags != 0 {
			dst = appendNumberPair(dst, "trace_flags", int64(r.TraceFlags))
		}
	}
	if r.Flags&record.HasSpan != 0 {
		dst = r.AppendSpanID(append(dst, w.spanID...))
	}
	if len(s.uid) > 0 {
		digits := (bits.Len64(uint64(r.Offset)|1) + 3) / 4
		if digits != s.digits {
			s.digits, s.id = digits, append(appendHead(s.id[:0], "log_record_uid", len(s.uid)+digits), s.uid...)
		}
		dst = append(dst, s.id...)
		for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
			dst = append(dst, "0123456789abcdef"[uint64(r.Offset)>>shift&15])
		}
	}
	return dst
}

// set makes s of a severity and its text.
func (s *severity) set(number uint8, text []byte) {
	s.known, s.text, s.pairs = true, append(s.text[:0], text...), s.pairs[:0]
	if level := record.SeverityName(number); level != "" {
		s.pairs = appendPair(s.pairs, "level", level)
		if (number-1)%4 != 0 {
			s.pairs = appendNumberPair(s.pairs, "severity_number", int64(number))
		}
	}
	if len(text) > 0 {
		s.pairs = appendPair(s.pairs, "severity_text", text)
	}
}

// appendTail appends what is the same in many records, and how a record was read.
func (w *writer) appendTail(dst []byte, r *record.Record, plan int) []byte {
	of := tail{known: true, plan: plan, timeSource: r.TimeSource, format: r.Format}
	if r.Observed != r.Time || r.TimeSource == record.TimeRead {
		of.observed = r.Observed
	}
	if of != w.tailOf {
		w.tailOf = of
		w.tail = append(w.tail[:0], w.fixed[w.plans[plan].fixed:w.plans[plan].last]...)
		if of.observed != 0 {
			w.tail = appendNumberPair(w.tail, "observed_timestamp", of.observed)
		}
		if of.timeSource != record.TimeLine {
			w.tail = appendPair(w.tail, "log_time_source", of.timeSource.String())
		}
		if of.format != 0 {
			w.tail = appendPair(w.tail, "log_format", record.FormatName(of.format))
		}
	}
	dst = append(dst, w.tail...)
	const marks = record.Truncated | record.Partial | record.InvalidUTF8 | record.TimedOut
	if r.Flags&marks == 0 {
		return dst
	}
	for i, name := range markNames {
		if r.Flags&markFlags[i] != 0 {
			dst = appendPair(dst, name, "true")
		}
	}
	return dst
}

// appendTimestamp appends the time of an entry.
func appendTimestamp(dst []byte, ns int64) []byte {
	sec, frac := ns/int64(time.Second), ns%int64(time.Second)
	if frac < 0 {
		sec, frac = sec-1, frac+int64(time.Second)
	}
	dst = append(dst, tagTimestamp, byte(2+protobuf.Size(uint64(sec))+protobuf.Size(uint64(frac))), tagSeconds)
	dst = binary.AppendUvarint(dst, uint64(sec))
	dst = append(dst, tagNanos)
	return binary.AppendUvarint(dst, uint64(frac))
}

// appendField appends metadata. key is what is before the length of its value,
// with room for its own length.
func (s *source) appendField(dst, key []byte, f record.Field) []byte {
	message := len(dst) + 2
	dst = append(append(dst, key...), 0)
	value := len(dst)
	switch f.Kind {
	case record.Int, record.Bool, record.Null:
		dst = s.batch.Text(dst, f)
	default:
		dst = append(dst, s.text(f.Val)...)
	}
	if n := len(dst) - message; n < 0x80 { // then so is the value
		dst[message-1], dst[value-1] = byte(n), byte(len(dst)-value)
		return dst
	}
	return protobuf.Close(protobuf.Close(dst, value, 1), message, 1)
}

// appendPart appends a field that is text. A protobuf string has to be UTF-8.
func appendPart(dst []byte, tag byte, s []byte) []byte {
	if !utf8.Valid(s) {
		s = bytes.ToValidUTF8(s, []byte("\uFFFD"))
	}
	dst = append(dst, tag)
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendPair appends metadata.
func appendPair[T string | []byte](dst []byte, name string, value T) []byte {
	if s, ok := any(value).([]byte); ok && !utf8.Valid(s) {
		return appendPair(dst, name, bytes.ToValidUTF8(s, []byte("\uFFFD")))
	}
	dst = appendHead(dst, name, len(value))
	return append(dst, value...)
}

func appendNumberPair(dst []byte, name string, n int64) []byte {
	var scratch [20]byte
	return appendPair(dst, name, strconv.AppendInt(scratch[:0], n, 10))
}

// appendHead appends metadata up to its value, which has size bytes.
func appendHead(dst []byte, name string, size int) []byte {
	dst = append(dst, tagMetadata)
	dst = binary.AppendUvarint(dst, uint64(1+sized(len(name))+1+sized(size)))
	dst = append(dst, tagName)
	dst = binary.AppendUvarint(dst, uint64(len(name)))
	dst = append(append(dst, name...), tagValue)
	return binary.AppendUvarint(dst, uint64(size))
}

// sized returns how many bytes n bytes have together with their length.
func sized(n int) int { return protobuf.Size(uint64(n)) + n }
