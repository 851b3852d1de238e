package segment

import (
	"container/list"
	"sync"
)

// Cache keeps filters that were read from segment files, those used last, up
// to a number of bytes. Any number of goroutines and segments may share it.
type Cache struct {
	Bytes int64 // set before use

	mu      sync.Mutex
	size    int64
	ids     uint64
	recent  list.List // of *cacheEntry, the one used last first
	entries map[cacheKey]*list.Element
}

type cacheKey struct {
	segment uint64
	offset  int64
}

type cacheEntry struct {
	key  cacheKey
	data []byte
}

// next returns the number of another segment.
func (c *Cache) next() uint64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids++
	return c.ids
}

func (c *Cache) get(k cacheKey) []byte {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cacheEntry).data
}

// room returns memory for n bytes that put may keep: buf only without a cache.
func (c *Cache) room(n int, buf []byte) []byte {
	if c == nil {
		return buf
	}
	return make([]byte, n)
}

// put keeps data, which must not change any more.
func (c *Cache) put(k cacheKey, data []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = make(map[cacheKey]*list.Element)
	}
	if c.entries[k] != nil {
		return
	}
	c.entries[k] = c.recent.PushFront(&cacheEntry{k, data})
	c.size += int64(len(data))
	for c.size > c.Bytes && c.recent.Len() > 0 {
		e := c.recent.Remove(c.recent.Back()).(*cacheEntry)
		delete(c.entries, e.key)
		c.size -= int64(len(e.data))
	}
}
