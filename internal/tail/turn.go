package tail

import (
	"bytes"
	"encoding/binary"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"shipper/internal/fail"
	"shipper/internal/input"
	"shipper/internal/record"
)

// ending says how a turn deals with what is not complete.
type ending uint8

const (
	open  ending = iota // it stays for later
	flush               // complete lines are records
	final               // everything is a record
)

const (
	// holeBytes of NUL at the start of a line are a hole, not text.
	holeBytes = 64
	// smallRead is enough where lines are cut one by one.
	smallRead = 16 << 10
)

// turn reads once from f and hands on the records in it. It reports whether
// there was more to read.
func (r *reader) turn(f *file, e ending) (more bool, err error) {
	fd, _ := r.set.acquire(f)
	if fd < 0 {
		return false, nil // given up: the next look accounts for it
	}
	want := r.ask(f)
	lead := int(min(markerBytes, f.offset))
	start := f.offset - int64(lead)
	b := r.pool.get(want)
	w := b.bytes[:lead+want]
	begun := f.begun
	n, ok, err := r.fetch(f, fd, w, start, lead)
	if err != nil || !ok {
		b.release()
		return f.begun != begun, err
	}
	data := w[lead:max(n, lead)]
	f.seen = f.offset + int64(len(data))
	f.known = max(f.known, f.seen, f.size)
	atEnd := n < len(w) || f.archive == nil && f.seen >= f.size
	if len(data) == 0 {
		b.release()
		return false, nil
	}
	return r.cut(f, fd, b, lead, data, atEnd, e)
}

// ask returns how many bytes to read from f.
func (r *reader) ask(f *file) int {
	want := f.want
	if want == 0 {
		want = r.chunk
	}
	if f.archive != nil {
		return want
	}
	return int(min(max(f.size-f.offset, 1), int64(want)))
}

// fetch reads w from start on and makes sure that it is of f's generation. If
// not, f begins a new one, and ok is false.
func (r *reader) fetch(f *file, fd int, w []byte, start int64, lead int) (n int, ok bool, err error) {
	if f.archive != nil {
		if f.archive.plain == nil {
			if err := f.archive.open(fd); err != nil {
				f.archive.end, f.archive.damage = true, err
				return 0, false, nil
			}
		}
		n, err = f.archive.readAt(w, start)
		if start == 0 {
			f.identify(w[:min(n, prefixBytes)])
			clear(r.head[copy(r.head[:], w[:n]):])
		}
		return n, err == nil, nil
	}
	if err := fail.Point("tail.read.before"); err != nil {
		return 0, false, r.unread(f, err)
	}
	n, err = pread(fd, w, start)
	if err != nil {
		return 0, false, r.unread(f, err)
	}
	if err := fail.Point("tail.read.after"); err != nil {
		return 0, false, r.unread(f, err)
	}
	st, err := fstat(fd)
	if err != nil {
		return 0, false, r.unread(f, err)
	}
	same, err := r.compare(fd, st.size, &f.position)
	if err != nil {
		return 0, false, r.unread(f, err)
	}
	f.failed = ""
	if !same || st.size < start+int64(n) || n < lead || lead > 0 && sum(w[:lead]) != f.marker {
		f.mtime = st.mtime
		return 0, false, r.truncated(f)
	}
	if st.size > f.size {
		f.grown = r.now
	}
	f.size, f.mtime = st.size, st.mtime
	return n, true, nil
}

// unread deals with a failed read: it is tried again later, or with a new handle.
func (r *reader) unread(f *file, err error) error {
	r.stats.ReadErrors.Add(1)
	f.rests = maxRests
	if err == unix.ESTALE || err == unix.EBADF {
		f.stale, f.rests = true, 0
	}
	if f.failed != err.Error() {
		f.failed = err.Error()
		r.log.Error("cannot read file; trying again", "path", f.path, "offset", f.offset, "err", err)
	}
	return nil
}

// agrees reports whether the file can be read and is that of p: see compare.
func (r *reader) agrees(fd int, size int64, p *position) bool {
	same, err := r.compare(fd, size, p)
	return same && err == nil
}

