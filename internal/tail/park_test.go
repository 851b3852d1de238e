package tail

import (
	"fmt"
	"testing"
	"time"
)

// TestParked has more files than may be open: all are read, and so is what comes
// to be in those that were closed, also when it is renamed at once or a little later.
func TestParked(t *testing.T) {
	b := newBench(t, "*.log")
	f := *b.f
	f.Stats, f.Log = new(Stats), discard
	e, err := f.engine(nil, b.put)
	b.must(err)
	b.e = e
	e.set.maxOpen, e.set.crowded = 8, 6
	const files = 40
	next := 0
	write := func(name string, n int) {
		b.write(name, lines(next, next+n))
		next += n
	}
	name := func(i int) string { return fmt.Sprintf("f%02d.log", i) }
	for i := range files {
		write(name(i), 3)
	}
	passes := func(n int) {
		for range n {
			b.pass(time.Second)
			if size := e.set.size(); size > 8 {
				t.Fatalf("%d files are open", size)
			}
		}
	}
	passes(100)
	b.wantLines(next)
	if n := f.Stats.Parked.Load(); n < files-8 {
		t.Errorf("%d are parked", n)
	}
	if n := f.Stats.Unreadable.Load(); n != 0 {
		t.Errorf("%d cannot be read", n)
	}
	for i := range files {
		write(name(i), 2)
		switch i % 4 {
		case 1:
			b.rename(name(i), name(i)+".1")
		case 2:
			b.rename(name(i), name(i)+".1")
			write(name(i), 1)
		}
	}
	passes(200)
	b.wantLines(next)
	// Renamed when it was noticed that they grew, and there was no room for all.
	for i := range files {
		if i%4 == 0 || i%4 == 3 {
			write(name(i), 2)
		}
	}
	passes(1)
	for i := range files {
		if i%4 == 0 || i%4 == 3 {
			b.rename(name(i), name(i)+".1")
		}
	}
	passes(200)
	b.wantLines(next)
	// The same with new files.
	late := func(i int) string { return fmt.Sprintf("late%02d.log", i) }
	for i := range files {
		write(late(i), 3)
	}
	passes(1)
	for i := range files {
		b.rename(late(i), late(i)+".1")
	}
	passes(200)
	b.wantLines(next)
}
