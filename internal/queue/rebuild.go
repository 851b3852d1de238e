package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
)

// rebuild makes an index at path: from the payload files if there are any, an
// empty one otherwise. It is there completely or not at all.
func (q *Queue) rebuild(path string) (err error) {
	blocks, err := blocklog.Open(filepath.Join(q.dir, "blocks"), blocklog.Options{SegmentBytes: q.o.SegmentBytes})
	if err != nil {
		return err
	}
	defer blocks.Close()
	dead, err := openDead(q.dir, q.o, nil, false)
	if err != nil {
		return err
	}
	defer dead.Close()
	temp := path + ".new"
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	db, err := bbolt.Open(temp, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoSync: true, NoStatistics: true})
	if err != nil {
		return err
	}
	found := len(blocks.Segments()) > 0 || blocks.Torn() > 0 || len(dead.Segments()) > 0
	r := &rebuilder{db: db, log: blocks, head: head{last: ID{Epoch: 1}}}
	if err := errors.Join(r.run(dead), r.finish(), db.Sync(), db.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	if found {
		q.Stats.Rebuilt.Store(1)
		q.log.Warn("the queue's index was built again from the payload files: what was acked lately may be sent again, with the same IDs",
			"blocks", r.blocks, "next_epoch", r.head.last.Epoch, "damaged_places", r.damage, "torn_bytes", blocks.Torn(), "uncommitted_blocks", len(r.pending))
	}
	return syncDir(q.dir)
}

// rebuilder puts into an index what the log says.
type rebuilder struct {
	db  *bbolt.DB
	log *blocklog.Log
	tx  *bbolt.Tx
	n   int // entries in tx

	head    head
	newest  ID        // of the blocks
	pending []pending // of the commit that is being read
	commit  uint64    // its number
	blocks  int
	damage  int
}

type pending struct {
	id ID
	blockRow
}

func (r *rebuilder) run(dead *blocklog.Log) (err error) {
	if r.tx, err = r.db.Begin(true); err != nil {
		return err
	}
	if err := create(r.tx); err != nil {
		return err
	}
	// The payloads of the last segment were checked when the log was opened;
	// those before it are durable, and checked when they are read.
	w := blocklog.Walk{SkipPayloads: true, Damage: func(*blocklog.CorruptError) error {
		r.damage++
		return nil
	}}
	if err := r.log.Walk(w, r.entry); err != nil {
		return err
	}
	w.SkipPayloads = false
	return dead.Walk(w, r.deadEntry)
}

// entry takes up an entry of the log.
func (r *rebuilder) entry(at blocklog.Location, e blocklog.Entry) error {
	m, ok := parseEntryMeta(e.Meta)
	switch {
	case !ok:
		r.damage++
		return nil
	case m.snapshot:
		return r.snapshot(at)
	}
	if m.commit != r.commit {
		// There is a later commit, so that this one happened; only its end was damaged.
		if err := r.keep(); err != nil {
			return err
		}
	}
	r.commit = m.commit
	m.row.at = at
	r.pending = append(r.pending, pending{ID{m.epoch, e.Sequence}, m.row})
	if !m.last {
		return nil
	}
	if err := r.keep(); err != nil {
		return err
	}
	r.head.tail = at
	if err := r.put(m.rows); err != nil {
		return err
	}
	return r.breathe()
}

// keep puts the pending blocks into the index.
func (r *rebuilder) keep() error {
	for _, p := range r.pending {
		if err := put(r.tx, row{tableBlocks, p.id.key(), p.append(nil)}); err != nil {
			return err
		}
		r.blocks++
		if r.newest.less(p.id) {
			r.newest = p.id
		}
		r.head.tail = p.at
	}
	r.pending = r.pending[:0]
	return nil
}

// snapshot takes up a snapshot: what was true when its segment was begun.
func (r *rebuilder) snapshot(at blocklog.Location) error {
	payload, err := r.log.Read(at, nil)
	var corrupt *blocklog.CorruptError
	if errors.As(err, &corrupt) {
		r.damage++
		return nil
	}
	if err != nil {
		return err
	}
	f := fields{p: payload}
	rows := f.rows()
	if !f.done() {
		r.damage++
		return nil
	}
	for t := range tables {
		if !t.logged() {
			continue
		}
		if err := r.tx.DeleteBucket(t.name()); err != nil {
			return err
		}
		if _, err := r.tx.CreateBucket(t.name()); err != nil {
			return err
		}
	}
	if len(r.pending) == 0 {
		r.head.tail = at
	}
	return r.put(rows)
}

func (r *rebuilder) put(rows []row) error {
	for _, row := range rows {
		if err := put(r.tx, row); err != nil {
			return err
		}
	}
	return nil
}

// breathe bounds the size of a transaction.
func (r *rebuilder) breathe() (err error) {
	if r.n++; r.n < 1000 {
		return nil
	}
	r.n = 0
	if err := r.tx.Commit(); err != nil {
		return err
	}
	r.tx, err = r.db.Begin(true)
	return err
}

// deadEntry takes up a dead letter. Some that were replayed come back this way.
func (r *rebuilder) deadEntry(at blocklog.Location, e blocklog.Entry) error {
	f := fields{p: e.Meta}
	d := deadRow{at: f.location(), reason: string(f.bytes()), records: f.number(), raw: f.number(), time: f.varint()}
	key := f.bytes()
	if !f.done() || len(key) < 20 {
		r.damage++
		return nil
	}
	d.at = at
	return put(r.tx, row{tableDead, key, d.append(nil)})
}

// finish completes tableMeta. Sequence numbers go on only if it is certain which
// ones were used; otherwise a new epoch begins.
func (r *rebuilder) finish() error {
	if r.tx == nil {
		return nil
	}
	defer r.tx.Rollback() // of what was not committed
	value := func(key string) []byte {
		v, err := get(r.tx, tableMeta, []byte(key))
		if err != nil {
			return nil
		}
		return append([]byte{}, v...)
	}
	h := &r.head
	h.agent, h.machine = value(metaAgent), value(metaMachine)
	certain := r.damage == 0 && r.log.Torn() == 0 && len(r.pending) == 0
	if len(h.agent) != 16 {
		h.agent, h.machine = newAgentID(), nil
	}
	h.floor, _ = parseID(value(metaFloor))
	for _, id := range []ID{r.newest, h.floor} {
		if h.last.less(id) {
			h.last = id
		}
	}
	if last, ok := parseID(value(metaLast)); ok && h.last.less(last) {
		h.last = last
	}
	if !certain {
		h.last = ID{h.last.Epoch + 1, 0}
	}
	_, touched, err := countFiles(r.tx)
	if err != nil {
		return err
	}
	h.commit = max(r.commit, touched) + 1
	if err := r.put(h.rows()); err != nil {
		return err
	}
	if err := r.tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
