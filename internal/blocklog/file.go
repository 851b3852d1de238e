package blocklog

import (
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// File is how a log writes to a file.
type File interface {
	io.WriterAt
	Truncate(size int64) error
	Datasync() error // makes the content and the size durable
}

type osFile struct{ *os.File }

func (f osFile) Datasync() error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	// The descriptor stays open during the call even if the file is closed.
	err = c.Control(func(fd uintptr) {
		for {
			if failed = unix.Fdatasync(int(fd)); failed != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return fs.ErrClosed
	}
	if failed != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: failed}
	}
	return nil
}
