package main

import (
	"io"
	"log/slog"
	"time"

	phuslu "github.com/phuslu/log"
	"github.com/rs/zerolog"
	"github.com/rs/zerolog/pkgerrors"
)

func zeroEvents(w io.Writer, format string, caller bool) {
	zerolog.TimeFieldFormat = format
	zerolog.ErrorStackMarshaler = pkgerrors.MarshalStack
	c := zerolog.New(w).With().Timestamp().Str("service", "checkout")
	if caller {
		c = c.Caller()
	}
	l := c.Logger().Level(zerolog.TraceLevel)
	l.Info().Str("addr", ":8080").Int("pid", 4711).Msg("server started")
	l.Debug().Str("key", "user:42").Float64("ratio", 0.25).Bool("hit", false).Msg("cache miss")
	l.Info().Str("method", "GET").Str("path", path).Int("status", 200).Dur("latency", latency).Msg("request handled")
	l.Warn().Str("trace_id", traceID).Str("span_id", spanID).Uint64("rows", large).Str("sql", query).Msg("slow query")
	l.Error().Err(errRefused).Dict("user", zerolog.Dict().Int("id", 42).Str("name", "Ann Öz")).Msg("request failed")
	l.Error().AnErr("first", io.EOF).Errs("all", []error{errDial, io.EOF}).Msg("batch failed")
	l.Trace().Time("at", time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC)).Msg("trace message")
	l.Log().Str("path", path).Msg("no level")
	l.WithLevel(zerolog.FatalLevel).Msg("disk is full")
	l.Info().Str("quote", `say "hi"`).Str("empty", "").Strs("list", []string{"a", "b c"}).Interface("nil", nil).Msg("multi\nline")
	l.Info().Int("n", 1).Send()
}

func zeros() []sample {
	object := func(format string, caller bool) func(io.Writer) {
		return func(w io.Writer) { zeroEvents(w, format, caller) }
	}
	console := func(colour, caller bool, layout string) func(io.Writer) {
		return func(w io.Writer) {
			zeroEvents(zerolog.ConsoleWriter{Out: w, NoColor: !colour, TimeFormat: layout}, time.RFC3339Nano, caller)
		}
	}
	phusluEvents := func(w phuslu.Writer, caller int) {
		l := phuslu.Logger{Level: phuslu.TraceLevel, Caller: caller, Writer: w}
		l.Info().Str("addr", ":8080").Int("pid", 4711).Msg("server started")
		l.Debug().Str("key", "user:42").Float64("ratio", 0.25).Bool("hit", false).Msg("cache miss")
		l.Info().Str("path", path).Int("status", 200).Dur("latency", latency).Msg("request handled")
		l.Warn().Str("trace_id", traceID).Uint64("rows", large).Str("sql", query).Msg("slow query")
		l.Error().Err(errRefused).Msg("request failed")
		l.Trace().Str("empty", "").Msg("trace message")
		l.Info().Str("quote", `say "hi"`).Msg("multi\nline")
	}
	return []sample{
		{"zerolog-json/zerolog", object(time.RFC3339, false)},
		{"zerolog-json/zerolog-caller", object(time.RFC3339Nano, true)},
		{"zerolog-json/zerolog-unix", object(zerolog.TimeFormatUnix, false)},
		{"zerolog-json/zerolog-unix-ms", object(zerolog.TimeFormatUnixMs, false)},
		{"zerolog-json/zerolog-unix-micro", object(zerolog.TimeFormatUnixMicro, false)},
		{"zerolog-json/zerolog-unix-nano", object(zerolog.TimeFormatUnixNano, false)},
		{"zerolog-json/zerolog-slog", func(w io.Writer) {
			slogEvents(slog.New(zerolog.NewSlogHandler(zerolog.New(w).With().Timestamp().Logger())))
		}},
		{"zerolog-console/zerolog", console(false, false, "")},
		{"zerolog-console/zerolog-colour", console(true, true, "")},
		{"zerolog-console/zerolog-rfc3339", console(false, true, time.RFC3339)},
		{"zerolog-console/zerolog-datetime", console(false, false, time.DateTime)},
		{"zerolog-console/zerolog-stampmilli", console(true, false, time.StampMilli)},
		{"phuslu-json/phuslu", func(w io.Writer) { phusluEvents(&phuslu.IOWriter{Writer: w}, 1) }},
		{"phuslu/phuslu", func(w io.Writer) { phusluEvents(&phuslu.ConsoleWriter{Writer: w}, 1) }},
		{"phuslu/phuslu-colour", func(w io.Writer) {
			phusluEvents(&phuslu.ConsoleWriter{Writer: w, ColorOutput: true, QuoteString: true, EndWithMessage: true}, 1)
		}},
	}
}
