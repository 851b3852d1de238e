package queue

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

const benchPayload = 130 << 10

// BenchmarkAppend commits groups of four blocks, fsync included.
func BenchmarkAppend(b *testing.B) {
	q := open(b, b.TempDir(), Options{})
	c := cursor(b, q, "a")
	as := []Append{group(1, benchPayload), group(2, benchPayload), group(3, benchPayload), group(4, benchPayload)}
	b.SetBytes(4 * benchPayload)
	b.ReportAllocs()
	var dst []Block
	for b.Loop() {
		if err := q.Append(b.Context(), as); err != nil {
			b.Fatal(err)
		}
		if q.Stats.Blocks.Load() < 1000 {
			continue
		}
		b.StopTimer() // what is too much is taken away
		for q.Stats.Blocks.Load() > 0 {
			bs, err := c.Next(b.Context(), 16<<20, dst[:0])
			if err != nil {
				b.Fatal(err)
			}
			c.Ack(bs[len(bs)-1].ID())
			dst = bs
			q.tick()
		}
		b.StartTimer()
	}
}

// BenchmarkNext reads a block into memory that is there, and acks it.
func BenchmarkNext(b *testing.B) {
	q := open(b, b.TempDir(), Options{})
	c := cursor(b, q, "a")
	for range 50 {
		appendN(b, q, 1, 4, benchPayload)
	}
	b.SetBytes(benchPayload)
	b.ReportAllocs()
	dst := []Block{{Payload: make([]byte, benchPayload)}}
	for b.Loop() {
		bs, err := c.Next(b.Context(), 1, dst[:0])
		if err != nil {
			b.Fatal(err)
		}
		if bs[0].Sequence == 200 {
			q.mu.Lock()
			c.handed, c.seen = ID{}, ID{}
			q.mu.Unlock()
		}
	}
}

// BenchmarkOpen opens a queue with 1 GiB of blocks that was not closed; small
// payloads stand for large ones, since only the index counts.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	q := open(b, dir, Options{})
	cursor(b, q, "a")
	as := make([]Append, 64)
	for i := range as {
		as[i] = group(i, 100)
	}
	for range (1 << 30) / benchPayload / len(as) {
		if err := q.Append(b.Context(), as); err != nil {
			b.Fatal(err)
		}
	}
	kill(q)
	b.ReportAllocs()
	for b.Loop() {
		kill(open(b, dir, Options{}))
	}
}

// BenchmarkFreelist compares what it costs to write the free pages with every commit.
func BenchmarkFreelist(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		b.Run(map[bool]string{false: "synced", true: "unsynced"}[noSync], func(b *testing.B) {
			db, err := bbolt.Open(b.TempDir()+"/db", 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: noSync})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			value := make([]byte, 40)
			n := uint64(0)
			for b.Loop() {
				err := db.Update(func(tx *bbolt.Tx) error {
					bucket, err := tx.CreateBucketIfNotExists([]byte("b"))
					if err != nil {
						return err
					}
					n++
					if n > 5000 {
						if err := bucket.Delete(ID{1, n - 5000}.key()); err != nil {
							return err
						}
					}
					return bucket.Put(ID{1, n}.key(), value)
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestBacklogOpensFast: 1 GiB of real payloads, an unclean end.
func TestBacklogOpensFast(t *testing.T) {
	if os.Getenv("QUEUE_TEST_BACKLOG") == "" {
		t.Skip("writes 1 GiB: set QUEUE_TEST_BACKLOG=1")
	}
	dir := t.TempDir()
	q := open(t, dir, Options{})
	cursor(t, q, "a")
	for i := range (1 << 30) / benchPayload / 4 {
		as := []Append{group(4*i, benchPayload), group(4*i+1, benchPayload), group(4*i+2, benchPayload), group(4*i+3, benchPayload)}
		if err := q.Append(t.Context(), as); err != nil {
			t.Fatal(err)
		}
	}
	kill(q)
	runtime.GC()
	start := time.Now()
	q = open(t, dir, Options{Check: checkInChild(t)})
	t.Logf("open after an unclean end: %s, %d blocks, RSS %d KiB", time.Since(start), q.Stats.Blocks.Load(), rss(t))
	if q.Stats.Rebuilt.Load() != 0 {
		t.Error("the index was built again")
	}
	kill(q)
	os.Remove(dir + "/index.db")
	start = time.Now()
	q = open(t, dir, Options{})
	t.Logf("open without an index: %s, %d blocks, RSS %d KiB", time.Since(start), q.Stats.Blocks.Load(), rss(t))
	kill(q)
}

func rss(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	n, _ := strconv.Atoi(strings.Fields(after)[0])
	return n
}
