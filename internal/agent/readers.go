package agent

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"shipper/internal/config"
	"shipper/internal/input"
	"shipper/internal/input/file"
)

// readers are the inputs that run. They can be changed while they do.
type readers struct {
	agent  *Agent
	ctx    context.Context         // ends all of them
	ending context.Context         // until it is done they get rid of what they have
	fail   context.CancelCauseFunc // of ctx

	stopped []*reader // with chunks that may not be committed yet; for change alone

	mu      sync.Mutex
	running map[string]*reader
	live    int // readers that run, and changes under way
}

// reader is one running input.
type reader struct {
	config config.Input
	zone   *time.Location
	source input.Source
	stop   context.CancelFunc
	ended  chan struct{}
	flight sync.WaitGroup // chunks handed over and not committed yet
	done   chan struct{}  // closed when it has ended and all of them are committed; made by end
}

// change makes the inputs those of c: unchanged ones go on, the others end, and
// what is new begins where the input of its name left off. Once nothing is left
// to read, the flow is closed. It is for one goroutine at a time. After an error
// some inputs may have ended, which the next change begins again.
//
// While the queue is full it waits, since what an input has read is not committed
// then. If ctx ends meanwhile, the next change goes on with it.
func (r *readers) change(ctx context.Context, c *config.Config, host string) error {
	wanted := make(map[string]config.Input, len(c.Inputs))
	for _, in := range c.Inputs {
		wanted[in.Name] = in
	}
	r.hold()
	defer r.done()
	r.mu.Lock()
	for name, old := range r.running {
		if now, ok := wanted[name]; ok && reflect.DeepEqual(now, old.config) {
			delete(wanted, name)
			continue
		}
		old.end()
		r.stopped = append(r.stopped, old)
		delete(r.running, name)
	}
	r.mu.Unlock()
	for _, old := range r.stopped {
		if r.agent.queue.Stats.Full.Load() != 0 {
			r.agent.Log.Warn("inputs change once the queue has room for what was read", "input", old.config.Name)
		}
		select {
		case <-old.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	r.stopped = nil
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if err := r.start(wanted[name], host); err != nil {
			return err
		}
	}
	return nil
}

// end has an input end.
func (old *reader) end() {
	old.stop()
	old.done = make(chan struct{})
	go func() {
		<-old.ended
		old.flight.Wait()
		close(old.done)
	}()
}

// hold keeps the flow from being closed until done.
func (r *readers) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live++
}

// start starts an input.
func (r *readers) start(c config.Input, host string) error {
	at, err := r.agent.queue.Positions(c.Name)
	if err != nil {
		return fmt.Errorf("positions of input %s: %w", c.Name, err)
	}
	ctx, stop := context.WithCancel(r.ctx)
	now := &reader{config: c, zone: c.Location(), source: r.agent.makeSource(c, host), stop: stop, ended: make(chan struct{})}
	r.mu.Lock()
	r.running[c.Name] = now
	r.live++
	r.mu.Unlock()
	go func() {
		defer stop()
		err := now.source.Run(ctx, at, func(c input.Chunk) error { return r.put(ctx, now, c) })
		close(now.ended)
		if err != nil && ctx.Err() == nil {
			r.fail(fmt.Errorf("input %s: %w", c.Name, err))
		}
		r.done()
	}()
	return nil
}

// put hands a chunk over and counts it until its memory is given back, which is
// behind its commit.
func (r *readers) put(ctx context.Context, from *reader, c input.Chunk) error {
	if c.Input == "" { // it has no position, so it cannot be read again
		ctx = r.ending
	}
	c.Zone = from.zone
	release := c.Release
	c.Release = func() {
		if release != nil {
			release()
		}
		from.flight.Done()
	}
	from.flight.Add(1)
	err := r.agent.flow.Put(ctx, c)
	if err != nil {
		from.flight.Done()
	}
	return err
}

// done ends what was counted by live.
func (r *readers) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live--; r.live == 0 {
		r.agent.flow.Close()
	}
}

// wait waits until all have ended.
func (r *readers) wait() {
	r.mu.Lock()
	running := slices.Collect(maps.Values(r.running))
	r.mu.Unlock()
	for _, in := range running {
		<-in.ended
	}
}

// names returns the names of the inputs.
func (r *readers) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.running))
}

// files returns the inputs that follow files, by name.
func (r *readers) files() (files []*file.Input) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(r.running)) {
		if in, ok := r.running[name].source.(*file.Input); ok {
			files = append(files, in)
		}
	}
	return files
}
