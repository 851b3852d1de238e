package format

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"shipper/internal/record"
)

// docs is what TestDocs checks against the corpora.
const docs = "../../docs/formats.md"

// unsampled are the formats that need no corpus, and why.
var unsampled = map[string]string{
	"color-eyre": "the lines of its reports are not joined yet",
}

// TestDocs wants docs/formats.md to say what the corpora say, and every format
// to have one.
func TestDocs(t *testing.T) {
	var line, block strings.Builder
	names := slices.Sorted(slices.Values(record.FormatNames()))
	for _, name := range names {
		if name == record.FormatName(record.FormatText) {
			continue // what has no format
		}
		number, _ := record.FormatNumber(name)
		e := exampleOf(t, name)
		switch {
		case e == nil && unsampled[name] == "":
			t.Errorf("no record of %s in testdata/%s", name, name)
		case e == nil:
			t.Logf("no record of %s: %s", name, unsampled[name])
		case e.long():
			e.writeBlock(&block, name, Signature(number))
		default:
			e.writeRow(&line, name, Signature(number))
		}
	}
	got := docsHead + line.String() + docsBlocks + block.String()
	if *update {
		if err := os.WriteFile(docs, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range max(len(g), len(w)) {
			if at(g, i) != at(w, i) {
				t.Fatalf("docs/formats.md:%d is not what the corpora say; \"make docs\" writes it anew\ngot  %s\nwant %s", i+1, at(g, i), at(w, i))
			}
		}
	}
}

const docsHead = `# Formats

What [shipper parse](cli.md#parse) and the agent recognise by themselves, record by
record, and what becomes of it. "make docs" writes this page from the corpora in
internal/format/testdata, which the real libraries wrote; a test fails when the two
differ. [The schema](schema.md) says what the fields mean.

What is in no format is ` + "`text`" + `: the whole of it is the message, but for a time at its
start and a level behind that; a level at its start counts, too. Where a record has no time, no date, no year or no zone,
` + "`timestamp_source`" + ` says so: the date and the year are then the last ones that the
file's last change allows, and the zone is that of the configuration. Lines that
belong to a record of any format, such as the rest of a message or a stack trace,
are joined with it.

## Wrappers

What others put around each line is seen through, line by line, before anything
else: long lines that they cut are put together, and a record of several lines is
joined for each source, also where the lines of several interleave.

| written by | form | gives |
|---|---|---|
| containerd, CRI-O | ` + "`2026-11-23T06:42:55.609743826Z stdout F text`" + ` | time, ` + "`log.iostream`" + ` |
| Docker's json-file | ` + "`{\"log\":\"text\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-23T06:42:55.608872442Z\"}`" + ` | time, ` + "`log.iostream`" + ` |
| journalctl, rsyslog | ` + "`Nov 23 06:42:55 host prog[123]: text`" + `, also without the host, with an RFC 3339 time, or with a priority as in RFC 3164 and RFC 5424; ` + "`#011`" + ` is a tab | time, ` + "`host.name`, `service.name`, `process.pid`" + ` |
| docker compose logs | ` + "`web-1  \\| text`" + `; a name without a number counts if the text is certain to be a service's | ` + "`service.name`" + ` |
| fly logs | ` + "`2023-08-28T17:24:09Z app[4d891d7] iad [info]text`" + ` | time, ` + "`service.name`" + ` |
| pm2 logs | ` + "`0\\|web  \\| text`" + ` if the text is certain to be a service's | ` + "`service.name`" + ` |
| kubectl logs --timestamps | ` + "`2026-11-23T06:42:55.609743826Z text`" + ` if the text is certain to be a service's | time |
| svlogd -tt, as in GitLab; multilog | ` + "`2026-11-23_06:42:55.60974 text`, `@400000006a13e73c075bcd15 text`" + ` | time |
| cf logs, of Cloud Foundry | ` + "`2026-11-23T06:42:55.60+0000 [APP/PROC/WEB/0] OUT text`" + ` | time, ` + "`log.iostream`" + ` |

The time is that of the record unless the text has a full one. The rest is so unless
the text says otherwise. UTF-16 is known by its byte order mark or the zeros in its
first characters.

## One line a record

` + "`\\t`" + ` stands for a tab. Times are in UTC, and what is longer than a few words is cut.

| format | known by | sample | becomes |
|---|---|---|---|
`

const docsBlocks = `
## Several lines a record

`

// example is a record of a corpus.
type example struct {
	raw    string
	batch  *record.Batch
	record *record.Record
}

// long reports whether the example spans lines.
func (e *example) long() bool { return strings.Contains(e.raw, "\n") }

// exampleOf returns a record of a format that looks like most of them, with or
// without further lines, and shows much of it; nil if there is none.
func exampleOf(t *testing.T, name string) *example {
	files, err := filepath.Glob("testdata/" + name + "/*.log")
	if err != nil {
		t.Fatal(err)
	}
	var all []*example
	long := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b := parse(string(text))
		for i := range b.Records {
			end := len(text)
			if i+1 < len(b.Records) {
				end = int(b.Records[i+1].Offset)
			}
			e := &example{strings.Trim(strings.TrimRight(string(text[b.Records[i].Offset:end]), " \t\r\n"), "\r\n"), b, &b.Records[i]}
			if record.FormatName(e.record.Format) != name {
				continue
			}
			all = append(all, e)
			if e.long() {
				long++
			}
		}
	}
	var best *example
	for _, e := range all {
		if e.long() == (2*long > len(all)) && (best == nil || e.rank() > best.rank()) {
			best = e
		}
	}
	return best
}