// compare looks whether the file is as it has to be for p: long enough, with
// the same first bytes and marker. It leaves the first bytes in r.head and lets
// the prefix grow. An error says nothing about the file.
func (r *reader) compare(fd int, size int64, p *position) (same bool, err error) {
	if size < p.offset {
		return false, nil
	}
	n, err := pread(fd, r.head[:], 0)
	if err != nil {
		return false, err
	}
	q := *p
	switch k := int(p.prefixLen); {
	case k <= n:
		if k > 0 && sum(r.head[:k]) != p.prefix {
			return false, nil
		}
	case p.offset == 0:
		return false, nil // shorter than it was, and nothing else to tell by
	default:
		q.prefixLen = 0 // an unfinished line was cut off; the marker decides
	}
	if p.offset > 0 {
		if mark, err := r.markerAt(fd, p.offset); err != nil || mark != p.marker {
			return false, err
		}
	}
	q.identify(r.head[:n])
	*p = q
	clear(r.head[n:])
	return true, nil
}

// markerAt hashes the bytes before offset; it is 0 if they are not there.
func (r *reader) markerAt(fd int, offset int64) (uint64, error) {
	n := int(min(markerBytes, offset))
	k, err := pread(fd, r.mark[:n], offset-int64(n))
	if err != nil || k < n {
		return 0, err
	}
	return sum(r.mark[:n]), nil
}

// cut hands on what is complete in data, which was read into b behind lead
// bytes from f's position on.
func (r *reader) cut(f *file, fd int, b *buffer, lead int, data []byte, atEnd bool, e ending) (more bool, err error) {
	if f.flags&flagSkip != 0 {
		return r.skipLine(f, b, lead, data, atEnd)
	}
	data, atEnd, skipped := r.trimHole(f, fd, data, atEnd)
	if skipped > 0 {
		return r.skipHole(f, fd, b, lead, data, skipped)
	}
	if len(data) == 0 {
		b.release()
		return false, nil
	}
	if !atEnd && len(data) < holeBytes && zeros(data) == len(data) {
		return r.incomplete(f, b, lead, data, false) // it may be a hole
	}
	if f.cutter == nil {
		f.cutter = r.newCutter(f.state)
	}
	all := e > open && atEnd
	special := false
	if len(data) > r.limit {
		if i := Overlong(data, r.limit); i == 0 {
			return true, r.cutLine(f, b, lead, data)
		} else if i > 0 { // what is before it has to end there
			data, atEnd, all, special = data[:i], false, true, true
		}
	}
	b.ends = f.cutter.Cut(data, b.ends[:0], all, e == final && atEnd)
	if i, ok := holeAfter(data, b.ends); ok {
		data, atEnd, special = data[:b.ends[i]], false, true
		f.cutter = r.newCutter(f.state)
		b.ends = f.cutter.Cut(data, b.ends[:0], true, false)
	}
	if len(b.ends) == 0 && !atEnd && len(data) >= r.largest() {
		b.ends = f.cutter.Cut(data, b.ends, true, false)
	}
	if len(b.ends) == 0 {
		return r.incomplete(f, b, lead, data, atEnd)
	}
	end := int(b.ends[len(b.ends)-1])
	switch {
	case special:
		f.want = smallRead
	case len(data)-end < r.chunk:
		if f.want *= 4; f.want >= r.chunk {
			f.want = 0
		}
	}
	f.lines = atEnd && bytes.IndexByte(data[end:], '\n') >= 0
	c := input.Chunk{Data: data[:end:cap(data)], Ends: b.ends}
	if e > open && atEnd {
		c.Flags = Forced(c.Data, b.ends)
	}
	return !atEnd, r.hand(f, b, lead, end, c)
}

// incomplete leaves data, in which no record ends, for later.
func (r *reader) incomplete(f *file, b *buffer, lead int, data []byte, atEnd bool) (more bool, err error) {
	f.lines = atEnd && bytes.IndexByte(data, '\n') >= 0
	if atEnd {
		b.release()
		return false, nil
	}
	if len(data) >= r.largest() {
		return true, r.cutLine(f, b, lead, data)
	}
	if f.want == 0 {
		f.want = r.chunk
	}
	f.want = min(2*f.want, r.largest())
	b.release()
	return true, nil
}

// largest is the most that is read at once: a record as long as a record gets
// and a line that is just too long, or just a hole.
func (r *reader) largest() int { return max(r.chunk, 2*(r.limit+utf8.UTFMax), 2*holeBytes) }

