package index

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// diskCheck is how long a look at the free space holds, if there is plenty.
const diskCheck = time.Second

// plenty is how many times what is needed has to be free for that.
const plenty = 8

// disk watches the free space of the file system the store is on.
type disk struct {
	dir     string
	reserve int64 // bytes to leave free
	free    func(dir string) (free, size int64, err error)

	mu    sync.Mutex
	at    time.Time
	space int64 // free at that time
	keep  int64 // of it to be left alone
}

// full returns why nothing may be written, or the empty string. There has to be
// room for the segments that become of the bytes in logs, because only then the
// logs go. seal says that this is what lacks room, and that sealing now gives some.
func (d *disk) full(now time.Time, logs int64) (why string, seal bool) {
	if d.reserve < 0 {
		return "", false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	needed := logs + logs/4
	since := now.Sub(d.at)
	if d.at.IsZero() || since < 0 || since >= diskCheck || d.space < plenty*(d.keep+needed) {
		d.look(now)
	}
	if d.at.IsZero() || d.space >= d.keep+needed {
		return "", false
	}
	if needed == 0 {
		return fmt.Sprintf("disk is full: %d KiB free, %d KiB are reserved", d.space>>10, d.keep>>10), false
	}
	return fmt.Sprintf("disk is full: %d KiB free, %d KiB are reserved, and %d KiB for what is not sealed yet",
		d.space>>10, d.keep>>10, needed>>10), d.space >= needed
}

// look measures. If that fails, writing will tell.
func (d *disk) look(now time.Time) {
	free, size, err := d.free(d.dir)
	if err != nil {
		d.at = time.Time{}
		return
	}
	d.at, d.space, d.keep = now, free, d.reserve
	if d.reserve == 0 {
		d.keep = min(256<<20, size/20)
	}
}

// freeSpace returns the bytes an unprivileged process may still write.
func freeSpace(dir string) (free, size int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}
