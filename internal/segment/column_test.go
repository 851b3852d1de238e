package segment

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"shipper/internal/record"
)

// blockOf makes a block of one column a with the given values, one a row; an
// empty text is no value.
func blockOf(t testing.TB, kind record.Kind, texts []string) *Block {
	t.Helper()
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, nil)
	for i, text := range texts {
		b.Begin().Time = int64(i)
		key := b.AddString("a")
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case text == "":
		case kind == record.Int && err == nil:
			b.AddField(record.IntField(key, n))
		case kind == record.Bool:
			b.AddField(record.BoolField(key, text == "true"))
		default:
			b.AddField(record.Field{Key: key, Val: b.AddString(text), Kind: kind})
		}
	}
	builder := NewBuilder()
	builder.Add(b)
	return builder.Build()
}

// columnOf returns the description of column a.
func columnOf(t testing.TB, b *Block) column {
	t.Helper()
	var m blockMeta
	if !m.decode(b.meta) {
		t.Fatal("corrupt meta")
	}
	for _, c := range m.columns {
		if c.class == classField {
			return c
		}
	}
	t.Fatal("no column")
	return column{}
}

// valuesOf returns the values of column a by row.
func valuesOf(t testing.TB, s store) []string {
	t.Helper()
	var out []string
	err := s.Search(context.Background(), Query{From: math.MinInt64, To: math.MaxInt64}, func(r Row) bool {
		text := ""
		r.Attributes(func(a Attribute) bool {
			if a.Name == "a" {
				text = string(a.Text)
			}
			return true
		})
		out = append(out, text)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// repeat returns n values that f makes.
func repeat(n int, f func(i int) string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

func TestColumns(t *testing.T) {
	f := func(name string, kind record.Kind, shape shape, filter bool, vals []string) {
		t.Helper()
		b := blockOf(t, kind, vals)
		c := columnOf(t, b)
		if c.shape != shape || c.kind != kind || c.filterSize > 0 != filter {
			t.Errorf("%s: shape %d kind %d filter %d bytes, want %d, %d, %t", name, c.shape, c.kind, c.filterSize, shape, kind, filter)
		}
		if got := valuesOf(t, b); !slices.Equal(got, vals) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, vals)
		}
	}
	seldom := func(n int, f func(i int) string) []string {
		return repeat(n, func(i int) string {
			if i%n != n/2 && i%11 != 0 {
				return ""
			}
			return f(i)
		})
	}
	same := func(int) string { return "same" }
	few := func(i int) string { return "value " + strconv.Itoa(i%7) }
	many := func(i int) string { return "value/" + strconv.Itoa(i*i) }
	digest := func(i int) string { return fmt.Sprintf("%016x", uint64(i)*0x9e3779b97f4a7c15) }
	for _, n := range []int{1, 63, 64, 65, 1000} {
		each := repeat
		f(fmt.Sprint("const ", n), record.String, shapeConst, false, each(n, same))
		f(fmt.Sprint("const seldom ", n), record.String, shapeConst, false, seldom(n, same))
	}
	f("dictionary", record.String, shapeDict, false, repeat(100, few))
	f("dictionary of 255", record.String, shapeDict, true, repeat(2000, func(i int) string { return "value " + strconv.Itoa(i%255) }))
	f("256 values", record.String, shapeText, true, repeat(2000, func(i int) string { return "value " + strconv.Itoa(i%256) }))
	f("dictionary, every other row", record.String, shapeDict, false, repeat(100, func(i int) string { return []string{"", "x", "", "y"}[i%4] }))
	f("dictionary, seldom", record.String, shapeDict, false, seldom(500, func(i int) string { return strconv.Itoa(i % 2) }))
	f("long entries", record.String, shapeDict, true, repeat(100, func(i int) string { return strings.Repeat("long ", 50+i%9) }))
	f("text", record.String, shapeText, true, repeat(300, many))
	f("text, seldom", record.String, shapeText, true, seldom(3000, many))
	f("text without tokens", record.String, shapeText, false, repeat(300, func(i int) string { return strings.Repeat("-", i+1) }))
	f("hex", record.String, shapeHex, true, repeat(300, digest))
	f("hex, seldom", record.String, shapeHex, true, seldom(4000, digest))
	f("upper-case hex", record.String, shapeText, true, repeat(300, func(i int) string { return strings.ToUpper(digest(i)) }))
	f("hex of odd length", record.String, shapeText, true, repeat(300, func(i int) string { return digest(i)[1:] }))
	f("hex but one", record.String, shapeText, true, append(repeat(300, digest), "000000000000000g"))
	f("short hex", record.String, shapeText, true, repeat(256, func(i int) string { return fmt.Sprintf("%02x", i) }))
	f("json", record.JSON, shapeText, true, repeat(300, func(i int) string { return `{"n":` + strconv.Itoa(i) + `}` }))

	f("int const", record.Int, shapeConst, false, repeat(100, func(int) string { return "-42" }))
	f("int in a byte", record.Int, shapeInt, false, repeat(100, func(i int) string { return strconv.Itoa(i % 5) }))
	f("int dictionary", record.Int, shapeDict, false, repeat(100, func(i int) string { return strconv.Itoa(200 + 300*(i%2)) }))
	f("int", record.Int, shapeInt, false, repeat(1000, func(i int) string { return strconv.Itoa(i * i * i % 100_003) }))
	f("int up", record.Int, shapeInt, false, repeat(1000, func(i int) string { return strconv.Itoa(i * 1000) }))
	f("int zigzag", record.Int, shapeInt, false, repeat(1000, func(i int) string { return strconv.Itoa(1_000_000*i - i%2*2_000_003) }))
	f("int seldom", record.Int, shapeInt, false, seldom(9000, func(i int) string { return strconv.Itoa(i * 77) }))
	f("int extremes", record.Int, shapeInt, false, []string{"9223372036854775807", "-9223372036854775808", "0", "-1"})
	f("int extreme steps", record.Int, shapeInt, false, repeat(500, func(i int) string {
		return strconv.FormatInt([]int64{math.MinInt64, math.MaxInt64}[i%2]^int64(i), 10)
	}))

	f("decimal", record.Number, shapeDecimal, false, repeat(1000, func(i int) string {
		return strconv.FormatFloat(float64(i*i)/8, 'f', -1, 64)
	}))
	f("decimal, fixed", record.Number, shapeDecimal, false, repeat(1000, func(i int) string {
		return strconv.FormatFloat(float64(i*i)/100-5, 'f', 2, 64)
	}))
	f("decimal, both kinds of zeros", record.Number, shapeText, true, append(repeat(1000, func(i int) string {
		return strconv.FormatFloat(float64(i)/100, 'f', -1, 64)
	}), "1.50"))
	f("decimal with minus zero", record.Number, shapeText, true, append(repeat(1000, func(i int) string {
		return strconv.Itoa(i) + ".5"
	}), "-0.0"))
	f("decimal dictionary", record.Number, shapeDict, false, repeat(100, func(i int) string { return []string{"0.25", "1e9", "-0"}[i%3] }))
	f("exponents", record.Number, shapeText, true, repeat(300, func(i int) string { return strconv.Itoa(i) + "e-7" }))
	f("too many digits", record.Number, shapeText, true, repeat(300, func(i int) string { return "0.1234567890123" + strconv.Itoa(1000+i) }))

	f("bool", record.Bool, shapeDict, false, repeat(100, func(i int) string { return strconv.FormatBool(i%3 == 0) }))
	f("bool const", record.Bool, shapeConst, false, repeat(100, func(int) string { return "false" }))
	f("bool seldom", record.Bool, shapeDict, false, seldom(100, func(i int) string { return strconv.FormatBool(i%2 == 0) }))
	f("null", record.Null, shapeConst, false, seldom(100, func(int) string { return "null" }))
}

// TestTextsNextToEachOther looks for what is only where one value ends and the
// next begins, in the order in which they are stored.
func TestTextsNextToEachOther(t *testing.T) {
	vals := repeat(300, func(i int) string { return fmt.Sprintf("<%d>", i) })
	vals[0], vals[1], vals[2] = "", "<ab", "bcd>"
	b := blockOf(t, record.String, vals)
	if c := columnOf(t, b); c.shape != shapeText {
		t.Fatalf("shape %d", c.shape)
	}
	f := func(text string, want int) {
		t.Helper()
		q := always
		q.All = []Predicate{{Column: "a", Op: Contains, Value: text}}
		n := 0
		if err := b.Search(context.Background(), q, func(Row) bool { n++; return true }); err != nil || n != want {
			t.Errorf("%q: %d rows, %v, want %d", text, n, err, want)
		}
	}
	f("<abb", 0)
	f("bb", 0)
	f("b", 2)
	f("d><3", 0)
	f(">", 298)
	f("<29", 11)
	f("", 300)
	f("<299><", 0)
}

func TestRepeats(t *testing.T) {
	user := func(i int) string { return fmt.Sprintf("u%d-%d", i*7919%499, i*7919%499) }
	for _, c := range []struct {
		kind record.Kind
		text func(i int) string
	}{
		{record.String, user},
		{record.String, func(i int) string { return fmt.Sprintf("%016x", i*7919%499*1_000_003) }},
		{record.Int, func(i int) string { return strconv.Itoa(i * 7919 % 499 * 1_000_003) }},
		{record.Number, func(i int) string { return strconv.Itoa(i*7919%499*1_000_003) + ".5" }},
	} {
		all := repeat(6000, func(i int) string {
			if i%5 == 0 && i%3 == 0 {
				return ""
			}
			return c.text(i % 2000)
		})
		b := blockOf(t, c.kind, all)
		col := columnOf(t, b)
		v := new(view)
		v.open(&b.parts()[0])
		for _, k := range v.cols[:len(v.columns)] {
			if k.class == classField {
				if v.load(k); !k.once || v.err != nil {
					t.Errorf("kind %d shape %d: repeats are not found, %v", c.kind, col.shape, v.err)
				}
			}
		}
		if got := valuesOf(t, b); !slices.Equal(got, all) {
			t.Errorf("kind %d shape %d: values differ", c.kind, col.shape)
		}
		q, n := always, 0
		q.All = []Predicate{{Column: "a", Value: all[1]}}
		if err := b.Search(context.Background(), q, func(Row) bool { n++; return true }); err != nil || n < 4 {
			t.Errorf("kind %d: %d rows, %v", c.kind, n, err)
		}
	}
}

func TestDecimalText(t *testing.T) {
	f := func(text string, form decimalForm, want int64, ok bool) {
		t.Helper()
		n, got := form.parse([]byte(text))
		if n != want || got != ok {
			t.Errorf("%q: %d, %t, want %d, %t", text, n, got, want, ok)
		}
		if got && string(form.append(nil, n)) != text {
			t.Errorf("%q is written as %q", text, form.append(nil, n))
		}
	}
	short, fixed := decimalForm{3, true}, decimalForm{3, false}
	f("0", short, 0, true)
	f("-1.5", short, -1500, true)
	f("0.001", short, 1, true)
	f("-0.010", fixed, -10, true)
	f("12.000", fixed, 12000, true)
	f("900719925474.099", fixed, 900719925474099, true)
	for _, text := range []string{"", "-", ".5", "5.", "1.50", "-0", "-0.0", "00.5", "01", "1e3", "0.0001", "+1", "1.2.3", "0x1", "1_0", "9007199254740993", "99999999999999999999", "9007199254740.9931"} {
		f(text, short, 0, false)
	}
	f("1.5", fixed, 0, false)
}

func TestLabelName(t *testing.T) {
	for name, want := range map[string]string{
		"service.name": "service_name", "ok": "ok", "": "_", "0a": "_0a", "a-b c": "a_b_c", "ünï": "_n_", "k8s.pod/uid": "k8s_pod_uid", "\xff": "_",
	} {
		if got := LabelName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
		if !spells(name, want) || spells(name, want+"x") || spells(name, want[1:]) || spells(name, "") {
			t.Errorf("%q: spells", name)
		}
	}
}

func TestFilter(t *testing.T) {
	var k tokens
	k.reset()
	for n := range 5000 {
		k.text([]byte(fmt.Sprintf("key%d=value-%d, end", n, n*n)))
	}
	if want := 3 + 5000 + 5000; len(k.list) < 10_000 || len(k.list) > want {
		t.Fatalf("%d tokens, want about %d", len(k.list), want)
	}
	filter := k.appendFilter(nil)
	for n := range 5000 {
		if lacks(filter, hash([]byte(fmt.Sprintf("key%d", n)))) {
			t.Fatalf("key%d is missing", n)
		}
	}
	wrong := 0
	for n := range 10_000 {
		if !lacks(filter, hash([]byte(fmt.Sprintf("other%d", n)))) {
			wrong++
		}
	}
	if wrong == 0 || wrong > 80 {
		t.Errorf("%d of 10000 tokens pass that are not there, want about 30", wrong)
	}
	for range 3 { // used again for few and for many
		k.reset()
		k.text([]byte("one two"))
		if k.reset(); len(k.list) != 0 || slices.ContainsFunc(k.slots, func(h uint64) bool { return h != 0 }) {
			t.Fatal("reset leaves tokens behind")
		}
		for n := range 3000 {
			k.add(hash([]byte(strconv.Itoa(n))))
		}
	}
}

// TestFilterFormat pins what is stored: a change of it needs a new version.
func TestFilterFormat(t *testing.T) {
	var k tokens
	k.reset()
	k.text([]byte("one two, three_3 and a token of more than sixteen_bytes_and_more_than_thirty_two"))
	if got := fmt.Sprintf("%x", k.appendFilter(nil)); got != filterGolden {
		t.Errorf("filter %s", got)
	}
}

const filterGolden = "16409dc84c85a1c2101f564488b4818d"

func TestAppendTokens(t *testing.T) {
	f := func(text string, whole bool, want ...string) {
		t.Helper()
		got := appendTokens(nil, []byte(text), whole)
		if len(got) != len(want) {
			t.Fatalf("%q: %d tokens, want %d", text, len(got), len(want))
		}
		for i, w := range want {
			if got[i] != hash([]byte(w)) {
				t.Errorf("%q: token %d is not %q", text, i, w)
			}
		}
	}
	f("a timeout of", false, "timeout")
	f("a timeout of", true, "a", "timeout", "of")
	f(" timeout ", false, "timeout")
	f("timeout", false)
	f("", true)
	f("--é--", true, "é")
}

func TestOrder(t *testing.T) {
	for n, times := range [][]int64{{}, {1}, {1, 2, 2, 3}, {3, 2, 1}, {2, 2, 1, 1, 3, 0}, {5, 1, 6, 2, 7, 3, 8, 4, 9}} {
		var o order
		o.sort(times)
		want := make([]uint32, len(times))
		for i := range want {
			want[i] = uint32(i)
		}
		slices.SortStableFunc(want, func(a, b uint32) int { return int(times[a] - times[b]) })
		if slices.IsSorted(times) {
			want = nil
		}
		if !slices.Equal(o.rows, want) {
			t.Errorf("%d: %v, want %v", n, o.rows, want)
		}
		for i, row := range o.rows {
			if o.inverse[row] != uint32(i) {
				t.Errorf("%d: inverse %v of %v", n, o.inverse, o.rows)
			}
		}
	}
}

func TestBitmap(t *testing.T) {
	for _, c := range [][2]int{{0, 0}, {0, 1}, {3, 64}, {63, 65}, {64, 128}, {10, 200}, {128, 200}} {
		m := bitmap(nil).reset(200)
		m.fill(c[0], c[1])
		if m.count() != c[1]-c[0] || m.empty() != (c[0] == c[1]) {
			t.Errorf("%v: %d rows", c, m.count())
		}
		n := c[0]
		for i := m.next(0); i >= 0; i = m.next(i + 1) {
			if i != n || !m.has(i) {
				t.Fatalf("%v: row %d, want %d", c, i, n)
			}
			n++
		}
		for i := m.prev(199); i >= 0; i = m.prev(i - 1) {
			if n--; i != n {
				t.Fatalf("%v: row %d, want %d", c, i, n)
			}
		}
		if n != c[0] {
			t.Errorf("%v: first row backward %d", c, n)
		}
	}
}
