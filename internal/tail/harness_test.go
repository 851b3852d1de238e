package tail

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shipper/internal/input"
	"shipper/internal/record"
)

// lineCutter ends a record at each newline, but for lines that are followed by
// one with a leading blank: those wait for it, and go together.
type lineCutter struct{}

func (lineCutter) Cut(data []byte, ends []int32, flush, final bool) []int32 {
	for at := 0; at < len(data); {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			if final {
				ends = append(ends, int32(len(data)))
			}
			break
		}
		next := at + i + 1
		switch {
		case next < len(data) && data[next] == '\t': // continued
		case next == len(data) && data[at] == '{' && !flush: // may be continued
		default:
			ends = append(ends, int32(next))
		}
		at = next
	}
	if flush && !final {
		if i := bytes.LastIndexByte(data, '\n') + 1; i > 0 && (len(ends) == 0 || int(ends[len(ends)-1]) < i) {
			ends = append(ends, int32(i))
		}
	}
	return ends
}

func (lineCutter) State() []byte { return nil }

// rec is a record as it was handed on.
type rec struct {
	key   string
	path  string
	text  string
	base  int64
	flags record.Flags
}

// bench drives a Follower by hand: scan and poll happen when the test says so,
// at the time the test says. It stores positions as a queue would.
type bench struct {
	t      *testing.T
	dir    string
	f      *Follower
	e      *engine
	now    time.Time
	stored map[string][]byte
	recs   []rec
	books  []input.Entry
	keys   []string // of every chunk
	left   *int     // chunks that put takes until it fails; nil: all
	logs   bytes.Buffer
	logged func(msg string) // told of each message; may be nil
}

func newBench(t *testing.T, paths ...string) *bench {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, dir: dir, now: time.Now(), stored: map[string][]byte{}}
	b.f = &Follower{
		Name: "in", LineLimit: 1 << 20, ChunkBytes: 256 << 10, PollInterval: 250 * time.Millisecond,
		JoinTimeout: 500 * time.Millisecond, Grace: 30 * time.Second, Retention: 24 * time.Hour, NoNotify: true,
		NewStream: func(id, path string) *record.Stream {
			return &record.Stream{ID: id, Labels: []record.Label{{Name: "log.file.path", Value: path}}}
		},
		NewCutter: func([]byte) Cutter { return lineCutter{} },
	}
	for _, p := range paths {
		b.f.Paths = append(b.f.Paths, filepath.Join(dir, p))
	}
	t.Cleanup(func() {
		b.stop()
		if t.Failed() {
			t.Logf("log:\n%s", b.logs.String())
		}
	})
	return b
}

// start begins as after a start of the program, with the positions stored so far,
// and reads all there is.
func (b *bench) start() {
	b.t.Helper()
	b.begin()
	b.poll()
}

// begin begins, and looks for names.
func (b *bench) begin() {
	b.t.Helper()
	f := *b.f
	f.Stats = new(Stats)
	f.Log = slog.New(told{slog.NewTextHandler(&b.logs, &slog.HandlerOptions{Level: slog.LevelDebug}), b})
	e, err := f.engine(maps.Clone(b.stored), b.put)
	if err != nil {
		b.t.Fatal(err)
	}
	b.e = e
	b.f.Stats = f.Stats
	b.must(e.reader.begin(func() {}))
	b.scan()
}

// step takes in what has arrived, and reads once.
func (b *bench) step() {
	b.t.Helper()
	_, err := b.e.reader.step(b.now)
	b.must(err)
}

func (b *bench) stop() {
	if b.e != nil {
		b.e.set.closeAll()
		b.e = nil
	}
}

func (b *bench) restart() {
	b.t.Helper()
	b.stop()
	b.start()
}

