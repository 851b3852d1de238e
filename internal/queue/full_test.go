package queue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipper/internal/blocklog"
	"shipper/internal/input"
)

// books sums the books up by kind and reason.
func books(t testing.TB, q *Queue) map[string]int64 {
	t.Helper()
	entries, err := q.Books()
	if err != nil {
		t.Fatal(err)
	}
	return sumBooks(entries)
}

func sumBooks(entries []input.Entry) map[string]int64 {
	sums := map[string]int64{}
	for _, e := range entries {
		sums[strings.TrimSuffix(e.Kind.String()+" "+e.Reason, " ")] += e.Bytes
		sums[strings.TrimSuffix(e.Kind.String()+" records "+e.Reason, " ")] += e.Count
	}
	return sums
}

// checkBooks fails unless what was read is the sum of what became of it.
func checkBooks(t testing.TB, sums map[string]int64) {
	t.Helper()
	credit := int64(0)
	for k, v := range sums {
		if !strings.HasPrefix(k, "read") && !strings.Contains(k, "records") {
			credit += v
		}
	}
	if sums["read"] != credit {
		t.Errorf("the books do not close: %v", sums)
	}
}

func TestFullQueueWaits(t *testing.T) { synctest.Test(t, fullQueueWaits) }

func fullQueueWaits(t *testing.T) {
	var l logs
	q := open(t, t.TempDir(), Options{MaxBytes: 50 << 10, SegmentBytes: 8 << 10, Log: l.logger()})
	c := cursor(t, q, "a")
	n := 0
	for q.room(1000 + blocklog.Overhead + indexCost) {
		n++
		appendN(t, q, n, 1, 1000)
	}
	done := make(chan error)
	go func() { done <- q.Append(t.Context(), []Append{group(n+1, 1000)}) }()
	synctest.Wait()
	if q.Stats.Full.Load() != 1 {
		t.Error("not full")
	}
	// Positions and books need no room.
	if err := q.Append(t.Context(), []Append{{Positions: []Position{{"in/f", []byte("x")}}}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	canceled := make(chan error)
	go func() { canceled <- q.Append(ctx, []Append{group(666, 1000)}) }()
	cancel()
	if err := <-canceled; !errors.Is(err, context.Canceled) {
		t.Errorf("append whose context ended: %v", err)
	}
	select {
	case err := <-done:
		t.Fatalf("append to a full queue returned: %v", err)
	default:
	}
	take(t, c)
	c.Ack(ID{1, uint64(n)})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := take(t, c); !slices.Equal(got, []uint64{uint64(n + 1)}) {
		t.Errorf("got %d behind block %d", got, n)
	}
	appendN(t, q, n+2, 1, 1000)
	if q.Stats.Full.Load() != 0 {
		t.Error("still full")
	}
	if s := l.String(); strings.Count(s, "is full") != 1 || strings.Count(s, "room again") != 1 {
		t.Errorf("logged:\n%s", s)
	}
	sums := books(t, q)
	checkBooks(t, sums)
	if want := int64(n+2) * 900; sums["queued"] != want {
		t.Errorf("%d bytes queued, want %d", sums["queued"], want)
	}
	closeAndVerify(t, q)
}

func TestCloseEndsAWaitingAppend(t *testing.T) { synctest.Test(t, closeEndsAWaitingAppend) }

func closeEndsAWaitingAppend(t *testing.T) {
	q := open(t, t.TempDir(), Options{MaxBytes: 2000})
	cursor(t, q, "a")
	appendN(t, q, 1, 1, 1500)
	done := make(chan error)
	go func() { done <- q.Append(t.Context(), []Append{group(2, 1000)}) }()
	synctest.Wait()
	closeAndVerify(t, q)
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("append: %v", err)
	}
}

func TestEmptyQueueTakesAnything(t *testing.T) {
	for _, full := range []Policy{Wait, DropOldest, DropNewest} {
		q := open(t, t.TempDir(), Options{MaxBytes: 2000, SegmentBytes: 500, Full: full})
		c := cursor(t, q, "a")
		for i := range 5 {
			appendN(t, q, i+1, 1, 10000)
			take(t, c)
			if err := c.Ack(ID{1, uint64(i + 1)}); err != nil {
				t.Fatal(err)
			}
		}
		if n := q.Stats.Dropped.Load(); n != 0 {
			t.Errorf("%s: %d blocks dropped", full, n)
		}
		closeAndVerify(t, q)
	}
}

func TestDropNewest(t *testing.T) {
	var l logs
	q := open(t, t.TempDir(), Options{MaxBytes: 20 << 10, SegmentBytes: 4 << 10, Full: DropNewest, Log: l.logger()})
	c := cursor(t, q, "a")
	const n = 50
	kept := 0
	for i := 1; i <= n; i++ {
		g := group(i, 1000)
		if err := q.Append(t.Context(), []Append{g}); err != nil {
			t.Fatal(err)
		}
		if g.Block.Sequence != 0 {
			kept++
		}
	}
	if got := take(t, c); !slices.Equal(got, seqs(1, uint64(kept))) || kept < 10 || kept > 20 {
		t.Errorf("kept %d, got %d", kept, got)
	}
	sums := books(t, q)
	checkBooks(t, sums)
	dropped := int64(n - kept)
	if sums["dropped "+ReasonFull] != 900*dropped || sums["queued"] != 900*int64(kept) || sums["dropped records "+ReasonFull] != 10*dropped {
		t.Errorf("%d dropped, books %v", dropped, sums)
	}
	if q.Stats.Dropped.Load() != dropped || q.Stats.DropRecords.Load() != 10*dropped {
		t.Errorf("%d dropped, stats say %d blocks, %d records", dropped, q.Stats.Dropped.Load(), q.Stats.DropRecords.Load())
	}
	if at, _ := q.Positions("in"); string(at["in/f"]) != "50" {
		t.Errorf("position %q", at)
	}
	if strings.Count(l.String(), "dropping the newest") != 1 {
		t.Errorf("logged:\n%s", &l)
	}
	c.Ack(ID{1, uint64(kept)})
	appendN(t, q, n+1, 1, 1000)
	if got := take(t, c); len(got) != 1 {
		t.Errorf("got %d when there was room again", got)
	}
	closeAndVerify(t, q)
}

func TestDropOldest(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{MaxBytes: 20 << 10, SegmentBytes: 4 << 10, Full: DropOldest})
	slow, fast := cursor(t, q, "slow"), cursor(t, q, "fast")
	const n = 100
	fastGot := 0
	var first []Block
	var err error
	for i := 1; i <= n; i++ {
		appendN(t, q, i, 1, 1000)
		if i == 1 {
			first, err = slow.Next(t.Context(), 1, nil) // in flight while it is dropped
		}
		if i%7 == 0 {
			fastGot += len(take(t, fast))
			fast.Ack(ID{1, uint64(i)})
		}
		if b := q.blocks.Bytes(); b > 20<<10 {
			t.Fatalf("%d bytes", b)
		}
	}
	if err != nil || len(first) != 1 {
		t.Fatalf("%d blocks, error %v", len(first), err)
	}
	if err := slow.Ack(ID{1, 1}); err != nil {
		t.Errorf("ack of a block that was dropped: %v", err)
	}
	got := take(t, slow)
	dropped := q.Stats.Dropped.Load()
	if !slices.Equal(got, seqs(uint64(dropped)+1, n)) || dropped < 70 {
		t.Errorf("%d dropped, got %d", dropped, got)
	}
	if fastGot += len(take(t, fast)); fastGot != n {
		t.Errorf("the fast output got %d of %d blocks", fastGot, n)
	}
	sums := books(t, q)
	checkBooks(t, sums)
	if sums["dropped "+ReasonFull] != 900*dropped || sums["queued"] != 900*(n-dropped) || q.Stats.DropRecords.Load() != 10*dropped {
		t.Errorf("%d dropped, books %v, stats say %d records", dropped, sums, q.Stats.DropRecords.Load())
	}
	kill(q)
	verify(t, dir)
	q = open(t, dir, Options{})
	if got := take(t, cursor(t, q, "slow")); !slices.Equal(got, seqs(uint64(dropped)+1, n)) {
		t.Errorf("after a restart: %d", got)
	}
	closeAndVerify(t, q)
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, t.TempDir(), Options{MaxAge: time.Hour})
		c := cursor(t, q, "a")
		appendN(t, q, 1, 3, 10)
		time.Sleep(40 * time.Minute)
		appendN(t, q, 4, 2, 10)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if got := take(t, c); !slices.Equal(got, []uint64{4, 5}) {
			t.Errorf("got %d", got)
		}
		sums := books(t, q)
		checkBooks(t, sums)
		if sums["dropped "+ReasonAge] != 3*900 || q.Stats.Dropped.Load() != 3 {
			t.Errorf("books %v", sums)
		}
		closeAndVerify(t, q)
	})
}

