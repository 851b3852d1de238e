package pipeline

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"shipper/internal/record"
)

// lines makes n lines of a level and trace IDs of two lines each.
func tracedLines(n int, level string) (lines []string) {
	r := rand.New(rand.NewPCG(1, 2))
	var id [16]byte
	for i := range n {
		if i%2 == 0 {
			for j := range id {
				id[j] = byte(r.Uint32())
			}
		}
		lines = append(lines, fmt.Sprintf(`{"level":"%s","msg":"m","user":"u%d","trace_id":"%s"}`, level, i%50, hex.EncodeToString(id[:])))
	}
	return lines
}

// keptBy returns the rows that a sample keeps, and the batch.
func keptBy(t *testing.T, s Sample, lines []string) (kept []int32, b *record.Batch) {
	t.Helper()
	b, starts, raw := batchOf(lines...)
	for _, part := range pipelineOf(t, Rule{Name: "s", Sample: &s}).NewWorker().Apply(b, starts, raw, 1) {
		switch part.Reason {
		case "":
			kept = append(kept, part.Rows...)
		case "sample:s":
		default:
			t.Errorf("dropped for %s", part.Reason)
		}
	}
	return kept, b
}

// about fails if n is off by more than five standard deviations.
func about(t *testing.T, n int, of int, p float64) {
	t.Helper()
	if d := 5*math.Sqrt(float64(of)*p*(1-p)) + 1; math.Abs(float64(n)-float64(of)*p) > d {
		t.Errorf("%d of %d were kept at %v", n, of, p)
	}
}

func TestSampleKeepsTracesWhole(t *testing.T) {
	lines := tracedLines(4000, "info")
	kept, b := keptBy(t, Sample{Keep: 0.1}, lines)
	about(t, len(kept)/2, 2000, 0.1)
	of := map[[16]byte]int{}
	for _, i := range kept {
		of[b.Records[i].TraceID]++
		if got := fieldsOf(b, int(i)); !strings.Contains(got, "sample.rate=10") {
			t.Errorf("a sample says %s", got)
		}
	}
	for id, n := range of {
		if n != 2 {
			t.Errorf("%d of 2 records of trace %x were kept", n, id)
		}
	}
	again, _ := keptBy(t, Sample{Keep: 0.1}, lines)
	if fmt.Sprint(again) != fmt.Sprint(kept) {
		t.Error("the same records are sampled otherwise the second time")
	}
	// What a lower rate keeps, a higher one keeps too.
	more, _ := keptBy(t, Sample{Keep: 0.5}, lines)
	in := map[int32]bool{}
	for _, i := range more {
		in[i] = true
	}
	for _, i := range kept {
		if !in[i] {
			t.Errorf("record %d is kept at 0.1 and not at 0.5", i)
		}
	}
}

func TestSampleWithoutTraces(t *testing.T) {
	var lines []string
	for i := range 4000 {
		lines = append(lines, fmt.Sprintf(`{"level":"info","msg":"m %d"}`, i))
	}
	kept, b := keptBy(t, Sample{Keep: 0.3}, lines)
	about(t, len(kept), 4000, 0.3)
	if got := fieldsOf(b, int(kept[0])); got != "sample.rate=3.33333" {
		t.Errorf("a sample says %s", got)
	}
}

func TestSampleFloor(t *testing.T) {
	kept, b := keptBy(t, Sample{Keep: 0.01, Floor: 13}, tracedLines(400, "warn"))
	if len(kept) != 400 || strings.Contains(fieldsOf(b, 0), "sample.rate") {
		t.Errorf("%d of 400 warnings were kept, as %s", len(kept), fieldsOf(b, 0))
	}
	if kept, _ = keptBy(t, Sample{Keep: 0.01, Floor: 17}, tracedLines(400, "warn")); len(kept) > 40 {
		t.Errorf("%d of 400 were kept", len(kept))
	}
}

// TestSampledTwice: what several rules, or a program and a rule, have sampled says
// once how many it stands for.
func TestSampledTwice(t *testing.T) {
	f := func(line, want string, samples ...Sample) {
		t.Helper()
		var rules []Rule
		for i := range samples {
			rules = append(rules, Rule{Name: fmt.Sprint("s", i), Sample: &samples[i], Continue: true})
		}
		b, starts, raw := batchOf(line)
		pipelineOf(t, rules...).NewWorker().Apply(b, starts, raw, 1)
		if got := fieldsOf(b, 0); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	const traced = `{"level":"info","msg":"m","trace_id":"ffffffffffffffffffffffffffffffff"}` // always kept
	byTrace := func(keep float64) Sample { return Sample{Keep: keep} }
	byUser := func(keep float64) Sample { return Sample{Keep: keep, Key: "user"} }
	f(traced, "sample.rate=4", byTrace(0.5), byTrace(0.25)) // one in four, whichever comes first
	f(traced, "sample.rate=4", byTrace(0.25), byTrace(0.5))
	f(traced, "sample.rate=8", byTrace(0.5), byUser(0.5), byTrace(0.25))
	f(traced, "sample.rate=2.5", byTrace(0.8), byUser(0.5))
	f(strings.Replace(traced, "{", `{"sample.rate":10,`, 1), "sample.rate=20", byTrace(0.5))
	f(strings.Replace(traced, "{", `{"sample.rate":"many",`, 1), "sample.rate=2", byTrace(0.5))
}

func TestSampleByKey(t *testing.T) {
	kept, b := keptBy(t, Sample{Keep: 0.25, Key: "user"}, tracedLines(4000, "info"))
	of := map[string]int{}
	for _, i := range kept {
		f, _ := b.Lookup(&b.Records[i], "user")
		of[string(b.Bytes(f.Val))]++
	}
	if len(of) != 50 {
		t.Errorf("%d of 50 users are in the sample", len(of))
	}
	for user, n := range of {
		if n != 20 { // of 80
			t.Errorf("%d records of %s were kept", n, user)
		}
	}
	if kept, _ := keptBy(t, Sample{Keep: 0.01, Key: "user"}, tracedLines(1, "info")); len(kept) != 1 {
		t.Error("the first record of a user was not kept")
	}
}
