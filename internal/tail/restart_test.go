package tail

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"shipper/internal/input"
)

const day = 24 * time.Hour

// TestRestart has restarts with what time does to files and positions in between.
func TestRestart(t *testing.T) {
	const two = "two, unfinished"
	cases := []struct {
		name  string
		paths string
		steps func(b *bench)
	}{
		{"rotated, read, and forgotten", "a.log", func(b *bench) { forgotten(b, false) }},
		{"rotated, read, compressed, and forgotten", "a.log", func(b *bench) { forgotten(b, true) }},
		{"archives forgotten while an empty file of their kind is there", "*.log", func(b *bench) {
			b.f.Retention = 7 * day
			b.start()
			b.write("app.log", "")
			b.poll()
			b.elapse(time.Minute)
			b.rename("app.log", "app-2026-01-01.log")
			b.write("app.log", lines(0, 10))
			b.poll()
			b.elapse(day)
			b.rename("app.log", "app-2026-01-02.log")
			b.write("app.log", lines(10, 20))
			b.poll()
			gz(b, "app-2026-01-02.log")
			b.poll()
			b.pass(b.f.Grace)
			b.pass(b.f.Grace)
			b.elapse(8 * day)
			b.poll()
			b.write("app.log", lines(20, 30))
			b.poll()
			b.elapse(time.Minute)
			b.restart()
			b.wantLines(30)
		}},
		{"from the end, of files that appeared or were empty then", "*.log", func(b *bench) {
			b.f.FromEnd = true
			b.write("a.log", "")
			b.start()
			b.stop()
			b.elapse(time.Hour)
			b.write("a.log", lines(0, 10))
			b.write("b.log", lines(10, 20))
			b.start()
			b.wantLines(20)
		}},
		{"from the end, killed when that is stored of some", "*.log", func(b *bench) {
			b.f.FromEnd = true
			b.write("a.log", "of old\n")
			b.write("b.log", "of old\n")
			b.elapse(time.Hour)
			b.begin()
			b.crash(1)
			b.elapse(time.Minute)
			b.start()
			b.want()
		}},
		{"a backlog older than the retention, killed before it is read", "a.log", func(b *bench) {
			b.f.Retention = 7 * day
			b.f.ChunkBytes = 100
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.rename("a.log", "a.log.9")
			b.write("a.log", lines(10, 20))
			b.poll()
			b.pass(b.f.Grace)
			b.pass(b.f.Grace)
			b.stop()
			b.elapse(time.Hour)
			b.rename("a.log", "a.log.8")
			b.write("a.log.7", lines(20, 30))
			b.elapse(time.Hour)
			b.write("a.log.6", lines(30, 40))
			b.elapse(8 * day)
			b.write("a.log", lines(40, 50))
			b.begin()
			b.step()
			b.now = b.now.Add(2 * time.Minute)
			b.step() // forgets, and reads the second chunk
			b.restart()
			b.wantLines(50)
		}},
		{"more generations than are kept of a path, killed before all are read", "a.log", func(b *bench) {
			stopRead(b)
			n := 10
			b.rename("a.log", "a.log.100")
			for i := 99; i > 0; i-- {
				b.write(fmt.Sprintf("a.log.%d", i), lines(n, n+10))
				n += 10
				b.elapse(time.Second)
			}
			b.elapse(time.Hour)
			b.write("a.log", lines(n, n+10))
			n += 10
			b.begin()
			for len(b.recs) < 800 {
				b.step()
				b.now = b.now.Add(time.Second)
			}
			b.elapse(time.Minute)
			b.restart()
			b.wantLines(n)
		}},
		{"an archive that begins like a known one, and is as long", "a.log", func(b *bench) {
			banner := strings.Repeat("#", 1500) + "\n"
			b.start()
			b.write("a.log", banner+lines(0, 100))
			b.poll()
			b.elapse(time.Minute)
			b.rename("a.log", "a.log.2")
			b.write("a.log", "x\n")
			b.poll()
			b.pass(b.f.Grace)
			b.pass(b.f.Grace)
			b.stop()
			b.elapse(time.Minute)
			b.rename("a.log", "a.log.3")
			b.write("a.log.1", banner+lines(100, 200))
			gz(b, "a.log.1")
			b.elapse(time.Minute)
			b.write("a.log", "y\n")
			b.start()
			if len(b.recs) != 204 {
				b.t.Errorf("%d records, want 204", len(b.recs))
			}
		}},
		{"old rotated files leave descriptors to new ones", "a.log", func(b *bench) {
			for i := range 20 {
				b.write(fmt.Sprintf("a.log-202501%02d", i), fmt.Sprintf("old %d\n", i))
			}
			b.elapse(100 * day)
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.write("a.log", lines(10, 20))
			b.stop()
			b.elapse(time.Minute)
			b.rename("a.log", "a.log-20260101")
			b.write("a.log", lines(20, 30))
			b.begin()
			b.e.set.maxOpen = 10
			b.poll()
			b.wantLines(30)
		}},
		{"no descriptor for a rotated file that is not known, then", "a.log", func(b *bench) {
			stopRead(b)
			b.rename("a.log", "a.log.2")
			b.write("a.log.1", lines(10, 20))
			b.elapse(time.Minute)
			b.write("a.log", lines(20, 30))
			b.begin()
			b.e.set.maxOpen = 1
			b.poll()
			b.elapse(time.Minute)
			b.restart()
			b.wantLines(30)
		}},
		{"truncated within the matching, and late lines stored after it began", "a.log", func(b *bench) {
			stopRead(b)
			b.write("a.log.5", lines(10, 20))
			b.elapse(time.Minute)
			b.start()
			b.pass(b.f.Grace)
			b.pass(b.f.Grace)
			b.write("a.log", lines(20, 120))
			b.stop()
			truncateInMatching(b, 120)
			b.wantLines(130)
		}},
		{"truncated within the matching, and twice within a listing before", "a.log", func(b *bench) {
			b.start()
			b.write("a.log", lines(0, 50))
			b.poll()
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(50, 60))
			b.read()
			b.write("a.log", lines(60, 100))
			b.copy("a.log", "a.log.2")
			b.scan()
			b.read()
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(100, 110))
			b.read()
			b.pass(b.f.Grace)
			b.pass(b.f.Grace)
			b.elapse(time.Minute)
			b.stop()
			b.write("a.log", lines(110, 200))
			b.elapse(time.Minute)
			truncateInMatching(b, 200)
			b.wantLines(210)
		}},
		{"from the end, killed before that is stored", "*.log", func(b *bench) {
			b.f.FromEnd = true
			b.write("a.log", "of old\n")
			b.elapse(time.Hour)
			b.begin()
			b.crash(0)
			b.elapse(time.Hour)
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.wantLines(10)
		}},
		{"truncated within the matching", "a.log", func(b *bench) {
			stopBehind(b)
			truncateInMatching(b, 200)
			b.wantLines(210)
		}},
		{"unfinished, found beside, and nothing of it stored at the next", "a.log", func(b *bench) {
			b.start()
			b.write("a.log", "one\n")
			b.poll()
			b.stop()
			b.elapse(time.Minute)
			b.rename("a.log", "a.log.2")
			b.write("a.log.1", two)
			b.elapse(time.Minute)
			b.write("a.log", "three\n")
			b.start()
			b.elapse(time.Minute)
			b.restart()
			b.pass(b.f.Grace)
			b.pass(b.f.Grace)
			b.want("one\n", "three\n", two)
		}},
		{"unfinished, older than one that goes on", "a.log", func(b *bench) {
			b.start()
			b.write("a.log", two)
			b.poll()
			b.elapse(time.Minute)
			b.rename("a.log", "a.log.1")
			b.write("a.log", "three\n")
			b.poll()
			b.elapse(time.Second)
			b.restart()
			b.want("three\n")
			fourth(b, two)
		}},
		{"unfinished, written while down, rotated", "a.log", func(b *bench) {
			b.start()
			b.stop()
			b.elapse(time.Minute)
			b.write("a.log", two)
			b.elapse(time.Minute)
			b.start()
			b.rename("a.log", "a.log.1")
			b.write("a.log", "three\n")
			b.poll()
			b.want("three\n")
			b.elapse(time.Second)
			b.restart()
			b.pass(b.f.Grace)
			b.pass(b.f.Grace)
			b.want("three\n", two)
		}},
		{"unfinished, in a copy", "a.log", func(b *bench) {
			long := strings.Repeat(two, 10)
			b.start()
			b.elapse(time.Minute)
			b.write("a.log", long)
			b.poll()
			b.elapse(time.Second)
			b.copy("a.log", "a.log.1")
			b.poll()
			b.elapse(time.Second)
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", "three\n")
			b.poll()
			b.want("three\n")
			fourth(b, long)
		}},
		{"many rotated files that are read are not opened", "*.log", func(b *bench) {
			const n = 100
			name := func(i int) string { return fmt.Sprintf("%03d.log", i) }
			b.start()
			for i := range n {
				b.write(name(i), "x\n")
			}
			b.poll()
			b.elapse(5 * time.Second)
			for i := range n {
				b.write(name(i), "y\n")
				b.rename(name(i), name(i)+".1")
				b.write(name(i), "z\n")
			}
			b.poll()
			for range 4 {
				b.pass(b.f.Grace)
			}
			if len(b.recs) != 3*n {
				b.t.Errorf("%d records", len(b.recs))
			}
			b.elapse(time.Hour)
			b.stop()
			b.begin()
			b.step()
			if open := b.e.set.size(); open != n {
				b.t.Errorf("%d files open, want %d", open, n)
			}
		}},
		{"no descriptor for a rotated file that is not read", "a.log", func(b *bench) {
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.write("a.log", lines(10, 20))
			b.stop()
			b.rename("a.log", "a.log.1")
			b.write("a.log", "")
			b.begin()
			b.e.set.maxOpen = 1
			b.poll()
			b.wantLines(10)
			b.restart()
			b.wantLines(20)
			if bytes, count := b.booked(input.Lost, "deleted_unread"); count > 0 {
				b.t.Errorf("%d bytes are lost", bytes)
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.steps(newBench(t, c.paths)) })
	}
}

