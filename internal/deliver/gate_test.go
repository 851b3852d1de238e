package deliver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestGate goes step by step through what requests in flight together can do.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.open(Backoff{Min: time.Second, Max: time.Minute})
		enter := func() int {
			t.Helper()
			round, err := g.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return round
		}
		a, b, c, d := enter(), enter(), enter(), enter()
		g.fail(a, 0)
		until := g.until
		g.fail(b, 0)
		if g.failures != 1 || g.until != until {
			t.Errorf("failures in flight together count as %d", g.failures)
		}
		g.fail(c, 5*time.Second) // but their Retry-After is heard
		if left := time.Until(g.until); left != 5*time.Second {
			t.Errorf("%v left, want 5s", left)
		}
		if g.pass(d) {
			t.Error("what was sent before the failure opened the gate")
		}

		start := time.Now()
		probe := enter()
		if time.Since(start) != 5*time.Second {
			t.Errorf("the probe waited %v", time.Since(start))
		}
		entered := make(chan int)
		for range 2 {
			go func() {
				round, _ := g.enter(t.Context())
				entered <- round
			}()
		}
		synctest.Wait()
		select {
		case <-entered:
			t.Error("two probes")
		default:
		}
		g.leave(probe) // not known: the next one probes
		probe = <-entered
		if !g.pass(probe) {
			t.Error("the probe did not open the gate")
		}
		<-entered
		time.Sleep(time.Second)
		if left := g.fail(b, 0); left != 0 { // long after the others
			t.Errorf("%v left after a late failure", left)
		}

		ctx, cancel := context.WithCancel(t.Context())
		g.fail(enter(), time.Hour)
		time.AfterFunc(time.Minute, cancel)
		if _, err := g.enter(ctx); err != context.Canceled {
			t.Errorf("enter: %v", err)
		}
	})
}
