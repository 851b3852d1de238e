package tail

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shipper/internal/input"
)

var discard = slog.New(slog.DiscardHandler)

// TestNotRegular has everything in a glob that is not to be read, and none of
// it may block.
func TestNotRegular(t *testing.T) {
	b := newBench(t, "*.log", "**/deep.log")
	b.must(unix.Mkfifo(b.path("fifo.log"), 0o644))
	b.must(os.Mkdir(b.path("dir.log"), 0o755))
	l, err := net.Listen("unix", b.path("sock.log"))
	b.must(err)
	defer l.Close()
	b.must(os.Symlink("fifo.log", b.path("linked fifo.log")))
	b.must(os.Symlink("loop.log", b.path("loop.log")))
	b.must(os.Symlink("nowhere", b.path("dangling.log")))
	b.must(os.Symlink("/dev/zero", b.path("zero.log")))
	b.must(os.Symlink(".", b.path("here")))
	b.write("packed.log.gz", "not read")
	b.f.Paths = append(b.f.Paths, b.path("*.gz"))
	b.write("good.log", lines(0, 1))
	b.start()
	b.wantLines(1)
	log := b.logs.String()
	for _, want := range []string{"is a FIFO", "is a socket", "is a device", "leads nowhere", "too many levels of symbolic links", "is compressed"} {
		if strings.Count(log, want) == 0 {
			t.Errorf("the log does not say %q", want)
		}
	}
	n := b.logs.Len()
	b.pass(time.Hour)
	if b.logs.Len() != n {
		t.Errorf("the same is said again: %s", b.logs.String()[n:])
	}
	// What is good later is followed later.
	b.write("nowhere", lines(1, 2))
	b.remove("fifo.log")
	b.write("fifo.log", lines(2, 3))
	b.pass(time.Hour)
	b.wantLines(3)
}

func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		// Root can read everything: let a link lead nowhere instead.
		b := newBench(t, "*.log")
		b.must(os.Symlink("later/a.txt", b.path("a.log")))
		b.start()
		if n := b.f.Stats.Unreadable.Load(); n != 1 {
			t.Errorf("%d unreadable, want 1", n)
		}
		b.must(os.Mkdir(b.path("later"), 0o755))
		b.write("later/a.txt", lines(0, 1))
		b.pass(time.Minute)
		b.wantLines(1)
		if n := b.f.Stats.Unreadable.Load(); n != 0 {
			t.Errorf("%d unreadable, want 0", n)
		}
		return
	}
	b := newBench(t, "*.log")
	b.write("a.log", lines(0, 1))
	b.must(os.Chmod(b.path("a.log"), 0))
	b.start()
	b.must(os.Chmod(b.path("a.log"), 0o600))
	b.pass(time.Minute)
	b.wantLines(1)
}

// TestLinksOut has links lead out of the directories that are followed.
func TestLinksOut(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs to give files away")
	}
	b := newBench(t, "logs/*.log", "logs/*/x.log")
	b.must(os.Mkdir(b.path("logs"), 0o777))
	b.must(os.Mkdir(b.path("secret"), 0o700))
	link := func(target, name string, uid int) {
		t.Helper()
		b.must(os.Symlink(target, b.path(name)))
		b.must(os.Lchown(b.path(name), uid, uid))
	}
	b.write("secret/x.log", "secret\n")
	b.write("theirs", lines(0, 1))
	b.must(os.Chown(b.path("theirs"), 1234, 1234))
	b.write("ours", lines(1, 2))
	link(b.path("secret/x.log"), "logs/secret.log", 1234)  // theirs, to ours
	link(b.path("secret"), "logs/dir", 1234)               // and by way of a directory
	link(b.path("theirs"), "logs/theirs.log", 1234)        // theirs, to theirs
	link(b.path("ours"), "logs/ours.log", 0)               // ours
	link(b.path("secret/x.log"), "middle", 1234)           // theirs, to ours
	link(b.path("middle"), "logs/by way of a link.log", 0) // ours, to theirs, to ours
	link("../logs/../logs/inner", "logs/inside.log", 1234) // stays inside
	b.write("logs/inner", lines(2, 3))
	b.start()
	b.wantLines(3)
	if n := strings.Count(b.logs.String(), "link out of the allowed directories"); n != 3 {
		t.Errorf("%d links refused, want 3", n)
	}
	b.stop()
	b.recs, b.stored = nil, map[string][]byte{}
	b.f.Roots = []string{b.path("secret")}
	b.start()
	n := 0
	for _, r := range b.recs {
		if r.text == "secret\n" {
			n++
		}
	}
	if n != 1 { // several names of one file
		t.Errorf("the allowed file was read %d times", n)
	}
}

