package tail

import (
	"time"

	"shipper/internal/input"
)

// turnOf is what a file's turn to be read has come to.
type turnOf uint8

const (
	mine    turnOf = iota // nothing is to be read before it
	another               // another file was read instead: try again at once
	later                 // what comes next in it may belong to another file's last record: try again soon
)

// ahead does what comes before f is read: the file before it is read to its
// end, and a record that begins at that end and goes on in f is handed on.
func (r *reader) ahead(f *file) (turnOf, error) {
	b := f.before
	if b == nil {
		return mine, nil
	}
	if t, err := r.ahead(b); t != mine || err != nil {
		return t, err
	}
	if r.unfinished(b) {
		_, err := r.turn(b, open)
		return another, err
	}
	t, err := r.bridge(b, f)
	if t == mine {
		f.before, b.heir = nil, nil
	}
	return t, err
}

// unfinished reports whether there is more to read in b.
func (r *reader) unfinished(b *file) bool {
	fd, _ := r.set.acquire(b)
	if fd < 0 || b.stage != following || b.archive != nil && b.archive.end {
		return false
	}
	if b.archive != nil {
		return true
	}
	st, err := fstat(fd)
	if err != nil || st.size <= b.seen || b.failed != "" {
		return false
	}
	b.size = st.size
	return true
}

// bridge looks whether the lines at the end of b that wait for more go on at
// the start of f, and if so hands them on as one record, of b: its position is
// then at the end, and f's behind what belongs to b.
func (r *reader) bridge(b, f *file) (turnOf, error) {
	n := int(b.seen - b.offset)
	if !b.lines || n <= 0 || n > r.limit || b.stage != following || b.archive != nil || f.archive != nil ||
		f.stage != following || f.offset != 0 || f.size == 0 || (b.flags|f.flags)&flagSkip != 0 {
		return mine, nil
	}
	lead := int(min(markerBytes, b.offset))
	rest := int(min(f.size, int64(r.chunk)))
	buf := r.pool.get(n + rest)
	buf.bytes = buf.bytes[:lead+n+rest]
	give := func(t turnOf, err error) (turnOf, error) {
		buf.release()
		return t, err
	}
	fd, _ := r.set.acquire(b)
	if fd < 0 {
		return give(mine, nil)
	}
	got, ok, err := r.fetch(b, fd, buf.bytes[:lead+n], b.offset-int64(lead), lead)
	if err != nil || !ok || got < lead+n || buf.bytes[lead+n-1] != '\n' {
		return give(mine, err)
	}
	if b.gen == 0 {
		r.identify(b)
	}
	if fd, _ = r.set.acquire(f); fd < 0 {
		return give(mine, nil)
	}
	got, ok, err = r.fetch(f, fd, buf.bytes[lead+n:], 0, 0)
	if err != nil || !ok || got == 0 || buf.bytes[lead+n] == 0 {
		return give(mine, err)
	}
	whole := buf.bytes[lead : lead+n+got]
	waited := r.now.Sub(latest(b.grown, f.grown)) >= r.join || got == r.chunk
	ends := r.newCutter(b.state).Cut(whole, buf.ends[:0], waited, false)
	last := 0
	for last < len(ends) && int(ends[last]) < n {
		last++
	}
	if last == len(ends) {
		if waited { // f has no whole line
			return give(mine, nil)
		}
		b.heir = f
		return give(later, nil)
	}
	end := int(ends[last])
	buf.ends = ends[:last+1]
	c := input.Chunk{Data: whole[:end:cap(whole)], Ends: buf.ends, Base: b.offset, Release: buf.release}
	if into := end - n; into > 0 {
		r.identify(f)
		f.moved(int64(into), sum(whole[n+max(0, into-markerBytes):end]))
		f.time = wallClock()
		c.Tail = &input.Tail{Input: r.key(f.gen), Pos: f.position.append(nil)}
	}
	b.moved(b.seen, sum(buf.bytes[lead+n-int(min(markerBytes, b.seen)):lead+n]))
	return mine, r.send(b, int64(end), c) // the books have it where it began
}

// moved puts the position at a record's start, with nothing waiting before it.
func (f *file) moved(offset int64, marker uint64) {
	f.offset, f.marker, f.state = offset, marker, nil
	f.seen = max(f.seen, offset)
	f.cutter, f.lines = nil, false
}

// waitsForHeir reports whether the lines that wait in f are for ahead to deal
// with, which looks at them until they have waited long enough.
func (f *file) waitsForHeir(now time.Time, join time.Duration) bool {
	return f.heir != nil && now.Sub(latest(f.grown, f.heir.grown)) < 2*join
}