func TestUnknownPolicy(t *testing.T) {
	if _, err := Open(t.TempDir(), Options{Full: "explode"}); err == nil {
		t.Error("opened")
	}
}

// TestShed fills a queue that nobody empties: what is of low priority is left out
// first, then what is normal, and the rest waits.
func TestShed(t *testing.T) { synctest.Test(t, shed) }

func shed(t *testing.T) {
	var l logs
	q := open(t, t.TempDir(), Options{MaxBytes: 40 << 10, SegmentBytes: 4 << 10, Full: Shed, Log: l.logger()})
	c := cursor(t, q, "a")
	kept, last := map[Priority]int{}, map[Priority]int{}
	n := 0
	add := func(p Priority) error {
		n++
		g := group(n, 1000)
		g.Block.Priority = p
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := q.Append(ctx, []Append{g})
		if err == nil && g.Block.Sequence != 0 {
			kept[p]++
			last[p] = n
		}
		return err
	}
	for range 20 {
		for _, p := range []Priority{Low, Normal, High} {
			if err := add(p); err != nil && p != High {
				t.Fatalf("priority %d: %v", p, err)
			}
		}
	}
	if !(last[Low] < last[Normal] && last[Normal] < last[High]) || kept[Low] == 0 {
		t.Errorf("kept %v, the last ones %v", kept, last)
	}
	if q.Stats.Full.Load() != 1 {
		t.Error("what is important does not wait")
	}
	sums := books(t, q)
	checkBooks(t, sums)
	if left := int64(40 - kept[Low] - kept[Normal]); sums["dropped "+ReasonShed] != 900*left || q.Stats.Dropped.Load() != left {
		t.Errorf("%d left out, books %v, stats %d", left, sums, q.Stats.Dropped.Load())
	}
	if strings.Count(l.String(), "dropping the least important") != 1 {
		t.Errorf("logged:\n%s", &l)
	}
	got := take(t, c)
	if len(got) != kept[Low]+kept[Normal]+kept[High] {
		t.Errorf("got %d of %v", len(got), kept)
	}
	c.Ack(ID{1, got[len(got)-1]})
	before := kept[Low]
	if err := add(Low); err != nil || kept[Low] != before+1 {
		t.Errorf("%v, kept %v when there is room again", err, kept)
	}
	closeAndVerify(t, q)
}
