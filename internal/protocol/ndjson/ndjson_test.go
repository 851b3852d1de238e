package ndjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"shipper/internal/block"
	"shipper/internal/jsontext"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

const day = "2026-03-04T05:06:07.000000089Z"

var dayNS = time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC).UnixNano()

// full is a batch of one record that has everything.
func full() *record.Batch {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "5f1e-gen", Labels: []record.Label{
		{Name: "host.name", Value: "node-1"}, {Name: "log.file.path", Value: `/var/log/a "b".log`}, {Name: "message", Value: "m"},
		{Name: "service.name", Value: "hidden"},
	}}, nil)
	r := b.Begin()
	r.Time, r.Observed, r.Offset = dayNS, dayNS+5, 255
	r.Body = b.AddString("it's \"quoted\"\n\tand \x01 ü \u2028 €")
	r.SeverityText = b.AddString("INFO+1")
	r.Severity = 10
	r.Logger = b.AddString("db.pool")
	r.Flags = record.HasTrace | record.HasSpan | record.Truncated | record.TimedOut
	copy(r.TraceID[:], "0123456789abcdef")
	copy(r.SpanID[:], "01234567")
	r.TraceFlags = 1
	r.TimeSource = record.TimeNoZone
	r.Format = 9
	str := func(key, v string) {
		b.AddField(record.Field{Key: b.AddString(key), Val: b.AddString(v)})
	}
	num := func(key, v string, k record.Kind) {
		b.AddField(record.Field{Key: b.AddString(key), Val: b.AddString(v), Kind: k})
	}
	str("service.name", "payments")
	b.AddField(record.IntField(record.Name("process.pid"), 4711))
	str("user", "ann")
	b.AddField(record.IntField(b.AddString("status"), -503))
	b.AddField(record.BoolField(b.AddString("ok"), true))
	num("took", "1.5e-3", record.Number)
	num("big", "18446744073709551615", record.Number)
	b.AddField(record.Field{Key: b.AddString("none"), Kind: record.Null})
	num("tags", `["a", {"b" : [ ] }]`, record.JSON)
	return b
}

const fullLine = `{"timestamp":"2026-03-04T05:06:07.000000089Z","severity":"info","severity_number":10,"severity_text":"INFO+1",` +
	`"message":"it's \"quoted\"\n\tand \u0001 ü ` + "\u2028" + ` €","trace_id":"30313233343536373839616263646566","trace_flags":1,` +
	`"span_id":"3031323334353637","logger":"db.pool","observed_timestamp":"2026-03-04T05:06:07.000000094Z",` +
	`"timestamp_source":"line_no_zone","log.format":"zap-json","log.truncated":true,"log.timed_out":true,` +
	`"service.name":"payments","process.pid":4711,"id":"5f1e-gen-ff","host.name":"node-1",` +
	`"log.file.path":"/var/log/a \"b\".log","label.message":"m",` +
	`"attributes":{"user":"ann","status":-503,"ok":true,"took":1.5e-3,"big":18446744073709551615,"none":null,"tags":["a",{"b":[]}]}}`

func TestAppendRecord(t *testing.T) {
	b := full()
	if got := string(AppendRecord(nil, b, &b.Records[0])); got != fullLine {
		t.Errorf("got\n%s\nwant\n%s", got, fullLine)
	}
	b = new(record.Batch)
	r := b.Begin()
	r.TimeSource = record.TimeLine
	if got := string(AppendRecord([]byte("x"), b, r)); got != `x{"timestamp":"1970-01-01T00:00:00.000000000Z","message":""}` {
		t.Errorf("least record: %s", got)
	}
}

