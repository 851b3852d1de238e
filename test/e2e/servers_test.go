package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// thirdParty is a server of somebody else's, in a process of its own. "make
// servers" builds them from the modules in test/servers.
type thirdParty struct {
	name   string
	start  func(t *testing.T, log *logFile, program, dir, addr string) *process
	ready  string                                    // path that answers 200
	output func(url string) string                   // the YAML of an output, its name left out
	stored func(t *testing.T, dir, url string) []row // all that it has
	once   bool                                      // it knows a repeat and stores it once
}

// row is a record as a server gives it back.
type row struct {
	line, id string
	fields   map[string]any
}

var thirdParties = []thirdParty{victoriaLogs}

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
	dir, addr, log := t.TempDir(), freePort(t), new(logFile)
	p.start(t, log, program, dir, addr)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s", p.name, tail(log.String()))
		}
	})
	url = "http://" + addr
	if p.ready != "" {
		await(t, p.name+" to be ready", func() bool { return status(url+p.ready) == 200 })
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
			s := newSite(t, "", "")
			s.setOutput(t, p.output(proxy))
			agent := s.startAgent(t)
			o := newOracle(s.logs, "w", renameIt, 5000)
			o.pause = 5 * time.Millisecond
			s.begin(t, o)
			for range 3 {
				o.write(t, 4000)
				agent.kill()
				agent = s.startAgent(t)
			}
			o.write(t, 2000)
			s.awaitDrained(t, o.bytes.Load())
			agent.stop(t)

			var rows []row
			await(t, "all lines to be found", func() bool {
				rows = p.stored(t, dir, target)
				return len(distinct(rows)) >= o.seq
			})
			lines, ids := make([]string, len(rows)), map[string]string{}
			for i, r := range rows {
				lines[i] = r.line
				if id, ok := ids[r.line]; ok && (id != r.id || id == "") {
					t.Errorf("%q is there as %q and as %q", r.line, id, r.id)
				}
				ids[r.line] = r.id
			}
			v := o.judge(lines)
			t.Logf("%s: %v; %d answers were lost", p.name, v, lost.Load())
			if v.missing+v.torn > 0 || v.found != o.seq || p.once && v.repeated > 0 {
				t.Errorf("%v, of %d written", v, o.seq)
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

// setOutput replaces the outputs of the configuration by one.
func (s *site) setOutput(t *testing.T, output string) {
	t.Helper()
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := bytes.Cut(text, []byte("outputs:"))
	if err := os.WriteFile(s.config, fmt.Appendf(before, "outputs:\n  - name: index\n    %s\n", output), 0o644); err != nil {
		t.Fatal(err)
	}
}

var victoriaLogs = thirdParty{
	name: "victoria-logs",
	start: func(t *testing.T, log *logFile, program, dir, addr string) *process {
		return startProgram(t, log, program, "-storageDataPath="+dir, "-httpListenAddr="+addr)
	},
	ready: "/health",
	output: func(url string) string {
		return "http: {url: \"" + url + "/insert/jsonline?_msg_field=message&_time_field=timestamp&_stream_fields=service.name,host.name\"}"
	},
	stored: func(t *testing.T, _, url string) (rows []row) {
		for _, fields := range jsonLines(t, get(t, url+"/select/logsql/query?query=*&limit=1000000")) {
			line, _ := fields["_msg"].(string)
			id, _ := fields["id"].(string)
			rows = append(rows, row{line, id, fields})
		}
		return rows
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
