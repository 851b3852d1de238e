package ndjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"shipper/internal/jsontext"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

// The bulk API of Elasticsearch (since 7) and OpenSearch takes two lines for
// each record: the action and the document. The action is "create" with the
// record's ID as _id, so that a record which is sent again is refused with 409
// and stored once, and data streams take it.

// maxItems bounds the records of a bulk request, and with it the answer, which
// has some bytes for each.
const maxItems = 8000

// BulkURL returns the address of the bulk API for an index or data stream,
// below the address of the server. It asks for no more of an answer than
// Verdict reads.
func BulkURL(server, index string) string {
	return strings.TrimRight(server, "/") + "/" + url.PathEscape(index) + "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"
}

// appendCreate appends the action and the document without the last newline. The
// document has the member @timestamp besides, which data streams want.
func appendCreate(dst []byte, b *record.Batch, r *record.Record) []byte {
	dst = append(dst, `{"create":{`...)
	if b.Stream != nil && b.Stream.ID != "" {
		dst = append(dst, `"_id":"`...)
		dst = jsontext.AppendEscaped(dst, b.Stream.ID)
		dst = append(dst, '-')
		dst = strconv.AppendUint(dst, uint64(r.Offset), 16)
		dst = append(dst, '"')
	}
	dst = append(dst, "}}\n"...)
	dst = append(dst, `{"@timestamp":"`...)
	dst = appendTime(dst, r.Time)
	dst = append(dst, `",`...)
	at := len(dst)
	dst = AppendRecord(dst, b, r)
	copy(dst[at:], dst[at+1:]) // its brace
	return dst[:len(dst)-1]
}

// judgeBulk reads the verdicts on n records out of an answer. While one of
// them may be taken later, so is the whole request: what was stored is then
// refused as a repeat, which is fine. That goes for what is about the index or the
// credentials, too: it is no fault of a record.
func judgeBulk(body []byte, n int) protocol.Verdict {
	var answer struct {
		Errors *bool
		Items  []map[string]struct {
			Status int
			Error  struct{ Type, Reason string }
		}
	}
	err := json.Unmarshal(body, &answer)
	if err == nil && answer.Errors == nil {
		err = errors.New("it does not say whether there were errors")
	}
	if err == nil && *answer.Errors && len(answer.Items) != n {
		err = fmt.Errorf("it has %d items for %d records", len(answer.Items), n)
	}
	if err != nil {
		return protocol.Verdict{Outcome: protocol.Retry, Reason: "200, but not the answer of a bulk API: " + err.Error()}
	}
	v := protocol.Verdict{Outcome: protocol.Accepted}
	if !*answer.Errors {
		return v
	}
	for i, item := range answer.Items {
		for _, verdict := range item {
			reason := verdict.Error.Type + ": " + verdict.Error.Reason
			switch outcome := protocol.Judge(verdict.Status, nil, nil).Outcome; {
			case outcome == protocol.Accepted, verdict.Status == http.StatusConflict:
			case outcome == protocol.Retry, outcome == protocol.Unauthorized:
				return protocol.Verdict{Outcome: outcome, Reason: reason}
			default:
				v.Refused = append(v.Refused, protocol.Refusal{Index: i, Reason: reason})
			}
		}
	}
	return v
}
