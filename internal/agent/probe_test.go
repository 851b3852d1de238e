package agent

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"shipper/internal/config"
	"shipper/internal/protocol/otlp"
)

// TestConnectByGRPC: gRPC says in a trailer of a 200 what it thinks of the
// credentials, and only if it is asked as gRPC asks.
func TestConnectByGRPC(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != otlp.GRPCPath || r.Header.Get("Content-Type") != "application/grpc+proto" || r.Header.Get("Te") != "trailers" {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		code := "0"
		switch {
		case r.Header.Get("Authorization") != "Bearer right":
			code = "16"
		case string(body) != "\x00\x00\x00\x00\x00":
			code = "3"
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		if code == "0" {
			w.Write(make([]byte, 5))
		}
		w.Header().Set("Grpc-Status", code)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	f := func(token, want string) {
		t.Helper()
		p := Connect(t.Context(), &config.Config{Outputs: []config.Output{{
			Name: "collector", Proxy: config.Off, Auth: config.Auth{Bearer: token},
			OTLP: &config.OTLP{URL: s.URL, Form: "grpc", Compression: "gzip"},
		}}})[0]
		if got := p.Err; want == "" && got != nil || want != "" && (got == nil || !strings.Contains(got.Error(), want)) {
			t.Errorf("with %q: %v, want %q", token, got, want)
		}
	}
	f("right", "")
	f("wrong", "gRPC UNAUTHENTICATED (check auth and headers)")
}

// TestConnectKeepsSecrets: what is behind the path of a URL can be a key.
func TestConnectKeepsSecrets(t *testing.T) {
	p := Connect(t.Context(), &config.Config{Outputs: []config.Output{{
		Name: "store", Proxy: config.Off, HTTP: &config.HTTP{URL: "http://127.0.0.1:1/in?api_key=hunter2", Compression: "none"},
	}}})[0]
	if p.URL != "http://127.0.0.1:1/in" || p.Err == nil || strings.Contains(p.Err.Error(), "hunter2") {
		t.Errorf("%s: %v", p.URL, p.Err)
	}
}