// truncateInMatching has a.log copied, and truncated when the next start has found
// it as it was; n is the number of its next line.
func truncateInMatching(b *bench, n int) {
	b.copy("a.log", "a.log.1")
	b.elapse(time.Second)
	b.logged = func(msg string) {
		if msg == "file goes on with a known generation" {
			b.logged = nil
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(n, n+10))
		}
	}
	b.start()
	b.pass(b.f.Grace)
	b.pass(b.f.Grace)
}

// fourth rotates a.log, which has the third text, before the second, which is not
// finished, is handed on, and has a restart.
func fourth(b *bench, second string) {
	b.elapse(time.Second)
	b.rename("a.log.1", "a.log.2")
	b.rename("a.log", "a.log.1")
	b.write("a.log", "four\n")
	b.poll()
	b.want("three\n", "four\n")
	b.elapse(time.Second)
	b.restart()
	b.pass(b.f.Grace)
	b.pass(b.f.Grace)
	b.want("three\n", "four\n", second)
}

// forgotten has a restart when the position of a rotated file is forgotten, whose
// successor lives on.
func forgotten(b *bench, compress bool) {
	b.f.Retention = 7 * day
	b.start()
	b.write("a.log", lines(0, 5))
	b.poll()
	b.elapse(5 * time.Second) // since the directory was listed
	b.write("a.log", lines(5, 10))
	b.elapse(time.Second)
	b.rename("a.log", "a.log.1")
	b.write("a.log", lines(10, 20))
	b.poll()
	b.pass(b.f.Grace)
	b.pass(b.f.Grace)
	if compress {
		gz(b, "a.log.1")
	}
	for range 8 {
		b.elapse(day)
		b.poll()
	}
	b.write("a.log", lines(20, 30))
	b.poll()
	b.elapse(10 * day) // so long it is not written to
	b.restart()
	b.wantLines(30)
	b.stop()
	b.elapse(time.Minute)
	b.rename("a.log", "a.log.0")
	b.write("a.log", lines(30, 40))
	b.start()
	b.wantLines(40)
}

