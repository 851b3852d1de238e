package pipeline

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"shipper/internal/block"
	"shipper/internal/format"
	"shipper/internal/record"
	"shipper/test/load"
)

// reference is a chunk of the reference load and the ends of its lines.
func reference(bytesMax int) (data []byte, ends []int) {
	w := load.New(1)
	for len(data) < bytesMax {
		data = w.Append(data)
		ends = append(ends, len(data))
	}
	return data, ends
}

// parseAll makes b the records of data and returns where each begins.
func parseAll(p *format.Parser, b *record.Batch, arena []byte, ends []int, starts []int32) []int32 {
	b.Reset(&record.Stream{ID: "s", Labels: []record.Label{{Name: "host.name", Value: "h"}, {Name: "log.file.path", Value: "/var/log/app.log"}}}, arena)
	starts = starts[:0]
	hint, lo := uint64(0), 0
	for _, hi := range ends {
		n := len(b.Records)
		p.Parse(b, lo, hi, 1, &hint)
		for j := range b.Records[n:] {
			b.Records[n+j].Offset = int64(lo)
			starts = append(starts, int32(lo))
		}
		lo = hi
	}
	return starts
}

func allDetectors() []Redaction { return []Redaction{{Detect: []string{All}}} }

func tenRules() []Rule {
	return []Rule{
		{Name: "debug", Match: `{level="debug", service_name="none"}`, Drop: true},
		{Name: "health", Match: `{} | url_path="/healthz"`, Drop: true},
		{Name: "archive", To: []string{"archive"}, Continue: true},
		{Name: "slow", Match: `{} | latency > 3`, To: []string{"loki"}, Continue: true},
		{Name: "timeouts", Match: `{service_name="orders"} |= "timeout"`, To: []string{"loki"}},
		{Name: "codes", Match: `{service_name=~"orders|stock"} | http_response_status_code >= 500`, To: []string{"loki"}},
		{Name: "team", Match: `{team="a"}`, To: []string{"loki"}},
		{Name: "logger", Match: `{logger=~"db|cache"}`, To: []string{"loki"}},
		{Name: "payments", Match: `{service_name="payments"} |= "no such text"`, To: []string{"loki"}},
		{Name: "errors", Match: `{level=~"error|fatal"}`, To: []string{All}},
	}
}

// BenchmarkReference is what parsing, encoding and compressing the reference
// load costs, and how much rules and redaction add.
func BenchmarkReference(b *testing.B) {
	outputs := []Output{{Name: "archive", Default: true}, {Name: "loki"}}
	for _, c := range []struct {
		name   string
		config *Config
	}{
		{"none", nil},
		{"detectors", &Config{Outputs: outputs, Redact: allDetectors()}},
		{"rules", &Config{Outputs: outputs, Rules: tenRules()}},
		{"both", &Config{Outputs: outputs, Rules: tenRules(), Redact: allDetectors()}},
	} {
		b.Run(c.name, func(b *testing.B) {
			data, ends := reference(256 << 10)
			var w *Worker
			if c.config != nil {
				p, err := New(*c.config)
				if err != nil {
					b.Fatal(err)
				}
				w = p.NewWorker()
			}
			parser, enc, batch := format.New(format.Options{Zone: time.UTC}), block.NewEncoder(), &record.Batch{}
			arena := make([]byte, 0, 2*len(data))
			var starts []int32
			var dst []byte
			var views []*record.Batch
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			n, start := 0, cpu()
			for b.Loop() {
				n += len(ends)
				arena = append(arena[:0], data...)
				starts = parseAll(parser, batch, arena, ends, starts)
				if w == nil {
					dst, _ = enc.Append(dst[:0], []*record.Batch{batch})
					continue
				}
				for i, part := range w.Apply(batch, starts, len(data), 1) {
					if len(views) <= i {
						views = append(views, new(record.Batch))
					}
					view := batch
					if len(part.Rows) < len(batch.Records) {
						view = views[i]
						batch.Select(view, part.Rows)
					}
					dst, _ = enc.Append(dst[:0], []*record.Batch{view})
				}
			}
			b.ReportMetric(float64(cpu()-start)/float64(n), "cpu-ns/record")
		})
	}
}

// BenchmarkApply is what Apply costs for a record of the reference load.
func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		name   string
		config Config
	}{
		{"detectors", Config{Redact: allDetectors()}},
		{"rules", Config{Outputs: []Output{{Name: "archive"}, {Name: "loki"}}, Rules: tenRules()}},
	} {
		b.Run(c.name, func(b *testing.B) {
			data, ends := reference(256 << 10)
			p, err := New(c.config)
			if err != nil {
				b.Fatal(err)
			}
			w, batch := p.NewWorker(), &record.Batch{}
			starts := parseAll(format.New(format.Options{}), batch, bytes.Clone(data), ends, nil)
			b.ReportAllocs()
			n, start := 0, cpu()
			for b.Loop() {
				w.Apply(batch, starts, len(data), 1)
				n += len(batch.Records)
			}
			b.ReportMetric(float64(cpu()-start)/float64(n), "cpu-ns/record")
		})
	}
}

// cpu is the time the process spent on a processor so far: on a busy machine
// it says more than the time that passed.
func cpu() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
