package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"shipper/internal/block"
	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
	"shipper/internal/record"
	"shipper/test/site"
)

// sender is an agent as an indexer sees it, without files and a queue.
type sender struct {
	url    string
	agent  string // 32 digits
	epoch  uint32
	name   string // of its blocks: two senders with one agent ID differ in it
	client *http.Client
	pad    int        // bytes in each record that say nothing
	random *rand.Rand // makes them, if it is set
}

func newSender(s *site.Site, number int) *sender {
	return &sender{url: s.URL(), agent: fmt.Sprintf("%032x", number+1), epoch: 1, name: fmt.Sprint("a", number),
		client: &http.Client{Timeout: 20 * time.Second}}
}

// clone returns another agent with the same ID.
func (d *sender) clone() *sender {
	c := *d
	c.name += "-clone"
	return &c
}

// block returns the name of a block, which each of its records has.
func (d *sender) block(sequence uint64) string {
	return fmt.Sprintf("%s/%d/%d", d.name, d.epoch, sequence)
}

// frame makes a block of n records. Made again it is the same to the byte.
func (d *sender) frame(sequence uint64, n int) protocol.Frame {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: d.name, Labels: []record.Label{{Name: "service.name", Value: "abuse"}, {Name: "sender", Value: d.name}}}, nil)
	pad := strings.Repeat("x", d.pad)
	at := started.UnixNano() + int64(sequence)*1e6
	for i := range n {
		if d.random != nil {
			pad = d.letters()
		}
		r := b.Begin()
		r.Time, r.Observed, r.Offset = at+int64(i), at, int64(sequence)*1e6+int64(i)
		r.Body = b.AddString(fmt.Sprintf("%s record %d %s", d.block(sequence), i, pad))
		b.AddField(record.Field{Key: b.AddString("block"), Kind: record.String, Val: b.AddString(d.block(sequence))})
	}
	p, raw := block.NewEncoder().Append(nil, []*record.Batch{b})
	return protocol.Frame{Sequence: sequence, Records: n, Raw: raw, Payload: p}
}

func (d *sender) letters() string {
	p := make([]byte, d.pad)
	for i := range p {
		p[i] = 'A' + byte(d.random.IntN(58))
	}
	return string(p)
}

// noise makes a block of n records that hardly compress.
func (d *sender) noise(sequence uint64, n int) protocol.Frame {
	c := *d
	c.random = rand.New(rand.NewPCG(sequence, 7))
	return c.frame(sequence, n)
}

// sleep is how long a sender waits before it asks again.
func sleep() { time.Sleep(50 * time.Millisecond) }

// started is half an hour before the tests: the time of the first records.
var started = time.Now().Add(-30 * time.Minute)

// send posts blocks and returns the verdict an agent would make of the answer,
// with the status; 0 is no answer.
func (d *sender) send(frames ...protocol.Frame) (protocol.Verdict, int) {
	q := &protocol.Request{Agent: d.agent, Epoch: d.epoch, Frames: frames}
	req, err := http.NewRequest("POST", d.url+native.Path, nil)
	if err != nil {
		return protocol.Verdict{Reason: err.Error()}, 0
	}
	body, _ := native.Encoder{}.Append(nil, req.Header, q)
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := d.client.Do(req)
	if err != nil {
		return protocol.Verdict{Reason: err.Error()}, 0
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return protocol.Verdict{Reason: err.Error()}, 0
	}
	return native.Encoder{}.Verdict(q, resp.StatusCode, resp.Header, answer), resp.StatusCode
}

// deliver sends blocks, each until it is taken, as an agent does.
func (d *sender) deliver(t *testing.T, frames ...protocol.Frame) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); ; sleep() {
		v, code := d.send(frames...)
		switch {
		case v.Outcome == protocol.Accepted:
			return
		case v.Outcome == protocol.Rejected:
			t.Errorf("%s refuses %s: %d %s", d.name, d.block(frames[0].Sequence), code, v.Reason)
			return
		case time.Now().After(end):
			t.Errorf("%s cannot deliver %s: %d %s", d.name, d.block(frames[0].Sequence), code, v.Reason)
			return
		}
	}
}

// counts asks the indexer how many records of each block of the sender it has.
func (d *sender) counts(t *testing.T) map[string]int {
	t.Helper()
	q := fmt.Sprintf(`sum by (block) (count_over_time({service_name="abuse", sender=%q}[2h]))`, d.name)
	body := site.Get(t, d.url+"/loki/api/v1/query?query="+url.QueryEscape(q))
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  []any
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v in %.300s", err, body)
	}
	counts := make(map[string]int)
	for _, r := range answer.Data.Result {
		n := 0
		fmt.Sscan(fmt.Sprint(r.Value[1]), &n)
		counts[r.Metric["block"]] = n
	}
	return counts
}

// want fails the test unless the blocks of the given sequences are there, with n
// records each, and nothing else of the sender in its epoch.
func (d *sender) want(t *testing.T, n int, sequences ...uint64) {
	t.Helper()
	missing, repeated := 0, 0
	got := d.counts(t)
	for _, q := range sequences {
		switch c := got[d.block(q)]; {
		case c < n:
			missing += n - c
		case c > n:
			repeated += c - n
		}
		delete(got, d.block(q))
	}
	for b := range got {
		if strings.HasPrefix(b, fmt.Sprintf("%s/%d/", d.name, d.epoch)) {
			t.Errorf("%s is there", b)
		}
	}
	if missing > 0 || repeated > 0 {
		t.Errorf("%s: %d records missing, %d repeated of %d", d.name, missing, repeated, n*len(sequences))
	}
}

// upTo returns the sequences from 1 to last.
func upTo(last uint64) []uint64 {
	all := make([]uint64, last)
	for i := range all {
		all[i] = uint64(i) + 1
	}
	return all
}
