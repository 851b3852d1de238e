package queue

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"shipper/internal/blocklog"
	"shipper/internal/input"
)

func someMeta() entryMeta {
	return entryMeta{
		epoch: 3, commit: 77, last: true,
		row: blockRow{records: 5, raw: 600, time: -1, queued: 1 << 60, to: "loki\x00store", source: 30},
		sources: []input.Entry{
			{Input: "in", File: "/var/log/x", Kind: input.Queued, Bytes: 10, Count: 1},
			{Input: "in", Kind: input.Queued, Bytes: 20},
		},
		rows: []row{
			{tablePositions, []byte("in/f"), []byte("1")},
			{tablePositions, []byte("in/g"), nil},
			{tableBooks, []byte("b"), []byte{}},
		},
	}
}

func TestEntryMetaRoundTrip(t *testing.T) {
	for _, m := range []entryMeta{someMeta(), {snapshot: true}, {epoch: 1}} {
		got, ok := parseEntryMeta(m.append(nil))
		if !ok || !reflect.DeepEqual(got, m) {
			t.Errorf("got %+v, want %+v", got, m)
		}
		p := m.append(nil)
		for i := range p {
			if _, ok := parseEntryMeta(p[:i]); ok {
				t.Errorf("%d of %d bytes are a meta", i, len(p))
			}
		}
	}
}

// FuzzEntryMeta: what parses is the same after it was written and parsed again.
func FuzzEntryMeta(f *testing.F) {
	m := someMeta()
	f.Add(m.append(nil))
	f.Add((&entryMeta{snapshot: true}).append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		m, ok := parseEntryMeta(p)
		if !ok {
			return
		}
		again, ok := parseEntryMeta(m.append(nil))
		if !ok || !reflect.DeepEqual(m, again) {
			t.Errorf("%+v became %+v", m, again)
		}
	})
}

// FuzzRows: as FuzzEntryMeta, for what the index keeps.
func FuzzRows(f *testing.F) {
	r := blockRow{at: blocklog.Location{Segment: 1, Offset: 2, Length: 3}, records: 4, raw: 5, time: 6, queued: 7, source: 8, to: "x"}
	d := deadRow{at: r.at, reason: "no", records: 1, raw: 2, time: 3}
	e := input.Entry{Input: "in", File: "f", Kind: input.Lost, Reason: "why", Bytes: -1, Count: 2}
	f.Add(bookKey(e), r.append(nil))
	f.Add(deadKey(ID{1, 2}, "out", nil), d.append(nil))
	f.Add(bookKey(e), appendBook(e, 9))
	f.Fuzz(func(t *testing.T, k, v []byte) {
		if r, ok := parseBlockRow(v); ok {
			if again, ok := parseBlockRow(r.append(nil)); !ok || again != r {
				t.Errorf("%+v became %+v", r, again)
			}
		}
		if _, d, err := parseDead(k, v); err == nil {
			if again, ok := parseDeadRow(d.append(nil)); !ok || again != d {
				t.Errorf("%+v became %+v", d, again)
			}
		}
		if e, _, touched, err := parseBook(k, v); err == nil {
			again, _, _, err := parseBook(bookKey(e), appendBook(e, touched))
			if len(e.Input) <= maxFileName && len(e.File) <= maxFileName && len(e.Reason) <= maxFileName && (err != nil || again != e) {
				t.Errorf("%+v became %+v", e, again)
			}
		}
		if id, ok := parseID(k); ok && !bytes.Equal(id.key(), k) {
			t.Errorf("%x became %x", k, id.key())
		}
		s := seal(tableBooks, k, v)
		if got, err := unseal(tableBooks, k, s); err != nil || !bytes.Equal(got, v) {
			t.Errorf("%x was unsealed as %x, %v", v, got, err)
		}
		if _, err := unseal(tableBlocks, k, s); err == nil {
			t.Error("a value is good in another table")
		}
	})
}

// FuzzIndexFile: a file that is harmed anywhere is found to be damaged or reads
// as before. It never ends the process.
func FuzzIndexFile(f *testing.F) {
	dir, _ := damaged(f, 10, 3)
	whole, err := os.ReadFile(filepath.Join(dir, "index.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte{1}, uint32(len(whole)))
	f.Add(uint32(4096*3+16), []byte{0xff, 0xff, 0xff}, uint32(len(whole)))
	f.Add(uint32(4096*2), []byte{7, 0, 0, 0}, uint32(9000))
	f.Fuzz(func(t *testing.T, at uint32, harm []byte, size uint32) {
		b := bytes.Clone(whole)
		for i, x := range harm {
			b[(int(at)+i)%len(b)] ^= x
		}
		b = b[:min(int(size), len(b))]
		path := filepath.Join(t.TempDir(), "index.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 || CheckIndex(path) != nil {
			return
		}
		db, err := openIndex(path, false)
		if err != nil {
			t.Fatalf("checked, and does not open: %v", err)
		}
		defer db.Close()
		if err := db.View(checkTables); err != nil {
			t.Errorf("checked, and does not read: %v", err)
		}
	})
}
