package site

import (
	"fmt"
	"hash/crc32"
	"testing"
)

// TestOracleFinds: the oracle that judges all other tests sees what they are for.
func TestOracleFinds(t *testing.T) {
	o := NewOracle("", "w", Never, 0)
	var lines []string
	for o.Seq = range 5 {
		lines = append(lines, fmt.Sprintf("line %d of w, checksum %08x", o.Seq, crc32.ChecksumIEEE(fmt.Appendf(nil, "w/%d", o.Seq))))
	}
	o.Seq = len(lines)
	for _, c := range []struct {
		name  string
		lines []string
		want  Verdict
	}{
		{"all", lines, Verdict{Found: 5}},
		{"none", nil, Verdict{Missing: 5}},
		{"one twice", append([]string{lines[3]}, lines...), Verdict{Found: 5, Repeated: 1}},
		{"one missing", lines[1:], Verdict{Found: 4, Missing: 1}},
		{"one cut off", append([]string{lines[0][:20]}, lines[1:]...), Verdict{Found: 4, Missing: 1, Torn: 1}},
		{"two in one", append([]string{lines[0][:7] + lines[1]}, lines[2:]...), Verdict{Found: 3, Missing: 2, Torn: 1}},
		{"another checksum", append([]string{"line 0" + lines[1][6:]}, lines[1:]...), Verdict{Found: 4, Missing: 1, Torn: 1}},
	} {
		if got := o.Judge(c.lines); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		name   string
		places []place
		want   int
	}{
		{"in order, in two generations", []place{{"a", 0, 0}, {"a", 9, 1}, {"b", 0, 2}, {"b", 9, 3}}, 0},
		{"asked for in another order", []place{{"b", 9, 3}, {"a", 9, 1}, {"a", 0, 0}, {"b", 0, 2}}, 0},
		{"a repeat under its ID", []place{{"a", 0, 0}, {"a", 9, 1}, {"a", 9, 1}}, 0},
		{"two swapped", []place{{"a", 0, 0}, {"a", 9, 2}, {"a", 18, 1}}, 1},
		{"two at one place", []place{{"a", 0, 0}, {"a", 9, 1}, {"a", 9, 2}}, 1},
		{"one at two places", []place{{"a", 0, 0}, {"a", 9, 0}}, 1},
	} {
		if got := disorder(c.places); got != c.want {
			t.Errorf("%s: %d out of order, want %d", c.name, got, c.want)
		}
	}
}
