package segment

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/huff0"
	"github.com/klauspost/compress/zstd"
)

// A column's chunk is made of lists of bytes, each of them
//
//	uvarint  bytes << 2 | form
//	form 0   the bytes
//	form 1   uvarint length of what follows, a zstd frame (RFC 8878) of the bytes
//	form 2   the one byte that all of them are
//	form 3   uvarint length of what follows, a Huffman tree and four streams (RFC
//	         8878, 4.2): better than a frame for bytes that vary without pattern
const (
	formRaw = iota
	formZstd
	formRun
	formHuffman
)

const (
	// minCompress is the size below which a zstd frame does not pay.
	minCompress = 48
	// minHuffman is the size below which a tree does not pay, maxHuffman what
	// the streams may have.
	minHuffman = 256
	maxHuffman = huff0.BlockSizeMax
	// maxList bounds a list: more than fullRaw and the bytes of any batch.
	maxList = 1 << 29
	// windowBytes is more than most lists have and bounds the memory of the encoder.
	windowBytes = 512 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// compressor and decompressor are made once and have no state that shows: they
// are safe for concurrent use and cost more to make than a block.
var compressor = sync.OnceValue(func() *zstd.Encoder {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(windowBytes), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return z
})

var decompressor = sync.OnceValue(func() *zstd.Decoder {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxList),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return z
})

// packer appends lists. With quick set it does not compress.
type packer struct {
	dst     []byte
	quick   bool
	packed  []byte // scratch
	huffman huff0.Scratch
}

func (w *packer) list(p []byte) {
	n := uint64(len(p)) << 2
	if len(p) > 1 && bytes.Equal(p[1:], p[:len(p)-1]) {
		w.dst = append(binary.AppendUvarint(w.dst, n|formRun), p[0])
		return
	}
	if len(p) >= minCompress && !w.quick {
		w.packed = compressor().EncodeAll(p, w.packed[:0])
		form, packed := uint64(formZstd), w.packed
		// One byte takes a bit or more.
		if len(p) >= minHuffman && len(p) <= maxHuffman && len(packed) > len(p)/8 {
			w.huffman.Reuse = huff0.ReusePolicyNone
			if h, _, err := huff0.Compress4X(p, &w.huffman); err == nil && len(h) < len(packed) {
				form, packed = formHuffman, h
			}
		}
		if len(packed)+2 < len(p) {
			w.dst = binary.AppendUvarint(w.dst, n|form)
			w.dst = binary.AppendUvarint(w.dst, uint64(len(packed)))
			w.dst = append(w.dst, packed...)
			return
		}
	}
	w.dst = binary.AppendUvarint(w.dst, n) // formRaw
	w.dst = append(w.dst, p...)
}

func (w *packer) byte(b byte)      { w.dst = append(w.dst, b) }
func (w *packer) uvarint(v uint64) { w.dst = binary.AppendUvarint(w.dst, v) }
func (w *packer) varint(v int64)   { w.dst = binary.AppendVarint(w.dst, v) }

// unpacker reads a chunk. After the first fault it reads nothing more, and bad
// says what was wrong.
type unpacker struct {
	p    []byte
	bad  string
	tree *huff0.Scratch // memory for trees; nil is fine
}

func (r *unpacker) fail(what string) {
	if r.bad == "" {
		r.bad = what
	}
	r.p = nil
}

func (r *unpacker) byte() byte {
	if len(r.p) == 0 {
		r.fail("end of chunk")
		return 0
	}
	b := r.p[0]
	r.p = r.p[1:]
	return b
}

func (r *unpacker) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 {
		r.fail("number")
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *unpacker) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// bytes reads a uvarint length and so many bytes.
func (r *unpacker) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.p)) {
		r.fail("end of chunk")
		return nil
	}
	p := r.p[:n:n]
	r.p = r.p[n:]
	return p
}

// list reads a list that must have want bytes. It uses the memory of buf, and
// returns nil after a fault.
func (r *unpacker) list(buf []byte, want int) []byte {
	h := r.uvarint()
	if r.bad != "" || h>>2 != uint64(want) || want > maxList {
		r.fail("length of a list")
		return nil
	}
	if cap(buf) < want {
		buf = make([]byte, 0, want+want/8)
	}
	buf = buf[:want]
	switch h & 3 {
	case formRaw:
		if len(r.p) < want {
			r.fail("end of chunk")
			return nil
		}
		copy(buf, r.p)
		r.p = r.p[want:]
		return buf
	case formZstd, formHuffman:
		p := r.bytes()
		if r.bad != "" {
			return nil
		}
		if h&3 == formHuffman {
			return r.unHuffman(p, buf)
		}
		out, err := decompressor().DecodeAll(p, buf[:0])
		if err != nil || len(out) != want {
			r.fail("zstd frame")
			return nil
		}
		return out
	case formRun:
		b := r.byte()
		if r.bad != "" {
			return nil
		}
		for i := range buf {
			buf[i] = b
		}
		return buf
	}
	r.fail("form of a list")
	return nil
}

func (r *unpacker) unHuffman(p, buf []byte) []byte {
	tree, streams, err := huff0.ReadTable(p, r.tree)
	if err == nil && len(buf) <= maxHuffman {
		r.tree = tree
		buf, err = tree.Decoder().Decompress4X(buf[:0:len(buf)], streams)
	}
	if err != nil {
		r.fail("Huffman streams")
		return nil
	}
	return buf
}
