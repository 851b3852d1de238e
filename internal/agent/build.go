package agent

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"shipper/internal/config"
	"shipper/internal/deliver"
	"shipper/internal/input"
	"shipper/internal/input/file"
	"shipper/internal/input/stdin"
	"shipper/internal/protocol/native"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
)

// makeSources makes an input for each one configured.
func (a *Agent) makeSources() error {
	a.sources = map[string]input.Source{}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	for _, c := range a.Config.Inputs {
		labels := makeLabels(c, host)
		switch {
		case c.File != nil:
			in := &file.Input{
				Name: c.Name, Paths: c.File.Paths, Exclude: c.File.Exclude, Labels: labels,
				StartAt: c.File.StartAt, LineLimit: int(c.File.LineLimit), Grace: time.Duration(c.File.Grace),
				PollInterval: time.Duration(c.File.Poll), HeldBytes: int64(c.File.HeldLimit), Log: a.Log.With("input", c.Name),
			}
			a.files = append(a.files, in)
			a.sources[c.Name] = in
		case c.Stdin != nil:
			a.sources[c.Name] = &stdin.Input{Name: c.Name, Labels: labels, LineLimit: int(c.Stdin.LineLimit)}
		}
	}
	return nil
}

// makeLabels are the labels of all streams of an input, sorted.
func makeLabels(c config.Input, host string) []record.Label {
	labels := []record.Label{}
	if _, ok := c.Labels["host.name"]; !ok {
		labels = append(labels, record.Label{Name: "host.name", Value: host})
	}
	for name, value := range c.Labels {
		labels = append(labels, record.Label{Name: name, Value: value})
	}
	slices.SortFunc(labels, func(x, y record.Label) int { return cmp.Compare(x.Name, y.Name) })
	return labels
}

func workers() int { return max(1, min(runtime.GOMAXPROCS(0), 4)) }

// makeOutputs makes a sender for each output configured, with the queue's
// cursor of its name.
func (a *Agent) makeOutputs() error {
	for _, c := range a.Config.Outputs {
		cursor, err := a.queue.Cursor(c.Name)
		if err != nil {
			return fmt.Errorf("output %s: %w", c.Name, err)
		}
		o := &deliver.Output{
			Name: c.Name, Agent: a.queue.AgentID(), Source: cursor,
			MaxRequestBytes: int(c.MaxRequestBytes), RequestTimeout: time.Duration(c.Timeout),
			Backoff: deliver.Backoff{Min: time.Duration(c.Backoff.Min), Max: time.Duration(c.Backoff.Max)},
			Log:     a.Log.With("output", c.Name),
		}
		switch {
		case c.Native != nil:
			o.URL = strings.TrimRight(c.Native.URL, "/") + native.Path
			o.Headers = makeHeaders(c.Native.Headers)
			o.Encoder = native.Encoder{}
		case c.HTTP != nil:
			o.URL = c.HTTP.URL
			o.Headers = makeHeaders(c.HTTP.Headers)
			if o.Encoder, err = ndjson.NewEncoder(c.HTTP.Compression); err != nil {
				return fmt.Errorf("output %s: %w", c.Name, err)
			}
		}
		a.outputs = append(a.outputs, o)
	}
	return nil
}

func makeHeaders(headers map[string]string) http.Header {
	h := http.Header{}
	for name, value := range headers {
		h.Set(name, value)
	}
	return h
}
