package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The binary form of a batch, version 1. Records of one shape, that is with the
// same keys and kinds in the same order, share a shape entry, and values of one
// shape and key stand together as a column: a compressor gets about half of the
// bytes that rows would have, and the values next to each other are alike.
//
//	u8       version
//	uvarint  bytes that follow
//	string   stream ID                      (string: uvarint length, bytes)
//	uvarint  labels, then for each: string name, string value
//	uvarint  records
//	uvarint  shapes, then for each: uvarint fields, then for each: u8 kind, string key
//	column   shape of each record: uvarint  (absent if there is one shape)
//	column   time:     zigzag varint, difference to the record before
//	column   observed: zigzag varint, difference to the record before
//	column   offset:   zigzag varint, difference to the record before
//	column   severity, time source, flags, format: u8 each, four columns
//	column   severity text, logger, body: three string columns
//	column   trace ID 16 bytes and flags u8, for records with HasTrace
//	column   span ID 8 bytes, for records with HasSpan
//	for each shape, for each of its fields, a column of its records' values:
//	         Int: zigzag varint, difference to the value before in the column
//	         Bool, Null: u8
//	         String, Number, JSON: string column
//
// A string column is a u8 mode and
//
//	0 plain       uvarint lengths of all values, then their bytes
//	1 dictionary  u8 entries - 1, each entry a string, then a u8 index for each value
//	2 hex         uvarint digits of every value, then all values, two lower-case digits a byte
//
// Every value of every column takes at least one byte but for hex, which is
// bounded by the digits, so the size of the form bounds what a decoder makes of it.
const binaryVersion = 1

// maxBytes bounds the binary form, so that every Span has room in 31 bits.
const maxBytes = 1 << 28

// recordBytes is the least that a record takes: a byte in each of ten columns.
// A Record in memory is many times that, so it bounds what a length can make a
// decoder allocate.
const recordBytes = 10

const (
	columnPlain = iota
	columnDict
	columnHex
)

// shape is a sequence of keys and kinds, as the fields of one record.
type shape struct {
	first  int // a record that has it
	fields int
	rows   []int32 // records that have it; from Decode: where their fields begin
}

// encoder is the scratch memory of Append.
type encoder struct {
	shapes  []shape
	shapeOf []int32
	byHash  map[uint64]int32
	spans   []Span
	numbers []uint64
	dict    dict
}

// Append appends the binary form of b to dst. Fields with no bytes behind
// their Spans and records out of time or offset order are fine.
func (b *Batch) Append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, binaryVersion, 0, 0, 0, 0, 0)
	head := len(dst)
	dst = appendString(dst, b.Stream.ID)
	dst = binary.AppendUvarint(dst, uint64(len(b.Stream.Labels)))
	for _, l := range b.Stream.Labels {
		dst = appendString(dst, l.Name)
		dst = appendString(dst, l.Value)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.Records)))
	e := &b.enc
	if !b.shaped {
		e.findShapes(b)
	}
	b.Reshape() // whoever changes it before the next time need not say so
	dst = binary.AppendUvarint(dst, uint64(len(e.shapes)))
	for _, s := range e.shapes {
		dst = binary.AppendUvarint(dst, uint64(s.fields))
		for _, f := range b.FieldsOf(&b.Records[s.first]) {
			dst = append(dst, byte(f.Kind))
			dst = appendString(dst, b.Bytes(f.Key))
		}
	}
	if len(e.shapes) > 1 {
		for _, s := range e.shapeOf {
			dst = binary.AppendUvarint(dst, uint64(s))
		}
	}
	dst = b.appendMembers(dst)
	for i := range e.shapes {
		for j := range e.shapes[i].fields {
			dst = b.appendColumn(dst, &e.shapes[i], j)
		}
	}
	// The length has room for five bytes: a padded uvarint.
	n := uint32(len(dst) - head)
	for i := range 5 {
		dst[start+1+i] = byte(n>>(7*i))&0x7f | 0x80
	}
	dst[start+5] &= 0x7f
	return dst
}

// Shapes returns the number of each record's shape: records with the same keys
// and kinds of fields in the same order have one number, mostly. It is valid
// until a record, or a key or kind, changes; whoever changes one in place calls
// Reshape. Append needs the same and does not find it out again.
func (b *Batch) Shapes() []int32 {
	if !b.shaped && !b.numbered {
		b.enc.findShapes(b)
		b.shaped = true
	}
	return b.enc.shapeOf
}

