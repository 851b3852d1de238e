package protobuf

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
)

// TestWire has the bytes of the encoding guide and of the reference compiler.
func TestWire(t *testing.T) {
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{AppendUint(nil, 1, 150), "089601"},
		{AppendBytes(nil, 2, "testing"), "120774657374696e67"},
		{AppendUint(nil, 16, math.MaxUint64), "8001ffffffffffffffffff01"},
		{AppendFixed64(nil, 1, 1<<56|2), "090200000000000001"},
		{AppendFixed32(nil, 8, 1), "4501000000"},
		{AppendBytes(nil, 3, []byte{0x08, 0x96, 0x01}), "1a03089601"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestCloseFitsTheLength(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16383, 16384, 1<<21 - 1, 1 << 21} {
		text := bytes.Repeat([]byte("x"), n)
		want := AppendBytes([]byte("before"), 5, text)
		for width := 1; width <= 5; width++ {
			dst, at := Open([]byte("before"), 5, width)
			got := Close(append(dst, text...), at, width)
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes in room for %d: the length is not right", n, width)
			}
		}
	}
}

func TestSize(t *testing.T) {
	for v, want := range map[uint64]int{0: 1, 1: 1, 127: 1, 128: 2, 1<<14 - 1: 2, 1 << 14: 3, 1<<63 - 1: 9, 1 << 63: 10, math.MaxUint64: 10} {
		if got := Size(v); got != want {
			t.Errorf("%d: %d, want %d", v, got, want)
		}
	}
}

func TestNextRefuses(t *testing.T) {
	for _, in := range []string{
		"00",                     // field 0
		"08",                     // no value
		"0880",                   // half a varint
		"0880808080808080808002", // more than 64 bits
		"0900000000000000",       // seven bytes of eight
		"45000000",               // three bytes of four
		"1205616263",             // three bytes of five
		"12ffffffffffffffffff01", // a length of nearly 2^64
		"0b0c",                   // a group
		"0c",                     // the end of one
		"0e", "0f",               // types there are none of
		"fffffffffffffffffff01f00", // a tag of more than 64 bits
		"808080808001",             // a number that is too large
	} {
		p, err := hex.DecodeString(in)
		if err != nil {
			p, _ = hex.DecodeString(in[:len(in)-1])
		}
		if f, _, err := Next(p); err != ErrMalformed {
			t.Errorf("%s: %+v, error %v", in, f, err)
		}
	}
}

// FuzzNext writes again what it has read and reads the same.
func FuzzNext(f *testing.F) {
	f.Add([]byte{0x08, 0x96, 0x01, 0x12, 0x01, 'x'})
	f.Add([]byte{0x45, 1, 0, 0, 0, 0x09, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, p []byte) {
		for len(p) > 0 {
			one, rest, err := Next(p)
			if err != nil {
				return
			}
			if len(rest) >= len(p) {
				t.Fatal("nothing was read")
			}
			p = rest
			var again []byte
			switch one.Type {
			case Varint:
				again = AppendUint(nil, one.Number, one.Value)
			case Fixed64:
				again = AppendFixed64(nil, one.Number, one.Value)
			case Fixed32:
				again = AppendFixed32(nil, one.Number, uint32(one.Value))
			default:
				again = AppendBytes(nil, one.Number, one.Bytes)
			}
			two, rest, err := Next(again)
			if err != nil || len(rest) != 0 || two.Number != one.Number || two.Value != one.Value || !bytes.Equal(two.Bytes, one.Bytes) {
				t.Fatalf("%+v came back as %+v, %v", one, two, err)
			}
		}
	})
}

func TestEach(t *testing.T) {
	m := AppendBytes(AppendUint(AppendBytes(AppendBytes(nil, 1, "a"), 2, "b"), 1, 7), 1, "c")
	var got []string
	add := func(p []byte) error { got = append(got, string(p)); return nil }
	if err := Each(m, 1, add); err != nil || strings.Join(got, " ") != "a c" {
		t.Errorf("%q, %v", got, err)
	}
	stop := errors.New("stop")
	if err := Each(m, 2, func([]byte) error { return stop }); err != stop {
		t.Errorf("error %v", err)
	}
	if err := Each(append(m, 0x0a, 5), 2, add); err != ErrMalformed {
		t.Errorf("cut off: %v", err)
	}
}
