package format

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipper/internal/frame"
	"shipper/internal/record"
	"shipper/test/load"
)

// benchmark parses about 128 KiB of text at a time, framed beforehand.
func benchmark(b *testing.B, text string) {
	var data []byte
	for len(data) < 128<<10 {
		data = append(data, text...)
	}
	ends := frame.New(frame.Options{}).Cut(data, nil, true, true)
	arena := make([]byte, len(data), 3*len(data))
	batch := new(record.Batch)
	p := New(Options{Zone: time.UTC})
	var hint uint64
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	cpu := cpuTime(b)
	for b.Loop() {
		copy(arena, data)
		batch.Reset(testStream, arena)
		lo := int32(0)
		for _, hi := range ends {
			p.Parse(batch, int(lo), int(hi), observed, &hint)
			lo = hi
		}
	}
	cpu = cpuTime(b) - cpu
	b.ReportMetric(float64(cpu)/float64(b.N*len(ends)), "cpu-ns/record")
	b.ReportMetric(float64(b.N*len(data))*1e3/float64(cpu), "cpu-MB/s")
}

// cpuTime returns the nanoseconds that the process has had of the processors:
// unlike the time on the wall they say something on a shared machine, too.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkReferenceLoad(b *testing.B) { benchmark(b, referenceLoad(500)) }

func referenceLoad(lines int) string {
	var text []byte
	w := load.New(1)
	for range lines {
		text = w.Append(text)
	}
	return string(text)
}

// BenchmarkCorpus parses all of each format's corpus.
func BenchmarkCorpus(b *testing.B) {
	dirs, err := filepath.Glob("testdata/*")
	if err != nil || len(dirs) == 0 {
		b.Fatal(err)
	}
	for _, dir := range dirs {
		files, _ := filepath.Glob(dir + "/*.log")
		if len(files) == 0 {
			continue
		}
		var text strings.Builder
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				b.Fatal(err)
			}
			if !bytes.Contains(data, []byte("\x1b[")) {
				text.Write(data)
			}
		}
		if text.Len() > 0 { // color-eyre's is all in colours
			b.Run(filepath.Base(dir), func(b *testing.B) { benchmark(b, text.String()) })
		}
	}
}

