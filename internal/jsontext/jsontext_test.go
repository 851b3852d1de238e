package jsontext

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// naive is Plain, a byte at a time.
func naive(s []byte) int {
	for i, c := range s {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return len(s)
}

func TestPlain(t *testing.T) {
	for n := range 40 {
		s := bytes.Repeat([]byte{' '}, n)
		if got := Plain(s); got != n {
			t.Fatalf("%d blanks: %d", n, got)
		}
		for i := range s {
			for c := range 256 {
				s[i] = byte(c)
				if got, want := Plain(s), naive(s); got != want {
					t.Fatalf("%q: %d, want %d", s, got, want)
				}
				if got, want := Plain(string(s)), naive(s); got != want {
					t.Fatalf("%q as a string: %d, want %d", s, got, want)
				}
			}
			s[i] = '!' // looks like what is next to it to a borrow
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "1234567", "12345678", "123456789", "\"", "a\\b", "tab\tand more text", "\xff1234567", "caf\u00e9 caf\u00e9 caf\u00e9", "1234567\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		if got, want := Plain(s), naive(s); got != want {
			t.Fatalf("%q: %d plain bytes, want %d", s, got, want)
		}
		out := AppendString([]byte("x"), s)
		var got string
		if err := json.Unmarshal(out[1:], &got); err != nil {
			t.Fatalf("%q became %s: %v", s, out, err)
		}
		want := &strings.Builder{}
		for _, r := range string(s) { // each byte that is not UTF-8 is one U+FFFD
			want.WriteRune(r)
		}
		if got != want.String() {
			t.Fatalf("%q became %q", s, got)
		}
	})
}
