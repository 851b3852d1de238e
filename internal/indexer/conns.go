package indexer

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// bodyTimeout is how long a body may take, be it read by a handler or thrown away.
const bodyTimeout = 30 * time.Second

// conns bounds the connections of a server, and with them its memory and
// descriptors. When there is one too many, the one that has been without a
// request for longest makes room: those that never had one first, so that
// clients that deliver keep theirs. If all have a request, the one that has had its
// for longest has to go, unless that is short; then the new one is closed.
type conns struct {
	max int

	open    atomic.Int64
	evicted atomic.Int64 // closed to make room
	refused atomic.Int64 // closed because there was none

	mu    sync.Mutex
	fresh list.List // of *conn that never had a request, the oldest first
	idle  list.List // of *conn that had one, the one that has waited longest first
	busy  list.List // of *conn that have one, the one that has had it longest first
}

// conn is a connection that conns knows.
type conn struct {
	net.Conn
	of     *conns
	at     *list.Element // nil when it is closed
	in     *list.List    // where at is
	since  time.Time     // when its request began
	closed bool
}

// short is how long a request may take although others want to connect. What an
// agent sends takes far less.
const short = 5 * time.Second

// listener hands out connections that c knows.
type listener struct {
	net.Listener
	c *conns
}

func (l listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if k := l.c.add(accepted); k != nil {
			return k, nil
		}
		_ = accepted.Close()
	}
}

// add takes a connection in, or returns nil if there is no room.
func (c *conns) add(n net.Conn) *conn {
	if int(c.open.Load()) >= c.max && !c.evict() {
		c.refused.Add(1)
		return nil
	}
	k := &conn{Conn: n, of: c}
	c.mu.Lock()
	k.move(&c.fresh)
	c.mu.Unlock()
	c.open.Add(1)
	return k
}

// evict closes the connection that is least missed.
func (c *conns) evict() bool {
	c.mu.Lock()
	k := c.leastMissed()
	if k != nil {
		k.move(nil)
	}
	c.mu.Unlock()
	if k == nil {
		return false
	}
	c.evicted.Add(1)
	_ = k.Close()
	return true
}

// leastMissed returns the connection to close, nil if there is none. The caller holds mu.
func (c *conns) leastMissed() *conn {
	for _, waiting := range []*list.List{&c.fresh, &c.idle} {
		if first := waiting.Front(); first != nil {
			return first.Value.(*conn)
		}
	}
	if first := c.busy.Front(); first != nil {
		if k := first.Value.(*conn); time.Since(k.since) >= short {
			return k
		}
	}
	return nil
}

// move puts k at the end of a list, or of none. The caller holds mu.
func (k *conn) move(to *list.List) {
	if k.at != nil {
		k.in.Remove(k.at)
		k.at = nil
	}
	if to != nil {
		k.in, k.at = to, to.PushBack(k)
	}
}

// Close may be called more than once.
func (k *conn) Close() error {
	k.of.mu.Lock()
	if !k.closed {
		k.closed = true
		k.move(nil)
		k.of.open.Add(-1)
	}
	k.of.mu.Unlock()
	return k.Conn.Close()
}

type connKey struct{}

// withConn is an http.Server's ConnContext.
func withConn(ctx context.Context, n net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, n)
}

// handler tells c of requests, and bounds the time of their bodies.
func (c *conns) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k, ok := r.Context().Value(connKey{}).(*conn)
		if ok {
			k.turn(&c.busy)
			defer k.turn(&c.idle)
		}
		if r.ContentLength != 0 {
			// A handler that is busy after it has the body lifts this again:
			// net/http takes a deadline that passes for a client that left.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		next.ServeHTTP(w, r)
	})
}

// turn begins or ends a request of k.
func (k *conn) turn(to *list.List) {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	if k.at != nil { // it is not being closed
		k.since = time.Now()
		k.move(to)
	}
}
