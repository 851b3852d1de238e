package tail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// identity tells files apart while they are open.
type identity struct{ dev, ino uint64 }

// status is what the kernel says of a file.
type status struct {
	id     identity
	mode   uint32
	uid    uint32
	nlink  uint64
	size   int64
	blocks int64 // of 512 bytes
	mtime  int64 // ns since the Unix epoch
}

func newStatus(st *unix.Stat_t) status {
	return status{
		id:   identity{uint64(st.Dev), st.Ino},
		mode: st.Mode, uid: st.Uid, nlink: uint64(st.Nlink),
		size: st.Size, blocks: st.Blocks,
		mtime: time.Unix(st.Mtim.Unix()).UnixNano(),
	}
}

func fstat(fd int) (status, error) {
	var st unix.Stat_t
	for {
		if err := unix.Fstat(fd, &st); err != unix.EINTR {
			return newStatus(&st), err
		}
	}
}

func stat(path string) (status, error) {
	var st unix.Stat_t
	for {
		if err := unix.Stat(path, &st); err != unix.EINTR {
			return newStatus(&st), err
		}
	}
}

func lstat(path string) (status, error) {
	var st unix.Stat_t
	for {
		if err := unix.Lstat(path, &st); err != unix.EINTR {
			return newStatus(&st), err
		}
	}
}

// skipError says why a name is not followed, however often it is tried.
type skipError string

func (e skipError) Error() string { return string(e) }

// kind says what a file that is not regular is.
func kind(mode uint32) skipError {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "is a directory"
	case unix.S_IFIFO:
		return "is a FIFO"
	case unix.S_IFSOCK:
		return "is a socket"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "is a device"
	}
	return "is not a regular file"
}

// openRegular opens a regular file for reading. It does not wait for a writer
// of a FIFO, does not touch a device, and follows a link only if link is set.
func openRegular(path string, link bool) (int, status, error) {
	st, err := stat(path)
	if err != nil {
		return -1, st, err
	}
	if st.mode&unix.S_IFMT != unix.S_IFREG {
		return -1, st, kind(st.mode)
	}
	flags := unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	if !link {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := openRetry(path, flags)
	if err != nil {
		return -1, st, err
	}
	// What was opened need not be what was looked at.
	st, err = fstat(fd)
	if err == nil && st.mode&unix.S_IFMT != unix.S_IFREG {
		err = kind(st.mode)
	}
	if err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

func openRetry(path string, flags int) (int, error) {
	for {
		fd, err := unix.Open(path, flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// pread fills p from off as far as the file goes.
func pread(fd int, p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		k, err := unix.Pread(fd, p[n:], off+int64(n))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return n, err
		}
		if k == 0 {
			break
		}
		n += k
	}
	return n, nil
}

// mayFollow says whether the open file fd, which path led to, may be read. It
// may if it is within the roots, which are free of links. Elsewhere every link
// on the way has to belong to root, to this process's user, or to the owner of
// the file: otherwise whoever can write to a log directory could have any file
// shipped that this process can read.
func mayFollow(fd int, st status, path string, roots []string) error {
	real, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return fmt.Errorf("resolve link: %w", err)
	}
	for _, r := range roots {
		if r == "/" || strings.HasPrefix(real, r+"/") {
			return nil
		}
	}
	last, err := ownersOK(path, st.uid)
	if err != nil {
		return err
	}
	if last.id != st.id {
		return errors.New("file changed while it was opened")
	}
	return nil
}

// maxLinks on one path, as in the kernel.
const maxLinks = 40

// ownersOK walks path as the kernel does, checks the owner of each link, and
// returns the status of what it leads to.
func ownersOK(path string, owner uint32) (status, error) {
	self := uint32(os.Getuid())
	todo := elements(path)
	at := "/"
	st, err := lstat(at)
	for links := 0; len(todo) > 0 && err == nil; {
		e := todo[0]
		todo = todo[1:]
		switch e {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			st, err = lstat(at)
			continue
		}
		next := filepath.Join(at, e)
		st, err = lstat(next)
		if err != nil || st.mode&unix.S_IFMT != unix.S_IFLNK {
			at = next
			continue
		}
		if st.uid != 0 && st.uid != self && st.uid != owner {
			return st, skipError(fmt.Sprintf("is a link out of the allowed directories, by way of %s, which user %d made", next, st.uid))
		}
		if links++; links > maxLinks {
			return st, unix.ELOOP
		}
		target, lerr := os.Readlink(next)
		if lerr != nil {
			return st, fmt.Errorf("resolve link: %w", lerr)
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		todo = append(elements(target), todo...)
	}
	return st, err
}
