package format

import (
	"encoding/binary"
	"strings"
	"time"

	"shipper/internal/record"
)

// clock reads times. It remembers the offset of its zone.
type clock struct {
	zone              *time.Location
	year              int64  // of times without one, 0 if it is to be found
	head, tail        uint64 // what the last time started with, up to the minute
	wall              int64  // seconds since the Unix epoch at that minute
	nearDay, nearYear int64  // a day since the Unix epoch, and its year
	slot              int64  // the quarter of an hour, of local time, that offset holds in
	offset            int64  // seconds
}

// at parses the day and time that s starts with and returns its length, 0 if
// there is none: 2026-11-23T06:25:41.5629Z, with a blank for the T, slashes,
// a comma, any digits up to nine, an offset of any form, or without a zone.
func (c *clock) at(s []byte) (ns int64, n int, source record.TimeSource) {
	if len(s) < 19 || s[16] != ':' {
		return 0, 0, 0
	}
	wall, ok := c.minute(s)
	if !ok {
		return 0, 0, 0
	}
	sec, ok := two(s[17:])
	if !ok || sec > 60 {
		return 0, 0, 0
	}
	wall += sec
	frac, n := fractionOf(s, 19)
	if n < len(s) && (s[n]|0x20 == 'z') {
		return wall*1e9 + frac, n + 1, record.TimeLine
	}
	// A blank may stand before an offset, but a blank and a minus may be text.
	z := n
	if z+1 < len(s) && s[z] == ' ' && (s[z+1] == '+' || s[z+1] == '-') {
		z++
	}
	if off, m := zoneOffset(s[z:]); m > 0 && (z == n || m >= 5) {
		if m += z; z > n { // as time.Time prints itself
			m += zonePrinted(s[m:])
		}
		return (wall-off)*1e9 + frac, m, record.TimeLine
	}
	if n+4 <= len(s) && string(s[n:n+4]) == " UTC" {
		return wall*1e9 + frac, n + 4, record.TimeLine
	}
	if n+4 < len(s) && s[n] == ' ' && (s[n+3] == 'T' || s[n+3] == 'K' || s[n+4] == 'T') { // as all names of zones end
		if m, off, known := zoneBehind(s[n:]); known {
			return (wall-off)*1e9 + frac, n + m, record.TimeLine
		} else if m > 0 {
			n += m
			return c.utc(wall)*1e9 + frac, n, record.TimeNoZone
		}
	}
	if n+2 == len(s) && string(s[n:]) == " Z" { // Mattermost's JSON
		return wall*1e9 + frac, n + 2, record.TimeLine
	}
	return c.utc(wall)*1e9 + frac, n, record.TimeNoZone
}

// zoneBehind returns the length of the " CEST" behind a time, the name of a zone,
// and its offset in seconds, unless several zones have the name.
func zoneBehind(s []byte) (n int, off int64, known bool) {
	e := 1
	for e < len(s) && e < 6 && s[e]-'A' < 26 {
		e++
	}
	if e < 4 || s[0] != ' ' {
		return 0, 0, false
	}
	switch string(s[1:e]) {
	case "UTC", "GMT", "WET":
	case "CET", "WEST":
		off = 1
	case "CEST", "EET":
		off = 2
	case "EEST", "MSK":
		off = 3
	case "EDT":
		off = -4
	case "EST":
		off = -5
	case "MDT":
		off = -6
	case "MST", "PDT":
		off = -7
	case "PST":
		off = -8
	case "HKT":
		off = 8
	case "JST", "KST":
		off = 9
	case "AEST":
		off = 10
	case "AEDT":
		off = 11
	case "BST", "CST", "CDT", "IST":
		return e, 0, false
	default:
		return 0, 0, false
	}
	return e, off * 3600, true
}

// zonePrinted returns the length of the " CEST m=+0.012" behind an offset, the
// name of a zone and what a monotonic clock showed.
func zonePrinted(s []byte) (n int) {
	if n, _, _ = zoneBehind(s); n == 0 {
		return 0
	}
	if n+4 < len(s) && string(s[n:n+3]) == " m=" && (s[n+3] == '+' || s[n+3] == '-') {
		for n += 4; n < len(s) && (s[n]-'0' < 10 || s[n] == '.'); n++ {
		}
	}
	return n
}

