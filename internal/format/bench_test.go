package format

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipper/internal/frame"
	"shipper/internal/record"
	"shipper/test/load"
)

// benchmark parses about 128 KiB of text at a time, framed beforehand.
func benchmark(b *testing.B, text string) {
	var data []byte
	for len(data) < 128<<10 {
		data = append(data, text...)
	}
	ends := frame.New(frame.Options{}).Cut(data, nil, true, true)
	arena := make([]byte, len(data), 3*len(data))
	batch := new(record.Batch)
	p := New(Options{Zone: time.UTC})
	var hint uint64
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	cpu := cpuTime(b)
	for b.Loop() {
		copy(arena, data)
		batch.Reset(testStream, arena)
		lo := int32(0)
		for _, hi := range ends {
			p.Parse(batch, int(lo), int(hi), observed, &hint)
			lo = hi
		}
	}
	cpu = cpuTime(b) - cpu
	b.ReportMetric(float64(cpu)/float64(b.N*len(ends)), "cpu-ns/record")
	b.ReportMetric(float64(b.N*len(data))*1e3/float64(cpu), "cpu-MB/s")
}

// cpuTime returns the nanoseconds that the process has had of the processors:
// unlike the time on the wall they say something on a shared machine, too.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkReferenceLoad(b *testing.B) { benchmark(b, referenceLoad(500)) }

func referenceLoad(lines int) string {
	var text []byte
	w := load.New(1)
	for range lines {
		text = w.Append(text)
	}
	return string(text)
}

// BenchmarkCorpus parses all of each format's corpus.
func BenchmarkCorpus(b *testing.B) {
	dirs, err := filepath.Glob("testdata/*")
	if err != nil || len(dirs) == 0 {
		b.Fatal(err)
	}
	for _, dir := range dirs {
		files, _ := filepath.Glob(dir + "/*.log")
		if len(files) == 0 {
			continue
		}
		var text strings.Builder
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				b.Fatal(err)
			}
			if !bytes.Contains(data, []byte("\x1b[")) {
				text.Write(data)
			}
		}
		b.Run(filepath.Base(dir), func(b *testing.B) { benchmark(b, text.String()) })
	}
}

func BenchmarkText(b *testing.B) {
	benchmark(b, "listening on port 8080 and some more words to read\n")
}

func BenchmarkColours(b *testing.B) {
	data, err := os.ReadFile("testdata/tracing-full/ansi.log")
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, string(data))
}

// BenchmarkEncodingJSON is the yardstick: encoding/json into a map.
func BenchmarkEncodingJSON(b *testing.B) {
	line := []byte(referenceLoad(1))
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			b.Fatal(err)
		}
	}
}
