package queue

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
	"shipper/internal/dirlock"
)

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{SegmentBytes: 2000})
	a := cursor(t, q, "a")
	cursor(t, q, "b")
	appendN(t, q, 1, 20, 300)
	b := takeBlocks(t, a)[4]
	if err := a.DeadLetter(b, "no"); err != nil {
		t.Fatal(err)
	}
	a.Ack(ID{1, 7})
	agent := q.AgentID()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	before := snapshotDir(t, dir)
	i, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	info, err := i.Stat()
	if err != nil || info.AgentID != agent || !info.Clean || info.Last != (ID{1, 20}) || info.Blocks != 20 || info.Records != 200 ||
		info.Payload != 6000 || info.Raw != 12000 || info.Positions != 1 || info.DeadLetters != 1 || info.DeadRecords != 10 || info.Oldest == 0 {
		t.Errorf("stat %+v, error %v", info, err)
	}
	if len(info.Outputs) != 2 || info.Outputs[0].Acked != (ID{1, 7}) || info.Outputs[0].Blocks != 13 || info.Outputs[1].Blocks != 20 {
		t.Errorf("outputs %+v", info.Outputs)
	}
	var ids []uint64
	err = i.List(func(b BlockInfo) error {
		ids = append(ids, b.ID.Sequence)
		if b.Bytes != 300 || b.Records != 10 || b.Time != int64(b.ID.Sequence) || !strings.HasPrefix(b.Path, dir) {
			t.Errorf("block %+v", b)
		}
		return nil
	})
	if err != nil || !slices.Equal(ids, seqs(1, 20)) {
		t.Errorf("blocks %d, error %v", ids, err)
	}
	for _, id := range []ID{{1, 9}, {0, 9}} {
		b, err := i.ReadBlock(id)
		if err != nil || string(b.Payload) != string(payload(9, 300)) || b.Epoch != 1 {
			t.Errorf("block %v: %v, error %v", id, b, err)
		}
	}
	for _, id := range []ID{{1, 21}, {2, 9}, {0, 0}} {
		if _, err := i.ReadBlock(id); err == nil {
			t.Errorf("there is a block %v", id)
		}
	}
	dead := 0
	err = i.DeadLetters(func(d DeadLetter, p []byte) error {
		dead++
		if d.Output != "a" || string(p) != string(payload(5, 300)) {
			t.Errorf("dead letter %+v %q", d, p)
		}
		return nil
	})
	if err != nil || dead != 1 {
		t.Errorf("%d dead letters, error %v", dead, err)
	}
	if entries, err := i.Books(); err != nil || sumBooks(entries)["queued"] != 20*900 {
		t.Errorf("books %v, error %v", entries, err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, dirlock.ErrLocked) {
		t.Errorf("open while it is inspected: %v", err)
	}
	if err := i.Verify(func(p string) { t.Errorf("verify: %s", p) }); err != nil {
		t.Error(err)
	}
	if after := snapshotDir(t, dir); after != before {
		t.Errorf("inspecting changed the directory:\n%s\n%s", before, after)
	}
}

// snapshotDir describes the files of a directory but for the pid in the lock.
func snapshotDir(t *testing.T, dir string) string {
	t.Helper()
	var s strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "lock" {
			return err
		}
		b, err := os.ReadFile(path)
		s.WriteString(path + " " + string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.String()
}

// TestVerifyFinds: every kind of damage is a problem, and names its block.
func TestVerifyFinds(t *testing.T) {
	source := t.TempDir()
	q := open(t, source, Options{})
	c := cursor(t, q, "a")
	appendN(t, q, 1, 5, 100)
	b := takeBlocks(t, c)[0]
	if err := c.DeadLetter(b, "no"); err != nil {
		t.Fatal(err)
	}
	var at []blocklog.Location
	err := q.blocks.Scan(0, func(l blocklog.Location, _ blocklog.Entry) error {
		at = append(at, l)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	q.Close()
	harm := func(path string, offset int64) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			f, err := os.OpenFile(filepath.Join(dir, path), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte("XXXX"), offset); err != nil {
				t.Fatal(err)
			}
		}
	}
	const log = "blocks/0000000000000001.log"
	for name, c := range map[string]struct {
		harm func(t *testing.T, dir string)
		want string
	}{
		"header":      {harm(log, at[3].Offset), "block 1/3: "},
		"payload":     {harm(log, at[4].Offset+300), "block 1/4: "},
		"dead letter": {harm("dead/0000000000000001.log", 150), "dead letter of block 1/1 for a cannot be read"},
		"row deleted": {func(t *testing.T, dir string) {
			db, err := openIndex(filepath.Join(dir, "index.db"), false)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Update(deleteRow(tableBlocks, ID{1, 2}.key())); err != nil {
				t.Fatal(err)
			}
		}, "block 1/2 is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyDir(t, source)
			c.harm(t, dir)
			i, err := Inspect(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer i.Close()
			var problems []string
			if err := i.Verify(func(p string) { problems = append(problems, p) }); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(problems, "\n"), c.want) {
				t.Errorf("problems %q, want %q", problems, c.want)
			}
		})
	}
}

func deleteRow(t table, key []byte) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error { return put(tx, row{t, key, nil}) }
}

func TestInspectWithoutAQueue(t *testing.T) {
	dir := t.TempDir()
	if _, err := Inspect(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("inspect: %v", err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Error("inspecting made files")
	}
}
