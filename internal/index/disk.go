package index

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// diskCheck is how long a look at the free space holds.
const diskCheck = time.Second

// disk watches the free space of the file system the store is on.
type disk struct {
	dir     string
	reserve int64 // bytes to leave free
	free    func(dir string) (free, size int64, err error)

	mu     sync.Mutex
	at     time.Time
	reason string // why nothing may be written, or empty
}

// full returns why nothing may be written, or the empty string.
func (d *disk) full(now time.Time) string {
	if d.reserve < 0 {
		return ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if since := now.Sub(d.at); !d.at.IsZero() && since >= 0 && since < diskCheck {
		return d.reason
	}
	d.at, d.reason = now, ""
	free, size, err := d.free(d.dir)
	if err != nil {
		return "" // writing will tell
	}
	reserve := d.reserve
	if reserve == 0 {
		reserve = min(256<<20, size/20)
	}
	if free < reserve {
		d.reason = fmt.Sprintf("disk is full: %d MiB free, %d MiB are reserved", free>>20, reserve>>20)
	}
	return d.reason
}

// freeSpace returns the bytes an unprivileged process may still write.
func freeSpace(dir string) (free, size int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}
