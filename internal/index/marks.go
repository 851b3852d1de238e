package index

import (
	"encoding/binary"
	"errors"
	"slices"
)

const (
	// maxGaps bounds the gap set of one agent and epoch, and with it its memory: 16 KiB.
	maxGaps = 1024

	// fewGaps bounds it when all gap sets together are large: more than an agent
	// leaves that has a few requests in flight.
	fewGaps = 16
)

// verdict says what is known of a block.
type verdict uint8

const (
	fresh    verdict = iota // never seen
	repeated                // seen
	conflict                // its ID was seen, but not, or not certainly, with it
)

// marks are the sequences one agent has delivered in one epoch: every one from
// 1 to last, but for the gaps.
type marks struct {
	last uint64
	gaps []gap // sorted, disjoint, not adjacent, below last

	missing uint64 // sequences in gaps

	// floor is the end of the highest gap that had to be forgotten. At and
	// below it a block that was stored and one that never came look alike.
	floor uint64
}

// gap is a run of sequences that have not been seen, both ends included.
type gap struct{ from, to uint64 }

// of says what is known of sequence n.
func (m *marks) of(n uint64) verdict {
	if n > m.last {
		return fresh
	}
	if n <= m.floor {
		return conflict
	}
	if _, in := m.find(n); in {
		return fresh
	}
	return repeated
}

// find returns the index of the gap that n is in.
func (m *marks) find(n uint64) (int, bool) {
	return slices.BinarySearchFunc(m.gaps, n, func(g gap, n uint64) int {
		switch {
		case g.to < n:
			return -1
		case g.from > n:
			return 1
		}
		return 0
	})
}

// add notes sequence n, which must be fresh, and returns how many gaps had to be
// forgotten for it, so that there are no more than limit.
func (m *marks) add(n uint64, limit int) (forgot int) {
	if n > m.last {
		if n > m.last+1 {
			m.gaps = append(m.gaps, gap{m.last + 1, n - 1})
			m.missing += n - 1 - m.last
		}
		m.last = n
		return m.trim(limit)
	}
	i, in := m.find(n)
	if !in {
		return 0
	}
	g := m.gaps[i]
	m.missing--
	switch {
	case g.from == g.to:
		m.gaps = slices.Delete(m.gaps, i, i+1)
	case n == g.from:
		m.gaps[i].from++
	case n == g.to:
		m.gaps[i].to--
	default:
		m.gaps[i].to = n - 1
		m.gaps = slices.Insert(m.gaps, i+1, gap{n + 1, g.to})
	}
	return m.trim(limit)
}

func (m *marks) trim(limit int) (forgot int) {
	if forgot = len(m.gaps) - limit; forgot <= 0 {
		return 0
	}
	m.floor = m.gaps[forgot-1].to
	for _, g := range m.gaps[:forgot] {
		m.missing -= g.to - g.from + 1
	}
	m.gaps = slices.Delete(m.gaps, 0, forgot)
	return forgot
}

// append appends the stored form: last, floor, number of gaps, and for each
// gap the distance from the end of the one before and its length - 1, all uvarint.
func (m *marks) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, m.last)
	dst = binary.AppendUvarint(dst, m.floor)
	dst = binary.AppendUvarint(dst, uint64(len(m.gaps)))
	end := uint64(0)
	for _, g := range m.gaps {
		dst = binary.AppendUvarint(dst, g.from-end)
		dst = binary.AppendUvarint(dst, g.to-g.from)
		end = g.to
	}
	return dst
}

var errMarks = errors.New("corrupt marks of an agent")

// decodeMarks reads the stored form.
func decodeMarks(p []byte) (*marks, error) {
	d := fields{p: p}
	m := &marks{last: d.uvarint(), floor: d.uvarint()}
	n := d.uvarint()
	if d.bad || n > maxGaps {
		return nil, errMarks
	}
	end := uint64(0)
	for range n {
		from := end + d.uvarint()
		to := from + d.uvarint()
		if d.bad || from <= end || to < from || to >= m.last {
			return nil, errMarks
		}
		m.gaps = append(m.gaps, gap{from, to})
		m.missing += to - from + 1
		end = to
	}
	if len(d.p) != 0 || m.floor > m.last {
		return nil, errMarks
	}
	return m, nil
}

// fields reads uvarints and byte strings one after the other; bad is set, and
// stays set, at the first that is not there.
type fields struct {
	p   []byte
	bad bool
}

func (f *fields) uvarint() uint64 {
	v, n := binary.Uvarint(f.p)
	if f.bad || n <= 0 {
		f.bad = true
		return 0
	}
	f.p = f.p[n:]
	return v
}

func (f *fields) varint() int64 {
	v := f.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (f *fields) bytes(n uint64) []byte {
	if f.bad || n > uint64(len(f.p)) {
		f.bad = true
		return nil
	}
	v := f.p[:n:n]
	f.p = f.p[n:]
	return v
}
