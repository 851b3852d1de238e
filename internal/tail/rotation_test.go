package tail

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"shipper/internal/input"
)

func gz(b *bench, name string) { b.t.Helper(); b.must(gzipFile(b.path(name))) }

func gzipped(w *writer, path string) { w.must(gzipFile(path)) }

// gzipFile does what gzip(1) does.
func gzipFile(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(data)
	z.Close()
	half := out.Len() / 2
	f, err := os.Create(path + ".gz")
	if err != nil {
		return err
	}
	f.Write(out.Bytes()[:half])
	f.Write(out.Bytes()[half:])
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Chtimes(path+".gz", st.ModTime(), st.ModTime()); err != nil {
		return err
	}
	return os.Remove(path)
}

// stopRead stops, a minute ago, with lines 0 to 10 read, all that a.log has.
func stopRead(b *bench) {
	b.start()
	b.write("a.log", lines(0, 10))
	b.poll()
	b.stop()
	b.elapse(time.Minute)
}

// stopBehind stops with lines 0 to 100 read of 200 in a.log.
func stopBehind(b *bench) {
	b.start()
	b.write("a.log", lines(0, 100))
	b.poll()
	b.elapse(time.Second)
	b.stop()
	b.write("a.log", lines(100, 200))
}

// beginBehind begins a while later, and reads a few more lines only.
func beginBehind(b *bench) {
	b.elapse(time.Second)
	b.f.ChunkBytes = 256
	b.begin()
	b.step()
	b.elapse(time.Second)
}

