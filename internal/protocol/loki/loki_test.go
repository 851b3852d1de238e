package loki

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/internal/block"
	"shipper/internal/protobuf"
	"shipper/internal/protocol"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/record"
)

var update = flag.Bool("update", false, "write the golden files")

var dayNS = time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC).UnixNano()

// full is a batch whose first record has everything.
func full() *record.Batch {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "5f1e0011aabbccdd", Labels: []record.Label{
		{Name: "deployment.environment.name", Value: `pr"od`}, {Name: "host.name", Value: "node-1"},
		{Name: "log.file.path", Value: `/var/log/a "b".log`}, {Name: "service.name", Value: "cart"},
	}}, nil)
	r := b.Begin()
	r.Time, r.Observed, r.Offset = dayNS, dayNS+5, 255
	r.Body = b.AddString("it's \"quoted\"\n\tand \x01 ü €")
	r.SeverityText, r.Severity = b.AddString("INFO+1"), 10
	r.Logger = b.AddString("db.pool")
	r.Flags = record.HasTrace | record.HasSpan | record.Truncated | record.TimedOut
	copy(r.TraceID[:], "0123456789abcdef")
	copy(r.SpanID[:], "01234567")
	r.TraceFlags, r.TimeSource, r.Format = 1, record.TimeNoZone, record.FormatZapJSON
	str := func(key, v string, k record.Kind) {
		b.AddField(record.Field{Key: b.AddString(key), Val: b.AddString(v), Kind: k})
	}
	str("service.name", "payments", record.String)
	b.AddField(record.IntField(record.Name("process.pid"), 4711))
	str("user", "ann", record.String)
	b.AddField(record.IntField(b.AddString("status"), -503))
	b.AddField(record.BoolField(b.AddString("ok"), true))
	str("took", "1.5e-3", record.Number)
	b.AddField(record.Field{Key: b.AddString("none"), Kind: record.Null})
	str("tags", `["a", {"b" : [ ]}]`, record.JSON)
	str("code.file.path", "a.go", record.String)
	str("grüße 1.x", "v", record.String)
	str("log.record.original", "the original line", record.String)
	add := func(offset int64, body string, severity uint8) {
		r := b.Begin()
		r.Time, r.Observed, r.Offset, r.TimeSource = dayNS+offset, dayNS+offset, offset, record.TimeLine
		r.Body, r.Severity = b.AddString(body), severity
	}
	add(300, "another stream", 1)
	add(301, "", 21)
	add(302, strings.Repeat("a long line ", 20), 0)
	return b
}

func request(batches ...*record.Batch) *protocol.Request {
	payload, raw := block.NewEncoder().Append(nil, batches)
	return &protocol.Request{Agent: "a", Frames: []protocol.Frame{{Sequence: 1, Raw: raw, Payload: payload}}}
}