func (b *bench) put(c input.Chunk) error {
	if b.left != nil {
		if *b.left == 0 {
			return errKilled
		}
		*b.left--
	}
	checkChunk(b.t, c)
	from := int32(0)
	for i, end := range c.Ends {
		r := rec{key: c.Input, path: c.Stream.Labels[0].Value, text: string(c.Data[from:end]), base: c.Base + int64(from)}
		if c.Flags != nil {
			r.flags = c.Flags[i]
		}
		b.recs = append(b.recs, r)
		from = end
	}
	if c.Input != "" {
		b.keys = append(b.keys, c.Input)
		if c.Pos == nil {
			delete(b.stored, c.Input)
		} else {
			b.stored[c.Input] = c.Pos
		}
	}
	if c.Tail != nil {
		b.stored[c.Tail.Input] = c.Tail.Pos
	}
	b.books = append(b.books, c.Books...)
	if len(c.Data) > 0 {
		b.books = append(b.books, input.Entry{Input: "in", Kind: input.Queued, Bytes: int64(len(c.Data)), Count: int64(len(c.Ends))})
	}
	if c.Release != nil {
		// What the source does with its memory now must not be seen.
		for i := range c.Data {
			c.Data[i] = '#'
		}
		c.Release()
	}
	return nil
}

// checkChunk checks what holds for every chunk.
func checkChunk(t testing.TB, c input.Chunk) {
	t.Helper()
	last := int32(0)
	for _, e := range c.Ends {
		if e <= last || int(e) > len(c.Data) {
			t.Fatalf("ends %v of %d bytes", c.Ends, len(c.Data))
		}
		last = e
	}
	if int(last) != len(c.Data) || c.Flags != nil && len(c.Flags) != len(c.Ends) {
		t.Fatalf("%d bytes, %d ends, last %d, %d flags", len(c.Data), len(c.Ends), last, len(c.Flags))
	}
	sum := map[input.EntryKind]int64{input.Queued: int64(len(c.Data))}
	for _, e := range c.Books {
		sum[e.Kind] += e.Bytes
		if e.Input != "in" || e.File == "" {
			t.Fatalf("entry of nothing: %+v", e)
		}
	}
	if sum[input.Read] != sum[input.Queued]+sum[input.Dropped]+sum[input.Lost] {
		t.Fatalf("the books of a chunk do not close: %d bytes, %+v", len(c.Data), c.Books)
	}
}

// poll scans, looks at every file that is due, and reads all there is.
func (b *bench) poll() {
	b.t.Helper()
	b.scan()
	b.read()
}

func (b *bench) scan() { b.e.scanner.scan(b.now, nil) }

// read lets enough time pass for every file to be looked at once.
func (b *bench) read() {
	b.t.Helper()
	for range slots {
		b.now = b.now.Add(b.f.PollInterval)
		for busy, n := true, 0; busy; n++ {
			var err error
			if busy, err = b.e.reader.step(b.now); err != nil {
				b.t.Fatal(err)
			}
			if n > 1_000_000 {
				b.t.Fatal("reading does not come to an end")
			}
		}
	}
	b.e.set.release()
}

// pass lets time pass.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	b.now = b.now.Add(d)
	b.poll()
}

// elapse lets the clock on the wall go on, too: all that is known of the past, by
// the file system, in what is stored, and in memory, is so much older then.
func (b *bench) elapse(d time.Duration) {
	b.t.Helper()
	b.now = b.now.Add(d)
	ago := int64(d)
	b.must(filepath.WalkDir(b.dir, func(path string, _ os.DirEntry, _ error) error {
		st, err := lstat(path)
		if err != nil || st.mode&unix.S_IFMT == unix.S_IFLNK {
			return err
		}
		return os.Chtimes(path, time.Time{}, time.Unix(0, st.mtime-ago))
	}))
	for key, value := range b.stored {
		if strings.HasSuffix(key, startedKey) || strings.HasSuffix(key, forgottenKey) {
			value = appendTime(nil, int64(binary.LittleEndian.Uint64(value))-ago)
		} else {
			p, err := decodePosition(value)
			b.must(err)
			p.elapse(ago)
			value = p.append(nil)
		}
		b.stored[key] = value
	}
	if b.e == nil {
		return
	}
	r, s := b.e.reader, b.e.scanner
	r.startedAt -= ago
	r.forgotten -= ago
	r.ledger.each(func(s *saved) { s.elapse(ago) })
	for _, f := range b.e.set.open {
		f.elapse(ago)
		f.mtime -= ago
		if st, err := fstat(f.fd); err == nil && st.nlink == 0 {
			b.must(os.Chtimes(fmt.Sprintf("/proc/self/fd/%d", f.fd), time.Time{}, time.Unix(0, st.mtime-ago)))
		}
	}
	for f, was := range b.e.set.parked {
		b.e.set.parked[f] = rest{was.size, was.mtime - ago}
	}
	var visit func(*dir)
	visit = func(d *dir) {
		d.mtime -= ago
		d.wall -= ago
		for _, e := range d.entries {
			if e.sub != nil {
				visit(e.sub)
			}
		}
	}
	for _, d := range s.trees {
		visit(d)
	}
}

