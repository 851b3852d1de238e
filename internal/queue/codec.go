package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"shipper/internal/blocklog"
	"shipper/internal/input"
)

var errCorruptRow = errors.New("corrupt row in the index")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ID names a block of one agent, for good. Blocks are ordered by it.
type ID struct {
	Epoch    uint32 // grows when it is not certain which sequence numbers were used before
	Sequence uint64 // contiguous from 1 within an epoch
}

func (id ID) String() string { return fmt.Sprintf("%d/%d", id.Epoch, id.Sequence) }

func (id ID) less(other ID) bool {
	return id.Epoch < other.Epoch || id.Epoch == other.Epoch && id.Sequence < other.Sequence
}

func (id ID) next() ID { return ID{id.Epoch, id.Sequence + 1} }

// key is the ID as bytes that sort like it.
func (id ID) key() []byte {
	k := binary.BigEndian.AppendUint32(make([]byte, 0, 12), id.Epoch)
	return binary.BigEndian.AppendUint64(k, id.Sequence)
}

func parseID(p []byte) (ID, bool) {
	if len(p) != 12 {
		return ID{}, false
	}
	return ID{binary.BigEndian.Uint32(p), binary.BigEndian.Uint64(p[4:])}, true
}

// fields reads a sequence of values. It never reads beyond its bytes; bad is
// set by the first value that is not there.
type fields struct {
	p   []byte
	bad bool
}

func (f *fields) uvarint() uint64 {
	v, n := binary.Uvarint(f.p)
	if n <= 0 {
		f.bad, f.p = true, nil
		return 0
	}
	f.p = f.p[n:]
	return v
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.p)
	if n <= 0 {
		f.bad, f.p = true, nil
		return 0
	}
	f.p = f.p[n:]
	return v
}

func (f *fields) byte() byte {
	if len(f.p) == 0 {
		f.bad = true
		return 0
	}
	b := f.p[0]
	f.p = f.p[1:]
	return b
}

// bytes returns what appendBytes appended; it points into the source.
func (f *fields) bytes() []byte {
	n := f.uvarint()
	if n > uint64(len(f.p)) {
		f.bad, f.p = true, nil
		return nil
	}
	b := f.p[:n:n]
	f.p = f.p[n:]
	return b
}

// number is a uvarint that has to fit an int of 32 bits, sign excluded.
func (f *fields) number() int {
	n := f.uvarint()
	if n > 1<<31-1 {
		f.bad = true
		return 0
	}
	return int(n)
}

// done reports whether all was read and nothing was missing.
func (f *fields) done() bool { return !f.bad && len(f.p) == 0 }

