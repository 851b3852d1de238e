package fault

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"shipper/internal/protocol"
	"shipper/internal/protocol/otlp"
	"shipper/internal/record"
	"shipper/test/site"
)

// Frames of HTTP/2 (RFC 9113) as a server sends them: length, type, flags, stream.
const (
	h2Settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	h2GoAway   = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x0b" // nothing was done; ENHANCE_YOUR_CALM
	h2Reset    = "\x00\x00\x04\x03\x00\x00\x00\x00\x01" + "\x00\x00\x00\x07"                      // stream 1: REFUSED_STREAM
	h2Huge     = "\xff\xff\xff\x00\x00\x00\x00\x00\x01"                                           // a frame larger than allowed
	h2Bad      = "\x00\x00\x05\x01\x04\x00\x00\x00\x01\xff\xff\xff\xff\xff"                       // a header that cannot be decompressed
)

// badFirst spoils the first connections and hands on the others.
type badFirst struct {
	net.Listener
	bad []func(c net.Conn)
	n   int
}

// Accept is net.Listener's.
func (l *badFirst) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || l.n >= len(l.bad) {
			return c, err
		}
		go l.bad[l.n](c)
		l.n++
	}
}

// frames answers a connection's preface with frames and, behind the first
// request, ends it.
func frames(before, behind string) func(c net.Conn) {
	return func(c net.Conn) {
		defer c.Close()
		io.WriteString(c, before)
		if _, err := io.ReadFull(c, make([]byte, 100)); err != nil || behind == "" {
			return
		}
		io.WriteString(c, behind)
		io.Copy(io.Discard, c) // until the agent gives up
	}
}

// grpcFaults is a collector for OTLP over gRPC that fails in the ways of HTTP/2.
func grpcFaults(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bad := &badFirst{Listener: l, bad: []func(c net.Conn){
		frames("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
		frames(h2Settings+h2GoAway, ""),
		frames(h2Settings, h2GoAway),
		frames(h2Settings, h2Reset+h2GoAway),
		frames(h2Settings, h2Huge),
		frames(h2Settings, h2Bad),
		frames(h2Settings, "\x00"),
	}}
	sink := &server{t: t, bodies: map[string][32]byte{}, kept: map[string][]document{}, stored: map[string]int{}}
	var calls atomic.Int64
	h := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{server: sink, req: r}
		body := c.body()
		switch n := calls.Add(1); {
		case n > 20:
		case n%6 == 1: // the stream is reset
			panic(http.ErrAbortHandler)
		case n%6 == 2: // the answer is lost
			c.keepOTLP(body)
			panic(http.ErrAbortHandler)
		case n%6 == 3:
			w.Header().Set("Grpc-Status", "14") // UNAVAILABLE
			return
		case n%6 == 4: // a good answer, were there the status behind it
			w.Write([]byte{0, 0, 0, 0, 0})
			return
		case n%6 == 5:
			w.Header().Set("Connection", "close") // GOAWAY
		}
		c.keepOTLP(body)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		w.Write([]byte{0, 0, 0, 0, 0})
		w.Header().Set("Grpc-Status", "0")
	})}
	h.Protocols.SetUnencryptedHTTP2(true)
	go h.Serve(bad)
	defer h.Close()

	s := site.New(t, binary, "", "")
	shipTo(t, s, "", "otlp: {url: http://"+l.Addr().String()+", form: grpc}")
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	for range 20 {
		before := calls.Load()
		o.Write(t, 300)
		site.Await(t, "a call", func() bool { return calls.Load() > before })
	}
	s.AwaitDrained(t, o.Bytes.Load())
	site.Want(t, o, o.Judge(sink.lines()))
	site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
	if failed := sample(t, s, "shipper_output_failed_requests_total"); bad.n != len(bad.bad) || failed < 12 || sink.twice() == 0 {
		t.Errorf("%d connections were bad, %d calls failed, %d were stored twice", bad.n, failed, sink.twice())
	}
	if n := sample(t, s, "shipper_output_dead_records_total"); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// keepOTLP keeps the lines of a call of gRPC.
func (c *call) keepOTLP(body []byte) {
	if len(body) < 5 {
		c.t.Errorf("a message of %d bytes", len(body))
		return
	}
	message := body[5:]
	if body[0] == 1 {
		var err error
		if message, err = new(protocol.Decompressor).Append(nil, message, c.req.Header.Get("Grpc-Encoding"), 1<<26); err != nil {
			c.t.Error(err)
		}
	}
	var all []document
	_, err := otlp.Decode("application/x-protobuf", message, func(b *record.Batch) error {
		for i := range b.Records {
			all = append(all, document{Message: string(b.Bytes(b.Records[i].Body))})
		}
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
	key := c.req.Header.Get("Idempotency-Key")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored[key]++
	c.kept[key] = all
}
