// Package input defines what every input hands to the pipeline: chunks of
// whole records, each with the position behind it.
package input

import (
	"context"
	"time"

	"shipper/internal/record"
)

// Chunk is a run of bytes of one stream, cut at the ends of units: a unit is a
// record, or a few whose lines interleave.
//
// Ownership of a Chunk passes with put: the source does not touch Data, Ends or
// Pos again. The receiver calls Release, once, when it needs none of them any more.
type Chunk struct {
	Stream *record.Stream
	Hint   *Hint // what the parser learnt of the stream so far; shared by its chunks

	Data  []byte         // the bytes of whole units, without what follows the last end; may have spare capacity
	Ends  []int32        // for each unit, the end of it in Data, line terminator included
	Flags []record.Flags // for each unit, or nil if none has any
	Base  int64          // offset of Data[0] in the stream's generation
	Read  int64          // when Data was read, ns since the Unix epoch

	// Modified is when the file that Data is from was changed last, ns since the
	// Unix epoch: times without a year or a date are not later. 0 is not known.
	Modified int64

	Zone *time.Location // of times without one; nil: the parser's own

	Input string // key of the position, unique among all inputs: "<input name>/<generation ID>"
	Pos   []byte // the position behind this chunk, to be stored under Input; nil deletes it
	Books []Entry

	// Tail says that the end of the last record in Data is from another
	// generation: the file was rotated within the record. Base, Stream and Books
	// are those of its start. It is nil otherwise.
	Tail *Tail

	Release func() // gives Data back to the source's pool; may be nil
}

// Tail is the position behind what a chunk has of another generation, to be
// stored together with the chunk's own.
type Tail struct {
	Input string
	Pos   []byte
}

// Entry is one line of the books: what became of bytes of an input that did
// not, or not only, become records.
//
// For every input and file, bytes read = bytes queued + dropped by rule + lost
// by cause holds at all times.
type Entry struct {
	Input  string // the input's name in the configuration
	File   string // the path at the time, or another name of the stream
	Kind   EntryKind
	Reason string // for Dropped and Lost: the rule or the cause, such as "line_limit", "truncated", "deleted_unread"
	Bytes  int64
	Count  int64 // records (Queued, Dropped), lines or events (Lost); 0 if not known
}

// EntryKind is the column of the books an Entry goes to.
type EntryKind uint8

// The columns of the books. Read is the debit side, the others the credit side.
const (
	Read EntryKind = iota
	Queued
	Dropped
	Lost
)

func (k EntryKind) String() string {
	return [...]string{"read", "queued", "dropped", "lost"}[k]
}

// Source reads one configured input.
type Source interface {
	// Run reads until ctx is done or the input ends, and hands chunks to put,
	// in order within each stream. at returns the stored position of every
	// key of this input, once, at start. put blocks while the pipeline is
	// full; it fails only when the pipeline is shutting down, and then Run
	// returns that error. Run returns nil at the end of ctx or of the input.
	Run(ctx context.Context, at map[string][]byte, put func(Chunk) error) error
}
