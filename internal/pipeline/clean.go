package pipeline

import "encoding/binary"

// clean remembers short texts without a secret: many values repeat, and to
// compare is cheaper than to look. It is small enough to stay in a fast cache.
type clean struct {
	texts [cleanTexts]cleanText
}

// cleanText is a text: up to 16 bytes are in head and tail, which overlap.
type cleanText struct {
	head, tail uint64
	n          uint8
	text       [maxClean]byte
}

const (
	maxClean   = 47
	cleanBits  = 7
	cleanTexts = 1 << cleanBits
)

// has reports whether v is known to have no secret. slot is for keep, negative
// if v is not to be remembered.
func (c *clean) has(v []byte) (known bool, slot int) {
	n := len(v)
	if n > maxClean || n < 4 {
		return false, -1
	}
	head, tail := ends(v)
	slot = int((head*0x9e3779b97f4a7c15 ^ tail*0xc2b2ae3d27d4eb4f) >> (64 - cleanBits))
	t := &c.texts[slot]
	return t.head == head && t.tail == tail && int(t.n) == n && (n <= 16 || string(t.text[:n]) == string(v)), slot
}

func (c *clean) keep(slot int, v []byte) {
	if slot < 0 {
		return
	}
	t := &c.texts[slot]
	t.head, t.tail = ends(v)
	t.n = uint8(len(v))
	if len(v) > 16 {
		copy(t.text[:], v)
	}
}

// ends returns the first and the last bytes of v, which has at least 4.
func ends(v []byte) (head, tail uint64) {
	if n := len(v); n >= 8 {
		return binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[n-8:])
	}
	return uint64(binary.LittleEndian.Uint32(v)), uint64(binary.LittleEndian.Uint32(v[len(v)-4:]))
}
