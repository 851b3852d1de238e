package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// manyFiles starts a Follower on n files of one line each, and reads them.
func manyFiles(tb testing.TB, n int) *engine {
	dir, err := filepath.EvalSymlinks(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.log", i)), []byte(lines(i, i+1)), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	l := newLive(tb, filepath.Join(dir, "*.log"))
	l.f.Stats, l.f.Log, l.f.NoNotify, l.f.PollInterval = new(Stats), discard, true, 250*time.Millisecond
	e, err := l.f.engine(nil, l.put)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(e.set.closeAll)
	now := time.Now()
	e.scanner.scan(now, nil)
	for range 100 {
		now = now.Add(l.f.PollInterval)
		for busy := true; busy; {
			if busy, err = e.reader.step(now); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if len(l.tally.seen) != n {
		tb.Fatalf("%d of %d files read", len(l.tally.seen), n)
	}
	return e
}

// TestIdle wants nothing to be allocated for idle files, and few looks at them.
func TestIdle(t *testing.T) {
	e := manyFiles(t, 300)
	now := e.reader.next
	looked := 0
	for range 1 << maxRests {
		looked += len(e.reader.wheel[(e.reader.slot+1)%slots])
		now = now.Add(e.reader.tick)
		if _, err := e.reader.step(now); err != nil {
			t.Fatal(err)
		}
	}
	if looked != 300 {
		t.Errorf("%d looks at 300 files in %d ticks", looked, 1<<maxRests)
	}
	allocs := testing.AllocsPerRun(100, func() {
		now = now.Add(e.reader.tick)
		e.reader.step(now)
		e.scanner.scan(now, nil)
	})
	if allocs > 1 {
		t.Errorf("%v allocations for a tick", allocs)
	}
}

// BenchmarkIdle is a tick with 10,000 idle files: multiply by four for a second.
func BenchmarkIdle(b *testing.B) {
	e := manyFiles(b, 10_000)
	now := e.reader.next
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(e.reader.tick)
		if _, err := e.reader.step(now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkList is what a change in a directory of 10,000 files costs.
func BenchmarkList(b *testing.B) {
	e := manyFiles(b, 10_000)
	d := e.scanner.trees[0]
	b.ReportAllocs()
	for b.Loop() {
		if err := e.scanner.list(d); err != nil {
			b.Fatal(err)
		}
	}
}
