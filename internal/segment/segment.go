// Package segment is the columnar storage of the indexer, without any policy.
//
// A Builder collects records and makes a Block of them: immutable, compressed,
// in the order of time, and searchable where it is, in memory. Write puts many
// blocks into one segment file, which Open opens for the same searches. Both
// know nothing of days, retention, agents or repeats.
//
// Every attribute of a record is a column of its own with the type it came
// with. Queries name columns in LogQL's spelling: see LabelName. DESIGN.md
// describes the format byte by byte.
package segment

import (
	"context"
	"fmt"
)

// Info describes a block or a segment.
type Info struct {
	Min, Max int64 // times of the first and the last record, ns since the Unix epoch
	Rows     int64
	Raw      int64 // bytes of bodies, names and values before compression
	Bytes    int64 // in memory for a block, of the file for a segment
	Blocks   int
}

// CorruptError says that stored bytes are not what was written.
type CorruptError struct {
	Path   string // of the segment file, empty for a block in memory
	Offset int64  // in the file, of the part that is corrupt
	What   string
}

func (e *CorruptError) Error() string {
	if e.Path == "" {
		return "corrupt block: " + e.What
	}
	return fmt.Sprintf("corrupt segment %s: %s at byte %d", e.Path, e.What, e.Offset)
}

// Block is a number of records as columns, in the order of their times. It
// never changes and any number of goroutines may search it.
type Block struct {
	meta    string // see meta.go
	data    []byte // chunks of the columns, in their order
	filters []byte // filters of the columns, in their order
	info    Info
	filter  []int64 // where each filter begins
}

// Info returns what is in the block.
func (b *Block) Info() Info { return b.info }

// Search calls emit with the rows that q asks for, in the order of their times,
// until emit returns false. A Row is valid until emit returns.
func (b *Block) Search(ctx context.Context, q Query, emit func(Row) bool) error {
	s := newSearch(ctx, &q)
	defer s.free()
	return s.rows(b.parts(), emit)
}

// Count counts the rows that q asks for. See Segment.Count.
func (b *Block) Count(ctx context.Context, q Query, step int64, by []string, add func(bucket int64, values []string, n int64)) error {
	s := newSearch(ctx, &q)
	defer s.free()
	return s.count(b.parts(), step, by, add)
}

// Values calls add with values of a column. See Segment.Values.
func (b *Block) Values(ctx context.Context, column string, q Query, add func(value string) bool) error {
	s := newSearch(ctx, &q)
	defer s.free()
	return s.values(b.parts(), column, add)
}

// Columns returns the names of all columns in LogQL's spelling, sorted.
func (b *Block) Columns() ([]string, error) { return columnNames(b.parts()) }

func (b *Block) parts() []part {
	return []part{{min: b.info.Min, max: b.info.Max, rows: int(b.info.Rows), meta: b.meta, from: b, filter: b.filter}}
}

// chunk returns stored bytes; those in memory need no check.
func (b *Block) chunk(at int64, n int, _ uint32, _ []byte) ([]byte, error) {
	return b.data[at : at+int64(n)], nil
}

func (b *Block) filterAt(at int64, n int, _ uint32, _ []byte) ([]byte, error) {
	return b.filters[at : at+int64(n)], nil
}

func (b *Block) corrupt(_ int64, what string) error { return &CorruptError{What: what} }

// part is a block as a search sees it: in memory or in a file.
type part struct {
	min, max int64
	rows     int
	raw      int64
	meta     string
	from     source
	data     int64   // where its chunks begin
	filter   []int64 // where each of its filters begins
}

// source reads stored bytes of a given checksum. What it returns is valid until
// the next call with the same buf.
type source interface {
	chunk(at int64, n int, sum uint32, buf []byte) ([]byte, error)
	filterAt(at int64, n int, sum uint32, buf []byte) ([]byte, error)
	corrupt(at int64, what string) error
}