// Reshape says that keys or kinds of fields were changed in place.
func (b *Batch) Reshape() { b.shaped, b.numbered = false, false }

func (e *encoder) findShapes(b *Batch) {
	e.shapes, e.shapeOf = e.shapes[:0], e.shapeOf[:0]
	clear(e.byHash)
	last := int32(-1)
	for i := range b.Records {
		r := &b.Records[i]
		if last < 0 || !b.sameShape(r, &b.Records[e.shapes[last].first]) {
			last = e.lookup(b, i)
		}
		e.shapeOf = append(e.shapeOf, last)
		e.shapes[last].rows = append(e.shapes[last].rows, int32(i))
	}
}

// lookup returns the shape of record i, a new one if it has none yet. Two
// shapes with one hash are told apart; the later one is then not found again,
// which costs bytes and is no error.
func (e *encoder) lookup(b *Batch, i int) int32 {
	r := &b.Records[i]
	h := uint64(14695981039346656037)
	for _, f := range b.FieldsOf(r) {
		for _, c := range b.Bytes(f.Key) {
			h = (h ^ uint64(c)) * 1099511628211
		}
		h = (h ^ uint64(f.Kind) ^ 0x100) * 1099511628211
	}
	if s, ok := e.byHash[h]; ok && b.sameShape(r, &b.Records[e.shapes[s].first]) {
		return s
	}
	if e.byHash == nil {
		e.byHash = make(map[uint64]int32)
	}
	s := int32(len(e.shapes))
	e.byHash[h] = s
	if len(e.shapes) < cap(e.shapes) {
		e.shapes = e.shapes[:s+1] // keeps the memory of rows
		e.shapes[s].rows = e.shapes[s].rows[:0]
	} else {
		e.shapes = append(e.shapes, shape{})
	}
	e.shapes[s].first, e.shapes[s].fields = i, int(r.fields)
	return s
}

func (b *Batch) sameShape(r, o *Record) bool {
	if r.fields != o.fields {
		return false
	}
	x, y := b.FieldsOf(r), b.FieldsOf(o)
	for i := range x {
		if x[i].Kind != y[i].Kind || x[i].Key.Len != y[i].Key.Len ||
			x[i].Key != y[i].Key && string(b.Bytes(x[i].Key)) != string(b.Bytes(y[i].Key)) {
			return false
		}
	}
	return true
}

// appendMembers appends the columns of what every record has.
func (b *Batch) appendMembers(dst []byte) []byte {
	rs := b.Records
	var last int64
	for i := range rs {
		dst = binary.AppendVarint(dst, rs[i].Time-last)
		last = rs[i].Time
	}
	last = 0
	for i := range rs {
		dst = binary.AppendVarint(dst, rs[i].Observed-last)
		last = rs[i].Observed
	}
	last = 0
	for i := range rs {
		dst = binary.AppendVarint(dst, rs[i].Offset-last)
		last = rs[i].Offset
	}
	for i := range rs {
		dst = append(dst, rs[i].Severity)
	}
	for i := range rs {
		dst = append(dst, byte(rs[i].TimeSource))
	}
	for i := range rs {
		dst = append(dst, byte(rs[i].Flags))
	}
	for i := range rs {
		dst = append(dst, rs[i].Format)
	}
	e := &b.enc
	e.spans = e.spans[:0]
	for i := range rs {
		e.spans = append(e.spans, rs[i].SeverityText)
	}
	dst = b.appendStrings(dst)
	e.spans = e.spans[:0]
	for i := range rs {
		e.spans = append(e.spans, rs[i].Logger)
	}
	dst = b.appendStrings(dst)
	e.spans = e.spans[:0]
	for i := range rs {
		e.spans = append(e.spans, rs[i].Body)
	}
	dst = b.appendStrings(dst)
	for i := range rs {
		if rs[i].Flags&HasTrace != 0 {
			dst = append(dst, rs[i].TraceID[:]...)
			dst = append(dst, rs[i].TraceFlags)
		}
	}
	for i := range rs {
		if rs[i].Flags&HasSpan != 0 {
			dst = append(dst, rs[i].SpanID[:]...)
		}
	}
	return dst
}

