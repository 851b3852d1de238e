package block

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"shipper/internal/record"
)

func batch(stream string, n int) *record.Batch {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: stream}, nil)
	for i := range n {
		r := b.Begin()
		r.Offset = int64(i)
		r.Body = b.AddString("body " + strconv.Itoa(i))
		b.AddField(record.IntField(record.Name("process.pid"), int64(i)))
	}
	return b
}

func TestDecodeReturnsAllBatchesInOrder(t *testing.T) {
	e, d := NewEncoder(), NewDecoder(1<<20)
	p, raw := e.Append([]byte("head"), []*record.Batch{batch("a", 3), batch("b", 0), batch("a", 2000)})
	if !bytes.HasPrefix(p, []byte("head")) || raw < 2000 {
		t.Fatalf("block starts with %q, %d bytes raw", p[:4], raw)
	}
	var got []string
	err := d.Decode(p[4:], func(b *record.Batch) error {
		last := ""
		if n := len(b.Records); n > 0 {
			last = string(b.Bytes(b.Records[n-1].Body))
		}
		got = append(got, b.Stream.ID+":"+strconv.Itoa(len(b.Records))+":"+last)
		return nil
	})
	if want := "a:3:body 2 b:0: a:2000:body 1999"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q, error %v", got, want, err)
	}
	stop := errors.New("stop")
	if err := d.Decode(p[4:], func(*record.Batch) error { return stop }); err != stop {
		t.Errorf("error of emit came back as %v", err)
	}
}

func TestAllKeepsEveryBatch(t *testing.T) {
	e, d := NewEncoder(), NewDecoder(1<<20)
	for _, n := range []int{3, 1, 0, maxBatches} {
		var in []*record.Batch
		for i := range n {
			in = append(in, batch(strconv.Itoa(i), i%3))
		}
		p, raw := e.Append(nil, in)
		got, gotRaw, err := d.All(p)
		if err != nil || gotRaw != raw || len(got) != n {
			t.Fatalf("%d batches, %d bytes, error %v, want %d, %d", len(got), gotRaw, err, n, raw)
		}
		for i, b := range got {
			if b.Stream.ID != in[i].Stream.ID || len(b.Records) != i%3 {
				t.Errorf("batch %d of %d is of stream %s and has %d records", i, n, b.Stream.ID, len(b.Records))
			}
		}
	}
	many := make([]*record.Batch, maxBatches+1)
	for i := range many {
		many[i] = batch("a", 0)
	}
	p, _ := e.Append(nil, many)
	if got, _, err := d.All(p); err == nil {
		t.Errorf("%d batches were returned", len(got))
	}
	two, _ := e.Append(nil, []*record.Batch{batch("a", 1), batch("b", 1)})
	damaged, _ := e.Append(nil, []*record.Batch{batch("a", 1)})
	raw := append(append([]byte(nil), batch("a", 1).Append(nil)...), 9)
	damaged = e.zstd.EncodeAll(raw, damaged[:0])
	if got, _, err := d.All(damaged); err == nil || got != nil {
		t.Errorf("%d batches of a block with a damaged second one", len(got))
	}
	if got, _, err := d.All(two); err != nil || len(got) != 2 {
		t.Errorf("after an error: %d batches, error %v", len(got), err)
	}
}

func TestDecodeRefusesBombsAndDamage(t *testing.T) {
	e := NewEncoder()
	bomb, _ := e.Append(nil, []*record.Batch{batch("a", 50_000)})
	if err := NewDecoder(64<<10).Decode(bomb, func(*record.Batch) error { return nil }); err == nil {
		t.Error("a block beyond the limit was decoded")
	}
	d := NewDecoder(4 << 20)
	for _, p := range [][]byte{nil, []byte("not zstd"), bomb[:len(bomb)/2]} {
		n := 0
		err := d.Decode(p, func(*record.Batch) error { n++; return nil })
		if n > 0 || err == nil && len(p) > 0 {
			t.Errorf("%d bytes: %d batches, error %v", len(p), n, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	p, _ := NewEncoder().Append(nil, []*record.Batch{batch("a", 3), batch("b", 40)})
	f.Add(p)
	d := NewDecoder(1 << 20)
	f.Fuzz(func(t *testing.T, p []byte) {
		d.Decode(p, func(b *record.Batch) error {
			for i := range b.Records {
				r := &b.Records[i]
				b.Bytes(r.Body)
				for _, f := range b.FieldsOf(r) {
					b.Bytes(f.Key)
					b.Text(nil, f)
				}
			}
			return nil
		})
	})
}

func BenchmarkAppend(b *testing.B) {
	e, in := NewEncoder(), []*record.Batch{batch("a", 1000)}
	p, raw := e.Append(nil, in)
	b.SetBytes(int64(raw))
	b.ReportAllocs()
	for b.Loop() {
		p, _ = e.Append(p[:0], in)
	}
}

func BenchmarkDecode(b *testing.B) {
	p, raw := NewEncoder().Append(nil, []*record.Batch{batch("a", 1000)})
	d := NewDecoder(1 << 20)
	b.SetBytes(int64(raw))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(p, func(*record.Batch) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
