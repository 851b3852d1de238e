package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var testStream = &Stream{ID: "0123456789abcdef", Labels: []Label{{"host.name", "n1"}, {"log.file.path", "/var/log/a.log"}}}

// describe renders all a batch says, for comparison.
func describe(b *Batch) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %q\n", b.Stream.ID, b.Stream.Labels)
	for i := range b.Records {
		r := &b.Records[i]
		fmt.Fprintf(&s, "%d %d %d %d %s %d %d %q %q %q %s %s", r.Time, r.Observed, r.Offset, r.Severity, r.TimeSource, r.Flags, r.Format,
			b.Bytes(r.SeverityText), b.Bytes(r.Logger), b.Bytes(r.Body), r.AppendTraceID(nil), r.AppendSpanID(nil))
		for _, f := range b.FieldsOf(r) {
			fmt.Fprintf(&s, " %q:%d:%q", b.Bytes(f.Key), f.Kind, b.Text(nil, f))
		}
		s.WriteByte('\n')
	}
	return s.String()
}

// sample is a batch of n records, shaped and valued at random.
func sample(seed uint64, n int) *Batch {
	rnd := rand.New(rand.NewPCG(seed, 1))
	b := new(Batch)
	b.Reset(testStream, nil)
	for i := range n {
		r := b.Begin()
		r.Time, r.Observed, r.Offset = int64(1e18+i*1e6), 2e18, int64(i*270)
		r.Severity, r.Format = uint8(rnd.IntN(25)), uint8(rnd.IntN(9))
		r.Body = b.AddString([]string{"request handled", "cache miss", "", fmt.Sprint("user ", rnd.IntN(1000))}[rnd.IntN(4)])
		r.SeverityText = Name("INFO")
		if rnd.IntN(2) == 0 {
			r.Flags |= HasTrace | HasSpan
			for j := range r.TraceID {
				r.TraceID[j] = byte(rnd.Uint32())
			}
		}
		for j := range rnd.IntN(4) {
			key := b.AddString(fmt.Sprint("key", j))
			switch rnd.IntN(6) {
			case 0:
				b.AddField(IntField(key, int64(rnd.Uint64())))
			case 1:
				b.AddField(BoolField(key, rnd.IntN(2) == 0))
			case 2:
				b.AddField(Field{Key: key, Kind: Null})
			case 3:
				b.AddField(Field{Key: Name("service.name"), Val: b.AddString("pay"), Kind: String})
			case 4:
				b.AddField(Field{Key: key, Val: b.AddString(fmt.Sprintf("%016x", rnd.Uint64())), Kind: String})
			case 5:
				b.AddField(Field{Key: key, Val: b.AddString(fmt.Sprint(rnd.Float64())), Kind: Number})
			}
		}
	}
	return b
}

func TestDecodeReturnsWhatAppendWrote(t *testing.T) {
	got := new(Batch)
	for seed := range uint64(200) {
		want := sample(seed, int(seed*seed%700))
		rest, err := got.Decode(append(want.Append([]byte("x")), "rest"...)[1:])
		if err != nil || string(rest) != "rest" {
			t.Fatalf("seed %d: rest %q, error %v", seed, rest, err)
		}
		if g, w := describe(got), describe(want); g != w {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, g, w)
		}
		// A decoded batch is as good as a parsed one.
		again := new(Batch)
		if _, err := again.Decode(got.Append(nil)); err != nil || describe(again) != describe(want) {
			t.Fatalf("seed %d: encoding what was decoded: %v", seed, err)
		}
	}
}

func TestColumnModes(t *testing.T) {
	f := func(name string, mode byte, values ...string) {
		t.Helper()
		b := new(Batch)
		b.Reset(testStream, nil)
		for _, v := range values {
			b.enc.spans = append(b.enc.spans, b.AddString(v))
		}
		p := b.appendStrings(nil)
		if p[0] != mode {
			t.Errorf("%s: mode %d, want %d", name, p[0], mode)
		}
		d := decoder{p: p}
		spans := d.strings(new(encoder), len(values))
		got := new(Batch)
		got.Arena = p
		if len(d.extra) > 0 {
			got.Arena = d.extra
		}
		if d.err != nil || len(spans) != len(values) || d.at != len(p) {
			t.Fatalf("%s: %d values, error %v, %d of %d bytes", name, len(spans), d.err, d.at, len(p))
		}
		for i, v := range values {
			if string(got.Bytes(spans[i])) != v {
				t.Errorf("%s: value %d is %q, want %q", name, i, got.Bytes(spans[i]), v)
			}
		}
	}
	f("one", columnPlain, "GET")
	f("two equal", columnDict, "GET", "GET")
	f("two different", columnPlain, "GET", "PUT")
	f("few values", columnDict, strings.Split(strings.Repeat("GET,PUT,,POST,", 30), ",")...)
	f("IDs", columnHex, "0123456789abcdef", "fedcba9876543210", "0000000000000000")
	f("upper-case digits", columnPlain, "0123456789ABCDEF", "fedcba9876543210", "0000000000000000")
	f("odd digits", columnPlain, "012345678", "123456789", "234567890")
	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprint("v", i/12))
	}
	f("250 values", columnDict, many...)
	for i := range many {
		many[i] = fmt.Sprint("v", i%400)
	}
	f("400 values", columnPlain, many...)
}