// appendColumn appends the values of field j of the records of shape s.
func (b *Batch) appendColumn(dst []byte, s *shape, j int) []byte {
	switch b.Fields[int(b.Records[s.first].field)+j].Kind {
	case Int:
		last := int64(0)
		for _, i := range s.rows {
			n := b.Fields[int(b.Records[i].field)+j].Int()
			dst = binary.AppendVarint(dst, n-last)
			last = n
		}
		return dst
	case Bool, Null:
		for _, i := range s.rows {
			dst = append(dst, byte(b.Fields[int(b.Records[i].field)+j].Val.Len&1))
		}
		return dst
	}
	e := &b.enc
	e.spans = e.spans[:0]
	for _, i := range s.rows {
		e.spans = append(e.spans, b.Fields[int(b.Records[i].field)+j].Val)
	}
	return b.appendStrings(dst)
}

// appendStrings appends the string column of enc.spans in the mode that suits it.
func (b *Batch) appendStrings(dst []byte) []byte {
	spans := b.enc.spans
	if b.enc.dict.build(b, spans) {
		return b.enc.dict.append(dst, b)
	}
	if digits := b.hexDigits(spans); digits > 0 {
		dst = append(dst, columnHex)
		dst = binary.AppendUvarint(dst, uint64(digits))
		for _, s := range spans {
			v := b.Bytes(s)
			for i := 0; i+1 < len(v); i += 2 {
				dst = append(dst, unhex[v[i]]<<4|unhex[v[i+1]])
			}
		}
		return dst
	}
	dst = append(dst, columnPlain)
	for _, s := range spans {
		dst = binary.AppendUvarint(dst, uint64(s.Len))
	}
	for _, s := range spans {
		dst = append(dst, b.Bytes(s)...)
	}
	return dst
}

// hexDigits returns the length of all values if they are lower-case
// hexadecimal of one even length, 0 otherwise.
func (b *Batch) hexDigits(spans []Span) int {
	if len(spans) < 2 || spans[0].Len < 8 || spans[0].Len%2 != 0 {
		return 0
	}
	for _, s := range spans {
		if s.Len != spans[0].Len {
			return 0
		}
		for _, c := range b.Bytes(s) {
			if unhex[c] > 15 {
				return 0
			}
		}
	}
	return int(spans[0].Len)
}

// unhex is the value of a lower-case hexadecimal digit, 255 for other bytes.
var unhex = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()

// dict finds columns of few values. It is made for speed: a direct-mapped
// table of the entries, no deletion, given up as soon as it does not pay.
type dict struct {
	entries []Span
	codes   []byte
	slot    [256]uint16 // entry + 1 by hash
}

// dictMax is the number of entries a dictionary column can have.
const dictMax = 256

// build reports whether the column of spans is worth a dictionary.
func (d *dict) build(b *Batch, spans []Span) bool {
	d.entries, d.codes = d.entries[:0], d.codes[:0]
	if len(spans) < 2 {
		return false
	}
	clear(d.slot[:])
	last := Span{}
	code := -1
	for i, s := range spans {
		// One entry for every four values, and a start that does not decide too soon.
		if len(d.entries) > 16+i/4 {
			return false
		}
		v := b.Bytes(s)
		if code < 0 || s.Len != last.Len || string(v) != string(b.Bytes(last)) {
			if code = d.code(b, s, v); code < 0 {
				return false
			}
			last = s
		}
		d.codes = append(d.codes, byte(code))
	}
	return 2*len(d.entries) <= len(spans)
}

func (d *dict) code(b *Batch, s Span, v []byte) int {
	h := uint32(len(v)) * 31
	if n := len(v); n > 0 {
		h += uint32(v[0]) + uint32(v[n-1])*7 + uint32(v[n/2])*37 + uint32(v[n/4])*101 + uint32(v[n-1-n/4])*59
	}
	for k := h; ; k++ {
		p := &d.slot[byte(k)]
		if *p == 0 {
			if len(d.entries) == dictMax-1 {
				return -1
			}
			d.entries = append(d.entries, s)
			*p = uint16(len(d.entries))
			return len(d.entries) - 1
		}
		if e := d.entries[*p-1]; e.Len == s.Len && string(b.Bytes(e)) == string(v) {
			return int(*p - 1)
		}
	}
}