// BenchmarkLine parses one line of each format as services write it all day.
func BenchmarkLine(b *testing.B) {
	f := func(name, line string) {
		b.Run(name, func(b *testing.B) { benchmark(b, line+"\n") })
	}
	f("slog-json", `{"time":"2026-11-23T06:25:41.562891506Z","level":"INFO","msg":"request handled","service":"checkout","method":"GET","path":"/api/v1/users/4711","status":200,"took":1532000,"bytes":5120,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}`)
	f("zerolog-json", `{"level":"info","service":"checkout","method":"GET","path":"/api/v1/users/4711","status":200,"latency":1.532,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","time":"2026-11-23T06:25:42Z","caller":"/src/http/server.go:21","message":"request handled"}`)
	f("tracing-json", `{"timestamp":"2026-11-23T06:33:43.962231Z","level":"INFO","fields":{"message":"request handled","status":200,"latency":"1.532ms"},"target":"checkout::http","span":{"method":"GET","path":"/api/v1/users/4711","name":"request"},"spans":[{"method":"GET","path":"/api/v1/users/4711","name":"request"}]}`)
	f("slog-text", `time=2026-11-23T06:25:41.562Z level=INFO msg="request handled" service=checkout method=GET path=/api/v1/users/4711 status=200 took=1.532ms bytes=5120 user="Ann B" trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7`)
	f("logrus-text", `time="2026-11-23T06:25:42Z" level=info msg="request handled" bytes=5120 latency=1.532ms method=GET path=/api/v1/users/4711 service=checkout status=200 trace_id=4bf92f3577b34da6a3ce929d0e0e4736`)
	f("gokit-logfmt", `ts=2026-11-23T06:25:41.549949603Z caller=head.go:139 level=info component=tsdb msg="Head GC completed" caller=head.go:1213 duration=1.532ms segment=128`)
	f("klog", `I1123 06:25:41.544861    1705 kubelet.go:1953] "SyncLoop UPDATE" source="api" pods=["kube-system/coredns-558bd4d5db-x2v9k"] podUID="d4b0c7e8-1f7f-4f2e-9f55-1ad0f3a4b1c2"`)
	f("klog-text", `I1123 06:25:41.544778    1705 reflector.go:50] caches populated for *v1.Pod from k8s.io/client-go/informers/factory.go:150`)
	f("tracing-full", `2026-11-23T06:33:43.947175Z  INFO checkout::http: request handled method=GET path=/api/v1/users/4711 status=200 latency=1.532ms bytes=5120`)
	f("tracing-full-spans", `2026-11-23T06:33:43.947175Z  INFO request{method=GET path=/api/v1/users/4711 request_id="a1b2"}:auth{user=42}: checkout::http: request handled status=200 latency=1.532ms`)
	f("env_logger", `[2026-11-23T06:33:43Z INFO  checkout::http] GET /api/v1/users/4711 200 1.532ms from 10.0.0.7`)
	f("tracing-compact", `2026-11-23T06:33:43.947175Z  INFO request:auth: checkout::http: request handled status=200 latency=1.532ms method=GET path=/api/v1/users/4711 request_id="a1b2" user=42`)
	f("tracing-pretty", "  2026-11-23T06:33:43.947175Z  INFO checkout::http: request handled, status: 200, latency: 1.532ms\n    at src/http.rs:38 on main ThreadId(1)\n    in checkout::http::request with method: \"GET\", path: /api/v1/users/4711\n")
	f("tracing-logfmt", `ts=2026-11-23T06:33:43.947175633Z level=info target=checkout::http span=auth span_path=request>auth message="request handled" status=200 latency=1.532ms method=GET path=/api/v1/users/4711`)
	f("tracing-bunyan", `{"v":0,"name":"checkout","msg":"[REQUEST - EVENT] request handled","level":30,"hostname":"node-17","pid":10317,"time":"2026-11-23T06:33:43.947175633Z","target":"checkout::http","line":31,"file":"src/http.rs","status":200,"path":"/api/v1/users/4711","method":"GET"}`)
	f("tracing-stackdriver", `{"time":"2026-11-23T06:33:43.947175633Z","target":"checkout::http","logging.googleapis.com/sourceLocation":{"file":"src/http.rs","line":"31"},"span":{"method":"GET","path":"/api/v1/users/4711","name":"request"},"spans":[{"method":"GET","path":"/api/v1/users/4711","name":"request"}],"severity":"INFO","message":"request handled","status":200}`)
	f("json-subscriber", `{"fields":{"latency":"1.532ms","message":"request handled","status":200},"level":"INFO","span":{"method":"GET","name":"request","path":"/api/v1/users/4711"},"spans":[{"method":"GET","name":"request","path":"/api/v1/users/4711"}],"target":"checkout::http","timestamp":"2026-11-23T06:33:43.962231Z"}`)
	f("log4rs-json", `{"time":"2026-11-23T06:33:43.947175633+00:00","level":"INFO","message":"GET /api/v1/users/4711 200 1.532ms","module_path":"checkout::http","file":"src/http.rs","line":14,"target":"checkout::http","thread":"main","thread_id":139845576411520,"mdc":{}}`)
	f("slog-rs-json", `{"msg":"request handled","level":"INFO","ts":"2026-11-23T06:33:43.947175633Z","request_id":"a1b2","path":"/api/v1/users/4711","method":"GET","status":200,"latency":"1.532ms"}`)
	f("slog-term", `Nov 23 06:33:43.970 INFO request handled, latency: 1.532ms, status: 200, request_id: a1b2, path: /api/v1/users/4711, method: GET`)
	f("simple_logger", `2026-11-23T06:33:43.947Z INFO  [checkout::http] GET /api/v1/users/4711 200 1.532ms from 10.0.0.7`)
	f("simplelog", `06:33:43 [DEBUG] (1) checkout::http: GET /api/v1/users/4711 200 1.532ms from 10.0.0.7`)
	f("log4rs", `2026-11-23T06:33:43.947175633+00:00 INFO checkout::http - GET /api/v1/users/4711 200 1.532ms from 10.0.0.7`)
	f("flexi_logger", `[2026-11-23 06:33:43.947175 +00:00] INFO [checkout::http] src/http.rs:14: GET /api/v1/users/4711 200 1.532ms from 10.0.0.7`)
	f("fern", `[2026-11-23][06:33:43][checkout::http][INFO] GET /api/v1/users/4711 200 1.532ms from 10.0.0.7`)
	f("actix", `[2026-11-23T06:33:43Z INFO  actix_web::middleware::logger] 127.0.0.1:54184 "GET /api/v1/users/4711 HTTP/1.1" 200 5120 "-" "curl/8.5.0" 0.001532`)
	f("substrate", `2026-11-23 06:33:43 [Relaychain] 💤 Idle (29 peers), best: #21830115 (0x1c4d…a1f0), finalized #21830112 (0x6d6a…2f4b), ⬇ 1.1MiB/s ⬆ 312.7kiB/s`)
	f("go-std", `2026/11/23 06:25:41 server.go:71: user 4711 logged in from 10.0.0.7 with a session of 3600 seconds`)
	f("slog-default", `2026/11/23 06:25:41 INFO request handled method=GET path=/api/v1/users/4711 status=200 took=1.532ms`)
	f("zap-console", "2026-11-23T06:25:42.165Z\tINFO\thttp.router\tgo/zapz.go:24\trequest handled\t{\"method\": \"GET\", \"path\": \"/api/v1/users/4711\", \"status\": 200, \"latency\": \"1.532ms\"}")
	f("zerolog-console", `2026-11-23T06:25:42Z INF http/server.go:21 > request handled latency=1.532 method=GET path=/api/v1/users/4711 service=checkout status=200`)
	f("tint", `Nov 23 06:25:41.554 INF request handled http.method=GET http.path=/api/v1/users/4711 http.status=200 took=1.532ms`)
	f("hclog-text", `2026-11-23T06:25:41.547Z [INFO]  consul.http: request handled: method=GET path=/api/v1/users/4711 status=200 latency=1.532ms`)
	f("logrus-tty", `INFO[0042] request handled                               latency=1.532ms method=GET path=/api/v1/users/4711 status=200`)
	f("logrus-nested", `2026-11-23T06:25:42Z [INFO] [method:GET] [path:/api/v1/users/4711] [status:200] request handled (/src/http/server.go:21 main.serve)`)
	f("geth", `INFO [11-23|06:25:41.556] Imported new potential chain segment     number=17,034,870 hash=6bd5a4..b0d2b1 blocks=1 txs=123 mgas=12.345 elapsed=123.456ms mgasps=100.100`)
	f("apex", `  INFO[0042] request handled           latency=1.532ms method=GET path=/api/v1/users/4711 status=200`)
	f("charm", `2026/11/23 06:25:41 INFO <http/server.go:171> request handled method=GET path=/api/v1/users/4711 status=200 latency=1.532ms`)
	f("kratos", `INFO ts=2026-11-23T06:25:41Z caller=http/server.go:321 service.id=h1 service.name=checkout trace.id=4bf92f3577b34da6a3ce929d0e0e4736 span.id=00f067aa0ba902b7 msg=request handled status=200`)
	f("go-zero", "2026-11-23T06:25:42.202Z\t info \trequest handled\tstatus=200\tmethod=GET\tpath=/api/v1/users/4711\tcaller=http/server.go:335")
	f("gin", "[GIN] 2026/11/23 - 06:25:41 | 200 |   11.727µs |        10.0.0.7 | GET      \"/api/v1/users/4711?fields=name\"")
	f("fiber", "06:25:41 | 200 |       1.482µs | 10.0.0.7 | GET | /api/v1/users/4711?fields=name | -")
	f("access-log", `10.0.0.7 - ann [23/Nov/2026:06:25:41 +0000] "GET /api/v1/users/4711 HTTP/1.1" 200 5120 "https://shop.example/cart" "Mozilla/5.0 (X11; Linux x86_64)"`)
	f("chi", `2026/11/23 06:25:41 [node-17/HJGCgAceNd-000001] "GET http://example.com/api/v1/users/4711 HTTP/1.1" from 10.0.0.7:51234 - 200 5120B in 9.147µs`)
	f("gorm", "2026/11/23 06:25:41 /src/shop/users.go:157 SLOW SQL >= 200ms\n[213.134ms] [rows:1] SELECT * FROM `users` WHERE `users`.`id` = 4711 ORDER BY `users`.`id` LIMIT 1")
	f("grpclog", `2026/11/23 06:25:41 INFO: [core] [Channel #1] Channel Connectivity change to CONNECTING`)
	f("stdr", `2026/11/23 06:25:41 http.go:97: "level"=0 "msg"="request handled" "method"="GET" "path"="/api/v1/users/4711" "status"=200`)
	f("funcr", `controllers/Pod: "ts"="2026-11-23 06:25:42.175258" "caller"={"file"="pod.go" "line"=91} "level"=0 "msg"="reconciled" "pod"="shop-7d4b9" "took"="1.532ms"`)
	f("nats", `[1705] 2026/11/23 06:25:41.936915 [INF] Listening for client connections on 127.0.0.1:40253`)
	f("tidb", `[2026/11/23 06:25:41.554 +00:00] [INFO] [server.go:240] ["new connection"] [conn=4711] [remoteAddr=10.0.0.7:51234] [sql="SELECT * FROM t"]`)
	f("calico", `2026-11-23 06:25:41.554 [INFO][68] felix/status_combiner.go 81: Endpoint up for at least one IP version id=proto.WorkloadEndpointID{OrchestratorId:"k8s", WorkloadId:"shop/web-0"} ipVersion=0x4 status="up"`)
	f("coredns", `[INFO] 10.0.0.7:56799 - 51264 "A IN payments.shop.svc.cluster.local. udp 52 false 512" NOERROR qr,rd,ra 52 0.001029851s`)
	f("cockroachdb", `I261123 06:25:41.073282 14 1@server/node.go:464 ⋮ [T1,Vsystem,n1] 23  node connected via gossip and verified as part of cluster ‹"a1b2"›`)
	f("text", `listening on port 8080 and some more words to read for whoever is interested in it`)
}

func BenchmarkColours(b *testing.B) {
	data, err := os.ReadFile("testdata/tracing-full/ansi.log")
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, string(data))
}

// BenchmarkEncodingJSON is the yardstick: encoding/json into a map.
func BenchmarkEncodingJSON(b *testing.B) {
	line := []byte(referenceLoad(1))
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			b.Fatal(err)
		}
	}
}
