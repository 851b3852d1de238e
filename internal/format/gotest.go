package format

import (
	"bytes"

	"shipper/internal/record"
)

// goTest parses the output of go test and of test binaries (Go 1.26). What else
// such a stream has is what the tests print: see text.
//
//	=== RUN   TestSub/case_one
//	    x_test.go:13: got 1, want 2
//	--- FAIL: TestSub (0.00s)
//	ok  	example.com/shop	0.013s	coverage: 61.2% of statements
func (p *Parser) goTest() bool {
	s := p.src
	i := 0
	for i < len(s) && s[i] == ' ' {
		i++
	}
	line := s[i:lineEnd(s, i)]
	if i > 0 && (i%4 != 0 || len(line) < 4) {
		return false
	}
	switch c := line[0]; {
	case c == '=' && i == 0:
		return p.testPhase(line)
	case c == '-':
		return p.testResult(line, i)
	case i > 0:
		return p.testLog(i)
	case c == 'o' && bytes.HasPrefix(line, []byte("ok  \t")), c == '?' && bytes.HasPrefix(line, []byte("?   \t")):
	case c == 'F' && bytes.HasPrefix(line, []byte("FAIL\t")):
		p.r.Severity, p.r.SeverityText = 17, p.span(0, 4)
	case c == 'g' && bytes.HasPrefix(line, []byte("goos: ")) && len(line) < 20:
	case c == 'B' && bytes.HasPrefix(line, []byte("Benchmark")) && bytes.HasSuffix(bytes.TrimRight(line[:testTab(line)], " "), []byte("/op")):
	case p.hint != record.FormatGoTest:
		return false
	case string(line) == "FAIL":
		p.r.Severity, p.r.SeverityText = 17, p.span(0, 4)
	case string(line) == "PASS":
	default:
		return false
	}
	p.r.Body = p.span(0, len(s))
	return true
}

// testTab returns the index of the tab behind the third column of a benchmark,
// or the end.
func testTab(line []byte) int {
	n := 0
	for i, c := range line {
		if c == '\t' {
			if n++; n == 3 {
				return i
			}
		}
	}
	return len(line)
}

// testPhase takes "=== RUN   TestSub".
func (p *Parser) testPhase(line []byte) bool {
	if len(line) < 11 || line[9] != ' ' {
		return false
	}
	switch string(line[:10]) {
	case "=== RUN   ", "=== PAUSE ", "=== CONT  ", "=== NAME  ":
	default:
		return false
	}
	p.r.Body = p.span(0, len(p.src))
	p.addText(nameTest, p.spanOf(line[10:]))
	return true
}

// testResult takes "--- FAIL: TestSub (0.00s)" at i, and the lines behind it.
func (p *Parser) testResult(line []byte, i int) bool {
	const name = len("--- FAIL: ")
	open := bytes.LastIndex(line, []byte(" ("))
	if open <= name || !bytes.HasSuffix(line, []byte("s)")) || string(line[name-2:name]) != ": " {
		return false
	}
	result := ""
	switch string(line[:name-2]) {
	case "--- FAIL":
		result = "fail"
		p.r.Severity, p.r.SeverityText = 17, p.span(i+4, i+8)
	case "--- PASS":
		result = "pass"
	case "--- SKIP":
		result = "skip"
	default:
		return false
	}
	p.r.Body = p.span(i, len(p.src))
	p.addText(nameTest, p.spanOf(line[name:open]))
	p.addText(nameResult, p.b.AddString(result))
	p.addText(nameDuration, p.spanOf(line[open+2:len(line)-1]))
	return true
}

// testLog takes what t.Log writes: a place in a file of tests, or, in such a
// stream, in any, and a text.
func (p *Parser) testLog(i int) bool {
	s := p.src
	n := bytes.IndexByte(s[i:min(len(s), i+128)], ':')
	if n < 4 || string(s[i+n-3:i+n]) != ".go" ||
		p.hint != record.FormatGoTest && !bytes.HasSuffix(s[i:i+n], []byte("_test.go")) {
		return false
	}
	body := p.sourceFile(i, ".go")
	if body == i {
		return false
	}
	p.r.Body = p.span(body, len(s))
	return true
}
