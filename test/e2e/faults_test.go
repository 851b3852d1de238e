package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"shipper/test/site"
)

// fault spoils one request on its way to the indexer, which is behind forward.
type fault func(w http.ResponseWriter, r *http.Request, forward http.Handler)

func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

var faults = map[string]fault{
	"503": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Error(w, "try later", http.StatusServiceUnavailable)
	},
	"429 with Retry-After": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	},
	"reset": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		io.CopyN(io.Discard, r.Body, 1000)
		reset(w)
	},
	"lost ack": func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		forward.ServeHTTP(httptest.NewRecorder(), r) // stored
		reset(w)
	},
	"truncated reply": func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		rec := httptest.NewRecorder()
		forward.ServeHTTP(rec, r) // stored
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		body := rec.Body.Bytes()
		fmt.Fprintf(conn, "HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s", rec.Code, len(body), body[:len(body)/2])
		conn.Close()
	},
	"redirect to a login page": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		if r.URL.Path == "/login" {
			io.WriteString(w, "<h1>please log in</h1>")
			return
		}
		http.Redirect(w, r, "/login", http.StatusFound)
	},
}

// TestSinkFailures spoils two of three requests in each way, between an agent
// and an indexer that would both be well.
func TestSinkFailures(t *testing.T) {
	for name, spoil := range faults {
		t.Run(name, func(t *testing.T) {
			target := site.FreePort(t)
			forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target})
			var requests, spoilt atomic.Int64
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n := requests.Add(1); n%3 != 0 && n < 13 {
					spoilt.Add(1)
					spoil(w, r, forward)
					return
				}
				forward.ServeHTTP(w, r)
			}))
			defer proxy.Close()
			s := site.New(t, binary, proxy.URL, "")
			s.IndexAddr = target
			s.StartIndexer(t)
			o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
			s.StartAgent(t)
			s.Begin(t, o)
			for range 6 { // several requests, also when all goes well
				before := requests.Load()
				o.Write(t, 3000)
				site.Await(t, "a request", func() bool { return requests.Load() > before })
			}
			s.AwaitDrained(t, o.Bytes.Load())
			site.Want(t, o, o.Check(t, s.URL()))
			site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
			if spoilt.Load() == 0 {
				t.Error("no request was spoilt")
			}
			t.Logf("%d of %d requests spoilt", spoilt.Load(), requests.Load())
		})
	}
}
