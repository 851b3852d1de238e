package queue

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
	"shipper/internal/dirlock"
	"shipper/internal/input"
)

// Inspector reads the queue of an agent that does not run, and changes nothing.
// It is for one goroutine at a time.
type Inspector struct {
	dir    string
	lock   *os.File
	db     *bbolt.DB
	head   head
	blocks *blocklog.Log
	dead   *blocklog.Log
}

// Inspect opens the queue in dir for reading. It fails with dirlock.ErrLocked while an
// agent uses it; agents do not start on it until Close. A damaged index is an
// error: the agent builds it again at its next start.
func Inspect(dir string) (*Inspector, error) {
	info, err := os.Stat(filepath.Join(dir, "index.db"))
	if err != nil {
		return nil, fmt.Errorf("there is no queue in %s: %w", dir, err)
	}
	if info.Size() == 0 { // bbolt would write to it
		return nil, fmt.Errorf("open queue %s: the index is empty", dir)
	}
	lock, err := dirlock.Lock(dir)
	if err != nil {
		return nil, err
	}
	i := &Inspector{dir: dir, lock: lock}
	if err := i.open(); err != nil {
		i.Close()
		return nil, fmt.Errorf("open queue %s: %w", dir, err)
	}
	return i, nil
}

func (i *Inspector) open() (err error) {
	if i.db, err = openIndex(filepath.Join(i.dir, "index.db"), true); err != nil {
		return err
	}
	err = i.view(func(tx *bbolt.Tx) error {
		var ok bool
		i.head, ok, err = readHead(tx)
		if err == nil && !ok {
			err = errors.New("the index is empty")
		}
		return err
	})
	if err != nil {
		return err
	}
	o := blocklog.Options{ReadOnly: true, Last: &i.head.tail}
	if i.blocks, err = blocklog.Open(filepath.Join(i.dir, "blocks"), o); err != nil {
		return err
	}
	i.dead, err = openDead(i.dir, Options{MaxDeadBytes: 1}, nil, true)
	return err
}

func (i *Inspector) view(fn func(*bbolt.Tx) error) error {
	return guarded(func() error { return i.db.View(fn) })
}

// Close gives the directory free.
func (i *Inspector) Close() error {
	var errs []error
	if i.db != nil {
		errs = append(errs, guarded(i.db.Close))
	}
	for _, l := range []*blocklog.Log{i.blocks, i.dead} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(append(errs, i.lock.Close())...)
}

// OutputInfo is the place of an output.
type OutputInfo struct {
	Name  string
	Acked ID
	Lag
}

// Info is what a queue has.
type Info struct {
	AgentID     string
	Clean       bool // it was closed properly
	Last        ID   // of the newest block there ever was
	Blocks      int64
	Records     int64
	Raw         int64 // bytes before compression
	Payload     int64 // bytes
	Bytes       int64 // of the payload files
	Oldest      int64 // when the oldest block was queued, ns since the Unix epoch; 0 without blocks
	Outputs     []OutputInfo
	Positions   int
	DeadLetters int
	DeadRecords int64
}

// Stat sums the queue up.
func (i *Inspector) Stat() (Info, error) {
	info := Info{AgentID: hex.EncodeToString(i.head.agent), Clean: wasClean(i.dir), Last: i.head.last, Bytes: i.blocks.Bytes()}
	err := i.List(func(b BlockInfo) error {
		info.Blocks++
		info.Records += int64(b.Records)
		info.Raw += int64(b.Raw)
		info.Payload += int64(b.Bytes)
		if info.Oldest == 0 {
			info.Oldest = b.Queued
		}
		return nil
	})
	if err != nil {
		return info, err
	}
	err = i.view(func(tx *bbolt.Tx) error {
		err := each(tx, tableOutputs, nil, func(k, v []byte) (bool, error) {
			o := OutputInfo{Name: string(k)}
			o.Acked, _ = parseID(v)
			from := o.Acked
			if from.less(i.head.floor) {
				from = i.head.floor
			}
			n, oldest, err := countBlocks(tx, from.next())
			if o.Blocks = n; n > 0 {
				o.Age = max(0, time.Duration(time.Now().UnixNano()-oldest))
			}
			info.Outputs = append(info.Outputs, o)
			return true, err
		})
		if err != nil {
			return err
		}
		err = each(tx, tablePositions, nil, func(_, _ []byte) (bool, error) {
			info.Positions++
			return true, nil
		})
		if err != nil {
			return err
		}
		return eachDead(tx, func(d DeadLetter) error {
			info.DeadLetters++
			info.DeadRecords += int64(d.Records)
			return nil
		})
	})
	return info, err
}

// BlockInfo describes a block.
type BlockInfo struct {
	ID      ID
	Records int
	Raw     int      // bytes before compression
	Bytes   int      // of the payload
	Time    int64    // of the newest record, ns since the Unix epoch
	Queued  int64    // ns since the Unix epoch
	To      []string // outputs it is for; nil: see Block.To
	Path    string   // of the file it is in
	Offset  int64
}

// List calls fn for every block in order, until fn fails.
func (i *Inspector) List(fn func(BlockInfo) error) error {
	paths := map[uint64]string{}
	for _, s := range i.blocks.Segments() {
		paths[s.Number] = s.Path
	}
	return i.view(func(tx *bbolt.Tx) error {
		return eachBlock(tx, i.head.floor.next(), func(id ID, r blockRow) (bool, error) {
			return true, fn(BlockInfo{ID: id, Records: r.records, Raw: r.raw, Bytes: int(r.at.Length), Time: r.time,
				Queued: r.queued, To: r.to.names(), Path: paths[r.at.Segment], Offset: r.at.Offset})
		})
	})
}

