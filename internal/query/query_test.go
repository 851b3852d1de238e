package query

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"

	"shipper/internal/jsontext"
	"shipper/internal/record"
	"shipper/internal/segment"
)

// blockStore is a store of one block.
type blockStore struct{ *segment.Block }

func (s blockStore) Columns(context.Context, int64, int64) ([]string, error) {
	return s.Block.Columns()
}

func (s blockStore) Values(ctx context.Context, column string, q segment.Query) (vs []string, err error) {
	err = s.Block.Values(ctx, column, q, func(v string) bool { vs = append(vs, v); return true })
	slices.Sort(vs)
	return slices.Compact(vs), err
}

func (s blockStore) Size(context.Context, segment.Query) (segment.Info, error) { return s.Info(), nil }

// epoch is the time of the first record.
var epoch = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

func newHandler(s Store, now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	(&Handler{Store: s, Version: "test", now: now}).Routes(mux)
	return mux
}

// sixty are sixty records, one a second: every third an error, status 500 and
// up for those, every tenth of another service.
func sixty() Store {
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
		b.AddField(record.Field{Key: b.AddString("took"), Val: b.AddString(fmt.Sprintf("%dms", i*100))})
		if i == 7 {
			r.Flags |= record.HasTrace
			r.TraceID[15] = 0xab
		}
	}
	builder := segment.NewBuilder()
	builder.Add(b)
	return blockStore{builder.Build()}
}

func server(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(newHandler(sixty(), func() time.Time { return epoch.Add(time.Minute) }))
	t.Cleanup(s.Close)
	return s.URL
}

func get(t *testing.T, target string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("GET", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, req, header...)
}

