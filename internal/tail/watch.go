package tail

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// watchMask is for names that come and go. Writes are not in it: they would be
// paid for by the writers.
const watchMask = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_ONLYDIR

// watcher tells which directories have changed. It is a hint: events may be
// lost, and all that is done with them is to look sooner.
type watcher struct {
	fd   int
	file *os.File
	wake chan struct{} // of capacity 1

	mu    sync.Mutex
	dirty map[int32]bool // by watch descriptor; -1: events were lost
}

func newWatcher() (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("start inotify: %w", err)
	}
	w := &watcher{fd: fd, file: os.NewFile(uintptr(fd), "inotify"), wake: make(chan struct{}, 1), dirty: map[int32]bool{}}
	go w.read()
	return w, nil
}

// add watches a directory and returns the descriptor its events carry; two
// names of one directory have the same.
func (w *watcher) add(dir string) (int32, error) {
	wd, err := unix.InotifyAddWatch(w.fd, dir, watchMask)
	return int32(wd), err
}

func (w *watcher) remove(wd int32) {
	unix.InotifyRmWatch(w.fd, uint32(wd)) // fails if the directory is gone, which is as well
}

// take returns the directories that have changed since it was last called.
func (w *watcher) take() map[int32]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dirty) == 0 {
		return nil
	}
	d := w.dirty
	w.dirty = map[int32]bool{}
	return d
}

func (w *watcher) close() { w.file.Close() } // ends read

func (w *watcher) read() {
	buf := make([]byte, 16<<10)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return
		}
		w.mu.Lock()
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			wd := int32(binary.NativeEndian.Uint32(b))
			mask := binary.NativeEndian.Uint32(b[4:])
			if mask&unix.IN_IGNORED == 0 {
				w.dirty[wd] = true
			}
			b = b[min(len(b), unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:]))):]
		}
		w.mu.Unlock()
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}
