package deliver

import (
	"log/slog"
	"sync"
	"time"

	"shipper/internal/protocol"
	"shipper/internal/queue"
)

// quiet is how long a failure that has been logged is not logged again when it
// comes back, as it does with a receiver that fails every other time.
const quiet = time.Minute

// trouble logs a failure once, when it begins, and when it is over.
type trouble struct {
	mu       sync.Mutex
	key      string // of the failure that is going on; empty: none
	since    time.Time
	attempts int
	logged   map[string]time.Time // when a failure was last logged, by key; few
	silent   bool                 // the one going on was not logged
}

// failed notes a failure and logs it if it is news.
func (t *trouble) failed(log *slog.Logger, key, reason string, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.key == "" {
		t.since, t.attempts, t.silent = now, 0, true
	}
	t.attempts++
	if t.key == key {
		return
	}
	t.key = key
	if t.isQuiet("failed "+key, now) {
		return
	}
	t.silent = false
	log.Warn("delivery fails and is tried again", "reason", reason, "wait", wait.Round(time.Millisecond))
}

// over notes that the receiver takes requests again.
func (t *trouble) over(log *slog.Logger) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.key == "" {
		return
	}
	t.key = ""
	if !t.silent {
		log.Info("delivery works again", "after", time.Since(t.since).Round(time.Millisecond), "attempts", t.attempts)
	}
}

// refused logs a dead letter, one a minute for each kind of reason.
func (t *trouble) refused(log *slog.Logger, b queue.Block, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.isQuiet("refused "+kind(reason), time.Now()) {
		log.Error("records were refused and are kept as dead letters", "reason", reason,
			"epoch", b.Epoch, "block", b.Sequence, "records", b.Records)
	}
}

// lost logs what the receiver says it dropped, once a minute for each kind of reason.
func (t *trouble) lost(log *slog.Logger, v protocol.Verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.isQuiet("lost "+kind(v.Reason), time.Now()) {
		log.Error("the receiver has dropped records", "reason", v.Reason[:min(len(v.Reason), maxText)], "records", v.Lost)
	}
}

// isQuiet reports whether key was logged a short time ago; if not, it is now.
func (t *trouble) isQuiet(key string, now time.Time) bool {
	if at, ok := t.logged[key]; ok && now.Sub(at) < quiet {
		return true
	}
	if t.logged == nil || len(t.logged) > 100 {
		t.logged = map[string]time.Time{}
	}
	t.logged[key] = now
	return false
}
