package fault

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
	"shipper/test/site"
)

// TestOutput has receivers, and what is before them, fail.
func TestOutput(t *testing.T) {
	run(t, []row{
		{81, "all is well", allWell},
		{82, "400 and 422 for single records", refusedRecords},
		{82, "413 for large requests and for single records", tooLarge},
		{82, "400 for one block", refusedBlock},
		{83, "401 and 403 until the token is replaced", credentials},
		{84, "408, 429, 5xx", tryLater},
		{85, "Retry-After", retryAfter},
		{86, "no answer, nothing read, a byte at a time", slow},
		{87, "FIN, RST, half a status line, garbage", broken},
		{88, "stored, and the answer lost", lostAck},
		{89, "a good answer that is cut off or stops", cutAnswer},
		{90, "verdicts on single records in a 200", bulkItems},
		{91, "redirect to a login page", redirect},
		{92, "huge header, endless body, flood of 1xx, gzip bomb", hugeAnswer},
		{93, "kept connections are closed", closedConnection},
		{94, "bad certificates, versions and handshakes", badTLS},
		{95, "names: none, failures, no answer, other addresses", names},
		{96, "link down and up, forgotten connections", linkDown},
		{97, "down for a while under load", downForAWhile},
		{98, "503 for every other request, by chance", flapping},
		{98, "all of these by chance, with kill -9 of agent and indexer", storm},
		{99, "GOAWAY, reset streams, broken frames of HTTP/2", grpcFaults},
		{101, "proxy answers 407, or a page, to CONNECT", proxyToTLS},
		{101, "proxy answers 407, or a page, to a POST", proxyToPlain},
	})
}

func allWell(t *testing.T) {
	srv := &server{}
	s, _ := within(t, srv, "20s")
	o := feed(t, s, srv)
	settle(t, s, o)
	if srv.twice() != 0 || sample(t, s, "shipper_output_failed_requests_total") != 0 {
		t.Errorf("%d requests were stored twice, %d failed", srv.twice(), sample(t, s, "shipper_output_failed_requests_total"))
	}
	if n := sample(t, s, "shipper_output_records_total"); n != o.Seq {
		t.Errorf("%d records acknowledged of %d", n, o.Seq)
	}
}

// poison says which lines of an oracle a receiver does not take.
func poison(message string) bool {
	var n int
	_, err := fmt.Sscanf(message, "line %d of", &n)
	return err != nil || n%997 == 13
}

func hasPoison(all []document) bool {
	return slices.ContainsFunc(all, func(d document) bool { return poison(d.Message) })
}

// collect runs an agent that ships to srv as NDJSON and checks in the end that
// every line is with srv or, where it is poison, a dead letter.
func collect(t *testing.T, srv *server, output string) (*site.Site, *site.Oracle) {
	t.Helper()
	serve(t, srv)
	s := site.New(t, binary, "", "")
	shipTo(t, s, "", fmt.Sprintf(output, srv.url()))
	agent := s.StartAgent(t)
	o := feed(t, s, srv)
	s.AwaitDrained(t, o.Bytes.Load())
	site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
	counted := sample(t, s, "shipper_output_dead_records_total")
	delivered := sample(t, s, "shipper_output_records_total")
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	dead := deadLetters(t, s)
	for _, message := range dead {
		if !poison(message) {
			t.Errorf("%q is a dead letter", message)
		}
	}
	if len(dead) == 0 || counted != len(dead) || delivered != o.Seq-len(dead) {
		t.Errorf("%d dead letters, %d counted, %d of %d records delivered", len(dead), counted, delivered, o.Seq)
	}
	site.Want(t, o, o.Judge(append(srv.lines(), dead...)))
	return s, o
}

