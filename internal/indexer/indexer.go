// Package indexer builds the indexer, shipper's store with its HTTP side, from
// its settings and runs it.
package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"shipper/internal/index"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/query"
	"shipper/internal/receive"
)

// Indexer is the program behind `shipper index`. Set its fields before Run.
type Indexer struct {
	Dir    string // where everything is kept
	Listen string // address to serve on; port 0 picks one

	MaxAge   time.Duration // see index.Options
	MaxBytes int64
	Reserve  int64

	// MaxConnections is how many connections there may be at a time; 0 is
	// DefaultConnections. It is less where the limit of open files asks for that.
	MaxConnections int

	// Tokens is a file with the tokens of which clients have to show one; none
	// if it is empty.
	Tokens string

	Version string // for clients that ask

	Log *slog.Logger

	// Listening, if set, is told the address once requests are served.
	Listening func(net.Addr)
}

// DefaultConnections is how many connections an Indexer has by default: an
// idle one costs about 20 KiB.
const DefaultConnections = 2048

const (
	// headerTimeout is how long the header of a request may take.
	headerTimeout = 10 * time.Second

	// idleTimeout is how long a connection may wait for its next request.
	idleTimeout = 2 * time.Minute

	// maxHeader bounds the header of a request, in bytes.
	maxHeader = 64 << 10

	// answerTimeout bounds a request as a whole, from its header to the end of
	// its answer. Answers that are not held in memory have times of their own.
	answerTimeout = 3 * time.Minute

	// ownFiles is how many descriptors are kept for what is not a connection.
	ownFiles = 512

	// shutdown is how long requests may take to end once Run is to return.
	shutdown = 10 * time.Second

	// gcPercent trades CPU for memory: what is live are a few large buffers
	// and compressed blocks, so a collection is cheap.
	gcPercent = 50
)

// Run serves until ctx is done and returns nil then. What was acknowledged is
// sealed, or stays in the log if it cannot be.
func (x *Indexer) Run(ctx context.Context) error {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	log := x.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var tokens *guard
	if x.Tokens != "" {
		var err error
		if tokens, err = newGuard(x.Tokens, log); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", x.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", x.Listen, err)
	}
	defer l.Close()
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && tokens == nil {
		log.Warn("anyone who reaches this address can read and write all records: ask for a token with --auth-token-file", "listen", l.Addr().String())
	}
	store, err := index.Open(x.Dir, index.Options{MaxAge: x.MaxAge, MaxBytes: x.MaxBytes, Reserve: x.Reserve, Log: log})
	if err != nil {
		return err
	}
	clients := &conns{max: x.connections(log)}
	server := x.server(store, clients, tokens, log)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener{l, clients}) }()
	if x.Listening != nil {
		x.Listening(l.Addr())
	}
	select {
	case <-ctx.Done():
		err = stop(server)
	case err = <-served:
		err = fmt.Errorf("serve on %s: %w", x.Listen, err)
	}
	return errors.Join(err, store.Close())
}

// connections is how many there may be at a time.
func (x *Indexer) connections(log *slog.Logger) int {
	n := x.MaxConnections
	if n <= 0 {
		n = DefaultConnections
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur >= uint64(n+ownFiles) {
		return n
	}
	files := int(limit.Cur)
	less := min(n, max(files-ownFiles, files/2))
	log.Warn("the limit of open files leaves room for fewer connections", "connections", less, "wanted", n, "open_files", files)
	return less
}

// server puts everything on its path.
func (x *Indexer) server(store *index.Store, clients *conns, tokens *guard, log *slog.Logger) *http.Server {
	in := &receive.Handler{Store: store, Native: nativeSide{}, Records: ndjson.Decode, Loki: lokiSide{}, OTLP: otlpSide{}}
	mux := http.NewServeMux()
	for _, path := range []string{receive.NativePath, receive.NDJSONPath, receive.LokiPath, receive.OTLPPath, receive.OTLPPathOfLoki} {
		mux.Handle(path, in)
	}
	queries := &query.Handler{Store: store, Version: x.Version, Log: log}
	queries.Routes(mux)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		writeMetrics(w, store, in, queries, clients, tokens)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { ready(w, store) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { ready(w, store) })
	var handler http.Handler = mux
	if tokens != nil {
		handler = tokens.handler(mux)
	}
	return &http.Server{
		Handler:           clients.handler(handler),
		ConnContext:       withConn,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      answerTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// ready answers whether records are taken in. Queries are answered either way.
func ready(w http.ResponseWriter, store *index.Store) {
	if why := store.Refusing(); why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// stop lets the requests under way end, and ends them if they take too long.
func stop(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdown)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}
