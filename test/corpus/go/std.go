package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/grpclog"
)

func stdlib() []sample {
	std := func(prefix string, flags int) func(io.Writer) {
		return func(w io.Writer) {
			l := log.New(w, prefix, flags)
			l.Print("listening on :8080")
			l.Print("ERROR failed to load config: ", errRefused)
			l.Print("[WARN] retrying: attempt=3 backoff=1.5s")
			l.Print("level=debug key=user:42 hit=false")
			l.Print("first line\nsecond line\n\tindented third")
			l.Printf("GET %s 200 %s", path, latency)
			l.Print("done: {\"not\": \"the record\"}")
		}
	}
	all := &slog.HandlerOptions{Level: slog.LevelDebug - 4}
	source := &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: true}
	return []sample{
		{"slog-text/slog", func(w io.Writer) { slogEvents(slog.New(slog.NewTextHandler(w, all))) }},
		{"slog-text/slog-source", func(w io.Writer) { slogEvents(slog.New(slog.NewTextHandler(w, source))) }},
		{"slog-json/slog", func(w io.Writer) { slogEvents(slog.New(slog.NewJSONHandler(w, all))) }},
		{"slog-json/slog-source", func(w io.Writer) { slogEvents(slog.New(slog.NewJSONHandler(w, source))) }},
		{"slog-default/slog", func(w io.Writer) {
			log.SetOutput(w)
			slogEvents(slog.Default())
		}},
		{"gcp-json/slog-replaced", func(w io.Writer) { slogEvents(slog.New(cloudHandler(w))) }},
		{"go-std/log", std("", log.LstdFlags)},
		{"go-std/log-micro-utc-shortfile", std("", log.LstdFlags|log.Lmicroseconds|log.LUTC|log.Lshortfile)},
		{"go-std/log-longfile", std("", log.LstdFlags|log.Llongfile)},
		{"go-std/log-prefix", std("payments: ", log.LstdFlags)},
		{"go-std/log-prefix-brackets", std("[payments] ", log.LstdFlags|log.Lmicroseconds)},
		{"go-std/log-msgprefix", std("payments: ", log.LstdFlags|log.Lmsgprefix|log.Lshortfile)},
		{"go-std/log-time-shortfile", std("", log.Ltime|log.Lmicroseconds|log.Lshortfile)},
		{"go-std/log-date", std("", log.Ldate)},
		{"go-std/grpclog", func(w io.Writer) {
			grpclog.SetLoggerV2(grpclog.NewLoggerV2WithVerbosity(w, io.Discard, io.Discard, 2))
			core := grpclog.Component("core")
			core.Info("[Channel #1] Channel created")
			core.Infof("[Channel #1] original dial target is: %q", "dns:///payments:443")
			core.Warning("[Channel #1 SubChannel #2] grpc: addrConn.createTransport failed to connect: ", errDial)
			grpclog.Component("transport").Errorf("http2Server.HandleStreams failed to read frame: %v", io.ErrUnexpectedEOF)
		}},
		{"go-std/printstack", func(w io.Writer) {
			l := log.New(w, "", log.LstdFlags)
			defer func() {
				l.Printf("recovered: %v\n%s", recover(), debug.Stack())
				l.Print("going on")
			}()
			var m map[string]int
			m["a"] = 1
		}},
	}
}

func slogEvents(l *slog.Logger) {
	ctx := context.Background()
	l.Info("server started", "addr", ":8080", "pid", 4711)
	l.Debug("cache miss", "key", "user:42", "ratio", 0.25, "hit", false)
	l.Info("request handled", slog.Group("http", "method", "GET", "path", path, "status", 200), "took", latency)
	l.Warn("slow query", "trace_id", traceID, "span_id", spanID, "rows", large, "sql", query)
	l.Error("request failed", "err", errRefused, slog.Group("user", "id", 42, "name", "Ann Öz"))
	l.Error("batch failed", "err", errJoined, "attempt", 3)
	l.Log(ctx, slog.LevelDebug-4, "trace level", "path", path)
	l.Log(ctx, slog.LevelInfo+2, "notice level", "at", time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC))
	l.Log(ctx, slog.LevelError+4, "critical level", "user", ann)
	l.With("component", "worker").WithGroup("job").Info("finished", "id", "7f3a", "empty", "", "list", []string{"a", "b c"})
	l.Info("multi\nline", "key with space", "v", "nil", nil, "quote", `say "hi"`, "back", `C:\tmp`)
	l.Info("odd", "alone")
}

// cloudHandler names things as Google's Cloud Logging wants them.
func cloudHandler(w io.Writer) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug - 4,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) > 0 {
				return a
			}
			switch a.Key {
			case slog.LevelKey:
				a.Key = "severity"
				switch l := a.Value.Any().(slog.Level); {
				case l < slog.LevelInfo:
					a.Value = slog.StringValue("DEBUG")
				case l == slog.LevelInfo+2:
					a.Value = slog.StringValue("NOTICE")
				case l == slog.LevelWarn:
					a.Value = slog.StringValue("WARNING")
				case l > slog.LevelError:
					a.Value = slog.StringValue("CRITICAL")
				}
			case slog.MessageKey:
				a.Key = "message"
			case slog.SourceKey:
				a.Key = "logging.googleapis.com/sourceLocation"
			case "trace_id":
				return slog.String("logging.googleapis.com/trace", "projects/shop/traces/"+a.Value.String())
			case "span_id":
				a.Key = "logging.googleapis.com/spanId"
			}
			return a
		}})
}

// servers is what net/http logs by itself.
func servers() []sample {
	return []sample{{"go-std/nethttp", func(w io.Writer) {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/panic":
				panic(errRefused)
			case "/twice":
				w.WriteHeader(http.StatusOK)
				w.WriteHeader(http.StatusTeapot)
			}
			fmt.Fprint(w, "ok")
		}))
		s.Config.ErrorLog = log.New(w, "", log.LstdFlags)
		s.StartTLS()
		defer s.Close()
		for _, path := range []string{"/", "/panic", "/twice"} {
			if r, err := s.Client().Get(s.URL + path); err == nil {
				r.Body.Close()
			}
		}
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			panic(err)
		}
		fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n")
		bufio.NewReader(c).ReadString('\n')
		c.Close()
		time.Sleep(50 * time.Millisecond)
	}}}
}