// rank says how good an example is; the first of the best is taken.
func (e *example) rank() int {
	n := 0
	if !strings.ContainsAny(e.raw, "\x1b") {
		n += 500
	}
	if len(e.raw) < 240 {
		n += 200
	}
	if e.record.TimeSource != record.TimeRead {
		n += 100
	}
	if e.record.Logger.Len > 0 {
		n += 50
	}
	if e.record.Severity > 0 {
		n += 50
	}
	return n + min(len(e.batch.FieldsOf(e.record)), 4)
}

// becomes lists what the parser made of the example.
func (e *example) becomes() []string {
	b, r := e.batch, e.record
	var all []string
	add := func(what, value string) {
		if value != "" {
			all = append(all, what+" "+code(short(value, 60)))
		}
	}
	if r.TimeSource == record.TimeRead {
		all = append(all, "no time")
	} else {
		when := time.Unix(0, r.Time).UTC().Format(time.RFC3339Nano)
		if r.TimeSource != record.TimeLine {
			when += " " + r.TimeSource.String()
		}
		add("time", when)
	}
	add("severity", record.SeverityName(r.Severity))
	add("message", string(b.Bytes(r.Body)))
	add("logger", string(b.Bytes(r.Logger)))
	if r.Flags&record.HasTrace != 0 {
		add("trace", string(r.AppendTraceID(nil)))
	}
	var fields []string
	for _, f := range b.FieldsOf(r) {
		fields = append(fields, code(short(fmt.Sprintf("%s=%v", b.Bytes(f.Key), shown(b, f)), 60)))
	}
	if len(fields) > 5 {
		fields = append(slices.Clip(fields[:5]), "…")
	}
	if len(fields) > 0 {
		all = append(all, "fields "+strings.Join(fields, ", "))
	}
	return all
}

// shown is the value of a field as text.
func shown(b *record.Batch, f record.Field) any {
	if f.Kind == record.JSON || f.Kind == record.Number {
		return string(b.Bytes(f.Val))
	}
	return value(b, f)
}

func (e *example) writeRow(w *strings.Builder, name, known string) {
	cell := strings.NewReplacer("|", `\|`)
	fmt.Fprintf(w, "| %s | %s | %s | %s |\n", name, cell.Replace(known), cell.Replace(code(short(e.raw, 200))),
		cell.Replace(strings.Join(e.becomes(), "<br>")))
}

// blockLines is how much of a record of several lines is shown.
const blockLines = 12

func (e *example) writeBlock(w *strings.Builder, name, known string) {
	lines := strings.Split(visible(e.raw), "\n")
	if len(lines) > blockLines {
		lines = append(slices.Clip(lines[:blockLines]), "…")
	}
	for i := range lines {
		lines[i] = "    " + short(strings.TrimRight(lines[i], " \t\r"), 120)
	}
	fmt.Fprintf(w, "### %s\n\nKnown by: %s.\n\n%s\n\n", name, known, strings.Join(lines, "\n"))
	for _, what := range e.becomes() {
		fmt.Fprintf(w, "- %s\n", what)
	}
	fmt.Fprintln(w)
}

// code returns text as code within a line of Markdown.
func code(text string) string {
	text = strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(visible(text))
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 || strings.HasPrefix(text, "`") {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

// visible replaces the sequences that set colours.
func visible(text string) string {
	var out bytes.Buffer
	for len(text) > 0 {
		i := strings.Index(text, "\x1b[")
		if i < 0 {
			break
		}
		out.WriteString(text[:i])
		end := strings.IndexByte(text[i:], 'm')
		if end < 0 {
			break
		}
		text = text[i+end+1:]
	}
	return strings.ReplaceAll(out.String()+text, "\x1b", "")
}

// short cuts text at n bytes or a little before.
func short(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
