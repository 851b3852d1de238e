package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"shipper/internal/blocklog"
)

// faults fails what a queue does to its payload files.
type faults struct{ write, sync atomic.Pointer[error] }

type faulty struct {
	blocklog.File
	*faults
}

func (f faulty) WriteAt(p []byte, off int64) (int, error) {
	if err := f.write.Load(); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, *err
	}
	return f.File.WriteAt(p, off)
}

func (f faulty) Datasync() error {
	if err := f.sync.Load(); err != nil {
		return *err
	}
	return f.File.Datasync()
}

func (f *faults) wrap(file blocklog.File) blocklog.File { return faulty{file, f} }

// pendingAcks is how many outputs have acks that are not durable.
func pendingAcks(q *Queue) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.dirty)
}

// intercept puts itself between the queue and bbolt.
func intercept(t *testing.T, q *Queue, update func(*bbolt.DB, func(*bbolt.Tx) error) error) {
	t.Helper()
	if err := q.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer q.release()
	q.update = update
}

func fault(err error) *error { return &err }

func TestDiskThatFailsIsTriedAgain(t *testing.T) {
	for name, set := range map[string]func(f *faults, err *error){
		"write": func(f *faults, err *error) { f.write.Store(err) },
		"sync":  func(f *faults, err *error) { f.sync.Store(err) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				var f faults
				var l logs
				q := open(t, dir, Options{SegmentBytes: 2000, WrapFile: f.wrap, Log: l.logger()})
				c := cursor(t, q, "a")
				appendN(t, q, 1, 5, 300)
				for round := range 3 {
					n := 6 + 4*round
					set(&f, fault(syscall.ENOSPC))
					done := make(chan error, 1)
					go func() {
						done <- q.Append(t.Context(), []Append{group(n, 300), group(n+1, 300), group(n+2, 300), group(n+3, 300)})
					}()
					time.Sleep(time.Minute)
					synctest.Wait()
					if q.Stats.Failing.Load() != 1 || len(done) != 0 {
						t.Errorf("failing: %d, append returned: %d", q.Stats.Failing.Load(), len(done))
					}
					// What is there can be delivered meanwhile, and acked.
					if got := take(t, c); round == 0 && !slices.Equal(got, seqs(1, 5)) {
						t.Errorf("got %d", got)
					}
					c.Ack(ID{1, uint64(n - 1)})
					time.Sleep(2 * time.Second)
					if at := q.Outputs()["a"]; pendingAcks(q) != 0 || at.Sequence != uint64(n-1) {
						t.Errorf("acks are not stored while payloads cannot be written: %v", at)
					}
					set(&f, nil)
					if err := <-done; err != nil {
						t.Fatal(err)
					}
				}
				if got := takeBlocks(t, c); len(got) != 4 || string(got[3].Payload[:9]) != "block 17 " || got[3].Sequence != 17 {
					t.Errorf("got %v", got)
				}
				if s := l.String(); strings.Count(s, `fails, trying again" doing="append blocks"`) != 3 || strings.Count(s, `works again" doing="append blocks"`) != 3 {
					t.Errorf("logged:\n%s", s)
				}
				closeAndVerify(t, q)
			})
		})
	}
}

// lines is called with each line of a log as it is written.
type lines func(line string)

func (l lines) Write(p []byte) (int, error) {
	l(string(p))
	return len(p), nil
}

