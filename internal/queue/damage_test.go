package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
)

// damaged makes a queue with n blocks of which output a has acked some, and
// returns its directory and agent ID.
func damaged(t testing.TB, n, acked int) (dir, agent string) {
	t.Helper()
	dir = t.TempDir()
	q := open(t, dir, Options{SegmentBytes: 2000})
	c := cursor(t, q, "a")
	for i := 1; i <= n; i++ {
		g := group(i, 200)
		g.Positions = append(g.Positions, Position{fmt.Sprintf("in/%d", i), []byte{byte(i)}})
		if err := q.Append(t.Context(), []Append{g}); err != nil {
			t.Fatal(err)
		}
		if i == acked {
			take(t, c)
			c.Ack(ID{1, uint64(acked)})
		}
	}
	kill(q)
	return dir, q.AgentID()
}

// TestIndexIsBuiltAgain: whatever happens to the index, blocks, positions,
// books, cursors and IDs come back from the log.
func TestIndexIsBuiltAgain(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string){
		"removed":   func(t *testing.T, path string) { os.Remove(path) },
		"empty":     func(t *testing.T, path string) { os.Truncate(path, 0) },
		"short":     func(t *testing.T, path string) { os.Truncate(path, 5000) },
		"page lost": func(t *testing.T, path string) { os.Truncate(path, 12288) },
		"foreign":   func(t *testing.T, path string) { os.WriteFile(path, bytes.Repeat([]byte("log\n"), 9999), 0o600) },
		"both metas": func(t *testing.T, path string) {
			f, _ := os.OpenFile(path, os.O_RDWR, 0)
			f.WriteAt(make([]byte, 8192), 0)
			f.Close()
		},
		// In the file's first two pages, at byte 56: the number of pages.
		"a bit of meta page 0": func(t *testing.T, path string) { flipAt(t, path, 56) },
		"a bit of meta page 1": func(t *testing.T, path string) { flipAt(t, path, 4096+56) },
		"data page": func(t *testing.T, path string) {
			b, _ := os.ReadFile(path)
			for off := 2 * 4096; off < len(b); off += 4096 {
				copy(b[off:], bytes.Repeat([]byte{0xee}, 100))
			}
			os.WriteFile(path, b, 0o600)
		},
		"a value": func(t *testing.T, path string) {
			b, _ := os.ReadFile(path)
			for { // every copy of the position
				i := bytes.Index(b, []byte("in/f30"))
				if i < 0 {
					break
				}
				b[i+5] = '9'
			}
			os.WriteFile(path, b, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, agent := damaged(t, 30, 12)
			harm(t, filepath.Join(dir, "index.db"))
			var l logs
			q := open(t, dir, Options{SegmentBytes: 2000, Log: l.logger(), Check: checkInChild(t)})
			if q.AgentID() != agent || q.Stats.Rebuilt.Load() != 1 || !strings.Contains(l.String(), "built again") {
				t.Errorf("agent ID %s became %s, logged:\n%s", agent, q.AgentID(), &l)
			}
			aside, _ := filepath.Glob(filepath.Join(dir, "index.db.corrupt-*"))
			if want := name != "removed" && name != "empty"; want != (len(aside) == 1) {
				t.Errorf("set aside: %q", aside)
			}
			c := cursor(t, q, "a")
			if got := take(t, c); !slices.Equal(got, seqs(13, 30)) {
				t.Errorf("got %d", got)
			}
			positions, err := q.Positions("in")
			if err != nil || string(positions["in/f"]) != "30" || len(positions) != 31 || positions["in/7"][0] != 7 {
				t.Errorf("positions %q, error %v", positions, err)
			}
			sums := books(t, q)
			if checkBooks(t, sums); sums["queued"] != 30*900 {
				t.Errorf("books %v", sums)
			}
			appendN(t, q, 31, 1, 10)
			if got := takeBlocks(t, c); len(got) != 1 || got[0].Epoch != 1 || got[0].Sequence != 31 {
				t.Errorf("the next block is %v", got)
			}
			closeAndVerify(t, q)
		})
	}
}

