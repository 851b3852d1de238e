package index

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shipper/internal/blocklog"
	"shipper/internal/protocol"
)

// copyDir copies the files of a store, as a crash at this moment would leave them.
func copyDir(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "seg", "default", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCrashWhileSealing looks at each step of a seal as a crash there would
// leave it.
func TestCrashWhileSealing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	at := base()
	sent := [][]byte{payload(at-day, "one"), payload(at, "two"), payload(at+1e6, "three")}
	commit(t, s, "a", 1, sent[0])
	commit(t, s, "a", 2, sent[1])
	check := func(step string) {
		t.Helper()
		c := open(t, copyDir(t, dir), Options{})
		for n, p := range sent {
			if r := commit(t, c, "a", uint64(n)+1, p); r.Repeated != 1 {
				t.Errorf("%s: block %d is stored again", step, n+1)
			}
		}
		want(t, c, "one", "two", "three")
		if err := c.Close(); err != nil {
			t.Errorf("%s: close: %v", step, err)
		}
	}
	h := s.rotate(true)
	commit(t, s, "a", 3, sent[2])
	check("after the rotation")
	if _, err := s.writeSegments(h.generation); err != nil {
		t.Fatal(err)
	}
	if len(segmentFiles(t, dir)) != 2 {
		t.Fatalf("segments %q", segmentFiles(t, dir))
	}
	check("after the segments")
	if err := os.Remove(segmentFiles(t, dir)[0]); err != nil {
		t.Fatal(err)
	}
	check("after one segment")
	if err := os.WriteFile(segmentFiles(t, dir)[0]+".tmp", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("with a segment half written")
	w := h.wal.dir
	saved := copyDir(t, w)
	if err := s.seal(h); err != nil {
		t.Fatal(err)
	}
	check("after the seal")
	if err := os.CopyFS(w, os.DirFS(saved)); err != nil {
		t.Fatal(err)
	}
	check("after the transaction")
	if err := os.Rename(w, w+".sealed"); err != nil {
		t.Fatal(err)
	}
	check("with the log half removed")
}

func TestOrphansGo(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	commit(t, s, "a", 1, payload(base(), "one"))
	h := s.rotate(true)
	if _, err := s.writeSegments(h.generation); err != nil {
		t.Fatal(err)
	}
	files := segmentFiles(t, dir)
	if err := os.WriteFile(files[0]+".tmp", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(files[0]), "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, copyDir(t, dir), Options{})
	if len(segmentFiles(t, c.dir)) != 2 { // sealed at the start: two generations had a log
		t.Errorf("files %q", segmentFiles(t, c.dir))
	}
	want(t, c, "one")
	if c.Stats.Adopted.Load() != 0 {
		t.Error("an orphan was adopted although its log is there")
	}
}

// TestCatalogueOlder puts back a catalogue from before a seal, and none at all.
func TestCatalogueOlder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	at := base()
	commit(t, s, "a", 1, payload(at, "one"))
	seal(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old := copyDir(t, dir)
	s = open(t, dir, Options{})
	commit(t, s, "a", 2, payload(at+1e6, "two"))
	seal(t, s)
	commit(t, s, "a", 3, payload(at+2e6, "three"))
	crash(t, s)
	f := func(adopted, repeated int64, damage func(dir string) error) {
		t.Helper()
		dir := copyDir(t, dir)
		if err := damage(filepath.Join(dir, "catalogue.db")); err != nil {
			t.Fatal(err)
		}
		for range 2 { // what is found once is known the next time
			c := open(t, dir, Options{})
			want(t, c, "one", "two", "three")
			if c.Stats.Adopted.Load() != adopted {
				t.Errorf("%d segments adopted, want %d", c.Stats.Adopted.Load(), adopted)
			}
			if r := commit(t, c, "a", 3, payload(at+2e6, "three")); r.Repeated != 1 {
				t.Error("a block of the log is stored again")
			}
			crash(t, c)
			adopted = 0
		}
	}
	f(0, 3, func(string) error { return nil })
	f(1, 1, func(c string) error {
		p, err := os.ReadFile(filepath.Join(old, "catalogue.db"))
		return errors.Join(err, os.WriteFile(c, p, 0o600))
	})
	f(2, 1, os.Remove)
	f(2, 1, func(c string) error {
		return os.WriteFile(c, []byte("this is no database, and long enough to be read as one"), 0o600)
	})
	f(2, 1, func(c string) error { return os.Truncate(c, 9000) })
}

func TestMissingSegment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	commit(t, s, "a", 1, payload(base(), "one"))
	seal(t, s)
	commit(t, s, "a", 2, payload(base(), "two"))
	seal(t, s)
	_ = s.Close()
	if err := os.Remove(segmentFiles(t, dir)[0]); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	want(t, s, "two")
	if s.Stats.Missing.Load() != 1 {
		t.Errorf("%d missing, want 1", s.Stats.Missing.Load())
	}
}

// TestSealFails has no room for segments: everything stays where it is, ingest
// goes on until the open generation is full, and nothing is lost.
func TestSealFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SealBytes: 4 << 10})
	at := base()
	if err := os.WriteFile(filepath.Join(dir, "seg"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var refused error
	n := uint64(0)
	for refused == nil && n < 1000 {
		n++
		_, refused = s.Commit(t.Context(), "a", 1, []protocol.Frame{{Sequence: n, Payload: payload(at+int64(n)*1e6, string(make([]byte, 500)))}})
	}
	var u *Unavailable
	if !errors.As(refused, &u) || s.Usage().Full == "" {
		t.Fatalf("after %d blocks: %v", n, refused)
	}
	if got := len(bodies(t, s)); got != int(n-1) {
		t.Fatalf("%d records, want %d", got, n-1)
	}
	if err := s.Close(); err == nil {
		t.Error("Close did not say that it could not seal")
	}
	if err := os.Remove(filepath.Join(dir, "seg")); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	if got := len(bodies(t, s)); got != int(n-1) {
		t.Fatalf("%d records after the restart, want %d", got, n-1)
	}
	commit(t, s, "a", n, payload(at, "last"))
}

// TestSyncFails makes a sync of the log fail: nothing is acknowledged until
// what the log was to hold is sealed.
func TestSyncFails(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	p := payload(base(), "one")
	s.open.wal.mu.Lock()
	s.open.wal.err = errors.New("input/output error")
	s.open.wal.mu.Unlock()
	r, err := s.Commit(t.Context(), "a", 1, []protocol.Frame{{Sequence: 1, Payload: p}})
	var u *Unavailable
	if !errors.As(err, &u) {
		t.Fatalf("%+v, %v", r, err)
	}
	for {
		r, err = s.Commit(t.Context(), "a", 1, []protocol.Frame{{Sequence: 1, Payload: p}})
		if err == nil {
			break
		}
		if !errors.As(err, &u) {
			t.Fatal(err)
		}
	}
	if r.Repeated != 1 || s.Usage().Segments != 1 {
		t.Errorf("%+v with %d segments, want a repeat of what is sealed", r, s.Usage().Segments)
	}
	want(t, s, "one")
}

// failingFile is a file whose syncs fail while fails is set.
type failingFile struct {
	blocklog.File
	fails *atomic.Bool
}

func (f failingFile) Datasync() error {
	if f.fails.Load() {
		return errors.New("input/output error")
	}
	return f.File.Datasync()
}

// TestSyncOfTheOpenLogFails makes a sync fail of the log of the open generation
// while the one before it is being sealed, and one within an append. In both cases
// nothing can be written to that log any more, so it is sealed at once.
func TestSyncOfTheOpenLogFails(t *testing.T) {
	f := func(name string, segmentBytes int64, sealing bool) {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir(), Options{})
			at := base()
			block := func(n uint64) []protocol.Frame {
				return []protocol.Frame{{Sequence: n, Payload: payload(at+int64(n)*1e6, fmt.Sprint(n))}}
			}
			s.turns.Lock() // the maintainer waits
			let := sync.OnceFunc(s.turns.Unlock)
			defer let()
			var h *handover
			if sealing {
				commit(t, s, "a", 1, block(1)[0].Payload)
				h = s.rotate(true)
			}
			var fails atomic.Bool
			o := blocklog.Options{SegmentBytes: segmentBytes, Wrap: func(f blocklog.File) blocklog.File { return failingFile{f, &fails} }}
			log, err := blocklog.Open(s.open.wal.dir, o)
			if err != nil {
				t.Fatal(err)
			}
			_ = s.open.wal.log.Close()
			s.open.wal.log = log
			if !sealing {
				commit(t, s, "a", 1, block(1)[0].Payload)
			}
			fails.Store(true)
			var u *Unavailable
			if _, err := s.Commit(t.Context(), "a", 1, block(2)); !errors.As(err, &u) {
				t.Fatalf("block 2: %v", err)
			}
			fails.Store(false)
			if sealing {
				if err := s.seal(h); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Commit(t.Context(), "a", 1, block(3)); !errors.As(err, &u) {
				t.Fatalf("block 3 before the log is sealed: %v", err)
			}
			let()
			if err := s.turn(false); err != nil {
				t.Fatal(err)
			}
			for n := range uint64(3) {
				commit(t, s, "a", n+1, block(n + 1)[0].Payload)
			}
			want(t, s, "1", "2", "3")
		})
	}
	f("while the one before it is sealed", 0, true)
	f("within an append", 1, false)
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	s := open(t, dir, Options{Reserve: 1 << 20, Log: slog.New(slog.NewTextHandler(&log, nil))})
	p := payload(base(), "one")
	commit(t, s, "a", 1, p)
	left := func(n int64) {
		s.disk.mu.Lock()
		defer s.disk.mu.Unlock()
		s.disk.free = func(string) (int64, int64, error) { return n, 1 << 40, nil }
		s.disk.at = time.Time{}
	}
	left(1<<20 - 1)
	_, err := s.Commit(t.Context(), "a", 1, []protocol.Frame{{Sequence: 2, Payload: p}})
	var u *Unavailable
	if !errors.As(err, &u) || !strings.HasPrefix(u.Reason, "disk is full: 1023 KiB free, 1024 KiB are reserved") || s.Usage().Full == "" {
		t.Fatalf("got %v", err)
	}
	want(t, s, "one")
	if _, err := s.Commit(t.Context(), "a", 1, []protocol.Frame{{Sequence: 2, Payload: p}}); !errors.As(err, &u) {
		t.Fatalf("got %v", err)
	}
	left(1 << 30)
	commit(t, s, "a", 2, p)
	commit(t, s, "a", 3, p)
	for _, text := range []string{"blocks are refused for now", "disk is full: 1023 KiB free", dir, "blocks are stored again"} {
		if n := strings.Count(log.String(), text); n != 1 {
			t.Errorf("the log says %q %d times:\n%s", text, n, log.String())
		}
	}
}

