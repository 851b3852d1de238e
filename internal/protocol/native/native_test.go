package native

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/internal/protocol"
)

func blocks(first uint64, payloads ...string) []protocol.Frame {
	var all []protocol.Frame
	for i, p := range payloads {
		all = append(all, protocol.Frame{Sequence: first + uint64(i), Records: i + 1, Raw: 100 * (i + 1), Payload: []byte(p)})
	}
	return all
}

func encode(t testing.TB, frames []protocol.Frame) []byte {
	t.Helper()
	body, err := Encoder{}.Append(nil, http.Header{}, &protocol.Request{Frames: frames})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestRoundTrip(t *testing.T) {
	const agent = "0123456789abcdef0123456789abcdef"
	want := blocks(1<<40, "one", "two", strings.Repeat("x", 1000))
	h := http.Header{}
	body, err := Encoder{}.Append([]byte("before"), h, &protocol.Request{Agent: agent, Epoch: 7, Frames: want})
	if err != nil || !bytes.HasPrefix(body, []byte("before")) {
		t.Fatal(err)
	}
	if a, e, err := Sender(h); a != agent || e != 7 || err != nil {
		t.Errorf("sender %s %d %v", a, e, err)
	}
	if h.Get("Content-Type") != ContentType {
		t.Errorf("content type %s", h.Get("Content-Type"))
	}
	i := 0
	err = Decode(body[len("before"):], func(f protocol.Frame) error {
		w := want[i]
		if f.Sequence != w.Sequence || f.Records != w.Records || f.Raw != w.Raw || string(f.Payload) != string(w.Payload) {
			t.Errorf("frame %d: %+v, want %+v", i, f, w)
		}
		if cap(f.Payload) != len(f.Payload) {
			t.Errorf("frame %d: an append to the payload would change the body", i)
		}
		i++
		return nil
	})
	if err != nil || i != len(want) {
		t.Errorf("%d frames, %v", i, err)
	}
	stop := errors.New("stop")
	if err := Decode(body[len("before"):], func(protocol.Frame) error { return stop }); err != stop {
		t.Errorf("error of emit: %v", err)
	}
}

// sealed is a frame of the given bytes with a right checksum.
func sealed(p ...byte) []byte {
	return binary.LittleEndian.AppendUint32(p, crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)))
}

