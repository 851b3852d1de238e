package blocklog

import (
	"errors"
	"fmt"
	"io"
)

// CorruptError reports bytes in a log that are not, or not any more, an entry.
type CorruptError struct {
	Path    string
	Segment uint64
	Offset  int64 // where it begins
	Resume  int64 // offset of the next entry, or the segment's end; 0 if it was not looked for
	Reason  string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("corrupt log %s at offset %d: %s", e.Path, e.Offset, e.Reason)
}

func (v *view) corrupt(offset int64, reason string) *CorruptError {
	return &CorruptError{Path: v.path, Segment: v.number, Offset: offset, Reason: reason}
}

// Read returns the payload of the entry at a location. It uses the memory of dst
// if that is large enough. Concurrent calls are fine, also while the entry is
// removed. Errors are a *CorruptError if there is no sound entry of that length,
// and wrap fs.ErrNotExist if its segment is gone.
func (l *Log) Read(at Location, dst []byte) (payload []byte, err error) {
	v, err := l.acquire(at.Segment)
	if err != nil {
		return nil, err
	}
	defer v.release()
	h, err := v.header(at.Offset)
	if err != nil {
		return nil, err
	}
	if h.payload != at.Length {
		return nil, v.corrupt(at.Offset, "entry has another length than expected")
	}
	payload = sized(dst, int(h.payload))
	if err := v.readFull(payload, at.Offset+entryOverhead+int64(h.meta)); err != nil {
		return nil, err
	}
	if checksum(payload) != h.payloadCRC {
		return nil, v.corrupt(at.Offset, "payload has a wrong checksum")
	}
	return payload, nil
}

// Load returns the entry at a location without its payload. Errors are those of Read.
func (l *Log) Load(at Location) (Entry, error) {
	v, err := l.acquire(at.Segment)
	if err != nil {
		return Entry{}, err
	}
	defer v.release()
	h, err := v.header(at.Offset)
	if err != nil {
		return Entry{}, err
	}
	meta, err := v.meta(at.Offset, h, nil)
	return Entry{Sequence: h.sequence, Meta: meta}, err
}

// header reads the header at an offset of an entry that the segment holds completely.
func (v *view) header(offset int64) (header, error) {
	var p [entryOverhead]byte
	if offset < headerBytes || offset > v.end-entryOverhead {
		return header{}, v.corrupt(offset, "no entry there")
	}
	if err := v.readFull(p[:], offset); err != nil {
		return header{}, err
	}
	h, ok := parseHeader(p[:])
	switch {
	case !ok:
		return header{}, v.corrupt(offset, "no sound entry header")
	case v.salt != nil && h.salt != *v.salt:
		return header{}, v.corrupt(offset, "entry header of another segment")
	case h.size() > v.end-offset:
		return header{}, v.corrupt(offset, "entry is longer than its segment")
	}
	return h, nil
}

func (v *view) meta(offset int64, h header, dst []byte) ([]byte, error) {
	meta := sized(dst, int(h.meta))
	if err := v.readFull(meta, offset+entryOverhead); err != nil {
		return nil, err
	}
	if checksum(meta) != h.metaCRC {
		return nil, v.corrupt(offset, "meta has a wrong checksum")
	}
	return meta, nil
}

// readFull fills p. A file that is shorter than it was is corrupt.
func (v *view) readFull(p []byte, offset int64) error {
	n, err := v.file.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return v.corrupt(offset, "file is too short")
	}
	return fmt.Errorf("read %s: %w", v.path, err)
}

// sized returns n bytes, those of p if it has as many.
func sized(p []byte, n int) []byte {
	if cap(p) >= n {
		return p[:n]
	}
	return make([]byte, n)
}