func (d *dict) append(dst []byte, b *Batch) []byte {
	dst = append(dst, columnDict, byte(len(d.entries)-1))
	for _, s := range d.entries {
		dst = appendString(dst, b.Bytes(s))
	}
	return append(dst, d.codes...)
}

func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// ErrCorrupt is wrapped by every error of Decode.
var ErrCorrupt = errors.New("corrupt batch")

// Decode makes b the batch at the start of p and returns what follows it. b
// points into p, so p must stay as it is while b is in use. Streams, which are
// few, are copied; a batch of the same stream as b's last one shares it. On an
// error, which wraps ErrCorrupt, b is unusable.
func (b *Batch) Decode(p []byte) ([]byte, error) {
	if len(p) == 0 {
		return nil, fmt.Errorf("%w: no bytes", ErrCorrupt)
	}
	if p[0] != binaryVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrCorrupt, p[0], binaryVersion)
	}
	n, w := binary.Uvarint(p[1:])
	if w <= 0 || n > uint64(len(p)-1-w) || n > maxBytes {
		return nil, fmt.Errorf("%w: length", ErrCorrupt)
	}
	head := 1 + w
	d := decoder{p: p[:head+int(n)], at: head, extra: b.unpacked[:0], ascii: true}
	b.Records, b.Fields, b.Arena = b.Records[:0], b.Fields[:0], d.p
	b.shaped, b.numbered = false, true
	b.decode(&d)
	b.ascii = d.ascii
	if d.err == nil && d.at != len(d.p) {
		d.fail("bytes left over")
	}
	// Hex values were unpacked behind a copy of the form.
	if len(d.extra) > 0 {
		b.Arena, b.unpacked = d.extra, d.extra
	}
	return p[len(d.p):], d.err
}

func (b *Batch) decode(d *decoder) {
	b.decodeStream(d)
	n := d.count(recordBytes)
	e := &b.enc
	fields := b.decodeShapes(d, n)
	if d.err != nil {
		return
	}
	if cap(b.Records) < n {
		b.Records = make([]Record, n)
	}
	b.Records = b.Records[:n]
	clear(b.Records)
	if cap(b.Fields) < fields {
		b.Fields = make([]Field, fields)
	}
	b.Fields = b.Fields[:fields]
	at := uint32(0)
	for i, s := range e.shapeOf {
		k := uint32(e.shapes[s].fields)
		b.Records[i].field, b.Records[i].fields = at, k
		at += k
	}
	b.decodeMembers(d)
	key := 0
	for i := range e.shapes {
		for j := range e.shapes[i].fields {
			b.decodeColumn(d, &e.shapes[i], j, b.keys[key])
			key++
		}
	}
}

func (b *Batch) decodeStream(d *decoder) {
	id := d.string()
	labels := d.at
	k := d.count(2)
	for range k {
		d.string()
		d.string()
	}
	if d.err != nil {
		return
	}
	raw := d.p[labels:d.at]
	if b.Stream != nil && b.Stream.ID == string(d.p[id.Off:id.Off+id.Len]) && string(b.labels) == string(raw) {
		return
	}
	s := &Stream{ID: string(d.p[id.Off : id.Off+id.Len]), Labels: make([]Label, 0, k)}
	b.labels = append(b.labels[:0], raw...)
	l := decoder{p: b.labels}
	l.uvarint()
	for range k {
		name, value := l.string(), l.string()
		s.Labels = append(s.Labels, Label{
			string(l.p[name.Off : name.Off+name.Len]), string(l.p[value.Off : value.Off+value.Len])})
	}
	b.Stream = s
}

