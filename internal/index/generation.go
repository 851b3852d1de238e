package index

import (
	"iter"
	"sync"
	"time"

	"shipper/internal/record"
	"shipper/internal/segment"
)

const (
	// blockBytes is the text of the records that become one columnar block.
	blockBytes = 4 << 20
	// openBytes bounds the rows of all days that are not in a block yet.
	openBytes = blockBytes + blockBytes/2
	// columnBytes is about what a column takes in memory, beside its values.
	columnBytes = 256
	// maxColumns is from how many columns on a block is made. Records that all
	// have names of their own are searched, and kept, in small blocks.
	maxColumns = 4096
	// partFields is how many fields are added at a time.
	partFields = 1 << 14
	// maxCells bounds rows times columns of a block: who reads a row needs a bit
	// or two for each cell.
	maxCells = 1 << 24
	// maxDays bounds the days, and with them the segments, of a generation: a
	// block may have 36 days, 14 months and 21 years.
	maxDays = 96
)

// generation is what is sealed together: a log and the same records in columnar
// blocks. All of it but the pieces is guarded by Store.mu.
type generation struct {
	number   uint64
	wal      *wal
	broken   error     // why the log is not durable, and will not be
	opened   time.Time // when the first block came
	raw      int64     // bytes of text of all records
	weight   int64     // and of the columns: about what they take in memory
	rows     int64
	open     int64 // weight of rows that are in no piece
	sums     sums  // of its numbered blocks
	days     map[uint32]*dayRows
	builders *sync.Pool // of *segment.Builder
}

// dayRows are the records of one day in a generation.
type dayRows struct {
	rows   *segment.Builder // nil if empty
	view   *segment.Block   // of rows, for queries; nil if there are newer ones
	pieces []*piece
}

// piece is a columnar block that is made, once, by the first who needs it.
type piece struct {
	once     sync.Once
	rows     *segment.Builder
	builders *sync.Pool
	block    *segment.Block
}

func (p *piece) get() *segment.Block {
	p.once.Do(func() {
		p.block = p.rows.Build()
		p.rows.Reset()
		p.builders.Put(p.rows)
		p.rows = nil
	})
	return p.block
}

func newGeneration(number uint64, w *wal, builders *sync.Pool) *generation {
	return &generation{number: number, wal: w, opened: time.Now(), sums: make(sums), days: make(map[uint32]*dayRows), builders: builders}
}

// add adds records whose times are in range. It returns the pieces that have
// become full, for the caller to make into blocks without the lock.
func (g *generation) add(b *record.Batch, arrival int64) (full []*piece) {
	byDay(b, arrival, func(day uint32, b *record.Batch) {
		d := g.days[day]
		if d == nil {
			d = new(dayRows)
			g.days[day] = d
		}
		for part := range parts(b) {
			if d.rows != nil && !fits(d.rows, part) {
				full = append(full, g.cut(d))
			}
			if g.addTo(d, part) {
				full = append(full, g.cut(d))
			}
		}
	})
	for g.open > openBytes {
		full = append(full, g.cut(g.largest()))
	}
	return full
}

// parts yields b in parts of not many more fields than partFields, and not many
// more cells than maxCells should they all have names of their own: b itself, as
// it most often has fewer.
func parts(b *record.Batch) iter.Seq[*record.Batch] {
	return func(yield func(*record.Batch) bool) {
		if len(b.Fields) <= partFields && len(b.Fields)*len(b.Records) <= maxCells {
			yield(b)
			return
		}
		part := *b
		for from := 0; from < len(b.Records); {
			to, fields := from, 0
			for to < len(b.Records) && (to == from || fields < partFields && fields*(to-from) < maxCells) {
				fields += len(b.FieldsOf(&b.Records[to]))
				to++
			}
			part.Records = b.Records[from:to]
			if !yield(&part) {
				return
			}
			from = to
		}
	}
}

// fits reports whether a block has few enough cells with the records of part, too.
func fits(rows *segment.Builder, part *record.Batch) bool {
	n := rows.Rows() + len(part.Records)
	if n*(rows.Columns()+partFields) <= maxCells {
		return true
	}
	return n*(rows.Columns()+namesIn(part)) <= maxCells
}

// addTo adds records to those of a day and reports whether that is a block.
func (g *generation) addTo(d *dayRows, b *record.Batch) (full bool) {
	if d.rows == nil {
		d.rows, _ = g.builders.Get().(*segment.Builder)
		if d.rows == nil {
			d.rows = segment.NewBuilder()
		}
	}
	raw, before := d.rows.Raw(), weight(d.rows)
	d.rows.Add(b)
	d.view = nil
	n := weight(d.rows) - before
	g.raw += d.rows.Raw() - raw
	g.weight, g.open, g.rows = g.weight+n, g.open+n, g.rows+int64(len(b.Records))
	return d.rows.Raw() >= blockBytes || d.rows.Columns() >= maxColumns || d.rows.Full()
}

// weight is about what the rows take in memory.
func weight(rows *segment.Builder) int64 { return rows.Raw() + columnBytes*int64(rows.Columns()) }

// cut makes a piece of the rows of a day.
func (g *generation) cut(d *dayRows) *piece {
	p := &piece{rows: d.rows, builders: g.builders}
	d.pieces = append(d.pieces, p)
	g.open -= weight(d.rows)
	d.rows, d.view = nil, nil
	return p
}

func (g *generation) largest() *dayRows {
	var most *dayRows
	for _, d := range g.days {
		if d.rows != nil && (most == nil || weight(d.rows) > weight(most.rows)) {
			most = d
		}
	}
	return most
}

// finish makes pieces of all rows: g grows no more.
func (g *generation) finish() {
	for _, d := range g.days {
		if d.rows != nil {
			g.cut(d)
		}
	}
}

// blocks returns the blocks of a day as they are now.
func (d *dayRows) blocks() (pieces []*piece, open *segment.Block) {
	if d.rows != nil && d.view == nil {
		d.view = d.rows.View()
	}
	return d.pieces[:len(d.pieces):len(d.pieces)], d.view
}
