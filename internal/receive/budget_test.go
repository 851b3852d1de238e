package receive

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// taking takes n in the background; the answer is nil or an error.
func taking(ctx context.Context, b *budget, g *grant, n int64) chan error {
	done := make(chan error, 1)
	go func() { done <- b.take(ctx, g, n) }()
	synctest.Wait()
	return done
}

func wantDone(t *testing.T, done chan error, want bool) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		if err != nil || !want {
			t.Fatalf("it is granted: %v", err)
		}
	default:
		if want {
			t.Fatal("it waits")
		}
	}
}

func TestBudgetIsServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget{size: 10}
		var one, two, large, small grant
		wantDone(t, taking(t.Context(), &b, &one, 4), true)
		wantDone(t, taking(t.Context(), &b, &two, 6), true)
		waits := taking(t.Context(), &b, &large, 99)
		behind := taking(t.Context(), &b, &small, 1)
		b.give(&two)
		wantDone(t, waits, false)
		wantDone(t, behind, false) // or it would overtake
		b.give(&one)
		wantDone(t, waits, true) // more than there is, but all of it is free
		wantDone(t, behind, false)
		b.give(&large)
		wantDone(t, behind, true)
		b.give(&small)
		if b.used != 0 || len(b.waiting) != 0 {
			t.Errorf("%d used, %d waiting at the end", b.used, len(b.waiting))
		}
	})
}

func TestBudgetOfHalfBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget{size: 10}
		var one, two, fresh grant
		wantDone(t, taking(t.Context(), &b, &one, 5), true)
		wantDone(t, taking(t.Context(), &b, &two, 5), true)
		newcomer := taking(t.Context(), &b, &fresh, 1)
		wantDone(t, taking(t.Context(), &b, &one, 5), true) // one goes beyond the size
		second := taking(t.Context(), &b, &two, 5)
		wantDone(t, second, false)                          // a second one does not
		wantDone(t, taking(t.Context(), &b, &one, 2), true) // but the first one goes on
		b.give(&one)
		wantDone(t, second, true) // before the newcomer
		wantDone(t, newcomer, false)
		b.give(&two)
		wantDone(t, newcomer, true)
		b.give(&fresh)
		if b.used != 0 || b.over != nil {
			t.Errorf("%d used, over %v at the end", b.used, b.over)
		}
	})
}

func TestBudgetEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		b := budget{size: 10, crowded: func() { asked.Add(1) }}
		var one, two, three grant
		wantDone(t, taking(t.Context(), &b, &one, 8), true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		waits := taking(ctx, &b, &two, 5)
		behind := taking(t.Context(), &b, &three, 2)
		if err := <-waits; !errors.Is(err, context.DeadlineExceeded) || two.n != 0 {
			t.Errorf("got %v, %d", err, two.n)
		}
		wantDone(t, behind, true)
		if asked.Load() < 10 {
			t.Errorf("asked %d times to make room", asked.Load())
		}
		b.give(&one)
		b.give(&three)
		if b.used != 0 || len(b.waiting) != 0 {
			t.Errorf("%d used, %d waiting at the end", b.used, len(b.waiting))
		}
	})
}