func send(t *testing.T, req *http.Request, header ...string) (int, string) {
	t.Helper()
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

// answered are the entries of a log query's answer, in the order they stand there.
func answered(t *testing.T, body string) (lines []string) {
	t.Helper()
	var a struct {
		Data struct {
			Result []struct{ Values [][2]string }
		}
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, s := range a.Data.Result {
		for _, v := range s.Values {
			lines = append(lines, v[1])
		}
	}
	return lines
}

func TestStreams(t *testing.T) {
	base := server(t)
	f := func(want, query string, extra ...string) {
		t.Helper()
		q := url.Values{"query": {query}, "start": {strconv.FormatInt(epoch.UnixNano(), 10)}, "end": {"2026-11-23T06:01:00Z"}}
		for i := 0; i < len(extra); i += 2 {
			q.Set(extra[i], extra[i+1])
		}
		code, body := get(t, base+"/loki/api/v1/query_range?"+q.Encode())
		got := strings.TrimSpace(body)
		if code == 200 {
			var numbers []string
			for _, line := range answered(t, body) {
				numbers = append(numbers, strings.Fields(line)[1])
			}
			got = strings.Join(numbers, " ")
		}
		if got != want {
			t.Errorf("%s %v: %s, want %s", query, extra, got, want)
		}
	}
	f("59 49 39 29 19 9", `{service_name="carts"} | drop __error__`)
	f("59 49", `{service_name="carts"}`, "limit", "2")
	f("9 19", `{service_name="carts"}`, "limit", "2", "direction", "forward")
	f("7", `{service_name=~".+"} | trace_id="000000000000000000000000000000ab"`)
	f("57 54 51", `{service_name="payments"} | status >= 550 and status < 560`)
	f("57 54 51", `{level="error", service_name="payments"} |~ "line 5"`)
	f("57 54 51", `{detected_level="error"} |= "line 5" != "59"`)
	f("", `{service_name="nobody"}`)
	f("11 10", `{host_name="n1"}`, "start", "1795413610", "end", "1795413612")
	f("11 10", `{}`, "start", "1795413609.5", "end", "1795413611.5")
	f("59 58", `{}`, "since", "2s", "start", "")
	f("59 58", `{}`, "since", "2", "start", "", "end", "2026-11-24T00:00:00Z") // before now
	// What the store does not know is decided row by row, and then limited.
	f("3 2 1 0", `{} | took < 400ms`)
	f("2 3", `{} | took >= 200ms`, "limit", "2", "direction", "forward")
	f("59 39 19", `{service_name="carts"}`, "interval", "20s")
	f("9 29", `{service_name="carts"}`, "interval", "20s", "direction", "forward", "limit", "2")
	f("9 39", `{service_name="carts"}`, "interval", "21s", "direction", "forward", "limit", "2")

	f(`parse error at line 1, col 29: not supported: the stage json; attributes can be filtered without it`, `{service_name="payments"} | json`)
	f(`max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)`, `{a="b"}`, "limit", "6000")
	f(`limit: "0" is no positive number`, `{a="b"}`, "limit", "0")
	f(`start: "yesterday" is no time: write ns or s since 1970, or RFC 3339`, `{a="b"}`, "start", "yesterday")
	f(`start: "9999999999" is no time: write ns or s since 1970, or RFC 3339`, `{a="b"}`, "start", "9999999999")
	f(`end timestamp must not be before start time`, `{a="b"}`, "start", "1795413610", "end", "1795413609")
	f(`since: "-5m" is no duration such as 1h`, `{a="b"}`, "since", "-5m")
	f(`interval: "often" is no positive duration`, `{a="b"}`, "interval", "often")
	f(`direction: "up" is neither forward nor backward`, `{a="b"}`, "direction", "up")
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
	// One ns: the record at 605 is in (604.999999999, 605], and none at 605.5.
	f(`{"metric":{},"values":[[1795413605,"1"],[1795413606,"1"]]}`,
		`sum(count_over_time({host_name="n1"}[1ns]))`, "1795413605", "1795413606", "500ms")
	// Not of a common measure: (597.3, 600], (604.3, 607], ...
	f(`{"metric":{},"values":[[1795413600,"1"],[1795413607,"3"],[1795413614,"3"]]}`,
		`sum(count_over_time({host_name="n1"}[2700ms]))`, "1795413600", "1795413614", "7s")
	// The offset moves the window back: (590, 600] for 605.
	f(`{"metric":{},"values":[[1795413605,"1"],[1795413615,"10"]]}`,
		`sum(count_over_time({host_name="n1"}[10s] offset 5s))`, "1795413605", "1795413615", "10s")
	f(`{"metric":{},"values":[[1795413595,"1"]]}`,
		`sum(count_over_time({host_name="n1"}[10s] offset -5s))`, "1795413595", "1795413595", "10s")
	f(`{"metric":{"level":"error","service_name":"carts"},"values":[[1795413660,"2"]]},{"metric":{"level":"error","service_name":"payments"},"values":[[1795413660,"18"]]},`+
		`{"metric":{"level":"info","service_name":"carts"},"values":[[1795413660,"4"]]},{"metric":{"level":"info","service_name":"payments"},"values":[[1795413660,"36"]]}`,
		`sum by (service_name, level, service_name) (count_over_time({host_name="n1"}[1m1s]))`, "1795413660", "1795413660", "1s")
	f(`{"metric":{"detected_level":"error","level":"error"},"values":[[1795413660,"2"]]},{"metric":{"detected_level":"info","level":"info"},"values":[[1795413660,"4"]]}`,
		"sum by (level, detected_level) (count_over_time({service_name=`carts`} | drop __error__[1m]))", "1795413660", "1795413660", "1s")
	f(``, `sum(rate({host_name="n2"}[5m]))`, "1795413605", "1795413625", "20s")
	f(`{"metric":{},"values":[[1795413605,"2"],[1795413606,"2"]]}`, `vector(1)+vector(1)`, "1795413605", "1795413606", "1")
	// Without grouping each set of labels is a series.
	f(`{"metric":{"host_name":"n1","level":"info","service_name":"carts","status":"200","took":"1900ms"},"values":[[1795413660,"1"]]},`+
		`{"metric":{"host_name":"n1","level":"info","service_name":"carts","status":"200","took":"2900ms"},"values":[[1795413660,"1"]]},`+
		`{"metric":{"host_name":"n1","level":"info","service_name":"carts","status":"200","took":"4900ms"},"values":[[1795413660,"1"]]},`+
		`{"metric":{"host_name":"n1","level":"info","service_name":"carts","status":"200","took":"5900ms"},"values":[[1795413660,"1"]]}`,
		`count_over_time({service_name="carts"} | status = 200 [2m])`, "1795413660", "1795413660", "1s")
	f(`{"metric":{"host_name":"n1","level":"info","service_name":"carts"},"values":[[1795413660,"4"]]}`,
		`sum without (took, status) (count_over_time({service_name="carts"} | status = 200 [2m]))`, "1795413660", "1795413660", "1s")
	// Lines are `line N "quoted"`: 15 bytes, 16 from line 10 on.
	f(`{"metric":{},"values":[[1795413603,"45"],[1795413611,"47"]]}`,
		`sum(bytes_over_time({host_name="n1"}[3s]))`, "1795413603", "1795413611", "8s")
	f(`{"metric":{},"values":[[1795413603,"15"]]}`,
		`sum(bytes_rate({host_name="n1"}[3s]))`, "1795413603", "1795413603", "8s")
	// What the store does not know: 0ms to 300ms.
	f(`{"metric":{"level":"error"},"values":[[1795413610,"2"]]},{"metric":{"level":"info"},"values":[[1795413610,"2"]]}`,
		`sum by (level) (count_over_time({host_name="n1"} | took < 400ms [1m]))`, "1795413610", "1795413610", "8s")

	// In the minute: carts 2 errors and 4 others, payments 18 and 36.
	by := `sum by (level, service_name) (count_over_time({host_name="n1"}[1m1s]))`
	f(`{"metric":{},"values":[[1795413660,"60"]]}`, `sum(`+by+`)`, "1795413660", "1795413660", "1s")
	f(`{"metric":{"level":"error"},"values":[[1795413660,"10"]]},{"metric":{"level":"info"},"values":[[1795413660,"20"]]}`, `avg by (level) (`+by+`)`, "1795413660", "1795413660", "1s")
	f(`{"metric":{"level":"error"},"values":[[1795413660,"2"]]},{"metric":{"level":"info"},"values":[[1795413660,"4"]]}`, `min without (service_name) (`+by+`)`, "1795413660", "1795413660", "1s")
	f(`{"metric":{},"values":[[1795413660,"36"]]}`, `max(`+by+`)`, "1795413660", "1795413660", "1s")
	f(`{"metric":{},"values":[[1795413660,"4"]]}`, `count(`+by+`)`, "1795413660", "1795413660", "1s")
	f(`{"metric":{"level":"error","service_name":"payments"},"values":[[1795413660,"18"]]},{"metric":{"level":"info","service_name":"payments"},"values":[[1795413660,"36"]]}`,
		`topk(2, `+by+`)`, "1795413660", "1795413660", "1s")
	f(`{"metric":{"level":"error","service_name":"carts"},"values":[[1795413660,"2"]]},{"metric":{"level":"error","service_name":"payments"},"values":[[1795413660,"18"]]}`,
		`bottomk by (service_name) (1, `+by+`)`, "1795413660", "1795413660", "1s")
	// Who is first changes from instant to instant: at 600 it is an error, at 602 an info.
	f(`{"metric":{"level":"error"},"values":[[1795413600,"1"]]},{"metric":{"level":"info"},"values":[[1795413602,"2"]]}`,
		`topk(1, sum by (level) (count_over_time({host_name="n1"}[2s])))`, "1795413600", "1795413602", "2s")

	f(`exceeded maximum resolution of 11000 points per time series: use a larger step`, `sum(rate({host_name="n1"}[5m]))`, "0", "1795413605", "20s")
	f(`step: "0" is no positive duration`, `sum(rate({host_name="n1"}[5m]))`, "0", "1795413605", "0")
	f(`parse error at line 1, col 1: not supported: quantile_over_time; there are count_over_time, rate, bytes_over_time, bytes_rate, and sum, avg, min, max, count, topk, bottomk of them`,
		`quantile_over_time(0.5, {a="b"}[1m])`, "0", "1", "1")
}

// update writes golden files anew.
var update = flag.Bool("update", false, "write the golden files")

// TestGolden compares whole answers: what clients of a Loki send and get.
func TestGolden(t *testing.T) {
	base := server(t)
	var got strings.Builder
	f := func(method, target string, header ...string) {
		t.Helper()
		body := io.Reader(nil)
		path := target
		if method == "POST" {
			var form string
			path, form, _ = strings.Cut(target, "?")
			body = strings.NewReader(form)
			header = append(header, "Content-Type", "application/x-www-form-urlencoded")
		}
		req, err := http.NewRequest(method, base+path, body)
		if err != nil {
			t.Fatal(err)
		}
		code, answer := send(t, req, header...)
		readable, _ := url.QueryUnescape(target)
		fmt.Fprintf(&got, "%s %s %s\n%d %s\n", method, readable, strings.Join(header, " "), code, answer)
	}
	q := url.QueryEscape
	day := "&start=1795413600000000000&end=1795413660000000000"
	f("GET", "/loki/api/v1/query?direction=backward&limit=1000&query="+q(`vector(1)+vector(1)`)+"&time=1795413660000000000") // Grafana: does it answer?
	f("GET", "/loki/api/v1/query?query="+q(`sum(count_over_time({service_name="carts"}[30s]))`))
	f("GET", "/loki/api/v1/query?query="+q(`topk(2, sum by (level, service_name) (rate({host_name="n1"}[1m])))`))
	f("GET", "/loki/api/v1/query?query="+q(`{service_name="payments"} |= "line 8 "`))
	f("GET", "/loki/api/v1/query_range?query="+q(`{service_name="payments"} |= "line 7 "`)+day)
	f("GET", "/loki/api/v1/query_range?query="+q(`{service_name="payments"} |= "line 7 "`)+day, "X-Loki-Response-Encoding-Flags", "categorize-labels")
	f("POST", "/loki/api/v1/query_range?direction=forward&limit=3&step=15&query="+q(`{service_name="payments"}`)+day, "Accept-Encoding", "gzip")
	f("GET", "/loki/api/v1/query_range?direction=backward&step=20&query="+q("sum by (level, detected_level) (count_over_time({service_name=`payments`} | drop __error__[20s]))")+day)
	f("GET", "/loki/api/v1/query_range?query="+q("{a=\"b\"}\n| logfmt"))
	f("GET", "/loki/api/v1/query_range")
	f("GET", "/loki/api/v1/labels?start=1795413600000000000&end=1795413660000000000")
	f("GET", "/loki/api/v1/label")
	f("GET", "/loki/api/v1/label/service_name/values?start=1795413600000000000&end=1795413660000000000")
	f("GET", "/loki/api/v1/label/detected_level/values")
	f("GET", "/loki/api/v1/label/service_name/values?query="+q(`{level="error"} | status > 555`))
	f("GET", "/loki/api/v1/label/service_name/values?query="+q(`{level="error"} | took > 1s`))
	f("GET", "/loki/api/v1/series?match[]="+q(`{level="error"}`)+"&match[]="+q(`{level="info"}`))
	f("POST", "/loki/api/v1/series?match[]="+q(`{level="none"}`))
	f("GET", "/loki/api/v1/series")
	f("GET", "/loki/api/v1/index/stats?query="+q(`{level="error"}`)+day)
	f("GET", "/loki/api/v1/format_query?query="+q("{ a=`b` }|=`c`"))
	f("GET", "/loki/api/v1/tail?query="+q(`{a="b"}`))
	f("PUT", "/loki/api/v1/query")
	f("GET", "/api/v1/records?limit=2&direction=backward&query="+q(`{service_name="carts"}`))
	f("GET", "/api/v1/records?query="+q(`rate({service_name="carts"}[1m])`))
	f("GET", "/api/v1/records?limit=some&query="+q(`{service_name="carts"}`))
	const file = "testdata/http.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("not as in %s (-update writes it):\n%s", file, got.String())
	}
	code, body := get(t, base+"/loki/api/v1/status/buildinfo")
	if code != 200 || !strings.HasPrefix(body, `{"branch":"","buildDate":"","buildUser":"","goVersion":"go`) || !strings.HasSuffix(body, `,"version":"test"}`+"\n") {
		t.Errorf("buildinfo: %d %s", code, body)
	}
}

func TestCompression(t *testing.T) {
	target := server(t) + "/loki/api/v1/query_range?query=%7B%7D"
	req, _ := http.NewRequest("GET", target, nil)
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("headers: %v", resp.Header)
	}
	if _, plain := get(t, target, "Accept-Encoding", "identity"); len(answered(t, plain)) != 60 {
		t.Errorf("not compressed: %s", plain)
	}
	if _, body := get(t, target, "Accept-Encoding", "gzip"); len(answered(t, body)) != 60 {
		t.Errorf("compressed: %s", body)
	}
}

