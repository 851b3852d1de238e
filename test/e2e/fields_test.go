package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"shipper/test/site"
)

// canon is a record as name and text: names of LogQL, where every character but
// letters, digits and _ is _, numbers as they were written. It is what a record
// is in every server, whatever that calls it.
type canon map[string]string

func (c canon) set(name string, value any) {
	name = strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	if text, ok := value.(string); ok && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var parsed any
		if d.Decode(&parsed) == nil && !d.More() {
			value = parsed // servers order and escape what is in it as they like
		}
	}
	switch v := value.(type) {
	case string:
		c[name] = v
	case nil:
		c[name] = "null"
	case map[string]any, []any:
		text, _ := json.Marshal(v)
		c[name] = string(text)
	default:
		c[name] = fmt.Sprint(v)
	}
	if f, err := strconv.ParseFloat(c[name], 64); err == nil && strings.ContainsAny(c[name], ".eE") {
		c[name] = strconv.FormatFloat(f, 'g', -1, 64) // servers have numbers as float64
	}
}

// flat is set for value and, if it is an object, for what is in it.
func (c canon) flat(name string, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		c.set(name, value)
	}
	for k, v := range object {
		c.flat(name+"."+k, v)
	}
}

// canonOf is the canonical record, as NDJSON has it, as a canon. Flat says that
// a server has the members of objects as fields.
func canonOf(object map[string]any, flat bool) canon {
	c := canon{}
	for name, value := range object {
		switch name {
		case "attributes":
			for k, v := range value.(map[string]any) {
				if flat {
					c.flat(k, v)
				} else {
					c.set(k, v)
				}
			}
		case "timestamp":
			c["time"] = nanoseconds(value.(string))
		case "severity", "observed_timestamp", "timestamp_source", "log.format", "severity_number", "trace_flags", "id", "message":
		default:
			c.set(name, value)
		}
	}
	c["line"] = object["message"].(string)
	return c
}

func nanoseconds(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return strconv.FormatInt(t.UnixNano(), 10)
}

// copyStore takes NDJSON and keeps the objects.
type copyStore struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string]map[string]any // by ID
}

func newCopyStore(t *testing.T) *copyStore {
	t.Helper()
	k := &copyStore{objects: map[string]map[string]any{}}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := zstd.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		defer z.Close()
		d := json.NewDecoder(bufio.NewReader(z))
		d.UseNumber()
		k.mu.Lock()
		defer k.mu.Unlock()
		for {
			var o map[string]any
			if err := d.Decode(&o); err == io.EOF {
				return
			} else if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			k.objects[o["id"].(string)] = o
		}
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *copyStore) all() map[string]map[string]any {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.objects)
}

// corpora are what the servers get: each has something that the others lack.
var corpora = []string{"zap-json", "slog-json", "slog-text", "klog", "tracing-full", "tracing-json", "go-panic", "rust-panic", "logrus-json", "zerolog-json"}

// TestThirdPartyFields compares what real servers give back, field by field, with
// the canonical records.
func TestThirdPartyFields(t *testing.T) {
	for _, p := range slices.Concat(thirdParties, otherForms()) {
		t.Run(p.name+p.form, func(t *testing.T) {
			target, dir := p.run(t)
			copies := newCopyStore(t)
			s := site.New(t, binary, "", "")
			size := 0
			for _, name := range corpora {
				files, err := filepath.Glob("../../internal/format/testdata/" + name + "/*.log")
				if err != nil || len(files) == 0 {
					t.Fatalf("%s: %d files, %v", name, len(files), err)
				}
				for i, file := range files[:min(len(files), 4)] {
					text, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					size += len(text)
					if err := os.WriteFile(filepath.Join(s.Logs, fmt.Sprintf("%s-%d.log", name, i)), text, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			s.SetOutput(t, p.output(target)+"\n  - name: copy\n    http: {url: "+copies.URL+"}")
			s.StartAgent(t)
			site.Await(t, "the agent to run", func() bool { return site.Status("http://"+s.Metrics+"/healthz") == 200 })
			s.AwaitDrained(t, int64(size))
			site.Await(t, "the copy", func() bool { return s.Delivered(t, "copy") })
			if n := s.Metric(t, "shipper_dead_letter_records_total"); n > 0 {
				t.Errorf("%g records were refused", n)
			}
			want := copies.all()
			var rows []row
			for end := time.Now().Add(time.Minute); len(rows) < len(want) && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				rows = p.stored(t, dir, target)
			}
			compared := 0
			for _, r := range rows {
				object := want[r.id]
				if object == nil {
					t.Errorf("%q has the ID %q, which nothing has that was sent", r.line, r.id)
					continue
				}
				expected, got := canonOf(object, p.flat), p.canon(r)
				for name, value := range expected {
					if g, ok := got[name]; !ok || g != value {
						if p.lossy != nil && p.lossy(name, value, g) {
							continue
						}
						t.Errorf("%s: %s is %q, want %q", r.id, name, g, value)
					}
					compared++
				}
				delete(want, r.id)
			}
			for id, object := range want {
				t.Errorf("%s is missing: %v", id, object)
			}
			t.Logf("%d records, %d fields compared", len(rows), compared)
		})
	}
}

// victoriaCanon is a record of VictoriaLogs as a canon.
func victoriaCanon(r row) canon {
	c := canon{}
	for name, value := range r.fields {
		switch name {
		case "_msg":
			c["line"] = value.(string)
		case "_time":
			c["time"] = nanoseconds(value.(string))
		default:
			c.set(strings.TrimPrefix(name, "attributes."), value)
		}
	}
	return c
}

// otlpCanon is a record of OTLP's JSON, with its resource and scope, as a canon.
func otlpCanon(r row) canon {
	c := canon{"line": r.line}
	for name, value := range r.fields {
		switch name {
		case "timeUnixNano":
			c["time"] = value.(string)
		case "traceId", "spanId":
			if id := value.(string); id != "" {
				c[map[string]string{"traceId": "trace_id", "spanId": "span_id"}[name]] = id
			}
		case "severityText":
			c["severity_text"] = value.(string)
		case "attributes", "resource":
			for _, a := range value.([]any) {
				pair := a.(map[string]any)
				c.set(pair["key"].(string), otlpValue(pair["value"]))
			}
		case "scope":
			c["logger"] = value.(string)
		}
	}
	return c
}

func otlpValue(v any) any {
	m, _ := v.(map[string]any)
	for kind, value := range m {
		switch kind {
		case "intValue":
			return json.Number(fmt.Sprint(value))
		case "arrayValue":
			list := []any{}
			inner, _ := value.(map[string]any)
			values, _ := inner["values"].([]any)
			for _, x := range values {
				list = append(list, otlpValue(x))
			}
			return list
		case "kvlistValue":
			object := map[string]any{}
			inner, _ := value.(map[string]any)
			values, _ := inner["values"].([]any)
			for _, x := range values {
				pair := x.(map[string]any)
				object[pair["key"].(string)] = otlpValue(pair["value"])
			}
			return object
		}
		return value
	}
	return nil
}
