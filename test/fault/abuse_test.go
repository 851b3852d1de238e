package fault

import (
	"bufio"
	"bytes"
	varint "encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
	"shipper/test/site"
)

// abuseRSS is what an indexer may have resident at most while it is abused, MiB:
// what takes most is done by as many at a time as there are cores.
func abuseRSS() int { return 256 + 64*max(2, runtime.NumCPU()) }

// TestAbuse has clients do to the indexer what they may, while an agent
// delivers. Nothing of the agent is lost, and memory stays bounded.
func TestAbuse(t *testing.T) {
	run(t, []row{
		{125, "decompression bombs", bombs},
		{126, "requests over the limits", overLimits},
		{127, "headers, bodies and readers that take their time", func(t *testing.T) { slowClients(t) }},
		{127, "the same with a fifth of the connections", func(t *testing.T) { slowClients(t, "--max-connections", "200") }},
		{128, "10,000 idle connections", func(t *testing.T) {
			idleConnections(t, 2048)
			idleConnections(t, 12_000, "--max-connections", "12000") // not at a time: it is this process's limit, too
		}},
		{128, "more connections than descriptors", fewDescriptors},
	})
}

// abused is an indexer under attack, with an agent that delivers.
type abused struct {
	*site.Site
	p *site.Process
	o *site.Oracle

	mute bool // nothing is asked while it is attacked
}

func newAbused(t *testing.T, args ...string) *abused {
	s := site.New(t, binary, "", "")
	p := s.StartIndexer(t, args...)
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	return &abused{Site: s, p: p, o: o}
}

// during has the agent deliver lines while attack runs, and wants all of them
// there in time, and the indexer within its memory.
func (a *abused) during(t *testing.T, attack func(stop <-chan struct{})) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); attack(stop) }()
	begun := time.Now()
	for range 30 {
		a.o.Write(t, 300)
		time.Sleep(100 * time.Millisecond)
	}
	if a.mute {
		a.AwaitDrained(t, a.o.Bytes.Load())
	} else {
		settle(t, a.Site, a.o)
	}
	took := time.Since(begun)
	close(stop)
	<-done
	settle(t, a.Site, a.o)
	rss := peakRSS(t, a.p)
	t.Logf("%d lines delivered in %.1f s; at most %d MiB resident", a.o.Seq, took.Seconds(), rss)
	if rss > abuseRSS() {
		t.Errorf("%d MiB were resident, the bound is %d", rss, abuseRSS())
	}
}

// peakRSS is what a process had resident at most, in MiB.
func peakRSS(t *testing.T, p *site.Process) (mib int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(after, &mib); err != nil {
		t.Fatal(err)
	}
	return mib >> 10
}

// request is one that an attacker makes.
type request struct {
	name, path string
	header     http.Header
	body       []byte
	codes      string // of the answers that may come; "" is any 4xx
}

func (r *request) do(c *http.Client, url string) (code int, answer string) {
	q, err := http.NewRequest("POST", url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return 0, err.Error()
	}
	for k, v := range r.header {
		q.Header[k] = v
	}
	resp, err := c.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	p, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(p)
}

func encoded(encoding string) http.Header { return http.Header{"Content-Encoding": {encoding}} }

// nativeHeader is the header of a native request.
func nativeHeader() http.Header {
	return http.Header{"Content-Type": {native.ContentType}, native.AgentHeader: {strings.Repeat("ab", 16)}, native.EpochHeader: {"1"}}
}

func typed(typ string) http.Header { return http.Header{"Content-Type": {typ}} }

func gzipped(t *testing.T, n int) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	chunk := make([]byte, 1<<20)
	for range n >> 20 {
		if _, err := z.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	z.Close()
	return out.Bytes()
}

