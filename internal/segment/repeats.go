package segment

// Values that return now and then, as what belongs to a request does in each of
// its lines, are stored once. After its presence a column of integers, hex or
// texts has
//
//	u8 0   values of all rows follow
//	u8 1   uvarint different values, integers: how many values ago each had the
//	       same value, 0 if not before; then values, those of the zeros only
const (
	eachValue = iota
	eachOnce
)

const (
	// minRepeats is the number of values below which it does not pay.
	minRepeats = 64
	// sample is after how many values it is given up if nearly all differ.
	sample = 1024
)

// repeats finds values that are not new.
type repeats struct {
	slots []uint32 // last place of a value + 1 by hash, 0 is free
	back  []int64  // how many values ago each was, 0 if it is new
	first []uint32 // places of the new ones
}

// find reports whether so many of n values are repeats that it pays.
func (r *repeats) find(n int, hash func(i int) uint64, same func(i, j int) bool) bool {
	if n < minRepeats {
		return false
	}
	size := 1024
	for size < 2*n {
		size *= 2
	}
	if cap(r.slots) < size {
		r.slots = make([]uint32, size)
	}
	r.slots = r.slots[:size]
	clear(r.slots)
	r.back, r.first = r.back[:0], r.first[:0]
	mask := uint64(size - 1)
	for i := range n {
		if i == sample && len(r.first)*10 > i*9 {
			return false
		}
		k := hash(i) >> 20 & mask
		for r.slots[k] != 0 && !same(int(r.slots[k]-1), i) {
			k = (k + 1) & mask
		}
		if r.slots[k] == 0 {
			r.back, r.first = append(r.back, 0), append(r.first, uint32(i))
		} else {
			r.back = append(r.back, int64(i)-int64(r.slots[k]-1))
		}
		r.slots[k] = uint32(i + 1)
	}
	return len(r.first)*5 <= n*3
}
