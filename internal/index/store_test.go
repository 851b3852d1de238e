package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shipper/internal/block"
	"shipper/internal/protocol"
	"shipper/internal/record"
	"shipper/internal/segment"
)

// base is a time of day at which no test comes near midnight or the limits.
func base() int64 { return begun }

// begun is what base returns: the same also when midnight passes, and in a child.
var begun = func() int64 {
	if at, err := strconv.ParseInt(os.Getenv(childBase), 10, 64); err == nil {
		return at
	}
	return time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour).UnixNano()
}()

// payload makes a block of one batch with a record for each body, a
// microsecond apart from at.
func payload(at int64, bodies ...string) []byte {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "stream", Labels: []record.Label{{Name: "service.name", Value: "test"}}}, nil)
	for i, body := range bodies {
		r := b.Begin()
		r.Time, r.Observed, r.Offset = at+int64(i)*1000, at, int64(i)
		r.Body = b.AddString(body)
	}
	p, _ := block.NewEncoder().Append(nil, []*record.Batch{b})
	return p
}

// bodies returns all bodies in the order of their times.
func bodies(t testing.TB, s *Store) []string {
	t.Helper()
	return search(t, s, segment.Query{From: math.MinInt64, To: math.MaxInt64})
}

func search(t testing.TB, s *Store, q segment.Query) []string {
	t.Helper()
	var got []string
	err := s.Search(context.Background(), q, func(r segment.Row) bool {
		got = append(got, string(r.Body))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func open(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	if o.Log == nil {
		o.Log = testLog(t)
	}
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func commit(t testing.TB, s *Store, agent string, sequence uint64, p []byte) protocol.Receipt {
	t.Helper()
	r, err := s.Commit(context.Background(), agent, 1, []protocol.Frame{{Sequence: sequence, Payload: p}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func want(t testing.TB, s *Store, want ...string) {
	t.Helper()
	if got := bodies(t, s); !slices.Equal(got, want) {
		t.Fatalf("store has %q, want %q", got, want)
	}
}

// seal seals all there is.
func seal(t testing.TB, s *Store) {
	t.Helper()
	if err := s.turn(true); err != nil {
		t.Fatal(err)
	}
}

func TestCommitIsSearchableAtOnce(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	at := base()
	if r := commit(t, s, "a", 1, payload(at+5000, "b", "c")); r.Records != 2 || r.Repeated != 0 {
		t.Fatalf("receipt %+v", r)
	}
	want(t, s, "b", "c")
	commit(t, s, "b", 1, payload(at, "a"))
	want(t, s, "a", "b", "c")
	seal(t, s)
	want(t, s, "a", "b", "c")
	commit(t, s, "a", 2, payload(at+5500, "b2"))
	want(t, s, "a", "b", "b2", "c")
	f := func(q segment.Query, want string) {
		t.Helper()
		if got := strings.Join(search(t, s, q), " "); got != want {
			t.Errorf("%+v: got %s, want %s", q, got, want)
		}
	}
	f(segment.Query{From: 0, To: math.MaxInt64, Backward: true}, "c b2 b a")
	f(segment.Query{From: 0, To: math.MaxInt64, Backward: true, Limit: 2}, "c b2")
	f(segment.Query{From: 0, To: math.MaxInt64, Limit: 3}, "a b b2")
	f(segment.Query{From: at + 5000, To: at + 6000}, "b b2")
}

func TestRepeats(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	at := base()
	one, two := payload(at, "one"), payload(at+1e6, "two")
	check := func(r protocol.Receipt, records, repeated int) {
		t.Helper()
		if r.Records != records || r.Repeated != repeated || len(r.Rejected) > 0 {
			t.Fatalf("receipt %+v, want %d records, %d repeated", r, records, repeated)
		}
	}
	both := []protocol.Frame{{Sequence: 1, Payload: one}, {Sequence: 2, Payload: two}}
	all := func(records, repeated int) {
		t.Helper()
		r, err := s.Commit(t.Context(), "a", 1, both)
		if err != nil {
			t.Fatal(err)
		}
		check(r, records, repeated)
	}
	check(commit(t, s, "a", 2, two), 1, 0)
	all(1, 1)
	all(0, 2)
	seal(t, s)
	all(0, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	all(0, 2)
	want(t, s, "one", "two")
	// A new epoch and another agent begin anew.
	r, err := s.Commit(t.Context(), "a", 2, both[:1])
	if err != nil {
		t.Fatal(err)
	}
	check(r, 1, 0)
	check(commit(t, s, "b", 1, one), 1, 0)
	want(t, s, "one", "one", "one", "two")
}

func TestKeyed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	p := payload(base(), "x")
	f := func(key string, body byte, records, repeated, rejected int) {
		t.Helper()
		r, err := s.CommitKeyed(t.Context(), key, [32]byte{body, 8: body}, p)
		if err != nil || r.Records != records || r.Repeated != repeated || len(r.Rejected) != rejected {
			t.Fatalf("key %q body %d: %+v, %v, want %d, %d, %d", key, body, r, err, records, repeated, rejected)
		}
	}
	f("k", 1, 1, 0, 0)
	f("k", 1, 0, 1, 0)
	f("k", 2, 1, 0, 0) // another body is no repeat
	f("k", 2, 0, 1, 0)
	f("l", 1, 1, 0, 0)
	f("", 1, 1, 0, 0)
	f("", 1, 0, 1, 0)
	f("", 2, 1, 0, 0)
	crash(t, s)
	s = open(t, dir, Options{})
	f("k", 1, 0, 1, 0)
	f("", 1, 0, 1, 0)
	seal(t, s)
	f("k", 1, 0, 1, 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	f("k", 1, 0, 1, 0)
	f("k", 2, 0, 1, 0)
	f("", 2, 0, 1, 0)
	want(t, s, "x", "x", "x", "x", "x")
}

// crash ends a store without sealing or closing anything properly.
func crash(t testing.TB, s *Store) {
	t.Helper()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	<-s.done
	s.release()
}

func TestCrashKeepsWhatWasCommitted(t *testing.T) {
	dir := t.TempDir()
	at := base()
	var all []string
	for i := range 5 {
		s := open(t, dir, Options{})
		want(t, s, all...)
		for n := range 3 {
			body := fmt.Sprintf("%d-%d", i, n)
			p := payload(at+int64(len(all))*1e6, body)
			commit(t, s, "a", uint64(len(all)+1), p)
			all = append(all, body)
			if r := commit(t, s, "a", uint64(len(all)), p); r.Repeated != 1 {
				t.Fatalf("a repeat was stored: %+v", r)
			}
			if i == 2 && n == 1 {
				seal(t, s)
			}
		}
		want(t, s, all...)
		crash(t, s)
	}
}

func TestRejects(t *testing.T) {
	s := open(t, t.TempDir(), Options{MaxBlock: 64 << 10})
	good := payload(base(), "good")
	f := func(p []byte, reason string) {
		t.Helper()
		r, err := s.Commit(t.Context(), "a", 1, []protocol.Frame{{Sequence: 1, Payload: p}})
		if err != nil || len(r.Rejected) != 1 || !strings.Contains(r.Rejected[0].Reason, reason) || r.Records != 0 {
			t.Errorf("got %+v, %v, want a rejection for %q", r, err, reason)
		}
	}
	f(nil, "empty")
	f([]byte("no zstd"), "decompress")
	f(good[:len(good)-1], "decompress")
	f(payload(base(), strings.Repeat("x", 65<<10)), "decompress")
	many := make([]string, 300)
	for i := range many {
		many[i] = strings.Repeat("y", 4<<10)
	}
	f(payload(base(), many...), "bytes of text")
	if r, err := s.Commit(t.Context(), "a", 1, []protocol.Frame{{Sequence: 0, Payload: good}}); err != nil || len(r.Rejected) != 1 {
		t.Errorf("a block without a sequence: %+v, %v", r, err)
	}
	for _, agent := range []string{"", strings.Repeat("a", maxAgent+1)} {
		if r, err := s.Commit(t.Context(), agent, 1, []protocol.Frame{{Sequence: 1, Payload: good}}); err != nil || len(r.Rejected) != 1 {
			t.Errorf("agent %q: %+v, %v", agent, r, err)
		}
	}
	want(t, s)
	commit(t, s, "a", 1, good) // a rejected sequence is not taken
	want(t, s, "good")
	bad := protocol.Frame{Sequence: 3, Payload: []byte("bad")}
	r, err := s.Commit(t.Context(), "a", 1, []protocol.Frame{{Sequence: 2, Payload: good}, bad, {Sequence: 4, Payload: good}, bad})
	if err != nil || len(r.Rejected) != 1 || r.Rejected[0].Sequence != 3 || r.Records != 1 {
		t.Errorf("a bad block between others: %+v, %v, want it rejected, and nothing behind it looked at", r, err)
	}
}

// TestCommitEndsWithTheContext: nobody waits for the answer.
func TestCommitEndsWithTheContext(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	frame := protocol.Frame{Sequence: 1, Payload: payload(base(), "one")}
	commit(t, s, "a", 1, frame.Payload)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := s.Commit(ctx, "a", 1, []protocol.Frame{frame}); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestDays(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	at := base()
	for i, n := range []int64{3, 1, 2} {
		commit(t, s, "a", uint64(i+1), payload(at-n*day, fmt.Sprint(n)))
	}
	midnight := time.Unix(0, at).UTC().Truncate(24 * time.Hour).UnixNano()
	commit(t, s, "a", 9, payload(midnight-1000, "before", "after"))
	want(t, s, "3", "2", "1", "before", "after")
	seal(t, s)
	want(t, s, "3", "2", "1", "before", "after")
	files, _ := filepath.Glob(filepath.Join(dir, "seg", "default", "*", "*.seg"))
	if len(files) != 4 {
		t.Errorf("segments %q, want one for each day", files)
	}
	for _, f := range files {
		if id, ok := parseSegmentPath(f); !ok || segmentPath(dir, id) != f {
			t.Errorf("path %s is not taken apart: %v", f, id)
		}
	}
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "in use by another process, pid") {
		t.Errorf("a second Open: %v", err)
	}
	_ = s.Close()
	_ = open(t, dir, Options{})
}
