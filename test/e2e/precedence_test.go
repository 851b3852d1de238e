package e2e

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"shipper/test/site"
)

// origin is what records say about where they come from, by their message and
// the name, with underscores.
type origin struct {
	mu sync.Mutex
	of map[string]map[string]string
}

// origins are the names that a record, its input and the node may all have.
var origins = []string{"service.name", "deployment.environment.name", "service.version", "host.name", "process.pid"}

func (o *origin) set(message, name string, value any) {
	name = strings.ReplaceAll(name, ".", "_")
	for _, known := range origins {
		if name != strings.ReplaceAll(known, ".", "_") {
			continue
		}
		text, ok := value.(string)
		if n, isNumber := value.(float64); isNumber {
			text, ok = strconv.FormatFloat(n, 'f', -1, 64), true
		}
		if before := o.of[message][name]; !ok || before != "" && before != text {
			text = "both " + before + " and " + text
		}
		o.of[message][name] = text
	}
}

func (o *origin) record(message string) {
	if o.of == nil {
		o.of = map[string]map[string]string{}
	}
	if o.of[message] == nil {
		o.of[message] = map[string]string{}
	}
}

func (o *origin) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.of)
}

// originServer takes requests of JSON, compressed with gzip, and has take note
// what they say.
func originServer(t *testing.T, take func(o *origin, body []byte) error) (*origin, string) {
	o := new(origin)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(r.Body)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(z)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if err == nil {
			err = take(o, body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/loki/") {
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(s.Close)
	return o, s.URL
}

func takeOTLP(o *origin, body []byte) error {
	type attributes []struct {
		Key   string
		Value struct{ StringValue, IntValue *string }
	}
	var request struct {
		ResourceLogs []struct {
			Resource  struct{ Attributes attributes }
			ScopeLogs []struct {
				LogRecords []struct {
					Body       struct{ StringValue string }
					Attributes attributes
				}
			}
		}
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return err
	}
	for _, resource := range request.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			for _, r := range scope.LogRecords {
				o.record(r.Body.StringValue)
				for _, a := range append(r.Attributes, resource.Resource.Attributes...) {
					if v := a.Value.StringValue; v != nil {
						o.set(r.Body.StringValue, a.Key, *v)
					} else if v := a.Value.IntValue; v != nil {
						o.set(r.Body.StringValue, a.Key, *v)
					}
				}
			}
		}
	}
	return nil
}

func takeLoki(o *origin, body []byte) error {
	var request struct {
		Streams []struct {
			Stream map[string]string
			Values [][]any
		}
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return err
	}
	for _, s := range request.Streams {
		for _, v := range s.Values {
			message := v[1].(string)
			o.record(message)
			for name, value := range s.Stream {
				o.set(message, name, value)
			}
			if len(v) > 2 {
				for name, value := range v[2].(map[string]any) {
					o.set(message, name, value)
				}
			}
		}
	}
	return nil
}

func takeObject(o *origin, object map[string]any) {
	message := object["message"].(string)
	o.record(message)
	for name, value := range object {
		o.set(message, name, value)
	}
	attributes, _ := object["attributes"].(map[string]any)
	for name, value := range attributes {
		o.set(message, name, value)
	}
}

// TestPrecedence wants where a record comes from to be what the record says, or
// else the labels of its input, or else the node: in what every output sends.
func TestPrecedence(t *testing.T) {
	node, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	otlp, otlpURL := originServer(t, takeOTLP)
	loki, lokiURL := originServer(t, takeLoki)
	plain, plainURL := originServer(t, func(o *origin, body []byte) error {
		for line := range strings.Lines(string(body)) {
			var object map[string]any
			if err := json.Unmarshal([]byte(line), &object); err != nil {
				return err
			}
			takeObject(o, object)
		}
		return nil
	})
	s := site.New(t, binary, "", "")
	other := filepath.Join(s.Dir, "other.log")
	s.SetOutput(t, "native: {url: "+s.URL()+"}\n  - name: otlp\n    otlp: {url: "+otlpURL+", form: json}\n  - name: loki\n    loki: {url: "+lokiURL+", form: json}\n  - name: plain\n    http: {url: "+plainURL+", compression: gzip}")
	yaml, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	labelled := "  - name: other\n    file: {paths: [" + other + "]}\n    labels: {service.name: label-service, deployment.environment.name: label-env, service.version: label-version, host.name: label-host, process.pid: \"42\"}\noutputs:"
	if err := os.WriteFile(s.Config, []byte(strings.Replace(string(yaml), "outputs:", labelled, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	const all = `{"level":"info","msg":"%","service":"own-service","env":"own-env","version":"own-version","host":"own-host","process.pid":7}` + "\n"
	const some = `{"level":"info","msg":"%","service.version":"own-version"}` + "\n"
	const none = `{"level":"info","msg":"%"}` + "\n"
	write := func(path, kind string) {
		t.Helper()
		text := ""
		for i, line := range []string{all, some, none} {
			text += strings.Replace(line, "%", kind+" "+[]string{"all", "some", "none"}[i], 1)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(s.Logs, "shop.log"), "node")
	write(other, "label")
	own := map[string]string{"service_name": "own-service", "deployment_environment_name": "own-env", "service_version": "own-version", "host_name": "own-host", "process_pid": "7"}
	want := map[string]map[string]string{
		"node all": own, "label all": own,
		"node some":  {"service_name": "shop", "service_version": "own-version", "host_name": node},
		"node none":  {"service_name": "shop", "host_name": node},
		"label some": {"service_name": "label-service", "deployment_environment_name": "label-env", "service_version": "own-version", "host_name": "label-host", "process_pid": "42"},
		"label none": {"service_name": "label-service", "deployment_environment_name": "label-env", "service_version": "label-version", "host_name": "label-host", "process_pid": "42"},
	}
	s.StartIndexer(t)
	s.StartAgent(t)
	site.Await(t, "the records", func() bool {
		return plain.count() == len(want) && otlp.count() == len(want) && loki.count() == len(want) &&
			s.Delivered(t, "index")
	})
	index := new(origin)
	out, err := exec.Command(binary, "query", "--addr", s.URL(), "-o", "json", `{service_name=~".+"}`).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatal(err)
		}
		takeObject(index, object)
	}
	for name, got := range map[string]*origin{"NDJSON": plain, "OTLP": otlp, "Loki": loki, "the indexer": index} {
		got.mu.Lock()
		defer got.mu.Unlock()
		for message, names := range want {
			for _, known := range origins {
				known = strings.ReplaceAll(known, ".", "_")
				if got.of[message][known] != names[known] {
					t.Errorf("%s: %s of %q is %q, want %q", name, known, message, got.of[message][known], names[known])
				}
			}
		}
	}
}
