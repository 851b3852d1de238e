package loki

import (
	"testing"

	"shipper/internal/protocol"
	"shipper/internal/protocol/ndjson"
	"shipper/test/blocks"
)

// BenchmarkNDJSON is for comparison.
func BenchmarkNDJSON(b *testing.B) {
	e, err := ndjson.NewEncoder(ndjson.Lines, "zstd")
	if err != nil {
		b.Fatal(err)
	}
	blocks.Measure(b, e)
}

func BenchmarkProtobuf(b *testing.B) { blocks.Measure(b, &Encoder{}) }

func BenchmarkWhole(b *testing.B) { blocks.Measure(b, &Encoder{Line: Whole}) }

func BenchmarkJSON(b *testing.B) {
	z, err := protocol.NewCompressor("gzip")
	if err != nil {
		b.Fatal(err)
	}
	blocks.Measure(b, &Encoder{JSON: true, Compressor: z})
}
