package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"shipper/internal/config"
	"shipper/internal/deliver"
	"shipper/internal/protocol"
)

// Probe is the outcome of trying one output.
type Probe struct {
	Output string
	URL    string
	Status int           // of the answer; 0 if there was none
	Took   time.Duration // of the whole exchange
	Err    error         // why records could not be delivered, as far as a probe can tell
}

// probeTime is how long a receiver has for its answer.
const probeTime = 10 * time.Second

// Connect tries each output of c, one after the other, with all that deliveries
// use: address, proxy, TLS, credentials. It posts an empty body, which no
// protocol stores anything of; a receiver that answers it is malformed has been
// reached.
func Connect(ctx context.Context, c *config.Config) []Probe {
	a := &Agent{Log: slog.New(slog.DiscardHandler)}
	probes := make([]Probe, len(c.Outputs))
	for i, out := range c.Outputs {
		probes[i] = Probe{Output: out.Name, URL: out.URL()}
		o, err := a.makeOutput(out)
		if err != nil {
			probes[i].Err = err
			continue
		}
		probes[i].try(ctx, o)
	}
	return probes
}

func (p *Probe) try(ctx context.Context, o *deliver.Output) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	defer o.Client.CloseIdleConnections()
	p.URL = o.URL
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL, http.NoBody)
	if err != nil {
		p.Err = fmt.Errorf("make request: %w", err)
		return
	}
	req.Header = o.Headers.Clone()
	req.Header.Set("User-Agent", "shipper")
	start := time.Now()
	resp, err := o.Client.Do(req)
	p.Took = time.Since(start)
	if err != nil {
		p.Err = err
		if ctx.Err() != nil {
			p.Err = fmt.Errorf("no answer within %s", probeTime)
		}
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	p.Status = resp.StatusCode
	switch v := protocol.Judge(resp.StatusCode, resp.Header, body); {
	case resp.StatusCode == http.StatusUnsupportedMediaType: // of nothing
	case v.Outcome == protocol.Unauthorized:
		p.Err = fmt.Errorf("%s (check auth and headers)", v.Reason)
	case v.Outcome == protocol.Retry:
		p.Err = errors.New(v.Reason)
	}
}
