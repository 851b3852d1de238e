package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPriorities wants records of different priorities apart, by severity or as a
// rule says, and together if nobody asks.
func TestPriorities(t *testing.T) {
	f := func(apart bool, want string, rules ...Rule) {
		t.Helper()
		p, err := New(Config{Outputs: outputs(), Rules: rules, Priorities: apart})
		if err != nil {
			t.Fatal(err)
		}
		b, starts, raw := batchOf(debugLine, infoLine, errorLine, paymentLine, "no level")
		var all []string
		for _, part := range p.NewWorker().Apply(b, starts, raw, 1) {
			all = append(all, fmt.Sprintf("%d%s%v", part.Rank, part.Reason, part.Rows))
		}
		slices.Sort(all)
		if got := strings.Join(all, " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(false, "0[0 1 2 3 4]")
	f(false, "0[0 1 2 3 4]", Rule{Name: "a", Match: `{service_name="payments"}`, Priority: High})
	f(true, "1[0] 2[1 3 4] 3[2]")
	f(true, "2[1 4] 3[0 2 3]", Rule{Name: "a", Match: `{service_name="payments"}`, Priority: High})
	f(true, "1[0 1 2 3 4]", Rule{Name: "a", Priority: High, Continue: true}, Rule{Name: "b", Priority: Low, Continue: true})
	f(true, "0rule:a[0] 2[1 3 4] 3[2]", Rule{Name: "a", Match: `{level="debug"}`, Priority: High, Drop: true})
}
