package fault

import (
	"bytes"
	endian "encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"shipper/test/site"
)

// TestContent has lines, and what is in them, that are not as one would like.
func TestContent(t *testing.T) {
	run(t, []row{
		{39, "an unfinished line, completed later, behind a rotation, and never", unfinished},
		{39, "an unfinished line of a deleted file that cannot be read for a while", unfinishedUnreadable},
		{40, "kill -9 at an unfinished line", killedAtUnfinished},
		{41, "lines written in two pieces", twoPieces},
		{41, "lines of most of a page, read by two agents at once", twoReaders},
		{42, "a line of 10 MiB", func(t *testing.T) { longLine(t, nil) }},
		{42, "a line of 10 MiB, in 64 MiB of memory", func(t *testing.T) {
			g := newGroup(t, "memory")
			g.set(t, 64<<20, "memory.limit_in_bytes", "memory.max")
			longLine(t, g.wrap())
			if n := g.kills(t); n != 0 {
				t.Errorf("killed for memory %d times", n)
			}
		}},
		{43, "no newline for 200 MiB, then zeros for 10 GiB", noNewline},
		{45, "CRLF, CR", carriageReturns},
		{46, "empty lines, files and bytes", empty},
		{47, "bytes of all kinds", anyBytes},
		{47, "a parser that panics", parserPanics},
		{48, "byte order marks, UTF-16", encodings},
		{49, "pieces of CRI lines over a rotation and a kill", criPieces},
		{50, "pieces of Docker's lines", dockerPieces},
		{51, "a CRI message of 10 MiB", longMessage},
		{52, "kill -9 within a panic, and one that is not ended", killedInPanic},
		{53, "JSON 10,000 deep, doubled keys, huge numbers", hostileJSON},
		{54, "directories, sockets, devices, pipes", notFiles},
	})
}

// contents is an agent whose records end up here.
type contents struct {
	*site.Site
	sink    *server
	agent   *site.Process
	written int64
}

