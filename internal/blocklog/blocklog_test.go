package blocklog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func entry(n int) Entry {
	return Entry{uint64(n), fmt.Appendf(nil, "meta %d", n), bytes.Repeat([]byte{byte(n)}, 10*n)}
}

// end is the offset behind an entry.
func end(at Location, n int) int64 {
	return at.Offset + Overhead + int64(len(entry(n).Meta)) + int64(at.Length)
}

func open(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func fill(t testing.TB, dir string, n int, o Options) (*Log, []Location) {
	t.Helper()
	l := open(t, dir, o)
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
func scan(t testing.TB, dir string, o Options) (seqs []int, damage int) {
	t.Helper()
	o.ReadOnly = true
	l := open(t, dir, o)
	w := Walk{Damage: func(c *CorruptError) error {
		if c.Resume <= c.Offset {
			t.Errorf("damage at %d resumes at %d", c.Offset, c.Resume)
		}
		damage++
		return nil
	}}
	err := l.Walk(w, func(at Location, e Entry) error {
		want := entry(int(e.Sequence))
		if !bytes.Equal(e.Meta, want.Meta) || !bytes.Equal(e.Payload, want.Payload) {
			t.Errorf("entry %d is not what was written", e.Sequence)
		}
		seqs = append(seqs, int(e.Sequence))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seqs, damage
}

func TestReadAndScanReturnWhatWasAppended(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentBytes: 5000}
	l, at := fill(t, dir, 100, o)
	if n := len(l.Segments()); n < 5 {
		t.Errorf("%d segments", n)
	}
	buf := make([]byte, 0, 500)
	for i, a := range at {
		p, err := l.Read(a, buf)
		if err != nil || !bytes.Equal(p, entry(i).Payload) {
			t.Fatalf("entry %d: %x, error %v", i, p, err)
		}
		e, err := l.Load(a)
		if err != nil || e.Sequence != uint64(i) || !bytes.Equal(e.Meta, entry(i).Meta) {
			t.Fatalf("entry %d: %v, error %v", i, e, err)
		}
	}
	if seqs, damage := scan(t, dir, Options{}); len(seqs) != 100 || damage != 0 {
		t.Errorf("%d entries, %d damaged", len(seqs), damage)
	}
	// Goes on in the last segment after a restart.
	if _, err := l.Append(entry(100)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	again := open(t, dir, o)
	n := len(again.Segments())
	if _, err := again.Append(entry(101)); err != nil {
		t.Fatal(err)
	}
	if seqs, _ := scan(t, dir, Options{}); len(seqs) != 102 || len(again.Segments()) != n {
		t.Errorf("%d entries in %d segments after a restart, want 102 in %d", len(seqs), len(again.Segments()), n)
	}
}

func TestWalkWithoutPayloads(t *testing.T) {
	l, at := fill(t, t.TempDir(), 20, Options{})
	i := 0
	err := l.Walk(Walk{SkipPayloads: true}, func(a Location, e Entry) error {
		if a != at[i] || !bytes.Equal(e.Meta, entry(i).Meta) || e.Payload != nil {
			t.Errorf("entry %d: %v %v", i, a, e)
		}
		i++
		return nil
	})
	if err != nil || i != 20 {
		t.Errorf("%d entries, error %v", i, err)
	}
}

func TestEveryTornTailIsCut(t *testing.T) {
	dir := t.TempDir()
	_, at := fill(t, dir, 5, Options{})
	path := filepath.Join(dir, "0000000000000001.log")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		for _, junk := range []int{0, 100} {
			torn := append(bytes.Clone(whole[:n]), make([]byte, junk)...)
			if err := os.WriteFile(path, torn, 0o600); err != nil {
				t.Fatal(err)
			}
			want := 0
			for i, a := range at {
				if end(a, i) <= int64(n) {
					want++
				}
			}
			if seqs, damage := scan(t, dir, Options{}); len(seqs) != want || damage != 0 {
				t.Fatalf("%d of %d bytes: %d entries, want %d, %d damaged", n, len(whole), len(seqs), want, damage)
			}
			l := open(t, dir, Options{})
			if _, err := l.Append(entry(want)); err != nil {
				t.Fatal(err)
			}
			l.Close()
			if seqs, damage := scan(t, dir, Options{}); len(seqs) != want+1 || damage != 0 {
				t.Fatalf("%d of %d bytes: %d entries after going on, want %d, %d damaged", n, len(whole), len(seqs), want+1, damage)
			}
			os.Remove(filepath.Join(dir, "0000000000000002.log"))
		}
	}
}

func TestDamageIsFoundAndSteppedOver(t *testing.T) {
	dir := t.TempDir()
	_, at := fill(t, dir, 20, Options{})
	path := filepath.Join(dir, "0000000000000001.log")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for off := range whole {
		b := bytes.Clone(whole)
		b[off] ^= 0x40
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		hit := -1 // the entry that is hit
		for i, a := range at {
			if int64(off) >= a.Offset && int64(off) < end(a, i) {
				hit = i
			}
		}
		wantSeqs, wantDamage := 19, 1
		switch hit {
		case -1: // the header of the segment
			wantSeqs = 20
		case 19: // a torn tail
			wantDamage = 0
		}
		seqs, damage := scan(t, dir, Options{})
		if len(seqs) != wantSeqs || damage != wantDamage || slices.Contains(seqs, hit) {
			t.Fatalf("byte %d flipped in entry %d: %d entries, %d damaged", off, hit, len(seqs), damage)
		}
		if hit < 0 {
			continue
		}
		l := open(t, dir, Options{ReadOnly: true, Last: &at[19]})
		var c *CorruptError
		_, err1 := l.Read(at[hit], nil)
		_, err2 := l.Load(at[hit])
		if err1 != nil && !errors.As(err1, &c) || err2 != nil && !errors.As(err2, &c) {
			t.Fatalf("byte %d flipped: read says %v, load says %v", off, err1, err2)
		}
		if err1 == nil && err2 == nil {
			t.Fatalf("byte %d flipped and not noticed", off)
		}
		err = l.Scan(0, func(Location, Entry) error { return nil })
		if !errors.As(err, &c) || c.Offset != at[hit].Offset || c.Segment != 1 {
			t.Fatalf("byte %d flipped: scan says %v", off, err)
		}
	}
}

func TestPayloadsDoNotPassForEntries(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	forged := appendEntry(nil, 0, Entry{Sequence: 666, Payload: []byte("forged")})
	var at []Location
	for i := range 3 {
		a, err := l.Append(Entry{Sequence: uint64(i), Payload: forged})
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, a)
	}
	f, err := os.OpenFile(l.Segments()[0].Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("XXXX"), at[1].Offset); err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	w := Walk{Damage: func(*CorruptError) error { return nil }}
	if err := l.Walk(w, func(_ Location, e Entry) error { seqs = append(seqs, e.Sequence); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seqs, []uint64{0, 2}) {
		t.Errorf("entries %d", seqs)
	}
}

func TestLastIsWhatCounts(t *testing.T) {
	o := Options{SegmentBytes: 1000}
	dir := t.TempDir()
	l, at := fill(t, dir, 30, o)
	l.Close()
	for i := 29; i >= 0; i-- {
		o.Last = &at[i]
		l := open(t, dir, o)
		l.Close()
		seqs, damage := scan(t, dir, Options{})
		if len(seqs) != i+1 || damage != 0 {
			t.Fatalf("cut after %d: %d entries, %d damaged", i, len(seqs), damage)
		}
	}
	o.Last = new(Location)
	l = open(t, dir, o)
	if n := len(l.Segments()); n != 0 {
		t.Errorf("%d segments after all was cut off", n)
	}
	// A segment's number is not used again as long as something knows of it.
	l.Close()
	o.Last = &Location{Segment: 77, Offset: 1, Length: 1}
	l = open(t, dir, o)
	if a, err := l.Append(entry(1)); err != nil || a.Segment != 78 {
		t.Errorf("appended to %v, error %v", a, err)
	}
}

func TestLastThatIsNotThereLeavesTheFile(t *testing.T) {
	dir := t.TempDir()
	l, at := fill(t, dir, 10, Options{})
	l.Close()
	wrong := at[5]
	wrong.Offset += 3
	l = open(t, dir, Options{Last: &wrong})
	a, err := l.Append(entry(10))
	if err != nil || a.Segment != 2 {
		t.Errorf("appended to %v, error %v", a, err)
	}
	if seqs, damage := scan(t, dir, Options{}); len(seqs) != 11 || damage != 0 {
		t.Errorf("%d entries, %d damaged", len(seqs), damage)
	}
}

func TestRemoveAndCut(t *testing.T) {
	dir := t.TempDir()
	l, at := fill(t, dir, 100, Options{SegmentBytes: 5000})
	before := l.Bytes()
	freed, err := l.Remove(at[97].Segment)
	if err != nil || freed == 0 || l.Bytes() != before-freed {
		t.Errorf("freed %d of %d, %d left, error %v", freed, before, l.Bytes(), err)
	}
	if _, err := l.Read(at[0], nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read an entry of a removed segment: %v", err)
	}
	if err := l.CutAfter(at[97]); err != nil {
		t.Fatal(err)
	}
	if seqs, _ := scan(t, dir, Options{}); seqs[len(seqs)-1] != 97 {
		t.Errorf("last entry %d after the cut", seqs[len(seqs)-1])
	}
	if a, err := l.Append(entry(98)); err != nil || a != at[98] {
		t.Errorf("appended to %v instead of %v, error %v", a, at[98], err)
	}
	if _, err := l.Remove(at[99].Segment + 10); err != nil || len(l.Segments()) != 1 {
		t.Errorf("the last segment was removed: %v, error %v", l.Segments(), err)
	}
}

func TestCutAfterAcrossSegments(t *testing.T) {
	dir := t.TempDir()
	l, at := fill(t, dir, 60, Options{SegmentBytes: 1000})
	for _, i := range []int{50, 31, 30, 3, 0} {
		if err := l.CutAfter(at[i]); err != nil {
			t.Fatal(err)
		}
		if seqs, damage := scan(t, dir, Options{}); len(seqs) != i+1 || damage != 0 {
			t.Fatalf("cut after %d: %d entries, %d damaged", i, len(seqs), damage)
		}
	}
	for i := 1; i < 40; i++ {
		if _, err := l.Append(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	if seqs, damage := scan(t, dir, Options{}); len(seqs) != 40 || damage != 0 {
		t.Errorf("%d entries after going on, %d damaged", len(seqs), damage)
	}
}

func TestFinishBeginsANewSegment(t *testing.T) {
	l, _ := fill(t, t.TempDir(), 3, Options{})
	if l.Full() {
		t.Error("full too early")
	}
	if err := l.Finish(); err != nil {
		t.Fatal(err)
	}
	if !l.Full() {
		t.Error("not full after Finish")
	}
	if a, err := l.Append(entry(3)); err != nil || a.Segment != 2 {
		t.Errorf("appended to %v, error %v", a, err)
	}
}

// faulty is a file that fails when told to.
type faulty struct {
	File
	faults *faults
}

type faults struct {
	write, truncate, sync error
	short                 int // bytes written before write fails
}

func (f faulty) WriteAt(p []byte, off int64) (int, error) {
	if f.faults.write == nil {
		return f.File.WriteAt(p, off)
	}
	n, _ := f.File.WriteAt(p[:min(len(p), f.faults.short)], off)
	return n, f.faults.write
}

func (f faulty) Truncate(n int64) error {
	if f.faults.truncate != nil {
		return f.faults.truncate
	}
	return f.File.Truncate(n)
}

func (f faulty) Datasync() error {
	if f.faults.sync != nil {
		return f.faults.sync
	}
	return f.File.Datasync()
}

func withFaults(o Options) (Options, *faults) {
	f := new(faults)
	o.Wrap = func(file File) File { return faulty{file, f} }
	return o, f
}

func TestFailedWritesLeaveTheLogAsItWas(t *testing.T) {
	for _, segmentBytes := range []int64{0, 200} {
		for _, truncate := range []error{nil, syscall.EIO} {
			o, f := withFaults(Options{SegmentBytes: segmentBytes})
			dir := t.TempDir()
			l, _ := fill(t, dir, 0, o)
			for i := range 50 {
				f.write, f.short, f.truncate = syscall.ENOSPC, i*7%60, truncate
				if _, err := l.Append(entry(i)); !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, truncate) {
					t.Fatalf("append on a full disk: %v", err)
				}
				f.write, f.truncate = nil, nil
				if _, err := l.Append(entry(i)); err != nil {
					t.Fatal(err)
				}
			}
			if seqs, damage := scan(t, dir, Options{}); len(seqs) != 50 || damage != 0 {
				t.Errorf("%d entries, %d damaged", len(seqs), damage)
			}
		}
	}
}

func TestFailedSyncIsNotForgotten(t *testing.T) {
	o, f := withFaults(Options{})
	dir := t.TempDir()
	l, at := fill(t, dir, 5, o)
	if _, err := l.Append(entry(99)); err != nil {
		t.Fatal(err)
	}
	f.sync = syscall.EIO
	if err := l.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("sync: %v", err)
	}
	f.sync = nil
	_, errAppend := l.Append(entry(5))
	if errSync := l.Sync(); !errors.Is(errSync, syscall.EIO) || !errors.Is(errAppend, syscall.EIO) {
		t.Errorf("after a failed sync append says %v, sync %v", errAppend, errSync)
	}
	if err := l.CutAfter(at[4]); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(entry(5)); err != nil {
		t.Fatal(err)
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if seqs, _ := scan(t, dir, Options{}); !slices.Equal(seqs, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("entries %d", seqs)
	}
}

// TestSegmentTakenAway: nothing counts as durable in a file that nobody finds again.
func TestSegmentTakenAway(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"removed": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+".away") },
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("somebody's"), 0o600), os.Rename(path+".new", path))
		},
	} {
		for _, read := range []bool{false, true} { // before: the segment is open for readers
			t.Run(fmt.Sprint(name, read), func(t *testing.T) {
				dir := t.TempDir()
				l, at := fill(t, dir, 5, Options{})
				if read {
					if _, err := l.Read(at[0], nil); err != nil {
						t.Fatal(err)
					}
				}
				if err := take(l.Segments()[0].Path); err != nil {
					t.Fatal(err)
				}
				if _, err := l.Append(entry(5)); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if err := l.Sync(); err == nil || !strings.Contains(err.Error(), "removed or replaced") {
						t.Fatalf("sync: %v", err)
					}
				}
				if err := l.CutAfter(at[4]); err != nil {
					t.Fatal(err)
				}
				if _, err := l.Append(entry(5)); err != nil {
					t.Fatal(err)
				}
				if err := l.Sync(); err != nil {
					t.Fatal(err)
				}
				if p, err := l.Read(at[4], nil); err != nil || !bytes.Equal(p, entry(4).Payload) {
					t.Errorf("an entry of the file that is gone: %d bytes, %v", len(p), err)
				}
				if name == "replaced" {
					if text, _ := os.ReadFile(l.Segments()[0].Path); string(text) != "somebody's" {
						t.Errorf("what is in its place is changed: %q", text)
					}
				}
				if seqs, _ := scan(t, dir, Options{}); !slices.Equal(seqs, []int{5}) {
					t.Errorf("entries %d", seqs)
				}
			})
		}
	}
}

