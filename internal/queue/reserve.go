package queue

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// reserveBytes of disk are kept back for acks and deletes on a full disk.
const reserveBytes = 1 << 20

func (q *Queue) reservePath() string { return filepath.Join(q.dir, "reserve") }

// holdReserve takes the reserve if it is not held. It is not needed as long as
// there is space, so that an error only means to try again later.
func (q *Queue) holdReserve() {
	if info, err := os.Stat(q.reservePath()); err == nil && info.Size() == reserveBytes {
		return
	}
	f, err := os.OpenFile(q.reservePath(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, reserveBytes); err == nil {
		return
	}
	_ = os.Remove(q.reservePath())
}

// spendReserve gives the reserve back to the disk if that may help with err.
func (q *Queue) spendReserve(err error) bool {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return false
	}
	return os.Remove(q.reservePath()) == nil
}
