package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
	"shipper/internal/fail"
	"shipper/internal/input"
)

// batch is what goes into one commit. What was acked goes with every commit.
type batch struct {
	as      []Append
	patient bool          // wait for room whatever the policy
	books   []input.Entry // besides those of as
	rows    []row
	drop    ID   // blocks up to it are dropped
	rotate  bool // begin a new segment

	refused  []*Block // by the policy for a full queue
	shedding bool     // the queue is so full that some blocks are left out
	try      *attempt // the last one
}

// attempt is a commit whose outcome is not known at first.
type attempt struct {
	commit    uint64
	publish   func()
	committed bool
}

// plan is a commit worked out: what the index and the log will be behind it.
type plan struct {
	head    head
	files   int
	blocks  []plannedBlock
	rows    []row // in the log as well
	others  []row // in the index only
	logged  bool  // the log ends with it
	flushed map[string]ID
}

type plannedBlock struct {
	id    ID
	meta  entryMeta
	block *Block
}

// commit makes a batch durable. The caller holds the commit lock. After an
// error nothing has happened, or, if the index cannot be read now, it turns out
// with the next commit: calling again with the same batch is always right.
func (q *Queue) commit(b *batch) error {
	if err := q.resolve(); err != nil {
		return err
	}
	if b.try != nil && b.try.committed {
		return nil
	}
	start := time.Now()
	var p *plan
	err := q.view(func(tx *bbolt.Tx) (err error) {
		p, err = q.plan(tx, b, start)
		return err
	})
	if err != nil {
		return err
	}
	if len(p.blocks) > 0 || b.rotate {
		if err := q.writeLog(p, b.rotate); err != nil {
			return err
		}
	}
	if err := fail.Point("queue.log.synced"); err != nil {
		return err
	}
	b.try = &attempt{commit: p.head.commit, publish: func() { q.publish(p) }}
	q.unknown = b.try
	if err := q.apply(p); err != nil {
		if err := q.judge(err); q.isFailed() {
			return err
		}
		// The commit may have happened nevertheless: only what is on disk tells.
		q.closeIndex()
		err = fmt.Errorf("commit to %s: %w", filepath.Join(q.dir, "index.db"), err)
		if syncFailed(err) {
			q.unsynced = err
		}
		if err2 := q.resolve(); err2 != nil || !b.try.committed {
			return errors.Join(err, err2)
		}
		return nil
	}
	if err := fail.Point("queue.commit.after"); err != nil {
		return q.fail(err)
	}
	q.unknown, q.renewed = nil, false
	b.try.committed = true
	b.try.publish()
	q.Stats.Commits.Add(1)
	q.Stats.CommitNanos.Add(time.Since(start).Nanoseconds())
	return nil
}

func (q *Queue) isFailed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failed != nil
}

// plan works out what a batch changes.
func (q *Queue) plan(tx *bbolt.Tx, b *batch, now time.Time) (*plan, error) {
	p := &plan{head: q.head, files: q.files}
	p.head.commit++
	p.acks(q, b)
	books := sums{tx: tx, rows: map[string]input.Entry{}}
	for _, a := range b.as {
		if a.Block != nil {
			if err := p.addBlock(a, now); err != nil {
				return nil, err
			}
		}
		for _, pos := range a.Positions {
			p.rows = append(p.rows, row{tablePositions, []byte(pos.Key), pos.Value})
		}
		for _, e := range a.Books {
			if err := books.add(e); err != nil {
				return nil, err
			}
		}
	}
	for _, e := range b.books {
		if err := books.add(e); err != nil {
			return nil, err
		}
	}
	p.files += books.files
	if p.files > q.o.MaxFiles {
		folded, left, err := books.fold(q.o.MaxFiles*3/4, p.head.commit)
		if err != nil {
			return nil, err
		}
		p.rows, p.files = append(p.rows, folded...), left
	}
	p.rows = append(p.rows, books.all(p.head.commit)...)
	p.rows = append(p.rows, p.head.loggedRows()...)
	for _, r := range b.rows {
		if r.table.logged() {
			p.rows = append(p.rows, r)
		} else {
			p.others = append(p.others, r)
		}
	}
	if n := len(p.blocks); n > 0 {
		last := &p.blocks[n-1].meta
		last.last, last.rows = true, p.rows
	}
	return p, nil
}

// acks takes up what outputs acked, and how far blocks can be deleted with it.
func (p *plan) acks(q *Queue, b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.flushed = make(map[string]ID, len(q.dirty))
	for name := range q.dirty {
		p.flushed[name] = q.outputs[name]
		p.rows = append(p.rows, row{tableOutputs, []byte(name), q.outputs[name].key()})
	}
	if all := q.acked(); p.head.floor.less(all) {
		p.head.floor = all
	}
	if p.head.floor.less(b.drop) {
		p.head.floor = b.drop
	}
}

// acked is the last block that every output has; the zero ID without outputs.
// The caller holds mu.
func (q *Queue) acked() ID {
	var least ID
	first := true
	for _, id := range q.outputs {
		if first || id.less(least) {
			least, first = id, false
		}
	}
	return least
}

