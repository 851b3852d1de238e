package pipeline

import (
	"errors"
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// Limit lets only so many records through in a second; the others are dropped.
//
// With a Key, records are told apart by that attribute, or by their stream if
// Key is empty, and share the limit fairly: each key that was seen in the last
// ten seconds has an equal share, and what one does not use the others may. A
// noisy key cannot take anything from another's share.
type Limit struct {
	Rate  float64 // records a second
	Burst float64 // records that may come at once; 0 is those of a second
	Key   string  // attribute or label; empty: the stream
}

const (
	limitTick = 100 * time.Millisecond // between two settlements
	limitIdle = 10 * time.Second       // after which a key's share is given to others
	limitKeys = 4096                   // more share one bucket
)

// limiter is a token bucket for each key and one for what they leave over. It
// is safe for concurrent use: all Workers share it.
type limiter struct {
	rate, burst float64
	column      int // -1: the stream
	seed        maphash.Seed

	mu      sync.Mutex
	buckets map[uint64]*bucket
	spare   float64 // tokens that keys did not use
	settled int64   // when tokens were given out last, ns
}

type bucket struct {
	tokens float64
	seen   int64 // ns
}

func newLimiter(c Limit) (*limiter, error) {
	if !(c.Rate > 0) || math.IsInf(c.Rate, 0) {
		return nil, errors.New("the rate must be above 0")
	}
	if !(c.Burst >= 0) || math.IsInf(c.Burst, 0) {
		return nil, errors.New("the burst must not be negative")
	}
	if c.Burst == 0 {
		c.Burst = c.Rate
	}
	burst := max(c.Burst, 1)
	return &limiter{rate: c.Rate, burst: burst, seed: maphash.MakeSeed(), buckets: map[uint64]*bucket{}, spare: burst}, nil
}

// allow takes a token for a record with that key, now in ns.
func (l *limiter) allow(key []byte, now int64) bool {
	h := maphash.Bytes(l.seed, key)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now-l.settled >= int64(limitTick) {
		l.settle(now)
	}
	b := l.buckets[h]
	if b == nil {
		b = l.join(h)
	}
	b.seen = max(b.seen, now)
	switch {
	case b.tokens >= 1:
		b.tokens--
	case l.spare >= 1+l.room():
		l.spare--
	default:
		return false
	}
	return true
}

// room is what a key can have saved: a share of the burst, where a key that is
// not there yet has one, too, which the others leave alone.
func (l *limiter) room() float64 { return max(1, l.burst/float64(len(l.buckets)+1)) }

// join gives a new key a bucket, with half of the share that was kept for it.
func (l *limiter) join(h uint64) *bucket {
	if len(l.buckets) >= limitKeys {
		h = 0
		if b := l.buckets[h]; b != nil {
			return b
		}
	}
	b := &bucket{tokens: min(l.spare, max(1, l.room()/2))}
	l.buckets[h] = b
	l.spare -= b.tokens
	return b
}

// settle gives out the tokens of the time since the last settlement: to each
// key its share, and what does not fit into its bucket to the spare one.
func (l *limiter) settle(now int64) {
	elapsed := time.Duration(now - l.settled).Seconds()
	l.settled = now
	for h, b := range l.buckets {
		if now-b.seen > int64(limitIdle) {
			l.spare += b.tokens
			delete(l.buckets, h)
		}
	}
	given := min(l.rate*elapsed, l.burst)
	share, room := given/float64(len(l.buckets)+1), l.room()
	l.spare += share
	for _, b := range l.buckets {
		b.tokens += share
		if b.tokens > room {
			l.spare += b.tokens - room
			b.tokens = room
		}
	}
	l.spare = min(l.spare, l.burst+room)
}
