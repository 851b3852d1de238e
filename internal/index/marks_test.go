package index

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// between counts the sequences in gaps.
func between(gaps []gap) (n uint64) {
	for _, g := range gaps {
		n += g.to - g.from + 1
	}
	return n
}

func TestMarks(t *testing.T) {
	f := func(add []uint64, want marks) {
		t.Helper()
		m := new(marks)
		for _, n := range add {
			if v := m.of(n); v != fresh {
				t.Fatalf("%v: sequence %d is %d before it is added", add, n, v)
			}
			m.add(n, maxGaps)
			if v := m.of(n); v != repeated {
				t.Fatalf("%v: sequence %d is %d after it is added", add, n, v)
			}
		}
		if len(m.gaps) == 0 {
			m.gaps = nil
		}
		want.missing = between(want.gaps)
		if !reflect.DeepEqual(*m, want) {
			t.Fatalf("%v: got %+v, want %+v", add, *m, want)
		}
	}
	f(nil, marks{})
	f([]uint64{1, 2, 3}, marks{last: 3})
	f([]uint64{3}, marks{last: 3, gaps: []gap{{1, 2}}})
	f([]uint64{3, 1, 2}, marks{last: 3})
	f([]uint64{3, 2, 1}, marks{last: 3})
	f([]uint64{9, 5}, marks{last: 9, gaps: []gap{{1, 4}, {6, 8}}})
	f([]uint64{9, 5, 8, 6, 7}, marks{last: 9, gaps: []gap{{1, 4}}})
	f([]uint64{math.MaxUint64}, marks{last: math.MaxUint64, gaps: []gap{{1, math.MaxUint64 - 1}}})
	f([]uint64{1, math.MaxUint64, math.MaxUint64 - 1, 2}, marks{last: math.MaxUint64, gaps: []gap{{3, math.MaxUint64 - 2}}})
}

// TestMarksModel delivers blocks out of order and more than once, and compares
// with a set.
func TestMarksModel(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		m, model := new(marks), map[uint64]bool{}
		for range 2000 {
			n := 1 + r.Uint64N(600)
			want := fresh
			if model[n] {
				want = repeated
			}
			if got := m.of(n); got != want {
				t.Fatalf("seed %d: sequence %d is %d, want %d", seed, n, got, want)
			}
			if want == fresh {
				m.add(n, maxGaps)
				model[n] = true
			}
		}
		if got := m.last - m.missing; got != uint64(len(model)) {
			t.Fatalf("seed %d: %d sequences, want %d", seed, got, len(model))
		}
		back, err := decodeMarks(m.append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.gaps) == 0 {
			m.gaps = nil
		}
		if !reflect.DeepEqual(back, m) {
			t.Fatalf("seed %d: stored as %+v, was %+v", seed, back, m)
		}
	}
}

// TestMarksForget checks that memory stays bounded, and that what is conflict
// is neither taken for stored nor for new.
func TestMarksForget(t *testing.T) {
	m := new(marks)
	for n := uint64(2); n <= 4*maxGaps; n += 2 {
		m.add(n, maxGaps)
	}
	if len(m.gaps) != maxGaps {
		t.Fatalf("%d gaps, want %d", len(m.gaps), maxGaps)
	}
	if got := m.of(1); got != conflict {
		t.Errorf("a gap that was conflict is %d", got)
	}
	if got := m.of(2); got != conflict {
		t.Errorf("a block behind a conflict gap is %d", got)
	}
	if got := m.of(4*maxGaps - 1); got != fresh {
		t.Errorf("a gap that is kept is %d", got)
	}
	if got := m.of(4 * maxGaps); got != repeated {
		t.Errorf("a block that was stored is %d", got)
	}
	// Splitting a gap makes one more, too.
	m = &marks{last: 1 << 40, gaps: []gap{{1, 1<<40 - 1}}, missing: 1<<40 - 1}
	for n := uint64(1 << 30); len(m.gaps) < maxGaps || m.floor == 0; n += 10 {
		m.add(n, maxGaps)
	}
	if len(m.gaps) != maxGaps || m.of(1<<29) != conflict {
		t.Errorf("%d gaps, floor %d", len(m.gaps), m.floor)
	}
	if back, err := decodeMarks(m.append(nil)); err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("stored form does not come back: %v", err)
	}
}

func FuzzDecodeAgent(f *testing.F) {
	a := newAgents()
	a.add("a", 1, 5, 99)
	a.add("a", 1, 2, 99)
	a.add("a", 3, 1, 100)
	f.Add(a.byID["a"].append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		g, err := decodeAgent("a", p)
		if err != nil {
			return
		}
		for _, e := range g.epochs {
			for _, h := range e.marks.gaps {
				if e.marks.of(h.from) == repeated || e.marks.of(h.to) == repeated {
					t.Fatalf("a sequence in a gap counts as seen: %+v", e.marks)
				}
			}
			if n := e.marks.last + 1; n != 0 {
				e.marks.add(n, maxGaps)
				if e.marks.of(n) != repeated && e.marks.floor < n {
					t.Fatalf("sequence %d is not seen after it was added: %+v", n, e.marks)
				}
			}
		}
		back, err := decodeAgent("a", g.append(nil))
		if err != nil || !reflect.DeepEqual(back.append(nil), g.append(nil)) {
			t.Fatalf("stored form does not come back: %v", err)
		}
	})
}
