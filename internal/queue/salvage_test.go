package queue

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"shipper/internal/blocklog"
	"shipper/internal/dirlock"
)

// TestSalvage damages the payload files of a queue without an index: every block
// is found, or a place that could not be read is named.
func TestSalvage(t *testing.T) {
	const blocks = 40
	dir := t.TempDir()
	q := open(t, dir, Options{SegmentBytes: 1 << 20})
	if _, err := Salvage(dir, false, func(Block) error { return nil }, func(error) {}); !errors.Is(err, dirlock.ErrLocked) {
		t.Errorf("beside an agent: %v", err)
	}
	payloads := map[uint64][]byte{}
	rnd := rand.NewChaCha8([32]byte{})
	for i := range blocks {
		p := make([]byte, 100<<10)
		rnd.Read(p)
		if err := q.Append(t.Context(), []Append{{Block: &Block{Records: i + 1, Raw: 2, Payload: p}}}); err != nil {
			t.Fatal(err)
		}
		payloads[uint64(i+1)] = p
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "index.db")); err != nil {
		t.Fatal(err)
	}
	salvage := func() (found int, named []error) {
		t.Helper()
		s, err := Salvage(dir, false, func(b Block) error {
			if !bytes.Equal(b.Payload, payloads[b.Sequence]) || b.Records != int(b.Sequence) || b.Epoch != 1 {
				t.Errorf("block %d is another one", b.Sequence)
			}
			found++
			return nil
		}, func(err error) { named = append(named, err) })
		if err != nil || s.Blocks != found || s.Damage != len(named) {
			t.Errorf("%+v for %d blocks, %d problems, error %v", s, found, len(named), err)
		}
		return found, named
	}
	if found, named := salvage(); found != blocks || len(named) != 0 {
		t.Errorf("%d blocks, %v", found, named)
	}
	segments, err := filepath.Glob(filepath.Join(dir, "blocks", "*.log"))
	if err != nil || len(segments) < 3 {
		t.Fatalf("segments %v, error %v", segments, err)
	}
	for _, path := range segments[:2] {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, named := salvage()
	if found != blocks-2 || len(named) != 2 {
		t.Errorf("%d blocks, %v", found, named)
	}
	for _, err := range named {
		var c *blocklog.CorruptError
		if !errors.As(err, &c) || c.Path == "" || c.Offset == 0 {
			t.Errorf("%v does not name the place", err)
		}
	}
	if _, err := Salvage(t.TempDir(), false, func(Block) error { return nil }, func(error) {}); err == nil {
		t.Error("no error without a queue")
	}
}
