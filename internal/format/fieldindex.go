package format

import (
	"bytes"
	"hash/maphash"
)

// fieldIndex finds the fields of a record that has many by their keys. It is a
// hash table with linear probing: entries are the numbers of fields + 1.
type fieldIndex struct {
	seed    maphash.Seed
	slots   []uint32
	entered int // fields so far
}

// indexedFrom is the number of fields from which on the index is faster than
// looking at each.
const indexedFrom = 64

// reset empties the index for the next record.
func (x *fieldIndex) reset() {
	x.entered = 0
	if len(x.slots) > 1<<14 {
		x.slots = nil
	}
	clear(x.slots)
}

// find returns the number of the field with that key, -1 if there is none. The
// keys of all fields are in the arena.
func (x *fieldIndex) find(p *Parser, key []byte) int {
	fs := p.b.FieldsOf(p.r)
	if 2*len(fs) > len(x.slots) {
		x.slots = make([]uint32, 8*len(fs))
		x.entered = 0
	}
	for ; x.entered < len(fs); x.entered++ {
		k := p.b.Bytes(fs[x.entered].Key)
		if i, found := x.slot(p, k); !found {
			x.slots[i] = uint32(x.entered + 1)
		}
	}
	i, found := x.slot(p, key)
	if !found {
		return -1
	}
	return int(x.slots[i] - 1)
}

// slot returns where the key is in the table, or has its place.
func (x *fieldIndex) slot(p *Parser, key []byte) (i uint64, found bool) {
	fs := p.b.FieldsOf(p.r)
	for i = maphash.Bytes(x.seed, key) % uint64(len(x.slots)); x.slots[i] != 0; i = (i + 1) % uint64(len(x.slots)) {
		if f := fs[x.slots[i]-1]; int(f.Key.Len) == len(key) && bytes.Equal(p.b.Bytes(f.Key), key) {
			return i, true
		}
	}
	return i, false
}
