package flow

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func newFlow(commit func(context.Context, [][]int) error) *Flow[int, []int] {
	return &Flow[int, []int]{
		Workers: 3, MaxBytes: 100, JobBytes: 10,
		Size:   func(int) int64 { return 1 },
		Work:   func(_ int, items []int) []int { return slices.Clone(items) },
		Commit: commit,
	}
}

func TestOrderIsKept(t *testing.T) {
	var got []int
	f := newFlow(func(_ context.Context, rs [][]int) error {
		for _, r := range rs {
			got = append(got, r...)
		}
		return nil
	})
	work := f.Work
	f.Work = func(w int, items []int) []int {
		if rand.IntN(8) == 0 {
			time.Sleep(time.Microsecond) // lets later jobs be done first
		}
		return work(w, items)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 5000 {
			if err := f.Put(t.Context(), i); err != nil {
				t.Error(err)
			}
		}
		f.Close()
	})
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if len(got) != 5000 || !slices.IsSorted(got) {
		t.Errorf("%d items, sorted: %v", len(got), slices.IsSorted(got))
	}
	if h := f.Held(); h != 0 {
		t.Errorf("%d bytes held at the end", h)
	}
}

func TestPutWaitsWhileFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan bool)
		f := newFlow(func(context.Context, [][]int) error { <-gate; return nil })
		var put atomic.Int32
		go f.Run(t.Context())
		go func() {
			for i := range 150 {
				f.Put(t.Context(), i)
				put.Add(1)
			}
			f.Close()
		}()
		synctest.Wait()
		if n := put.Load(); n != 100 {
			t.Errorf("%d items taken, want 100", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Put(ctx, 1000); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("put into a full flow: %v", err)
		}
		close(gate)
		synctest.Wait()
		if n := put.Load(); n != 150 {
			t.Errorf("%d items taken in the end, want 150", n)
		}
	})
}

func TestItemsPileUpBehindABusyCommitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan bool)
		var sizes []int
		f := newFlow(func(_ context.Context, rs [][]int) error {
			for _, r := range rs {
				sizes = append(sizes, len(r))
			}
			<-gate
			return nil
		})
		go f.Run(t.Context())
		f.Put(t.Context(), 0)
		synctest.Wait()
		for i := range 4 { // too few for a job while one is committed
			f.Put(t.Context(), i)
		}
		synctest.Wait()
		gate <- true
		synctest.Wait()
		close(gate)
		f.Close()
		synctest.Wait()
		if !slices.Equal(sizes, []int{1, 4}) {
			t.Errorf("jobs of %v items, want 1 and 4", sizes)
		}
	})
}

func TestAFailedCommitEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		f := newFlow(func(context.Context, [][]int) error { return boom })
		f.Put(t.Context(), 1)
		if err := f.Run(t.Context()); err != boom {
			t.Errorf("run: %v", err)
		}
		if err := f.Put(t.Context(), 2); err != boom {
			t.Errorf("put after the failure: %v", err)
		}
	})
}

func TestLargeItemPassesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		f := newFlow(func(_ context.Context, rs [][]int) error { n += len(rs); return nil })
		f.Size = func(i int) int64 { return int64(i) }
		go f.Run(t.Context())
		for _, size := range []int{1, 1000, 1} {
			if err := f.Put(t.Context(), size); err != nil {
				t.Error(err)
			}
		}
		f.Close()
		synctest.Wait()
		if n == 0 || f.Held() != 0 {
			t.Errorf("%d results, %d bytes held", n, f.Held())
		}
		if err := f.Put(t.Context(), 1); err != ErrClosed {
			t.Errorf("put after close: %v", err)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	f := newFlow(func(context.Context, [][]int) error { return nil })
	f.Work = func(int, []int) []int { return nil }
	go f.Run(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		f.Put(b.Context(), 1)
	}
	f.Close()
}
