package pipeline

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"strconv"

	"shipper/internal/record"
)

// Sample keeps a part of the records, each of which then says in the attribute
// sample.rate how many it stands for.
//
// Without a Key whole traces stay or go: as OpenTelemetry's consistent
// probability sampling has it, by the last 56 bits of the trace ID, so that
// whoever samples at the same rate keeps the same traces. A record without a
// trace ID goes by its own ID, so that reading it again decides alike.
//
// With a Key, of the records with one value of that attribute every so many-th
// is kept, the first one included, so that rare values are seen. Each Worker
// counts for itself.
type Sample struct {
	Keep  float64 // the part that is kept, LeastKept to 1
	Key   string  // attribute or label; empty: by trace
	Floor uint8   // severity number from which on everything is kept; 0: none
}

// LeastKept is the smallest part that can be kept: a billionth.
const LeastKept = 1e-9

// rateName is the attribute with the number of records that one stands for.
const rateName = "sample.rate"

// sampleKeys bounds the keys that are counted. Records of more are chosen as
// those without a trace are.
const sampleKeys = 8192

type sampler struct {
	keep      float64
	threshold uint64 // of 56 random bits: those below it go
	floor     uint8
	column    int // -1: by trace
	index     int // of its counters in Worker.shares, if it has any
	rate      record.Field
	rateText  string
}

func newSampler(c Sample) (*sampler, error) {
	if !(c.Keep >= LeastKept && c.Keep <= 1) {
		return nil, errors.New("the part to keep must be from a billionth to 1")
	}
	if c.Floor > 24 {
		return nil, errors.New("a severity number is at most 24")
	}
	s := &sampler{keep: c.Keep, floor: c.Floor, threshold: uint64((1 - c.Keep) * (1 << 56))}
	s.rate, s.rateText = rateField(1 / c.Keep)
	return s, nil
}

// keeps reports whether the record that w looks at is part of the sample.
// exempt says that it is not sampled at all.
func (w *Worker) keeps(s *sampler) (kept, exempt bool) {
	if s.keep == 1 || s.floor > 0 && w.r.Severity >= s.floor {
		return true, true
	}
	if s.column < 0 {
		return w.randomness() >= s.threshold, false
	}
	h := maphash.Bytes(w.seed, w.columnText(s.column))
	shares := w.shares[s.index]
	share, ok := shares[h]
	if !ok {
		if len(shares) >= sampleKeys {
			return w.randomness() >= s.threshold, false
		}
		share = 1 - s.keep
	}
	share += s.keep
	kept = share >= 1-1e-9 // ten times 0.1 is a little less than 1
	if kept {
		share--
	}
	shares[h] = share
	return kept, false
}

// randomness returns 56 bits that are the same for all records of a trace.
func (w *Worker) randomness() uint64 {
	const mask = 1<<56 - 1
	if w.r.Flags&record.HasTrace != 0 {
		return binary.BigEndian.Uint64(w.r.TraceID[8:]) & mask
	}
	h := uint64(14695981039346656037)
	for i := range len(w.b.Stream.ID) {
		h = (h ^ uint64(w.b.Stream.ID[i])) * 1099511628211
	}
	h = (h ^ uint64(w.r.Offset)) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return (h ^ h>>32) & mask
}

// rateField is a field with a rate; its text, unless that is empty, is to be added.
func rateField(n float64) (f record.Field, text string) {
	if n == float64(int64(n)) {
		return record.IntField(record.Span{}, int64(n)), ""
	}
	f.Kind = record.Number
	return f, strconv.FormatFloat(n, 'g', 6, 64)
}

// markSample adds what the record stands for. What was sampled before stands for
// the product, but whole traces that are sampled twice for the larger one: the
// one sample is within the other.
func (w *Worker) markSample(s *sampler) {
	factor := 1 / s.keep
	if s.column < 0 {
		before := max(w.byTrace, 1)
		w.byTrace = max(before, factor)
		factor = w.byTrace / before
	}
	f, text := s.rate, s.rateText
	at := w.find(rateName)
	if at >= 0 {
		if n, ok := parseFloat(w.b.Text(w.text[:0], w.b.FieldsOf(w.r)[at])); ok && n >= 1 && n*factor < 1e15 {
			f, text = rateField(n * factor)
		}
	}
	if text != "" {
		f.Val = w.b.AddString(text)
	}
	if at >= 0 {
		f.Key = w.b.FieldsOf(w.r)[at].Key
		w.b.FieldsOf(w.r)[at] = f
	} else {
		f.Key = w.b.AddString(rateName)
		w.b.Attach(w.r, f)
	}
	w.changed()
}
