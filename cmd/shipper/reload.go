package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"shipper/internal/agent"
)

// settle is how long a configuration file has to be left alone before it is
// read again: editors and configuration management write in several steps.
const settle = 300 * time.Millisecond

// reloadOnChange reloads the agent's configuration when hangup says so and when the
// file at path, or what a link of that name leads to, has something else in it than
// was seen. A change that waits for the queue does not keep the next one from being
// seen.
func reloadOnChange(ctx context.Context, path string, hangup <-chan os.Signal, seen string, log *slog.Logger, a *agent.Agent) {
	var events chan fsnotify.Event
	var errors chan error
	w, err := watch(path)
	if err != nil {
		log.Warn("the configuration file is not watched: send SIGHUP after changes", "err", err)
	} else {
		defer w.Close()
		events, errors = w.Events, w.Errors
	}
	var under sync.WaitGroup
	defer under.Wait()
	later := time.NewTimer(settle)
	if contentOf(path) == seen { // else it has changed before it was watched
		later.Stop()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			seen = contentOf(path)
			under.Go(func() { reload(log, a) })
		case <-events:
			later.Reset(settle)
		case <-errors:
			later.Reset(settle) // events may be missing
		case <-later.C:
			if now := contentOf(path); now != seen {
				seen = now
				under.Go(func() { reload(log, a) })
			}
		}
	}
}

// watch watches the directory of the file: files are replaced, and a mounted
// ConfigMap is a link to a directory that changes.
func watch(path string) (*fsnotify.Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := w.Add(filepath.Dir(path)); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// contentOf returns what the file holds; nothing if it cannot be read, which
// Reload will say.
func contentOf(path string) string {
	data, _ := os.ReadFile(path)
	return string(data)
}

func reload(log *slog.Logger, a *agent.Agent) {
	announce(log, "RELOADING=1")
	defer announce(log, "READY=1")
	a.Reload() // logs and counts its failure
}