func TestReadersBesideTheWriter(t *testing.T) {
	l, at := fill(t, t.TempDir(), 200, Options{SegmentBytes: 2000})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var buf []byte
			for range 300 {
				i := rand.IntN(len(at))
				p, err := l.Read(at[i], buf)
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err != nil || !bytes.Equal(p, entry(i).Payload) {
					t.Errorf("entry %d: %v", i, err)
					return
				}
				buf = p
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			if err := l.Sync(); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 200 {
		if _, err := l.Append(entry(i % 100)); err != nil {
			t.Fatal(err)
		}
		if i%50 == 49 {
			if _, err := l.Remove(at[i/2].Segment); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	open := 0
	for _, s := range l.segments {
		if s.reader != nil {
			open++
		}
		if s.users != 0 {
			t.Errorf("segment %d has %d users", s.number, s.users)
		}
	}
	if open > openFiles {
		t.Errorf("%d files open", open)
	}
}

func TestTooLargeEntry(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	if _, err := l.Append(Entry{Meta: make([]byte, maxMeta+1)}); err == nil {
		t.Error("an entry beyond the limit was appended")
	}
}

// FuzzWalk: whatever a file holds, what a walk finds can be read, in order and
// without overlap, and a log that was opened takes new entries.
func FuzzWalk(f *testing.F) {
	dir := f.TempDir()
	l, _ := fill(f, dir, 4, Options{})
	l.Close()
	seed, err := os.ReadFile(filepath.Join(dir, "0000000000000001.log"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:40])
	f.Add(append(bytes.Clone(seed[:100]), seed...))
	path := filepath.Join(dir, "0000000000000001.log")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, dir, Options{})
		defer os.Remove(filepath.Join(dir, "0000000000000002.log"))
		walk := func() (n int) {
			last := int64(0)
			w := Walk{Damage: func(*CorruptError) error { return nil }}
			err := l.Walk(w, func(at Location, e Entry) error {
				n++
				if at.Segment == 2 {
					return nil
				}
				p, err := l.Read(at, nil)
				if err != nil || !bytes.Equal(p, e.Payload) || at.Offset < last {
					t.Errorf("entry at %v behind %d: %v", at, last, err)
				}
				last = at.Offset + Overhead + int64(len(e.Meta)+len(e.Payload))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := walk()
		if _, err := l.Append(entry(3)); err != nil {
			t.Fatal(err)
		}
		if after := walk(); after != before+1 {
			t.Errorf("%d entries became %d", before, after)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	l := open(b, b.TempDir(), Options{})
	e := Entry{Meta: make([]byte, 200), Payload: make([]byte, 130<<10)}
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

func BenchmarkRead(b *testing.B) {
	l := open(b, b.TempDir(), Options{})
	at, err := l.Append(Entry{Meta: make([]byte, 200), Payload: make([]byte, 130<<10)})
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, at.Length)
	b.SetBytes(int64(at.Length))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Read(at, buf); err != nil {
			b.Fatal(err)
		}
	}
}
