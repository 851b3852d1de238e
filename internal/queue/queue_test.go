package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/dirlock"
	"shipper/internal/input"
)

// logs collects what a queue says.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func open(t testing.TB, dir string, o Options) *Queue {
	t.Helper()
	if o.Machine == nil {
		o.Machine = []byte{}
	}
	q, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

// kill ends a queue as a crash of its process would.
func kill(q *Queue) {
	q.closed.Do(func() {
		close(q.closing)
		q.done.Wait()
		q.commitLock <- struct{}{}
		q.abandon()
	})
}

// verify runs the queue's own check.
func verify(t testing.TB, dir string) {
	t.Helper()
	i, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if err := i.Verify(func(p string) { t.Errorf("verify: %s", p) }); err != nil {
		t.Fatal(err)
	}
}

// closeAndVerify ends a test.
func closeAndVerify(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, q.dir)
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		if rel == "reserve" {
			return nil
		}
		src, err := os.Open(path)
		if err != nil {
			return err
		}
		defer src.Close()
		dst, err := os.Create(filepath.Join(to, rel))
		if err != nil {
			return err
		}
		_, err = io.Copy(dst, src)
		return errors.Join(err, dst.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// payload is a payload that tells what it is.
func payload(n, size int) []byte {
	p := fmt.Appendf(nil, "block %d ", n)
	size = max(size, len(p))
	for len(p) < size {
		p = append(p, byte(n), byte(len(p)), byte(n>>8))
	}
	return p[:size]
}

// group is an append of one block of file f, with its position and books.
func group(n, size int) Append {
	p := payload(n, size)
	return Append{
		Block:     &Block{Records: 10, Raw: 2 * len(p), Time: int64(n), Payload: p},
		Positions: []Position{{Key: "in/f", Value: fmt.Appendf(nil, "%d", n)}},
		Books: []input.Entry{
			{Input: "in", File: "f", Kind: input.Read, Bytes: 1000},
			{Input: "in", File: "f", Kind: input.Queued, Bytes: 900, Count: 10},
			{Input: "in", File: "f", Kind: input.Dropped, Reason: "rule", Bytes: 100, Count: 1},
		},
	}
}

func appendN(t testing.TB, q *Queue, from, n, size int) {
	t.Helper()
	for i := range n {
		if err := q.Append(t.Context(), []Append{group(from+i, size)}); err != nil {
			t.Fatal(err)
		}
	}
}

func cursor(t testing.TB, q *Queue, name string) *Cursor {
	t.Helper()
	c, err := q.Cursor(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// take returns the sequence numbers of all that a cursor has to give now.
func take(t testing.TB, c *Cursor) (seqs []uint64) {
	t.Helper()
	for _, b := range takeBlocks(t, c) {
		seqs = append(seqs, b.Sequence)
	}
	return seqs
}

// lagOf returns how far an output is behind.
func lagOf(t testing.TB, q *Queue, output string) Lag {
	t.Helper()
	lag, err := q.Lag(output)
	if err != nil {
		t.Fatal(err)
	}
	return lag
}

func takeBlocks(t testing.TB, c *Cursor) (blocks []Block) {
	t.Helper()
	for lagOf(t, c.q, c.name).Blocks > 0 {
		found, err := c.find(1 << 30)
		if err == nil && len(found) == 0 {
			return blocks
		}
		bs, err := c.read(found, nil)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, bs...)
	}
	return blocks
}

func seqs(from, to uint64) (s []uint64) {
	for i := from; i <= to; i++ {
		s = append(s, i)
	}
	return s
}

func TestBlocksComeBackInOrder(t *testing.T) {
	q := open(t, t.TempDir(), Options{SegmentBytes: 5000})
	for i := 1; i <= 100; i += 4 {
		as := []Append{group(i, 300), group(i+1, 10), group(i+2, 700), group(i+3, 0)}
		if err := q.Append(t.Context(), as); err != nil {
			t.Fatal(err)
		}
		if id := as[3].Block.ID(); id != (ID{1, uint64(i + 3)}) {
			t.Fatalf("the fourth block of the group is %s", id)
		}
	}
	c := cursor(t, q, "a")
	var all, dst []Block
	for len(all) < 100 {
		bs, err := c.Next(t.Context(), 2000, dst)
		if err != nil {
			t.Fatal(err)
		}
		bytes := 0
		for _, b := range bs {
			bytes += len(b.Payload)
		}
		if bytes > 2000 {
			t.Errorf("%d bytes at once", bytes)
		}
		all = append(all, bs...)
	}
	for i, b := range all {
		want := group(i+1, 0).Block
		if b.Epoch != 1 || b.Sequence != uint64(i+1) || b.Records != 10 || b.Time != want.Time ||
			!strings.HasPrefix(string(b.Payload), fmt.Sprintf("block %d ", i+1)) || b.Raw != 2*len(b.Payload) {
			t.Fatalf("block %d is %d/%d %q", i+1, b.Epoch, b.Sequence, b.Payload)
		}
	}
	if got, err := q.Positions("in"); err != nil || string(got["in/f"]) != "100" || len(got) != 1 {
		t.Errorf("positions %q, error %v", got, err)
	}
	closeAndVerify(t, q)
}

func TestNextUsesTheMemoryItIsGiven(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	appendN(t, q, 1, 2, 100)
	c := cursor(t, q, "a")
	memory := make([]byte, 500)
	dst := []Block{{Payload: memory}}[:0]
	bs, err := c.Next(t.Context(), 1, dst)
	if err != nil || len(bs) != 1 || &bs[0].Payload[0] != &memory[0] {
		t.Errorf("%d blocks, error %v", len(bs), err)
	}
}

func TestNextWaits(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	c := cursor(t, q, "a")
	got := make(chan []Block)
	go func() {
		bs, err := c.Next(t.Context(), 1000, nil)
		if err != nil {
			t.Error(err)
		}
		got <- bs
	}()
	appendN(t, q, 1, 1, 10)
	if bs := <-got; len(bs) != 1 {
		t.Errorf("%d blocks", len(bs))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Next(ctx, 1000, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Next without blocks: %v", err)
	}
	ended := make(chan error)
	go func() {
		_, err := c.Next(t.Context(), 1000, nil)
		ended <- err
	}()
	q.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("Next after Close: %v", err)
	}
	if err := q.Append(t.Context(), []Append{group(2, 1)}); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}
}

// TestSteps plays scenarios. A step is one word: + appends a block, k kills, c
// closes (both reopen), n takes all new blocks, aN acks N, rN expects that
// exactly the blocks from N on come after a restart of the cursor.
func TestSteps(t *testing.T) {
	for _, steps := range []string{
		"+ + + n k r1",
		"+ + + n a2 c r3",
		"+ + + n a2 + k r3", // the append stored the ack
		"+ + + n a3 + + n a5 c r6 + r6",
		"k + k + k + k r1",
		"c + c + c + c r1",
		"+ n a1 c k c + r2",
		"n + n a1 + n a2 + c + n a4 c r5 + + c r5",
	} {
		t.Run(steps, func(t *testing.T) {
			dir := t.TempDir()
			q := open(t, dir, Options{SegmentBytes: 300})
			c := cursor(t, q, "out")
			n := 0
			for _, step := range strings.Fields(steps) {
				arg := 0
				fmt.Sscan(step[1:], &arg)
				switch step[0] {
				case '+':
					n++
					appendN(t, q, n, 1, 100)
				case 'n':
					take(t, c)
				case 'a':
					if err := c.Ack(ID{1, uint64(arg)}); err != nil {
						t.Fatal(err)
					}
				case 'k', 'c':
					if step == "k" {
						kill(q)
					} else if err := q.Close(); err != nil {
						t.Fatal(err)
					}
					verify(t, dir)
					q = open(t, dir, Options{SegmentBytes: 300})
					c = cursor(t, q, "out")
				case 'r':
					kill(q)
					q = open(t, dir, Options{SegmentBytes: 300})
					c = cursor(t, q, "out")
					if got, want := take(t, c), seqs(uint64(arg), uint64(n)); !slices.Equal(got, want) {
						t.Errorf("%s: got blocks %d, want %d", step, got, want)
					}
				}
			}
			if got, _ := q.Positions("in"); n > 0 && string(got["in/f"]) != fmt.Sprint(n) {
				t.Errorf("position %q after %d blocks", got, n)
			}
			closeAndVerify(t, q)
		})
	}
}

func TestEveryOutputHasItsOwnCursor(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{SegmentBytes: 1000})
	a, b := cursor(t, q, "a"), cursor(t, q, "b")
	appendN(t, q, 1, 20, 200)
	take(t, a)
	a.Ack(ID{1, 20})
	segments := len(q.blocks.Segments())
	appendN(t, q, 21, 1, 200)
	if n := len(q.blocks.Segments()); n < segments {
		t.Errorf("%d of %d segments are left although b has none of them", n, segments)
	}
	if got := take(t, b); !slices.Equal(got, seqs(1, 21)) {
		t.Errorf("b got %d", got)
	}
	if lag := lagOf(t, q, "b"); lag.Blocks != 21 || lag.Age <= 0 {
		t.Errorf("b lags %+v", lag)
	}
	b.Ack(ID{1, 15})
	q.tick()
	if lag := lagOf(t, q, "b"); lag.Blocks != 6 {
		t.Errorf("b lags %+v", lag)
	}
	if lag := lagOf(t, q, "a"); lag.Blocks != 1 {
		t.Errorf("a lags %+v", lag)
	}
	if n := len(q.blocks.Segments()); n >= segments {
		t.Errorf("%d of %d segments are left", n, segments)
	}
	if err := b.Ack(ID{1, 22}); err == nil {
		t.Error("a block was acked that was not there")
	}
	if n := q.Stats.Blocks.Load(); n != 6 {
		t.Errorf("%d blocks", n)
	}
	closeAndVerify(t, q)
}