func TestDecodeRefusesDamage(t *testing.T) {
	p := sample(7, 50).Append(nil)
	b := new(Batch)
	for i := range p {
		if _, err := b.Decode(p[:i]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("first %d of %d bytes: error %v", i, len(p), err)
		}
	}
	p[0] = 9
	if _, err := b.Decode(p); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("other version: error %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(sample(seed, int(seed)*3).Append(nil))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		b, again := new(Batch), new(Batch)
		if _, err := b.Decode(p); err != nil {
			return
		}
		want := describe(b)
		if _, err := again.Decode(b.Append(nil)); err != nil {
			t.Fatal(err)
		}
		if got := describe(again); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestSeverityName(t *testing.T) {
	f := func(n uint8, want string) {
		t.Helper()
		if got := SeverityName(n); got != want {
			t.Errorf("severity %d is %q, want %q", n, got, want)
		}
	}
	f(0, "")
	f(1, "trace")
	f(4, "trace")
	f(5, "debug")
	f(9, "info")
	f(13, "warn")
	f(17, "error")
	f(21, "fatal")
	f(24, "fatal")
	f(25, "")
}

func BenchmarkAppend(b *testing.B) {
	batch := sample(1, 1000)
	p := batch.Append(nil)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		p = batch.Append(p[:0])
	}
}

func BenchmarkDecode(b *testing.B) {
	p := sample(1, 1000).Append(nil)
	batch := new(Batch)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := batch.Decode(p); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDecodeBoundsRecords decodes a form whose bytes cannot have the records
// that it claims.
func TestDecodeBoundsRecords(t *testing.T) {
	const zeros = 1 << 20
	body := binary.AppendUvarint([]byte{0, 0}, zeros/2) // no stream ID, no labels, so many records
	body = append(body, 1, 0)                           // one shape, without fields
	body = append(body, make([]byte, zeros)...)
	p := binary.AppendUvarint([]byte{binaryVersion}, uint64(len(body)))
	var b Batch
	if _, err := b.Decode(append(p, body...)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	if cap(b.Records) != 0 {
		t.Errorf("memory for %d records was made", cap(b.Records))
	}
}

// TestShapes: what Append takes over from Shapes is what it would have found,
// also when records change in between.
func TestShapes(t *testing.T) {
	var b, plain Batch
	fill := func(b *Batch) {
		b.Reset(&Stream{ID: "s"}, nil)
		for i := range 6 {
			r := b.Begin()
			r.Body = b.AddString("body")
			for j := range 1 + i%2 {
				b.AddField(IntField(b.AddString(string(rune('a'+j))), int64(i)))
			}
		}
	}
	f := func(what string, change func(b *Batch)) {
		t.Helper()
		fill(&b)
		fill(&plain)
		if s := b.Shapes(); len(s) != 6 || s[0] != s[2] || s[1] != s[3] || s[0] == s[1] {
			t.Fatalf("shapes %d", s)
		}
		change(&b)
		change(&plain)
		if got, want := b.Append(nil), plain.Append(nil); !bytes.Equal(got, want) {
			t.Errorf("%s: the form depends on whether shapes were asked for", what)
		}
		var again Batch
		if _, err := again.Decode(b.Append(nil)); err != nil || len(again.Records) != len(b.Records) {
			t.Errorf("%s: %d records, error %v", what, len(again.Records), err)
		}
	}
	f("nothing", func(*Batch) {})
	f("attached", func(b *Batch) { b.Attach(&b.Records[2], BoolField(b.AddString("x"), true)) })
	f("attached to the last", func(b *Batch) { b.Attach(&b.Records[5], BoolField(b.AddString("x"), true)) })
	f("detached", func(b *Batch) { b.Detach(&b.Records[3], 0) })
	f("another record", func(b *Batch) { b.Begin(); b.AddField(BoolField(b.AddString("x"), true)) })
	f("one less", func(b *Batch) { b.Undo() })
	f("renamed", func(b *Batch) { b.FieldsOf(&b.Records[0])[0].Key = b.AddString("y"); b.Reshape() })
	f("selected", func(b *Batch) {
		var some Batch
		b.Select(&some, []int32{1, 4})
		if _, err := new(Batch).Decode(some.Append(nil)); err != nil || len(some.Records) != 2 {
			t.Errorf("%d records, error %v", len(some.Records), err)
		}
	})
	b.Attach(&b.Records[2], IntField(b.AddString("z"), 7))
	if fs := b.FieldsOf(&b.Records[2]); len(fs) != 2 || fs[1].Int() != 7 || string(b.Bytes(fs[0].Key)) != "a" {
		t.Errorf("attached fields %v", fs)
	}
}
