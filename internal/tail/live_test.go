package tail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shipper/internal/input"
	"shipper/internal/record"
)

// live runs a Follower with all its goroutines, and can kill and restart it at
// any time with the positions that were put by then.
type live struct {
	t     testing.TB
	f     Follower
	tally *tally
	log   syncBuffer

	mu     sync.Mutex
	stored map[string][]byte
	books  map[input.EntryKind]int64
	lost   map[string]int64
	stall  chan struct{} // put waits while it is open; nil: no stall
	killed bool

	stop context.CancelFunc
	done chan error
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func newLive(t testing.TB, paths ...string) *live {
	l := &live{t: t, tally: newTally(), stored: map[string][]byte{}, books: map[input.EntryKind]int64{}, lost: map[string]int64{}}
	l.f = Follower{
		Name: "in", Paths: paths, LineLimit: 1 << 20, ChunkBytes: 64 << 10, PollInterval: 10 * time.Millisecond,
		JoinTimeout: 50 * time.Millisecond, Grace: 2 * time.Second, Retention: time.Hour,
		NewStream: func(id, path string) *record.Stream { return &record.Stream{ID: id} },
		NewCutter: func([]byte) Cutter { return lineCutter{} },
	}
	t.Cleanup(func() {
		if t.Failed() {
			text := l.log.b.String()
			t.Logf("log:\n%s", text[max(0, len(text)-6000):])
		}
	})
	return l
}

func (l *live) start() {
	f := l.f
	f.Stats = new(Stats)
	f.Log = slog.New(slog.NewTextHandler(&l.log, nil))
	ctx, stop := context.WithCancel(context.Background())
	l.stop, l.done = stop, make(chan error, 1)
	l.mu.Lock()
	stored := maps.Clone(l.stored)
	l.killed = false
	l.mu.Unlock()
	done := l.done
	go func() { done <- f.Run(ctx, stored, l.put) }()
}

var errKilled = errors.New("killed")

// kill ends it at once: what is being put is not taken.
func (l *live) kill() {
	l.mu.Lock()
	l.killed = true
	if l.stall != nil {
		close(l.stall)
		l.stall = nil
	}
	l.mu.Unlock()
	l.stop()
	if err := <-l.done; err != nil && !errors.Is(err, errKilled) {
		l.t.Errorf("Run: %v", err)
	}
}

func (l *live) put(c input.Chunk) error {
	checkChunk(l.t, c)
	l.mu.Lock()
	for l.stall != nil {
		stall := l.stall
		l.mu.Unlock()
		<-stall
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	if l.killed {
		return errKilled
	}
	from := int32(0)
	for _, end := range c.Ends {
		l.tally.add(string(c.Data[from:end]))
		from = end
	}
	if c.Input != "" {
		if c.Pos == nil {
			delete(l.stored, c.Input)
		} else {
			l.stored[c.Input] = c.Pos
		}
	}
	l.books[input.Queued] += int64(len(c.Data))
	for _, e := range c.Books {
		l.books[e.Kind] += e.Bytes
		if e.Kind == input.Lost {
			l.lost[e.Reason] += e.Bytes
		}
	}
	if c.Release != nil {
		c.Release()
	}
	return nil
}

// hold stalls put until the function it returns is called.
func (l *live) hold() (release func()) {
	stall := make(chan struct{})
	l.mu.Lock()
	l.stall = stall
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.stall == stall {
			close(stall)
			l.stall = nil
		}
	}
}

// await waits until n lines were put.
func (l *live) await(n int) {
	l.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		l.tally.mu.Lock()
		total := l.tally.total
		l.tally.mu.Unlock()
		if total >= n {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// writer writes numbered lines and rotates.
type writer struct {
	t       *testing.T
	path    string
	rotate  func(w *writer)
	perFile int
	file    *os.File
	n       int
	k       int // rotations
	buf     []byte
	slow    bool // let a name live for some polls
}

func (w *writer) must(err error) {
	if err != nil {
		w.t.Error(err)
	}
}

func (w *writer) open() {
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	w.must(err)
	w.file = f
}

// write writes count lines, a few in each write, which need not end with a line.
func (w *writer) write(count int) {
	if w.file == nil {
		w.open()
	}
	for range count {
		w.line()
		if w.n%w.perFile == 0 {
			w.flush()
			w.k++
			w.rotate(w)
			if w.slow {
				time.Sleep(40 * time.Millisecond)
			}
		}
	}
	w.flush()
}

func (w *writer) line() {
	w.buf = fmt.Appendf(w.buf, "line %07d of a file that is followed\n", w.n)
	w.n++
	if len(w.buf) > 1000 {
		_, err := w.file.Write(w.buf[:900])
		w.must(err)
		w.buf = w.buf[:copy(w.buf, w.buf[900:])]
	}
}

func (w *writer) flush() {
	_, err := w.file.Write(w.buf)
	w.must(err)
	w.buf = w.buf[:0]
}

// awaitReader lets the name live until the file is open to somebody else, too.
func (w *writer) awaitReader() {
	mine, err := w.file.Stat()
	w.must(err)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		open := 0
		fds, err := os.ReadDir("/proc/self/fd")
		w.must(err)
		for _, fd := range fds {
			if info, err := os.Stat("/proc/self/fd/" + fd.Name()); err == nil && os.SameFile(info, mine) {
				open++
			}
		}
		if open > 1 {
			return
		}
	}
	w.t.Error("nobody opened the file")
}

func (w *writer) old(k int) string { return fmt.Sprintf("%s.%d", w.path, k) }

func rename(w *writer) {
	w.must(os.Rename(w.path, w.old(w.k)))
	w.must(w.file.Close())
	w.open()
}

func lateClose(w *writer) {
	w.must(os.Rename(w.path, w.old(w.k)))
	late := w.file
	w.open()
	next := w.file
	w.file = late
	for range 100 {
		w.line()
	}
	w.flush()
	w.must(late.Close())
	w.file = next
}

func renameGzip(w *writer) {
	w.must(os.Rename(w.path, w.old(w.k)))
	w.must(w.file.Close())
	w.open()
	gzipped(w, w.old(w.k))
	if w.k > 2 {
		w.must(os.Remove(w.old(w.k-2) + ".gz"))
	}
	w.awaitReader()
}

// copyTruncate keeps all copies: one that is removed before a busy machine let the
// follower list it would be missing.
func copyTruncate(w *writer) {
	data, err := os.ReadFile(w.path)
	w.must(err)
	w.must(os.WriteFile(w.old(w.k), data, 0o644))
	w.must(w.file.Truncate(0))
}

func deleteIt(w *writer) {
	w.must(os.Remove(w.path))
	w.must(w.file.Close())
	w.open()
	w.awaitReader()
}

// TestFullSpeed has a writer rotate at full speed, with a stall of the pipeline
// in between.
func TestFullSpeed(t *testing.T) {
	for _, m := range []struct {
		name   string
		glob   string
		rotate func(*writer)
	}{
		{"rename", "*.log", rename},
		{"rename, all match", "*.log*", rename},
		{"late close", "*.log", lateClose},
		{"rename, gzip, delete", "*.log", renameGzip},
		{"copytruncate", "*.log*", copyTruncate},
		{"delete", "*.log", deleteIt},
	} {
		for _, notify := range []bool{true, false} {
			if !notify && m.name != "copytruncate" && m.name != "late close" {
				continue // what lives shorter than a poll is not to be had by polling
			}
			t.Run(fmt.Sprintf("%s/inotify=%v", m.name, notify), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				l := newLive(t, filepath.Join(dir, m.glob))
				l.f.NoNotify = !notify
				l.start()
				w := &writer{t: t, path: filepath.Join(dir, "a.log"), rotate: m.rotate, perFile: 5000}
				w.write(1)
				l.await(1) // it runs
				w.slow = !notify
				w.write(21_999)
				release := l.hold()
				w.write(33_000)
				time.AfterFunc(200*time.Millisecond, release)
				w.write(11_000)
				l.await(w.n)
				l.kill()
				l.tally.check(t, w.n)
				if l.books[input.Read] != l.books[input.Queued] || len(l.lost) > 0 {
					t.Errorf("books %v, lost %v", l.books, l.lost)
				}
			})
		}
	}
}

// TestFirstStartStalled has nothing become durable at the very first start: files
// are held open all the same, after a moment.
func TestFirstStartStalled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := newLive(t, filepath.Join(dir, "*.log"))
	release := l.hold()
	w := &writer{t: t, path: filepath.Join(dir, "a.log"), perFile: 1000}
	w.write(100)
	w.must(w.file.Close())
	l.start()
	opened := func() (n int) {
		fds, err := filepath.Glob("/proc/self/fd/*")
		w.must(err)
		for _, fd := range fds {
			if path, _ := os.Readlink(fd); path == w.path {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(20 * time.Second); opened() == 0 && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
	w.must(os.Remove(w.path))
	release()
	l.await(w.n)
	l.kill()
	l.tally.check(t, w.n)
}

// TestKilled kills and restarts the follower at random while a writer writes
// and rotates.
func TestKilled(t *testing.T) {
	for _, m := range []struct {
		name   string
		glob   string
		rotate func(*writer)
	}{
		{"rename", "*.log", func(w *writer) {
			w.must(os.Rename(w.path, w.old(w.k)))
			w.must(w.file.Close())
			w.open()
		}},
		{"late close", "*.log", lateClose},
		{"rename and gzip", "*.log", func(w *writer) {
			w.must(os.Rename(w.path, w.old(w.k)))
			w.must(w.file.Close())
			w.open()
			if w.k > 1 {
				gzipped(w, w.old(w.k-1))
			}
		}},
		{"copytruncate", "*.log*", copyTruncate},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			rnd := rand.New(rand.NewPCG(seed, 1))
			dir := t.TempDir()
			l := newLive(t, filepath.Join(dir, m.glob))
			l.start()
			w := &writer{t: t, path: filepath.Join(dir, "a.log"), rotate: m.rotate, perFile: 3000}
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						w.write(200)
						time.Sleep(time.Millisecond)
					}
				}
			})
			for range 25 {
				time.Sleep(time.Duration(rnd.IntN(40)) * time.Millisecond)
				if rnd.IntN(3) == 0 {
					l.hold()
					time.Sleep(time.Duration(rnd.IntN(40)) * time.Millisecond)
				}
				l.kill()
				time.Sleep(time.Duration(rnd.IntN(30)) * time.Millisecond)
				l.start()
			}
			close(stop)
			wg.Wait()
			l.await(w.n)
			l.kill()
			l.tally.check(t, w.n)
			if t.Failed() {
				t.Logf("seed %d, %d rotations, lost %v", seed, w.k, l.lost)
			}
		})
	}
}
