package index

import (
	"crypto/sha256"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
)

func TestCatalogue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalogue.db")
	c, err := openCatalogue(path)
	if err != nil {
		t.Fatal(err)
	}
	a, w := newAgents(), newWindow()
	a.add("x", 1, 5, 10)
	w.add(newKey("k", sha256.Sum256(nil)), 11)
	segments := []segmentInfo{
		{id: segmentID{20000, 7}, min: -5, max: 12, rows: 3, bytes: 100, raw: 200},
		{id: segmentID{20001, 7}, min: math.MinInt64, max: math.MaxInt64, rows: 1, bytes: 1, raw: 1, dropped: true},
	}
	s := sealed{floor: 8, segments: segments, agents: a.snapshot(), keys: w.snapshot()}
	for range 2 { // a seal may be written again
		if err := c.seal(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}

	c, err = openCatalogue(path)
	if err != nil {
		t.Fatal(err)
	}
	b, v := newAgents(), newWindow()
	floor, got, err := c.load(b, v)
	if err != nil || floor != 8 || !slices.Equal(got, segments) {
		t.Fatalf("floor %d, segments %+v, %v", floor, got, err)
	}
	if !reflect.DeepEqual(b.byID["x"], a.byID["x"]) {
		t.Errorf("agent is %+v, was %+v", b.byID["x"], a.byID["x"])
	}
	if k := v.of(newKey("k", sha256.Sum256(nil)), 99); k != repeated {
		t.Error("the key is forgotten")
	}
	if err := c.remove([]segmentID{segments[1].id}); err != nil {
		t.Fatal(err)
	}
	if _, got, _ = c.load(newAgents(), newWindow()); len(got) != 1 {
		t.Errorf("%d segments after one was removed", len(got))
	}
	_ = c.close()
}

func TestCatalogueNewer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalogue.db")
	c, err := openCatalogue(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(keyVersion, []byte{catalogueVersion + 1})
	}); err != nil {
		t.Fatal(err)
	}
	_ = c.close()
	if _, err := openCatalogue(path); !errors.Is(err, errForeign) {
		t.Fatalf("got %v, want %v", err, errForeign)
	}
}

// TestCatalogueCorrupt overwrites and cuts a catalogue at every page, and
// wants an error or the contents, never a panic.
func TestCatalogueCorrupt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalogue.db")
	c, err := openCatalogue(path)
	if err != nil {
		t.Fatal(err)
	}
	s := sealed{floor: 3}
	for i := range 500 {
		s.segments = append(s.segments, segmentInfo{id: segmentID{uint32(i), 1}, rows: 1})
	}
	if err := c.seal(s); err != nil {
		t.Fatal(err)
	}
	_ = c.close()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	try := func(p []byte) {
		// A new file: one that bbolt panicked on stays locked.
		_ = os.Remove(path)
		if err := os.WriteFile(path, p, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := openCatalogue(path)
		if err == nil {
			_, _, err = c.load(newAgents(), newWindow())
			_ = c.close()
		}
		if err != nil {
			failed++
		}
	}
	page := os.Getpagesize()
	for at := 0; at < len(good); at += page {
		bad := slices.Clone(good)
		for i := range page {
			bad[at+i] = byte(i * 7)
		}
		try(bad)
		if at > 0 {
			try(good[:at])
		}
	}
	if failed == 0 {
		t.Error("no damage was noticed")
	}
}
