package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestAddressees(t *testing.T) {
	f := func(to []string, has, hasNot string, want ...string) {
		t.Helper()
		a, err := address(to)
		if err != nil || !reflect.DeepEqual(a.names(), want) {
			t.Errorf("address(%q) = %q, %v, want %q", to, a.names(), err, want)
		}
		is := func(name string) bool { return aliases(nil).has(a, ID{1, 1}, name) }
		if has != "" && !is(has) || is(hasNot) {
			t.Errorf("%q has %q: %t, %q: %t", a, has, is(has), hasNot, is(hasNot))
		}
	}
	f(nil, "", "a")
	f([]string{}, "", "")
	f([]string{"a"}, "a", "", "a")
	f([]string{"b", "a", "b"}, "b", "ab", "a", "b")
	f([]string{"aa", "a"}, "a", "aaa", "a", "aa")
	for _, to := range [][]string{{""}, {"a", "b\x00c"}, {strings.Repeat("x", maxKey+1)}} {
		if _, err := address(to); !errors.Is(err, errInvalid) {
			t.Errorf("address of %d names: %v", len(to), err)
		}
	}
}

// appendTo appends a block for each list of outputs, in one commit.
func appendTo(t *testing.T, q *Queue, from int, to ...[]string) {
	t.Helper()
	as := make([]Append, len(to))
	for i := range to {
		as[i] = group(from+i, 50)
		as[i].Block.To = to[i]
	}
	if err := q.Append(t.Context(), as); err != nil {
		t.Fatal(err)
	}
}

func TestBlocksGoToTheirOutputs(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	a, b, c := cursor(t, q, "a"), cursor(t, q, "b"), cursor(t, q, "c")
	c.AddressedOnly(true)
	appendTo(t, q, 1, nil, []string{"a"}, []string{"c", "b"}, []string{"c"}, nil, []string{"gone"})
	f := func(c *Cursor, want ...uint64) {
		t.Helper()
		if got := take(t, c); !slices.Equal(got, want) {
			t.Errorf("%s gets %d, want %d", c.name, got, want)
		}
	}
	f(a, 1, 2, 5)
	f(b, 1, 3, 5)
	f(c, 3, 4)
	if err := a.Ack(ID{1, 5}); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}

	// All of it was durable.
	verify(t, dir)
	i, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	var to [][]string
	if err := i.List(func(b BlockInfo) error { to = append(to, b.To); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := [][]string{nil, {"a"}, {"b", "c"}, {"c"}, nil, {"gone"}}; !reflect.DeepEqual(to, want) {
		t.Errorf("listed %q, want %q", to, want)
	}
	if b, err := i.ReadBlock(ID{1, 3}); err != nil || !slices.Equal(b.To, []string{"b", "c"}) {
		t.Errorf("block 3 is for %q, error %v", b.To, err)
	}
	i.Close()
	q = open(t, dir, Options{})
	a, b, c = cursor(t, q, "a"), cursor(t, q, "b"), cursor(t, q, "c")
	c.AddressedOnly(true)
	f(a)
	f(b, 1, 3, 5)
	f(c, 3, 4)
	b.Ack(ID{1, 5})
	c.Ack(ID{1, 4})
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, dir, Options{})
	for _, name := range []string{"a", "b", "c"} {
		c := cursor(t, q, name)
		c.AddressedOnly(name == "c")
		f(c)
		if lag := lagOf(t, q, name); lag.Blocks != 0 {
			t.Errorf("%s lacks %d blocks that are for others", name, lag.Blocks)
		}
	}
	closeAndVerify(t, q)
}

// TestRoutesSurviveTheIndex: the log knows the outputs of a block, too.
func TestRoutesSurviveTheIndex(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	cursor(t, q, "a")
	cursor(t, q, "b")
	appendTo(t, q, 1, []string{"b"}, nil, []string{"b", "a"}, []string{"a"})
	kill(q)
	os.Remove(filepath.Join(dir, "index.db"))
	q = open(t, dir, Options{})
	if q.Stats.Rebuilt.Load() != 1 {
		t.Fatal("the index was not built again")
	}
	if got := take(t, cursor(t, q, "a")); !slices.Equal(got, []uint64{2, 3, 4}) {
		t.Errorf("a gets %d", got)
	}
	if got := take(t, cursor(t, q, "b")); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("b gets %d", got)
	}
	closeAndVerify(t, q)
}

// TestOthersBlocksAreDeleted: what no output in use needs does not stay, and an
// output that waits does not come back with blocks for others.
func TestOthersBlocksAreDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, t.TempDir(), Options{SegmentBytes: 1 << 10})
		a, b := cursor(t, q, "a"), cursor(t, q, "b")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			bs, err := b.Next(ctx, 1<<20, nil)
			if len(bs) > 0 {
				t.Errorf("b got block %d", bs[0].Sequence)
			}
			done <- err
		}()
		for i := range 50 {
			appendTo(t, q, i+1, []string{"a"})
		}
		got := take(t, a)
		if len(got) != 50 {
			t.Fatalf("a got %d blocks", len(got))
		}
		a.Ack(ID{1, 50})
		synctest.Wait()
		q.tick()
		if n := q.Stats.Blocks.Load(); n != 0 {
			t.Errorf("%d blocks are left", n)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Next ended with %v", err)
		}
		closeAndVerify(t, q)
	})
}
