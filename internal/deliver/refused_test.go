package deliver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"shipper/internal/protocol/ndjson"
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
