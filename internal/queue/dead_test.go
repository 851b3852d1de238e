package queue

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
)

func deadLetters(t testing.TB, q *Queue) (all []DeadLetter) {
	t.Helper()
	err := q.DeadLetters(func(d DeadLetter) error {
		all = append(all, d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDeadLettersAreKeptAndReplayed(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	a, b := cursor(t, q, "a"), cursor(t, q, "b")
	appendN(t, q, 1, 3, 100)
	blocks := takeBlocks(t, a)
	part := blocks[1]
	part.Payload, part.Records, part.Raw = []byte("poison"), 1, 7
	for _, d := range []struct {
		b      Block
		reason string
	}{{part, "400 bad timestamp"}, {blocks[2], "422 no"}, {part, "400 bad timestamp again"}} {
		if err := a.DeadLetter(d.b, d.reason); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Ack(ID{1, 3}); err != nil {
		t.Fatal(err)
	}
	take(t, b)
	b.Ack(ID{1, 3})
	kill(q)
	verify(t, dir)
	q = open(t, dir, Options{})
	all := deadLetters(t, q)
	if len(all) != 2 || all[0].Output != "a" || all[0].Block != (ID{1, 2}) || all[0].Records != 1 || all[0].Raw != 7 ||
		all[0].Bytes != 6 || all[0].Reason != "400 bad timestamp" || all[1].Block != (ID{1, 3}) {
		t.Fatalf("dead letters %+v", all)
	}
	if q.Stats.DeadBlocks.Load() != 2 {
		t.Errorf("%d dead letters", q.Stats.DeadBlocks.Load())
	}
	a, b = cursor(t, q, "a"), cursor(t, q, "b")
	take(t, a) // the acks were lost in the crash
	take(t, b)
	a.Ack(ID{1, 3})
	b.Ack(ID{1, 3})
	n, err := q.Replay(t.Context(), func(d DeadLetter) bool { return d.Block.Sequence == 2 })
	if n != 1 || err != nil {
		t.Fatalf("%d replayed, error %v", n, err)
	}
	appendN(t, q, 4, 1, 100)
	if got := takeBlocks(t, a); len(got) != 2 || string(got[0].Payload) != "poison" || got[0].Sequence != 4 || got[1].Sequence != 5 {
		t.Errorf("a got %v", got)
	}
	if got := takeBlocks(t, b); len(got) != 1 || got[0].Sequence != 5 {
		t.Errorf("b got %v", got)
	}
	a.Ack(ID{1, 5})
	b.Ack(ID{1, 5})
	if n, err := q.Replay(t.Context(), func(DeadLetter) bool { return true }); n != 1 || err != nil {
		t.Errorf("%d replayed, error %v", n, err)
	}
	if all := deadLetters(t, q); len(all) != 0 || q.Stats.DeadBlocks.Load() != 0 {
		t.Errorf("%d dead letters are left", len(all))
	}
	// b has nothing to get, and yet holds nothing back.
	if got := takeBlocks(t, b); len(got) != 0 {
		t.Errorf("b got %v", got)
	}
	take(t, a)
	a.Ack(ID{1, 6})
	q.tick()
	if n := q.Stats.Blocks.Load(); n != 0 {
		t.Errorf("%d blocks are left", n)
	}
	closeAndVerify(t, q)
}

func TestAckCoversBlocksForOthers(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	a, b := cursor(t, q, "a"), cursor(t, q, "b")
	appendN(t, q, 1, 1, 10)
	for i := range 3 {
		if err := a.DeadLetter(Block{Epoch: 1, Sequence: uint64(i), Payload: []byte{byte(i)}}, "no"); err != nil {
			t.Fatal(err)
		}
	}
	bs, err := b.Next(t.Context(), 100, nil)
	if err != nil || len(bs) != 1 {
		t.Fatalf("%v, error %v", bs, err)
	}
	if _, err := q.Replay(t.Context(), func(DeadLetter) bool { return true }); err != nil {
		t.Fatal(err)
	}
	take(t, b) // looks behind block 1, which is in flight
	take(t, a)
	a.Ack(ID{1, 4})
	b.Ack(ID{1, 1})
	q.tick()
	if n := q.Stats.Blocks.Load(); n != 0 {
		t.Errorf("%d blocks are left", n)
	}
	closeAndVerify(t, q)
}

// TestDeadLettersTriedAgain: a letter that cannot be kept leaves nothing behind
// that adds up, whatever it is that fails, and is there once in the end.
func TestDeadLettersTriedAgain(t *testing.T) {
	for name, set := range map[string]func(t *testing.T, q *Queue, f *faults, err *error){
		"write": func(_ *testing.T, _ *Queue, f *faults, err *error) { f.write.Store(err) },
		"sync":  func(_ *testing.T, _ *Queue, f *faults, err *error) { f.sync.Store(err) },
		"commit": func(t *testing.T, q *Queue, _ *faults, err *error) {
			update := (*bbolt.DB).Update
			if err != nil {
				update = func(*bbolt.DB, func(*bbolt.Tx) error) error { return *err }
			}
			intercept(t, q, update)
		},
		"commit that happened": func(t *testing.T, q *Queue, _ *faults, err *error) {
			update := (*bbolt.DB).Update
			if err != nil {
				update = func(db *bbolt.DB, fn func(*bbolt.Tx) error) error { return errors.Join(db.Update(fn), *err) }
			}
			intercept(t, q, update)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var f faults
			dir := t.TempDir()
			q := open(t, dir, Options{WrapFile: f.wrap})
			c := cursor(t, q, "a")
			letter := func(n int) error {
				return c.DeadLetter(Block{Epoch: 1, Sequence: uint64(n), Records: n, Payload: payload(n, 2000)}, "no")
			}
			if err := letter(1); err != nil {
				t.Fatal(err)
			}
			q.Close()
			q = open(t, dir, Options{WrapFile: f.wrap})
			c = cursor(t, q, "a")
			most := q.dead.Bytes() + 2*2200 // of two letters
			set(t, q, &f, fault(syscall.ENOSPC))
			for range 10 {
				for n := range 2 {
					_ = letter(n + 2) // some work nevertheless
					if size := q.dead.Bytes(); size > most {
						t.Fatalf("%d bytes of dead letters", size)
					}
				}
			}
			set(t, q, &f, nil)
			for n := range 3 {
				if err := letter(n + 1); err != nil {
					t.Fatal(err)
				}
			}
			if got := deadLetters(t, q); len(got) != 3 {
				t.Errorf("dead letters %v", got)
			}
			if n, err := q.Replay(t.Context(), func(DeadLetter) bool { return true }); n != 3 || err != nil {
				t.Errorf("%d replayed, error %v", n, err)
			}
			for i, b := range takeBlocks(t, c) {
				if b.Records != i+1 || !bytes.Equal(b.Payload, payload(i+1, 2000)) {
					t.Errorf("block %d has %d records", i+1, b.Records)
				}
			}
			if err := letter(4); err != nil { // behind letters that are gone
				t.Fatal(err)
			}
			closeAndVerify(t, q)
		})
	}
}

func TestDeadLettersAreBounded(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{MaxDeadBytes: 1 << 20})
	c := cursor(t, q, "a")
	for i := range 60 {
		p := payload(i, 50<<10)
		if err := c.DeadLetter(Block{Epoch: 1, Sequence: uint64(i + 1), Records: 1, Payload: p}, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		if n := q.dead.Bytes(); n > 1<<20 {
			t.Fatalf("%d bytes", n)
		}
	}
	all := deadLetters(t, q)
	var ids []uint64
	for _, d := range all {
		ids = append(ids, d.Block.Sequence)
	}
	dropped := uint64(q.Stats.DeadDropped.Load())
	if !slices.Equal(ids, seqs(dropped+1, 60)) || dropped == 0 || int(q.Stats.DeadBlocks.Load()) != len(all) {
		t.Errorf("%d dropped, %d are left: %d", dropped, q.Stats.DeadBlocks.Load(), ids)
	}
	closeAndVerify(t, q)
}
