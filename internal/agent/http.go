package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"shipper/internal/config"
	"shipper/internal/metrics"
)

// stuckAfter is how long bytes may wait for a commit before the agent calls
// itself not ready, unless the queue is full, which is the outputs' doing.
const stuckAfter = time.Minute

// listen serves the agent's own pages. The server it returns serves nothing if
// the configuration says off.
func (a *Agent) listen() (*http.Server, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", a.serveMetrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", a.serveReady)
	mux.HandleFunc("GET /books", a.serveBooks)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	if a.config().Listen == config.Off {
		return server, nil
	}
	l, err := net.Listen("tcp", a.config().Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w (set listen: to a free address, or to off)", err)
	}
	a.Log.Info("serving", "url", "http://"+l.Addr().String())
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.Log.Error("metrics are not served any more", "err", err)
		}
	}()
	return server, nil
}

func (a *Agent) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	var m metrics.Writer
	a.writeMetrics(&m)
	w.Header().Set("Content-Type", metrics.ContentType)
	w.Write(m.Bytes())
}

func (a *Agent) serveBooks(w http.ResponseWriter, _ *http.Request) {
	entries, err := a.queue.Books()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, MakeBooks(entries))
}

// progress is what /readyz says.
type progress struct {
	Ready    bool             `json:"ready"`
	Reason   string           `json:"reason,omitempty"`
	InFlight int64            `json:"in_flight_bytes"` // read and not yet committed
	Outputs  []outputProgress `json:"outputs"`
}

type outputProgress struct {
	Name          string   `json:"name"`
	Undelivered   *int64   `json:"undelivered_blocks,omitempty"` // nil: nobody knows now
	OldestSeconds *float64 `json:"oldest_undelivered_seconds,omitempty"`
	Removed       bool     `json:"removed,omitempty"` // not configured any more, and holding back blocks
	Unknown       string   `json:"unknown,omitempty"` // why nobody knows
}

// serveReady says whether the agent makes progress. An output that does not
// answer is shown, and does not make the agent unready: it is not the agent
// that has to be restarted then.
func (a *Agent) serveReady(w http.ResponseWriter, _ *http.Request) {
	p := progress{Ready: true, InFlight: a.flow.Held(), Outputs: []outputProgress{}}
	add := func(name string, removed bool) {
		o := outputProgress{Name: name, Removed: removed}
		if lag, err := a.queue.Lag(name); err != nil {
			o.Unknown = err.Error()
		} else {
			age := lag.Age.Seconds()
			o.Undelivered, o.OldestSeconds = &lag.Blocks, &age
		}
		p.Outputs = append(p.Outputs, o)
	}
	orphans := a.queue.Outputs()
	for _, o := range a.senders.outputs() {
		add(o.Name, false)
		delete(orphans, o.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(orphans)) {
		add(name, true)
	}
	last := a.started.Add(time.Duration(a.stats.Committed.Load()))
	switch {
	case a.queue.Stats.Full.Load() != 0:
		p.Reason = "the queue is full: reading waits for the outputs"
	case p.InFlight > 0 && time.Since(last) > stuckAfter:
		p.Ready, p.Reason = false, fmt.Sprintf("nothing was committed for %s although bytes are waiting: see the log", time.Since(last).Round(time.Second))
	}
	status := http.StatusOK
	if !p.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, p)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
