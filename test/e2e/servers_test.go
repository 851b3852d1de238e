package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shipper/test/site"
)

// thirdParty is a server of somebody else's, in a process of its own. "make
// servers" builds them from the modules in test/servers.
type thirdParty struct {
	name   string
	form   string // of its protocol, if it is not the usual one
	start  func(t *testing.T, log *site.Log, program, dir, addr string) *site.Process
	ready  string                                    // path that answers 200
	output func(url string) string                   // the YAML of an output, its name left out
	stored func(t *testing.T, dir, url string) []row // all that it has
	canon  func(row) canon
	flat   bool                              // members of objects are fields
	lossy  func(name, want, got string) bool // a difference that is the server's nature
	once   bool                              // it knows a repeat and stores it once
}

// row is a record as a server gives it back.
type row struct {
	line, id string
	fields   map[string]any
}

var thirdParties = []thirdParty{loki, otelCollector, victoriaLogs}

// program returns the path of a built server, or skips the test.
func (p *thirdParty) program(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", "servers", p.name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("bin/servers/%s is not there: \"make servers\" builds it", p.name)
	}
	return path
}

// run starts the server and returns its address and directory.
func (p *thirdParty) run(t *testing.T) (url, dir string) {
	t.Helper()
	program := p.program(t)
	dir, addr, log := t.TempDir(), site.FreePort(t), new(site.Log)
	p.start(t, log, program, dir, addr)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s", p.name, log.Tail())
		}
	})
	url = "http://" + addr
	if p.ready != "" {
		site.Await(t, p.name+" to be ready", func() bool { return site.Status(url+p.ready) == 200 })
	}
	return url, dir
}

// losingAcks returns the address of a proxy to target that forwards everything
// and cuts every fourth connection instead of handing on the answer.
func losingAcks(t *testing.T, target string) (address string, lost *atomic.Int64) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(u)
	var requests atomic.Int64
	lost = new(atomic.Int64)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1)%4 != 2 {
			forward.ServeHTTP(w, r)
			return
		}
		lost.Add(1)
		forward.ServeHTTP(httptest.NewRecorder(), r) // stored
		reset(w)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL, lost
}

// TestThirdPartyServers ships to real servers of others while answers are lost
// and the agent is killed, and asks them for every line. What one of them has
// twice it has under one ID.
func TestThirdPartyServers(t *testing.T) {
	for _, p := range thirdParties {
		t.Run(p.name, func(t *testing.T) {
			target, dir := p.run(t)
			proxy, lost := losingAcks(t, target)
			s := site.New(t, binary, "", "")
			s.SetOutput(t, p.output(proxy))
			agent := s.StartAgent(t)
			o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
			o.Pause = 5 * time.Millisecond
			s.Begin(t, o)
			for range 3 {
				o.Write(t, 4000)
				agent.Kill()
				agent = s.StartAgent(t)
			}
			o.Write(t, 2000)
			s.AwaitDrained(t, o.Bytes.Load())
			agent.Stop(t)

			var rows []row
			site.Await(t, "all lines to be found", func() bool {
				rows = p.stored(t, dir, target)
				return len(distinct(rows)) >= o.Seq
			})
			lines, ids := make([]string, len(rows)), map[string]string{}
			for i, r := range rows {
				lines[i] = r.line
				if id, ok := ids[r.line]; ok && (id != r.id || id == "") {
					t.Errorf("%q is there as %q and as %q", r.line, id, r.id)
				}
				ids[r.line] = r.id
			}
			v := o.Judge(lines)
			t.Logf("%s: %v; %d answers were lost", p.name, v, lost.Load())
			if v.Missing+v.Torn > 0 || v.Found != o.Seq || p.once && v.Repeated > 0 {
				t.Errorf("%v, of %d written", v, o.Seq)
			}
			if lost.Load() == 0 {
				t.Error("no answer was lost: the test shows nothing")
			}
		})
	}
}

func distinct(rows []row) map[string]bool {
	all := map[string]bool{}
	for _, r := range rows {
		all[r.line] = true
	}
	return all
}

