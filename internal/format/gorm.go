package format

import (
	"bytes"

	"shipper/internal/record"
)

// gorm parses what gorm's logger (gorm.io/gorm/logger 1.31) writes through
// package log, behind the time, from i on: the place, up to the line's end, then
// a statement or a text on the next line.
//
//	/src/web.go:157 SLOW SQL >= 200ms
//	[213.134ms] [rows:1] INSERT INTO `evs` (`name`) VALUES ("o'hara")
//
//	/src/web.go:157
//	[warn] retrying
func (p *Parser) gorm(i, end int) bool {
	s := p.src
	if end+2 >= len(s) || s[end+1] != '[' {
		return false
	}
	place := min(token(s, i), end)
	name, line := fileLine(s[i:place])
	if name < 4 || string(s[i+name-3:i+name]) != ".go" {
		return false
	}
	next := end + 1
	close := bytes.IndexByte(s[next:min(len(s), next+32)], ']')
	if close < 0 || next+close+1 >= len(s) || s[next+close+1] != ' ' {
		return false
	}
	tag, rest := s[next+1:next+close], next+close+2
	if statement := bytes.HasSuffix(tag, []byte("ms")) && bytes.HasPrefix(s[rest:], []byte("[rows:")); statement {
		p.gormStatement(p.trimmed(place, end), next, rest)
	} else if number := severityWord(tag); number > 0 && place == trimBack(s, place, end) {
		p.r.Severity, p.r.SeverityText = number, p.spanOf(tag)
		p.message(rest, len(s))
	} else {
		return false
	}
	p.r.Format = record.FormatGorm
	p.addPlace(p.span(i, i+name), line)
	return true
}

// gormOld parses what gorm's logger of version 1 (jinzhu/gorm 1.9) writes:
//
//	(/src/web.go:157)
//	[2026-11-23 06:25:41]  [1.53ms]  SELECT * FROM "evs"
//	[1 rows affected or returned ]
func (p *Parser) gormOld() bool {
	s := p.src
	end := lineEnd(s, 0)
	close := trimBack(s, 0, end) - 1
	if close < 6 || s[0] != '(' || s[close] != ')' || end+2 > len(s) || s[end+1] != '[' {
		return false
	}
	name, line := fileLine(s[1:close])
	ns, n, source := p.clock.at(s[end+2:])
	if i := end + 2 + n; name == 0 || n == 0 || i >= len(s) || s[i] != ']' {
		return false
	}
	p.r.Time, p.r.TimeSource, p.r.Format = ns, source, record.FormatGorm
	p.addPlace(p.span(1, 1+name), line)
	i := skipBlanks(s, end+2+n+1)
	p.r.Body = p.span(i, len(s))
	took := bytes.IndexByte(s[i:min(len(s), i+24)], ']')
	if took < 3 || s[i] != '[' || s[i+took-1] != 's' {
		return true
	}
	p.addText(nameDuration, p.span(i+1, i+took))
	query, last := i+took+1, bytes.LastIndex(s, []byte("\n["))
	if rows, ok := bytes.CutSuffix(s, []byte(" rows affected or returned ]")); ok && last > query {
		if n, ok := decimal(rows[last+2:]); ok {
			p.addInt(nameRows, n)
			p.addText(nameQuery, p.trimmed(query, last))
		}
	}
	return true
}

// gormStatement takes a statement: "[1.532ms] " at i, "[rows:1] SQL" at rows.
// Why says what is wrong with it; without, gorm prints all statements.
func (p *Parser) gormStatement(why record.Span, i, rows int) {
	s := p.src
	body := i
	switch text := p.b.Bytes(why); {
	case len(text) == 0:
		p.r.Severity = 9
	case bytes.HasPrefix(text, []byte("SLOW SQL ")):
		p.r.Severity = 13
		body = int(why.Off - p.base)
	default:
		p.r.Severity = 17
		p.addText(nameError, why)
		body = int(why.Off - p.base)
	}
	p.r.Body = p.span(body, len(s))
	p.addText(nameDuration, p.span(i+1, i+bytes.IndexByte(s[i:], ']')))
	lo := rows + len("[rows:")
	hi := bytes.IndexByte(s[lo:min(len(s), lo+24)], ']')
	if hi < 0 {
		return
	}
	if n, ok := decimal(s[lo : lo+hi]); ok {
		p.addInt(nameRows, n)
	}
	if sql := p.trimmed(lo+hi+1, len(s)); sql.Len > 0 {
		p.addText(nameQuery, sql)
	}
}