func zstded(t *testing.T, n int) []byte {
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithWindowSize(8<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 1<<20)
	for range n >> 20 {
		if _, err := z.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	z.Close()
	return out.Bytes()
}

// bombs sends little that claims to be, or becomes, very much.
func bombs(t *testing.T) {
	const protobuf = "application/x-protobuf"
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 1, 0, 0} // a window of 2 TiB
	single := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0, 255, 255, 255, 255, 255, 255, 255, 127, 1, 0, 0}
	frames := bytes.Repeat([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0}, 200_000)
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	z.Close()
	inBlock := func(payload []byte, raw int) []byte {
		return native.AppendFrame(nil, protocol.Frame{Sequence: 1, Records: 1, Raw: raw, Payload: payload})
	}
	snappy := func(n uint64, rest ...byte) []byte { return append(varint.AppendUvarint(nil, n), rest...) }
	zeros := s2.EncodeSnappy(nil, make([]byte, 64<<20))
	all := []request{
		{"zstd, 1 GiB of zeros", "/api/v1/ndjson", encoded("zstd"), zstded(t, 1<<30), "413"},
		{"zstd, a window of 2 TiB", "/api/v1/ndjson", encoded("zstd"), window, ""},
		{"zstd, a size of 2^63", "/api/v1/ndjson", encoded("zstd"), single, ""},
		{"zstd, 200,000 empty frames", "/api/v1/ndjson", encoded("zstd"), frames, "200"},
		{"gzip, 1 GiB of zeros", "/api/v1/ndjson", encoded("gzip"), gzipped(t, 1<<30), "413"},
		{"gzip, empty members", "/api/v1/ndjson", encoded("gzip"), bytes.Repeat(member.Bytes(), 50_000), "200"},
		{"gzip, 1 GiB of zeros for OTLP", "/v1/logs", http.Header{"Content-Type": {protobuf}, "Content-Encoding": {"gzip"}}, gzipped(t, 1<<30), "413"},
		{"snappy, 4 GiB declared", "/loki/api/v1/push", typed(protobuf), snappy(1<<32-1, 0), ""},
		{"snappy, 1 MiB declared and nothing there", "/loki/api/v1/push", typed(protobuf), snappy(1<<20, 0), ""},
		{"snappy, 64 MiB of zeros", "/loki/api/v1/push", typed(protobuf), zeros, "413"},
		{"native, a block of 1 GiB", native.Path, nativeHeader(), inBlock(zstded(t, 1<<30), 1<<28), ""},
		{"native, a block with a window of 2 TiB", native.Path, nativeHeader(), inBlock(window, 1<<28), ""},
		{"native, a block that is none", native.Path, nativeHeader(), inBlock([]byte("none"), 4), ""},
	}
	attack(t, all)
}

// attack sends requests again and again from many clients, while an agent delivers.
func attack(t *testing.T, all []request) {
	c := &http.Client{Timeout: 60 * time.Second}
	for i := range all { // each alone, to see the answer and what it takes
		r := &all[i]
		a := site.New(t, binary, "", "")
		p := a.StartIndexer(t)
		code, answer := r.do(c, a.URL())
		ok := r.codes == "" && code >= 400 && code < 500 || strings.Contains(r.codes, fmt.Sprint(code)) && code != 0
		if !ok {
			t.Errorf("%s: %d %.200s", r.name, code, answer)
		}
		rss := peakRSS(t, p)
		t.Logf("%s, %d bytes: %d, %d MiB resident at most", r.name, len(r.body), code, rss)
		if rss > abuseRSS() {
			t.Errorf("%s: %d MiB were resident, the bound is %d", r.name, rss, abuseRSS())
		}
		p.Kill()
	}
	a := newAbused(t)
	var made atomic.Int64
	a.during(t, func(stop <-chan struct{}) {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for n := i; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					all[n%len(all)].do(c, a.URL())
					made.Add(1)
				}
			})
		}
		wg.Wait()
	})
	// What was stored of it can be asked for.
	labels := site.Get(t, a.URL()+"/loki/api/v1/labels?start=0")
	streams := site.Get(t, a.URL()+"/loki/api/v1/query_range?query=%7B%7D&start=0&limit=5000")
	rss := peakRSS(t, a.p)
	t.Logf("%d requests of 16 clients; %d bytes of labels, %d of an answer, %d MiB resident at most", made.Load(), len(labels), len(streams), rss)
	if rss > abuseRSS() {
		t.Errorf("%d MiB were resident, the bound is %d", rss, abuseRSS())
	}
}