// weekday parses a time with the name of the day in front, as time.RFC1123,
// time.RFC1123Z, time.UnixDate and time.ANSIC write it, and returns its length, 0
// if there is none:
//
//	Mon, 23 Nov 2026 06:25:41 GMT
//	Mon Nov 23 06:25:41 UTC 2026
func (c *clock) weekday(s []byte) (ns int64, n int, source record.TimeSource) {
	if len(s) < 24 || s[3] != ',' && s[3] != ' ' || strings.Index("MonTueWedThuFriSatSun", string(s[:3]))%3 != 0 {
		return 0, 0, 0
	}
	at, month, year := 0, int64(0), 0 // of the day, and of the year
	if s[3] == ',' {
		at, month, year, n = 5, monthNumber(s[8:]), 12, 17
	} else {
		at, month, n = 8, monthNumber(s[4:]), 11
	}
	day, ok := two(s[at:])
	if s[at] == ' ' {
		day, ok = int64(s[at+1]-'0'), s[at+1]-'0' < 10
	}
	sec, _, m, timed := timeOfDay(s[n:])
	if !ok || !timed || month == 0 || day < 1 || day > 31 || m != 8 {
		return 0, 0, 0
	}
	n += m
	off := int64(0)
	source = record.TimeNoZone
	if m, o, known := zoneBehind(s[n:]); known {
		off, n, source = o, n+m, record.TimeLine
	} else if m > 0 {
		n += m
	} else if s[3] == ',' && n < len(s) && s[n] == ' ' {
		if o, m := zoneOffset(s[n+1:]); m == 5 {
			off, n, source = o, n+6, record.TimeLine
		}
	}
	if year == 0 {
		year, n = n+1, n+5
	}
	if n > len(s) || s[year-1] != ' ' {
		return 0, 0, 0
	}
	century, ok1 := two(s[year:])
	y, ok2 := two(s[year+2:])
	if !ok1 || !ok2 {
		return 0, 0, 0
	}
	wall := days(century*100+y, month, day)*86400 + sec
	if source == record.TimeNoZone {
		wall = c.utc(wall)
	}
	return (wall - off) * 1e9, n, source
}

// minute parses the day, the hour and the minute that s starts with, and returns
// seconds since the Unix epoch. Mostly they are those of the time before.
func (c *clock) minute(s []byte) (wall int64, ok bool) {
	head, tail := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])
	if head == c.head && tail == c.tail && head != 0 {
		return c.wall, true
	}
	if s[4] != s[7] || s[4] != '-' && s[4] != '/' || s[10] != 'T' && s[10] != ' ' && s[10] != 't' || s[13] != ':' {
		return 0, false
	}
	day, ok := date(s)
	h, ok1 := two(s[11:])
	m, ok2 := two(s[14:])
	if !ok || !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	c.head, c.tail, c.wall = head, tail, day*86400+h*3600+m*60
	return c.wall, true
}

// klog parses the mmdd hh:mm:ss.uuuuuu that s starts with. The year is the
// clock's, or the last that brings the time to near, in nanoseconds, or before.
func (c *clock) klog(s []byte, near int64) (ns int64, n int, ok bool) {
	if len(s) < 14 || s[4] != ' ' {
		return 0, 0, false
	}
	month, ok1 := two(s)
	day, ok2 := two(s[2:])
	sec, frac, n, ok3 := timeOfDay(s[5:])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, 0, false
	}
	wall := c.yearless(month, day, sec, near)
	return c.utc(wall)*1e9 + frac, n + 5, true
}

// monthDay parses the "Nov 23 06:33:43.970" that s starts with, and returns its
// length, 0 if there is none. The year is as in klog.
func (c *clock) monthDay(s []byte, near int64) (ns int64, n int) {
	if len(s) < 15 || s[3] != ' ' || s[6] != ' ' {
		return 0, 0
	}
	month := monthNumber(s)
	day, ok := two(s[4:])
	if s[4] == ' ' {
		day, ok = int64(s[5]-'0'), s[5]-'0' < 10
	}
	sec, frac, n, timed := timeOfDay(s[7:])
	if month == 0 || !ok || day < 1 || day > 31 || !timed {
		return 0, 0
	}
	return c.utc(c.yearless(month, day, sec, near))*1e9 + frac, n + 7
}

// Yearless implements frame.Years, in the Parser's zone.
func (p *Parser) Yearless(text []byte) (ns int64, ok bool) {
	ns, n := p.clock.monthDay(text, p.near)
	return ns, n > 0
}

