package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"shipper/internal/config"
	"shipper/internal/format"
	"shipper/internal/input"
	"shipper/internal/input/file"
	"shipper/internal/pipeline"
	"shipper/internal/record"
)

// Explained says what becomes of one record. Record and Batch are valid until
// the next one.
type Explained struct {
	Batch  *record.Batch
	Record *record.Record // as the rules leave it

	First, Last int      // lines it was made of, counted from 1
	Rules       []string // that it matches, in order; the last one decides
	To          []string // names of the outputs it goes to; none if it is dropped
	Dropped     string   // why it is dropped, as the books have it: "rule:noise"
}

// Explain tells for each record of r, in order, what an agent with the
// configuration c makes of it. The records count as read by the input of that
// name, the first one if it is empty, from the file at path.
func (p *Parsing) Explain(ctx context.Context, c *config.Config, inputName, path string, r io.Reader, put func(Explained) error) error {
	in, err := inputOf(c, inputName)
	if err != nil {
		return err
	}
	stream, err := streamOf(in, path)
	if err != nil {
		return err
	}
	rules, err := pipeline.New(c.Pipeline())
	if err != nil {
		return fmt.Errorf("compile rules: %w", err)
	}
	worker := rules.NewWorker()
	o := p.Options
	o.Zone = in.Location()
	pack := packer{parser: format.New(o)}
	lines := 1 // of the chunk's first byte
	var all []Explained
	return p.run(ctx, r, &pack, stream, func(b *record.Batch, chunk input.Chunk) error {
		all = all[:0]
		at := 0
		for i := range b.Records {
			start := int(pack.starts[i])
			end := len(chunk.Data)
			if i+1 < len(pack.starts) {
				end = int(pack.starts[i+1])
			}
			lines += bytes.Count(chunk.Data[at:start], []byte{'\n'})
			at = start
			text := bytes.TrimRight(chunk.Data[start:end], "\r\n")
			blank := len(text) - len(bytes.TrimLeft(text, "\r\n"))
			first := lines + bytes.Count(text[:blank], []byte{'\n'})
			all = append(all, Explained{Batch: b, First: first, Last: first + bytes.Count(text[blank:], []byte{'\n'})})
		}
		lines += bytes.Count(chunk.Data[at:], []byte{'\n'})
		worker.Matched = func(r, rule int) { all[r].Rules = append(all[r].Rules, rules.Stats.Rules[rule].Name) }
		for _, part := range worker.Apply(b, pack.starts, len(chunk.Data), chunk.Read) {
			for _, row := range part.Rows {
				e := &all[row]
				e.Dropped = part.Reason
				if part.Reason == "" {
					e.To = rules.Names(part.Route)
				}
				if part.Reason == "" && part.Route == 0 {
					e.To = defaults(c)
				}
			}
		}
		for i := range all {
			all[i].Record = &b.Records[i]
			if err := put(all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// inputOf returns the input of that name, the first one if it is empty.
func inputOf(c *config.Config, name string) (config.Input, error) {
	for _, in := range c.Inputs {
		if name == "" || in.Name == name {
			return in, nil
		}
	}
	return config.Input{}, fmt.Errorf("the configuration has no input %q", name)
}

// streamOf returns the stream of the file at path as the input reads it.
func streamOf(in config.Input, path string) (*record.Stream, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("host name: %w", err)
	}
	labels := makeLabels(in, host)
	if in.File == nil || path == "" {
		return &record.Stream{Labels: labels}, nil
	}
	return (&file.Input{Labels: labels}).Stream("", path), nil
}

// defaults returns the names of the outputs that take what no rule sends anywhere.
func defaults(c *config.Config) (names []string) {
	for _, o := range c.Outputs {
		if o.Default {
			names = append(names, o.Name)
		}
	}
	return names
}