var loki = thirdParty{
	name: "loki",
	start: func(t *testing.T, log *site.Log, program, dir, addr string) *site.Process {
		config := filepath.Join(dir, "loki.yaml")
		host, port, _ := net.SplitHostPort(addr)
		ring, grpc, _ := net.SplitHostPort(site.FreePort(t))
		text := fmt.Sprintf(`auth_enabled: false
server: {http_listen_address: %[1]s, http_listen_port: %[2]s, grpc_listen_address: %[3]s, grpc_listen_port: %[4]s, log_level: warn}
common:
  path_prefix: %[5]s
  replication_factor: 1
  instance_addr: %[3]s
  ring: {instance_addr: %[3]s, kvstore: {store: inmemory}}
  storage: {filesystem: {chunks_directory: %[5]s/chunks, rules_directory: %[5]s/rules}}
schema_config:
  configs:
    - {from: 2020-10-24, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}
ingester: {max_chunk_age: 240h} # half of it is how far entries may be behind
limits_config:
  reject_old_samples: false
  max_query_length: 0
  split_queries_by_interval: 0
  shard_streams: {enabled: false} # puts what is sent again into another stream, where it is no repeat
  allow_structured_metadata: true
  discover_service_name: []
  discover_log_levels: false
  ingestion_rate_mb: 100
  ingestion_burst_size_mb: 200
  per_stream_rate_limit: 100MB
  per_stream_rate_limit_burst: 200MB
analytics: {reporting_enabled: false}
`, host, port, ring, grpc, dir)
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return site.Start(t, log, nil, program, "-config.file="+config)
	},
	ready:  "/ready",
	output: func(url string) string { return "loki: {url: " + url + "}" },
	stored: lokiRows,
	canon: func(r row) canon {
		c := canon{"line": r.line}
		for name, value := range r.fields {
			c.set(name, value)
		}
		return c
	},
	lossy: func(name, want, got string) bool { // metadata without a value is none; of records with one time the later ones are behind it
		w, _ := strconv.ParseInt(want, 10, 64)
		g, _ := strconv.ParseInt(got, 10, 64)
		return want == "" && got == "" || name == "time" && g > w && g < w+int64(time.Microsecond)
	},
	once: true,
}

