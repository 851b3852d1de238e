package tail

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"shipper/internal/input"
	"shipper/internal/record"
)

// TestEveryChunkSize reads the same file in chunks of 1 to 200 bytes.
func TestEveryChunkSize(t *testing.T) {
	text := "first\n\n\nsecond\r\nthird\rwith a lone return\n" + strings.Repeat("x", 99) + "\n" + strings.Repeat("y", 100) + "\n" +
		strings.Repeat("é", 60) + "\n" + strings.Repeat("long ", 60) + "\nlast\n" + strings.Repeat("z", 101) + "\nnot finished"
	var want []string
	for _, l := range strings.SplitAfter(text, "\n") {
		switch plain := strings.TrimSuffix(l, "\n"); {
		case plain == l:
		case len(plain) > 100:
			want = append(want, strings.ToValidUTF8(plain[:100], ""))
		default:
			want = append(want, l)
		}
	}
	for size := 1; size <= 200; size++ {
		b := newBench(t, "a.log")
		b.f.ChunkBytes, b.f.LineLimit = size, 100
		b.write("a.log", text)
		b.start()
		b.want(want...)
		for _, r := range b.recs {
			if !strings.HasPrefix(text[r.base:], r.text) {
				t.Errorf("chunk %d: %q is not at %d", size, r.text, r.base)
			}
			if cut := !strings.HasSuffix(r.text, "\n"); cut != (r.flags&record.Truncated != 0) {
				t.Errorf("chunk %d: flags %b of %q", size, r.flags, r.text)
			}
		}
		if _, n := b.booked(input.Lost, "line_limit"); n != 3 {
			t.Errorf("chunk %d: %d lines over the limit, want 3", size, n)
		}
		b.restart()
		b.write("a.log", " until now\n")
		b.poll()
		b.want(append(want, "not finished until now\n")...)
		b.stop()
		if t.Failed() {
			return
		}
	}
}

// TestEveryRestart stops after each chunk and goes on from its position.
func TestEveryRestart(t *testing.T) {
	text := "a\nbb\n" + strings.Repeat("c", 50) + "\n" + strings.Repeat("\x00", 100) + "ddd\n{joined\n\twith this\n\tand this\n" + strings.Repeat("e", 25) + "\nend\n"
	b := newBench(t, "a.log")
	b.f.ChunkBytes, b.f.LineLimit = 16, 20
	b.write("a.log", text)
	for range 100 {
		n := len(b.books)
		b.startOne()
		if len(b.books) == n {
			break
		}
		b.stop()
	}
	b.want("a\n", "bb\n", strings.Repeat("c", 20), "ddd\n", "{joined\n\twith this\n\tand this\n", strings.Repeat("e", 20), "end\n")
	if n, _ := b.booked(input.Dropped, "nul_hole"); n != 100 {
		t.Errorf("hole of %d, want 100", n)
	}
	if n, c := b.booked(input.Lost, "line_limit"); n != 31+6 || c != 2 {
		t.Errorf("%d bytes of %d lines over the limit, want 37 of 2", n, c)
	}
}

