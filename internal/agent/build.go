package agent

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
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
			Headers: makeHeaders(c),
			Log:     a.Log.With("output", c.Name),
		}
		if o.Client, err = makeClient(c); err != nil {
			return fmt.Errorf("output %s: %w", c.Name, err)
		}
		switch {
		case c.Native != nil:
			o.URL = strings.TrimRight(c.Native.URL, "/") + native.Path
			o.Encoder = native.Encoder{}
		case c.HTTP != nil:
			o.URL = c.HTTP.URL
			if o.Encoder, err = ndjson.NewEncoder(c.HTTP.Compression); err != nil {
				return fmt.Errorf("output %s: %w", c.Name, err)
			}
		}
		a.outputs = append(a.outputs, o)
	}
	return nil
}

// makeClient makes the HTTP client of an output.
func makeClient(c config.Output) (*http.Client, error) {
	t := deliver.TLS{CAFile: c.TLS.CAFile, CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile,
		ServerName: c.TLS.ServerName, InsecureSkipVerify: c.TLS.Insecure}
	tls, err := t.Config()
	if err != nil {
		return nil, err
	}
	switch c.Proxy {
	case "env":
		return deliver.NewClient(tls, nil), nil
	case config.Off:
		return deliver.NewClient(tls, func(*http.Request) (*url.URL, error) { return nil, nil }), nil
	}
	proxy, err := url.Parse(c.Proxy)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return deliver.NewClient(tls, http.ProxyURL(proxy)), nil
}

// makeHeaders are the headers of all requests of an output.
func makeHeaders(c config.Output) http.Header {
	h := http.Header{}
	for name, value := range c.Headers() {
		h.Set(name, value)
	}
	switch {
	case c.Auth.Bearer != "":
		h.Set("Authorization", "Bearer "+c.Auth.Bearer)
	case c.Auth.User != "":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.Auth.User+":"+c.Auth.Password)))
	}
	return h
}
