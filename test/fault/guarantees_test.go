package fault

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestGuarantees: every row of docs/guarantees.md names tests that there are.
func TestGuarantees(t *testing.T) {
	text, err := os.ReadFile("../../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("`([a-z0-9/]+)` (Test\\w+)")
	rows := map[int]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 {
			continue
		}
		number, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if err != nil {
			continue // a head
		}
		if rows[number] {
			t.Errorf("row %d is there twice", number)
		}
		rows[number] = true
		tests := shown.FindAllStringSubmatch(cells[4], -1)
		if len(tests) == 0 {
			t.Errorf("row %d names no test as `directory` TestName: %q", number, cells[4])
		}
		for _, m := range tests {
			if !declared(t, filepath.Join("../..", m[1]), m[2]) {
				t.Errorf("row %d: there is no %s in %s", number, m[2], m[1])
			}
		}
	}
	for number := 1; number <= 115; number++ {
		if !rows[number] {
			t.Errorf("row %d is missing", number)
		}
	}
}

// declared reports whether a test of that name is in dir.
func declared(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
