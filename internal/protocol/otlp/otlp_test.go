package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
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
		{Name: "deployment.environment.name", Value: "prod"}, {Name: "host.name", Value: "node-1"},
		{Name: "log.file.path", Value: `/var/log/a "b".log`}, {Name: "service.name", Value: "hidden"},
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
	str("three", "3.0", record.Number)
	str("big", "18446744073709551615", record.Number)
	b.AddField(record.Field{Key: b.AddString("none"), Kind: record.Null})
	str("tags", `["a", {"b" : [ ], "c":{}, "d":1.25, "e":-7, "f":null, "g":"\u00fc\n"}, true]`, record.JSON)
	str("long", strings.Repeat("x", 300), record.String)
	str(strings.Repeat("k", 200), "v", record.String)
	add := func(offset int64, logger, body string) *record.Record {
		r := b.Begin()
		r.Time, r.Observed, r.Offset, r.TimeSource = dayNS+offset, dayNS+offset, offset, record.TimeLine
		r.Logger, r.Body = b.AddString(logger), b.AddString(body)
		return r
	}
	add(300, "db.pool", "same scope, other resource")
	add(301, "", "no scope").Severity = 24
	add(302, "http", "")
	add(303, "http", strings.Repeat("a long line ", 2000)).TimeSource = record.TimeFrame
	return b
}

// request makes the request of batches.
func request(batches ...*record.Batch) *protocol.Request {
	payload, raw := block.NewEncoder().Append(nil, batches)
	return &protocol.Request{Agent: "a", Frames: []protocol.Frame{{Sequence: 1, Raw: raw, Payload: payload}}}
}

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
	return body[len("before"):], h
}

// decode returns what Decode makes of a body as canonical records, one a line.
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

// lossy is what is left of full's records: see the package comment.
func lossy(s string) string {
	return strings.NewReplacer(
		`"service.name":"payments","process.pid":4711,"id":"5f1e0011aabbccdd-ff","deployment.environment.name":"prod","host.name":"node-1","log.file.path":"/var/log/a \"b\".log"`,
		`"process.pid":4711,"id":"5f1e0011aabbccdd-ff","deployment.environment.name":"prod","host.name":"node-1","log.file.path":"/var/log/a \"b\".log","service.name":"payments"`,
		`\u00fc`, "ü", `"took":1.5e-3`, `"took":0.0015`, `"big":18446744073709551615`, `"big":"18446744073709551615"`,
	).Replace(s)
}

func TestRoundTrip(t *testing.T) {
	want := lossy(text(full()))
	for _, form := range []Form{Protobuf, JSON} {
		body, h := encode(t, &Encoder{Form: form}, request(full()))
		got, v := decode(t, h.Get("Content-Type"), body)
		if got != want || v.Lost != 0 || v.Outcome != protocol.Accepted {
			t.Errorf("form %d: %+v, got\n%s\nwant\n%s", form, v, got, want)
		}
		again, _ := encode(t, &Encoder{Form: form}, request(full()))
		if !bytes.Equal(again, body) {
			t.Errorf("form %d: not the same bytes again", form)
		}
	}
}

// TestGolden compares the bytes with those in testdata. testdata/full.protojson
// is what the generated code of opentelemetry-proto (go.opentelemetry.io/proto/otlp
// v1.11.1, protojson v1.36.12) reads in them.
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
		t.Errorf("the bytes have changed; if that is right, run with -update, and have full.protojson made again")
	}
	theirs, err := os.ReadFile("testdata/full.protojson")
	if err != nil {
		t.Fatal(err)
	}
	ours, _ := encode(t, &Encoder{Form: JSON}, request(full()))
	var x, y any
	if err := errors.Join(json.Unmarshal(theirs, &x), json.Unmarshal(ours, &y)); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(y), fmt.Sprint(normal(x)); got != want {
		t.Errorf("ours\n%.4000s\ntheirs\n%.4000s", got, want)
	}
}