// overLimits sends requests with too much of something.
func overLimits(t *testing.T) {
	many := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	always := func(s string) func(int) string { return func(int) string { return s } }
	line := func(n int) string { return `{"msg":"` + strings.Repeat("x", n) + `"}` }
	json := typed("application/json")
	loki := func(labels, values string) string {
		return `{"streams":[{"stream":{` + labels + `},"values":[` + values + `]}]}`
	}
	now := fmt.Sprint(time.Now().UnixNano())
	str := func(s string) []byte { return append(varint.AppendUvarint(nil, uint64(len(s))), s...) }
	// resourceLogs{scopeLogs{logRecords{}...}}
	otlp := func(records []byte) []byte {
		scope := append([]byte{0x12}, str(string(records))...)
		return append([]byte{0x0a}, str(string(scope))...)
	}
	pb := typed("application/x-protobuf")
	nested := []byte("x")
	for range 200 {
		nested = append([]byte{0x2a}, str(string(append([]byte{0x0a}, str(string(nested))...)))...) // AnyValue{arrayValue{...}}
	}
	var frames []byte
	for n := uint64(1); len(frames) < 16<<20-32; n++ {
		frames = native.AppendFrame(frames, protocol.Frame{Sequence: n, Records: 1, Raw: 1, Payload: []byte{0}})
	}
	attribute := append([]byte{0x32}, str(string(append([]byte{0x12}, str(string(nested))...)))...)
	attack(t, []request{
		{"a body of 17 MiB", "/api/v1/ndjson", nil, []byte(strings.Repeat(line(1000)+"\n", 17<<10)), "413"},
		{"a line of 15 MiB", "/api/v1/ndjson", nil, []byte(line(15 << 20)), "413"},
		{"a line of 7 MiB", "/api/v1/ndjson", nil, []byte(line(7 << 20)), "200"},
		{"200,000 lines", "/api/v1/ndjson", nil, []byte(strings.Repeat("{}\n", 200_000)), "400"},
		{"130,000 lines", "/api/v1/ndjson", nil, []byte(strings.Repeat("{}\n", 130_000)), "200"},
		{"a million members in a line", "/api/v1/ndjson", nil, []byte("{" + many(1_000_000, func(i int) string { return fmt.Sprintf(`"k%d":1,`, i) }) + `"a":1}`), "200 413 400"},
		{"a million equal members in a line", "/api/v1/ndjson", nil, []byte("{" + many(1_000_000, always(`"a":1,`)) + `"a":1}`), "200 413 400"},
		{"40 lines with 16,000 short names of their own", "/api/v1/ndjson", nil, []byte(many(40, func(i int) string {
			return "{" + many(16_000, func(j int) string { return fmt.Sprintf(`"%x":0,`, i*16_000+j) }) + `"msg":"m"}` + "\n"
		})), "413"},
		{"5,000 lines with 20 names of their own", "/api/v1/ndjson", nil, []byte(many(5_000, func(i int) string {
			return "{" + many(20, func(j int) string { return fmt.Sprintf(`"k%dx%d":%d,`, i, j, j) }) + `"msg":"m"}` + "\n"
		})), "200"},
		{"20,000 lines with 20 names of their own", "/api/v1/ndjson", nil, []byte(many(20_000, func(i int) string {
			return "{" + many(20, func(j int) string { return fmt.Sprintf(`"k%dx%d":%d,`, i, j, j) }) + `"msg":"m"}` + "\n"
		})), "413"},
		{"100,000 lines of 7,000 days", "/api/v1/ndjson", nil, []byte(many(100_000, func(i int) string {
			return `{"time":` + fmt.Sprint(time.Now().Unix()-int64(i%7000)*86400) + `,"msg":"old"}` + "\n"
		})), "200"},
		{"8 MiB of [", "/api/v1/ndjson", nil, []byte(`{"a":` + strings.Repeat("[", 8<<20)), ""},
		{"8 MiB of {", "/api/v1/ndjson", nil, []byte(strings.Repeat("{", 8<<20)), ""},
		{`8 MiB of \`, "/api/v1/ndjson", nil, []byte(`{"a":"` + strings.Repeat(`\`, 8<<20)), ""},
		{"a number of 4 MiB", "/api/v1/ndjson", nil, []byte(`{"a":` + strings.Repeat("9", 4<<20) + "}"), "200 413 400"},
		{"a key of 4 MiB", "/api/v1/ndjson", nil, []byte(`{"` + strings.Repeat("k", 4<<20) + `":1}`), "200 413 400"},
		{"Loki, 100,000 labels", "/loki/api/v1/push", json, []byte(loki(many(100_000, func(i int) string { return fmt.Sprintf(`"l%d":"v",`, i) })+`"a":"b"`, `["`+now+`","x"]`)), "400"},
		{"Loki, 100,000 streams", "/loki/api/v1/push", json, []byte(`{"streams":[` + many(100_000, func(i int) string {
			return fmt.Sprintf(`{"stream":{"l":"%d"},"values":[["%s","x"]]},`, i, now)
		}) + `{"stream":{},"values":[]}]}`), "204 400 413"},
		{"Loki, a label of 4 MiB", "/loki/api/v1/push", json, []byte(loki(`"a":"`+strings.Repeat("b", 4<<20)+`"`, `["`+now+`","x"],["`+now+`","y"]`)), "204 400 413"},
		{"native, 1.5 million blocks of a byte", native.Path, nativeHeader(), frames, "413"},
		{"OTLP, 4 million empty records", "/v1/logs", pb, otlp(bytes.Repeat([]byte{0x12, 0}, 4_000_000)), "413"},
		{"OTLP, a million resources", "/v1/logs", pb, bytes.Repeat([]byte{0x0a, 0}, 1_000_000), "200 413"},
		{"OTLP, a record with a million attributes", "/v1/logs", pb, otlp(append([]byte{0x12}, str(strings.Repeat("\x32\x00", 1_000_000))...)), "200 400 413"},
		{"OTLP, values nested 200 deep", "/v1/logs", pb, otlp(append([]byte{0x12}, str(string(attribute))...)), "200 400"},
	})
}

// slowClients has clients that never end what they began.
func slowClients(t *testing.T, args ...string) {
	a := newAbused(t, args...)
	a.mute = len(args) > 0 // with so few places a query has to be made again now and then
	for range 200 {        // something large to ask for
		a.o.Write(t, 300)
	}
	settle(t, a.Site, a.o)
	var dials, slow atomic.Int64
	trickle := func(stop <-chan struct{}, begin, more string) {
		for {
			c, err := net.Dial("tcp", a.IndexAddr)
			if err != nil {
				return
			}
			dials.Add(1)
			_, err = io.WriteString(c, begin)
			tick := time.NewTicker(200 * time.Millisecond)
			for err == nil {
				select {
				case <-tick.C:
					_, err = io.WriteString(c, more)
				case <-stop:
					err = io.EOF
				}
			}
			tick.Stop()
			c.Close()
			select {
			case <-stop:
				return
			default:
				slow.Add(1)
			}
		}
	}
	post := "POST " + native.Path + " HTTP/1.1\r\nHost: x\r\n" + native.AgentHeader + ": " + strings.Repeat("ab", 16) + "\r\n" + native.EpochHeader + ": 1\r\n"
	a.during(t, func(stop <-chan struct{}) {
		var wg sync.WaitGroup
		for range 150 {
			wg.Go(func() { trickle(stop, "GET /healthz HTTP/1.1\r\nHost: x\r\n", "X: y\r\n") })
			wg.Go(func() { trickle(stop, post+"Content-Length: 16000000\r\n\r\n", "x") })
			wg.Go(func() { trickle(stop, post+"Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n") })
			wg.Go(func() {
				trickle(stop, post+"Content-Length: 16000000\r\n\r\n"+strings.Repeat("x", 1<<20), "x")
			})
			wg.Go(func() {
				trickle(stop, "POST /loki/api/v1/query_range HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n", "a")
			})
		}
		for range 300 { // who asks and never reads
			wg.Go(func() {
				trickle(stop, strings.Repeat("GET /api/v1/records?query="+"%7Bwriter%3D%22w%22%7D&start=0"+" HTTP/1.1\r\nHost: x\r\n\r\n", 20), "")
			})
		}
		wg.Wait()
	})
	if slow.Load() == 0 {
		t.Error("no slow client was sent away")
	}
	t.Logf("%d connections of 1050 clients, %d closed by the indexer; %v bodies gave way", dials.Load(), slow.Load(), a.IndexMetric(t, "shipper_index_requests_slow_total"))
}

// idleConnections opens 10,000 connections, some with a request now and then,
// most without, and keeps them open.
func idleConnections(t *testing.T, room int, args ...string) {
	wanted := 10_000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	if room := int(limit.Cur) - 1000; room < wanted {
		t.Logf("the limit of open files, %d, leaves room for %d connections only", limit.Cur, room)
		wanted = room
	}
	a := newAbused(t, args...)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	connections := 0
	a.during(t, func(stop <-chan struct{}) {
		for i := range wanted {
			c, err := net.Dial("tcp", a.IndexAddr)
			if err != nil {
				t.Errorf("connection %d: %v", i, err)
				return
			}
			open = append(open, c)
			if i%3 == 0 {
				io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
				_, _ = bufio.NewReader(c).ReadString('\n')
			}
		}
		// Now: those without a request are closed after ten seconds.
		connections = int(a.IndexMetric(t, "shipper_index_connections"))
		<-stop
	})
	if len(open) < wanted {
		t.Errorf("%d connections of %d", len(open), wanted)
	}
	if n := connections; n > room || room > wanted && n < wanted*9/10 {
		t.Errorf("%d are open", n)
	}
	t.Logf("%d connections, %v open at a time, %v closed to make room", len(open), connections,
		a.IndexMetric(t, `shipper_index_connections_closed_total{which="old"}`))
}

// fewDescriptors has an indexer whose limit of open files is low.
func fewDescriptors(t *testing.T) {
	s := site.New(t, binary, "", "")
	site.Start(t, s.IndexLog, nil, need(t, "prlimit"), "--nofile=600:600", binary, "index", "--data", s.IndexDir(), "--listen", s.IndexAddr)
	site.Await(t, "the indexer to be ready", func() bool { return site.Status(s.URL()+"/ready") == 200 })
	if n := s.IndexMetric(t, "shipper_index_connections_limit"); n != 300 {
		t.Errorf("%v connections are let in", n)
	}
	s.AwaitIndexLog(t, "open_files=600")
	for range 1000 {
		c, err := net.Dial("tcp", s.IndexAddr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	d := newSender(s, 1)
	for _, q := range upTo(20) {
		if v, code := d.send(d.frame(q, 10)); v.Outcome != protocol.Accepted {
			t.Errorf("block %d: %d %s", q, code, v.Reason)
		}
	}
	d.want(t, 10, upTo(20)...)
	if log := s.IndexLog.String(); strings.Contains(log, "too many open files") {
		t.Errorf("it ran out of descriptors:\n%s", log)
	}
}
