package otlp

import (
	"math"
	"strconv"
	"testing"
)

// Whatever shortFraction reads is what strconv makes of it, to the bit.
func TestShortFraction(t *testing.T) {
	for text, want := range map[string]bool{
		"0.5": true, "12.25": true, "0.1": true, "-0.003": true, "-0.0": true, "1234567.12345678": true, "0.10000000000001": true,
		"": false, "-": false, "1": false, ".5": false, "1.": false, "-.5": false, "00.5": false, "01.5": false, "1.2.3": false,
		"1.5e3": false, "1.5 ": false, "+1.5": false, "123456789.12345678": false, "--1.5": false,
	} {
		got, ok := shortFraction([]byte(text))
		if ok != want {
			t.Errorf("%q: %v, want %v", text, ok, want)
		}
		if exact, err := strconv.ParseFloat(text, 64); ok && (err != nil || math.Float64bits(got) != math.Float64bits(exact)) {
			t.Errorf("%q: %v, want %v (%v)", text, got, exact, err)
		}
	}
	for n := int64(1); n < 1e14; n = n*7 + 3 {
		for point := 1; point < 15; point++ {
			text := strconv.AppendFloat(nil, float64(n)/tens[point], 'f', point, 64)
			if got, ok := shortFraction(text); ok {
				if exact, _ := strconv.ParseFloat(string(text), 64); got != exact {
					t.Errorf("%s: %v, want %v", text, got, exact)
				}
			}
		}
	}
}
