package query

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/internal/record"
	"shipper/internal/segment"
	"shipper/internal/selector"
)

// known is a record as the test knows it.
type known struct {
	time   int64
	line   string
	labels map[string]string
}

func (k *known) label(name string) string {
	if name == "detected_level" {
		name = "level"
	}
	return k.labels[name]
}

// random makes records, in a store and as the test knows them.
func random(seed uint64, n int) (Store, []known) {
	rng := rand.New(rand.NewPCG(seed, 1))
	builder := segment.NewBuilder()
	var all []known
	for k := range 3 {
		b := new(record.Batch)
		host := fmt.Sprint("n", k)
		b.Reset(&record.Stream{ID: host, Labels: []record.Label{{Name: "host.name", Value: host}, {Name: "team", Value: "core"}}}, nil)
		for i := range n / 3 {
			r := b.Begin()
			r.Time = epoch.UnixNano() + rng.Int64N(600)*1e9
			if rng.IntN(2) == 0 {
				r.Time += rng.Int64N(1e9)
			}
			r.Offset = int64(i)
			line := fmt.Sprintf("%s request %d took %d\nof %s", host, i, rng.IntN(50), []string{"cart", "Cart", "ärger", "\x00\xff"}[rng.IntN(4)])
			r.Body = b.AddString(line)
			o := known{r.Time, line, map[string]string{"host_name": host, "team": "core"}}
			r.Severity = uint8(rng.IntN(5) * 5)
			if s := record.SeverityName(r.Severity); s != "" {
				o.labels["level"] = s
			}
			add := func(name string, f record.Field) {
				f.Key = b.AddString(name)
				b.AddField(f)
				o.labels[segment.LabelName(name)] = string(b.Text(nil, f))
			}
			text := func(name, v string) { add(name, record.Field{Val: b.AddString(v)}) }
			if rng.IntN(5) > 0 {
				text("service.name", []string{"payments", "carts", "users"}[rng.IntN(3)])
			}
			switch rng.IntN(4) {
			case 0:
				add("status", record.IntField(record.Span{}, int64(200+rng.IntN(4)*100)))
			case 1:
				text("status", "500")
			case 2:
				text("status", "none")
			}
			switch rng.IntN(3) {
			case 0:
				add("latency", record.Field{Val: b.AddString(fmt.Sprintf("%.3f", rng.Float64())), Kind: record.Number})
			case 1:
				add("latency", record.IntField(record.Span{}, int64(rng.IntN(3)-1)))
			}
			text("took", fmt.Sprint(time.Duration(rng.IntN(2000))*time.Millisecond))
			text("size", fmt.Sprint(rng.IntN(50), []string{"", "B", "KB", " KiB"}[rng.IntN(4)]))
			if rng.IntN(2) == 0 {
				add("retry", record.BoolField(record.Span{}, rng.IntN(2) == 0))
			}
			// What the record says goes before what its stream says, even nothing.
			switch rng.IntN(10) {
			case 0:
				text("team", "own")
			case 1:
				text("team", "")
			}
			all = append(all, o)
		}
		builder.Add(b)
	}
	return blockStore{builder.Build()}, all
}

// TestOracle compares with a look at every record.
func TestOracle(t *testing.T) {
	matchers := []string{`{}`, `{service_name="payments"}`, `{service_name=~"pay.*|carts", host_name!="n1"}`, `{service_name!~".+"}`, `{level=~"error|warn"}`, `{detected_level="", team="core"}`, `{team="own"}`, `{nothing=""}`}
	filters := []string{``, ` |= "took 1"`, ` |= "cart" or "ärger" != "took 2"`, " |~ `took \\d+.of (?i:CART)`", ` !~ "request [0-4]" |= "\u0000"`, ` | status >= 300`, ` | status = 500`, ` | status="500"`,
		` | status != 500`, ` | latency < 0.5`, ` | latency = 1 or latency < 0`, ` | status="none" or status=200 and level="info"`, ` | took >= 1s500ms`, ` | size > 10KB and took < 1s`,
		` | size <= 20`, ` | retry="true" | team!="core"`, ` | (host_name="n1" or took < 500ms) and level!=""`, ` | drop __error__`, ` | __error__=""`}
	for seed := range uint64(2) {
		store, all := random(seed, 600)
		h := &Handler{Store: store}
		noEmptyLabels(t, store)
		rng := rand.New(rand.NewPCG(seed, 2))
		for _, m := range matchers {
			for _, f := range filters {
				compareRows(t, store, all, m+f)
				comparePoints(t, h, all, m+f, rng)
			}
		}
	}
}

func noEmptyLabels(t *testing.T, store Store) {
	t.Helper()
	h := newHandler(store, func() time.Time { return epoch.Add(time.Hour) })
	code, body := ask(h, "/loki/api/v1/query_range?limit=5000", `{}`)
	if code != 200 || !strings.Contains(body, `"team":"own"`) || strings.Contains(body, `":""`) {
		t.Errorf("%d, labels without a value in %.1000s", code, body)
	}
}