func (p *plan) addBlock(a Append, now time.Time) error {
	to, err := address(a.Block.To)
	if err != nil {
		return err
	}
	p.head.last = p.head.last.next()
	m := entryMeta{epoch: p.head.last.Epoch, commit: p.head.commit}
	m.row = blockRow{records: a.Block.Records, raw: a.Block.Raw, time: a.Block.Time, queued: now.UnixNano(), to: to}
	for _, e := range a.Books {
		if e.Kind == input.Queued {
			m.sources = append(m.sources, e)
			m.row.source += e.Bytes
		}
	}
	p.blocks = append(p.blocks, plannedBlock{p.head.last, m, a.Block})
	return nil
}

// writeLog writes the payloads, durably.
func (q *Queue) writeLog(p *plan, rotate bool) error {
	if q.behind {
		if err := q.blocks.CutAfter(q.head.tail); err != nil {
			return fmt.Errorf("cut log: %w", err)
		}
	}
	q.behind = true
	if rotate {
		if err := q.blocks.Finish(); err != nil {
			return err
		}
		at, err := q.appendSnapshot()
		if err != nil {
			return err
		}
		p.head.tail = at
	}
	var meta []byte
	for i := range p.blocks {
		b := &p.blocks[i]
		if q.blocks.Full() {
			if _, err := q.appendSnapshot(); err != nil {
				return err
			}
		}
		meta = b.meta.append(meta[:0])
		at, err := q.blocks.Append(blocklog.Entry{Sequence: b.id.Sequence, Meta: meta, Payload: b.block.Payload})
		if err != nil {
			return err
		}
		b.meta.row.at = at
		p.head.tail = at
	}
	p.logged = true
	return q.blocks.Sync()
}