func appendBytes[T ~string | ~[]byte](dst []byte, b T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// blockRow is what the index knows of a block.
type blockRow struct {
	at      blocklog.Location
	records int
	raw     int
	time    int64 // of the newest record, ns since the Unix epoch
	queued  int64 // when, ns since the Unix epoch
	source  int64 // bytes the books have as queued for it
	to      addressees
}

func (r *blockRow) append(dst []byte) []byte {
	dst = appendLocation(dst, r.at)
	dst = binary.AppendUvarint(dst, uint64(r.records))
	dst = binary.AppendUvarint(dst, uint64(r.raw))
	dst = binary.AppendVarint(dst, r.time)
	dst = binary.AppendVarint(dst, r.queued)
	dst = binary.AppendVarint(dst, r.source)
	return appendBytes(dst, r.to)
}

func parseBlockRow(p []byte) (blockRow, bool) {
	f := fields{p: p}
	r := blockRow{at: f.location(), records: f.number(), raw: f.number(), time: f.varint(), queued: f.varint(),
		source: f.varint(), to: addressees(f.bytes())}
	return r, f.done()
}

func appendLocation(dst []byte, at blocklog.Location) []byte {
	dst = binary.AppendUvarint(dst, at.Segment)
	dst = binary.AppendUvarint(dst, uint64(at.Offset))
	return binary.AppendUvarint(dst, uint64(at.Length))
}

func (f *fields) location() blocklog.Location {
	at := blocklog.Location{Segment: f.uvarint(), Offset: int64(f.uvarint())}
	n := f.uvarint()
	if at.Offset < 0 || n > 1<<32-1 {
		f.bad = true
	}
	at.Length = uint32(n)
	return at
}

// entryMeta is what the log keeps beside a payload, as blocklog's Meta:
//
//	u8       version, 1
//	u8       0 block, 1 snapshot: nothing follows, the rows are the payload
//	uvarint  epoch, commit, records, raw
//	varint   time, queued
//	bytes    addressees
//	uvarint  number of sources, each: bytes input, bytes file, varint bytes, varint count
//	u8       1 if this is the last block of its commit, then
//	uvarint  number of rows, each: u8 table, u8 deleted, bytes key, bytes value
//
// bytes are a uvarint length and as many bytes. The rows are those the commit
// put into the index, so that an index can be built again from the log.
type entryMeta struct {
	snapshot bool
	epoch    uint32
	commit   uint64
	row      blockRow // without location
	sources  []input.Entry
	last     bool
	rows     []row
}

const metaVersion = 1

func (m *entryMeta) append(dst []byte) []byte {
	if m.snapshot {
		return append(dst, metaVersion, 1)
	}
	dst = append(dst, metaVersion, 0)
	dst = binary.AppendUvarint(dst, uint64(m.epoch))
	dst = binary.AppendUvarint(dst, m.commit)
	dst = binary.AppendUvarint(dst, uint64(m.row.records))
	dst = binary.AppendUvarint(dst, uint64(m.row.raw))
	dst = binary.AppendVarint(dst, m.row.time)
	dst = binary.AppendVarint(dst, m.row.queued)
	dst = appendBytes(dst, m.row.to)
	dst = binary.AppendUvarint(dst, uint64(len(m.sources)))
	for _, s := range m.sources {
		dst = appendBytes(dst, s.Input)
		dst = appendBytes(dst, s.File)
		dst = binary.AppendVarint(dst, s.Bytes)
		dst = binary.AppendVarint(dst, s.Count)
	}
	if !m.last {
		return append(dst, 0)
	}
	return appendRows(append(dst, 1), m.rows)
}

func parseEntryMeta(p []byte) (m entryMeta, ok bool) {
	f := fields{p: p}
	version, kind := f.byte(), f.byte()
	if version != metaVersion || kind > 1 {
		return m, false
	}
	if kind == 1 {
		m.snapshot = true
		return m, f.done()
	}
	epoch := f.uvarint()
	m.epoch, m.commit = uint32(epoch), f.uvarint()
	m.row = blockRow{records: f.number(), raw: f.number(), time: f.varint(), queued: f.varint(), to: addressees(f.bytes())}
	for n := f.uvarint(); n > 0 && !f.bad; n-- {
		s := input.Entry{Input: string(f.bytes()), File: string(f.bytes()), Kind: input.Queued, Bytes: f.varint(), Count: f.varint()}
		m.sources = append(m.sources, s)
		m.row.source += s.Bytes
	}
	last := f.byte()
	if m.last = last == 1; m.last {
		m.rows = f.rows()
	}
	return m, f.done() && last <= 1 && epoch < 1<<32
}

func appendRows(dst []byte, rows []row) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(rows)))
	for _, r := range rows {
		deleted := byte(0)
		if r.value == nil {
			deleted = 1
		}
		dst = append(dst, byte(r.table), deleted)
		dst = appendBytes(dst, r.key)
		dst = appendBytes(dst, r.value)
	}
	return dst
}

// rows reads rows; they point into the source.
func (f *fields) rows() (rows []row) {
	for n := f.uvarint(); n > 0 && !f.bad; n-- {
		r := row{table: table(f.byte())}
		deleted := f.byte()
		r.key, r.value = f.bytes(), f.bytes()
		if deleted == 1 && len(r.value) == 0 {
			r.value = nil
		} else if deleted != 0 {
			f.bad = true
		}
		if !r.table.logged() || len(r.key) == 0 {
			f.bad = true
		}
		rows = append(rows, r)
	}
	return rows
}
