package otlp

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"shipper/internal/protobuf"
	"shipper/internal/record"
)

// Tags of the fields that are written one by one; the names are those of the
// .proto files, the numbers before the comma those of the fields.
const (
	tagRecord       = 2<<3 | 2  // ScopeLogs.log_records
	tagTime         = 1<<3 | 1  // LogRecord.time_unix_nano, fixed64
	tagSeverity     = 2 << 3    // LogRecord.severity_number
	tagSeverityText = 3<<3 | 2  // LogRecord.severity_text
	tagBody         = 5<<3 | 2  // LogRecord.body
	tagAttribute    = 6<<3 | 2  // LogRecord.attributes
	tagFlags        = 8<<3 | 5  // LogRecord.flags, fixed32
	tagTraceID      = 9<<3 | 2  // LogRecord.trace_id
	tagSpanID       = 10<<3 | 2 // LogRecord.span_id
	tagObserved     = 11<<3 | 1 // LogRecord.observed_time_unix_nano, fixed64
	tagResourceAttr = 1<<3 | 2  // Resource.attributes
	tagKey          = 1<<3 | 2  // KeyValue.key
	tagValue        = 2<<3 | 2  // KeyValue.value
)

// The lengths that most of these messages have bytes for; see protobuf.Open.
const (
	recordWidth   = 2
	resourceWidth = 3
	scopeWidth    = 3
)

// writer makes an ExportLogsServiceRequest of batches, records in their order. A
// new ResourceLogs begins where the resource changes, a new ScopeLogs where the
// scope does.
type writer struct {
	dst []byte

	b          *record.Batch
	uid        []byte // KeyValue.key of log.record.uid, and what all IDs of the stream begin with
	uidKey     int    // how much of uid is the key
	plans      []plan // by shape of b
	attrs      []attr // of all plans
	keys       []byte // of all attrs: KeyValue.key, as it is written
	hasUID     bool
	ascii      bool   // all text of b is
	id         []byte // log.record.uid up to the digits, of which there are idDigits
	origin     []byte // log.time_source and log.format of the record before
	idDigits   int
	timeSource record.TimeSource // of origin
	format     uint8             // of origin
	resAttr    []byte            // scratch: attributes of the resource that come from fields

	resource, scope int // where the open messages start; 0: none is open
	logger          []byte
	current         []byte        // attributes of the open resource that come from fields
	shape           int32         // of the record before, -1: none
	values          []record.Span // of the resource fields of the record before
}

// plan says how the fields of a shape are written.
type plan struct {
	made       bool
	first, end int    // attributes in attrs
	resources  int    // the first so many of them are the resource's
	hidden     uint32 // labels that they hide, by record.ResourceBit
}

// attr is a field of a shape that is written.
type attr struct {
	field      int32
	key, until int32 // in keys
}

func (w *writer) reset(dst []byte) {
	w.dst, w.resource, w.scope = dst, 0, 0
}

// begin goes on with the records of b.
func (w *writer) begin(b *record.Batch) {
	w.b, w.shape, w.ascii, w.idDigits = b, -1, b.ASCII(), 0
	w.plans, w.attrs, w.keys = w.plans[:0], w.attrs[:0], w.keys[:0]
	w.uid = appendKey(w.uid[:0], "log.record.uid")
	w.uidKey = len(w.uid)
	w.hasUID = b.Stream.ID != ""
	w.uid = append(append(w.uid, b.Stream.ID...), '-')
}

// end ends the messages that are open.
func (w *writer) end() {
	if w.scope != 0 {
		w.dst = protobuf.Close(w.dst, w.scope, scopeWidth)
	}
	if w.resource != 0 {
		w.dst = protobuf.Close(w.dst, w.resource, resourceWidth)
	}
	w.resource, w.scope = 0, 0
}

// record writes r, a record of the batch.
func (w *writer) record(r *record.Record, shape int32) {
	p := w.planOf(r, shape)
	fields := w.b.FieldsOf(r)
	if !w.sameResource(fields, p, shape) {
		w.end()
		w.openResource()
	}
	if logger := w.b.Bytes(r.Logger); w.scope == 0 || !bytes.Equal(logger, w.logger) {
		w.openScope(logger)
	}
	dst := append(w.dst, tagRecord, 0, 0) // as protobuf.Open
	start := len(dst)
	dst = append(dst, tagTime)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Time))
	if r.Severity != 0 {
		dst = append(dst, tagSeverity, r.Severity)
	}
	if r.SeverityText.Len > 0 {
		text := w.text(r.SeverityText)
		dst = append(dst, tagSeverityText)
		dst = binary.AppendUvarint(dst, uint64(len(text)))
		dst = append(dst, text...)
	}
	body := w.text(r.Body)
	dst = append(dst, tagBody)
	dst = binary.AppendUvarint(dst, uint64(1+sized(len(body))))
	dst = append(dst, anyString)
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	dst = append(dst, body...)
	for _, a := range w.attrs[p.first+p.resources : p.end] {
		dst = w.appendField(append(dst, tagAttribute), w.keys[a.key:a.until], fields[a.field])
	}
	dst = w.appendOrigin(dst, r)
	if r.Flags&record.HasTrace != 0 {
		if r.TraceFlags != 0 {
			dst = append(dst, tagFlags, r.TraceFlags, 0, 0, 0)
		}
		dst = append(append(dst, tagTraceID, 16), r.TraceID[:]...)
	}
	if r.Flags&record.HasSpan != 0 {
		dst = append(append(dst, tagSpanID, 8), r.SpanID[:]...)
	}
	dst = append(dst, tagObserved)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Observed))
	w.dst = protobuf.Close(dst, start, recordWidth)
}