func (p *position) elapse(ago int64) {
	p.born -= ago
	p.time -= ago
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	f, err := os.OpenFile(b.path(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	b.must(err)
	_, err = f.WriteString(text)
	b.must(err)
	b.must(f.Close())
}

func (b *bench) rename(from, to string) { b.t.Helper(); b.must(os.Rename(b.path(from), b.path(to))) }
func (b *bench) remove(name string)     { b.t.Helper(); b.must(os.Remove(b.path(name))) }
func (b *bench) copy(from, to string) {
	b.t.Helper()
	data, err := os.ReadFile(b.path(from))
	b.must(err)
	b.must(os.WriteFile(b.path(to), data, 0o644))
}

// want checks the text of all records so far, joined by a bar.
func (b *bench) want(texts ...string) {
	b.t.Helper()
	var got []string
	for _, r := range b.recs {
		got = append(got, r.text)
	}
	if g, w := strings.Join(got, "|"), strings.Join(texts, "|"); g != w {
		b.t.Errorf("records\n got %s\nwant %s", shorten(g), shorten(w))
	}
}

func shorten(s string) string {
	s = fmt.Sprintf("%q", s)
	if len(s) > 2000 {
		return s[:1000] + " ... " + s[len(s)-1000:]
	}
	return s
}

// lost returns what the books say of a reason.
func (b *bench) booked(k input.EntryKind, reason string) (bytes, count int64) {
	for _, e := range b.books {
		if e.Kind == k && e.Reason == reason {
			bytes += e.Bytes
			count += e.Count
		}
	}
	return bytes, count
}

// lines makes numbered lines.
func lines(from, to int) string {
	var s strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&s, "line %07d of a file that is followed\n", i)
	}
	return s.String()
}

// wantLines checks that the records are the lines numbered from 0 to n, each once.
func (b *bench) wantLines(n int) {
	b.t.Helper()
	t := newTally()
	for _, r := range b.recs {
		t.add(r.text)
	}
	t.check(b.t, n)
}

// tally counts numbered lines.
type tally struct {
	mu    sync.Mutex
	seen  map[int]int
	torn  []string
	total int
}

func newTally() *tally { return &tally{seen: map[int]int{}} }

func (t *tally) add(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total++
	var n int
	if _, err := fmt.Sscanf(text, "line %d of a file that is followed", &n); err != nil || text != lines(n, n+1) {
		t.torn = append(t.torn, text)
		return
	}
	t.seen[n]++
}

func (t *tally) check(tt *testing.T, n int) {
	tt.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	missing, repeated := 0, 0
	first := -1
	for i := range n {
		switch c := t.seen[i]; {
		case c == 0:
			missing++
			if first < 0 {
				first = i
			}
		case c > 1:
			repeated += c - 1
		}
	}
	if missing+repeated+len(t.torn) > 0 || len(t.seen) != n {
		tt.Errorf("%d missing (first %d), %d repeated, %d torn %.200q, %d different, of %d", missing, first, repeated, len(t.torn), t.torn, len(t.seen), n)
	}
}
