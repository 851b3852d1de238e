package stdin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"shipper/internal/input"
	"shipper/internal/record"
)

type got struct {
	text  string
	base  int64
	flags record.Flags
}

// run reads everything in and returns the records and the books.
func run(t *testing.T, in *Input) ([]got, map[input.EntryKind]int64, error) {
	t.Helper()
	var recs []got
	books := map[input.EntryKind]int64{}
	err := in.Run(t.Context(), nil, func(c input.Chunk) error {
		from := int32(0)
		for i, end := range c.Ends {
			g := got{text: string(c.Data[from:end]), base: c.Base + int64(from)}
			if c.Flags != nil {
				g.flags = c.Flags[i]
			}
			recs = append(recs, g)
			from = end
		}
		if int(from) != len(c.Data) || c.Input != "" || c.Pos != nil {
			t.Errorf("chunk %+v", c)
		}
		books[input.Queued] += int64(len(c.Data))
		for _, e := range c.Books {
			books[e.Kind] += e.Bytes
		}
		clear(c.Data[:cap(c.Data)]) // it is the receiver's, spare room included
		return nil
	})
	return recs, books, err
}

func TestRecords(t *testing.T) {
	long := strings.Repeat("x", 100)
	f := func(limit int, text string, want ...string) {
		t.Helper()
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			recs, books, err := run(t, &Input{Name: "in", Reader: r, LineLimit: limit})
			var texts []string
			for _, g := range recs {
				s := g.text
				if g.flags&record.Truncated != 0 {
					s += "<cut>"
				}
				if g.flags&record.Partial != 0 {
					s += "<partial>"
				}
				if g.flags&record.TimedOut != 0 {
					s += "<timed out>"
				}
				texts = append(texts, s)
				if text[g.base:][:len(g.text)] != g.text {
					t.Errorf("%q: %q is not at %d", text, g.text, g.base)
				}
			}
			if err != nil || fmt.Sprintf("%q", texts) != fmt.Sprintf("%q", want) {
				t.Errorf("%q: error %v, records %q, want %q", text, err, texts, want)
			}
			if books[input.Read] != int64(len(text)) || books[input.Read] != books[input.Queued]+books[input.Lost] {
				t.Errorf("%q: books %v of %d bytes", text, books, len(text))
			}
		}
	}
	f(50, "")
	f(50, `{"a":1}`+"\n", `{"a":1}`+"\n")
	f(50, `{"a":1}`+"\n"+`{"b":2}`+"\r\n", `{"a":1}`+"\n", `{"b":2}`+"\r\n")
	f(50, `{"a":1}`+"\n"+`{"b"`, `{"a":1}`+"\n", `{"b"<partial>`)
	f(50, "10:00:00 a.go:1: one\ntwo\n", "10:00:00 a.go:1: one\ntwo\n")
	f(50, `{"a":1}`+"\n"+long+"\n"+`{"b":2}`+"\n", `{"a":1}`+"\n", long[:50]+"<cut>", `{"b":2}`+"\n")
	f(50, long, long[:50]+"<cut>")
	f(101, long+"\n"+`{"b":2}`+"\n", long+"\n", `{"b":2}`+"\n")
}

func TestLargerThanTheBuffer(t *testing.T) {
	var text bytes.Buffer
	for i := range 50_000 {
		fmt.Fprintf(&text, "{\"n\":%d}\n", i)
	}
	recs, _, err := run(t, &Input{Name: "in", Reader: bytes.NewReader(text.Bytes())})
	if err != nil || len(recs) != 50_000 {
		t.Fatalf("%d records, error %v", len(recs), err)
	}
	for i, g := range recs {
		if g.text != fmt.Sprintf("{\"n\":%d}\n", i) {
			t.Fatalf("record %d is %q", i, g.text)
		}
	}
}

// TestJoin has a panic wait for its end, and go without it after a time.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		in := &Input{Name: "in", Reader: r, JoinTimeout: time.Second}
		var mu sync.Mutex
		var recs []string
		records := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(recs)
		}
		done := make(chan error)
		go func() {
			done <- in.Run(context.Background(), nil, func(c input.Chunk) error {
				mu.Lock()
				defer mu.Unlock()
				from := int32(0)
				for _, end := range c.Ends {
					recs = append(recs, string(c.Data[from:end]))
					from = end
				}
				return nil
			})
		}()
		head, rest := "panic: oh\n\ngoroutine 1 [running]:\n", "main.main()\n\t/x/main.go:3 +0x1d\n"
		io.WriteString(w, head)
		synctest.Wait()
		time.Sleep(time.Second / 2)
		io.WriteString(w, rest)
		synctest.Wait()
		if recs := records(); len(recs) != 0 {
			t.Errorf("records before the time: %q", recs)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if recs := records(); len(recs) != 1 || recs[0] != head+rest {
			t.Errorf("records %q", recs)
		}
		w.Close()
		synctest.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestStop has the end of ctx come while lines wait for what may belong to them,
// and while a read is answered.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		in := &Input{Name: "in", Reader: r, JoinTimeout: time.Hour}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var recs []string
		var flags []record.Flags
		busy := make(chan struct{})
		done := make(chan error)
		go func() {
			done <- in.Run(ctx, nil, func(c input.Chunk) error {
				from := int32(0)
				for i, end := range c.Ends {
					recs = append(recs, string(c.Data[from:end]))
					flags = append(flags, slices.Concat(c.Flags, make([]record.Flags, len(c.Ends)))[i])
					from = end
				}
				<-busy
				return nil
			})
		}()
		first, second, third := "{\"n\":1}\n", "panic: oh\n\ngoroutine 1 [running]:\n", "main.main()\n\t/x"
		io.WriteString(w, first+second)
		synctest.Wait() // put of the first is under way
		busy <- struct{}{}
		io.WriteString(w, third)
		synctest.Wait()
		stop()
		close(busy)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if want := []string{first, second + third}; !slices.Equal(recs, want) || flags[1]&record.Partial == 0 {
			t.Errorf("records %q, flags %v, want %q and the last one flagged", recs, flags, want)
		}
		w.Close()
		synctest.Wait()
	})
}

func TestEnds(t *testing.T) {
	bad := errors.New("bad")
	if _, _, err := run(t, &Input{Name: "in", Reader: iotest.ErrReader(bad)}); !errors.Is(err, bad) {
		t.Errorf("error %v, want %v", err, bad)
	}
	in := &Input{Name: "in", Reader: strings.NewReader("{}\n")}
	if err := in.Run(t.Context(), nil, func(input.Chunk) error { return bad }); !errors.Is(err, bad) {
		t.Errorf("error %v, want that of put", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	r, _ := io.Pipe()
	if err := (&Input{Name: "in", Reader: r}).Run(ctx, nil, nil); err != nil {
		t.Errorf("error %v at the end of ctx", err)
	}
}