// monthNumber returns the number of the month whose English name s starts with.
func monthNumber(s []byte) int64 {
	i := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", string(s[:3]))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return int64(i/3) + 1
}

// yearlessAhead is how far from near, in seconds, a time without a year may be in
// its future: clocks and zones differ.
const yearlessAhead = 2 * 86400

// yearless returns the local seconds of a time without a year: in the clock's
// year, or in the last one that brings it to near or before.
func (c *clock) yearless(month, day, sec, near int64) int64 {
	if c.year != 0 {
		return days(c.year, month, day)*86400 + sec
	}
	if day := near / 86400e9; day != c.nearDay || c.nearYear == 0 {
		c.nearDay, c.nearYear = day, int64(time.Unix(0, near).UTC().Year())
	}
	limit := near/1e9 + yearlessAhead
	for year := c.nearYear + 1; ; year-- {
		if month == 2 && day == 29 && !leap(year) {
			continue
		}
		if wall := days(year, month, day)*86400 + sec; wall <= limit {
			return wall
		}
	}
}

func leap(y int64) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

// dateless returns the time of day sec of the day that brings it closest to near.
func (c *clock) dateless(sec, frac, near int64) int64 {
	wall := near/1e9 + c.offsetAt(near/1e9)
	t := wall - mod(wall, 86400) + sec
	switch d := t - wall; {
	case d > 43200:
		t -= 86400
	case d < -43200:
		t += 86400
	}
	return c.utc(t)*1e9 + frac
}

func mod(a, b int64) int64 { return (a%b + b) % b }

func (c *clock) offsetAt(sec int64) int64 {
	_, off := time.Unix(sec, 0).In(c.zone).Zone()
	return int64(off)
}

// utc returns the Unix time of local seconds.
func (c *clock) utc(wall int64) int64 {
	if c.zone == time.UTC {
		return wall
	}
	slot := wall/900 + 1 // never 0
	if slot != c.slot {
		t := time.Unix(wall, 0).UTC()
		local := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, c.zone)
		c.slot, c.offset = slot, wall-local.Unix()
	}
	return wall - c.offset
}

// date parses yyyy?mm?dd and returns the days since the Unix epoch.
func date(s []byte) (day int64, ok bool) {
	century, ok1 := two(s)
	year, ok2 := two(s[2:])
	month, ok3 := two(s[5:])
	d, ok4 := two(s[8:])
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || d < 1 || d > 31 {
		return 0, false
	}
	return days(century*100+year, month, d), true
}

// days returns the days since the Unix epoch of a day of the Gregorian calendar.
func days(y, m, d int64) int64 {
	// The year starts in March, so that the leap day is its last.
	if m <= 2 {
		y--
		m += 12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468
}

// timeOfDay parses hh:mm:ss and a fraction of up to nine digits, more being
// skipped, and returns seconds, nanoseconds and the length.
func timeOfDay(s []byte) (sec, frac int64, n int, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, 0, 0, false
	}
	h, ok1 := two(s)
	m, ok2 := two(s[3:])
	sec, ok3 := two(s[6:])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || sec > 60 {
		return 0, 0, 0, false
	}
	frac, n = fractionOf(s, 8)
	return h*3600 + m*60 + sec, frac, n, true
}

// fractionOf parses the fraction of a second that may be at n, up to nine digits
// of it, and returns nanoseconds and the index behind all digits.
func fractionOf(s []byte, n int) (frac int64, next int) {
	if len(s) < n+2 || s[n] != '.' && s[n] != ',' || s[n+1]-'0' > 9 {
		return 0, n
	}
	first := n + 1
	for n = first; n < len(s) && n < first+9 && s[n]-'0' < 10; n++ {
		frac = frac*10 + int64(s[n]-'0')
	}
	frac *= nanoseconds[n-first]
	for n < len(s) && s[n]-'0' < 10 {
		n++
	}
	return frac, n
}

// nanoseconds are the units of a fraction by the number of its digits.
var nanoseconds = [10]int64{1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1}

