package index

import (
	"math"
	"slices"
	"testing"
	"time"

	"shipper/internal/clock"
	"shipper/internal/segment"
)

// fiveDays makes a store with a segment for each of five days, the last one today.
func fiveDays(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	s := open(t, dir, o)
	now := time.Now().UnixNano()
	for i, b := range []string{"5", "4", "3", "2", "1"} {
		commit(t, s, "a", uint64(i+1), payload(now-int64(4-i)*day, b))
		seal(t, s)
	}
	return s
}

func TestRetention(t *testing.T) {
	f := func(o Options, at time.Duration, left ...string) {
		t.Helper()
		dir := t.TempDir()
		s := fiveDays(t, dir, Options{})
		s.mu.Lock()
		if o.MaxBytes < 0 {
			o.MaxBytes *= -s.segments[0].bytes
		}
		s.opt = o
		s.mu.Unlock()
		s.retain(time.Now().Add(at))
		want(t, s, left...)
		if n := len(segmentFiles(t, dir)); n != len(left) {
			t.Errorf("%d files, want %d", n, len(left))
		}
		crash(t, s)
		s = open(t, dir, Options{})
		want(t, s, left...)
		if s.Stats.Missing.Load()+s.Stats.Adopted.Load() != 0 {
			t.Error("the catalogue and the files differ after retention")
		}
	}
	f(Options{}, 0, "5", "4", "3", "2", "1")
	f(Options{MaxAge: 60 * time.Hour}, 0, "3", "2", "1")
	f(Options{MaxAge: 60 * time.Hour}, 24*time.Hour, "2", "1")
	f(Options{MaxAge: time.Hour}, 24*time.Hour)
	f(Options{MaxBytes: 1}, 0)
	f(Options{MaxBytes: math.MaxInt64}, 0, "5", "4", "3", "2", "1")
	f(Options{MaxBytes: -3}, 0, "3", "2", "1")
}

// TestClockJumps moves the wall clock alone.
func TestClockJumps(t *testing.T) {
	s := fiveDays(t, t.TempDir(), Options{MaxAge: 200 * time.Hour})
	jumped := time.Now().Round(0).Add(10 * 365 * 24 * time.Hour)
	s.retain(clock.Steady(s.started, jumped))
	want(t, s, "5", "4", "3", "2", "1")
}

// TestRetentionDuringQuery drops everything while a query is at its first record.
func TestRetentionDuringQuery(t *testing.T) {
	dir := t.TempDir()
	s := fiveDays(t, dir, Options{})
	var got []string
	err := s.Search(t.Context(), segment.Query{From: 0, To: math.MaxInt64}, func(r segment.Row) bool {
		if got == nil {
			s.mu.Lock()
			s.opt.MaxBytes = 1
			s.mu.Unlock()
			s.retain(time.Now())
			if s.Usage().Segments != 0 {
				t.Error("segments are left")
			}
		}
		got = append(got, string(r.Body))
		return true
	})
	if err != nil || !slices.Equal(got, []string{"5", "4", "3", "2", "1"}) {
		t.Errorf("the query saw %q, %v", got, err)
	}
	want(t, s)
	if files := segmentFiles(t, dir); len(files) != 0 {
		t.Errorf("files left: %q", files)
	}
	s.retain(time.Now())
	_, infos, err := s.cat.load(newAgents(), newWindow())
	if err != nil || len(infos) != 0 {
		t.Errorf("catalogue has %v, %v", infos, err)
	}
}