// appendSnapshot begins a segment with all rows that are kept in the log, so
// that earlier segments can be deleted.
func (q *Queue) appendSnapshot() (blocklog.Location, error) {
	var rows []row
	err := q.view(func(tx *bbolt.Tx) error {
		for t := range tables {
			if !t.logged() {
				continue
			}
			err := each(tx, t, nil, func(k, v []byte) (bool, error) {
				if key := string(k); t != tableMeta || key != metaTail && key != metaCommit {
					rows = append(rows, row{t, append([]byte{}, k...), append([]byte{}, v...)})
				}
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return blocklog.Location{}, err
	}
	m := entryMeta{snapshot: true}
	return q.blocks.Append(blocklog.Entry{Meta: m.append(nil), Payload: appendRows(nil, rows)})
}

// trimRows bounds the rows that one commit deletes.
const trimRows = 4096

// apply changes the index.
func (q *Queue) apply(p *plan) error {
	q.dbMu.RLock()
	defer q.dbMu.RUnlock()
	if q.db == nil {
		return errUnavailable
	}
	return guarded(func() error {
		return q.update(q.db, func(tx *bbolt.Tx) error {
			for i := range p.blocks {
				b := &p.blocks[i]
				if err := put(tx, row{tableBlocks, b.id.key(), b.meta.row.append(nil)}); err != nil {
					return err
				}
			}
			for _, rows := range [][]row{p.rows, p.others, p.head.rows()} {
				for _, r := range rows {
					if err := put(tx, r); err != nil {
						return err
					}
				}
			}
			if err := fail.Point(p.point()); err != nil {
				return err
			}
			return q.trim(tx, p.head.floor)
		})
	})
}

// point is where a test makes the transaction fail: one that keeps acks only has
// a name of its own.
func (p *plan) point() string {
	if len(p.blocks) == 0 && len(p.flushed) > 0 {
		return "queue.ack.tx"
	}
	return "queue.commit.tx"
}

// trim deletes rows of blocks that are gone, not too many at a time.
func (q *Queue) trim(tx *bbolt.Tx, floor ID) error {
	q.untrimmed = false
	b := tx.Bucket(tableBlocks.name())
	var gone [][]byte
	c := b.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if id, ok := parseID(k); ok && floor.less(id) {
			break
		}
		if len(gone) == trimRows {
			q.untrimmed = true
			break
		}
		gone = append(gone, append([]byte{}, k...))
	}
	for _, k := range gone {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	q.Stats.Deleted.Add(int64(len(gone)))
	return nil
}

// publish makes a commit visible in memory.
func (q *Queue) publish(p *plan) {
	q.head, q.files = p.head, p.files
	if p.logged {
		q.behind = false
	}
	for i := range p.blocks {
		b := &p.blocks[i]
		b.block.Epoch, b.block.Sequence = b.id.Epoch, b.id.Sequence
		q.Stats.Records.Add(int64(b.block.Records))
		q.Stats.Payload.Add(int64(len(b.block.Payload)))
	}
	q.Stats.Appended.Add(int64(len(p.blocks)))
	q.measure()
	q.mu.Lock()
	defer q.mu.Unlock()
	changed := len(p.blocks) > 0 || q.floor != p.head.floor
	q.newest, q.floor = p.head.last, p.head.floor
	for name, id := range p.flushed {
		if q.outputs[name] == id {
			delete(q.dirty, name)
		}
	}
	if changed {
		q.wakeAll()
	}
}

// measure sets the gauges.
func (q *Queue) measure() {
	_ = q.view(func(tx *bbolt.Tx) error {
		n, _, err := countBlocks(tx, q.head.floor.next())
		if err == nil {
			q.Stats.Blocks.Store(n)
		}
		return err
	})
	q.Stats.Bytes.Store(q.blocks.Bytes())
}

func (q *Queue) closeIndex() {
	q.dbMu.Lock()
	defer q.dbMu.Unlock()
	if q.db != nil {
		_ = guarded(q.db.Close)
		q.db = nil
	}
}

// resolve opens the index again after a commit with an unknown outcome and
// looks whether it happened.
func (q *Queue) resolve() error {
	if q.unknown == nil {
		return nil
	}
	h, err := q.reopen()
	if err != nil {
		q.closeIndex()
		return q.judge(fmt.Errorf("open index again: %w", err))
	}
	u := q.unknown
	q.unknown = nil
	switch h.commit {
	case u.commit:
		u.committed = true
		u.publish()
		return nil
	case u.commit - 1:
		return nil
	}
	return q.fail(fmt.Errorf("queue %s: the index is at commit %d instead of %d", q.dir, h.commit, u.commit))
}

func (q *Queue) reopen() (h head, err error) {
	q.dbMu.Lock()
	defer q.dbMu.Unlock()
	if q.db == nil {
		path := filepath.Join(q.dir, "index.db")
		if err := q.renew(path); err != nil {
			return h, err
		}
		if q.db, err = openIndex(path, false); err != nil {
			return h, err
		}
		if q.indexFile, err = os.Stat(path); err != nil {
			return h, err
		}
	}
	err = guarded(func() error {
		return q.db.View(func(tx *bbolt.Tx) error {
			var ok bool
			if h, ok, err = readHead(tx); err == nil && !ok {
				err = errors.New("the index is empty")
			}
			return err
		})
	})
	return h, err
}

// syncFailed tells a sync that failed from all else that may be wrong with a
// commit: bbolt 1.5.0 returns the error number as it is, and that of a write
// with the path. It hides the number where the file grows.
func syncFailed(err error) bool {
	var no syscall.Errno
	var write *fs.PathError
	return errors.As(err, &no) && !errors.As(err, &write) || strings.Contains(err.Error(), "file sync error")
}

// renew writes the index to another file in its place if a sync of it failed.
// Linux shows pages that it could not write as if it had, calls them clean, and
// does not write them again: a later sync that works says nothing of them.
func (q *Queue) renew(path string) error {
	if q.unsynced == nil {
		return nil
	}
	db, err := openIndex(path, true)
	if err != nil {
		return err
	}
	temp := path + ".new"
	err = errors.Join(guarded(func() error {
		return db.View(func(tx *bbolt.Tx) error { return writeIndex(tx, temp) })
	}), guarded(db.Close))
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("write index anew: %w", err)
	}
	if err := syncDir(q.dir); err != nil {
		return err
	}
	if !q.renewed { // it may be with every try
		q.renewed = true
		q.log.Warn("a sync of the queue's index failed: it was written anew", "path", path, "err", q.unsynced)
	}
	q.unsynced = nil
	return nil
}

// writeIndex writes what tx sees to another file, durably.
func writeIndex(tx *bbolt.Tx, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = tx.WriteTo(f)
	return errors.Join(err, f.Sync(), f.Close())
}

// flush stores what was acked. The caller holds the commit lock.
func (q *Queue) flush() error {
	q.mu.Lock()
	dirty := len(q.dirty) > 0
	q.mu.Unlock()
	if !dirty && !q.untrimmed && q.unknown == nil {
		return nil
	}
	return q.commit(new(batch))
}

// reclaim deletes the segments that no output needs. The caller holds the commit lock.
func (q *Queue) reclaim() error {
	first := q.head.tail.Segment
	live := false
	err := q.view(func(tx *bbolt.Tx) error {
		return eachBlock(tx, q.head.floor.next(), func(_ ID, r blockRow) (bool, error) {
			first, live = min(first, r.at.Segment), true
			return false, nil
		})
	})
	if err != nil {
		return err
	}
	freed, err := q.blocks.Remove(first)
	if err == nil && !live && q.blocks.Bytes() > q.o.SegmentBytes/2 && q.head.tail != q.rotated {
		if err = q.rotate(); err == nil {
			var more int64
			more, err = q.blocks.Remove(q.head.tail.Segment)
			freed += more
		}
	}
	if freed > 0 {
		q.measure()
		q.mu.Lock()
		q.wakeAll()
		q.mu.Unlock()
	}
	return err
}

// rotate begins a new segment, so that the one before it can be deleted.
func (q *Queue) rotate() error {
	if err := q.commit(&batch{rotate: true}); err != nil {
		return err
	}
	q.rotated = q.head.tail
	return nil
}
