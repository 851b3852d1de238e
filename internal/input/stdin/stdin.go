// Package stdin is the input that reads one stream of bytes to its end:
// standard input, a pipe. It has no position, so what was read and not yet
// queued when the process is killed is lost, as the bytes of any pipe are.
package stdin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"shipper/internal/frame"
	"shipper/internal/input"
	"shipper/internal/record"
	"shipper/internal/tail"
)

// readBytes is the room for one read: as much as a pipe holds by default.
const readBytes = 64 << 10

// Input reads records from Reader until it ends. Set the exported fields, then
// call Run once; zero values stand for the defaults given.
type Input struct {
	Name        string
	Reader      io.Reader // default os.Stdin
	Labels      []record.Label
	LineLimit   int           // bytes of a line; longer ones are cut and flagged; default 1 MiB
	JoinTimeout time.Duration // how long complete lines wait for what may belong to them; default 500 ms
}

// Run implements input.Source. When ctx ends first, all that was read is handed
// on, the rest of a line included. A read that is waiting is left behind, and
// what it reads later is lost.
func (in *Input) Run(ctx context.Context, _ map[string][]byte, put func(input.Chunk) error) error {
	s := &stream{
		name: in.Name, limit: cmp.Or(in.LineLimit, 1<<20), join: cmp.Or(in.JoinTimeout, 500*time.Millisecond),
		put: put, hint: new(input.Hint), stream: in.newStream(),
	}
	s.cutter = frame.New(s.options())
	r := in.Reader
	if r == nil {
		r = os.Stdin
	}
	ask, answers := make(chan []byte), make(chan answer, 1)
	defer close(ask)
	go read(r, ask, answers)
	return s.run(ctx, ask, answers)
}

func (in *Input) newStream() *record.Stream {
	var id [8]byte
	rand.Read(id[:]) // never fails
	labels := slices.Clone(in.Labels)
	if !slices.ContainsFunc(labels, func(l record.Label) bool { return l.Name == "service.name" }) {
		labels = append(labels, record.Label{Name: "service.name", Value: in.Name})
	}
	slices.SortFunc(labels, func(a, b record.Label) int { return cmp.Compare(a.Name, b.Name) })
	return &record.Stream{ID: hex.EncodeToString(id[:]), Labels: labels}
}

// answer is the outcome of a read.
type answer struct {
	n   int
	err error
}

// read fills the slices it is asked to. Reading has a goroutine of its own
// because it cannot be interrupted. answers has room for one, so that it ends
// whether or not somebody waits for it.
func read(r io.Reader, ask <-chan []byte, answers chan<- answer) {
	for p := range ask {
		n, err := r.Read(p)
		answers <- answer{n, err}
	}
}

// stream is an Input at work.
type stream struct {
	name   string
	limit  int
	join   time.Duration
	put    func(input.Chunk) error
	hint   *input.Hint
	stream *record.Stream
	cutter *frame.Cutter

	buf    []byte
	lo, hi int   // of the unfinished bytes in buf
	base   int64 // offset of buf[lo] in the stream
	skip   bool  // the rest of a line is to be skipped
}

func (s *stream) options() frame.Options {
	return frame.Options{LineLimit: s.limit, MaxRecord: s.limit}
}

func (s *stream) run(ctx context.Context, ask chan<- []byte, answers <-chan answer) error {
	timer := time.NewTimer(s.join)
	defer timer.Stop()
	for {
		s.makeRoom()
		ask <- s.buf[s.hi : s.hi+readBytes]
		a, err := s.await(ctx, timer, answers)
		if err != nil {
			return err
		}
		s.hi += a.n
		if err := s.cut(a.err == errStopped, a.err != nil); err != nil {
			return err
		}
		switch {
		case a.err == io.EOF, a.err == errStopped:
			return nil
		case a.err != nil:
			return fmt.Errorf("read %s: %w", s.name, a.err)
		}
	}
}

// makeRoom makes sure that there is room for one read behind the unfinished
// bytes. No read is under way.
func (s *stream) makeRoom() {
	if s.hi+readBytes <= len(s.buf) {
		return
	}
	held := s.buf[s.lo:s.hi]
	if len(held)+readBytes > len(s.buf) {
		s.buf = make([]byte, 2*len(held)+2*readBytes)
	}
	s.lo, s.hi = 0, copy(s.buf, held)
}

// errStopped stands in an answer for the end of ctx.
var errStopped = errors.New("told to stop")

// await waits for the read under way, and hands on what waited too long for
// what may belong to it.
func (s *stream) await(ctx context.Context, timer *time.Timer, answers <-chan answer) (answer, error) {
	timer.Reset(s.join)
	for {
		select {
		case a := <-answers:
			return a, nil
		case <-timer.C:
			if err := s.cut(true, false); err != nil {
				return answer{}, err
			}
		case <-ctx.Done():
			a := answer{err: errStopped}
			select {
			case a = <-answers: // it was there
				a.err = cmp.Or(a.err, errStopped)
			default:
			}
			return a, nil
		}
	}
}

// cut hands on what is complete of the unfinished bytes: with flush all
// complete lines, with final everything.
func (s *stream) cut(flush, final bool) error {
	for s.lo < s.hi {
		data := s.buf[s.lo:s.hi]
		if s.skip {
			n := len(data)
			if i := bytes.IndexByte(data, '\n'); i >= 0 {
				n, s.skip = i+1, false
			}
			if err := s.hand(nil, nil, nil, n, input.Entry{Kind: input.Lost, Reason: "line_limit", Bytes: int64(n)}); err != nil {
				return err
			}
			continue
		}
		// What is before a line over the limit has to end there.
		long := tail.Overlong(data, s.limit)
		if long == 0 {
			n := tail.CutLine(data, s.limit)
			s.skip = true
			s.cutter = frame.Restore(s.options(), s.cutter.State()) // it does not see the line
			err := s.hand(data[:n], []int32{int32(n)}, []record.Flags{record.Truncated}, n,
				input.Entry{Kind: input.Lost, Reason: "line_limit", Count: 1})
			if err != nil {
				return err
			}
			continue
		}
		if long > 0 {
			data = data[:long]
		}
		ends := s.cutter.Cut(data, nil, flush || final || long > 0, final && long < 0)
		if len(ends) == 0 {
			return nil
		}
		n := int(ends[len(ends)-1])
		var flags []record.Flags
		if flush || final && data[n-1] != '\n' { // the end of the input is no time-out
			flags = tail.Forced(data[:n], ends)
		}
		if err := s.hand(data[:n], ends, flags, n); err != nil {
			return err
		}
		if long < 0 {
			return nil
		}
	}
	return nil
}

// hand hands on records and moves behind n bytes. The records are copied,
// since a read into what follows them may be under way.
func (s *stream) hand(data []byte, ends []int32, flags []record.Flags, n int, books ...input.Entry) error {
	c := input.Chunk{Stream: s.stream, Hint: s.hint, Ends: ends, Flags: flags, Base: s.base, Read: time.Now().UnixNano()}
	if len(data) > 0 {
		c.Data = append(make([]byte, 0, len(data)+len(data)/4), data...)
	}
	c.Books = append(books, input.Entry{Kind: input.Read, Bytes: int64(n)})
	for i := range c.Books {
		c.Books[i].Input, c.Books[i].File = s.name, "stdin"
	}
	s.lo += n
	s.base += int64(n)
	return s.put(c)
}