// decodeShapes reads the shapes and which record has which, and returns the
// number of fields of all records. Keys go to b.keys with their kinds.
func (b *Batch) decodeShapes(d *decoder, records int) int {
	e := &b.enc
	b.keys, e.shapes, e.shapeOf = b.keys[:0], e.shapes[:0], e.shapeOf[:0]
	n := d.count(1)
	for range n {
		k := d.count(2)
		for range k {
			kind := Kind(d.byte())
			if kind > JSON {
				d.fail("kind of a field")
			}
			b.keys = append(b.keys, Field{Key: d.string(), Kind: kind})
		}
		if i := len(e.shapes); i < cap(e.shapes) {
			e.shapes = e.shapes[:i+1]
			e.shapes[i].rows = e.shapes[i].rows[:0]
		} else {
			e.shapes = append(e.shapes, shape{})
		}
		e.shapes[len(e.shapes)-1].fields = k
		if d.err != nil {
			return 0
		}
	}
	if records > 0 && n == 0 {
		d.fail("records without a shape")
	}
	fields := 0
	for range records {
		s := 0
		if n > 1 {
			s = int(min(d.uvarint(), 1<<31))
		}
		if s >= n || d.err != nil {
			d.fail("shape of a record")
			return 0
		}
		e.shapeOf = append(e.shapeOf, int32(s))
		e.shapes[s].rows = append(e.shapes[s].rows, int32(fields))
		fields += e.shapes[s].fields
	}
	// Each value has a byte of its own, but for hex, which has at least four.
	if fields > len(d.p) {
		d.fail("more fields than bytes")
	}
	return fields
}

func (b *Batch) decodeMembers(d *decoder) {
	rs, e := b.Records, &b.enc
	last := int64(0)
	for i, v := range d.uvarints(e, len(rs)) {
		last += zigzag(v)
		rs[i].Time = last
	}
	last = 0
	for i, v := range d.uvarints(e, len(rs)) {
		last += zigzag(v)
		rs[i].Observed = last
	}
	last = 0
	for i, v := range d.uvarints(e, len(rs)) {
		last += zigzag(v)
		rs[i].Offset = last
	}
	p := d.bytes(4 * len(rs))
	if d.err != nil {
		return
	}
	for i := range rs {
		rs[i].Severity, rs[i].TimeSource = p[i], TimeSource(p[len(rs)+i])
		rs[i].Flags, rs[i].Format = Flags(p[2*len(rs)+i]), p[3*len(rs)+i]
	}
	for i, s := range d.strings(e, len(rs)) {
		rs[i].SeverityText = s
	}
	for i, s := range d.strings(e, len(rs)) {
		rs[i].Logger = s
	}
	for i, s := range d.strings(e, len(rs)) {
		rs[i].Body = s
	}
	for i := range rs {
		if rs[i].Flags&HasTrace != 0 {
			copy(rs[i].TraceID[:], d.bytes(16))
			rs[i].TraceFlags = d.byte()
		}
	}
	for i := range rs {
		if rs[i].Flags&HasSpan != 0 {
			copy(rs[i].SpanID[:], d.bytes(8))
		}
	}
}

func (b *Batch) decodeColumn(d *decoder, s *shape, j int, f Field) {
	switch f.Kind {
	case Int:
		last := int64(0)
		for k, v := range d.uvarints(&b.enc, len(s.rows)) {
			last += zigzag(v)
			b.Fields[int(s.rows[k])+j] = IntField(f.Key, last)
		}
	case Bool, Null:
		for k, v := range d.bytes(len(s.rows)) {
			f.Val.Len = uint32(v & 1)
			b.Fields[int(s.rows[k])+j] = f
		}
	default:
		for k, v := range d.strings(&b.enc, len(s.rows)) {
			f.Val = v
			b.Fields[int(s.rows[k])+j] = f
		}
	}
}

// decoder reads the binary form; after the first error it reads zeros.
type decoder struct {
	p     []byte
	at    int
	extra []byte // p and behind it what had to be unpacked; empty if nothing had
	ascii bool   // all values of string columns are
	err   error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s at byte %d", ErrCorrupt, what, d.at)
	}
}

func (d *decoder) byte() byte {
	if d.err != nil || d.at >= len(d.p) {
		d.fail("end of bytes")
		return 0
	}
	d.at++
	return d.p[d.at-1]
}

func (d *decoder) bytes(n int) []byte {
	if d.err != nil || n > len(d.p)-d.at {
		d.fail("end of bytes")
		return nil
	}
	d.at += n
	return d.p[d.at-n : d.at]
}

