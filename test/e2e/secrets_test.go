package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shipper/test/site"
)

// planted are secrets, one for each detector, in pieces so that nobody takes this
// file for a leak.
var planted = map[string]string{
	"card":         "4111" + "111111111111",
	"iban":         "DE8937040044" + "0532013000",
	"ssn":          "078-05-" + "1120",
	"email":        "ann.smith" + "@corp.example",
	"ipv4":         "203.0." + "113.77",
	"ipv6":         "2001:db8:85a3::" + "8a2e:370:7334",
	"jwt":          "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
	"bearer":       "mF_9.B5f-4." + "1JqM7bqkT",
	"url_password": "hunter2-" + "in-a-url",
	"password":     "correct-horse-" + "battery",
	"aws_key":      "AKIA" + "IOSFODNN7EXAMPLE",
	"gcp_key":      "AIza" + "SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
	"github_key":   "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
	"slack_key":    "xoxb-" + "123456789012-123456789012-AbCdEfGhIjKlMnOpQrStUvWx",
	"pem":          "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn" + "/ygWyF8PbnGy0AHB7",
}

// line returns text with a secret in it, as programs write it.
func line(detector, secret string) string {
	switch detector {
	case "bearer":
		return "Authorization: Bearer " + secret
	case "url_password":
		return "postgres://app:" + secret + "@db/x"
	case "password":
		return "password=" + secret
	case "pem":
		return "-----BEGIN RSA PRIVATE KEY-----\\n" + secret + "\\n-----END RSA PRIVATE KEY-----"
	}
	return "value " + secret + " seen"
}

// TestPlantedSecrets ships secrets through everything there is, and looks for them in
// all that is left behind: with redaction none is anywhere, without it they all are
// where the test looks.
func TestPlantedSecrets(t *testing.T) {
	for detector, places := range leaks(t, "") {
		for _, place := range []string{"queue salvage", "queue salvage --dead", "query"} {
			if !strings.Contains(places, place+";") {
				t.Errorf("%s, not redacted, is not found by %s: the test shows nothing", detector, place)
			}
		}
	}
	for detector, places := range leaks(t, "redact:\n  - {detect: [\"*\"]}\n") {
		if places != "" {
			t.Errorf("%s is in %s", detector, places)
		}
	}
}

// leaks ships the secrets and returns, for each, where it was found.
func leaks(t *testing.T, redact string) map[string]string {
	t.Helper()
	refuser := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		http.Error(w, "no such thing", http.StatusBadRequest)
	}))
	defer refuser.Close()
	s := site.New(t, binary, "", fmt.Sprintf("  - name: refuser\n    http: {url: %s}\n%s", refuser.URL, redact))
	indexer := s.StartIndexer(t)
	var text strings.Builder
	for detector, secret := range planted {
		body := line(detector, secret)
		fmt.Fprintf(&text, `{"level":"info","ts":1795415141.5,"msg":"%s %s"}`+"\n", detector, body)
		fmt.Fprintf(&text, `{"level":"info","ts":1795415142.5,"msg":"%s","detail":"%s"}`+"\n", detector, body)
		if detector == "pem" {
			continue // the others are in lines that have no escapes, too
		}
		fmt.Fprintf(&text, "time=2026-11-23T06:25:43Z level=WARN msg=%q detail=%q\n", detector, body)
		fmt.Fprintf(&text, "2026-11-23T06:25:44.000001Z  INFO app: %s %s\n", detector, body)
		fmt.Fprintf(&text, "panic: %s\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:1 +0x1\n", body)
	}
	path := filepath.Join(s.Logs, "a.log")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	agent := s.StartAgent(t)
	s.AwaitDrained(t, int64(text.Len()))
	site.Await(t, "the dead letters", func() bool {
		return s.Delivered(t, "refuser") && s.Metric(t, "shipper_dead_letter_records_total") > 0
	})
	found := map[string]string{}
	look := func(place string, text []byte) {
		for detector, secret := range planted {
			if bytes.Contains(text, []byte(secret)) {
				found[detector] += place + "; "
			} else {
				found[detector] += ""
			}
		}
	}
	look("/metrics", site.Get(t, "http://"+s.Metrics+"/metrics"))
	look("/books", site.Get(t, "http://"+s.Metrics+"/books"))
	run := func(place string, args ...string) {
		out, err := exec.Command(binary, args...).Output()
		if err != nil || len(out) == 0 {
			t.Errorf("%s: %v", place, err)
		}
		look(place, out)
	}
	run("query", "query", "--addr", s.URL(), "--from", "2020-01-01T00:00:00Z", "--limit", "5000", "-o", "json", `{service_name=~".+"}`)
	run("explain", "explain", "--config", s.Config, path)
	agent.Stop(t)
	indexer.Stop(t)
	run("queue salvage", "queue", "salvage", "--data", s.AgentDir())
	run("queue salvage --dead", "queue", "salvage", "--dead", "--data", s.AgentDir())
	run("queue cat --dead", "queue", "cat", "--dead", "--data", s.AgentDir())
	look("the agent's log", []byte(s.AgentLog.String()))
	look("the indexer's log", []byte(s.IndexLog.String()))
	for _, dir := range []string{s.AgentDir(), s.IndexDir()} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			look(path, raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
