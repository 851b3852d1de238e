package query

import (
	"bufio"
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
	"text/tabwriter"
	"time"
	"unicode"
)

// Client asks a query API, of shipper's indexer or of a Loki, and prints the
// answer. Set its fields before use.
type Client struct {
	URL  string       // of the server, such as http://127.0.0.1:3100
	HTTP *http.Client // nil is http.DefaultClient

	From, To time.Time // a zero To is now
	Limit    int       // of records; 0 is all of them
	Follow   bool      // go on with what comes in after To
	JSON     bool      // one object a line instead of text
	Raw      bool      // write control characters of records as they are
	Color    bool

	Out io.Writer
}

const (
	pollEvery = time.Second
	// overlap is how far back a follower looks again for records that arrived
	// later than newer ones.
	overlap = 10 * time.Second
)

// entry is one record of an answer.
type entry struct {
	time   int64
	labels map[string]string
	line   string
}

// answer is the body of a 200.
type answer struct {
	Data struct {
		ResultType string
		Result     []struct {
			Stream map[string]string
			Metric map[string]string
			Values [][2]any
			Value  [2]any
		}
	}
}

// Run asks query and prints the answer. With Follow it ends with ctx, and
// returns nil then.
func (c *Client) Run(ctx context.Context, query string) error {
	if c.To.IsZero() {
		c.To = time.Now()
	}
	out := bufio.NewWriter(c.Out)
	defer out.Flush()
	first, err := c.ask(ctx, query, c.From, c.To, c.pageSize(), false)
	if err != nil {
		return err
	}
	if first.Data.ResultType != "streams" {
		if c.Follow {
			return errors.New("only log queries can be followed")
		}
		return c.printSeries(out, first)
	}
	es, err := c.pages(ctx, query, first)
	if err != nil {
		return err
	}
	for i := range es {
		c.print(out, &es[i])
	}
	if err := out.Flush(); err != nil || !c.Follow {
		return err
	}
	return c.follow(ctx, query, out, es)
}

// pageSize is the limit of the first request.
func (c *Client) pageSize() int {
	if c.Limit <= 0 {
		return maxEntries
	}
	return min(c.Limit, maxEntries)
}

// pages reads on, further back, until there are as many records as asked for,
// and returns them oldest first.
func (c *Client) pages(ctx context.Context, query string, page answer) ([]entry, error) {
	all := page.entries()
	for got := len(all); got == maxEntries && (c.Limit <= 0 || len(all) < c.Limit); {
		// The oldest instant may go on in the next page: read it there again.
		oldest := all[len(all)-1].time
		keep := len(all)
		for keep > 0 && all[keep-1].time == oldest {
			keep--
		}
		if keep == 0 {
			return nil, fmt.Errorf("more than %d records at %s", maxEntries, time.Unix(0, oldest).UTC().Format(time.RFC3339Nano))
		}
		all = all[:keep]
		next, err := c.ask(ctx, query, c.From, time.Unix(0, oldest+1), maxEntries, false)
		if err != nil {
			return nil, err
		}
		es := next.entries()
		got = len(es)
		all = append(all, es...)
	}
	if c.Limit > 0 && len(all) > c.Limit {
		all = all[:c.Limit]
	}
	slices.Reverse(all)
	return all, nil
}

// entries returns the records of an answer, newest first.
func (a *answer) entries() []entry {
	var es []entry
	for _, s := range a.Data.Result {
		for _, v := range s.Values {
			at, _ := v[0].(string)
			line, _ := v[1].(string)
			n, _ := strconv.ParseInt(at, 10, 64)
			es = append(es, entry{n, s.Stream, line})
		}
	}
	slices.SortStableFunc(es, func(a, b entry) int {
		switch {
		case a.time > b.time:
			return -1
		case a.time < b.time:
			return 1
		}
		return 0
	})
	return es
}