// appendOrigin appends the attributes that are no fields.
func (w *writer) appendOrigin(dst []byte, r *record.Record) []byte {
	if w.hasUID {
		digits := (bits.Len64(uint64(r.Offset)|1) + 3) / 4
		if digits != w.idDigits {
			w.idDigits = digits
			w.id = appendValueHead(append(w.id[:0], tagAttribute), w.uid[:w.uidKey], len(w.uid)-w.uidKey+digits)
			w.id = append(w.id, w.uid[w.uidKey:]...)
		}
		dst = append(dst, w.id...)
		for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
			dst = append(dst, "0123456789abcdef"[uint64(r.Offset)>>shift&15])
		}
	}
	if r.TimeSource != w.timeSource || r.Format != w.format || len(w.origin) == 0 {
		w.timeSource, w.format, w.origin = r.TimeSource, r.Format, w.origin[:0]
		if r.TimeSource != record.TimeLine {
			w.origin = appendAttribute(w.origin, "log.time_source", r.TimeSource.String())
		}
		if r.Format != 0 {
			w.origin = appendAttribute(w.origin, "log.format", record.FormatName(r.Format))
		}
	}
	dst = append(dst, w.origin...)
	const marks = record.Truncated | record.Partial | record.InvalidUTF8 | record.TimedOut
	if r.Flags&marks == 0 {
		return dst
	}
	for i, name := range markNames {
		if r.Flags&markFlags[i] != 0 {
			at := 0
			dst, at = protobuf.Open(dst, 6, 1)
			dst = appendKey(dst, name)
			dst = append(dst, tagValue, 2, 2<<3, 1)
			dst = protobuf.Close(dst, at, 1)
		}
	}
	return dst
}