// many serves n records, each with an attribute of its own.
func many(t *testing.T, n int) http.Handler {
	t.Helper()
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, nil)
	for i := range n {
		r := b.Begin()
		r.Time, r.Offset = epoch.Add(time.Duration(i)*time.Millisecond).UnixNano(), int64(i)
		r.Body = b.AddString("line")
		b.AddField(record.IntField(b.AddString("n"), int64(i)))
	}
	builder := segment.NewBuilder()
	builder.Add(b)
	return newHandler(blockStore{builder.Build()}, func() time.Time { return epoch.Add(time.Minute) })
}

func ask(h http.Handler, path, query string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path+"&query="+url.QueryEscape(query), nil))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestLimits(t *testing.T) {
	h := many(t, 1200)
	f := func(path, query string, wantCode int, want string) {
		t.Helper()
		code, body := ask(h, path, query)
		if body, _, _ = strings.Cut(body, `,"stats"`); code != wantCode || body != want {
			t.Errorf("%s %s: %d %.300s", path, query, code, body)
		}
	}
	at := "/loki/api/v1/query?time=1795413660"
	f(at, `count_over_time({}[5m])`, 400, `maximum number of series (500) reached for a single query: records with different attributes are different series: group them, as in sum by (level) (count_over_time({} [5m]))`)
	f(at, `sum by (n) (count_over_time({}[5m]))`, 400, `maximum number of series (500) reached for a single query: group by fewer labels, or use topk`)
	f(at, `count(sum by (n) (count_over_time({}[5m])))`, 200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795413660,"1200"]}]`)
	f(at, `max(count_over_time({} | n < 1100 [5m]))`, 200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795413660,"1"]}]`)
	f(at, `max by (n) (count_over_time({} | n < 1100 [5m]))`, 400, `maximum number of series (500) reached for a single query: group by fewer labels, or use topk`)
	f("/loki/api/v1/query_range?start=1795413600&end=1795413700&step=10ms", `max(sum by (n) (count_over_time({}[5m])))`, 400,
		`the answer has more than 2000000 points: use a larger step or fewer series`)
}

