package indexer

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const token = "0123456789abcdef-token"

func TestGuard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("# of the agents\n"+token+"\n\n  another-token-of-somebody \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, &Indexer{Dir: t.TempDir(), Tokens: path})
	ask := func(method, path, authorization, body string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for authorization, want := range map[string]int{
		"": 401, "Bearer": 401, "Bearer ": 401, "Bearer wrong": 401, "Basic " + token: 401, token: 401,
		"Bearer " + token[1:]: 401, "Bearer " + token + "x": 401, "Bearer # of the agents": 401,
		"Bearer " + token: 200, "bearer " + token: 200, "Bearer  " + token + " ": 200, "Bearer another-token-of-somebody": 200,
	} {
		for _, path := range []string{"/metrics", "/loki/api/v1/labels", "/api/v1/records?query=%7B%7D", "/loki/api/v1/status/buildinfo"} {
			resp := ask("GET", path, authorization, "")
			if resp.StatusCode != want {
				t.Errorf("%q %s: %s, want %d", authorization, path, resp.Status, want)
			}
			if want == 401 && !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s: no challenge", path)
			}
		}
		if resp := ask("POST", "/api/v1/ndjson", authorization, `{"msg":"x"}`); resp.StatusCode != want {
			t.Errorf("%q push: %s, want %d", authorization, resp.Status, want)
		}
	}
	for _, path := range []string{"/healthz", "/ready", "/readyz"} {
		if resp := ask("GET", path, "", ""); resp.StatusCode != 200 {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	for _, path := range []string{"/", "/nothing", "//metrics", "/healthz/../metrics"} {
		if resp := ask("GET", path, "", ""); resp.StatusCode != 401 {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestTokensAreReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	write("the-first-token-of-all\n")
	g, err := newGuard(path, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	want := func(token string, want bool) {
		t.Helper()
		g.looked = time.Time{} // long ago
		if got := g.knows("Bearer " + token); got != want {
			t.Errorf("%s: %v", token, got)
		}
	}
	want("the-first-token-of-all", true)
	write("the-first-token-of-all\nthe-second-token-of-all\n")
	want("the-first-token-of-all", true)
	want("the-second-token-of-all", true)
	write("the-second-token-of-all\n")
	want("the-first-token-of-all", false)
	write("short\n")
	want("the-second-token-of-all", true) // a bad file locks nobody out
	want("short", false)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want("the-second-token-of-all", true)
	write("the-third-token-of-all\n")
	want("the-third-token-of-all", true)
	want("the-second-token-of-all", false)
	if text := log.String(); strings.Contains(text, "token-of-all") || strings.Count(text, "level=ERROR") != 2 || strings.Count(text, "level=INFO") != 3 {
		t.Errorf("log:\n%s", text)
	}
}

func TestBadTokenFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "no token",
		"# nothing\n\n":            "no token",
		"x\n":                      "line 1",
		token + "\ntoo-short\n":    "line 2: a token has at least 16 characters",
		"Bearer " + token + "\n":   "no spaces",
		strings.Repeat("x", 1<<17): "more than",
	} {
		path := filepath.Join(t.TempDir(), "tokens")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		x := &Indexer{Dir: t.TempDir(), Listen: "127.0.0.1:0", Tokens: path}
		if err := x.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	x := &Indexer{Dir: t.TempDir(), Listen: "127.0.0.1:0", Tokens: "/nonexistent/tokens"}
	if err := x.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "/nonexistent/tokens") {
		t.Errorf("%v", err)
	}
}
