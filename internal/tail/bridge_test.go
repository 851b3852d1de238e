package tail

import (
	"testing"
	"time"
)

// TestRecordCrossesARotation: lines that start with a tab belong to the record
// before them, in whatever file that is. A line that starts with a brace waits
// for them.
func TestRecordCrossesARotation(t *testing.T) {
	f := func(name string, steps func(b *bench), want ...string) {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "a.log")
			b.f.JoinTimeout = 20 * time.Second
			b.start()
			steps(b)
			b.want(want...)
		})
	}
	f("at once", func(b *bench) {
		b.write("a.log", "one\n{two\n")
		b.poll()
		b.rename("a.log", "a.log.1")
		b.write("a.log", "\tmore\n\tand more\nthree\n")
		b.poll()
	}, "one\n", "{two\n\tmore\n\tand more\n", "three\n")
	f("name gone for a while", func(b *bench) {
		b.write("a.log", "{two\n")
		b.poll()
		b.rename("a.log", "a.log.1")
		b.poll()
		b.write("a.log", "\tmore\nthree\n")
		b.poll()
	}, "{two\n\tmore\n", "three\n")
	f("nothing of it behind", func(b *bench) {
		b.write("a.log", "{two\n")
		b.poll()
		b.rename("a.log", "a.log.1")
		b.write("a.log", "three\n\tmore\nfour\n")
		b.poll()
	}, "{two\n", "three\n\tmore\n", "four\n")
	f("in two files", func(b *bench) {
		b.write("a.log", "{two\n")
		b.poll()
		b.rename("a.log", "a.log.1")
		b.write("a.log", "\tmore\n")
		b.poll()
		b.rename("a.log", "a.log.2")
		b.write("a.log", "\tand more\nthree\n")
		b.poll()
	}, "{two\n\tmore\n", "\tand more\n", "three\n")
	f("late", func(b *bench) {
		b.write("a.log", "{two\n")
		b.poll()
		b.pass(time.Minute)
		b.rename("a.log", "a.log.1")
		b.write("a.log", "\tmore\nthree\n")
		b.poll()
	}, "{two\n", "\tmore\n", "three\n")
	f("line not finished", func(b *bench) {
		b.write("a.log", "{two\n{thr")
		b.poll()
		b.rename("a.log", "a.log.1")
		b.write("a.log", "four\n")
		b.poll()
		b.pass(time.Minute)
	}, "{two\n", "four\n", "{thr")
}

// TestCrossingIsStoredOnce: whichever chunk is the last one that is stored before
// a crash, everything is stored once after it.
func TestCrossingIsStoredOnce(t *testing.T) {
	for chunks := range 4 {
		b := newBench(t, "a.log")
		b.f.JoinTimeout = 20 * time.Second
		b.write("a.log", "one\n{two\n")
		b.start()
		b.left = &chunks
		b.rename("a.log", "a.log.1")
		b.write("a.log", "\tmore\nthree\n")
		b.scan()
		for range 8 {
			b.now = b.now.Add(b.f.PollInterval)
			if _, err := b.e.reader.step(b.now); err != nil {
				break
			}
		}
		b.left = nil
		b.restart()
		b.pass(time.Minute)
		b.pass(time.Minute)
		b.want("one\n", "{two\n\tmore\n", "three\n")
	}
}
