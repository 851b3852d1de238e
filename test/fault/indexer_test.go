package fault

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"shipper/internal/protocol"
	"shipper/test/site"
)

// TestIndexer has disks, crashes and agents do to the indexer what they may.
func TestIndexer(t *testing.T) {
	rows := []row{
		{120, "disk full", indexerDiskFull},
		{122, "log cut", indexerTornLog},
		{123, "blocks of 20 agents, repeated and out of order", manyAgents},
		{124, "an agent lost its queue", lostQueue},
		{124, "two agents with one ID", clonedAgents},
	}
	for _, point := range []string{
		"index.log.appended@40", "index.log.synced@40", "receive.stored@40",
		"index.seal.rotated", "index.seal.before", "segment.write.complete", "segment.write.renamed",
		"index.seal.written", "index.seal.registered", "index.log.renamed",
	} {
		rows = append(rows, row{121, "killed at " + point, func(t *testing.T) { killIndexerAt(t, point) }})
	}
	for _, point := range []string{
		"index.log.appended@10-14", "index.log.synced@10-14",
		"index.seal.rotated@1-2", "segment.write.complete@1-2", "index.seal.written", "index.seal.registered",
	} {
		rows = append(rows, row{129, "error at " + point, func(t *testing.T) { failIndexerAt(t, point) }})
	}
	rows = append(rows,
		row{129, "EIO from fdatasync", indexerSyncFails},
		row{129, "the log is removed while in use", indexerLogRemoved},
		row{122, "bytes of the log are damaged", indexerLogDamaged},
		row{130, "bytes of a segment are damaged", func(t *testing.T) { harmSegment(t, false) }},
		row{130, "a segment is removed", func(t *testing.T) { harmSegment(t, true) }},
	)
	for name, harm := range map[string]func(t *testing.T, path string){
		"its first pages are noise": func(t *testing.T, path string) { scribble(t, path, 0, 2*indexPage) },
		"other pages are noise":     func(t *testing.T, path string) { scribble(t, path, 2*indexPage, 8*indexPage) },
		"it is cut short":           func(t *testing.T, path string) { truncate(t, path, 2*indexPage+100) },
		"it is a text":              func(t *testing.T, path string) { put(t, path, []byte(strings.Repeat("somebody's\n", 2000))) },
	} {
		rows = append(rows, row{131, "the catalogue: " + name, func(t *testing.T) { harmCatalogue(t, harm) }})
	}
	run(t, rows)
}

// failIndexerAt has a step of storing and sealing fail a few times: what could not
// be stored is refused for now, and in the end all is there once.
func failIndexerAt(t *testing.T, point string) {
	const records, blocks = 2000, 60
	s := site.New(t, binary, "", "")
	p := startIndexer(t, s, name(point)+"=error"+when(point))
	d := newSender(s, 1)
	d.pad = 1000
	for _, q := range upTo(blocks) {
		d.deliver(t, d.frame(q, records))
	}
	d.want(t, records, upTo(blocks)...)
	s.AwaitIndexLog(t, "fail point "+name(point))
	site.Await(t, "a seal that works", func() bool { return s.IndexMetric(t, "shipper_index_sealed_segments_total") > 0 })
	if code := p.Stop(t); code != 0 {
		t.Errorf("the indexer ended with %d", code)
	}
	s.StartIndexer(t)
	d.want(t, records, upTo(blocks)...)
}

