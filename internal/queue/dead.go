package queue

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
)

// DeadLetter is a block, or a part of one, that an output refused for good, or
// a block that could not be read.
type DeadLetter struct {
	Output  string // empty: it was set aside for all outputs, and has no payload
	Reason  string
	Block   ID // where the records come from
	Records int
	Raw     int   // bytes before compression
	Bytes   int   // of the payload
	Time    int64 // when it was refused, ns since the Unix epoch
}

// deadRow is what the index knows of a dead letter.
type deadRow struct {
	at      blocklog.Location // zero: no payload
	reason  string
	records int
	raw     int
	time    int64
}

func (d *deadRow) append(dst []byte) []byte {
	dst = appendLocation(dst, d.at)
	dst = appendBytes(dst, d.reason)
	dst = binary.AppendUvarint(dst, uint64(d.records))
	dst = binary.AppendUvarint(dst, uint64(d.raw))
	return binary.AppendVarint(dst, d.time)
}

func parseDeadRow(p []byte) (deadRow, bool) {
	f := fields{p: p}
	d := deadRow{at: f.location(), reason: string(f.bytes()), records: f.number(), raw: f.number(), time: f.varint()}
	return d, f.done()
}

// deadKey is the same for the same records and output, so that a dead letter
// that comes again after a crash is not there twice:
//
//	ID.key, 8 bytes of the payload's SHA-256, name of the output
func deadKey(id ID, output string, payload []byte) []byte {
	sum := sha256.Sum256(payload)
	return append(append(id.key(), sum[:8]...), output...)
}

func parseDead(k, v []byte) (DeadLetter, deadRow, error) {
	if len(k) >= 20 {
		id, _ := parseID(k[:12])
		if d, ok := parseDeadRow(v); ok {
			return DeadLetter{Output: string(k[20:]), Reason: d.reason, Block: id, Records: d.records,
				Raw: d.raw, Bytes: int(d.at.Length), Time: d.time}, d, nil
		}
	}
	return DeadLetter{}, deadRow{}, fmt.Errorf("%w: dead letter %x", errCorruptRow, k)
}

const maxReason = 1024 // bytes; longer ones are cut

// DeadLetter keeps a block that the output refused for good, or a part of it:
// b has the ID that Next returned, and payload and counts of the part. It is
// durable when DeadLetter returns nil, and only then may the block be acked.
// The same letter twice is kept once.
func (c *Cursor) DeadLetter(b Block, reason string) error {
	q := c.q
	if len(b.Payload) > maxBlock {
		return fmt.Errorf("%w: dead letter of %d bytes", errInvalid, len(b.Payload))
	}
	if err := q.acquire(context.Background()); err != nil {
		return err
	}
	defer q.release()
	if err := q.resolve(); err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	q.mu.Lock()
	name := c.name
	q.mu.Unlock()
	id := b.ID()
	key := deadKey(id, name, b.Payload)
	known := false
	err := q.view(func(tx *bbolt.Tx) error {
		v, err := get(tx, tableDead, key)
		known = v != nil
		return err
	})
	if err != nil || known {
		return err
	}
	if err := q.cutDead(); err != nil {
		return fmt.Errorf("cut back dead letters: %w", err)
	}
	q.deadBehind = true
	d := deadRow{reason: reason[:min(len(reason), maxReason)], records: b.Records, raw: b.Raw, time: time.Now().UnixNano()}
	expired, err := q.makeDeadRoom(int64(len(b.Payload)))
	if err != nil {
		return fmt.Errorf("make room for a dead letter: %w", err)
	}
	meta := appendBytes(d.append(nil), key)
	if d.at, err = q.dead.Append(blocklog.Entry{Sequence: id.Sequence, Meta: meta, Payload: b.Payload}); err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	if err := q.dead.Sync(); err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	rows := append(expired, row{tableDead, key, d.append(nil)})
	if err := q.commit(&batch{rows: rows}); err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	q.deadBehind = false
	if len(expired) > 0 {
		q.log.Warn("there are too many dead letters: the oldest are dropped", "dropped", len(expired), "max_bytes", q.o.MaxDeadBytes)
	}
	q.Stats.Dead.Add(1)
	q.Stats.DeadRecords.Add(int64(b.Records))
	q.Stats.DeadBlocks.Add(1 - int64(len(expired)))
	q.Stats.DeadDropped.Add(int64(len(expired)))
	q.removeDead()
	return nil
}

// cutDead takes back what a letter that could not be kept has left in the log, so
// that trying again does not fill the disk. What counts is what the index has.
func (q *Queue) cutDead() error {
	if !q.deadBehind {
		return nil
	}
	last, err := q.lastDead()
	if err != nil {
		return err
	}
	if err := q.dead.CutAfter(last); err != nil {
		return err
	}
	q.deadBehind = false
	return nil
}

