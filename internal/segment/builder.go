package segment

import (
	"math"
	"slices"

	"shipper/internal/record"
)

// Builder collects records for a block. Each value is copied at once, so
// batches may be used again. A Builder is not for concurrent use.
type Builder struct {
	rows int
	raw  int64

	// Members that every row has, by row.
	times, observed, offsets             []int64
	severity, timeSource, flags, formats []byte
	streams                              []uint32 // index into streamIDs

	streamIDs  []string
	streamByID map[string]uint32

	body, severityText, logger, trace, traceFlags, span staged

	columns []*staged
	spare   []*staged // of before Reset
	byKey   map[columnKey]*staged
	recent  []*staged // columns of the fields of the row before, in order
	cache   [cacheSlots]cached
	batch   uint32 // counts Add, for the cache
	scratch []byte

	build *assembly
}

type columnKey struct {
	name  string
	class class
	kind  record.Kind
}

// cached is a column by where a batch spells its name: a decoded batch spells a
// name once for each shape of records.
type cached struct {
	key    record.Span
	batch  uint32
	kind   record.Kind
	column *staged
}

const cacheSlots = 128

const (
	// fullRows and fullRaw are where a block has enough.
	fullRows = 1 << 20
	fullRaw  = 128 << 20
	// maxRows bounds the rows of a block that is read: more than fullRows and
	// the records of any batch.
	maxRows = 1 << 25
	// maxSpare is the number of columns whose memory Reset keeps.
	maxSpare = 256
)

// NewBuilder returns an empty Builder.
func NewBuilder() *Builder {
	b := &Builder{streamByID: make(map[string]uint32), byKey: make(map[columnKey]*staged)}
	b.body = staged{kind: record.String, member: memberBody}
	b.severityText = staged{kind: record.String, member: memberSeverityText}
	b.logger = staged{kind: record.String, member: memberLogger}
	b.trace = staged{kind: record.String, member: memberTrace}
	b.traceFlags = staged{kind: record.Int, member: memberTraceFlags}
	b.span = staged{kind: record.String, member: memberSpan}
	b.Reset()
	return b
}

// Reset empties the Builder and keeps its memory, which makes the next block cheaper.
func (b *Builder) Reset() {
	b.rows, b.raw = 0, 0
	b.times, b.observed, b.offsets = b.times[:0], b.observed[:0], b.offsets[:0]
	b.severity, b.timeSource, b.flags, b.formats = b.severity[:0], b.timeSource[:0], b.flags[:0], b.formats[:0]
	b.streams, b.streamIDs = b.streams[:0], b.streamIDs[:0]
	clear(b.streamByID)
	for _, c := range b.members() {
		c.reset()
	}
	// Last in, first out: the same columns in the same order get their memory back.
	slices.Reverse(b.columns)
	b.spare = append(b.spare, b.columns[max(0, len(b.spare)+len(b.columns)-maxSpare):]...)
	b.columns, b.recent = b.columns[:0], b.recent[:0]
	clear(b.byKey)
	b.batch++ // forgets the cache
}

func (b *Builder) members() [6]*staged {
	return [...]*staged{&b.body, &b.severityText, &b.logger, &b.trace, &b.traceFlags, &b.span}
}

// Rows returns the number of records in the Builder.
func (b *Builder) Rows() int { return b.rows }

// Raw returns the bytes of bodies, names and values in the Builder. Blocks of 2
// MiB are small and quick to search; see DESIGN.md.
func (b *Builder) Raw() int64 { return b.raw }

// Columns returns the number of columns that the records in the Builder have,
// beside the members of every record.
func (b *Builder) Columns() int { return len(b.columns) }

// Full reports whether no other batch may be added: a block has room for
// 1048576 records or 128 MiB, and one batch more.
func (b *Builder) Full() bool { return b.rows > fullRows || b.raw > fullRaw }

