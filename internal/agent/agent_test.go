package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"shipper/internal/config"
	"shipper/internal/input"
)

// TestStopCommitsWhatWasRead: what was handed over before the agent is told to
// stop, and what an input without positions hands over then, is delivered.
func TestStopCommitsWhatWasRead(t *testing.T) {
	var got atomic.Pointer[string]
	got.Store(new(string))
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		all := *got.Load() + string(body)
		got.Store(&all)
	}))
	defer receiver.Close()
	dir := t.TempDir()
	text := fmt.Sprintf(`
data_dir: %s/data
listen: "off"
inputs: [{name: in, file: {paths: [%s/*.log]}}]
outputs: [{name: out, http: {url: %q, compression: none}, proxy: "off"}]
`, dir, dir, receiver.URL)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a := Agent{
		Load: func() (*config.Config, error) { return config.Parse("test.yaml", []byte(text), nil) },
		Log:  slog.New(slog.DiscardHandler),
	}
	a.Ready = func() {
		if err := a.flow.Put(ctx, chunkOf("f", "before")); err != nil {
			t.Error(err)
		}
		a.readers.mu.Lock()
		a.readers.live++ // as an input that runs until it has handed over what it has
		a.readers.mu.Unlock()
		defer a.readers.done()
		stop()
		pipe := chunkOf("p", "behind")
		pipe.Input, pipe.Pos = "", nil
		if err := a.readers.put(ctx, new(reader), pipe); err != nil {
			t.Errorf("put: %v", err)
		}
		// Files are read again: what cannot be committed at once would only hold up the end.
		if err := a.readers.put(ctx, new(reader), input.Chunk{Input: "in/f"}); err == nil {
			t.Error("a file that is not read any more hands over a chunk")
		}
	}
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before", "behind"} {
		if !strings.Contains(*got.Load(), want) {
			t.Errorf("%q was not delivered: %s", want, *got.Load())
		}
	}
}