// TestSteps goes through what can happen to a file, step by step. Each case
// writes lines 0 to the number it returns, and wants each of them once.
func TestSteps(t *testing.T) {
	cases := []struct {
		name  string
		paths []string
		steps func(b *bench) (lines int)
	}{
		{"append", []string{"*.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.write("a.log", lines(10, 20))
			b.poll()
			return 20
		}},
		{"partial line", []string{"*.log"}, func(b *bench) int {
			b.write("a.log", lines(0, 1)[:20])
			b.start()
			b.want()
			b.write("a.log", lines(0, 1)[20:])
			b.poll()
			b.write("a.log", lines(1, 2)[:5])
			b.poll()
			b.restart()
			b.write("a.log", lines(1, 2)[5:])
			b.poll()
			return 2
		}},
		{"partial line, rotation, rest", []string{"a.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 1)+lines(1, 2)[:7])
			b.poll()
			b.rename("a.log", "a.log.1")
			b.write("a.log", lines(2, 3))
			b.poll()
			b.write("a.log.1", lines(1, 2)[7:])
			b.poll()
			return 3
		}},
		{"rename", []string{"a.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.write("a.log", lines(10, 20))
			b.rename("a.log", "a.log.1")
			b.write("a.log", lines(20, 30))
			b.poll()
			return 30
		}},
		{"rename, both match", []string{"a.log*"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.write("a.log", lines(10, 20))
			b.rename("a.log", "a.log.1")
			b.write("a.log", lines(20, 30))
			b.poll()
			b.rename("a.log.1", "a.log.2")
			b.rename("a.log", "a.log.1")
			b.write("a.log", lines(30, 40))
			b.poll()
			b.restart()
			return 40
		}},
		{"late close, long after", []string{"a.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.rename("a.log", "a.log.1")
			b.write("a.log", lines(10, 20))
			for i := range 5 {
				b.pass(b.f.Grace - 10*time.Second)
				b.write("a.log.1", lines(20+i, 21+i))
				b.poll()
			}
			return 25
		}},
		{"renamed, nothing, back again", []string{"a.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.rename("a.log", "a.log.1")
			b.pass(5 * time.Second)
			b.rename("a.log.1", "a.log")
			b.write("a.log", lines(10, 20))
			b.poll()
			b.rename("a.log", "elsewhere")
			b.pass(b.f.Grace)
			b.poll()
			b.rename("elsewhere", "a.log")
			b.write("a.log", lines(20, 30))
			b.poll()
			return 30
		}},
		{"deleted unread", []string{"a.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 10))
			b.poll()
			b.write("a.log", lines(10, 20))
			b.scan()
			b.remove("a.log")
			b.scan()
			b.write("a.log", lines(20, 30))
			b.poll()
			return 30
		}},
		{"never listed under its name", []string{"a.log"}, func(b *bench) int {
			b.write("a.log", lines(0, 10))
			b.write("a.log.9", "of old\n")
			old := time.Now().Add(-time.Hour)
			b.must(os.Chtimes(b.path("a.log.9"), old, old))
			b.start()
			b.rename("a.log.9", "a.log.10")
			b.rename("a.log", "a.log.2")
			b.write("a.log.1", lines(10, 20))
			b.write("a.log", lines(20, 30))
			b.poll()
			return 30
		}},
		{"copytruncate", []string{"a.log*"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 100))
			b.poll()
			b.write("a.log", lines(100, 200))
			b.copy("a.log", "a.log.1")
			b.poll()
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(200, 210))
			b.poll()
			b.write("a.log", lines(210, 220))
			b.poll()
			b.restart()
			return 220
		}},
		{"copied and removed", []string{"a.log*"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 100))
			b.poll()
			b.write("a.log", lines(100, 200))
			b.copy("a.log", "a.log.1")
			b.scan()
			b.remove("a.log")
			b.write("a.log", lines(200, 210))
			b.scan()
			b.poll()
			b.pass(b.f.Grace)
			b.write("a.log.1", lines(210, 220)) // somebody goes on in the copy
			b.pass(b.f.Grace)
			return 220
		}},
		{"moved to another file system that is followed", []string{"*.log", "old/*"}, func(b *bench) int {
			b.must(os.Mkdir(b.path("old"), 0o755))
			b.start()
			for i := range 3 {
				b.write("a.log", lines(i*200, i*200+100))
				b.poll()
				b.write("a.log", lines(i*200+100, i*200+200))
				b.copy("a.log", "old/a.log."+strconv.Itoa(i)) // as mv does
				b.scan()
				b.poll()
				b.remove("a.log")
				b.scan()
			}
			b.write("a.log", lines(600, 610))
			b.scan()
			b.poll()
			b.pass(b.f.Grace)
			b.pass(b.f.Grace)
			return 610
		}},
		{"two files of one name that begin alike", []string{"x/a.log", "y/a.log"}, func(b *bench) int {
			b.must(os.Mkdir(b.path("x"), 0o755))
			b.must(os.Mkdir(b.path("y"), 0o755))
			b.start()
			b.write("x/a.log", banner)
			b.write("y/a.log", banner)
			b.poll()
			b.write("x/a.log", lines(0, 10))
			b.poll()
			b.pass(b.f.Grace) // then the other one is none that is being copied
			b.pass(b.f.Grace)
			b.dropBanners(2)
			b.write("y/a.log", lines(10, 20))
			b.poll()
			return 20
		}},
		{"copytruncate, stalled", []string{"a.log*"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 100))
			b.poll()
			b.write("a.log", lines(100, 200))
			b.copy("a.log", "a.log.1")
			b.scan()
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(200, 210))
			b.scan()
			b.rename("a.log.1", "a.log.2")
			b.copy("a.log", "a.log.1")
			b.scan()
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(210, 220))
			b.poll()
			return 220
		}},
		{"copytruncate, the copy was seen half done", []string{"a.log*"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 100))
			b.poll()
			b.write("a.log.1", lines(0, 50))
			b.poll()
			b.write("a.log", lines(100, 110))
			b.write("a.log.1", lines(50, 110))
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(110, 120))
			b.poll()
			b.restart()
			return 120
		}},
		{"copytruncate, the copy does not match", []string{"a.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 100))
			b.poll()
			b.write("a.log", lines(100, 200))
			b.copy("a.log", "a.log.1")
			b.scan()
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(200, 210))
			b.poll()
			return 210
		}},
		{"copytruncate while down", []string{"a.log*"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 100))
			b.poll()
			b.stop()
			b.write("a.log", lines(100, 200))
			b.copy("a.log", "a.log.1")
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(200, 210))
			b.start()
			b.restart()
			return 210
		}},
		{"copied while down, truncated when that is not read yet", []string{"a.log"}, func(b *bench) int {
			stopBehind(b)
			b.copy("a.log", "a.log.1")
			beginBehind(b)
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(200, 210))
			b.poll()
			b.pass(b.f.Grace)
			return 210
		}},
		{"half copied while down, truncated when that is not read yet", []string{"a.log"}, func(b *bench) int {
			stopBehind(b)
			b.write("a.log.1", lines(0, 40))
			beginBehind(b)
			b.write("a.log.1", lines(40, 200))
			b.must(os.Truncate(b.path("a.log"), 0))
			b.write("a.log", lines(200, 210))
			b.poll()
			b.pass(b.f.Grace)
			return 210
		}},
		{"copied while down, and let alone", []string{"a.log"}, func(b *bench) int {
			stopBehind(b)
			b.copy("a.log", "a.log.1")
			b.start()
			b.pass(b.f.Grace)
			b.write("a.log", lines(200, 210))
			b.poll()
			b.restart()
			return 210
		}},
		{"killed before anything is read at the first start, and rotated", []string{"a.log"}, func(b *bench) int {
			b.write("a.log.1", "of old\n")
			b.elapse(time.Hour)
			b.begin()
			b.write("a.log", lines(0, 10))
			b.crash(0)
			b.rename("a.log.1", "a.log.2")
			b.rename("a.log", "a.log.1")
			b.elapse(time.Second)
			b.write("a.log", lines(10, 20))
			b.start()
			return 20
		}},
		{"truncated to exactly the same size", []string{"a.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 100))
			b.poll()
			b.must(os.WriteFile(b.path("a.log"), []byte(lines(100, 200)), 0o644))
			b.poll()
			return 200
		}},
		{"truncated and grown beyond", []string{"a.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 100))
			b.poll()
			b.must(os.WriteFile(b.path("a.log"), []byte(lines(100, 300)), 0o644))
			b.poll()
			return 300
		}},
		{"two files in one", []string{"a*.log", "*.log", "**/a.log"}, func(b *bench) int {
			b.start()
			b.write("a.log", lines(0, 10))
			b.must(os.Link(b.path("a.log"), b.path("b.log")))
			b.must(os.Symlink(b.path("a.log"), b.path("c.log")))
			b.poll()
			b.write("b.log", lines(10, 20))
			b.poll()
			b.remove("a.log")
			b.poll()
			b.write("b.log", lines(20, 30))
			b.poll()
			return 30
		}},
		{"link switched", []string{"current"}, func(b *bench) int {
			b.write("1.log", lines(0, 10))
			b.must(os.Symlink("1.log", b.path("current")))
			b.start()
			b.write("1.log", lines(10, 20))
			b.write("2.log", lines(20, 30))
			b.remove("current")
			b.must(os.Symlink("2.log", b.path("current")))
			b.poll()
			b.write("1.log", lines(30, 40))
			b.poll()
			return 40
		}},
		{"directory replaced", []string{"d/*.log"}, func(b *bench) int {
			b.start()
			b.must(os.Mkdir(b.path("d"), 0o755))
			b.write("d/a.log", lines(0, 10))
			b.poll()
			b.write("d/a.log", lines(10, 20))
			b.rename("d", "e")
			b.must(os.Mkdir(b.path("d"), 0o755))
			b.write("d/a.log", lines(20, 30))
			b.poll()
			b.write("e/a.log", lines(30, 40))
			b.poll()
			return 40
		}},
		{"directory becomes a file, and a directory again", []string{"d/*.log"}, func(b *bench) int {
			b.must(os.Mkdir(b.path("d"), 0o755))
			b.write("d/a.log", lines(0, 10))
			b.start()
			b.rename("d", "e")
			b.write("d", "x")
			b.poll()
			b.write("e/a.log", lines(10, 20))
			b.remove("d")
			b.poll()
			b.rename("e", "d")
			b.write("d/a.log", lines(20, 30))
			b.poll()
			return 30
		}},
		{"any depth", []string{"**/*.log"}, func(b *bench) int {
			b.must(os.MkdirAll(b.path("x/y/z"), 0o755))
			b.write("x/y/z/a.log", lines(0, 10))
			b.write("a.log", lines(10, 20))
			b.start()
			b.must(os.MkdirAll(b.path("u/v"), 0o755))
			b.write("u/v/b.log", lines(20, 30))
			b.write("u/v/b.txt", "no\n")
			b.must(os.Symlink(b.dir, b.path("u/v/round"))) // never entered
			b.poll()
			return 30
		}},
		{"replaced by the same content", []string{"a.log"}, func(b *bench) int {
			b.write("a.log", lines(0, 100))
			b.start()
			b.stop()
			b.copy("a.log", "new")
			b.rename("new", "a.log")
			b.write("a.log", lines(100, 110))
			b.start()
			return 110
		}},
		{"rotated while down, five times", []string{"a.log"}, func(b *bench) int {
			b.write("a.log.1", "of old\n")
			b.write("a.log", lines(0, 10))
			time.Sleep(2 * settleTime) // the old one is older than the first sight of the new one
			b.start()
			b.stop()
			b.write("a.log", lines(10, 20))
			for i := 2; i < 7; i++ {
				for k := i; k > 1; k-- {
					os.Rename(b.path("a.log."+string(rune('0'+k-1))), b.path("a.log."+string(rune('0'+k))))
				}
				b.rename("a.log", "a.log.1")
				b.write("a.log", lines(10*i, 10*i+10))
			}
			b.start()
			b.restart()
			return 70
		}},
		{"rotated and compressed while down", []string{"a.log"}, func(b *bench) int {
			b.write("a.log", lines(0, 100))
			b.start()
			b.stop()
			b.write("a.log", lines(100, 200))
			b.rename("a.log", "a.log.3")
			b.write("a.log.2", lines(200, 300))
			b.write("a.log.1", lines(300, 400))
			b.write("a.log", lines(400, 500))
			gz(b, "a.log.3")
			gz(b, "a.log.2")
			b.write("a.log.1.gz.tmp", "not this")
			b.start()
			b.restart()
			return 500
		}},
		{"inode used again while down", []string{"a.log"}, func(b *bench) int {
			b.write("a.log", lines(0, 10))
			b.start()
			b.stop()
			b.must(os.WriteFile(b.path("a.log"), []byte(lines(10, 30)), 0o644)) // in place: the inode stays
			b.start()
			return 30
		}},
		{"two files that begin alike", []string{"*.log*"}, func(b *bench) int {
			b.write("a.log", banner)
			b.start()
			b.write("b.log", banner)
			b.write("a.log.1", banner)
			b.poll()
			b.write("a.log", lines(0, 10))
			b.write("b.log", lines(10, 20))
			b.write("a.log.1", lines(20, 30))
			b.poll()
			b.restart()
			b.dropBanners(3)
			return 30
		}},
		{"replaced by a file that begins alike, while down", []string{"a.log"}, func(b *bench) int {
			b.write("a.log", banner+lines(0, 100))
			b.start()
			b.stop()
			b.must(os.WriteFile(b.path("a.log"), []byte(banner+lines(100, 300)), 0o644)) // the inode stays
			b.start()
			b.dropBanners(2)
			return 300
		}},
		{"truncated, begins alike, grown beyond", []string{"a.log"}, func(b *bench) int {
			b.write("a.log", banner+lines(0, 100))
			b.start()
			b.must(os.WriteFile(b.path("a.log"), []byte(banner+lines(100, 300)), 0o644))
			b.poll()
			b.dropBanners(2)
			return 300
		}},
		{"truncated, begins and ends alike, as long", []string{"a.log"}, func(b *bench) int {
			head, end := banner[:len(banner)*9/10], banner[len(banner)*9/10:]
			b.write("a.log", head+lines(0, 100)+end)
			b.start()
			b.must(os.WriteFile(b.path("a.log"), []byte(head+lines(100, 200)+end), 0o644))
			b.poll()
			b.dropBanners(2)
			return 200
		}},
		{"an unfinished line is cut off", []string{"a.log"}, func(b *bench) int {
			b.write("a.log", lines(0, 10)+lines(10, 11)[:20])
			b.start()
			b.must(os.Truncate(b.path("a.log"), int64(len(lines(0, 10))+5)))
			b.poll()
			b.write("a.log", lines(10, 11)[5:])
			b.poll()
			return 11
		}},
		{"moved to another name, and a copy elsewhere", []string{"*.log", "old/*"}, func(b *bench) int {
			b.must(os.Mkdir(b.path("old"), 0o755))
			b.write("a.log", lines(0, 100))
			b.start()
			b.write("a.log", lines(100, 110))
			b.stop()
			b.copy("a.log", "old/a.log-20260102")
			b.remove("a.log")
			b.write("a.log", lines(110, 120))
			b.start()
			return 120
		}},
		{"compressed with zstd while down", []string{"a.log"}, func(b *bench) int {
			b.write("a.log", lines(0, 10))
			b.start()
			b.stop()
			b.write("a.log", lines(10, 9000))
			data, err := os.ReadFile(b.path("a.log"))
			b.must(err)
			z, err := zstd.NewWriter(nil)
			b.must(err)
			b.must(os.WriteFile(b.path("a.log-20260102.zst"), z.EncodeAll(data, nil), 0o644))
			b.remove("a.log")
			b.write("a.log", lines(9000, 9010))
			b.start()
			for i := 1; i < len(b.recs); i++ {
				if b.recs[i-1].text > b.recs[i].text {
					b.t.Errorf("%q before %q", b.recs[i-1].text, b.recs[i].text)
				}
			}
			return 9010
		}},
		{"rotated again before the rotated files are read", []string{"a.log"}, func(b *bench) int {
			b.f.ChunkBytes = 1 << 10
			b.write("a.log", lines(0, 100))
			b.start()
			b.stop()
			b.rename("a.log", "a.log.3")
			b.write("a.log.3", lines(100, 200))
			b.write("a.log.2", lines(200, 300))
			b.write("a.log.1", lines(300, 400))
			b.write("a.log", lines(400, 500))
			for range 30 { // one chunk at a time
				b.startOne()
				b.stop()
			}
			b.start()
			return 500
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, c.paths...)
			b.wantLines(c.steps(b))
			// Nothing comes again from a position that was stored.
			n := len(b.recs)
			b.restart()
			b.pass(b.f.Grace)
			b.pass(b.f.Grace)
			b.restart()
			if len(b.recs) != n {
				t.Errorf("%d records again after a restart: %+v", len(b.recs)-n, b.recs[n:])
			}
		})
	}
}

