package fault

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/test/site"
)

// TestDisk has what the disks of the agent and the indexer can do.
func TestDisk(t *testing.T) {
	run(t, []row{
		{66, "a log file lost its end with the power", logLostItsEnd},
		{67, "the agent's disk is full, ext4", func(t *testing.T) { fullDisk(t, true) }},
		{67, "the agent's disk is full, tmpfs", func(t *testing.T) { fullDisk(t, false) }},
		{68, "the queue is full, and reading waits", func(t *testing.T) { fullQueue(t, "block") }},
		{68, "the queue is full, and drops the oldest", func(t *testing.T) { fullQueue(t, "drop-oldest") }},
		{68, "the queue is full, and drops the newest", func(t *testing.T) { fullQueue(t, "drop-newest") }},
		{69, "syncs fail", func(t *testing.T) { injected(t, "fdatasync:error=EIO:when=8..12") }},
		{67, "no space for the index", func(t *testing.T) { failing(t, "index.db", "pwrite64", "ENOSPC", "no space left on device") }},
		{67, "no space to sync a block", func(t *testing.T) { failing(t, "blocks/*.log", "fdatasync", "ENOSPC", "no space left on device") }},
		{69, "syncs of the index fail", func(t *testing.T) { failing(t, "index.db", "fdatasync", "EIO", "input/output error") }},
		{69, "syncs of the blocks fail", func(t *testing.T) { failing(t, "blocks/*.log", "fdatasync", "EIO", "input/output error") }},
		{69, "writes of blocks fail", func(t *testing.T) { failing(t, "blocks/*.log", "pwrite64", "EIO", "input/output error") }},
		{70, "the index is read-only for a while", func(t *testing.T) { failing(t, "index.db", "pwrite64", "EROFS", "read-only file system") }},
		{70, "the blocks are read-only for a while", func(t *testing.T) { failing(t, "blocks/*.log", "pwrite64", "EROFS", "read-only file system") }},
		{70, "the agent's disk has an error and lets nobody write", readOnly},
		{70, "the agent's disk is read-only at its start", readOnlyAtStart},
		{71, "no descriptors are left", noDescriptors},
		{71, "there are fewer descriptors than files", moreFilesThanDescriptors},
		{72, "no inotify instance is to be had", func(t *testing.T) { noInotify(t, "max_inotify_instances") }},
		{72, "no inotify watch is to be had", func(t *testing.T) { noInotify(t, "max_inotify_watches") }},
		{78, "a sync takes half a second", func(t *testing.T) { injected(t, "fdatasync:delay_enter=500000:when=5..12") }},
		{80, "the log files are on an overlay", overlay},
	})
}

// verified fails the test unless the stopped agent's queue is in order, and its
// books are those that the agent showed last.
func verified(t *testing.T, s *site.Site) {
	t.Helper()
	var stat struct{ Books site.Books }
	if err := json.Unmarshal([]byte(command(t, s.Binary, "queue", "stat", "-o", "json", "--data", s.AgentDir())), &stat); err != nil {
		t.Fatal(err)
	}
	if stat.Books.Total != s.Seen.Total {
		t.Errorf("books of the stopped agent: %+v, before: %+v", stat.Books.Total, s.Seen.Total)
	}
	if out, err := exec.Command(s.Binary, "queue", "verify", "--data", s.AgentDir()).CombinedOutput(); err != nil {
		t.Errorf("queue verify: %v: %s", err, out)
	}
}

// logLostItsEnd cuts a log file behind what was read of it, while the agent is
// down: what is written from there on is another content of the file.
func logLostItsEnd(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	before := site.NewOracle(s.Logs, "before", site.Never, 0)
	s.Begin(t, before)
	before.Write(t, 3000)
	settle(t, s, before)
	agent.Kill()
	half := before.Bytes.Load() / 2
	if err := os.Truncate(before.Path, half); err != nil {
		t.Fatal(err)
	}
	after := site.NewOracle(s.Logs, "after", site.Never, 0)
	after.Path = before.Path
	appendTo(t, before.Path, []byte("\n")) // behind half a line
	after.Write(t, 3000)
	s.StartAgent(t)
	s.AwaitDrained(t, before.Bytes.Load()+half+1+after.Bytes.Load())
	site.Want(t, after, after.Check(t, s.URL()))
	if v := before.Check(t, s.URL()); v.Missing+v.Disorder > 0 {
		t.Errorf("%v of those from before", v)
	}
	if b := s.Books(t).Total; b.Read != b.Queued+b.Dropped+b.Lost {
		t.Errorf("the books do not close: %+v", b)
	}
	s.AwaitLog(t, before.Path)
}

