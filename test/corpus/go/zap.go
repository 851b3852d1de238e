package main

import (
	"io"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	golog "github.com/ipfs/go-log/v2"
	pingcap "github.com/pingcap/log"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	ctrlzap "sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func zapEvents(l *zap.Logger) {
	l = l.With(zap.String("service", "checkout"), zap.String("version", "1.4.2"))
	l.Debug("cache miss", zap.String("key", "user:42"), zap.Float64("ratio", 0.25), zap.Bool("hit", false))
	l.Info("server started", zap.String("addr", ":8080"), zap.Int("pid", 4711))
	l.Named("http.router").Info("request handled", zap.String("path", path), zap.Int("status", 200), zap.Duration("latency", latency))
	l.Info("at", zap.Time("at", time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC)), zap.Binary("raw", []byte{1, 2, 3}), zap.Stringer("nothing", nil))
	l.Warn("slow query", zap.String("trace_id", traceID), zap.String("span_id", spanID), zap.Uint64("rows", large), zap.String("sql", query))
	l.Error("request failed", zap.Error(errRefused), zap.Strings("list", []string{"a", "b c"}))
	l.Error("batch failed", zap.Errors("errors", []error{errDial, io.EOF}), zap.Namespace("job"), zap.Int("attempt", 3))
	l.DPanic("should not be", zap.Any("user", ann))
	l.Info("multi\nline", zap.String("quote", `say "hi"`), zap.String("empty", ""))
	l.Sugar().Infow("sugar", "key", "value", "alone")
}

// zapCore returns a logger with callers, and with stacks for errors.
func zapCore(enc zapcore.Encoder, w io.Writer) *zap.Logger {
	return zap.New(zapcore.NewCore(enc, zapcore.AddSync(w), zap.DebugLevel), zap.AddCaller(), zap.AddStacktrace(zap.ErrorLevel))
}

func uber() []sample {
	object := func(change func(*zapcore.EncoderConfig)) func(io.Writer) {
		return func(w io.Writer) {
			c := zap.NewProductionEncoderConfig()
			change(&c)
			zapEvents(zapCore(zapcore.NewJSONEncoder(c), w))
		}
	}
	console := func(c zapcore.EncoderConfig, change func(*zapcore.EncoderConfig)) func(io.Writer) {
		return func(w io.Writer) {
			change(&c)
			zapEvents(zapCore(zapcore.NewConsoleEncoder(c), w))
		}
	}
	as := func(*zapcore.EncoderConfig) {}
	dev, prod := zap.NewDevelopmentEncoderConfig(), zap.NewProductionEncoderConfig()
	return []sample{
		{"zap-json/zap", object(as)},
		{"zap-json/zap-millis", object(func(c *zapcore.EncoderConfig) { c.EncodeTime = zapcore.EpochMillisTimeEncoder })},
		{"zap-json/zap-nanos", object(func(c *zapcore.EncoderConfig) { c.EncodeTime = zapcore.EpochNanosTimeEncoder })},
		{"zap-json/zap-iso8601-capital", object(func(c *zapcore.EncoderConfig) {
			c.EncodeTime, c.EncodeLevel = zapcore.ISO8601TimeEncoder, zapcore.CapitalLevelEncoder
		})},
		{"zap-json/zap-colour", object(func(c *zapcore.EncoderConfig) {
			c.EncodeTime, c.EncodeLevel, c.EncodeDuration = zapcore.RFC3339NanoTimeEncoder, zapcore.LowercaseColorLevelEncoder, zapcore.StringDurationEncoder
		})},
		{"zap-json/zap-function", object(func(c *zapcore.EncoderConfig) { c.FunctionKey = "func" })},
		{"zap-json/ipfs", func(w io.Writer) { ipfs(w, golog.JSONOutput) }},
		{"zap-json/zapr", func(w io.Writer) { logrEvents(zapr.NewLogger(zapCore(zapcore.NewJSONEncoder(prod), w))) }},
		{"zap-json/fx", func(w io.Writer) { fxEvents(&fxevent.ZapLogger{Logger: zapCore(zapcore.NewJSONEncoder(prod), w)}) }},
		{"zap-json/controller-runtime", func(w io.Writer) { logrEvents(ctrlzap.New(ctrlzap.WriteTo(w), ctrlzap.UseDevMode(false))) }},
		{"zap-console/zap-development", console(dev, as)},
		{"zap-console/zap-production", console(prod, as)},
		{"zap-console/zap-colour", console(dev, func(c *zapcore.EncoderConfig) { c.EncodeLevel = zapcore.CapitalColorLevelEncoder })},
		{"zap-console/zap-function", console(dev, func(c *zapcore.EncoderConfig) { c.FunctionKey = "func" })},
		{"zap-console/zap-blank-separator", console(dev, func(c *zapcore.EncoderConfig) { c.ConsoleSeparator = " " })},
		{"zap-console/zap-bar-separator", console(dev, func(c *zapcore.EncoderConfig) { c.ConsoleSeparator = " | " })},
		{"zap-console/ipfs", func(w io.Writer) { ipfs(w, golog.PlaintextOutput) }},
		{"zap-console/ipfs-colour", func(w io.Writer) { ipfs(w, golog.ColorizedOutput) }},
		{"zap-console/controller-runtime", func(w io.Writer) { logrEvents(ctrlzap.New(ctrlzap.WriteTo(w), ctrlzap.UseDevMode(true))) }},
		{"fx/fx", func(w io.Writer) { fxEvents(&fxevent.ConsoleLogger{W: w}) }},
		{"tidb/pingcap", func(w io.Writer) { tidb(w, "text") }},
		{"tidb-json/pingcap", func(w io.Writer) { tidb(w, "json") }},
	}
}