func TestAnswerSize(t *testing.T) {
	s := streamSet{at: map[string]int{}, limit: 100, size: maxAnswer - 300}
	err := sixty().Search(t.Context(), segment.Query{To: 1 << 62}, s.add)
	if err != nil || s.n == 0 || s.n > 10 || s.size <= maxAnswer {
		t.Errorf("%d entries, %d bytes, error %v", s.n, s.size, err)
	}
}

// stuckStore is a store that does not get anywhere.
type stuckStore struct{ Store }

func (stuckStore) Search(ctx context.Context, _ segment.Query, _ func(segment.Row) bool) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(stuckStore{}, time.Now)
		answers := make(chan string)
		for range concurrent + 1 { // the last one waits for a place, in vain
			go func() {
				code, body := ask(h, "/loki/api/v1/query_range?", `{}`)
				answers <- fmt.Sprint(code, " ", body)
			}()
		}
		for range concurrent + 1 {
			if got := <-answers; got != "400 the query took longer than 1m0s: ask for less time or add filters" {
				t.Error(got)
			}
		}
	})
}

// failingStore fails behind the records it has.
type failingStore struct{ Store }

func (s failingStore) Search(ctx context.Context, q segment.Query, emit func(segment.Row) bool) error {
	_ = s.Store.Search(ctx, q, emit)
	return fmt.Errorf("read segment: input/output error")
}

