package format

import (
	"bytes"

	"shipper/internal/record"
)

// goDebug parses what the Go runtime (1.26) prints with GODEBUG set to gctrace,
// inittrace, schedtrace or scavtrace:
//
//	gc 1 @0.014s 1%: 0.14+0.20+0.034 ms clock, ..., 3->3->3 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P
//	init time @0.41 ms, 0.004 ms clock, 0 bytes, 0 allocs
//	SCHED 2ms: gomaxprocs=2 idleprocs=2 threads=5 runqueue=0 [ 0 0 ]
//	scav 120 KiB work (bg), 0 KiB work (eager), 4096 KiB now, 61% util
func (p *Parser) goDebug() bool {
	s := p.src
	line := s[:lineEnd(s, 0)]
	ok := false
	switch s[0] {
	case 'g':
		ok = p.gcTrace(line)
	case 'i':
		ok = p.initTrace(line)
	case 'S':
		if colon := bytes.Index(line[:min(len(line), 32)], []byte("ms: ")); colon > 6 && string(line[:6]) == "SCHED " && line[6]-'0' < 10 {
			ok = true
			p.counts(colon + 4)
		}
	case 's':
		ok = bytes.HasPrefix(line, []byte("scav ")) && bytes.HasSuffix(line, []byte("% util"))
	case ' ':
		if ok = p.hint == record.FormatGoDebug && schedDetail(line); ok {
			p.counts(2)
		}
	}
	if ok {
		p.r.Body = p.span(0, len(s))
	}
	return ok
}

// gcTrace takes the number of a collection and the share of time they took.
func (p *Parser) gcTrace(line []byte) bool {
	if len(line) < 24 || string(line[:3]) != "gc " || line[3]-'0' > 9 {
		return false
	}
	at := token(line, 3)
	share := token(line, min(at+1, len(line))) + 1
	end := share + bytes.IndexByte(line[min(share, len(line)):], '%')
	if at+1 >= len(line) || line[at+1] != '@' || end <= share || end+1 >= len(line) || line[end+1] != ':' {
		return false
	}
	cycle, ok1 := decimal(line[3:at])
	percent, ok2 := decimal(line[share:end])
	if !ok1 || !ok2 {
		return false
	}
	p.addInt(p.b.AddString("gc"), cycle)
	p.addInt(p.b.AddString("percent"), percent)
	return true
}

// initTrace takes what the initialisation of a package cost.
func (p *Parser) initTrace(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("init ")) || !bytes.HasSuffix(line, []byte(" allocs")) {
		return false
	}
	name := token(line, 5)
	at := bytes.Index(line, []byte(" ms clock, "))
	if name+1 >= len(line) || line[name+1] != '@' || at < 0 {
		return false
	}
	size := at + len(" ms clock, ")
	end := token(line, size)
	if !bytes.HasPrefix(line[end:], []byte(" bytes, ")) {
		return false
	}
	allocs := end + len(" bytes, ")
	bytesOf, ok1 := decimal(line[size:end])
	count, ok2 := decimal(line[allocs : len(line)-len(" allocs")])
	if !ok1 || !ok2 {
		return false
	}
	p.addText(p.b.AddString("package"), p.spanOf(line[5:name]))
	p.addInt(p.b.AddString("bytes"), bytesOf)
	p.addInt(p.b.AddString("allocs"), count)
	return true
}

// counts adds the name=number pairs from i to the end of the line.
func (p *Parser) counts(i int) {
	s := p.src
	end := lineEnd(s, i)
	for i < end {
		e := min(token(s, i), end)
		if j := bytes.IndexByte(s[i:e], '='); j > 0 {
			if n, ok := decimal(s[i+j+1 : e]); ok && n <= 1<<63-1 {
				p.add(record.IntField(p.span(i, i+j), int64(n)))
			}
		}
		i = e + 1
	}
}

// schedDetail reports whether line is one of scheddetail's: "  P0: status=1".
func schedDetail(line []byte) bool {
	return len(line) > 8 && line[1] == ' ' && (line[2] == 'P' || line[2] == 'M' || line[2] == 'G') && line[3]-'0' < 10
}
