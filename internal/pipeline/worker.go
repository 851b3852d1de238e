package pipeline

import (
	"hash/maphash"

	"shipper/internal/record"
)

// Worker applies a Pipeline's rules. It is not for concurrent use, but any
// number of Workers of one Pipeline are.
type Worker struct {
	// Matched is called for each rule that a record of the batch matches, by
	// their numbers, for those who ask why. It may be nil.
	Matched func(record, rule int)

	// PEM says whether a batch ended within a PEM block, and for whom. Before
	// Apply it is to be what it was after the batch before of the same stream, 0
	// at first, so that a block which is written slowly is redacted to its end.
	PEM uint64

	p      *Pipeline
	b      *record.Batch
	r      *record.Record
	i      int            // r's number
	stream *record.Stream // that labels are of

	known   map[string]*key
	shapeOf []int32 // of the batch's records
	shapes  []shape
	shape   *shape   // of r
	own     shape    // of r, if it was changed
	all     []int32  // rules
	labels  [][]byte // of the stream, by column
	text    []byte

	seed      maphash.Seed
	shares    []map[uint64]float64 // of samplers with a key: what part of a record is due, by the key's hash
	hits      []int64              // of rules, of this batch
	unmatched int64                // of this batch
	rank      Priority             // of r
	byTrace   float64              // how many traces r's stands for; 0: it was not sampled
	parts     []Part
	used      int
	scrub     scrubber
}

// NewWorker returns a Worker.
func (p *Pipeline) NewWorker() *Worker {
	w := &Worker{p: p, known: map[string]*key{}, labels: make([][]byte, len(p.columns)), hits: make([]int64, len(p.rules)), seed: maphash.MakeSeed()}
	for i := range p.rules {
		w.all = append(w.all, int32(i))
	}
	for range p.shares {
		w.shares = append(w.shares, map[uint64]float64{})
	}
	w.scrub = scrubber{stats: &p.Stats, clean: make([]clean, len(p.redactors))}
	return w
}

// Pipeline returns what the Worker applies.
func (w *Worker) Pipeline() *Pipeline { return w.p }

// Part is what became of some records of a batch.
type Part struct {
	Route  Route // where they go
	Rank   Priority
	Reason string  // why they were dropped, as the books have it; empty: they were not
	Rows   []int32 // their numbers, in order
	Bytes  int64   // as they were read
}

// Apply applies the rules to all records of b and changes them as they say.
// starts has, for each record, where the bytes it was made of begin in the
// arena; raw is where all of them end. now is the time for limits, ns since the
// Unix epoch.
//
// It returns what became of the records: every record is in one part. The
// parts are valid until the next call. What was redacted is in none of the
// bytes that b's records and fields span, and not in the raw bytes either.
func (w *Worker) Apply(b *record.Batch, starts []int32, raw int, now int64) []Part {
	w.b, w.used = b, 0
	w.useStream(b.Stream)
	w.useShapes(b)
	w.scrub.begin(b, starts, raw)
	w.scrub.inPEM = w.PEM
	for i := range b.Records {
		w.r, w.i = &b.Records[i], i
		w.shape = w.shapeOfRecord()
		w.rank, w.byTrace = Unranked, 0
		route, reason := w.decide(now)
		if reason == "" && w.p.redactor != nil {
			w.redact(w.p.redactor)
		}
		if w.rank == Unranked && w.p.ranked && reason == "" {
			w.rank = bySeverity(w.r.Severity)
		}
		part := w.part(route, reason)
		part.Rows = append(part.Rows, int32(i))
		part.Bytes += size(starts, i, raw)
	}
	w.scrub.end()
	w.PEM = w.scrub.inPEM
	for i, n := range w.hits {
		if n > 0 {
			w.p.Stats.Rules[i].Hits.Add(n)
			w.hits[i] = 0
		}
	}
	if w.unmatched > 0 {
		w.p.Stats.Unmatched.Add(w.unmatched)
		w.unmatched = 0
	}
	w.b, w.r = nil, nil
	return w.parts[:w.used]
}

// size returns the bytes that record i was made of. Of several records out of
// the same bytes the first one has them all.
func size(starts []int32, i, raw int) int64 {
	if i > 0 && starts[i] == starts[i-1] {
		return 0
	}
	from := starts[i]
	if i == 0 {
		from = 0
	}
	return int64(end(starts, i, raw) - int(from))
}

// end returns where the bytes that record i was made of end.
func end(starts []int32, i, raw int) int {
	for j := i + 1; j < len(starts); j++ {
		if starts[j] != starts[i] {
			return int(starts[j])
		}
	}
	return raw
}

// decide goes through the rules. A reason says that the record is dropped.
func (w *Worker) decide(now int64) (to Route, reason string) {
	level := uint32(1) << min(w.r.Severity, 31)
	for rules := w.shape.rules; len(rules) > 0; {
		i := rules[0]
		rules = rules[1:]
		r := &w.p.rules[i]
		if r.levels&level == 0 || !w.holds(&r.test) {
			continue
		}
		w.hits[i]++
		if w.Matched != nil {
			w.Matched(w.i, int(i))
		}
		before := w.shape
		if reason := w.act(r, &w.p.Stats.Rules[i], now); reason != "" {
			return 0, reason
		}
		to |= r.to
		if r.rank != Unranked && w.p.ranked {
			w.rank = r.rank
		}
		if r.done {
			return to, ""
		}
		if w.shape != before { // it was changed: others can match
			rules = w.all[i+1:]
		}
	}
	if to == 0 {
		w.unmatched++
	}
	return to, ""
}

// act does what a rule says. A reason says that the record is dropped.
func (w *Worker) act(r *rule, stats *RuleStats, now int64) (reason string) {
	if l := r.limit; l != nil {
		key := []byte(nil)
		if l.column >= 0 {
			key = w.columnText(l.column)
		} else {
			w.text = append(w.text[:0], w.b.Stream.ID...)
			key = w.text
		}
		if !l.allow(key, now) {
			stats.Limited.Add(1)
			return r.limitReason
		}
	}
	if s := r.sample; s != nil {
		kept, exempt := w.keeps(s)
		if !kept {
			stats.Sampled.Add(1)
			return r.sampleReason
		}
		if !exempt && !r.drop {
			w.markSample(s)
		}
	}
	if r.drop {
		stats.Dropped.Add(1)
		return r.dropReason
	}
	if len(r.set)+len(r.rename) > 0 || r.remove != nil {
		w.change(r)
	}
	if r.redact != nil {
		w.redact(r.redact)
	}
	return ""
}

// redact redacts the record that w looks at.
func (w *Worker) redact(rd *redactor) {
	if w.scrub.record(rd, w.i, w.shape.keys) {
		w.changed()
	}
}

// part returns the part of that route or reason, and of the rank of the record.
func (w *Worker) part(to Route, reason string) *Part {
	for i := range w.parts[:w.used] {
		if p := &w.parts[i]; p.Route == to && p.Reason == reason && (p.Rank == w.rank || reason != "") {
			return p
		}
	}
	if w.used == len(w.parts) {
		w.parts = append(w.parts, Part{})
	}
	p := &w.parts[w.used]
	w.used++
	p.Route, p.Rank, p.Reason, p.Rows, p.Bytes = to, w.rank, reason, p.Rows[:0], 0
	return p
}
