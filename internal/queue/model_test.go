package queue

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"shipper/internal/input"
)

// model is what a queue with two outputs should be, in a form that is easy to
// believe.
type model struct {
	blocks   []int          // payload number of block i+1
	position int            // of in/f
	acked    map[string]int // blocks, durable or not
	read     int64
}

// player plays random operations on a queue and on a model.
type player struct {
	t       *testing.T
	r       *rand.Rand
	q       *Queue
	m       *model
	stored  map[string]int // acks that are certainly durable
	cursors map[string]*Cursor
	at      map[string]int // blocks each cursor has handed out
	n       int
	o       Options
	steps   []string // what was played, for a failure's report
}

func (p *player) open(dir string) {
	p.t.Helper()
	p.q = open(p.t, dir, p.o)
	p.cursors = map[string]*Cursor{"a": cursor(p.t, p.q, "a"), "b": cursor(p.t, p.q, "b")}
	p.at = map[string]int{}
	for name := range p.cursors {
		got := int(p.q.Outputs()[name].Sequence)
		if got < p.stored[name] || got > p.m.acked[name] {
			p.t.Fatalf("%s has %d blocks acked; %d were stored, %d acked", name, got, p.stored[name], p.m.acked[name])
		}
		p.m.acked[name], p.stored[name], p.at[name] = got, got, got
	}
	positions, err := p.q.Positions("in")
	if err != nil {
		p.t.Fatal(err)
	}
	if got := string(positions["in/f"]); p.m.position > 0 && got != fmt.Sprint(p.m.position) {
		p.t.Fatalf("position %s, want %d", got, p.m.position)
	}
	sums := books(p.t, p.q)
	checkBooks(p.t, sums)
	if sums["read"] != p.m.read || sums["queued records"] != 10*int64(len(p.m.blocks)) {
		p.t.Fatalf("books %v, want %d read and %d blocks", sums, p.m.read, len(p.m.blocks))
	}
}

func (p *player) note(format string, a ...any) { p.steps = append(p.steps, fmt.Sprintf(format, a...)) }

func (p *player) append() {
	var as []Append
	for range 1 + p.r.IntN(3) {
		p.n++
		g := group(p.n, p.r.IntN(900))
		if p.r.IntN(5) == 0 { // positions and books only
			g.Block = nil
			g.Books = []input.Entry{{Input: "in", File: "f", Kind: input.Read, Bytes: 1000}, {Input: "in", File: "f", Kind: input.Lost, Bytes: 1000}}
		} else {
			p.m.blocks = append(p.m.blocks, p.n)
		}
		p.m.position = p.n
		p.m.read += 1000
		as = append(as, g)
	}
	p.note("append %d", len(as))
	if err := p.q.Append(p.t.Context(), as); err != nil {
		p.t.Fatal(err)
	}
	p.flushed()
}

// flushed says that a commit has stored all acks.
func (p *player) flushed() {
	for name, n := range p.m.acked {
		p.stored[name] = n
	}
}

func (p *player) next() {
	name := []string{"a", "b"}[p.r.IntN(2)]
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	if p.at[name] == len(p.m.blocks) {
		cancel() // there is nothing to wait for
	}
	bs, err := p.cursors[name].Next(ctx, p.r.IntN(2000), nil)
	p.note("next %s: %d", name, len(bs))
	if len(bs) == 0 && (err == nil || p.at[name] < len(p.m.blocks)) {
		p.t.Fatalf("%s: no blocks behind %d of %d, error %v", name, p.at[name], len(p.m.blocks), err)
	}
	for _, b := range bs {
		p.at[name]++
		want := p.m.blocks[p.at[name]-1]
		if b.Sequence != uint64(p.at[name]) || !bytes.HasPrefix(b.Payload, fmt.Appendf(nil, "block %d ", want)) {
			p.t.Fatalf("%s: block %d %q instead of %d with payload %d", name, b.Sequence, b.Payload[:9], p.at[name], want)
		}
	}
}

func (p *player) ack() {
	name := []string{"a", "b"}[p.r.IntN(2)]
	if p.at[name] == 0 {
		return
	}
	n := p.m.acked[name] + p.r.IntN(p.at[name]-p.m.acked[name]+1)
	p.note("ack %s: %d", name, n)
	if err := p.cursors[name].Ack(ID{1, uint64(n)}); err != nil {
		p.t.Fatal(err)
	}
	p.m.acked[name] = n
}

// TestModel plays random operations, ends the process in many ways between
// them, and looks whether the queue is what the model says.
func TestModel(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := &player{t: t, r: rand.New(rand.NewPCG(seed, 1)), stored: map[string]int{},
				m: &model{acked: map[string]int{}}, o: Options{SegmentBytes: 3000}}
			defer func() {
				if t.Failed() {
					t.Logf("played: %q", p.steps)
				}
			}()
			p.open(t.TempDir())
			for range 150 {
				switch p.r.IntN(20) {
				default:
					p.append()
				case 6, 7, 8, 9, 10, 11:
					p.next()
				case 12, 13, 14, 15:
					p.ack()
				case 16:
					p.note("tick")
					p.q.tick()
					p.flushed()
				case 17:
					p.note("close")
					if err := p.q.Close(); err != nil {
						t.Fatal(err)
					}
					p.flushed()
					p.open(p.q.dir)
				case 18:
					p.note("kill")
					kill(p.q)
					p.open(p.q.dir)
				case 19:
					p.note("copy")
					dir := copyDir(t, p.q.dir) // what a crash now would leave
					kill(p.q)
					addTails(t, p.r, dir)
					p.open(dir)
				}
			}
			closeAndVerify(t, p.q)
		})
	}
}
