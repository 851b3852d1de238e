package site

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Rotation is what a writer does when a file is full.
type Rotation string

const (
	Never        Rotation = "never"
	Rename       Rotation = "rename"
	LateClose    Rotation = "late close"           // goes on in the old file for a while
	RenameGzip   Rotation = "rename, gzip, delete" // of the oldest
	CopyTruncate Rotation = "copytruncate"
	Delete       Rotation = "delete"
	Another      Rotation = "another file" // with a number in its name; none is left
)

// Oracle writes numbered lines to one file and knows what it wrote.
type Oracle struct {
	Name    string
	Path    string
	Mode    Rotation
	PerFile int           // lines a file
	Pause   time.Duration // after every hundred lines
	Noise   bool          // lines that hardly compress, so that a queue fills up
	File    *os.File      // that is written to
	Before  func()        // called before each rotation, if not nil

	Written atomic.Int64 // lines
	Bytes   atomic.Int64
	Seq     int // of the next line
	time    int64
	random  *rand.ChaCha8
	first   string // path of the first file
}

// line appends line number seq: zap's JSON, with a checksum so that a torn
// line shows, and a time of its own.
func (o *Oracle) line(dst []byte) []byte {
	o.time += 1000
	sum := crc32.ChecksumIEEE(fmt.Appendf(nil, "%s/%d", o.Name, o.Seq))
	dst = fmt.Appendf(dst, `{"level":"info","ts":%d.%09d,"caller":"w/w.go:1","msg":"line %d of %s, checksum %08x","writer":"%s","seq":%d,"pad":"`,
		o.time/1e9, o.time%1e9, o.Seq, o.Name, sum, o.Name, o.Seq)
	if o.Noise {
		raw := make([]byte, 240)
		o.random.Read(raw)
		dst = base64.StdEncoding.AppendEncode(dst, raw)
	} else {
		dst = append(dst, strings.Repeat("x", o.Seq%120)...)
	}
	dst = append(dst, "\"}\n"...)
	o.Seq++
	return dst
}

func (o *Oracle) open(t *testing.T) {
	f, err := os.OpenFile(o.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	o.File = f
}

// Write writes n lines, rotating as it goes. Lines go out one write(2) each.
func (o *Oracle) Write(t *testing.T, n int) {
	if o.File == nil {
		o.open(t)
		if o.time == 0 {
			o.time = time.Now().Add(-time.Hour).UnixNano()
		}
	}
	var b []byte
	for range n {
		if o.PerFile > 0 && o.Seq > 0 && o.Seq%o.PerFile == 0 {
			o.Rotate(t)
		}
		b = o.line(b[:0])
		if _, err := o.File.Write(b); err != nil {
			t.Error(err)
			return
		}
		o.Written.Add(1)
		o.Bytes.Add(int64(len(b)))
		if o.Pause > 0 && o.Seq%100 == 0 {
			time.Sleep(o.Pause)
		}
	}
}

func (o *Oracle) Rotate(t *testing.T) {
	if o.Before != nil {
		o.Before()
	}
	k := o.Seq / o.PerFile
	old := o.Path + "." + strconv.Itoa(k)
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	switch o.Mode {
	case Rename:
		check(os.Rename(o.Path, old))
		check(o.File.Close())
		o.open(t)
	case LateClose:
		late := o.File
		check(os.Rename(o.Path, old))
		o.open(t)
		next := o.File
		o.File = late
		var b []byte
		for range 50 {
			b = o.line(b[:0])
			if _, err := late.Write(b); err != nil {
				t.Error(err)
			}
			o.Written.Add(1)
			o.Bytes.Add(int64(len(b)))
		}
		check(late.Close())
		o.File = next
	case RenameGzip:
		check(os.Rename(o.Path, old))
		check(o.File.Close())
		o.open(t)
		if k > 1 {
			check(gzipFile(o.Path + "." + strconv.Itoa(k-1)))
		}
		if k > 3 {
			check(os.Remove(o.Path + "." + strconv.Itoa(k-3) + ".gz"))
		}
	case CopyTruncate:
		check(copyFile(o.Path, old))
		check(os.Truncate(o.Path, 0))
	case Another:
		o.Path = fmt.Sprintf("%s-%05d.log", strings.TrimSuffix(o.first, ".log"), k)
		check(o.File.Close())
		o.open(t)
	case Delete:
		check(os.Remove(o.Path))
		check(o.File.Close())
		o.open(t)
	}
}

func gzipFile(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path + ".gz.tmp")
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	if err := os.Rename(path+".gz.tmp", path+".gz"); err != nil {
		return err
	}
	return os.Remove(path)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// Verdict is what the indexer has of one writer's lines. Disorder is how many of
// them are not behind the one written before them, within a generation of a file.
type Verdict struct{ Found, Missing, Repeated, Torn, Disorder int }

func (v Verdict) String() string {
	return fmt.Sprintf("%d found, %d missing, %d repeated, %d torn, %d out of order", v.Found, v.Missing, v.Repeated, v.Torn, v.Disorder)
}

// Check asks the indexer at url for every line of o and compares.
func (o *Oracle) Check(t *testing.T, url string) Verdict {
	t.Helper()
	query := `{writer="` + o.Name + `"}`
	v := o.Judge(o.Fetch(t, url, query))
	v.Disorder = disorder(places(t, url, query))
	return v
}

// place is where a line is: in a stream, which is a generation of a file, at an offset.
type place struct {
	stream string
	offset uint64
	seq    int
}

// places asks for the records that a query finds and takes their places from their IDs.
func places(t *testing.T, base, query string) []place {
	t.Helper()
	q := url.Values{"query": {query}, "start": {"0"}, "end": {strconv.FormatInt(time.Now().Add(time.Hour).UnixNano(), 10)}}
	var all []place
	for line := range bytes.Lines(Get(t, base+"/api/v1/records?"+q.Encode())) {
		var r struct{ ID, Message string }
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %.300s", err, line)
		}
		stream, offset, _ := strings.Cut(r.ID, "-")
		p := place{stream: stream}
		var err error
		if p.offset, err = strconv.ParseUint(offset, 16, 64); err != nil {
			t.Fatalf("the ID of %.300s: %v", line, err)
		}
		if _, err := fmt.Sscanf(r.Message, "line %d of", &p.seq); err == nil { // else it is torn
			all = append(all, p)
		}
	}
	return all
}

