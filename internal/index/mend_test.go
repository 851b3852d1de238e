package index

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shipper/internal/segment"
)

// damageFile flips a byte of a file, counted from its end if at is negative.
func damageFile(t *testing.T, path string, at int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += len(text)
	}
	text[at] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedSegment damages sealed segments under a running store: the query that
// finds it fails and says so, the next ones have what is intact, also after a restart.
func TestDamagedSegment(t *testing.T) {
	var many []string // bodies that make a column of their own
	for i := range 50 {
		many = append(many, fmt.Sprintf("line %d of %x", i, sha256.Sum256([]byte{byte(i)})))
	}
	f := func(name string, at int, left ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, Options{})
			at0 := base()
			commit(t, s, "a", 1, payload(at0, "one"))
			seal(t, s)
			commit(t, s, "a", 2, payload(at0+1e9, many...))
			seal(t, s)
			files := segmentFiles(t, dir)
			if at == math.MaxInt {
				if err := os.Remove(files[1]); err != nil {
					t.Fatal(err)
				}
			} else {
				damageFile(t, files[1], at)
			}
			commit(t, s, "a", 3, payload(at0+2e9, "three"))
			err := s.Search(context.Background(), segment.Query{From: math.MinInt64, To: math.MaxInt64}, func(r segment.Row) bool {
				for range r.Attributes { // columns are read when they are wanted
				}
				r.AppendID(nil)
				return true
			})
			if err == nil || !strings.Contains(err.Error(), files[1]) {
				t.Fatalf("error %v", err)
			}
			s.mendAll()
			want(t, s, left...)
			if n := s.Stats.Damaged.Load(); n != 1 {
				t.Errorf("%d damaged", n)
			}
			aside, _ := filepath.Glob(files[1] + ".corrupt-*")
			if at != math.MaxInt && len(aside) != 1 {
				t.Errorf("set aside: %v", aside)
			}
			_ = s.Close()
			s = open(t, dir, Options{})
			want(t, s, left...)
			commit(t, s, "a", 2, payload(at0+1e9, many...)) // it is known nevertheless
			want(t, s, left...)
		})
	}
	f("a column", 1000, "one", "three")
	f("the footer", -20, "one", "three")
	f("removed", math.MaxInt, "one", "three")
}

// firstOfThree makes a store of one segment that has the blocks one, two and
// three, of which the first is damaged.
func firstOfThree(t *testing.T) (*Store, *stored) {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir, Options{})
	var blocks []*segment.Block
	for i, body := range []string{"one", "two", "three"} {
		commit(t, s, "a", uint64(i+1), payload(base()+int64(i)*1e9, body))
		seal(t, s)
	}
	files := segmentFiles(t, dir)
	for _, path := range files {
		b, cause, err := intact(path)
		if cause != nil || err != nil {
			t.Fatal(cause, err)
		}
		blocks = append(blocks, b...)
	}
	s.mu.Lock()
	first := s.segments[0]
	s.mu.Unlock()
	info, err := segment.Write(first.path, blocks)
	if err != nil {
		t.Fatal(err)
	}
	first = s.newStored(describe(first.id, info), first.path)
	s.mu.Lock()
	others := s.segments[1:]
	s.segments = []*stored{first}
	s.mu.Unlock()
	for _, st := range others {
		if err := errors.Join(s.cat.remove([]segmentID{st.id}), os.Remove(st.path)); err != nil {
			t.Fatal(err)
		}
	}
	want(t, s, "one", "two", "three")
	damageFile(t, first.path, 20) // within the first of its blocks
	return s, first
}

func TestMendKeepsBlocks(t *testing.T) {
	s, st := firstOfThree(t)
	if err := s.mend(st); err != nil {
		t.Fatal(err)
	}
	want(t, s, "two", "three")
}

// TestMendFails has no room for what is intact, and then none in the catalogue:
// nothing is lost by that, and the next try comes to the end.
func TestMendFails(t *testing.T) {
	s, st := firstOfThree(t)
	for range 2 {
		if err := os.MkdirAll(filepath.Join(st.path+".tmp", "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := s.mend(st); err == nil {
			t.Fatal("no error although nothing can be written")
		}
	}
	if err := os.RemoveAll(st.path + ".tmp"); err != nil {
		t.Fatal(err)
	}
	if err := s.cat.close(); err != nil {
		t.Fatal(err)
	}
	if err := s.mend(st); err == nil {
		t.Fatal("no error although the catalogue cannot be written")
	}
	var err error
	if s.cat, err = openCatalogue(s.path("catalogue.db")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a query may have found it while it was being mended
		s.mu.Lock()
		s.damaged = append(s.damaged, st)
		s.mu.Unlock()
		s.mendAll()
	}
	want(t, s, "two", "three")
	if lost, damaged := s.Stats.LostRecords.Load(), s.Stats.Damaged.Load(); lost != 1 || damaged != 1 {
		t.Errorf("%d records lost, %d segments damaged", lost, damaged)
	}
	if aside, _ := filepath.Glob(st.path + ".corrupt-*"); len(aside) != 1 {
		t.Errorf("set aside: %q", aside)
	}
	crash(t, s)
	s = open(t, s.dir, Options{})
	want(t, s, "two", "three")
	if n := s.Usage().Records; n != 2 {
		t.Errorf("%d records by the catalogue", n)
	}
}

// TestVerify wants every kind of damage to be named.
func TestVerify(t *testing.T) {
	f := func(name string, damage func(dir string, segments []string), wants ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, Options{})
			for i, body := range []string{"one", "two"} {
				commit(t, s, "a", uint64(i+1), payload(base()+int64(i)*1e9, body))
				seal(t, s)
			}
			commit(t, s, "a", 3, payload(base()+2e9, "three"))
			commit(t, s, "a", 4, payload(base()+3e9, "four"))
			if err := s.open.wal.sync(); err != nil {
				t.Fatal(err)
			}
			if _, err := Verify(dir, func(error) {}); err == nil {
				t.Error("no error beside a store that is open")
			}
			crash(t, s) // a Close would seal
			damage(dir, segmentFiles(t, dir))
			var problems []string
			v, err := Verify(dir, func(err error) { problems = append(problems, err.Error()) })
			if err != nil || v.Problems != len(problems) || len(problems) != len(wants) {
				t.Fatalf("%+v, problems %q, error %v", v, problems, err)
			}
			for i, want := range wants {
				if !strings.Contains(problems[i], want) {
					t.Errorf("%q does not say %q", problems[i], want)
				}
			}
			if len(wants) == 0 && (v.Segments != 2 || v.Records != 2 || v.Blocks != 2) {
				t.Errorf("%+v", v)
			}
		})
	}
	f("nothing", func(string, []string) {})
	f("a column", func(_ string, segments []string) { damageFile(t, segments[0], 20) }, ".seg: checksum")
	f("a segment is missing", func(_ string, segments []string) { os.Remove(segments[1]) }, "is missing, with 1 records")
	f("the catalogue", func(dir string, _ []string) {
		if err := os.WriteFile(filepath.Join(dir, "catalogue.db"), make([]byte, 20_000), 0o600); err != nil {
			t.Fatal(err)
		}
	}, "catalogue.db: ")
	f("the log", func(dir string, _ []string) {
		logs, _ := filepath.Glob(filepath.Join(dir, "wal", "*", "*.log"))
		damageFile(t, logs[len(logs)-1], 100) // within the first of two blocks
	}, "corrupt log")
}
