package pipeline

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
)

// Route is a set of outputs, by their place in Config.Outputs; the zero Route
// is the default outputs.
type Route uint64

const maxOutputs = 64

// sets keeps the names of each Route that was asked for.
type sets struct {
	mu    sync.Mutex
	names map[Route][]string
}

func (p *Pipeline) routes(outputs []Output) {
	for _, o := range outputs {
		p.outputs = append(p.outputs, o.Name)
	}
	p.sets.names = map[Route][]string{}
}

// route returns the Route to the outputs of those names.
func (p *Pipeline) route(to []string) (Route, error) {
	var r Route
	for _, name := range to {
		if name == All {
			r |= 1<<len(p.outputs) - 1
			continue
		}
		i := slices.Index(p.outputs, name)
		if i < 0 {
			return 0, fmt.Errorf("there is no output %q; there are %s", name, strings.Join(p.outputs, ", "))
		}
		r |= 1 << i
	}
	return r, nil
}

// Names returns the outputs of r, sorted; nil for the default outputs. The
// result is shared: it is not to be changed. It is safe for concurrent use.
func (p *Pipeline) Names(r Route) []string {
	if r == 0 {
		return nil
	}
	p.sets.mu.Lock()
	defer p.sets.mu.Unlock()
	names, ok := p.sets.names[r]
	if !ok {
		for set := uint64(r); set != 0; set &= set - 1 {
			names = append(names, p.outputs[bits.TrailingZeros64(set)])
		}
		slices.Sort(names)
		p.sets.names[r] = names
	}
	return names
}