// indexerSyncFails has syncs of the log fail as a broken disk does: what came with
// them may or may not be on disk.
func indexerSyncFails(t *testing.T) {
	const records = 10
	strace := need(t, "strace")
	s := site.New(t, binary, "", "")
	// -D: strace is not the parent, so that to kill p is to kill the indexer.
	args := []string{"-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=6..30+8",
		binary, "index", "--data", s.IndexDir(), "--listen", s.IndexAddr}
	p := site.Start(t, s.IndexLog, nil, strace, args...)
	site.Await(t, "the indexer to serve", func() bool { return site.Status(s.URL()+"/healthz") == 200 })
	d := newSender(s, 1)
	blocks, refused := uint64(0), 0
	for blocks < 60 || refused == 0 && blocks < 1000 { // each thread counts its syncs
		blocks++
		q := blocks
		if v, code := d.send(d.frame(q, records)); v.Outcome != protocol.Accepted {
			if refused++; code != 503 || !strings.Contains(v.Reason, "input/output error") {
				t.Errorf("block %d: %d %+v", q, code, v)
			}
		}
		d.deliver(t, d.frame(q, records))
	}
	d.want(t, records, upTo(blocks)...)
	if refused == 0 {
		t.Error("no sync failed")
	}
	p.Kill()
	s.StartIndexer(t)
	d.want(t, records, upTo(blocks)...)
	t.Logf("%d of %d blocks refused at first", refused, blocks)
}

// indexerLogRemoved takes the log away under the running indexer: what it has
// acknowledged is in memory, and it acknowledges no more before that is sealed.
func indexerLogRemoved(t *testing.T) {
	const records = 10
	s := site.New(t, binary, "", "")
	p := s.StartIndexer(t)
	d := newSender(s, 1)
	for _, q := range upTo(20) {
		d.deliver(t, d.frame(q, records))
	}
	if err := os.Remove(logFile(t, s)); err != nil {
		t.Fatal(err)
	}
	v, code := d.send(d.frame(21, records))
	if code != 503 || !strings.Contains(v.Reason, "removed or replaced") {
		t.Errorf("%d %+v", code, v)
	}
	for _, q := range upTo(40) {
		d.deliver(t, d.frame(q, records))
	}
	p.Kill()
	s.StartIndexer(t)
	d.want(t, records, upTo(40)...)
	if n := strings.Count(s.IndexLog.String(), "blocks are refused for now"); n != 1 {
		t.Errorf("the log says %d times that blocks are refused", n)
	}
}

// indexVerify is what "shipper index verify" says of a stopped indexer's directory.
func indexVerify(s *site.Site) (string, error) {
	out, err := exec.Command(s.Binary, "index", "verify", "--data", s.IndexDir()).CombinedOutput()
	return string(out), err
}

