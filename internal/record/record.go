// Package record holds shipper's central types: a Stream, the Records read
// from it, and the Batch that carries them, in memory and in binary form.
//
// A Record follows the OpenTelemetry log data model. What the model calls
// Timestamp, SeverityNumber, Body, TraceId and so on are struct members; all
// the rest, the resource attributes a line brings along (service.name, ...)
// and the semantic-convention names (code.file.path, exception.message, ...)
// included, are Fields under their OpenTelemetry names.
//
// In memory a Batch is one byte arena and flat slices that point into it, so
// that parsing a line allocates nothing. The arena starts out as the bytes
// read from the input; text that had to be unescaped is appended behind them.
package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Span is a byte range of a Batch's arena, or, with the top bit of Off set, of
// the table of well-known names. The zero Span is absent or empty.
type Span struct{ Off, Len uint32 }

// WellKnown reports whether s is in the table of well-known names, which all
// batches share, and not in an arena.
func (s Span) WellKnown() bool { return s.Off&wellKnownBit != 0 }

// Kind says how a Field's value is to be read.
type Kind uint8

// The kinds of a Field.
const (
	String Kind = iota // Val is text, unescaped
	Int                // a signed 64-bit integer
	Number             // Val is the text of any other JSON number: fraction, exponent, beyond 64 bits
	Bool
	Null
	JSON // Val is the compact or original text of a JSON array or object
)

// Field is one attribute of a Record.
type Field struct {
	Key, Val Span
	Kind     Kind
}

// IntField returns a Field of kind Int.
func IntField(key Span, n int64) Field {
	return Field{Key: key, Val: Span{uint32(n), uint32(uint64(n) >> 32)}, Kind: Int}
}

// BoolField returns a Field of kind Bool.
func BoolField(key Span, v bool) Field {
	f := Field{Key: key, Kind: Bool}
	if v {
		f.Val.Len = 1
	}
	return f
}

// Int returns the value of a Field of kind Int.
func (f Field) Int() int64 { return int64(uint64(f.Val.Off) | uint64(f.Val.Len)<<32) }

// Bool returns the value of a Field of kind Bool.
func (f Field) Bool() bool { return f.Val.Len != 0 }

// TimeSource says where a Record's Time comes from.
type TimeSource uint8

// The origins of a Record's Time.
const (
	TimeRead   TimeSource = iota // the line has none: when the agent read it
	TimeLine                     // the line
	TimeNoYear                   // the line, the year filled in
	TimeNoDate                   // the line, the date filled in
	TimeNoZone                   // the line, the zone taken from the configuration
	TimeFrame                    // the frame around the line: CRI, Docker, journald
)

var timeSources = [...]string{"read", "line", "line_no_year", "line_no_date", "line_no_zone", "frame"}

func (s TimeSource) String() string {
	if int(s) < len(timeSources) {
		return timeSources[s]
	}
	return "unknown"
}

// Flags mark what happened to a Record on its way.
type Flags uint8

// The flags of a Record.
const (
	Truncated   Flags = 1 << iota // the line was longer than the limit and cut
	Partial                       // the input ended without a newline
	InvalidUTF8                   // bytes were replaced by U+FFFD
	HasTrace                      // TraceID is set
	HasSpan                       // SpanID is set
	TimedOut                      // a multi-line record was closed by a time-out
)

// Record is one log record. Its Spans and Fields point into its Batch.
type Record struct {
	Time     int64 // ns since the Unix epoch; set for every record
	Observed int64 // ns since the Unix epoch, when the agent read it
	Offset   int64 // of the first byte of the record in its stream's generation

	Body         Span
	SeverityText Span // as written, at most 32 bytes
	Logger       Span // instrumentation scope: logger, target, module

	field, fields uint32 // first and number of the Fields in the Batch

	TraceID    [16]byte // if Flags&HasTrace
	SpanID     [8]byte  // if Flags&HasSpan
	TraceFlags uint8

	Severity   uint8 // OpenTelemetry severity number 0..24, 0 = unspecified
	TimeSource TimeSource
	Flags      Flags
	Format     uint8 // number of the format it was parsed as: see FormatName
}

// Label is a name and a value that hold for a whole Stream.
type Label struct{ Name, Value string }

// Stream is where records come from: a file, a container, a journal unit. It
// is Loki's stream and OTLP's resource. It never changes once records of it
// exist, so it may be shared freely.
type Stream struct {
	ID     string  // generation ID: the same bytes read again get the same ID
	Labels []Label // sorted by name, OpenTelemetry spelling: service.name, host.name, log.file.path
}

// Batch is a number of records of one stream. It is not for concurrent use.
type Batch struct {
	Stream  *Stream
	Arena   []byte
	Records []Record
	Fields  []Field

	shaped   bool // enc has the shapes of the records as they are
	numbered bool // it has their numbers at least, from Decode
	ascii    bool // all values that are text were, when Decode made them
	enc      encoder
	keys     []Field // of Decode: keys and kinds of the shapes
	labels   []byte  // of Decode: the stream's labels in binary form
	unpacked []byte  // of Decode: memory of the arena if values had to be unpacked
}

