package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"shipper/internal/agent"
	"shipper/internal/config"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
)

// explainCommand shows what an agent would do with the lines of files or of
// standard input.
func explainCommand(ctx context.Context, args []string) error {
	f := newFlags("explain")
	path := f.String("config", "", "the configuration `file`")
	in := f.String("input", "", "`name` of the input that would read the lines; default: the one that follows the file, else the first")
	output := f.outputFlag("text", "json")
	files, err := f.parse(args)
	if err != nil {
		return err
	}
	if *path == "" {
		return f.misuse("wants --config FILE")
	}
	c, err := config.Load(*path)
	if err != nil {
		return configError(err)
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	ctx, cancel := whileRead(ctx)
	defer cancel()
	w := bufio.NewWriter(os.Stdout)
	e := explainer{w: w, json: output.is("json")}
	for _, name := range files {
		if err := e.file(ctx, c, *in, name); err != nil {
			return err
		}
	}
	return w.Flush()
}

// configError makes a configuration file that cannot be read a matter of usage.
func configError(err error) error {
	if _, ok := err.(config.Errors); ok {
		return err
	}
	return noFile(err)
}

type explainer struct {
	w    *bufio.Writer
	json bool
	text []byte
}

func (e *explainer) file(ctx context.Context, c *config.Config, in, name string) error {
	p := agent.Parsing{}
	r, path := io.Reader(os.Stdin), ""
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			p.Modified = info.ModTime()
		}
		r, path = f, name
		if by, ok := c.Follows(name); ok && in == "" {
			in = by
		}
	}
	err := p.Explain(ctx, c, in, path, r, e.put)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return e.w.Flush()
}

func (e *explainer) put(x agent.Explained) error {
	if e.json {
		return e.putJSON(x)
	}
	b, r := x.Batch, x.Record
	lines := strconv.Itoa(x.First)
	if x.Last > x.First {
		lines += "-" + strconv.Itoa(x.Last)
	}
	severity := record.SeverityName(r.Severity)
	if severity == "" {
		severity = "-"
	}
	body, _, more := bytes.Cut(b.Bytes(r.Body), []byte{'\n'})
	if more {
		body = append(bytes.Clone(body), " ..."...)
	}
	fmt.Fprintf(e.w, "%s: %s  %s (%s)  %s  %s\n", lines, record.FormatName(r.Format),
		time.Unix(0, r.Time).UTC().Format(time.RFC3339Nano), r.TimeSource, severity, body)
	e.fields(b, r)
	what := "no rule matches"
	if len(x.Rules) > 0 {
		what = "rules: " + strings.Join(x.Rules, ", ")
	}
	if x.Dropped != "" {
		fmt.Fprintf(e.w, "    %s\n    dropped: %s\n", what, x.Dropped)
	} else {
		fmt.Fprintf(e.w, "    %s\n    to: %s\n", what, strings.Join(x.To, ", "))
	}
	return nil
}

// fields shows what a record has besides, each on a line of its own.
func (e *explainer) fields(b *record.Batch, r *record.Record) {
	line := func(key string, value []byte) {
		value, _, more := bytes.Cut(value, []byte{'\n'})
		end := ""
		if more {
			end = " ..."
		}
		fmt.Fprintf(e.w, "    %s = %s%s\n", key, value, end)
	}
	if r.Logger.Len > 0 {
		line("logger", b.Bytes(r.Logger))
	}
	if r.Flags&record.HasTrace != 0 {
		line("trace_id", r.AppendTraceID(nil))
	}
	if r.Flags&record.HasSpan != 0 {
		line("span_id", r.AppendSpanID(nil))
	}
	for _, f := range b.FieldsOf(r) {
		e.text = b.Text(e.text[:0], f)
		line(string(b.Bytes(f.Key)), e.text)
	}
}

func (e *explainer) putJSON(x agent.Explained) error {
	to, rules := x.To, x.Rules
	if to == nil {
		to = []string{}
	}
	if rules == nil {
		rules = []string{}
	}
	line, err := json.Marshal(struct {
		First   int             `json:"first_line"`
		Last    int             `json:"last_line"`
		Rules   []string        `json:"rules"`
		To      []string        `json:"to"`
		Dropped string          `json:"dropped,omitempty"`
		Record  json.RawMessage `json:"record"`
	}{x.First, x.Last, rules, to, x.Dropped, ndjson.AppendRecord(nil, x.Batch, x.Record)})
	if err != nil {
		return err
	}
	_, err = e.w.Write(append(line, '\n'))
	return err
}
