package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
	"shipper/internal/fail"
	"shipper/internal/input"
)

// Cursor is an output's place in the queue. Next is for one goroutine at a time;
// all else may be called concurrently.
type Cursor struct {
	q *Queue

	// Guarded by q.mu; the last block that was acked is q.outputs[name].
	name   string
	handed ID   // the last block that Next returned
	seen   ID   // the last block that Next looked at: handed, or blocks behind it that are not for this output
	strict bool // only blocks that are addressed to it

	// For Next alone.
	failing ID        // the block that the disk did not give last
	since   time.Time // when it did not for the first time
}

// Output is an output by name, and by the name that it had before, if any.
type Output struct{ Name, Formerly string }

// Adopt makes outputs known, all of them or none: blocks are kept until they have
// them. One that is not known yet begins where the one of its former name is,
// which is not known any more then, or else at the oldest block. A cursor goes on
// under the new name. Blocks that are addressed to the former name are for it from
// now on, until another output gets that name.
func (q *Queue) Adopt(outputs ...Output) error {
	for _, o := range outputs {
		if o.Name == "" || len(o.Name) > maxKey || strings.IndexByte(o.Name, 0) >= 0 {
			return fmt.Errorf("%w: output name %q", errInvalid, o.Name[:min(len(o.Name), 100)])
		}
	}
	if err := q.acquire(context.Background()); err != nil {
		return err
	}
	defer q.release()
	var fresh []Output
	var rows []row
	moved := map[string]bool{}
	q.mu.Lock()
	names := maps.Clone(q.aliases)
	for _, o := range outputs {
		if _, known := q.outputs[o.Name]; known {
			continue
		}
		at, known := q.outputs[o.Formerly]
		if known && !moved[o.Formerly] {
			moved[o.Formerly] = true
			rows = append(rows, row{tableOutputs, []byte(o.Formerly), nil})
		} else {
			o.Formerly, at = "", q.floor
		}
		rows = append(rows, row{tableOutputs, []byte(o.Name), at.key()})
		names.add(o, q.newest)
		fresh = append(fresh, o)
	}
	q.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	if err := q.commit(&batch{rows: append(rows, names.rows()...)}); err != nil {
		return fmt.Errorf("store outputs: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.aliases = names
	for _, o := range fresh {
		if o.Formerly == "" {
			q.outputs[o.Name] = q.floor
			continue
		}
		// It may have acked more meanwhile.
		q.outputs[o.Name], q.dirty[o.Name] = q.outputs[o.Formerly], true
		delete(q.outputs, o.Formerly)
		delete(q.dirty, o.Formerly)
		if c := q.cursors[o.Formerly]; c != nil {
			delete(q.cursors, o.Formerly)
			q.cursors[o.Name] = c
			c.name = o.Name
		}
	}
	return nil
}

// Cursor returns the cursor of an output, which it adopts.
func (q *Queue) Cursor(output string) (*Cursor, error) {
	if err := q.Adopt(Output{Name: output}); err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.cursors[output]
	if c == nil {
		at := q.outputs[output]
		c = &Cursor{q: q, name: output, handed: at, seen: at}
		q.cursors[output] = c
	}
	return c, nil
}

// AddressedOnly makes Next pass over blocks that are for no output in
// particular, or take them again, which it does at first. Only says which.
//
// Whether an output takes them is not kept on disk: it is what the last call
// said, for blocks from before the call, too.
func (c *Cursor) AddressedOnly(only bool) {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	c.strict = only
}

// Close lets the cursor go: blocks that it handed out and that were not acked
// are handed out again by the next one of the output. It must not be used
// any more.
func (c *Cursor) Close() {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	if c.q.cursors[c.name] == c {
		delete(c.q.cursors, c.name)
	}
}

// Drop forgets an output that has no cursor in this process. Blocks that only
// it lacked are deleted.
func (q *Queue) Drop(output string) error {
	if err := q.acquire(context.Background()); err != nil {
		return err
	}
	defer q.release()
	q.mu.Lock()
	at, known := q.outputs[output]
	inUse := q.cursors[output] != nil
	if known && !inUse {
		delete(q.outputs, output)
		delete(q.dirty, output)
	}
	q.mu.Unlock()
	switch {
	case !known:
		return fmt.Errorf("output %q is not known to the queue", output)
	case inUse:
		return fmt.Errorf("output %q is in use", output)
	}
	err := q.commit(&batch{rows: []row{{tableOutputs, []byte(output), nil}}})
	if err != nil {
		q.mu.Lock()
		q.outputs[output] = at
		q.mu.Unlock()
		return fmt.Errorf("drop output %s: %w", output, err)
	}
	return q.reclaim()
}

// Next appends the blocks behind those it returned last to dst, in order:
// at least one, for which it waits, and more as long as the payloads together
// stay within maxBytes. After a restart it begins behind the last block acked.
//
// Payloads are put into the memory of the Payload fields that dst has behind
// its length, where that suffices: they are valid until the caller hands them
// in again. IDs have holes where blocks were dropped, damaged, or meant for
// another output only, and where a new epoch begins.
//
// It fails when ctx ends, or the queue is closed or damaged; blocks that are
// damaged are set aside, counted, and skipped, and so is one that the disk does
// not give for a minute.
func (c *Cursor) Next(ctx context.Context, maxBytes int, dst []Block) ([]Block, error) {
	n := len(dst)
	for {
		changed := c.q.waitChan()
		found, err := c.find(maxBytes)
		if err == nil {
			dst, err = c.read(found, dst)
		}
		if len(dst) > n {
			c.q.well(reading)
			return dst, nil
		}
		switch {
		case errors.Is(err, errAgain):
			continue
		case err != nil && c.q.isFailed():
			return dst, err
		case err != nil && c.q.isClosing():
			return dst, ErrClosed
		case err != nil:
			c.q.report(reading, err)
			err = wait(ctx, c.q.closing, time.Second)
		default:
			err = waitFor(ctx, c.q.closing, changed)
		}
		if err != nil {
			return dst, err
		}
	}
}

func waitFor(ctx context.Context, closing, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errAgain says that what find found is not the truth any more.
var errAgain = errors.New("the queue has changed")

type foundBlock struct {
	id ID
	blockRow
}

// find looks up the next blocks. Blocks that are not for this output are passed over.
func (c *Cursor) find(maxBytes int) (found []foundBlock, err error) {
	q := c.q
	q.mu.Lock()
	if c.seen.less(q.floor) { // they were dropped
		c.seen = q.floor
	}
	from, name, strict, names := c.seen, c.name, c.strict, q.aliases
	q.mu.Unlock()
	passed, bytes := from, 0
	err = q.view(func(tx *bbolt.Tx) error {
		return eachBlock(tx, from.next(), func(id ID, r blockRow) (bool, error) {
			if r.to == "" && strict || r.to != "" && !names.has(r.to, id, name) {
				if len(found) == 0 {
					passed = id
				}
				return true, nil
			}
			if bytes += int(r.at.Length); len(found) > 0 && bytes > maxBytes {
				return false, nil
			}
			found = append(found, foundBlock{id, r})
			return len(found) < maxFound, nil
		})
	})
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	c.pass(passed)
	return found, nil
}

// maxFound bounds the blocks of one Next.
const maxFound = 1024

// outstanding reports whether blocks were handed out and not acked. The caller holds mu.
func (c *Cursor) outstanding() bool {
	at := c.q.outputs[c.name]
	return at.less(c.handed) && c.q.floor.less(c.handed)
}

// pass goes on behind blocks that are not for this output. The caller holds mu.
func (c *Cursor) pass(to ID) {
	if !c.seen.less(to) {
		return
	}
	c.seen = to
	if !c.outstanding() {
		c.q.outputs[c.name], c.q.dirty[c.name] = to, true
		c.handed = to
	}
}

// read reads payloads. Blocks that cannot be read are set aside.
func (c *Cursor) read(found []foundBlock, dst []Block) ([]Block, error) {
	n := len(dst)
	for _, f := range found {
		b := Block{Epoch: f.id.Epoch, Sequence: f.id.Sequence, Records: f.records, Raw: f.raw, Time: f.time, Queued: f.queued}
		var memory []byte
		if len(dst) < cap(dst) {
			memory = dst[:len(dst)+1][len(dst)].Payload
		}
		payload, err := c.readPayload(f, memory)
		if err == nil {
			b.Payload = payload
			dst = append(dst, b)
			c.q.mu.Lock()
			c.handed, c.seen = f.id, f.id
			c.q.mu.Unlock()
			continue
		}
		if len(dst) > n {
			return dst, nil // it comes up again with the next call
		}
		return dst, err
	}
	return dst, nil
}

// patience is how long a block is tried that the disk does not give. A disk that
// fails as a whole comes back, perhaps with all that is on it; a sector does not.
const patience = time.Minute

// readPayload reads a payload. If it is damaged, the block is set aside and the error is errAgain.
func (c *Cursor) readPayload(f foundBlock, memory []byte) ([]byte, error) {
	q := c.q
	payload, err := q.read(q.blocks, f.at, memory)
	var corrupt *blocklog.CorruptError
	switch {
	case err == nil:
		return payload, nil
	case errors.As(err, &corrupt):
		return nil, q.setAside(f, err)
	case errors.Is(err, syscall.EIO):
		if c.failing != f.id {
			c.failing, c.since = f.id, time.Now()
		}
		if time.Since(c.since) < patience {
			return nil, err
		}
		return nil, q.setAside(f, err)
	case errors.Is(err, fs.ErrNotExist):
		if q.isGone(f.id) {
			return nil, errAgain
		}
		return nil, q.setAside(f, err)
	}
	return nil, err
}

func (q *Queue) isGone(id ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.floor.less(id)
}

// setAside takes a block that cannot be read out of the queue.
func (q *Queue) setAside(f foundBlock, cause error) error {
	if err := q.acquire(context.Background()); err != nil {
		return err
	}
	defer q.release()
	var there bool
	err := q.view(func(tx *bbolt.Tx) error {
		v, err := get(tx, tableBlocks, f.id.key())
		there = v != nil
		return err
	})
	if err != nil {
		return err
	}
	if !there || q.isGone(f.id) {
		return errAgain
	}
	d := deadRow{reason: ReasonCorrupt + ": " + cause.Error(), records: f.records, raw: f.raw, time: time.Now().UnixNano()}
	b := &batch{
		books: move(q.sources(f.blockRow), input.Lost, ReasonCorrupt),
		rows:  []row{{tableBlocks, f.id.key(), nil}, {tableDead, deadKey(f.id, "", nil), d.append(nil)}},
	}
	if err := q.commit(b); err != nil {
		return err
	}
	q.Stats.Corrupt.Add(1)
	q.Stats.DeadBlocks.Add(1)
	q.log.Error("a block is damaged and was set aside", "block", f.id.String(), "records", f.records, "err", cause)
	return errAgain
}

// Ack says that the output has all blocks up to through, of those that Next
// returned. It is durable with the next commit, after a second at the latest, or
// after Close; what is not durable in a crash is returned by Next again. An Ack
// of what is acked or dropped already does nothing.
func (c *Cursor) Ack(through ID) error {
	if err := fail.Point("queue.ack.before"); err != nil {
		return err
	}
	q := c.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failed != nil {
		return q.failed
	}
	if c.handed.less(through) {
		return fmt.Errorf("ack of block %s: %s has got blocks up to %s only", through, c.name, c.handed)
	}
	if through == c.handed {
		through = c.seen
	}
	if !q.outputs[c.name].less(through) {
		return nil
	}
	q.outputs[c.name], q.dirty[c.name] = through, true
	if q.Stats.Full.Load() != 0 {
		q.wakeAll()
	}
	return nil
}
