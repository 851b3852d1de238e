package indexer

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// client is one connection that makes requests, and never another one.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, r *running) *client {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{c, bufio.NewReader(c)}
}

// get reports whether the connection still answers.
func (c *client) get(path string) error {
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return err
}

// closed waits until the other side closes the connection.
func (c *client) closed(t *testing.T) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.in.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatalf("the connection gave %d bytes", n)
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Fatal("the connection is still open")
	}
}

// TestIdleConnectionsMakeRoom opens far more connections than there may be. One
// that made a request survives those that never did.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	r := start(t, &Indexer{Dir: t.TempDir(), MaxConnections: 4})
	good := dial(t, r)
	if err := good.get("/healthz"); err != nil {
		t.Fatal(err)
	}
	var idle []*client
	for range 20 {
		idle = append(idle, dial(t, r))
	}
	for _, c := range idle[:17] {
		c.closed(t)
	}
	if err := good.get("/healthz"); err != nil {
		t.Errorf("the connection in use was closed: %v", err)
	}
	// The newest can still make their request.
	if err := idle[19].get("/healthz"); err != nil {
		t.Errorf("the newest connection: %v", err)
	}
	_, metrics := scrape(t, idle[19])
	for _, want := range []string{
		"shipper_index_connections 4", "shipper_index_connections_limit 4",
		`shipper_index_connections_closed_total{which="old"} 17`, `shipper_index_connections_closed_total{which="new"} 0`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	// Connections that made a request make room, too, if there is nothing else.
	for range 8 {
		if err := dial(t, r).get("/healthz"); err != nil {
			t.Error(err)
		}
	}
}

func scrape(t *testing.T, c *client) (int, string) {
	t.Helper()
	fmt.Fprintf(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(p)
}

// TestBusyConnectionsStay fills all places with requests under way.
func TestBusyConnectionsStay(t *testing.T) {
	r := start(t, &Indexer{Dir: t.TempDir(), MaxConnections: 2})
	busy := []*client{dial(t, r), dial(t, r)}
	for _, c := range busy {
		fmt.Fprintf(c, "POST /api/v1/ndjson HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 15\r\n\r\n")
		if line, err := c.in.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
			t.Fatalf("%q %v", line, err)
		}
		_, _ = c.in.ReadString('\n')
	}
	dial(t, r).closed(t)
	for _, c := range busy {
		fmt.Fprintf(c, `{"msg":"hello"}`)
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s", resp.Status)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	if err := dial(t, r).get("/healthz"); err != nil {
		t.Errorf("there is room again: %v", err)
	}
}

// TestLongRequestsMakeRoom fills all places with requests that do not end.
func TestLongRequestsMakeRoom(t *testing.T) {
	r := start(t, &Indexer{Dir: t.TempDir(), MaxConnections: 3})
	var stuck []*client
	for _, path := range []string{"/api/v1/ndjson", "/loki/api/v1/query", "/api/v1/native"} {
		c := dial(t, r)
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
			"Shipper-Agent: %s\r\nShipper-Epoch: 1\r\nContent-Length: 15\r\n\r\n", path, agent)
		if line, err := c.in.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
			t.Fatalf("%s: %q %v", path, line, err)
		}
		stuck = append(stuck, c)
	}
	refused := 0
	for end := time.Now().Add(20 * time.Second); dial(t, r).get("/healthz") != nil; time.Sleep(10 * time.Millisecond) {
		if refused++; time.Now().After(end) {
			t.Fatal("no room for 20 s")
		}
	}
	if refused == 0 {
		t.Error("a request that has just begun made room")
	}
	_, _ = stuck[0].in.ReadString('\n')
	stuck[0].closed(t) // the first one
}

// TestHeaderLimits wants a header that is too large refused, whatever is in it.
func TestHeaderLimits(t *testing.T) {
	r := start(t, &Indexer{Dir: t.TempDir()})
	for name, header := range map[string]string{
		"one line":   "X: " + strings.Repeat("x", 1<<20),
		"many lines": strings.Repeat("X: x\r\n", 1<<17) + "Y: y",
		"cookie":     "Cookie: " + strings.Repeat("a=b;", 1<<18),
	} {
		c := dial(t, r)
		go fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", header)
		line, err := c.in.ReadString('\n')
		if err == nil && !strings.Contains(line, " 431 ") {
			t.Errorf("%s: %q", name, line)
		}
		c.Close()
	}
	if err := dial(t, r).get("/healthz"); err != nil {
		t.Error(err)
	}
}
