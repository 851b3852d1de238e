package tail

import (
	"bytes"

	"shipper/internal/input"
)

// fromEndBytes are searched for the start of the last line.
const fromEndBytes = 64 << 10

// startAtEnd moves the position of a new generation to the start of the last
// line that is not finished, and counts what is before it as dropped.
func (r *reader) startAtEnd(f *file, fd int) error {
	n := min(f.size, fromEndBytes)
	buf := make([]byte, n)
	k, err := pread(fd, buf, f.size-n)
	if err != nil {
		return r.unread(f, err)
	}
	end := f.size - n + int64(bytes.LastIndexByte(buf[:k], '\n')) + 1
	if end == f.size-n && end > 0 {
		f.flags |= flagSkip // the last line is longer than what was looked at
		end = f.size - n + int64(k)
	}
	p := f.position
	p.offset = end
	p.marker, err = r.markerAt(fd, end)
	if err != nil || !r.agrees(fd, f.size, &p) {
		return nil // truncated meanwhile: it is read from its start
	}
	f.position, f.seen = p, end
	return r.account(f, input.Entry{Kind: input.Dropped, Reason: "start_at_end", Bytes: end})
}
