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
	b := newBench(t, []string{"a.log", "a.log*", "*.log"}[rnd.IntN(3)])
	b.f.ChunkBytes = 64 << rnd.IntN(8)
	b.start()
	var did []string
	n := 0
	running := true
	oldest := 0         // rotated files there are
	compressedFrom := 1 // files from this number on are compressed
	shift := func() {
		for k := oldest; k > 0; k-- {
			for _, s := range []string{"", ".gz"} {
				from := b.path(fmt.Sprintf("a.log.%d%s", k, s))
				if _, err := os.Stat(from); err == nil {
					b.must(os.Rename(from, b.path(fmt.Sprintf("a.log.%d%s", k+1, s))))
				}
			}
		}
		oldest++
		compressedFrom++
	}
	b.write("a.log", "")
	b.poll()
	for range 40 {
		op := rnd.IntN(12)
		fmt.Fprintf(&b.logs, "--- %d, %d records\n", op, len(b.recs))
		did = append(did, fmt.Sprint(op))
		switch op {
		case 0, 1, 2: // write
			k := 1 + rnd.IntN(40)
			text := lines(n, n+k)
			if rnd.IntN(3) == 0 && running { // in two parts
				cut := rnd.IntN(len(text))
				b.write("a.log", text[:cut])
				b.poll()
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
			shift()
			b.rename("a.log", "a.log.1")
			b.write("a.log", "")
			if running {
				b.scan()
			}
		case 7: // rename, late writes
			shift()
			b.rename("a.log", "a.log.1")
			b.write("a.log", lines(n, n+1))
			if running {
				b.poll()
			}
			b.write("a.log.1", lines(n+1, n+3))
			n += 3
		case 8: // copytruncate
			if running {
				b.scan()
			}
			shift()
			b.copy("a.log", "a.log.1")
			if running && rnd.IntN(2) == 0 {
				b.poll()
			}
			b.must(os.Truncate(b.path("a.log"), 0))
			if running {
				b.scan()
			}
		case 9: // compress the rotated files but for the newest
			for k := max(2, compressedFrom); k <= oldest; k++ {
				name := fmt.Sprintf("a.log.%d", k)
				if _, err := os.Stat(b.path(name)); err == nil {
					gz(b, name)
				}
			}
		case 10: // crash while reading, and start again
			if running {
				b.crash(rnd.IntN(4))
				b.start()
			}
		case 11: // crash and stay down, or start again
			if running {
				b.crash(rnd.IntN(4))
			} else {
				b.start()
			}
			running = !running
		}
		if rnd.IntN(4) == 0 {
			b.now = b.now.Add(time.Duration(rnd.IntN(20)) * time.Second)
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
