package format

import (
	"bytes"

	"shipper/internal/record"
)

// rustLog parses the formats of the libraries for Rust's log crate that start
// with a time. What is behind it tells them apart:
//
//	time LEVEL [target] message                       simple_logger
//	time LEVEL target - message                       log4rs, its default pattern
//	time [LEVEL] (thread) target: [file:line] message simplelog, with most parts left out
//	time - LEVEL message                              stderrlog
//	time [LEVEL] - message                            stderrlog before 0.5, without brackets
func (p *Parser) rustLog() bool {
	s := p.src
	ns, n, source := p.clock.at(s)
	if n == 0 {
		sec, frac, m, ok := timeOfDay(s)
		if !ok || m != 8 || len(s) < 10 || s[m+1] != '[' {
			return false
		}
		ns, n, source = p.clock.dateless(sec, frac, p.near), m, record.TimeNoDate
	} else if s[4] != '-' {
		return false
	}
	i := n + 1
	if i >= len(s) || s[n] != ' ' {
		return false
	}
	ok := false
	switch s[i] {
	case '[':
		ok = p.simplelog(i + 1)
	case '-':
		ok = p.stderrlogLevel(i)
	default:
		ok = p.simpleLogger(i)
	}
	if ok {
		p.r.Time, p.r.TimeSource = ns, source
	}
	return ok
}

// simpleLogger parses what simple_logger and log4rs write behind the time.
// simple_logger aligns the level, but not where it has a colour (before 2.0).
func (p *Parser) simpleLogger(i int) bool {
	s := p.src
	n, number := upperLevelAt(s[i:])
	next := i + n + 1
	if n == 0 || next >= len(s) || s[next-1] != ' ' {
		return false
	}
	level := p.span(i, i+n)
	aligned := n == 5
	if n == 4 && s[next] == ' ' {
		next++
		aligned = true
	}
	if next < len(s) && s[next] == '[' && (aligned || p.hint == record.FormatSimpleLogger || coloured(p.raw)) {
		e := bytes.IndexByte(s[next:min(len(s), next+256)], ']')
		if e < 0 || next+e+1 < len(s) && s[next+e+1] != ' ' {
			return false
		}
		e += next
		if s[next+1]-'0' < 10 && e+3 < len(s) && s[e+2] == '[' { // shadowsocks has process and thread in front
			if j := bytes.IndexByte(s[e+2:min(len(s), e+256)], ']'); j > 0 {
				next, e = e+2, e+2+j
			}
		}
		if !p.log4rsPattern(next+1, e) {
			p.simpleTarget(next+1, e)
			p.r.Body = p.span(min(e+2, len(s)), len(s))
		}
	} else {
		next = i + n + 1
		e := bytes.Index(s[next:min(len(s), next+128)], []byte(" -"))
		if e <= 0 || s[next] == '-' || next+e+2 < len(s) && s[next+e+2] != ' ' || !rustTarget(s[next:next+e]) {
			return false
		}
		e += next
		p.r.Format = record.FormatLog4rs
		p.r.Logger = p.span(next, e)
		p.r.Body = p.span(min(e+3, len(s)), len(s))
	}
	p.r.Severity, p.r.SeverityText = number, level
	return true
}

// simpleTarget takes simple_logger's "target" or "target@thread", src[lo:hi], or
// what others have in its place: "file:line", "target file:line", "target:line".
func (p *Parser) simpleTarget(lo, hi int) {
	s := p.src
	p.r.Format = record.FormatSimpleLogger
	if j := bytes.LastIndexByte(s[lo:hi], '@'); j > 0 {
		p.addText(nameThread, p.span(lo+j+1, hi))
		hi = lo + j
	}
	if n, line := fileLine(s[lo:hi]); n > 0 && sourceFile(s[lo:lo+n]) {
		at := lo + bytes.LastIndexByte(s[lo:lo+n], ' ') + 1
		p.addPlace(p.span(at, lo+n), line)
		hi = trimBack(s, lo, at)
	} else if n > 0 && s[lo] > '9' && bytes.IndexByte(s[lo:lo+n], '.') < 0 { // LDK's
		p.b.AddField(record.IntField(nameLine, line))
		hi = lo + n
	}
	if hi > lo {
		p.r.Logger = p.span(lo, hi)
	}
}

// log4rsPattern parses what is behind the level of the pattern that log4rs'
// documentation suggests, "{d} {l} [{T}] {M}:{L} {t} - {m}{n}", with the thread
// src[lo:hi].
func (p *Parser) log4rsPattern(lo, hi int) bool {
	s := p.src
	module := min(hi+2, len(s))
	end := token(s, module)
	n, line := fileLine(s[module:end])
	target := end + 1
	if n == 0 || target >= len(s) || s[end] != ' ' {
		return false
	}
	e := bytes.Index(s[target:min(len(s), target+128)], []byte(" -"))
	if e <= 0 || target+e+2 < len(s) && s[target+e+2] != ' ' || !rustTarget(s[target:target+e]) {
		return false
	}
	e += target
	p.r.Format = record.FormatLog4rs
	p.addText(nameThread, p.span(lo, hi))
	p.b.AddField(record.IntField(nameLine, line))
	p.r.Logger = p.span(target, e)
	p.r.Body = p.span(min(e+3, len(s)), len(s))
	return true
}

