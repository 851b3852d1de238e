package main

import (
	"errors"
	"io"
	"log"
	"log/slog"
	"time"

	kitlog "github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/hashicorp/go-hclog"
	"github.com/rs/zerolog"
	"github.com/sirupsen/logrus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
)

func stdlib() []sample {
	slogs := func(h slog.Handler) {
		l := slog.New(h)
		l.Info("server started", "addr", ":8080", "pid", 4711)
		l.Debug("cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
		l.Warn("slow query", "trace_id", traceID, "span_id", spanID, "rows", uint64(1<<64-1), "sql", query)
		l.Error("request failed", "err", errRefused, slog.Group("user", "id", 42, "name", "Ann Öz"))
		l.Log(nil, slog.LevelDebug-4, "trace level", "path", path)
		l.Log(nil, slog.LevelInfo+2, "notice level", "took", 1532*time.Microsecond)
		l.Info("multi\nline", "key with space", "v", "nil", nil, "list", []string{"a", "b c"})
	}
	all := &slog.HandlerOptions{Level: slog.LevelDebug - 4}
	source := &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: true}
	std := func(prefix string, flags int) func(io.Writer) {
		return func(w io.Writer) {
			l := log.New(w, prefix, flags)
			l.Print("listening on :8080")
			l.Print("ERROR failed to load config: ", errRefused)
			l.Print("[WARN] retrying: attempt=3 backoff=1.5s")
			l.Print("first line\nsecond line\n\tindented third")
		}
	}
	return []sample{
		{"slog-text/default", func(w io.Writer) { slogs(slog.NewTextHandler(w, all)) }},
		{"slog-text/source", func(w io.Writer) { slogs(slog.NewTextHandler(w, source)) }},
		{"slog-json/default", func(w io.Writer) { slogs(slog.NewJSONHandler(w, all)) }},
		{"slog-json/source", func(w io.Writer) { slogs(slog.NewJSONHandler(w, source)) }},
		{"go-std/default", std("", log.LstdFlags)},
		{"go-std/micro-utc-shortfile", std("", log.LstdFlags|log.Lmicroseconds|log.LUTC|log.Lshortfile)},
		{"go-std/longfile", std("", log.LstdFlags|log.Llongfile)},
		{"go-std/prefix", std("payments: ", log.LstdFlags)},
		{"go-std/msgprefix", std("payments: ", log.LstdFlags|log.Lmsgprefix|log.Lshortfile)},
	}
}

func uber() []sample {
	zaps := func(l *zap.Logger) {
		l = l.With(zap.String("service", "checkout"), zap.String("version", "1.4.2"))
		l.Debug("cache miss", zap.String("key", "user:42"), zap.Float64("ratio", 0.25), zap.Bool("hit", false))
		l.Info("server started", zap.String("addr", ":8080"), zap.Int("pid", 4711))
		l.Named("http.router").Info("request handled", zap.String("path", path), zap.Int("status", 200), zap.Duration("latency", 1532*time.Microsecond))
		l.Warn("slow query", zap.String("trace_id", traceID), zap.String("span_id", spanID), zap.Uint64("rows", 1<<64-1), zap.String("sql", query))
		l.Error("request failed", zap.Error(errRefused), zap.Strings("list", []string{"a", "b"}))
		l.DPanic("should not be", zap.Any("user", map[string]any{"id": 42}))
	}
	core := func(enc zapcore.Encoder, w io.Writer) *zap.Logger {
		return zap.New(zapcore.NewCore(enc, zapcore.AddSync(w), zap.DebugLevel), zap.AddCaller(), zap.AddStacktrace(zap.ErrorLevel))
	}
	json := func(change func(*zapcore.EncoderConfig)) func(io.Writer) {
		return func(w io.Writer) {
			c := zap.NewProductionEncoderConfig()
			change(&c)
			zaps(core(zapcore.NewJSONEncoder(c), w))
		}
	}
	return []sample{
		{"zap-json/production", json(func(*zapcore.EncoderConfig) {})},
		{"zap-json/epoch-millis", json(func(c *zapcore.EncoderConfig) { c.EncodeTime = zapcore.EpochMillisTimeEncoder })},
		{"zap-json/epoch-nanos", json(func(c *zapcore.EncoderConfig) { c.EncodeTime = zapcore.EpochNanosTimeEncoder })},
		{"zap-json/iso8601-capital", json(func(c *zapcore.EncoderConfig) {
			c.EncodeTime, c.EncodeLevel = zapcore.ISO8601TimeEncoder, zapcore.CapitalLevelEncoder
		})},
		{"zap-json/rfc3339nano-color", json(func(c *zapcore.EncoderConfig) {
			c.EncodeTime, c.EncodeLevel = zapcore.RFC3339NanoTimeEncoder, zapcore.LowercaseColorLevelEncoder
		})},
	}
}

