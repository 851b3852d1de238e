package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/config"
	"shipper/internal/fail"
)

// reloads counts changes of the configuration, and has one wait for another.
type reloads struct {
	Succeeded atomic.Int64
	Failed    atomic.Int64
	LastOK    atomic.Int64 // 1 unless the last one failed
	Time      atomic.Int64 // ns since the Unix epoch of the last one that succeeded

	last  atomic.Int64 // number of the newest
	force sync.Mutex   // held by the one that is being put in force

	mu   sync.Mutex
	turn int64                   // number of the newest that is to be put in force
	stop context.CancelCauseFunc // of that one
}

// errOvertaken says that a newer configuration is to be put in force.
var errOvertaken = errors.New("the configuration has changed again")

// take begins to put configuration number n in force, which an older one then
// waits for no more. The context ends when a newer one comes.
func (r *reloads) take(ctx context.Context, n int64) (context.Context, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n < r.turn {
		return nil, errOvertaken
	}
	if r.stop != nil {
		r.stop(errOvertaken)
	}
	r.turn = n
	ctx, r.stop = context.WithCancelCause(ctx)
	return ctx, nil
}

// Reload reads the configuration again and makes the running agent follow it.
// Unchanged inputs and outputs go on undisturbed, the queue is not touched, and
// nothing is lost or repeated beyond what deliveries in flight may repeat under
// their IDs. With an error, which is logged and counted, the old configuration
// stays in force, or, if the queue fails in the middle, the new one is only in
// part; the log says which. It may be called concurrently, but not before Ready:
// one that waits for a full queue gives way to the next.
func (a *Agent) Reload() error {
	r := &a.reloads
	n := r.last.Add(1)
	c, err := a.Load()
	if err == nil {
		err = fixed(a.config(), c)
	}
	if err == nil {
		err = a.replace(n, c)
	}
	if errors.Is(err, errOvertaken) {
		return err
	}
	newest := n == r.last.Load()
	if err != nil {
		r.Failed.Add(1)
		if newest {
			r.LastOK.Store(0)
		}
		message := "the configuration was not reloaded; the old one stays in force"
		var half *halfError
		if errors.As(err, &half) {
			message = "the configuration is in force only in part; reload it again"
		}
		a.Log.Error(message, "err", err)
		return err
	}
	r.Succeeded.Add(1)
	if newest {
		r.LastOK.Store(1)
	}
	r.Time.Store(time.Now().UnixNano())
	a.Log.Info("configuration reloaded", "inputs", len(c.Inputs), "outputs", len(c.Outputs))
	return nil
}

// replace puts c, which is configuration number n, in force.
func (a *Agent) replace(n int64, c *config.Config) error {
	a.readers.hold() // the one that gives way may have stopped all inputs
	defer a.readers.done()
	ctx, err := a.reloads.take(a.readers.ctx, n)
	if err != nil {
		return err
	}
	a.reloads.force.Lock()
	defer a.reloads.force.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return a.follow(ctx, c)
}

// fixed refuses a change of what is settled when the agent starts.
func fixed(old, now *config.Config) error {
	var errs []error
	for _, k := range []struct {
		key     string
		changed bool
	}{
		{"data_dir", old.DataDir != now.DataDir},
		{"listen", old.Listen != now.Listen},
		{"log.format", old.Log.Format != now.Log.Format},
		{"queue", old.Queue != now.Queue},
	} {
		if k.changed {
			errs = append(errs, fmt.Errorf("%s has changed, which takes a restart", k.key))
		}
	}
	return errors.Join(errs...)
}

// halfError is why a configuration is in force in part.
type halfError struct{ error }

func (e *halfError) Unwrap() error { return e.error }

// follow puts c in force. Outputs come first, so that what a new input reads, and
// new rules route, finds them. Records that are packed meanwhile can still go to
// an output that is gone: the queue keeps them for it, and says so.
func (a *Agent) follow(ctx context.Context, c *config.Config) error {
	rules, err := makeRules(c)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	if err := a.senders.change(c); err != nil {
		return err
	}
	if err := fail.Point("agent.reload.outputs"); err != nil {
		return err
	}
	a.rules.Store(rules)
	if err := a.readers.change(ctx, c, host); err != nil {
		return &halfError{err}
	}
	if err := fail.Point("agent.reload.inputs"); err != nil {
		return err
	}
	if a.Level != nil {
		a.Level.Set(c.Log.Slog())
	}
	a.current.Store(c)
	a.warnOfOrphans(c)
	return nil
}

func (a *Agent) config() *config.Config { return a.current.Load() }

// warnOfOrphans names the outputs that the queue keeps blocks for although the
// configuration has them no more.
func (a *Agent) warnOfOrphans(c *config.Config) {
	known := a.queue.Outputs()
	for _, o := range c.Outputs {
		delete(known, o.Name)
	}
	for name := range known {
		log := a.Log.With("output", name)
		if lag, err := a.queue.Lag(name); err == nil {
			log = log.With("blocks", lag.Blocks)
		}
		log.Warn("the queue keeps blocks for an output that is not configured any more: configure it again, or stop the agent and give it up with shipper queue drop")
	}
}
