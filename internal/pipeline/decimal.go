package pipeline

import "strconv"

// parseFloat is strconv.ParseFloat, without allocating for what is a number of
// at most 15 digits, or none at all by its first byte.
func parseFloat(v []byte) (float64, bool) {
	if len(v) == 0 {
		return 0, false
	}
	n, digits, point := uint64(0), 0, -1
	for i, c := range v {
		switch {
		case is(c, isDigit):
			n = n*10 + uint64(c-'0')
			digits++
		case c == '.' && point < 0:
			point = i
		default:
			return slowFloat(v)
		}
		if digits > 15 {
			return slowFloat(v)
		}
	}
	if digits == 0 {
		return 0, false
	}
	if point < 0 {
		return float64(n), true
	}
	return float64(n) / powers[len(v)-1-point], true // both are exact, so it is correctly rounded
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

func slowFloat(v []byte) (float64, bool) {
	switch c := v[0]; {
	case is(c, isDigit), c == '-', c == '+', c == '.', c == 'i', c == 'I', c == 'n', c == 'N':
		n, err := strconv.ParseFloat(string(v), 64)
		return n, err == nil
	}
	return 0, false
}
