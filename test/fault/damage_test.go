package fault

import (
	wire "encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shipper/test/site"
)

// TestDamage harms the files of a queue between a kill -9 and the next start.
func TestDamage(t *testing.T) {
	var rows []row
	for n := range int64(2) {
		rows = append(rows, row{73, fmt.Sprintf("meta page %d", n), func(t *testing.T) {
			harmIndex(t, func(t *testing.T, path string) { scribble(t, path, n*indexPage, indexPage) })
		}})
	}
	rows = append(rows, row{73, "the newest meta page, when its block was sent", harmNewestMeta})
	for n := int64(2); n < 8; n++ {
		rows = append(rows, row{74, fmt.Sprintf("page %d", n), func(t *testing.T) {
			harmIndex(t, func(t *testing.T, path string) { scribble(t, path, n*indexPage, indexPage) })
		}})
	}
	for _, size := range []int64{1, indexPage, 2 * indexPage, 3*indexPage + 100, 5 * indexPage} {
		rows = append(rows, row{75, fmt.Sprintf("cut to %d bytes", size), func(t *testing.T) {
			harmIndex(t, func(t *testing.T, path string) {
				if err := os.Truncate(path, size); err != nil {
					t.Fatal(err)
				}
			})
		}})
	}
	for name, content := range map[string]string{"empty": "", "a text": "this is somebody's file\n", "long text": strings.Repeat("this is somebody's file\n", 5000)} {
		rows = append(rows, row{76, name + " in place of the index", func(t *testing.T) { foreignIndex(t, content) }})
	}
	rows = append(rows,
		row{76, "both meta pages", func(t *testing.T) {
			harmIndex(t, func(t *testing.T, path string) { scribble(t, path, 0, 2*indexPage) })
		}},
		row{77, "bytes of a block", harmBlock},
		row{79, "the index is removed while in use", func(t *testing.T) { takeIndex(t, false) }},
		row{79, "the index is replaced while in use", func(t *testing.T) { takeIndex(t, true) }},
		row{79, "a file of blocks is removed while in use", func(t *testing.T) { takeBlocks(t, false) }},
		row{79, "a file of blocks is replaced while in use", func(t *testing.T) { takeBlocks(t, true) }},
	)
	run(t, rows)
}

// indexPage is the size of the index's pages.
const indexPage = 4096

// scribble writes noise into a file.
func scribble(t *testing.T, path string, at, n int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	noise := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(at)}).Read(noise)
	if _, err := f.WriteAt(noise, at); err != nil {
		t.Fatal(err)
	}
}

// harmIndex harms the index of an agent of whose blocks some were acknowledged,
// some stored without its knowledge, and some not sent. Nothing is missing, and
// what comes again has the same ID and is the same to the byte.
func harmIndex(t *testing.T, harm func(t *testing.T, path string)) *site.Site {
	t.Helper()
	stored := make(chan bool, 100)
	srv := &server{script: func(n int) act {
		if n < 2 {
			return good
		}
		return spoil(func(c *call) bool {
			c.store(c.body())
			stored <- true
			return c.hang()
		})
	}}
	s, agent := through(t, srv)
	o := site.NewOracle(s.Logs, "w", site.Rename, 3000)
	o.Noise = true
	s.Begin(t, o)
	for range 4 {
		o.Write(t, 1000)
		site.Await(t, "the lines to be queued", func() bool { return s.Books(t).Total.Read == o.Bytes.Load() })
	}
	<-stored
	agent.Kill()
	harm(t, filepath.Join(s.AgentDir(), "index.db"))
	srv.mild.Store(true)
	o.Write(t, 1000) // so that reading again does not make the same blocks by chance
	agent = s.StartAgent(t)
	settle(t, s, o)
	if n := s.IndexMetric(t, "shipper_index_conflicts_total"); n != 0 {
		t.Errorf("%v blocks came with another content", n)
	}
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	verified(t, s)
	return s
}

// harmNewestMeta harms the meta page of the commit whose block was sent last: the
// other one does not know that block, whose number must not be used again.
func harmNewestMeta(t *testing.T) {
	s, srv, o, agent := sentNotAcked(t, func(*site.Site) {}, func(*site.Site, *site.Process) {})
	agent.Kill()
	path := filepath.Join(s.AgentDir(), "index.db")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// bbolt's format version 2 has the transaction of a meta page at byte 64 of it.
	newest := int64(0)
	if wire.NativeEndian.Uint64(b[indexPage+64:]) > wire.NativeEndian.Uint64(b[64:]) {
		newest = indexPage
	}
	scribble(t, path, newest+56, 4) // no more: noise in all of the page looks like other damage
	srv.mild.Store(true)
	o.Write(t, 700)
	s.StartAgent(t)
	settle(t, s, o)
	if n := s.IndexMetric(t, "shipper_index_conflicts_total"); n != 0 {
		t.Errorf("%v blocks came with another content", n)
	}
}

