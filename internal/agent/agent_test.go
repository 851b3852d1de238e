package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"shipper/internal/config"
	"shipper/internal/input"
)

// receive starts a receiver that takes all; got is what it has got.
func receive(t *testing.T) (receiver *httptest.Server, got func() string) {
	var mu sync.Mutex
	var all strings.Builder
	receiver = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := io.Copy(&all, r.Body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(receiver.Close)
	return receiver, func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

// TestStopCommitsWhatWasRead: what was handed over before the agent is told to
// stop, and what an input without positions hands over then, is delivered.
func TestStopCommitsWhatWasRead(t *testing.T) {
	receiver, got := receive(t)
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
		if !strings.Contains(got(), want) {
			t.Errorf("%q was not delivered: %s", want, got())
		}
	}
}

// TestFailedReloadChangesNothing has the queue refuse one of the new outputs, when
// another one is gone and a third one has changed.
func TestFailedReloadChangesNothing(t *testing.T) {
	receiver, got := receive(t)
	dir := t.TempDir()
	conf := func(timeout string, names ...string) *config.Config {
		text := fmt.Sprintf("data_dir: %s/data\nlisten: \"off\"\ninputs: [{name: in, file: {paths: [%s/*.log]}}]\noutputs:\n", dir, dir)
		for _, name := range names {
			text += fmt.Sprintf("  - {name: %s, http: {url: %q, compression: none}, proxy: \"off\", timeout: %s}\n", name, receiver.URL, timeout)
		}
		c, err := config.Parse("test.yaml", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	loaded := conf("20s", "a", "c")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a := Agent{Load: func() (*config.Config, error) { return loaded, nil }, Log: slog.New(slog.DiscardHandler)}
	a.Ready = func() {
		defer stop()
		before, known := a.senders.all(), a.queue.Outputs()
		loaded = conf("30s", "a", "fine", "bad")
		loaded.Outputs[2].Name = "bad\x00" // as little as a disk that is full will the queue take it
		if err := a.Reload(); err == nil {
			t.Error("no error")
		}
		if !slices.Equal(a.senders.all(), before) || !maps.Equal(a.queue.Outputs(), known) {
			t.Errorf("%d outputs run, the queue has %v", len(a.senders.all()), a.queue.Outputs())
		}
		if err := a.flow.Put(ctx, chunkOf("f", "behind")); err != nil {
			t.Error(err)
		}
	}
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(got(), "behind"); n != 2 {
		t.Errorf("delivered %d times, to %s", n, got())
	}
}