// ReadBlock returns a block. With epoch 0 it is the one of the newest epoch
// that has that sequence number.
func (i *Inspector) ReadBlock(id ID) (Block, error) {
	var row blockRow
	err := i.view(func(tx *bbolt.Tx) error {
		for epoch := i.head.last.Epoch; epoch > 0; epoch-- {
			if id.Epoch != 0 && id.Epoch != epoch {
				continue
			}
			try := ID{epoch, id.Sequence}
			v, err := get(tx, tableBlocks, try.key())
			if err != nil {
				return err
			}
			if r, ok := parseBlockRow(v); v != nil && ok && i.head.floor.less(try) {
				id, row = try, r
				return nil
			}
		}
		return fmt.Errorf("the queue has no block %d", id.Sequence)
	})
	if err != nil {
		return Block{}, err
	}
	payload, err := i.blocks.Read(row.at, nil)
	if err != nil {
		return Block{}, fmt.Errorf("read block %s: %w", id, err)
	}
	return Block{Epoch: id.Epoch, Sequence: id.Sequence, Records: row.records, Raw: row.raw, Time: row.time, To: row.to.names(), Payload: payload}, nil
}

// DeadLetters calls fn for every dead letter with its payload, by block, until
// fn fails. The payload is nil if there is none or it cannot be read.
func (i *Inspector) DeadLetters(fn func(d DeadLetter, payload []byte) error) error {
	return i.view(func(tx *bbolt.Tx) error {
		return each(tx, tableDead, nil, func(k, v []byte) (bool, error) {
			d, r, err := parseDead(k, v)
			if err != nil {
				return false, err
			}
			var payload []byte
			if r.at.Segment != 0 {
				payload, _ = i.dead.Read(r.at, nil)
			}
			return true, fn(d, payload)
		})
	})
}

// Books returns the accounts: see Queue.Books.
func (i *Inspector) Books() (entries []input.Entry, err error) {
	err = i.view(func(tx *bbolt.Tx) error {
		entries, err = readBooks(tx)
		return err
	})
	return entries, err
}

// Verify reads everything there is and calls problem for each thing that is
// not as it should be. Its error says that it could not go on. A damaged index
// can end the process.
func (i *Inspector) Verify(problem func(string)) error {
	if err := i.view(checkTables); err != nil {
		problem("index: " + err.Error())
	}
	known := map[ID]bool{}
	err := i.view(func(tx *bbolt.Tx) error {
		err := eachDead(tx, func(d DeadLetter) error {
			if d.Output == "" {
				known[d.Block] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
		return i.verifyBlocks(tx, known, problem)
	})
	if err != nil {
		return err
	}
	if err := i.verifyLog(known, problem); err != nil {
		return err
	}
	return i.DeadLetters(func(d DeadLetter, payload []byte) error {
		if d.Output != "" && payload == nil {
			problem(fmt.Sprintf("dead letter of block %s for %s cannot be read", d.Block, d.Output))
		}
		return nil
	})
}

// verifyBlocks compares the index with the log. known has the blocks that were
// set aside, and gets the others.
func (i *Inspector) verifyBlocks(tx *bbolt.Tx, known map[ID]bool, problem func(string)) error {
	h := i.head
	if h.last.less(h.floor) {
		problem(fmt.Sprintf("blocks up to %s are gone, but the last one is %s", h.floor, h.last))
	}
	err := each(tx, tableOutputs, nil, func(k, v []byte) (bool, error) {
		if id, ok := parseID(v); !ok || h.last.less(id) {
			problem(fmt.Sprintf("output %s acked block %s, the last one is %s", k, id, h.last))
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	before := h.floor
	var buf []byte
	return eachBlock(tx, h.floor.next(), func(id ID, r blockRow) (bool, error) {
		if h.last.less(id) {
			problem(fmt.Sprintf("block %s is behind the last one, %s", id, h.last))
		}
		for gap := before.next(); gap.Epoch == id.Epoch && gap.less(id); gap = gap.next() {
			if !known[gap] {
				problem(fmt.Sprintf("block %s is missing", gap))
			}
		}
		before = id
		known[id] = true
		payload, err := i.blocks.Read(r.at, buf)
		if err != nil {
			problem(fmt.Sprintf("block %s: %v", id, err))
			return true, nil
		}
		buf = payload
		e, err := i.blocks.Load(r.at)
		if err != nil {
			problem(fmt.Sprintf("block %s: %v", id, err))
			return true, nil
		}
		m, ok := parseEntryMeta(e.Meta)
		switch {
		case !ok:
			problem(fmt.Sprintf("block %s: what the log says of it cannot be read", id))
		case e.Sequence != id.Sequence || m.epoch != id.Epoch:
			problem(fmt.Sprintf("block %s: the log has block %d/%d there", id, m.epoch, e.Sequence))
		case m.row.records != r.records || m.row.raw != r.raw || m.row.source != r.source || m.row.to != r.to:
			problem(fmt.Sprintf("block %s: index and log differ", id))
		}
		return true, nil
	})
}

// verifyLog looks for blocks that the index does not know.
func (i *Inspector) verifyLog(known map[ID]bool, problem func(string)) error {
	w := blocklog.Walk{SkipPayloads: true, Damage: func(e *blocklog.CorruptError) error {
		problem(e.Error())
		return nil
	}}
	return i.blocks.Walk(w, func(at blocklog.Location, e blocklog.Entry) error {
		m, ok := parseEntryMeta(e.Meta)
		if !ok || m.snapshot {
			return nil
		}
		if id := (ID{m.epoch, e.Sequence}); i.head.floor.less(id) && !known[id] {
			problem(fmt.Sprintf("block %s is in the log and not in the index", id))
		}
		return nil
	})
}
