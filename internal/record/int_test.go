package record

import (
	"math"
	"strconv"
	"testing"
)

func TestAppendInt(t *testing.T) {
	for _, n := range []int64{-1, math.MinInt64, math.MaxInt64, math.MinInt32, 1 << 32} {
		if got := string(appendInt([]byte("x"), n)); got != "x"+strconv.FormatInt(n, 10) {
			t.Errorf("%d: %s", n, got)
		}
	}
	for n := int64(0); n < 1e8+1e5; n += 1 + n/1e4*7 { // all of four digits, and many of up to nine
		if got := string(appendInt([]byte("x"), n)); got != "x"+strconv.FormatInt(n, 10) {
			t.Fatalf("%d: %s", n, got)
		}
	}
	for n := int64(10); n <= 1e9; n *= 10 {
		for _, n := range []int64{n - 1, n} {
			if got := string(appendInt(nil, n)); got != strconv.FormatInt(n, 10) {
				t.Errorf("%d: %s", n, got)
			}
		}
	}
}
