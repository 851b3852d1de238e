package fault

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
	"shipper/test/site"
)

// server is a receiver on raw TCP that can do all that a receiver must not do:
// its script says what becomes of each request. Good ones go whole to an indexer,
// or their lines are kept here. What comes again under a key has to be the same
// to the byte.
type server struct {
	target string                       // URL of the indexer; empty: lines are kept
	script func(n int) act              // for request n, from 0; nil: all are good
	greet  func(n int, c net.Conn) bool // before connection n is read from; it reports whether it goes on; nil: it does
	tls    func(n int) *tls.Config      // of connection n behind greet; nil: none
	l      net.Listener                 // nil: one on loopback

	t               *testing.T
	requests, conns atomic.Int64
	mild            atomic.Bool  // all requests are good from now on
	spoilt          atomic.Int64 // requests that met another act than good

	mu     sync.Mutex
	bodies map[string][sha256.Size]byte // of requests, by key
	kept   map[string][]document        // by key
	stored map[string]int               // how often a key was stored
	blocks map[string][sha256.Size]byte // of the native protocol that were stored, by ID
	again  int                          // blocks that were stored before
	logins int                          // requests to where a redirect leads
	open   map[net.Conn]bool
}

// act answers a request, whose body it may read. It reports whether the
// connection goes on.
type act func(c *call) bool

// call is a request on its connection.
type call struct {
	*server
	net.Conn
	req *http.Request
}

// serve starts s. It ends with the test.
func serve(t *testing.T, s *server) *server {
	t.Helper()
	s.t = t
	s.bodies, s.kept, s.stored, s.open = map[string][sha256.Size]byte{}, map[string][]document{}, map[string]int{}, map[net.Conn]bool{}
	s.blocks = map[string][sha256.Size]byte{}
	if s.l == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.l = l
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			n := int(s.conns.Add(1)) - 1
			s.mu.Lock()
			s.open[c] = true
			s.mu.Unlock()
			serving.Go(func() { s.serveConn(n, c) })
		}
	})
	t.Cleanup(func() {
		s.l.Close()
		s.closeAll()
		serving.Wait()
	})
	return s
}

// closeAll closes the connections that there are.
func (s *server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.Close()
	}
}

// forget resets the connections that there are.
func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}

// url is where s listens.
func (s *server) url() string {
	if s.tls != nil {
		return "https://" + s.l.Addr().String()
	}
	return "http://" + s.l.Addr().String()
}

func (s *server) serveConn(n int, c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	}()
	if s.greet != nil && !s.greet(n, c) {
		return
	}
	if s.tls != nil {
		c = tls.Server(c, s.tls(n))
	}
	in := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if req.URL.Path == "/login" {
			s.mu.Lock()
			s.logins++
			s.mu.Unlock()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<h1>login</h1>")
			return
		}
		do, n := act(good), int(s.requests.Add(1))-1
		if s.script != nil && !s.mild.Load() {
			do = s.script(n)
		}
		if !do(&call{server: s, Conn: c, req: req}) {
			return
		}
	}
}

// first meets the first requests with faults, one each, and is good to all others.
func first(faults ...act) func(n int) act {
	return func(n int) act {
		if n < len(faults) {
			return spoil(faults[n])
		}
		return good
	}
}

// spoil is do, counted as a fault.
func spoil(do act) act {
	return func(c *call) bool {
		c.spoilt.Add(1)
		return do(c)
	}
}

// body reads a request to its end; nil if it broke off.
func (c *call) body() []byte {
	body, err := io.ReadAll(c.req.Body)
	if err != nil {
		return nil
	}
	key, sum := c.req.Header.Get("Idempotency-Key"), sha256.Sum256(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if before, ok := c.bodies[key]; ok && before != sum || key == "" {
		c.t.Errorf("another body under the key %q", key)
	}
	c.bodies[key] = sum
	return body
}

// store stores a request and returns the answer to it.
func (c *call) store(body []byte) (code int, answer []byte) {
	if body == nil {
		return http.StatusBadRequest, nil
	}
	key := c.req.Header.Get("Idempotency-Key")
	var kept []document
	if c.target == "" {
		code, answer = http.StatusOK, []byte("{}")
		kept = c.documents(body)
	} else {
		r, err := http.NewRequest(http.MethodPost, c.target+c.req.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			c.t.Error(err)
			return http.StatusBadGateway, nil
		}
		r.Header = c.req.Header.Clone()
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return http.StatusBadGateway, nil
		}
		defer resp.Body.Close()
		if answer, err = io.ReadAll(resp.Body); err != nil {
			return http.StatusBadGateway, nil
		}
		code = resp.StatusCode
	}
	if code == http.StatusOK {
		c.mu.Lock()
		c.stored[key]++
		c.kept[key] = kept // again, if they came again: it is the same
		if c.req.URL.Path == native.Path {
			c.storeBlocks(body)
		}
		c.mu.Unlock()
	}
	return code, answer
}

