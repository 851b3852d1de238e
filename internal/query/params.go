package query

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"shipper/internal/selector"
)

// params are those of a request.
type params struct {
	form       url.Values
	name       string // of a label, from the path
	now        time.Time
	categorize bool
}

// instant reads a time: ns or s since the Unix epoch, or RFC 3339.
func (p *params) instant(name string, otherwise time.Time) (time.Time, error) {
	v := p.form.Get(name)
	if v == "" {
		return otherwise, nil
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		if len(strings.TrimPrefix(v, "-")) <= 10 {
			return time.Unix(n, 0), nil
		}
		return time.Unix(0, n), nil
	}
	if f, err := strconv.ParseFloat(v, 64); err == nil && math.Abs(f) < 1e10 {
		s, frac := math.Modf(f)
		return time.Unix(int64(s), int64(frac*1e9)), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
		return t, nil
	}
	return time.Time{}, bad(fmt.Sprintf("%s: %q is no time: write ns or s since 1970, or RFC 3339", name, v))
}

// span reads start and end, the last hour by default.
func (p *params) span(length time.Duration) (start, end time.Time, err error) {
	if end, err = p.instant("end", p.now); err != nil {
		return
	}
	if s := p.form.Get("since"); s != "" {
		d, ok := duration(s)
		if !ok || d <= 0 {
			return start, end, bad(fmt.Sprintf("since: %q is no duration such as 1h", s))
		}
		length = d
	}
	if start, err = p.instant("start", end.Add(-length)); err != nil {
		return
	}
	if end.Before(start) {
		err = bad("end timestamp must not be before start time")
	}
	return start, end, err
}

// duration reads a duration as LogQL writes it, or a number of seconds.
func duration(s string) (time.Duration, bool) {
	if f, err := strconv.ParseFloat(s, 64); err == nil && f >= 0 && f < 1e10 {
		return time.Duration(f * 1e9), true
	}
	return selector.ParseDuration(s)
}

// limit reads how many entries are wanted.
func (p *params) limit() (int, error) {
	v := p.form.Get("limit")
	if v == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 {
		return 0, bad(fmt.Sprintf("limit: %q is no positive number", v))
	}
	if n > maxEntries {
		return 0, bad(fmt.Sprintf("max entries limit per query exceeded, limit > max_entries_limit_per_query (%d > %d)", n, maxEntries))
	}
	return n, nil
}

// backward reads the direction of log queries: newest first by default.
func (p *params) backward() (bool, error) {
	switch d := strings.ToLower(p.form.Get("direction")); d {
	case "", "backward":
		return true, nil
	case "forward":
		return false, nil
	default:
		return false, bad(fmt.Sprintf("direction: %q is neither forward nor backward", d))
	}
}

// step reads the distance between points; like Loki's, its default makes 250 of them.
func (p *params) step(start, end time.Time) (time.Duration, error) {
	v := p.form.Get("step")
	if v == "" {
		return time.Duration(max(math.Floor(end.Sub(start).Seconds()/250), 1)) * time.Second, nil
	}
	d, ok := duration(v)
	if !ok || d <= 0 {
		return 0, bad(fmt.Sprintf("step: %q is no positive duration", v))
	}
	if end.Sub(start)/d > maxPoints {
		return 0, bad(fmt.Sprintf("exceeded maximum resolution of %d points per time series: use a larger step", maxPoints))
	}
	return d, nil
}
