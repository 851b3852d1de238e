package agent

import (
	"shipper/internal/block"
	"shipper/internal/format"
	"shipper/internal/input"
	"shipper/internal/queue"
	"shipper/internal/record"
)

// packer makes blocks of chunks: it parses their records and encodes them. Each
// worker has one; it is not for concurrent use.
type packer struct {
	parser  *format.Parser
	encoder *block.Encoder
	batches []*record.Batch
	buffers *buffers
	stats   *Stats
}

// packed is the outcome of some chunks, ready to commit.
type packed struct {
	append queue.Append
	chunks []input.Chunk // to release after the commit
}

// pack makes one block of the records of all chunks.
func (p *packer) pack(chunks []input.Chunk) packed {
	out := packed{chunks: append([]input.Chunk(nil), chunks...)}
	var batches []*record.Batch
	records, newest := 0, int64(0)
	for i, c := range chunks {
		if c.Input != "" {
			out.append.Positions = append(out.append.Positions, queue.Position{Key: c.Input, Value: c.Pos})
		}
		out.append.Books = append(out.append.Books, c.Books...)
		if len(c.Ends) == 0 {
			continue
		}
		b := p.batch(i)
		p.parse(b, c)
		batches = append(batches, b)
		records += len(b.Records)
		out.append.Books = append(out.append.Books, queued(c, len(b.Records)))
		for j := range b.Records {
			newest = max(newest, b.Records[j].Time)
		}
	}
	if records == 0 {
		return out
	}
	payload, raw := p.encoder.Append(p.buffers.get(), batches)
	out.append.Block = &queue.Block{Records: records, Raw: raw, Time: newest, Payload: payload}
	p.stats.Records.Add(int64(records))
	p.stats.Blocks.Add(1)
	p.stats.RawBytes.Add(int64(raw))
	p.stats.BlockBytes.Add(int64(len(payload)))
	return out
}

// queued is the entry of the books for the records of c.
func queued(c input.Chunk, records int) input.Entry {
	e := input.Entry{Kind: input.Queued, Bytes: int64(len(c.Data)), Count: int64(records)}
	for _, b := range c.Books {
		if b.Kind == input.Read {
			e.Input, e.File = b.Input, b.File
		}
	}
	return e
}

// batch returns the i-th batch of a block; they keep their memory.
func (p *packer) batch(i int) *record.Batch {
	for len(p.batches) <= i {
		p.batches = append(p.batches, new(record.Batch))
	}
	return p.batches[i]
}

// parse makes b the records of c.
func (p *packer) parse(b *record.Batch, c input.Chunk) {
	b.Reset(c.Stream, c.Data)
	hint := c.Hint.Load()
	lo := int32(0)
	for i, hi := range c.Ends {
		first := len(b.Records)
		p.parser.Parse(b, int(lo), int(hi), c.Read, &hint)
		// A record that came out of the middle of another has an offset of its own, too.
		for j := range b.Records[first:] {
			r := &b.Records[first+j]
			r.Offset = c.Base + int64(lo) + int64(j)
			if c.Flags != nil {
				r.Flags |= c.Flags[i]
			}
		}
		lo = hi
	}
	c.Hint.Store(hint)
}