// TestNeverInvalid has values that are not what their kind says.
func TestNeverInvalid(t *testing.T) {
	for _, c := range []struct {
		kind      record.Kind
		val, want string
	}{
		{record.Number, "007", `"007"`},
		{record.Number, "NaN", `"NaN"`},
		{record.Number, "", `""`},
		{record.Number, "1.", `"1."`},
		{record.Number, "-", `"-"`},
		{record.Number, "1e5", `1e5`},
		{record.Number, "-0.0", `-0.0`},
		{record.JSON, `{"a":`, `"{\"a\":"`},
		{record.JSON, "[1,\n2]", `[1,2]`},
		{record.JSON, `[1}`, `"[1}"`},
		{record.JSON, `[1,]`, `"[1,]"`},
		{record.JSON, `{"a" 1}`, `"{\"a\" 1}"`},
		{record.JSON, `{1:1}`, `"{1:1}"`},
		{record.JSON, "[\"a\xff\"]", "[\"a\uFFFD\"]"},
		{record.JSON, `["\u00zz"]`, `"[\"\\u00zz\"]"`},
		{record.JSON, "[\"\x01\"]", `"[\"\u0001\"]"`},
		{record.JSON, `[tru]`, `"[tru]"`},
		{record.JSON, strings.Repeat("[", jsontext.MaxDepth+2) + strings.Repeat("]", jsontext.MaxDepth+2),
			`"` + strings.Repeat("[", jsontext.MaxDepth+2) + strings.Repeat("]", jsontext.MaxDepth+2) + `"`},
		{record.String, "\xff\xc3(", "\"\uFFFD\uFFFD(\""},
		{record.String, "\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\""}, // a surrogate
		{record.String, "seven b\xe2\x82", "\"seven b\uFFFD\uFFFD\""},
	} {
		b := new(record.Batch)
		r := b.Begin()
		r.TimeSource = record.TimeLine
		b.AddField(record.Field{Key: b.AddString("k"), Val: b.AddString(c.val), Kind: c.kind})
		got := string(AppendRecord(nil, b, r))
		want := `{"timestamp":"1970-01-01T00:00:00.000000000Z","message":"","attributes":{"k":` + c.want + `}}`
		if got != want {
			t.Errorf("%q: got %s, want %s", c.val, got, want)
		}
		if !json.Valid([]byte(got)) || !utf8.ValidString(got) {
			t.Errorf("%q: not valid: %s", c.val, got)
		}
	}
}

func TestRepeatedKeys(t *testing.T) {
	for _, n := range []int{2, manyFields + 1} {
		b := new(record.Batch)
		r := b.Begin()
		r.TimeSource = record.TimeLine
		for i := range n {
			b.AddField(record.IntField(b.AddString("k"), int64(i)))
			b.AddField(record.IntField(record.Name("process.pid"), int64(i)))
		}
		var got struct {
			PID        int64 `json:"process.pid"`
			Attributes json.RawMessage
		}
		line := AppendRecord(nil, b, r)
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(line, []byte(`"k"`)) != 1 || bytes.Count(line, []byte("process.pid")) != 1 || got.PID != int64(n-1) {
			t.Errorf("%d fields: %s", n, line)
		}
	}
}

func TestAppendTime(t *testing.T) {
	for _, ns := range []int64{0, -1, 1, 1e9 - 1, -1e9, dayNS, math.MaxInt64, math.MinInt64, 951782400e9, 951868799999999999, 4107542400e9} {
		want := time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
		if got := string(appendTime(nil, ns)); got != want {
			t.Errorf("%d: got %s, want %s", ns, got, want)
		}
	}
	for days := int64(-100000); days < 100000; days += 13 {
		ns := days * 86400e9
		if got, want := string(appendTime(nil, ns)), time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z"); got != want {
			t.Fatalf("%d: got %s, want %s", ns, got, want)
		}
	}
}

func decodeAll(t testing.TB, body string) []*record.Batch {
	t.Helper()
	var all []*record.Batch
	if err := Decode([]byte(body), func(b *record.Batch) error { all = append(all, b); return nil }); err != nil {
		t.Fatalf("decode %.200q: %v", body, err)
	}
	return all
}

// lines is the batches as text, so that they can be compared.
func lines(all ...*record.Batch) string {
	var out []byte
	for _, b := range all {
		for i := range b.Records {
			out = append(AppendRecord(out, b, &b.Records[i]), '\n')
		}
	}
	return string(out)
}