func refusedRecords(t *testing.T) {
	srv := &server{script: func(n int) act {
		return func(c *call) bool {
			body := c.body()
			if hasPoison(c.documents(body)) {
				return c.reply(400+n%2*22, "", []byte(`{"error":"no such field"}`))
			}
			_, answer := c.store(body)
			return c.reply(200, "", answer)
		}
	}}
	s, o := collect(t, srv, "http: {url: %s, compression: gzip}")
	says(t, s, `reason="400 Bad Request: no such field"`)
	replay(t, s, srv, "no such field")
	site.Want(t, o, o.Judge(srv.lines()))
}

func tooLarge(t *testing.T) {
	srv := &server{script: func(int) act {
		return func(c *call) bool {
			body := c.body()
			if len(body) > 20_000 || hasPoison(c.documents(body)) {
				return c.reply(413, "", nil)
			}
			_, answer := c.store(body)
			return c.reply(200, "", answer)
		}
	}}
	s, _ := collect(t, srv, "http: {url: %s, compression: none}")
	says(t, s, `reason="413 Request Entity Too Large"`)
}

// refusedBlock has an indexer's front refuse one block for ever.
func refusedBlock(t *testing.T) {
	srv := &server{script: func(int) act {
		return func(c *call) bool {
			body := c.body()
			bad := false
			if err := native.Decode(body, func(f protocol.Frame) error { bad = bad || f.Sequence == 2; return nil }); err != nil {
				t.Error(err)
			}
			if bad {
				return c.reply(400, "", []byte("malware found\n"))
			}
			code, answer := c.store(body)
			return c.reply(code, "", answer)
		}
	}}
	s, agent := through(t, srv)
	o := feed(t, s, srv)
	s.AwaitDrained(t, o.Bytes.Load())
	site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
	counted := sample(t, s, "shipper_output_dead_records_total")
	says(t, s, `reason="400 Bad Request: malware found"`)
	agent.Stop(t)
	dead := deadLetters(t, s)
	if len(dead) == 0 || counted != len(dead) {
		t.Errorf("%d dead letters, %d counted", len(dead), counted)
	}
	site.Want(t, o, o.Judge(append(dead, o.Fetch(t, s.URL(), `{writer="w"}`)...)))
	replay(t, s, srv, "malware found")
	site.Want(t, o, o.Check(t, s.URL()))
}