// storeBlocks takes up the blocks of a request. One that was stored before has to
// be the same to the byte, whatever other blocks it comes with.
func (c *call) storeBlocks(body []byte) {
	agent, epoch, err := native.Sender(c.req.Header)
	if err == nil {
		err = native.Decode(body, func(f protocol.Frame) error {
			id, sum := fmt.Sprintf("%s-%d-%d", agent, epoch, f.Sequence), sha256.Sum256(f.Payload)
			before, ok := c.blocks[id]
			if ok {
				c.again++
			}
			if ok && before != sum {
				return fmt.Errorf("another block %s", id)
			}
			c.blocks[id] = sum
			return nil
		})
	}
	if err != nil {
		c.t.Error(err)
	}
}

// document is a record as NDJSON and the bulk API have it.
type document struct {
	ID          string `json:"id"` // or that of the action before it
	Message     string `json:"message"`
	File        string `json:"log.file.name"`
	Truncated   bool   `json:"log.truncated"`
	Partial     bool   `json:"log.partial"`
	InvalidUTF8 bool   `json:"log.invalid_utf8"`
	TimedOut    bool   `json:"log.timed_out"`
}

// documents decodes a body of NDJSON, with or without actions.
func (c *call) documents(body []byte) []document {
	text, err := new(protocol.Decompressor).Append(nil, body, c.req.Header.Get("Content-Encoding"), 1<<26)
	if err != nil {
		c.t.Error(err)
	}
	var all []document
	ends := map[string]uint64{} // the last offset of each stream
	id := ""
	for line := range bytes.Lines(text) {
		var d struct {
			document
			Create *struct {
				ID string `json:"_id"`
			}
		}
		if err := json.Unmarshal(line, &d); err != nil {
			c.t.Errorf("%v in %.200s", err, line)
		}
		if d.Create != nil {
			id = d.Create.ID
			continue
		}
		d.ID = cmp.Or(id, d.ID)
		stream, at, _ := strings.Cut(d.ID, "-")
		offset, err := strconv.ParseUint(at, 16, 64)
		if last, ok := ends[stream]; err != nil || ok && offset <= last {
			c.t.Errorf("%s comes behind offset %x of its stream: %v", d.ID, last, err)
		}
		ends[stream] = offset
		all = append(all, d.document)
	}
	return all
}

// lines are those that s has kept, a request that came twice once.
func (s *server) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, documents := range s.kept {
		for _, d := range documents {
			all = append(all, d.Message)
		}
	}
	return all
}

// file returns what s has kept of the files of a name, in the order of their bytes.
func (s *server) file(name string) []document {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []document
	for _, documents := range s.kept {
		for _, d := range documents {
			if d.File == name {
				all = append(all, d)
			}
		}
	}
	slices.SortFunc(all, func(x, y document) int { // stream, offset in hexadecimal
		xs, xo, _ := strings.Cut(x.ID, "-")
		ys, yo, _ := strings.Cut(y.ID, "-")
		return cmp.Or(strings.Compare(xs, ys), len(xo)-len(yo), strings.Compare(xo, yo))
	})
	return all
}

// twice is how many requests were stored more than once.
func (s *server) twice() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, times := range s.stored {
		if times > 1 {
			n++
		}
	}
	return n
}

// reply writes a whole answer.
func (c *call) reply(code int, header string, body []byte) bool {
	_, err := fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n%s\r\n%s", code, http.StatusText(code), len(body), header, body)
	return err == nil
}

// good stores a request and says so.
func good(c *call) bool {
	code, answer := c.store(c.body())
	return c.reply(code, "", answer)
}

