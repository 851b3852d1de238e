package agent

import (
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"testing"

	"shipper/internal/config"
)

// TestHeadersAgain: what is read after a 401 has all that was there at first,
// and the new credentials.
func TestHeadersAgain(t *testing.T) {
	auth := config.Auth{Bearer: "old"}
	headers := map[string]string{"X-Team": "b"}
	f := func(o config.Output, want http.Header) {
		t.Helper()
		o.Name, o.Auth, o.Proxy = "out", auth, config.Off
		now := o
		now.Auth.Bearer = "new"
		a := &Agent{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Load: func() (*config.Config, error) {
			return &config.Config{Outputs: []config.Output{now}}, nil
		}}
		out, err := a.makeOutput(o)
		if err != nil {
			t.Fatal(err)
		}
		if want.Set("Authorization", "Bearer old"); !reflect.DeepEqual(out.Headers, want) {
			t.Errorf("headers %v, want %v", out.Headers, want)
		}
		got, err := out.Reload()
		if want.Set("Authorization", "Bearer new"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("headers %v, error %v, want %v", got, err, want)
		}
	}
	const url = "http://127.0.0.1"
	f(config.Output{Native: &config.Native{URL: url, Headers: headers}}, http.Header{"X-Team": {"b"}})
	f(config.Output{HTTP: &config.HTTP{URL: url, Headers: headers, Compression: "none"}}, http.Header{"X-Team": {"b"}})
	f(config.Output{OTLP: &config.OTLP{URL: url, Headers: headers, Compression: "none"}}, http.Header{"X-Team": {"b"}})
	f(config.Output{Loki: &config.Loki{URL: url, Headers: headers, Tenant: "a"}}, http.Header{"X-Team": {"b"}, "X-Scope-Orgid": {"a"}})
}
