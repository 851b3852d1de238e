package receive

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A client may take its time for a body as long as nobody waits for its place.
// When somebody does, the body that comes slowest is given up, but none that is
// younger than fair.
const fair = time.Second

// arrivals are the bodies that are being read.
type arrivals struct {
	mu   sync.Mutex
	open map[*arrival]struct{}
}

// arrival is one body that is being read.
type arrival struct {
	since time.Time
	bytes atomic.Int64
	stop  func() // makes reading it fail
	slow  bool   // it was stopped; guarded by arrivals.mu
}

// begin adds a body whose client has until timeout has passed. The context ends with it.
func (a *arrivals) begin(r *http.Request, w http.ResponseWriter, timeout time.Duration) (context.Context, *arrival) {
	now := time.Now()
	client := http.NewResponseController(w)
	_ = client.SetReadDeadline(now.Add(timeout))
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	v := &arrival{since: now, stop: func() {
		cancel()
		_ = client.SetReadDeadline(now)
	}}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = make(map[*arrival]struct{})
	}
	a.open[v] = struct{}{}
	return ctx, v
}

// end takes a body off and reports whether it was given up for another.
func (a *arrivals) end(v *arrival) (slow bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, v)
	return v.slow
}

// yield gives up the slowest body, unless one is on its way out.
func (a *arrivals) yield() {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	var slowest *arrival
	least := 0.0
	for v := range a.open {
		if v.slow {
			return
		}
		age := now.Sub(v.since)
		if pace := float64(v.bytes.Load()) / age.Seconds(); age >= fair && (slowest == nil || pace < least) {
			slowest, least = v, pace
		}
	}
	if slowest != nil {
		slowest.slow = true
		slowest.stop()
	}
}