func TestRoundTrip(t *testing.T) {
	b := full()
	b.Stream.Labels = append(b.Stream.Labels[:2], record.Label{Name: "team", Value: "a"})
	for range 3 { // more records, of one stream
		r := b.Begin()
		r.Time, r.Observed, r.Offset, r.Body = dayNS, dayNS, 1<<40, b.AddString("x")
	}
	body := lines(b)
	all := decodeAll(t, body)
	if len(all) != 1 || len(all[0].Records) != 4 {
		t.Fatalf("%d batches", len(all))
	}
	got := all[0]
	if lines(got) != body {
		t.Errorf("got\n%s\nwant\n%s", lines(got), body)
	}
	if got.Stream.ID != b.Stream.ID || len(got.Stream.Labels) != 3 || got.Stream.Labels[2] != b.Stream.Labels[2] {
		t.Errorf("stream %+v", got.Stream)
	}
	want := b.FieldsOf(&b.Records[0])
	have := got.FieldsOf(&got.Records[0])
	if len(have) != len(want) {
		t.Fatalf("%d fields, want %d", len(have), len(want))
	}
	for _, w := range want {
		h, ok := got.Lookup(&got.Records[0], string(b.Bytes(w.Key)))
		if !ok || h.Kind != w.Kind || w.Kind != record.JSON && string(got.Text(nil, h)) != string(b.Text(nil, w)) {
			t.Errorf("field %s: %+v", b.Bytes(w.Key), h)
		}
	}
	x, y := b.Records[0], got.Records[0]
	if x.Time != y.Time || x.Observed != y.Observed || x.Offset != y.Offset || x.Severity != y.Severity || x.TraceID != y.TraceID ||
		x.SpanID != y.SpanID || x.TraceFlags != y.TraceFlags || x.TimeSource != y.TimeSource || x.Flags != y.Flags || x.Format != y.Format {
		t.Errorf("got %+v, want %+v", y, x)
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"time msg level", `{"time":"2026-03-04T06:06:07.000000089+01:00","msg":"hi","level":"WARN","n":1}`,
			`"severity":"warn","severity_number":13,"severity_text":"WARN","message":"hi"|"attributes":{"n":1}`},
		{"_time _msg", `{"_time":"2026-03-04 05:06:07.000000089","_msg":"hi"}`, `"message":"hi"|"timestamp_source":"line_no_zone"`},
		{"@timestamp", `{"@timestamp":"2026-03-04T05:06:07.000000089Z","message":"hi","lvl":"crit"}`, `"severity_number":18,"severity_text":"crit"`},
		{"ns", `{"ts":1772600767000000089,"msg":"hi"}`, `"message":"hi"`},
		{"float", `{"ts":1772600767.000000089,"msg":"hi","level":30}`, `"severity":"info","severity_number":9,"message":"hi"`},
		{"trace", `{"time":"` + day + `","msg":"a","traceId":"4BF92F3577B34DA6A3CE929D0E0E4736","span_id":"00f067aa0ba902b7"}`,
			`"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"`},
		{"short trace", `{"time":"` + day + `","trace_id":"a3ce929d0e0e4736"}`, `"trace_id":"0000000000000000a3ce929d0e0e4736"`},
		{"no trace", `{"time":"` + day + `","trace_id":"00000000000000000000000000000000","span_id":"x"}`, `"message":""|"attributes":{"span_id":"x"}`},
		{"both", `{"time":"` + day + `","message":"a","msg":"b"}`, `"message":"a"|"attributes":{"msg":"b"}`},
		{"types", `{"time":"` + day + `","message":{"a":1},"severity_number":99,"attributes":3,"log.truncated":"x"}`,
			`"attributes":{"message":{"a":1},"severity_number":99,"attributes":3,"log.truncated":"x"}`},
		{"escapes", `{"time":"` + day + `","msg":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x"}`,
			`"message":"a\"\\/\u0008\u000c\n\r\té😀` + "\uFFFD" + `x"`},
		{"bad bytes", `{"time":"` + day + `","msg":"a` + "\xff" + `b"}`, `"message":"a` + "\uFFFD" + `b"|"log.invalid_utf8":true`},
		{"numbers", `{"time":"` + day + `","a":-0,"b":9223372036854775807,"c":9223372036854775808,"d":1.0}`,
			`"attributes":{"a":-0,"b":9223372036854775807,"c":9223372036854775808,"d":1.0}`},
		{"uuid", `{"time":"` + day + `","id":"not hex"}`, `"attributes":{"id":"not hex"}`},
		{"resource", `{"time":"` + day + `","service.name":"s","host.name":"h"}`, `"service.name":"s","host.name":"h"`},
		{"white space", " \t{ \"time\" : \"" + day + "\" , \"a\" : [ 1 , 2 ] } \r", `"attributes":{"a":[1,2]}`},
		{"bom", "\uFEFF" + `{"time":"` + day + `"}`, `"message":""`},
	} {
		all := decodeAll(t, c.in+"\n\n")
		if len(all) != 1 || len(all[0].Records) != 1 || all[0].Records[0].Time != dayNS {
			t.Errorf("%s: %d batches, %s", c.name, len(all), lines(all...))
			continue
		}
		for _, want := range strings.Split(c.want, "|") {
			if got := lines(all...); !strings.Contains(got, want) {
				t.Errorf("%s: got %swant %s", c.name, got, want)
			}
		}
	}
}