func compareRows(t *testing.T, store Store, all []known, query string) {
	t.Helper()
	q, err := selector.ParseQuery(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	from, to := epoch.UnixNano()+100e9, epoch.UnixNano()+500e9
	var want, got []string
	for i := range all {
		if k := &all[i]; k.time >= from && k.time < to && q.Match(k.label, []byte(k.line)) {
			want = append(want, fmt.Sprint(k.time, k.line))
		}
	}
	last := int64(0)
	p := translate(q, from, to)
	err = p.search(t.Context(), store, func(r segment.Row) bool {
		if r.Time < last {
			t.Errorf("%s: out of order", query)
		}
		last = r.Time
		got = append(got, fmt.Sprint(r.Time, string(r.Body)))
		return true
	})
	slices.Sort(want)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: %d records, want %d, error %v", query, len(got), len(want), err)
	}
}

func comparePoints(t *testing.T, h *Handler, all []known, query string, rng *rand.Rand) {
	t.Helper()
	window := []time.Duration{time.Second, 10 * time.Second, 7 * time.Second, 61500 * time.Millisecond, 10 * time.Minute}[rng.IntN(5)]
	offset := []time.Duration{0, 0, 3 * time.Second, -time.Minute}[rng.IntN(4)]
	g := grid{epoch.UnixNano() + rng.Int64N(300)*1e9, []int64{1e9, 10e9, 15e9, 7.5e9, 100e9}[rng.IntN(5)], 1 + rng.IntN(20)}
	group := [][]string{nil, {"level"}, {"service_name", "detected_level"}, {"status", "retry", "team", "host_name"}}[rng.IntN(4)]
	without := rng.IntN(3) == 0
	if without {
		group = []string{"took", "size", "latency", "status", "retry"}
	}
	function := []selector.Function{selector.CountOverTime, selector.Rate, selector.BytesOverTime, selector.BytesRate}[rng.IntN(4)]
	q, err := selector.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	e := &selector.Aggregation{Aggregator: selector.Sum, Labels: group, Without: without,
		Of: &selector.Range{Function: function, Query: q, Window: window, Offset: offset}}
	want := map[string]float64{}
	for i := range all {
		k := &all[i]
		if !q.Match(k.label, []byte(k.line)) {
			continue
		}
		labels := map[string]string{}
		if without {
			maps.Copy(labels, k.labels)
			maps.DeleteFunc(labels, func(_, v string) bool { return v == "" })
			for _, name := range group {
				delete(labels, name)
			}
		}
		for _, name := range group {
			if v := k.label(name); !without && v != "" {
				labels[name] = v
			}
		}
		value := 1.0
		if strings.HasPrefix(string(function), "bytes") {
			value = float64(len(k.line))
		}
		if strings.HasSuffix(string(function), "rate") {
			value /= window.Seconds()
		}
		for n := range g.n {
			if end := g.at(n) - int64(offset); k.time <= end && k.time > end-int64(window) {
				want[fmt.Sprint(n, labels)] += value
			}
		}
	}
	series, err := h.evaluate(t.Context(), e, g, maxSeries)
	if err != nil {
		t.Errorf("%s: %v", e, err)
	}
	got := map[string]float64{}
	for _, s := range series {
		labels := map[string]string{}
		for i, name := range s.names {
			labels[name] = s.values[i]
		}
		for _, p := range s.points {
			got[fmt.Sprint(p.i, labels)] = p.value
		}
	}
	for k, v := range want {
		if math.Abs(got[k]-v) > 1e-9*v {
			t.Errorf("%s at %+v: %s is %v, want %v", e, g, k, got[k], v)
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s at %+v: %d points, want %d", e, g, len(got), len(want))
	}
}

func BenchmarkEntries(b *testing.B) {
	store, _ := random(1, 60_000)
	h := newHandler(store, func() time.Time { return epoch.Add(10 * time.Minute) })
	for _, bench := range []struct{ name, path, query string }{
		{"1000 entries", "/loki/api/v1/query_range?limit=1000", `{service_name="payments"}`},
		{"sum by level", "/loki/api/v1/query_range?step=10", `sum by (level) (count_over_time({}[10s]))`},
		{"bytes by level", "/loki/api/v1/query_range?step=10", `sum by (level) (bytes_over_time({}[10s]))`},
		{"without", "/loki/api/v1/query_range?step=10", `sum without (took, size, latency, status, team) (count_over_time({}[10s]))`},
		{"too many series", "/loki/api/v1/query_range?step=10", `rate({}[10s])`},
		{"60000 records", RecordsPath + "?start=0", `{}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if code, body := ask(h, bench.path, bench.query); code != 200 && bench.name != "too many series" {
					b.Fatal(body)
				}
			}
		})
	}
}