func zeros() []sample {
	events := func(w io.Writer, format string) {
		zerolog.TimeFieldFormat = format
		l := zerolog.New(w).With().Timestamp().Str("service", "checkout").Logger()
		l.Info().Str("addr", ":8080").Int("pid", 4711).Msg("server started")
		l.Debug().Str("key", "user:42").Float64("ratio", 0.25).Bool("hit", false).Msg("cache miss")
		l.Warn().Str("trace_id", traceID).Str("span_id", spanID).Uint64("rows", 1<<64-1).Str("sql", query).Msg("slow query")
		l.Error().Err(errRefused).Dict("user", zerolog.Dict().Int("id", 42)).Caller().Msg("request failed")
		l.Trace().Dur("took", 1532*time.Microsecond).Msg("trace message")
		l.Log().Str("path", path).Msg("no level")
	}
	return []sample{
		{"zerolog-json/rfc3339", func(w io.Writer) { events(w, time.RFC3339) }},
		{"zerolog-json/rfc3339nano", func(w io.Writer) { events(w, time.RFC3339Nano) }},
		{"zerolog-json/unix", func(w io.Writer) { events(w, zerolog.TimeFormatUnix) }},
		{"zerolog-json/unix-ms", func(w io.Writer) { events(w, zerolog.TimeFormatUnixMs) }},
		{"zerolog-json/unix-micro", func(w io.Writer) { events(w, zerolog.TimeFormatUnixMicro) }},
		{"zerolog-json/unix-nano", func(w io.Writer) { events(w, zerolog.TimeFormatUnixNano) }},
	}
}

func sirupsen() []sample {
	events := func(f logrus.Formatter, caller bool) func(io.Writer) {
		return func(w io.Writer) {
			l := logrus.New()
			l.Out, l.Formatter, l.Level, l.ReportCaller = w, f, logrus.TraceLevel, caller
			l.WithFields(logrus.Fields{"addr": ":8080", "pid": 4711}).Info("server started")
			l.WithFields(logrus.Fields{"key": "user:42", "ratio": 0.25, "hit": false}).Debug("cache miss")
			l.WithFields(logrus.Fields{"trace_id": traceID, "span_id": spanID, "sql": query}).Warn("slow query")
			l.WithError(errRefused).WithField("path", path).Error("request failed")
			l.WithField("empty", "").Trace("trace message")
			l.WithFields(logrus.Fields{"msg": "clash", "level": "clash"}).Info("field clash")
		}
	}
	return []sample{
		{"logrus-text/default", events(&logrus.TextFormatter{DisableColors: true}, false)},
		{"logrus-text/caller", events(&logrus.TextFormatter{DisableColors: true}, true)},
		{"logrus-text/rfc3339nano", events(&logrus.TextFormatter{DisableColors: true, TimestampFormat: time.RFC3339Nano}, false)},
		{"logrus-json/default", events(&logrus.JSONFormatter{}, false)},
		{"logrus-json/caller", events(&logrus.JSONFormatter{}, true)},
	}
}

func kube() []sample {
	return []sample{{"klog/v2", func(w io.Writer) {
		klog.LogToStderr(false)
		klog.SetOutput(w)
		klog.Info("Starting controller")
		klog.Warningf("watch of %s ended with: %v", "*v1.Secret", errRefused)
		klog.InfoS("Pod status updated", "pod", klog.KRef("kube-system", "coredns-558bd4d5db-x2v9k"), "status", "ready", "count", 3)
		klog.ErrorS(errRefused, "Unable to sync pod", "pod", klog.KRef("default", "web-0"))
		klog.InfoS("multi\nline message", "text", "first line\nsecond line", "quoted", `a "q" b`)
		klog.Info("plain multi\nline text")
		klog.Flush()
	}}}
}

func hashicorp() []sample {
	events := func(o hclog.LoggerOptions) func(io.Writer) {
		return func(w io.Writer) {
			o.Output, o.Level, o.Name = w, hclog.Trace, "agent"
			l := hclog.New(&o).Named("server")
			l.Info("server started", "addr", ":8080", "pid", 4711)
			l.Debug("cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
			l.Warn("slow query", "trace_id", traceID)
			l.Error("request failed", "error", errRefused)
		}
	}
	return []sample{{"hclog-json/default", events(hclog.LoggerOptions{JSONFormat: true})}}
}

func gokit() []sample {
	events := func(l kitlog.Logger) {
		l = kitlog.With(l, "ts", kitlog.DefaultTimestampUTC, "caller", kitlog.DefaultCaller)
		level.Info(l).Log("msg", "server started", "addr", ":8080", "pid", 4711)
		level.Debug(l).Log("msg", "cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
		level.Warn(l).Log("msg", "slow query", "traceID", traceID)
		level.Error(l).Log("msg", "request failed", "err", errors.Join(errRefused))
		l.Log("event", "no level and no message", "nothing", nil)
	}
	return []sample{
		{"logfmt/go-kit", func(w io.Writer) { events(kitlog.NewLogfmtLogger(w)) }},
		{"json/go-kit", func(w io.Writer) { events(kitlog.NewJSONLogger(w)) }},
	}
}