func TestOutputsAreKeptUntilDropped(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	cursor(t, q, "old")
	appendN(t, q, 1, 5, 10)
	q.Close()
	q = open(t, dir, Options{})
	c := cursor(t, q, "new")
	if got := take(t, c); !slices.Equal(got, seqs(1, 5)) {
		t.Errorf("a new output got %d", got)
	}
	c.Ack(ID{1, 5})
	q.tick()
	if n := q.Stats.Blocks.Load(); n != 5 {
		t.Errorf("%d blocks although an output has none of them", n)
	}
	if err := q.Drop("new"); err == nil {
		t.Error("an output was dropped that is in use")
	}
	if err := q.Drop("none"); err == nil {
		t.Error("an output was dropped that is not there")
	}
	if err := q.Drop("old"); err != nil {
		t.Fatal(err)
	}
	if n := q.Stats.Blocks.Load(); n != 0 || len(q.Outputs()) != 1 {
		t.Errorf("%d blocks, outputs %v", n, q.Outputs())
	}
	closeAndVerify(t, q)
}

func TestRename(t *testing.T) {
	for name, inUse := range map[string]bool{"with a cursor": true, "without": false} {
		t.Run(name, func(t *testing.T) { testRename(t, inUse) })
	}
}

func testRename(t *testing.T, inUse bool) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	old, other := cursor(t, q, "old"), cursor(t, q, "other")
	appendN(t, q, 1, 3, 10)
	appendTo(t, q, 4, []string{"old"}, []string{"other"}, []string{"old", "other"})
	take(t, old)
	f := func(from, to string, want ...string) {
		t.Helper()
		if err := q.Adopt(Output{Name: to, Formerly: from}); err != nil {
			t.Errorf("rename %s to %s: %v", from, to, err)
		}
		if got := slices.Sorted(maps.Keys(q.Outputs())); !slices.Equal(got, want) {
			t.Errorf("rename %s to %s: the outputs are %q", from, to, got)
		}
	}
	f("old", "other", "old", "other") // taken
	if inUse {
		// It goes on under its new name, which may not be on disk yet.
		good := q.update
		intercept(t, q, func(*bbolt.DB, func(*bbolt.Tx) error) error {
			if err := old.Ack(ID{1, 2}); err != nil {
				t.Error(err)
			}
			return syscall.ENOSPC
		})
		if err := q.Adopt(Output{Name: "first"}, Output{Name: "new", Formerly: "old"}); err == nil {
			t.Error("no error on a full disk")
		}
		intercept(t, q, good)
		if at := q.Outputs(); len(at) != 2 || at["old"] != (ID{1, 2}) {
			t.Errorf("after an error the outputs are %v", at)
		}
		f("old", "new", "new", "other")
		appendTo(t, q, 7, []string{"old"}, []string{"new"})
		if got := take(t, old); !slices.Equal(got, []uint64{7, 8}) {
			t.Errorf("it goes on with %d", got)
		}
	} else {
		old.Ack(ID{1, 2})
		old.Close()
		f("old", "new", "new", "other")
		appendTo(t, q, 7, []string{"old"}, []string{"new"})
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, dir, Options{})
	if got := take(t, cursor(t, q, "new")); !slices.Equal(got, []uint64{3, 4, 6, 7, 8}) {
		t.Errorf("the new name gets %d", got)
	}
	if got := take(t, cursor(t, q, "other")); !slices.Equal(got, []uint64{1, 2, 3, 5, 6}) {
		t.Errorf("the other gets %d", got)
	}
	other.Close() // of the queue that was closed
	if _, known := q.Outputs()["old"]; known {
		t.Error("the old name is still known")
	}
	closeAndVerify(t, q)
}

