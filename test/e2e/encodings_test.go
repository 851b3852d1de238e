package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// wide returns text in UTF-16; big says which byte comes first.
func wide(text string, big bool) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

// TestEncodings has "shipper parse" read files in every encoding, and wants what
// they say in UTF-8.
func TestEncodings(t *testing.T) {
	const plain = `{"time":"2026-11-23T06:25:41Z","level":"WARN","msg":"größer 😀"}` + "\n" +
		`{"time":"2026-11-23T06:25:42Z","level":"INFO","msg":"two"}` + "\n"
	plainWant := []string{"warn größer 😀", "info two"}
	const link = "\x1b]8;;https://example.com/a?b=c\x1b\\text\x1b]8;;\x1b\\"
	for _, c := range []struct {
		name, text string
		want       []string // severity and message, and invalid if it is flagged so
	}{
		{"UTF-8", plain, plainWant},
		{"UTF-8 with a mark", "\ufeff" + plain, plainWant},
		{"UTF-16LE with a mark", wide("\ufeff"+plain, false), plainWant},
		{"UTF-16BE with a mark", wide("\ufeff"+plain, true), plainWant},
		{"UTF-16LE", wide(plain, false), plainWant},
		{"UTF-16BE", wide(plain, true), plainWant},
		{"UTF-16LE with CRLF", wide("\ufeff"+strings.ReplaceAll(plain, "\n", "\r\n"), false), plainWant},
		{"UTF-16, half a surrogate pair", wide("\ufeffan error", false) + "\x3d\xd8" + wide(" in it\nb\n", false), []string{"- an error\ufffd in it invalid", "- b"}},
		{"a mark in front of every part", "\ufeff2026-11-23T06:25:41Z  INFO a: one\n\ufeff2026-11-23T06:25:42Z  INFO a: two\n", []string{"info one", "info two"}},
		{"a mark in front of text", "\ufeffERROR: it broke\n", []string{"error ERROR: it broke"}},
		{"invalid UTF-8 in JSON", `{"level":"INFO","msg":"a` + "\xff\xfe" + `b"}` + "\n", []string{"info a\ufffdb invalid"}},
		{"invalid UTF-8 in text", "caf\xe9 \xc3\x28\n", []string{"- caf\ufffd \ufffd( invalid"}},
		{"an overlong form and half a surrogate pair", "\xc0\xaf \xed\xa0\x80 x\n", []string{"- \ufffd \ufffd x invalid"}},
		{"U+FFFD itself", "a \ufffd b\n", []string{"- a \ufffd b"}},
		{"NULs", "2026-11-23T06:25:41Z  INFO a: one\x00\x00two\n", []string{"info one\x00\x00two"}},
		{"a hole of NULs", strings.Repeat("\x00", 5000) + "2026-11-23T06:25:41Z  INFO a: behind\n", []string{"info behind"}},
		{"C0 controls", "2026-11-23T06:25:41Z  INFO a: one\x07\x08 two\x7f\n", []string{"info one\a\b two\x7f"}},
		{"C1 controls", "2026-11-23T06:25:41Z  INFO a: one\u0085\u009b31m two\n", []string{"info one\u0085\u009b31m two"}},
		{"CRLF", strings.ReplaceAll(plain, "\n", "\r\n"), plainWant},
		{"CR of a progress bar", "2026-11-23T06:25:41Z  INFO a: 10%\r20%\r30%\n", []string{"info 10%\r20%\r30%"}},
		{"colours", "\x1b[2m2026-11-23T06:25:41Z\x1b[0m \x1b[33m WARN\x1b[0m \x1b[2ma\x1b[0m\x1b[2m:\x1b[0m one \x1b[38;5;196mred\x1b[m\n", []string{"warn one red"}},
		{"a link", "2026-11-23T06:25:41Z  INFO a: see " + link + " now\n", []string{"info see text now"}},
		{"a link that ends with BEL", "2026-11-23T06:25:41Z  INFO a: see " + strings.ReplaceAll(link, "\x1b\\", "\x07") + " now\n", []string{"info see text now"}},
		{"a title", "\x1b]0;title\x072026-11-23T06:25:41Z  INFO a: one\n", []string{"info one"}},
		{"escapes that end nowhere", "2026-11-23T06:25:41Z  INFO a: one \x1b[31\n2026-11-23T06:25:42Z  INFO a: two \x1b]8;;x\n2026-11-23T06:25:43Z  INFO a: three\n", []string{"info one", "info two 8;;x", "info three"}},
		{"no newline at the end", "2026-11-23T06:25:41Z  INFO a: one", []string{"info one"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "a.log")
			if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(binary, "parse", "--zone", "UTC", file).Output()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(string(out)) {
				var r struct {
					Severity, Message string
					Invalid           bool `json:"log.invalid_utf8"`
				}
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatal(err)
				}
				if r.Severity == "" {
					r.Severity = "-"
				}
				text := r.Severity + " " + r.Message
				if r.Invalid {
					text += " invalid"
				}
				got = append(got, text)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", quotedLines(got), quotedLines(c.want))
			}
		})
	}
}

func quotedLines(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%q\n", l)
	}
	return b.String()
}
