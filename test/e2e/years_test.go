package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"shipper/test/site"
)

// TestYearsOfOldFiles has an agent read files that were written long before,
// with times without a year, on both sides of New Year.
func TestYearsOfOldFiles(t *testing.T) {
	keep := newCopyStore(t)
	s := site.New(t, binary, "", "zone: UTC\n")
	s.SetOutput(t, `http: {url: "`+keep.URL+`"}`)
	put := func(name, modified, text string) {
		t.Helper()
		path := filepath.Join(s.Logs, name)
		when, err := time.Parse(time.DateTime, modified)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err == nil {
			err = os.Chtimes(path, when, when)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("before.log", "2023-12-31 23:59:59", "I1231 23:59:58.000000       1 a.go:1] klog before\n")
	put("both.log", "2024-01-02 08:00:00", "I1231 23:59:58.000000       1 a.go:1] klog old\nI0101 00:00:02.000000       1 a.go:1] klog new\n")
	put("syslog.log", "2024-01-02 08:00:00", "Dec 31 23:59:58 web7 app[7]: syslog old\nJan  1 00:00:02 web7 app[7]: syslog new\n")
	want := map[string]string{
		"klog before": "2023-12-31T23:59:58", "klog old": "2023-12-31T23:59:58", "klog new": "2024-01-01T00:00:02",
		"syslog old": "2023-12-31T23:59:58", "syslog new": "2024-01-01T00:00:02",
	}
	s.StartAgent(t)
	site.Await(t, "all records", func() bool { return len(keep.all()) == len(want) })
	for _, r := range keep.all() {
		message := r["message"].(string)
		if got := r["timestamp"]; got != want[message]+".000000000Z" || r["timestamp_source"] != "line_no_year" {
			t.Errorf("%q at %v (%v), want %v", message, got, r["timestamp_source"], want[message])
		}
	}
}

// TestZonesOfInputs has an agent read local times: in the zone of the input, or in
// that of the agent; and in another one once the configuration says so.
func TestZonesOfInputs(t *testing.T) {
	keep := newCopyStore(t)
	s := site.New(t, binary, "", "")
	other := filepath.Join(s.Dir, "other.log")
	configure := func(zone string) {
		t.Helper()
		yaml := fmt.Sprintf("data_dir: %s\nlisten: %s\nzone: %s\ninputs:\n  - name: app\n    file: {paths: [%q]}\n  - name: other\n    zone: America/New_York\n    file: {paths: [%q]}\noutputs:\n  - name: index\n    http: {url: %q}\n",
			s.AgentDir(), s.Metrics, zone, s.Logs+"/*.log", other, keep.URL)
		if err := os.WriteFile(s.Config, []byte(yaml), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	configure("Europe/Berlin")
	write(filepath.Join(s.Logs, "a.log"), "2026/01/23 12:00:00 in Berlin\n")
	write(other, "2026/01/23 12:00:00 in New York\n")
	agent := s.StartAgent(t)
	site.Await(t, "two records", func() bool { return len(keep.all()) == 2 })
	configure("Asia/Tokyo")
	agent.Signal(syscall.SIGHUP)
	site.Await(t, "the reload", func() bool { return s.Metric(t, "shipper_config_reloads_total{result=\"ok\"}") > 0 })
	write(filepath.Join(s.Logs, "a.log"), "2026/01/23 12:00:00 in Tokyo\n")
	site.Await(t, "the third record", func() bool { return len(keep.all()) == 3 })
	want := map[string]string{"in Berlin": "2026-01-23T11:00:00.000000000Z", "in New York": "2026-01-23T17:00:00.000000000Z", "in Tokyo": "2026-01-23T03:00:00.000000000Z"}
	for _, r := range keep.all() {
		if message := r["message"].(string); r["timestamp"] != want[message] {
			t.Errorf("%q at %v, want %v", message, r["timestamp"], want[message])
		}
	}
}
