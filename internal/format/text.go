package format

import (
	"bytes"

	"shipper/internal/record"
)

// text takes what is in no format that is known. All of it is the body, unless
// something is known of its start, by the first of these:
//
//	<3>message                             what a single tool starts its text with
//	2026-11-23 06:25:41 [I] message        a time, and perhaps a level: timeFirst
//	[INFO] 2026-11-23 06:25:41 message     a level, and perhaps a time: levelFirst
//	Nov 23 06:25:41.007: message           a time in a rarer form: rareTime
//
// A level is looked for in textlevel.go, a time in a rarer form in texttime.go,
// and the place, the module and the message behind them in textbody.go. A tool
// that needs more than a few lines has a file of its own.
func (p *Parser) text() {
	s := p.src
	p.r.Body = p.span(0, len(s))
	if p.hint == record.FormatGoTest {
		p.r.Format = record.FormatGoTest // what a test prints
	}
	if len(s) == 0 || p.toolFirst() || p.timeFirst() || p.levelFirst() {
		return
	}
	if !p.mattermost() && !p.cloudHypervisor(0) {
		p.rareTime()
	}
	if p.r.TimeSource == record.TimeRead {
		p.bracketedTime()
	}
}

// toolFirst takes text that a single tool writes, and that its first bytes tell.
func (p *Parser) toolFirst() bool {
	switch p.src[0] {
	case '<':
		if p.priority() {
			return true
		}
	case 0xe2:
		p.r.Severity = terraform(p.src)
		return true
	case '(':
		if p.gormOld() {
			return true
		}
	case '[':
		if p.influxDB() {
			return true
		}
	case 'W':
		if bytes.HasPrefix(p.src, []byte("Well, this is embarrassing.\n")) {
			p.r.Severity = 21 // a panic, as human-panic reports it
			return true
		}
	}
	i := p.angleLevel(0)
	if i > 0 {
		p.r.Body = p.span(i, len(p.src))
	}
	return i > 0
}

// priority takes the severity of syslog that is written for systemd, "<3>text".
// systemd takes it off, nobody else does.
func (p *Parser) priority() bool {
	s := p.src
	if len(s) < 4 || s[2] != '>' || s[1]-'0' > 7 {
		return false
	}
	p.r.Severity, p.r.SeverityText = syslog(int64(s[1]-'0')), p.span(1, 2)
	p.r.Body = p.span(3, len(s))
	return true
}

// influxDB parses what InfluxDB 1 wrote, with the level in front of the time:
//
//	[I] 2026-11-23T06:25:41Z message
func (p *Parser) influxDB() bool {
	s := p.src
	if len(s) < 25 || s[2] != ']' || s[3] != ' ' {
		return false
	}
	ns, n, source := p.clock.at(s[4:])
	number := severityWord(s[1:2])
	if n == 0 || number == 0 || 5+n >= len(s) {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	p.r.Severity, p.r.SeverityText = number, p.span(1, 2)
	p.r.Body = p.span(4+n+min(blanksAt(s, 4+n), 1), len(s))
	return true
}

// terraform returns the severity number of what Terraform writes behind a bar:
//
//	╷
//	│ Error: text
func terraform(s []byte) uint8 {
	rest, ok := bytes.CutPrefix(s, []byte("╷\n│ "))
	switch {
	case ok && bytes.HasPrefix(rest, []byte("Error: ")):
		return 17
	case ok && bytes.HasPrefix(rest, []byte("Warning: ")):
		return 13
	}
	return 0
}

// bracketFirst returns 1 if s starts with a bracket, in which a time may stand,
// else 0.
func bracketFirst(s []byte) int {
	if s[0] == '[' || s[0] == '(' || s[0] == '<' {
		return 1
	}
	return 0
}

// timeFirst takes the time that the text starts with, perhaps in brackets, the
// level behind it, and what is in front of the message:
//
//	2026-11-23 06:25:41 message
//	(2026-11-23 06:25:41) message
//	2026-11-23 06:25:41.007 [I] message
//	2026-11-23T06:25:41Z [INFO] [/core/main.go:12]: message
//	2026-11-23 06:25:41.007 [main] WARN message
//	2026-11-23T06:25:41Z I! message
//	2026-11-23T06:25:41.007 app::module [INFO] message
//	2026-11-23T06:25:41.007 [id:thread:WARN:src/a.rs:12] message
//	2026-11-23T06:25:41Z INFO client/a.go:12: message
//	2026-11-23 06:25:41 UTC | CORE | INFO | (pkg/a.go:12 in run) | message
func (p *Parser) timeFirst() bool {
	s := p.src
	start := bracketFirst(s)
	ns, n, source := p.clock.at(s[start:])
	if n == 0 {
		return false
	}
	p.r.Time, p.r.TimeSource = ns, source
	i := start + n
	if start == 1 && i < len(s) && (s[i] == ')' || s[i] == '>') {
		i++
	} else if start == 1 {
		i += zoneName(s[i:])
	}
	end := p.levelBehind(i)
	if end == 0 && i < len(s) && (s[0] != '[' || s[i] == ']') {
		end = i
	}
	if end == 0 || p.r.Severity == 0 && (p.parity(end) || p.ftlog(end) || p.cloudHypervisor(end+1+blanksAt(s, end+1))) {
		return true
	}
	p.textBody(end)
	return true
}
