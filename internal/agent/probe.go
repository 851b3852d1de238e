package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"shipper/internal/config"
	"shipper/internal/deliver"
	"shipper/internal/protocol"
)

// Probe is the outcome of trying one output.
type Probe struct {
	Output string
	URL    string        // without what is behind the path, which can be a secret
	Status int           // of the answer; 0 if there was none
	Took   time.Duration // of the whole exchange
	Err    error         // why records could not be delivered, as far as a probe can tell
}

// probeTime is how long a receiver has for its answer.
const probeTime = 10 * time.Second

// Connect tries each output of c, one after the other, with all that deliveries
// use: address, proxy, TLS, credentials. It posts an empty body, or calls gRPC with
// an empty message, which no protocol stores anything of; a receiver that answers
// it is malformed has been reached.
func Connect(ctx context.Context, c *config.Config) []Probe {
	a := &Agent{Log: slog.New(slog.DiscardHandler)}
	probes := make([]Probe, len(c.Outputs))
	for i, out := range c.Outputs {
		probes[i] = Probe{Output: out.Name, URL: bare(out.URL())}
		o, err := a.makeOutput(out)
		if err != nil {
			probes[i].Err = err
			continue
		}
		probes[i].try(ctx, o, out.OTLP != nil && out.OTLP.Form == "grpc")
	}
	return probes
}

// bare returns a URL up to the end of its path.
func bare(text string) string {
	before, _, _ := strings.Cut(text, "?")
	return before
}

func (p *Probe) try(ctx context.Context, o *deliver.Output, grpc bool) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	defer o.Client.CloseIdleConnections()
	p.URL = bare(o.URL)
	var message io.Reader = http.NoBody
	if grpc {
		message = bytes.NewReader(make([]byte, 5)) // the prefix of one without bytes
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL, message)
	if err != nil {
		p.Err = fmt.Errorf("make request: %w", err)
		return
	}
	req.Header = o.Headers.Clone()
	req.Header.Set("User-Agent", "shipper")
	judge := protocol.Judge
	if grpc {
		req.Header.Set("Content-Type", "application/grpc+proto")
		req.Header.Set("Te", "trailers")
		judge = func(code int, h http.Header, body []byte) protocol.Verdict {
			return o.Encoder.Verdict(nil, code, h, body)
		}
	}
	start := time.Now()
	resp, err := o.Client.Do(req)
	p.Took = time.Since(start)
	if err != nil {
		p.Err = err
		var u *url.Error
		if errors.As(err, &u) {
			p.Err = u.Err
		}
		if ctx.Err() != nil {
			p.Err = fmt.Errorf("no answer within %s", probeTime)
		}
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	maps.Copy(resp.Header, resp.Trailer) // gRPC has its status there
	p.Status = resp.StatusCode
	switch v := judge(resp.StatusCode, resp.Header, body); {
	case resp.StatusCode == http.StatusUnsupportedMediaType: // of nothing
	case v.Outcome == protocol.Unauthorized:
		p.Err = fmt.Errorf("%s (check auth and headers)", v.Reason)
	case v.Outcome == protocol.Retry:
		p.Err = errors.New(v.Reason)
	}
}
