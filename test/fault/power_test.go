package fault

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"shipper/internal/protocol"
	"shipper/test/site"
)

// TestPower cuts the power of the disks of agent and indexer.
func TestPower(t *testing.T) {
	var rows []row
	points := []string{
		"queue.log.synced@5", "queue.commit.tx@5", "queue.commit.after@5", "agent.commit.after@8",
		"deliver.answered@3", "queue.ack.tx@2", "blocklog.segment.created@2", "blocklog.segment.remove",
	}
	indexerPoints := []string{"index.log.appended@40", "index.log.synced@40", "receive.stored@40", "index.log.renamed"}
	rounds := 3
	if all() {
		rounds = 30
		for n := 1; n <= 12; n++ {
			points = append(points, fmt.Sprintf("queue.log.synced@%d", 7*n), fmt.Sprintf("queue.commit.after@%d", 5*n+1), fmt.Sprintf("deliver.answered@%d", n+3))
			indexerPoints = append(indexerPoints, fmt.Sprintf("index.log.synced@%d", n), fmt.Sprintf("receive.stored@%d", 4*n))
		}
	}
	for _, point := range points {
		rows = append(rows, row{64, "power cut at " + point, func(t *testing.T) { cutAt(t, point, onExt4) }})
	}
	for _, point := range []string{"queue.log.synced@5", "queue.commit.after@5", "deliver.answered@3", "blocklog.segment.created@2"} {
		rows = append(rows, row{64, "power cut of an xfs at " + point, func(t *testing.T) { cutAt(t, point, mountXFS) }})
	}
	for n := 1; n <= 4; n++ { // of a thread: a commit syncs twice
		rows = append(rows, row{64, fmt.Sprintf("power cut at sync %d of the index", n), func(t *testing.T) { cutAtSync(t, n) }})
	}
	rows = append(rows,
		row{64, "power cuts at random", func(t *testing.T) { cutAtRandom(t, rounds, onExt4) }},
		row{64, "power cuts of an xfs at random", func(t *testing.T) { cutAtRandom(t, rounds, mountXFS) }},
	)
	rows = append(rows, row{69, "power cut behind syncs of the index that failed", cutBehindEIO})
	for _, after := range []int{500, 1500} {
		rows = append(rows, row{66, fmt.Sprintf("power cut of the log files, %d lines after it", after), func(t *testing.T) { cutLogs(t, after) }})
	}
	for _, point := range indexerPoints {
		rows = append(rows, row{64, "power cut of the indexer at " + point, func(t *testing.T) { cutIndexerAt(t, point) }})
	}
	for _, point := range []string{"segment.write.complete", "segment.write.renamed", "index.seal.written", "index.seal.registered"} {
		rows = append(rows, row{64, "power cut of the indexer at " + point, func(t *testing.T) { cutSealAt(t, point) }})
	}
	for _, point := range []string{"tail.read.before", "blocklog.segment.created", "queue.log.synced", "queue.commit.tx", "queue.commit.after", "agent.commit.after"} {
		rows = append(rows, row{65, "power cut of a new directory at " + point, func(t *testing.T) { cutNew(t, point) }})
	}
	run(t, rows)
}

func onExt4(t *testing.T, dir string) *disk { return mountExt4(t, dir, "64m") }

// cutAt cuts the power of the agent's disk at a fail point. What it has delivered
// is not read again, and what it has not is.
func cutAt(t *testing.T, point string, mounted func(t *testing.T, dir string) *disk) {
	s := site.New(t, binary, "", "queue: {max_bytes: 16MiB}\n")
	d := mounted(t, s.AgentDir())
	s.StartIndexer(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	o.Noise = true // segments fill up
	s.Env = []string{"SHIPPER_FAIL=" + name(point) + "=stop" + when(point)}
	agent := s.StartAgent(t)
	o.Write(t, 100)
	site.Await(t, "the agent to follow the file, or to be there already", func() bool {
		b, err := s.AskBooks()
		return err == nil && b.Total.Read > 0 || stopped(agent)
	})
	site.Await(t, "the point", func() bool {
		o.Write(t, 500)
		return stopped(agent)
	})
	d.cut(t, agent)
	o.Write(t, 1000)
	s.Env = nil
	agent = s.StartAgent(t)
	settle(t, s, o)
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	verified(t, s)
}

// cutAtSync stops the agent behind a sync of its index, and cuts the power.
func cutAtSync(t *testing.T, n int) {
	s := site.New(t, binary, "", "")
	d := mountExt4(t, s.AgentDir(), "64m")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	inject(t, agent, filepath.Join(s.AgentDir(), "index.db"), "fdatasync", fmt.Sprintf("signal=SIGSTOP:when=%d", n))
	site.Await(t, "the sync", func() bool {
		if inState(agent, "T") {
			return true
		}
		o.Write(t, 500)
		return false
	})
	d.cut(t, agent)
	o.Write(t, 1000)
	agent = s.StartAgent(t)
	settle(t, s, o)
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	verified(t, s)
}

// stopped reports whether a process is.
func stopped(p *site.Process) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID))
	_, after, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(after, "T")
}