// TestCauseIsLoggedFirst: who sees that the disk fails finds the cause in the log.
func TestCauseIsLoggedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f faults
		var q *Queue
		var failing []int64
		log := lines(func(line string) {
			if strings.Contains(line, "fails, trying again") {
				failing = append(failing, q.Stats.Failing.Load())
			}
		})
		q = open(t, t.TempDir(), Options{WrapFile: f.wrap, Log: slog.New(slog.NewTextHandler(log, nil))})
		f.write.Store(fault(syscall.EROFS))
		done := make(chan error, 1)
		go func() { done <- q.Append(t.Context(), []Append{group(1, 300)}) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(failing, []int64{0}) || q.Stats.Failing.Load() != 1 {
			t.Errorf("the gauge was %d when the cause was logged, then %d", failing, q.Stats.Failing.Load())
		}
		f.write.Store(nil)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// short is a file on a disk that has room for small writes only.
type short struct {
	blocklog.File
	most *atomic.Int64
}

func (s short) WriteAt(p []byte, off int64) (int, error) {
	if int64(len(p)) > s.most.Load() {
		return 0, syscall.ENOSPC
	}
	return s.File.WriteAt(p, off)
}

// TestAcksBesideAFailingAppend: that acks are stored meanwhile does not keep the
// log from being cut back before the next try.
func TestAcksBesideAFailingAppend(t *testing.T) {
	dir := t.TempDir()
	var most atomic.Int64
	most.Store(1 << 20)
	q := open(t, dir, Options{WrapFile: func(f blocklog.File) blocklog.File { return short{f, &most} }})
	c := cursor(t, q, "a")
	appendN(t, q, 1, 4, 10)
	take(t, c)
	most.Store(600)
	b := &batch{as: []Append{group(5, 100), group(6, 100), group(7, 900)}}
	size := q.blocks.Bytes()
	for try := range 4 {
		if err := q.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := q.commit(b)
		q.release()
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("commit: %v", err)
		}
		if try == 0 {
			size = q.blocks.Bytes()
		} else if n := q.blocks.Bytes(); n > size {
			t.Errorf("try %d: the log has grown from %d bytes to %d", try, size, n)
		}
		c.Ack(ID{1, uint64(try + 1)})
		q.tick()
		if pendingAcks(q) != 0 {
			t.Fatal("an ack is not stored")
		}
	}
	most.Store(1 << 20)
	appendN(t, q, 8, 1, 10)
	closeAndVerify(t, q)
	if err := os.Remove(filepath.Join(dir, "index.db")); err != nil {
		t.Fatal(err)
	}
	q = open(t, dir, Options{})
	got := takeBlocks(t, cursor(t, q, "a"))
	if n := len(got); n == 0 || got[n-1].ID() != (ID{1, 5}) || !bytes.Equal(got[n-1].Payload, payload(8, 10)) {
		t.Errorf("built again: %v", got)
	}
}

func TestAppendOnAFullDiskEndsWithItsContext(t *testing.T) {
	var f faults
	dir := t.TempDir()
	q := open(t, dir, Options{WrapFile: f.wrap})
	cursor(t, q, "a")
	appendN(t, q, 1, 2, 100)
	f.write.Store(fault(syscall.ENOSPC))
	ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
	defer cancel()
	if err := q.Append(ctx, []Append{group(3, 100)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("append: %v", err)
	}
	closeAndVerify(t, q)
	q = open(t, dir, Options{})
	if got := take(t, cursor(t, q, "a")); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("got %d", got)
	}
	if at, _ := q.Positions("in"); string(at["in/f"]) != "2" {
		t.Errorf("position %s", at["in/f"])
	}
	closeAndVerify(t, q)
}

// TestUnknownCommit: bbolt can say that a commit failed that is on disk.
func TestUnknownCommit(t *testing.T) {
	for _, happened := range []bool{true, false} {
		t.Run(fmt.Sprint(happened), func(t *testing.T) {
			q := open(t, t.TempDir(), Options{SegmentBytes: 1000})
			c := cursor(t, q, "a")
			appendN(t, q, 1, 3, 200)
			calls := 0
			good := (*bbolt.DB).Update
			before := q.indexFile
			held, err := os.Open(filepath.Join(q.dir, "index.db")) // so that its inode is not used again
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			intercept(t, q, func(db *bbolt.DB, fn func(*bbolt.Tx) error) error {
				calls++
				if calls%2 == 0 {
					return good(db, fn)
				}
				if happened {
					return errors.Join(good(db, fn), syscall.EIO)
				}
				return syscall.EIO
			})
			appendN(t, q, 4, 4, 200)
			intercept(t, q, good)
			appendN(t, q, 8, 1, 200)
			if got := takeBlocks(t, c); len(got) != 8 || got[7].Sequence != 8 || string(got[7].Payload[:8]) != "block 8 " {
				t.Errorf("got %v", got)
			}
			if calls < 4 {
				t.Errorf("%d commits", calls)
			}
			// What a sync that failed left in the page cache is no proof.
			if os.SameFile(before, q.indexFile) {
				t.Error("the index was not written anew")
			}
			if err := q.sameFile(); err != nil {
				t.Error(err)
			}
			sums := books(t, q)
			if checkBooks(t, sums); sums["queued"] != 8*900 {
				t.Errorf("books %v", sums)
			}
			closeAndVerify(t, q)
		})
	}
}

