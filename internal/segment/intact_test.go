package segment

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIntact flips every byte of a segment file in turn: what is intact makes a
// segment with all other blocks, or the file cannot be opened.
func TestIntact(t *testing.T) {
	path := write(t, rowsAt("a", 10, 20, 30), rowsAt("b", 40, 50), rowsAt("c", 60, 70, 80, 90))
	whole := bodies(t, openFile(t, path), always)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied, saved := filepath.Join(t.TempDir(), "copy.seg"), filepath.Join(t.TempDir(), "saved.seg")
	salvage := func(text []byte) (rows string, damaged int) {
		t.Helper()
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(copied)
		if err != nil {
			return "", -1
		}
		defer s.Close()
		blocks, err := s.Intact(func(err error) {
			var c *CorruptError
			if !errors.As(err, &c) || c.Path != copied {
				t.Errorf("%v does not name the file", err)
			}
			damaged++
		})
		if err != nil || len(blocks)+damaged != 3 {
			t.Fatalf("%d blocks, %d damaged, error %v", len(blocks), damaged, err)
		}
		if len(blocks) == 0 {
			return "", damaged
		}
		if _, err := Write(saved, blocks); err != nil {
			t.Fatal(err)
		}
		f, err := Open(saved)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return bodies(t, f, always), damaged
	}
	if rows, damaged := salvage(text); rows != whole || damaged != 0 {
		t.Errorf("undamaged: %q, %d damaged", rows, damaged)
	}
	again, err := os.ReadFile(saved)
	if err != nil || string(again) != string(text) {
		t.Errorf("the segment that was made of all blocks is another one, error %v", err)
	}
	lost := 0
	for i := range text {
		text[i] ^= 0x55
		rows, damaged := salvage(text)
		text[i] ^= 0x55
		switch {
		case damaged < 0:
		case damaged == 0 && rows != whole:
			t.Errorf("byte %d: %q", i, rows)
		case damaged == 1:
			lost++
			for _, block := range []string{"a0 a1 a2", "b0 b1", "c0 c1 c2 c3"} {
				whole := strings.Replace(strings.ReplaceAll(whole, block, ""), "  ", " ", 1)
				if rows == strings.TrimSpace(whole) {
					rows = ""
				}
			}
			if rows != "" {
				t.Errorf("byte %d: %q", i, rows)
			}
		case damaged > 1:
			t.Errorf("byte %d damaged %d blocks", i, damaged)
		}
	}
	if lost == 0 {
		t.Error("no byte belonged to a block")
	}
}