// TestFormerNames: blocks go to the output that had the name when they were
// queued, whatever the names are now, without being told again.
func TestFormerNames(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	adopt := func(name, formerly string) {
		t.Helper()
		if err := q.Adopt(Output{Name: name, Formerly: formerly}); err != nil {
			t.Fatal(err)
		}
		q.Close()
		q = open(t, dir, Options{})
	}
	adopt("a", "")
	adopt("z", "")
	appendTo(t, q, 1, []string{"a"}, []string{"a", "z"})
	if err := cursor(t, q, "a").DeadLetter(Block{Epoch: 1, Sequence: 1, Payload: []byte("dead")}, "no"); err != nil {
		t.Fatal(err)
	}
	adopt("b", "a")
	appendTo(t, q, 3, []string{"b"}, []string{"a"}) // the last one was packed before
	adopt("c", "b")
	adopt("a", "") // another one
	appendTo(t, q, 5, []string{"c"}, []string{"a"})
	adopt("d", "a")
	appendTo(t, q, 7, []string{"a"}, []string{"d"})
	adopt("b", "c") // back
	appendTo(t, q, 9, []string{"b"}, []string{"c"})
	adopt("e", "b")
	if _, err := q.Replay(t.Context(), func(DeadLetter) bool { return true }); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]uint64{"e": {1, 2, 3, 4, 5, 9, 10, 11}, "d": {6, 7, 8}, "z": {2}} {
		if got := take(t, cursor(t, q, name)); !slices.Equal(got, want) {
			t.Errorf("%s gets %d, want %d", name, got, want)
		}
	}
	if got := slices.Sorted(maps.Keys(q.Outputs())); !slices.Equal(got, []string{"d", "e", "z"}) {
		t.Errorf("the outputs are %q", got)
	}
	closeAndVerify(t, q)
}

