package tail

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

const (
	prefixBytes = 1024 // of a file that identify it, at most
	markerBytes = 512  // before a position that identify it, at most: a line or two with their times
	headBytes   = 64   // by which candidates are found
)

// positionVersion is the first byte of an encoded position:
//
//	u8       version
//	u8       flags
//	uvarint  device, inode, offset, length of the prefix
//	u64 LE   hash of the prefix, of the head, of the marker
//	varint   time of birth, time of the position: ns since the Unix epoch
//	string   path (uvarint length, bytes)
//	string   state of the cutter
//
// The hashes are the first eight bytes of SHA-256, the offset is that of the
// plain text if the file is compressed. The generation ID is in the key.
const positionVersion = 1

const (
	flagDone  uint8 = 1 << iota // read to the end and given up: nothing is expected of it
	flagSkip                    // the rest of a line is to be skipped
	flagAtEnd                   // there was no more to read at the time
	flagHole                    // it is in a hole, or right behind one
	flagsAll  = 1<<iota - 1
)

// position is where reading goes on, and what the file has to look like for that.
type position struct {
	offset int64
	flags  uint8

	gen       uint64 // generation ID; 0: not known yet
	file      identity
	prefixLen uint16
	prefix    uint64 // hash of the first prefixLen bytes
	head      uint64 // hash of the first line or headBytes, whichever is shorter; 0: not known yet
	marker    uint64 // hash of the min(markerBytes, offset) bytes before offset

	born  int64  // generations younger than this one were written after that: ns since the Unix epoch
	time  int64  // when this position was reached, ns since the Unix epoch
	path  string // where the file was seen first
	state []byte // of the cutter
}

func (p *position) append(dst []byte) []byte {
	dst = append(dst, positionVersion, p.flags)
	dst = binary.AppendUvarint(dst, p.file.dev)
	dst = binary.AppendUvarint(dst, p.file.ino)
	dst = binary.AppendUvarint(dst, uint64(p.offset))
	dst = binary.AppendUvarint(dst, uint64(p.prefixLen))
	dst = binary.LittleEndian.AppendUint64(dst, p.prefix)
	dst = binary.LittleEndian.AppendUint64(dst, p.head)
	dst = binary.LittleEndian.AppendUint64(dst, p.marker)
	dst = binary.AppendVarint(dst, p.born)
	dst = binary.AppendVarint(dst, p.time)
	dst = binary.AppendUvarint(dst, uint64(len(p.path)))
	dst = append(dst, p.path...)
	dst = binary.AppendUvarint(dst, uint64(len(p.state)))
	return append(dst, p.state...)
}

var errPosition = errors.New("not a position")

// decodePosition reads what append wrote. It copies what it keeps.
func decodePosition(b []byte) (position, error) {
	if len(b) < 2 {
		return position{}, errPosition
	}
	if b[0] != positionVersion {
		return position{}, fmt.Errorf("position of version %d, this program reads %d", b[0], positionVersion)
	}
	d := positionReader{b: b[2:]}
	p := position{flags: b[1]}
	p.file.dev = d.uvarint()
	p.file.ino = d.uvarint()
	offset, prefixLen := d.uvarint(), d.uvarint()
	p.offset, p.prefixLen = int64(offset), uint16(prefixLen)
	p.prefix, p.head, p.marker = d.uint64(), d.uint64(), d.uint64()
	p.born, p.time = d.varint(), d.varint()
	p.path = string(d.string())
	if s := d.string(); len(s) > 0 {
		p.state = append([]byte(nil), s...)
	}
	if d.bad || len(d.b) > 0 || p.flags&^uint8(flagsAll) != 0 || p.offset < 0 || prefixLen > prefixBytes {
		return position{}, errPosition
	}
	return p, nil
}

// positionReader reads the parts of a position; after an error all are zero.
type positionReader struct {
	b   []byte
	bad bool
}

func (d *positionReader) took(n int) {
	if n <= 0 {
		d.bad, d.b = true, nil
		return
	}
	d.b = d.b[n:]
}

func (d *positionReader) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	d.took(n)
	return v
}

func (d *positionReader) varint() int64 {
	v, n := binary.Varint(d.b)
	d.took(n)
	return v
}

func (d *positionReader) uint64() uint64 {
	if len(d.b) < 8 {
		d.took(0)
		return 0
	}
	v := binary.LittleEndian.Uint64(d.b)
	d.took(8)
	return v
}

func (d *positionReader) string() []byte {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

// sum is the hash of the identifying bytes.
func sum(b []byte) uint64 {
	h := sha256.Sum256(b)
	return binary.LittleEndian.Uint64(h[:])
}

// formatID writes a generation ID as in keys: 16 hexadecimal digits.
func formatID(id uint64) string { return fmt.Sprintf("%016x", id) }

func parseID(s string) (uint64, bool) {
	if len(s) != 16 {
		return 0, false
	}
	id, err := strconv.ParseUint(s, 16, 64)
	return id, err == nil && id != 0
}