// ask sends one query.
func (c *Client) ask(ctx context.Context, query string, from, to time.Time, limit int, forward bool) (answer, error) {
	direction := "backward"
	if forward {
		direction = "forward"
	}
	form := url.Values{
		"query": {query}, "limit": {strconv.Itoa(limit)}, "direction": {direction},
		"start": {strconv.FormatInt(from.UnixNano(), 10)}, "end": {strconv.FormatInt(to.UnixNano(), 10)},
	}
	var a answer
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(c.URL, "/")+"/loki/api/v1/query_range?"+form.Encode(), nil)
	if err != nil {
		return a, fmt.Errorf("the address of the indexer: %w", err)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return a, fmt.Errorf("nobody listens at %s: start `shipper index`, or name the indexer with --addr", c.URL)
	}
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 256<<20))
	if err != nil {
		return a, fmt.Errorf("read the answer of %s: %w", c.URL, err)
	}
	if resp.StatusCode != http.StatusOK {
		return a, &Refused{resp.StatusCode, strings.TrimSpace(string(body[:min(len(body), 1000)]))}
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fmt.Errorf("%s does not answer as a Loki does: %w", c.URL, err)
	}
	return a, nil
}

// Refused is an answer that is not a 200.
type Refused struct {
	Code int
	Msg  string
}

func (e *Refused) Error() string { return e.Msg }

// follow prints what comes in, each record once: what was printed within the
// overlap is counted, by all that a record says.
func (c *Client) follow(ctx context.Context, query string, out *bufio.Writer, printed []entry) error {
	seen := map[string]int{}
	newest := c.To.UnixNano()
	for i := range printed {
		seen[printed[i].key()]++
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		from := time.Unix(0, newest).Add(-overlap)
		if from.Before(c.From) {
			from = c.From
		}
		a, err := c.ask(ctx, query, from, time.Now().Add(time.Minute), maxEntries, true)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		es := a.entries()
		slices.Reverse(es)
		now := map[string]int{}
		for i := range es {
			k := es[i].key()
			if now[k]++; now[k] > seen[k] {
				c.print(out, &es[i])
			}
			newest = max(newest, es[i].time)
		}
		seen = now
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

func (e *entry) key() string {
	b, _ := json.Marshal(e.labels) // sorted by name
	return strconv.FormatInt(e.time, 10) + string(b) + e.line
}

var colors = map[string]string{"trace": "\x1b[90m", "debug": "\x1b[36m", "info": "\x1b[32m", "warn": "\x1b[33m", "error": "\x1b[31m", "fatal": "\x1b[35m"}

func (c *Client) print(out *bufio.Writer, e *entry) {
	at := time.Unix(0, e.time)
	if c.JSON {
		b, _ := json.Marshal(struct {
			Timestamp string            `json:"timestamp"`
			Message   string            `json:"message"`
			Labels    map[string]string `json:"labels"`
		}{at.UTC().Format(time.RFC3339Nano), e.line, e.labels})
		out.Write(append(b, '\n'))
		return
	}
	level := e.labels["level"]
	color, end := "", ""
	if c.Color && colors[level] != "" {
		color, end = colors[level], "\x1b[0m"
	}
	fmt.Fprintf(out, "%s %s%-5s%s %s  %s\n", at.Format("2006-01-02T15:04:05.000000Z07:00"), color, strings.ToUpper(level), end,
		c.clean(e.labels[streamLabel]), c.clean(e.line))
}

// clean replaces what could steer a terminal.
func (c *Client) clean(s string) string {
	if c.Raw {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// printSeries prints the points of a metric query as a table, or as JSON.
func (c *Client) printSeries(out *bufio.Writer, a answer) error {
	if c.JSON {
		enc := json.NewEncoder(out)
		for _, s := range a.Data.Result {
			for _, v := range append(s.Values, s.Value) {
				if v[0] == nil {
					continue
				}
				at, _ := v[0].(float64)
				value, _ := v[1].(string)
				if err := enc.Encode(struct {
					Timestamp string            `json:"timestamp"`
					Value     json.Number       `json:"value"`
					Labels    map[string]string `json:"labels"`
				}{time.UnixMilli(int64(at * 1000)).UTC().Format(time.RFC3339Nano), json.Number(value), s.Metric}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tVALUE\tLABELS")
	for _, s := range a.Data.Result {
		labels := make([]string, 0, len(s.Metric))
		for k, v := range s.Metric {
			labels = append(labels, k+"="+strconv.Quote(v))
		}
		slices.Sort(labels)
		for _, v := range append(s.Values, s.Value) {
			if v[0] == nil {
				continue
			}
			at, _ := v[0].(float64)
			fmt.Fprintf(w, "%s\t%v\t{%s}\n", time.UnixMilli(int64(at*1000)).Format(time.RFC3339), v[1], strings.Join(labels, ", "))
		}
	}
	return w.Flush()
}