// rustTarget reports whether text may be a target: a path, or words.
func rustTarget(text []byte) bool {
	return len(text) > 0 && text[0] != ' ' && bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, ']') < 0
}

// coloured reports whether text has terminal control sequences.
func coloured(text []byte) bool { return bytes.IndexByte(text, 0x1b) >= 0 }

// simplelog parses what simplelog writes behind the time and a bracket. Two
// blanks behind a level of four letters are hclog's, a date and a time without a
// fraction logrus-nested's.
func (p *Parser) simplelog(i int) bool {
	s := p.src
	n, number := upperLevelAt(s[i:])
	if n == 0 || i+n >= len(s) {
		return false
	}
	level := p.span(i, i+n)
	if n == 4 && s[i+n] == ' ' {
		n++ // as wide as others
	}
	if i+n >= len(s) || s[i+n] != ']' || i+n+1 < len(s) && s[i+n+1] != ' ' {
		return false
	}
	if i = min(i+n+2, len(s)); i < len(s) && s[i] == ' ' {
		return false
	}
	if known := s[2] == ':' || p.hint == record.FormatSimplelog || n == 4 && s[19] == '.'; !known && (i == len(s) || s[i] != '(') {
		return false
	}
	if i < len(s) && s[i] == '(' {
		e := bytes.IndexByte(s[i:min(len(s), i+64)], ')')
		if e < 0 || i+e+1 >= len(s) || s[i+e+1] != ' ' {
			return false
		}
		e += i
		if id, ok := decimal(s[i+1 : e]); ok && id < 1<<63 {
			p.b.AddField(record.IntField(nameThreadID, int64(id)))
		} else if !p.takeSource(i+1, e) { // fast_log's have a place
			p.addText(nameThread, p.span(i+1, e))
		}
		i = e + 2
		// The target is only where the thread is, by default.
		if e = bytes.Index(s[i:min(len(s), i+128)], []byte(":")); e > 0 {
			for i+e+1 < len(s) && s[i+e+1] == ':' {
				m := bytes.IndexByte(s[i+e+2:min(len(s), i+128)], ':')
				if m < 0 {
					break
				}
				e += 2 + m
			}
			if i+e+1 == len(s) || s[i+e+1] == ' ' {
				p.r.Logger = p.span(i, i+e)
				i = min(i+e+2, len(s))
			}
		}
	}
	if i < len(s) && s[i] == '[' {
		e := bytes.IndexByte(s[i:min(len(s), i+256)], ']')
		if e > 0 {
			if p.takeSource(i+1, i+e) {
				i = behindBracket(s, i+e)
			} else if p.r.Logger.Len == 0 && s[2] != ':' {
				return false // nested-logrus-formatter's pairs
			}
		}
	}
	p.r.Format = record.FormatSimplelog
	p.r.Severity, p.r.SeverityText = number, level
	if e := pathEnd(s, i); bytes.HasPrefix(s[e:], []byte(" - ")) && bytes.Contains(s[i:e], []byte("::")) {
		p.r.Format = record.FormatLog4rs
		p.r.Logger = p.span(i, e)
		i = e + len(" - ")
	}
	p.r.Body = p.span(i, len(s))
	return true
}

// stderrlog parses stderrlog's format with a target, or with neither target nor
// time:
//
//	target: time - LEVEL - message
//	LEVEL - message
func (p *Parser) stderrlog() bool {
	s := p.src
	if n, _ := upperLevelAt(s); n > 0 {
		return bytes.HasPrefix(s[n:], []byte(" -")) && p.stderrlogLevel(-2)
	}
	n := bytes.Index(s[:min(len(s), 128)], []byte(": "))
	if n <= 0 || n+30 > len(s) || s[n+2]-'0' > 9 || s[n+6] != '-' || s[n+12] != 'T' {
		return false
	}
	ns, m, source := p.clock.at(s[n+2:])
	i := n + 2 + m
	if m == 0 || i+1 >= len(s) || s[i] != ' ' || !rustTarget(s[:n]) || !p.stderrlogLevel(i+1) {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Logger = p.span(0, n)
	return true
}

// stderrlogLevel parses "- LEVEL message" at i, or "- LEVEL - message", as it
// was before 0.6.
func (p *Parser) stderrlogLevel(i int) bool {
	s := p.src
	if i >= 0 && !bytes.HasPrefix(s[i:], []byte("- ")) {
		return false
	}
	i += 2
	n, number := upperLevelAt(s[i:])
	e := i + n
	if n == 0 || e < len(s) && s[e] != ' ' {
		return false
	}
	p.r.Format = record.FormatStderrlog
	p.r.Severity, p.r.SeverityText = number, p.span(i, e)
	if e = min(e+1, len(s)); bytes.HasPrefix(s[e:], []byte("-")) && (e+1 == len(s) || s[e+1] == ' ') {
		e = min(e+2, len(s))
	}
	if j := pathEnd(s, e); bytes.HasPrefix(s[j:], []byte(" - ")) && bytes.Contains(s[e:j], []byte("::")) { // others have the target there
		p.r.Logger = p.span(e, j)
		e = j + len(" - ")
	}
	p.r.Body = p.span(e, len(s))
	return true
}