func TestDecodeWithoutTime(t *testing.T) {
	before := time.Now().UnixNano()
	for _, in := range []string{`{"msg":"x"}`, `{"time":"yesterday","msg":"x"}`, `{"time":1e300}`, `{"ts":-1}`, `{"time":"9999-01-01T00:00:00Z"}`, `{"time":{}}`} {
		all := decodeAll(t, in)
		r := all[0].Records[0]
		if r.Time < before || r.Observed != r.Time || r.TimeSource != record.TimeRead {
			t.Errorf("%s: %+v", in, r)
		}
		if _, ok := all[0].Lookup(&all[0].Records[0], "time"); ok != strings.Contains(in, `"time"`) {
			t.Errorf("%s: the time that was not understood is lost", in)
		}
	}
}

// TestDecodeIdentity: the same body has the same IDs, another one has others.
func TestDecodeIdentity(t *testing.T) {
	const body = `{"msg":"a"}` + "\n" + `{"msg":"a"}`
	x, y, z := decodeAll(t, body)[0], decodeAll(t, body)[0], decodeAll(t, body+" ")[0]
	if x.Stream.ID != y.Stream.ID || x.Stream.ID == z.Stream.ID || len(x.Stream.ID) != 32 {
		t.Errorf("stream IDs %s %s %s", x.Stream.ID, y.Stream.ID, z.Stream.ID)
	}
	if x.Records[0].Offset == x.Records[1].Offset || x.Records[1].Offset != 12 {
		t.Errorf("offsets %d %d", x.Records[0].Offset, x.Records[1].Offset)
	}
}

