package indexer

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxTokenFile = 64 << 10 // bytes
	minToken     = 16       // bytes of a token: less can be guessed

	// tokenCheck is how often a request has the file looked at for changes.
	tokenCheck = time.Second
)

// ErrTokens is in the error of Run if the file of tokens cannot be used: nothing
// was started.
var ErrTokens = errors.New("read tokens")

// guard lets in who shows a token of a file, as RFC 6750 says: one a line, all of
// them valid, so that a new one can be given out before the old one goes. Empty
// lines and those that begin with # are none. A file that changes is read again;
// one that cannot be read leaves the tokens as they were.
type guard struct {
	path    string
	log     *slog.Logger
	refused atomic.Int64 // requests

	mu     sync.Mutex
	looked time.Time
	seen   os.FileInfo
	failed string // why it could not be read
	hashes [][sha256.Size]byte
}

// newGuard reads the tokens of a file.
func newGuard(path string, log *slog.Logger) (*guard, error) {
	g := &guard{path: path, log: log, looked: time.Now()}
	return g, g.read()
}

func (g *guard) read() error {
	f, err := os.Open(g.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTokens, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTokens, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTokens, err)
	}
	hashes, err := parseTokens(text)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrTokens, g.path, err)
	}
	g.seen, g.hashes = info, hashes
	return nil
}

func parseTokens(text []byte) (hashes [][sha256.Size]byte, err error) {
	if len(text) > maxTokenFile {
		return nil, fmt.Errorf("more than %d bytes", maxTokenFile)
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		token := bytes.TrimSpace(line)
		switch {
		case len(token) == 0 || token[0] == '#':
		case len(token) < minToken:
			return nil, fmt.Errorf("line %d: a token has at least %d characters", n, minToken)
		case bytes.ContainsAny(token, " \t"):
			return nil, fmt.Errorf("line %d: a token has no spaces", n)
		default:
			hashes = append(hashes, sha256.Sum256(token))
		}
	}
	if len(hashes) == 0 {
		return nil, errors.New("no token in it")
	}
	return hashes, nil
}

// current returns the hashes of the tokens as the file has them now.
func (g *guard) current() [][sha256.Size]byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if since := now.Sub(g.looked); since >= 0 && since < tokenCheck {
		return g.hashes
	}
	g.looked = now
	info, err := os.Stat(g.path)
	if err == nil && os.SameFile(info, g.seen) && info.ModTime().Equal(g.seen.ModTime()) && info.Size() == g.seen.Size() {
		return g.hashes
	}
	if err == nil {
		err = g.read()
	}
	switch {
	case err == nil:
		g.failed = ""
		g.log.Info("the tokens were read again", "tokens", len(g.hashes))
	case err.Error() != g.failed:
		g.failed = err.Error()
		g.log.Error("the tokens stay as they were", "err", err)
	}
	return g.hashes
}

// handler asks for a token, but for what tells nothing but whether the indexer is well.
func (g *guard) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/ready", "/readyz":
			next.ServeHTTP(w, r)
			return
		}
		if !g.knows(r.Header.Get("Authorization")) {
			g.refused.Add(1)
			w.Header().Set("WWW-Authenticate", `Bearer realm="shipper"`)
			if r.ContentLength != 0 {
				w.Header().Set("Connection", "close") // the body is not read
			}
			http.Error(w, "show a valid token: Authorization: Bearer TOKEN", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knows compares in a time that says nothing about the tokens.
func (g *guard) knows(authorization string) bool {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	shown := sha256.Sum256([]byte(strings.TrimSpace(token)))
	known := 0
	for _, h := range g.current() {
		known |= subtle.ConstantTimeCompare(h[:], shown[:])
	}
	return known == 1
}