// credentials replaces the token after five refusals.
func credentials(t *testing.T) {
	s := site.New(t, binary, "", "")
	token := filepath.Join(s.Dir, "token")
	write := func(value string) {
		if err := os.WriteFile(token, []byte(value+"\n"), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("old")
	refused := 0
	srv := serve(t, &server{target: s.URL(), script: func(int) act {
		return func(c *call) bool {
			if c.req.Header.Get("Authorization") == "Bearer new" {
				return good(c)
			}
			if refused++; refused == 5 {
				write("new")
			}
			return status(401+refused%2*2, "")(c)
		}
	}})
	shipTo(t, s, "", "native: {url: "+srv.url()+"}\n    auth: {bearer: \"${file:"+token+"}\"}")
	edit(t, s, "timeout: 1s", "timeout: 20s")
	s.StartIndexer(t)
	s.StartAgent(t)
	o := feed(t, s, srv)
	settle(t, s, o)
	if n := sample(t, s, "shipper_output_unauthorized_requests_total"); n < 5 || sample(t, s, "shipper_output_dead_records_total") != 0 {
		t.Errorf("%d requests were unauthorized", n)
	}
	says(t, s, "401 Unauthorized", "403 Forbidden", "delivery works again")
}

func tryLater(t *testing.T) {
	var faults []act
	for range 2 {
		for _, code := range []int{408, 429, 500, 502, 503, 504} {
			faults = append(faults, status(code, ""))
		}
	}
	srv := &server{script: first(faults...)}
	s, _ := within(t, srv, "20s")
	settle(t, s, feed(t, s, srv))
	if n := sample(t, s, "shipper_output_failed_requests_total"); n != len(faults) {
		t.Errorf("%d requests failed", n)
	}
	says(t, s, `reason="408 `, `reason="429 `, `reason="500 `, `reason="502 `, `reason="503 `, `reason="504 `)
}

// retryAfter judges by when the next request comes. What is longer than a test
// may take is internal/deliver's.
func retryAfter(t *testing.T) {
	var mu sync.Mutex
	var times []time.Time
	values := []string{"1", "date", "0", "-5", "soon", ""}
	srv := &server{script: func(n int) act {
		mu.Lock()
		times = append(times, time.Now())
		mu.Unlock()
		if n >= len(values) {
			return good
		}
		value := values[n]
		if value == "date" {
			value = time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)
		}
		return spoil(status(429, "Retry-After: "+value+"\r\n"))
	}}
	s, _ := within(t, srv, "20s")
	settle(t, s, feed(t, s, srv))
	for i, least := range []time.Duration{time.Second, time.Second} { // a date has whole seconds
		if wait := times[i+1].Sub(times[i]); wait < least {
			t.Errorf("Retry-After %s: the next request came after %v", values[i], wait)
		}
	}
}

func slow(t *testing.T) {
	srv := &server{
		greet: func(_ int, c net.Conn) bool { return c.(*net.TCPConn).SetReadBuffer(4096) == nil },
		script: first(
			func(c *call) bool { c.body(); return c.hang() },
			func(c *call) bool { // its window is closed until the agent is gone
				site.Await(t, "another connection", func() bool { return c.conns.Load() > 2 })
				return false
			},
			func(c *call) bool {
				c.body()
				drip(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
				return false
			},
			func(c *call) bool {
				c.body()
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
				drip(c, strings.Repeat(" ", 1000))
				return false
			},
		)}
	s, _ := through(t, srv)
	settle(t, s, feed(t, s, srv))
	says(t, s, "no whole answer within 1s")
}

// drip writes a byte every 300 ms, as long as somebody reads.
func drip(w io.Writer, text string) {
	for i := range len(text) {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(300 * time.Millisecond)
	}
}

func broken(t *testing.T) {
	srv := &server{script: first(
		func(*call) bool { return false },
		func(c *call) bool { c.body(); return false },
		func(c *call) bool { c.body(); return c.reset() },
		func(c *call) bool {
			io.CopyN(io.Discard, c.req.Body, c.req.ContentLength/2)
			return c.reset()
		},
		text("HTTP/1.1 20"),
		text("SSH-2.0-OpenSSH_9.2p1\r\n"),
		text("\x00\x01\x02\xff"),
		text("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
		text("HTTP/1.1 999999 \r\n\r\n"),
	)}
	s, _ := within(t, srv, "20s")
	settle(t, s, feed(t, s, srv))
	if n := srv.spoilt.Load(); n != 9 {
		t.Errorf("%d requests were spoilt", n)
	}
	says(t, s, `malformed HTTP response \"SSH-2.0-OpenSSH_9.2p1\"`)
}

func lostAck(t *testing.T) {
	srv := &server{script: func(n int) act {
		if n%3 == 2 || n > 20 {
			return good
		}
		return spoil(func(c *call) bool {
			c.store(c.body())
			return c.reset()
		})
	}}
	s, _ := through(t, srv)
	settle(t, s, feed(t, s, srv))
	if srv.twice() == 0 {
		t.Error("nothing was stored twice: the test shows nothing")
	}
}

func cutAnswer(t *testing.T) {
	cut := func(end func(c *call) bool, store bool) act {
		return func(c *call) bool {
			body, answer := c.body(), []byte(`{"through":1000000,"stored":1}`)
			if store {
				_, answer = c.store(body)
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer)+10, answer)
			return end(c)
		}
	}
	ended := func(*call) bool { return false }
	srv := &server{script: first(
		cut(ended, true), cut(ended, false), cut((*call).hang, true), cut((*call).hang, false),
		text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{\"through\":1000000,\"stored\":1}"),
		text("HTTP/1.0 200 OK\r\n\r\n{\"through\":100"),
		text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		text("HTTP/1.1 204 No Content\r\n\r\n"),
	)}
	s, _ := through(t, srv)
	settle(t, s, feed(t, s, srv))
	if srv.twice() == 0 || srv.spoilt.Load() != 8 {
		t.Errorf("%d requests stored twice, %d spoilt", srv.twice(), srv.spoilt.Load())
	}
}

// bulkItems is a bulk API that is busy for some records, does not take others,
// and stores by ID.
func bulkItems(t *testing.T) {
	var mu sync.Mutex
	have := map[string]string{} // messages by ID
	srv := &server{script: func(n int) act {
		return func(c *call) bool {
			var answer struct {
				Errors bool             `json:"errors"`
				Items  []map[string]any `json:"items"`
			}
			mu.Lock()
			defer mu.Unlock()
			repeated := 0
			for i, d := range c.documents(c.body()) {
				status, reason := 201, ""
				_, known := have[d.ID]
				switch {
				case d.ID == "":
					t.Error("a record has no ID")
				case poison(d.Message):
					status, reason = 400, "mapper_parsing_exception"
				case n%3 == 0 && i%2 == 1 && n < 10:
					status, reason = 429, "es_rejected_execution_exception"
				case known:
					status, reason = 409, "version_conflict_engine_exception"
					repeated++
				default:
					have[d.ID] = d.Message
				}
				item := map[string]any{"status": status}
				if reason != "" {
					answer.Errors = true
					item["error"] = map[string]string{"type": reason, "reason": "see there"}
				}
				answer.Items = append(answer.Items, map[string]any{"create": item})
			}
			if repeated > 0 {
				c.spoilt.Add(1)
			}
			body, err := json.Marshal(answer)
			if err != nil {
				t.Error(err)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.kept = map[string][]document{"": nil}
			for id, message := range have {
				c.kept[""] = append(c.kept[""], document{ID: id, Message: message})
			}
			return c.reply(200, "", body)
		}
	}}
	s, _ := collect(t, srv, "elasticsearch: {url: %s, index: logs}")
	if srv.spoilt.Load() == 0 {
		t.Error("no record came again: the test shows nothing")
	}
	says(t, s, `reason="mapper_parsing_exception: see there"`, "es_rejected_execution_exception")
}

func redirect(t *testing.T) {
	var faults []act
	for _, code := range []int{301, 302, 303, 307, 308, 300} {
		faults = append(faults, status(code, "Location: /login?secret=hunter2\r\n"))
	}
	srv := &server{script: first(append(faults, status(302, ""), text("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<h1>login</h1>"))...)}
	s, _ := within(t, srv, "20s")
	settle(t, s, feed(t, s, srv))
	if srv.logins != 0 || srv.spoilt.Load() != 8 {
		t.Errorf("%d redirects were followed, %d requests spoilt", srv.logins, srv.spoilt.Load())
	}
	if strings.Contains(s.AgentLog.String(), "hunter2") {
		t.Error("the agent's log has the query of the redirect")
	}
	says(t, s, "302 Found: redirect to", "307 Temporary Redirect: redirect to", "200 without a whole answer of an indexer")
}

func hugeAnswer(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 200 { // more than the memory that is allowed below
		z.Write(zeros)
	}
	z.Close()
	endless := func(head, piece string) act {
		return func(c *call) bool {
			c.body()
			io.WriteString(c, head)
			for {
				if _, err := io.WriteString(c, piece); err != nil {
					return false
				}
			}
		}
	}
	mib := strings.Repeat(" ", 1<<20)
	srv := &server{script: first(
		text("HTTP/1.1 200 OK\r\nX-Huge: "+mib+mib+"\r\nContent-Length: 0\r\n\r\n"),
		endless("HTTP/1.1 200 OK\r\n", "X-More: "+mib[:1000]+"\r\n"),
		endless("HTTP/1.1 200 OK\r\n\r\n", mib),
		endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "100000\r\n"+mib+"\r\n"),
		endless("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
		endless("", "HTTP/1.1 100 Continue\r\n\r\n"),
		endless("HTTP/1.1 503 Service Unavailable\r\n\r\n", mib),
		text("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "+strconv.Itoa(bomb.Len())+"\r\n\r\n"+bomb.String()),
	)}
	s, agent := through(t, srv)
	settle(t, s, feed(t, s, srv))
	if n := srv.spoilt.Load(); n != 8 {
		t.Errorf("%d requests were spoilt", n)
	}
	if peak := peakMemory(t, agent); peak > 192<<20 {
		t.Errorf("the agent took %d MiB", peak>>20)
	}
}

// peakMemory is the most memory that a process ever had, in bytes.
func peakMemory(t *testing.T, p *site.Process) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// closedConnection closes each connection behind its second request, every other
// time without having read it.
func closedConnection(t *testing.T) {
	var mu sync.Mutex
	used := map[net.Conn]int{}
	second := 0
	srv := &server{script: func(int) act {
		return func(c *call) bool {
			mu.Lock()
			used[c.Conn]++
			again := used[c.Conn] > 1
			if again {
				second++
			}
			silent := again && second%2 == 0
			mu.Unlock()
			if silent {
				c.spoilt.Add(1)
				return false
			}
			return good(c) && !again
		}
	}}
	s, _ := within(t, srv, "20s")
	o := feed(t, s, srv)
	for range 10 {
		before := srv.requests.Load()
		o.Write(t, 100)
		site.Await(t, "a request", func() bool { return srv.requests.Load() > before })
	}
	settle(t, s, o)
	// A request whose body was on its way may fail, and is sent again.
	if n := srv.spoilt.Load(); n == 0 || sample(t, s, "shipper_output_failed_requests_total") > int(n) {
		t.Errorf("%d requests met a closed connection, %d failed", srv.spoilt.Load(), sample(t, s, "shipper_output_failed_requests_total"))
	}
}

// downForAWhile has no indexer for 5 s, 60 s in make fault-all, at some 5,000
// lines a second, and then one; the writer goes on.
func downForAWhile(t *testing.T) {
	down := 5 * time.Second
	if all() {
		down = time.Minute
	}
	s := site.New(t, binary, "", "queue: {max_bytes: 256MiB}\n")
	shipTo(t, s, s.URL(), "")
	edit(t, s, "timeout: 1s", "timeout: 20s")
	indexer := s.StartIndexer(t)
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 20_000)
	o.Pause = 20 * time.Millisecond
	s.Begin(t, o)
	s.AwaitDrained(t, o.Bytes.Load())
	indexer.Kill()
	for start := time.Now(); time.Since(start) < down; {
		o.Write(t, 1000)
	}
	site.Await(t, "the output to be down", func() bool {
		return s.Metric(t, `shipper_output_failing{output="index"}`) == 1 && s.Metric(t, `shipper_queue_undelivered_blocks{output="index"}`) > 0
	})
	s.StartIndexer(t)
	o.Write(t, 5000)
	settle(t, s, o)
	says(t, s, "connection refused", "delivery works again")
}

func flapping(t *testing.T) {
	random := rand.New(rand.NewPCG(98, 1))
	var mu sync.Mutex
	srv := &server{script: func(int) act {
		mu.Lock()
		defer mu.Unlock()
		switch random.IntN(4) {
		case 0:
			return spoil(status(503, ""))
		case 1:
			return spoil(func(c *call) bool { // it was stored
				c.store(c.body())
				return c.reply(503, "", nil)
			})
		}
		return good
	}}
	s, agent := within(t, srv, "20s")
	o := feed(t, s, srv)
	for range 40 {
		before := srv.requests.Load()
		o.Write(t, 200)
		site.Await(t, "a request", func() bool { return srv.requests.Load() > before })
	}
	agent.Signal(syscall.SIGHUP) // nothing has changed
	settle(t, s, o)
	if n := sample(t, s, "shipper_output_failed_requests_total"); n < 10 || srv.twice() == 0 {
		t.Errorf("%d requests failed, %d were stored twice: the test shows little", n, srv.twice())
	}
	says(t, s, "503 Service Unavailable: sad 503")
}