// Reset empties b and keeps its memory. arena becomes the arena; b appends to it.
func (b *Batch) Reset(s *Stream, arena []byte) {
	b.Stream, b.Arena = s, arena
	b.Records, b.Fields = b.Records[:0], b.Fields[:0]
	b.ascii = false
	b.Reshape()
}

// ASCII reports whether Decode found all text of the records, but for the keys of
// fields, to be ASCII. It spares who only reads them the look at each value; false
// says nothing.
func (b *Batch) ASCII() bool { return b.ascii }

// Bytes returns what s spans: valid until the arena is appended to or reused.
func (b *Batch) Bytes(s Span) []byte {
	if s.Off&wellKnownBit != 0 {
		off := s.Off &^ wellKnownBit
		return wellKnownBytes[off : off+s.Len : off+s.Len]
	}
	return b.Arena[s.Off : s.Off+s.Len : s.Off+s.Len]
}

// Add appends text to the arena and returns its Span.
func (b *Batch) Add(text []byte) Span {
	off := len(b.Arena)
	b.Arena = append(b.Arena, text...)
	return Span{uint32(off), uint32(len(text))}
}

// AddString appends text to the arena and returns its Span.
func (b *Batch) AddString(text string) Span {
	off := len(b.Arena)
	b.Arena = append(b.Arena, text...)
	return Span{uint32(off), uint32(len(text))}
}

// Begin starts a record and returns it. The pointer is valid until the next
// Begin; fields are added with AddField until then.
func (b *Batch) Begin() *Record {
	b.Reshape()
	if n := len(b.Records); n < cap(b.Records) {
		b.Records = b.Records[:n+1]
		b.Records[n] = Record{field: uint32(len(b.Fields))}
	} else {
		b.Records = append(b.Records, Record{field: uint32(len(b.Fields))})
	}
	return &b.Records[len(b.Records)-1]
}

// Undo takes back the record begun last, with its fields.
func (b *Batch) Undo() {
	last := len(b.Records) - 1
	b.Fields = b.Fields[:b.Records[last].field]
	b.Records = b.Records[:last]
	b.Reshape()
}

// AddField adds f to the record begun last.
func (b *Batch) AddField(f Field) {
	b.Fields = append(b.Fields, f)
	b.Records[len(b.Records)-1].fields++
	b.Reshape()
}

// FieldsOf returns the fields of r, which must be a record of b. They may be
// changed in place.
func (b *Batch) FieldsOf(r *Record) []Field { return b.Fields[r.field : r.field+r.fields] }

// Attach adds f to r, any record of b. It is AddField for what is decided after
// the records behind r were begun: fields that r has then move.
func (b *Batch) Attach(r *Record, f Field) {
	if int(r.field+r.fields) != len(b.Fields) {
		first := len(b.Fields)
		b.Fields = append(b.Fields, b.FieldsOf(r)...)
		r.field = uint32(first)
	}
	b.Fields = append(b.Fields, f)
	r.fields++
	b.Reshape()
}

// Detach takes the i-th field from r, any record of b.
func (b *Batch) Detach(r *Record, i int) {
	fs := b.FieldsOf(r)
	copy(fs[i:], fs[i+1:])
	r.fields--
	b.Reshape()
}

// Select makes dst a batch of some records of b, by their numbers. It shares
// stream, arena and fields with b: it is valid as long as b stays as it is.
func (b *Batch) Select(dst *Batch, rows []int32) {
	dst.Stream, dst.Arena, dst.Fields, dst.ascii = b.Stream, b.Arena, b.Fields, b.ascii
	dst.Records = dst.Records[:0]
	dst.Reshape()
	for _, i := range rows {
		dst.Records = append(dst.Records, b.Records[i])
	}
}

// Lookup returns the last field of r with the given key.
func (b *Batch) Lookup(r *Record, key string) (Field, bool) {
	fs := b.FieldsOf(r)
	for i := len(fs) - 1; i >= 0; i-- {
		if string(b.Bytes(fs[i].Key)) == key {
			return fs[i], true
		}
	}
	return Field{}, false
}

// Text returns the value of f as text: a string as it is, a number in decimal,
// true or false, null, or JSON. It appends to dst.
func (b *Batch) Text(dst []byte, f Field) []byte {
	switch f.Kind {
	case Int:
		return appendInt(dst, f.Int())
	case Bool:
		return strconv.AppendBool(dst, f.Bool())
	case Null:
		return append(dst, "null"...)
	}
	return append(dst, b.Bytes(f.Val)...)
}

// Float returns the value of a numeric field.
func (b *Batch) Float(f Field) (float64, bool) {
	switch f.Kind {
	case Int:
		return float64(f.Int()), true
	case Number:
		v, err := strconv.ParseFloat(string(b.Bytes(f.Val)), 64)
		return v, err == nil && !math.IsInf(v, 0)
	}
	return 0, false
}

// AppendID appends the deterministic ID of a record of stream s at the given
// offset: the stream's generation ID and the offset, in hexadecimal.
func AppendID(dst []byte, stream string, offset int64) []byte {
	dst = append(dst, stream...)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, uint64(offset), 16)
}