func flipAt(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func checkInChild(t *testing.T) func(path string) error {
	return func(path string) error {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "QUEUE_TEST_CHECK="+path, "GORACE=atexit_sleep_ms=0")
		return cmd.Run()
	}
}

// TestUncertainSequencesBeginAnEpoch: with damage in the log as well it is not
// certain which numbers were used.
func TestUncertainSequencesBeginAnEpoch(t *testing.T) {
	dir, agent := damaged(t, 30, 12)
	os.Remove(filepath.Join(dir, "index.db"))
	names, _ := filepath.Glob(filepath.Join(dir, "blocks", "*.log"))
	last := names[len(names)-1]
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	os.Truncate(last, info.Size()-1)
	q := open(t, dir, Options{})
	c := cursor(t, q, "a")
	got := take(t, c)
	if !slices.Equal(got, seqs(13, 29)) || q.AgentID() != agent {
		t.Errorf("got %d", got)
	}
	if at, _ := q.Positions("in"); string(at["in/f"]) != "29" {
		t.Errorf("position %s: block 30 would be lost", at["in/f"])
	}
	appendN(t, q, 30, 1, 10)
	c.Ack(ID{1, 29})
	if got := takeBlocks(t, c); len(got) != 1 || got[0].Epoch != 2 || got[0].Sequence != 1 {
		t.Errorf("the next block is %v", got)
	}
	sums := books(t, q)
	if checkBooks(t, sums); sums["queued"] != 30*900 {
		t.Errorf("books %v", sums)
	}
	closeAndVerify(t, q)
}

// TestHalfACommitIsNoCommit: blocks whose commit is not completely in the log
// are taken back, since their positions are not there either.
func TestHalfACommitIsNoCommit(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	appendN(t, q, 1, 2, 100)
	if err := q.Append(t.Context(), []Append{group(3, 100), group(4, 100), group(5, 100)}); err != nil {
		t.Fatal(err)
	}
	end := q.head.tail.Offset
	kill(q)
	os.Remove(filepath.Join(dir, "index.db"))
	os.Truncate(filepath.Join(dir, "blocks", "0000000000000001.log"), end)
	q = open(t, dir, Options{})
	if got := take(t, cursor(t, q, "a")); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("got %d", got)
	}
	if at, _ := q.Positions("in"); string(at["in/f"]) != "2" {
		t.Errorf("position %s", at["in/f"])
	}
	closeAndVerify(t, q)
}

func TestDeadLettersSurviveARebuild(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	c := cursor(t, q, "a")
	appendN(t, q, 1, 2, 100)
	b := takeBlocks(t, c)[1]
	if err := c.DeadLetter(b, "no"); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(deadLetters(t, q))
	kill(q)
	os.Remove(filepath.Join(dir, "index.db"))
	q = open(t, dir, Options{})
	if got := fmt.Sprint(deadLetters(t, q)); got != want {
		t.Errorf("dead letters %s, want %s", got, want)
	}
	closeAndVerify(t, q)
}

func TestNewerFormatIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	appendN(t, q, 1, 1, 10)
	kill(q)
	path := filepath.Join(dir, "index.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return put(tx, row{tableMeta, []byte(metaFormat), []byte{99}}) })
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	_, err = Open(dir, Options{})
	after, _ := os.ReadFile(path)
	if !errors.Is(err, errNewer) || !bytes.Equal(before, after) {
		t.Errorf("open: %v", err)
	}
}

func TestDirectoryInPlaceOfTheIndex(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "index.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("open: %v", err)
	}
}

