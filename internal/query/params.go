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
	categorize bool // labels and structured metadata apart
}

const (
	// defaultSpan is how far back a query looks that does not say, and
	// labelSpan a question about labels.
	defaultSpan = time.Hour
	labelSpan   = 6 * time.Hour

	// maxInstant bounds times, in seconds, so that each of them and a duration
	// of a query fit 64 bits of ns together.
	maxInstant = 6_800_000_000 // in 2185
)

// errCenturies refuses times that are further apart than 64 bits of ns can tell.
var errCenturies = bad("the query is about more than 292 years")

// instant reads a time, ns since the Unix epoch: an integer of up to ten digits
// is s, a longer one ns, a fraction s; or RFC 3339.
func (p *params) instant(name string, otherwise int64) (int64, error) {
	v := p.form.Get(name)
	if v == "" {
		return otherwise, nil
	}
	at, ok := parseInstant(v)
	if !ok {
		return 0, bad(fmt.Sprintf("%s: %q is no time: write ns or s since 1970, or RFC 3339", name, v))
	}
	return at, nil
}

func parseInstant(v string) (int64, bool) {
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		if len(strings.TrimPrefix(v, "-")) <= 10 {
			return n * 1e9, n <= maxInstant && n >= -maxInstant
		}
		return n, n <= maxInstant*1e9 && n >= -maxInstant*1e9
	}
	if f, err := strconv.ParseFloat(v, 64); err == nil {
		s, frac := math.Modf(f)
		return int64(s)*1e9 + int64(math.Round(frac*1e9)), math.Abs(f) <= maxInstant
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	return t.UnixNano(), err == nil && t.Unix() <= maxInstant && t.Unix() >= -maxInstant
}

// span reads start and end, ns; length is how far back it goes by default.
func (p *params) span(length time.Duration) (start, end int64, err error) {
	now := p.now.UnixNano()
	if end, err = p.instant("end", now); err != nil {
		return 0, 0, err
	}
	if s := p.form.Get("since"); s != "" {
		d, ok := parseDuration(s)
		if !ok || d <= 0 {
			return 0, 0, bad(fmt.Sprintf("since: %q is no duration such as 1h", s))
		}
		length = d
	}
	if start, err = p.instant("start", min(end, now)-int64(length)); err != nil {
		return 0, 0, err
	}
	if end < start {
		return 0, 0, bad("end timestamp must not be before start time")
	}
	if end-start < 0 {
		return 0, 0, errCenturies
	}
	return start, end, nil
}

// parseDuration reads a duration as LogQL writes it, or a number of seconds.
func parseDuration(s string) (time.Duration, bool) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return time.Duration(math.Round(f * 1e9)), f >= 0 && f < 2e9
	}
	return selector.ParseDuration(s)
}

// duration reads a duration, 0 if it is not there.
func (p *params) duration(name string) (time.Duration, error) {
	v := p.form.Get(name)
	if v == "" {
		return 0, nil
	}
	d, ok := parseDuration(v)
	if !ok || d <= 0 {
		return 0, bad(fmt.Sprintf("%s: %q is no positive duration", name, v))
	}
	return d, nil
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

// backward reads the direction of log queries.
func (p *params) backward(otherwise bool) (bool, error) {
	switch d := strings.ToLower(p.form.Get("direction")); d {
	case "":
		return otherwise, nil
	case "backward":
		return true, nil
	case "forward":
		return false, nil
	default:
		return false, bad(fmt.Sprintf("direction: %q is neither forward nor backward", d))
	}
}

// grid reads the instants of a metric query; like Loki's, the default of step
// makes 250 of them.
func (p *params) grid(start, end int64) (grid, error) {
	step, err := p.duration("step")
	if err != nil {
		return grid{}, err
	}
	if step == 0 {
		step = max(time.Duration((end-start)/250).Truncate(time.Second), time.Second)
	}
	n := (end-start)/int64(step) + 1
	if n > maxPoints {
		return grid{}, bad(fmt.Sprintf("exceeded maximum resolution of %d points per time series: use a larger step", maxPoints))
	}
	return grid{start, int64(step), int(n)}, nil
}
