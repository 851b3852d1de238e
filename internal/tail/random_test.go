package tail

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// TestRandomSteps does to a file what writers, rotation and crashes can do, in
// any order, and wants every line once.
func TestRandomSteps(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	for i := range rounds {
		seed := uint64(i)
		if i >= rounds/2 {
			seed = uint64(time.Now().UnixNano())
		}
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) { randomSteps(t, seed) })
		if !ok {
			return
		}
	}
}

func randomSteps(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	paths := []string{"a.log", "a.log*", "*.log"}[rnd.IntN(3)]
	b := newBench(t, paths)
	b.f.ChunkBytes = 64 << rnd.IntN(8)
	b.start()
	var did []string
	n := 0
	running := true
	growing := rnd.IntN(2) == 0 // the numbers of rotated files, else the newest is number 1
	rotated := 0                // files there are
	compressed := 0             // of the oldest of them
	// numbered is the name of the k-th rotated file, counted from the oldest.
	numbered := func(k int) string {
		if growing {
			return fmt.Sprintf("a.log.%d", k)
		}
		return fmt.Sprintf("a.log.%d", rotated-k+1)
	}
	// shift makes room for one more rotated file and returns its name.
	shift := func() string {
		for k := 1; k <= rotated && !growing; k++ {
			name, suffix := numbered(k), ""
			if k <= compressed {
				suffix = ".gz"
			}
			b.rename(name+suffix, fmt.Sprintf("a.log.%d%s", rotated-k+2, suffix))
		}
		rotated++
		return numbered(rotated)
	}
	b.write("a.log", "")
	b.poll()
	restart := func(poll bool) {
		b.crash(rnd.IntN(4))
		b.begin()
		if poll {
			b.poll()
		} else {
			b.step()
		}
	}
	// between does what can be between two steps of a rotation.
	between := func() {
		if rnd.IntN(3) == 0 {
			b.elapse(time.Duration(rnd.IntN(50)) * time.Millisecond)
		}
		if !running {
			return
		}
		switch rnd.IntN(8) {
		case 0:
			b.scan()
		case 1:
			b.step()
		case 2:
			b.poll()
		case 3:
			restart(false)
		}
	}
	steps := 40
	if rnd.IntN(30) == 0 {
		steps = 500 // more generations than are kept of one path
	}
	for range steps {
		op := rnd.IntN(14)
		fmt.Fprintf(&b.logs, "--- %d, %d records\n", op, len(b.recs))
		did = append(did, fmt.Sprint(op))
		switch op {
		case 0, 1, 2: // write
			k := 1 + rnd.IntN(40)
			text := lines(n, n+k)
			if rnd.IntN(3) == 0 { // in two parts
				cut := rnd.IntN(len(text))
				b.write("a.log", text[:cut])
				between()
				b.write("a.log", text[cut:])
			} else {
				b.write("a.log", text)
			}
			n += k
		case 3, 4: // poll
			if running {
				b.poll()
			}
		case 5: // look for names, do not read
			if running {
				b.scan()
			}
		case 6: // rename
			b.rename("a.log", shift())
			b.write("a.log", "")
			if running {
				b.scan()
			}
		case 7: // rename, late writes
			late := shift()
			b.rename("a.log", late)
			b.write("a.log", lines(n, n+1))
			if running {
				b.poll()
			}
			b.write(late, lines(n+1, n+3))
			n += 3
		case 8: // copytruncate
			if running {
				b.scan()
			}
			copied := shift()
			text, err := os.ReadFile(b.path("a.log"))
			b.must(err)
			half := rnd.IntN(len(text) + 1)
			b.write(copied, string(text[:half]))
			between()
			b.write(copied, string(text[half:]))
			between()
			b.must(os.Truncate(b.path("a.log"), 0))
			if running {
				b.scan()
			}
		case 9: // compress the rotated files but for the newest
			if paths == "a.log*" {
				// What is followed under its rotated name, and not stored yet, is
				// known by that name only.
				if !running {
					break
				}
				b.poll()
			}
			for compressed < rotated-1 {
				compressed++
				gz(b, numbered(compressed))
			}
		case 10: // crash while reading, and start again
			if running {
				restart(true)
			}
		case 11: // crash and stay down, or start again
			if running {
				b.crash(rnd.IntN(4))
			} else {
				b.start()
			}
			running = !running
		case 12: // crash, start again, and do not read all
			if running {
				restart(false)
			}
		case 13: // read once
			if running {
				b.step()
			}
		}
		switch rnd.IntN(8) {
		case 0:
			if rnd.IntN(30) == 0 {
				if running {
					b.poll() // nothing is unread for so long
				}
				b.elapse(b.f.Retention)
			}
			b.elapse(time.Duration(rnd.IntN(20)) * time.Second)
		case 1:
			b.elapse(time.Duration(rnd.IntN(100)) * time.Millisecond)
		}
	}
	if !running {
		b.start()
	}
	b.poll()
	b.pass(b.f.Grace)
	b.restart()
	b.poll()
	b.wantLines(n)
	if t.Failed() {
		at := map[string][]int{}
		for i, r := range b.recs {
			at[r.text] = append(at[r.text], i)
		}
		for text, list := range at {
			if len(list) > 1 {
				for _, i := range list {
					t.Logf("%q is record %d: %s of %s at %d", text, i, b.recs[i].key, b.recs[i].path, b.recs[i].base)
				}
			}
		}
		t.Logf("seed %d, %s, chunks of %d: %s", seed, b.f.Paths[0], b.f.ChunkBytes, strings.Join(did, " "))
	}
}

// crash lets chunks more chunks through, and no more, and stops.
func (b *bench) crash(chunks int) {
	b.left = &chunks
	b.e.scanner.scan(b.now, nil)
	for range slots {
		b.now = b.now.Add(b.f.PollInterval)
		for busy := true; busy; {
			var err error
			if busy, err = b.e.reader.step(b.now); err != nil {
				b.left = nil
				b.stop()
				return
			}
		}
	}
	b.left = nil
	b.stop()
}