func TestDecodeStreams(t *testing.T) {
	var in strings.Builder
	for i := range 2 * maxStreams {
		s := string(rune('a'+i%7)) + strings.Repeat("x", i/7)
		in.WriteString(`{"time":"` + day + `","id":"` + s + `-1","team":"` + s + `","n":1}` + "\n")
	}
	all := decodeAll(t, in.String())
	if len(all) != maxStreams+1 {
		t.Fatalf("%d batches", len(all))
	}
	n := 0
	for _, b := range all {
		n += len(b.Records)
	}
	if n != 2*maxStreams {
		t.Errorf("%d records", n)
	}
	own := all[maxStreams]
	if _, ok := own.Lookup(&own.Records[0], "id"); !ok || len(own.Stream.Labels) != 0 {
		t.Errorf("what is over the limit has lost its ID: %s", lines(own)[:200])
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain text", "line 1: this is not a JSON object"},
		{"\n[1]", "line 2"},
		{`{"a":1`, "line 1"},
		{`{"a":1}}`, "line 1"},
		{`{"a":1,}`, "line 1"},
		{`{"a":tru}`, "a value"},
		{`{"a":01}`, "a value"},
		{`{"a":[1}`, "line 1"},
		{`{"a":[1,]}`, "a value"},
		{`{"a":{"b"}}`, "a value"},
		{`{"attributes":{"b"}}`, "a value"},
		{`{"msg":"\x"}`, "a string"},
		{"{\"msg\":\"\x01\"}", "a string"},
		{`{"\u12":1}`, "a string"},
		{`{"a":"}`, "line 1"},
		{`{"a":}`, "line 1"},
		{`{"a"}`, "line 1"},
		{`{a:1}`, "line 1"},
		{`{"id":"a-1","x":"\x"}`, "a string"},
		{`{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "a value"},
		{"{" + strings.Repeat(`"a":1,`, maxMembers) + `"a":1}`, "16384"},
		{strings.Repeat("{}\n", maxRecords+1), "more than"},
	} {
		err := Decode([]byte(c.in), func(*record.Batch) error { t.Errorf("%.50s: emitted", c.in); return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.50s: %v", c.in, err)
		}
	}
	stop := errors.New("stop")
	if err := Decode([]byte("{}"), func(*record.Batch) error { return stop }); err != stop {
		t.Errorf("error of emit: %v", err)
	}
}

// TestStreamsApart has IDs that are made to look like an ID with labels.
func TestStreamsApart(t *testing.T) {
	all := decodeAll(t, `{"id":"a-1","x":"1"}`+"\n"+`{"id":"a\u0000x\u0000\"1\"-5"}`)
	if len(all) != 2 || all[1].Stream.ID != "a\x00x\x00\"1\"" || len(all[1].Stream.Labels) != 0 {
		t.Errorf("%d streams: %s", len(all), lines(all...))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(fullLine + "\n" + `{"time":1772600767.5,"msg":"a","level":"warn","x":[1,{"a":null}]}`))
	f.Add([]byte(`{"id":"a-1","message":"\ud800","service.name":"x","attributes":{"service.name":"y","process.pid":1}}`))
	f.Add([]byte(`{"timestamp":"2026-03-04 05:06:07","trace_id":"00000000000000000000000000000000","severity":"INFO","severity_number":9}`))
	f.Add([]byte(`{"id":"a-1","x":"\u0041"}` + "\n" + `{"id":"b-1"}` + "\n" + `{"id":"a-2","x":"A"}`))
	f.Add([]byte(`{"id":"a-1","service.name":"L"}` + "\n" + `{"service.name":"F","id":"a-2","service.name":"L"}` + "\n" + `{"id":"a-3","service.name":"L"}`))
	decode := func(t *testing.T, own string) string {
		var all []*record.Batch
		if err := Decode([]byte(own), func(b *record.Batch) error { all = append(all, b); return nil }); err != nil {
			t.Fatalf("own form refused: %v\n%s", err, own)
		}
		return lines(all...)
	}
	sorted := func(lines string) string {
		each := strings.SplitAfter(lines, "\n")
		slices.Sort(each)
		return strings.Join(each, "")
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var all []*record.Batch
		if Decode(p, func(b *record.Batch) error { all = append(all, b); return nil }) != nil {
			return
		}
		once := lines(all...)
		for _, l := range strings.SplitAfter(once, "\n") {
			if l != "" && (!json.Valid([]byte(l)) || !utf8.ValidString(l)) {
				t.Fatalf("not valid: %q", l)
			}
		}
		if strings.Count(once, "\n") > maxStreams {
			return // the last may be beyond the limit of streams, and lose their IDs
		}
		// What has been through once goes through unchanged. Only then are the
		// labels of all records of a stream the same as they are written, and all
		// its records behind each other.
		twice := decode(t, once)
		if sorted(twice) != sorted(once) {
			t.Fatalf("changed:\n%s\n%s", once, twice)
		}
		if thrice := decode(t, twice); thrice != twice {
			t.Fatalf("changed:\n%s\n%s", twice, thrice)
		}
	})
}

// FuzzAppendRecord has records as they could come out of a damaged or hostile block.
func FuzzAppendRecord(f *testing.F) {
	f.Add("message", "key", "value", `{"a":[1]}`, int64(1), uint8(5))
	f.Add("\xff\x00\"", "service.name", "1e5", "[", int64(-1), uint8(2))
	f.Fuzz(func(t *testing.T, body, key, val, label string, n int64, kind uint8) {
		b := new(record.Batch)
		b.Reset(&record.Stream{ID: label, Labels: []record.Label{{Name: key, Value: label}, {Name: "message", Value: val}}}, nil)
		r := b.Begin()
		r.Time, r.Observed, r.Offset, r.Severity, r.Format, r.TimeSource = n, n+1, n, uint8(n), kind, record.TimeSource(kind)
		r.Body, r.SeverityText, r.Logger = b.AddString(body), b.AddString(val), b.AddString(key)
		b.AddField(record.Field{Key: b.AddString(key), Val: b.AddString(val), Kind: record.Kind(kind % 6)})
		b.AddField(record.Field{Key: b.AddString(key), Val: b.AddString(label), Kind: record.Kind(n & 3)})
		b.AddField(record.Field{Key: b.AddString(val), Val: b.AddString(body), Kind: record.JSON})
		line := AppendRecord(nil, b, r)
		if !json.Valid(line) || !utf8.Valid(line) || bytes.IndexByte(line, '\n') >= 0 {
			t.Fatalf("not valid: %q", line)
		}
		if err := Decode(line, func(*record.Batch) error { return nil }); err != nil {
			t.Fatalf("not read back: %v\n%s", err, line)
		}
	})
}

func TestEncoder(t *testing.T) {
	b := full()
	for i := range 9 {
		r := b.Begin()
		r.Time, r.Observed, r.Offset, r.Body = dayNS, dayNS, int64(1000+i), b.AddString("x")
	}
	payload, _ := block.NewEncoder().Append(nil, []*record.Batch{b, b})
	all := lines(b, b)
	each := strings.SplitAfter(all, "\n")
	for _, encoding := range []string{"zstd", "gzip", "none"} {
		e, err := NewEncoder(Lines, encoding)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			part       bool
			first, end int
			want       string
		}{
			{false, 0, 0, all},
			{true, 0, 20, all},
			{true, 8, 12, strings.Join(each[8:12], "")},
			{true, 19, 20, each[19]},
		} {
			r := &protocol.Request{Agent: "a", Epoch: 1, Part: c.part, First: c.first, End: c.end,
				Frames: []protocol.Frame{{Sequence: 7, Payload: payload}}}
			h := http.Header{}
			body, err := e.Append(nil, h, r)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := e.Append(nil, http.Header{}, r)
			if !bytes.Equal(body, again) {
				t.Errorf("%s: the second body is another one", encoding)
			}
			text, err := new(protocol.Decompressor).Append(nil, body, h.Get("Content-Encoding"), 1<<20)
			if err != nil || string(text) != c.want {
				t.Errorf("%s %+v: %v, got %d bytes, want %d", encoding, c, err, len(text), len(c.want))
			}
			r.Limit = len(c.want) - 1
			if _, err := e.Append(nil, http.Header{}, r); !errors.Is(err, protocol.ErrTooLarge) {
				t.Errorf("%s %+v: too large: %v", encoding, c, err)
			}
		}
	}
	if _, err := NewEncoder(Lines, "brotli"); !errors.Is(err, protocol.ErrEncoding) {
		t.Errorf("brotli: %v", err)
	}
	e, _ := NewEncoder(Lines, "none")
	if _, err := e.Append(nil, http.Header{}, &protocol.Request{Frames: []protocol.Frame{{Payload: []byte("no block")}}}); err == nil {
		t.Error("a broken block has a body")
	}
}

func TestVerdict(t *testing.T) {
	e, _ := NewEncoder(Lines, "none")
	for _, v := range []protocol.Verdict{
		{Outcome: protocol.Accepted},
		{Outcome: protocol.Accepted, Lost: 3},
		{Outcome: protocol.Retry, Reason: "disk is full"},
		{Outcome: protocol.Retry, After: 7 * time.Second, Reason: "busy"},
		{Outcome: protocol.Split, Reason: "large"},
		{Outcome: protocol.Rejected, Reason: "line 3"},
		{Outcome: protocol.Unauthorized, Reason: "who are you"},
	} {
		w := httptest.NewRecorder()
		if err := protocol.WriteVerdict(w, v); err != nil {
			t.Fatal(err)
		}
		got := e.Verdict(nil, w.Code, w.Header(), w.Body.Bytes())
		if !strings.HasSuffix(got.Reason, v.Reason) {
			t.Errorf("reason %q, want %q", got.Reason, v.Reason)
		}
		if got.Reason = v.Reason; !reflect.DeepEqual(got, v) {
			t.Errorf("got %+v, want %+v", got, v)
		}
	}
	if v := e.Verdict(nil, 204, nil, nil); v.Outcome != protocol.Accepted {
		t.Errorf("204: %+v", v)
	}
}

// TestSchemaDocument keeps the example in the documentation true.
func TestSchemaDocument(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/schema.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "```json\n")
	example, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("no example in docs/schema.md")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(example)); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSuffix(lines(decodeAll(t, compact.String())...), "\n"); got != compact.String() {
		t.Errorf("got\n%s\nthe document has\n%s", got, compact.String())
	}
}