// newContents starts an agent with further keys of its input, on a site that is
// prepared first.
func newContents(t *testing.T, keys string, prepare ...func(*site.Site)) *contents {
	t.Helper()
	c := &contents{Site: site.New(t, binary, "", ""), sink: serve(t, &server{})}
	text, err := os.ReadFile(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Config, bytes.Replace(text, []byte("paths:"), []byte(keys+"paths:"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	shipTo(t, c.Site, "", "http: {url: "+c.sink.url()+", compression: none}")
	for _, f := range prepare {
		f(c.Site)
	}
	c.agent = c.StartAgent(t)
	site.Await(t, "the agent", func() bool { return site.Status("http://"+c.Metrics+"/healthz") == 200 })
	return c
}

// write appends text to a file.
func (c *contents) write(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(c.Logs, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	c.written += int64(len(text))
}

// settle waits until all that was written is delivered, and looks at the books.
func (c *contents) settle(t *testing.T) site.Books {
	t.Helper()
	c.AwaitDrained(t, c.written)
	b := c.Books(t)
	if b.Total.Read != c.written || b.Total.Read != b.Total.Queued+b.Total.Dropped+b.Total.Lost {
		t.Errorf("%d bytes written; books: %+v", c.written, b.Total)
	}
	return b
}

// await waits until the sink has n records of a file.
func (c *contents) await(t *testing.T, name string, n int) {
	t.Helper()
	site.Await(t, fmt.Sprintf("%d records of %s", n, name), func() bool { return len(c.sink.file(name)) >= n })
}

// want settles and compares the messages of a file's records. It returns these.
func (c *contents) want(t *testing.T, name string, messages ...string) []document {
	t.Helper()
	c.settle(t)
	all := c.sink.file(name)
	got := make([]string, len(all))
	for i, d := range all {
		got[i] = d.Message
	}
	if !slices.Equal(got, messages) {
		t.Errorf("%s: %d messages, want %d", name, len(got), len(messages))
		for i := range min(len(got), len(messages)) {
			if got[i] != messages[i] {
				t.Fatalf("%d: %.500q (%d bytes), want %.500q (%d bytes)", i, got[i], len(got[i]), messages[i], len(messages[i]))
			}
		}
		t.FailNow()
	}
	return all
}

func unfinished(t *testing.T) {
	c := newContents(t, "grace: 2s, ")
	c.write(t, "a.log", "one\ntwo-ha")
	c.await(t, "a.log", 1)
	c.write(t, "a.log", "lf\nthree\nfour-ha")
	c.await(t, "a.log", 3)
	late, err := os.OpenFile(filepath.Join(c.Logs, "a.log"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := os.Rename(late.Name(), late.Name()+".1"); err != nil {
		t.Fatal(err)
	}
	c.write(t, "a.log", "new one\nnew two\n")
	if _, err := late.WriteString("lf\nfive\n"); err != nil {
		t.Fatal(err)
	}
	c.written += int64(len("lf\nfive\n"))
	c.write(t, "b.log", "whole\nnever-end")
	c.await(t, "b.log", 1)
	if err := os.Remove(filepath.Join(c.Logs, "b.log")); err != nil {
		t.Fatal(err)
	}
	c.settle(t) // within the grace
	all := c.want(t, "b.log", "whole", "never-end")
	if !all[1].Partial || all[0].Partial {
		t.Errorf("flags: %+v", all)
	}
	var messages []string
	for _, d := range c.sink.file("a.log") {
		messages = append(messages, d.Message)
	}
	slices.Sort(messages) // of two streams
	if want := []string{"five", "four-half", "new one", "new two", "one", "three", "two-half"}; !slices.Equal(messages, want) {
		t.Errorf("%q, want %q", messages, want)
	}
}

func unfinishedUnreadable(t *testing.T) {
	c := newContents(t, "grace: 1s, poll: 50ms, ", func(s *site.Site) { s.Env = []string{"SHIPPER_FAIL=tail.read.before=error@2-9"} })
	c.write(t, "a.log", "whole\nnever-end")
	site.Await(t, "the first read", func() bool {
		b, err := c.AskBooks()
		return err == nil && b.Total.Read >= int64(len("whole\n"))
	})
	if err := os.Remove(filepath.Join(c.Logs, "a.log")); err != nil {
		t.Fatal(err)
	}
	all := c.want(t, "a.log", "whole", "never-end")
	if !all[1].Partial {
		t.Errorf("flags: %+v", all)
	}
	if n := c.Metric(t, `shipper_file_read_errors_total{input="app"}`); n != 8 {
		t.Errorf("%v reads failed", n)
	}
}

// parserPanics wants the lines at which a parser fails to be text, in their
// places, and the same process to go on.
func parserPanics(t *testing.T) {
	c := newContents(t, "", func(s *site.Site) { s.Env = []string{"SHIPPER_FAIL=format.parse=panic@3-5"} })
	var want []string
	for i := range 8 {
		line := fmt.Sprintf(`{"level":"warn","msg":"line %d"}`, i)
		c.write(t, "a.log", line+"\n")
		if i < 2 || i > 4 {
			line = fmt.Sprintf("line %d", i)
		}
		want = append(want, line)
		c.await(t, "a.log", i+1)
	}
	c.want(t, "a.log", want...)
	if n := c.Metric(t, "shipper_parse_failures_total"); n != 3 {
		t.Errorf("%v failures", n)
	}
	says(t, c.Site, "a parser failed")
	c.AwaitLog(t, "format.(*Parser).Parse")
}

func killedAtUnfinished(t *testing.T) {
	c := newContents(t, "")
	var want []string
	for i := range 5 {
		c.write(t, "a.log", fmt.Sprintf("whole %d\nha", i))
		want = append(want, fmt.Sprintf("whole %d", i), fmt.Sprintf("half %d", i))
		c.await(t, "a.log", 2*i+1)
		c.agent.Kill()
		c.write(t, "a.log", fmt.Sprintf("lf %d\n", i))
		c.agent = c.StartAgent(t)
	}
	c.want(t, "a.log", want...)
}

// twoPieces has a writer whose lines come in two writes, at any place, as a file
// system that publishes a long write page by page shows them.
func twoPieces(t *testing.T) {
	c := newContents(t, "poll: 10ms, ")
	random := rand.New(rand.NewPCG(41, 1))
	var want []string
	for i := range 2000 {
		line := fmt.Sprintf("%d:%s:%d", i, strings.Repeat("x", random.IntN(8000)), i)
		want = append(want, line)
		cut := random.IntN(len(line))
		c.write(t, "a.log", line[:cut])
		c.write(t, "a.log", line[cut:]+"\n")
	}
	c.want(t, "a.log", want...)
}

// twoReaders has two agents read lines while they are written, one write each, at
// full speed: a file may grow page by page within a write.
func twoReaders(t *testing.T) {
	first := newContents(t, "poll: 10ms, ", func(s *site.Site) {
		if os.Geteuid() == 0 {
			mountExt4(t, s.Logs, "64M")
		}
	})
	second := newContents(t, "poll: 10ms, ", func(s *site.Site) { edit(t, s, s.Logs, first.Logs) })
	f, err := os.Create(filepath.Join(first.Logs, "a.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var want []string
	for i := range 4000 {
		line := fmt.Sprintf("%d:%s:%d", i, strings.Repeat("x", 3000+i%100), i)
		if _, err := f.WriteString(line + "\n"); err != nil {
			t.Fatal(err)
		}
		want = append(want, line)
		first.written += int64(len(line) + 1)
	}
	second.written = first.written
	first.want(t, "a.log", want...)
	second.want(t, "a.log", want...)
}

func longLine(t *testing.T, wrap []string) {
	const limit, length = 1 << 20, 10 << 20
	c := newContents(t, "line_limit: 1MiB, ", func(s *site.Site) { s.Wrap = wrap })
	line := strings.Repeat("0123456789abcdef", length/16)
	c.write(t, "a.log", "before\n"+line+"\nbehind\n"+line[:limit]+"\n"+line[:limit+1]+"\nlast\n")
	all := c.want(t, "a.log", "before", line[:limit], "behind", line[:limit], line[:limit], "last")
	if !all[1].Truncated || all[2].Truncated || all[3].Truncated || !all[4].Truncated {
		t.Errorf("%t %t %t %t are truncated", all[1].Truncated, all[2].Truncated, all[3].Truncated, all[4].Truncated)
	}
	if b := c.Books(t); b.Total.Lost != length-limit+2+1 { // the newline behind it is cut off, too
		t.Errorf("%d bytes lost, want %d", b.Total.Lost, length-limit+2+1)
	}
	if peak := peakMemory(t, c.agent); peak > 192<<20 {
		t.Errorf("the agent took %d MiB", peak>>20)
	}
}

// noNewline writes 200 MiB, 10 GiB in make fault-all, without a newline, and
// then leaves a hole. The agent is killed in between.
func noNewline(t *testing.T) {
	size := int64(200 << 20)
	if all() {
		size = 10 << 30
	}
	c := newContents(t, "line_limit: 1MiB, ")
	mib := strings.Repeat("x", 1<<20)
	for at := int64(0); at < size; at += 1 << 20 {
		c.write(t, "a.log", mib)
		if at == size/2 {
			c.await(t, "a.log", 1) // the cut line does not wait for its end
			c.agent.Kill()
			c.agent = c.StartAgent(t)
		}
	}
	c.write(t, "a.log", "\nbehind\n")
	const hole = 10 << 30
	path := filepath.Join(c.Logs, "a.log")
	if err := os.Truncate(path, size+8+hole); err != nil {
		t.Fatal(err)
	}
	c.written += hole
	c.write(t, "a.log", "behind the hole\n")
	all := c.want(t, "a.log", mib, "behind", "behind the hole")
	b := c.Books(t)
	if !all[0].Truncated || b.Total.Lost < size-1<<20 || b.Total.Lost > size-1<<20+1 || b.Total.Dropped != hole {
		t.Errorf("books: %+v", b.Total)
	}
	if peak := peakMemory(t, c.agent); peak > 192<<20 {
		t.Errorf("the agent took %d MiB", peak>>20)
	}
}

func carriageReturns(t *testing.T) {
	c := newContents(t, "")
	c.write(t, "a.log", "crlf\r\nlone\rcr\nlf\ntwo\r\r\nlast\r")
	c.await(t, "a.log", 4)
	c.write(t, "a.log", "\n")
	c.want(t, "a.log", "crlf", "lone\rcr", "lf", "two", "last")
}

func empty(t *testing.T) {
	c := newContents(t, "grace: 1s, ")
	c.write(t, "nothing.log", "")
	c.write(t, "one.log", "x")
	c.write(t, "newline.log", "\n")
	c.write(t, "newlines.log", strings.Repeat("\n", 10_000))
	c.write(t, "between.log", "\n\na\n\n\nb\n\n")
	c.write(t, "crlf.log", "\r\n\r\n")
	site.Await(t, "newlines to be read", func() bool { return c.Books(t).Total.Read >= c.written-1 })
	if err := os.Remove(filepath.Join(c.Logs, "one.log")); err != nil {
		t.Fatal(err)
	}
	if all := c.want(t, "one.log", "x"); !all[0].Partial {
		t.Error("it is not flagged")
	}
	if all := c.sink.file("nothing.log"); len(all) != 0 {
		t.Errorf("%d records of an empty file", len(all))
	}
	var text []string
	for _, d := range c.sink.file("between.log") {
		if d.Message != "" {
			text = append(text, d.Message)
		}
	}
	if !slices.Equal(text, []string{"a", "b"}) {
		t.Errorf("%q", text)
	}
}

// anyBytes follows noise: what comes out is valid JSON, since the sink reads it,
// and every byte is accounted for.
func anyBytes(t *testing.T) {
	c := newContents(t, "")
	random := rand.NewChaCha8([32]byte{47})
	var good []string
	for i := range 20 {
		good = append(good, fmt.Sprintf("good line %d behind the noise, which nothing of that may hold up or change", i))
	}
	for i := range 8 {
		noise := make([]byte, 256<<10)
		random.Read(noise)
		for j := range noise {
			switch { // lines of some length, not too many
			case noise[j] == 0 && i%2 == 0:
				noise[j] = '\n'
			case i >= 4: // text with a few of the bytes that mean something
				const some = "abc {}[]\"\\=:,\x00\xff\xc3\x1b\n\r\t5"
				noise[j] = some[int(noise[j])%len(some)]
			}
		}
		c.write(t, fmt.Sprintf("noise%d.log", i), string(noise)+"\n"+strings.Join(good, "\n")+"\n")
	}
	c.write(t, "known.log", "ok \xff\xfe bad\x00nul\n\x01\x02\nlast\n")
	all := c.want(t, "known.log", "ok \uFFFD bad\x00nul", "\x01\x02", "last")
	if !all[0].InvalidUTF8 || all[1].InvalidUTF8 {
		t.Errorf("flags: %+v", all)
	}
	for i := range 8 {
		var found []string
		for _, d := range c.sink.file(fmt.Sprintf("noise%d.log", i)) {
			if !utf8.ValidString(d.Message) {
				t.Errorf("%q", d.Message)
			}
			if strings.HasPrefix(d.Message, "good line") {
				found = append(found, d.Message)
			}
		}
		if !slices.Equal(found, good) {
			t.Errorf("noise %d: %d of %d good lines behind it: %q", i, len(found), len(good), found)
		}
	}
}

func encodings(t *testing.T) {
	c := newContents(t, "")
	text := "level=info msg=zwölf\nlevel=info msg=\"to 💧 you\"\n"
	wide := func(order endian.AppendByteOrder, text string) string {
		var p []byte
		for _, u := range utf16.Encode([]rune(text)) {
			p = order.AppendUint16(p, u)
		}
		return string(p)
	}
	for name, content := range map[string]string{
		"utf8bom.log": "\ufeff" + text,
		"lebom.log":   wide(endian.LittleEndian, "\ufeff"+text),
		"bebom.log":   wide(endian.BigEndian, "\ufeff"+text),
		"le.log":      wide(endian.LittleEndian, text),
		"be.log":      wide(endian.BigEndian, text),
	} {
		c.write(t, name, content[:len(content)-3]) // within a character
		c.await(t, name, 1)
		c.write(t, name, content[len(content)-3:])
	}
	c.settle(t)
	for _, name := range []string{"utf8bom.log", "lebom.log", "bebom.log", "le.log", "be.log"} {
		c.want(t, name, "zwölf", "to 💧 you")
	}
}

// cri is a line of a container's output, or a piece of one.
func cri(second int, stream, tag, text string) string {
	return fmt.Sprintf("2026-11-23T06:42:%02d.000000001Z %s %s %s\n", second%60, stream, tag, text)
}

func criPieces(t *testing.T) {
	c := newContents(t, "grace: 1s, ")
	path := filepath.Join(c.Logs, "a.log")
	c.write(t, "a.log", cri(1, "stdout", "F", "one")+cri(2, "stdout", "P", "two-")+cri(3, "stderr", "F", "error")+cri(4, "stdout", "P", "and-"))
	c.await(t, "a.log", 1)
	c.agent.Kill()
	c.agent = c.StartAgent(t)
	c.write(t, "a.log", cri(5, "stdout", "F:x", "a-half")+cri(6, "stdout", "F", "three")+cri(7, "stdout", "P", "four-"))
	c.await(t, "a.log", 3)
	if err := os.Rename(path, path+".20261123-064210"); err != nil {
		t.Fatal(err)
	}
	c.write(t, "a.log", cri(8, "stdout", "F", "half")+cri(9, "stdout", "F", "five")+"no time stdout F bad\n"+cri(10, "stdout", "F", "six")+cri(11, "stdout", "P", "cut off"))
	site.Await(t, "six", func() bool {
		return slices.ContainsFunc(c.sink.file("a.log"), func(d document) bool { return d.Message == "six" })
	})
	if err := os.Remove(path); err != nil { // the container is gone
		t.Fatal(err)
	}
	c.settle(t)
	var messages []string
	for _, d := range c.sink.file("a.log") {
		messages = append(messages, d.Message)
		if d.Partial != (d.Message == "cut off") {
			t.Errorf("partial: %+v", d)
		}
	}
	slices.Sort(messages) // of two streams
	want := []string{"cut off", "error", "five", "four-half", "no time stdout F bad", "one", "six", "three", "two-and-a-half"}
	if !slices.Equal(messages, want) {
		t.Errorf("%q, want %q", messages, want)
	}
}

// docker is a line of a json-file, or a piece of one.
func docker(second int, text string) string {
	return fmt.Sprintf(`{"log":%q,"stream":"stdout","time":"2026-11-23T06:42:%02d.000000001Z"}`+"\n", text, second)
}

func dockerPieces(t *testing.T) {
	c := newContents(t, "")
	piece := strings.Repeat("0123456789abcdef", 1024)
	c.write(t, "a.log", docker(1, "one\n")+docker(2, piece)+docker(2, piece))
	c.await(t, "a.log", 1)
	c.agent.Kill()
	c.agent = c.StartAgent(t)
	c.write(t, "a.log", docker(2, "end\n")+docker(3, "three\n"))
	c.want(t, "a.log", "one", piece+piece+"end", "three")
}

func longMessage(t *testing.T) {
	c := newContents(t, "line_limit: 1MiB, ")
	piece := strings.Repeat("0123456789abcdef", 1024)
	var text strings.Builder
	text.WriteString(cri(1, "stdout", "F", "before"))
	for range 10 << 20 / len(piece) {
		text.WriteString(cri(2, "stdout", "P", piece))
	}
	text.WriteString(cri(3, "stdout", "F", "its end") + cri(4, "stdout", "F", "behind"))
	c.write(t, "a.log", text.String())
	b := c.settle(t)
	all := c.sink.file("a.log")
	if n := len(all); n < 3 || all[0].Message != "before" || all[n-1].Message != "behind" {
		t.Fatalf("%d records", n)
	}
	joined := ""
	for _, d := range all[1 : len(all)-1] {
		if len(d.Message) > 1<<20+len(piece) {
			t.Errorf("a message of %d bytes", len(d.Message))
		}
		joined += d.Message
	}
	if b.Total.Lost != 0 || joined != strings.Repeat(piece, 10<<20/len(piece))+"its end" {
		t.Errorf("%d bytes of the message, %d lost", len(joined), b.Total.Lost)
	}
	if peak := peakMemory(t, c.agent); peak > 192<<20 {
		t.Errorf("the agent took %d MiB", peak>>20)
	}
}

const goPanic = "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:27 +0x3\nexit status 2\n"

func killedInPanic(t *testing.T) {
	// It is killed in time for the panic to be waited for, and sees the rest of it at once.
	c := newContents(t, "", func(s *site.Site) { s.Env = []string{"SHIPPER_FAIL=deliver.answered=kill"} })
	at := strings.Index(goPanic, "main.main")
	c.write(t, "a.log", `{"level":"info","msg":"before"}`+"\n"+goPanic[:at])
	if code := c.agent.Wait(t); code != -1 {
		t.Errorf("the agent ended with %d", code)
	}
	c.Env = nil
	c.write(t, "a.log", goPanic[at:]+`{"level":"info","msg":"behind"}`+"\n"+strings.TrimSuffix(goPanic, "exit status 2\n"))
	c.agent = c.StartAgent(t)
	c.await(t, "a.log", 4)
	c.settle(t) // the last one ends with time
	all := c.sink.file("a.log")
	for i, want := range []string{"before", "boom", "behind", "boom"} {
		if len(all) != 4 || !strings.Contains(all[i].Message, want) {
			t.Fatalf("%+v", all)
		}
	}
	if all[1].TimedOut || !all[3].TimedOut {
		t.Errorf("flags: %+v", all)
	}
}

func hostileJSON(t *testing.T) {
	c := newContents(t, "")
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	arrays := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	c.write(t, "a.log", deep+"\n"+arrays+"\n"+
		`{"level":"info","msg":"doubled","k":1,"k":2,"msg":"last"}`+"\n"+
		`{"level":"info","msg":"huge","n":`+strings.Repeat("9", 5000)+`,"e":1e999999,"m":-0.`+strings.Repeat("0", 5000)+"1}\n"+
		`{"level":"info","msg":"deep","x":`+deep+"}\n"+
		`{"level":"info","msg":"lone \ud800 surrogate"}`+"\n"+
		`{"level":"info","msg":"cut`+"\n"+
		`{"level":"info","msg":"good"}`+"\n")
	c.want(t, "a.log", deep, arrays, "doubled", "huge", `{"level":"info","msg":"deep","x":`+deep+"}", "lone \uFFFD surrogate", `{"level":"info","msg":"cut`, "good")
}

func notFiles(t *testing.T) {
	c := newContents(t, "")
	path := func(name string) string { return filepath.Join(c.Logs, name) }
	for _, err := range []error{
		unix.Mkfifo(path("fifo.log"), 0o644), os.Mkdir(path("dir.log"), 0o755), os.Symlink("/dev/zero", path("zero.log")),
		os.Symlink("loop.log", path("loop.log")), os.Symlink("nowhere", path("dangling.log")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	short, err := os.MkdirTemp("", "s") // the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	l, err := net.Listen("unix", filepath.Join(short, "s.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Rename(filepath.Join(short, "s.log"), path("socket.log")); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := unix.Mknod(path("null.log"), syscall.S_IFCHR|0o644, int(unix.Mkdev(1, 3))); err != nil {
			t.Logf("no device: %v", err)
		}
	}
	c.write(t, "a.log", "good\n")
	c.want(t, "a.log", "good")
	says(t, c.Site, "is a FIFO", "is a socket", "too many levels of symbolic links", "leads nowhere")
	if code := c.agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
}
