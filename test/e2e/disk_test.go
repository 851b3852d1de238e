package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoSpaceForTheQueue gives the agent a disk that is full long before the
// queue's limit, and then a larger one.
func TestNoSpaceForTheQueue(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small tmpfs needs root")
	}
	s := newSite(t, "", "")
	disk := filepath.Join(s.dir, "agent")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", disk).Run() })
	agent := s.startAgent(t) // and no indexer yet
	o := newOracle(s.logs, "w", renameIt, 20_000)
	o.noise = true
	s.begin(t, o)
	o.write(t, 60_000)
	await(t, "the queue to say that its disk is full", func() bool { return s.metric(t, "shipper_queue_failing") == 1 })
	if log := s.agentLog.String(); !strings.Contains(log, "no space left on device") || !strings.Contains(log, disk) {
		t.Errorf("the log does not name the cause and the place:\n%s", log)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=200m", disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.startIndexer(t)
	s.awaitDrained(t, o.bytes.Load())
	want(t, o, o.check(t, s.url()))
	wantBooks(t, s.books(t), o.seq, o.bytes.Load())
	if code := agent.stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
}
