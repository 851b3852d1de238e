package deliver

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"shipper/internal/block"
	"shipper/internal/protocol/ndjson"
	"shipper/internal/queue"
	"shipper/internal/record"
)

const testAgent = "0123456789abcdef0123456789abcdef"

// source is a queue in memory. It holds an Output to its contract: memory that
// was handed in again is scribbled over, and acks come in order, for blocks
// that are stored or dead letters.
type source struct {
	t      testing.TB
	blocks []queue.Block

	mu     sync.Mutex
	next   int
	acked  uint64
	dead   []queue.Block
	reason []string
	stored func(sequence uint64) bool // whether the receiver has a block; nil: not checked
	broken error                      // of Ack
	full   int                        // how many dead letters fail
	kind   bool                       // nothing is scribbled over
	end    context.CancelFunc         // called when all is acked
}

// Next is Source's.
func (s *source) Next(ctx context.Context, maxBytes int, dst []queue.Block) ([]queue.Block, error) {
	s.mu.Lock()
	memory := dst[len(dst):cap(dst)]
	for i := range memory {
		if s.kind {
			break
		}
		p := memory[i].Payload[:cap(memory[i].Payload)]
		for j := range p {
			p[j] = 0xdb
		}
	}
	n, size := len(dst), 0
	for s.next < len(s.blocks) {
		b := s.blocks[s.next]
		if size += len(b.Payload); len(dst) > n && (size > maxBytes || b.Epoch != dst[len(dst)-1].Epoch) {
			break
		}
		var payload []byte
		if len(dst) < cap(dst) {
			payload = dst[:len(dst)+1][len(dst)].Payload[:0]
		}
		b.Payload = append(payload, b.Payload...)
		dst = append(dst, b)
		s.next++
	}
	s.mu.Unlock()
	if len(dst) > n {
		return dst, nil
	}
	<-ctx.Done()
	return dst, context.Cause(ctx)
}

// Ack is Source's.
func (s *source) Ack(id queue.ID) error {
	through := id.Sequence
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if through <= s.acked {
		s.t.Errorf("ack of %d behind that of %d", through, s.acked)
	}
	for _, b := range s.blocks {
		if b.Sequence > s.acked && b.Sequence <= through && s.stored != nil && !s.stored(b.Sequence) && !s.isDead(b.Sequence) {
			s.t.Errorf("block %d is acked and nowhere", b.Sequence)
		}
	}
	s.acked = through
	if s.end != nil && through == s.blocks[len(s.blocks)-1].Sequence {
		s.end()
	}
	return nil
}

func (s *source) isDead(sequence uint64) bool {
	for _, d := range s.dead {
		if d.Sequence == sequence {
			return true
		}
	}
	return false
}

// DeadLetter is Source's.
func (s *source) DeadLetter(b queue.Block, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full > 0 {
		s.full--
		return fmt.Errorf("no space")
	}
	b.Payload = append([]byte{}, b.Payload...)
	s.dead = append(s.dead, b)
	s.reason = append(s.reason, reason)
	return nil
}

// makeBlocks makes n blocks of some records each; text is what a record says.
func makeBlocks(n, records int, text func(block, rec int) string) []queue.Block {
	e := block.NewEncoder()
	stream := &record.Stream{ID: "5f1e", Labels: []record.Label{{Name: "host.name", Value: "a"}}}
	var all []queue.Block
	for i := range n {
		two := [2]record.Batch{} // so that a block has two batches
		two[0].Reset(stream, nil)
		two[1].Reset(stream, nil)
		for j := range records {
			b := &two[j*2/records]
			r := b.Begin()
			r.Time, r.TimeSource, r.Offset = 1e18, record.TimeLine, int64(i*records+j)
			r.Body = b.AddString(text(i, j))
		}
		payload, raw := e.Append(nil, []*record.Batch{&two[0], &two[1]})
		all = append(all, queue.Block{Epoch: 1, Sequence: uint64(i + 1), Records: records, Raw: raw, Payload: payload})
	}
	return all
}

func plainText(i, j int) string { return fmt.Sprintf("record %d of block %d", j, i) }

// messages are the records of a block.
func messages(t testing.TB, payload []byte) (all []string) {
	t.Helper()
	err := block.NewDecoder(16<<20).Decode(payload, func(b *record.Batch) error {
		for i := range b.Records {
			all = append(all, string(b.Bytes(b.Records[i].Body)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// linesOf are the records of an NDJSON body.
func linesOf(t testing.TB, body []byte) (all []string) {
	t.Helper()
	err := ndjson.Decode(body, func(b *record.Batch) error {
		for i := range b.Records {
			all = append(all, string(b.Bytes(b.Records[i].Body)))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}
