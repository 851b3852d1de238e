package e2e

import (
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
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// rotation is what a writer does when a file is full.
type rotation string

const (
	never        rotation = "never"
	renameIt     rotation = "rename"
	lateClose    rotation = "late close"           // goes on in the old file for a while
	renameGzip   rotation = "rename, gzip, delete" // of the oldest
	copyTruncate rotation = "copytruncate"
	deleteIt     rotation = "delete"
)

// oracle writes numbered lines to one file and knows what it wrote.
type oracle struct {
	name    string
	path    string
	mode    rotation
	perFile int           // lines a file
	pause   time.Duration // after every hundred lines
	noise   bool          // lines that hardly compress, so that a queue fills up

	written atomic.Int64
	bytes   atomic.Int64
	seq     int
	time    int64
	file    *os.File
	random  *rand.ChaCha8
}

// line appends line number seq: zap's JSON, with a checksum so that a torn
// line shows, and a time of its own.
func (o *oracle) line(dst []byte) []byte {
	o.time += 1000
	sum := crc32.ChecksumIEEE(fmt.Appendf(nil, "%s/%d", o.name, o.seq))
	dst = fmt.Appendf(dst, `{"level":"info","ts":%d.%09d,"caller":"w/w.go:1","msg":"line %d of %s, checksum %08x","writer":"%s","seq":%d,"pad":"`,
		o.time/1e9, o.time%1e9, o.seq, o.name, sum, o.name, o.seq)
	if o.noise {
		raw := make([]byte, 240)
		o.random.Read(raw)
		dst = base64.StdEncoding.AppendEncode(dst, raw)
	} else {
		dst = append(dst, strings.Repeat("x", o.seq%120)...)
	}
	dst = append(dst, "\"}\n"...)
	o.seq++
	return dst
}

func (o *oracle) open(t *testing.T) {
	f, err := os.OpenFile(o.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	o.file = f
}

// write writes n lines, rotating as it goes. Lines go out one write(2) each.
func (o *oracle) write(t *testing.T, n int) {
	if o.file == nil {
		o.open(t)
		if o.time == 0 {
			o.time = time.Now().Add(-time.Hour).UnixNano()
		}
	}
	var b []byte
	for range n {
		if o.perFile > 0 && o.seq > 0 && o.seq%o.perFile == 0 {
			o.rotate(t)
		}
		b = o.line(b[:0])
		if _, err := o.file.Write(b); err != nil {
			t.Error(err)
			return
		}
		o.written.Add(1)
		o.bytes.Add(int64(len(b)))
		if o.pause > 0 && o.seq%100 == 0 {
			time.Sleep(o.pause)
		}
	}
}

func (o *oracle) rotate(t *testing.T) {
	k := o.seq / o.perFile
	old := o.path + "." + strconv.Itoa(k)
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	switch o.mode {
	case renameIt:
		check(os.Rename(o.path, old))
		check(o.file.Close())
		o.open(t)
	case lateClose:
		late := o.file
		check(os.Rename(o.path, old))
		o.open(t)
		next := o.file
		o.file = late
		var b []byte
		for range 50 {
			b = o.line(b[:0])
			if _, err := late.Write(b); err != nil {
				t.Error(err)
			}
			o.written.Add(1)
			o.bytes.Add(int64(len(b)))
		}
		check(late.Close())
		o.file = next
	case renameGzip:
		check(os.Rename(o.path, old))
		check(o.file.Close())
		o.open(t)
		if k > 1 {
			check(gzipFile(o.path + "." + strconv.Itoa(k-1)))
		}
		if k > 3 {
			check(os.Remove(o.path + "." + strconv.Itoa(k-3) + ".gz"))
		}
	case copyTruncate:
		check(copyFile(o.path, old))
		check(os.Truncate(o.path, 0))
	case deleteIt:
		check(os.Remove(o.path))
		check(o.file.Close())
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

// verdict is what the indexer has of one writer's lines.
type verdict struct{ found, missing, repeated, torn int }

func (v verdict) String() string {
	return fmt.Sprintf("%d found, %d missing, %d repeated, %d torn", v.found, v.missing, v.repeated, v.torn)
}

// check asks the indexer at url for every line of o and compares.
func (o *oracle) check(t *testing.T, url string) verdict {
	t.Helper()
	return o.judge(o.fetch(t, url, `{writer="`+o.name+`"}`))
}

// judge compares lines with those that were written.
func (o *oracle) judge(lines []string) verdict {
	seen := make([]int, o.seq)
	var v verdict
	for _, line := range lines {
		var seq int
		var name, sum string
		if _, err := fmt.Sscanf(line, "line %d of %s checksum %s", &seq, &name, &sum); err != nil {
			v.torn++
			continue
		}
		want := fmt.Sprintf("%08x", crc32.ChecksumIEEE(fmt.Appendf(nil, "%s/%d", o.name, seq)))
		if seq >= len(seen) || name != o.name+"," || sum != want {
			v.torn++
			continue
		}
		seen[seq]++
	}
	for _, n := range seen {
		switch {
		case n == 0:
			v.missing++
		case n > 1:
			v.repeated += n - 1
			fallthrough
		default:
			v.found++
		}
	}
	return v
}

// fetch returns all lines that a query over the Loki API finds, page by page.
// Every line has a time of its own, so a page that ends within equal times shows
// repeats.
func (o *oracle) fetch(t *testing.T, base, query string) []string {
	t.Helper()
	const limit = 5000
	type entry struct{ time, line string }
	var all []entry
	start := "0"
	for {
		q := url.Values{"query": {query}, "start": {start}, "end": {strconv.FormatInt(time.Now().Add(time.Hour).UnixNano(), 10)},
			"limit": {strconv.Itoa(limit)}, "direction": {"forward"}}
		body := get(t, base+"/loki/api/v1/query_range?"+q.Encode())
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

func get(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Fatalf("GET %s: %s: %.300s", url, resp.Status, body)
	}
	return body
}

// newOracle returns a writer of the file name.log in dir.
func newOracle(dir, name string, mode rotation, perFile int) *oracle {
	return &oracle{name: name, path: filepath.Join(dir, name+".log"), mode: mode, perFile: perFile, random: rand.NewChaCha8([32]byte{1})}
}
