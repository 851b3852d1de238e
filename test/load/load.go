// Package load writes the reference load: log lines as zap's production
// encoder (v1.27) writes them, seeded, so that every run has the same bytes.
//
// A line has 250 to 280 bytes. 64 requests are in flight at a time; each has a
// trace ID and writes two to five lines, each in a span of its own, so that
// IDs compress no better than those of a real service, and every line has a
// number of its own.
package load

import (
	"bufio"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"strconv"
)

// Start is the time of the first line, ns since the Unix epoch.
const Start = 1_795_414_799_000_000_000

// Step is the mean time between two lines, ns.
const Step = 80_000

type request struct {
	trace [32]byte
	lines int
	path  string
	user  int
}

type message struct{ level, caller, msg string }

var messages = [...]message{
	{"info", "server/handler.go:142", "request handled"},
	{"info", "server/handler.go:98", "request received"},
	{"debug", "cache/redis.go:57", "cache miss"},
	{"debug", "cache/redis.go:44", "cache hit"},
	{"info", "payments/authorize.go:211", "payment authorized"},
	{"info", "store/postgres.go:318", "query finished"},
	{"warn", "store/postgres.go:325", "slow query"},
	{"error", "payments/gateway.go:87", "gateway timeout, giving up"},
}

var (
	paths = [...]string{"/v1/orders/", "/v1/users/", "/v1/carts/", "/v1/payments/", "/v1/stock/"}
	codes = [...]string{"200", "200", "200", "200", "201", "204", "304", "404", "500"}
)

// Writer makes lines one after the other. It is not for concurrent use.
type Writer struct {
	rnd      *rand.Rand
	requests [64]request
	seq      int
	time     int64
}

// New returns a Writer whose lines are numbered from 0 and depend on seed only.
func New(seed uint64) *Writer {
	w := &Writer{rnd: rand.New(rand.NewPCG(seed, 0)), time: Start}
	for i := range w.requests {
		w.begin(&w.requests[i])
	}
	return w
}

func (w *Writer) id(dst []byte) {
	var raw [16]byte
	for i := range len(dst) / 2 {
		raw[i] = byte(w.rnd.Uint32())
	}
	hex.Encode(dst, raw[:len(dst)/2])
}

func (w *Writer) begin(r *request) {
	w.id(r.trace[:])
	r.lines = 2 + w.rnd.IntN(4)
	r.path = paths[w.rnd.IntN(len(paths))] + strconv.Itoa(w.rnd.IntN(100_000))
	r.user = w.rnd.IntN(100_000)
}

// Append appends the next line, with its newline, to dst.
func (w *Writer) Append(dst []byte) []byte {
	r := &w.requests[w.rnd.IntN(len(w.requests))]
	if r.lines == 0 {
		w.begin(r)
	}
	r.lines--
	var span [16]byte
	w.id(span[:])
	m := &messages[min(w.rnd.IntN(7), w.rnd.IntN(9))]
	w.time += int64(w.rnd.IntN(2*Step)) + 1

	dst = append(dst, `{"level":"`...)
	dst = append(dst, m.level...)
	dst = append(dst, `","ts":`...)
	dst = strconv.AppendFloat(dst, float64(w.time)/1e9, 'f', -1, 64)
	dst = append(dst, `,"caller":"`...)
	dst = append(dst, m.caller...)
	dst = append(dst, `","msg":"`...)
	dst = append(dst, m.msg...)
	dst = append(dst, `","service":"payments","seq":`...)
	dst = strconv.AppendInt(dst, int64(w.seq), 10)
	dst = append(dst, `,"path":"`...)
	dst = append(dst, r.path...)
	dst = append(dst, `","status":`...)
	dst = append(dst, codes[w.rnd.IntN(len(codes))]...)
	dst = append(dst, `,"latency":`...)
	dst = strconv.AppendFloat(dst, float64(w.rnd.IntN(2_000_000))/1e6, 'f', -1, 64)
	dst = append(dst, `,"user":`...)
	dst = strconv.AppendInt(dst, int64(r.user), 10)
	dst = append(dst, `,"trace_id":"`...)
	dst = append(dst, r.trace[:]...)
	dst = append(dst, `","span_id":"`...)
	dst = append(dst, span[:]...)
	dst = append(dst, "\"}\n"...)
	w.seq++
	return dst
}

// TraceID returns a trace ID that lines written so far have, or will have next.
func (w *Writer) TraceID() string { return string(w.requests[0].trace[:]) }

// WriteTo writes n lines to dst and returns the number of bytes.
func WriteTo(dst io.Writer, seed uint64, n int) (int64, error) {
	w := New(seed)
	b := bufio.NewWriterSize(dst, 1<<20)
	var line []byte
	var total int64
	for range n {
		line = w.Append(line[:0])
		total += int64(len(line))
		if _, err := b.Write(line); err != nil {
			return total, err
		}
	}
	return total, b.Flush()
}
