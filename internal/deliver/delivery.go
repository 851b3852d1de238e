package deliver

import (
	"context"
	"errors"
	"net/http"
	"time"

	"shipper/internal/protocol"
	"shipper/internal/queue"
)

// delivery is the way of one slot's blocks to the receiver.
type delivery struct {
	*Output
	*slot
	working context.Context // nothing is begun or waited for when it is done
	sending context.Context // requests are cut off when it is done

	refused int // requests rejected in a row
}

// maxRefused is how many requests in a row are rejected before the rest of the
// block is taken to be refused, too. Bisecting down to one record of a million
// takes 20.
const maxRefused = 64

// deliver sends r until all of it is stored or a dead letter. Halves are sent
// one after the other, so that one body is in memory at a time. It fails when
// working is done.
func (d *delivery) deliver(r *protocol.Request) error {
	v, err := d.send(r)
	if err != nil {
		return err
	}
	switch v.Outcome {
	case protocol.Accepted:
		d.refused = 0
		if v.Lost > 0 {
			d.Stats.Lost.Add(int64(v.Lost))
			d.trouble.lost(d.Log, v)
		}
		d.Stats.Records.Add(int64(max(r.Records()-v.Lost-len(v.Refused), 0)))
		return d.buryRefused(r, v.Refused)
	case protocol.Split:
		d.Stats.Splits.Add(1)
	default:
		d.Stats.Rejected.Add(1)
		if d.refused++; d.refused >= maxRefused {
			return d.bury(r, v.Reason)
		}
	}
	first, second, ok := d.halves(r)
	if !ok {
		return d.bury(r, v.Reason)
	}
	if err := d.deliver(&first); err != nil {
		return err
	}
	return d.deliver(&second)
}

// halves cuts r in two: between blocks, or between records if the protocol
// can. It reports whether it could.
func (d *delivery) halves(r *protocol.Request) (first, second protocol.Request, ok bool) {
	first, second = *r, *r
	if n := len(r.Frames); n > 1 {
		first.Frames, second.Frames = r.Frames[:n/2], r.Frames[n/2:]
		return first, second, true
	}
	if !d.Encoder.SplitsBlocks() {
		return first, second, false
	}
	from, end := r.First, r.End
	if !r.Part {
		var err error
		if end, err = d.parts.count(r.Frames[0].Payload); err != nil {
			return first, second, false
		}
	}
	if end-from < 2 {
		return first, second, false
	}
	middle := from + (end-from)/2
	first.Part, first.First, first.End = true, from, middle
	second.Part, second.First, second.End = true, middle, end
	for _, h := range []*protocol.Request{&first, &second} {
		if h.End-h.First == 1 {
			h.Limit = 0 // one record is sent whatever its size
		}
	}
	return first, second, true
}

// bury makes all of r dead letters.
func (d *delivery) bury(r *protocol.Request, reason string) error {
	for _, f := range r.Frames {
		b := queue.Block{Epoch: r.Epoch, Sequence: f.Sequence, Records: f.Records, Raw: f.Raw, Payload: f.Payload}
		if r.Part {
			// If the part cannot be taken out, the whole block is kept: a
			// repeat is better than a loss.
			if payload, raw, err := d.parts.cut(f.Payload, r.First, r.End); err == nil {
				b.Payload, b.Raw, b.Records = payload, raw, r.End-r.First
			}
		}
		if err := d.keep(b, reason); err != nil {
			return err
		}
		d.Stats.DeadRecords.Add(int64(b.Records))
		d.trouble.refused(d.Log, b, reason)
	}
	return nil
}

// buryRefused makes dead letters of single records of r, which has one block.
func (d *delivery) buryRefused(r *protocol.Request, refused []protocol.Refusal) error {
	for _, one := range refused {
		first := r.First + one.Index
		if !r.Part {
			first = one.Index
		}
		part := *r
		part.Part, part.First, part.End = true, first, first+1
		if err := d.bury(&part, one.Reason); err != nil {
			return err
		}
	}
	return nil
}

// keep stores a dead letter. Without it nothing behind it can be acked, so it
// is tried until it works.
func (d *delivery) keep(b queue.Block, reason string) error {
	for {
		err := d.Source.DeadLetter(b, reason)
		if err == nil {
			return nil
		}
		d.trouble.failed(d.Log, "dead letter", "dead letters cannot be kept: "+err.Error(), time.Second)
		select {
		case <-time.After(time.Second):
		case <-d.working.Done():
			return context.Cause(d.working)
		}
	}
}

// send sends r, again and again, until the receiver has decided.
func (d *delivery) send(r *protocol.Request) (protocol.Verdict, error) {
	h := http.Header{}
	body, err := d.Encoder.Append(d.body[:0], h, r)
	switch {
	case errors.Is(err, protocol.ErrTooLarge):
		return protocol.Verdict{Outcome: protocol.Split, Reason: err.Error()}, nil
	case err != nil:
		return protocol.Verdict{Outcome: protocol.Rejected, Reason: "make request: " + err.Error()}, nil
	}
	d.body = body
	h.Set("Idempotency-Key", string(r.AppendKey(nil)))
	up := &upload{body: body}
	defer func() {
		if !up.isRead() {
			d.body = nil // not for the next one
		}
	}()
	reload := false
	for {
		round, err := d.gate.enter(d.working)
		if err != nil {
			return protocol.Verdict{}, err
		}
		if reload {
			d.reloadHeaders()
		}
		start := time.Now()
		v, key := d.exchange(d.sending, r, h, up)
		took := time.Since(start)
		d.Stats.Nanoseconds.Add(int64(took))
		if d.sending.Err() != nil && v.Outcome == protocol.Retry {
			d.gate.leave(round)
			return v, context.Cause(d.working)
		}
		var pause time.Duration
		reload = v.Outcome == protocol.Unauthorized
		switch {
		case reload:
			d.Stats.Unauthorized.Add(1)
			pause = d.Backoff.Max/2 + randN(d.Backoff.Max/2)
		case v.Outcome == protocol.Retry:
			d.Stats.Failed.Add(1)
			if v.After > 0 {
				pause = min(v.After, d.MaxRetryAfter) + randN(d.Backoff.Min)
			}
		default:
			d.window.observe(took, true)
			d.Stats.Delivered.Store(time.Now().UnixNano())
			if d.gate.pass(round) {
				d.Stats.Failing.Store(0)
				d.trouble.over(d.Log)
			}
			return v, nil
		}
		d.window.observe(took, false)
		d.Stats.Failing.Store(1)
		d.trouble.failed(d.Log, key, v.Reason, d.gate.fail(round, pause))
	}
}

// reloadHeaders reads the headers again.
func (o *Output) reloadHeaders() {
	if o.Reload == nil {
		return
	}
	h, err := o.Reload()
	if err != nil {
		o.trouble.failed(o.Log, "credentials", "read credentials again: "+err.Error(), 0)
		return
	}
	o.headers.Store(&h)
}
