package index

import (
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
	// maxDays bounds the days, and with them the segments, of a generation.
	maxDays = 64
)

// generation is what is sealed together: a log and the same records in columnar
// blocks. All of it but the pieces is guarded by Store.mu.
type generation struct {
	number   uint64
	wal      *wal
	opened   time.Time // when the first block came
	raw      int64     // bytes of text of all records
	rows     int64
	open     int64 // bytes of text of rows that are in no piece
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
func (g *generation) add(b *record.Batch) (full []*piece) {
	byDay(b, func(day uint32, b *record.Batch) {
		d := g.days[day]
		if d == nil {
			d = new(dayRows)
			g.days[day] = d
		}
		if d.rows == nil {
			d.rows, _ = g.builders.Get().(*segment.Builder)
			if d.rows == nil {
				d.rows = segment.NewBuilder()
			}
		}
		before := d.rows.Raw()
		d.rows.Add(b)
		d.view = nil
		n := d.rows.Raw() - before
		g.raw, g.open, g.rows = g.raw+n, g.open+n, g.rows+int64(len(b.Records))
		if d.rows.Raw() >= blockBytes || d.rows.Full() {
			full = append(full, g.cut(d))
		}
	})
	for g.open > openBytes {
		full = append(full, g.cut(g.largest()))
	}
	return full
}

// cut makes a piece of the rows of a day.
func (g *generation) cut(d *dayRows) *piece {
	p := &piece{rows: d.rows, builders: g.builders}
	d.pieces = append(d.pieces, p)
	g.open -= d.rows.Raw()
	d.rows, d.view = nil, nil
	return p
}

func (g *generation) largest() *dayRows {
	var most *dayRows
	for _, d := range g.days {
		if d.rows != nil && (most == nil || d.rows.Raw() > most.rows.Raw()) {
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
