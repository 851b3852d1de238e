package index

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"shipper/internal/protocol"
)

// TestClonedAgents has two agents with one ID deliver at a time, out of order
// and most blocks more than once, with seals and crashes between: the store
// wants every record once, and says what is wrong.
func TestClonedAgents(t *testing.T) {
	dir, at := t.TempDir(), base()
	var log strings.Builder
	o := Options{Log: slog.New(slog.NewTextHandler(&log, nil))}
	s := open(t, dir, o)
	r := rand.New(rand.NewPCG(1, 2))
	const blocks = 60
	var all []protocol.Frame // of both: 2*n and 2*n+1 have the same sequence
	for n := range blocks {
		for _, who := range []string{"original", "clone"} {
			all = append(all, protocol.Frame{Sequence: uint64(n + 1), Payload: payload(at+int64(len(all))*1e6, fmt.Sprint(who, n))})
		}
	}
	stored := make(map[int]bool)
	for i := range 600 {
		n := r.IntN(len(all))
		if i >= 400 {
			n = i % len(all) // in the end all came
		}
		receipt := commit(t, s, "a", all[n].Sequence, all[n].Payload)
		if want := 1; stored[n] {
			if receipt.Repeated != 1 || receipt.Records != 0 {
				t.Fatalf("delivery %d: a repeat of %d is stored: %+v", i, n, receipt)
			}
		} else if receipt.Records != want || receipt.Repeated != 0 {
			t.Fatalf("delivery %d: block %d is not stored: %+v", i, n, receipt)
		}
		stored[n] = true
		switch r.IntN(40) {
		case 0:
			seal(t, s)
		case 1:
			crash(t, s)
			s = open(t, dir, o)
		}
	}
	seen := make(map[string]int)
	for _, b := range bodies(t, s) {
		seen[b]++
	}
	for n := range blocks {
		for _, who := range []string{"original", "clone"} {
			if b := fmt.Sprint(who, n); seen[b] != 1 {
				t.Errorf("%s is there %d times", b, seen[b])
			}
		}
	}
	if s.Stats.Conflicts.Load() == 0 || s.Stats.Unknown.Load() != 0 {
		t.Errorf("%d conflicts, %d unknown", s.Stats.Conflicts.Load(), s.Stats.Unknown.Load())
	}
	if text := log.String(); !strings.Contains(text, "copies of one data directory") || !strings.Contains(text, "agent=a") {
		t.Errorf("the log does not say it:\n%s", text)
	} else if n := strings.Count(text, "copies of one data directory"); n > 20 {
		t.Errorf("the log says it %d times", n) // once for each start
	}
}

// TestOldNumbersAgain delivers numbers so old that their blocks are not known
// any more: nothing is taken for a repeat that may be none.
func TestOldNumbersAgain(t *testing.T) {
	dir, at := t.TempDir(), base()
	s := open(t, dir, Options{})
	commit(t, s, "a", 1, payload(at, "one"))
	seal(t, s)
	far := uint64(sumsKept + 10*sumChunk)
	commit(t, s, "a", far, payload(at+1e6, "far"))
	commit(t, s, "ab", 1, payload(at+2e6, "other"))
	seal(t, s)
	if n := sumEntries(t, s); n != 2 {
		t.Errorf("%d entries of sums, want those of the last blocks", n)
	}
	for i, want := range []struct{ records, repeated int }{{1, 0}, {0, 1}} {
		if r := commit(t, s, "a", 1, payload(at+3e6, "new one")); r.Records != want.records || r.Repeated != want.repeated {
			t.Errorf("delivery %d: %+v", i, r)
		}
	}
	if r := commit(t, s, "a", far, payload(at+1e6, "far")); r.Repeated != 1 {
		t.Errorf("the last block is stored again: %+v", r)
	}
	if r := commit(t, s, "ab", 1, payload(at+2e6, "other")); r.Repeated != 1 {
		t.Errorf("another agent's block is stored again: %+v", r)
	}
	want(t, s, "one", "far", "other", "new one")
	if s.Stats.Unknown.Load() != 2 || s.Stats.Conflicts.Load() != 0 {
		t.Errorf("%d unknown, %d conflicts", s.Stats.Unknown.Load(), s.Stats.Conflicts.Load())
	}
}

// TestOldEpochs delivers more epochs than are remembered, and then the first again.
func TestOldEpochs(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	deliver := func(epoch uint32, body string) protocol.Receipt {
		t.Helper()
		r, err := s.Commit(t.Context(), "a", epoch, []protocol.Frame{{Sequence: 1, Payload: payload(base()+int64(epoch)*1e6, body)}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var all []string
	for e := uint32(1); e <= maxEpochs+2; e++ {
		all = append(all, fmt.Sprint(e))
		if r := deliver(e, fmt.Sprint(e)); r.Records != 1 {
			t.Errorf("epoch %d: %+v", e, r)
		}
		seal(t, s)
	}
	if n := sumEntries(t, s); n != maxEpochs {
		t.Errorf("%d entries of sums", n)
	}
	for e := uint32(3); e <= maxEpochs+2; e++ {
		if r := deliver(e, fmt.Sprint(e)); r.Repeated != 1 {
			t.Errorf("epoch %d again: %+v", e, r)
		}
	}
	want(t, s, all...)
	if r := deliver(1, "1"); r.Records != 1 {
		t.Errorf("an epoch that is not remembered: %+v", r)
	}
}

func sumEntries(t *testing.T, s *Store) (n int) {
	t.Helper()
	err := s.cat.db.View(func(tx *bbolt.Tx) error {
		n = tx.Bucket(bucketSums).Stats().KeyN
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
