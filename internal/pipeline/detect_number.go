package pipeline

// number looks for secrets made of digits, of which v[i] is one. It goes on
// behind the digits.
func (s *scanner) number(v []byte, i, floor int) (m match, next int) {
	end := run(v, i, isDigit)
	if s.on[IBAN] && i-floor >= 2 && is(v[i-1], isUpper) && is(v[i-2], isUpper) && end-i >= 2 {
		return iban(v, i-2), end
	}
	if i > floor && is(v[i-1], isAlnum) {
		return m, end
	}
	n := end - i
	fraction := i-floor >= 2 && v[i-1] == '.' && is(v[i-2], isDigit)
	switch {
	case n > 19 || fraction:
	case n >= 13:
		if s.on[Card] && isCard(v[i:end]) && bounded(v, end, isAlnum) && !(end+1 < len(v) && v[end] == '.' && is(v[end+1], isDigit)) {
			m = match{from: i, to: end, detector: Card}
		}
	case n == 4 && end < len(v) && (v[end] == ' ' || v[end] == '-'):
		if s.on[Card] {
			m = groupedCard(v, i)
		}
	case n == 3 && end < len(v) && v[end] == '-':
		if s.on[SSN] {
			m = ssn(v, i, floor)
		}
	case n <= 3 && end < len(v) && v[end] == '.':
		if s.on[IPv4] {
			if to := dotted(v, i); to > 0 && bounded(v, to, isAlnum) && !(to+1 < len(v) && v[to] == '.' && is(v[to+1], isDigit)) {
				m = match{from: i, to: to, detector: IPv4}
			}
		}
	}
	return m, end
}

// isCard reports whether digits are a card number that some network gives out.
func isCard(digits []byte) bool {
	n := len(digits)
	first := int(digits[0]-'0')*1000 + int(digits[1]-'0')*100 + int(digits[2]-'0')*10 + int(digits[3]-'0')
	ok := false
	switch {
	case digits[0] == '4': // Visa
		ok = n == 13 || n == 16 || n == 19
	case first >= 5100 && first <= 5599, first >= 2221 && first <= 2720: // Mastercard
		ok = n == 16
	case first/100 == 34, first/100 == 37: // American Express
		ok = n == 15
	case first/10 >= 300 && first/10 <= 305, first/100 == 36, first/100 == 38, first/100 == 39: // Diners Club
		ok = n == 14 || n == 16
	case first >= 3528 && first <= 3589, first >= 2200 && first <= 2204, digits[0] == '6': // JCB, Mir, Discover, UnionPay, Maestro
		ok = n >= 16 && n <= 19
	}
	return ok && luhn(digits)
}

func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// groupedCard looks for a card number in groups with a blank or hyphen between
// them: 4-4-4-4, 4-4-4-4-3, 4-6-5 or 4-6-4 digits.
func groupedCard(v []byte, from int) match {
	var digits [19]byte
	var ends [6]int
	n, groups, at := 0, 0, from
	sep := v[from+4]
	shape := 0 // the lengths of the groups as a decimal number
	for groups < 5 {
		end := run(v, at, isDigit)
		if end-at > 6 || end == at || n+end-at > len(digits) {
			break
		}
		n += copy(digits[n:], v[at:end])
		shape = shape*10 + end - at
		ends[groups] = end
		groups++
		if shape == 4444 && bounded(v, end, isAlnum) && isCard(digits[:16]) {
			return match{from: from, to: end, detector: Card}
		}
		if end >= len(v) || v[end] != sep {
			break
		}
		at = end + 1
	}
	if groups == 0 || (shape != 44443 && shape != 465 && shape != 464) {
		return match{}
	}
	if to := ends[groups-1]; bounded(v, to, isAlnum) && isCard(digits[:n]) {
		return match{from: from, to: to, detector: Card}
	}
	return match{}
}

// ssn looks for 123-45-6789. Some numbers are never given out.
func ssn(v []byte, i, floor int) match {
	if i+11 > len(v) || v[i+6] != '-' || run(v, i+4, isDigit) != i+6 || run(v, i+7, isDigit) != i+11 ||
		i > floor && v[i-1] == '-' || !bounded(v, i+11, isAlnum) || i+11 < len(v) && v[i+11] == '-' {
		return match{}
	}
	area := string(v[i : i+3])
	if area == "000" || area == "666" || area[0] == '9' || string(v[i+4:i+6]) == "00" || string(v[i+7:i+11]) == "0000" {
		return match{}
	}
	return match{from: i, to: i + 11, detector: SSN}
}

// dotted returns the end of four numbers up to 255 with dots between them, or 0.
func dotted(v []byte, i int) int {
	for part := range 4 {
		end := run(v[:min(len(v), i+4)], i, isDigit)
		if end == i || end-i > 3 || end-i == 3 && string(v[i:end]) > "255" {
			return 0
		}
		if part == 3 {
			return end
		}
		if end >= len(v) || v[end] != '.' {
			return 0
		}
		i = end + 1
	}
	return 0
}

// ibanLengths are country codes and the lengths of their IBANs (ISO 13616 registry).
const ibanLengths = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22" +
	"GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18" +
	"NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30"

// iban looks for an IBAN from i on: in one piece, or in groups of four.
func iban(v []byte, i int) match {
	if !bounded(v, i-1, isAlnum) {
		return match{}
	}
	length := 0
	for k := 0; k < len(ibanLengths); k += 4 {
		if ibanLengths[k] == v[i] && ibanLengths[k+1] == v[i+1] {
			length = int(ibanLengths[k+2]-'0')*10 + int(ibanLengths[k+3]-'0')
		}
	}
	var text [34]byte
	n, at := 0, i
	for ; n < length && at < len(v); at++ {
		if v[at] == ' ' && n%4 == 0 && n > 0 && v[at-1] != ' ' {
			continue
		}
		if !is(v[at], isDigit|isUpper) {
			return match{}
		}
		text[n] = v[at]
		n++
	}
	if length == 0 || n < length || !bounded(v, at, isAlnum) || !mod97(text[:n]) {
		return match{}
	}
	return match{from: i, to: at, detector: IBAN}
}

func mod97(text []byte) bool {
	sum := 0
	for k := range text {
		c := text[(k+4)%len(text)]
		if is(c, isDigit) {
			sum = (sum*10 + int(c-'0')) % 97
		} else {
			sum = (sum*100 + int(c-'A') + 10) % 97
		}
	}
	return sum == 1
}
