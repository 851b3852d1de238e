package main

import (
	"context"
	"io"
	"log"
	"log/slog"

	slogtrace "github.com/DataDog/dd-trace-go/contrib/log/slog/v2"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"
)

// datadog is what Datadog's tracer puts into the records of others, and what it
// logs itself when its agent is not there.
func datadog() []sample {
	return []sample{
		{"slog-json/datadog-slog", func(w io.Writer) {
			traced(io.Discard, func(ctx context.Context, _ *tracer.Span) {
				l := slog.New(slogtrace.NewJSONHandler(w, nil))
				l.InfoContext(ctx, "request handled", "status", 200)
				l.ErrorContext(ctx, "request failed", "err", errRefused)
				l.Info("without a span")
			})
		}},
		{"go-std/datadog-span", func(w io.Writer) {
			traced(io.Discard, func(_ context.Context, s *tracer.Span) {
				l := log.New(w, "", log.LstdFlags)
				l.Printf("request handled %v status=200", s)
				l.Printf("request failed %v err=%q", s, errRefused)
			})
		}},
		{"go-std/datadog-tracer", func(w io.Writer) { traced(w, func(context.Context, *tracer.Span) {}) }},
	}
}

// tracerLog writes what the tracer logs as package log does.
type tracerLog struct{ *log.Logger }

func (l tracerLog) Log(text string) { l.Print(text) }

func traced(w io.Writer, f func(context.Context, *tracer.Span)) {
	tracer.Start(tracer.WithService("checkout"), tracer.WithEnv("prod"), tracer.WithServiceVersion("1.4.2"),
		tracer.WithAgentAddr("127.0.0.1:1"), tracer.WithLogger(tracerLog{log.New(w, "", log.LstdFlags)}))
	s, ctx := tracer.StartSpanFromContext(context.Background(), "http.request")
	f(ctx, s)
	s.Finish()
	tracer.Flush()
	tracer.Stop()
}
