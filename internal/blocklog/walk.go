package blocklog

import (
	"errors"
	"slices"
)

// Walk goes over the entries of a log in order.
type Walk struct {
	// From is the number of the segment to begin with.
	From uint64

	// SkipPayloads leaves the payloads unread and unchecked; Entry.Payload is nil then.
	SkipPayloads bool

	// Damage is called for what is corrupt; entries behind it follow if it
	// returns nil. Without Damage the walk ends with the *CorruptError.
	Damage func(*CorruptError) error
}

// Scan calls fn for each entry from a segment on, until fn fails. The entry is
// valid until fn returns. It ends with a *CorruptError at the first damage; the
// torn tail that a crash leaves is none. fn must not change the log. Entries that
// are appended meanwhile may or may not be seen.
func (l *Log) Scan(from uint64, fn func(Location, Entry) error) error {
	return l.Walk(Walk{From: from}, fn)
}

// Walk is Scan with choices.
func (l *Log) Walk(w Walk, fn func(Location, Entry) error) error {
	if w.Damage == nil {
		w.Damage = func(e *CorruptError) error { return e }
	}
	l.mu.Lock()
	segments := slices.Clone(l.segments)
	l.mu.Unlock()
	var buf []byte
	for _, s := range segments {
		if s.number < w.From {
			continue
		}
		v, err := l.acquire(s.number)
		if err != nil {
			return err
		}
		buf, err = v.walk(w, buf, fn)
		v.release()
		if err != nil {
			return err
		}
	}
	return nil
}

// walk goes over one segment. It returns buf for the next one.
func (v *view) walk(w Walk, buf []byte, fn func(Location, Entry) error) ([]byte, error) {
	if v.headerBad {
		if err := w.Damage(v.corrupt(0, "no sound segment header").skipTo(headerBytes)); err != nil {
			return buf, err
		}
	}
	for at := int64(headerBytes); at < v.end; {
		next := at + 1
		h, err := v.header(at)
		if err == nil {
			var e Entry
			next = at + h.size()
			if e, buf, err = v.content(at, h, w.SkipPayloads, buf); err == nil {
				if err := fn(Location{v.number, at, h.payload}, e); err != nil {
					return buf, err
				}
				at = next
				continue
			}
		}
		var c *CorruptError
		if !errors.As(err, &c) {
			return buf, err
		}
		if next, err = v.find(next); err == nil {
			err = w.Damage(c.skipTo(next))
		}
		if err != nil {
			return buf, err
		}
		at = next
	}
	return buf, nil
}

func (e *CorruptError) skipTo(offset int64) *CorruptError {
	e.Resume = offset
	return e
}

// content reads what is behind the header at an offset. The entry points into
// the buffer it returns.
func (v *view) content(at int64, h header, skipPayload bool, buf []byte) (Entry, []byte, error) {
	n := int(h.meta)
	if !skipPayload {
		n += int(h.payload)
	}
	buf = sized(buf, n)
	if err := v.readFull(buf, at+entryOverhead); err != nil {
		return Entry{}, buf, err
	}
	e := Entry{Sequence: h.sequence, Meta: buf[:h.meta:h.meta]}
	if checksum(e.Meta) != h.metaCRC {
		return Entry{}, buf, v.corrupt(at, "meta has a wrong checksum")
	}
	if skipPayload {
		return e, buf, nil
	}
	e.Payload = buf[h.meta:]
	if checksum(e.Payload) != h.payloadCRC {
		return Entry{}, buf, v.corrupt(at, "payload has a wrong checksum")
	}
	return e, buf, nil
}

// find returns the offset of the first sound header from an offset on, or the
// segment's end.
func (v *view) find(from int64) (int64, error) {
	const window = 64 << 10
	buf := make([]byte, window+entryOverhead)
	for from < v.end {
		p := buf[:min(int64(len(buf)), v.end-from)]
		if err := v.readFull(p, from); err != nil {
			var c *CorruptError
			if errors.As(err, &c) {
				return v.end, nil // the file is shorter than it was
			}
			return 0, err
		}
		for i := 0; ; i++ {
			if i = nextHeader(p, i, v.salt); i < 0 {
				break
			}
			if _, err := v.header(from + int64(i)); err == nil {
				return from + int64(i), nil
			}
		}
		if len(p) <= window {
			break
		}
		from += window + 1 // a header that begins later is not completely in p
	}
	return v.end, nil
}