// lastDead returns where the last dead letter is.
func (q *Queue) lastDead() (last blocklog.Location, err error) {
	err = q.view(func(tx *bbolt.Tx) error {
		return each(tx, tableDead, nil, func(k, v []byte) (bool, error) {
			_, d, err := parseDead(k, v)
			if at := d.at; at.Segment > last.Segment || at.Segment == last.Segment && at.Offset > last.Offset {
				last = at
			}
			return true, err
		})
	})
	return last, err
}

// makeDeadRoom returns the deletion of the oldest dead letters if there are too many.
func (q *Queue) makeDeadRoom(n int64) (expired []row, err error) {
	segments := q.dead.Segments()
	total := q.dead.Bytes() + n
	drop := uint64(0)
	for _, s := range segments {
		if total <= q.o.MaxDeadBytes {
			break
		}
		total -= s.Bytes
		drop = s.Number
	}
	if drop == 0 {
		return nil, nil
	}
	if drop == segments[len(segments)-1].Number {
		if err := q.dead.Finish(); err != nil {
			return nil, err
		}
	}
	err = q.view(func(tx *bbolt.Tx) error {
		return each(tx, tableDead, nil, func(k, v []byte) (bool, error) {
			_, d, err := parseDead(k, v)
			if err == nil && d.at.Segment != 0 && d.at.Segment <= drop {
				expired = append(expired, row{tableDead, append([]byte{}, k...), nil})
			}
			return true, err
		})
	})
	return expired, err
}

// removeDead deletes segments without a dead letter.
func (q *Queue) removeDead() {
	first := uint64(1<<64 - 1)
	err := q.view(func(tx *bbolt.Tx) error {
		return each(tx, tableDead, nil, func(k, v []byte) (bool, error) {
			_, d, err := parseDead(k, v)
			if err == nil && d.at.Segment != 0 {
				first = min(first, d.at.Segment)
			}
			return true, err
		})
	})
	if err == nil {
		_, err = q.dead.Remove(first)
	}
	if err != nil {
		q.log.Error("dead letters cannot be deleted", "err", err)
	}
	q.Stats.DeadBytes.Store(q.dead.Bytes())
}

// DeadLetters calls fn for every dead letter, by block, until fn fails. fn must
// not use the queue.
func (q *Queue) DeadLetters(fn func(DeadLetter) error) error {
	return q.view(func(tx *bbolt.Tx) error { return eachDead(tx, fn) })
}

func eachDead(tx *bbolt.Tx, fn func(DeadLetter) error) error {
	return each(tx, tableDead, nil, func(k, v []byte) (bool, error) {
		d, _, err := parseDead(k, v)
		if err != nil {
			return false, err
		}
		return true, fn(d)
	})
}

// Replay queues those dead letters again that which returns true for, each for
// the output that refused it, as new blocks, and forgets them. Those without a
// payload stay. It returns how many it queued.
func (q *Queue) Replay(ctx context.Context, which func(DeadLetter) bool) (n int, err error) {
	type letter struct {
		key    []byte
		row    deadRow
		output string
	}
	q.mu.Lock()
	names := q.aliases
	q.mu.Unlock()
	var letters []letter
	err = q.view(func(tx *bbolt.Tx) error {
		return each(tx, tableDead, nil, func(k, v []byte) (bool, error) {
			d, r, err := parseDead(k, v)
			if err == nil && r.at.Segment != 0 && which(d) {
				letters = append(letters, letter{append([]byte{}, k...), r, names.now(d.Output, d.Block)})
			}
			return true, err
		})
	})
	if err != nil {
		return 0, err
	}
	for _, l := range letters {
		payload, err := q.readDead(ctx, l.row)
		if err != nil {
			return n, fmt.Errorf("read dead letter: %w", err)
		}
		b := &batch{patient: true, rows: []row{{tableDead, l.key, nil}}}
		b.as = []Append{{Block: &Block{Records: l.row.records, Raw: l.row.raw, Time: l.row.time, To: []string{l.output}, Payload: payload}}}
		if err := q.append(ctx, b); err != nil {
			return n, err
		}
		n++
		q.Stats.DeadBlocks.Add(-1)
	}
	if err := q.acquire(ctx); err != nil {
		return n, err
	}
	defer q.release()
	q.removeDead()
	return n, nil
}

func (q *Queue) readDead(ctx context.Context, d deadRow) ([]byte, error) {
	if err := q.acquire(ctx); err != nil {
		return nil, err
	}
	defer q.release()
	return q.dead.Read(d.at, nil)
}

// openDead opens the log of dead letters; last is the last one that counts, nil
// the last one that is there.
func openDead(dir string, o Options, last *blocklog.Location, readOnly bool) (*blocklog.Log, error) {
	segment := max(256<<10, min(o.MaxDeadBytes/8, blocklog.DefaultSegmentBytes))
	return blocklog.Open(filepath.Join(dir, "dead"), blocklog.Options{SegmentBytes: segment, Last: last, ReadOnly: readOnly, Wrap: o.WrapFile})
}
