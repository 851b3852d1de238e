package format

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/internal/frame"
	"shipper/internal/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

var testStream = &record.Stream{ID: "test"}

// observed is when all test records were read: 2026-11-23T07:00:00Z.
const observed = 1795417200_000000000

// parse returns the records of text, framed and parsed one after the other.
func parse(text string) *record.Batch {
	b := new(record.Batch)
	b.Reset(testStream, []byte(text))
	ends := frame.New(frame.Options{}).Cut(b.Arena, nil, true, true)
	p := New(Options{Zone: time.UTC})
	var splitter frame.Splitter
	var hint uint64
	lo := 0
	for _, end := range ends {
		var texts []frame.Text
		b.Arena, texts = splitter.Split(b.Arena, lo, int(end), 0)
		for _, t := range texts {
			p.Parse(b, t.Lo, t.Hi, observed, &hint)
			t.Complete(b, p)
			b.Records[len(b.Records)-1].Offset = int64(lo + t.Offset)
		}
		lo = int(end)
	}
	return b
}

// render returns a record as one line of JSON.
func render(b *record.Batch, r *record.Record) string {
	var o bytes.Buffer
	member := func(key string, value any) {
		if o.Len() > 0 {
			o.WriteByte(',')
		}
		k, _ := json.Marshal(key)
		o.Write(k)
		o.WriteByte(':')
		e := json.NewEncoder(&o)
		e.SetEscapeHTML(false)
		if err := e.Encode(value); err != nil {
			panic(err)
		}
		o.Truncate(o.Len() - 1)
	}
	text := func(key string, s record.Span) {
		if s.Len > 0 {
			member(key, string(b.Bytes(s)))
		}
	}
	member("timestamp", time.Unix(0, r.Time).UTC().Format(time.RFC3339Nano))
	if r.TimeSource != record.TimeLine {
		member("timestamp_source", r.TimeSource.String())
	}
	if r.Severity > 0 {
		member("severity", record.SeverityName(r.Severity))
		member("severity_number", r.Severity)
	}
	text("severity_text", r.SeverityText)
	member("message", string(b.Bytes(r.Body)))
	text("logger", r.Logger)
	if r.Flags&record.HasTrace != 0 {
		member("trace_id", string(r.AppendTraceID(nil)))
	}
	if r.Flags&record.HasSpan != 0 {
		member("span_id", string(r.AppendSpanID(nil)))
	}
	if r.TraceFlags != 0 {
		member("trace_flags", r.TraceFlags)
	}
	if r.Flags&record.InvalidUTF8 != 0 {
		member("invalid_utf8", true)
	}
	member("format", record.FormatName(r.Format))
	for _, resource := range []bool{true, false} {
		for _, f := range b.FieldsOf(r) {
			if key := string(b.Bytes(f.Key)); (record.ResourceBit(key) != 0) == resource {
				member(key, value(b, f))
			}
		}
	}
	return "{" + o.String() + "}"
}

func value(b *record.Batch, f record.Field) any {
	switch f.Kind {
	case record.Int:
		return f.Int()
	case record.Bool:
		return f.Bool()
	case record.Null:
		return nil
	case record.Number:
		return json.Number(b.Bytes(f.Val))
	case record.JSON:
		return json.RawMessage(b.Bytes(f.Val))
	}
	return string(b.Bytes(f.Val))
}

func renderAll(b *record.Batch) string {
	var out strings.Builder
	for i := range b.Records {
		out.WriteString(render(b, &b.Records[i]))
		out.WriteByte('\n')
	}
	return out.String()
}

// TestGolden compares the records of each corpus with those next to it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.log")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := renderAll(parse(string(text)))
		golden := strings.TrimSuffix(file, ".log") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for i := range max(len(g), len(w)) {
				if i >= len(g) || i >= len(w) || g[i] != w[i] {
					t.Errorf("%s, record %d:\ngot  %s\nwant %s", file, i+1, at(g, i), at(w, i))
					break
				}
			}
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "none"
}

// TestFormatOfCorpus wants every record of a corpus to be of the format that
// its directory is named after.
func TestFormatOfCorpus(t *testing.T) {
	files, _ := filepath.Glob("testdata/*/*.log")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Base(filepath.Dir(file))
		if _, ok := record.FormatNumber(want); !ok {
			continue // mixed
		}
		b := parse(string(text))
		for i := range b.Records {
			if got := record.FormatName(b.Records[i].Format); got != want {
				t.Errorf("%s, record %d: format %s\n%s", file, i+1, got, render(b, &b.Records[i]))
			}
		}
	}
}

// expectation is a record that was written by hand for some lines of a corpus.
type expectation struct {
	Lines  [2]int
	Record struct {
		Format         string
		Timestamp      *int64
		SeverityNumber uint8  `json:"severity_number"`
		SeverityText   string `json:"severity_text"`
		Message        string
		Service, Env   string
		Version, Host  string
		Pid            json.Number
		Logger         string
		TraceID        string `json:"trace_id"`
		SpanID         string `json:"span_id"`
		Caller         struct {
			File         string
			Line, Column json.Number
			Function     string
		}
		Error struct {
			Type, Message, Stack string
			Chain                []string
		}
		Spans      []any
		Attributes map[string]any
	}
}

