package indexer

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"shipper/internal/protocol"
	"shipper/internal/protocol/loki"
	"shipper/internal/protocol/otlp"
)

// post sends a body and returns status, content type and answer.
func (r *running) post(path string, h http.Header, body []byte) (int, http.Header, string) {
	r.t.Helper()
	req, err := http.NewRequest("POST", r.url+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = h.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(p)
}

// encoder is the sending half of a protocol.
type encoder interface {
	Append(dst []byte, h http.Header, r *protocol.Request) ([]byte, error)
	Verdict(r *protocol.Request, code int, h http.Header, body []byte) protocol.Verdict
}

// TestProtocolsOfOthers sends with the agent's own encoders, every request twice.
func TestProtocolsOfOthers(t *testing.T) {
	gzip, err := protocol.NewCompressor("gzip")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, &Indexer{Dir: t.TempDir()})
	sequence, want := uint64(0), []string{}
	sent := map[uint64]protocol.Frame{} // the same bytes each time
	blocks := func(sequence uint64, path string) protocol.Frame {
		if _, ok := sent[sequence]; !ok {
			sent[sequence] = frame(sequence, fmt.Sprint(path, sequence))
		}
		return sent[sequence]
	}
	for _, c := range []struct {
		path string
		e    encoder
	}{
		{loki.Path, &loki.Encoder{}}, {loki.Path, &loki.Encoder{JSON: true, Compressor: gzip}},
		{otlp.Path, &otlp.Encoder{}}, {"/otlp" + otlp.Path, &otlp.Encoder{Form: otlp.JSON, Compressor: gzip}},
	} {
		for i := range 4 {
			keyed := i < 2
			if i%2 == 0 {
				sequence++
				want = append(want, fmt.Sprint(c.path, sequence))
			}
			q := &protocol.Request{Agent: agent, Epoch: 1, Frames: []protocol.Frame{blocks(sequence, c.path)}}
			h := http.Header{}
			p, err := c.e.Append(nil, h, q)
			if err != nil {
				t.Fatal(err)
			}
			if keyed {
				h.Set("Idempotency-Key", string(q.AppendKey(nil)))
			}
			code, answer, text := r.post(c.path, h, p)
			if v := c.e.Verdict(q, code, answer, []byte(text)); v.Outcome != protocol.Accepted || v.Lost != 0 {
				t.Fatalf("%s: %d %s: %+v", c.path, code, text, v)
			}
		}
	}
	r.want(`{service_name="test"}`, want...)
}

func TestAnswersOfOthers(t *testing.T) {
	r := start(t, &Indexer{Dir: t.TempDir()})
	now := time.Now().UTC().Format("20060102")
	far := `{"streams":[{"stream":{"service_name":"far"},"values":[["` + "9223372036854775808" + `","x"]]}]}`
	deep := strings.Repeat(`{"arrayValue":{"values":[`, 70) + `{}` + strings.Repeat(`]}}`, 70)
	partial := `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"partial"}}]},"scopeLogs":[{"logRecords":[` +
		`{"body":{"stringValue":"good ` + now + `"}},{"body":` + deep + `}]}]}]}`
	for _, c := range []struct {
		path, contentType, encoding, body string
		code                              int
		answerType, answer                string
	}{
		{loki.Path, "application/json", "", `{"streams":[]}`, 204, "", ""},
		{loki.Path, "application/json", "", far, 400, "text/plain; charset=utf-8", "a time is not a number of nanoseconds"},
		{loki.Path, "application/json", "", `{`, 400, "text/plain; charset=utf-8", "push request"},
		{loki.Path, "application/x-protobuf", "", "no snappy", 400, "text/plain; charset=utf-8", "snappy"},
		{loki.Path, "text/plain", "", "", 415, "text/plain; charset=utf-8", "content type"},
		{loki.Path, "application/json", "br", "{}", 415, "text/plain; charset=utf-8", "br"},
		{loki.Path, "application/x-protobuf", "", strings.Repeat("\xff", 4) + "\x01", 413, "text/plain; charset=utf-8", "too large"},
		{otlp.Path, "application/json", "", `{}`, 200, "application/json", "{}"},
		{otlp.Path, "application/x-protobuf", "", "", 200, "application/x-protobuf", ""},
		{otlp.Path, "application/json", "", `[`, 400, "application/json", `{"code":3,"message":"byte 0:`},
		{otlp.Path, "application/x-protobuf", "", "x", 400, "application/x-protobuf", "malformed protobuf"},
		{otlp.Path, "text/plain", "", "", 415, "application/x-protobuf", "content type"},
		{otlp.Path, "application/json", "", partial, 200, "application/json",
			`{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"a value is nested more than 64 deep"}}`},
	} {
		h := http.Header{"Content-Type": {c.contentType}}
		if c.encoding != "" {
			h.Set("Content-Encoding", c.encoding)
		}
		code, answer, text := r.post(c.path, h, []byte(c.body))
		if code != c.code || answer.Get("Content-Type") != c.answerType || !strings.Contains(text, c.answer) {
			t.Errorf("%s %.80q: %d %q %q, want %d %q %q", c.path, c.body, code, answer.Get("Content-Type"), text, c.code, c.answerType, c.answer)
		}
	}
	r.want(`{service_name="partial"}`, "good "+now)
	_, metrics := r.get("/metrics")
	for _, want := range []string{`shipper_index_refused_records_total{protocol="otlp"} 1`,
		`shipper_index_requests_total{protocol="loki",outcome="accepted"} 1`, `shipper_index_requests_total{protocol="loki",outcome="too_large"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}
