// Package agent builds the log shipping agent from its configuration and runs
// it: inputs, one flow into one queue, and a sender for each output.
//
//	input.Source ─┐                                     ┌─ deliver.Output
//	input.Source ─┼─ flow ─ packers ─ committer ─ queue ─┼─ deliver.Output
//	input.Source ─┘                                     └─ ...
//
// Everything up to the queue is function calls and one hand-over of chunks;
// everything behind it reads from its own cursor. What is durable in the queue
// is, with the read positions it came from, in one transaction.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"shipper/internal/block"
	"shipper/internal/config"
	"shipper/internal/fail"
	"shipper/internal/flow"
	"shipper/internal/format"
	"shipper/internal/input"
	"shipper/internal/pipeline"
	"shipper/internal/queue"
)

const (
	// inFlight bounds the bytes that were read and are not yet committed, so
	// that a group commit hides the fsync.
	inFlight = 4 << 20
	// jobBytes is the size of what becomes one block.
	jobBytes = 256 << 10
	// chunkOverhead is what a chunk counts beside its data.
	chunkOverhead = 1 << 10
	// gcPercent trades CPU for memory: what is live are buffers that are used
	// again and again, so a collection is cheap.
	gcPercent = 50
	// restAfter is how long the agent waits without a commit before it gives
	// memory that a burst took back to the system.
	restAfter = 5 * time.Second
	// stopTime is how long a stopping agent goes on committing what it has read
	// and delivering what is queued. What is left in the queue then is delivered
	// after the next start.
	stopTime = 5 * time.Second
)

// Stats counts what the agent itself does; its components have their own.
type Stats struct {
	Records    atomic.Int64 // parsed
	Failures   atomic.Int64 // of parsers, at records that are text therefore
	Blocks     atomic.Int64 // made
	RawBytes   atomic.Int64 // of blocks before compression
	BlockBytes atomic.Int64 // of blocks
	Committed  atomic.Int64 // ns from the start to the last commit; 0 before the first
}

// Agent is a configured agent. Set the exported fields, then call Run once.
type Agent struct {
	// Load reads the configuration: at the start, for Reload, and for the
	// credentials of an output whose receiver refuses those it was shown.
	Load func() (*config.Config, error)

	Log   *slog.Logger
	Level *slog.LevelVar // of Log, set by what the configuration says; may be nil

	// CheckIndex checks a queue's index that was not closed properly, before
	// it is opened: in a child process, since a damaged one can end a process.
	CheckIndex func(path string) error

	// Ready is called once, when all inputs and outputs run. It may be nil.
	Ready func()

	// Version is shown by the metrics.
	Version string

	rules   atomic.Pointer[pipeline.Pipeline] // nil in it: no rules
	stats   Stats
	started time.Time
	current atomic.Pointer[config.Config]
	reloads reloads
	queue   *queue.Queue
	flow    *flow.Flow[input.Chunk, packed]
	readers readers
	senders senders
	buffers buffers
}

// Run runs the agent until ctx is done, then goes on for a few seconds, in which
// it commits what was read and delivers, and returns nil. An error says why the
// agent cannot start or go on; nothing that was committed is lost by it.
func (a *Agent) Run(ctx context.Context) error {
	a.started = time.Now()
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	}
	c, err := a.Load()
	if err != nil {
		return err
	}
	a.current.Store(c)
	a.reloads.LastOK.Store(1)
	q, err := queue.Open(c.DataDir, queue.Options{
		MaxBytes: int64(c.Queue.MaxBytes),
		MaxAge:   time.Duration(c.Queue.MaxAge),
		Full:     queue.Policy(c.Queue.Full),
		Check:    a.CheckIndex,
		Log:      a.Log,
	})
	if err != nil {
		return err
	}
	a.queue = q
	_ = fail.Point("agent.start") // to stop at
	err = a.run(ctx)
	return errors.Join(err, q.Close())
}