// Overlong returns where the first line of more than limit bytes, its newline
// not counted, starts in data, or -1. It looks at one line end for every limit
// bytes only.
func Overlong(data []byte, limit int) int {
	at := 0
	for len(data)-at > limit {
		i := bytes.LastIndexByte(data[at:at+limit+1], '\n')
		if i < 0 {
			return at
		}
		at += i + 1
	}
	return -1
}

// holeAfter returns the first of ends behind which a hole starts.
func holeAfter(data []byte, ends []int32) (int, bool) {
	for i, end := range ends {
		if int(end) < len(data) && data[end] == 0 && zeros(data[end:]) >= holeBytes {
			return i, true
		}
	}
	return 0, false
}

// zeros counts the NUL bytes data starts with.
func zeros(data []byte) int {
	n := 0
	for len(data)-n >= 8 && binary.NativeEndian.Uint64(data[n:]) == 0 {
		n += 8
	}
	for n < len(data) && data[n] == 0 {
		n++
	}
	return n
}

// trimHole deals with zeros. At the end of the file they may be room that the
// writer will fill, and are left alone; at the start of data, with something
// behind them, they are a hole, and it returns the length of it as far as known.
func (r *reader) trimHole(f *file, fd int, data []byte, atEnd bool) (text []byte, end bool, hole int) {
	if n := zeros(data); n == len(data) && atEnd {
		return nil, true, 0
	} else if n >= holeBytes || n > 0 && f.flags&flagHole != 0 {
		return data, atEnd, n
	}
	f.flags &^= flagHole
	text = bytes.TrimRight(data, "\x00")
	if len(data)-len(text) < holeBytes || len(text) == 0 {
		return data, atEnd, 0
	}
	if !atEnd && f.archive == nil && nextData(fd, f.seen, f.size) >= f.size {
		f.seen, atEnd = f.size, true
	}
	if atEnd {
		return text, true, 0
	}
	return data, false, 0
}

// nextData returns where something other than a hole starts, at or behind off,
// and size if there is no more. It is off where holes cannot be told.
func nextData(fd int, off, size int64) int64 {
	at, err := unix.Seek(fd, off, unix.SEEK_DATA)
	if err == unix.ENXIO {
		return size
	}
	if err != nil || at < off {
		return off
	}
	return min(at, size)
}

// skipHole moves the position behind the n zeros at the start of data, and
// behind the rest of the hole.
func (r *reader) skipHole(f *file, fd int, b *buffer, lead int, data []byte, n int) (more bool, err error) {
	defer b.release()
	end := f.offset + int64(n)
	f.want = smallRead
	if n == len(data) && f.archive == nil {
		f.want = 0
		if end = nextData(fd, end, f.size); end >= f.size {
			f.seen = f.size // wait for what comes, at their start
			return false, nil
		}
	}
	f.flags &^= flagHole
	if n == len(data) {
		f.flags |= flagHole
	}
	skipped, before := end-f.offset, f.marker
	if f.archive != nil {
		f.marker = sum(b.bytes[max(0, lead+n-markerBytes) : lead+n])
	} else if f.marker, err = r.markerAt(fd, end); err != nil {
		f.marker = before
		return false, r.unread(f, err)
	}
	f.offset = end
	f.cutter = nil // it did not see the hole
	r.stats.HoleBytes.Add(skipped)
	return true, r.account(f, input.Entry{Kind: input.Dropped, Reason: "nul_hole", Bytes: skipped})
}

// cutLine hands on the first bytes of a line over the limit, as a record.
func (r *reader) cutLine(f *file, b *buffer, lead int, data []byte) error {
	n := CutLine(data, r.limit)
	b.ends = append(b.ends[:0], int32(n))
	r.stats.LongLines.Add(1)
	f.flags |= flagSkip
	f.want = 0
	err := r.hand(f, b, lead, n, input.Chunk{
		Data: data[:n:cap(data)], Ends: b.ends, Flags: []record.Flags{record.Truncated},
		Books: []input.Entry{{Kind: input.Lost, Reason: "line_limit", Count: 1}},
	})
	f.cutter = nil // it did not see the line
	return err
}

// CutLine returns how much of a line over the limit is kept: limit bytes, less
// if that would be within a character.
func CutLine(line []byte, limit int) int {
	n := min(limit, len(line))
	for n > max(limit-utf8.UTFMax, 1) && n < len(line) && !utf8.RuneStart(line[n]) {
		n--
	}
	return n
}

