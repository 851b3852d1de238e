package e2e

import (
	"os"
	"path/filepath"
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
