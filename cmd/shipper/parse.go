package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"shipper/internal/agent"
	"shipper/internal/config"
	"shipper/internal/format"
	"shipper/internal/input"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
)

// parseCommand shows what the agent makes of files or of standard input.
func parseCommand(ctx context.Context, args []string) error {
	f := newFlags("parse")
	formatName := f.String("format", "", "try the format of this `name` before others")
	zone := f.String("zone", "Local", "time `zone` of times without one: Local, UTC or an IANA name")
	year := f.Int("year", 0, "`year` of times without one; 0: by the last change of the file")
	explain := f.Bool("explain", false, "instead of the records, show which formats were found, and why")
	output := f.outputFlag("text", "json")
	files, err := f.parse(args)
	if err != nil {
		return err
	}
	o := format.Options{Year: *year}
	if *formatName != "" {
		known := false
		if o.Format, known = record.FormatNumber(*formatName); !known {
			return f.misuse("format %q is unknown%s", *formatName, meant(*formatName))
		}
	}
	if o.Zone, err = time.LoadLocation(*zone); err != nil {
		return f.misuse("zone %q is unknown; write Local, UTC or an IANA name such as Europe/Berlin", *zone)
	}
	if *year < 0 || *year > 9999 {
		return f.misuse("year %d is none", *year)
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	ctx, cancel := whileRead(ctx)
	defer cancel()
	if !*explain {
		p := printer{w: os.Stdout}
		return parseFiles(ctx, o, files, func(_ string, b *record.Batch, _ input.Chunk) error { return p.print(b) })
	}
	var all explanation
	if err := parseFiles(ctx, o, files, all.add); err != nil {
		return err
	}
	return all.write(os.Stdout, output.is("json"))
}

// meant returns the formats that name could stand for, as the end of a message.
func meant(name string) string {
	name = strings.ToLower(name)
	var near []string
	names := record.FormatNames()
	for _, n := range names {
		if strings.Contains(n, name) || strings.Contains(name, n) {
			near = append(near, n)
		}
	}
	if n := config.Nearest(name, names); len(near) == 0 && n != "" {
		near = append(near, n)
	}
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, ", ") + "?"
}

// printer writes records as canonical NDJSON.
type printer struct {
	w   io.Writer
	out []byte
}

func (p *printer) print(b *record.Batch) error {
	p.out = p.out[:0]
	for i := range b.Records {
		p.out = append(ndjson.AppendRecord(p.out, b, &b.Records[i]), '\n')
	}
	_, err := p.w.Write(p.out)
	return err
}

// parseFiles parses one file after the other; "-" is standard input.
func parseFiles(ctx context.Context, o format.Options, files []string, put func(file string, b *record.Batch, c input.Chunk) error) error {
	for _, name := range files {
		err := parseFile(ctx, o, name, func(b *record.Batch, c input.Chunk) error { return put(name, b, c) })
		if err != nil {
			return err
		}
	}
	return nil
}

func parseFile(ctx context.Context, o format.Options, name string, put func(*record.Batch, input.Chunk) error) error {
	file := os.Stdin
	p := agent.Parsing{Options: o}
	if name != "-" {
		var err error
		if file, err = os.Open(name); err != nil {
			return err
		}
		defer file.Close()
		p.Labels = []record.Label{{Name: "log.file.path", Value: name}}
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return fmt.Errorf("%s is a directory", name)
	case info.Mode().IsRegular():
		// What is there is all there is: the same bytes give the same records at any time.
		p.Read, p.Wait = info.ModTime(), time.Hour
	}
	r, done, err := plain(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer done()
	if err := p.Run(ctx, r, put); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// maxWindow bounds the memory that a compressed file can ask for.
const maxWindow = 64 << 20

// plain returns a reader of what r holds, uncompressed if it is compressed with
// gzip or zstd, and what to call behind it.
func plain(r io.Reader) (io.Reader, func(), error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	switch {
	case strings.HasPrefix(string(magic), "\x1f\x8b\x08"):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { z.Close() }, nil
	case string(magic) == "\x28\xb5\x2f\xfd":
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return b, func() {}, nil
}