// normal takes the differences between protojson and the JSON form of OTLP out
// of a value: IDs are hexadecimal here, enumerations numbers.
func normal(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = normal(v[k])
		}
		for _, k := range []string{"traceId", "spanId"} {
			s, _ := v[k].(string)
			if raw, err := base64.StdEncoding.DecodeString(s); s != "" && err == nil && len(raw) <= 16 {
				v[k] = hex.EncodeToString(raw)
			}
		}
		if s, ok := v["severityNumber"].(string); ok {
			v["severityNumber"] = map[string]float64{"SEVERITY_NUMBER_INFO2": 10, "SEVERITY_NUMBER_FATAL4": 24}[s]
		}
	}
	return v
}

func TestParts(t *testing.T) {
	b := full()
	all := strings.SplitAfter(lossy(text(b)), "\n")
	r := request(b)
	r.Part = true
	for first := range len(b.Records) {
		for end := first + 1; end <= len(b.Records); end++ {
			r.First, r.End = first, end
			body, _ := encode(t, &Encoder{}, r)
			if got, _ := decode(t, protobufType, body); got != strings.Join(all[first:end], "") {
				t.Errorf("%d to %d: %s", first, end, got)
			}
		}
	}
}

func TestLimit(t *testing.T) {
	r := request(full())
	for _, form := range []Form{Protobuf, JSON, GRPC} {
		r.Limit = 2000
		if _, err := (&Encoder{Form: form}).Append(nil, http.Header{}, r); !errors.Is(err, protocol.ErrTooLarge) {
			t.Errorf("form %d: error %v", form, err)
		}
		r.Limit = 1 << 20
		if _, err := (&Encoder{Form: form}).Append(nil, http.Header{}, r); err != nil {
			t.Errorf("form %d: error %v", form, err)
		}
	}
	r.Frames[0].Payload = []byte("no block")
	if _, err := new(Encoder).Append(nil, http.Header{}, r); err == nil || errors.Is(err, protocol.ErrTooLarge) {
		t.Errorf("no block: error %v", err)
	}
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		form     Form
		encoding string
		want     string
	}{
		{Protobuf, "none", "map[Content-Type:[application/x-protobuf]]"},
		{Protobuf, "gzip", "map[Content-Encoding:[gzip] Content-Type:[application/x-protobuf]]"},
		{JSON, "zstd", "map[Content-Encoding:[zstd] Content-Type:[application/json]]"},
		{GRPC, "", "map[Content-Type:[application/grpc+proto] Te:[trailers]]"},
		{GRPC, "gzip", "map[Content-Type:[application/grpc+proto] Grpc-Encoding:[gzip] Te:[trailers]]"},
	} {
		z, err := protocol.NewCompressor(c.encoding)
		if err != nil {
			t.Fatal(err)
		}
		body, h := encode(t, &Encoder{Form: c.form, Compressor: z}, request(full()))
		if got := fmt.Sprint(h); got != c.want {
			t.Errorf("%d %s: got %s, want %s", c.form, c.encoding, got, c.want)
		}
		if c.form == GRPC {
			flag, n := body[0], int(body[1])<<24|int(body[2])<<16|int(body[3])<<8|int(body[4])
			if flag != map[string]byte{"gzip": 1}[c.encoding] || n != len(body)-5 {
				t.Errorf("prefix % x of %d bytes", body[:5], len(body))
			}
			body = body[5:]
		}
		p, err := new(protocol.Decompressor).Append(nil, body, z.Encoding, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		contentType := protobufType
		if c.form == JSON {
			contentType = jsonType
		}
		if got, _ := decode(t, contentType, p); got != lossy(text(full())) {
			t.Errorf("%d %s: got %s", c.form, c.encoding, got)
		}
	}
}

