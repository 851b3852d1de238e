// Package block packs batches into blocks: the unit that is committed to the
// queue, numbered, sent and acknowledged. A block is the binary form of one or
// more batches, one behind the other, as one zstd frame (RFC 8878).
package block

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"shipper/internal/record"
)

// windowBytes bounds what an encoder looks back on and a decoder has to keep.
const windowBytes = 512 << 10

// Encoder makes blocks. It is not for concurrent use.
type Encoder struct {
	zstd *zstd.Encoder
	raw  []byte
}

// NewEncoder returns an Encoder.
func NewEncoder() *Encoder {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(windowBytes), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // the options are constants
	}
	return &Encoder{zstd: z}
}

// Append appends the block of the given batches to dst and returns it with the
// number of bytes it has before compression.
func (e *Encoder) Append(dst []byte, batches []*record.Batch) (block []byte, raw int) {
	e.raw = e.raw[:0]
	for _, b := range batches {
		e.raw = b.Append(e.raw)
	}
	return e.zstd.EncodeAll(e.raw, dst), len(e.raw)
}

// Decoder reads blocks. It is not for concurrent use.
type Decoder struct {
	zstd    *zstd.Decoder
	raw     []byte
	batch   record.Batch
	batches []*record.Batch // of All; their memory is used again
}

// NewDecoder returns a Decoder that refuses blocks of more than maxBytes before compression.
func NewDecoder(maxBytes int) *Decoder {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(maxBytes)),
		zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return &Decoder{zstd: z}
}

// Decode calls emit for each batch of the block, in order. A batch and all it
// points to are valid until emit returns. An error of emit ends it.
func (d *Decoder) Decode(block []byte, emit func(*record.Batch) error) error {
	raw, err := d.zstd.DecodeAll(block, d.raw[:0])
	if err != nil {
		return fmt.Errorf("decompress block: %w", err)
	}
	d.raw = raw
	for len(raw) > 0 {
		raw, err = d.batch.Decode(raw)
		if err != nil {
			return err
		}
		if err := emit(&d.batch); err != nil {
			return err
		}
	}
	return nil
}

// maxBatches is how many batches All holds at a time.
const maxBatches = 4096

// All returns all batches of the block, so that a caller knows that the whole
// of it is sound before it uses any. They and all they point to are valid until
// the next call. A block of more than 4096 batches is an error. Raw is the
// number of bytes before compression.
func (d *Decoder) All(block []byte) (batches []*record.Batch, raw int, err error) {
	p, err := d.zstd.DecodeAll(block, d.raw[:0])
	if err != nil {
		return nil, 0, fmt.Errorf("decompress block: %w", err)
	}
	d.raw = p
	n := 0
	for len(p) > 0 {
		if n == maxBatches {
			return nil, 0, fmt.Errorf("block has more than %d batches", maxBatches)
		}
		if n == len(d.batches) {
			d.batches = append(d.batches, new(record.Batch))
		}
		if p, err = d.batches[n].Decode(p); err != nil {
			return nil, 0, err
		}
		n++
	}
	return d.batches[:n], len(d.raw), nil
}
