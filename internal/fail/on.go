//go:build failpoints

package fail

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// point is what happens at a place, and how often the place was passed.
type point struct {
	action      string
	first, last int
	passes      atomic.Int64
}

// points is state of the package, as the places are anywhere: of builds for tests only.
var points = sync.OnceValue(func() map[string]*point {
	all, err := parse(os.Getenv("SHIPPER_FAIL"))
	if err != nil {
		panic(err)
	}
	return all
})

// parse reads the value of SHIPPER_FAIL.
func parse(text string) (map[string]*point, error) {
	all := map[string]*point{}
	for _, word := range strings.Fields(text) {
		name, action, ok := strings.Cut(word, "=")
		action, when, _ := strings.Cut(action, "@")
		p := &point{action: action, first: 1, last: 1}
		var err error
		if when != "" {
			from, to, span := strings.Cut(when, "-")
			open := strings.HasSuffix(from, "+")
			if p.first, err = strconv.Atoi(strings.TrimSuffix(from, "+")); err == nil && span {
				p.last, err = strconv.Atoi(to)
			} else if p.last = p.first; open {
				p.last = math.MaxInt
			}
		}
		if _, bad := time.ParseDuration(action); !ok || err != nil || bad != nil && !strings.Contains(" error panic exit kill stop ", " "+action+" ") {
			return nil, fmt.Errorf("SHIPPER_FAIL: %q is not name=action@when", word)
		}
		all[name] = p
	}
	return all, nil
}

// Point is a place that a test may make fail; see the package.
func Point(name string) error {
	p := points()[name]
	if p == nil {
		return nil
	}
	n := int(p.passes.Add(1))
	if n < p.first || n > p.last {
		return nil
	}
	fmt.Fprintf(os.Stderr, "fail point %s, pass %d: %s\n", name, n, p.action)
	switch p.action {
	case "error":
		return fmt.Errorf("fail point %s", name)
	case "panic":
		panic("fail point " + name)
	case "exit":
		os.Exit(3)
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "stop":
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(100 * time.Millisecond) // another thread may take the signal, a little later
	default:
		d, _ := time.ParseDuration(p.action)
		time.Sleep(d)
	}
	return nil
}
