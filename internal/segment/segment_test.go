package segment

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipper/internal/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

func copyFile(w io.Writer, path string) error {
	p, err := os.ReadFile(path)
	if err == nil {
		_, err = w.Write(p)
	}
	return err
}

var always = Query{From: math.MinInt64, To: math.MaxInt64}

// rowsAt makes a block of a row for each time, whose bodies are name and number.
func rowsAt(name string, times ...int64) *Block {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: name}, nil)
	for i, at := range times {
		r := b.Begin()
		r.Time, r.Body = at, b.AddString(fmt.Sprint(name, i))
		b.AddField(record.Field{Key: b.AddString("path"), Val: b.AddString(fmt.Sprint("/", name, "/", i*i))})
	}
	k := NewBuilder()
	k.Add(b)
	return k.Build()
}

func bodies(t testing.TB, s store, q Query) string {
	t.Helper()
	var got []string
	if err := s.Search(context.Background(), q, func(r Row) bool {
		got = append(got, string(r.Body))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(got, " ")
}

func write(t testing.TB, blocks ...*Block) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.seg")
	if _, err := Write(path, blocks); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFile(t testing.TB, path string) *Segment {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestBlocksThatOverlap(t *testing.T) {
	s := openFile(t, write(t, rowsAt("a", 10, 20, 30, 30), rowsAt("b", 5, 30, 40), rowsAt("c", 31, 32), rowsAt("d", 1), rowsAt("e", 30)))
	f := func(q Query, want string) {
		t.Helper()
		if got := bodies(t, s, q); got != want {
			t.Errorf("%+v: got %s, want %s", q, got, want)
		}
	}
	f(Query{To: 100}, "d0 b0 a0 a1 a2 a3 b1 e0 c0 c1 b2")
	f(Query{To: 100, Backward: true}, "b2 c1 c0 e0 b1 a3 a2 a1 a0 b0 d0")
	f(Query{To: 100, Backward: true, Limit: 3}, "b2 c1 c0")
	f(Query{From: 20, To: 31}, "a1 a2 a3 b1 e0")
	f(Query{From: 100, To: 200}, "")
	f(Query{From: 31, To: 30}, "")
	if i := s.Info(); i.Rows != 11 || i.Min != 1 || i.Max != 40 || i.Blocks != 5 {
		t.Errorf("%+v", i)
	}
}

func TestStops(t *testing.T) {
	s := openFile(t, write(t, rowsAt("a", 1, 2, 3)))
	n := 0
	if err := s.Search(context.Background(), always, func(Row) bool { n++; return n < 2 }); err != nil || n != 2 {
		t.Errorf("%d rows, %v", n, err)
	}
	n = 0
	if err := s.Values(context.Background(), "path", always, func(string) bool { n++; return false }); err != nil || n != 1 {
		t.Errorf("%d values, %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Search(ctx, always, func(Row) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
}

func TestColumnsAndLabels(t *testing.T) {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s", Labels: []record.Label{{Name: "host.name", Value: "h"}}}, nil)
	r := b.Begin()
	r.Severity, r.Flags = 13, record.HasTrace
	b.AddField(record.Field{Key: record.Name("service.name"), Val: b.AddString("pay")})
	k := NewBuilder()
	k.Add(b)
	block := k.Build()
	if got, err := block.Columns(); err != nil || !slices.Equal(got, []string{"host_name", "level", "service_name", "trace_id"}) {
		t.Errorf("%q, %v", got, err)
	}
	q := always
	q.Columns = []string{"detected_level", "service_name", "severity_number"}
	err := block.Search(context.Background(), q, func(r Row) bool {
		got := ""
		r.Attributes(func(a Attribute) bool { got += fmt.Sprintf("%s=%s/%d ", a.Label, a.Text, a.Kind); return true })
		if want := "level=warn/0 severity_number=13/1 service_name=pay/0 "; sorted(got) != sorted(want) {
			t.Errorf("attributes %s, want %s", got, want)
		}
		if got := fmt.Sprintf("%s %s %s%s %s", r.Label("level"), r.Label("detected_level"), r.Label("host_name"), r.Label("nosuch"), r.TraceID()); got != "warn warn h 00000000000000000000000000000000" {
			t.Errorf("labels %s", got)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sorted(s string) string {
	f := strings.Fields(s)
	slices.Sort(f)
	return strings.Join(f, " ")
}

func TestBuilderIsUsedAgain(t *testing.T) {
	b, k := new(record.Batch), NewBuilder()
	for n := range 5 {
		b.Reset(&record.Stream{ID: "s"}, b.Arena[:0])
		for i := range 10 {
			r := b.Begin()
			r.Time, r.Body = int64(i), b.AddString(fmt.Sprintf("%d-%d", n, i))
			b.AddField(record.IntField(b.AddString(fmt.Sprint("key", (n+i)%3)), int64(n)))
		}
		k.Add(b)
		if k.Rows() != 10 || k.Raw() == 0 || k.Full() {
			t.Fatalf("%d rows, %d bytes", k.Rows(), k.Raw())
		}
		got, want := strings.Fields(bodies(t, k.Build(), always)), 10
		if len(got) != want || !strings.HasPrefix(got[0], fmt.Sprint(n)) {
			t.Fatalf("round %d: %v", n, got)
		}
		k.Reset()
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	b, k := new(record.Batch), NewBuilder()
	newZap(1).fill(b, 1000)
	for range 10 {
		k.Add(b)
	}
	k.Reset()
	k.Add(b)
	if n := testing.AllocsPerRun(8, func() { k.Add(b) }); n > 0 {
		t.Errorf("%v allocations for 1000 rows", n)
	}
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	if _, err := Write(filepath.Join(dir, "no", "a.seg"), []*Block{rowsAt("a", 1)}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	path := filepath.Join(dir, "a.seg")
	if _, err := Write(path, nil); err == nil {
		t.Error("a segment of no blocks")
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(path, []*Block{rowsAt("a", 1)}); err == nil {
		t.Error("wrote over a directory")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 {
		t.Errorf("%q is left behind", names)
	}
}

// TestEveryByte changes each byte of a file, one at a time: every answer is
// either right or a *CorruptError.
func TestEveryByte(t *testing.T) {
	path := write(t, rowsAt("a", 1, 2, 3, 4, 5, 6, 7, 8, 9), rowsAt("b", 4, 5))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	search := func(file []byte) (string, error) {
		s := &Segment{path: "x", file: strings.NewReader(string(file))}
		if err := s.open(int64(len(file))); err != nil {
			return "", err
		}
		var got []string
		q := always
		q.All = []Predicate{{Column: "path", Op: Neq, Value: "/a/81"}, {Column: "path", Op: Contains, Value: "/a/"}}
		err := s.Search(context.Background(), q, func(r Row) bool {
			text := string(r.AppendID(nil)) + string(r.Body)
			r.Attributes(func(a Attribute) bool { text += string(a.Text); return true })
			got = append(got, text)
			return true
		})
		return strings.Join(got, " "), err
	}
	want, err := search(whole)
	if err != nil || !strings.HasPrefix(want, "a-0a0/a/0") {
		t.Fatal(want, err)
	}
	silent := 0
	for i := range whole {
		file := slices.Clone(whole)
		file[i] ^= 0x41
		got, err := search(file)
		var corrupt *CorruptError
		switch {
		case errors.As(err, &corrupt):
		case err != nil:
			t.Errorf("byte %d: %v", i, err)
		case got != want:
			t.Errorf("byte %d: got %s, want %s", i, got, want)
		default:
			silent++
		}
	}
	if silent > len(whole)/2 { // columns and filters that the search does not read
		t.Errorf("%d of %d bytes do not matter", silent, len(whole))
	}
	for n := range whole {
		if _, err := search(whole[:n]); err == nil {
			t.Errorf("cut to %d bytes is fine", n)
		}
	}
}

// TestGolden reads a file that the first version of the format wrote.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "v1.seg")
	if *update {
		if _, err := Write(path, seeds()); err != nil {
			t.Fatal(err)
		}
	}
	s := openFile(t, path)
	var got strings.Builder
	if err := s.Search(context.Background(), always, func(r Row) bool {
		got.WriteString(rowString(r) + "\n")
		return true
	}); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "v1.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Error("the rows of testdata/v1.seg have changed: the format needs a new version")
	}
}

func TestCache(t *testing.T) {
	path := write(t, rowsAt("a", 1, 2, 3), rowsAt("b", 4, 5))
	c := &Cache{Bytes: 1 << 10}
	var all []*Segment
	for range 2 {
		s, err := c.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		all = append(all, s)
	}
	q := always
	q.All = []Predicate{{Column: "path", Value: "/b/1"}}
	for range 3 {
		for _, s := range all {
			if got := bodies(t, s, q); got != "b1" {
				t.Fatal(got)
			}
		}
	}
	if c.size == 0 || c.recent.Len() != len(c.entries) {
		t.Errorf("%d bytes, %d and %d entries", c.size, c.recent.Len(), len(c.entries))
	}
	c.put(cacheKey{9, 9}, make([]byte, 1<<10))
	if c.size != 1<<10 || len(c.entries) != 1 {
		t.Errorf("%d bytes in %d entries", c.size, len(c.entries))
	}
}

// bytesAt are bytes as a file.
type bytesAt []byte

func (b bytesAt) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at > int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func fileOf(blocks ...*Block) ([]byte, error) {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	if _, err := writeBlocks(w, blocks); err != nil {
		return nil, err
	}
	err := w.Flush()
	return out.Bytes(), err
}