// disorder counts the lines that are at or behind the place of a later one, or at
// one place with another.
func disorder(all []place) (n int) {
	slices.SortFunc(all, func(a, b place) int {
		return cmp.Or(strings.Compare(a.stream, b.stream), cmp.Compare(a.offset, b.offset), cmp.Compare(a.seq, b.seq))
	})
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if a.stream == b.stream && a != b && (a.seq >= b.seq || a.offset == b.offset) {
			n++
		}
	}
	return n
}

// Judge compares lines with those that were written.
func (o *Oracle) Judge(lines []string) Verdict {
	seen := make([]int, o.Seq)
	var v Verdict
	for _, line := range lines {
		var seq int
		var name, sum string
		if _, err := fmt.Sscanf(line, "line %d of %s checksum %s", &seq, &name, &sum); err != nil {
			v.Torn++
			continue
		}
		want := fmt.Sprintf("%08x", crc32.ChecksumIEEE(fmt.Appendf(nil, "%s/%d", o.Name, seq)))
		if seq >= len(seen) || name != o.Name+"," || sum != want {
			v.Torn++
			continue
		}
		seen[seq]++
	}
	for _, n := range seen {
		switch {
		case n == 0:
			v.Missing++
		case n > 1:
			v.Repeated += n - 1
			fallthrough
		default:
			v.Found++
		}
	}
	return v
}

// Fetch returns all lines that a query over the Loki API finds, page by page.
// Every line has a time of its own, so a page that ends within equal times shows
// repeats.
func (o *Oracle) Fetch(t *testing.T, base, query string) []string {
	t.Helper()
	const limit = 5000
	type entry struct{ time, line string }
	var all []entry
	start := "0"
	for {
		q := url.Values{"query": {query}, "start": {start}, "end": {strconv.FormatInt(time.Now().Add(time.Hour).UnixNano(), 10)},
			"limit": {strconv.Itoa(limit)}, "direction": {"forward"}}
		body := Get(t, base+"/loki/api/v1/query_range?"+q.Encode())
		var reply struct {
			Data struct {
				Result []struct{ Values [][]any }
			}
		}
		if err := json.Unmarshal(body, &reply); err != nil {
			t.Fatalf("%v in %.300s", err, body)
		}
		page := 0
		last := start
		for n := len(all); n > 0 && all[n-1].time == start; n-- {
			all = all[:n-1]
		}
		for _, stream := range reply.Data.Result {
			for _, e := range stream.Values {
				all = append(all, entry{e[0].(string), e[1].(string)})
				if e := e[0].(string); len(e) > len(last) || len(e) == len(last) && e > last {
					last = e
				}
				page++
			}
		}
		if page < limit {
			break
		}
		if last == start {
			t.Fatalf("more than %d lines at %s", limit, start)
		}
		// Streams come one after the other: put the last instant's entries last.
		tail := all[:0:0]
		rest := all[:0]
		for _, e := range all {
			if e.time == last {
				tail = append(tail, e)
			} else {
				rest = append(rest, e)
			}
		}
		all = append(rest, tail...)
		start = last
	}
	lines := make([]string, len(all))
	for i, e := range all {
		lines[i] = e.line
	}
	return lines
}

func Get(t *testing.T, url string) []byte {
	t.Helper()
	for try := 1; ; try++ {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil && try < 3 { // who reads slowly gives way to others, and may ask again
			t.Logf("GET %.100s: %v", url, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 200 {
			t.Fatalf("GET %s: %s: %.300s", url, resp.Status, body)
		}
		return body
	}
}

// NewOracle returns a writer of the file name.log in dir.
func NewOracle(dir, name string, mode Rotation, perFile int) *Oracle {
	path := filepath.Join(dir, name+".log")
	return &Oracle{Name: name, Path: path, first: path, Mode: mode, PerFile: perFile, random: rand.NewChaCha8([32]byte{1})}
}

// Want fails the test unless v is: every line once, whole and in its place.
func Want(t *testing.T, o *Oracle, v Verdict) {
	t.Helper()
	if v.Missing+v.Repeated+v.Torn+v.Disorder > 0 || v.Found != o.Seq {
		t.Errorf("%s (%s): %v, of %d written", o.Name, o.Mode, v, o.Seq)
	}
}

// WantBooks fails the test unless the agent's books close and agree with what was written.
func WantBooks(t *testing.T, b Books, lines int, bytes int64) {
	t.Helper()
	if b.Total.Read != b.Total.Queued+b.Total.Dropped+b.Total.Lost {
		t.Errorf("the books do not close: %+v", b.Total)
	}
	if b.Total.Queued != bytes || b.Total.Records != int64(lines) || b.Total.Lost != 0 {
		t.Errorf("books: %+v; written: %d lines, %d bytes", b.Total, lines, bytes)
	}
}
