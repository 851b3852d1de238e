package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"shipper/internal/blocklog"
	"shipper/internal/fail"
)

// wal is the write-ahead log of one generation: a directory of its own, so
// that it can be dropped as a whole once the generation is sealed.
type wal struct {
	dir      string
	syncs    *atomic.Int64 // counts them
	log      *blocklog.Log
	appended atomic.Uint64 // entries; grows under Store.mu
	bytes    atomic.Int64  // of them, about; as appended

	damaged bool // something in it could not be read: it is set aside, not removed

	mu     sync.Mutex // held while syncing
	synced uint64     // entries that are durable
	closed bool       // the generation is sealed: everything is durable elsewhere
	err    error      // of the first sync that failed; what it covered is unknown
}

func walDir(dir string, generation uint64) string {
	return filepath.Join(dir, "wal", fmt.Sprintf("%016x", generation))
}

// openWAL opens or creates the log of a generation.
func openWAL(dir string, generation uint64, syncs *atomic.Int64) (*wal, error) {
	w := &wal{dir: walDir(dir, generation), syncs: syncs}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return nil, err
	}
	log, err := blocklog.Open(w.dir, blocklog.Options{})
	if err != nil {
		return nil, fmt.Errorf("open write-ahead log: %w", err)
	}
	w.log = log
	return w, errors.Join(syncFile(w.dir), syncFile(filepath.Dir(w.dir)))
}

// read calls fn with every entry of a log that was just opened and makes all
// of it durable: an entry that is known must not vanish any more. Damage is
// given to damaged; a torn tail is none.
func (w *wal) read(fn func(blocklog.Entry) error, damaged func(error)) error {
	walk := blocklog.Walk{Damage: func(e *blocklog.CorruptError) error { damaged(e); return nil }}
	err := w.log.Walk(walk, func(_ blocklog.Location, e blocklog.Entry) error {
		w.count(len(e.Payload))
		return fn(e)
	})
	if err != nil {
		return fmt.Errorf("read write-ahead log: %w", err)
	}
	return w.sync()
}

// append writes one entry, not durably. The caller holds Store.mu.
func (w *wal) append(e *entry, payload []byte) error {
	_, err := w.log.Append(blocklog.Entry{Sequence: w.appended.Load() + 1, Meta: e.append(nil), Payload: payload})
	if err != nil {
		return err
	}
	if err := fail.Point("index.log.appended"); err != nil {
		return err
	}
	w.count(len(payload))
	return nil
}

// count counts an entry.
func (w *wal) count(payload int) {
	w.appended.Add(1)
	w.bytes.Add(int64(payload) + 128)
}

// sync returns once all entries appended so far are durable. Calls that come
// while one is under way share the next one.
func (w *wal) sync() error {
	n := w.appended.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.synced >= n {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	n = w.appended.Load()
	w.syncs.Add(1)
	if err := w.log.Sync(); err != nil {
		// The kernel may report a failed write only once, so a second
		// sync that works would prove nothing.
		w.err = err
		return err
	}
	w.synced = n
	return fail.Point("index.log.synced")
}

// drop removes the log, whose generation is sealed.
func (w *wal) drop() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	err := w.log.Close()
	if w.damaged {
		return errors.Join(err, os.Rename(w.dir, w.dir+".damaged"))
	}
	return errors.Join(err, removeWAL(w.dir))
}

// close gives up the log and keeps what it has.
func (w *wal) close() error { return w.log.Close() }

// removeWAL takes the directory out of sight in one step, so that a log never
// is half there.
func removeWAL(dir string) error {
	gone := dir + ".sealed"
	if err := os.Rename(dir, gone); err != nil {
		return err
	}
	if err := fail.Point("index.log.renamed"); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// listWALs returns the generations that have a log, in order, and removes what
// is left of those that were dropped.
func listWALs(dir string) ([]uint64, error) {
	names, err := os.ReadDir(filepath.Join(dir, "wal"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var gs []uint64
	for _, e := range names {
		if filepath.Ext(e.Name()) == ".sealed" {
			if err := os.RemoveAll(filepath.Join(dir, "wal", e.Name())); err != nil {
				return nil, err
			}
			continue
		}
		if g, err := strconv.ParseUint(e.Name(), 16, 64); err == nil && len(e.Name()) == 16 && e.IsDir() {
			gs = append(gs, g)
		}
	}
	slices.Sort(gs)
	return gs, nil
}

// syncFile makes a file, or the entries of a directory, durable.
func syncFile(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
