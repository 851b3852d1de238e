package deliver

import (
	"sync"

	"shipper/internal/block"
	"shipper/internal/record"
)

// maxBlock bounds a block before compression.
const maxBlock = 256 << 20

// parts takes blocks apart, which is rarely needed.
type parts struct {
	mu      sync.Mutex
	decoder *block.Decoder
	encoder *block.Encoder
}

// all decodes a block. The caller holds mu.
func (p *parts) all(payload []byte) ([]*record.Batch, error) {
	if p.decoder == nil {
		p.decoder, p.encoder = block.NewDecoder(maxBlock), block.NewEncoder()
	}
	batches, _, err := p.decoder.All(payload)
	return batches, err
}

// count returns the number of records in a block.
func (p *parts) count(payload []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	batches, err := p.all(payload)
	for _, b := range batches {
		n += len(b.Records)
	}
	return n, err
}

// cut returns a block of the records first up to, not including, end, and its
// size before compression.
func (p *parts) cut(payload []byte, first, end int) (part []byte, raw int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	batches, err := p.all(payload)
	if err != nil {
		return nil, 0, err
	}
	var some []*record.Batch
	at := 0
	for _, b := range batches {
		n := len(b.Records)
		from, to := max(first-at, 0), min(end-at, n)
		if from < to {
			b.Records = b.Records[from:to]
			some = append(some, b)
		}
		at += n
	}
	part, raw = p.encoder.Append(nil, some)
	return part, raw, nil
}
