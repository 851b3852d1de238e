package otlp

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"shipper/internal/block"
	"shipper/internal/format"
	"shipper/internal/frame"
	"shipper/internal/protocol"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
	"shipper/test/load"
)

// referenceBlocks are blocks of the reference load, as large as an agent makes them.
// They are many, since a processor learns the branches of one that comes again.
func referenceBlocks(b *testing.B) (blocks []*protocol.Request, records int) {
	b.Helper()
	parser := format.New(format.Options{Zone: time.UTC})
	stream := &record.Stream{ID: "0123456789abcdef", Labels: []record.Label{{Name: "host.name", Value: "node-1"},
		{Name: "log.file.path", Value: "/var/log/payments/app.log"}}}
	w := load.New(1)
	for range 32 {
		var text []byte
		for len(text) < 256<<10 {
			text = w.Append(text)
		}
		batch := new(record.Batch)
		batch.Reset(stream, text)
		var hint uint64
		lo := int32(0)
		for _, hi := range frame.New(frame.Options{}).Cut(text, nil, true, true) {
			parser.Parse(batch, int(lo), int(hi), load.Start+60e9, &hint)
			lo = hi
		}
		payload, raw := block.NewEncoder().Append(nil, []*record.Batch{batch})
		blocks = append(blocks, &protocol.Request{Agent: "a", Frames: []protocol.Frame{{Sequence: 1, Raw: raw, Payload: payload}}})
		records += len(batch.Records)
	}
	return blocks, records
}

// encoder is what the benchmarks measure.
type encoder interface {
	Append(dst []byte, h http.Header, r *protocol.Request) ([]byte, error)
}

func benchmark(b *testing.B, e encoder) {
	blocks, records := referenceBlocks(b)
	var body []byte
	var err error
	size := 0
	b.ReportAllocs()
	cpu := cpuTime(b)
	for b.Loop() {
		size = 0
		for _, r := range blocks {
			if body, err = e.Append(body[:0], http.Header{}, r); err != nil {
				b.Fatal(err)
			}
			size += len(body)
		}
	}
	cpu = cpuTime(b) - cpu
	b.ReportMetric(float64(cpu)/float64(b.N*records), "cpu-ns/record")
	b.ReportMetric(float64(size)/float64(records), "B/record")
}

// cpuTime returns the nanoseconds that the process has had of the processors.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkNDJSON is for comparison.
func BenchmarkNDJSON(b *testing.B) {
	e, err := ndjson.NewEncoder(ndjson.Lines, "zstd")
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, e)
}

func BenchmarkProtobuf(b *testing.B) {
	for _, encoding := range []string{"none", "snappy", "zstd", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			z, err := protocol.NewCompressor(encoding)
			if err != nil {
				b.Fatal(err)
			}
			benchmark(b, &Encoder{Compressor: z})
		})
	}
}

func BenchmarkJSON(b *testing.B) { benchmark(b, &Encoder{Form: JSON}) }
