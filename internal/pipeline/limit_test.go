package pipeline

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load offers records of each key at a rate, evenly, and returns how many of
// each were let through.
func offer(l *limiter, from, d time.Duration, rates map[string]int) map[string]int {
	passed := map[string]int{}
	const step = time.Millisecond
	for at := from; at < from+d; at += step {
		for key, rate := range rates {
			before, now := int(at*time.Duration(rate)/time.Second), int((at+step)*time.Duration(rate)/time.Second)
			for range now - before {
				if l.allow([]byte(key), int64(at)) {
					passed[key]++
				}
			}
		}
	}
	return passed
}

func newTestLimiter(t *testing.T, c Limit) *limiter {
	t.Helper()
	l, err := newLimiter(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLimit(t *testing.T) {
	f := func(c Limit, rates, least, most map[string]int) {
		t.Helper()
		l := newTestLimiter(t, c)
		offer(l, time.Hour, 20*time.Second, rates) // until it is steady
		got := offer(l, time.Hour+20*time.Second, 10*time.Second, rates)
		total := 0
		for key := range rates {
			total += got[key]
			if got[key] < least[key] || got[key] > most[key] {
				t.Errorf("%+v, %v: %d of %s in ten seconds, want %d to %d", c, rates, got[key], key, least[key], most[key])
			}
		}
		if total > int(10*c.Rate)+int(c.Rate)/2+2 {
			t.Errorf("%+v, %v: %d in all", c, rates, total)
		}
	}
	m := func(a, b, c int) map[string]int { return map[string]int{"a": a, "b": b, "c": c} }
	f(Limit{Rate: 100}, map[string]int{"a": 50}, m(500, 0, 0), m(500, 0, 0))
	f(Limit{Rate: 100}, map[string]int{"a": 5000}, m(950, 0, 0), m(1050, 0, 0))
	f(Limit{Rate: 100}, map[string]int{"a": 5000, "b": 10}, m(850, 100, 0), m(950, 100, 0))               // quiet b lacks nothing
	f(Limit{Rate: 100}, map[string]int{"a": 5000, "b": 5000}, m(400, 400, 0), m(600, 600, 0))             // even
	f(Limit{Rate: 90}, map[string]int{"a": 9000, "b": 20, "c": 1000}, m(200, 200, 200), m(500, 200, 500)) // b has its own, a and c the rest
	f(Limit{Rate: 2}, map[string]int{"a": 1000}, m(18, 0, 0), m(23, 0, 0))
}

// TestQuietKeyComesBack: one record a minute gets through beside one that floods.
func TestQuietKeyComesBack(t *testing.T) {
	l := newTestLimiter(t, Limit{Rate: 100})
	at := time.Hour
	for i := range 20 {
		offer(l, at, 15*time.Second, map[string]int{"noisy": 10_000})
		at += 15 * time.Second
		if !l.allow([]byte("quiet"), int64(at)) {
			t.Fatalf("record %d of the quiet one was dropped", i)
		}
	}
}

func TestLimitOfManyKeys(t *testing.T) {
	l := newTestLimiter(t, Limit{Rate: 1000})
	passed := 0
	for i := range 100_000 {
		if l.allow(fmt.Appendf(nil, "key %d", i), int64(time.Hour)+int64(i)*int64(10*time.Microsecond)) {
			passed++
		}
	}
	if passed > 4000 { // a second, and the burst of 2000 there was
		t.Errorf("%d of different keys came through", passed)
	}
	if n := len(l.buckets); n > limitKeys+1 {
		t.Errorf("%d buckets", n)
	}
	l.allow([]byte("x"), int64(2*time.Hour))
	if n := len(l.buckets); n > 2 {
		t.Errorf("%d buckets are left after an hour", n)
	}
}

func TestLimitedRecords(t *testing.T) {
	p := pipelineOf(t, Rule{Name: "cap", Match: `{service_name=~"payments|orders"}`, Limit: &Limit{Rate: 1, Burst: 1, Key: "service.name"}, To: []string{"loki"}})
	w := p.NewWorker()
	b, starts, raw := batchOf(debugLine, debugLine, debugLine, debugLine, infoLine, "other")
	got := show(p, w.Apply(b, starts, raw, int64(time.Hour)))
	if want := "default[5] loki[0 4] rate_limit:cap[1 2 3]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := p.Stats.Rules[0].Limited.Load(); n != 3 {
		t.Errorf("%d limited", n)
	}
}

// TestWorkersAtOnce: what Workers share they share safely, and count together.
func TestWorkersAtOnce(t *testing.T) {
	p, err := New(Config{Outputs: outputs(), Redact: allRedactions(Token), Rules: []Rule{
		{Name: "cap", Limit: &Limit{Rate: 10, Burst: 10}, Continue: true},
		{Name: "some", Sample: &Sample{Keep: 0.5, Key: "n"}, Continue: true, Set: []Attribute{{"a", "b"}}},
		{Name: "errors", Match: `{level="error"}`, To: []string{"loki", "store"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	const workers, rounds = 4, 50
	var passed atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			w := p.NewWorker()
			for range rounds {
				b, starts, raw := batchOf(debugLine, errorLine, paymentLine)
				for _, part := range w.Apply(b, starts, raw, int64(time.Hour)) {
					p.Names(part.Route)
					if part.Reason != "rate_limit:cap" {
						passed.Add(int64(len(part.Rows)))
					}
				}
			}
		})
	}
	all.Wait()
	if n := p.Stats.Rules[0].Hits.Load(); n != 3*workers*rounds {
		t.Errorf("%d hits", n)
	}
	if n := passed.Load(); n < 10 || n > 30 {
		t.Errorf("%d came through at once, the burst is 10", n)
	}
}