var banner = strings.Repeat("this is how all files begin\n", 50)

// dropBanners takes the lines of banners away, of which there have to be n.
func (b *bench) dropBanners(n int) {
	b.t.Helper()
	found := len(b.recs)
	b.recs = slices.DeleteFunc(b.recs, func(r rec) bool { return strings.HasPrefix(r.text, "this is") })
	if found -= len(b.recs); found != n*50 {
		b.t.Errorf("%d lines of banners, want %d", found, n*50)
	}
}

func TestLoss(t *testing.T) {
	t.Run("deleted while down", func(t *testing.T) {
		b := newBench(t, "a.log")
		b.write("a.log", lines(0, 10))
		b.start()
		b.stop()
		b.write("a.log", lines(10, 20))
		b.remove("a.log")
		b.start()
		if _, n := b.booked(input.Lost, "deleted_unread"); n != 1 {
			t.Errorf("%d losses, want 1", n)
		}
		b.restart()
		if _, n := b.booked(input.Lost, "deleted_unread"); n != 1 {
			t.Errorf("%d losses after another start, want 1", n)
		}
	})
	t.Run("truncated unread", func(t *testing.T) {
		b := newBench(t, "a.log")
		b.start()
		b.write("a.log", lines(0, 10))
		b.poll()
		partial := lines(10, 11)[:30]
		b.write("a.log", partial)
		b.poll()
		b.must(os.Truncate(b.path("a.log"), 0))
		b.poll()
		b.pass(b.f.Grace)
		if n, _ := b.booked(input.Lost, "truncated_unread"); n != int64(len(partial)) {
			t.Errorf("%d bytes lost, want %d", n, len(partial))
		}
	})
	t.Run("compressed file is damaged", func(t *testing.T) {
		b := newBench(t, "a.log")
		b.write("a.log", lines(0, 10))
		b.start()
		b.stop()
		b.write("a.log", lines(10, 5000))
		gz(b, "a.log")
		b.must(os.Truncate(b.path("a.log.gz"), 4000))
		b.rename("a.log.gz", "a.log.1.gz")
		b.write("a.log", lines(5000, 5001))
		b.start()
		if _, n := b.booked(input.Lost, "damaged_archive"); n != 1 {
			t.Errorf("%d losses, want 1", n)
		}
		b.restart()
		if _, n := b.booked(input.Lost, "damaged_archive"); n != 1 {
			t.Errorf("%d losses after another start, want 1", n)
		}
	})
	t.Run("deleted files hold too much", func(t *testing.T) {
		b := newBench(t, "a.log")
		b.f.HeldBytes = 64 << 10
		b.start()
		b.write("a.log", lines(0, 10))
		b.poll()
		more := lines(10, 4000)
		b.write("a.log", more)
		b.remove("a.log")
		b.scan()
		b.poll()
		if n, _ := b.booked(input.Lost, "held_limit"); n != int64(len(more)) {
			t.Errorf("%d bytes lost, want %d", n, len(more))
		}
		if held := b.f.Stats.HeldBytes.Load(); held != 0 {
			t.Errorf("%d bytes still held", held)
		}
		b.wantLines(10)
	})
}