// TestDiskIsLookedAtWithoutTheLock has a file system that does not answer whoever
// asks for its free space: nobody else waits for that.
func TestDiskIsLookedAtWithoutTheLock(t *testing.T) {
	s := open(t, t.TempDir(), Options{Reserve: 1 << 20})
	commit(t, s, "a", 1, payload(base(), "one"))
	asked, answer := make(chan struct{}), make(chan struct{})
	s.disk.mu.Lock()
	s.disk.free = func(string) (int64, int64, error) {
		asked <- struct{}{}
		<-answer
		return 0, 1 << 40, nil
	}
	s.disk.at = time.Time{}
	s.disk.mu.Unlock()
	full := make(chan string, 1)
	go func() { full <- s.Usage().Full }()
	<-asked
	found := make(chan struct{})
	go func() {
		defer close(found)
		want(t, s, "one")
	}()
	select {
	case <-found:
	case <-time.After(20 * time.Second):
		t.Error("a query waits for the free space")
	}
	close(answer)
	if why := <-full; !strings.HasPrefix(why, "disk is full") {
		t.Errorf("refusing for %q", why)
	}
	<-found
}

// TestDiskIsFilledByTheLog has a disk so small that the log alone fills it: the
// log is sealed while there is room for that, retention drops what is too much,
// and so it goes on and on. Nothing is sealed for every commit.
func TestDiskIsFilledByTheLog(t *testing.T) {
	dir := t.TempDir()
	const size = 600 << 10
	s := open(t, dir, Options{Reserve: 64 << 10, MaxBytes: 100 << 10})
	used := func() (n int64) {
		_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
			if info, err := e.Info(); err == nil && e.Type().IsRegular() && filepath.Base(path) != "catalogue.db" {
				n += info.Size()
			}
			return nil
		})
		return n
	}
	s.disk.mu.Lock()
	s.disk.at = time.Time{}
	s.disk.free = func(string) (int64, int64, error) { return size - used(), size, nil }
	s.disk.mu.Unlock()
	r := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 8<<10)
	refused := 0
	for n := uint64(1); n <= 200; n++ { // 1.6 MiB
		_, _ = r.Read(noise)
		p := payload(base()+int64(n)*1e6, hex.EncodeToString(noise))
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			_, err := s.Commit(t.Context(), "a", 1, []protocol.Frame{{Sequence: n, Payload: p}})
			if err == nil {
				break
			}
			if refused++; time.Now().After(end) {
				t.Fatalf("block %d: %v", n, err)
			}
		}
		if used() > size {
			t.Fatalf("%d bytes are used of %d", used(), size)
		}
	}
	if refused == 0 || s.Stats.Dropped.Load() == 0 || s.Stats.SealFails.Load() != 0 {
		t.Errorf("%d refused, %d segments dropped, %d seals failed", refused, s.Stats.Dropped.Load(), s.Stats.SealFails.Load())
	}
	if n := s.Stats.Sealed.Load(); n > 40 {
		t.Errorf("%d segments for 200 blocks", n)
	}
}

