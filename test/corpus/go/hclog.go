package main

import (
	"io"

	kitlog "github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/common/promslog"
)

func hashicorp() []sample {
	events := func(o hclog.LoggerOptions) func(io.Writer) {
		return func(w io.Writer) {
			o.Output, o.Level, o.Name = w, hclog.Trace, "agent"
			l := hclog.New(&o).Named("server")
			l.Info("server started", "addr", ":8080", "pid", 4711)
			l.Debug("cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
			l.Info("request handled", "path", path, "status", 200, "latency", latency)
			l.Warn("slow query", "trace_id", traceID, "rows", large, "sql", query, "after", "it")
			l.Error("request failed", "error", errRefused, "list", []string{"a", "b c"}, "user", ann)
			l.Trace("trace message")
			l.With("component", "raft").Info("no more pairs", "empty", "", "nil", nil)
			l.Info("multi\nline", "quote", `say "hi"`)
			l.Info("text: with colons: k=v")
			l.Info("odd", "alone")
			l.Info("hex and octal", "hex", hclog.Hex(255), "octal", hclog.Octal(8), "fmt", hclog.Fmt("%d/%d", 1, 2))
		}
	}
	return []sample{
		{"hclog-text/hclog", events(hclog.LoggerOptions{})},
		{"hclog-text/hclog-location", events(hclog.LoggerOptions{IncludeLocation: true})},
		{"hclog-text/hclog-colour", events(hclog.LoggerOptions{Color: hclog.ForceColor})},
		{"hclog-text/hclog-full-colour", events(hclog.LoggerOptions{Color: hclog.ForceColor, ColorHeaderAndFields: true})},
		{"hclog-text/hclog-no-time", events(hclog.LoggerOptions{DisableTime: true})},
		{"hclog-json/hclog", events(hclog.LoggerOptions{JSONFormat: true})},
		{"hclog-json/hclog-location", events(hclog.LoggerOptions{JSONFormat: true, IncludeLocation: true})},
	}
}

func gokit() []sample {
	events := func(l kitlog.Logger) {
		l = kitlog.With(l, "ts", kitlog.DefaultTimestampUTC, "caller", kitlog.DefaultCaller)
		level.Info(l).Log("msg", "server started", "addr", ":8080", "pid", 4711)
		level.Debug(l).Log("msg", "cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
		level.Info(l).Log("component", "http", "path", path, "status", 200, "duration", latency, "msg", "request handled")
		level.Warn(l).Log("msg", "slow query", "traceID", traceID, "rows", large, "sql", query)
		level.Error(l).Log("msg", "request failed", "err", errRefused)
		level.Error(l).Log("msg", "batch failed", "err", errJoined, "attempt", 3)
		level.Info(l).Log("event", "no message", "nothing", nil, "empty", "", "quote", `say "hi"`)
		level.Info(kitlog.With(l, "org_id", "tenant-1")).Log("msg", "multi\nline")
		level.Info(l).Log("msg", "odd", "alone")
	}
	prom := func(style promslog.LogStyle) func(io.Writer) {
		return func(w io.Writer) {
			format := promslog.NewFormat()
			format.Set("logfmt")
			slogEvents(promslog.New(&promslog.Config{Writer: w, Format: format, Style: style}))
		}
	}
	return []sample{
		{"gokit-logfmt/go-kit", func(w io.Writer) { events(kitlog.NewLogfmtLogger(w)) }},
		{"gokit-json/go-kit", func(w io.Writer) { events(kitlog.NewJSONLogger(w)) }},
		{"slog-text/prometheus", prom(promslog.SlogStyle)},
		{"gokit-logfmt/prometheus-go-kit-style", prom(promslog.GoKitStyle)},
	}
}