// fullDisk fills the rest of the agent's disk while lines are written.
func fullDisk(t *testing.T, ext4 bool) {
	s := site.New(t, binary, "", "")
	if ext4 {
		mountExt4(t, s.AgentDir(), "64M")
	} else {
		mountTmpfs(t, s.AgentDir(), "32m")
	}
	indexer := s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	o.Noise = true
	s.Begin(t, o)
	o.Write(t, 5000)
	filler := filepath.Join(s.AgentDir(), "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size >= 1; size /= 2 {
		for block := make([]byte, size); err == nil; {
			_, err = f.Write(block)
		}
		err = nil
	}
	f.Close()
	o.Write(t, 20_000)
	site.Await(t, "the queue to say that its disk is full", func() bool { return s.Metric(t, "shipper_queue_failing") == 1 })
	// Acknowledgements are kept nevertheless: what is queued is delivered, once.
	site.Await(t, "what is queued to be delivered", func() bool { return s.Delivered(t, "index") })
	s.AwaitLog(t, "no space left on device", s.AgentDir())
	agent.Kill()
	indexer.Kill()
	s.StartIndexer(t)
	s.StartAgent(t) // on a disk that is full
	site.Await(t, "the agent to be there", func() bool { return site.Status("http://"+s.Metrics+"/healthz") == 200 })
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	settle(t, s, o)
}

// injected has strace make system calls of the agent fail or wait.
func injected(t *testing.T, inject string) {
	strace := need(t, "strace")
	s := site.New(t, binary, "", "queue: {max_bytes: 16MiB}\n")
	s.StartIndexer(t)
	// -D: strace is not the parent, so that to stop the process is to stop the agent.
	s.Wrap = []string{strace, "-D", "-f", "-qq", "-o", filepath.Join(s.Dir, "strace"), "-e", "trace=fdatasync", "-e", "inject=" + inject}
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	o.Noise = true
	s.Begin(t, o)
	for range 10 {
		o.Write(t, 1000)
		time.Sleep(50 * time.Millisecond)
	}
	site.Await(t, "an injection", func() bool { // each thread counts its calls
		trace, _ := os.ReadFile(filepath.Join(s.Dir, "strace"))
		if strings.Contains(string(trace), "(INJECTED)") || strings.Contains(string(trace), "(DELAYED)") {
			return true
		}
		o.Write(t, 50)
		return false
	})
	settle(t, s, o)
	agent.Stop(t)
	verified(t, s)
}

// failing has all calls on a file of the queue fail for as long as it takes the
// agent to say so. It goes on by itself, and has not turned in circles meanwhile.
func failing(t *testing.T, file, call, errno, cause string) {
	s := site.New(t, binary, "", "queue: {max_bytes: 16MiB}\n")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	o.Noise = true
	s.Begin(t, o)
	o.Write(t, 2000)
	s.AwaitDrained(t, o.Bytes.Load())
	paths, err := filepath.Glob(filepath.Join(s.AgentDir(), file))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s: %v", file, err)
	}
	tracer := inject(t, agent, paths[len(paths)-1], call, "error="+errno)
	commits := s.Metric(t, "shipper_queue_commits_total")
	o.Write(t, 2000)
	site.Await(t, "the queue to say that its disk fails", func() bool { return s.Metric(t, "shipper_queue_failing") == 1 })
	o.Write(t, 2000)
	if n := s.Metric(t, "shipper_queue_commits_total"); n > commits+1 { // one may have been under way
		t.Errorf("%v commits", n-commits)
	}
	tracer.Kill()
	settle(t, s, o)
	s.AwaitLog(t, cause, s.AgentDir())
	if n := strings.Count(s.AgentLog.String(), cause); n > 5 {
		t.Errorf("the log has the cause %d times", n)
	}
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	verified(t, s)
}

