package fault

import (
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"shipper/test/site"
)

// storm has a writer that rotates, a receiver that fails in a way of its own with
// half of all requests, and both agent and indexer killed again and again: for
// ten seconds, five minutes in make fault-all.
func storm(t *testing.T) {
	long := 10 * time.Second
	if all() {
		long = 5 * time.Minute
	}
	stored := func(end act) act {
		return func(c *call) bool {
			c.store(c.body())
			return end(c)
		}
	}
	faults := []act{
		status(503, ""), status(429, "Retry-After: 1\r\n"), status(500, ""), status(401, ""), status(404, ""),
		status(302, "Location: /login\r\n"),
		stored((*call).reset), stored(func(*call) bool { return false }),
		stored(func(c *call) bool { return c.reply(502, "", nil) }),
		stored(func(c *call) bool { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"); return false }),
		(*call).reset,
		func(*call) bool { return false },
		func(c *call) bool {
			io.CopyN(io.Discard, c.req.Body, c.req.ContentLength/2)
			return c.reset()
		},
		text("HTTP/1.1 200 OK\r\n\r\n<h1>login</h1>"), text("SSH-2.0-OpenSSH_9.2p1\r\n"), text("HTTP/1.1 20"),
		text("HTTP/1.1 204 No Content\r\n\r\n"),
		func(c *call) bool { c.body(); return c.hang() },
	}
	random := rand.New(rand.NewPCG(98, 2))
	var mu sync.Mutex
	srv := &server{script: func(int) act {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(2) == 0 {
			return good
		}
		return spoil(faults[random.IntN(len(faults))])
	}}
	s := site.New(t, binary, "", "queue: {max_bytes: 64MiB}\n")
	srv.target = s.URL()
	serve(t, srv)
	shipTo(t, s, srv.url(), "")
	indexer, agent := s.StartIndexer(t), s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 3000)
	s.Begin(t, o)
	kills := 0
	for start := time.Now(); time.Since(start) < long; kills++ {
		for range 5 {
			o.Write(t, 400)
			before := srv.requests.Load()
			site.Await(t, "a request", func() bool { return srv.requests.Load() > before })
		}
		if kills%3 == 2 {
			indexer.Kill()
			indexer = s.StartIndexer(t)
		} else {
			agent.Kill()
			agent = s.StartAgent(t)
		}
	}
	srv.mild.Store(true)
	settle(t, s, o)
	if srv.logins != 0 || srv.spoilt.Load() == 0 {
		t.Errorf("%d redirects were followed, %d requests spoilt", srv.logins, srv.spoilt.Load())
	}
	t.Logf("%d lines, %d requests, %d of them spoilt, %d stored twice, %d kills", o.Seq, srv.requests.Load(), srv.spoilt.Load(), srv.twice(), kills)
}
