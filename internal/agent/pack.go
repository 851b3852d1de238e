package agent

import (
	"sync/atomic"

	"shipper/internal/block"
	"shipper/internal/format"
	"shipper/internal/frame"
	"shipper/internal/input"
	"shipper/internal/pipeline"
	"shipper/internal/queue"
	"shipper/internal/record"
)

// packer makes blocks of chunks: it parses their records, applies the rules and
// encodes what is left. Each worker has one; it is not for concurrent use.
type packer struct {
	splitter frame.Splitter
	parser   *format.Parser
	rules    *atomic.Pointer[pipeline.Pipeline] // nil in it: there are none
	worker   *pipeline.Worker                   // of the rules that were in force last
	encoder  *block.Encoder
	batches  pool
	views    pool    // batches that share the fields of others
	starts   []int32 // of the records of the batch that is parsed
	parts    []part
	buffers  *buffers
	stats    *Stats
}

// part is what becomes one block: the records for one set of outputs.
type part struct {
	route   pipeline.Route
	rank    pipeline.Priority
	batches []*record.Batch
	books   []input.Entry
	records int
	newest  int64
}

// packed is the outcome of some chunks, ready to commit.
type packed struct {
	appends []queue.Append
	chunks  []input.Chunk // to release after the commit
}

// pack makes a block for each set of outputs, and each priority, of the records
// of all chunks: one, unless rules or the queue's policy say otherwise.
func (p *packer) pack(chunks []input.Chunk) packed {
	out := packed{chunks: append([]input.Chunk(nil), chunks...)}
	p.begin()
	var rest queue.Append // what belongs to no block
	for _, c := range chunks {
		if c.Input != "" {
			rest.Positions = append(rest.Positions, queue.Position{Key: c.Input, Value: c.Pos})
		}
		if t := c.Tail; t != nil {
			rest.Positions = append(rest.Positions, queue.Position{Key: t.Input, Value: t.Pos})
		}
		rest.Books = append(rest.Books, c.Books...)
		if len(c.Ends) == 0 {
			continue
		}
		b := p.batches.get()
		p.parse(b, c)
		p.stats.Records.Add(int64(len(b.Records)))
		if p.worker == nil {
			p.part(0, pipeline.Unranked).add(b, c, int64(len(c.Data)))
			continue
		}
		rest.Books = p.route(rest.Books, b, c)
	}
	for i := range p.parts {
		out.appends = append(out.appends, p.encode(&p.parts[i]))
	}
	if len(out.appends) == 0 {
		out.appends = []queue.Append{{}}
	}
	first := &out.appends[0]
	first.Positions, first.Books = rest.Positions, append(rest.Books, first.Books...)
	return out
}

// begin takes up the rules in force and empties everything.
func (p *packer) begin() {
	switch rules := p.rules.Load(); {
	case rules == nil:
		p.worker = nil
	case p.worker == nil || p.worker.Pipeline() != rules:
		p.worker = rules.NewWorker()
	}
	p.parts, p.batches.used, p.views.used = p.parts[:0], 0, 0
}

// route applies the rules to b, made of c. It returns the books with what was
// dropped; the rest goes to the parts.
func (p *packer) route(books []input.Entry, b *record.Batch, c input.Chunk) []input.Entry {
	p.worker.PEM = c.Hint.Open()
	parts := p.worker.Apply(b, p.starts, len(c.Data), c.Read)
	c.Hint.SetOpen(p.worker.PEM)
	for _, some := range parts {
		if some.Reason != "" {
			e := entry(c, input.Dropped, some.Bytes, len(some.Rows))
			e.Reason = some.Reason
			books = append(books, e)
			continue
		}
		view := b
		if len(some.Rows) < len(b.Records) {
			view = p.views.get()
			b.Select(view, some.Rows)
		}
		p.part(some.Route, some.Rank).add(view, c, some.Bytes)
	}
	return books
}

// part returns the part for a set of outputs and a priority.
func (p *packer) part(to pipeline.Route, rank pipeline.Priority) *part {
	for i := range p.parts {
		if p.parts[i].route == to && p.parts[i].rank == rank {
			return &p.parts[i]
		}
	}
	if len(p.parts) < cap(p.parts) {
		p.parts = p.parts[:len(p.parts)+1]
	} else {
		p.parts = append(p.parts, part{})
	}
	last := &p.parts[len(p.parts)-1]
	*last = part{route: to, rank: rank, batches: last.batches[:0]}
	return last
}

// add adds the records of b, which were made of that many bytes of c.
func (p *part) add(b *record.Batch, c input.Chunk, bytes int64) {
	p.batches = append(p.batches, b)
	p.records += len(b.Records)
	p.books = append(p.books, entry(c, input.Queued, bytes, len(b.Records)))
	for i := range b.Records {
		p.newest = max(p.newest, b.Records[i].Time)
	}
}

// encode makes a block of a part.
func (p *packer) encode(from *part) queue.Append {
	payload, raw := p.encoder.Append(p.buffers.get(), from.batches)
	p.stats.Blocks.Add(1)
	p.stats.RawBytes.Add(int64(raw))
	p.stats.BlockBytes.Add(int64(len(payload)))
	b := &queue.Block{Records: from.records, Raw: raw, Time: from.newest, Payload: payload, Priority: priorities[from.rank]}
	if p.worker != nil {
		b.To = p.worker.Pipeline().Names(from.route)
	}
	return queue.Append{Block: b, Books: from.books}
}

// priorities are the queue's, by the pipeline's.
var priorities = [...]queue.Priority{pipeline.Low: queue.Low, pipeline.Normal: queue.Normal, pipeline.High: queue.High}

// entry is an entry of the books for records of c.
func entry(c input.Chunk, kind input.EntryKind, bytes int64, records int) input.Entry {
	e := input.Entry{Kind: kind, Bytes: bytes, Count: int64(records)}
	for _, b := range c.Books {
		if b.Kind == input.Read {
			e.Input, e.File = b.Input, b.File
		}
	}
	return e
}

// pool is batches that keep their memory; the first ones are in use.
type pool struct {
	all  []*record.Batch
	used int
}

func (p *pool) get() *record.Batch {
	if p.used == len(p.all) {
		p.all = append(p.all, new(record.Batch))
	}
	p.used++
	return p.all[p.used-1]
}

// parse makes b the records of c and, for the rules, notes where each begins.
func (p *packer) parse(b *record.Batch, c input.Chunk) {
	b.Reset(c.Stream, c.Data)
	p.starts = p.starts[:0]
	hint := c.Hint.Load()
	p.parser.Written = c.Modified
	p.parser.SetZone(c.Zone)
	lo := 0
	for i, end := range c.Ends {
		hi := int(end)
		var flags record.Flags
		if c.Flags != nil {
			flags = c.Flags[i]
		}
		var texts []frame.Text
		b.Arena, texts = p.splitter.Split(b.Arena, lo, hi, flags)
		for j := range texts {
			t := &texts[j]
			p.parser.Parse(b, t.Lo, t.Hi, c.Read, &hint)
			t.Complete(b, p.parser)
			b.Records[len(b.Records)-1].Offset = c.Base + int64(lo+t.Offset)
			p.starts = append(p.starts, int32(lo+t.Offset))
		}
		lo = hi
	}
	c.Hint.Store(hint)
}