// TestDamagedBlocksAreSetAside flips bytes all over the payload files of a
// queue that is running.
func TestDamagedBlocksAreSetAside(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		dir := t.TempDir()
		var l logs
		q := open(t, dir, Options{SegmentBytes: 3000, Log: l.logger()})
		c := cursor(t, q, "a")
		appendN(t, q, 1, 30, 300)
		names, _ := filepath.Glob(filepath.Join(dir, "blocks", "*.log"))
		flips := 1 + r.IntN(5)
		for range flips {
			flip(t, r, names[r.IntN(len(names))])
		}
		got := takeBlocks(t, c)
		for _, b := range got {
			if !bytes.Equal(b.Payload, payload(int(b.Sequence), 300)) {
				t.Fatalf("seed %d: block %d is wrong", seed, b.Sequence)
			}
		}
		corrupt := int(q.Stats.Corrupt.Load())
		if len(got)+corrupt != 30 || corrupt > flips || strings.Count(l.String(), "was set aside") != corrupt {
			t.Fatalf("seed %d: %d blocks, %d corrupt, logged:\n%s", seed, len(got), corrupt, &l)
		}
		sums := books(t, q)
		checkBooks(t, sums)
		if sums["queued"] != int64(len(got))*900 || sums["lost corrupt"] != int64(corrupt)*900 {
			t.Errorf("seed %d: books %v with %d corrupt", seed, sums, corrupt)
		}
		dead := deadLetters(t, q)
		if len(dead) != corrupt || corrupt > 0 && (dead[0].Output != "" || dead[0].Records != 10 || !strings.HasPrefix(dead[0].Reason, ReasonCorrupt)) {
			t.Errorf("seed %d: dead letters %v", seed, dead)
		}
		if err := c.Ack(got[len(got)-1].ID()); err != nil {
			t.Fatal(err)
		}
		appendN(t, q, 31, 5, 300)
		if more := take(t, c); !slices.Equal(more, seqs(31, 35)) {
			t.Errorf("seed %d: then got %d", seed, more)
		}
		c.Ack(ID{1, 35})
		q.tick()
		if n := q.Stats.Blocks.Load(); n != 0 {
			t.Errorf("seed %d: %d blocks are left", seed, n)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBlocksThatCannotBeRead: a disk that fails for a while costs nothing; a block
// that it never gives is set aside.
func TestBlocksThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var l logs
		q := open(t, dir, Options{Log: l.logger()})
		c := cursor(t, q, "a")
		appendN(t, q, 1, 4, 100)
		var harmed atomic.Pointer[func(blocklog.Location) bool]
		q.read = func(log *blocklog.Log, at blocklog.Location, dst []byte) ([]byte, error) {
			if bad := harmed.Load(); bad != nil && (*bad)(at) {
				return nil, &fs.PathError{Op: "read", Path: "log", Err: syscall.EIO}
			}
			return log.Read(at, dst)
		}
		all := func(blocklog.Location) bool { return true }
		first, err := c.find(0)
		if err != nil {
			t.Fatal(err)
		}
		one := func(at blocklog.Location) bool { return at == first[0].at }
		next := func() <-chan []Block {
			got := make(chan []Block, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
				defer cancel()
				blocks, _ := c.Next(ctx, 1<<20, nil)
				got <- blocks
			}()
			return got
		}

		harmed.Store(&all)
		got := next()
		time.Sleep(patience / 2)
		synctest.Wait()
		if len(got) != 0 || q.Stats.Failing.Load() != 1 || q.Stats.Corrupt.Load() != 0 {
			t.Errorf("failing %d, %d set aside", q.Stats.Failing.Load(), q.Stats.Corrupt.Load())
		}
		harmed.Store(&one)
		time.Sleep(patience / 4)
		synctest.Wait()
		if len(got) != 0 || q.Stats.Corrupt.Load() != 0 {
			t.Errorf("%d set aside", q.Stats.Corrupt.Load())
		}
		harmed.Store(nil)
		if blocks := <-got; len(blocks) != 4 || q.Stats.Failing.Load() != 0 {
			t.Errorf("got %v, failing %d", blocks, q.Stats.Failing.Load())
		}
		c.Close()

		c = cursor(t, q, "a")
		harmed.Store(&one)
		got = next()
		if blocks := <-got; len(blocks) != 3 || blocks[0].Sequence != 2 || q.Stats.Corrupt.Load() != 1 {
			t.Errorf("got %v, %d set aside", blocks, q.Stats.Corrupt.Load())
		}
		if s := l.String(); strings.Count(s, "fails, trying again") != 2 || strings.Count(s, "was set aside") != 1 {
			t.Errorf("logged:\n%s", s)
		}
		checkBooks(t, books(t, q))
		closeAndVerify(t, q)
	})
}