// TestFields has values that are not what their kind says, and odd keys.
func TestFields(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		kind      record.Kind
		val, want string
	}{
		{record.Number, "007", `"007"`},
		{record.Number, "NaN", `"NaN"`},
		{record.Number, "", `""`},
		{record.Number, "1e5", `100000.0`},
		{record.Number, "1e400", `"1e400"`},
		{record.Number, "1e25", `1e+25`},
		{record.Number, "-0.0", `-0.0`},
		{record.Number, "12", `12`},
		{record.Number, "9223372036854775808", `"9223372036854775808"`},
		{record.JSON, `{"a":`, `"{\"a\":"`},
		{record.JSON, `{"a":1}x`, `"{\"a\":1}x"`},
		{record.JSON, "[1,\n2]", `[1,2]`},
		{record.JSON, `[1,]`, `"[1,]"`},
		{record.JSON, `{"a" 1}`, `"{\"a\" 1}"`},
		{record.JSON, `[18446744073709551615, 1.50]`, `["18446744073709551615",1.5]`},
		{record.JSON, deep(16), deep(16)},
		{record.JSON, deep(17), deep(16)[:16] + `"[]"` + deep(16)[16:]},
		{record.JSON, ` "text" `, `"text"`},
		{record.String, "\xff\xc3(", "\"\uFFFD(\""},
		{record.String, "", `""`},
	} {
		b := new(record.Batch)
		b.Reset(&record.Stream{ID: "s"}, nil)
		r := b.Begin()
		r.Time, r.Observed, r.TimeSource = dayNS, dayNS, record.TimeLine
		b.AddField(record.Field{Key: b.AddString("k"), Val: b.AddString(c.val), Kind: c.kind})
		body, _ := encode(t, &Encoder{}, request(b))
		got, _ := decode(t, protobufType, body)
		if want := `"attributes":{"k":` + c.want + `}}`; !strings.Contains(got, want) {
			t.Errorf("%q: got %s, want %s", c.val, got, want)
		}
	}
}

func TestRepeatedAndReservedKeys(t *testing.T) {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, nil)
	r := b.Begin()
	r.Time, r.Observed, r.TimeSource = dayNS, dayNS, record.TimeLine
	for i, key := range []string{"k", "host.name", "log.format", "log.record.uid", "k", "host.name"} {
		b.AddField(record.Field{Key: b.AddString(key), Val: b.AddString(fmt.Sprint("v", i))})
	}
	body, _ := encode(t, &Encoder{}, request(b))
	got, _ := decode(t, protobufType, body)
	if want := `"message":"","id":"s-0","host.name":"v5","attributes":{"k":"v4"}}`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestForeign has requests that others make.
