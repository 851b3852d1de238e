package pipeline

import "encoding/binary"

// clean remembers short texts without a secret: many values repeat, and to
// compare is cheaper than to look. It is small enough to stay in a fast cache.
type clean struct {
	texts [64]struct {
		n    uint8
		text [maxClean]byte
	}
}

const maxClean = 47

// has reports whether v is known to have no secret. slot is for keep, negative
// if v is not to be remembered.
func (c *clean) has(v []byte) (known bool, slot int) {
	n := len(v)
	if n > maxClean || n < 4 {
		return false, -1
	}
	h := binary.LittleEndian.Uint32(v)*0x9e3779b1 ^ binary.LittleEndian.Uint32(v[n-4:])*0x85ebca6b
	slot = int(h >> 26)
	t := &c.texts[slot]
	return string(t.text[:t.n]) == string(v), slot
}

func (c *clean) keep(slot int, v []byte) {
	if slot >= 0 {
		t := &c.texts[slot]
		t.n = uint8(copy(t.text[:], v))
	}
}
