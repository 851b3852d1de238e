package agent

import (
	"encoding/json"
	"testing"

	"shipper/internal/input"
)

func TestBooks(t *testing.T) {
	b := MakeBooks([]input.Entry{
		{Input: "b", File: "x", Kind: input.Read, Bytes: 100},
		{Input: "b", File: "x", Kind: input.Queued, Bytes: 70, Count: 7},
		{Input: "b", File: "x", Kind: input.Lost, Reason: "line_limit", Bytes: 20, Count: 1},
		{Input: "b", File: "x", Kind: input.Dropped, Reason: "nul_hole", Bytes: 10},
		{Input: "a", File: "y", Kind: input.Read, Bytes: 5},
		{Input: "a", File: "y", Kind: input.Queued, Bytes: 5, Count: 1},
	})
	got, err := json.Marshal(b)
	want := `{"total":{"read":105,"queued":75,"dropped":10,"lost":20,"records":8,"dropped_by":{"nul_hole":10},"lost_by":{"line_limit":20}},` +
		`"files":[{"input":"a","file":"y","read":5,"queued":5,"dropped":0,"lost":0,"records":1},` +
		`{"input":"b","file":"x","read":100,"queued":70,"dropped":10,"lost":20,"records":7,"dropped_by":{"nul_hole":10},"lost_by":{"line_limit":20}}]}`
	if err != nil || string(got) != want {
		t.Errorf("got\n%s\nwant\n%s\nerror %v", got, want, err)
	}
}
