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
// clients that deliver keep theirs. If all have a request, the new one is closed.
type conns struct {
	max int

	open    atomic.Int64
	evicted atomic.Int64 // closed to make room
	refused atomic.Int64 // closed because there was none

	mu    sync.Mutex
	fresh list.List // of *conn that never had a request, the oldest first
	idle  list.List // of *conn that had one, the one that has waited longest first
}

// conn is a connection that conns knows.
type conn struct {
	net.Conn
	of     *conns
	waits  *list.Element // nil while it has a request, and when it is closed
	in     *list.List    // where waits is
	closed bool
}

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
	k.wait(&c.fresh)
	c.mu.Unlock()
	c.open.Add(1)
	return k
}

// evict closes the connection that is least missed.
func (c *conns) evict() bool {
	c.mu.Lock()
	first := c.fresh.Front()
	if first == nil {
		first = c.idle.Front()
	}
	if first == nil {
		c.mu.Unlock()
		return false
	}
	k := first.Value.(*conn)
	k.work()
	c.mu.Unlock()
	c.evicted.Add(1)
	_ = k.Close()
	return true
}

// wait puts k at the end of a list. The caller holds mu.
func (k *conn) wait(in *list.List) { k.in, k.waits = in, in.PushBack(k) }

// work takes k off its list. The caller holds mu.
func (k *conn) work() {
	if k.waits != nil {
		k.in.Remove(k.waits)
		k.waits = nil
	}
}

// Close may be called more than once.
func (k *conn) Close() error {
	k.of.mu.Lock()
	if !k.closed {
		k.closed = true
		k.work()
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
			c.mu.Lock()
			k.work()
			c.mu.Unlock()
			defer k.rest()
		}
		if r.ContentLength != 0 {
			// A handler that is busy after it has the body lifts this again:
			// net/http takes a deadline that passes for a client that left.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		next.ServeHTTP(w, r)
	})
}

// rest ends a request of k.
func (k *conn) rest() {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	if !k.closed && k.waits == nil {
		k.wait(&k.of.idle)
	}
}
