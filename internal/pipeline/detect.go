package pipeline

import "slices"

// Detector finds one kind of secret in text.
type Detector uint8

// The detectors. Custom and Named stand for the regular expressions and the
// attribute names of a Redaction.
const (
	Card        Detector = iota // payment card numbers: issuer's prefix, length, Luhn (ISO/IEC 7812-1)
	IBAN                        // ISO 13616: length by country, mod 97
	SSN                         // US social security numbers, with hyphens
	Email                       // addresses with a domain of two labels or more
	IPv4                        // four numbers with dots
	IPv6                        // the text of RFC 4291, with a digit in it
	JWT                         // RFC 7519, compact
	Bearer                      // RFC 6750: what follows "Bearer"
	URLPassword                 // scheme://user:password@host
	Password                    // values of names such as password or api_key: attributes, key=value, key: value, JSON
	AWSKey                      // access key IDs; the secret ones are found by their names: see Password
	GCPKey                      // API keys and access tokens
	GitHubKey
	SlackKey
	PEM    // RFC 7468 blocks
	Custom // regular expressions
	Named  // attributes by name
	detectors
)

func (d Detector) String() string {
	return [...]string{"card", "iban", "ssn", "email", "ipv4", "ipv6", "jwt", "bearer", "url_password", "password",
		"aws_key", "gcp_key", "github_key", "slack_key", "pem", "regexp", "attribute"}[d]
}

// DetectorNames are the names that Redaction.Detect knows beside All.
func DetectorNames() []string {
	var names []string
	for d := range Custom {
		names = append(names, d.String())
	}
	return names
}

// match is a secret in a text.
type match struct {
	from, to int
	detector Detector
	action   uint8
}

// anchor is a byte that is in, or next to, every secret of some detectors, and
// rare elsewhere: looking at the others takes a table and a comparison.
type anchor uint8

const (
	noAnchor     anchor = iota
	digitAnchor         // Card, IBAN, SSN, IPv4
	atAnchor            // @: Email
	colonAnchor         // Password, URLPassword, IPv6, SlackKey
	equalsAnchor        // Password
	dashAnchor          // SlackKey, PEM
	lineAnchor          // _: GitHubKey
	upperJAnchor        // eyJ: JWT
	bAnchor             // Bearer
	upperIAnchor        // AKIA, AIza: AWSKey, GCPKey
	yAnchor             // ya29: GCPKey
)

// scanner finds the secrets of the detectors that are on.
type scanner struct {
	on      [detectors]bool
	anchors [256]anchor
}

// enable turns a detector on.
func (s *scanner) enable(d Detector) {
	s.on[d] = true
	set := func(a anchor, chars string) {
		for i := range len(chars) {
			s.anchors[chars[i]] = a
		}
	}
	switch d {
	case Card, IBAN, SSN, IPv4:
		set(digitAnchor, "0123456789")
	case Email:
		set(atAnchor, "@")
	case IPv6, URLPassword:
		set(colonAnchor, ":")
	case Password:
		set(colonAnchor, ":")
		set(equalsAnchor, "=")
	case SlackKey:
		set(dashAnchor, "-")
		set(colonAnchor, ":")
	case PEM:
		set(dashAnchor, "-")
	case GitHubKey:
		set(lineAnchor, "_")
	case JWT:
		set(upperJAnchor, "J")
	case Bearer:
		set(bAnchor, "bB")
	case AWSKey:
		set(upperIAnchor, "I")
	case GCPKey:
		set(upperIAnchor, "I")
		set(yAnchor, "y")
	}
}

// scan appends the secrets in v to dst, in order; they do not overlap. It takes
// time in proportion to v, whatever is in it.
func (s *scanner) scan(dst []match, v []byte) []match {
	floor := 0 // end of the last match
	anchors := &s.anchors
	for i := 0; i < len(v); {
		a := anchors[v[i]]
		if a == noAnchor {
			i++
			continue
		}
		m, next := s.look(a, v, i, floor)
		if m.to > m.from {
			dst = append(dst, m)
			floor, next = m.to, max(m.to, i+1)
		}
		i = next
	}
	return dst
}

// look looks for a secret at the anchor v[i], which begins at floor or later.
// Without one m is empty, and next is where to go on.
func (s *scanner) look(a anchor, v []byte, i, floor int) (m match, next int) {
	switch a {
	case digitAnchor:
		return s.number(v, i, floor)
	case atAnchor:
		m = email(v, i, floor)
	case colonAnchor:
		return s.colon(v, i, floor), i + 1
	case equalsAnchor:
		m = pair(v, i, floor)
	case dashAnchor:
		if s.on[PEM] {
			m = pem(v, i)
		}
		if m.to == 0 && s.on[SlackKey] {
			m = slackKey(v, i, floor)
		}
	case lineAnchor:
		m = githubKey(v, i, floor)
	case upperJAnchor:
		m = jwt(v, i, floor)
	case bAnchor:
		m = bearer(v, i)
	case upperIAnchor:
		if s.on[AWSKey] {
			m = awsKey(v, i, floor)
		}
		if m.to == 0 && s.on[GCPKey] {
			m = gcpKey(v, i, floor)
		}
	case yAnchor:
		m = gcpToken(v, i)
	}
	return m, i + 1
}

func (s *scanner) colon(v []byte, i, floor int) (m match) {
	if s.on[URLPassword] {
		m = urlPassword(v, i)
	}
	if m.to == 0 && s.on[SlackKey] {
		m = slackHook(v, i)
	}
	if m.to == 0 && s.on[Password] {
		m = pair(v, i, floor)
	}
	if m.to == 0 && s.on[IPv6] {
		m = ipv6(v, i, floor)
	}
	return m
}

// sorted puts matches of several searches in order and joins those that overlap.
func sorted(ms []match) []match {
	slices.SortStableFunc(ms, func(a, b match) int { return a.from - b.from })
	n := 0
	for _, m := range ms {
		if n > 0 && m.from < ms[n-1].to {
			ms[n-1].to = max(ms[n-1].to, m.to)
			continue
		}
		ms[n] = m
		n++
	}
	return ms[:n]
}

// Classes of bytes, as bits of classes.
const (
	isDigit = 1 << iota
	isUpper
	isLower
	isHex
	isWord // letters, digits, _ and -: base64url
	isSpace
	isEmail // of a local part, beside letters and digits
	isBase64
)

var classes = func() (t [256]uint8) {
	set := func(bit uint8, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= bit
		}
	}
	const digits, upper, lower = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
	set(isDigit, digits)
	set(isUpper, upper)
	set(isLower, lower)
	set(isHex, digits+"abcdefABCDEF")
	set(isWord, digits+upper+lower+"_-")
	set(isSpace, " \t\r\n\v\f")
	set(isEmail, digits+upper+lower+".!#$%&'*+-/=?^_`{|}~")
	set(isBase64, digits+upper+lower+"+/=")
	for c := 0x80; c < 0x100; c++ {
		t[c] |= isEmail
	}
	return t
}()

const isAlnum = isDigit | isUpper | isLower

func is(c, class byte) bool { return classes[c]&class != 0 }

// bounded reports whether v[i] is not there or not of a class.
func bounded(v []byte, i int, class byte) bool {
	return i < 0 || i >= len(v) || classes[v[i]]&class == 0
}

// run returns the end of the bytes of a class from i on.
func run(v []byte, i int, class byte) int {
	for i < len(v) && classes[v[i]]&class != 0 {
		i++
	}
	return i
}