func (a *Agent) run(ctx context.Context) error {
	a.makeFlow()
	a.readers.running = map[string]*reader{}
	server, err := a.listen() // from here on others look
	if err != nil {
		return err
	}
	defer server.Close()

	// Delivery outlives the inputs, so that what they read last goes out, too.
	sending, stopSending := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopSending(nil)
	reading, stopReading := context.WithCancelCause(ctx)
	defer stopReading(nil)
	// A sender ends early if the queue has failed, which an idle input would not notice.
	defer context.AfterFunc(sending, func() { stopReading(context.Cause(sending)) })()
	// The committer outlives them, too, but a queue that stays full does not hold up the end.
	ending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(reading, func() { time.AfterFunc(stopTime, cut) })()
	a.senders.agent, a.senders.ctx, a.senders.fail = a, sending, stopSending
	a.readers.agent, a.readers.ctx, a.readers.ending, a.readers.fail = a, reading, ending, stopReading
	if err := a.follow(reading, a.config()); err != nil {
		stopReading(err)
		a.flow.Close()
		stopSending(nil)
		a.senders.wait()
		return err
	}
	go a.rest(sending)
	if a.Ready != nil {
		a.Ready()
	}
	err = a.read(reading, ending)
	_ = fail.Point("agent.stop.drain") // an error would have nobody to tell
	a.drain(ending, sending)
	if err == nil {
		err = context.Cause(sending)
	}
	stopSending(nil)
	a.senders.wait()
	return err
}

// rest gives memory back to the system once after each burst of work.
func (a *Agent) rest(ctx context.Context) {
	tick := time.NewTicker(restAfter)
	defer tick.Stop()
	seen, rested := int64(0), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		last := a.stats.Committed.Load()
		if last == seen && last != rested {
			a.buffers.drop()
			for _, o := range a.senders.outputs() {
				o.Rest()
			}
			runtime.GC() // a pool keeps its memory for one more
			debug.FreeOSMemory()
			rested = last
		}
		seen = last
	}
}

// read runs the flow into the queue, until ctx is done, all inputs have ended,
// or one of them or the queue has failed. What was read by then is committed,
// unless the queue takes nothing until ending is done.
func (a *Agent) read(ctx, ending context.Context) error {
	err := a.flow.Run(ending)
	switch {
	case err != nil && ctx.Err() == nil:
		a.readers.fail(err)
	case err != nil:
		a.Log.Warn("stopped before all that was read was in the queue: files are read again from there after the next start, what came through a pipe is lost",
			"bytes", a.flow.Held(), "err", err)
	}
	a.readers.wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// drain waits until every output has everything, sending has ended, or ending is
// done, some time after the agent was told to stop: it waits without end if the
// inputs have ended by themselves.
func (a *Agent) drain(ending, sending context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := a.undelivered()
		if n == 0 && err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-sending.Done():
			return
		case <-ending.Done():
			if err != nil {
				a.Log.Warn("stopped without knowing what is left to deliver: it is sent after the next start", "err", err)
				return
			}
			a.Log.Info("stopped with blocks left to deliver: they are sent after the next start", "blocks", n)
			return
		}
	}
}

func (a *Agent) undelivered() (n int64, err error) {
	for _, o := range a.senders.outputs() {
		lag, err := a.queue.Lag(o.Name)
		if err != nil {
			return n, err
		}
		n += lag.Blocks
	}
	return n, nil
}

func (a *Agent) makeFlow() {
	packers := make([]*packer, workers())
	for i := range packers {
		packers[i] = &packer{
			rules:   &a.rules,
			parser:  format.New(format.Options{Failed: a.parserFailed}),
			encoder: block.NewEncoder(),
			buffers: &a.buffers,
			stats:   &a.stats,
		}
	}
	a.flow = &flow.Flow[input.Chunk, packed]{
		Workers:  len(packers),
		MaxBytes: inFlight,
		JobBytes: jobBytes,
		Size:     func(c input.Chunk) int64 { return int64(len(c.Data)) + chunkOverhead },
		Work:     func(worker int, chunks []input.Chunk) packed { return packers[worker].pack(chunks) },
		Commit:   a.commit,
	}
}

// parserFailed counts the panics of parsers, and logs the first.
func (a *Agent) parserFailed(value any) {
	if a.stats.Failures.Add(1) == 1 {
		a.Log.Error("a parser failed; its record is kept as text. please report this; later ones are only counted",
			"panic", value, "stack", string(debug.Stack()))
	}
}

// commit makes the results durable together and gives their memory back.
func (a *Agent) commit(ctx context.Context, results []packed) error {
	appends := make([]queue.Append, 0, len(results))
	for i := range results {
		appends = append(appends, results[i].appends...)
	}
	if err := fail.Point("agent.commit.before"); err != nil {
		return err
	}
	if err := a.queue.Append(ctx, appends); err != nil {
		return err
	}
	if err := fail.Point("agent.commit.after"); err != nil {
		return err
	}
	a.stats.Committed.Store(int64(time.Since(a.started)))
	for _, r := range results {
		for _, each := range r.appends {
			if each.Block != nil {
				a.buffers.put(each.Block.Payload)
			}
		}
		for _, c := range r.chunks {
			if c.Release != nil {
				c.Release()
			}
		}
	}
	return nil
}
