package segment

import (
	"encoding/binary"

	"shipper/internal/record"
)

// The meta of a block says what its columns are and where. It is all that a
// search needs to skip the block, but for the filters.
//
//	uvarint  rows
//	uvarint  raw bytes
//	varint   time of the first row
//	uvarint  from there to the time of the last row
//	uvarint  columns, then for each, ordered by class, name, kind:
//	  u8       class | kind << 2 | shape << 5
//	  u8       number of the member, or string name
//	  uvarint  rows that have a value
//	  const    string value
//	  dict     u8 entries, uvarint bytes of them; if they are few, each as a string
//	  int      varint least, varint most
//	  decimal  varint least, varint most, u8 digits behind the point | short << 4
//	  hex      uvarint bytes of each value
//	  uvarint  bytes of the chunk; if there are any: u32 CRC-32C, little-endian
//	  uvarint  bytes of the filter; if there are any: u32 CRC-32C
//
// A string is a uvarint length and the bytes. Chunks and filters lie one behind
// the other in the order of the columns.

// shape is how a column's values are stored.
type shape uint8

const (
	shapeConst   shape = iota // one value
	shapeDict                 // up to 255 different values
	shapeInt                  // integers
	shapeDecimal              // numbers with a fraction
	shapeHex                  // lower-case hexadecimal digits, an even number, the same for all
	shapeText                 // any
	shapes
)

// maxInline is how many bytes of dictionary entries the meta has room for, so
// that a search can skip a block without reading more.
const maxInline = 1 << 10

// column describes a stored column. Its strings point into the meta.
type column struct {
	class  class
	kind   record.Kind
	shape  shape
	member member
	name   string
	count  int // rows that have a value

	value    string      // const
	distinct int         // dict: number of entries
	size     int         // dict: bytes of the entries; hex: bytes of a value
	inline   string      // dict: the entries as strings, if they are here
	least    int64       // int, decimal
	most     int64       // int, decimal
	form     decimalForm // decimal

	offset, length int64 // the chunk, from the block's first
	sum            uint32
	filter         int // number of the filter in the block, -1 if there is none
	filterSize     int
	filterSum      uint32
}

// blockMeta is a decoded meta.
type blockMeta struct {
	rows     int
	raw      int64
	min, max int64
	columns  []column
}

func appendString[T string | []byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// append appends a column's description.
func (c *column) append(dst []byte) []byte {
	dst = append(dst, byte(c.class)|byte(c.kind)<<2|byte(c.shape)<<5)
	if c.class == classMember {
		dst = append(dst, byte(c.member))
	} else {
		dst = appendString(dst, c.name)
	}
	dst = binary.AppendUvarint(dst, uint64(c.count))
	switch c.shape {
	case shapeConst:
		dst = appendString(dst, c.value)
	case shapeDict:
		dst = append(dst, byte(c.distinct))
		dst = binary.AppendUvarint(dst, uint64(c.size))
		dst = append(dst, c.inline...)
	case shapeInt, shapeDecimal:
		dst = binary.AppendVarint(dst, c.least)
		dst = binary.AppendVarint(dst, c.most)
		if c.shape == shapeDecimal {
			short := 0
			if c.form.short {
				short = 1
			}
			dst = append(dst, byte(c.form.scale|short<<4))
		}
	case shapeHex:
		dst = binary.AppendUvarint(dst, uint64(c.size))
	}
	dst = appendSum(dst, uint64(c.length), c.sum)
	return appendSum(dst, uint64(c.filterSize), c.filterSum)
}

func appendSum(dst []byte, n uint64, sum uint32) []byte {
	dst = binary.AppendUvarint(dst, n)
	if n == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint32(dst, sum)
}

// decode reads a meta into m's memory. It reports whether it is well formed.
func (m *blockMeta) decode(meta string) bool {
	s := scanner{s: meta}
	rows := s.uvarint()
	m.rows, m.raw = int(rows), int64(s.uvarint())
	m.min = s.varint()
	m.max = int64(uint64(m.min) + s.uvarint())
	n := s.uvarint()
	if s.bad || rows == 0 || rows > maxRows || m.max < m.min || n > uint64(len(meta)) {
		return false
	}
	m.columns = m.columns[:0]
	at, filters := int64(0), 0
	for range n {
		m.columns = append(m.columns, column{})
		c := &m.columns[len(m.columns)-1]
		c.decode(&s, m.rows)
		c.offset = at
		at += c.length
		c.filter = -1
		if c.filterSize > 0 {
			c.filter = filters
			filters++
		}
		if s.bad {
			return false
		}
	}
	return s.at == len(s.s)
}

func (c *column) decode(s *scanner, rows int) {
	head := s.byte()
	c.class, c.kind, c.shape = class(head&3), record.Kind(head>>2&7), shape(head>>5)
	if c.class == classMember {
		c.member = member(s.byte())
	} else {
		c.name = s.string()
	}
	c.count = s.int(rows)
	switch c.shape {
	case shapeConst:
		c.value = s.string()
	case shapeDict:
		c.distinct = int(s.byte())
		if c.size = s.int(maxList); c.size <= maxInline {
			from := s.at
			for range c.distinct {
				s.string()
			}
			c.inline = s.s[from:s.at]
		}
	case shapeInt, shapeDecimal:
		c.least, c.most = s.varint(), s.varint()
		if c.shape == shapeDecimal {
			b := s.byte()
			c.form = decimalForm{scale: int(b & 15), short: b>>4 != 0}
		}
	case shapeHex:
		c.size = s.int(maxList)
	}
	c.length, c.sum = s.sum()
	size, sum := s.sum()
	c.filterSize, c.filterSum = int(size), sum
	if c.class >= classes || c.kind > record.JSON || c.shape >= shapes || c.member >= members || c.count == 0 ||
		c.shape == shapeHex && (c.size == 0 || c.count > maxList/c.size) || c.shape == shapeDict && c.distinct == 0 ||
		c.length == 0 && (c.shape != shapeConst || c.count != rows) {
		s.fail()
	}
}

// scanner reads a meta. After the first fault it reads zeros.
type scanner struct {
	s   string
	at  int
	bad bool
}

func (s *scanner) fail() { s.bad, s.at = true, len(s.s) }

func (s *scanner) byte() byte {
	if s.at >= len(s.s) {
		s.fail()
		return 0
	}
	s.at++
	return s.s[s.at-1]
}

func (s *scanner) uvarint() uint64 {
	v := uint64(0)
	for shift := 0; shift < 64; shift += 7 {
		b := s.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if shift == 63 && b > 1 {
				s.fail()
			}
			return v
		}
	}
	s.fail()
	return 0
}

func (s *scanner) varint() int64 {
	v := s.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// int reads a number of at most most.
func (s *scanner) int(most int) int {
	v := s.uvarint()
	if v > uint64(most) {
		s.fail()
		return 0
	}
	return int(v)
}

func (s *scanner) string() string {
	n := s.uvarint()
	if n > uint64(len(s.s)-s.at) {
		s.fail()
		return ""
	}
	s.at += int(n)
	return s.s[s.at-int(n) : s.at]
}

func (s *scanner) sum() (n int64, sum uint32) {
	n = int64(s.int(2 * maxList))
	if n > 0 {
		sum = uint32(s.byte()) | uint32(s.byte())<<8 | uint32(s.byte())<<16 | uint32(s.byte())<<24
	}
	return n, sum
}
