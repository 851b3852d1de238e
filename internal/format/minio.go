package format

import (
	"bytes"

	"shipper/internal/record"
)

// minio parses the block that MinIO (2018 to 2025) writes of an error, with some
// of its lines missing; the time has the month in front:
//
//	API: PutObject(bucket=photos, object=a.jpg)
//	Time: 09:21:34 UTC 03/02/2022
//	DeploymentID: 5e757d1c-ef06-4b71-a4b3-4a4b5ee6c2b1
//	RequestID: 16D86A7B0E3E5F4C
//	RemoteHost: 10.0.0.4
//	Error: disk not found (*errors.errorString)
//	       2: cmd/erasure.go:152:cmd.erasureObjects.GetObject()
//	       1: cmd/handlers.go:100:cmd.handler()
func (p *Parser) minio() bool {
	const api, clock = "API: ", "\nTime: "
	s := p.src
	i := lineEnd(s, 0)
	if !bytes.HasPrefix(s, []byte(api)) || !bytes.HasPrefix(s[i:], []byte(clock)) {
		return false
	}
	ns, source := p.minioTime(s[i+len(clock) : lineEnd(s, i+1)])
	if source == record.TimeRead {
		return false
	}
	p.r.Time, p.r.TimeSource, p.r.Severity = ns, source, 17
	p.addText(p.b.AddString("api"), p.span(len(api), i))
	p.r.Body = p.span(0, len(s))
	for i = lineEnd(s, i+1) + 1; i < len(s); i = lineEnd(s, i) + 1 {
		end := lineEnd(s, i)
		name, value, ok := bytes.Cut(s[i:end], []byte(": "))
		if !ok || len(name) == 0 || name[0] == ' ' {
			continue
		}
		switch string(name) {
		case "Error":
			p.minioError(i + len("Error: "))
			return true
		case "RemoteHost":
			p.addText(nameClient, p.spanOf(value))
		case "UserAgent":
			p.addText(nameAgent, p.spanOf(value))
		case "RequestID":
			p.addText(nameRequestID, p.spanOf(value))
		case "DeploymentID", "Host":
			p.addText(p.span(i, i+len(name)), p.spanOf(value))
		}
	}
	return true
}

// minioError takes the error at i and the numbered stack trace behind it.
func (p *Parser) minioError(i int) {
	s := p.src
	end := lineEnd(s, i)
	for end+1 < len(s) && s[end+1] != ' ' { // an error of several lines
		end = lineEnd(s, end+1)
	}
	body := p.span(i, end)
	p.exception("Error", body, body)
	if end+1 < len(s) {
		p.addText(nameStack, p.span(end+1, len(s)))
	}
}

// minioTime parses "09:21:34 UTC 03/02/2022". A zone that is not UTC's is none.
func (p *Parser) minioTime(s []byte) (ns int64, source record.TimeSource) {
	sec, frac, n, ok := timeOfDay(s)
	if !ok || n+2 >= len(s) || s[n] != ' ' || len(s) < n+len(" UTC 01/02/2006") {
		return 0, record.TimeRead
	}
	zone, day := s[n+1:len(s)-len(" 01/02/2006")], s[len(s)-len("01/02/2006"):]
	month, ok1 := two(day)
	d, ok2 := two(day[3:])
	century, ok3 := two(day[6:])
	year, ok4 := two(day[8:])
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || d < 1 || d > 31 {
		return 0, record.TimeRead
	}
	wall := days(century*100+year, month, d)*86400 + sec
	if string(zone) == "UTC" {
		return wall*1e9 + frac, record.TimeLine
	}
	return p.clock.utc(wall)*1e9 + frac, record.TimeNoZone
}
