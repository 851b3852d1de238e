package segment

import "strconv"

// A decimal column holds JSON numbers with a fraction as integers of one
// scale. It is used only if every text can be made again from its integer.

// maxScale and maxMantissa let the quotient be the float64 nearest to the text.
const (
	maxScale    = 15
	maxMantissa = 1<<53 - 1
)

var powers = [maxScale + 1]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// parseDecimal reads -?(0|[1-9][0-9]*)(\.[0-9]+)? and returns the digits as an
// integer and the number of those behind the point.
func parseDecimal(p []byte) (n int64, scale int, ok bool) {
	i, negative := 0, len(p) > 0 && p[0] == '-'
	if negative {
		i = 1
	}
	start, point := i, -1
	for ; i < len(p); i++ {
		c := p[i]
		if c == '.' && point < 0 && i > start {
			point = i
			continue
		}
		if c < '0' || c > '9' || n > maxMantissa/10 {
			return 0, 0, false
		}
		n = n*10 + int64(c-'0')
	}
	whole := len(p) - start
	if point >= 0 {
		whole = point - start
		scale = len(p) - 1 - point
		if scale == 0 || scale > maxScale {
			return 0, 0, false
		}
	}
	if whole == 0 || whole > 1 && p[start] == '0' || negative && n == 0 || n > maxMantissa {
		return 0, 0, false
	}
	if negative {
		n = -n
	}
	return n, scale, true
}

// rescale returns n with another number of digits behind the point.
func rescale(n int64, from, to int) (int64, bool) {
	f := powers[to-from]
	if n > maxMantissa/f || n < -maxMantissa/f {
		return 0, false
	}
	return n * f, true
}

// decimalForm is how the texts of a column are written.
type decimalForm struct {
	scale int
	short bool // without zeros at the end of the fraction, and without an empty one
}

func (f decimalForm) append(dst []byte, n int64) []byte {
	if n < 0 {
		dst = append(dst, '-')
		n = -n
	}
	scale := f.scale
	if f.short {
		for scale > 0 && n%10 == 0 {
			n /= 10
			scale--
		}
	}
	dst = strconv.AppendInt(dst, n/powers[scale], 10)
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	frac := n % powers[scale]
	for scale--; scale > 0 && frac < powers[scale]; scale-- {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, frac, 10)
}

func (f decimalForm) float(n int64) float64 { return float64(n) / float64(powers[f.scale]) }

// parse returns the integer of a text that the form makes.
func (f decimalForm) parse(p []byte) (int64, bool) {
	n, scale, ok := parseDecimal(p)
	if !ok || scale > f.scale || !f.short && scale != f.scale || f.short && scale > 0 && p[len(p)-1] == '0' {
		return 0, false
	}
	return rescale(n, scale, f.scale)
}
