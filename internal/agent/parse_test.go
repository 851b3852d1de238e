package agent

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shipper/internal/format"
	"shipper/internal/input"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
)

// pieces reads a text in pieces of random length.
type pieces struct {
	text []byte
	rand *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.text[:min(len(p.text), 1+p.rand.IntN(200))])
	p.text = p.text[n:]
	return n, nil
}

// TestAnyReadsGiveTheSameRecords parses every corpus at once and in pieces.
func TestAnyReadsGiveTheSameRecords(t *testing.T) {
	files, err := filepath.Glob("../format/testdata/*/*.log")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	read := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	parse := func(r io.Reader) (out []byte, size int) {
		p := Parsing{Options: format.Options{Zone: time.UTC}, Read: read, Wait: time.Hour}
		err := p.Run(t.Context(), r, func(b *record.Batch, c input.Chunk) error {
			size += len(c.Data)
			for i := range b.Records {
				out = append(ndjson.AppendRecord(out, b, &b.Records[i]), '\n')
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out, size
	}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, size := parse(bytes.NewReader(text))
		if size != len(text) {
			t.Errorf("%s: records of %d bytes, of %d", file, size, len(text))
		}
		if got, _ := parse(&pieces{text, rand.New(rand.NewPCG(1, uint64(i)))}); !bytes.Equal(got, want) {
			t.Errorf("%s: other records in pieces\n%s", file, firstDifference(got, want))
		}
	}
}

func firstDifference(got, want []byte) string {
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(g), len(w)) {
		if !bytes.Equal(g[i], w[i]) {
			return fmt.Sprintf("record %d:\ngot  %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d records, want %d", len(g)-1, len(w)-1)
}