// TestCursorAgain: what was handed out and not acked is handed out again.
func TestCursorAgain(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	c := cursor(t, q, "a")
	appendN(t, q, 1, 5, 10)
	take(t, c)
	c.Ack(ID{1, 2})
	c.Close()
	if got := take(t, cursor(t, q, "a")); !slices.Equal(got, seqs(3, 5)) {
		t.Errorf("the next cursor got %d", got)
	}
	closeAndVerify(t, q)
}

func TestAcksAreStoredAfterASecond(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q := open(t, dir, Options{})
		c := cursor(t, q, "a")
		appendN(t, q, 1, 3, 10)
		take(t, c)
		c.Ack(ID{1, 2})
		commits := q.Stats.Commits.Load()
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if n := q.Stats.Commits.Load(); n != commits+1 {
			t.Errorf("%d commits for an ack", n-commits)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := q.Stats.Commits.Load(); n != commits+1 {
			t.Errorf("%d commits while nothing happens", n-commits-1)
		}
		kill(q)
	})
	q := open(t, dir, Options{})
	if got := take(t, cursor(t, q, "a")); !slices.Equal(got, []uint64{3}) {
		t.Errorf("got %d", got)
	}
	closeAndVerify(t, q)
}

func TestPositionsAreDeletedAndKeptApart(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	as := []Append{
		{Positions: []Position{{"a/1", []byte("x")}, {"a/2", []byte{}}, {"ab/1", []byte("y")}, {"a/3", []byte("z")}}},
		{Positions: []Position{{"a/3", nil}, {"a/4", nil}}},
	}
	if err := q.Append(t.Context(), as); err != nil {
		t.Fatal(err)
	}
	got, err := q.Positions("a")
	if err != nil || len(got) != 2 || string(got["a/1"]) != "x" || got["a/2"] == nil || len(got["a/2"]) != 0 {
		t.Errorf("positions %q, error %v", got, err)
	}
	for _, bad := range []Append{
		{Positions: []Position{{Key: ""}}},
		{Positions: []Position{{Key: strings.Repeat("x", maxKey+1)}}},
		{Books: []input.Entry{{Kind: 9}}},
	} {
		if err := q.Append(t.Context(), []Append{bad}); !errors.Is(err, errInvalid) {
			t.Errorf("an append that cannot work says %v", err)
		}
	}
	closeAndVerify(t, q)
}