var otelCollector = thirdParty{
	name:   "otelcol",
	start:  startCollector("http"),
	output: func(url string) string { return "otlp: {url: " + url + "}" },
	stored: func(t *testing.T, dir, _ string) (rows []row) {
		text, err := os.ReadFile(filepath.Join(dir, "logs.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, request := range jsonLines(t, text[:bytes.LastIndexByte(text, '\n')+1]) {
			rows = append(rows, otlpRows(request)...)
		}
		return rows
	},
	canon: otlpCanon,
	lossy: func(_, want, got string) bool { // an integer beyond 64 bits with a sign is text in OTLP
		return strings.ReplaceAll(got, `"18446744073709551615"`, "18446744073709551615") == want
	},
}

// startCollector starts a collector that receives OTLP over http or grpc.
func startCollector(over string) func(t *testing.T, log *site.Log, program, dir, addr string) *site.Process {
	return func(t *testing.T, log *site.Log, program, dir, addr string) *site.Process {
		config := filepath.Join(dir, "otelcol.yaml")
		text := fmt.Sprintf(`receivers: {otlp: {protocols: {%s: {endpoint: %s}}}}
exporters: {file: {path: %s/logs.json, flush_interval: 100ms}}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines: {logs: {receivers: [otlp], exporters: [file]}}
`, over, addr, dir)
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		p := site.Start(t, log, nil, program, "--config", "file:"+config)
		site.Await(t, "the collector to listen", func() bool {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
		return p
	}
}

// otherForms are the servers again, reached by what their protocols have besides.
func otherForms() []thirdParty {
	lokiJSON, otlpJSON, otlpGRPC := loki, otelCollector, otelCollector
	lokiJSON.form, lokiJSON.output = "-json", func(url string) string { return "loki: {url: " + url + ", form: json}" }
	otlpJSON.form, otlpJSON.output = "-json", func(url string) string { return "otlp: {url: " + url + ", form: json, compression: zstd}" }
	otlpGRPC.form, otlpGRPC.output = "-grpc", func(url string) string { return "otlp: {url: " + url + ", form: grpc}" }
	otlpGRPC.start = startCollector("grpc")
	return []thirdParty{lokiJSON, otlpJSON, otlpGRPC}
}

// lokiRows are all entries of a Loki, page by page. Its labels and metadata come
// as one set of labels for each stream of the answer.
func lokiRows(t *testing.T, _, base string) (rows []row) {
	const limit = 5000
	seen := map[string]int{}
	for start := strconv.FormatInt(time.Now().AddDate(-4, 0, 0).UnixNano(), 10); ; {
		q := url.Values{"query": {`{service_name=~".+"}`}, "start": {start}, "end": {strconv.FormatInt(time.Now().Add(time.Hour).UnixNano(), 10)},
			"limit": {strconv.Itoa(limit)}, "direction": {"forward"}}
		var reply struct {
			Data struct {
				Result []struct {
					Stream map[string]any
					Values [][2]string
				}
			}
		}
		if err := json.Unmarshal(site.Get(t, base+"/loki/api/v1/query_range?"+q.Encode()), &reply); err != nil {
			t.Fatal(err)
		}
		n, last := 0, start
		page := map[string]int{}
		for _, s := range reply.Data.Result {
			for _, v := range s.Values {
				n++
				if len(v[0]) > len(last) || len(v[0]) == len(last) && v[0] > last {
					last = v[0]
				}
				id, _ := s.Stream["log_record_uid"].(string)
				key := v[0] + id + v[1]
				if page[key]++; page[key] <= seen[key] && v[0] == start {
					continue // the end of the page before
				}
				fields := map[string]any{"time": v[0]}
				for name, value := range s.Stream {
					fields[name] = value
				}
				rows = append(rows, row{line: v[1], id: id, fields: fields})
			}
		}
		if n < limit {
			return rows
		}
		if last == start {
			t.Fatalf("more than %d entries at %s", limit, start)
		}
		seen, start = page, last
	}
}

// otlpRows are the records of one request in OTLP's JSON.
func otlpRows(request map[string]any) (rows []row) {
	list := func(v any, key string) []any {
		m, _ := v.(map[string]any)
		all, _ := m[key].([]any)
		return all
	}
	for _, resource := range list(request, "resourceLogs") {
		for _, scope := range list(resource, "scopeLogs") {
			for _, r := range list(scope, "logRecords") {
				fields := r.(map[string]any)
				body, _ := fields["body"].(map[string]any)
				line, _ := body["stringValue"].(string)
				one := row{line: line, fields: fields}
				scopeName, _ := scope.(map[string]any)["scope"].(map[string]any)
				fields["scope"], _ = scopeName["name"].(string)
				resourceOf, _ := resource.(map[string]any)["resource"].(map[string]any)
				fields["resource"] = resourceOf["attributes"]
				for _, a := range list(r, "attributes") {
					attribute, _ := a.(map[string]any)
					if attribute["key"] == "log.record.uid" {
						value, _ := attribute["value"].(map[string]any)
						one.id, _ = value["stringValue"].(string)
					}
				}
				rows = append(rows, one)
			}
		}
	}
	return rows
}

var victoriaLogs = thirdParty{
	name: "victoria-logs",
	start: func(t *testing.T, log *site.Log, program, dir, addr string) *site.Process {
		return site.Start(t, log, nil, program, "-storageDataPath="+dir, "-httpListenAddr="+addr)
	},
	ready: "/health",
	output: func(url string) string {
		return "http: {url: \"" + url + "/insert/jsonline?_msg_field=message&_time_field=timestamp&_stream_fields=service.name,host.name\"}"
	},
	stored: func(t *testing.T, _, url string) (rows []row) {
		for _, fields := range jsonLines(t, site.Get(t, url+"/select/logsql/query?query=*&limit=1000000")) {
			line, _ := fields["_msg"].(string)
			id, _ := fields["id"].(string)
			rows = append(rows, row{line, id, fields})
		}
		return rows
	},
	canon: victoriaCanon,
	flat:  true,
	lossy: func(name, want, got string) bool { // a field without text is no field, and every record has a message
		return want == "" && (got == "" || name == "line" && strings.HasPrefix(got, "missing _msg field")) || want == "null" && got == ""
	},
}

func jsonLines(t *testing.T, body []byte) (all []map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	for {
		var object map[string]any
		err := d.Decode(&object)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, object)
	}
}
