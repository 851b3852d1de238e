package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"shipper/internal/protocol"
	"shipper/internal/protocol/otlp"
	"shipper/internal/record"
)

// collector is a gRPC server for OTLP logs. fail has the status of a call by its
// number; 0 is OK.
type collector struct {
	t    *testing.T
	fail func(call, records int) (code int, message string, early bool)

	mu    sync.Mutex
	calls int
	got   map[string]int
}

// ServeHTTP is http.Handler's.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 2 || r.URL.Path != otlp.GRPCPath || r.Header.Get("Te") != "trailers" || r.Header.Get("Content-Type") != "application/grpc+proto" {
		c.t.Errorf("%s %s %v", r.Proto, r.URL, r.Header)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) < 5 {
		c.t.Errorf("%d bytes, %v", len(body), err)
		return
	}
	var all []string
	p := body[5:]
	if body[0] == 1 {
		p, err = new(protocol.Decompressor).Append(nil, p, r.Header.Get("Grpc-Encoding"), 1<<20)
	}
	if err == nil {
		_, err = otlp.Decode("application/x-protobuf", p, func(b *record.Batch) error {
			for i := range b.Records {
				all = append(all, string(b.Bytes(b.Records[i].Body)))
			}
			return nil
		})
	}
	if err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	code, message, early := 0, "", false
	if c.fail != nil {
		code, message, early = c.fail(c.calls, len(all))
	}
	w.Header().Set("Content-Type", "application/grpc")
	if early { // an answer that has no message has its status in the header
		w.Header().Set("Grpc-Status", fmt.Sprint(code))
		w.Header().Set("Grpc-Message", message)
		return
	}
	w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
	if body[0] == 1 { // grpc-go does not ask whether the client wants that
		z, _ := protocol.NewCompressor(r.Header.Get("Grpc-Encoding"))
		answer, _ := z.Append([]byte{1, 0, 0, 0, 0}, nil)
		answer[4] = byte(len(answer) - 5)
		w.Header().Set("Grpc-Encoding", z.Encoding)
		w.Write(answer)
	} else {
		w.Write([]byte{0, 0, 0, 0, 0})
	}
	w.Header().Set("Grpc-Status", fmt.Sprint(code))
	w.Header().Set("Grpc-Message", message)
	if code == 0 {
		for _, text := range all {
			c.got[text]++
		}
	}
}

// deliverTo runs an Output to url until all blocks are acked.
func deliverTo(t *testing.T, url, encoding string, config *tls.Config, blocks int) *Output {
	t.Helper()
	z, err := protocol.NewCompressor(encoding)
	if err != nil {
		t.Fatal(err)
	}
	s := &source{t: t, blocks: makeBlocks(blocks, 10, plainText)}
	o := &Output{Name: "test", URL: url + otlp.GRPCPath, Agent: testAgent, Source: s, Encoder: &otlp.Encoder{Form: otlp.GRPC, Compressor: z},
		Client: NewHTTP2Client(config, nil), Backoff: Backoff{Min: time.Millisecond, Max: 2 * time.Millisecond}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.end = cancel
	if err := o.Run(ctx); err != nil {
		t.Error(err)
	}
	if len(s.dead) > 0 || s.acked != uint64(blocks) {
		t.Errorf("%d acked, %d dead letters: %v", s.acked, len(s.dead), s.reason)
	}
	o.Client.CloseIdleConnections()
	return o
}

func TestGRPC(t *testing.T) {
	const blocks = 20
	for _, c := range []struct {
		name, encoding string
		secure         bool
		fail           func(call, records int) (int, string, bool)
		failed, splits bool
	}{
		{"plain", "none", false, nil, false, false},
		{"gzip", "gzip", false, nil, false, false},
		{"tls", "gzip", true, nil, false, false},
		{"unavailable", "none", false, func(call, _ int) (int, string, bool) {
			if call%3 == 1 {
				return 14, "come%20again", call%2 == 0
			}
			return 0, "", false
		}, true, false},
		{"too large", "none", false, func(_, records int) (int, string, bool) {
			if records > 5 {
				return 8, "grpc: received message larger than max (5 vs. 4)", true
			}
			return 0, "", false
		}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := &collector{t: t, fail: c.fail, got: map[string]int{}}
			h := httptest.NewUnstartedServer(server)
			h.Config.Protocols = new(http.Protocols)
			h.Config.Protocols.SetHTTP2(true)
			h.Config.Protocols.SetUnencryptedHTTP2(true)
			h.EnableHTTP2 = true
			var config *tls.Config
			if c.secure {
				h.StartTLS()
				roots := x509.NewCertPool()
				roots.AddCert(h.Certificate())
				config = &tls.Config{RootCAs: roots}
			} else {
				h.Start()
			}
			defer h.Close()
			o := deliverTo(t, h.URL, c.encoding, config, blocks)
			if len(server.got) != blocks*10 {
				t.Errorf("%d records", len(server.got))
			}
			for text, n := range server.got {
				if n != 1 {
					t.Errorf("%q came %d times", text, n)
				}
			}
			if (o.Stats.Failed.Load() > 0) != c.failed || (o.Stats.Splits.Load() > 0) != c.splits {
				t.Errorf("%d failed, %d split", o.Stats.Failed.Load(), o.Stats.Splits.Load())
			}
		})
	}
}

// TestGRPCToHTTP1 has a receiver that does not speak HTTP/2: nothing is given up.
func TestGRPCToHTTP1(t *testing.T) {
	h := httptest.NewServer(http.NotFoundHandler())
	defer h.Close()
	o := &Output{URL: h.URL + otlp.GRPCPath, Encoder: &otlp.Encoder{Form: otlp.GRPC}, Client: NewHTTP2Client(nil, nil)}
	o.setDefaults()
	o.headers.Store(&o.Headers)
	r := protocol.Request{Frames: []protocol.Frame{{Payload: makeBlocks(1, 1, plainText)[0].Payload}}}
	header := http.Header{}
	body, err := o.Encoder.Append(nil, header, &r)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := o.exchange(t.Context(), &r, header, &upload{body: body})
	if v.Outcome != protocol.Retry || v.Reason == "" {
		t.Errorf("%+v", v)
	}
}
