package index

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"
)

// maxKeys is how many unnumbered requests are remembered.
const maxKeys = 1 << 14

// bodyMemory is how long a request that has no key of its own is remembered by
// its body: long enough for a client's retries, too short to take a line that
// is really written twice for a repeat very often.
const bodyMemory = 10 * time.Minute

// key identifies a request whose blocks have no sequence.
type key struct {
	hash [16]byte // of the Idempotency-Key, or of the body if there is none
	body [8]byte  // hash of the body: a key comes with one body only
	weak bool     // there is no Idempotency-Key
}

// newKey makes the key of a request with the given Idempotency-Key, which may
// be empty, and the SHA-256 of its decoded body.
func newKey(idempotency string, body [sha256.Size]byte) key {
	k := key{weak: idempotency == ""}
	copy(k.body[:], body[:])
	if k.weak {
		copy(k.hash[:], body[8:])
		return k
	}
	sum := sha256.Sum256([]byte(idempotency))
	copy(k.hash[:], sum[:])
	return k
}

// otherwise returns the key of a request whose own key, k, was another one's: it
// goes by its body as well.
func (k key) otherwise(body [sha256.Size]byte) key {
	sum := sha256.Sum256(append(append([]byte("body"), k.hash[:]...), body[:]...))
	n := key{body: k.body}
	copy(n.hash[:], sum[:])
	return n
}

// key returns the key of a numbered block whose ID was, or may have been,
// another one's: it goes by its content as well.
func (e *entry) contentKey() key {
	b := append([]byte("block"), e.hash[:]...)
	b = binary.BigEndian.AppendUint32(b, e.epoch)
	b = binary.BigEndian.AppendUint64(b, e.sequence)
	sum := sha256.Sum256(append(b, e.agent...))
	var k key
	copy(k.hash[:], sum[:])
	copy(k.body[:], e.hash[:])
	return k
}

// window remembers the Keys seen last. It is not for concurrent use.
type window struct {
	byHash map[[16]byte]uint64 // to the number of the entry
	ring   []seenKey           // entry n is at n % maxKeys
	next   uint64              // number of the next entry; numbers start at 1
	saved  uint64              // entries below it are in the catalogue
}

type seenKey struct {
	key
	at int64 // ns
}

func newWindow() *window { return &window{byHash: make(map[[16]byte]uint64), next: 1, saved: 1} }

// of says what is known of k at time now.
func (w *window) of(k key, now int64) verdict {
	n, ok := w.byHash[k.hash]
	if !ok {
		return fresh
	}
	s := w.ring[n%maxKeys]
	switch {
	case s.weak && (now-s.at > int64(bodyMemory) || now < s.at-int64(bodyMemory)):
		return fresh
	case s.body != k.body:
		return conflict
	}
	return repeated
}

// add remembers k and forgets the oldest.
func (w *window) add(k key, now int64) { w.put(w.next, k, now) }

func (w *window) put(n uint64, k key, at int64) {
	i := n % maxKeys
	for uint64(len(w.ring)) <= i {
		w.ring = append(w.ring, seenKey{})
	}
	if old := w.ring[i]; w.byHash[old.hash] == n-maxKeys && n > maxKeys {
		delete(w.byHash, old.hash)
	}
	w.ring[i] = seenKey{k, at}
	w.byHash[k.hash] = n
	w.next = n + 1
}

// keyChanges are what a snapshot has to write.
type keyChanges struct {
	from   uint64   // number of the first new entry
	values [][]byte // stored forms of the new entries
	drop   uint64   // entries below it are to be deleted
}

// snapshot returns what changed since the last one.
func (w *window) snapshot() keyChanges {
	c := keyChanges{from: w.saved}
	if w.next > maxKeys {
		c.drop = w.next - maxKeys
		c.from = max(c.from, c.drop)
	}
	for n := c.from; n < w.next; n++ {
		s := w.ring[n%maxKeys]
		c.values = append(c.values, s.append(nil, s.at))
	}
	w.saved = w.next
	return c
}

// append appends the stored form of a key seen at a time: 16 bytes hash, 8
// bytes body, u8 weak, varint time.
func (k *key) append(dst []byte, at int64) []byte {
	dst = append(dst, k.hash[:]...)
	dst = append(dst, k.body[:]...)
	if k.weak {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 0)
	}
	return binary.AppendVarint(dst, at)
}

var errKey = errors.New("corrupt request key")

func (f *fields) requestKey() (k key, at int64) {
	copy(k.hash[:], f.bytes(16))
	copy(k.body[:], f.bytes(8))
	if w := f.bytes(1); len(w) == 1 {
		k.weak = w[0] != 0
	}
	return k, f.varint()
}

// load adds entry n in its stored form. Entries come in the order of their numbers.
func (w *window) load(n uint64, p []byte) error {
	d := fields{p: p}
	k, at := d.requestKey()
	if d.bad || len(d.p) != 0 || n < w.next {
		return errKey
	}
	w.put(n, k, at)
	w.saved = w.next
	return nil
}
