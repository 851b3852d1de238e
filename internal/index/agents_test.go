package index

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestAgentsEpochs(t *testing.T) {
	a := newAgents()
	for n := uint32(10); n < 10+maxEpochs; n++ {
		a.add("x", n, 1, 0)
	}
	f := func(id string, number uint32, sequence uint64, want verdict) {
		t.Helper()
		if got := a.of(id, number, sequence); got != want {
			t.Errorf("agent %s epoch %d sequence %d is %d, want %d", id, number, sequence, got, want)
		}
	}
	f("x", 10, 1, repeated)
	f("x", 10, 2, fresh)
	f("x", 9, 1, conflict)
	f("x", 99, 1, fresh)
	f("y", 9, 1, fresh)
	a.add("x", 99, 1, 0)
	f("x", 99, 1, repeated)
	f("x", 10, 1, conflict)
	f("x", 11, 1, repeated)
	f("x", 12, 2, fresh)
}

// TestAgentsMissing compares the number of missing sequences, and of gaps, with a count, while
// gaps, epochs and agents come and go, and after a restart.
func TestAgentsMissing(t *testing.T) {
	count := func(a *agents) (n uint64, gaps int) {
		for _, g := range a.byID {
			for _, e := range g.epochs {
				n += between(e.marks.gaps)
				gaps += len(e.marks.gaps)
			}
		}
		return n, gaps
	}
	a := newAgents()
	check := func(step string) {
		t.Helper()
		if n, gaps := count(a); a.missing != n || a.gaps != gaps || n == 0 {
			t.Fatalf("%s: %d missing in %d gaps, want %d in %d", step, a.missing, a.gaps, n, gaps)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		id, number, n := fmt.Sprint(r.IntN(3)), uint32(r.IntN(2)), 1+r.Uint64N(1<<14)
		if a.of(id, number, n) == fresh {
			a.add(id, number, n, 0)
		}
	}
	check("gaps were split, closed and forgotten")
	if a.missed == 0 {
		t.Error("no gap was forgotten")
	}
	for id := range a.byID {
		for n := range uint32(maxEpochs - 1) {
			a.add(id, 1000+n, 7, 0)
		}
	}
	check("epochs were forgotten")
	b := newAgents()
	for id, v := range a.snapshot() {
		if err := b.load(id, v.stored); err != nil {
			t.Fatal(err)
		}
	}
	a = b
	check("they were loaded")
	for i := range maxAgents - len(a.byID) {
		a.add(fmt.Sprint("more", i), 1, 2, int64(i))
	}
	if err := a.room("new", int64(agentSilence)); err != nil {
		t.Fatal(err)
	}
	check("agents were forgotten")
}

// TestGapsOfAllAreBounded: somebody who makes up agents with as many gaps as one
// may have does not take memory for all of them.
func TestGapsOfAllAreBounded(t *testing.T) {
	a := newAgents()
	const agents = manyGaps/maxGaps + 100
	for i := range agents {
		for n := range uint64(maxGaps) {
			a.add(fmt.Sprint(i), 1, 2*n+2, 0)
		}
	}
	if a.gaps > manyGaps+agents*fewGaps {
		t.Errorf("%d gaps", a.gaps)
	}
	last := fmt.Sprint(agents - 1)
	if n := len(a.byID[last].epochs[0].marks.gaps); n != fewGaps || a.of(last, 1, 1) != conflict || a.of(last, 1, 2*maxGaps-1) != fresh {
		t.Errorf("%d gaps of the last agent", n)
	}
}

func TestAgentsSnapshot(t *testing.T) {
	a := newAgents()
	a.add("x", 1, 1, 5)
	a.add("y", 1, 7, 6)
	c := a.snapshot()
	if len(c) != 2 {
		t.Fatalf("%d agents in the first snapshot, want 2", len(c))
	}
	a.add("y", 1, 6, 8)
	if d := a.snapshot(); len(d) != 1 || d["y"].stored == nil {
		t.Fatalf("second snapshot has %v, want y", d)
	} else {
		c["y"] = d["y"]
	}
	if len(a.snapshot()) != 0 {
		t.Fatal("third snapshot is not empty")
	}
	b := newAgents()
	for id, v := range c {
		if err := b.load(id, v.stored); err != nil {
			t.Fatal(err)
		}
	}
	for n := uint64(1); n < 10; n++ {
		if b.of("y", 1, n) != a.of("y", 1, n) || b.of("x", 1, n) != a.of("x", 1, n) {
			t.Errorf("sequence %d is not judged as before", n)
		}
	}
}

func TestAgentsRoom(t *testing.T) {
	a := newAgents()
	for i := range maxAgents {
		a.add(fmt.Sprint(i), 1, 1, int64(i))
	}
	a.snapshot()
	if err := a.room("7", 0); err != nil {
		t.Errorf("an agent that is known is refused: %v", err)
	}
	if err := a.room("new", int64(agentSilence)-1); err == nil {
		t.Error("there is room although nobody has been silent for long")
	}
	if err := a.room("new", int64(agentSilence)); err != nil {
		t.Errorf("no room although an agent was silent: %v", err)
	}
	a.add("new", 1, 1, int64(agentSilence))
	c := a.snapshot()
	if v, ok := c["0"]; !ok || v.stored != nil || len(c) != 2 {
		t.Errorf("snapshot has %d changes, want the oldest agent deleted and the new one", len(c))
	}
}
