package tail

import "sync"

// buffer is memory of one read, and of the record ends found in it.
type buffer struct {
	bytes   []byte
	ends    []int32
	release func() // gives it back
}

// pool holds buffers by size, so that a short read does not pin a large one
// for as long as its records are on their way.
type pool struct {
	sizes   [4]int
	classes [4]sync.Pool
}

func newPool(chunk int) *pool {
	p := &pool{sizes: [4]int{min(1<<10, chunk), min(8<<10, chunk), min(64<<10, chunk), chunk}}
	for i, n := range p.sizes {
		c := &p.classes[i]
		c.New = func() any {
			// A quarter more is for what the parser appends.
			b := &buffer{bytes: make([]byte, 0, n+n/4+markerBytes)}
			b.release = func() { c.Put(b) }
			return b
		}
	}
	return p
}

// get returns a buffer with room for want bytes and a marker. Above the chunk
// size it is new and not kept.
func (p *pool) get(want int) *buffer {
	for i, n := range p.sizes {
		if want <= n {
			b := p.classes[i].Get().(*buffer)
			b.bytes, b.ends = b.bytes[:want+markerBytes], b.ends[:0]
			return b
		}
	}
	return &buffer{bytes: make([]byte, want+markerBytes), release: func() {}}
}
