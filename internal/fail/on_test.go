//go:build failpoints

package fail

import (
	"math"
	"testing"
)

func TestParse(t *testing.T) {
	all, err := parse("a.b=error@2-4 c=kill d=200ms@3+")
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, error %v", all, err)
	}
	for name, want := range map[string]*point{
		"a.b": {action: "error", first: 2, last: 4},
		"c":   {action: "kill", first: 1, last: 1},
		"d":   {action: "200ms", first: 3, last: math.MaxInt},
	} {
		if p := all[name]; p.action != want.action || p.first != want.first || p.last != want.last {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for _, bad := range []string{"a", "a=", "a=kick", "a=error@x", "a=error@1-"} {
		if all, err := parse(bad); err == nil {
			t.Errorf("%q is %v", bad, all)
		}
	}
}

func TestPoint(t *testing.T) {
	t.Setenv("SHIPPER_FAIL", "here=error@2-3")
	for pass, want := range []bool{false, true, true, false} {
		if err := Point("here"); (err != nil) != want {
			t.Errorf("pass %d: %v", pass+1, err)
		}
		if err := Point("there"); err != nil {
			t.Error(err)
		}
	}
}