// TestIndexThatCannotBeOpenedAgain: after an unknown commit nothing works until
// the index can be opened; then it turns out.
func TestIndexThatCannotBeOpenedAgain(t *testing.T) { synctest.Test(t, indexThatCannotBeOpenedAgain) }

func indexThatCannotBeOpenedAgain(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	c := cursor(t, q, "a")
	appendN(t, q, 1, 2, 100)
	path := filepath.Join(dir, "index.db")
	intercept(t, q, func(db *bbolt.DB, fn func(*bbolt.Tx) error) error {
		q.update = (*bbolt.DB).Update
		return errors.Join(q.update(db, fn), os.Rename(path, path+".away"), os.Mkdir(path, 0o700), syscall.EIO)
	})
	done := make(chan error)
	go func() { done <- q.Append(t.Context(), []Append{group(3, 100)}) }()
	synctest.Wait()
	if _, err := q.Books(); !errors.Is(err, errUnavailable) {
		t.Errorf("books: %v", err)
	}
	if _, err := q.Lag("a"); !errors.Is(err, errUnavailable) { // and not that there is nothing left
		t.Errorf("lag: %v", err)
	}
	q.acquire(t.Context()) // keeps the tick from finding out that the file was replaced
	if err := errors.Join(os.Remove(path), os.Rename(path+".away", path)); err != nil {
		t.Fatal(err)
	}
	q.release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := take(t, c); !slices.Equal(got, seqs(1, 3)) {
		t.Errorf("got %d", got)
	}
	closeAndVerify(t, q)
}

func TestIndexTakenAway(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	appendN(t, q, 1, 1, 10)
	path := filepath.Join(dir, "index.db")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	q.tick()
	err := q.Append(t.Context(), []Append{group(2, 10)})
	if err == nil || !strings.Contains(err.Error(), "removed or replaced") {
		t.Errorf("append: %v", err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if wasClean(dir) {
		t.Error("the queue says that it was closed properly")
	}
	os.Rename(path+".away", path)
	verify(t, dir)
}

// TestFullDisk uses a real small file system.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("needs to mount a tmpfs: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	synctest.Test(t, func(t *testing.T) { fullDisk(t, dir) })
}

func fullDisk(t *testing.T, dir string) {
	data := filepath.Join(dir, "data")
	q := open(t, data, Options{SegmentBytes: 300 << 10})
	c := cursor(t, q, "a")
	// Others fill the disk.
	if err := os.WriteFile(filepath.Join(dir, "other"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	var full error
	for full == nil {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		n++
		full = q.Append(ctx, []Append{group(n, 30<<10)})
		cancel()
	}
	if q.Stats.Failing.Load() != 1 || n < 20 {
		t.Fatalf("append %d says %v, failing %d", n, full, q.Stats.Failing.Load())
	}
	f, err := os.Create(filepath.Join(dir, "rest"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	// Nothing at all is left: acks work one by one, and free space.
	for _, b := range takeBlocks(t, c) {
		if err := c.Ack(b.ID()); err != nil {
			t.Fatal(err)
		}
		q.tick()
		if pendingAcks(q) != 0 {
			t.Fatalf("ack of block %d is not stored", b.Sequence)
		}
	}
	if q.Stats.Blocks.Load() != 0 || q.blocks.Bytes() > 300<<10 {
		t.Errorf("%d blocks, %d bytes are left", q.Stats.Blocks.Load(), q.blocks.Bytes())
	}
	appendN(t, q, n, 1, 30<<10) // goes on by itself
	if got := takeBlocks(t, c); len(got) != 1 || got[0].Sequence != uint64(n) {
		t.Errorf("got %v", got)
	}
	kill(q)
	verify(t, data)
	q = open(t, data, Options{})
	if sums := books(t, q); sums["queued"] != int64(n)*900 {
		t.Errorf("books %v after %d appends", sums, n)
	}
	closeAndVerify(t, q)
}