// walFile returns the one file of the one log of a store.
func walFile(t testing.TB, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "wal", "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("log files %q, %v", files, err)
	}
	return files[0]
}

// threeBlocks makes a store that crashed with three blocks in its log, and
// returns where each begins in the file.
func threeBlocks(t *testing.T, dir string) (starts []int64) {
	t.Helper()
	s := open(t, dir, Options{})
	for n := range uint64(3) {
		size := int64(0)
		if n > 0 {
			info, err := os.Stat(walFile(t, dir))
			if err != nil {
				t.Fatal(err)
			}
			size = info.Size()
		}
		starts = append(starts, size)
		commit(t, s, "a", n+1, payload(base()+int64(n)*1e6, []string{"one", "two", "three"}[n]))
	}
	crash(t, s)
	return starts
}

// onMessage calls do when something is logged whose message begins with prefix.
type onMessage struct {
	slog.Handler
	prefix string
	do     func()
}

func (h onMessage) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, h.prefix) {
		h.do()
	}
	return h.Handler.Handle(ctx, r)
}

// TestDamagedLogBehindOneThatCannotBeSealed starts a store that crashed in the
// middle of a seal, with damage in the log that was begun then. The older log
// cannot be sealed at the first try. It must be before the damaged one is: what
// is below the floor is taken for sealed.
func TestDamagedLogBehindOneThatCannotBeSealed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	at := base()
	commit(t, s, "a", 1, payload(at, "one"))
	if s.rotate(true) == nil {
		t.Fatal("nothing to seal")
	}
	for n, body := range []string{"two", "three", "four"} {
		commit(t, s, "a", uint64(n)+2, payload(at+int64(n+1)*1e6, body))
	}
	dir = copyDir(t, dir)
	logs, err := filepath.Glob(filepath.Join(dir, "wal", "*", "*.log"))
	if err != nil || len(logs) != 2 {
		t.Fatalf("logs %q, %v", logs, err)
	}
	info, err := os.Stat(logs[1])
	if err != nil {
		t.Fatal(err)
	}
	damageFile(t, logs[1], int(info.Size())/2) // in the second of three blocks
	inTheWay := filepath.Join(dir, "seg")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(onMessage{testLog(t).Handler(), "seal failed", func() { _ = os.Remove(inTheWay) }})
	// As Open, with a crash before the maintainer runs.
	s, err = newStore(dir, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.recover(); err != nil {
		t.Fatal(err)
	}
	want(t, s, "one", "two", "four")
	s.release()
	want(t, open(t, dir, Options{}), "one", "two", "four")
}

