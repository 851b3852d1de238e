package segment

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipper/internal/block"
	"shipper/internal/record"
)

// zap makes records like those of a service that logs requests with zap, as
// the agent parses them: 64 requests in flight, each with a trace ID and two to
// five lines, each line in a span of its own. A line has about 280 bytes.
type zap struct {
	rnd      *rand.Rand
	requests [64]struct {
		trace [16]byte
		lines int
		path  string
		user  int
	}
	seq    int
	time   int64
	offset int64
}

func newZap(seed uint64) *zap {
	return &zap{rnd: rand.New(rand.NewPCG(seed, 0)), time: 1_795_414_799_000_000_000}
}

var zapMessages = [...]struct {
	severity          uint8
	level, file, body string
	line              int64
}{
	{9, "info", "server/handler.go", "request handled", 142},
	{9, "info", "server/handler.go", "request received", 98},
	{5, "debug", "cache/redis.go", "cache miss", 57},
	{5, "debug", "cache/redis.go", "cache hit", 44},
	{9, "info", "payments/authorize.go", "payment authorized", 211},
	{9, "info", "store/postgres.go", "query finished", 318},
	{13, "warn", "store/postgres.go", "slow query", 325},
	{17, "error", "payments/gateway.go", "gateway timeout, giving up", 87},
}

func (z *zap) fill(b *record.Batch, n int) {
	b.Reset(&record.Stream{ID: "c0ffee00c0ffee00c0ffee00c0ffee00", Labels: []record.Label{
		{Name: "host.name", Value: "node-7"}, {Name: "log.file.path", Value: "/var/log/payments/app.log"}}}, b.Arena[:0])
	file, line, service := record.Name("code.file.path"), record.Name("code.line.number"), record.Name("service.name")
	seq, path, status, latency, user := b.AddString("seq"), b.AddString("path"), b.AddString("status"), b.AddString("latency"), b.AddString("user")
	observed := z.time + 3_000_000
	for range n {
		q := &z.requests[z.rnd.IntN(len(z.requests))]
		if q.lines == 0 {
			for i := range q.trace {
				q.trace[i] = byte(z.rnd.Uint32())
			}
			q.lines = 2 + z.rnd.IntN(4)
			q.path = [...]string{"/v1/orders/", "/v1/users/", "/v1/carts/", "/v1/payments/", "/v1/stock/"}[z.rnd.IntN(5)] + strconv.Itoa(z.rnd.IntN(100_000))
			q.user = z.rnd.IntN(100_000)
		}
		q.lines--
		m := &zapMessages[min(z.rnd.IntN(7), z.rnd.IntN(9))]
		z.time += int64(z.rnd.IntN(160_000)) + 1
		ts := strconv.FormatFloat(float64(z.time)/1e9, 'f', -1, 64)
		frac := (strings.TrimPrefix(ts[10:], ".") + "000000000")[:9]
		ns, _ := strconv.ParseInt(ts[:10]+frac, 10, 64)

		r := b.Begin()
		r.Time, r.Observed, r.Offset = ns, observed, z.offset
		r.Severity, r.SeverityText, r.TimeSource, r.Format = m.severity, b.AddString(m.level), record.TimeLine, 9
		r.Body = b.AddString(m.body)
		r.Flags = record.HasTrace | record.HasSpan
		r.TraceID = q.trace
		for i := range r.SpanID {
			r.SpanID[i] = byte(z.rnd.Uint32())
		}
		text := strconv.FormatFloat(float64(z.rnd.IntN(2_000_000))/1e6, 'f', -1, 64)
		code := [...]int64{200, 200, 200, 200, 201, 204, 304, 404, 500}[z.rnd.IntN(9)]
		b.AddField(record.Field{Key: file, Val: b.AddString(m.file)})
		b.AddField(record.IntField(line, m.line))
		b.AddField(record.Field{Key: service, Val: b.AddString("payments")})
		b.AddField(record.IntField(seq, int64(z.seq)))
		b.AddField(record.Field{Key: path, Val: b.AddString(q.path)})
		b.AddField(record.IntField(status, code))
		b.AddField(record.Field{Key: latency, Val: b.AddString(text), Kind: record.Number})
		b.AddField(record.IntField(user, int64(q.user)))
		z.seq++
		z.offset += int64(len(m.level)+len(ts)+len(m.file)+len(m.body)+len(q.path)+len(text)+len(strconv.Itoa(z.seq))+len(strconv.Itoa(q.user))) + 188
	}
}