// Add adds copies of all records of a batch.
func (b *Builder) Add(batch *record.Batch) {
	rs := batch.Records
	if len(rs) == 0 {
		return
	}
	if b.batch++; b.batch == math.MaxUint32 {
		b.cache, b.batch = [cacheSlots]cached{}, 1
	}
	b.addStream(batch.Stream, len(rs))
	b.addNumbers(rs)
	for i := range rs {
		r, row := &rs[i], b.rows
		b.body.addText(row, batch.Bytes(r.Body))
		b.raw += int64(r.Body.Len)
		if r.SeverityText.Len > 0 {
			b.severityText.addText(row, batch.Bytes(r.SeverityText))
		}
		if r.Logger.Len > 0 {
			b.logger.addText(row, batch.Bytes(r.Logger))
			b.raw += int64(r.Logger.Len)
		}
		if r.Flags&record.HasTrace != 0 {
			b.trace.at(row)
			b.trace.hex = append(b.trace.hex, r.TraceID[:]...)
			b.traceFlags.addInt(row, int64(r.TraceFlags))
			b.raw += 32
		}
		if r.Flags&record.HasSpan != 0 {
			b.span.at(row)
			b.span.hex = append(b.span.hex, r.SpanID[:]...)
			b.raw += 16
		}
		b.addFields(batch, batch.FieldsOf(r))
		b.rows++
	}
}

func (b *Builder) addStream(s *record.Stream, rows int) {
	n, ok := b.streamByID[s.ID]
	if !ok {
		n = uint32(len(b.streamIDs))
		b.streamIDs = append(b.streamIDs, s.ID)
		b.streamByID[s.ID] = n
	}
	for range rows {
		b.streams = append(b.streams, n)
	}
	for _, l := range s.Labels {
		c := b.column(columnKey{l.Name, classLabel, record.String})
		if c.last >= b.rows {
			continue // a name that the stream has twice
		}
		b.scratch = append(b.scratch[:0], l.Value...)
		c.addText(b.rows, b.scratch)
		c.run(b.rows+1, rows-1)
		c.text.again(rows - 1)
	}
}

func (b *Builder) addNumbers(rs []record.Record) {
	n := len(rs)
	b.times, b.observed, b.offsets = slices.Grow(b.times, n), slices.Grow(b.observed, n), slices.Grow(b.offsets, n)
	b.severity, b.timeSource = slices.Grow(b.severity, n), slices.Grow(b.timeSource, n)
	b.flags, b.formats = slices.Grow(b.flags, n), slices.Grow(b.formats, n)
	for i := range rs {
		r := &rs[i]
		b.times, b.observed, b.offsets = append(b.times, r.Time), append(b.observed, r.Observed), append(b.offsets, r.Offset)
		b.severity, b.timeSource = append(b.severity, r.Severity), append(b.timeSource, byte(r.TimeSource))
		b.flags, b.formats = append(b.flags, byte(r.Flags)), append(b.formats, r.Format)
	}
	b.raw += 8 * int64(n)
}

func (b *Builder) addFields(batch *record.Batch, fields []record.Field) {
	for i := range fields {
		f := &fields[i]
		c := b.find(batch, f, i)
		b.raw += int64(f.Key.Len)
		switch f.Kind {
		case record.Int:
			c.addInt(b.rows, f.Int())
			b.raw += 8
		case record.Bool:
			c.addInt(b.rows, int64(f.Val.Len&1))
			b.raw++
		case record.Null:
			c.at(b.rows)
		default:
			c.addText(b.rows, batch.Bytes(f.Val))
			b.raw += int64(f.Val.Len)
		}
	}
}

// find returns the column of field i of a row.
func (b *Builder) find(batch *record.Batch, f *record.Field, i int) *staged {
	slot := &b.cache[(f.Key.Off*0x9e3779b1>>20^uint32(f.Kind))%cacheSlots]
	if slot.key == f.Key && slot.batch == b.batch && slot.kind == f.Kind {
		return slot.column
	}
	name := batch.Bytes(f.Key)
	var c *staged
	if i < len(b.recent) && b.recent[i].kind == f.Kind && b.recent[i].name == string(name) {
		c = b.recent[i]
	} else if c = b.byKey[columnKey{string(name), classField, f.Kind}]; c == nil {
		c = b.column(columnKey{string(name), classField, f.Kind})
	}
	if i < len(b.recent) {
		b.recent[i] = c
	} else if i == len(b.recent) {
		b.recent = append(b.recent, c)
	}
	*slot = cached{f.Key, b.batch, f.Kind, c}
	return c
}

// column returns the column of a key, a new one if there is none yet.
func (b *Builder) column(k columnKey) *staged {
	if c := b.byKey[k]; c != nil {
		return c
	}
	var c *staged
	if n := len(b.spare); n > 0 {
		c, b.spare = b.spare[n-1], b.spare[:n-1]
	} else {
		c = new(staged)
	}
	c.class, c.kind, c.name = k.class, k.kind, k.name
	c.reset()
	b.columns = append(b.columns, c)
	b.byKey[k] = c
	return c
}
