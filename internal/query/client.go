package query

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"shipper/internal/selector"
)

// Client asks an indexer and prints the answer. Set its fields before use.
type Client struct {
	URL  string       // of the indexer, such as http://127.0.0.1:3100
	HTTP *http.Client // nil is http.DefaultClient

	Token string // shown to the indexer; none if it is empty

	From, To time.Time     // a zero To is now
	Step     time.Duration // between the points of a metric query; 0 is one point, at To
	Limit    int           // of records, the newest of them; 0 is all
	Follow   bool          // go on with what comes in
	JSON     bool          // canonical records, one a line, instead of text
	Raw      bool          // write control characters of records as they are
	Color    bool

	Out io.Writer
	Err io.Writer // if set, told why following pauses, which otherwise is an error
}

// Refused is an answer that is not a 200.
type Refused struct {
	Code int
	Msg  string
}

func (e *Refused) Error() string { return e.Msg }

// Run asks query and prints the answer, the oldest record first. With Follow it
// ends with ctx, and returns nil then. A query that is not valid, here or for
// the indexer, is a *Refused with code 400.
func (c *Client) Run(ctx context.Context, query string) error {
	if c.To.IsZero() {
		c.To = time.Now()
	}
	expr, err := selector.Parse(query)
	if err != nil {
		return &Refused{http.StatusBadRequest, err.Error()}
	}
	out := bufio.NewWriter(c.Out)
	if _, ok := expr.(*selector.Query); !ok {
		if c.Follow {
			return &Refused{http.StatusBadRequest, "only log queries can be followed"}
		}
		err = c.series(ctx, query, out)
	} else if c.Follow {
		return c.follow(ctx, query, out)
	} else {
		err = c.records(ctx, query, out)
	}
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	return err
}

// records prints the records of a log query.
func (c *Client) records(ctx context.Context, query string, out *bufio.Writer) error {
	_, err := c.newest(ctx, query, c.To, func(line []byte) error { return c.print(out, line) })
	return err
}

// newest calls emit with the newest records up to to, oldest first, and returns
// when, by its own clock, the indexer answered.
func (c *Client) newest(ctx context.Context, query string, to time.Time, emit func(line []byte) error) (time.Time, error) {
	if c.Limit <= 0 {
		return c.lines(ctx, query, c.From.UnixNano(), to.UnixNano(), false, emit)
	}
	var all [][]byte
	now, err := c.lines(ctx, query, c.From.UnixNano(), to.UnixNano(), true, func(line []byte) error {
		all = append(all, bytes.Clone(line))
		return nil
	})
	for i := len(all) - 1; i >= 0 && err == nil; i-- {
		err = emit(all[i])
	}
	return now, err
}

// lines calls emit with canonical records, at most Limit if they are the newest first.
func (c *Client) lines(ctx context.Context, query string, from, to int64, newest bool, emit func(line []byte) error) (time.Time, error) {
	form := url.Values{"query": {query}, "direction": {"forward"},
		"start": {strconv.FormatInt(from, 10)}, "end": {strconv.FormatInt(to, 10)}}
	if newest {
		form.Set("direction", "backward")
		form.Set("limit", strconv.Itoa(c.Limit))
	}
	resp, err := c.ask(ctx, RecordsPath, form)
	if err != nil {
		return time.Time{}, err
	}
	defer resp.Body.Close()
	r := bufio.NewReaderSize(resp.Body, 64<<10)
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(line) == 0:
			now, _ := http.ParseTime(resp.Header.Get("Date"))
			return now, nil
		case err == io.EOF:
			return time.Time{}, fmt.Errorf("the answer of %s is not NDJSON", c.URL)
		case err != nil:
			return time.Time{}, fmt.Errorf("the answer of %s broke off: %w", c.URL, err)
		}
		if err := emit(line[:len(line)-1]); err != nil {
			return time.Time{}, err
		}
		line = line[:0]
	}
}

// ask sends a request and returns an answer that is a 200.
func (c *Client) ask(ctx context.Context, path string, form url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.URL, "/")+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("the address of the indexer: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("nobody listens at %s: start `shipper index`, or name the indexer with --addr", c.URL)
	}
	if err != nil {
		return nil, fmt.Errorf("ask the indexer: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	msg := strings.TrimSpace(string(body))
	switch {
	case resp.StatusCode == http.StatusNotFound:
		msg = fmt.Sprintf("%s is no indexer of shipper: it has no %s", c.URL, path)
	case err != nil || msg == "":
		msg = fmt.Sprintf("%s answered %s", c.URL, resp.Status)
	}
	return nil, &Refused{resp.StatusCode, msg}
}

// metrics is the body of an answer to a metric query.
type metrics struct {
	Data struct {
		Result []struct {
			Metric map[string]string
			Values [][2]any
			Value  [2]any
		}
	}
}

// sample is one point of one series.
type sample struct {
	at     time.Time
	value  string
	labels map[string]string
}

// series prints the points of a metric query.
func (c *Client) series(ctx context.Context, query string, out *bufio.Writer) error {
	path, form := "/loki/api/v1/query", url.Values{"query": {query}, "time": {strconv.FormatInt(c.To.UnixNano(), 10)}}
	if c.Step > 0 {
		path, form = "/loki/api/v1/query_range", url.Values{"query": {query}, "step": {strconv.FormatFloat(c.Step.Seconds(), 'f', -1, 64)},
			"start": {strconv.FormatInt(c.From.UnixNano(), 10)}, "end": {strconv.FormatInt(c.To.UnixNano(), 10)}}
	}
	resp, err := c.ask(ctx, path, form)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var m metrics
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		return fmt.Errorf("the answer of %s: %w", c.URL, err)
	}
	var all []sample
	for _, s := range m.Data.Result {
		for _, v := range append(s.Values, s.Value) {
			at, ok := v[0].(float64)
			value, also := v[1].(string)
			if ok && also {
				all = append(all, sample{time.UnixMilli(int64(at*1000 + 0.5)), value, s.Metric})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b sample) int { return a.at.Compare(b.at) })
	return c.printSamples(out, all)
}
