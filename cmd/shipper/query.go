package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"shipper/internal/config"
	"shipper/internal/query"
)

func queryCommand(ctx context.Context, args []string) error {
	f := newFlags("query")
	addr := f.String("addr", "http://127.0.0.1:3100", "`URL` of the indexer")
	tokenFile := f.String("token-file", "", "`file` with the token that the indexer wants to see")
	since := config.Duration(-1) // not given
	f.Func("since", "how far back to look: a `duration` such as 15m or 7d (default 1h)", func(s string) (err error) {
		since, err = config.ParseDuration(s)
		return err
	})
	from := f.timeFlag("from", "look from this `time` on, such as 2026-11-23T06:25:00Z or \"2026-11-23 06:25\"; instead of -since")
	to := f.timeFlag("to", "look up to this `time` (default now)")
	step := f.durationFlag("step", "`duration` between the points of a metric query; without it there is one, at the end")
	limit := f.Int("limit", 100, "print the newest `n` records; 0 is all")
	follow := f.Bool("follow", false, "go on with what comes in")
	raw := f.Bool("raw", false, "print control characters of records as they are")
	output := f.outputFlag("text", "json")
	rest, err := f.parse(args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return f.misuse(`wants one QUERY such as '{service_name="payments"} |= "timeout"'`)
	}
	if u, err := url.Parse(*addr); err != nil || u.Host == "" {
		return f.misuse("-addr %q is not a URL; write it like http://127.0.0.1:3100", *addr)
	}
	if *limit < 0 {
		return f.misuse("-limit %d: write a number of records, or 0 for all", *limit)
	}
	switch {
	case since >= 0 && !from.IsZero():
		return f.misuse("wants either -since or -from")
	case since < 0:
		since = config.Duration(time.Hour)
	}
	if *follow && !to.IsZero() {
		return f.misuse("wants either -follow or -to")
	}
	if to.IsZero() {
		*to = time.Now()
	}
	if from.IsZero() {
		*from = to.Add(-time.Duration(since))
	}
	if to.Before(*from) {
		return f.misuse("-to is before -from")
	}
	token := ""
	if *tokenFile != "" {
		text, err := os.ReadFile(*tokenFile)
		if err != nil {
			return f.misuse("read token: %s", err)
		}
		token = strings.TrimSpace(string(text))
	}
	ctx, cancel := whileRead(ctx)
	defer cancel()
	c := query.Client{
		URL: *addr, Token: token, Step: time.Duration(*step), From: *from, To: *to, Limit: *limit, Follow: *follow,
		JSON: output.is("json"), Raw: *raw, Color: isTerminal(1) && os.Getenv("NO_COLOR") == "", Out: os.Stdout, Err: os.Stderr,
	}
	err = c.Run(ctx, rest[0])
	var refused *query.Refused
	if errors.As(err, &refused) && refused.Code == http.StatusBadRequest {
		return f.misuse("%s", refused.Msg)
	}
	return err
}

// timeFlag adds a flag that is a point in time; without a zone it is local.
func (f *flags) timeFlag(name, usage string) *time.Time {
	t := new(time.Time)
	f.Func(name, usage, func(s string) error {
		if at, err := time.Parse(time.RFC3339, s); err == nil {
			*t = at
			return nil
		}
		for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
			if at, err := time.ParseInLocation(layout, s, time.Local); err == nil {
				*t = at
				return nil
			}
		}
		return fmt.Errorf("%q is not a time", s)
	})
	return t
}

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}
