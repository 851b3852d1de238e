package blocklog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func entry(n int) Entry {
	return Entry{uint64(n), fmt.Appendf(nil, "meta %d", n), bytes.Repeat([]byte{byte(n)}, 10*n)}
}

func fill(t *testing.T, dir string, n int, o Options) (*Log, []Location) {
	t.Helper()
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var at []Location
	for i := range n {
		a, err := l.Append(entry(i))
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, a)
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	return l, at
}

// scan returns the sequences that a fresh Log of dir has, and the damage it finds.
func scan(t *testing.T, dir string) (seqs []int, damage int) {
	t.Helper()
	l, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = l.Scan(0, func(at Location, e Entry) error {
		want := entry(int(e.Sequence))
		if !bytes.Equal(e.Meta, want.Meta) || !bytes.Equal(e.Payload, want.Payload) {
			t.Errorf("entry %d is not what was written", e.Sequence)
		}
		seqs = append(seqs, int(e.Sequence))
		return nil
	}, func(*CorruptError) { damage++ })
	if err != nil {
		t.Fatal(err)
	}
	return seqs, damage
}

func TestReadAndScanReturnWhatWasAppended(t *testing.T) {
	dir := t.TempDir()
	l, at := fill(t, dir, 100, Options{SegmentBytes: 5000})
	if n := len(l.Segments()); n < 5 {
		t.Errorf("%d segments", n)
	}
	for i, a := range at {
		e, err := l.Read(a, nil)
		if err != nil || e.Sequence != uint64(i) || !bytes.Equal(e.Payload, entry(i).Payload) {
			t.Fatalf("entry %d: %d, error %v", i, e.Sequence, err)
		}
	}
	if seqs, damage := scan(t, dir); len(seqs) != 100 || damage != 0 {
		t.Errorf("%d entries, %d damaged", len(seqs), damage)
	}
	// Goes on in the last segment after a restart.
	if _, err := l.Append(entry(100)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	again, _ := fill(t, dir, 0, Options{SegmentBytes: 5000})
	if _, err := again.Append(entry(101)); err != nil {
		t.Fatal(err)
	}
	if seqs, _ := scan(t, dir); len(seqs) != 102 {
		t.Errorf("%d entries after a restart", len(seqs))
	}
}

func TestEveryTornTailIsCut(t *testing.T) {
	dir := t.TempDir()
	_, at := fill(t, dir, 5, Options{})
	path := filepath.Join(dir, "0000000000000001.seg")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, a := range at {
			if a.End() <= int64(n) {
				want++
			}
		}
		seqs, damage := scan(t, dir)
		if len(seqs) != want || damage != 0 {
			t.Fatalf("%d of %d bytes: %d entries, want %d, %d damaged", n, len(whole), len(seqs), want, damage)
		}
		l, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		end := int64(0)
		if want > 0 {
			end = at[want-1].End()
		}
		if err := l.Cut(1, end); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(entry(want)); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if seqs, damage := scan(t, dir); len(seqs) != want+1 || damage != 0 {
			t.Fatalf("%d of %d bytes: %d entries after going on, want %d, %d damaged", n, len(whole), len(seqs), want+1, damage)
		}
		os.Remove(filepath.Join(dir, "0000000000000002.seg"))
	}
}

func TestDamageIsFoundAndSteppedOver(t *testing.T) {
	dir := t.TempDir()
	l, at := fill(t, dir, 20, Options{})
	path := filepath.Join(dir, "0000000000000001.seg")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for off := at[7].Offset; off < at[7].End(); off++ {
		b := bytes.Clone(whole)
		b[off] ^= 0x40
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		seqs, damage := scan(t, dir)
		if len(seqs) != 19 || damage != 1 {
			t.Fatalf("byte %d flipped: %d entries, %d damaged", off, len(seqs), damage)
		}
		var c *CorruptError
		if _, err := l.Read(at[7], nil); !errors.As(err, &c) || c.Offset != at[7].Offset {
			t.Fatalf("byte %d flipped: read says %v", off, err)
		}
		if err := l.Scan(0, func(Location, Entry) error { return nil }, nil); !errors.As(err, &c) {
			t.Fatalf("byte %d flipped: scan says %v", off, err)
		}
	}
}

func TestRemoveAndCut(t *testing.T) {
	dir := t.TempDir()
	l, at := fill(t, dir, 100, Options{SegmentBytes: 5000})
	last := at[99].Segment
	if freed, err := l.Remove(last); err != nil || freed == 0 {
		t.Errorf("freed %d, error %v", freed, err)
	}
	if _, err := l.Remove(last + 10); err != nil || len(l.Segments()) != 1 {
		t.Errorf("the last segment was removed: %v, error %v", l.Segments(), err)
	}
	if _, err := l.Read(at[0], nil); err == nil {
		t.Error("an entry of a removed segment was read")
	}
	if err := l.Cut(last, at[98].End()); err != nil {
		t.Fatal(err)
	}
	if seqs, _ := scan(t, dir); seqs[len(seqs)-1] != 98 {
		t.Errorf("last entry %d after the cut", seqs[len(seqs)-1])
	}
}

func TestLargestEntry(t *testing.T) {
	l, _ := fill(t, t.TempDir(), 0, Options{})
	if _, err := l.Append(Entry{Payload: make([]byte, MaxEntry+1)}); err == nil {
		t.Error("an entry beyond the limit was appended")
	}
}

func FuzzScan(f *testing.F) {
	dir := f.TempDir()
	l, err := Open(dir, Options{})
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		l.Append(entry(i))
	}
	l.Close()
	seed, err := os.ReadFile(filepath.Join(dir, "0000000000000001.seg"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:40])
	path := filepath.Join(dir, "0000000000000001.seg")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var ats []Location
		if err := l.Scan(0, func(at Location, e Entry) error { ats = append(ats, at); return nil }, func(*CorruptError) {}); err != nil {
			t.Fatal(err)
		}
		for _, at := range ats { // what a scan finds can be read
			if _, err := l.Read(at, nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	l, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	e := Entry{Meta: make([]byte, 200), Payload: make([]byte, 40<<10)}
	b.SetBytes(int64(len(e.Payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Append(e); err != nil {
			b.Fatal(err)
		}
		if s := l.Segments(); len(s) > 2 {
			l.Remove(s[len(s)-1].Number)
		}
	}
}
