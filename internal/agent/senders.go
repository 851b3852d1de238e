package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"shipper/internal/config"
	"shipper/internal/deliver"
	"shipper/internal/queue"
)

// senders are the outputs that run, in the order of the configuration. They can
// be changed while they do.
type senders struct {
	agent *Agent
	ctx   context.Context // ends all of them
	fail  func(error)     // ends all of them and the agent

	mu      sync.Mutex
	running []*sender
}

// sender is one running output.
type sender struct {
	config config.Output
	output *deliver.Output
	cursor *queue.Cursor
	stop   context.CancelFunc
	ended  chan struct{}
}

// change makes the outputs those of c. Unchanged ones go on. A changed one goes
// on from its place in the queue, behind what its receiver has acknowledged. All
// of c is made, and known to the queue, before anything of what runs is touched: an
// error of that changes nothing. It is for one goroutine at a time.
func (s *senders) change(c *config.Config) error {
	outputs := make([]*deliver.Output, len(c.Outputs))
	names := make([]queue.Output, len(c.Outputs))
	for i, o := range c.Outputs {
		var err error
		names[i] = queue.Output{Name: o.Name, Formerly: o.Formerly}
		if outputs[i], err = s.agent.makeOutput(o); err != nil {
			return fmt.Errorf("output %s: %w", o.Name, err)
		}
	}
	if err := s.agent.queue.Adopt(names...); err != nil {
		return err
	}
	before := map[string]*sender{}
	for _, old := range s.all() {
		before[old.config.Name] = old
	}
	now := make([]*sender, len(c.Outputs))
	for i, o := range c.Outputs {
		if old := before[o.Name]; old != nil && reflect.DeepEqual(old.config, o) {
			now[i] = old
			delete(before, o.Name)
		}
	}
	for _, old := range before {
		old.stop()
	}
	for _, old := range before {
		<-old.ended
		old.cursor.Close()
		old.output.Client.CloseIdleConnections()
	}
	var failed error
	for i := range now {
		if now[i] != nil {
			continue
		}
		var err error
		if now[i], err = s.start(c.Outputs[i], outputs[i]); err != nil {
			failed = errors.Join(failed, fmt.Errorf("output %s: %w", c.Outputs[i].Name, err))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = slices.DeleteFunc(now, func(o *sender) bool { return o == nil })
	if failed != nil {
		return &halfError{failed}
	}
	return nil
}

// all returns those that run.
func (s *senders) all() []*sender {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

func (s *senders) start(c config.Output, o *deliver.Output) (*sender, error) {
	cursor, err := s.agent.queue.Cursor(c.Name)
	if err != nil {
		return nil, err
	}
	cursor.AddressedOnly(!c.Default)
	o.Agent, o.Source = s.agent.queue.AgentID(), cursor
	ctx, stop := context.WithCancel(s.ctx)
	now := &sender{config: c, output: o, cursor: cursor, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(now.ended)
		defer stop()
		if err := o.Run(ctx); err != nil {
			o.Log.Error("delivery has ended", "err", err)
			s.fail(err)
		}
	}()
	return now, nil
}

// wait waits until all have ended.
func (s *senders) wait() {
	for _, o := range s.all() {
		<-o.ended
	}
}

// outputs returns what those that run deliver with.
func (s *senders) outputs() []*deliver.Output {
	running := s.all()
	outputs := make([]*deliver.Output, len(running))
	for i, o := range running {
		outputs[i] = o.output
	}
	return outputs
}

// headersAgain returns the headers of an output as the configuration file has
// them now: with the credentials that were put in place of refused ones.
func (a *Agent) headersAgain(old config.Output) (http.Header, error) {
	c, err := a.Load()
	if err != nil {
		return nil, err
	}
	for _, o := range c.Outputs {
		if o.Name == old.Name && o.URL() == old.URL() {
			return makeHeaders(o), nil
		}
	}
	return nil, fmt.Errorf("the configuration has no output %s for this receiver any more", old.Name)
}
