package tail

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// archiveWindow bounds the memory a zstd file can ask for.
const archiveWindow = 64 << 20

// archive reads the plain text of a compressed file, forwards only.
type archive struct {
	suffix string
	plain  io.Reader
	close  func()
	held   []byte // plain text from at on that may be asked for again
	at     int64
	end    bool  // nothing follows held
	damage error // why, if that is not the end of the file
}

// filePart is a file read from a position of its own.
type filePart struct {
	fd int
	at int64
}

func (p *filePart) Read(b []byte) (int, error) {
	n, err := pread(p.fd, b, p.at)
	p.at += int64(n)
	if n == 0 && err == nil && len(b) > 0 {
		err = io.EOF
	}
	return n, err
}

// open begins at the start of the compressed file fd.
func (a *archive) open(fd int) error {
	a.stop()
	switch a.suffix {
	case ".gz":
		z, err := gzip.NewReader(&filePart{fd: fd})
		if err != nil {
			return fmt.Errorf("gzip: %w", err)
		}
		a.plain, a.close = z, func() { z.Close() }
	case ".zst":
		z, err := zstd.NewReader(&filePart{fd: fd}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(archiveWindow))
		if err != nil {
			return fmt.Errorf("zstd: %w", err)
		}
		a.plain, a.close = z, z.Close
	default:
		return fmt.Errorf("compression %q is unknown", a.suffix)
	}
	a.held, a.at, a.end, a.damage = a.held[:0], 0, false, nil
	return nil
}

// says reports whether the compressed file fd says of itself that its plain text
// has n bytes: in the last four bytes of gzip (RFC 1952, modulo 2^32), in the header
// of the first frame of zstd (RFC 8878), where it need not be.
func (a *archive) says(fd int, n int64) bool {
	switch st, err := fstat(fd); {
	case err != nil:
		return false
	case a.suffix == ".gz":
		var size [4]byte
		_, err := pread(fd, size[:], max(st.size-int64(len(size)), 0))
		return err == nil && binary.LittleEndian.Uint32(size[:]) == uint32(n)
	}
	var head [zstd.HeaderMaxSize]byte
	k, err := pread(fd, head[:], 0)
	if err != nil {
		return false
	}
	var h zstd.Header
	return h.Decode(head[:k]) == nil && h.HasFCS && h.FrameContentSize == uint64(n)
}

func (a *archive) stop() {
	if a.close != nil {
		a.close()
		a.close, a.plain = nil, nil
	}
}

// readAt fills p with plain text from off on, which must not be before any
// earlier off. Less than all of p is the end.
func (a *archive) readAt(p []byte, off int64) (int, error) {
	if off < a.at {
		return 0, fmt.Errorf("read of compressed file at %d, behind %d", off, a.at)
	}
	if drop := off - a.at; drop <= int64(len(a.held)) {
		a.held = a.held[:copy(a.held, a.held[drop:])]
	} else {
		skipped, err := io.CopyN(io.Discard, a.plain, drop-int64(len(a.held)))
		a.at += int64(len(a.held)) + skipped
		a.held = a.held[:0]
		if err != nil {
			a.end = true
			if err != io.EOF {
				a.damage = err
			}
			return 0, nil
		}
	}
	a.at = off
	n := copy(p, a.held)
	for n < len(p) && !a.end {
		k, err := a.plain.Read(p[n:])
		n += k
		if err != nil {
			a.end = true
			if err != io.EOF {
				a.damage = err
			}
		}
	}
	a.held = append(a.held[:0], p[:n]...)
	return n, nil
}