// status refuses a request with a status and a header line.
func status(code int, header string) act {
	return func(c *call) bool {
		c.body()
		return c.reply(code, header, []byte("sad "+strconv.Itoa(code)+"\n"))
	}
}

// text answers with it and ends the connection. Nothing is stored: if it is
// taken for an acknowledgement, something is missing in the end.
func text(answer string) act {
	return func(c *call) bool {
		c.body()
		io.WriteString(c, answer)
		return false
	}
}

// reset ends the connection with an RST.
func (c *call) reset() bool {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
	return false
}

// hang waits until the other side gives up.
func (c *call) hang() bool {
	io.Copy(io.Discard, c.Conn)
	return false
}

// shipTo has the agent of s deliver to url, as the native protocol unless output
// says something else, in a hurry.
func shipTo(t *testing.T, s *site.Site, url string, output string) {
	t.Helper()
	if output == "" {
		output = "native: {url: " + url + "}"
	}
	s.SetOutput(t, output+"\n    timeout: 1s\n    backoff: {min: 10ms, max: 100ms}")
}

// through makes a site whose agent ships to its indexer through a server with
// that script, both running.
func through(t *testing.T, srv *server) (*site.Site, *site.Process) {
	t.Helper()
	return within(t, srv, "1s")
}

// within is through with another time-out: where none is the fault, a busy machine
// must not make one.
func within(t *testing.T, srv *server, timeout string) (*site.Site, *site.Process) {
	t.Helper()
	s := site.New(t, binary, "", "")
	srv.target = s.URL()
	serve(t, srv)
	shipTo(t, s, srv.url(), "")
	edit(t, s, "timeout: 1s", "timeout: "+timeout)
	s.StartIndexer(t)
	return s, s.StartAgent(t)
}

// feed writes lines in several requests, which one of the servers gets.
func feed(t *testing.T, s *site.Site, servers ...*server) *site.Oracle {
	t.Helper()
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	made := func() (n int64) {
		for _, srv := range servers {
			n += srv.requests.Load() + srv.conns.Load()
		}
		return n
	}
	for range 4 {
		before := made()
		o.Write(t, 1500)
		site.Await(t, "a request", func() bool { return made() > before })
	}
	return o
}

// says waits for the agent to say each text in its log, which is to be in exactly
// one line of it.
func says(t *testing.T, s *site.Site, texts ...string) {
	t.Helper()
	s.AwaitLog(t, texts...)
	for _, text := range texts {
		n := 0
		for line := range strings.Lines(s.AgentLog.String()) {
			if strings.Contains(line, text) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the agent said %q %d times", text, n)
		}
	}
}

// sample is a metric of the agent's output.
func sample(t *testing.T, s *site.Site, name string) int {
	t.Helper()
	return int(s.Metric(t, name+`{output="index"}`))
}

// replay queues the dead letters of s again, for which its receiver, srv, is mild
// now, and waits until they are delivered. The agent does not run.
func replay(t *testing.T, s *site.Site, srv *server, reason string) {
	t.Helper()
	list := command(t, s.Binary, "queue", "ls", "--dead", "-o", "json", "--data", s.AgentDir())
	letters := strings.Count(list, "\n")
	if letters == 0 || strings.Count(list, reason) != letters {
		t.Errorf("%d dead letters, want all with the reason %q:\n%.2000s", letters, reason, list)
	}
	if out := command(t, s.Binary, "queue", "replay", "--data", s.AgentDir()); out != fmt.Sprintf("%d dead letters queued again\n", letters) {
		t.Errorf("replay says %q, of %d", out, letters)
	}
	if left := deadLetters(t, s); len(left) != 0 {
		t.Errorf("%d dead letters are left", len(left))
	}
	srv.mild.Store(true)
	s.StartAgent(t)
	site.Await(t, "the first of them to be delivered", func() bool {
		return site.Status("http://"+s.Metrics+"/healthz") == 200 && sample(t, s, "shipper_output_blocks_total") > 0
	})
	s.AwaitDrained(t, 0)
}

// deadLetters are the messages that "shipper queue cat --dead" prints. The agent
// does not run.
func deadLetters(t *testing.T, s *site.Site) []string {
	t.Helper()
	cmd := exec.Command(s.Binary, "queue", "cat", "--dead", "--data", s.AgentDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range bytes.Lines(out) {
		var d document
		if err := json.Unmarshal(line, &d); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, d.Message)
	}
	return all
}
