// Package blocks has the reference load as blocks, and measures what an encoder
// of a protocol makes of them.
package blocks

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"shipper/internal/block"
	"shipper/internal/format"
	"shipper/internal/frame"
	"shipper/internal/protocol"
	"shipper/internal/record"
	"shipper/test/load"
)

// reference returns blocks of the reference load, as large as an agent makes them.
// They are many, since a processor learns the branches of one that comes again.
func reference() (blocks []*protocol.Request, records int) {
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

// Encoder is what is measured: the sending half of a protocol.
type Encoder interface {
	Append(dst []byte, h http.Header, r *protocol.Request) ([]byte, error)
}

// Measure encodes the reference load, a request for each block, and reports
// cpu-ns/record and B/record of the bodies.
func Measure(b *testing.B, e Encoder) {
	blocks, records := reference()
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
