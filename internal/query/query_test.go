package query

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"shipper/internal/record"
	"shipper/internal/segment"
)

// blockStore is a store of one block.
type blockStore struct{ *segment.Block }

func (s blockStore) Columns(context.Context, int64, int64) ([]string, error) { return s.Block.Columns() }

func (s blockStore) Values(ctx context.Context, column string, q segment.Query) (vs []string, err error) {
	err = s.Block.Values(ctx, column, q, func(v string) bool { vs = append(vs, v); return true })
	return vs, err
}

func (s blockStore) Stats(context.Context, segment.Query) (segment.Info, error) { return s.Info(), nil }

// epoch is the time of the first record.
var epoch = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

// server serves sixty records, one a second: every third an error, status 500
// and up for those, every tenth of another service.
func server(t *testing.T) string {
	t.Helper()
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s", Labels: []record.Label{{Name: "host.name", Value: "n1"}}}, nil)
	for i := range 60 {
		r := b.Begin()
		r.Time, r.Offset, r.Severity = epoch.Add(time.Duration(i)*time.Second).UnixNano(), int64(i), 9
		status, service := int64(200), "payments"
		if i%3 == 0 {
			r.Severity, status = 17, int64(500+i)
		}
		if i%10 == 9 {
			service = "carts"
		}
		r.Body = b.AddString(fmt.Sprintf("line %d \"quoted\"", i))
		b.AddField(record.Field{Key: record.Name("service.name"), Val: b.AddString(service)})
		b.AddField(record.IntField(b.AddString("status"), status))
		if i == 7 {
			r.Flags |= record.HasTrace
			r.TraceID[15] = 0xab
		}
	}
	builder := segment.NewBuilder()
	builder.Add(b)
	h := &Handler{Store: blockStore{builder.Build()}, Version: "test", now: func() time.Time { return epoch.Add(time.Minute) }}
	mux := http.NewServeMux()
	h.Routes(mux)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func get(t *testing.T, target string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("GET", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var r io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if r, err = gzip.NewReader(r); err != nil {
			t.Fatal(err)
		}
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestStreams(t *testing.T) {
	base := server(t)
	lines := func(query string, extra ...string) string {
		t.Helper()
		q := url.Values{"query": {query}, "start": {strconv.FormatInt(epoch.UnixNano(), 10)}, "end": {"2026-11-23T06:01:00Z"}}
		for i := 0; i < len(extra); i += 2 {
			q.Set(extra[i], extra[i+1])
		}
		code, body := get(t, base+"/loki/api/v1/query_range?"+q.Encode())
		if code != 200 {
			return strings.TrimSpace(body)
		}
		var a answer
		if err := json.Unmarshal([]byte(body), &a); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		var out []string
		for _, e := range a.entries() {
			out = append(out, strings.Fields(e.line)[1])
		}
		return strings.Join(out, " ")
	}
	f := func(want, query string, extra ...string) {
		t.Helper()
		if got := lines(query, extra...); got != want {
			t.Errorf("%s %v: %s, want %s", query, extra, got, want)
		}
	}
	f("59 49 39 29 19 9", `{service_name="carts"}`)
	f("59 49", `{service_name="carts"}`, "limit", "2")
	f("19 9", `{service_name="carts"}`, "limit", "2", "direction", "forward")
	f("7", `{service_name=~".+"} | trace_id="000000000000000000000000000000ab"`)
	f("57 54 51", `{service_name="payments"} | status >= 550 and status < 560`)
	f("57 54 51", `{level="error", service_name="payments"} |~ "line 5"`)
	f("57 54 51", `{detected_level="error"} |= "line 5" != "59"`)
	f("", `{service_name="nobody"}`)
	f("11 10", `{host_name="n1"}`, "start", "1795413610", "end", "1795413612")
	f(`parse error at line 1, col 29: not supported: the stage json; attributes can be filtered without it`, `{service_name="payments"} | json`)
	f(`max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)`, `{a="b"}`, "limit", "6000")
	f(`start: "yesterday" is no time: write ns or s since 1970, or RFC 3339`, `{a="b"}`, "start", "yesterday")
	f(`direction: "up" is neither forward nor backward`, `{a="b"}`, "direction", "up")
}

func TestStreamShapes(t *testing.T) {
	base := server(t)
	target := base + "/loki/api/v1/query_range?start=" + strconv.FormatInt(epoch.UnixNano(), 10) + "&query=" + url.QueryEscape(`{service_name="payments"} |= "line 7 "`)
	_, body := get(t, target)
	want := `{"status":"success","data":{"resultType":"streams","result":[{"stream":{"host_name":"n1","level":"info","service_name":"payments","status":"200","trace_id":"000000000000000000000000000000ab"},` +
		`"values":[["1795413607000000000","line 7 \"quoted\""]]}],"stats":` + emptyStats + "}}\n"
	if body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	_, body = get(t, target, "X-Loki-Response-Encoding-Flags", "categorize-labels")
	want = `{"status":"success","data":{"resultType":"streams","encodingFlags":["categorize-labels"],"result":[{"stream":{"host_name":"n1","service_name":"payments"},` +
		`"values":[["1795413607000000000","line 7 \"quoted\"",{"structuredMetadata":{"level":"info","status":"200","trace_id":"000000000000000000000000000000ab"}}]]}],"stats":` + emptyStats + "}}\n"
	if body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	_, body = get(t, strings.Replace(target, "line+7", "line", 1)+"&limit=60", "Accept-Encoding", "gzip")
	if !strings.HasPrefix(body, `{"status":"success"`) || !json.Valid([]byte(body)) {
		t.Errorf("compressed answer: %.200s", body)
	}
}

// TestSeries compares with windows counted by hand: (t-window, t].
func TestSeries(t *testing.T) {
	base := server(t)
	f := func(want, query, start, end, step string) {
		t.Helper()
		q := url.Values{"query": {query}, "start": {start}, "end": {end}, "step": {step}}
		code, body := get(t, base+"/loki/api/v1/query_range?"+q.Encode())
		body, _, _ = strings.Cut(strings.TrimPrefix(body, `{"status":"success","data":{"resultType":"matrix","result":[`), `],"stats"`)
		if code != 200 {
			body = strings.TrimSpace(body)
		}
		if body != want {
			t.Errorf("%s from %s to %s by %s:\ngot  %s\nwant %s", query, start, end, step, body, want)
		}
	}
	// Records are at 1795413600 + 0..59. (590, 600] has one, (600, 610] ten.
	f(`{"metric":{},"values":[[1795413600,"1"],[1795413610,"10"],[1795413620,"10"]]}`,
		`sum(count_over_time({host_name="n1"}[10s]))`, "1795413600", "1795413620", "10")
	// A window longer than the step, and not a multiple of it: (595, 610], (599, 614].
	f(`{"metric":{},"values":[[1795413610,"11"],[1795413614,"15"]]}`,
		`sum(count_over_time({host_name="n1"}[15s]))`, "1795413610", "1795413614", "4s")
	// A step longer than the window leaves records out: (600, 605], (620, 625].
	f(`{"metric":{},"values":[[1795413605,"1"],[1795413625,"1"]]}`,
		`sum(rate({host_name="n1"}[5s]))`, "1795413605", "1795413625", "20s")
	f(`{"metric":{"level":"error","service_name":"carts"},"values":[[1795413660,"2"]]},{"metric":{"level":"error","service_name":"payments"},"values":[[1795413660,"18"]]},`+
		`{"metric":{"level":"info","service_name":"carts"},"values":[[1795413660,"4"]]},{"metric":{"level":"info","service_name":"payments"},"values":[[1795413660,"36"]]}`,
		`sum by (level, service_name) (count_over_time({host_name="n1"}[1m1s]))`, "1795413660", "1795413660", "1s")
	f(``, `sum(rate({host_name="n2"}[5m]))`, "1795413605", "1795413625", "20s")
	f(`{"metric":{},"values":[[1795413605,"2"],[1795413606,"2"]]}`, `vector(1)+vector(1)`, "1795413605", "1795413606", "1")
	f(`{"metric":{"host_name":"n1","level":"info","service_name":"carts","status":"200"},"values":[[1795413660,"4"]]}`,
		`count_over_time({service_name="carts"} | status = 200 [2m])`, "1795413660", "1795413660", "1s")
	f(`exceeded maximum resolution of 11000 points per time series: use a larger step`, `sum(rate({host_name="n1"}[5m]))`, "0", "1795413605", "20s")
	f(`the step 1s and the window 1ns need more than 200000 intervals: use a step that divides the window`, `sum(rate({host_name="n1"}[1ns]))`, "1795413605", "1795413606", "1s")
	f(`parse error at line 1, col 1: not supported: quantile_over_time; there are count_over_time, rate, and sum by (...) of them`,
		`quantile_over_time(0.5, {a="b"}[1m])`, "0", "1", "1")
}

func TestInstantAndMetadata(t *testing.T) {
	base := server(t)
	f := func(path, want string) {
		t.Helper()
		code, body := get(t, base+path)
		body, _, _ = strings.Cut(strings.TrimSpace(body), `,"stats"`)
		if code != 200 {
			body = strconv.Itoa(code) + " " + body
		}
		if body != want {
			t.Errorf("%s:\ngot  %s\nwant %s", path, body, want)
		}
	}
	q := func(s string) string { return url.QueryEscape(s) }
	f("/loki/api/v1/query?query="+q(`vector(1)+vector(1)`), `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795413660,"2"]}]`)
	f("/loki/api/v1/query?query="+q(`sum(count_over_time({service_name="carts"}[30s]))`), `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795413660,"3"]}]`)
	f("/loki/api/v1/query?query="+q(`{service_name="payments"} |= "line 8 "`), `{"status":"success","data":{"resultType":"streams","result":[{"stream":{"host_name":"n1","level":"info","service_name":"payments","status":"200"},"values":[["1795413608000000000","line 8 \"quoted\""]]}]`)
	f("/loki/api/v1/label/service_name/values", `{"status":"success","data":["carts","payments"]}`)
	f("/loki/api/v1/label/level/values", `{"status":"success","data":["error","info"]}`)
	f("/loki/api/v1/label/service_name/values?query="+q(`{level="error"} | status > 555`), `{"status":"success","data":["payments"]}`)
	f("/loki/api/v1/series?match[]="+q(`{level="error"}`), `{"status":"success","data":[{"service_name":"carts"},{"service_name":"payments"}]}`)
	f("/loki/api/v1/series", `400 match[]: at least one selector is needed`)
	f("/loki/api/v1/status/buildinfo", `{"branch":"","buildDate":"","buildUser":"","goVersion":"","revision":"","version":"test"}`)
	f("/loki/api/v1/tail", `404 not supported: GET /loki/api/v1/tail`)
	_, body := get(t, base+"/loki/api/v1/labels")
	for _, name := range []string{"host_name", "level", "service_name", "status", "trace_id"} {
		if !strings.Contains(body, `"`+name+`"`) {
			t.Errorf("no label %s in %s", name, body)
		}
	}
	if _, body = get(t, base+"/loki/api/v1/index/stats?query="+q(`{level="error"}`)); !strings.HasPrefix(body, `{"streams":2,"chunks":1,"entries":60,`) {
		t.Errorf("stats: %s", body)
	}
}

func TestClient(t *testing.T) {
	base := server(t)
	f := func(c Client, query, want string) {
		t.Helper()
		var out strings.Builder
		c.URL, c.Out = base, &out
		if c.From.IsZero() {
			c.From, c.To = epoch, epoch.Add(time.Minute)
		}
		got := ""
		if err := c.Run(t.Context(), query); err != nil {
			got = "error: " + err.Error()
		} else {
			got = out.String()
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", query, got, want)
		}
	}
	local := func(s int) string { return epoch.Add(time.Duration(s) * time.Second).Local().Format("2006-01-02T15:04:05.000000Z07:00") }
	f(Client{}, `{service_name="carts"} | status > 500`, local(9)+" ERROR carts  line 9 \"quoted\"\n"+local(39)+" ERROR carts  line 39 \"quoted\"\n")
	f(Client{Limit: 1, JSON: true}, `{service_name="carts"}`,
		`{"timestamp":"2026-11-23T06:00:59Z","message":"line 59 \"quoted\"","labels":{"host_name":"n1","level":"info","service_name":"carts","status":"200"}}`+"\n")
	f(Client{From: epoch, To: epoch, JSON: true}, `sum by (service_name) (count_over_time({service_name="payments"}[1m]))`,
		`{"timestamp":"2026-11-23T06:00:00Z","value":1,"labels":{"service_name":"payments"}}`+"\n")
	f(Client{}, `{service_name=}`, `error: parse error at line 1, col 15: syntax error: unexpected "}"`)
	c := Client{URL: "http://127.0.0.1:1", Out: io.Discard}
	if err := c.Run(t.Context(), `{a="b"}`); err == nil || err.Error() != "nobody listens at http://127.0.0.1:1: start `shipper index`, or name the indexer with --addr" {
		t.Errorf("no indexer: %v", err)
	}
}

func TestControlCharacters(t *testing.T) {
	c := Client{}
	if got := c.clean("a\x1b[31mb\nc\u202ed\x00"); got != "a\uFFFD[31mb\nc\uFFFDd\uFFFD" {
		t.Errorf("%q", got)
	}
	if got := string(appendString(nil, "a\"\\\n\x01\xffé")); got != `"a\"\\\n\u0001`+"\uFFFD"+`é"` {
		t.Errorf("%s", got)
	}
}

func TestLiteral(t *testing.T) {
	f := func(pattern, want string) {
		t.Helper()
		if got := literal(pattern); got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	f(`timeout`, "timeout")
	f(`^(?s:pay.*ments)$`, "ments")
	f(`(?i)timeout`, "")
	f(`a|b`, "")
	f(`(error)+x?`, "error")
	f(`x*`, "")
}