// TestWatch has the kernel tell of names that come and go, and not of writes.
func TestWatch(t *testing.T) {
	w, err := newWatcher()
	if err != nil {
		t.Skip(err)
	}
	defer w.close()
	dir := t.TempDir()
	wd, err := w.add(dir)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := w.add(dir + "/."); err != nil || other != wd {
		t.Errorf("two descriptors of one directory: %d, %d, %v", wd, other, err)
	}
	if err := os.WriteFile(dir+"/a", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	<-w.wake
	if got := w.take(); !got[wd] || len(got) != 1 {
		t.Errorf("changed %v, want %d", got, wd)
	}
	if err := os.WriteFile(dir+"/a", []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"/a", dir+"/b"); err != nil {
		t.Fatal(err)
	}
	<-w.wake
	if got := w.take(); !got[wd] {
		t.Errorf("changed %v, want %d", got, wd)
	}
	if _, err := w.add(dir + "/b"); err == nil {
		t.Error("a file is watched")
	}
}

// TestOverflow has events get lost: everything is looked at then.
func TestOverflow(t *testing.T) {
	b := newBench(t, "*.log")
	b.start()
	b.write("a.log", lines(0, 1))
	if b.e.scanner.scan(b.now, map[int32]bool{-1: true}) {
		t.Error("a scan of what changed, when that is not known")
	}
	b.poll()
	b.wantLines(1)
}

// TestTooMany has more files than there may be.
func TestTooMany(t *testing.T) {
	b := newBench(t, "*.log")
	for _, n := range []string{"a.log", "b.log", "c.log"} {
		b.write(n, "")
	}
	f := *b.f
	f.Stats, f.Log = new(Stats), discard
	e, err := f.engine(nil, b.put)
	b.must(err)
	b.e = e
	e.set.maxOpen = 2
	b.poll()
	if n := f.Stats.Unreadable.Load(); n != 1 || e.set.size() != 2 {
		t.Errorf("%d open, %d not", e.set.size(), n)
	}
	b.remove("a.log")
	b.remove("b.log")
	b.write("c.log", lines(0, 1))
	for range 5 {
		b.pass(time.Minute)
	}
	b.wantLines(1)
}

// TestRotatedBeforeThereIsRoom has files that cannot be opened, for there are too
// many, when they are rotated.
func TestRotatedBeforeThereIsRoom(t *testing.T) {
	b := newBench(t, "*.log")
	b.write("b.log", "")
	b.write("c.log", "")
	b.start()
	b.e.set.maxOpen = 2
	next := 0
	for i := range 3 {
		b.write("a.log", lines(next, next+10))
		next += 10
		b.pass(time.Second)
		b.must(os.Chtimes(b.path("a.log"), time.Time{}, time.Now().Add(-time.Hour)))
		b.rename("a.log", fmt.Sprintf("a.log.%d", i))
		b.pass(time.Second)
		b.pass(time.Minute)
	}
	b.wantLines(0)
	b.remove("b.log")
	b.remove("c.log")
	for range 10 {
		b.pass(time.Minute)
	}
	b.wantLines(next)
}

// TestMissingDirectory follows what does not exist yet.
func TestMissingDirectory(t *testing.T) {
	b := newBench(t, "a/b/*.log")
	b.start()
	if !strings.Contains(b.logs.String(), "waiting for it") {
		t.Error("nothing is said")
	}
	b.must(os.MkdirAll(b.path("a/b"), fs.FileMode(0o755)))
	b.write("a/b/c.log", lines(0, 1))
	b.poll()
	b.wantLines(1)
}

// TestStaleHandle has a handle that cannot be read any more: the file is opened
// anew, and goes on where it was.
func TestStaleHandle(t *testing.T) {
	b := newBench(t, "a.log")
	b.write("a.log", lines(0, 10))
	b.start()
	b.makeStale()
	b.write("a.log", lines(10, 20))
	b.poll()
	b.poll()
	b.wantLines(20)
	if n := b.f.Stats.ReadErrors.Load(); n == 0 {
		t.Error("no read failed")
	}
	if n := b.f.Stats.Files.Load(); n != 1 {
		t.Errorf("%d files open, want 1", n)
	}
}

// TestStaleHandleOfDeleted: nobody can have what is left of such a file, and it is counted.
func TestStaleHandleOfDeleted(t *testing.T) {
	b := newBench(t, "a.log")
	b.write("a.log", "whole\n{half")
	b.start()
	b.makeStale()
	b.remove("a.log")
	b.pass(b.f.Grace)
	b.pass(b.f.Grace)
	b.want("whole\n")
	if n, _ := b.booked(input.Lost, "read_error"); n != int64(len("{half")) {
		t.Errorf("%d bytes lost by read_error", n)
	}
	if n := b.f.Stats.Files.Load(); n != 0 {
		t.Errorf("%d files open", n)
	}
}

// makeStale lets all reads of open files fail, as if a server had forgotten them.
func (b *bench) makeStale() {
	b.t.Helper()
	for _, f := range b.e.set.open {
		fd, err := unix.Open(f.path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		b.must(err)
		b.must(unix.Dup3(fd, f.fd, unix.O_CLOEXEC))
		b.must(unix.Close(fd))
	}
}