// cutAtRandom cuts the power of the agent's disk again and again, wherever it is.
func cutAtRandom(t *testing.T, rounds int, mounted func(t *testing.T, dir string) *disk) {
	s := site.New(t, binary, "", "queue: {max_bytes: 16MiB}\n")
	d := mounted(t, s.AgentDir())
	s.StartIndexer(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	agent := s.StartAgent(t)
	s.Begin(t, o)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 64))
	for range rounds {
		read := s.Books(t).Total.Read + int64(random.IntN(500_000))
		site.Await(t, "some more to be read", func() bool {
			o.Write(t, random.IntN(1000))
			return s.Books(t).Total.Read > read
		})
		d.cut(t, agent)
		agent = s.StartAgent(t)
		site.Await(t, "the agent to be up", func() bool { return site.Status("http://"+s.Metrics+"/healthz") == 200 })
	}
	settle(t, s, o)
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	verified(t, s)
}

// cutBehindEIO has the last sync of a commit fail, then the power, when its block
// was sent. The kernel shows what was written all the same: what of it is on the
// disk nobody knows, and nothing may be sent that is not.
func cutBehindEIO(t *testing.T) {
	for range 10 {
		if behindEIO(t) {
			return
		}
	}
	t.Error("no sync failed")
}

// behindEIO reports whether a sync failed: strace counts those of each thread, and a
// commit may go on in another one.
func behindEIO(t *testing.T) bool {
	var d *disk
	s, srv, o, agent := sentNotAcked(t, func(s *site.Site) { d = mountExt4(t, s.AgentDir(), "64m") },
		func(s *site.Site, agent *site.Process) {
			// A commit syncs twice, mostly in one thread.
			inject(t, agent, filepath.Join(s.AgentDir(), "index.db"), "fdatasync", "error=EIO:when=2+2")
		})
	d.cut(t, agent)
	srv.mild.Store(true)
	o.Write(t, 700)
	s.StartAgent(t)
	settle(t, s, o)
	if n := s.IndexMetric(t, "shipper_index_conflicts_total"); n != 0 {
		t.Errorf("%v blocks came with another content", n)
	}
	return t.Failed() || strings.Contains(s.AgentLog.String(), "input/output error")
}

// cutLogs cuts the power of the disk with the log files, of which the agent has
// delivered more than the writer had synced. What is written after it makes the
// file shorter or longer than what was read: none of that is taken for read.
func cutLogs(t *testing.T, after int) {
	s := site.New(t, binary, "", "")
	d := mountExt4(t, s.Logs, "64m")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	s.Begin(t, o)
	o.Write(t, 1900)
	if err := o.File.Sync(); err != nil {
		t.Fatal(err)
	}
	synced := o.Bytes.Load()
	o.Write(t, 1000)
	s.AwaitDrained(t, o.Bytes.Load())
	site.Want(t, o, o.Check(t, s.URL()))
	o.File.Close()
	d.cut(t, agent)
	info, err := os.Stat(o.Path)
	if err != nil || info.Size() != synced {
		t.Fatalf("the file has %d bytes, synced were %d: %v", info.Size(), synced, err)
	}
	o.File = nil
	o.Write(t, after)
	s.StartAgent(t)
	last := fmt.Sprintf(`{writer="w"} |= "line %d of w,"`, o.Seq-1)
	site.Await(t, "the last line", func() bool { return len(o.Fetch(t, s.URL(), last)) > 0 })
	s.AwaitDrained(t, o.Bytes.Load())
	v := o.Check(t, s.URL())
	if v.Missing+v.Torn+v.Disorder > 0 {
		t.Errorf("%v, of %d written", v, o.Seq)
	}
	t.Log(v)
	if b := s.Books(t).Total; b.Read != b.Queued || b.Queued < o.Bytes.Load() {
		t.Errorf("books: %+v", b)
	}
	says(t, s, o.Path)
}