// zoneOffset parses +hh:mm, +hhmm or +hh, or with a minus, and returns seconds
// east and the length, 0 if there is none.
func zoneOffset(s []byte) (off int64, n int) {
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return 0, 0
	}
	h, ok := two(s[1:])
	if !ok || h > 15 {
		return 0, 0
	}
	off, n = h*3600, 3
	rest := s[3:]
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
	}
	if m, ok := two(rest); ok && m < 60 {
		off += m * 60
		n = len(s) - len(rest) + 2
	}
	if s[0] == '-' {
		off = -off
	}
	return off, n
}

// two parses two decimal digits.
func two(s []byte) (int64, bool) {
	if len(s) < 2 {
		return 0, false
	}
	a, b := s[0]-'0', s[1]-'0'
	return int64(a)*10 + int64(b), a < 10 && b < 10
}

// epoch returns the nanoseconds of a number of seconds, milliseconds,
// microseconds or nanoseconds since the Unix epoch, by its size. What is before
// 1973 is no time.
func epoch(n int64) (ns int64, ok bool) {
	switch {
	case n < 1e8:
		return 0, false
	case n < 1e11:
		if n > (1<<63-1)/1_000_000_000 {
			return 0, false
		}
		return n * 1e9, true
	case n < 1e14:
		return n * 1e6, true
	case n < 1e17:
		return n * 1e3, true
	}
	return n, true
}

// epochText is epoch for a decimal number as it is written, exactly: zap's
// 1795415142.16387 and 1.79541514216387e+09.
func epochText(s []byte) (ns int64, ok bool) {
	var u uint64
	count, point := 0, -1
	i := 0
	for ; i < len(s); i++ {
		if c := s[i]; c == '.' && point < 0 {
			point = count
		} else if c-'0' > 9 {
			break
		} else {
			if count < 19 {
				u = u*10 + uint64(c-'0')
			}
			count++
		}
	}
	if count == 0 || s[0] == '0' {
		return 0, false
	}
	if point < 0 {
		point = count
	}
	if i < len(s) {
		e, ok := exponent(s[i:])
		if !ok {
			return 0, false
		}
		point += e
	}
	var scale int // of the unit
	switch {
	case point < 9 || point > 19:
		return 0, false
	case point <= 11:
		scale = 9
	case point <= 14:
		scale = 6
	case point <= 17:
		scale = 3
	}
	for shift := scale + point - min(count, 19); shift != 0; {
		if shift > 0 {
			if u > (1<<63-1)/10 {
				return 0, false
			}
			u *= 10
			shift--
		} else {
			u /= 10
			shift++
		}
	}
	return int64(u), u <= 1<<63-1
}

// exponent parses e+09 and its like.
func exponent(s []byte) (e int, ok bool) {
	if len(s) < 2 || s[0]|0x20 != 'e' {
		return 0, false
	}
	s = s[1:]
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 3 {
		return 0, false
	}
	for _, c := range s {
		if c-'0' > 9 {
			return 0, false
		}
		e = e*10 + int(c-'0')
	}
	if negative {
		e = -e
	}
	return e, true
}

// dayFirst parses CrowdSec's 23-11-2026 06:25:41 and returns local seconds.
func dayFirst(s []byte) (wall int64, ok bool) {
	if len(s) != 19 || s[2] != '-' || s[5] != '-' || s[10] != ' ' {
		return 0, false
	}
	day, ok1 := two(s)
	month, ok2 := two(s[3:])
	century, ok3 := two(s[6:])
	year, ok4 := two(s[8:])
	sec, _, _, ok5 := timeOfDay(s[11:])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || day < 1 || day > 31 || month < 1 || month > 12 {
		return 0, false
	}
	return days(century*100+year, month, day)*86400 + sec, true
}

// setTime sets the record's time from a text that is a time as a whole.
func (p *Parser) setTime(s []byte) bool {
	if len(s) > 0 && s[0]-'0' < 10 {
		if ns, n, source := p.clock.at(s); n > 0 && n == len(s) {
			p.r.Time, p.r.TimeSource = ns, source
			return true
		}
		if ns, ok := epochText(s); ok {
			p.r.Time, p.r.TimeSource = ns, record.TimeLine
			return true
		}
		if wall, ok := dayFirst(s); ok {
			p.r.Time, p.r.TimeSource = p.clock.utc(wall)*1e9, record.TimeNoZone
			return true
		}
	} else if ns, n := p.clock.monthDay(s, p.near); n > 0 && n == len(s) { // tracing's before 0.2
		p.r.Time, p.r.TimeSource = ns, record.TimeNoYear
		return true
	}
	return false
}