// foreignIndex puts something else in place of the index: it is kept.
func foreignIndex(t *testing.T, content string) {
	s := harmIndex(t, func(t *testing.T, path string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if content == "" {
		return
	}
	aside, err := filepath.Glob(filepath.Join(s.AgentDir(), "index.db.corrupt-*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside: %v, %v", aside, err)
	}
	if text, _ := os.ReadFile(aside[0]); string(text) != content {
		t.Errorf("what was in place of the index is changed: %.100q", text)
	}
}

// harmBlock harms a block that was not sent: it is lost, the books say how much
// that is and why, and the others are delivered.
func harmBlock(t *testing.T) {
	s := site.New(t, binary, "", "")
	agent := s.StartAgent(t) // and no indexer yet
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	o.Noise = true
	s.Begin(t, o)
	for range 4 {
		o.Write(t, 1000)
		site.Await(t, "the lines to be queued", func() bool { return s.Books(t).Total.Read == o.Bytes.Load() })
	}
	agent.Kill()
	logs, err := filepath.Glob(filepath.Join(s.AgentDir(), "blocks", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("blocks: %v, %v", logs, err)
	}
	info, err := os.Stat(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	scribble(t, logs[0], info.Size()/2, 3)
	s.StartIndexer(t)
	s.StartAgent(t)
	s.AwaitDrained(t, o.Bytes.Load())
	v, b := o.Check(t, s.URL()), s.Books(t).Total
	if v.Missing == 0 || v.Missing > o.Seq/2 || v.Repeated+v.Torn+v.Disorder > 0 {
		t.Errorf("%v, of %d written", v, o.Seq)
	}
	if b.Read != b.Queued+b.Dropped+b.Lost || b.Lost == 0 || b.Records != int64(v.Found) {
		t.Errorf("books: %+v, found %d", b, v.Found)
	}
	if n := s.Metric(t, "shipper_queue_corrupt_blocks_total"); n != 1 {
		t.Errorf("%v damaged blocks", n)
	}
}

// takeIndex takes the index away under the running agent: it does not go on
// writing to what nobody will find again.
func takeIndex(t *testing.T, replace bool) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 3000)
	s.Begin(t, o)
	o.Write(t, 2000)
	path := filepath.Join(s.AgentDir(), "index.db")
	if replace {
		put(t, path, []byte("this is somebody's file\n"))
	} else if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	o.Write(t, 500)
	if code := agent.Wait(t); code <= 0 {
		t.Errorf("the agent ended with %d", code)
	}
	if !strings.Contains(s.AgentLog.String(), path+" was removed or replaced") {
		t.Error("the log does not name the file")
	}
	o.Write(t, 500)
	s.StartAgent(t)
	settle(t, s, o)
}

// takeBlocks takes away the file that the running agent writes blocks to: what
// comes from then on is on disk again before it counts as queued, also if the
// agent is killed at once and nothing is delivered meanwhile.
func takeBlocks(t *testing.T, replace bool) {
	s := site.New(t, binary, "", "")
	indexer := s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 3000)
	s.Begin(t, o)
	o.Write(t, 2000)
	settle(t, s, o)
	indexer.Kill()
	paths, err := filepath.Glob(filepath.Join(s.AgentDir(), "blocks", "*.log"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("blocks: %v, %v", paths, err)
	}
	if replace {
		put(t, paths[0], []byte("this is somebody's file\n"))
	} else if err := os.Remove(paths[0]); err != nil {
		t.Fatal(err)
	}
	o.Write(t, 500)
	seen(t, s, o)
	agent.Kill()
	says(t, s, paths[0]+" was removed or replaced while in use")
	if text, _ := os.ReadFile(paths[0]); replace && string(text) != "this is somebody's file\n" {
		t.Errorf("what was in its place is changed: %.100q", text)
	}
	s.StartIndexer(t)
	agent = s.StartAgent(t)
	o.Write(t, 500)
	settle(t, s, o)
	if n := s.Metric(t, "shipper_queue_corrupt_blocks_total"); n != 0 {
		t.Errorf("%v damaged blocks", n)
	}
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	if !replace { // else there is still somebody's file
		verified(t, s)
	}
}
