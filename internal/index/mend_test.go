package index

import (
	"context"
	"crypto/sha256"
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

// TestMendKeepsBlocks damages one of the blocks of a segment.
func TestMendKeepsBlocks(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	var blocks []*segment.Block
	for i, body := range []string{"one", "two", "three"} {
		commit(t, s, "a", uint64(i+1), payload(base()+int64(i)*1e9, body))
		seal(t, s)
	}
	for _, path := range segmentFiles(t, dir) {
		b, cause, err := intact(path)
		if cause != nil || err != nil {
			t.Fatal(cause, err)
		}
		blocks = append(blocks, b...)
	}
	s.mu.Lock()
	first := s.segments[0]
	s.mu.Unlock()
	if _, err := segment.Write(first.path, blocks); err != nil {
		t.Fatal(err)
	}
	damageFile(t, first.path, 20) // within the first of its blocks
	s.mu.Lock()
	s.segments = s.segments[:1]
	s.mu.Unlock()
	if err := s.mend(first); err != nil {
		t.Fatal(err)
	}
	want(t, s, "two", "three")
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
