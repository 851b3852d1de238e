package index

import (
	"fmt"
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