// text returns what a span of the batch stands for. A protobuf string has to be UTF-8.
func (w *writer) text(span record.Span) []byte {
	text := w.b.Bytes(span)
	if !w.ascii && !utf8.Valid(text) {
		return bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return text
}

// markNames are the attributes that stand for markFlags.
var (
	markNames = [...]string{"log.truncated", "log.partial", "log.invalid_utf8", "log.timed_out"}
	markFlags = [...]record.Flags{record.Truncated, record.Partial, record.InvalidUTF8, record.TimedOut}
)

// sameResource reports whether the resource that is open is that of a record
// with these fields. If not, the attributes of the new one are in w.resAttr.
func (w *writer) sameResource(fields []record.Field, p *plan, shape int32) bool {
	attrs := w.attrs[p.first : p.first+p.resources]
	same := w.resource != 0 && w.shape == shape
	for i := 0; same && i < len(attrs); i++ {
		same = w.values[i] == fields[attrs[i].field].Val
	}
	if same {
		return true
	}
	w.shape, w.values, w.resAttr = shape, w.values[:0], w.resAttr[:0]
	for _, a := range attrs {
		f := fields[a.field]
		w.values = append(w.values, f.Val)
		w.resAttr = w.appendField(append(w.resAttr, tagResourceAttr), w.keys[a.key:a.until], f)
	}
	return w.resource != 0 && bytes.Equal(w.resAttr, w.current)
}

// openResource begins a ResourceLogs with w.resAttr and those labels of the
// stream that they do not hide.
func (w *writer) openResource() {
	w.current = append(w.current[:0], w.resAttr...)
	w.dst, w.resource = protobuf.Open(w.dst, 1, resourceWidth) // ExportLogsServiceRequest.resource_logs
	dst, start := protobuf.Open(w.dst, 1, 2)                   // ResourceLogs.resource
	hidden := w.plans[w.shape].hidden
	for i := range w.b.Stream.Labels {
		l := &w.b.Stream.Labels[i]
		if record.ResourceBit(l.Name)&hidden != 0 {
			continue
		}
		at := 0
		dst, at = protobuf.Open(dst, 1, 1)
		dst = appendKey(dst, l.Name)
		dst = appendStringValue(append(dst, tagValue), []byte(l.Value))
		dst = protobuf.Close(dst, at, 1)
	}
	dst = append(dst, w.current...)
	w.dst = protobuf.Close(dst, start, 2)
}

// openScope ends the open ScopeLogs and begins the one of logger.
func (w *writer) openScope(logger []byte) {
	if w.scope != 0 {
		w.dst = protobuf.Close(w.dst, w.scope, scopeWidth)
	}
	w.logger = append(w.logger[:0], logger...)
	w.dst, w.scope = protobuf.Open(w.dst, 2, scopeWidth) // ResourceLogs.scope_logs
	if len(logger) > 0 {
		dst, start := protobuf.Open(w.dst, 1, 1) // ScopeLogs.scope
		dst = appendText(append(dst, tagKey), logger)
		w.dst = protobuf.Close(dst, start, 1)
	}
}

// planOf returns the plan of a shape, which r has.
func (w *writer) planOf(r *record.Record, shape int32) *plan {
	for int(shape) >= len(w.plans) {
		w.plans = append(w.plans, plan{})
	}
	p := &w.plans[shape]
	if !p.made {
		*p = w.makePlan(w.b.FieldsOf(r))
	}
	return p
}

// makePlan takes the last field of each key: those of the resource first.
func (w *writer) makePlan(fields []record.Field) plan {
	p := plan{made: true, first: len(w.attrs)}
	hidden := w.hiddenFields(fields)
	for i, f := range fields {
		if key := w.b.Bytes(f.Key); record.ResourceBit(key) != 0 && !hidden[i] {
			p.hidden |= record.ResourceBit(key)
			w.addAttr(i, key)
		}
	}
	p.resources = len(w.attrs) - p.first
	for i, f := range fields {
		if key := w.b.Bytes(f.Key); record.ResourceBit(key) == 0 && !hidden[i] && !reserved(key) {
			w.addAttr(i, key)
		}
	}
	p.end = len(w.attrs)
	return p
}

// hiddenFields says of each field whether a later one has its key.
func (w *writer) hiddenFields(fields []record.Field) []bool {
	hidden := make([]bool, len(fields))
	last := make(map[string]int, len(fields))
	for i, f := range fields {
		key := string(w.b.Bytes(f.Key))
		if before, ok := last[key]; ok {
			hidden[before] = true
		}
		last[key] = i
	}
	return hidden
}

func (w *writer) addAttr(field int, key []byte) {
	at := len(w.keys)
	w.keys = appendKey(w.keys, key)
	w.attrs = append(w.attrs, attr{int32(field), int32(at), int32(len(w.keys))})
}

// reserved reports whether key is an attribute that says something of the record itself.
func reserved(key []byte) bool {
	switch string(key) {
	case "log.record.uid", "log.time_source", "log.format", "log.truncated", "log.partial", "log.invalid_utf8", "log.timed_out":
		return true
	}
	return false
}

// appendKey appends KeyValue.key.
func appendKey[T string | []byte](dst []byte, key T) []byte {
	return appendText(append(dst, tagKey), key)
}

// appendText appends the length of s and s: what is behind a tag. A protobuf
// string has to be UTF-8.
func appendText[T string | []byte](dst []byte, s T) []byte {
	if !isUTF8(s) {
		return appendText(dst, bytes.ToValidUTF8([]byte(s), []byte("\uFFFD")))
	}
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func isUTF8[T string | []byte](s T) bool {
	switch s := any(s).(type) {
	case []byte:
		return utf8.Valid(s)
	case string:
		return utf8.ValidString(s)
	}
	return false
}

// appendStringValue appends what is behind the tag of an AnyValue that is text.
func appendStringValue(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		s = bytes.ToValidUTF8(s, []byte("\uFFFD"))
	}
	dst = binary.AppendUvarint(dst, uint64(1+sized(len(s))))
	dst = append(dst, anyString)
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendAttribute appends an attribute of a record that is text.
func appendAttribute(dst []byte, key, value string) []byte {
	n := 1 + sized(len(value))
	dst = append(dst, tagAttribute)
	dst = binary.AppendUvarint(dst, uint64(1+sized(len(key))+1+sized(n)))
	dst = appendKey(dst, key)
	dst = append(dst, tagValue)
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = append(dst, anyString)
	dst = binary.AppendUvarint(dst, uint64(len(value)))
	return append(dst, value...)
}

// appendValueHead appends what is behind the tag of a KeyValue, up to its text,
// which has size bytes. key is KeyValue.key as it is written.
func appendValueHead(dst, key []byte, size int) []byte {
	n := 1 + sized(size)
	dst = binary.AppendUvarint(dst, uint64(len(key)+1+sized(n)))
	dst = append(dst, key...)
	dst = append(dst, tagValue)
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = append(dst, anyString)
	return binary.AppendUvarint(dst, uint64(size))
}

// sized returns how many bytes n bytes have together with their length.
func sized(n int) int { return protobuf.Size(uint64(n)) + n }
