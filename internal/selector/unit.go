package selector

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// units are those of durations as Prometheus and Go write them.
var units = map[string]time.Duration{
	"ns": 1, "us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute,
	"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

// sizes are the units of bytes, in lower case.
var sizes = map[string]float64{
	"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15, "eb": 1e18,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50, "eib": 1 << 60,
}

// ParseDuration reads a duration as Prometheus writes it: 5m, 1h30m, 1.5d, with
// the units ns, us, ms, s, m, h, d, w and y.
func ParseDuration(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	var total time.Duration
	for s != "" {
		i := digits(s)
		n, err := strconv.ParseFloat(s[:i], 64)
		s = s[i:]
		end := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
		if end < 0 {
			end = len(s)
		}
		unit, ok := units[s[:end]]
		s = s[end:]
		term := math.Round(n * float64(unit))
		if err != nil || !ok || term > math.MaxInt64/4 {
			return 0, false
		}
		if total += time.Duration(term); total > math.MaxInt64/4 {
			return 0, false
		}
	}
	return total, true
}

// parseBytes reads a number of bytes with a unit, or, if bare is set, without one.
func parseBytes(s string, bare bool) (float64, bool) {
	i := digits(s)
	n, err := strconv.ParseFloat(s[:i], 64)
	if bare && i == len(s) {
		return n, err == nil
	}
	size, ok := sizes[strings.ToLower(s[i:])]
	return n * size, err == nil && ok
}

// digits returns how much of s is a decimal number.
func digits(s string) int {
	i := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if i < 0 {
		return len(s)
	}
	return i
}

// parseNumber reads a number, a duration or a size.
func parseNumber(s string) (float64, Unit, bool) {
	if n, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(n, 0) && !math.IsNaN(n) {
		return n, Number, true
	}
	if d, ok := ParseDuration(s); ok {
		return float64(d), Duration, true
	}
	n, ok := parseBytes(s, false)
	return n, Bytes, ok
}
