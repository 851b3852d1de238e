package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bytes is a size, written as a number with one of the units B, KB, MB, GB, TB
// (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024). A number alone is bytes.
type Bytes int64

// Duration is a span of time, written as Go does: 500ms, 30s, 1h30m; d is 24 hours.
type Duration time.Duration

var units = [...]struct {
	name string
	size float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// ParseBytes reads a size.
func ParseBytes(s string) (Bytes, error) {
	number, size := s, 1.0
	for _, u := range units {
		if len(s) > len(u.name) && strings.EqualFold(s[len(s)-len(u.name):], u.name) {
			number, size = strings.TrimSpace(s[:len(s)-len(u.name)]), u.size
			break
		}
	}
	if !isDecimal(number) {
		return 0, fmt.Errorf("%q is not a size; write it like 64MiB", s)
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v*size >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is too large a size", s)
	}
	return Bytes(v * size), nil
}

// isDecimal reports whether s is digits with at most one point between them.
func isDecimal(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (!point || digits(fraction))
}

// String writes b with the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range [...]struct {
		name  string
		shift uint
	}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if b != 0 && b&(1<<u.shift-1) == 0 {
			return strconv.FormatInt(int64(b>>u.shift), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// ParseDuration reads a span of time, which must not be negative.
func ParseDuration(s string) (Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok && isDecimal(days) {
		v, err := strconv.ParseFloat(days, 64)
		if err != nil || v > 36500 {
			return 0, fmt.Errorf("%q is too long a duration", s)
		}
		return Duration(v * float64(24*time.Hour)), nil
	}
	if isDecimal(s) && strings.Trim(s, "0.") != "" {
		return 0, fmt.Errorf("%q lacks a unit; write %sms, %ss, %sm, %sh or %sd", s, s, s, s, s, s)
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration; write it like 500ms, 30s or 1h", s)
	}
	return Duration(d), nil
}

// String writes d as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }
