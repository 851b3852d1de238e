package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/block"
	"shipper/internal/blocklog"
	"shipper/internal/dirlock"
)

// Verified is what Verify read.
type Verified struct {
	Segments int
	Records  int64 // in segments
	Blocks   int   // in the write-ahead logs
	Problems int
}

// Verify reads everything in the store in dir, which no process may have open
// (dirlock.ErrLocked), and calls problem for each thing that is not as it should
// be, with its path. It changes nothing. An error says that it could not go on.
func Verify(dir string, problem func(error)) (v Verified, err error) {
	if _, err := os.Stat(filepath.Join(dir, "catalogue.db")); err != nil {
		return v, fmt.Errorf("there is no index in %s: %w", dir, err)
	}
	lock, err := dirlock.Lock(dir)
	if err != nil {
		return v, err
	}
	defer lock.Close()
	report := func(err error) {
		v.Problems++
		problem(err)
	}
	infos, floor, err := readCatalogue(filepath.Join(dir, "catalogue.db"))
	if err != nil {
		report(fmt.Errorf("%s: %w", filepath.Join(dir, "catalogue.db"), err))
	}
	if err := v.segments(dir, infos, report); err != nil {
		return v, err
	}
	wals, err := listWALs(dir)
	if err != nil {
		return v, fmt.Errorf("list write-ahead logs: %w", err)
	}
	for _, n := range wals {
		if n < floor {
			continue // sealed; the next start removes it
		}
		if err := v.wal(walDir(dir, n), report); err != nil {
			return v, err
		}
	}
	return v, nil
}

// readCatalogue reads all of a catalogue without changing it.
func readCatalogue(path string) (infos []segmentInfo, floor uint64, err error) {
	defer onFault(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, 0, err
	}
	defer db.Close()
	c := &catalogue{db: db}
	if err := c.check(); err != nil {
		return nil, 0, err
	}
	floor, infos, err = c.load(newAgents(), newWindow())
	return infos, floor, err
}

// segments compares the files with what the catalogue has, and reads all of them.
func (v *Verified) segments(dir string, infos []segmentInfo, report func(error)) error {
	known := map[segmentID]segmentInfo{}
	for _, i := range infos {
		known[i.id] = i
	}
	err := filepath.WalkDir(filepath.Join(dir, "seg"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		id, ok := parseSegmentPath(path)
		if !ok {
			return nil
		}
		info, ok := known[id]
		delete(known, id)
		blocks, cause, err := intact(path)
		if err != nil {
			return err
		}
		if cause != nil {
			report(cause)
		}
		rows := int64(0)
		for _, b := range blocks {
			rows += b.Info().Rows
		}
		if ok && !info.dropped && cause == nil && rows != info.rows {
			report(fmt.Errorf("%s has %d records, the catalogue says %d", path, rows, info.rows))
		}
		v.Segments++
		v.Records += rows
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read segments: %w", err)
	}
	for id, info := range known {
		if !info.dropped {
			report(fmt.Errorf("%s is missing, with %d records", segmentPath(dir, id), info.rows))
		}
	}
	return nil
}

// wal reads a write-ahead log.
func (v *Verified) wal(dir string, report func(error)) error {
	log, err := blocklog.Open(dir, blocklog.Options{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("open write-ahead log %s: %w", dir, err)
	}
	defer log.Close()
	d := block.NewDecoder(defaultMaxBlock)
	walk := blocklog.Walk{Damage: func(e *blocklog.CorruptError) error { report(e); return nil }}
	return log.Walk(walk, func(at blocklog.Location, e blocklog.Entry) error {
		if _, err := decodeEntry(e.Meta); err != nil {
			report(fmt.Errorf("%s: block at %d: %w", dir, at.Offset, err))
			return nil
		}
		if _, err := decodeBlock(d, e.Payload, defaultMaxBlock); err != nil {
			report(fmt.Errorf("%s: block at %d: %w", dir, at.Offset, err))
			return nil
		}
		v.Blocks++
		return nil
	})
}
