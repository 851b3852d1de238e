package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"shipper/internal/config"
	"shipper/internal/index"
	"shipper/internal/indexer"
)

func indexCommand(ctx context.Context, args []string) error {
	f := newFlags("index")
	dir := f.String("data", "", "`directory` to keep everything in; it is created if it is not there")
	listen := f.String("listen", "127.0.0.1:3100", "`address` to serve on")
	age := f.durationFlag("retention", "drop records older than this `duration`, such as 30d; 0 keeps them")
	size := f.bytesFlag("retention-bytes", "drop the oldest records beyond this `size`, such as 100GiB; 0 is no limit")
	connections := f.Int("max-connections", indexer.DefaultConnections, "how many connections there may be at a time; idle ones make room")
	tokens := f.String("auth-token-file", "", "`file` with tokens, one a line, of which clients have to show one")
	level := f.levelFlag()
	format := f.choiceFlag("log-format", "`form` of the log", "text", "json")
	rest, err := f.parse(args)
	if err != nil {
		return err
	}
	if *dir == "" || len(rest) > 1 || len(rest) == 1 && rest[0] != "verify" {
		return f.misuse("wants --data DIR, or verify --data DIR")
	}
	if len(rest) == 1 {
		return indexVerify(*dir)
	}
	if _, _, err := net.SplitHostPort(*listen); err != nil {
		return f.misuse("--listen %q: write host:port such as 127.0.0.1:3100", *listen)
	}
	if *connections <= 0 {
		return f.misuse("--max-connections %d: write a number above 0", *connections)
	}
	log := newLog(*level, format.value)
	limitMemory(log)
	x := indexer.Indexer{
		Dir:            *dir,
		Tokens:         *tokens,
		Listen:         *listen,
		MaxAge:         time.Duration(*age),
		MaxBytes:       int64(*size),
		MaxConnections: *connections,
		Version:        readBuild().Version,
		Log:            log,
		Listening: func(a net.Addr) {
			log.Info("serving", "url", "http://"+a.String())
			announce(log, "READY=1")
		},
	}
	context.AfterFunc(ctx, func() { announce(log, "STOPPING=1") })
	err = x.Run(ctx)
	if errors.Is(err, indexer.ErrTokens) {
		return f.misuse("%s", err)
	}
	return err
}

// indexVerify names everything in an index that is damaged.
func indexVerify(dir string) error {
	v, err := index.Verify(dir, func(err error) { fmt.Println(err) })
	if err != nil {
		return err
	}
	if v.Problems > 0 {
		return reported(1)
	}
	_, err = fmt.Printf("fine: %d records in %d segments, %d blocks in the log\n", v.Records, v.Segments, v.Blocks)
	return err
}

// durationFlag adds a flag that is written as durations are in the configuration.
func (f *flags) durationFlag(name, usage string) *config.Duration {
	d := new(config.Duration)
	f.Func(name, usage, func(s string) (err error) {
		*d, err = config.ParseDuration(s)
		return err
	})
	return d
}

// bytesFlag adds a flag that is written as sizes are in the configuration.
func (f *flags) bytesFlag(name, usage string) *config.Bytes {
	b := new(config.Bytes)
	f.Func(name, usage, func(s string) (err error) {
		*b, err = config.ParseBytes(s)
		return err
	})
	return b
}

// levelFlag adds -log-level.
func (f *flags) levelFlag() *slog.Level {
	l := new(slog.Level)
	f.TextVar(l, "log-level", slog.LevelInfo, "`level` of the log: debug, info, warn or error")
	return l
}