// sentNotAcked runs an agent whose last commit has a block that its receiver has
// stored, and not answered. It calls prepare before the agent starts, and before
// before that commit.
func sentNotAcked(t *testing.T, prepare func(*site.Site), before func(*site.Site, *site.Process)) (*site.Site, *server, *site.Oracle, *site.Process) {
	t.Helper()
	var armed atomic.Bool
	stored := make(chan bool, 100)
	srv := &server{script: func(int) act {
		if !armed.Load() {
			return good
		}
		return func(c *call) bool {
			c.store(c.body())
			stored <- true
			return c.hang()
		}
	}}
	s := site.New(t, binary, "", "")
	srv.target = s.URL()
	serve(t, srv)
	shipTo(t, s, srv.url(), "")
	prepare(s)
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	s.AwaitDrained(t, o.Bytes.Load())
	commits, since := 0.0, time.Now()
	site.Await(t, "the last acknowledgement to be kept", func() bool {
		if n := s.Metric(t, "shipper_queue_commits_total"); n != commits {
			commits, since = n, time.Now()
		}
		return time.Since(since) > 1500*time.Millisecond // acknowledgements wait for a second
	})
	armed.Store(true)
	before(s, agent)
	o.Write(t, 300)
	<-stored
	return s, srv, o, agent
}

// cutIndexerAt cuts the power of the indexer's disk while it stores and seals:
// what it acknowledged is there once, and so is what is sent again.
func cutIndexerAt(t *testing.T, point string) {
	const records, blocks = 2000, 60 // 1 KiB each: more than the 64 MiB of a generation
	s := site.New(t, binary, "", "")
	disk := mountExt4(t, s.IndexDir(), "256m")
	p := startIndexer(t, s, name(point)+"=stop"+when(point))
	d := newSender(s, 1)
	d.pad = 1000
	var acked atomic.Int64
	end := make(chan bool)
	go func() {
		defer close(end)
		for q := uint64(1); q <= blocks; q++ {
			if v, _ := d.send(d.frame(q, records)); v.Outcome != protocol.Accepted {
				return
			}
			acked.Add(1)
		}
	}()
	awaitState(t, p, "T")
	disk.cut(t, p)
	<-end
	s.StartIndexer(t)
	d.want(t, records, existing(d, t, int(acked.Load()))...)
	for q := uint64(1); q <= blocks; q++ { // all of it again
		d.deliver(t, d.frame(q, records))
	}
	d.want(t, records, upTo(blocks)...)
	t.Logf("%d of %d blocks acknowledged before the cut", acked.Load(), blocks)
}

// cutSealAt cuts the power of the indexer's disk while it seals what it has, as
// it is told to stop.
func cutSealAt(t *testing.T, point string) {
	s := site.New(t, binary, "", "    backoff: {min: 50ms, max: 1s}\n")
	disk := mountExt4(t, s.IndexDir(), "128M")
	s.IndexEnv = []string{"SHIPPER_FAIL=" + name(point) + "=stop" + when(point)}
	indexer := s.StartIndexer(t)
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	for range 3 {
		o.Write(t, 1000)
	}
	s.AwaitDrained(t, o.Bytes.Load())
	indexer.Signal(syscall.SIGTERM)
	awaitState(t, indexer, "T")
	disk.cut(t, indexer)
	s.IndexEnv = nil
	s.StartIndexer(t)
	o.Write(t, 1000)
	settle(t, s, o)
}

// cutNew cuts the power right after the data directory was made, within another
// one that is older.
func cutNew(t *testing.T, point string) {
	s := site.New(t, binary, "", "")
	top := filepath.Join(s.Dir, "disk")
	d := mountExt4(t, top, "64m")
	text, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(s.AgentDir()), []byte(filepath.Join(top, "var", "shipper")), 1)
	if err := os.WriteFile(s.Config, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(top, "var", "shipper"), s.AgentDir()); err != nil {
		t.Fatal(err)
	}
	s.StartIndexer(t)
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	o.Write(t, 3000)
	s.Env = []string{"SHIPPER_FAIL=" + point + "=stop"}
	agent := s.StartAgent(t)
	awaitState(t, agent, "T")
	d.cut(t, agent)
	s.Env = nil
	agent = s.StartAgent(t)
	o.Write(t, 3000)
	settle(t, s, o)
	if strings.Contains(s.AgentLog.String(), "damaged") {
		t.Error("the directory was taken for damaged")
	}
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	verified(t, s)
}