// skipLine counts what is behind the cut of a line as lost.
func (r *reader) skipLine(f *file, b *buffer, lead int, data []byte, atEnd bool) (more bool, err error) {
	n := len(data)
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		n = i + 1
		f.flags &^= flagSkip
		f.want = smallRead
	}
	more = n < len(data) || !atEnd
	return more, r.hand(f, b, lead, n, input.Chunk{Books: []input.Entry{{Kind: input.Lost, Reason: "line_limit", Bytes: int64(n)}}})
}

// Forced returns the flags of records whose end did not come by itself, the
// last of them that of data: nil if none has any.
func Forced(data []byte, ends []int32) []record.Flags {
	last := len(ends) - 1
	from := int32(0)
	if last > 0 {
		from = ends[last-1]
	}
	var flag record.Flags
	if data[len(data)-1] != '\n' {
		flag = record.Partial
	} else if bytes.Count(data[from:], []byte{'\n'}) > 1 {
		flag = record.TimedOut
	} else {
		return nil
	}
	flags := make([]record.Flags, len(ends))
	flags[last] = flag
	return flags
}

// hand moves f's position n bytes on and hands c on, whose Data, if any, is in b.
func (r *reader) hand(f *file, b *buffer, lead, n int, c input.Chunk) error {
	c.Base = f.offset
	f.offset += int64(n)
	f.marker = sum(b.bytes[lead+n-int(min(markerBytes, f.offset)) : lead+n])
	if f.cutter != nil {
		f.state = f.cutter.State()
	}
	if f.gen == 0 {
		r.identify(f)
	}
	if len(c.Data) > 0 {
		c.Release = b.release
	} else {
		b.release()
	}
	return r.send(f, int64(n), c)
}

// identify gives f's generation its ID. r.head holds the first bytes of the file.
func (r *reader) identify(f *file) {
	n := prefixBytes
	for n > 0 && r.head[n-1] == 0 {
		n--
	}
	f.gen = generationID(f.prev, r.head[:n], f.id)
	r.age(f)
}

// account hands on entries of the books with f's position, and no records. The
// bytes count as read.
func (r *reader) account(f *file, e input.Entry) error {
	r.identifyAgain(f)
	return r.send(f, e.Bytes, input.Chunk{Books: []input.Entry{e}})
}

// save hands on f's position as it is.
func (r *reader) save(f *file) error {
	r.identifyAgain(f)
	return r.send(f, 0, input.Chunk{})
}

// identifyAgain gives f's generation an ID if it has none, outside of a turn.
func (r *reader) identifyAgain(f *file) {
	if f.gen != 0 {
		return
	}
	if fd, _ := r.set.acquire(f); fd >= 0 && f.archive == nil {
		if n, err := pread(fd, r.head[:], 0); err == nil {
			clear(r.head[n:])
		}
	}
	r.identify(f)
}

// send completes c and hands it on. n bytes were read for it.
func (r *reader) send(f *file, n int64, c input.Chunk) error {
	if f.stream == nil {
		f.stream, f.hint, f.key = r.newStream(formatID(f.gen), f.position.path), new(input.Hint), r.key(f.gen)
	}
	f.time = wallClock()
	f.flags &^= flagAtEnd
	if f.archive == nil && f.offset >= f.size {
		f.flags |= flagAtEnd
	}
	c.Stream, c.Hint, c.Input, c.Read, c.Modified = f.stream, f.hint, f.key, f.time, f.mtime
	c.Pos = f.position.append(make([]byte, 0, 96+len(f.position.path)+len(f.state)))
	return r.book(f.position.path, n, c)
}

// book completes the entries of c, in which n bytes of path were read, and
// hands it on.
func (r *reader) book(path string, n int64, c input.Chunk) error {
	if n > 0 {
		c.Books = append(c.Books, input.Entry{Kind: input.Read, Bytes: n})
	}
	for i := range c.Books {
		e := &c.Books[i]
		e.Input, e.File = r.name, path
		if e.Kind == input.Lost {
			r.stats.LostBytes.Add(e.Bytes)
			r.stats.Losses.Add(e.Count)
		}
	}
	r.stats.Bytes.Add(n)
	r.stats.Chunks.Add(1)
	r.set.release()
	return r.put(c)
}

// key is under which the position of a generation is stored.
func (r *reader) key(gen uint64) string { return r.name + "/" + formatID(gen) }

func wallClock() int64 { return time.Now().UnixNano() }
