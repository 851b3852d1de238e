package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"shipper/test/site"
)

// TestShed fills the queue of an agent whose output does not answer with debug
// lines, lines without a level and errors: all errors are there in the end, and
// of the others what is missing is in the books.
func TestShed(t *testing.T) {
	s := site.New(t, binary, "", `queue: {max_bytes: 16MiB, full: shed}
rules:
  - {name: chatter, match: '{} |= "chatter"', priority: low}
`)
	s.StartAgent(t)
	var text []byte
	const lines = 80_000
	random, noise := rand.NewChaCha8([32]byte{}), make([]byte, 300)
	for i := range lines {
		random.Read(noise)
		pad := hex.EncodeToString(noise)
		switch i % 10 {
		case 0:
			text = fmt.Appendf(text, `{"level":"error","msg":"error %d","pad":"%s"}`+"\n", i, pad)
		case 1:
			text = fmt.Appendf(text, `{"level":"info","msg":"chatter %d","pad":"%s"}`+"\n", i, pad)
		default:
			text = fmt.Appendf(text, `{"level":"info","msg":"info %d","pad":"%s"}`+"\n", i, pad)
		}
	}
	if err := os.WriteFile(filepath.Join(s.Logs, "w.log"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	site.Await(t, "all to be read, or the queue to be full of errors", func() bool {
		b, err := s.AskBooks()
		return err == nil && b.Total.Read == int64(len(text))
	})
	s.StartIndexer(t)
	s.AwaitDrained(t, int64(len(text)))
	count := map[string]int{}
	for _, word := range []string{"error", "chatter", "info"} {
		o := site.NewOracle(s.Logs, "w", site.Never, 0)
		count[word] = len(o.Fetch(t, s.URL(), `{service_name="w"} |= "`+word+` "`))
	}
	b := s.Books(t).Total
	t.Logf("%v; %+v", count, b)
	if count["error"] != lines/10 {
		t.Errorf("%d errors of %d", count["error"], lines/10)
	}
	if count["info"] == 0 || count["info"] == lines*8/10 || count["chatter"] >= count["info"]/8 {
		t.Errorf("nothing was left out, or not the least important first: %v", count)
	}
	if b.Read != b.Queued+b.Dropped || b.Lost != 0 || int(b.Records) != count["error"]+count["chatter"]+count["info"] {
		t.Errorf("books %+v for %v", b, count)
	}
	if !bytes.Contains(site.Get(t, "http://"+s.Metrics+"/books"), []byte(`"queue_shed"`)) {
		t.Error("the books do not name the reason")
	}
}