func (d *decoder) uvarint() uint64 {
	if d.err == nil && d.at < len(d.p) && d.p[d.at] < 0x80 {
		d.at++
		return uint64(d.p[d.at-1])
	}
	if d.err != nil {
		return 0
	}
	v, w := binary.Uvarint(d.p[d.at:])
	if w <= 0 {
		d.fail("number")
		return 0
	}
	d.at += w
	return v
}

// uvarints reads a column of n numbers. The result is valid until the next call;
// it is empty after an error.
func (d *decoder) uvarints(e *encoder, n int) []uint64 {
	if d.err != nil {
		return nil
	}
	e.numbers = slices.Grow(e.numbers[:0], n)[:n]
	p, at := d.p, d.at
	for i := range e.numbers {
		if at < len(p) && p[at] < 0x80 {
			e.numbers[i] = uint64(p[at])
			at++
			continue
		}
		v, w := binary.Uvarint(p[at:])
		if w <= 0 {
			d.fail("number")
			return nil
		}
		e.numbers[i] = v
		at += w
	}
	d.at = at
	return e.numbers
}

// zigzag returns the number with a sign that v stands for.
func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// count reads the number of things that take at least size bytes each.
func (d *decoder) count(size int) int {
	v := d.uvarint()
	if v > uint64(len(d.p)-d.at)/uint64(size) {
		d.fail("count")
		return 0
	}
	return int(v)
}

func (d *decoder) string() Span {
	n := d.count(1)
	off := d.at
	d.bytes(n)
	return Span{uint32(off), uint32(n)}
}

// strings reads a string column of n values. The result is valid until the next call.
func (d *decoder) strings(e *encoder, n int) []Span {
	e.spans = e.spans[:0]
	if n == 0 {
		d.byte()
		return nil
	}
	switch d.byte() {
	case columnPlain:
		if n > len(d.p)-d.at {
			d.fail("string column")
			return nil
		}
		lengths := d.uvarints(e, n)
		total := uint64(0)
		for _, v := range lengths {
			if v > uint64(len(d.p)) {
				d.fail("string column")
				return nil
			}
			e.spans = append(e.spans, Span{uint32(d.at) + uint32(total), uint32(v)})
			total += v
		}
		if total > uint64(len(d.p)) {
			d.fail("string column")
			return nil
		}
		text := d.bytes(int(total))
		d.ascii = d.ascii && isASCII(text)
	case columnDict:
		var entries [dictMax]Span
		k := int(d.byte()) + 1
		start := d.at
		for i := range k {
			entries[i] = d.string()
			d.ascii = d.ascii && entries[i].Len < 0x80
		}
		d.ascii = d.ascii && isASCII(d.p[start:d.at]) // lengths below 0x80 are, too
		for _, c := range d.bytes(n) {
			if int(c) >= k {
				d.fail("dictionary index")
				return nil
			}
			e.spans = append(e.spans, entries[c])
		}
	case columnHex:
		return d.hex(e, n)
	default:
		d.fail("mode of a string column")
	}
	if d.err != nil {
		return nil
	}
	return e.spans
}

func (d *decoder) hex(e *encoder, n int) []Span {
	digits := d.count(1)
	if digits%2 != 0 || digits == 0 || n > (len(d.p)-d.at)/(digits/2) {
		d.fail("hex column")
		return nil
	}
	p := d.bytes(n * digits / 2)
	if len(d.extra) == 0 {
		d.extra = append(d.extra, d.p...)
	}
	const hexDigits = "0123456789abcdef"
	for range n {
		e.spans = append(e.spans, Span{uint32(len(d.extra)), uint32(digits)})
		for _, c := range p[:digits/2] {
			d.extra = append(d.extra, hexDigits[c>>4], hexDigits[c&15])
		}
		p = p[digits/2:]
	}
	return e.spans
}

// isASCII reports whether all bytes of p are below 0x80.
func isASCII(p []byte) bool {
	const high = 0x8080808080808080
	for ; len(p) >= 32; p = p[32:] {
		x := binary.LittleEndian.Uint64(p) | binary.LittleEndian.Uint64(p[8:]) |
			binary.LittleEndian.Uint64(p[16:]) | binary.LittleEndian.Uint64(p[24:])
		if x&high != 0 {
			return false
		}
	}
	x := byte(0)
	for _, c := range p {
		x |= c
	}
	return x < 0x80
}
