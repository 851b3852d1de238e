package format

import (
	"bytes"

	"shipper/internal/record"
)

// goZero parses go-zero's logx with the encoding "plain": time, level, message
// and pairs without quotes, a tab between them. The level has blanks around it.
func (p *Parser) goZero() bool {
	s := p.src
	ns, i, source := p.clock.at(s)
	if i == 0 || i+2 >= len(s) || s[i] != '\t' || s[i+1] != ' ' {
		return false
	}
	level := i + 2
	e := level
	for e < len(s) && e < level+8 && s[e]-'a' < 26 {
		e++
	}
	number := goZeroLevel(s[level:e])
	if number == 0 || e+1 < len(s) && (s[e] != ' ' || s[e+1] != '\t') {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = number, p.span(level, e)
	i = min(e+2, len(s))
	hi := len(s)
	if j := bytes.Index(s[i:], []byte("\ngoroutine ")); j >= 0 {
		hi = i + j
		p.addText(nameStack, p.span(hi+1, len(s)))
	}
	end := hi
	for {
		// The last part is a pair, or the message ends with it.
		j := bytes.LastIndexByte(s[i:end], '\t')
		if j < 0 {
			break
		}
		key := identEnd(s[:end], i+j+1)
		if key == i+j+1 || key == end || s[key] != '=' {
			break
		}
		end = i + j
	}
	p.r.Body = p.span(i, end)
	for end < hi {
		next := end + 1
		if end = bytes.IndexByte(s[next:hi], '\t'); end < 0 {
			end = hi
		} else {
			end += next
		}
		key, k, hash := p.identKey(next, hi)
		f := p.typed(record.Field{Key: p.span(next, key)}, key+1, end)
		if k == 0 || keys[k].role == roleLevel || keys[k].role == roleTime || keys[k].role == roleMessage {
			p.addHashed(f, hash)
		} else {
			p.promote(k, f)
		}
	}
	p.settle(record.FormatGoZero)
	return true
}

// goZeroLevel returns the severity number of a level of go-zero's, 0 if it is none.
func goZeroLevel(level []byte) uint8 {
	switch string(level) {
	case "info", "stat":
		return 9
	case "debug":
		return 5
	case "slow":
		return 13
	case "error":
		return 17
	case "alert", "severe", "fatal":
		return 21
	}
	return 0
}
