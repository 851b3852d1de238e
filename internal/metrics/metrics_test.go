package metrics

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestExposition(t *testing.T) {
	w := new(Writer)
	w.Counter("a_total", "All of a.").Int(3, "file", "x\"y\\z\n\xff", "kind", "k").Int(1<<40, "file", "b")
	w.Gauge("b", "B now.").Sample(0.25).Sample(math.Inf(1), "x", "y")
	want := `# HELP a_total All of a.
# TYPE a_total counter
a_total{file="x\"y\\z\n` + "\uFFFD" + `",kind="k"} 3
a_total{file="b"} 1099511627776
# HELP b B now.
# TYPE b gauge
b 0.25
b{x="y"} +Inf
`
	if got := string(w.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	for _, d := range []time.Duration{0, time.Millisecond, 2 * time.Millisecond, time.Hour} {
		h.Observe(d)
	}
	w := new(Writer)
	w.Histogram("d_seconds", "D.").Durations(&h, "output", "o")
	for _, line := range []string{
		`d_seconds_bucket{output="o",le="0.001"} 2`, `d_seconds_bucket{output="o",le="0.005"} 3`,
		`d_seconds_bucket{output="o",le="600"} 3`, `d_seconds_bucket{output="o",le="+Inf"} 4`,
		`d_seconds_sum{output="o"} 3600.003`, `d_seconds_count{output="o"} 4`,
	} {
		if !strings.Contains(string(w.Bytes()), line+"\n") {
			t.Errorf("no line %s in\n%s", line, w.Bytes())
		}
	}
}
