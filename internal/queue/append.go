package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
	"shipper/internal/clock"
	"shipper/internal/input"
)

// indexCost is about what a block takes in the index.
const indexCost = 100

const (
	maxKey   = 16 << 10  // bytes of a position's key; bbolt has a limit of 32 KiB
	maxBlock = 256 << 20 // bytes of a payload
)

// errInvalid is what is wrong with an Append that can never work.
var errInvalid = errors.New("invalid append")

// Append makes blocks, positions and books durable, all of them or none: it is
// one commit. It gives the blocks their IDs, in order, and sets them. Payloads
// and all else are the caller's again when it returns.
//
// While the queue is full under the policy Wait, and while the disk is full or
// fails, it waits and goes on by itself; see Stats.Full and Stats.Failing. It
// fails when ctx ends, when the queue is closed or damaged, or for input that
// can never work. After an error caused by ctx it is, in rare cases, not known
// whether the commit happened; the next Open finds out, and the positions say.
func (q *Queue) Append(ctx context.Context, as []Append) error {
	return q.append(ctx, &batch{as: as})
}

func (q *Queue) append(ctx context.Context, b *batch) error {
	if err := validate(b.as); err != nil {
		return err
	}
	if err := q.acquire(ctx); err != nil {
		return err
	}
	pause := 50 * time.Millisecond
	for {
		changed := q.waitChan()
		doing := roomMade
		fits, err := q.admit(b)
		if err == nil && fits {
			doing = appending
			err = q.commit(b)
		}
		q.release()
		switch {
		case err == nil && fits:
			q.appended(b)
			return nil
		case err == nil:
			err = q.waitForRoom(ctx, changed)
		case q.isFailed():
			return err
		default:
			q.report(doing, err)
			err = wait(ctx, q.closing, pause)
			pause = min(2*pause, 5*time.Second)
		}
		if err == nil {
			err = q.acquire(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// appended ends an append that worked.
func (q *Queue) appended(b *batch) {
	q.well(appending, roomMade)
	for _, r := range b.refused {
		q.Stats.Dropped.Add(1)
		q.Stats.DropRecords.Add(int64(r.Records))
	}
}

func validate(as []Append) error {
	for _, a := range as {
		if a.Block != nil && len(a.Block.Payload) > maxBlock {
			return fmt.Errorf("%w: block of %d bytes", errInvalid, len(a.Block.Payload))
		}
		if a.Block != nil {
			if _, err := address(a.Block.To); err != nil {
				return err
			}
		}
		for _, p := range a.Positions {
			if len(p.Key) == 0 || len(p.Key) > maxKey {
				return fmt.Errorf("%w: position key of %d bytes", errInvalid, len(p.Key))
			}
		}
		for _, e := range a.Books {
			if e.Kind > input.Lost {
				return fmt.Errorf("%w: kind %d in the books", errInvalid, e.Kind)
			}
		}
	}
	return nil
}

func wait(ctx context.Context, closing <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waitForRoom waits until something is acked or deleted.
func (q *Queue) waitForRoom(ctx context.Context, changed <-chan struct{}) error {
	if q.Stats.Full.Swap(1) == 0 {
		q.log.Warn("the queue is full: reading waits until outputs have taken blocks", "bytes", q.blocks.Bytes(), "max_bytes", q.o.MaxBytes)
	}
	q.mu.Lock()
	acked := len(q.dirty) > 0 // perhaps before Full was set, so that nobody was woken
	q.mu.Unlock()
	if acked {
		return nil
	}
	return waitFor(ctx, q.closing, changed)
}

// admit sees to it that a batch fits, by the policy. The caller holds the commit
// lock.
func (q *Queue) admit(b *batch) (fits bool, err error) {
	if err := q.resolve(); err != nil {
		return false, err
	}
	if b.try != nil && b.try.committed {
		return true, nil
	}
	if q.o.Full == Shed && !b.patient {
		if err := q.shed(b); err != nil {
			return false, err
		}
	}
	n := b.size()
	if n == 0 {
		return true, nil
	}
	for dropped := false; ; {
		if q.room(n) {
			if !dropped && !b.shedding {
				q.hasRoom()
			}
			return true, nil
		}
		before := q.blocks.Bytes()
		if err := errors.Join(q.flush(), q.reclaim()); err != nil {
			return false, err
		}
		switch {
		case q.room(n) || q.blocks.Bytes() < before:
		case b.patient:
			return false, nil
		case q.o.Full == DropOldest:
			dropped = true
			if err := q.dropSegment(); err != nil {
				return false, err
			}
		case q.o.Full == DropNewest:
			q.logDropping("newest")
			b.leaveOut(ReasonFull, func(*Block) bool { return true })
			return true, nil
		default:
			return false, nil
		}
	}
}

// room reports whether n more bytes fit.
func (q *Queue) room(n int64) bool {
	live := q.Stats.Blocks.Load()
	return live == 0 || q.blocks.Bytes()+live*indexCost+n <= q.o.MaxBytes
}

// hasRoom ends the time in which the queue was full.
func (q *Queue) hasRoom() {
	if q.Stats.Full.Swap(0) == 1 {
		q.log.Info("the queue has room again")
	}
	if q.dropping {
		q.dropping = false
		q.log.Info("the queue has room again", "dropped_blocks", q.Stats.Dropped.Load())
	}
}

func (q *Queue) logDropping(which string) {
	if !q.dropping {
		q.dropping = true
		q.log.Warn("the queue is full: dropping the "+which+" blocks", "bytes", q.blocks.Bytes(), "max_bytes", q.o.MaxBytes)
	}
}

// size is what the blocks of a batch take.
func (b *batch) size() (n int64) {
	for _, a := range b.as {
		if a.Block != nil {
			n += int64(len(a.Block.Payload)) + blocklog.Overhead + indexCost
		}
	}
	return n
}

// shed leaves out the blocks of a batch that the queue is too full for.
func (q *Queue) shed(b *batch) error {
	over := func(p Priority) bool {
		limit := q.o.MaxBytes
		switch p {
		case Normal:
			limit -= limit / 10
		case Low:
			limit -= limit / 4
		default:
			return false // it waits
		}
		live := q.Stats.Blocks.Load()
		return live > 0 && q.blocks.Bytes()+live*indexCost+b.size() > limit
	}
	if b.shedding = over(Low); !b.shedding { // the first limit
		return nil
	}
	if err := errors.Join(q.flush(), q.reclaim()); err != nil {
		return err
	}
	b.shedding = over(Low)
	for _, p := range []Priority{Low, Normal} {
		if over(p) && b.has(p) {
			q.logDropping("least important")
			b.leaveOut(ReasonShed, func(block *Block) bool { return block.Priority == p })
		}
	}
	return nil
}

func (b *batch) has(p Priority) bool {
	return slices.ContainsFunc(b.as, func(a Append) bool { return a.Block != nil && a.Block.Priority == p })
}

// leaveOut takes blocks out of a batch; the books say so.
func (b *batch) leaveOut(reason string, which func(*Block) bool) {
	as := make([]Append, len(b.as))
	for i, a := range b.as {
		as[i] = a
		if a.Block == nil || !which(a.Block) {
			continue
		}
		b.refused = append(b.refused, a.Block)
		as[i] = Append{Positions: a.Positions, Books: make([]input.Entry, len(a.Books))}
		for j, e := range a.Books {
			if e.Kind == input.Queued {
				e.Kind, e.Reason = input.Dropped, reason
			}
			as[i].Books[j] = e
		}
	}
	b.as = as
}

// dropSegment drops the blocks of the oldest segment.
func (q *Queue) dropSegment() error {
	q.logDropping("oldest")
	segment := uint64(0)
	return q.drop(ReasonFull, func(r blockRow) bool {
		if segment == 0 {
			segment = r.at.Segment
		}
		return r.at.Segment == segment
	})
}

// dropOld drops the blocks that are too old. The caller holds the commit lock.
func (q *Queue) dropOld() error {
	if q.o.MaxAge <= 0 {
		return nil
	}
	oldest := clock.Steady(q.started, time.Now()).Add(-q.o.MaxAge).UnixNano()
	return q.drop(ReasonAge, func(r blockRow) bool { return r.queued < oldest })
}

// maxDrop bounds the blocks that are dropped in one commit.
const maxDrop = 1 << 16

// drop drops blocks from the oldest one on, as long as which says so.
func (q *Queue) drop(reason string, which func(blockRow) bool) error {
	q.mu.Lock()
	from := q.acked()
	q.mu.Unlock()
	if from.less(q.head.floor) {
		from = q.head.floor
	}
	b := &batch{}
	var rows []blockRow
	err := q.view(func(tx *bbolt.Tx) error {
		return eachBlock(tx, from.next(), func(id ID, r blockRow) (bool, error) {
			if len(rows) == maxDrop || !which(r) {
				return false, nil
			}
			b.drop, rows = id, append(rows, r)
			return true, nil
		})
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	records := int64(0)
	sums := map[[2]string]input.Entry{}
	for _, r := range rows {
		records += int64(r.records)
		for _, s := range q.sources(r) {
			key := [2]string{s.Input, s.File}
			sum := sums[key]
			s.Bytes, s.Count = s.Bytes+sum.Bytes, s.Count+sum.Count
			sums[key] = s
		}
	}
	for _, s := range sums {
		b.books = append(b.books, move([]input.Entry{s}, input.Dropped, reason)...)
	}
	if err := q.commit(b); err != nil {
		return err
	}
	q.Stats.Dropped.Add(int64(len(rows)))
	q.Stats.DropRecords.Add(records)
	return q.reclaim()
}

// sources are the files a block came from, as the books have them.
func (q *Queue) sources(r blockRow) []input.Entry {
	e, err := q.blocks.Load(r.at)
	if err == nil {
		if m, ok := parseEntryMeta(e.Meta); ok {
			return m.sources
		}
	}
	if r.source == 0 {
		return nil
	}
	// The log is damaged there: at least the sums stay right.
	return []input.Entry{{Kind: input.Queued, Bytes: r.source, Count: int64(r.records)}}
}