// TestTornLog cuts the log at every length.
func TestTornLog(t *testing.T) {
	dir := t.TempDir()
	starts := threeBlocks(t, dir)
	p, err := os.ReadFile(walFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(len(p)); n >= 0; n -= 7 {
		dir := copyDir(t, dir)
		if err := os.Truncate(walFile(t, dir), n); err != nil {
			t.Fatal(err)
		}
		var left []string
		switch {
		case n == int64(len(p)):
			left = []string{"one", "two", "three"}
		case n >= starts[2]:
			left = []string{"one", "two"}
		case n >= starts[1]:
			left = []string{"one"}
		}
		s := open(t, dir, Options{Log: slog.New(slog.DiscardHandler)})
		want(t, s, left...)
		next := uint64(len(left) + 1) // was not acknowledged if it is torn: it comes again
		if r := commit(t, s, "a", next, payload(base()+1e9, "again")); r.Records != 1 {
			t.Fatalf("cut at %d: block %d is taken for a repeat", n, next)
		}
		crash(t, s)
		s = open(t, dir, Options{Log: slog.New(slog.DiscardHandler)})
		want(t, s, append(left, "again")...)
		crash(t, s)
	}
}

// TestDamagedLog flips a bit in the second block: the others are stored, the
// log is kept, the second block can come again.
func TestDamagedLog(t *testing.T) {
	dir := t.TempDir()
	starts := threeBlocks(t, dir)
	p, err := os.ReadFile(walFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	p[starts[2]-5] ^= 1
	if err := os.WriteFile(walFile(t, dir), p, 0o600); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		s := open(t, dir, Options{})
		want(t, s, "one", "three")
		if u := s.Usage(); u.Gaps != 1 {
			t.Errorf("round %d: %d gaps, want the damaged block", round, u.Gaps)
		}
		crash(t, s)
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "wal", "*.damaged")); len(kept) != 1 {
		t.Errorf("damaged logs kept: %q", kept)
	}
	s := open(t, dir, Options{})
	if r := commit(t, s, "a", 2, payload(base()+1e6, "two")); r.Records != 1 {
		t.Errorf("the damaged block is not stored again: %+v", r)
	}
	want(t, s, "one", "two", "three")
}

func FuzzReplay(f *testing.F) {
	keyed := entry{received: 1, key: newKey("k", [32]byte{})}
	numbered := entry{received: base(), agent: "a", epoch: 1, sequence: 1}
	f.Add(keyed.append(nil), payload(base(), "x"))
	f.Add(numbered.append(nil), payload(0, "x", "y"))
	f.Add([]byte("x"), []byte("y"))
	f.Fuzz(func(t *testing.T, meta, p []byte) {
		dir := t.TempDir()
		w, err := openWAL(dir, 1, new(atomic.Int64))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.log.Append(blocklog.Entry{Sequence: 1, Meta: meta, Payload: p}); err != nil {
			t.Fatal(err)
		}
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		var first []string
		for round := range 2 {
			s, err := Open(dir, Options{MaxBlock: 64 << 10})
			if err != nil {
				t.Fatal(err)
			}
			got := bodies(t, s)
			if round == 0 {
				first = got
			} else if !slices.Equal(got, first) {
				t.Fatalf("%q the first time, %q the second", first, got)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
