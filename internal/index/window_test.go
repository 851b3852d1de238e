package index

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	w := newWindow()
	body, other := sha256.Sum256([]byte("body")), sha256.Sum256([]byte("other"))
	now := int64(1e18)
	w.add(newKey("k", body), now)
	w.add(newKey("", body), now)
	f := func(k key, at int64, want verdict) {
		t.Helper()
		if got := w.of(k, at); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	year := int64(365 * 24 * time.Hour)
	f(newKey("k", body), now, repeated)
	f(newKey("k", body), now+year, repeated)
	f(newKey("k", other), now, conflict)
	f(newKey("l", body), now, fresh)
	f(newKey("", body), now+int64(bodyMemory), repeated)
	f(newKey("", body), now+int64(bodyMemory)+1, fresh)
	f(newKey("", body), now-year, fresh)
	f(newKey("", other), now, fresh)

	// A body that comes again after its time is remembered anew.
	w.add(newKey("", body), now+year)
	f(newKey("", body), now+year, repeated)
}

// TestWindowBound fills the window beyond its size, saving at odd times, and
// checks what is remembered in memory and by the saved entries.
func TestWindowBound(t *testing.T) {
	keyOf := func(i int) key { return newKey(fmt.Sprint(i), sha256.Sum256(nil)) }
	w, saved := newWindow(), map[uint64][]byte{}
	save := func() {
		c := w.snapshot()
		for i, v := range c.values {
			saved[c.from+uint64(i)] = v
		}
		for n := range saved {
			if n < c.drop {
				delete(saved, n)
			}
		}
	}
	const n = 3*maxKeys + 17
	for i := range n {
		w.add(keyOf(i), int64(i))
		if i%1000 == 999 || i == 2*maxKeys {
			save()
		}
	}
	save()
	if len(w.byHash) != maxKeys || len(w.ring) != maxKeys || len(saved) != maxKeys {
		t.Fatalf("%d keys, %d in the ring, %d saved, want %d", len(w.byHash), len(w.ring), len(saved), maxKeys)
	}
	back := newWindow()
	for i := w.next - maxKeys; i < w.next; i++ {
		if err := back.load(i, saved[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		want := fresh
		if i >= n-maxKeys {
			want = repeated
		}
		for _, w := range []*window{w, back} {
			if got := w.of(keyOf(i), int64(i)); got != want {
				t.Fatalf("key %d is %d, want %d", i, got, want)
			}
		}
	}
}

func TestEntry(t *testing.T) {
	f := func(e entry) {
		t.Helper()
		back, err := decodeEntry(e.append(nil))
		if err != nil || back != e {
			t.Errorf("got %+v, %v, want %+v", back, err, e)
		}
	}
	f(entry{received: 1, agent: "a", epoch: 1<<32 - 1, sequence: 1<<64 - 1})
	f(entry{received: -1, agent: "0123456789abcdef", epoch: 0, sequence: 1})
	f(entry{received: 1 << 62, key: newKey("k", sha256.Sum256(nil))})
	f(entry{received: 1 << 62, key: newKey("", sha256.Sum256(nil))})
}

func FuzzDecodeEntry(f *testing.F) {
	numbered := entry{received: 1, agent: "a", epoch: 2, sequence: 3}
	keyed := entry{received: 1, key: newKey("k", sha256.Sum256(nil))}
	f.Add(numbered.append(nil))
	f.Add(keyed.append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := decodeEntry(p)
		if err != nil {
			return
		}
		canonical := e.append(nil)
		back, err := decodeEntry(canonical)
		if err != nil || back != e || !bytes.Equal(back.append(nil), canonical) {
			t.Fatalf("%+v comes back as %+v, %v", e, back, err)
		}
	})
}