func TestForeign(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"least", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772600767000000089","body":{"stringValue":"hi"}}]}]}]}`,
			`"message":"hi"`},
		{"collector", `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}},
			{"key":"process.pid","value":{"intValue":"7"}}],"droppedAttributesCount":2},"scopeLogs":[{"scope":{"name":"lib","version":"1.2",
			"attributes":[{"key":"s","value":{"boolValue":true}}]},"logRecords":[{"timeUnixNano":1772600767000000089,"severityNumber":17,
			"severityText":"Error","body":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":1},{"doubleValue":2.5},{}]}}}]}},
			"traceId":"4BF92F3577B34DA6A3CE929D0E0E4736","spanId":"00f067aa0ba902b7","flags":257,"eventName":"e","droppedAttributesCount":3,
			"attributes":[{"key":"b","value":{"bytesValue":"AAEC"}},{"key":"x","value":{"doubleValue":"NaN"}},{"key":"n"}]}]}],"schemaUrl":"u"}]}`,
			`"severity":"error","severity_number":17,"severity_text":"Error","message":"{\"a\":[1,2.5,null]}","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","trace_flags":1,"span_id":"00f067aa0ba902b7","logger":"lib"|` +
				`"process.pid":7|"service.name":"cart","attributes":{"event.name":"e","dropped_attributes_count":3,"b":"AAEC","x":"NaN","n":null,"otel.scope.version":"1.2","s":true}`},
		{"resource last", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772600767000000089"}],"scope":{"name":"l"}}],"resource":{"attributes":[{"key":"k8s.pod.name","value":{"stringValue":"p"}}]}}]}`,
			`"logger":"l"|"k8s.pod.name":"p"`},
		{"observed only", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"observedTimeUnixNano":"1772600767000000089"}]}]}]}`,
			`"timestamp_source":"read"`},
		{"ids that are none", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772600767000000089","traceId":"00000000000000000000000000000000","spanId":"0102"}]}]}]}`,
			`"attributes":{"span_id":"0102"}`},
		{"does not fit", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772600767000000089","severityNumber":99,"severityText":"` + strings.Repeat("x", 33) + `"}]}]}]}`,
			`"attributes":{"severity_number":99,"severity_text":"` + strings.Repeat("x", 33) + `"}`},
		{"ID of others", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772600767000000089","attributes":[{"key":"log.record.uid","value":{"stringValue":"550e8400-e29b-41d4-a716-446655440000"}}]}]}]}]}`,
			`"attributes":{"log.record.uid":"550e8400-e29b-41d4-a716-446655440000"}`},
		{"unknown and null", `{"x":{"resourceLogs":[]},"resourceLogs":[{"resource":null,"y":[{}],"scopeLogs":[{"scope":null,"logRecords":[{"timeUnixNano":"1772600767000000089","body":{"intValue":-5}}]}]}]}`,
			`"message":"-5"`},
		{"repeated labels", `{"resourceLogs":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":"1"}},{"key":"a","value":{"stringValue":"2"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772600767000000089"}]}]}]}`,
			`"a":"2"`},
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
		if again, _ := decode(t, jsonType, []byte(c.in)); idOf(again) != idOf(got) || idOf(got) == "" {
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
		{jsonType, `{"resourceLogs":{}}`, "byte 16"},
		{jsonType, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xy"}]}]}]}`, "the value of traceId"},
		{jsonType, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"soon"}]}]}]}`, "the value of timeUnixNano"},
		{jsonType, strings.Repeat(`{"resourceLogs":[`, 1000), "byte"},
	} {
		_, err := Decode(c.contentType, []byte(c.in), func(*record.Batch) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80q: error %v, want %s", c.in, err, c.want)
		}
	}
}

// nested is an AnyValue of arrays within each other.
func nested(n int) []byte {
	v := protobuf.AppendBytes(nil, 1, "x")
	for range n {
		v = protobuf.AppendBytes(nil, anyArray, protobuf.AppendBytes(nil, 1, v))
	}
	return v
}

func keyValueOf(key string, value []byte) []byte {
	return protobuf.AppendBytes(protobuf.AppendBytes(nil, 1, key), 2, value)
}

// requestOf is an ExportLogsServiceRequest of records with a resource.
func requestOf(resource []byte, records ...[]byte) []byte {
	var logs []byte
	for _, r := range records {
		logs = protobuf.AppendBytes(logs, 2, r)
	}
	p := protobuf.AppendBytes(protobuf.AppendBytes(nil, 1, resource), 2, logs)
	return protobuf.AppendBytes(nil, 1, p)
}

func TestPartialSuccess(t *testing.T) {
	good := protobuf.AppendBytes(nil, 5, protobuf.AppendBytes(nil, 1, "good"))
	deep := protobuf.AppendBytes(protobuf.AppendBytes(nil, 5, nested(3)), 6, keyValueOf("k", nested(65)))
	var many []byte
	for i := range maxAttributes + 1 {
		many = protobuf.AppendBytes(many, 6, keyValueOf(fmt.Sprint(i), nil))
	}
	got, v := decode(t, protobufType, requestOf(nil, good, deep, many, good, deep))
	if strings.Count(got, `"message":"good"`) != 2 || v.Lost != 3 || v.Reason != errDeep.Error() {
		t.Errorf("%+v %s", v, got)
	}
	// What they share is too deep: none of them can be taken.
	shared := protobuf.AppendBytes(nil, 1, keyValueOf("k", nested(65)))
	if got, v := decode(t, protobufType, requestOf(shared, good, good)); got != "" || v.Lost != 2 {
		t.Errorf("%+v %s", v, got)
	}
}

// TestBombs has bodies that would become far larger than they are.
func TestBombs(t *testing.T) {
	var records [][]byte
	for range 100_000 {
		records = append(records, nil)
	}
	var resource []byte
	for i := range 1000 {
		resource = protobuf.AppendBytes(resource, 1, keyValueOf(fmt.Sprint(i), protobuf.AppendUint(nil, 3, 1)))
	}
	wide := protobuf.AppendBytes(nil, 1, keyValueOf("k", protobuf.AppendBytes(nil, anyArray, bytes.Repeat([]byte{10, 0}, 1<<16))))
	deep := protobuf.AppendBytes(nil, anyArray, append(bytes.Repeat([]byte{10, 0}, 1<<16), protobuf.AppendBytes(nil, 1, nested(70))...))
	var streams []byte
	for i := range maxStreams + 1 {
		streams = append(streams, requestOf(protobuf.AppendBytes(nil, 1, keyValueOf("k", protobuf.AppendBytes(nil, 1, fmt.Sprint(i)))), nil)...)
	}
	for name, body := range map[string][]byte{
		"many fields of a resource": requestOf(resource, records...),
		"a long field of it":        requestOf(wide, records...),
		"a deep field of it":        requestOf(protobuf.AppendBytes(nil, 1, keyValueOf("k", deep)), records...),
		"many streams":              streams,
		"many records":              requestOf(nil, append(records, records...)...),
	} {
		_, err := Decode(protobufType, body, func(*record.Batch) error { return nil })
		if !errors.Is(err, protocol.ErrTooLarge) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestVerdict(t *testing.T) {
	for code, want := range map[int]protocol.Outcome{
		200: protocol.Accepted, 202: protocol.Accepted, 204: protocol.Accepted,
		429: protocol.Retry, 502: protocol.Retry, 503: protocol.Retry, 504: protocol.Retry,
		400: protocol.Rejected, 408: protocol.Rejected, 422: protocol.Rejected, 425: protocol.Rejected,
		500: protocol.Rejected, 501: protocol.Rejected, 505: protocol.Rejected, 599: protocol.Rejected,
		401: protocol.Unauthorized, 403: protocol.Unauthorized, 413: protocol.Split,
		302: protocol.Retry, 404: protocol.Retry, 405: protocol.Retry, 415: protocol.Retry, 600: protocol.Retry,
	} {
		h := http.Header{"Retry-After": {"7"}}
		v := new(Encoder).Verdict(nil, code, h, nil)
		if v.Outcome != want || (v.After == 7*time.Second) != (want == protocol.Retry) {
			t.Errorf("%d: %+v, want %v", code, v, want)
		}
	}
	for _, c := range []struct{ contentType, body, want string }{
		{"text/html; charset=utf-8", "<html>", "without the answer"},
		{protobufType, "x", "without the answer"},
		{jsonType, "[]", "without the answer"},
	} {
		v := new(Encoder).Verdict(nil, 200, http.Header{"Content-Type": {c.contentType}}, []byte(c.body))
		if v.Outcome != protocol.Retry || !strings.Contains(v.Reason, c.want) {
			t.Errorf("%s %q: %+v", c.contentType, c.body, v)
		}
	}
	for _, body := range []string{"", "{}", `{"partialSuccess":{}}`} {
		if v := new(Encoder).Verdict(nil, 200, http.Header{"Content-Type": {jsonType}}, []byte(body)); !reflect.DeepEqual(v, protocol.Verdict{Outcome: protocol.Accepted}) {
			t.Errorf("%q: %+v", body, v)
		}
	}
}

func TestReply(t *testing.T) {
	for _, contentType := range []string{protobufType, jsonType} {
		for _, c := range []struct {
			code int
			v    protocol.Verdict
		}{
			{200, protocol.Verdict{Outcome: protocol.Accepted}},
			{200, protocol.Verdict{Outcome: protocol.Accepted, Lost: 3, Reason: "too deep"}},
			{200, protocol.Verdict{Outcome: protocol.Accepted, Reason: "a warning"}},
			{503, protocol.Verdict{Outcome: protocol.Retry, Reason: "x", After: time.Minute}},
			{429, protocol.Verdict{Outcome: protocol.Retry, Reason: "x"}},
			{413, protocol.Verdict{Outcome: protocol.Split, Reason: "x"}},
			{400, protocol.Verdict{Outcome: protocol.Rejected, Reason: `"x"`}},
			{401, protocol.Verdict{Outcome: protocol.Unauthorized, Reason: "x"}},
		} {
			w := httptest.NewRecorder()
			if err := Reply(w, contentType, c.code, c.v); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.code || w.Header().Get("Content-Type") != contentType {
				t.Errorf("%d: %d %v", c.code, w.Code, w.Header())
			}
			got := new(Encoder).Verdict(nil, w.Code, w.Header(), w.Body.Bytes())
			if c.code != 200 {
				_, got.Reason, _ = strings.Cut(got.Reason, ": ")
			}
			if !reflect.DeepEqual(got, c.v) {
				t.Errorf("%s: got %+v, want %+v", contentType, got, c.v)
			}
		}
	}
}

func TestGRPCVerdict(t *testing.T) {
	status := func(details ...[]byte) string {
		p := protobuf.AppendBytes(protobuf.AppendUint(nil, 1, 8), 2, "slow down")
		for _, d := range details {
			p = protobuf.AppendBytes(p, 3, d)
		}
		return base64.RawStdEncoding.EncodeToString(p)
	}
	wait := protobuf.AppendUint(protobuf.AppendUint(nil, 1, 2), 2, 5e8)
	retry := protobuf.AppendBytes(protobuf.AppendBytes(nil, 1, retryInfo), 2, protobuf.AppendBytes(nil, 1, wait))
	other := protobuf.AppendBytes(nil, 1, "type.googleapis.com/google.rpc.DebugInfo")
	ok := string(binaryMessage(nil))
	for _, c := range []struct {
		status, message, details string
		body                     string
		want                     protocol.Verdict
	}{
		{"0", "", "", ok, protocol.Verdict{Outcome: protocol.Accepted}},
		{"0", "", "", string(binaryMessage([]byte{10, 4, 8, 2, 18, 0})), protocol.Verdict{Outcome: protocol.Accepted, Lost: 2}},
		{"0", "", "", "", protocol.Verdict{Reason: errFrame.Error()}},
		{"0", "", "", ok + "x", protocol.Verdict{Reason: errFrame.Error()}},
		{"0", "", "", string(compressed([]byte{10, 4, 8, 2, 18, 0})), protocol.Verdict{Outcome: protocol.Accepted, Lost: 2}},
		{"0", "", "", "\x01\x00\x00\x00\x01x", protocol.Verdict{Reason: "answer of a gRPC call: decompress gzip body: unexpected EOF"}},
		{"", "", "", ok, protocol.Verdict{Reason: "200 without a status of gRPC: is this the right url, and the port for gRPC?"}},
		{"14", "no%20more%0A", "", "", protocol.Verdict{Outcome: protocol.Retry, Reason: "gRPC UNAVAILABLE: no more"}},
		{"14", "", status(other, retry), "", protocol.Verdict{Outcome: protocol.Retry, After: 2500 * time.Millisecond, Reason: "gRPC UNAVAILABLE"}},
		{"8", "quota", "", "", protocol.Verdict{Outcome: protocol.Rejected, Reason: "gRPC RESOURCE_EXHAUSTED: quota"}},
		{"8", "quota", status(retry), "", protocol.Verdict{Outcome: protocol.Retry, After: 2500 * time.Millisecond, Reason: "gRPC RESOURCE_EXHAUSTED: quota"}},
		{"8", "quota", "!!", "", protocol.Verdict{Outcome: protocol.Rejected, Reason: "gRPC RESOURCE_EXHAUSTED: quota"}},
		{"8", "grpc: received message larger than max (5 vs. 4)", "", "", protocol.Verdict{Outcome: protocol.Split, Reason: "gRPC RESOURCE_EXHAUSTED: grpc: received message larger than max (5 vs. 4)"}},
		{"3", "bad", "", "", protocol.Verdict{Outcome: protocol.Rejected, Reason: "gRPC INVALID_ARGUMENT: bad"}},
		{"13", "", "", "", protocol.Verdict{Outcome: protocol.Rejected, Reason: "gRPC INTERNAL"}},
		{"16", "", "", "", protocol.Verdict{Outcome: protocol.Unauthorized, Reason: "gRPC UNAUTHENTICATED"}},
		{"99", "", "", "", protocol.Verdict{Outcome: protocol.Rejected, Reason: "gRPC code 99"}},
	} {
		h := http.Header{"Grpc-Encoding": {"gzip"}}
		for name, value := range map[string]string{"Grpc-Status": c.status, "Grpc-Message": c.message, "Grpc-Status-Details-Bin": c.details} {
			if value != "" {
				h.Set(name, value)
			}
		}
		e := &Encoder{Form: GRPC}
		if got := e.Verdict(nil, 200, h, []byte(c.body)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q: got %+v, want %+v", c.status, c.message, got, c.want)
		}
	}
	for code, want := range map[int]protocol.Outcome{503: protocol.Retry, 500: protocol.Rejected, 401: protocol.Unauthorized, 404: protocol.Retry} {
		if v := (&Encoder{Form: GRPC}).Verdict(nil, code, http.Header{}, nil); v.Outcome != want {
			t.Errorf("%d: %+v", code, v)
		}
	}
}

func binaryMessage(p []byte) []byte { return append([]byte{0, 0, 0, 0, byte(len(p))}, p...) }

// compressed is p as grpc-go answers a request that was compressed with gzip.
func compressed(p []byte) []byte {
	z, _ := protocol.NewCompressor("gzip")
	out, _ := z.Append(make([]byte, 5), p)
	out[0], out[4] = 1, byte(len(out)-5)
	return out
}

func TestFloats(t *testing.T) {
	for v, want := range map[float64]string{0: "0.0", 1: "1.0", 1.5: "1.5", 1e300: "1e+300", -7: "-7.0", math.Inf(1): "+Inf"} {
		if got, _ := floatText(nil, v); string(got) != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

// FuzzDecode encodes again what it has decoded and decodes that to the same.
func FuzzDecode(f *testing.F) {
	r := request(full())
	r.Part, r.End = true, 4
	for _, form := range []Form{Protobuf, JSON} {
		body, h := encode(f, &Encoder{Form: form}, r)
		f.Add(h.Get("Content-Type") == jsonType, body)
	}
	f.Add(true, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"a","value":{"doubleValue":1}}]}]}]}]}`))
	f.Add(false, requestOf(nil, protobuf.AppendBytes(nil, 6, keyValueOf("k", nested(20)))))
	f.Add(false, requestOf(nil, protobuf.AppendBytes(nil, 3, strings.Repeat("a\xff", 16))))
	blocks := block.NewEncoder()
	f.Fuzz(func(t *testing.T, json bool, body []byte) {
		contentType := protobufType
		if json {
			contentType = jsonType
		}
		var all []*record.Batch
		if _, err := Decode(contentType, body, func(b *record.Batch) error { all = append(all, b); return nil }); err != nil {
			return
		}
		if len(all) == 0 {
			return
		}
		for _, b := range all {
			for _, r := range b.Records {
				if r.SeverityText.Len > protocol.MaxSeverityText {
					t.Fatalf("the text of a severity is %q", b.Bytes(r.SeverityText))
				}
			}
		}
		// What is decoded once has lost all it can lose, but for nesting that is
		// not written any more.
		var want string
		for range 3 {
			payload, _ := blocks.Append(nil, all)
			r := &protocol.Request{Frames: []protocol.Frame{{Sequence: 1, Payload: payload}}}
			body, _ := encode(t, &Encoder{}, r)
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
			if want != "" && got != want {
				t.Fatalf("got\n%s\nwant\n%s", got, want)
			}
			want = got
		}
	})
}