// TestArchiveSays looks at what compressed files say of their length.
func TestArchiveSays(t *testing.T) {
	b := newBench(t, "a.log")
	const n = 100 * 40
	b.write("a", lines(0, 100))
	gz(b, "a")
	b.write("b", lines(0, 100))
	data, err := os.ReadFile(b.path("b"))
	b.must(err)
	z, err := zstd.NewWriter(io.Discard)
	b.must(err)
	b.must(os.WriteFile(b.path("b.zst"), z.EncodeAll(data, nil), 0o644))
	b.write("c.gz", "no")
	for name, want := range map[string]int64{"a.gz": n, "b.zst": n, "c.gz": -1} {
		_, suffix := compression(name)
		a := &archive{suffix: suffix}
		f, err := os.Open(b.path(name))
		b.must(err)
		defer f.Close()
		for _, size := range []int64{n - 1, n, n + 1} {
			if got := a.says(int(f.Fd()), size); got != (size == want) {
				t.Errorf("%s says %t to %d bytes", name, got, size)
			}
		}
	}
}

// told is a log handler that tells a bench of each message.
type told struct {
	slog.Handler
	b *bench
}

func (h told) Handle(ctx context.Context, r slog.Record) error {
	if h.b.logged != nil {
		h.b.logged(r.Message)
	}
	return h.Handler.Handle(ctx, r)
}