func TestDecodeErrors(t *testing.T) {
	whole := encode(t, blocks(1, "one", "two"))
	one := len(encode(t, blocks(1, "one")))
	for i := range whole { // every prefix, every bit flip
		if err := Decode(whole[:i], refuse(t)); i != one && !errors.Is(err, ErrMalformed) {
			t.Errorf("%d of %d bytes: %v", i, len(whole), err)
		}
		for bit := range 8 {
			bad := bytes.Clone(whole)
			bad[i] ^= 1 << bit
			if err := Decode(bad, refuse(t)); !errors.Is(err, ErrMalformed) {
				t.Errorf("byte %d bit %d: %v", i, bit, err)
			}
		}
	}
	for name, p := range map[string][]byte{
		"empty":            nil,
		"sequence 0":       sealed(0, 1, 1, 1, 'x'),
		"more records":     sealed(1, 2, 1, 1, 'x'),
		"no payload":       sealed(1, 0, 0, 0),
		"long number":      sealed(0x81, 0x00, 1, 1, 1, 'x'),
		"huge number":      sealed(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
		"huge raw":         sealed(1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 'x'),
		"huge size":        sealed(1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 'x'),
		"a hole":           append(encode(t, blocks(1, "a")), encode(t, blocks(3, "b"))...),
		"the same again":   append(encode(t, blocks(1, "a")), encode(t, blocks(1, "a"))...),
		"bytes left over":  append(encode(t, blocks(1, "a")), 0),
		"past the last":    append(encode(t, blocks(1<<64-1, "a")), encode(t, blocks(1, "a"))...),
		"somebody's JSON":  []byte(`{"streams":[]}`),
		"somebody's words": []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		if err := Decode(p, refuse(t)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Decode(sealed(1, 1, 1, 1, 'x'), func(protocol.Frame) error { return nil }); err != nil {
		t.Errorf("the least frame: %v", err)
	}
}

// TestTooManyFrames: what costs the receiver too much is to be split, which a
// sender does before it sends it.
func TestTooManyFrames(t *testing.T) {
	frames := blocks(1, slices.Repeat([]string{"x"}, MaxFrames)...)
	body := encode(t, frames)
	n := 0
	if err := Decode(body, func(protocol.Frame) error { n++; return nil }); err != nil || n != MaxFrames {
		t.Errorf("%d frames, %v", n, err)
	}
	more := protocol.Frame{Sequence: MaxFrames + 1, Records: 1, Raw: 1, Payload: []byte("x")}
	body = AppendFrame(body, more)
	err := Decode(body, func(f protocol.Frame) error { t.Fatalf("emitted %d", f.Sequence); return nil })
	if !errors.Is(err, protocol.ErrTooLarge) {
		t.Errorf("decode: %v", err)
	}
	_, err = Encoder{}.Append(nil, http.Header{}, &protocol.Request{Frames: append(frames, more)})
	if !errors.Is(err, protocol.ErrTooLarge) {
		t.Errorf("append: %v", err)
	}
}

// refuse fails the test when a frame of a malformed body comes out, but for the
// prefix of one whole frame, which is no malformed body.
func refuse(t *testing.T) func(protocol.Frame) error {
	return func(f protocol.Frame) error {
		if string(f.Payload) != "one" {
			t.Errorf("emitted %+v", f)
		}
		return nil
	}
}

func TestSender(t *testing.T) {
	const good = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		agent, epoch string
		ok           bool
	}{
		{good, "0", true}, {good, "4294967295", true}, {good, "4294967296", false}, {good, "-1", false}, {good, "", false},
		{"", "1", false}, {strings.ToUpper(good), "1", false}, {good[1:], "1", false}, {good[1:] + "/", "1", false},
	} {
		h := http.Header{}
		h.Set(AgentHeader, c.agent)
		h.Set(EpochHeader, c.epoch)
		if _, _, err := Sender(h); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%q %q: %v", c.agent, c.epoch, err)
		}
	}
}

func TestVerdict(t *testing.T) {
	r := &protocol.Request{Frames: blocks(5, "a", "b", "c")}
	e := Encoder{}
	for _, v := range []protocol.Verdict{
		{Outcome: protocol.Retry, Reason: "disk is full"},
		{Outcome: protocol.Retry, After: 7 * time.Second, Reason: "busy"},
		{Outcome: protocol.Split, Reason: "large"},
		{Outcome: protocol.Rejected, Reason: "block 6: corrupt"},
		{Outcome: protocol.Unauthorized, Reason: "who are you"},
	} {
		w := httptest.NewRecorder()
		if err := protocol.WriteVerdict(w, v); err != nil {
			t.Fatal(err)
		}
		got := e.Verdict(r, w.Code, w.Header(), w.Body.Bytes())
		if !strings.HasSuffix(got.Reason, v.Reason) {
			t.Errorf("reason %q, want %q", got.Reason, v.Reason)
		}
		if got.Reason = v.Reason; !reflect.DeepEqual(got, v) {
			t.Errorf("got %+v, want %+v", got, v)
		}
	}
	for _, c := range []struct {
		reply Reply
		want  protocol.Verdict
	}{
		{Reply{Through: 7, Stored: 3}, protocol.Verdict{Outcome: protocol.Accepted}},
		{Reply{Through: 7, Stored: 1, Repeated: 2, Lost: 4}, protocol.Verdict{Outcome: protocol.Accepted, Lost: 4}},
		{Reply{Through: 6, Stored: 2}, protocol.Verdict{Outcome: protocol.Retry, Reason: "200, but block 6 of 5 to 7 is the last that is stored"}},
	} {
		w := httptest.NewRecorder()
		if err := WriteReply(w, c.reply); err != nil {
			t.Fatal(err)
		}
		body := w.Body.Bytes()
		if got := e.Verdict(r, w.Code, w.Header(), body); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: got %+v", c.reply, got)
		}
		for i := range len(body) - 2 { // without its newline it is still whole
			if v := e.Verdict(r, 200, nil, body[:i]); v.Outcome != protocol.Retry {
				t.Errorf("%d of %d bytes of the answer: %+v", i, len(body), v)
			}
		}
	}
	for _, body := range []string{"", "ok", "<html>please log in</html>", "{}", `{"status":"ok"}`, `[]`, `{"through":"7"}`, `{"through":7}x`} {
		if v := e.Verdict(r, 200, nil, []byte(body)); v.Outcome != protocol.Retry || v.Reason == "" {
			t.Errorf("%q: %+v", body, v)
		}
	}
}

