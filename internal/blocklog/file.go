package blocklog

import (
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// File is what a log needs of a file.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Datasync() error // makes the content and the size durable
	Close() error
}

type osFile struct{ *os.File }

func openOS(path string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(path, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

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