// readOnly has the file system find an error, as which it lets nobody write any
// more, and has it repaired. What has files open cannot be remounted otherwise.
func readOnly(t *testing.T) {
	fsck := need(t, "e2fsck")
	s := site.New(t, binary, "", "")
	disk := mountExt4(t, s.AgentDir(), "64M")
	command(t, "mount", "-o", "remount,errors=remount-ro", s.AgentDir())
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	o.Write(t, 2000)
	s.AwaitDrained(t, o.Bytes.Load())
	device := strings.TrimSpace(command(t, "findmnt", "-n", "-o", "SOURCE", s.AgentDir()))
	trigger := filepath.Join("/sys/fs/ext4", filepath.Base(device), "trigger_fs_error")
	if err := os.WriteFile(trigger, []byte("1"), 0); err != nil {
		skip(t, "this kernel triggers no errors of ext4")
	}
	o.Write(t, 2000)
	site.Await(t, "the queue to say that its disk fails", func() bool { return s.Metric(t, "shipper_queue_failing") == 1 })
	s.AwaitLog(t, "read-only file system")
	agent.Kill()
	command(t, "umount", s.AgentDir())
	exec.Command(fsck, "-f", "-y", disk.image).Run() // it says with its exit code that it repaired something
	mount(t, s.AgentDir(), "-o", "loop", disk.image, s.AgentDir())
	s.StartAgent(t)
	o.Write(t, 2000)
	settle(t, s, o)
}

func readOnlyAtStart(t *testing.T) {
	s := site.New(t, binary, "", "")
	mountExt4(t, s.AgentDir(), "64M")
	command(t, "mount", "-o", "remount,ro", s.AgentDir())
	if code := s.StartAgent(t).Wait(t); code <= 0 {
		t.Errorf("the agent ended with %d", code)
	}
	if log := s.AgentLog.String(); !strings.Contains(log, "read-only file system") || !strings.Contains(log, s.AgentDir()) {
		t.Errorf("the log does not name the cause and the place:\n%s", log)
	}
}

// oneLeft returns the limit under which a process has one descriptor left. What is
// not taken all the time does not count.
func oneLeft(t *testing.T, p *site.Process) int {
	t.Helper()
	looks, taken := 0, map[string]int{}
	site.Await(t, "what is open", func() bool {
		all, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID))
		for _, fd := range all {
			taken[fd.Name()]++
		}
		looks++
		return looks == 20
	})
	free := 0
	for n := 0; ; n++ {
		if taken[fmt.Sprint(n)] == looks {
			continue
		}
		if free++; free == 2 {
			return n
		}
	}
}

// noDescriptors leaves the running agent no descriptor but one, to list directories
// with: it can open no file.
func noDescriptors(t *testing.T) {
	prlimit := need(t, "prlimit")
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 1000)
	s.Begin(t, o)
	s.AwaitDrained(t, o.Bytes.Load())
	metric := s.Metric(t, "shipper_goroutines") // keeps a connection open for what follows
	limit := func(n int) {
		command(t, prlimit, "--pid", fmt.Sprint(agent.PID), fmt.Sprintf("--nofile=%d:4096", n))
	}
	limit(oneLeft(t, agent))
	seen := func(files int) { // each of them is another one that cannot be opened
		site.Await(t, "the log to say so", func() bool { return strings.Count(s.AgentLog.String(), "too many open files") >= files })
	}
	begun := 0
	o.Before = func() { // a name lives until the agent has seen it
		seen(begun)
		begun++
	}
	o.Write(t, 5500) // five rotations
	seen(begun)
	limit(1024)
	settle(t, s, o)
	if metric == 0 {
		t.Error("no metrics")
	}
}

// moreFilesThanDescriptors has more files than the agent may open, and a receiver that
// closes each connection: those that are open do not keep it from delivering, nor
// the others from being read.
func moreFilesThanDescriptors(t *testing.T) {
	prlimit := need(t, "prlimit")
	srv := &server{script: func(int) act {
		return func(c *call) bool {
			good(c)
			return false
		}
	}}
	s := site.New(t, binary, "", "")
	srv.target = s.URL()
	serve(t, srv)
	shipTo(t, s, srv.url(), "")
	s.StartIndexer(t)
	o := site.NewOracle(s.Logs, "w", site.Another, 100)
	o.Write(t, 6000)
	s.Wrap = []string{prlimit, "--nofile=64:64"}
	agent := s.StartAgent(t)
	site.Await(t, "the agent to say that there are too many", func() bool {
		return site.Status("http://"+s.Metrics+"/healthz") == 200 && s.Metric(t, `shipper_files_unreadable{input="app"}`) > 0
	})
	settle(t, s, o) // those that are read make room for the others
	s.AwaitLog(t, "more files than descriptors")
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
}

