package query

import (
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"shipper/internal/record"
	"shipper/internal/segment"
)

// huge is a block with more than sockets keep of an answer that nobody reads.
func huge() *segment.Block {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, nil)
	for i := range 2000 {
		r := b.Begin()
		r.Time, r.Offset = epoch.Add(time.Duration(i)*time.Millisecond).UnixNano(), int64(i)
		r.Body = b.AddString(strings.Repeat(fmt.Sprint(i, " "), 2000))
	}
	builder := segment.NewBuilder()
	builder.Add(b)
	return builder.Build()
}

// TestWhoDoesNotReadGivesWay takes all places with clients that do not read, and
// asks once more.
func TestWhoDoesNotReadGivesWay(t *testing.T) {
	for path, places := range map[string]int{
		RecordsPath + "?query=%7B%7D":                      concurrentParts,
		"/loki/api/v1/query_range?query=%7B%7D&limit=5000": concurrent,
	} {
		h := newHandler(blockStore{huge()}, func() time.Time { return epoch.Add(time.Minute) })
		s := httptest.NewServer(h)
		defer s.Close()
		for range places {
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
			if _, err := io.ReadFull(c, make([]byte, 12)); err != nil { // it has a place
				t.Fatal(err)
			}
		}
		c := s.Client()
		c.Timeout = 40 * time.Second // who does not read may take longer
		resp, err := c.Get(s.URL + path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || n < 8<<20 || err != nil {
			t.Errorf("%s: %s, %d bytes, %v", path, resp.Status, n, err)
		}
	}
}
