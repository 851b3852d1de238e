package agent

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

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

// TestAnyCutGivesTheSameText cuts texts of every encoding in two at every place.
func TestAnyCutGivesTheSameText(t *testing.T) {
	wide := func(text string, first, second int) string {
		b := make([]byte, 0, 2*len(text))
		for _, u := range utf16.Encode([]rune(text)) {
			b = append(b, byte(u>>first), byte(u>>second))
		}
		return string(b)
	}
	const lines = "2026-11-23T06:25:41Z  INFO a: größer 😀\n  and more\n\n2026-11-23T06:25:42Z  WARN a: two\n"
	crlf := strings.ReplaceAll(lines, "\n", "\r\n")
	for name, text := range map[string]string{
		"UTF-8": lines, "a mark": "\ufeff" + lines, "CRLF": crlf, "a mark and CRLF": "\ufeff" + crlf,
		"UTF-16LE": wide(lines, 0, 8), "UTF-16BE": wide(lines, 8, 0),
		"UTF-16LE, marked": wide("\ufeff"+crlf, 0, 8), "UTF-16BE, marked": wide("\ufeff"+crlf, 8, 0),
		"invalid": "caf\xe9\n" + lines + "\xff\xfe\xc3\n", "NULs": "\x00\x00" + lines + "\x00\x00\x00x\n",
		"a link": "\x1b[1m2026-11-23T06:25:41Z  INFO\x1b[0m a: \x1b]8;;https://example.com\x1b\\text\x1b]8;;\x07 end\n" + lines,
		"JSON":   `{"level":"INFO","msg":"größer` + "\xff" + `"}` + "\r\n" + `{"level":"INFO","msg":"two"}` + "\r\n",
	} {
		parse := func(r io.Reader) (out []byte) {
			p := Parsing{Options: format.Options{Zone: time.UTC}, Read: time.Unix(1795415142, 0), Wait: time.Hour}
			err := p.Run(t.Context(), r, func(b *record.Batch, c input.Chunk) error {
				for i := range b.Records {
					out = append(ndjson.AppendRecord(out, b, &b.Records[i]), '\n')
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		want := parse(strings.NewReader(text))
		for i := 1; i < len(text); i++ {
			got := parse(io.MultiReader(strings.NewReader(text[:i]), strings.NewReader(text[i:])))
			if !bytes.Equal(got, want) {
				t.Errorf("%s, cut at %d: %s", name, i, firstDifference(got, want))
				break
			}
		}
	}
}