func ipfs(w io.Writer, format golog.LogFormat) {
	text := captured(func() {
		golog.SetupLogging(golog.Config{Format: format, Stderr: true, Level: golog.LevelDebug})
		l := golog.Logger("dht")
		l.Infow("server started", "addr", ":4001", "pid", 4711)
		l.Debugw("cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
		l.Warnf("slow query: %s", latency)
		l.Errorf("request failed: %s", errRefused)
		golog.Logger("bitswap/server").Infow("peer connected", "peer", "12D3KooWA", "path", path)
	})
	io.WriteString(w, text)
}

func logrEvents(l logr.Logger) {
	defer func() { recover() }() // of zap in development, which panics at what is odd
	l.Info("starting manager", "addr", ":8080", "pid", 4711)
	l.V(1).Info("reconcile", "namespace", "default", "name", "my pod")
	l.WithName("controllers").WithName("Pod").Info("reconciled", "reconcileID", "d4b0c7e8", "took", latency, "obj", map[string]any{"a": 1})
	l.Error(errRefused, "reconcile failed", "namespace", "default", "attempt", 3)
	l.Error(nil, "no error")
	l.Info("multi\nline", "quote", `say "hi"`, "empty", "", "nil", nil)
	l.Info("odd", "alone")
}

func tidb(w io.Writer, format string) {
	l, _, err := pingcap.InitLoggerWithWriteSyncer(&pingcap.Config{Level: "debug", Format: format}, zapcore.AddSync(w), zapcore.AddSync(w))
	if err != nil {
		panic(err)
	}
	zapEvents(l)
	l.Named("ddl").Info("key with blank", zap.String("two words", "a=b"), zap.String("brackets", "[x]"))
}

// fxEvents is what an application of fx logs on its way.
func fxEvents(l fxevent.Logger) {
	l.LogEvent(&fxevent.Provided{ConstructorName: "main.newServer()", OutputTypeNames: []string{"*http.Server"}})
	l.LogEvent(&fxevent.Provided{ConstructorName: "main.newStore()", ModuleName: "store", OutputTypeNames: []string{"*store.DB"}, Private: true})
	l.LogEvent(&fxevent.Supplied{TypeName: "*main.Config"})
	l.LogEvent(&fxevent.Decorated{DecoratorName: "main.traced()", OutputTypeNames: []string{"*store.DB"}})
	l.LogEvent(&fxevent.Run{Name: "main.newServer()", Kind: "provide", Runtime: latency})
	l.LogEvent(&fxevent.Invoking{FunctionName: "main.run()"})
	l.LogEvent(&fxevent.LoggerInitialized{ConstructorName: "main.newLogger()"})
	l.LogEvent(&fxevent.OnStartExecuting{FunctionName: "main.newServer.func1()", CallerName: "main.newServer"})
	l.LogEvent(&fxevent.OnStartExecuted{FunctionName: "main.newServer.func1()", CallerName: "main.newServer", Runtime: latency})
	l.LogEvent(&fxevent.OnStartExecuted{FunctionName: "main.newStore.func1()", CallerName: "main.newStore", Err: errRefused})
	l.LogEvent(&fxevent.Started{})
	l.LogEvent(&fxevent.Invoked{FunctionName: "main.run()", Err: errRefused, Trace: "main.main\n\t/src/shop/main.go:12\nruntime.main\n\t/usr/local/go/src/runtime/proc.go:283\n"})
	l.LogEvent(&fxevent.RollingBack{StartErr: errRefused})
	l.LogEvent(&fxevent.Started{Err: errRefused})
	l.LogEvent(&fxevent.OnStopExecuting{FunctionName: "main.newServer.func2()", CallerName: "main.newServer"})
	l.LogEvent(&fxevent.OnStopExecuted{FunctionName: "main.newServer.func2()", CallerName: "main.newServer", Runtime: latency})
	l.LogEvent(&fxevent.Stopped{})
}