// TestRotatedWhileListed has files be compressed, and renamed, between the listing
// of their directory and the look at them: each is found, and once.
func TestRotatedWhileListed(t *testing.T) {
	for _, c := range []struct{ name, listed, there, taken, want string }{
		{"compressed", "a.log.1", "a.log.1.gz", "", "a.log.1.gz"},
		{"compressed and removed while looked at", "a.log.1 a.log.1.gz", "a.log.1.gz", "a.log.1", ""},
		{"renamed", "a.log.1", "a.log.2", "", "a.log.2"},
		{"removed", "a.log.1", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, "a.log")
			for _, name := range strings.Fields(c.there) {
				b.write(name, lines(0, 10))
			}
			e, err := b.f.engine(nil, func(input.Chunk) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			defer e.set.closeAll()
			m := &matching{reader: e.reader, dirs: map[string]map[string][]string{b.dir + "/": {"a.log": strings.Fields(c.listed)}}, taken: map[string]bool{}}
			if c.taken != "" {
				m.taken[b.path(c.taken)] = true
			}
			l := &lineage{path: b.path("a.log")}
			m.look(l)
			var found []string
			for _, r := range l.beside {
				found = append(found, filepath.Base(r.path))
			}
			if got := strings.Join(found, " "); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// TestRetention has positions of files that are gone be forgotten, by number
// and by age.
func TestRetention(t *testing.T) {
	b := newBench(t, "a.log")
	b.f.Grace = time.Second
	b.start()
	for i := range perPath + 20 {
		b.write("a.log", lines(i, i+1))
		b.poll()
		b.remove("a.log")
		b.pass(time.Minute)
	}
	b.wantLines(perPath + 20)
	if n := len(b.stored) - 1; n != perPath {
		t.Errorf("%d positions, want %d", n, perPath)
	}
	b.f.Retention = time.Nanosecond
	b.restart()
	b.pass(2 * expireInterval)
	if n := len(b.stored) - 2; n != 0 { // but the times of the first start and of forgetting
		t.Errorf("%d positions after their time, want none", n)
	}
}
