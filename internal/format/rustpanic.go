package format

import (
	"bytes"

	"shipper/internal/record"
)

// rustPanic parses what the Rust runtime writes when a thread panics, in the
// layout before 1.73 and since, when a stack overflows or memory runs out.
func (p *Parser) rustPanic() bool {
	s := p.src
	switch {
	case bytes.HasPrefix(s, []byte("thread '")), bytes.HasPrefix(s, []byte("Thread '")): // Substrate's hook has a capital
		return p.threadPanic()
	case bytes.HasPrefix(s, []byte("====================\n")):
		return p.substratePanic()
	case bytes.HasPrefix(s, []byte("panicked at ")):
		return p.panicAt(len("panicked at "))
	case bytes.HasPrefix(s, []byte("fatal runtime error: ")):
		p.exception("abort", p.span(0, lineEnd(s, 0)), p.span(0, lineEnd(s, 0)))
		p.r.Severity = 21
		return true
	case bytes.HasPrefix(s, []byte("memory allocation of ")):
		end := lineEnd(s, 0)
		if !bytes.HasSuffix(s[:end], []byte(" bytes failed")) {
			return false
		}
		p.exception("out of memory", p.span(0, end), p.span(0, end))
		p.r.Severity = 21
		return true
	case bytes.HasPrefix(s, []byte("thread ")):
		// "thread caused non-unwinding panic. aborting."
		if lineEnd(s, 0) == len(s) && bytes.HasSuffix(s, []byte("panic. aborting.")) {
			p.exception("abort", p.span(0, len(s)), p.span(0, len(s)))
			p.r.Severity = 21
			return true
		}
	}
	return false
}

// substratePanic parses what Substrate's panic hook writes: the version and a
// stack trace, the panic, and where to report it.
func (p *Parser) substratePanic() bool {
	s := p.src
	i := bytes.Index(s, []byte("\nThread '"))
	if i < 0 {
		return false
	}
	i++
	end := len(s)
	if j := bytes.Index(s[i:], []byte("\n\nThis is a bug.")); j > 0 {
		end = i + j
	}
	whole, base := p.src, p.base
	p.src, p.base = s[i:end:end], base+uint32(i)
	ok := p.threadPanic()
	p.src, p.base = whole, base
	if j := bytes.Index(s[:i], []byte("\n   0: ")); ok && j > 0 {
		p.addText(nameStack, p.span(j+1, trimBack(s, j+1, i)))
	}
	return ok
}

// threadPanic parses what starts with "thread 'name' (id) ".
func (p *Parser) threadPanic() bool {
	s := p.src
	name := len("thread '")
	line := s[:lineEnd(s, 0)]
	e := -1
	for _, behind := range [...]string{"' panicked at ", "' (", "' has "} {
		if e = bytes.Index(line[name:], []byte(behind)); e >= 0 {
			break
		}
	}
	if e < 0 {
		return false
	}
	e += name
	i := e + 2
	if i < len(s) && s[i] == '(' {
		j := i + 1
		for j < len(s) && s[j]-'0' < 10 {
			j++
		}
		id, ok := decimal(s[i+1 : j])
		if !ok || id > 1<<63-1 || !bytes.HasPrefix(s[j:], []byte(") ")) {
			return false
		}
		p.b.AddField(record.IntField(nameThreadID, int64(id)))
		i = j + 2
	}
	p.addText(nameThread, p.span(name, e))
	rest := line[min(i, len(line)):]
	if bytes.HasPrefix(rest, []byte("panicked at ")) {
		return p.panicAt(i + len("panicked at "))
	}
	if bytes.HasPrefix(rest, []byte("has overflowed its stack")) {
		p.exception("stack overflow", p.span(0, len(line)), p.span(i, len(line)))
		p.r.Severity = 21
		return true
	}
	return false
}

// panicAt parses what is behind "panicked at ".
func (p *Parser) panicAt(i int) bool {
	s := p.src
	p.r.Severity = 21
	if i < len(s) && s[i] == '\'' {
		return p.quotedPanic(i + 1)
	}
	end := lineEnd(s, i)
	if !p.rustPlace(i, end-1) || s[end-1] != ':' {
		return false
	}
	lo := min(end+1, len(s))
	hi, abort := p.panicEnd(lo)
	p.panicMessage(lo, hi, abort)
	return true
}

// panicMessage makes src[lo:hi] the message. It may be an error of anyhow with
// its causes. Abort says that the panic ended the process at once.
func (p *Parser) panicMessage(lo, hi int, abort bool) {
	kind := "panic"
	if abort {
		kind = "abort"
	}
	text := p.src[lo:hi]
	i := bytes.Index(text, []byte(causedBy))
	if i < 0 {
		p.exception(kind, p.span(lo, hi), p.span(lo, hi))
		return
	}
	end := trimBack(p.src, lo, lo+i)
	message, chain := p.causes(p.src[lo:end], text[i+len(causedBy):])
	p.exception(kind, p.span(lo, end), message)
	p.add(record.Field{Key: nameChain, Val: chain, Kind: record.JSON})
}

// quotedPanic parses the old layout: 'message', file:line:column. The quote
// that ends the message is the last one of a line that ends in a place.
func (p *Parser) quotedPanic(i int) bool {
	s := p.src
	for at := i; at < len(s); {
		end := lineEnd(s, at)
		if j := bytes.LastIndex(s[at:end], []byte("', ")); j >= 0 && p.anyPlace(at+j+3, end) {
			_, abort := p.panicEnd(min(end+1, len(s)))
			p.panicMessage(i, at+j, abort)
			return true
		}
		at = end + 1
	}
	p.exception("panic", p.span(i, lineEnd(s, i)), p.span(i, lineEnd(s, i)))
	return true
}

// rustPlace takes the file:line:column src[i:end].
func (p *Parser) rustPlace(i, end int) bool {
	if end <= i {
		return false
	}
	s := p.src
	n, column := fileLine(s[i:end])
	m, line := fileLine(s[i : i+n])
	if m == 0 {
		return false
	}
	p.addPlace(p.span(i, i+m), line)
	p.b.AddField(record.IntField(nameColumn, column))
	return true
}

// panicEnd returns where the message that starts at i ends: in front of a
// backtrace, which it takes, a note, or the line that says that the process is
// aborted.
func (p *Parser) panicEnd(i int) (end int, abort bool) {
	s := p.src
	end = len(s)
	for at := i; at < len(s); {
		next := lineEnd(s, at) + 1
		switch line := s[at : next-1]; {
		case string(line) == "stack backtrace:":
			end = min(end, at)
			lo := min(next, len(s))
			for next = lo; next < len(s) && s[next] == ' '; {
				next = min(lineEnd(s, next)+1, len(s))
			}
			if trace := bytes.TrimRight(s[lo:next], "\n"); len(trace) > 0 {
				p.addText(nameStack, p.span(lo, lo+len(trace)))
			}
		case bytes.HasPrefix(line, []byte("note: ")):
			end = min(end, at)
		case aborting(line):
			end = min(end, at)
			abort = true
		}
		at = next
	}
	return trimBack(s, i, end), abort
}

// aborting reports whether line says that the process ends at once: "thread
// caused non-unwinding panic. aborting."
func aborting(line []byte) bool {
	return bytes.HasPrefix(line, []byte("thread ")) && bytes.HasSuffix(line, []byte(" aborting."))
}

// trimBack returns end without the blanks in front of it.
func trimBack(s []byte, i, end int) int {
	for end > i && blank(s[end-1]) {
		end--
	}
	return end
}
