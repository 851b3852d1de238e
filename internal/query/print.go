package query

import (
	"bufio"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// timeFormat is how records are printed; RFC 3339 sorts and can be read again.
const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

var colors = map[string]string{"trace": "\x1b[90m", "debug": "\x1b[36m", "info": "\x1b[32m", "warn": "\x1b[33m", "error": "\x1b[31m", "fatal": "\x1b[35m"}

// print prints a canonical record.
func (c *Client) print(out *bufio.Writer, line []byte) error {
	if c.JSON {
		_, _ = out.Write(line)
		return written(out.WriteByte('\n'))
	}
	var r struct {
		Timestamp time.Time
		Severity  string
		Service   string `json:"service.name"`
		Message   string
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("the answer of %s: %w", c.URL, err)
	}
	color, end := "", ""
	if c.Color && colors[r.Severity] != "" {
		color, end = colors[r.Severity], "\x1b[0m"
	}
	_, err := fmt.Fprintf(out, "%s %s%-5s%s %s  %s\n", r.Timestamp.Local().Format(timeFormat), color, strings.ToUpper(c.cell(r.Severity)), end,
		c.cell(r.Service), c.text(r.Message))
	return written(err)
}

func written(err error) error {
	if err != nil {
		return &writeError{err}
	}
	return nil
}

// text escapes what could steer a terminal. Further lines are indented, so that
// none can pass for a record of its own.
func (c *Client) text(s string) string {
	if c.Raw || strings.IndexFunc(s, steers) < 0 && utf8.ValidString(s) {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\n':
			b = append(b, "\n    "...)
		case r == '\t':
			b = append(b, '\t')
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, s[i])
		case steers(r):
			q := strconv.QuoteRuneToASCII(r)
			b = append(b, q[1:len(q)-1]...)
		default:
			b = append(b, s[i:i+n]...)
		}
	}
	return string(b)
}

// cell is text without line breaks and tabs.
func (c *Client) cell(s string) string {
	if c.Raw {
		return s
	}
	return strings.NewReplacer("\n    ", `\n`, "\t", `\t`).Replace(c.text(s))
}

// steers reports whether a terminal may do something else with r than show it.
func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// printSamples prints points as a table with a column for each label, or as JSON.
func (c *Client) printSamples(out *bufio.Writer, all []sample) error {
	if c.JSON {
		enc := json.NewEncoder(out)
		for _, s := range all {
			err := enc.Encode(struct {
				Timestamp time.Time         `json:"timestamp"`
				Value     json.Number       `json:"value"`
				Labels    map[string]string `json:"labels"`
			}{s.at.UTC(), json.Number(s.value), s.labels})
			if err != nil {
				return err
			}
		}
		return nil
	}
	seen := map[string]bool{}
	var names []string
	for _, s := range all {
		for name := range s.labels {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	head := []string{"TIME"}
	for _, name := range names {
		head = append(head, c.cell(name))
	}
	fmt.Fprintln(w, strings.Join(append(head, "VALUE"), "\t"))
	for _, s := range all {
		row := []string{s.at.Format(time.RFC3339)}
		for _, name := range names {
			row = append(row, c.cell(s.labels[name]))
		}
		fmt.Fprintln(w, strings.Join(append(row, s.value), "\t"))
	}
	return w.Flush()
}
