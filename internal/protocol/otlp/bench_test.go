package otlp

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

func BenchmarkProtobuf(b *testing.B) {
	for _, encoding := range []string{"none", "snappy", "zstd", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			z, err := protocol.NewCompressor(encoding)
			if err != nil {
				b.Fatal(err)
			}
			blocks.Measure(b, &Encoder{Compressor: z})
		})
	}
}

func BenchmarkJSON(b *testing.B) { blocks.Measure(b, &Encoder{Form: JSON}) }
