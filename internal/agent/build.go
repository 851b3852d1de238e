package agent

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"shipper/internal/config"
	"shipper/internal/deliver"
	"shipper/internal/input"
	"shipper/internal/input/file"
	"shipper/internal/input/stdin"
	"shipper/internal/pipeline"
	"shipper/internal/protocol"
	"shipper/internal/protocol/loki"
	"shipper/internal/protocol/native"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/protocol/otlp"
	"shipper/internal/queue"
	"shipper/internal/record"
)

// makeSource makes an input.
func (a *Agent) makeSource(c config.Input, host string) input.Source {
	labels := makeLabels(c, host)
	if c.File == nil {
		return &stdin.Input{Name: c.Name, Labels: labels, LineLimit: int(c.Stdin.LineLimit)}
	}
	return &file.Input{
		Name: c.Name, Paths: c.File.Paths, Exclude: c.File.Exclude, Labels: labels,
		StartAt: c.File.StartAt, LineLimit: int(c.File.LineLimit), Grace: time.Duration(c.File.Grace),
		PollInterval: time.Duration(c.File.Poll), HeldBytes: int64(c.File.HeldLimit), Log: a.Log.With("input", c.Name),
	}
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

// makeOutput makes an output, all but what it has of the queue: Agent and Source.
func (a *Agent) makeOutput(c config.Output) (*deliver.Output, error) {
	client, err := makeClient(c)
	if err != nil {
		return nil, err
	}
	o := &deliver.Output{
		Name: c.Name, URL: c.URL(), Client: client, Headers: makeHeaders(c),
		Reload:          func() (http.Header, error) { return a.headersAgain(c) },
		MaxRequestBytes: int(c.MaxRequestBytes), RequestTimeout: time.Duration(c.Timeout),
		Backoff: deliver.Backoff{Min: time.Duration(c.Backoff.Min), Max: time.Duration(c.Backoff.Max)},
		Log:     a.Log.With("output", c.Name),
	}
	switch {
	case c.Native != nil:
		o.URL = below(o.URL, native.Path)
		o.Encoder = native.Encoder{}
	case c.HTTP != nil:
		form := ndjson.Lines
		if c.HTTP.Form == "array" {
			form = ndjson.Array
		}
		o.Encoder, err = ndjson.NewEncoder(form, c.HTTP.Compression)
	case c.Elasticsearch != nil:
		o.URL = ndjson.BulkURL(o.URL, c.Elasticsearch.Index)
		o.Encoder, err = ndjson.NewEncoder(ndjson.Bulk, c.Elasticsearch.Compression)
	case c.Loki != nil:
		err = makeLoki(o, c.Loki)
	case c.OTLP != nil:
		err = makeOTLP(o, c.OTLP)
	}
	return o, err
}

// makeRules compiles the rules; nil if there is nothing to do for them.
func makeRules(c *config.Config) (*pipeline.Pipeline, error) {
	if len(c.Rules)+len(c.Redact) == 0 && c.Queue.Full != string(queue.Shed) {
		return nil, nil
	}
	return pipeline.New(c.Pipeline())
}

func makeLoki(o *deliver.Output, c *config.Loki) error {
	lines := map[string]loki.Line{"body": loki.Body, "original": loki.Original, "record": loki.Whole}
	e := &loki.Encoder{Labels: c.Labels, Line: lines[c.Line]}
	if c.Form == "json" {
		var err error
		if e.Compressor, err = protocol.NewCompressor("gzip"); err != nil {
			return err
		}
		e.JSON = true
	}
	// A block that overtakes one which has to be sent again would put that one
	// behind the newest entries of its streams, too far perhaps for Loki.
	o.Concurrency = 1
	o.Encoder, o.URL = e, below(c.URL, loki.Path)
	return nil
}

func makeOTLP(o *deliver.Output, c *config.OTLP) error {
	compressor, err := protocol.NewCompressor(c.Compression)
	if err != nil {
		return err
	}
	e := &otlp.Encoder{Compressor: compressor}
	path := otlp.Path
	switch c.Form {
	case "json":
		e.Form = otlp.JSON
	case "grpc":
		e.Form, path = otlp.GRPC, otlp.GRPCPath
	}
	o.Encoder, o.URL = e, below(c.URL, path)
	return nil
}

// below returns the path below the address of a server, which may have it already.
func below(server, path string) string {
	return strings.TrimSuffix(strings.TrimRight(server, "/"), path) + path
}

// makeClient makes the HTTP client of an output.
func makeClient(c config.Output) (*http.Client, error) {
	receiver, err := url.Parse(c.URL())
	if err != nil {
		return nil, err
	}
	t := deliver.TLS{CAFile: c.TLS.CAFile, CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile,
		ServerName: c.TLS.ServerName, Host: receiver.Hostname(), InsecureSkipVerify: c.TLS.Insecure}
	tls, err := t.Config()
	if err != nil {
		return nil, err
	}
	var proxy func(*http.Request) (*url.URL, error) // nil: of the environment
	switch c.Proxy {
	case "env":
	case config.Off:
		proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	default:
		u, err := url.Parse(c.Proxy)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		proxy = http.ProxyURL(u)
	}
	if c.OTLP != nil && c.OTLP.Form == "grpc" {
		return deliver.NewHTTP2Client(tls, proxy), nil
	}
	return deliver.NewClient(tls, proxy), nil
}

// makeHeaders are the headers of all requests of an output.
func makeHeaders(c config.Output) http.Header {
	h := http.Header{}
	for name, value := range c.Headers() {
		h.Set(name, value)
	}
	if c.Loki != nil && c.Loki.Tenant != "" {
		h.Set("X-Scope-OrgID", c.Loki.Tenant)
	}
	switch {
	case c.Auth.Bearer != "":
		h.Set("Authorization", "Bearer "+c.Auth.Bearer)
	case c.Auth.User != "":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.Auth.User+":"+c.Auth.Password)))
	}
	return h
}
