package deliver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"shipper/internal/protobuf"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/protocol/otlp"
)

// bulkStore answers as the bulk API of Elasticsearch does: it stores documents
// by their ID, refuses those it has, those that say poison, and, the first
// time, some for lack of room.
type bulkStore struct {
	mu     sync.Mutex
	stored map[string]string
	calls  int
}

func (s *bulkStore) answer(_ int, _ *http.Request, body []byte) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	var items []string
	errors := false
	for i := 0; i+1 < len(lines); i += 2 {
		var action struct {
			Create struct {
				ID string `json:"_id"`
			}
		}
		var doc struct{ Message string }
		if json.Unmarshal([]byte(lines[i]), &action) != nil || json.Unmarshal([]byte(lines[i+1]), &doc) != nil {
			return response(400, "", "malformed"), nil
		}
		status := 201
		switch id := action.Create.ID; {
		case s.stored[id] != "":
			status = 409
		case strings.Contains(doc.Message, "poison"):
			status = 400
		case s.calls%3 == 1 && i%8 == 6:
			status = 429
		default:
			s.stored[id] = doc.Message
		}
		errors = errors || status != 201
		items = append(items, fmt.Sprintf(`{"create":{"status":%d,"error":{"type":"t","reason":"status %d"}}}`, status, status))
	}
	return response(200, "", fmt.Sprintf(`{"errors":%v,"items":[%s]}`, errors, strings.Join(items, ","))), nil
}

// TestRefusedRecords: what a receiver refuses one by one becomes dead letters one
// by one, and nothing else does.
func TestRefusedRecords(t *testing.T) {
	s := &source{t: t, blocks: makeBlocks(6, 20, func(i, j int) string {
		if (i+j)%7 == 3 {
			return fmt.Sprintf("poison %d %d", i, j)
		}
		return plainText(i, j)
	})}
	store := &bulkStore{stored: map[string]string{}}
	e, err := ndjson.NewEncoder(ndjson.Bulk, "none")
	if err != nil {
		t.Fatal(err)
	}
	o := simulate(t, s, &transport{answer: store.answer}, func(o *Output) { o.Encoder, o.Backoff = e, Backoff{1, 1} })
	var want, dead []string
	for i := range 6 {
		for j := range 20 {
			if (i+j)%7 == 3 {
				want = append(want, fmt.Sprintf("poison %d %d", i, j))
			}
		}
	}
	for i, b := range s.dead {
		dead = append(dead, messages(t, b.Payload)...)
		if b.Records != 1 || s.reason[i] != "t: status 400" {
			t.Errorf("dead letter of %d records, %q", b.Records, s.reason[i])
		}
	}
	slices.Sort(want)
	slices.Sort(dead)
	if !slices.Equal(dead, want) {
		t.Errorf("dead letters %q\nwant %q", dead, want)
	}
	if n := int64(len(store.stored)); n != 120-int64(len(want)) || o.Stats.Records.Load() != n || o.Stats.DeadRecords.Load() != int64(len(want)) {
		t.Errorf("%d stored, %d poison; %d counted, %d dead", n, len(want), o.Stats.Records.Load(), o.Stats.DeadRecords.Load())
	}
}

// TestRefusalsAreSaidOnce: once a minute, whatever time or number is in the reason.
func TestRefusalsAreSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(n int, _ *http.Request, _ []byte) (*http.Response, error) {
			return response(400, "", fmt.Sprintf("entry with timestamp %d ignored", n)), nil
		}}
		var log bytes.Buffer
		simulate(t, &source{t: t, blocks: makeBlocks(3, 1, plainText)}, tr, func(o *Output) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		if n := strings.Count(log.String(), "kept as dead letters"); n != 1 {
			t.Errorf("said %d times:\n%s", n, log.String())
		}
	})
}

// TestDroppedByReceiver: what a receiver says it has dropped is counted, and said
// with its reason, once a minute.
func TestDroppedByReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(n int, _ *http.Request, _ []byte) (*http.Response, error) {
			partial := protobuf.AppendBytes(protobuf.AppendUint(nil, 1, 2), 2, fmt.Sprintf("older than %d", n))
			return response(200, "Content-Type: application/x-protobuf", string(protobuf.AppendBytes(nil, 1, string(partial)))), nil
		}}
		var log bytes.Buffer
		o := simulate(t, &source{t: t, blocks: makeBlocks(3, 5, plainText)}, tr, func(o *Output) {
			o.Concurrency = 1 // so that the first answer comes first
			o.Encoder, o.Log = &otlp.Encoder{}, slog.New(slog.NewTextHandler(&log, nil))
		})
		if o.Stats.Lost.Load() != 6 || o.Stats.Records.Load() != 9 {
			t.Errorf("%d lost, %d stored", o.Stats.Lost.Load(), o.Stats.Records.Load())
		}
		if n := strings.Count(log.String(), `level=ERROR msg="the receiver has dropped records" reason="older than 0" records=2`); n != 1 {
			t.Errorf("said %d times:\n%s", n, log.String())
		}
	})
}