func TestLockedTwice(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	want := fmt.Sprintf("in use by another process, pid %d", os.Getpid())
	if _, err := Open(dir, Options{}); !errors.Is(err, dirlock.ErrLocked) || !strings.Contains(err.Error(), want) {
		t.Errorf("second Open: %v", err)
	}
	if _, err := Inspect(dir); !errors.Is(err, dirlock.ErrLocked) || !strings.Contains(err.Error(), want) {
		t.Errorf("Inspect: %v", err)
	}
	appendN(t, q, 1, 1, 10)
	closeAndVerify(t, q)
}

func TestEmptyQueueGivesItsDiskBack(t *testing.T) {
	q := open(t, t.TempDir(), Options{SegmentBytes: 1 << 20})
	c := cursor(t, q, "a")
	appendN(t, q, 1, 19, 100<<10)
	take(t, c)
	c.Ack(ID{1, 19})
	q.tick()
	if n := q.Stats.Bytes.Load(); n > 10<<10 {
		t.Errorf("an empty queue has %d bytes", n)
	}
	segments := q.blocks.Segments()
	q.tick()
	if again := q.blocks.Segments(); !slices.Equal(segments, again) {
		t.Errorf("segments %v became %v", segments, again)
	}
	appendN(t, q, 20, 1, 10)
	if got := take(t, c); !slices.Equal(got, []uint64{20}) {
		t.Errorf("got %d", got)
	}
	closeAndVerify(t, q)
}