// reference is a batch of zap-like records.
func reference(n int) *record.Batch {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "8e1f0c2ab3d44e5f8e1f0c2ab3d44e5f", Labels: []record.Label{
		{Name: "host.name", Value: "node-17"}, {Name: "log.file.path", Value: "/var/log/app/payments.log"}}}, nil)
	for i := range n {
		r := b.Begin()
		r.Time, r.Observed, r.Offset, r.Severity, r.TimeSource, r.Format = dayNS+int64(i)*1e6, dayNS+int64(i)*1e6+5e6, int64(i)*270, 9, record.TimeLine, 9
		r.SeverityText, r.Body, r.Logger = b.AddString("info"), b.AddString("payment authorised for order"), b.AddString("payments.api")
		r.Flags = record.HasTrace | record.HasSpan
		r.TraceID[3], r.SpanID[3] = byte(i), byte(i)
		b.AddField(record.Field{Key: record.Name("service.name"), Val: b.AddString("payments")})
		b.AddField(record.Field{Key: record.Name("code.file.path"), Val: b.AddString("api/handler.go")})
		b.AddField(record.IntField(record.Name("code.line.number"), 142))
		b.AddField(record.Field{Key: b.AddString("order_id"), Val: b.AddString("ord-0000123456")})
		b.AddField(record.IntField(b.AddString("amount_cents"), int64(100*i)))
		b.AddField(record.Field{Key: b.AddString("took"), Val: b.AddString("0.0123"), Kind: record.Number})
	}
	return b
}

func BenchmarkAppendRecord(b *testing.B) {
	batch := reference(1000)
	size := len(lines(batch))
	b.SetBytes(int64(size / 1000))
	b.ReportAllocs()
	dst := make([]byte, 0, 1<<12)
	for i := 0; b.Loop(); i++ {
		dst = AppendRecord(dst[:0], batch, &batch.Records[i%1000])
	}
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(lines(reference(1000)))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Decode(body, func(*record.Batch) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncoder(b *testing.B) {
	payload, raw := block.NewEncoder().Append(nil, []*record.Batch{reference(1000)})
	for _, encoding := range []string{"none", "zstd", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			e, err := NewEncoder(Lines, encoding)
			if err != nil {
				b.Fatal(err)
			}
			r := &protocol.Request{Frames: []protocol.Frame{{Sequence: 1, Payload: payload}}}
			b.SetBytes(int64(raw))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				if dst, err = e.Append(dst[:0], http.Header{}, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