// indexerLogDamaged harms the middle of a killed indexer's log: one block is lost,
// and taken when it comes again; the log is kept.
func indexerLogDamaged(t *testing.T) {
	const blocks, records = 8, 10
	s := site.New(t, binary, "", "")
	d := newSender(s, 1)
	p := s.StartIndexer(t)
	var middle int64
	for _, q := range upTo(blocks) {
		d.deliver(t, d.frame(q, records))
		info, err := os.Stat(logFile(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if q == 4 {
			middle = info.Size()
		}
	}
	p.Kill()
	log := logFile(t, s)
	scribble(t, log, middle-20, 10) // within the fourth
	if out, err := indexVerify(s); err == nil || !strings.Contains(out, log) {
		t.Errorf("verify: %v: %s", err, out)
	}
	for range 2 {
		p = s.StartIndexer(t)
		d.want(t, records, 1, 2, 3, 5, 6, 7, 8)
		p.Kill()
	}
	p = s.StartIndexer(t)
	for _, q := range upTo(blocks) {
		d.deliver(t, d.frame(q, records))
	}
	d.want(t, records, upTo(blocks)...)
	if code := p.Stop(t); code != 0 {
		t.Errorf("the indexer ended with %d", code)
	}
	if kept, err := filepath.Glob(filepath.Join(s.IndexDir(), "wal", "*.damaged")); err != nil || len(kept) != 1 {
		t.Errorf("kept: %q, %v", kept, err)
	}
	if !strings.Contains(s.IndexLog.String(), "a write-ahead log is damaged") {
		t.Error("the log does not say it")
	}
	if out, err := indexVerify(s); err != nil {
		t.Errorf("verify: %v: %s", err, out)
	}
}

// sealedIndex has an indexer seal blocks of a sender, and returns the one segment.
func sealedIndex(t *testing.T, blocks uint64, records int) (s *site.Site, d *sender, segment string) {
	t.Helper()
	s = site.New(t, binary, "", "")
	p := s.StartIndexer(t)
	d = newSender(s, 1)
	d.pad = 200
	for _, q := range upTo(blocks) {
		d.deliver(t, d.noise(q, records))
	}
	if code := p.Stop(t); code != 0 {
		t.Errorf("the indexer ended with %d", code)
	}
	if out, err := indexVerify(s); err != nil {
		t.Fatalf("verify: %v: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(s.IndexDir(), "seg", "*", "*", "*.seg"))
	if err != nil || len(files) == 0 {
		t.Fatalf("segments %q, %v", files, err)
	}
	return s, d, files[0]
}

// harmSegment harms a sealed segment, or removes it: what was in it and is lost is
// counted, the rest and all that comes is there.
func harmSegment(t *testing.T, remove bool) {
	const blocks, records = 40, 1000
	s, d, segment := sealedIndex(t, blocks, records)
	info, err := os.Stat(segment)
	if err == nil && remove {
		err = os.Remove(segment)
	} else if err == nil {
		scribble(t, segment, info.Size()/3, 10)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := indexVerify(s); err == nil || !strings.Contains(out, segment) {
		t.Errorf("verify: %v: %s", err, out)
	}
	p := s.StartIndexer(t)
	q := url.Values{"query": {`{sender="` + d.name + `"} |= "record"`}, "start": {"0"}}
	site.Await(t, "a query that works", func() bool { return site.Status(s.URL()+"/api/v1/records?"+q.Encode()) == 200 })
	there := 0
	for _, n := range d.counts(t) {
		there += n
	}
	lost := int(s.IndexMetric(t, "shipper_index_lost_records_total"))
	if remove {
		lost = blocks * records
		if s.IndexMetric(t, "shipper_index_missing_segments_total") != 1 {
			t.Error("no segment is said to be missing")
		}
	}
	if there+lost != blocks*records || lost == 0 || !remove && there == 0 {
		t.Errorf("%d records are there, %d counted as lost, of %d", there, lost, blocks*records)
	}
	said := "a segment is damaged: it was set aside"
	if remove {
		said = "a segment is missing"
	}
	s.AwaitIndexLog(t, said)
	if n := strings.Count(s.IndexLog.String(), said); n != 1 {
		t.Errorf("the log says %d times that %s", n, said)
	}
	d.deliver(t, d.noise(blocks+1, records))
	if n := d.counts(t)[d.block(blocks+1)]; n != records {
		t.Errorf("%d records of the next block", n)
	}
	if code := p.Stop(t); code != 0 {
		t.Errorf("the indexer ended with %d", code)
	}
	if aside, _ := filepath.Glob(segment + ".corrupt-*"); !remove && len(aside) != 1 {
		t.Errorf("set aside: %q", aside)
	}
	t.Logf("%d of %d records lost", lost, blocks*records)
}

// harmCatalogue harms the catalogue of a stopped indexer: it is kept under another
// name, and all records are found again.
func harmCatalogue(t *testing.T, harm func(t *testing.T, path string)) {
	const blocks, records = 20, 100
	s, d, _ := sealedIndex(t, blocks, records)
	path := filepath.Join(s.IndexDir(), "catalogue.db")
	harm(t, path)
	harmed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := indexVerify(s); err == nil || !strings.Contains(out, path) {
		t.Errorf("verify: %v: %s", err, out)
	}
	p := s.StartIndexer(t)
	d.want(t, records, upTo(blocks)...)
	d.deliver(t, d.noise(blocks+1, records))
	d.want(t, records, upTo(blocks+1)...)
	if code := p.Stop(t); code != 0 {
		t.Errorf("the indexer ended with %d", code)
	}
	aside, err := filepath.Glob(path + ".corrupt-*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside: %q, %v", aside, err)
	}
	if kept, _ := os.ReadFile(aside[0]); !bytes.Equal(kept, harmed) {
		t.Error("what was set aside is not what there was")
	}
	if n := strings.Count(s.IndexLog.String(), "the catalogue is corrupt and was set aside"); n != 1 {
		t.Errorf("the log says it %d times", n)
	}
	s.StartIndexer(t)
	d.want(t, records, upTo(blocks+1)...)
}

// truncate cuts a file.
func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// startIndexer starts an indexer with a fail point.
func startIndexer(t *testing.T, s *site.Site, failing string, args ...string) *site.Process {
	t.Helper()
	args = append([]string{"index", "--data", s.IndexDir(), "--listen", s.IndexAddr}, args...)
	p := site.Start(t, s.IndexLog, []string{"SHIPPER_FAIL=" + failing}, binary, args...)
	site.Await(t, "the indexer to be ready", func() bool { return site.Status(s.URL()+"/ready") == 200 })
	return p
}

// killIndexerAt has the indexer kill itself while it stores and seals. What it
// acknowledged is there once, and so is what is sent again.
func killIndexerAt(t *testing.T, point string) {
	const records, blocks = 2000, 60 // 1 KiB each: more than the 64 MiB of a generation
	s := site.New(t, binary, "", "")
	p := startIndexer(t, s, name(point)+"=kill"+when(point))
	d := newSender(s, 1)
	d.pad = 1000
	acked := 0
	for q := uint64(1); q <= blocks; q++ {
		if v, _ := d.send(d.frame(q, records)); v.Outcome != protocol.Accepted {
			break
		}
		acked++
	}
	if code := p.Wait(t); code != -1 {
		t.Fatalf("the indexer ended with %d", code)
	}
	s.StartIndexer(t)
	d.want(t, records, existing(d, t, acked)...)
	for q := uint64(1); q <= blocks; q++ { // all of it again
		d.deliver(t, d.frame(q, records))
	}
	d.want(t, records, upTo(blocks)...)
	t.Logf("%d of %d blocks acknowledged before the end", acked, blocks)
}

// existing are the sequences to be there after acked: the one that was under way
// may be, too, but only whole.
func existing(d *sender, t *testing.T, acked int) []uint64 {
	if d.counts(t)[d.block(uint64(acked)+1)] > 0 {
		acked++
	}
	return upTo(uint64(acked))
}

// manyAgents delivers the blocks of 20 agents from several clients at a time, each
// at least twice and in any order, while the indexer is killed and started again.
func manyAgents(t *testing.T) {
	const agents, blocks, records = 20, 20, 10
	s := site.New(t, binary, "", "")
	p := s.StartIndexer(t)
	type delivery struct {
		from *sender
		q    uint64
	}
	var all []delivery
	var senders []*sender
	for i := range agents {
		d := newSender(s, i)
		senders = append(senders, d)
		for _, q := range upTo(blocks) {
			for range 3 {
				all = append(all, delivery{d, q})
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	work := make(chan delivery)
	var done atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for w := range work {
				w.from.deliver(t, w.from.frame(w.q, records))
				done.Add(1)
			}
		})
	}
	for i, w := range all {
		if i == len(all)/3 {
			p.Kill() // and whatever was under way is sent again
			p = s.StartIndexer(t)
		}
		work <- w
	}
	close(work)
	wg.Wait()
	for _, d := range senders {
		d.want(t, records, upTo(blocks)...)
	}
	if n := s.IndexMetric(t, "shipper_index_missing_blocks"); n != 0 {
		t.Errorf("%v blocks are said to be missing", n)
	}
	if n := s.IndexMetric(t, `shipper_index_conflicts_total{reason="differs"}`) + s.IndexMetric(t, `shipper_index_conflicts_total{reason="unknown"}`); n != 0 {
		t.Errorf("%v conflicts", n)
	}
	t.Logf("%d deliveries of %d blocks", done.Load(), agents*blocks)
}

// lostQueue begins the sequences of an agent anew: in a new epoch, as an agent
// does that is not certain, and in the same one, as after a backup was put back.
func lostQueue(t *testing.T) {
	const records = 10
	s := site.New(t, binary, "", "")
	p := s.StartIndexer(t)
	d := newSender(s, 1)
	before := []protocol.Frame{d.frame(1, records), d.frame(2, records), d.frame(3, records)}
	d.deliver(t, before...)
	next := *d
	next.epoch = 2
	for range 2 {
		next.deliver(t, next.frame(1, records), next.frame(2, records))
		d.deliver(t, before[2]) // late
	}
	back := d.clone() // same agent, same epoch, other content
	for range 2 {
		back.deliver(t, back.frame(2, records), back.frame(3, records), back.frame(4, records))
		p.Kill()
		p = s.StartIndexer(t)
	}
	d.deliver(t, before...)
	d.want(t, records, 1, 2, 3)
	next.want(t, records, 1, 2)
	back.want(t, records, 2, 3, 4)
}

// clonedAgents has two agents with one data directory deliver at a time.
func clonedAgents(t *testing.T) {
	const blocks, records = 40, 10
	s := site.New(t, binary, "", "")
	p := s.StartIndexer(t)
	one := newSender(s, 1)
	pair := []*sender{one, one.clone()}
	var wg sync.WaitGroup
	for i, d := range pair {
		wg.Go(func() {
			for n := range uint64(blocks) {
				q := n + 1
				if i == 1 {
					q = blocks - n // the other way round
				}
				d.deliver(t, d.frame(q, records))
				d.deliver(t, d.frame(q, records))
			}
		})
	}
	wg.Wait()
	for _, d := range pair {
		d.want(t, records, upTo(blocks)...)
	}
	if n := s.IndexMetric(t, `shipper_index_conflicts_total{reason="differs"}`); n < blocks {
		t.Errorf("%v conflicts are reported", n)
	}
	s.AwaitIndexLog(t, "copies of one data directory")
	if log := s.IndexLog.String(); strings.Count(log, "copies of one data directory") != 1 || !strings.Contains(log, one.agent) {
		t.Errorf("the log does not say it once:\n%s", log)
	}
	if code := p.Stop(t); code != 0 { // sealed now
		t.Errorf("the indexer ended with %d", code)
	}
	s.StartIndexer(t)
	for _, d := range pair {
		for _, q := range upTo(blocks) {
			d.deliver(t, d.frame(q, records))
		}
		d.want(t, records, upTo(blocks)...)
	}
}

// indexerTornLog cuts the log of a killed indexer in several places: what is
// before the cut is there, and what is sent again is stored once.
func indexerTornLog(t *testing.T) {
	const blocks, records = 8, 10
	s := site.New(t, binary, "", "")
	d := newSender(s, 1)
	p := s.StartIndexer(t)
	var ends []int64
	for _, q := range upTo(blocks) {
		d.deliver(t, d.frame(q, records))
		info, err := os.Stat(logFile(t, s))
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, info.Size())
	}
	p.Kill()
	whole, err := os.ReadFile(logFile(t, s))
	if err != nil {
		t.Fatal(err)
	}
	kept := t.TempDir()
	if err := os.CopyFS(kept, os.DirFS(s.IndexDir())); err != nil {
		t.Fatal(err)
	}
	last := len(ends) - 1
	for _, cut := range []int64{ends[last], ends[last] - 1, ends[last-1] + 1, ends[last-1], ends[4] + 17, ends[0] - 5, 20, 3, 0} {
		for _, garbage := range []string{"", strings.Repeat("\x00", 5000), "garbage behind the end"} {
			if err := errors.Join(os.RemoveAll(s.IndexDir()), os.CopyFS(s.IndexDir(), os.DirFS(kept))); err != nil {
				t.Fatal(err)
			}
			torn := append(append([]byte(nil), whole[:cut]...), garbage...)
			if err := os.WriteFile(logFile(t, s), torn, 0o600); err != nil {
				t.Fatal(err)
			}
			p := s.StartIndexer(t)
			there := uint64(0)
			for _, e := range ends {
				if e <= cut {
					there++
				}
			}
			d.want(t, records, upTo(there)...)
			for _, q := range upTo(blocks) {
				d.deliver(t, d.frame(q, records))
			}
			d.want(t, records, upTo(blocks)...)
			p.Kill()
			p = s.StartIndexer(t)
			d.want(t, records, upTo(blocks)...)
			p.Kill()
		}
	}
}

// logFile returns the one file of an indexer's write-ahead log.
func logFile(t *testing.T, s *site.Site) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.IndexDir(), "wal", "*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("log files %q, %v", files, err)
	}
	return files[len(files)-1]
}

// indexerDiskFull fills the indexer's disk: first by what it stores, then by
// others, until nothing is left.
func indexerDiskFull(t *testing.T) {
	const records = 100
	s := site.New(t, binary, "", "")
	mountTmpfs(t, s.IndexDir(), "8m")
	p := s.StartIndexer(t)
	d := newSender(s, 1)
	d.pad = 300
	stored := uint64(0)
	var refusal string
	for refused := 0; refused < 40; { // again and again: what is in the log is sealed first
		v, code := d.send(d.noise(stored+1, records))
		switch {
		case v.Outcome == protocol.Accepted:
			stored++
			refused = 0
			continue
		case code != 503 || v.After == 0 || !strings.Contains(v.Reason, "disk is full"):
			t.Fatalf("%d %+v", code, v)
		}
		refusal = v.Reason
		refused++
		sleep()
	}
	d.want(t, records, upTo(stored)...)
	if code := site.Status(s.URL() + "/ready"); code != 503 {
		t.Errorf("/ready says %d", code)
	}
	if s.IndexMetric(t, "shipper_index_refusing") != 1 {
		t.Error("the metrics do not say it")
	}
	used := s.IndexMetric(t, "shipper_index_segment_bytes")
	t.Logf("%d blocks, %.1f MB in segments of 8 MiB, then: %s", stored, used/1e6, refusal)

	// Others take the last byte.
	hog := filepath.Join(s.IndexDir(), "hog")
	fill(t, hog)
	for range 3 {
		if v, code := d.send(d.noise(stored+1, records)); code != 503 || v.After == 0 {
			t.Errorf("%d %+v", code, v)
		}
		d.want(t, records, upTo(stored)...)
	}
	p.Kill()
	p = startFull(t, s, "--retention-bytes", "2MB") // without a byte to write
	site.Await(t, "retention to free space", func() bool {
		return s.IndexMetric(t, "shipper_index_segment_bytes") <= 2e6
	})
	if n := s.IndexMetric(t, "shipper_index_dropped_segments_total"); n == 0 {
		t.Error("no segment was dropped")
	}
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	d.deliver(t, d.noise(stored+1, records)) // it goes on by itself
	if got := d.counts(t); got[d.block(stored+1)] != records {
		t.Errorf("the first block afterwards: %v", got)
	}
	for b, n := range d.counts(t) {
		if n != records {
			t.Errorf("block %s has %d records", b, n)
		}
	}
	if code := p.Stop(t); code != 0 {
		t.Errorf("the indexer ended with %d", code)
	}
}

// startFull starts an indexer that will not be ready.
func startFull(t *testing.T, s *site.Site, args ...string) *site.Process {
	t.Helper()
	args = append([]string{"index", "--data", s.IndexDir(), "--listen", s.IndexAddr}, args...)
	p := site.Start(t, s.IndexLog, nil, binary, args...)
	site.Await(t, "the indexer to serve", func() bool { return site.Status(s.URL()+"/healthz") == 200 })
	return p
}

// fill writes a file until its file system is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !strings.Contains(fmt.Sprint(err), "no space") {
			t.Fatal(err)
		}
		err = nil
	}
}