func TestStoreFails(t *testing.T) {
	h := newHandler(failingStore{sixty()}, func() time.Time { return epoch.Add(time.Minute) })
	for _, path := range []string{"/loki/api/v1/query_range?", RecordsPath + "?"} {
		if code, body := ask(h, path, `{}`); code != 500 || body != "read segment: input/output error" {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	// Behind what was sent nobody may take it for all.
	s := httptest.NewServer(newHandler(failingStore{blockStore{large()}}, func() time.Time { return epoch.Add(time.Minute) }))
	defer s.Close()
	c := Client{URL: s.URL, From: epoch, To: epoch.Add(time.Hour), Out: io.Discard}
	if err := c.Run(t.Context(), `{}`); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("error %v", err)
	}
}

// large is a block of records that do not fit into one write.
func large() *segment.Block {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, nil)
	for i := range 100 {
		r := b.Begin()
		r.Time, r.Offset = epoch.Add(time.Duration(i)*time.Millisecond).UnixNano(), int64(i)
		r.Body = b.AddString(strings.Repeat(strconv.Itoa(i)+" ", 1000))
	}
	builder := segment.NewBuilder()
	builder.Add(b)
	return builder.Build()
}

func TestAppendString(t *testing.T) {
	if got := string(jsontext.AppendString(nil, "a\"\\\n\x01\xffé\t\r")); got != `"a\"\\\n\u0001`+"\uFFFD"+`é\t\r"` {
		t.Errorf("%s", got)
	}
}

