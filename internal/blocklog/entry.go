package blocklog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	segmentMagic   = "\x89blklog\n"
	entryMagic     = "blk1"
	formatVersion  = 1
	headerBytes    = 32 // of a segment
	entryOverhead  = 40 // header of an entry
	checkedHeader  = 36 // of an entry: what its checksum covers
	checkedSegment = 28
)

// Overhead is the number of bytes an entry takes beside its meta and payload.
const Overhead = entryOverhead

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

func appendSegmentHeader(dst []byte, number uint64, salt uint32) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, formatVersion)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, number)
	dst = binary.LittleEndian.AppendUint32(dst, salt)
	return binary.LittleEndian.AppendUint32(dst, checksum(dst[start:]))
}

// parseSegmentHeader returns the salt of the segment of that number.
func parseSegmentHeader(p []byte, number uint64) (salt uint32, err error) {
	le := binary.LittleEndian
	switch {
	case len(p) < headerBytes || string(p[:8]) != segmentMagic:
		return 0, errors.New("not a segment")
	case le.Uint32(p[28:]) != checksum(p[:checkedSegment]):
		return 0, errors.New("segment header has a wrong checksum")
	case le.Uint32(p[8:]) != formatVersion:
		return 0, errors.New("segment has an unknown version")
	case le.Uint64(p[16:]) != number:
		return 0, errors.New("segment has another number than its name")
	}
	return le.Uint32(p[24:]), nil
}

func appendEntry(dst []byte, salt uint32, e Entry) []byte {
	start := len(dst)
	dst = append(dst, entryMagic...)
	dst = binary.LittleEndian.AppendUint16(dst, entryOverhead)
	dst = binary.LittleEndian.AppendUint16(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, salt)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.Meta)))
	dst = binary.LittleEndian.AppendUint64(dst, e.Sequence)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.Payload)))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(e.Payload))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(e.Meta))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(dst[start:]))
	dst = append(dst, e.Meta...)
	return append(dst, e.Payload...)
}

// header is the parsed header of an entry.
type header struct {
	salt       uint32
	sequence   uint64
	meta       uint32 // bytes
	payload    uint32 // bytes
	metaCRC    uint32
	payloadCRC uint32
}

// size is that of the whole entry.
func (h *header) size() int64 {
	return entryOverhead + int64(h.meta) + int64(h.payload)
}

// parseHeader reads a header that vouches for itself.
func parseHeader(p []byte) (h header, ok bool) {
	le := binary.LittleEndian
	if len(p) < entryOverhead || string(p[:4]) != entryMagic || le.Uint16(p[4:]) != entryOverhead ||
		le.Uint32(p[36:]) != checksum(p[:checkedHeader]) {
		return header{}, false
	}
	h = header{
		salt:       le.Uint32(p[8:]),
		meta:       le.Uint32(p[12:]),
		sequence:   le.Uint64(p[16:]),
		payload:    le.Uint32(p[24:]),
		payloadCRC: le.Uint32(p[28:]),
		metaCRC:    le.Uint32(p[32:]),
	}
	return h, h.meta <= maxMeta && h.payload <= maxPayload
}

// nextHeader returns the offset of the first header in p from an offset on, or
// -1. Only headers with that salt count; a nil salt is any. A header that p
// holds only the beginning of is not found.
func nextHeader(p []byte, from int, salt *uint32) int {
	for from < len(p) {
		i := bytes.Index(p[from:], []byte(entryMagic))
		if i < 0 {
			return -1
		}
		from += i
		if h, ok := parseHeader(p[from:]); ok && (salt == nil || h.salt == *salt) {
			return from
		}
		from++
	}
	return -1
}
