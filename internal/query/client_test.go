package query

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
	"shipper/internal/segment"
)

func TestClient(t *testing.T) {
	base := server(t)
	f := func(c Client, query, want string) {
		t.Helper()
		var out strings.Builder
		c.URL, c.Out = base+"/", &out
		if c.From.IsZero() {
			c.From, c.To = epoch, epoch.Add(time.Minute)
		}
		got := ""
		if err := c.Run(t.Context(), query); err != nil {
			got = fmt.Sprintf("error %T: %v", err, err)
		} else {
			got = out.String()
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", query, got, want)
		}
	}
	local := func(s int) string { return epoch.Add(time.Duration(s) * time.Second).Local().Format(timeFormat) }
	second := func(s int) string { return epoch.Add(time.Duration(s) * time.Second).Local().Format(time.RFC3339) }
	f(Client{}, `{service_name="carts"} | status > 500`, local(9)+" ERROR carts  line 9 \"quoted\"\n"+local(39)+" ERROR carts  line 39 \"quoted\"\n")
	f(Client{Limit: 2, Color: true}, `{service_name="carts"}`, local(49)+" \x1b[32mINFO \x1b[0m carts  line 49 \"quoted\"\n"+local(59)+" \x1b[32mINFO \x1b[0m carts  line 59 \"quoted\"\n")
	f(Client{Limit: 1, JSON: true}, `{service_name="carts"}`,
		`{"timestamp":"2026-11-23T06:00:59.000000000Z","severity":"info","severity_number":9,"message":"line 59 \"quoted\"","timestamp_source":"read","service.name":"carts","id":"s-3b","host.name":"n1","attributes":{"status":200,"took":"5900ms"}}`+"\n")
	f(Client{}, `{service_name="none"}`, "")
	f(Client{}, `sum by (service_name, level) (count_over_time({}[1m]))`,
		"TIME                  level  service_name  VALUE\n"+
			second(60)+"  error  carts         2\n"+second(60)+"  error  payments      17\n"+second(60)+"  info   carts         4\n"+second(60)+"  info   payments      36\n")
	f(Client{Step: 30 * time.Second}, `sum(rate({}[30s]))`,
		"TIME                  VALUE\n"+second(0)+"  0.03333333333333333\n"+second(30)+"  1\n"+second(60)+"  0.9666666666666667\n")
	f(Client{JSON: true}, `sum by (service_name) (count_over_time({service_name="payments"}[1m]))`,
		`{"timestamp":"2026-11-23T06:01:00Z","value":53,"labels":{"service_name":"payments"}}`+"\n")
	f(Client{}, `{service_name=}`, `error *query.Refused: parse error at line 1, col 15: syntax error: unexpected "}", expecting a string`)
	f(Client{Step: time.Millisecond}, `rate({}[1m])`, `error *query.Refused: exceeded maximum resolution of 11000 points per time series: use a larger step`)
	f(Client{Follow: true}, `rate({}[1m])`, `error *query.Refused: only log queries can be followed`)

	c := Client{URL: "http://127.0.0.1:1", Out: io.Discard}
	if err := c.Run(t.Context(), `{a="b"}`); err == nil || err.Error() != "nobody listens at http://127.0.0.1:1: start `shipper index`, or name the indexer with --addr" {
		t.Errorf("no indexer: %v", err)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	c.URL = other.URL
	if err := c.Run(t.Context(), `{a="b"}`); err == nil || err.Error() != other.URL+" is no indexer of shipper: it has no /api/v1/records" {
		t.Errorf("something else: %v", err)
	}
}

// TestCanonical wants of records what they were before they were stored.
func TestCanonical(t *testing.T) {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "8e1f0c2ab3d44e5f", Labels: []record.Label{{Name: "host.name", Value: "n1"}, {Name: "log.file.path", Value: "/var/log/a.log"}}}, nil)
	for i := range 12 {
		r := b.Begin()
		r.Time, r.Observed, r.Offset = epoch.UnixNano()+int64(i), epoch.UnixNano()+int64(i*1e9), int64(i*100)
		r.Severity, r.TimeSource, r.Format = uint8(i*2), record.TimeSource(i%6), uint8(i)
		r.Body = b.AddString(fmt.Sprintf("message %d\n\x01\"", i))
		if i%2 == 0 {
			r.SeverityText, r.Logger = b.AddString("WARN"), b.AddString("a.b")
			r.Flags |= record.HasTrace | record.Truncated
			r.TraceID, r.TraceFlags = [16]byte{1, 2, 15: byte(i)}, 1
		}
		if i%3 == 0 {
			r.Flags |= record.HasSpan
			r.SpanID = [8]byte{7: byte(i)}
			b.AddField(record.Field{Key: record.Name("service.name"), Val: b.AddString("payments")})
			b.AddField(record.IntField(b.AddString("int"), int64(-i)))
			b.AddField(record.Field{Key: b.AddString("number"), Val: b.AddString("1.50"), Kind: record.Number})
			b.AddField(record.BoolField(b.AddString("yes"), i%2 == 0))
			b.AddField(record.Field{Key: b.AddString("nothing"), Kind: record.Null})
			b.AddField(record.Field{Key: b.AddString("list"), Val: b.AddString(`["eu",{"a":1}]`), Kind: record.JSON})
		}
		if i%4 == 0 { // names of members
			b.AddField(record.Field{Key: b.AddString("level"), Val: b.AddString("own")})
			b.AddField(record.Field{Key: b.AddString("trace_id"), Val: b.AddString("none")})
			b.AddField(record.Field{Key: b.AddString("empty"), Val: b.AddString("")})
		}
	}
	builder := segment.NewBuilder()
	builder.Add(b)
	s := httptest.NewServer(newHandler(blockStore{builder.Build()}, time.Now))
	defer s.Close()
	var got bytes.Buffer
	c := Client{URL: s.URL, From: epoch, To: epoch.Add(time.Second), JSON: true, Out: &got}
	if err := c.Run(t.Context(), `{}`); err != nil {
		t.Fatal(err)
	}
	// A column each, so attributes come back by name.
	sorted := func(lines []byte) string {
		t.Helper()
		var out []byte
		err := ndjson.Decode(lines, func(b *record.Batch) error {
			for i := range b.Records {
				for _, f := range b.FieldsOf(&b.Records[i]) {
					out = fmt.Appendf(out, "%s:%d:%s ", b.Bytes(f.Key), f.Kind, b.Text(nil, f))
				}
				out = append(out, '\n')
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(string(out))
		return strings.Join(words, " ")
	}
	var want []byte
	for i := range b.Records {
		want = append(ndjson.AppendRecord(want, b, &b.Records[i]), '\n')
	}
	cut := func(lines string) (heads []string) {
		for line := range strings.Lines(lines) {
			head, _, _ := strings.Cut(line, `,"attributes"`)
			heads = append(heads, strings.TrimSuffix(head, "}\n"))
		}
		return heads
	}
	g, w := cut(got.String()), cut(string(want))
	if len(g) != len(w) {
		t.Fatalf("%d records, want %d", len(g), len(w))
	}
	for i := range g {
		if g[i] != w[i] {
			t.Errorf("got  %s\nwant %s", g[i], w[i])
		}
	}
	count := func(s string) map[string]int {
		m := map[string]int{}
		for _, w := range strings.Fields(s) {
			m[w]++
		}
		return m
	}
	gc, wc := count(sorted(got.Bytes())), count(sorted(want))
	for k, n := range wc {
		if gc[k] != n {
			t.Errorf("%d fields %s, want %d", gc[k], k, n)
		}
	}
	if len(gc) != len(wc) {
		t.Errorf("fields %v, want %v", gc, wc)
	}
}

// liveStore gets records while it is queried.
type liveStore struct {
	Store
	mu      sync.Mutex
	batch   record.Batch
	failing bool
}

func (s *liveStore) Search(ctx context.Context, q segment.Query, emit func(segment.Row) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing {
		return fmt.Errorf("no disk")
	}
	builder := segment.NewBuilder()
	builder.Add(&s.batch)
	return builder.Build().Search(ctx, q, emit)
}

// put stores a record of a time relative to now.
func (s *liveStore) put(line string, ago time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.batch.Stream == nil {
		s.batch.Reset(&record.Stream{ID: "s"}, nil)
	}
	r := s.batch.Begin()
	r.Time, r.Offset = time.Now().Add(-ago).UnixNano(), int64(len(s.batch.Records))
	r.Body = s.batch.AddString(line)
}

// inMemory answers requests without a network, at the time of a bubble.
type inMemory struct{ http.Handler }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	resp := w.Result()
	resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return resp, nil
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(liveStore)
		for i := range 5 {
			s.put(fmt.Sprint("old ", i), time.Duration(5-i)*time.Second)
		}
		var out, warn strings.Builder
		c := Client{URL: "http://indexer", HTTP: &http.Client{Transport: inMemory{newHandler(s, time.Now)}},
			From: time.Now().Add(-time.Hour), Limit: 2, Follow: true, Out: &out, Err: &warn}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx, `{} != "hidden"`) }()
		step := func(want string) {
			t.Helper()
			time.Sleep(1001 * time.Millisecond)
			synctest.Wait()
			var got []string
			for line := range strings.Lines(out.String()) {
				_, line, _ = strings.Cut(strings.TrimSpace(line), "  ")
				got = append(got, strings.TrimSpace(line))
			}
			out.Reset()
			if g := strings.Join(got, ", "); g != want {
				t.Errorf("printed %q, want %q", g, want)
			}
		}
		step("old 3, old 4") // and no older ones afterwards
		step("")
		s.put("a", 0)
		s.put("hidden", 0)
		s.put("b", 0)
		step("a, b")
		s.put("late", 2*time.Second)
		step("late")
		s.put("b", time.Second)     // the same text is not the same record
		s.put("future", -time.Hour) // and hides nothing
		step("b, future")
		time.Sleep(20 * time.Second) // overlap is behind
		s.put("c", 0)
		step("c")
		s.mu.Lock()
		s.failing = true
		s.mu.Unlock()
		s.put("d", 0)
		step("")
		step("")
		s.mu.Lock()
		s.failing = false
		s.mu.Unlock()
		step("d")
		if got := warn.String(); got != "no disk; asking again every 1s\nthe indexer answers again\n" {
			t.Errorf("said %q", got)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestText(t *testing.T) {
	c := Client{}
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f(c.text("plain é\ttext"), "plain é\ttext")
	f(c.text("a\x1b[31mb\nc\u202ed\x00\r\xff\u2028\u009b"), `a\x1b[31mb`+"\n    "+`c\u202ed\x00\r\xff\u2028\u009b`)
	f(c.cell("a\n\tb"), `a\n\tb`)
	c.Raw = true
	f(c.text("a\x1b[31mb\nc"), "a\x1b[31mb\nc")
}