// zapBlocks are batches in the form in which an agent sends them.
func zapBlocks(rows, perBatch int) [][]byte {
	z, b, e := newZap(1), new(record.Batch), block.NewEncoder()
	var out [][]byte
	for n := 0; n < rows; n += perBatch {
		z.fill(b, perBatch)
		p, _ := e.Append(nil, []*record.Batch{b})
		out = append(out, p)
	}
	return out
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ingest makes blocks of about so many raw bytes.
func ingest(in [][]byte, raw int64, add func(*Block)) {
	d, b := block.NewDecoder(64<<20), NewBuilder()
	for _, p := range in {
		_ = d.Decode(p, func(batch *record.Batch) error {
			b.Add(batch)
			return nil
		})
		if b.Raw() >= raw {
			add(b.Build())
			b.Reset()
		}
	}
	if b.Rows() > 0 {
		add(b.Build())
	}
}

func BenchmarkIngest(b *testing.B) {
	const rows = 200_000
	in := zapBlocks(rows, 1000)
	for _, raw := range []int64{1 << 20, 2 << 20, 4 << 20} {
		b.Run(fmt.Sprintf("raw=%dMiB", raw>>20), func(b *testing.B) {
			b.ReportAllocs()
			size, blocks, start := int64(0), 0, cpu()
			for b.Loop() {
				size, blocks = 0, 0
				ingest(in, raw, func(k *Block) { size += k.Info().Bytes; blocks++ })
			}
			b.ReportMetric((cpu()-start).Seconds()/float64(b.N)*1e6/rows, "cpu-s/1M")
			b.ReportMetric(float64(size)/1e6*1e6/rows, "MB/1M")
			b.ReportMetric(rows/float64(blocks), "rows/block")
		})
	}
}

func BenchmarkDecodeOnly(b *testing.B) {
	const rows = 200_000
	in := zapBlocks(rows, 1000)
	d := block.NewDecoder(64 << 20)
	start := cpu()
	for b.Loop() {
		for _, p := range in {
			_ = d.Decode(p, func(*record.Batch) error { return nil })
		}
	}
	b.ReportMetric((cpu()-start).Seconds()/float64(b.N)*1e6/rows, "cpu-s/1M")
}

func BenchmarkAdd(b *testing.B) {
	z, batch := newZap(1), new(record.Batch)
	z.fill(batch, 1000)
	p := batch.Append(nil)
	batch = new(record.Batch)
	if _, err := batch.Decode(p); err != nil {
		b.Fatal(err)
	}
	k := NewBuilder()
	b.ReportAllocs()
	for b.Loop() {
		if k.Add(batch); k.Rows() >= 16_000 {
			k.Reset()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
}

// million writes segments of 64 MB each of a million rows and opens them.
func million(b testing.TB) ([]*Segment, string) {
	dir := b.TempDir()
	in := zapBlocks(1_000_000, 1000)
	var out []*Segment
	var blocks []*Block
	raw := int64(0)
	flush := func() {
		path := filepath.Join(dir, strconv.Itoa(len(out)))
		if _, err := Write(path, blocks); err != nil {
			b.Fatal(err)
		}
		s, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		out, blocks, raw = append(out, s), nil, 0
	}
	trace := ""
	ingest(in, 2<<20, func(k *Block) {
		blocks = append(blocks, k)
		raw += k.Info().Raw
		if len(out) == 2 && trace == "" {
			_ = k.Search(context.Background(), Query{From: math.MinInt64, To: math.MaxInt64, Limit: 1}, func(r Row) bool {
				trace = string(r.TraceID())
				return true
			})
		}
		if raw >= 64<<20 {
			flush()
		}
	})
	if len(blocks) > 0 {
		flush()
	}
	return out, trace
}

func BenchmarkSearch(b *testing.B) {
	segments, trace := million(b)
	all := func(q Query) Query {
		q.From, q.To = math.MinInt64, math.MaxInt64
		return q
	}
	run := func(name string, q Query) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			hits := 0
			for b.Loop() {
				hits = 0
				for _, s := range segments {
					err := s.Search(context.Background(), all(q), func(r Row) bool {
						hits++
						r.Attributes(func(Attribute) bool { return true })
						return true
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(hits), "hits")
		})
	}
	run("trace", Query{All: []Predicate{{Column: "trace_id", Value: trace}}})
	run("missing-trace", Query{All: []Predicate{{Column: "trace_id", Value: hex.EncodeToString(bytes.Repeat([]byte{0xab}, 16))}}})
	run("seq", Query{All: []Predicate{{Column: "seq", Value: "654321"}}})
	run("word", Query{All: []Predicate{{Column: "path", Op: Contains, Value: "/v1/orders/777"}}})
	run("no-line", Query{All: []Predicate{{Op: Contains, Value: "no such text"}}})
	run("last-100-of-service", Query{All: []Predicate{{Column: "service_name", Value: "payments"}}, Backward: true, Limit: 20})
	run("slow", Query{All: []Predicate{{Column: "latency", Op: Gt, Number: 1.9999}}})
	b.Run("count-by-level-10s", func(b *testing.B) {
		for b.Loop() {
			for _, s := range segments {
				_ = s.Count(context.Background(), all(Query{}), int64(10*time.Second), []string{"service_name", "level"}, func(int64, []string, int64) {})
			}
		}
	})
	b.Run("count-errors", func(b *testing.B) {
		n := int64(0)
		for b.Loop() {
			n = 0
			for _, s := range segments {
				_ = s.Count(context.Background(), all(Query{All: []Predicate{{Column: "status", Op: Ge, Number: 500}}}), 0, nil, func(_ int64, _ []string, k int64) { n += k })
			}
		}
		b.ReportMetric(float64(n), "hits")
	})
}

// BenchmarkWide has 2,000 names of attributes, 10 in each row, and 400 streams
// whose batches come late: the worst that one block is meant for.
func BenchmarkWide(b *testing.B) {
	const rows = 20_000
	rnd := rand.New(rand.NewPCG(1, 1))
	var batches []*record.Batch
	for n := 0; n < rows; n += 50 {
		k := new(record.Batch)
		k.Reset(&record.Stream{ID: strconv.Itoa(n / 50), Labels: []record.Label{{Name: "log.file.path", Value: "/var/log/" + strconv.Itoa(n/50)}}}, nil)
		at := int64(rnd.IntN(1e9))
		for range 50 {
			r := k.Begin()
			at += int64(rnd.IntN(1e7))
			r.Time, r.Body = at, k.AddString("something happened "+strconv.Itoa(rnd.IntN(1000)))
			for range 10 {
				k.AddField(record.Field{Key: k.AddString("key" + strconv.Itoa(rnd.IntN(2000))), Val: k.AddString("value" + strconv.Itoa(rnd.IntN(100)))})
			}
		}
		batches = append(batches, k)
	}
	b.ReportAllocs()
	builder := NewBuilder()
	var block *Block
	for b.Loop() {
		builder.Reset()
		for _, k := range batches {
			builder.Add(k)
		}
		block = builder.Build()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
	b.ReportMetric(float64(block.Info().Bytes)/rows, "B/row")
	b.ReportMetric(float64(len(block.meta))/rows, "meta-B/row")
}
