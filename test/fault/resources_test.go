package fault

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shipper/test/site"
)

// TestResources gives the agent little of what it needs.
func TestResources(t *testing.T) {
	run(t, []row{
		{109, "64 MiB for many files, very long lines and no receiver", littleMemory},
		{110, "the kernel kills it for its memory", outOfMemory},
		{111, "a tenth of a CPU", littleCPU},
		{111, "256 descriptors for many files", agentFewDescriptors},
	})
}

// files is how many files a case with many has.
func files() int {
	if all() {
		return 10_000
	}
	return 1000
}

func littleMemory(t *testing.T) {
	s := site.New(t, binary, "", "")
	g := newGroup(t, "memory")
	g.set(t, 64<<20, "memory.limit_in_bytes", "memory.max")
	s.Wrap = g.wrap()
	agent := s.StartAgent(t) // and no indexer
	o := site.NewOracle(s.Logs, "many", site.Another, 5)
	s.Begin(t, o)
	o.Write(t, 5*files()-100)
	long := filepath.Join(s.Logs, "long.log")
	line := append(bytes.Repeat([]byte("word "), 2<<20), '\n') // 10 MiB
	for range 5 {
		appendTo(t, long, line)
	}
	total := o.Bytes.Load() + 5*int64(len(line))
	site.Await(t, "all to be read", func() bool { return s.Books(t).Total.Read >= total })
	s.StartIndexer(t)
	s.AwaitDrained(t, total)
	site.Want(t, o, o.Check(t, s.URL()))
	b := s.Books(t)
	if b.Total.Read != b.Total.Queued+b.Total.Dropped+b.Total.Lost || b.Total.Read != total {
		t.Errorf("the books do not close: %+v, %d bytes written", b.Total, total)
	}
	if n := s.Metric(t, `shipper_file_long_lines_total{input="app"}`); n != 5 {
		t.Errorf("%v long lines counted, want 5", n)
	}
	t.Logf("%d files, %d MiB at most in the group, %d descriptors; killed for memory: %d times", files(), g.peak(t)>>20, descriptors(agent), g.kills(t))
	if g.kills(t) != 0 {
		t.Error("the kernel killed the agent")
	}
	agent.Stop(t)
}

// outOfMemory gives the agent less memory than it works with.
func outOfMemory(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	g := newGroup(t, "memory")
	g.set(t, 16<<20, "memory.limit_in_bytes", "memory.max")
	s.Wrap = g.wrap()
	s.Env = []string{"GOMEMLIMIT=off", "GOGC=400"}
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 50_000)
	o.Noise = true
	s.Begin(t, o)
	o.Write(t, 60_000)
	if code := agent.Wait(t); code != -1 || g.kills(t) == 0 {
		t.Fatalf("the agent ended with %d, killed for memory %d times: the test shows nothing", code, g.kills(t))
	}
	s.Wrap, s.Env = nil, nil
	s.StartAgent(t)
	settle(t, s, o)
}

// agentFewDescriptors has files written, left alone, written again and rotated, of which
// a few can be open at a time.
func agentFewDescriptors(t *testing.T) {
	s := site.New(t, binary, "", "")
	edit(t, s, "file: {", "file: {grace: 1s, ")
	s.Patience = 3 * time.Minute
	s.StartIndexer(t)
	s.Wrap = []string{need(t, "prlimit"), "--nofile=256:256"}
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "many", site.Another, 3)
	s.Begin(t, o)
	o.Write(t, 3*files())
	s.AwaitDrained(t, o.Bytes.Load())
	names, err := filepath.Glob(filepath.Join(s.Logs, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	writers := []*site.Oracle{o}
	lines, bytes := o.Seq, o.Bytes.Load()
	for i, name := range names {
		if i%10 != 0 {
			continue
		}
		again := site.NewOracle(s.Logs, fmt.Sprintf("again%d", i), site.Never, 0)
		again.Path = name
		again.Write(t, 2)
		if i%20 == 0 { // what is not read yet has another name now
			rename(t, name, name+".1")
		}
		again.File.Close()
		writers = append(writers, again)
		lines, bytes = lines+again.Seq, bytes+again.Bytes.Load()
	}
	s.AwaitDrained(t, bytes)
	site.Want(t, o, o.Check(t, s.URL()))
	for _, w := range writers[1:] {
		site.Want(t, w, w.Check(t, s.URL()))
	}
	site.WantBooks(t, s.Books(t), lines, bytes)
	t.Logf("%d files, %d descriptors, %v parked", files(), descriptors(agent), s.Metric(t, `shipper_files_parked{input="app"}`))
}

func littleCPU(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	g := newGroup(t, "cpu")
	g.setCPU(t, 10)
	s.Wrap = g.wrap()
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 20_000)
	s.Begin(t, o)
	o.Write(t, 100_000)
	settle(t, s, o)
}

// appendTo appends to a file.
func appendTo(t *testing.T, path string, text []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
}

// group is a control group of a case, version 1 or 2.
type group struct {
	dir string
	v2  bool
}

// newGroup makes a group with a controller, or skips the case.
func newGroup(t *testing.T, controller string) *group {
	t.Helper()
	needRoot(t, "making a control group")
	name := fmt.Sprintf("shipper-fault-%d-%s", os.Getpid(), strconv.FormatInt(int64(len(t.Name())), 36)+strings.Map(letters, t.Name()))
	g := &group{dir: filepath.Join("/sys/fs/cgroup", controller, name)}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		g = &group{dir: filepath.Join("/sys/fs/cgroup", name), v2: true}
		_ = os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+"+controller), 0o644) // if it is not on already
	}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		skip(t, "this machine has no control groups to be made: "+controller)
	}
	t.Cleanup(func() {
		site.Await(t, "the control group to be empty", func() bool { return os.Remove(g.dir) == nil })
	})
	return g
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// set writes a number into the file of version 1 or of version 2.
func (g *group) set(t *testing.T, n int64, v1, v2 string) {
	t.Helper()
	name := v1
	if g.v2 {
		name = v2
	}
	if err := os.WriteFile(filepath.Join(g.dir, name), strconv.AppendInt(nil, n, 10), 0o644); err != nil {
		skip(t, "this machine has no control groups with "+name)
	}
}

// setCPU allows some hundredths of a CPU.
func (g *group) setCPU(t *testing.T, percent int64) {
	t.Helper()
	name, text := "cpu.cfs_quota_us", strconv.FormatInt(percent*1000, 10)
	if g.v2 {
		name, text = "cpu.max", fmt.Sprintf("%d 100000", percent*1000)
	}
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o644); err != nil {
		skip(t, "this machine has no control groups with "+name)
	}
}

// wrap is a command that runs another in g.
func (g *group) wrap() []string {
	return []string{"sh", "-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, g.dir}
}

// number reads a number that stands behind a word in a file of g, or alone in it.
func (g *group) number(t *testing.T, file, word string) int64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if word == "" || len(fields) == 2 && fields[0] == word {
			n, _ := strconv.ParseInt(fields[len(fields)-1], 10, 64)
			return n
		}
	}
	return 0
}

// kills is how often the kernel killed a process of g for its memory.
func (g *group) kills(t *testing.T) int64 {
	if g.v2 {
		return g.number(t, "memory.events", "oom_kill")
	}
	return g.number(t, "memory.oom_control", "oom_kill")
}

// peak is the most memory of g, the page cache included.
func (g *group) peak(t *testing.T) int64 {
	if g.v2 {
		return g.number(t, "memory.peak", "")
	}
	return g.number(t, "memory.max_usage_in_bytes", "")
}