// startOne starts and reads until one chunk was handed on.
func (b *bench) startOne() {
	b.t.Helper()
	f := *b.f
	f.Stats, f.Log = new(Stats), discard
	taken := false
	e, err := f.engine(b.stored, func(c input.Chunk) error {
		if taken {
			return errKilled
		}
		taken = len(c.Books) > 0
		return b.put(c)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.e = e
	e.scanner.scan(b.now, nil)
	for range 40 {
		b.now = b.now.Add(b.f.PollInterval)
		for busy := true; busy; {
			if busy, err = e.reader.step(b.now); err != nil {
				return
			}
		}
	}
}

// TestLongLine has a line much longer than the limit, and looks at the memory
// that is asked for.
func TestLongLine(t *testing.T) {
	b := newBench(t, "a.log")
	b.f.LineLimit = 1 << 20
	line := strings.Repeat("0123456789", 1<<20)
	b.write("a.log", "before\n"+line[:5<<20])
	b.start()
	b.want("before\n", line[:1<<20])
	b.write("a.log", line[5<<20:])
	b.poll()
	b.restart()
	b.write("a.log", "\nbehind\n")
	b.poll()
	b.want("before\n", line[:1<<20], "behind\n")
	if n, c := b.booked(input.Lost, "line_limit"); n != int64(len(line)-1<<20+1) || c != 1 {
		t.Errorf("%d bytes of %d lines lost, want %d of 1", n, c, len(line)-1<<20+1)
	}
	if b.e.reader.largest() > 2<<20+16 {
		t.Errorf("reads of %d bytes", b.e.reader.largest())
	}
}

// TestHole has a writer without O_APPEND go on behind a truncation.
func TestHole(t *testing.T) {
	b := newBench(t, "a.log")
	w, err := os.Create(b.path("a.log"))
	b.must(err)
	defer w.Close()
	w.WriteString(lines(0, 10))
	b.start()
	b.must(w.Truncate(0))
	_, err = w.Seek(10<<30, 0) // ten gigabytes further on
	b.must(err)
	w.WriteString(lines(10, 12))
	start := time.Now()
	b.poll()
	b.restart()
	w.WriteString(lines(12, 20))
	b.poll()
	b.wantLines(20)
	if n, _ := b.booked(input.Dropped, "nul_hole"); n != 10<<30 {
		t.Errorf("hole of %d bytes, want %d", n, 10<<30)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("the hole was read, not skipped: %v", d)
	}
}

// TestRoomAhead has a writer make room before it writes.
func TestRoomAhead(t *testing.T) {
	for _, room := range []int64{1000, 1 << 20, 4 << 20} {
		b := newBench(t, "a.log")
		w, err := os.Create(b.path("a.log"))
		b.must(err)
		defer w.Close()
		b.must(w.Truncate(room))
		b.start()
		at := 0
		for i := range 10 {
			text := lines(i, i+1)
			w.WriteAt([]byte(text[:15]), int64(at))
			b.poll()
			w.WriteAt([]byte(text[15:]), int64(at+15))
			at += len(text)
			// Times of the file may be coarse.
			b.must(os.Chtimes(b.path("a.log"), time.Time{}, time.Unix(int64(1000+i), 0)))
			b.poll()
		}
		b.restart()
		b.wantLines(10)
	}
}

func TestNULs(t *testing.T) {
	b := newBench(t, "a.log")
	few := strings.Repeat("\x00", 20)
	hole := strings.Repeat("\x00", 70)
	b.write("a.log", few+"a\n"+few+"\n"+hole+"b\nc"+hole+"d\n"+hole)
	b.start()
	b.want(few+"a\n", few+"\n", "b\n", "c"+hole+"d\n")
	b.write("a.log", "e\n")
	b.poll()
	b.want(few+"a\n", few+"\n", "b\n", "c"+hole+"d\n", "e\n")
}

// TestZeros reads a file that is nothing but zeros, written as such.
func TestZeros(t *testing.T) {
	b := newBench(t, "a.log")
	b.must(os.WriteFile(b.path("a.log"), make([]byte, 3<<20), 0o644))
	b.start()
	b.write("a.log", "text\n")
	b.poll()
	b.want("text\n")
	if n, _ := b.booked(input.Dropped, "nul_hole"); n != 3<<20 {
		t.Errorf("hole of %d bytes", n)
	}
}

// TestJoined has lines wait for what may belong to them.
func TestJoined(t *testing.T) {
	b := newBench(t, "a.log")
	b.write("a.log", "{first\n\tmore\n\tand more\n{second\n")
	b.f.JoinTimeout = 10 * time.Second
	b.start()
	b.want("{first\n\tmore\n\tand more\n")
	b.pass(20 * time.Second)
	if got := b.recs[len(b.recs)-1]; got.text != "{second\n" {
		t.Errorf("last record %q", got.text)
	}
	n := len(b.recs)
	b.restart()
	b.pass(20 * time.Second)
	if len(b.recs) != n {
		t.Errorf("a record that was closed by time came again")
	}
}

// TestUnfinishedAtTheEnd has a file go without a last newline.
func TestUnfinishedAtTheEnd(t *testing.T) {
	b := newBench(t, "a.log")
	b.write("a.log", "whole\n{half")
	b.start()
	b.remove("a.log")
	b.pass(b.f.Grace / 2)
	b.want("whole\n")
	b.pass(b.f.Grace)
	b.pass(b.f.Grace)
	b.want("whole\n", "{half")
	if f := b.recs[len(b.recs)-1].flags; f&record.Partial == 0 {
		t.Errorf("flags %b", f)
	}
	if n := b.f.Stats.Files.Load(); n != 0 {
		t.Errorf("%d files open", n)
	}
}

func TestOverlong(t *testing.T) {
	f := func(data string, limit, want int) {
		t.Helper()
		if got := Overlong([]byte(data), limit); got != want {
			t.Errorf("Overlong(%q, %d) = %d, want %d", data, limit, got, want)
		}
	}
	f("", 3, -1)
	f("abc", 3, -1)
	f("abc\n", 3, -1)
	f("abcd", 3, 0)
	f("abcd\n", 3, 0)
	f("abc\nabcd", 3, 4)
	f("\n\n\n\n\n", 3, -1)
	f("a\nb\nc\nabc\nd\n", 3, -1)
	f("a\nb\nc\nabcx\nd\n", 3, 6)
}

func FuzzOverlong(f *testing.F) {
	f.Add([]byte("a\nbc\ndefgh\n"), 3)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		if limit < 1 || limit > 1000 {
			return
		}
		want, at := -1, 0
		for _, l := range bytes.SplitAfter(data, []byte("\n")) {
			if len(bytes.TrimSuffix(l, []byte("\n"))) > limit {
				want = at
				break
			}
			at += len(l)
		}
		if got := Overlong(data, limit); got != want {
			t.Errorf("Overlong(%q, %d) = %d, want %d", data, limit, got, want)
		}
	})
}

func TestStartAtEnd(t *testing.T) {
	b := newBench(t, "*.log")
	b.f.FromEnd = true
	b.write("a.log", lines(0, 100)+lines(0, 1)[:10])
	b.write("empty.log", "")
	b.start()
	b.want()
	b.write("a.log", lines(0, 1)[10:])
	b.write("empty.log", lines(1, 2))
	b.write("new.log", lines(2, 3))
	b.restart()
	b.wantLines(3)
	if n, _ := b.booked(input.Dropped, "start_at_end"); n != int64(len(lines(0, 100))) {
		t.Errorf("%d bytes dropped", n)
	}
}

// TestFairness has one file with much to read and others with little: those
// must not wait for it.
func TestFairness(t *testing.T) {
	b := newBench(t, "*.log")
	b.f.ChunkBytes = 4 << 10
	b.write("busy.log", lines(0, 20_000))
	for i := range 50 {
		b.write(fmt.Sprintf("slow%02d.log", i), lines(0, 1))
	}
	b.start()
	last := 0
	for i, r := range b.recs {
		if strings.Contains(r.path, "slow") {
			last = i
		}
	}
	if last > 1000 {
		t.Errorf("the last of the slow files was read after %d records", last)
	}
}
