package index

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"shipper/internal/block"
	"shipper/internal/blocklog"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

// Commit stores the blocks of an agent that are not stored yet. A block is
// stored if one with its agent, epoch, sequence and payload is; one whose ID came
// with another payload, or so long ago that this is not known, is stored under
// its ID and payload. Blocks are taken in order, up to the first that is rejected.
// On nil every block before it, or every block, is durable and answers queries. An
// error is ctx's, ErrClosed, or *Unavailable: some blocks may be stored, and
// sending all of them again is right.
func (s *Store) Commit(ctx context.Context, agent string, epoch uint32, frames []protocol.Frame) (protocol.Receipt, error) {
	var r protocol.Receipt
	if agent == "" || len(agent) > maxAgent {
		for i := range frames {
			s.reject(&r, frames[i].Sequence, fmt.Errorf("agent ID has %d bytes, want 1 to %d", len(agent), maxAgent))
		}
		return r, nil
	}
	now := time.Now().UnixNano()
	for i := range frames {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		e := entry{received: now, agent: agent, epoch: epoch, sequence: frames[i].Sequence, hash: sha256.Sum256(frames[i].Payload)}
		if err := s.commit(ctx, &e, frames[i].Payload, &r); err != nil {
			return r, s.refused(err)
		}
		if len(r.Rejected) > 0 {
			break
		}
	}
	return r, s.refused(s.settle())
}

// CommitKeyed stores one block that has no sequence, unless it is stored
// already: a request with the same Idempotency-Key was, or, if that is empty,
// one with the same body in the last ten minutes. body is the SHA-256 of the
// request's body. A key that came with another body is no repeat: it goes by
// key and body then. Otherwise it is as Commit.
func (s *Store) CommitKeyed(ctx context.Context, idempotency string, body [sha256.Size]byte, payload []byte) (protocol.Receipt, error) {
	var r protocol.Receipt
	e := entry{received: time.Now().UnixNano(), key: newKey(idempotency, body), hash: body}
	if err := s.commit(ctx, &e, payload, &r); err != nil {
		return r, s.refused(err)
	}
	return r, s.refused(s.settle())
}

// refused counts what is refused, and says once that this begins, but not more
// often than once a minute, and that it ends.
func (s *Store) refused(err error) error {
	u := (*Unavailable)(nil)
	switch {
	case errors.As(err, &u):
		s.Stats.Refused.Add(1)
		now := time.Now().UnixNano()
		said := s.said.Load()
		if !s.refusing.Load() && (said == 0 || now-said >= int64(time.Minute)) && s.said.CompareAndSwap(said, now) {
			s.refusing.Store(true)
			s.log.Error("blocks are refused for now", "dir", s.dir, "reason", u.Reason)
		}
	case err == nil && s.refusing.CompareAndSwap(true, false):
		s.log.Info("blocks are stored again")
	}
	return err
}

