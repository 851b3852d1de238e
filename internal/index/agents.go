package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	maxEpochs = 8       // of one agent; a block of an epoch before them is refused
	maxAgents = 1 << 16 // with an average of 100 bytes each, and gaps
	maxAgent  = 64      // bytes of an agent ID

	// manyGaps are so many in the gap sets of all, 16 MiB, that each is kept small.
	manyGaps = 1 << 20

	// When there is no room, the agents that have been silent for longest,
	// and for so long, make some: far longer than an agent waits before it
	// sends something again, and short enough that agents that somebody made up
	// do not keep real ones out.
	agentSilence = 10 * time.Minute
)

// errAgents is the reason for refusing a new agent.
var errAgents = errors.New("too many agents")

// agents are the marks of every agent. It is not for concurrent use.
type agents struct {
	byID    map[string]*agent
	dirty   map[*agent]struct{} // changed since the last snapshot
	gone    []string            // forgotten since the last snapshot
	missing uint64              // sequences in the gaps of all
	gaps    int                 // of all
	missed  int64               // gaps forgotten
}

type agent struct {
	id     string
	seen   int64   // when it delivered last, ns
	epochs []epoch // oldest first
	warned int64   // when it was last said that two agents seem to have this ID, ns
}

type epoch struct {
	number uint32
	marks  *marks
}

func newAgents() *agents {
	return &agents{byID: make(map[string]*agent), dirty: make(map[*agent]struct{})}
}

// of says what is known of a block.
func (a *agents) of(id string, number uint32, sequence uint64) verdict {
	g := a.byID[id]
	if g == nil {
		return fresh
	}
	for i := range g.epochs {
		if g.epochs[i].number == number {
			return g.epochs[i].marks.of(sequence)
		}
	}
	if len(g.epochs) == maxEpochs && number < g.epochs[0].number {
		return conflict
	}
	return fresh
}

// room makes sure that there is room for agent id.
func (a *agents) room(id string, now int64) error {
	if a.byID[id] != nil || len(a.byID) < maxAgents {
		return nil
	}
	var silent []*agent
	for _, g := range a.byID {
		if now-g.seen >= int64(agentSilence) {
			silent = append(silent, g)
		}
	}
	if len(silent) == 0 {
		return errAgents
	}
	// Many at a time, because finding them is work.
	slices.SortFunc(silent, func(x, y *agent) int { return cmp.Compare(x.seen, y.seen) })
	for _, g := range silent[:min(len(silent), maxAgents/16)] {
		delete(a.byID, g.id)
		delete(a.dirty, g)
		a.count(g, -1)
		a.gone = append(a.gone, g.id)
	}
	return nil
}

// add notes a fresh block.
func (a *agents) add(id string, number uint32, sequence uint64, now int64) {
	g := a.byID[id]
	if g == nil {
		g = &agent{id: id}
		a.byID[id] = g
	}
	g.seen = max(g.seen, now)
	a.count(g, -1)
	limit := maxGaps
	if a.gaps >= manyGaps {
		limit = fewGaps
	}
	a.missed += int64(g.marks(number).add(sequence, limit))
	a.count(g, 1)
	a.dirty[g] = struct{}{}
}

// marks returns the marks of an epoch, new ones if it is new.
func (g *agent) marks(number uint32) *marks {
	i, found := slices.BinarySearchFunc(g.epochs, number, func(e epoch, n uint32) int { return int(int64(e.number) - int64(n)) })
	if !found {
		g.epochs = slices.Insert(g.epochs, i, epoch{number, new(marks)})
		if len(g.epochs) > maxEpochs {
			g.epochs = slices.Delete(g.epochs, 0, 1)
			i--
		}
	}
	return g.epochs[i].marks
}

// count adds what g has to the sums of all agents, or, with -1, takes it away.
func (a *agents) count(g *agent, sign int) {
	for _, e := range g.epochs {
		a.missing += e.marks.missing * uint64(sign)
		a.gaps += len(e.marks.gaps) * sign
	}
}

// agentChanges are what a snapshot has to write.
type agentChanges map[string]agentState

// agentState is one agent in a snapshot; the zero value deletes it.
type agentState struct {
	stored []byte            // as append makes it
	last   map[uint32]uint64 // last sequence of each epoch
}

// snapshot returns the stored form of what changed since the last one.
func (a *agents) snapshot() agentChanges {
	c := make(agentChanges, len(a.dirty)+len(a.gone))
	for _, id := range a.gone {
		c[id] = agentState{}
	}
	for g := range a.dirty {
		last := make(map[uint32]uint64, len(g.epochs))
		for _, e := range g.epochs {
			last[e.number] = e.marks.last
		}
		c[g.id] = agentState{g.append(nil), last}
	}
	clear(a.dirty)
	a.gone = nil
	return c
}

// append appends the stored form: when it was seen, number of epochs, and for
// each its number, the length of its marks, and the marks.
func (g *agent) append(dst []byte) []byte {
	dst = binary.AppendVarint(dst, g.seen)
	dst = binary.AppendUvarint(dst, uint64(len(g.epochs)))
	for _, e := range g.epochs {
		m := e.marks.append(nil)
		dst = binary.AppendUvarint(dst, uint64(e.number))
		dst = binary.AppendUvarint(dst, uint64(len(m)))
		dst = append(dst, m...)
	}
	return dst
}

// load adds an agent in its stored form.
func (a *agents) load(id string, p []byte) error {
	g, err := decodeAgent(id, p)
	if err != nil {
		return fmt.Errorf("agent %q: %w", id, err)
	}
	a.byID[id] = g
	a.count(g, 1)
	return nil
}

func decodeAgent(id string, p []byte) (*agent, error) {
	d := fields{p: p}
	g := &agent{id: id, seen: d.varint()}
	n := d.uvarint()
	if d.bad || n > maxEpochs {
		return nil, errMarks
	}
	for range n {
		number := d.uvarint()
		m, err := decodeMarks(d.bytes(d.uvarint()))
		if err != nil {
			return nil, err
		}
		if d.bad || number > 1<<32-1 || len(g.epochs) > 0 && uint32(number) <= g.epochs[len(g.epochs)-1].number {
			return nil, errMarks
		}
		g.epochs = append(g.epochs, epoch{uint32(number), m})
	}
	if len(d.p) != 0 {
		return nil, errMarks
	}
	return g, nil
}
