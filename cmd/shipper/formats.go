package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"shipper/internal/format"
	"shipper/internal/input"
	"shipper/internal/record"
)

// explanation says which formats the files have, in the order in which they
// come.
type explanation struct {
	found []found
	file  string
	line  int64 // lines of the file so far
}

// found is a format that a file has records of.
type found struct {
	File    string `json:"file"`
	Format  string `json:"format"`
	Records int64  `json:"records"`
	Lines   int64  `json:"lines"`
	First   int64  `json:"first_line"` // number of the first line of its first record
	Why     string `json:"why"`
}

// add takes the records of a chunk in. The lines from the start of a record to
// that of the next are its own.
func (e *explanation) add(file string, b *record.Batch, c input.Chunk) error {
	if file != e.file {
		e.file, e.line = file, 0
	}
	for i := range b.Records {
		lo, hi := b.Records[i].Offset-c.Base, int64(len(c.Data))
		if i+1 < len(b.Records) {
			hi = max(lo, b.Records[i+1].Offset-c.Base)
		}
		text := c.Data[lo:hi]
		lines := int64(bytes.Count(text, []byte{'\n'}))
		if hi == int64(len(c.Data)) && len(text) > 0 && text[len(text)-1] != '\n' {
			lines++
		}
		f := e.of(file, b.Records[i].Format)
		f.Records++
		f.Lines += lines
		e.line += lines
	}
	return nil
}

// of returns the entry of a format, which may be one that is new.
func (e *explanation) of(file string, number uint8) *found {
	name := record.FormatName(number)
	i := slices.IndexFunc(e.found, func(f found) bool { return f.File == file && f.Format == name })
	if i < 0 {
		i = len(e.found)
		e.found = append(e.found, found{File: file, Format: name, First: e.line + 1, Why: format.Signature(number)})
	}
	return &e.found[i]
}

// write writes a table, or one object a line.
func (e *explanation) write(w io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, f := range e.found {
			if err := enc.Encode(f); err != nil {
				return err
			}
		}
		return nil
	}
	files := slices.CompactFunc(slices.Clone(e.found), func(a, b found) bool { return a.File == b.File })
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, head(len(files) > 1, "FILE")+"FORMAT\tRECORDS\tLINES\tFIRST LINE\tKNOWN BY")
	for _, f := range e.found {
		fmt.Fprintf(t, "%s%s\t%d\t%d\t%d\t%s\n", head(len(files) > 1, f.File), f.Format, f.Records, f.Lines, f.First, cmp.Or(f.Why, "-"))
	}
	return t.Flush()
}

// head is the first column, which is there only where it tells files apart.
func head(shown bool, name string) string {
	if !shown {
		return ""
	}
	return name + "\t"
}