// severities are the names of the OpenTelemetry severity ranges, in order.
var severities = [...]string{"trace", "debug", "info", "warn", "error", "fatal"}

// SeverityName returns the name of the range a severity number is in: trace,
// debug, info, warn, error or fatal; the empty string for 0 and beyond 24.
func SeverityName(n uint8) string {
	if n == 0 || n > 24 {
		return ""
	}
	return severities[(n-1)/4]
}

// ResourceBit returns a bit for each of the attributes that describe where a record
// comes from rather than the event, OTLP's resource and top-level members in NDJSON:
// service.name, deployment.environment.name, service.version, host.name, process.pid.
// It is 0 for any other name.
func ResourceBit[T string | []byte](name T) uint32 {
	switch string(name) {
	case "service.name":
		return 1
	case "deployment.environment.name":
		return 2
	case "service.version":
		return 4
	case "host.name":
		return 8
	case "process.pid":
		return 16
	}
	return 0
}

const wellKnownBit = 1 << 31

// wellKnown are the names a record may have without its line spelling them.
// Their Spans are made by Name and need no room in the arena. The order is not
// part of any format.
var wellKnown = []string{
	"service.name", "deployment.environment.name", "service.version", "host.name", "process.pid",
	"code.file.path", "code.line.number", "code.column.number", "code.function.name",
	"exception.type", "exception.message", "exception.stacktrace", "exception.chain", "exception.fingerprint",
	"thread.name", "thread.id", "go.goroutine.id", "spans", "span.name", "signal", "signal.code", "signal.addr",
	"log.iostream", "log.frame_time", "log.record.original", "log.record.timestamp",
	"http.request.method", "url.path", "url.original", "http.response.status_code", "client.address", "server.address", "user_agent.original",
	"user.name", "http.request.header.referer", "http.response.body.size", "db.query.text", "rows", "dns.question.name",
	"test.case.name", "test.case.result.status", "duration", "request_id", "tags", "channel",
	"stdout", "stderr",
	"message", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL",
}

var (
	wellKnownBytes = []byte(strings.Join(wellKnown, ""))
	wellKnownSpans = func() map[string]Span {
		m := make(map[string]Span, len(wellKnown))
		off := uint32(0)
		for _, n := range wellKnown {
			m[n] = Span{off | wellKnownBit, uint32(len(n))}
			off += uint32(len(n))
		}
		return m
	}()
)

// Name returns the Span of a well-known name, valid in every Batch. It panics
// if name is not one: callers pass constants, once, at start.
func Name(name string) Span {
	s, ok := wellKnownSpans[name]
	if !ok {
		panic(fmt.Sprintf("record: %q is not a well-known name", name))
	}
	return s
}

// AppendTraceID appends r's trace ID as 32 lower-case hexadecimal digits, or nothing.
func (r *Record) AppendTraceID(dst []byte) []byte {
	if r.Flags&HasTrace == 0 {
		return dst
	}
	dst = appendHex(dst, binary.BigEndian.Uint64(r.TraceID[:]))
	return appendHex(dst, binary.BigEndian.Uint64(r.TraceID[8:]))
}

// AppendSpanID appends r's span ID as 16 lower-case hexadecimal digits, or nothing.
func (r *Record) AppendSpanID(dst []byte) []byte {
	if r.Flags&HasSpan == 0 {
		return dst
	}
	return appendHex(dst, binary.BigEndian.Uint64(r.SpanID[:]))
}

// appendHex appends v as 16 lower-case hexadecimal digits.
func appendHex(dst []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, hexDigits(v>>32)), hexDigits(v&0xffffffff))
}

// hexDigits returns the eight digits of a number of 32 bits, all made at once.
func hexDigits(x uint64) uint64 {
	x = (x<<16 | x) & 0x0000ffff0000ffff
	x = (x<<8 | x) & 0x00ff00ff00ff00ff
	x = (x<<4 | x) & 0x0f0f0f0f0f0f0f0f
	letters := (x + 0x0606060606060606) >> 4 & 0x0101010101010101
	return x + 0x3030303030303030 + letters*('a'-'9'-1)
}

// appendInt appends n in decimal. Up to eight digits are made at once, without a
// branch: it is not known before how many there will be.
func appendInt(dst []byte, n int64) []byte {
	if uint64(n) > 99_999_999 {
		return strconv.AppendInt(dst, n, 10)
	}
	x := uint64(n)/10_000 | uint64(n)%10_000<<32 // numbers of four digits, the first one lowest
	q := x * 10_486 >> 20 & 0x0000007f_0000007f  // by 100
	x = q | (x-100*q)<<16
	q = x * 103 >> 10 & 0x000f000f_000f000f // by 10
	x = q | (x-10*q)<<8
	zeros := bits.TrailingZeros64(x|1<<56) / 8
	dst = binary.LittleEndian.AppendUint64(dst, (x+0x3030303030303030)>>(8*zeros))
	return dst[:len(dst)-zeros]
}
