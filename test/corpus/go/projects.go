package main

import (
	"context"
	"io"
	"log/slog"

	coredns "github.com/coredns/coredns/plugin/pkg/log"
	kratos "github.com/go-kratos/kratos/v2/log"
	nats "github.com/nats-io/nats-server/v2/logger"
	"github.com/zeromicro/go-zero/core/logx"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutlog"
	otellog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

func projects() []sample {
	return []sample{
		{"nats/nats", func(w io.Writer) { natsEvents(w, false) }},
		{"nats/nats-colour", func(w io.Writer) { natsEvents(w, true) }},
		{"kratos/kratos", kratosEvents},
		{"go-zero-json/go-zero", func(w io.Writer) { goZero(w, "json") }},
		{"go-zero/go-zero", func(w io.Writer) { goZero(w, "plain") }},
		{"coredns/coredns", func(w io.Writer) {
			coredns.SetOutput(w)
			coredns.D.Set()
			coredns.Info("CoreDNS-1.12.0")
			l := coredns.NewWithPlugin("errors")
			l.Errorf("%d %s %s: %v", 2, "payments.example.", "A", errDial)
			coredns.NewWithPlugin("reload").Info("Running configuration SHA512 = 4bf92f35")
			coredns.NewWithPlugin("kubernetes").Warning("starting server with unsynced Kubernetes API")
			coredns.NewWithPlugin("cache").Debugf("prefetch %q", "shop.example.")
			coredns.NewWithPlugin("forward").Info("first line\nsecond line")
		}},
		{"otel-json/stdoutlog", func(w io.Writer) { otelEvents(w) }},
		{"otel-json/stdoutlog-pretty", func(w io.Writer) { otelEvents(w, stdoutlog.WithPrettyPrint()) }},
	}
}

func natsEvents(w io.Writer, colour bool) {
	text := captured(func() {
		l := nats.NewStdLogger(true, true, true, colour, true)
		l.Noticef("Starting nats-server")
		l.Noticef("  Version:  %s", "2.12.1")
		l.Debugf("cache miss key=%s", "user:42")
		l.Tracef("10.0.0.7:4222 - cid:5 - <<- [PUB orders.new 5]")
		l.Warnf("slow consumer detected: %s", latency)
		l.Errorf("request failed: %s", errRefused)
		l.Noticef("first line\nsecond line")
	})
	io.WriteString(w, text)
}

func kratosEvents(w io.Writer) {
	l := kratos.With(kratos.NewStdLogger(w),
		"ts", kratos.DefaultTimestamp, "caller", kratos.DefaultCaller,
		"service.id", "h1", "service.name", "checkout", "trace.id", traceID, "span.id", spanID)
	h := kratos.NewHelper(l)
	h.Info("server started")
	h.Debugw("msg", "cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
	h.Warnf("slow query took %s", latency)
	h.Errorw("msg", "request failed", "err", errRefused, "attempt", 3)
	h.Infow("kind", "server", "component", "http", "operation", "/shop.v1/Get", "args", ann, "code", 200, "reason", "", "latency", 0.0015)
}

// goZero writes JSON first: the encoding can be set only once.
func goZero(w io.Writer, encoding string) {
	if encoding != "json" {
		logx.MustSetup(logx.LogConf{Mode: "console", Encoding: encoding, Level: "debug"})
	}
	logx.SetWriter(logx.NewWriter(w))
	ctx := trace.ContextWithSpanContext(context.Background(), spanContext())
	logx.Infow("server started", logx.Field("addr", ":8080"), logx.Field("pid", 4711))
	logx.Debugf("cache miss key=%s", "user:42")
	logx.WithContext(ctx).Infow("request handled", logx.Field("path", path), logx.Field("status", 200))
	logx.WithDuration(latency).Slowf("slow query: %s", "SELECT 1")
	logx.Errorf("request failed: %v", errRefused)
	logx.Stat("CPU: 12m, MEMORY: Alloc=3.5Mi")
	logx.Alert("too many errors")
	logx.Info("multi\nline")
	logx.Severe("disk is full")
}

func spanContext() trace.SpanContext {
	t, _ := trace.TraceIDFromHex(traceID)
	s, _ := trace.SpanIDFromHex(spanID)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s, TraceFlags: trace.FlagsSampled})
}

func otelEvents(w io.Writer, options ...stdoutlog.Option) {
	exporter, err := stdoutlog.New(append(options, stdoutlog.WithWriter(w))...)
	if err != nil {
		panic(err)
	}
	p := otellog.NewLoggerProvider(otellog.WithProcessor(otellog.NewSimpleProcessor(exporter)),
		otellog.WithResource(resource.NewSchemaless(attribute.String("service.name", "checkout"), attribute.String("service.version", "1.4.2"))))
	l := slog.New(otelslog.NewHandler("shop/http", otelslog.WithLoggerProvider(p), otelslog.WithSource(true)))
	ctx := trace.ContextWithSpanContext(context.Background(), spanContext())
	l.InfoContext(ctx, "request handled", "path", path, "status", 200, "took", latency)
	l.Debug("cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
	l.Warn("slow query", "sql", query, "rows", large)
	l.ErrorContext(ctx, "request failed", "err", errRefused, slog.Group("user", "id", 42, "name", "Ann Öz"))
	l.Info("list", "list", []string{"a", "b c"}, "nil", nil)
	p.Shutdown(ctx)
}
