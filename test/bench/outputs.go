package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
)

// childVoid is an HTTP server that takes everything, forgets it, and answers as
// the receivers of each protocol do. It prints its address.
func childVoid() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(err)
	fmt.Println(l.Addr())
	fatal(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, native.Path) {
			io.Copy(io.Discard, r.Body)
			switch {
			case strings.Contains(r.URL.Path, "/loki/"):
				w.WriteHeader(http.StatusNoContent)
			case strings.HasSuffix(r.URL.Path, "/_bulk"):
				io.WriteString(w, `{"errors":false,"items":[]}`)
			}
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply := native.Reply{}
		if err := native.Decode(body, func(f protocol.Frame) error {
			reply.Through = f.Sequence
			reply.Stored++
			return nil
		}); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		native.WriteReply(w, reply)
	})))
}

// outputs measures the protocols against each other, and two outputs against
// one, all with a receiver that does nothing.
func (b *bench) outputs() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	void := exec.Command(exe, "child-void")
	void.Stderr = os.Stderr
	pipe, err := void.StdoutPipe()
	if err != nil {
		return err
	}
	if err := void.Start(); err != nil {
		return err
	}
	defer func() { void.Process.Kill(); void.Wait() }()
	address := bufio.NewScanner(pipe)
	if !address.Scan() {
		return fmt.Errorf("the receiver did not start")
	}
	url := "http://" + address.Text()
	native := 0.0
	for _, c := range []struct{ what, yaml string }{
		{"native", "native: {url: " + url + "}"},
		{"two native", "native: {url: " + url + "}\n  - name: two\n    native: {url: " + url + "}"},
		{"http, NDJSON, zstd", "http: {url: " + url + "}"},
		{"elasticsearch", "elasticsearch: {url: " + url + ", index: logs}"},
		{"loki", "loki: {url: " + url + "}"},
		{"otlp, gzip", "otlp: {url: " + url + "}"},
		{"otlp, zstd", "otlp: {url: " + url + ", compression: zstd}"},
		{"otlp, none", "otlp: {url: " + url + ", compression: none}"},
	} {
		spent, err := b.output(c.what, c.yaml)
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		if native == 0 {
			native = spent.cpu
		}
		b.row("agent: output "+c.what, spent, 0, 0, fmt.Sprintf("%.2f x the native output", spent.cpu/native))
	}
	return nil
}

// output runs an agent until all outputs have the whole load.
func (b *bench) output(what, yaml string) (cost, error) {
	dir := filepath.Join(b.dir, "output-"+strings.NewReplacer(" ", "-", ",", "").Replace(what))
	a, err := b.startWith(dir, b.file, "  - name: out\n    "+yaml+"\n")
	if err != nil {
		return cost{}, err
	}
	if err := a.ready(); err != nil {
		a.stop()
		return cost{}, err
	}
	want := float64(b.lines * (1 + strings.Count(yaml, "- name: ")))
	for end := time.Now().Add(2 * time.Minute); a.sum("shipper_output_records_total") < want; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			a.stop()
			return cost{}, fmt.Errorf("%.0f of %.0f records delivered within two minutes", a.sum("shipper_output_records_total"), want)
		}
	}
	wall := time.Since(a.start)
	c, err := a.stop()
	c.wall = wall
	return c, err
}

// sum returns the sum of a metric's samples.
func (a *agent) sum(name string) (sum float64) {
	resp, err := http.Get("http://" + a.metrics + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name+"{"); ok {
			var v float64
			fmt.Sscan(rest[strings.LastIndexByte(rest, ' ')+1:], &v)
			sum += v
		}
	}
	return sum
}
