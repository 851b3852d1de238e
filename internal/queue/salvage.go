package queue

import (
	"fmt"
	"os"
	"path/filepath"

	"shipper/internal/blocklog"
	"shipper/internal/dirlock"
)

// Salvaged is what Salvage found.
type Salvaged struct {
	Blocks  int
	Records int64
	Bytes   int64 // of payloads
	Damage  int   // places that could not be read
	Torn    int64 // bytes of a last entry that was not written completely
}

// Salvage reads the payload files of the queue in dir, or those of its dead
// letters, and nothing else: it needs no index. It calls fn for each block that is
// whole, in the order in which they were queued, delivered ones that were not
// deleted yet included; its payload is valid until fn returns. problem is called
// for each place that cannot be read, with a *blocklog.CorruptError. It changes
// nothing. It fails with dirlock.ErrLocked while an agent uses the queue, with what
// fn returns, and for files that cannot be read at all.
func Salvage(dir string, dead bool, fn func(Block) error, problem func(error)) (s Salvaged, err error) {
	sub := filepath.Join(dir, "blocks")
	if dead {
		sub = filepath.Join(dir, "dead")
	}
	if info, err := os.Stat(sub); err != nil || !info.IsDir() {
		return s, fmt.Errorf("there are no payload files in %s", sub)
	}
	lock, err := dirlock.Lock(dir)
	if err != nil {
		return s, err
	}
	defer lock.Close()
	log, err := blocklog.Open(sub, blocklog.Options{ReadOnly: true})
	if err != nil {
		return s, fmt.Errorf("salvage %s: %w", sub, err)
	}
	defer log.Close()
	s.Torn = log.Torn()
	w := blocklog.Walk{Damage: func(e *blocklog.CorruptError) error {
		s.Damage++
		problem(e)
		return nil
	}}
	err = log.Walk(w, func(at blocklog.Location, e blocklog.Entry) error {
		b := Block{Sequence: e.Sequence, Payload: e.Payload}
		if !dead {
			m, ok := parseEntryMeta(e.Meta)
			if ok && m.snapshot {
				return nil // positions and accounts, no records
			}
			b.Epoch, b.Records, b.Raw, b.Time, b.To = m.epoch, m.row.records, m.row.raw, m.row.time, m.row.to.names()
		}
		s.Blocks++
		s.Records += int64(b.Records)
		s.Bytes += int64(len(b.Payload))
		return fn(b)
	})
	return s, err
}
