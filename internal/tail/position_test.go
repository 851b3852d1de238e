package tail

import (
	"bytes"
	"reflect"
	"testing"
)

func TestPosition(t *testing.T) {
	p := position{
		file: identity{1 << 40, 1<<63 + 5}, offset: 1 << 50, flags: flagSkip | flagDone, prefixLen: 1024,
		prefix: 1, head: 2, marker: 1<<64 - 1, born: -5, time: 1 << 60, path: "/var/log/a b.log", state: []byte{0, 1},
	}
	got, err := decodePosition(p.append(nil))
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, p)
	}
	full := p.append(nil)
	for n := range full {
		if _, err := decodePosition(full[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken for a position", n, len(full))
		}
	}
	full[0] = 2
	if _, err := decodePosition(full); err == nil {
		t.Error("a position of another version is taken")
	}
}

func FuzzPosition(f *testing.F) {
	p := position{file: identity{1, 2}, offset: 3, prefixLen: 4, path: "/a", state: []byte("s")}
	f.Add(p.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodePosition(b)
		if err != nil {
			return
		}
		if p.offset < 0 || p.prefixLen > prefixBytes {
			t.Errorf("position %+v", p)
		}
		// The same position has the same bytes, however it was written.
		again, err := decodePosition(p.append(nil))
		if err != nil || !reflect.DeepEqual(again, p) || len(p.append(nil)) > len(b) {
			t.Errorf("%x: %+v, again %+v, %v", b, p, again, err)
		}
	})
}

func TestGenerationID(t *testing.T) {
	id := identity{1, 2}
	a := generationID(0, []byte("first\nsecond\n"), id)
	for name, b := range map[string]uint64{
		"another first line": generationID(0, []byte("First\nsecond\n"), id),
		"another file":       generationID(0, []byte("first\nsecond\n"), identity{2, 1}),
		"another before":     generationID(1, []byte("first\nsecond\n"), id),
	} {
		if a == b {
			t.Errorf("%s has the same ID", name)
		}
	}
	if b := generationID(0, []byte("first\nother\n"), id); a != b {
		t.Error("the second line changes the ID")
	}
	if got, ok := parseID(formatID(a)); !ok || got != a {
		t.Errorf("%s is read as %x", formatID(a), got)
	}
}

func TestIdentify(t *testing.T) {
	var p position
	p.identify([]byte("half a line"))
	if p.head != 0 || p.prefixLen != 11 {
		t.Errorf("%+v", p)
	}
	p.identify(append([]byte("half a line and the rest\nmore"), make([]byte, 100)...))
	if p.head != headKey([]byte("half a line and the rest\n")) || p.prefixLen != 29 {
		t.Errorf("%+v", p)
	}
	q := p
	q.identify([]byte("half a line and"))
	if !reflect.DeepEqual(p, q) {
		t.Error("the prefix has shrunk")
	}
	if headKey(bytes.Repeat([]byte("x"), 63)) != 0 || headKey(bytes.Repeat([]byte("x"), 64)) == 0 || headKey(make([]byte, 100)) != 0 {
		t.Error("head")
	}
}