func TestAnotherMachineGetsAnotherID(t *testing.T) {
	dir := t.TempDir()
	var l logs
	q := open(t, dir, Options{Machine: []byte("one")})
	cursor(t, q, "a")
	first := q.AgentID()
	appendN(t, q, 1, 3, 10)
	q.Close()
	q = open(t, dir, Options{Machine: []byte("one")})
	if q.AgentID() != first || len(first) != 32 {
		t.Errorf("agent ID %s became %s", first, q.AgentID())
	}
	q.Close()
	q = open(t, dir, Options{Machine: []byte("two"), Log: l.logger()})
	second := q.AgentID()
	if second == first || !strings.Contains(l.String(), second) {
		t.Errorf("agent ID %s after %s, logged:\n%s", second, first, &l)
	}
	appendN(t, q, 4, 1, 10)
	c := cursor(t, q, "a")
	if got := takeBlocks(t, c); len(got) != 4 || got[2].ID() != (ID{1, 3}) || got[3].ID() != (ID{2, 1}) {
		t.Errorf("got %v", got)
	}
	q.Close()
	q = open(t, dir, Options{Machine: []byte("two")})
	if q.AgentID() != second {
		t.Error("the agent ID changed again")
	}
	closeAndVerify(t, q)
}

// TestEpochs: an ack has its meaning whatever was handed out since, and whether or
// not what it is for was dropped.
func TestEpochs(t *testing.T) {
	for name, dropped := range map[string]bool{"kept": false, "dropped in flight": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			q := open(t, dir, Options{Machine: []byte("one")})
			cursor(t, q, "a")
			appendN(t, q, 1, 4, 10)
			q.Close()
			q = open(t, dir, Options{Machine: []byte("two")})
			c := cursor(t, q, "a")
			if got := take(t, c); !slices.Equal(got, seqs(1, 4)) {
				t.Fatalf("got %d", got)
			}
			if dropped {
				if err := q.acquire(t.Context()); err != nil {
					t.Fatal(err)
				}
				err := q.drop(ReasonAge, func(blockRow) bool { return true })
				q.release()
				if err != nil {
					t.Fatal(err)
				}
			}
			appendN(t, q, 5, 3, 10)
			if got := takeBlocks(t, c); len(got) != 3 || got[0].ID() != (ID{2, 1}) {
				t.Fatalf("of the next epoch: %v", got)
			}
			for _, id := range []ID{{1, 2}, {1, 4}} {
				if err := c.Ack(id); err != nil {
					t.Errorf("ack of %s: %v", id, err)
				}
			}
			if err := c.Ack(ID{2, 4}); err == nil {
				t.Error("a block that was not handed out is acked")
			}
			q.tick()
			kill(q)
			q = open(t, dir, Options{Machine: []byte("two")})
			c = cursor(t, q, "a")
			if got := takeBlocks(t, c); len(got) != 3 || got[0].ID() != (ID{2, 1}) {
				t.Errorf("after a crash: %v", got)
			}
			c.Ack(ID{2, 3})
			q.tick()
			if n := q.Stats.Blocks.Load(); n != 0 {
				t.Errorf("%d blocks are left", n)
			}
			closeAndVerify(t, q)
		})
	}
}

func TestReadersBesideTheWriter(t *testing.T) {
	const n = 300
	q := open(t, t.TempDir(), Options{SegmentBytes: 10 << 10, MaxBytes: 60 << 10})
	var wg sync.WaitGroup
	for i := range 3 {
		c := cursor(t, q, fmt.Sprintf("out%d", i))
		wg.Go(func() {
			want := uint64(1)
			var dst []Block
			for want <= n {
				bs, err := c.Next(t.Context(), 1000*(i+1), dst[:0])
				if err != nil {
					t.Error(err)
					return
				}
				for _, b := range bs {
					if b.Sequence != want || !bytes.Equal(b.Payload, payload(int(want), 500)) {
						t.Errorf("block %d instead of %d", b.Sequence, want)
					}
					want++
				}
				if err := c.Ack(ID{1, want - 1}); err != nil {
					t.Error(err)
				}
				dst = bs
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			q.Lag("out1")
			q.Books()
			q.Outputs()
			q.tick()
		}
	})
	appendN(t, q, 1, n, 500)
	wg.Wait()
	q.tick()
	if b := q.Stats.Blocks.Load(); b != 0 {
		t.Errorf("%d blocks are left", b)
	}
	closeAndVerify(t, q)
}
