package index

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"shipper/internal/protocol"
)

const (
	killAgents = 4
	childDir   = "INDEX_TEST_CHILD_DIR"
	childFrom  = "INDEX_TEST_CHILD_FROM" // for each agent, the sequence to begin with
	childBase  = "INDEX_TEST_CHILD_BASE" // what base returns
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir, strings.Fields(os.Getenv(childFrom))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child commits blocks of all agents at once, most of them twice, and says
// what was acknowledged, until it is killed.
func child(dir string, from []string) error {
	s, err := Open(dir, Options{SealBytes: 32 << 10})
	if err != nil {
		return err
	}
	var out sync.Mutex
	errs := make(chan error, killAgents)
	for i, f := range from {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return err
		}
		go func() { errs <- commitForEver(s, i, n, &out) }()
	}
	return <-errs
}

func commitForEver(s *Store, agent int, n uint64, out *sync.Mutex) error {
	id := fmt.Sprintf("agent-%d", agent)
	for ; ; n++ {
		frames := []protocol.Frame{killFrame(agent, n), killFrame(agent, n+1)}
		if _, err := s.Commit(context.Background(), id, 1, frames); err != nil {
			return err
		}
		out.Lock()
		fmt.Println(agent, n)
		out.Unlock()
	}
}

// killFrame makes block n of an agent: two records, on two days now and then.
func killFrame(agent int, n uint64) protocol.Frame {
	at := base() + int64(n)*1e6
	if n%64 == 0 {
		at -= day
	}
	return protocol.Frame{Sequence: n, Payload: payload(at, fmt.Sprintf("%d-%d-a", agent, n), fmt.Sprintf("%d-%d-b", agent, n)+strings.Repeat("x", 200))}
}

// TestKill kills a process with a store in it again and again, and wants
// everything it acknowledged to be there once, and nothing twice.
func TestKill(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 4
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	var acked [killAgents]uint64
	for range rounds {
		killRound(t, dir, &acked, 20+r.IntN(300))
	}
	s := open(t, dir, Options{})
	counts := map[string]int{}
	for _, b := range bodies(t, s) {
		counts[strings.TrimRight(b, "x")]++
	}
	for b, n := range counts {
		if n != 1 {
			t.Errorf("%s is there %d times", b, n)
		}
	}
	total := uint64(0)
	for agent, last := range acked {
		for n := uint64(1); n <= last; n++ {
			for _, half := range "ab" {
				if b := fmt.Sprintf("%d-%d-%c", agent, n, half); counts[b] == 0 {
					t.Errorf("%s was acknowledged and is missing", b)
				}
			}
		}
		total += last
	}
	u := s.Usage()
	t.Logf("%d blocks acknowledged in %d rounds; %d segments, %d blocks replayed", total, rounds, u.Segments, s.Stats.Replayed.Load())
	if u.Gaps != 0 || u.Agents != killAgents {
		t.Errorf("%d gaps, %d agents", u.Gaps, u.Agents)
	}
}

// killRound runs a child and kills it after some acknowledgements.
func killRound(t *testing.T, dir string, acked *[killAgents]uint64, after int) {
	t.Helper()
	var from []string
	for _, n := range acked {
		from = append(from, fmt.Sprint(max(n, 3)-2)) // some are sent again
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir, childFrom+"="+strings.Join(from, " "), fmt.Sprintf("%s=%d", childBase, base()))
	c.Stderr = os.Stderr
	p, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(p)
	for n := 0; lines.Scan(); n++ {
		var agent int
		var seq uint64
		if _, err := fmt.Sscan(lines.Text(), &agent, &seq); err != nil {
			break // cut by the kill
		}
		acked[agent] = max(acked[agent], seq+1)
		if n == after {
			_ = c.Process.Kill()
		}
	}
	if err := c.Wait(); err == nil || c.ProcessState.Exited() {
		t.Fatalf("child ended by itself: %v", err)
	}
}
