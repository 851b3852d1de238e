package main

import (
	"errors"
	"io"
	"log/slog"
	"time"

	apex "github.com/apex/log"
	"github.com/apex/log/handlers/cli"
	apexjson "github.com/apex/log/handlers/json"
	apexfmt "github.com/apex/log/handlers/logfmt"
	apextext "github.com/apex/log/handlers/text"
	charm "github.com/charmbracelet/log"
	"github.com/cihub/seelog"
	geth "github.com/ethereum/go-ethereum/log"
	"github.com/golang-cz/devslog"
	"github.com/inconshreveable/log15"
	"github.com/lmittmann/tint"
	"github.com/muesli/termenv"
	gologging "github.com/op/go-logging"
	"math/big"
)

// slogs are handlers of log/slog from elsewhere.
func slogs() []sample {
	tinted := func(o tint.Options) func(io.Writer) {
		return func(w io.Writer) {
			o.Level = slog.LevelDebug - 4
			slogEvents(slog.New(tint.NewHandler(w, &o)))
		}
	}
	dev := func(o devslog.Options, source bool) func(io.Writer) {
		return func(w io.Writer) {
			o.HandlerOptions = &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: source}
			slogEvents(slog.New(devslog.NewHandler(w, &o)))
		}
	}
	return []sample{
		{"tint/tint", tinted(tint.Options{NoColor: true})},
		{"tint/tint-colour", tinted(tint.Options{})},
		{"tint/tint-source", tinted(tint.Options{NoColor: true, AddSource: true, TimeFormat: time.DateTime})},
		{"tint/tint-rfc3339", tinted(tint.Options{NoColor: true, TimeFormat: time.RFC3339Nano})},
		{"devslog/devslog", dev(devslog.Options{}, false)},
		{"devslog/devslog-source", dev(devslog.Options{NewLineAfterLog: true, TimeFormat: "[2006-01-02 15:04:05.000]"}, true)},
		{"devslog/devslog-no-colour", dev(devslog.Options{NoColor: true, SortKeys: true}, false)},
	}
}

// terminals are libraries whose text is made for people.
func terminals() []sample {
	return []sample{
		{"charm/charm", func(w io.Writer) { charmEvents(w, charm.Options{}, false) }},
		{"charm/charm-timestamp", func(w io.Writer) {
			charmEvents(w, charm.Options{ReportTimestamp: true, ReportCaller: true, Prefix: "shop"}, false)
		}},
		{"charm/charm-colour", func(w io.Writer) {
			charmEvents(w, charm.Options{ReportTimestamp: true, TimeFormat: time.Kitchen}, true)
		}},
		{"logfmt/charm", func(w io.Writer) {
			charmEvents(w, charm.Options{ReportTimestamp: true, Formatter: charm.LogfmtFormatter, TimeFormat: time.RFC3339}, false)
		}},
		{"charm-json/charm", func(w io.Writer) {
			charmEvents(w, charm.Options{ReportTimestamp: true, ReportCaller: true, Formatter: charm.JSONFormatter}, false)
		}},
		{"apex/text", func(w io.Writer) { apexEvents(apextext.New(w)) }},
		{"apex/cli", func(w io.Writer) { apexEvents(cli.New(w)) }},
		{"apex/logfmt-apex", func(w io.Writer) { apexEvents(apexfmt.New(w)) }},
		{"apex-json/apex", func(w io.Writer) { apexEvents(apexjson.New(w)) }},
		{"geth/geth", func(w io.Writer) { gethEvents(geth.NewTerminalHandlerWithLevel(w, geth.LevelTrace, false)) }},
		{"geth/geth-colour", func(w io.Writer) { gethEvents(geth.NewTerminalHandlerWithLevel(w, geth.LevelTrace, true)) }},
		{"log15/logfmt-geth", func(w io.Writer) { gethEvents(geth.LogfmtHandlerWithLevel(w, geth.LevelTrace)) }},
		{"geth-json/geth", func(w io.Writer) { gethEvents(geth.JSONHandlerWithLevel(w, geth.LevelTrace)) }},
		{"log15/log15", func(w io.Writer) { log15Events(w, log15.TerminalFormat()) }},
		{"log15/logfmt-log15", func(w io.Writer) { log15Events(w, log15.LogfmtFormat()) }},
		{"log15-json/log15", func(w io.Writer) { log15Events(w, log15.JsonFormat()) }},
		{"go-logging/go-logging", func(w io.Writer) {
			goLogging(w, `%{color}%{time:15:04:05.000} %{shortfunc} ▶ %{level:.4s} %{id:03x}%{color:reset} %{message}`)
		}},
		{"go-logging/go-logging-datetime", func(w io.Writer) {
			goLogging(w, `%{time:2006-01-02 15:04:05.000} %{shortfunc} ▶ %{level:.4s} %{id:03x} %{message}`)
		}},
		{"seelog/seelog", seelogEvents},
	}
}

