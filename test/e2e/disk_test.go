package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"shipper/test/site"
)

// TestNoSpaceForTheQueue gives the agent a disk that is full long before the
// queue's limit, and then a larger one.
func TestNoSpaceForTheQueue(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small tmpfs needs root")
	}
	s := site.New(t, binary, "", "")
	disk := filepath.Join(s.Dir, "agent")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", disk).Run() })
	agent := s.StartAgent(t) // and no indexer yet
	o := site.NewOracle(s.Logs, "w", site.Rename, 20_000)
	o.Noise = true
	s.Begin(t, o)
	o.Write(t, 60_000)
	site.Await(t, "the queue to say that its disk is full", func() bool { return s.Metric(t, "shipper_queue_failing") == 1 })
	s.AwaitLog(t, "no space left on device", disk)
	if out, err := exec.Command("mount", "-o", "remount,size=200m", disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.StartIndexer(t)
	s.AwaitDrained(t, o.Bytes.Load())
	site.Want(t, o, o.Check(t, s.URL()))
	site.WantBooks(t, s.Books(t), o.Seq, o.Bytes.Load())
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
}