// fullQueue fills a small queue, by each policy: what is dropped is counted to
// the record.
func fullQueue(t *testing.T, policy string) {
	s := site.New(t, binary, "", "queue: {max_bytes: 16MiB, full: "+policy+"}\n")
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	o.Noise = true
	o.Write(t, 100) // one block, as the agent comes to it later
	s.StartAgent(t) // and no indexer yet
	site.Await(t, "the first lines to be on their way", func() bool {
		return site.Status("http://"+s.Metrics+"/healthz") == 200 && sample(t, s, "shipper_output_failed_requests_total") > 0
	})
	o.Write(t, 80_000)
	if policy == "block" {
		site.Await(t, "the queue to be full", func() bool { return s.Metric(t, "shipper_queue_full") == 1 })
		s.StartIndexer(t)
		settle(t, s, o)
		return
	}
	site.Await(t, "all to be read", func() bool { return s.Books(t).Total.Read == o.Bytes.Load() })
	s.StartIndexer(t)
	s.AwaitDrained(t, o.Bytes.Load())
	v, b := o.Check(t, s.URL()), s.Books(t).Total
	dropped := int(s.Metric(t, "shipper_queue_dropped_records_total"))
	arrived := dropped - v.Missing // the first lines, which were on their way when they were dropped
	if dropped == 0 || arrived != 0 && (arrived != 100 || policy != "drop-oldest") || v.Repeated+v.Torn+v.Disorder > 0 {
		t.Errorf("%v of %d written, dropped %d", v, o.Seq, dropped)
	}
	if b.Read != b.Queued+b.Dropped || b.Dropped == 0 || b.Lost != 0 {
		t.Errorf("books: %+v", b)
	}
	if policy == "drop-oldest" {
		if last := o.Fetch(t, s.URL(), fmt.Sprintf(`{writer="w"} |= "line %d of w,"`, o.Seq-1)); len(last) != 1 {
			t.Errorf("of the last line: %q", last)
		}
	}
}

// noInotify runs the agent in a user namespace of its own, with a limit of 0.
func noInotify(t *testing.T, limit string) {
	unshare := need(t, "unshare")
	if out, err := exec.Command(unshare, "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/"+limit).CombinedOutput(); err != nil {
		skip(t, "this machine has no user namespaces with limits: "+strings.TrimSpace(string(out)))
	}
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	s.Wrap = []string{unshare, "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/" + limit + ` && exec "$0" "$@"`}
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	o.Write(t, 12_000)
	settle(t, s, o)
	if n := s.Metric(t, `shipper_files_polling{input="app"}`); n != 1 {
		t.Errorf("shipper_files_polling is %v", n)
	}
}

// overlay has the log files copied up, with another inode, by their first write.
func overlay(t *testing.T) {
	needRoot(t, "mounting an overlay")
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	lower, upper, work := filepath.Join(s.Dir, "lower"), filepath.Join(s.Dir, "upper"), filepath.Join(s.Dir, "work")
	for _, dir := range []string{lower, upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o := site.NewOracle(lower, "w", site.Rename, 3000)
	o.Write(t, 1000)
	o.File.Close()
	mountTmpfs(t, upper, "64m") // an overlay has to be on another file system than one of its own
	for _, dir := range []string{"up", "work"} {
		if err := os.Mkdir(filepath.Join(upper, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount(t, s.Logs, "-t", "overlay", "overlay", "-o", fmt.Sprintf("lowerdir=%s,upperdir=%s/up,workdir=%s/work", lower, upper, upper), s.Logs)
	o.Path, o.File = filepath.Join(s.Logs, "w.log"), nil
	s.StartAgent(t)
	s.AwaitDrained(t, o.Bytes.Load())
	o.Write(t, 10_000) // the first of them copies the file
	settle(t, s, o)
}