// TestExpected compares records with expectations that were made from the
// documentation of the libraries, not from this package's output.
func TestExpected(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.expected.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		expect(t, file, strings.TrimSuffix(file, ".expected.json")+".log")
	}
}

func expect(t *testing.T, file, log string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var all []expectation
	if err := d.Decode(&all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	b := parse(string(text))
	for _, e := range all {
		first := 0
		for range e.Lines[0] - 1 {
			first += bytes.IndexByte(text[first:], '\n') + 1
		}
		i := slices.IndexFunc(b.Records, func(r record.Record) bool { return r.Offset == int64(first) })
		if i < 0 {
			t.Errorf("%s: no record starts at line %d", log, e.Lines[0])
			continue
		}
		end := int64(len(text))
		if i+1 < len(b.Records) {
			end = b.Records[i+1].Offset
		}
		if last := bytes.Count(text[:end], []byte("\n")); last != e.Lines[1] && bytes.TrimSpace(text[:end]) != nil && bytes.Count(bytes.TrimRight(text[:end], "\n"), []byte("\n"))+1 != e.Lines[1] {
			t.Errorf("%s: the record at line %d ends with line %d, want %d", log, e.Lines[0], last, e.Lines[1])
		}
		for _, d := range e.differences(b, &b.Records[i], text) {
			t.Errorf("%s, line %d: %s", log, e.Lines[0], d)
		}
	}
}

// differences lists where r is not what was expected.
func (e *expectation) differences(b *record.Batch, r *record.Record, text []byte) (all []string) {
	w := &e.Record
	check := func(what string, got, want any) {
		g, _ := json.Marshal(got)
		if n, ok := got.(json.Number); ok {
			g = []byte(n)
		}
		x, _ := json.Marshal(want)
		if string(g) != string(x) {
			all = append(all, fmt.Sprintf("%s is %s, want %s", what, g, x))
		}
	}
	check("format", record.FormatName(r.Format), w.Format)
	if w.Timestamp != nil {
		check("time", r.Time, *w.Timestamp)
	} else {
		check("time source", r.TimeSource.String(), "read")
	}
	check("severity", r.Severity, w.SeverityNumber)
	check("severity text", string(b.Bytes(r.SeverityText)), w.SeverityText)
	check("message", string(b.Bytes(r.Body)), w.Message)
	check("logger", string(b.Bytes(r.Logger)), w.Logger)
	check("trace", string(r.AppendTraceID(nil)), w.TraceID)
	check("span", string(r.AppendSpanID(nil)), w.SpanID)

	want := map[string]any{}
	add := func(key string, v any) {
		if v != "" && v != json.Number("") {
			want[key] = v
		}
	}
	add("service.name", w.Service)
	add("deployment.environment.name", w.Env)
	add("service.version", w.Version)
	add("host.name", w.Host)
	add("process.pid", w.Pid)
	add("code.file.path", w.Caller.File)
	add("code.line.number", w.Caller.Line)
	add("code.column.number", w.Caller.Column)
	add("code.function.name", w.Caller.Function)
	add("exception.type", w.Error.Type)
	add("exception.message", w.Error.Message)
	if w.Error.Stack != "" {
		var lo, hi int
		if n, _ := fmt.Sscanf(w.Error.Stack, "<lines %d-%d>", &lo, &hi); n == 2 {
			lines := strings.Split(string(text), "\n")
			add("exception.stacktrace", strings.Join(lines[lo-1:hi], "\n"))
		} else {
			add("exception.stacktrace", w.Error.Stack)
		}
	}
	if w.Error.Chain != nil {
		add("exception.chain", w.Error.Chain)
	}
	if w.Spans != nil {
		add("spans", w.Spans)
	}
	for k, v := range w.Attributes {
		switch k {
		case "goroutine":
			k = "go.goroutine.id"
		case "panic.chain":
			continue
		}
		want[k] = v
	}
	got := map[string]any{}
	for _, f := range b.FieldsOf(r) {
		v := value(b, f)
		if raw, ok := v.(json.RawMessage); ok {
			d := json.NewDecoder(bytes.NewReader(raw))
			d.UseNumber()
			v = nil
			if err := d.Decode(&v); err != nil {
				all = append(all, err.Error())
			}
		}
		got[string(b.Bytes(f.Key))] = v
	}
	for k, v := range want {
		if g, ok := got[k]; !ok {
			all = append(all, fmt.Sprintf("field %s is missing", k))
		} else {
			check("field "+k, g, v)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok && !extra[k] {
			all = append(all, fmt.Sprintf("field %s is not expected", k))
		}
	}
	return all
}

// extra are fields that the expectations leave out.
var extra = map[string]bool{
	"process.pid": true, "span.name": true, "exception.type": true, "exception.message": true, "exception.stacktrace": true,
	"code.file.path": true, "code.line.number": true, "code.column.number": true, "code.function.name": true,
	"exception.fingerprint": true,
}

// corpus returns all text of a directory of testdata.
func corpus(t testing.TB, dir string) []byte {
	t.Helper()
	files, _ := filepath.Glob("testdata/" + dir + "/*.log")
	var text []byte
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, data...)
	}
	if len(text) == 0 {
		t.Fatalf("no corpus %s", dir)
	}
	return text
}

func cutAll(text []byte) []int32 { return frame.New(frame.Options{}).Cut(text, nil, true, true) }