// commit does for one block all but making it durable.
func (s *Store) commit(ctx context.Context, e *entry, payload []byte, r *protocol.Receipt) error {
	if err := s.admit(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	done := s.settled(e, r)
	s.mu.Unlock()
	if done {
		return nil
	}
	return s.decode(ctx, e, payload, r)
}

// makeBlocks makes columnar blocks, so that acknowledgements do not wait for them.
func (s *Store) makeBlocks(ctx context.Context) {
	for {
		select {
		case p := <-s.full:
			p.get()
		case <-ctx.Done():
			return
		}
	}
}

// decode makes sure that a block is sound before any of it is stored. What takes
// much memory is done by as many at a time as there are decoders.
func (s *Store) decode(ctx context.Context, e *entry, payload []byte, r *protocol.Receipt) error {
	d, err := s.decoder(ctx)
	if err != nil {
		return err
	}
	var keep *block.Decoder // what a bad or large block made of it is not kept
	defer func() { s.decoders <- keep }()
	batches, err := decodeBlock(d, payload, s.opt.MaxBlock)
	if err != nil {
		s.reject(r, e.sequence, err)
		return nil
	}
	full, err := s.insert(e, payload, batches, r)
	for _, p := range full {
		select {
		case s.full <- p:
		default:
			p.get() // it is busy: who brings so much works, too
		}
	}
	if len(batches) <= 64 && len(payload) <= 1<<20 && fieldsOf(batches) <= maxKeptFields {
		keep = d
	}
	return err
}

// maxKeptFields is up to how many fields of a block a decoder that has made room
// for them is kept: 2 MiB.
const maxKeptFields = 1 << 16

func fieldsOf(batches []*record.Batch) (n int) {
	for _, b := range batches {
		n += len(b.Fields)
	}
	return n
}

// decoder waits for its turn to decode.
func (s *Store) decoder(ctx context.Context) (*block.Decoder, error) {
	select {
	case d := <-s.decoders:
		if d == nil {
			d = block.NewDecoder(s.opt.MaxBlock)
		}
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// decodeBlock returns the batches of a block. Dictionaries can make the text of
// a block far larger than its bytes, so it is bounded, too.
func decodeBlock(d *block.Decoder, payload []byte, maxBytes int) ([]*record.Batch, error) {
	if len(payload) == 0 {
		return nil, errors.New("block is empty")
	}
	batches, _, err := d.All(payload)
	if err != nil {
		return nil, err
	}
	text := int64(0)
	for _, b := range batches {
		if text += textSize(b); text > 4*int64(maxBytes) {
			return nil, fmt.Errorf("%w: block has more than %d bytes of text", protocol.ErrTooLarge, 4*maxBytes)
		}
	}
	if namesOf(batches) > maxNames {
		return nil, fmt.Errorf("%w: block has more than %d names of attributes", protocol.ErrTooLarge, maxNames)
	}
	return batches, nil
}

// maxNames bounds the names of attributes in a block, once for each shape of its
// records: each may become a column.
const maxNames = 1 << 17

// namesOf counts the names of attributes in decoded batches.
func namesOf(batches []*record.Batch) (n int) {
	for _, b := range batches {
		n += len(b.Stream.Labels) + namesIn(b)
	}
	return n
}

// namesIn counts the names of attributes in a decoded batch, or a part of it: the
// records of one shape have theirs in common, at the same place.
func namesIn(b *record.Batch) (n int) {
	var seen map[uint32]struct{}
	last := uint32(0)
	for i := range b.Records {
		fields := b.FieldsOf(&b.Records[i])
		if len(fields) == 0 || n > 0 && fields[0].Key.Off == last {
			continue
		}
		last = fields[0].Key.Off
		if seen == nil {
			seen = make(map[uint32]struct{})
		}
		if _, known := seen[last]; !known {
			seen[last] = struct{}{}
			n += len(fields)
		}
	}
	return n
}

// settled reports whether e needs no storing: it is known, or rejected. The
// caller holds mu.
func (s *Store) settled(e *entry, r *protocol.Receipt) bool {
	if e.agent != "" && e.sequence == 0 {
		s.reject(r, 0, errors.New("block has no sequence"))
		return true
	}
	v, why := s.known(e)
	if v == conflict {
		s.conflict(e, why)
		v, _ = s.known(e)
	}
	if v == repeated {
		r.Repeated++
		s.Stats.Repeated.Add(1)
	}
	return v == repeated
}

// known says whether e is fresh, repeated, or in conflict, with the counter of
// the reason. The caller holds mu, or is alone.
func (s *Store) known(e *entry) (verdict, *atomic.Int64) {
	if e.agent == "" {
		v := s.window.of(e.key, e.received)
		return v, &s.Stats.Conflicts
	}
	v := s.agents.of(e.agent, e.epoch, e.sequence)
	if v == fresh || e.hash == [sha256.Size]byte{} {
		return v, nil
	}
	switch s.sum(&blockID{e.agent, e.epoch, e.sequence}) {
	case sumOf(&e.hash):
		return repeated, nil
	case 0:
		return conflict, &s.Stats.Unknown
	}
	return conflict, &s.Stats.Conflicts
}

// sum returns the sum of a block, 0 if it is not remembered.
func (s *Store) sum(id *blockID) sum {
	for _, g := range []*generation{s.open, s.sealing} {
		if g == nil {
			continue
		}
		if n := g.sums[*id]; n != 0 {
			return n
		}
	}
	n, err := s.cat.sum(id)
	if err != nil {
		s.log.Error("read the sum of a block", "err", err)
	}
	return n
}

// conflict makes e an entry that goes by its content, too.
func (s *Store) conflict(e *entry, why *atomic.Int64) {
	why.Add(1)
	if e.agent == "" {
		e.key = e.key.otherwise(e.hash)
		s.warn(&s.warned, e.received, "an Idempotency-Key came with different bodies, which are all stored: do two agents have copies of one data directory?")
		return
	}
	if g := s.agents.byID[e.agent]; g != nil {
		s.warn(&g.warned, e.received, "blocks came with numbers that others of the agent had, and are stored: do two agents have copies of one data directory, or was it put back from a backup?",
			"agent", e.agent, "epoch", e.epoch, "sequence", e.sequence)
	}
	e.key = e.contentKey()
	e.agent = ""
}

// warn logs, but for each last at most once an hour.
func (s *Store) warn(last *int64, now int64, msg string, args ...any) {
	if *last == 0 || now-*last >= int64(time.Hour) {
		*last = now
		s.log.Warn(msg, args...)
	}
}

func (s *Store) reject(r *protocol.Receipt, sequence uint64, why error) {
	s.Stats.Rejected.Add(1)
	r.Rejected = append(r.Rejected, protocol.Rejection{Sequence: sequence, Reason: why.Error(), TooLarge: errors.Is(why, protocol.ErrTooLarge)})
}

// insert writes a block to the log and adds its records to the open generation.
func (s *Store) insert(e *entry, payload []byte, batches []*record.Batch, r *protocol.Receipt) (full []*piece, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusal(); err != nil {
		return nil, err
	}
	// It may have come twice at a time.
	if s.settled(e, r) {
		return nil, nil
	}
	if e.agent != "" {
		if err := s.agents.room(e.agent, e.received); err != nil {
			return nil, &Unavailable{err.Error()}
		}
	}
	if err := s.open.wal.append(e, payload); err != nil {
		if errors.Is(err, blocklog.ErrSync) { // nothing can be appended any more
			s.open.broken = err
			s.poke()
		}
		return nil, &Unavailable{fmt.Sprintf("write log: %v", err)}
	}
	full, n := s.take(e, batches)
	r.Records += n
	s.Stats.Blocks.Add(1)
	s.Stats.Records.Add(int64(n))
	if s.due(time.Now()) {
		s.poke()
	}
	return full, nil
}

// take adds a block that is in the log to memory. The caller holds mu, or is alone.
func (s *Store) take(e *entry, batches []*record.Batch) (full []*piece, records int) {
	in := s.opt.timesAt(e.received)
	before := s.open.raw
	if s.open.wal.appended.Load() == 1 {
		s.open.opened = time.Now()
	}
	for _, b := range batches {
		records += len(b.Records)
		b, clamped := in.clamp(b)
		s.Stats.Clamped.Add(int64(clamped))
		full = append(full, s.open.add(b, in.arrival)...)
	}
	s.Stats.Bytes.Add(s.open.raw - before)
	if e.agent == "" {
		s.window.add(e.key, e.received)
		return full, records
	}
	s.agents.add(e.agent, e.epoch, e.sequence, e.received)
	s.open.sums[blockID{e.agent, e.epoch, e.sequence}] = sumOf(&e.hash)
	return full, records
}

// settle returns once everything that is in the log is durable, be it of this
// commit or a repeated block that another one wrote and has not synced yet.
func (s *Store) settle() error {
	s.mu.Lock()
	g, err := s.open, s.broken()
	s.mu.Unlock()
	if err == nil {
		if err = g.wal.sync(); err == nil {
			return nil
		}
		s.mu.Lock()
		g.broken = err
		s.mu.Unlock()
		s.poke()
	}
	return &Unavailable{err.Error()}
}

// admit waits until there is room, or says why there will be none soon.
func (s *Store) admit(ctx context.Context) error {
	if err := s.space(); err != nil {
		return err
	}
	for {
		s.mu.Lock()
		err, wait := s.refusal(), s.sealed
		crowded := s.crowded()
		s.mu.Unlock()
		if err != nil || !crowded {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// space says whether the disk is full. If what is in the log fills it, that is
// sealed before its time, so that retention has something to drop.
func (s *Store) space() error {
	s.mu.Lock()
	logs := s.logged()
	s.mu.Unlock()
	why, seal := s.disk.full(time.Now(), logs)
	if why == "" {
		return nil
	}
	if seal {
		s.mu.Lock()
		s.pressed = true
		s.mu.Unlock()
		s.poke()
	}
	return &Unavailable{why}
}

// logged is how many bytes the logs have that are not sealed. The caller holds mu.
func (s *Store) logged() int64 {
	n := s.open.wal.bytes.Load()
	if s.sealing != nil {
		n += s.sealing.wal.bytes.Load()
	}
	return n
}

// refusal is why nothing may be stored now. The caller holds mu.
func (s *Store) refusal() error {
	switch {
	case s.closed:
		return ErrClosed
	case s.broken() != nil:
		return &Unavailable{s.broken().Error()}
	case s.sealErr != nil && s.crowded():
		return &Unavailable{fmt.Sprintf("seal: %v", s.sealErr)}
	}
	return nil
}

// broken is why what is not sealed is not all durable, nil if it is or may become
// so. The caller holds mu.
func (s *Store) broken() error {
	if s.sealing != nil && s.sealing.broken != nil {
		return s.sealing.broken
	}
	return s.open.broken
}

// crowded reports whether the open generation must not grow before the one
// before it is sealed. The caller holds mu.
func (s *Store) crowded() bool {
	return s.sealing != nil && s.open.weight >= s.opt.SealBytes
}

// due reports whether the open generation is to be sealed. The caller holds mu.
func (s *Store) due(now time.Time) bool {
	g := s.open
	if g.wal.appended.Load() == 0 {
		return false
	}
	return g.weight >= s.opt.SealBytes || len(g.days) > maxDays || len(g.sums) >= maxBlocks || s.pressed || g.broken != nil ||
		now.Sub(g.opened) >= s.opt.SealAge || now.UTC().YearDay() != g.opened.UTC().YearDay()
}

func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
