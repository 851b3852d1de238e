package index

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shipper/internal/protocol"
)

// TestSealDue lets time pass, and wants a generation to be sealed when it is
// old enough or the day is over, not before, and never an empty one.
func TestSealDue(t *testing.T) {
	// What is made once for the process must not be made in a bubble.
	once := open(t, t.TempDir(), Options{})
	commit(t, once, "a", 1, payload(base(), "one"))
	seal(t, once)
	want(t, once, "one")

	f := func(first, wait time.Duration, segments int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			s := open(t, t.TempDir(), Options{})
			time.Sleep(first) // it is midnight in a bubble
			commit(t, s, "a", 1, payload(time.Now().UnixNano(), "one"))
			time.Sleep(wait)
			synctest.Wait()
			if n := s.Usage().Segments; n != segments {
				t.Errorf("%v after midnight and %v: %d segments, want %d", first, wait, n, segments)
			}
			want(t, s, "one")
			_ = s.Close()
		})
	}
	f(time.Hour, 9*time.Minute+59*time.Second, 0)
	f(time.Hour, 10*time.Minute+2*time.Second, 1)
	f(24*time.Hour-time.Minute, 59*time.Second, 0)
	f(24*time.Hour-time.Minute, 62*time.Second, 1)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{})
		time.Sleep(48 * time.Hour)
		if n := s.open.number; n != 0 {
			t.Errorf("generation %d is open although nothing came", n)
		}
		_ = s.Close()
	})
}

// TestDirectoriesAreSyncedAgain has a sync of a new directory fail: the next try
// finds it there, and must not take it for durable.
func TestDirectoriesAreSyncedAgain(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	commit(t, s, "a", 1, payload(base(), "one"))
	var synced []string
	fails := true
	s.turns.Lock()
	s.syncDir = func(path string) error {
		if fails {
			return errors.New("input/output error")
		}
		synced = append(synced, path)
		return nil
	}
	s.turns.Unlock()
	if err := s.turn(true); err == nil {
		t.Fatal("no error although a directory cannot be synced")
	}
	s.turns.Lock()
	fails = false
	s.turns.Unlock()
	seal(t, s)
	s.turns.Lock()
	defer s.turns.Unlock()
	if want := []string{s.dir, s.path("seg"), s.path("seg", "default")}; !slices.Equal(synced, want) {
		t.Errorf("synced before the log was removed: %q, want %q", synced, want)
	}
}

// TestConcurrentRepeats sends the same blocks from many senders at a time,
// while generations are sealed.
func TestConcurrentRepeats(t *testing.T) {
	const senders, blocks = 6, 40
	s := open(t, t.TempDir(), Options{SealBytes: 4 << 10})
	var frames []protocol.Frame
	var all []string
	for n := range uint64(blocks) {
		body := fmt.Sprintf("%03d %s", n, strings.Repeat("x", 300))
		all = append(all, body)
		frames = append(frames, protocol.Frame{Sequence: n + 1, Payload: payload(base()+int64(n)*1e6, body)})
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	stored := 0
	for i := range senders {
		wg.Go(func() {
			for n := range blocks {
				f := frames[(n*(2*i+1))%blocks : (n*(2*i+1))%blocks+1] // each in an order of its own
				r, err := s.Commit(t.Context(), "a", 1, f)
				if err != nil || len(r.Rejected) > 0 || r.Records+r.Repeated != 1 {
					t.Errorf("%+v, %v", r, err)
				}
				mu.Lock()
				stored += r.Records
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got := bodies(t, s)
	if stored != len(got) || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Fatalf("%d stored, %d found", stored, len(got))
	}
	if len(got) != len(all) {
		t.Errorf("%d of %d blocks", len(got), len(all))
	}
}

func BenchmarkCommit(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	lines := make([]string, 1000)
	for i := range lines {
		lines[i] = fmt.Sprintf("request %d handled in %d ms", i*7919%1000, i*104729%977)
	}
	p := payload(base(), lines...)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		n++
		if r := commit(b, s, "a", n, p); r.Records != len(lines) {
			b.Fatalf("%+v", r)
		}
	}
}
