package query

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"
)

const (
	// pollEvery is how often a follower asks.
	pollEvery = time.Second
	// overlap is how far back a follower looks again, for records that arrive
	// later than newer ones; the time a record takes to the indexer.
	overlap = 10 * time.Second
	// ever is the end of what a follower asks for: beyond what clocks of other
	// machines may say.
	ever = 6_700_000_000 * int64(time.Second)
)

// follow prints the newest records and then what comes in, each once, by its ID.
func (c *Client) follow(ctx context.Context, query string, out *bufio.Writer) error {
	f := follower{Client: c, out: out, query: query, floor: c.From.UnixNano(), newest: c.From.UnixNano()}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := f.poll(ctx)
		if err == nil {
			err = written(out.Flush())
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := f.pause(err); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

type follower struct {
	*Client
	out   *bufio.Writer
	query string

	begun  bool
	floor  int64               // ns; what is older is not asked for
	newest int64               // time of the newest record, but not later than the last poll
	seen   map[string]struct{} // IDs of the records since newest-overlap
	down   string              // why the last poll failed
}

// poll prints the records that were not seen. What was printed is seen even if
// the answer broke off behind it.
func (f *follower) poll(ctx context.Context) error {
	seen := make(map[string]struct{})
	newest, oldest := f.newest, int64(math.MaxInt64)
	emit := func(line []byte) error {
		var r struct {
			ID        string
			Timestamp time.Time
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("the answer of %s: %w", f.URL, err)
		}
		at := r.Timestamp.UnixNano()
		newest, oldest = max(newest, at), min(oldest, at)
		seen[r.ID] = struct{}{}
		if _, ok := f.seen[r.ID]; ok {
			return nil
		}
		if f.seen != nil {
			f.seen[r.ID] = struct{}{}
		}
		return f.print(f.out, line)
	}
	var now time.Time
	var err error
	if f.begun {
		now, err = f.lines(ctx, f.query, max(f.newest-int64(overlap), f.floor), ever, false, emit)
	} else {
		now, err = f.Client.newest(ctx, f.query, time.Unix(0, ever), emit)
	}
	if err != nil {
		return err
	}
	if !f.begun && f.Limit > 0 && len(seen) >= f.Limit {
		f.floor = oldest // there are older ones, and they are not wanted
	}
	// A record with a time to come must not hide those that come until then.
	if !now.IsZero() {
		newest = min(newest, now.UnixNano())
	}
	f.begun, f.seen, f.newest = true, seen, max(newest, f.newest)
	return nil
}

// pause returns the error of a poll that there is no sense in repeating, and
// says once why others fail.
func (f *follower) pause(err error) error {
	if err == nil {
		if f.down != "" {
			fmt.Fprintln(f.Err, "the indexer answers again")
		}
		f.down = ""
		return nil
	}
	var refused *Refused
	if f.Err == nil || !f.begun || errors.As(err, &refused) && refused.Code < http.StatusInternalServerError {
		return err
	}
	var broken *writeError
	if errors.As(err, &broken) {
		return err
	}
	if f.down == "" {
		fmt.Fprintf(f.Err, "%v; asking again every %s\n", err, pollEvery)
	}
	f.down = err.Error()
	return nil
}

// writeError is an error of the output rather than of the indexer.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }
