package tail

import (
	"bytes"
	"time"

	"shipper/internal/input"
	"shipper/internal/record"
)

// file is an open file, or a compressed one, and the generation read from it.
// What every look at an idle file needs stands together, at the start.
type file struct {
	// The reader's.
	size  int64 // at the last look
	mtime int64 // at the last look
	seen  int64 // how far it was read, unfinished bytes included
	position

	// Guarded by set.mu.
	fd       int       // -1: closed
	links    int       // names it has in the patterns
	unlinked time.Time // when it lost the last of them; zero if it has one
	closed   bool      // given up by the reader
	held     int64     // space it takes although deleted
	heldSize int64     // its size when that was found out

	// Does not change, but for before, which is the reader's once f has arrived.
	id      identity
	path    string // where it was found
	lineage string // the name its generations go by: path, or for a rotated file what that was before
	first   bool   // it was there at the first scan
	archive *archive
	before  *file // to be read to its end first

	// The reader's.
	stage  stage
	grown  time.Time // when it was last seen to change
	rests  int       // interval between looks, as a power of two
	known  int64     // largest size seen of this generation
	want   int       // bytes to ask for; 0: a chunk
	lines  bool      // unfinished bytes have complete lines in them
	begun  int       // generations begun
	prev   uint64    // generation that was in the file before this one
	failed string    // the last error of a read
	stale  bool      // the handle is of no use any more
	copied bool      // it is a copy of a followed file, however small
	parked bool      // closed because descriptors are few: not to be looked at any more
	cutter Cutter
	stream *record.Stream
	hint   *input.Hint
	key    string
	heir   *file   // whose first lines may belong to the last ones of this file
	source *file   // the file this one is a copy of
	copies []*file // of this file, while they are not read
}

// stage is how far the reader has got with a file.
type stage uint8

const (
	fresh     stage = iota // not begun: too little in it to tell what it is
	shadow                 // a copy of a followed file, not read
	following              // has a generation and a position
)

func newFile(fd int, st status, path string, links int) *file {
	return &file{id: st.id, path: path, lineage: path, position: position{born: min(wallClock(), st.mtime)}, fd: fd, links: links}
}

// begin starts a new generation at 0. It was born when the one before was, unless
// f.born was set.
func (f *file) begin(prev uint64) {
	f.position = position{file: f.id, path: f.lineage, born: f.born}
	f.stage, f.prev = following, prev
	f.begun++
	f.known, f.seen, f.want, f.lines = 0, 0, 0, false
	f.cutter, f.stream, f.hint, f.key = nil, nil, nil, ""
}

// adopt goes on with a generation that was read before, here or elsewhere.
func (f *file) adopt(p position) {
	f.begin(0)
	f.position = p
	f.file = f.id
	f.flags &^= flagDone
	f.seen = p.offset
}

// identify sets the prefix by the first bytes of the file. Zeros at their end
// may be room a writer has made and has yet to fill.
func (p *position) identify(head []byte) {
	head = bytes.TrimRight(head, "\x00")
	if len(head) <= int(p.prefixLen) {
		return
	}
	p.prefixLen, p.prefix = uint16(len(head)), sum(head)
	if p.head == 0 {
		p.head = headKey(head)
	}
}

// headKey is what candidates for one generation are found by. It is 0 while
// there is too little in the file to have one.
func headKey(head []byte) uint64 {
	if len(head) == 0 || head[0] == 0 {
		return 0
	}
	n := min(len(head), headBytes)
	if i := bytes.IndexByte(head[:n], '\n'); i >= 0 {
		n = i + 1
	} else if n < headBytes {
		return 0
	}
	return sum(head[:n]) | 1
}

// generationID is the hash of the generation before it in the same file, of the
// first line up to 1 KiB, and of device and inode at first sight.
func generationID(prev uint64, head []byte, id identity) uint64 {
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		head = head[:i+1]
	}
	b := make([]byte, 0, prefixBytes+32)
	for _, n := range []uint64{prev, id.dev, id.ino, uint64(len(head))} {
		for range 8 {
			b = append(b, byte(n))
			n >>= 8
		}
	}
	return sum(append(b, head...)) | 1
}