func flip(t testing.TB, r *rand.Rand, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	at := r.Int64N(info.Size())
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << r.IntN(8)
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

func TestSegmentRemovedByHand(t *testing.T) {
	dir, _ := damaged(t, 30, 0)
	names, _ := filepath.Glob(filepath.Join(dir, "blocks", "*.log"))
	os.Remove(names[1])
	q := open(t, dir, Options{SegmentBytes: 2000})
	c := cursor(t, q, "a")
	got := take(t, c)
	if n := len(got); n == 0 || n == 30 || got[n-1] != 30 || int(q.Stats.Corrupt.Load()) != 30-n {
		t.Errorf("got %d, %d corrupt", got, q.Stats.Corrupt.Load())
	}
	checkBooks(t, books(t, q))
	closeAndVerify(t, q)
}

// TestAnyDamageIsSurvived flips bytes anywhere while the queue is closed: it
// opens, gives what it can, and never something wrong.
func TestAnyDamageIsSurvived(t *testing.T) {
	source, _ := damaged(t, 30, 5)
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		dir := copyDir(t, source)
		var files []string
		filepath.WalkDir(dir, func(path string, e fs.DirEntry, _ error) error {
			if ext := filepath.Ext(path); ext == ".log" || ext == ".db" {
				if info, _ := e.Info(); info.Size() > 0 {
					files = append(files, path)
				}
			}
			return nil
		})
		for range 1 + r.IntN(20) {
			path := files[r.IntN(len(files))]
			if r.IntN(2) == 0 {
				path = filepath.Join(dir, "index.db")
			}
			flip(t, r, path)
		}
		q := open(t, dir, Options{Check: checkInChild(t)})
		c := cursor(t, q, "a")
		for _, b := range takeBlocks(t, c) {
			if b.Epoch != 1 || !bytes.Equal(b.Payload, payload(int(b.Sequence), 200)) {
				t.Errorf("seed %d: block %d/%d is wrong", seed, b.Epoch, b.Sequence)
			}
			c.Ack(b.ID())
		}
		before := q.head.last
		appendN(t, q, 31, 1, 200)
		if got := takeBlocks(t, c); len(got) != 1 || !bytes.Equal(got[0].Payload, payload(31, 200)) ||
			!before.less(got[0].ID()) {
			t.Errorf("seed %d: then got %v", seed, got)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamageFoundWhileRunning: the queue ends for good, and is whole after a restart.
func TestDamageFoundWhileRunning(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	appendN(t, q, 1, 5, 100)
	path := filepath.Join(dir, "index.db")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for off := 2 * 4096; off < len(b); off += 4096 { // the metas stay
		f.WriteAt(bytes.Repeat([]byte{0xee}, 4096), int64(off))
	}
	f.Close()
	if err := q.Append(t.Context(), []Append{group(6, 100)}); err == nil || !strings.Contains(err.Error(), "next start") {
		t.Errorf("append: %v", err)
	}
	if _, err := q.Books(); err == nil {
		t.Error("books of a damaged index")
	}
	kill2 := make(chan error, 1)
	go func() { kill2 <- q.Close() }()
	<-kill2
	q = open(t, copyDir(t, dir), Options{Check: checkInChild(t)})
	if got := take(t, cursor(t, q, "a")); !slices.Equal(got, seqs(1, 5)) {
		t.Errorf("got %d", got)
	}
	if sums := books(t, q); sums["queued"] != 5*900 {
		t.Errorf("books %v", sums)
	}
	closeAndVerify(t, q)
}
