package queue

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/internal/input"
)

// addTails adds to a crash's remains what writes under way may leave: the
// beginning of an entry, or blocks that no commit knows.
func addTails(t testing.TB, r *rand.Rand, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "blocks", "*.log"))
	if err != nil || len(names) == 0 {
		return
	}
	data, err := os.ReadFile(names[len(names)-1])
	if err != nil {
		t.Fatal(err)
	}
	var tail []byte
	switch r.IntN(4) {
	case 0: // a part of something that was there before
		tail = data[:r.IntN(len(data)+1)]
	case 1: // zeros, as after a power cut
		tail = make([]byte, r.IntN(5000))
	case 2: // an entry in full, and once more in part
		if len(data) > 32 {
			tail = append(tail, data[32:]...)
			tail = append(tail, data[32:32+r.IntN(len(data)-32)]...)
		}
	case 3: // a segment that was just made
		var number int
		fmt.Sscanf(filepath.Base(names[len(names)-1]), "%x.log", &number)
		next := filepath.Join(dir, "blocks", fmt.Sprintf("%016x.log", number+1))
		if err := os.WriteFile(next, data[:r.IntN(min(len(data), 40)+1)], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(names[len(names)-1], append(data, tail...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("QUEUE_TEST_CRASH"); dir != "" {
		if err := crashing(dir); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if path := os.Getenv("QUEUE_TEST_CHECK"); path != "" {
		if err := CheckIndex(path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashing appends, reads and acks until it is killed. It says what is durable.
func crashing(dir string) error {
	q, err := Open(dir, Options{SegmentBytes: 20 << 10, MaxBytes: 200 << 10, Machine: []byte{}})
	if err != nil {
		return err
	}
	at, err := q.Positions("in")
	if err != nil {
		return err
	}
	n := 0
	fmt.Sscan(string(at["in/f"]), &n)
	fmt.Println("start", n)
	c, err := q.Cursor("a")
	if err != nil {
		return err
	}
	go func() {
		var dst []Block
		for {
			bs, err := c.Next(context.Background(), 5000, dst[:0])
			if err != nil {
				return
			}
			for _, b := range bs {
				var n int
				fmt.Sscanf(string(b.Payload), "block %d ", &n)
				fmt.Printf("got %d %d\n", b.Sequence, n)
			}
			c.Ack(bs[len(bs)-1].ID())
			dst = bs
		}
	}()
	for {
		var as []Append
		for range 1 + rand.IntN(4) {
			n++
			as = append(as, group(n, rand.IntN(3000)))
		}
		if err := q.Append(context.Background(), as); err != nil {
			return err
		}
		fmt.Println("durable", n)
	}
}

func TestKilledProcesses(t *testing.T) {
	dir := t.TempDir()
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	durable := 0              // blocks that the process said are durable
	payloads := map[int]int{} // of block
	delivered := map[int]bool{}
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "QUEUE_TEST_CRASH="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// What is killed is a process in the middle of something: every other one
		// has opened the queue, however long that takes.
		killSoon := func() {
			time.AfterFunc(time.Duration(rand.IntN(60))*time.Millisecond, func() { cmd.Process.Kill() })
		}
		if round%2 == 0 {
			killSoon()
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var n, seq int
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, "start "):
				if round%2 == 1 {
					killSoon()
				}
				fmt.Sscanf(line, "start %d", &n)
				if n < durable {
					t.Fatalf("goes on behind %d although %d was durable", n, durable)
				}
			case strings.HasPrefix(line, "durable "):
				fmt.Sscanf(line, "durable %d", &n)
				durable = max(durable, n)
			case strings.HasPrefix(line, "got "):
				if k, _ := fmt.Sscanf(line, "got %d %d", &seq, &n); k < 2 {
					continue // the line was cut by the kill
				}
				if was, ok := payloads[seq]; ok && was != n {
					t.Fatalf("block %d was payload %d and is %d", seq, was, n)
				}
				payloads[seq] = n
				delivered[n] = true
			default:
				t.Fatalf("the process says: %s", line)
			}
		}
		cmd.Wait()
	}
	verify(t, dir)
	q := open(t, dir, Options{})
	for _, b := range takeBlocks(t, cursor(t, q, "a")) {
		var n int
		fmt.Sscanf(string(b.Payload), "block %d ", &n)
		if was, ok := payloads[int(b.Sequence)]; ok && was != n {
			t.Errorf("block %d was payload %d and is %d", b.Sequence, was, n)
		}
		delivered[n] = true
	}
	at, _ := q.Positions("in")
	var n int
	fmt.Sscan(string(at["in/f"]), &n)
	for i := 1; i <= n; i++ {
		if !delivered[i] {
			t.Errorf("block %d of %d is lost", i, n)
		}
	}
	for i := range delivered {
		if i > n {
			t.Errorf("block %d is there, the position is %d", i, n)
		}
	}
	sums := books(t, q)
	checkBooks(t, sums)
	if sums["queued"] != int64(n)*900 || sums[input.Read.String()] != int64(n)*1000 {
		t.Errorf("books %v, want those of %d blocks", sums, n)
	}
	t.Logf("%d blocks, %d of them seen by the output before the end", n, len(payloads))
	closeAndVerify(t, q)
}
