package queue

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"shipper/internal/blocklog"
	"shipper/internal/dirlock"
)

// Open opens the queue in dir, which it creates, and locks it. If the last
// process did not close it, the index is checked first; a damaged one is set
// aside and built again from the payload files, and the log says so.
func Open(dir string, o Options) (*Queue, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	lock, err := dirlock.Lock(dir)
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	q := &Queue{
		started: time.Now(),
		dir:     dir, o: o, log: o.Log, lock: lock,
		commitLock: make(chan struct{}, 1),
		update:     (*bbolt.DB).Update,
		read:       (*blocklog.Log).Read,
		cursors:    map[string]*Cursor{},
		outputs:    map[string]ID{},
		dirty:      map[string]bool{},
		trouble:    map[string]string{},
		wake:       make(chan struct{}),
		closing:    make(chan struct{}),
	}
	if err := q.open(); err != nil {
		q.abandon()
		return nil, fmt.Errorf("open queue %s: %w", dir, err)
	}
	q.done.Go(q.run)
	return q, nil
}

// abandon gives up what a failed open has opened.
func (q *Queue) abandon() {
	if q.blocks != nil {
		_ = q.blocks.Close()
	}
	if q.dead != nil {
		_ = q.dead.Close()
	}
	q.closeIndex()
	_ = q.lock.Close()
}

func (q *Queue) open() (err error) {
	if err := q.openOrRebuild(); err != nil {
		return err
	}
	if err := markUnclean(q.dir); err != nil {
		return err
	}
	o := blocklog.Options{SegmentBytes: q.o.SegmentBytes, Last: &q.head.tail, Wrap: q.o.WrapFile}
	if q.blocks, err = blocklog.Open(filepath.Join(q.dir, "blocks"), o); err != nil {
		return err
	}
	letter, err := q.lastDead()
	if err != nil {
		return err
	}
	if q.dead, err = openDead(q.dir, q.o, &letter, false); err != nil {
		return err
	}
	if err := errors.Join(syncDir(q.dir), syncDir(filepath.Dir(filepath.Clean(q.dir)))); err != nil {
		return err
	}
	if err := q.load(); err != nil {
		return err
	}
	q.holdReserve()
	if err := q.ownMachine(); err != nil {
		return err
	}
	q.agentID = q.head.agent
	if err := q.reclaim(); err != nil {
		q.report(deleting, err)
	}
	return nil
}

// openOrRebuild opens the index, a new one, or one built again.
func (q *Queue) openOrRebuild() error {
	path := filepath.Join(q.dir, "index.db")
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0:
		return q.openNew(path)
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	}
	if !wasClean(q.dir) {
		err = q.check(path)
	}
	if err == nil {
		err = q.openIndex(path)
	}
	if !isDamage(err) {
		return err
	}
	q.closeIndex()
	aside := fmt.Sprintf("%s.corrupt-%s", path, time.Now().UTC().Format("20060102T150405.000"))
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("set damaged index aside: %w", err)
	}
	q.log.Error("the queue's index is damaged: it was set aside and is built again from the payload files", "moved_to", aside, "err", err)
	return q.openNew(path)
}

// openIndex opens an index that is there. One without tables gets them.
func (q *Queue) openIndex(path string) error {
	db, err := openIndex(path, false)
	if err != nil {
		return err
	}
	q.dbMu.Lock()
	q.db = db
	q.dbMu.Unlock()
	if q.indexFile, err = os.Stat(path); err != nil {
		return err
	}
	var ok bool
	err = guarded(func() error {
		if err := checkMetas(db); err != nil {
			return err
		}
		return db.View(func(tx *bbolt.Tx) (err error) {
			q.head, ok, err = readHead(tx)
			return err
		})
	})
	if err == nil && !ok {
		err = fmt.Errorf("%w: it has no tables", errCorruptRow)
	}
	return err
}

// openNew makes an index. If there are payload files, it is built from them.
func (q *Queue) openNew(path string) error {
	_ = os.Remove(path) // empty, or not there
	if err := q.rebuild(path); err != nil {
		return fmt.Errorf("build index: %w", err)
	}
	return q.openIndex(path)
}

// check checks the index after an unclean end.
func (q *Queue) check(path string) error {
	if q.o.Check == nil {
		return CheckIndex(path)
	}
	err := q.o.Check(path)
	var exit interface{ ExitCode() int }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errIndexPanic) || errors.Is(err, errCorruptRow):
		return err
	case errors.As(err, &exit):
		return fmt.Errorf("%w: the check ended with %w", errIndexPanic, err)
	}
	q.log.Warn("the index cannot be checked in a process of its own", "err", err)
	return CheckIndex(path)
}

// isDamage tells an index that is damaged, or none at all, from one that
// cannot be read now or is not to be touched.
func isDamage(err error) bool {
	var no syscall.Errno
	return err != nil && !errors.As(err, &no) && !errors.Is(err, errNewer) && !errors.Is(err, berrors.ErrTimeout)
}

// load takes into memory what Open has to know of the index.
func (q *Queue) load() error {
	q.newest, q.floor = q.head.last, q.head.floor
	q.untrimmed = true // perhaps
	return q.view(func(tx *bbolt.Tx) (err error) {
		err = each(tx, tableOutputs, nil, func(k, v []byte) (bool, error) {
			id, ok := parseID(v)
			if !ok {
				return false, fmt.Errorf("%w: output %q", errCorruptRow, k)
			}
			q.outputs[string(k)] = id
			return true, nil
		})
		if err != nil {
			return err
		}
		if q.aliases, err = readAliases(tx); err != nil {
			return err
		}
		if q.files, _, err = countFiles(tx); err != nil {
			return err
		}
		err = eachDead(tx, func(DeadLetter) error {
			q.Stats.DeadBlocks.Add(1)
			return nil
		})
		if err != nil {
			return err
		}
		n, _, err := countBlocks(tx, q.head.floor.next())
		q.Stats.Blocks.Store(n)
		q.Stats.Bytes.Store(q.blocks.Bytes())
		q.Stats.DeadBytes.Store(q.dead.Bytes())
		q.Stats.IndexBytes.Store(q.indexFile.Size())
		return err
	})
}

// ownMachine takes a new agent ID if the directory comes from another machine:
// two agents with one ID would be taken for one.
func (q *Queue) ownMachine() error {
	if len(q.o.Machine) == 0 || bytes.Equal(q.head.machine, q.o.Machine) {
		return nil
	}
	before := q.head
	q.head.machine = q.o.Machine
	if len(before.machine) > 0 {
		q.head.agent = newAgentID()
		q.head.last = ID{before.last.Epoch + 1, 0}
		q.log.Warn("the queue was made on another machine: it gets an agent ID of its own",
			"old", fmt.Sprintf("%x", before.agent), "new", fmt.Sprintf("%x", q.head.agent))
	}
	if err := q.commit(new(batch)); err != nil {
		q.head = before
		return fmt.Errorf("store machine: %w", err)
	}
	return nil
}

func cleanPath(dir string) string { return filepath.Join(dir, "clean") }

func wasClean(dir string) bool {
	_, err := os.Stat(cleanPath(dir))
	return err == nil
}

// markUnclean has to be durable before anything is changed.
func markUnclean(dir string) error {
	err := os.Remove(cleanPath(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

func markClean(dir string) error {
	f, err := os.OpenFile(cleanPath(dir), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
