// Package fault is the fault suite: what can go wrong on a node, at a receiver
// and in between, made to happen to the built binary, and what must hold then.
// docs/guarantees.md has the rows by number; each file here has those of one
// group. The binary is built with the tag failpoints: see package fail.
package fault

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"shipper/test/site"
)

var binary string // of shipper with fail points, built by TestMain

func TestMain(m *testing.M) {
	if binary = os.Getenv(privateBinary); binary != "" { // see private
		os.Exit(m.Run())
	}
	code, err := site.Main(m, &binary, "failpoints")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Println(outcomes.summary())
	os.Exit(code)
}

// row is a fault of docs/guarantees.md.
type row struct {
	number int
	name   string
	run    func(t *testing.T)
}

// run runs rows side by side: they wait most of the time. Those of one number
// are parts of one row.
func run(t *testing.T, rows []row) {
	for _, r := range rows {
		t.Run(fmt.Sprintf("%03d %s", r.number, r.name), func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { outcomes.add(t) })
			r.run(t)
		})
	}
}

// tally counts what became of the cases, for the last line of a run.
type tally struct {
	mu               sync.Mutex
	held, failed     int
	skipped, reasons []string
}

var outcomes tally

func (a *tally) add(t *testing.T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case t.Failed():
		a.failed++
	case t.Skipped():
		a.skipped = append(a.skipped, t.Name())
	default:
		a.held++
	}
}

// skip skips a case, for a reason that the last line of the run repeats.
func skip(t *testing.T, reason string) {
	t.Helper()
	outcomes.mu.Lock()
	outcomes.reasons = append(outcomes.reasons, reason)
	outcomes.mu.Unlock()
	t.Skip(reason)
}

func (a *tally) summary() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := fmt.Sprintf("fault suite: %d cases ran, %d held, %d did not, %d skipped", a.held+a.failed, a.held, a.failed, len(a.skipped))
	slices.Sort(a.reasons)
	for _, reason := range slices.Compact(slices.Clone(a.reasons)) {
		n := 0
		for _, r := range a.reasons {
			if r == reason {
				n++
			}
		}
		text += fmt.Sprintf("; %d: %s", n, reason)
	}
	return strings.TrimSpace(text)
}

// all is whether the long cases run, too: make fault-all.
func all() bool { return os.Getenv("SHIPPER_FAULT") == "all" }

// settle waits until everything of the writers is delivered, asks the indexer for
// every line, and compares the agent's books with what was written: nothing is
// missing, repeated or torn, and every byte is accounted for.
func settle(t *testing.T, s *site.Site, writers ...*site.Oracle) {
	t.Helper()
	lines, bytes := 0, int64(0)
	for _, o := range writers {
		lines += o.Seq
		bytes += o.Bytes.Load()
	}
	s.AwaitDrained(t, bytes)
	for _, o := range writers {
		site.Want(t, o, o.Check(t, s.URL()))
	}
	site.WantBooks(t, s.Books(t), lines, bytes)
}