// TestSpansOfCenturies: what 64 bits of ns cannot tell apart is refused, and what
// they can is counted.
func TestSpansOfCenturies(t *testing.T) {
	h := newHandler(sixty(), func() time.Time { return epoch.Add(time.Minute) })
	for _, c := range []struct {
		query string
		code  int
		want  string
	}{
		{"start=-6.8e9&end=6.8e9&step=1e9&query=avg(rate({}[1h]))", 400, "292 years"},
		{"start=-6.8e9&end=6.8e9&query={}", 400, "292 years"},
		{"start=-6.8e9&end=2e9&step=1e9&query=sum(count_over_time({}[73y] offset 73y))", 400, "292 years"},
		{"start=-6.8e9&end=2.2e9&step=1e9&query=sum(count_over_time({}[73y]))", 400, "292 years"},
		{"start=-2.8e9&end=2.2e9&step=1e9&query=sum(count_over_time({}[73y]))", 200, `[[2200000000,"60"]]`},
		{"start=-1.8e9&end=6.2e9&step=1e9&query=sum(count_over_time({}[1y] offset -1y))", 200, `"result":[]`},
	} {
		r := httptest.NewRequest("GET", "/loki/api/v1/query_range", nil)
		r.URL.RawQuery = c.query
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s", c.query, w.Code, w.Body)
		}
	}
}

// FuzzRequest wants a 200 that is JSON or a 400, whatever is asked for.
func FuzzRequest(f *testing.F) {
	for _, q := range []string{"start=0&end=9999999&step=1h&query=rate({}[1m])", "since=1h&limit=5&direction=forward&interval=1s&query={}|took>1s",
		"start=-1e9&end=6.8e9&step=1e9&query=topk(1,bytes_rate({}[70y] offset 70y))", "time=1795413660&query=sum without (a) (rate({}[1ns]))"} {
		f.Add(q)
	}
	f.Add("start=-6.8e9&end=6.8e9&step=1e9&query=avg(rate({}[1h]))")
	h := newHandler(sixty(), func() time.Time { return epoch.Add(time.Minute) })
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/loki/api/v1/query_range", "/loki/api/v1/query", "/loki/api/v1/series", "/loki/api/v1/label/took/values", RecordsPath} {
			r := httptest.NewRequest("GET", path, nil)
			r.URL.RawQuery = query
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 400 && w.Code != 200 || w.Code == 200 && path != RecordsPath && !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s?%s: %d %s", path, query, w.Code, w.Body)
			}
		}
	})
}
