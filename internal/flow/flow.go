// Package flow is the hand-over from many inputs to one committer: an ordered
// parallel map.
//
// Items are put in by any number of goroutines. A worker takes as many of
// them as are waiting, up to a job's size, and makes one result. The committer
// gets results in the order in which their items were put, as many at a time
// as are ready: while it is busy, for instance with an fsync, work piles up
// into larger jobs and larger commits, and when little comes in, an item is
// through at once.
package flow

import (
	"context"
	"errors"
	"sync"
)

// ErrClosed is returned by Put after Close or the end of Run.
var ErrClosed = errors.New("flow is closed")

// Flow maps items of type T to results of type R. Set the exported fields,
// start Run, then Put.
type Flow[T, R any] struct {
	Workers  int                                          // goroutines that call Work; at least 1
	MaxBytes int64                                        // bytes put and not yet committed; Put waits beyond
	JobBytes int64                                        // a job takes waiting items up to this size, but at least one
	Size     func(T) int64                                // bytes of an item
	Work     func(worker int, items []T) R                // called by the goroutine of that worker only
	Commit   func(ctx context.Context, results []R) error // called by one goroutine, in order

	mu      sync.Mutex
	changed sync.Cond // any of the below
	started bool
	closed  bool // no more items
	failed  error
	waiting []T
	bytes   int64     // of waiting
	held    int64     // bytes put and not yet committed
	jobs    []*job[R] // taken and not yet committed, in order
}

type job[R any] struct {
	bytes  int64
	result R
	done   bool
}

// lock locks f and sets up what a zero Flow lacks.
func (f *Flow[T, R]) lock() {
	f.mu.Lock()
	if !f.started {
		f.started = true
		f.changed.L = &f.mu
	}
}

// Put hands item over. It waits while MaxBytes are in flight, unless none are.
// It fails when ctx is done, with ErrClosed after Close, or with the error of
// Commit that ended Run; the item is then not taken.
func (f *Flow[T, R]) Put(ctx context.Context, item T) error {
	n := f.Size(item)
	f.lock()
	defer f.mu.Unlock()
	full := func() bool { return f.held > 0 && f.held+n > f.MaxBytes }
	if full() && !f.closed && f.failed == nil && ctx.Err() == nil {
		stop := context.AfterFunc(ctx, func() {
			f.mu.Lock()
			f.changed.Broadcast()
			f.mu.Unlock()
		})
		defer stop()
		for full() && !f.closed && f.failed == nil && ctx.Err() == nil {
			f.changed.Wait()
		}
	}
	switch {
	case f.failed != nil:
		return f.failed
	case f.closed:
		return ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	f.waiting = append(f.waiting, item)
	f.bytes += n
	f.held += n
	f.changed.Broadcast()
	return nil
}

// Held returns the bytes put and not yet committed.
func (f *Flow[T, R]) Held() int64 {
	f.lock()
	defer f.mu.Unlock()
	return f.held
}

// Close says that no more items come: Run commits what it has and returns.
func (f *Flow[T, R]) Close() {
	f.lock()
	defer f.mu.Unlock()
	f.closed = true
	f.changed.Broadcast()
}

// Run works until Close, then until all is committed, and returns nil; or
// until Commit fails, and returns its error. ctx is handed to Commit; it does
// not end Run by itself.
func (f *Flow[T, R]) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for i := range max(f.Workers, 1) {
		wg.Go(func() { f.work(i) })
	}
	err := f.commit(ctx)
	f.lock()
	f.closed, f.failed = true, err
	f.changed.Broadcast()
	f.mu.Unlock()
	wg.Wait()
	return err
}

func (f *Flow[T, R]) work(worker int) {
	var items []T
	for {
		j, taken := f.take(items[:0])
		if j == nil {
			return
		}
		items = taken
		result := f.Work(worker, items)
		clear(items)
		f.mu.Lock()
		j.result, j.done = result, true
		f.changed.Broadcast()
		f.mu.Unlock()
	}
}

// take waits for a job: half its size in items, or any if the flow is else
// idle or closing. It returns nil when there will be none.
func (f *Flow[T, R]) take(items []T) (*job[R], []T) {
	f.lock()
	defer f.mu.Unlock()
	for f.failed == nil {
		if len(f.waiting) > 0 && (f.bytes >= f.JobBytes/2 || len(f.jobs) == 0 || f.closed) {
			break
		}
		if f.closed && len(f.waiting) == 0 {
			return nil, nil
		}
		f.changed.Wait()
	}
	if f.failed != nil {
		return nil, nil
	}
	j := new(job[R])
	n := 0
	for ; n < len(f.waiting); n++ {
		size := f.Size(f.waiting[n])
		if n > 0 && j.bytes+size > f.JobBytes {
			break
		}
		j.bytes += size
	}
	items = append(items, f.waiting[:n]...)
	rest := copy(f.waiting, f.waiting[n:])
	clear(f.waiting[rest:])
	f.waiting = f.waiting[:rest]
	f.bytes -= j.bytes
	f.jobs = append(f.jobs, j)
	return j, items
}

func (f *Flow[T, R]) commit(ctx context.Context) error {
	var results []R
	for {
		n, bytes := 0, int64(0)
		results = results[:0]
		f.lock()
		for len(f.jobs) == 0 || !f.jobs[0].done {
			if f.closed && len(f.jobs) == 0 && len(f.waiting) == 0 {
				f.mu.Unlock()
				return nil
			}
			f.changed.Wait()
		}
		for ; n < len(f.jobs) && f.jobs[n].done; n++ {
			results = append(results, f.jobs[n].result)
			bytes += f.jobs[n].bytes
		}
		f.mu.Unlock()
		if err := f.Commit(ctx, results); err != nil {
			return err
		}
		clear(results)
		f.mu.Lock()
		rest := copy(f.jobs, f.jobs[n:])
		clear(f.jobs[rest:])
		f.jobs = f.jobs[:rest]
		f.held -= bytes
		f.changed.Broadcast()
		f.mu.Unlock()
	}
}