// FuzzDecode: what is taken in is exactly what would be sent again.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, blocks(1, "one", "two")))
	f.Add(sealed(1, 1, 1, 1, 'x'))
	f.Add([]byte("POST"))
	f.Fuzz(func(t *testing.T, p []byte) {
		// A fuzzer does not find checksums: make the first frame's right.
		if _, _, err := next(p); err == errChecksum {
			p = fixed(p)
		}
		var out []byte
		if Decode(p, func(f protocol.Frame) error { out = AppendFrame(out, f); return nil }) == nil && !bytes.Equal(out, p) {
			t.Fatalf("%x came out as %x", p, out)
		}
	})
}

func fixed(p []byte) []byte {
	at := 0
	var n uint64
	for range 4 {
		var w int
		n, w = binary.Uvarint(p[at:])
		at += w
	}
	p = bytes.Clone(p)
	end := at + int(n)
	binary.LittleEndian.PutUint32(p[end:], crc32.Checksum(p[:end], crc32.MakeTable(crc32.Castagnoli)))
	return p
}

// TestDocument keeps the example in the documentation true.
func TestDocument(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "```hex\n")
	example, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("no example in docs/protocol.md")
	}
	var p []byte
	for l := range strings.Lines(example) {
		digits, _, _ := strings.Cut(l, " |")
		for _, d := range strings.Fields(digits) {
			hi, lo := strings.IndexByte("0123456789abcdef", d[0]), strings.IndexByte("0123456789abcdef", d[1])
			p = append(p, byte(hi<<4|lo))
		}
	}
	want := AppendFrame(nil, protocol.Frame{Sequence: 300, Records: 2, Raw: 5, Payload: []byte("hello")})
	if !bytes.Equal(p, want) {
		t.Errorf("the document has % x, want % x", p, want)
	}
}

func BenchmarkAppend(b *testing.B) {
	payload := bytes.Repeat([]byte{7}, 32<<10)
	r := &protocol.Request{Agent: "0123456789abcdef0123456789abcdef", Epoch: 1}
	for i := range 16 {
		r.Frames = append(r.Frames, protocol.Frame{Sequence: uint64(i + 1), Records: 1000, Raw: 256 << 10, Payload: payload})
	}
	b.SetBytes(16 * 32 << 10)
	b.ReportAllocs()
	var dst []byte
	h := http.Header{}
	for b.Loop() {
		dst, _ = Encoder{}.Append(dst[:0], h, r)
	}
}

func BenchmarkDecode(b *testing.B) {
	var frames []protocol.Frame
	for i := range 16 {
		frames = append(frames, protocol.Frame{Sequence: uint64(i + 1), Records: 1000, Raw: 256 << 10, Payload: bytes.Repeat([]byte{7}, 32<<10)})
	}
	body := encode(b, frames)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Decode(body, func(protocol.Frame) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
