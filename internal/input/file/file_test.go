package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shipper/internal/input"
	"shipper/internal/record"
)

// collect runs in until n records were put, and returns them and the positions.
func collect(t *testing.T, in *Input, at map[string][]byte, n int) (texts []string, chunks []input.Chunk) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	err := in.Run(ctx, at, func(c input.Chunk) error {
		from := int32(0)
		for _, end := range c.Ends {
			texts = append(texts, string(c.Data[from:end]))
			from = end
		}
		at[c.Input] = c.Pos
		if len(c.Data) > 0 {
			chunks = append(chunks, c)
		}
		if len(texts) >= n {
			stop()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts, chunks
}

func TestInput(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "payments.log")
	head := "2026-01-02T03:04:05Z ERROR it broke\n"
	trace := "panic: oh\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:3 +0x1d\n"
	write := func(s string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = f.WriteString(s)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(head + trace)
	at := map[string][]byte{}
	newInput := func() *Input {
		return &Input{Name: "app", Paths: []string{filepath.Join(dir, "*.log")}, Labels: []record.Label{{Name: "host.name", Value: "h"}},
			PollInterval: 5 * time.Millisecond, JoinTimeout: 20 * time.Millisecond}
	}
	texts, chunks := collect(t, newInput(), at, 2)
	if strings.Join(texts, "|") != head+"|"+trace {
		t.Errorf("records %q", texts)
	}
	s := chunks[0].Stream
	want := fmt.Sprint([]record.Label{{Name: "host.name", Value: "h"}, {Name: "log.file.name", Value: "payments.log"}, {Name: "log.file.path", Value: path}, {Name: "service.name", Value: "payments"}})
	if fmt.Sprint(s.Labels) != want {
		t.Errorf("labels %v, want %v", s.Labels, want)
	}
	if len(s.ID) != 16 || chunks[0].Input != "app/"+s.ID || chunks[0].Hint == nil || chunks[0].Read == 0 {
		t.Errorf("chunk %+v of stream %+v", chunks[0], s)
	}
	write("{\"n\":1}\n")
	texts, again := collect(t, newInput(), at, 1)
	if len(texts) != 1 || texts[0] != "{\"n\":1}\n" || again[0].Stream.ID != s.ID || again[0].Base != int64(len(head+trace)) {
		t.Errorf("after a restart: %q of %s at %d", texts, again[0].Stream.ID, again[0].Base)
	}
}

func TestExactNames(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "odd[1]*.log")
	os.WriteFile(path, []byte("{\"n\":1}\n"), 0o644)
	os.WriteFile(filepath.Join(dir, "odd1x.log"), []byte("{\"n\":2}\n"), 0o644)
	texts, _ := collect(t, &Input{Name: "print", Paths: []string{path}, Exact: true}, map[string][]byte{}, 1)
	if len(texts) != 1 || texts[0] != "{\"n\":1}\n" {
		t.Errorf("records %q", texts)
	}
}

// TestModified wants each chunk to say when the file it is from was changed
// last, compressed or not.
func TestModified(t *testing.T) {
	dir := t.TempDir()
	when := time.Date(2025, 12, 31, 23, 59, 58, 5000, time.UTC)
	put := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		err := os.WriteFile(path, text, 0o644)
		if err == nil {
			err = os.Chtimes(path, when, when)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	const line = "I1230 10:00:00.000000 1 a.go:1] x\n"
	path := put("a.log", []byte(line))
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(line + "I1230 10:00:02.000000 1 a.go:1] written while nobody read\n"))
	w.Close()
	in := func() *Input { return &Input{Name: "k", Paths: []string{filepath.Join(dir, "*.log")}} }
	at := map[string][]byte{}
	_, chunks := collect(t, in(), at, 1)
	os.Remove(path)
	put("a.log.1.gz", z.Bytes())
	put("a.log", []byte("I1231 10:00:01.000000 1 a.go:1] after it was rotated\n"))
	_, more := collect(t, in(), at, 2)
	if len(chunks) != 1 || len(more) != 2 {
		t.Fatalf("%d chunks, then %d", len(chunks), len(more))
	}
	for _, c := range append(chunks, more...) {
		if got := time.Unix(0, c.Modified).UTC(); !got.Equal(when) {
			t.Errorf("%q was modified %v, want %v", c.Data, got, when)
		}
	}
}

func TestStem(t *testing.T) {
	for name, want := range map[string]string{"app.log": "app", "app": "app", "a.b.log": "a.b", ".log": ".log"} {
		if got := stem(name); got != want {
			t.Errorf("stem(%q) = %q, want %q", name, got, want)
		}
	}
}

// BenchmarkRead reads 300 MB of lines of 250 bytes and does nothing with them.
func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	var block bytes.Buffer
	for i := 0; block.Len() < 1<<20; i++ {
		fmt.Fprintf(&block, "{\"level\":\"info\",\"n\":%06d,\"msg\":%q}\n", i, strings.Repeat("m", 210))
	}
	f, err := os.Create(filepath.Join(dir, "a.log"))
	if err != nil {
		b.Fatal(err)
	}
	size := int64(0)
	for size < 300e6 {
		n, err := f.Write(block.Bytes())
		if err != nil {
			b.Fatal(err)
		}
		size += int64(n)
	}
	f.Close()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		in := &Input{Name: "app", Paths: []string{filepath.Join(dir, "*.log")}}
		ctx, stop := context.WithCancel(context.Background())
		var once sync.Once
		err := in.Run(ctx, nil, func(c input.Chunk) error {
			if c.Release != nil {
				c.Release()
			}
			if c.Base+int64(len(c.Data)) == size {
				once.Do(stop)
			}
			return nil
		})
		stop()
		if err != nil {
			b.Fatal(err)
		}
	}
}
