package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	f := func(text string, n int, want string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at, err := lastLines(path, n)
		if err != nil || text[at:] != want {
			t.Errorf("last %d of %.20q: from %d, %v", n, text, at, err)
		}
	}
	f("", 3, "")
	f("a\nb\nc\n", 0, "")
	f("a\nb\nc\n", 1, "c\n")
	f("a\nb\nc\n", 2, "b\nc\n")
	f("a\nb\nc\n", 3, "a\nb\nc\n")
	f("a\nb\nc\n", 9, "a\nb\nc\n")
	f("a\nb\nhalf", 2, "b\nhalf")
	f("\n\n\n", 2, "\n\n")
	long := strings.Repeat("x", 100_000) + "\n"
	f("first\n"+long+long, 2, long+long)
	f("first\n"+long+long, 1, long)
}