func charmEvents(w io.Writer, o charm.Options, colour bool) {
	o.Level = charm.DebugLevel
	l := charm.NewWithOptions(w, o)
	if colour {
		l.SetColorProfile(termenv.ANSI256)
	}
	l.Info("server started", "addr", ":8080", "pid", 4711)
	l.Debug("cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
	l.Info("request handled", "path", path, "status", 200, "latency", latency)
	l.WithPrefix("http").Warn("slow query", "trace_id", traceID, "sql", query, "rows", large)
	l.Error("request failed", "err", errRefused, "user", ann)
	l.Info("no pairs")
	l.Info("quotes", "quote", `say "hi"`, "empty", "", "nil", nil, "two words", "a=b")
	l.Info("multi\nline", "after", "it")
	l.Print("no level", "n", 1)
}

func apexEvents(h apex.Handler) {
	l := &apex.Logger{Handler: h, Level: apex.DebugLevel}
	l.WithFields(apex.Fields{"addr": ":8080", "pid": 4711}).Info("server started")
	l.WithFields(apex.Fields{"key": "user:42", "ratio": 0.25, "hit": false}).Debug("cache miss")
	l.WithFields(apex.Fields{"path": path, "latency": latency}).Info("request handled")
	l.WithFields(apex.Fields{"trace_id": traceID, "rows": large}).Warn("slow query")
	l.WithError(errRefused).Error("request failed")
	l.WithField("empty", "").Info("a message of more than twenty-five bytes")
	l.WithField("quote", `say "hi"`).Info("quotes")
	l.Info("no fields")
}

func gethEvents(h slog.Handler) {
	l := geth.NewLogger(h)
	l.Info("Imported new potential chain segment", "number", 17034870, "hash", "0x6bd5a4b0d2b1a2c6", "blocks", 1, "mgas", 12.345, "elapsed", latency)
	l.Debug("cache miss", "key", "user:42", "ratio", 0.25, "hit", false, "nil", nil, "big", new(big.Int).SetUint64(large))
	l.Warn("Snapshot extension registration failed", "peer", "abc123", "err", "peer connected on snap without compatible eth support")
	l.Error("Failed to open database", "err", errRefused)
	l.Trace("trace message")
	l.Write(geth.LevelCrit, "crit message", "trace_id", traceID)
	l.Info("quotes", "quote", `say "hi"`, "empty", "", "path", path, "sql", query)
	l.Info("multi\nline", "at", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	l.Info("a message that is longer than the forty bytes of its column", "user", ann)
}

func log15Events(w io.Writer, f log15.Format) {
	l := log15.New("module", "app/server")
	l.SetHandler(log15.StreamHandler(w, f))
	l.Info("server started", "addr", ":8080", "pid", 4711)
	l.Debug("cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
	l.Info("request handled", "path", path, "status", 200, "took", latency)
	l.Warn("slow query", "sql", query, "trace_id", traceID)
	l.Error("request failed", "err", errRefused, "nil", nil, "empty", "")
	l.Crit("crit message", "quote", `say "hi"`)
	l.Info("a message that is longer than the forty bytes of its column", "user", ann)
}

func goLogging(w io.Writer, format string) {
	l := gologging.MustGetLogger("shop")
	backend := gologging.NewBackendFormatter(gologging.NewLogBackend(w, "", 0), gologging.MustStringFormatter(format))
	l.SetBackend(gologging.AddModuleLevel(backend))
	l.Info("server started on :8080")
	l.Debug("cache miss key=user:42")
	l.Notice("configuration reloaded")
	l.Warning("slow query: ", errors.New("1.5s"))
	l.Error("request failed: ", errRefused)
	l.Critical("disk is full")
	l.Info("first line\nsecond line")
}

func seelogEvents(w io.Writer) {
	l, err := seelog.LoggerFromWriterWithMinLevel(w, seelog.TraceLvl)
	if err != nil {
		panic(err)
	}
	l.Info("server started")
	l.Debug("cache miss key=user:42")
	l.Trace("trace message")
	l.Warnf("slow query took %s", latency)
	l.Error("request failed: ", errRefused)
	l.Critical("disk is full")
	l.Info("first line\nsecond line")
	l.Flush()
}