// encode returns the body of r and its headers, decompressed.
func encode(t testing.TB, e *Encoder, r *protocol.Request) ([]byte, http.Header) {
	t.Helper()
	h := http.Header{}
	body, err := e.Append([]byte("before"), h, r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(body, []byte("before")) {
		t.Fatal("what was in dst is gone")
	}
	body = body[len("before"):]
	encoding := Encoding(h.Get("Content-Type"), h.Get("Content-Encoding"))
	if body, err = new(protocol.Decompressor).Append(nil, body, encoding, 1<<24); err != nil {
		t.Fatal(err)
	}
	return body, h
}

func decode(t testing.TB, contentType string, body []byte) (lines string, v protocol.Verdict) {
	t.Helper()
	v, err := Decode(contentType, body, func(b *record.Batch) error {
		lines += text(b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, v
}

func text(b *record.Batch) string {
	var out []byte
	for i := range b.Records {
		out = append(ndjson.AppendRecord(out, b, &b.Records[i]), '\n')
	}
	return string(out)
}

// left is what is left of full's records: see the package comment.
const left = `{"timestamp":"2026-03-04T05:06:07.000000089Z","severity":"info","severity_number":10,"severity_text":"INFO+1",` +
	`"message":"it's \"quoted\"\n\tand \u0001 ü €","trace_id":"30313233343536373839616263646566","trace_flags":1,` +
	`"span_id":"3031323334353637","logger":"db.pool","observed_timestamp":"2026-03-04T05:06:07.000000094Z",` +
	`"timestamp_source":"line_no_zone","log.format":"zap-json","log.truncated":true,"log.timed_out":true,"process.pid":"4711",` +
	`"host.name":"node-1","id":"5f1e0011aabbccdd-ff","deployment.environment.name":"pr\"od","service.name":"payments",` +
	`"attributes":{"user":"ann","status":"-503","ok":"true","took":"1.5e-3","none":"null","tags":"[\"a\", {\"b\" : [ ]}]",` +
	`"code.file.path":"a.go","gr__e_1_x":"v","log.record.original":"the original line","log.file.path":"/var/log/a \"b\".log"}}
{"timestamp":"2026-03-04T05:06:07.000000389Z","severity":"trace","severity_number":1,"message":"another stream","host.name":"node-1",` +
	`"id":"5f1e0011aabbccdd-12c","deployment.environment.name":"pr\"od","service.name":"cart","attributes":{"log.file.path":"/var/log/a \"b\".log"}}
{"timestamp":"2026-03-04T05:06:07.000000390Z","severity":"fatal","severity_number":21,"message":"","host.name":"node-1",` +
	`"id":"5f1e0011aabbccdd-12d","deployment.environment.name":"pr\"od","service.name":"cart","attributes":{"log.file.path":"/var/log/a \"b\".log"}}
`

func TestRoundTrip(t *testing.T) {
	z, err := protocol.NewCompressor("gzip")
	if err != nil {
		t.Fatal(err)
	}
	want := left + strings.NewReplacer(`000000390Z","severity":"fatal","severity_number":21,"message":""`,
		`000000391Z","message":"`+strings.Repeat("a long line ", 20)+`"`, "12d", "12e").Replace(strings.SplitAfter(left, "\n")[2])
	for _, e := range []*Encoder{{}, {JSON: true}, {JSON: true, Compressor: z}} {
		body, h := encode(t, e, request(full()))
		got, v := decode(t, h.Get("Content-Type"), body)
		if got != want || v.Lost != 0 || v.Outcome != protocol.Accepted {
			t.Errorf("%v: %+v, got\n%s\nwant\n%s", h, v, got, want)
		}
		if again, _ := encode(t, e, request(full())); !bytes.Equal(again, body) {
			t.Errorf("%v: not the same bytes again", h)
		}
	}
}

// TestGolden compares the bytes with those in testdata. testdata/full.json is
// what Loki's own code (github.com/grafana/loki/pkg/push, as JSON) reads in them.
func TestGolden(t *testing.T) {
	body, _ := encode(t, &Encoder{}, request(full()))
	if *update {
		if err := os.WriteFile("testdata/full.pb", body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/full.pb")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(body, want) {
		t.Error("the bytes have changed; if that is right, run with -update, and have full.json made again")
	}
	theirs, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Streams []struct {
			Labels  string
			Entries []struct {
				TS                 time.Time
				Line               string
				StructuredMetadata []struct{ Name, Value string }
			}
		}
	}
	if err := json.Unmarshal(theirs, &read); err != nil {
		t.Fatal(err)
	}
	// The same in our JSON, in which metadata has the order it is sent in.
	var out bytes.Buffer
	for _, s := range read.Streams {
		fmt.Fprintln(&out, s.Labels)
		for _, e := range s.Entries {
			fmt.Fprintf(&out, "%d %q", e.TS.UnixNano(), e.Line)
			for _, m := range e.StructuredMetadata {
				fmt.Fprintf(&out, " %s=%q", m.Name, m.Value)
			}
			fmt.Fprintln(&out)
		}
	}
	if got := out.String(); got != sent {
		t.Errorf("Loki reads\n%s\nwant\n%s", got, sent)
	}
}

const sent = `{deployment_environment_name="pr\"od", service_name="payments"}
1772600767000000089 "it's \"quoted\"\n\tand \x01 ü €" level="info" severity_number="10" severity_text="INFO+1" logger="db.pool" ` +
	`process_pid="4711" user="ann" status="-503" ` +
	`ok="true" took="1.5e-3" none="null" tags="[\"a\", {\"b\" : [ ]}]" code_file_path="a.go" gr__e_1_x="v" log_record_original="the original line" ` +
	`trace_id="30313233343536373839616263646566" trace_flags="1" span_id="3031323334353637" ` +
	`log_record_uid="5f1e0011aabbccdd-ff" host_name="node-1" log_file_path="/var/log/a \"b\".log" observed_timestamp="1772600767000000094" ` +
	`log_time_source="line_no_zone" log_format="zap-json" log_truncated="true" log_timed_out="true"
{deployment_environment_name="pr\"od", service_name="cart"}
1772600767000000389 "another stream" level="trace" log_record_uid="5f1e0011aabbccdd-12c" host_name="node-1" log_file_path="/var/log/a \"b\".log"
1772600767000000390 "" level="fatal" log_record_uid="5f1e0011aabbccdd-12d" host_name="node-1" log_file_path="/var/log/a \"b\".log"
1772600767000000391 "a long line a long line a long line a long line a long line a long line a long line a long line a long line a long line ` +
	`a long line a long line a long line a long line a long line a long line a long line a long line a long line a long line " ` +
	`log_record_uid="5f1e0011aabbccdd-12e" host_name="node-1" log_file_path="/var/log/a \"b\".log"
`

// stream makes a batch of records with times and bodies.
func stream(id, service string, records ...string) *record.Batch {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: id, Labels: []record.Label{{Name: "service.name", Value: service}}}, nil)
	for i, s := range records {
		r := b.Begin()
		var at int64
		var body string
		fmt.Sscan(s, &at, &body)
		r.Time, r.Observed, r.Offset, r.TimeSource, r.Body = at, at, int64(i), record.TimeLine, b.AddString(body)
	}
	return b
}

// entries lists what a body has: {labels} time line time line ...
func entries(t *testing.T, body []byte) string {
	t.Helper()
	var v struct {
		Streams []struct {
			Stream map[string]string
			Values [][]any
		}
	}
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, s := range v.Streams {
		fmt.Fprint(&out, s.Stream["service_name"], ":")
		for _, e := range s.Values {
			fmt.Fprint(&out, " ", e[0], e[1])
		}
		fmt.Fprint(&out, "; ")
	}
	return out.String()
}

// TestOrder has files whose records go to one stream, and one file whose
// records go to two.
func TestOrder(t *testing.T) {
	e := &Encoder{JSON: true}
	mixed := stream("m", "a", "5 x", "7 y", "3 z")
	for i, service := range []string{"b", "a", "b"} {
		mixed.Attach(&mixed.Records[i], record.Field{Key: record.Name("service.name"), Val: mixed.AddString(service)})
	}
	for _, c := range []struct {
		batches []*record.Batch
		want    string
	}{
		{[]*record.Batch{stream("1", "a", "1 a", "3 b", "3 c", "3 c", "4 d", "9 e")}, "a: 1a 3b 4c 5c 6d 9e; "},
		{[]*record.Batch{stream("1", "a", "5 a", "2 b"), stream("2", "a", "3 c", "2 d")}, "a: 2b 3d 4c 5a; "},
		{[]*record.Batch{stream("1", "a", "5 a"), stream("2", "b", "3 c"), stream("3", "a", "4 d")}, "a: 4d 5a; b: 3c; "},
		{[]*record.Batch{mixed, stream("2", "a", "6 q")}, "b: 3z 5x; a: 6q 7y; "},
		{[]*record.Batch{stream("1", "", "1 a")}, "unknown_service: 1a; "},
		{[]*record.Batch{stream("1", "a")}, ""},
		{[]*record.Batch{stream("1", "a", "-1500000000 a", "-1 b")}, "a: -1500000000a -1b; "},
	} {
		body, _ := encode(t, e, request(c.batches...))
		if got := entries(t, body); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestTimesOfReading has records without a time among those of an old log.
func TestTimesOfReading(t *testing.T) {
	f := func(want string, records ...string) {
		t.Helper()
		b := stream("1", "a", records...)
		for i := range b.Records {
			if r := &b.Records[i]; r.Time >= 1000 {
				r.TimeSource = record.TimeRead
			}
		}
		body, _ := encode(t, &Encoder{JSON: true}, request(b))
		if got := entries(t, body); got != want {
			t.Errorf("%v: got %s, want %s", records, got, want)
		}
	}
	f("a: 10banner 11one 12more 20two 21last; ", "1000 banner", "10 one", "1000 more", "20 two", "1001 last")
	f("a: 1000one 1005two; ", "1000 one", "1005 two") // none has one
	f("a: 10one 11more 12even 20two; ", "20 two", "10 one", "1000 more", "1000 even")
}

// TestPartsAreTheWhole has every part of a block: an entry is the same, time
// included, in whatever part it is sent.
func TestPartsAreTheWhole(t *testing.T) {
	e := &Encoder{JSON: true}
	r := request(stream("1", "a", "5 a", "5 a", "5 b", "4 c"), stream("2", "b", "5 a"), stream("3", "a", "5 a"))
	want := []string{"a: 5a; ", "a: 6a; ", "a: 7b; ", "a: 4c; ", "b: 5a; ", "a: 8a; "}
	for i := range want {
		r.Part, r.First, r.End = true, i, i+1
		body, _ := encode(t, e, r)
		if got := entries(t, body); got != want[i] {
			t.Errorf("record %d: got %s, want %s", i, got, want[i])
		}
	}
	r.First, r.End = 1, 4
	if body, _ := encode(t, e, r); entries(t, body) != "a: 4c 6a 7b; " {
		t.Errorf("1 to 4: %s", entries(t, body))
	}
}

// TestWhatIsRemembered has records that are alike in all but one thing, and names
// and values about as long as lengths of one byte can say: an entry is the same
// whatever came before it.
func TestWhatIsRemembered(t *testing.T) {
	mixed := func(id string) *record.Batch {
		b := stream(id, "a")
		for i := range 280 {
			r := b.Begin()
			r.Time, r.Observed, r.Offset = dayNS+int64(i), dayNS+int64(i/7%3), int64(i)<<(i%20)
			r.Severity, r.Format, r.TimeSource = uint8(i%3), uint8(i/5%2), record.TimeSource(i/11%3)
			r.SeverityText = b.AddString([]string{"INFO", "info", ""}[i/2%3])
			key := b.AddString(strings.Repeat("k", 1+i/2))
			switch i % 4 {
			case 0:
				b.AddField(record.Field{Key: key, Val: b.AddString(strings.Repeat("v", 200-i/2)), Kind: record.String})
			case 1:
				b.AddField(record.IntField(key, -1<<63+int64(i)))
			case 2:
				b.AddField(record.Field{Key: key, Kind: record.Null})
			}
			b.AddField(record.Field{Key: b.AddString("long"), Val: b.AddString(strings.Repeat("v", i)), Kind: record.String})
		}
		return b
	}
	sent := func(e *Encoder, r *protocol.Request) (entries []string) {
		body, _ := encode(t, e, r)
		if err := protobuf.Each(body, 1, func(stream []byte) error {
			return protobuf.Each(stream, 2, func(entry []byte) error {
				entries = append(entries, string(entry))
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		return entries
	}
	e := &Encoder{}
	for _, id := range []string{"1", ""} {
		r := request(mixed(id))
		for i, entry := range sent(e, r) {
			one := *r
			one.Part, one.First, one.End = true, i, i+1
			if alone := sent(&Encoder{}, &one); len(alone) != 1 || alone[0] != entry {
				t.Fatalf("stream %q, record %d: sent with others\n%q\nand alone\n%q", id, i, entry, alone)
			}
		}
		body, _ := encode(t, e, r)
		lines, _ := decode(t, protobufType, body)
		for i, line := range strings.SplitAfter(strings.TrimSpace(lines), "\n") {
			if !strings.Contains(line, `"long":"`+strings.Repeat("v", i)+`"`) || !strings.Contains(line, `"`+strings.Repeat("k", 1+i/2)+`":`) != (i%4 == 3) {
				t.Fatalf("record %d came as %s", i, line)
			}
		}
	}
}

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		labels []string
		want   string
	}{
		{[]string{"host.name", "service.name", "user", "host_name"}, `{host_name="node-1", service_name="payments", user="ann"}`},
		{[]string{"process.pid", "missing"}, `{process_pid="4711"}`},
		{[]string{}, `{service_name="unknown_service"}`},
		{[]string{"none", "9"}, `{none="null"}`},
	} {
		r := request(full())
		r.Part, r.End = true, 1
		body, _ := encode(t, &Encoder{Labels: c.labels}, r)
		if !bytes.Contains(body, []byte(c.want)) {
			t.Errorf("%q: no %s in %q", c.labels, c.want, body)
		}
		for _, l := range c.labels {
			if l != "missing" && l != "9" && bytes.Contains(body, protobuf.AppendBytes(nil, 1, appendName(nil, l))) {
				t.Errorf("%q: %s is metadata as well", c.labels, l)
			}
		}
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		line  Line
		want  string
		other string
	}{
		{Body, "another stream", "log_record_original"},
		{Original, "the original line", "log_record_uid"},
		{Whole, `{"timestamp":"2026-03-04T05:06:07.000000389Z","severity":"trace"`, "level"},
	} {
		body, _ := encode(t, &Encoder{Line: c.line}, request(full()))
		if !bytes.Contains(body, []byte(c.want)) || !bytes.Contains(body, []byte(c.other)) {
			t.Errorf("%d: %q", c.line, body)
		}
		if c.line == Original && bytes.Contains(body, []byte("log_record_original")) {
			t.Errorf("the original is a line and metadata: %q", body)
		}
		if _, v := decode(t, protobufType, body); v.Lost != 0 {
			t.Errorf("%d: %+v", c.line, v)
		}
	}
}

// TestNames has fields whose names are alike, or those of what is no field.
func TestNames(t *testing.T) {
	b := stream("s", "a", "1 x")
	for i, key := range []string{"a.b", "level", "a_b", "service_name", "", "1st", "log.record.uid", "host.name", "ü"} {
		b.Attach(&b.Records[0], record.Field{Key: b.AddString(key), Val: b.AddString(fmt.Sprint("v", i))})
	}
	b.Stream.Labels = append(b.Stream.Labels, record.Label{Name: "host.name", Value: "hidden"}, record.Label{Name: "empty", Value: ""})
	b.Records[0].Severity = 9
	body, _ := encode(t, &Encoder{JSON: true}, request(b))
	want := `{"level":"info","level_extracted":"v1","a_b":"v2","service_name_extracted":"v3","_":"v8","_1st":"v5",` +
		`"log_record_uid_extracted":"v6","host_name":"v7","log_record_uid":"s-0"}`
	var got struct {
		Streams []struct{ Values [][]json.RawMessage }
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	var x, y map[string]string
	if err := errors.Join(json.Unmarshal(got.Streams[0].Values[0][2], &x), json.Unmarshal([]byte(want), &y)); err != nil || !reflect.DeepEqual(x, y) {
		t.Errorf("got %v, want %v, %v", x, y, err)
	}
}

func TestInvalidText(t *testing.T) {
	b := stream("s", "a\xff", "1 x\xffy")
	b.Attach(&b.Records[0], record.Field{Key: b.AddString("k\xff"), Val: b.AddString("v\xff")})
	b.Records[0].SeverityText = b.AddString("\xff")
	body, _ := encode(t, &Encoder{}, request(b))
	got, _ := decode(t, protobufType, body)
	for _, want := range []string{`"a` + "\uFFFD" + `"`, `"x` + "\uFFFD" + `y"`, `"k_":"v` + "\uFFFD" + `"`, `"severity_text":"` + "\uFFFD" + `"`} {
		if !strings.Contains(got, want) || strings.Contains(got, "invalid_utf8") {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

func TestLimit(t *testing.T) {
	r := request(full())
	for _, e := range []*Encoder{{}, {JSON: true}} {
		r.Limit = 500
		if _, err := e.Append(nil, http.Header{}, r); !errors.Is(err, protocol.ErrTooLarge) {
			t.Errorf("error %v", err)
		}
		r.Limit = 1 << 20
		if _, err := e.Append(nil, http.Header{}, r); err != nil {
			t.Errorf("error %v", err)
		}
	}
	r.Frames[0].Payload = []byte("no block")
	if _, err := new(Encoder).Append(nil, http.Header{}, r); err == nil || errors.Is(err, protocol.ErrTooLarge) {
		t.Errorf("no block: error %v", err)
	}
}

func TestParseLabels(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		var got strings.Builder
		if err := parseLabels([]byte(in), func(name, value string) { fmt.Fprintf(&got, "%s=%s;", name, value) }); err != nil {
			got.Reset()
			got.WriteString("error")
			if !strings.HasPrefix(err.Error(), "couldn't parse labels") {
				t.Errorf("%s: %v", in, err)
			}
		}
		if got.String() != want {
			t.Errorf("%s: got %s, want %s", in, got.String(), want)
		}
	}
	f(`{}`, "")
	f(` { } `, "")
	f(`{a="b"}`, "a=b;")
	f(`{a="b",}`, "a=b;")
	f("{a = \"b\\\"\\n\\u00fc\" ,\n_c1=`d\\`}", "a=b\"\nü;_c1=d\\;")
	f(`{a="}=,"}`, "a=}=,;")
	for _, bad := range []string{``, `a`, `{`, `{a}`, `{a=}`, `{a=b}`, `{a="b`, `{a="b"`, `{a="b"}x`, `{a="b" c="d"}`, `{a-b="c"}`, `{1="c"}`, `{="c"}`,
		`{a="\q"}`, `{,}`, `{a="b",,}`, "{a=\"\n\"}", `{a=~"b"}`} {
		f(bad, "error")
	}
}

// TestForeign has requests that others make.
func TestForeign(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"least", `{"streams":[{"stream":{"job":"x"},"values":[["1772600767000000089","hi"]]}]}`, `"message":"hi"|"job":"x"`},
		{"metadata", ` {"x":[1],"streams" : [ {"values":[["1772600767000000089","h\u00fc",{"k8s_pod_name":"p","a\"b":"c"}]], "y":{},"stream":{"service_name":"s"}} ] } `,
			`"message":"hü"|"service.name":"s"|"attributes":{"k8s.pod.name":"p","a\"b":"c"}`},
		{"level as a label", `{"streams":[{"stream":{"level":"warning"},"values":[["1772600767000000089",""]]}]}`, `"severity_number":13|"level":"warning"`},
		{"level of others", `{"streams":[{"stream":{"a":"b"},"values":[["1772600767000000089","",{"level":"Warning"}]]}]}`, `"severity_number":13,"severity_text":"Warning"`},
		{"unknown level", `{"streams":[{"stream":{"a":"b"},"values":[["1772600767000000089","",{"level":"` + strings.Repeat("x", 33) + `"}]]}]}`,
			`"attributes":{"level":"` + strings.Repeat("x", 33) + `"}`},
		{"detected level", `{"streams":[{"stream":{"a":"b"},"values":[["1772600767000000089","",{"detected_level":"error"}]]}]}`, `"severity_number":17,"message":""`},
		{"does not fit", `{"streams":[{"stream":{"a":"b"},"values":[["1772600767000000089","",{"trace_id":"12","severity_number":"25","log_format":"none","log_truncated":"no","observed_timestamp":"x","log_record_uid":"a-b-c"}]]}]}`,
			`"attributes":{"trace_id":"12","severity_number":"25","log_format":"none","log_truncated":"no","observed_timestamp":"x","log_record_uid":"a-b-c"}`},
	} {
		got, v := decode(t, "application/json; charset=utf-8", []byte(c.in))
		if v.Lost != 0 || strings.Count(got, "\n") != 1 || !strings.Contains(got, `"timestamp":"2026-03-04T05:06:07.000000089Z"`) {
			t.Errorf("%s: %+v %s", c.name, v, got)
		}
		for _, want := range strings.Split(c.want, "|") {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %swant %s", c.name, got, want)
			}
		}
		again, _ := decode(t, jsonType, []byte(c.in))
		if idOf(again) != idOf(got) || idOf(got) == "" {
			t.Errorf("%s: the same body has other IDs: %s %s", c.name, again, got)
		}
	}
}

func idOf(line string) string {
	_, id, _ := strings.Cut(line, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	return id
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ contentType, in, want string }{
		{"text/plain", "", "unsupported content type"},
		{protobufType, "x", "malformed protobuf"},
		{jsonType, "", "byte 0"},
		{jsonType, "[]", "byte 0"},
		{jsonType, "{}x", "byte 2"},
		{jsonType, `{"streams":{}}`, "byte 11"},
		{jsonType, `{"streams":[{"stream":{"a":1}}]}`, "push request"},
		{jsonType, `{"streams":[{"values":[[1,"a"]]}]}`, "push request"},
		{jsonType, `{"streams":[{"values":[["x","a"]]}]}`, "nanoseconds"},
		{jsonType, `{"streams":[{"values":[["1"]]}]}`, "push request"},
		{jsonType, `{"streams":[{"values":[["1","a",{},"b"]]}]}`, "push request"},
		{jsonType, `{"streams":[{"values":[["1","a",{"b":1}]]}]}`, "push request"},
		{jsonType, strings.Repeat(`{"streams":[`, 1000), "byte"},
	} {
		_, err := Decode(c.contentType, []byte(c.in), func(*record.Batch) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80q: error %v, want %s", c.in, err, c.want)
		}
	}
}

// TestStreamsWithBadLabels: of a stream whose labels are none all entries are
// refused, and those of the others are taken, as Loki does it.
func TestStreamsWithBadLabels(t *testing.T) {
	stream := func(labels string, lines ...string) []byte {
		p := protobuf.AppendBytes(nil, 1, labels)
		for _, l := range lines {
			p = protobuf.AppendBytes(p, 2, protobuf.AppendBytes(protobuf.AppendBytes(nil, 1, ""), 2, l))
		}
		return protobuf.AppendBytes(nil, 1, string(p))
	}
	for contentType, body := range map[string][]byte{
		protobufType: slices.Concat(stream(`{a="b"}`, "x"), stream(`{a-b="c"}`, "bad", "bad"), stream(`{a-b}`), stream(`{a="c"}`, "y")),
		jsonType: []byte(`{"streams":[{"stream":{"a":"b"},"values":[["1","x"]]},{"stream":{"a\"=\"1":"c"},"values":[["1","bad"]]},
			{"values":[["1","bad"]],"stream":{"a":"b","1=":"c"}},{"stream":{"a b":"c"}},{"stream":{"a":"c"},"values":[["1","y"]]}]}`),
	} {
		got, v := decode(t, contentType, body)
		if strings.Count(got, "\n") != 2 || strings.Contains(got, "bad") || v.Lost != 2 || !strings.HasPrefix(v.Reason, `entry 2 ignored, reason: 'couldn't parse labels: "{`) {
			t.Errorf("%s: %+v\n%s", contentType, v, got)
		}
	}
}

func TestFarTimes(t *testing.T) {
	entry := func(sec, nanos uint64) []byte {
		ts := protobuf.AppendUint(protobuf.AppendUint(nil, 1, sec), 2, nanos)
		return protobuf.AppendBytes(protobuf.AppendBytes(nil, 1, ts), 2, "x")
	}
	s := protobuf.AppendBytes(nil, 1, `{a="b"}`)
	for _, e := range [][]byte{entry(1, 2), entry(1<<40, 0), entry(1, 1e9), entry(1<<63, 0)} {
		s = protobuf.AppendBytes(s, 2, e)
	}
	got, v := decode(t, protobufType, protobuf.AppendBytes(nil, 1, s))
	if strings.Count(got, "\n") != 1 || v.Lost != 3 || !strings.HasPrefix(v.Reason, "entry 2 ignored") {
		t.Errorf("%+v %s", v, got)
	}
}

func TestTooMany(t *testing.T) {
	s := protobuf.AppendBytes(nil, 1, `{a="b"}`)
	for range maxRecords + 1 {
		s = protobuf.AppendBytes(s, 2, "")
	}
	var streams []byte
	for i := range maxStreams + 1 {
		one := protobuf.AppendBytes(protobuf.AppendBytes(nil, 1, fmt.Sprintf(`{a="%d"}`, i)), 2, "")
		streams = protobuf.AppendBytes(streams, 1, one)
	}
	for name, body := range map[string][]byte{"entries": protobuf.AppendBytes(nil, 1, s), "streams": streams} {
		if _, err := Decode(protobufType, body, func(*record.Batch) error { return nil }); !errors.Is(err, protocol.ErrTooLarge) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		code int
		body string
		want protocol.Outcome
	}{
		{204, "", protocol.Accepted}, {200, "", protocol.Accepted},
		{202, "", protocol.Retry}, {260, "blocked", protocol.Retry},
		{400, "entry with timestamp 2020-01-01 ignored, reason: 'entry too far behind', total ignored: 1 out of 3", protocol.Rejected},
		{400, "stream '{}' has timestamp too old", protocol.Rejected},
		{400, "couldn't parse labels", protocol.Rejected},
		{400, "rpc error: received message larger than max (5 vs. 4)", protocol.Split},
		{413, "request body too large", protocol.Split}, {500, "rpc error: trying to send message larger than max", protocol.Split},
		{429, "Ingestion rate limit exceeded", protocol.Retry}, {500, "ring is empty", protocol.Retry}, {503, "", protocol.Retry},
		{401, "no org id", protocol.Unauthorized}, {404, "", protocol.Retry}, {302, "", protocol.Retry},
	} {
		v := new(Encoder).Verdict(nil, c.code, http.Header{}, []byte(c.body))
		if v.Outcome != c.want || (v.Reason == "") != (c.want == protocol.Accepted) {
			t.Errorf("%d %s: %+v, want %v", c.code, c.body, v, c.want)
		}
	}
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		code int
		v    protocol.Verdict
		want int
	}{
		{200, protocol.Verdict{Outcome: protocol.Accepted}, 204},
		{503, protocol.Verdict{Outcome: protocol.Retry, Reason: "x", After: time.Minute}, 503},
		{413, protocol.Verdict{Outcome: protocol.Split, Reason: "x"}, 413},
		{400, protocol.Verdict{Outcome: protocol.Rejected, Reason: "x"}, 400},
		{401, protocol.Verdict{Outcome: protocol.Unauthorized, Reason: "x"}, 401},
	} {
		w := httptest.NewRecorder()
		if err := Reply(w, c.code, c.v); err != nil {
			t.Fatal(err)
		}
		got := new(Encoder).Verdict(nil, w.Code, w.Header(), w.Body.Bytes())
		if w.Code != 204 {
			_, got.Reason, _ = strings.Cut(got.Reason, ": ")
		}
		if w.Code != c.want || !reflect.DeepEqual(got, c.v) {
			t.Errorf("%d: got %+v, want %+v", w.Code, got, c.v)
		}
	}
	// Loki has no other way to say that some entries were not taken.
	w := httptest.NewRecorder()
	if err := Reply(w, 200, protocol.Verdict{Outcome: protocol.Accepted, Lost: 2, Reason: "too far"}); err != nil || w.Code != 400 ||
		w.Body.String() != "too far, total ignored: 2\n" {
		t.Errorf("%d %q, %v", w.Code, w.Body, err)
	}
}

// entryOf is an EntryAdapter with a pair of metadata.
func entryOf(name, value string) []byte {
	return protobuf.AppendBytes(protobuf.AppendBytes(nil, 2, "line"), 3, protobuf.AppendBytes(protobuf.AppendBytes(nil, 1, name), 2, value))
}

// TestRepeatedIDs: what cannot be an ID or flags changes nothing.
func TestRepeatedIDs(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	got, _ := decode(t, jsonType, []byte(`{"streams":[{"stream":{},"values":[["1","m",{"trace_id":"`+id+`","trace_flags":"1","trace_id":"00000000000000000000000000000zzz","trace_flags":"999"}]]}]}`))
	if !strings.Contains(got, `"trace_id":"`+id+`","trace_flags":1,`) {
		t.Errorf("got %s", got)
	}
}

// FuzzDecode encodes again what it has decoded and decodes that to the same.
func FuzzDecode(f *testing.F) {
	for _, e := range []*Encoder{{}, {JSON: true}} {
		body, _ := encode(f, e, request(full()))
		f.Add(e.JSON, body)
	}
	f.Add(true, []byte(`{"streams":[{"stream":{"a":"b"},"values":[["1","",{"level":"x","a.b":"1","a_b":"2"}]]}]}`))
	f.Add(false, protobuf.AppendBytes(nil, 1, protobuf.AppendBytes(nil, 1, "{a=`b`,c=\"\\x00\"}")))
	f.Add(true, []byte(`{"streams":[{"stream":{},"values":[["9223372035999999999","a"],["9223372035999999999","b"],["9223372036854775807","c"],["9223372036854775807","d"],["-9223372036854775808","e"]]}]}`))
	f.Add(true, []byte(`{"streams":[{"stream":{},"values":[["1","a",{"log_time_source":"read"}],["1","b"]]}]}`))
	f.Add(false, protobuf.AppendBytes(nil, 1, protobuf.AppendBytes(protobuf.AppendBytes(nil, 1, "{level=`x`}"), 2, entryOf("severity_text", strings.Repeat("a\xff", 16)))))
	f.Add(false, protobuf.AppendBytes(nil, 1, protobuf.AppendBytes(protobuf.AppendBytes(nil, 1, "{a=`b`}"), 2, entryOf("level", strings.Repeat("a\xff", 16)))))
	blocks := block.NewEncoder()
	// Of a batch that begins with a record without a time of its own, that record
	// is put at the time of the first that has one, which so goes up each round.
	rises := func(b *record.Batch) bool {
		_, timed := firstTime(b)
		return timed && b.Records[0].TimeSource == record.TimeRead
	}
	times := regexp.MustCompile(`"timestamp":"[^"]*"|,"observed_timestamp":"[^"]*"`)
	timeless := func(lines string) string {
		each := strings.SplitAfter(times.ReplaceAllString(lines, ""), "\n")
		slices.Sort(each) // and so it may pass records of other batches
		return strings.Join(each, "")
	}
	f.Fuzz(func(t *testing.T, json bool, body []byte) {
		contentType := protobufType
		if json {
			contentType = jsonType
		}
		var all []*record.Batch
		if _, err := Decode(contentType, body, func(b *record.Batch) error { all = append(all, b); return nil }); err != nil || len(all) == 0 {
			return
		}
		for _, b := range all {
			for _, r := range b.Records {
				if r.SeverityText.Len > protocol.MaxSeverityText {
					t.Fatalf("the text of a severity is %q", b.Bytes(r.SeverityText))
				}
			}
		}
		// Two rounds have lost all there is to lose.
		var want string
		for round := range 4 {
			payload, _ := blocks.Append(nil, all)
			r := &protocol.Request{Frames: []protocol.Frame{{Sequence: 1, Payload: payload}}}
			body, _ := encode(t, &Encoder{}, r)
			rise := slices.ContainsFunc(all, rises)
			all = nil
			var got string
			v, err := Decode(protobufType, body, func(b *record.Batch) error {
				all = append(all, b)
				got += text(b)
				return nil
			})
			if err != nil || v.Lost != 0 {
				t.Fatalf("what was encoded is not taken: %+v, %v", v, err)
			}
			if round > 2 && got != want && !(rise && timeless(got) == timeless(want)) {
				t.Fatalf("got\n%s\nwant\n%s", got, want)
			}
			want = got
		}
	})
}
