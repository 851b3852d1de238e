package ndjson

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"shipper/internal/block"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

func body(t *testing.T, form Form, r *protocol.Request) (string, http.Header) {
	t.Helper()
	e, err := NewEncoder(form, "none")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	b, err := e.Append(nil, h, r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), h
}

func TestArray(t *testing.T) {
	b := full()
	payload, _ := block.NewEncoder().Append(nil, []*record.Batch{b, b})
	r := &protocol.Request{Frames: []protocol.Frame{{Payload: payload}}}
	text, h := body(t, Array, r)
	want := "[" + strings.ReplaceAll(strings.TrimSuffix(lines(b, b), "\n"), "\n", ",") + "]"
	if text != want || !json.Valid([]byte(text)) || h.Get("Content-Type") != "application/json" {
		t.Errorf("%s:\n%s\nwant\n%s", h.Get("Content-Type"), text, want)
	}
}

func TestBulk(t *testing.T) {
	b := full()
	payload, _ := block.NewEncoder().Append(nil, []*record.Batch{b})
	text, h := body(t, Bulk, &protocol.Request{Frames: []protocol.Frame{{Payload: payload}}})
	if h.Get("Content-Type") != ContentType || !strings.HasSuffix(text, "\n") {
		t.Errorf("%s: %q", h.Get("Content-Type"), text)
	}
	got := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(got) != 2*len(b.Records) {
		t.Fatalf("%d lines for %d records", len(got), len(b.Records))
	}
	for i := range b.Records {
		var action struct {
			Create struct {
				ID string `json:"_id"`
			}
		}
		if err := json.Unmarshal([]byte(got[2*i]), &action); err != nil {
			t.Fatal(err)
		}
		if want := string(record.AppendID(nil, b.Stream.ID, b.Records[i].Offset)); action.Create.ID != want {
			t.Errorf("_id %q, want %q", action.Create.ID, want)
		}
		var doc, line map[string]any
		if err := json.Unmarshal([]byte(got[2*i+1]), &doc); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(AppendRecord(nil, b, &b.Records[i]), &line); err != nil {
			t.Fatal(err)
		}
		line["@timestamp"] = line["timestamp"]
		if !reflect.DeepEqual(doc, line) {
			t.Errorf("document %v\nwant %v", doc, line)
		}
	}
	if got := BulkURL("http://es:9200/", "logs a"); !strings.HasPrefix(got, "http://es:9200/logs%20a/_bulk?") {
		t.Errorf("address %s", got)
	}
}

func TestBulkOfManyIsSplit(t *testing.T) {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, nil)
	for range maxItems + 1 {
		b.Begin()
	}
	payload, _ := block.NewEncoder().Append(nil, []*record.Batch{b})
	e, _ := NewEncoder(Bulk, "none")
	r := &protocol.Request{Frames: []protocol.Frame{{Payload: payload}}, Limit: 64 << 20}
	if _, err := e.Append(nil, http.Header{}, r); !errors.Is(err, protocol.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestBulkVerdict(t *testing.T) {
	e, _ := NewEncoder(Bulk, "none")
	f := func(code int, answer string, want protocol.Outcome, reason string, refused ...protocol.Refusal) {
		t.Helper()
		r := &protocol.Request{Frames: []protocol.Frame{{Records: max(1, strings.Count(answer, `"create"`))}}}
		got := e.Verdict(r, code, http.Header{}, []byte(answer))
		if got.Outcome != want || !strings.Contains(got.Reason, reason) || !reflect.DeepEqual(got.Refused, refused) {
			t.Errorf("%d %s: got %+v", code, answer, got)
		}
	}
	// Answers of Elasticsearch 8.15 with the filter_path of BulkURL.
	f(200, `{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`, protocol.Accepted, "")
	f(200, `{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[1]: version conflict, document already exists"}}}]}`,
		protocol.Accepted, "")
	f(200, `{"errors":true,"items":[{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"[1:10] failed to parse"}}},{"create":{"status":201}}]}`,
		protocol.Accepted, "", protocol.Refusal{Index: 0, Reason: "document_parsing_exception: [1:10] failed to parse"})
	f(200, `{"errors":true,"items":[{"create":{"status":400,"error":{"type":"a","reason":"b"}}},{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"queue"}}}]}`,
		protocol.Retry, "es_rejected_execution_exception")
	f(200, `{"errors":true,"items":[{"create":{"status":503,"error":{"type":"unavailable_shards_exception","reason":"x"}}}]}`, protocol.Retry, "unavailable_shards")
	f(200, `<html>`, protocol.Retry, "not the answer of a bulk API")
	f(200, `{"message":"please log in"}`, protocol.Retry, "not the answer of a bulk API")
	f(200, `{"errors":true,"items":[{"create":{}}]}`, protocol.Retry, "")
	f(200, `{"errors":true,"items":[]}`, protocol.Retry, "0 items for 1 records")
	// What is about the index or the credentials is no reason to give up records.
	f(200, `{"errors":true,"items":[{"create":{"status":400,"error":{"type":"a","reason":"b"}}},{"create":{"status":403,"error":{"type":"security_exception","reason":"action [indices:data/write/bulk] is unauthorized"}}}]}`,
		protocol.Unauthorized, "security_exception: action")
	f(200, `{"errors":true,"items":[{"create":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [logs]"}}}]}`,
		protocol.Retry, "index_not_found_exception")
	f(413, ``, protocol.Split, "")
	f(429, ``, protocol.Retry, "")
	f(400, `{"error":{"type":"illegal_argument_exception"},"status":400}`, protocol.Rejected, "")
}

func FuzzBulkVerdict(f *testing.F) {
	f.Add(`{"errors":true,"items":[{"create":{"status":400,"error":{"type":"a","reason":"b"}}}]}`)
	e, _ := NewEncoder(Bulk, "none")
	f.Fuzz(func(t *testing.T, answer string) {
		v := e.Verdict(&protocol.Request{Part: true, First: 3, End: 4}, 200, http.Header{}, []byte(answer))
		for _, r := range v.Refused {
			if v.Outcome != protocol.Accepted || r.Index != 0 {
				t.Fatalf("%+v", v)
			}
		}
	})
}
