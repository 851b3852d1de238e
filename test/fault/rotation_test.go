package fault

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipper/test/site"
)

// TestRotation has what happens to the names and inodes of log files.
func TestRotation(t *testing.T) {
	run(t, []row{
		{2, "a writer goes on in the old file for 2,000 lines", closedLate},
		{3, "a writer goes on in the old file for longer than the grace time", closedVeryLate},
		{5, "renamed, no file for a while, then a new one", renamedAndAwaited},
		{6, "renamed, renamed back, written on", renamedBack},
		{8, "logrotate: create, delaycompress, dateext", func(t *testing.T) { logrotated(t, "create", "compress", "delaycompress", "dateext", "dateformat -%s") }},
		{8, "logrotate: shifted numbers, olddir", func(t *testing.T) { logrotated(t, "create", "olddir ../old", "createolddir 0755") }},
		{8, "logrotate: shifted numbers, delaycompress", func(t *testing.T) { logrotated(t, "create", "compress", "delaycompress") }},
		{8, "logrotate: compressed at once", func(t *testing.T) { logrotated(t, "create", "compress", "nodelaycompress") }},
		{8, "logrotate: copytruncate", func(t *testing.T) { logrotated(t, "copytruncate") }},
		{13, "moved to a directory that is not followed", func(t *testing.T) { movedAway(t, false, false) }},
		{14, "moved to another file system", func(t *testing.T) { movedAway(t, true, false) }},
		{14, "moved to another file system that is followed, too", func(t *testing.T) { movedAway(t, true, true) }},
		{16, "the inode is used again while the agent is down", func(t *testing.T) { inodeUsedAgain(t, "") }},
		{17, "the same, and all of them begin alike", func(t *testing.T) {
			inodeUsedAgain(t, strings.Repeat(`{"level":"info","msg":"a banner, which is in front of every file of this program"}`+"\n", 30))
		}},
		{19, "a hard link", func(t *testing.T) { secondName(t, os.Link) }},
		{19, "a symbolic link", func(t *testing.T) { secondName(t, os.Symlink) }},
		{21, "links in a circle, to nothing, to a directory", strangeLinks},
		{22, "a bind mount", bindMounted},
		{24, "a directory is renamed, and there is a new one", directoryReplaced},
		{27, "many files appear at once and are rotated at once", manyFiles},
		{28, "a busy file beside many slow ones", busyFile},
	})
}

// reopen makes o write to a new file of its path next.
func reopen(o *site.Oracle) {
	o.File.Close()
	o.File = nil
}

// seen waits until the agent has read what o wrote: it has found the file then.
func seen(t *testing.T, s *site.Site, o *site.Oracle) {
	t.Helper()
	site.Await(t, "the agent to read "+o.Path, func() bool { return s.Books(t).Total.Read >= o.Bytes.Load() })
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// followed is a site whose agent follows the file of a writer.
func followed(t *testing.T) (*site.Site, *site.Oracle) {
	t.Helper()
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	s.Begin(t, o)
	o.Write(t, 1000)
	return s, o
}

// edit replaces a part of the configuration of an agent that is not started yet.
func edit(t *testing.T, s *site.Site, was, is string) {
	t.Helper()
	text, err := os.ReadFile(s.Config)
	if err != nil || !strings.Contains(string(text), was) {
		t.Fatalf("%q is not in the configuration, error %v", was, err)
	}
	if err := os.WriteFile(s.Config, []byte(strings.Replace(string(text), was, is, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// closedLate has the old file grow beside the new one.
func closedLate(t *testing.T) {
	s, old := followed(t)
	next := site.NewOracle(s.Logs, "next", site.Never, 0)
	next.Path = old.Path
	rename(t, old.Path, old.Path+".1")
	for range 20 {
		old.Write(t, 100)
		next.Write(t, 100)
	}
	old.File.Close()
	next.Write(t, 100)
	settle(t, s, old, next)
}

func closedVeryLate(t *testing.T) {
	s := site.New(t, binary, "", "")
	edit(t, s, "file: {", "file: {grace: 3s, ")
	s.StartIndexer(t)
	s.StartAgent(t)
	old, next := site.NewOracle(s.Logs, "old", site.Never, 0), site.NewOracle(s.Logs, "next", site.Never, 0)
	next.Path = old.Path
	s.Begin(t, old)
	rename(t, old.Path, old.Path+".1")
	for end := time.Now().Add(7 * time.Second); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		old.Write(t, 50) // growth begins the grace time anew
		next.Write(t, 50)
	}
	settle(t, s, old, next)
}

func renamedAndAwaited(t *testing.T) {
	s, o := followed(t)
	rename(t, o.Path, o.Path+".1")
	o.Write(t, 500)
	s.AwaitDrained(t, o.Bytes.Load())
	reopen(o)
	o.Write(t, 500)
	settle(t, s, o)
}

func renamedBack(t *testing.T) {
	s, o := followed(t)
	rename(t, o.Path, o.Path+".1")
	o.Write(t, 500)
	s.AwaitDrained(t, o.Bytes.Load())
	rename(t, o.Path+".1", o.Path)
	o.Write(t, 500)
	settle(t, s, o)
}

// logrotated runs the real logrotate ten times between and within the lines of a
// writer that goes on in the old file for a while.
func logrotated(t *testing.T, options ...string) {
	logrotate := need(t, "logrotate")
	s, o := followed(t)
	config := filepath.Join(s.Dir, "logrotate.conf")
	text := fmt.Sprintf("%s/w.log {\n  rotate 30\n  missingok\n  su root root\n  %s\n}\n", s.Logs, strings.Join(options, "\n  "))
	if os.Geteuid() != 0 {
		text = strings.Replace(text, "  su root root\n", "", 1)
	}
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	truncates, last := options[0] == "copytruncate", options[len(options)-1]
	for i := range 10 {
		if !truncates { // what is gone before it was seen is not the agent's; the rest is
			o.Write(t, 10)
			seen(t, s, o)
			o.Write(t, 500)
		}
		if truncates {
			s.AwaitDrained(t, o.Bytes.Load()) // a copy that is rotated on is not seen under its first name
		}
		command(t, logrotate, "-f", "-s", filepath.Join(s.Dir, "state"), config)
		if last != "nodelaycompress" { // what is written to a file while it is compressed nobody has
			o.Write(t, 200)
		}
		if !truncates {
			reopen(o)
		}
		o.Write(t, 300)
		if strings.HasPrefix(last, "dateformat") && i < 9 {
			time.Sleep(1100 * time.Millisecond) // the names have seconds
		}
	}
	settle(t, s, o)
}

// movedAway moves a file with unread lines, which is written on for a while if it
// is the same one still.
func movedAway(t *testing.T, copies, follows bool) {
	s := site.New(t, binary, "", "")
	away := filepath.Join(s.Dir, "away")
	if copies {
		mountTmpfs(t, away, "64m")
	} else if err := os.Mkdir(away, 0o755); err != nil {
		t.Fatal(err)
	}
	if follows {
		edit(t, s, `"]}`, fmt.Sprintf(`", "%s/*"]}`, away))
	}
	s.StartIndexer(t)
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	s.Begin(t, o)
	for i := range 5 {
		o.Write(t, 10)
		seen(t, s, o)
		o.Write(t, 2000) // some of which are not read yet
		command(t, "mv", o.Path, filepath.Join(away, fmt.Sprintf("w.log.%d", i)))
		if !copies {
			o.Write(t, 200)
		}
		reopen(o)
	}
	o.Write(t, 100)
	settle(t, s, o)
}

// inodeUsedAgain replaces files while the agent is down. ext4 gives a new file the
// inode of the one that was deleted just before. All of them begin with a banner.
func inodeUsedAgain(t *testing.T, banner string) {
	s := site.New(t, binary, "", "")
	mountExt4(t, s.Logs, "64M")
	s.StartIndexer(t)
	var all []*site.Oracle
	agent := s.StartAgent(t)
	for i, lines := range []int{1000, 300, 300, 2000} { // shorter, as long, longer
		o := site.NewOracle(s.Logs, fmt.Sprintf("w%d", i), site.Never, 0)
		o.Path = filepath.Join(s.Logs, "w.log")
		all = append(all, o)
		appendTo(t, o.Path, []byte(banner))
		if i == 0 {
			s.Begin(t, o)
		}
		o.Write(t, lines)
		if i > 0 {
			agent = s.StartAgent(t)
		}
		s.AwaitDrained(t, size(all)+int64(len(all)*len(banner)))
		agent.Kill()
		before := inode(t, o.Path)
		o.File.Close()
		if err := os.Remove(o.Path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(o.Path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if now := inode(t, o.Path); now != before {
			t.Errorf("the inode is %d, not %d again: the case shows nothing", now, before)
		}
	}
	s.StartAgent(t)
	bytes, lines := size(all)+int64(len(all)*len(banner)), len(all)*strings.Count(banner, "\n")
	s.AwaitDrained(t, bytes)
	for _, o := range all {
		site.Want(t, o, o.Check(t, s.URL()))
		lines += o.Seq
	}
	site.WantBooks(t, s.Books(t), lines, bytes)
}

// size is how many bytes writers have written.
func size(all []*site.Oracle) (n int64) {
	for _, o := range all {
		n += o.Bytes.Load()
	}
	return n
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// secondName gives the file another name that is followed, too: it is read once.
func secondName(t *testing.T, link func(old, new string) error) {
	s, o := followed(t)
	if err := link(o.Path, filepath.Join(s.Logs, "again.log")); err != nil {
		t.Fatal(err)
	}
	o.Write(t, 2000)
	settle(t, s, o)
	if err := os.Remove(o.Path); err != nil {
		t.Fatal(err)
	}
	o.Write(t, 500) // into the file that has one name less
	settle(t, s, o)
}

func strangeLinks(t *testing.T) {
	s := site.New(t, binary, "", "")
	for name, target := range map[string]string{"circle.log": "round.log", "round.log": "circle.log", "nothing.log": "nowhere", "directory.log": "/etc", "self.log": "self.log"} {
		if err := os.Symlink(target, filepath.Join(s.Logs, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.StartIndexer(t)
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 1000)
	s.Begin(t, o)
	o.Write(t, 3000)
	settle(t, s, o)
	if b := s.Books(t); len(b.Files) == 0 || strings.Contains(fmt.Sprint(b.Files), "/etc") {
		t.Errorf("files in the books: %+v", b.Files)
	}
}

// bindMounted has one directory under two names.
func bindMounted(t *testing.T) {
	needRoot(t, "a bind mount")
	s := site.New(t, binary, "", "")
	other := filepath.Join(s.Dir, "other")
	mount(t, other, "--bind", s.Logs, other)
	edit(t, s, `"]}`, fmt.Sprintf(`", "%s/*.log", "%s/w*"]}`, other, s.Logs))
	s.StartIndexer(t)
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 1000)
	s.Begin(t, o)
	o.Write(t, 5000)
	settle(t, s, o)
}

func directoryReplaced(t *testing.T) {
	s := site.New(t, binary, "", "")
	edit(t, s, "/*.log", "/*/*.log")
	dir := filepath.Join(s.Logs, "app")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.StartIndexer(t)
	s.StartAgent(t)
	o := site.NewOracle(dir, "w", site.Never, 0)
	s.Begin(t, o)
	for i := range 3 {
		o.Write(t, 10)
		seen(t, s, o)
		o.Write(t, 1000) // some of which are not read yet
		rename(t, dir, filepath.Join(s.Dir, fmt.Sprintf("old%d", i)))
		o.Write(t, 300)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		reopen(o)
		o.Write(t, 300)
	}
	settle(t, s, o)
}

// manyFiles has files appear all at once, and all be rotated while they are read.
func manyFiles(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "many", site.Another, 3)
	s.Begin(t, o)
	o.Write(t, 3*files())
	site.Await(t, "the files to be followed", func() bool {
		return int(s.Metric(t, `shipper_files_open{input="app"}`)) >= files()
	})
	names, err := filepath.Glob(filepath.Join(s.Logs, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		rename(t, name, name+".1")
	}
	again := site.NewOracle(s.Logs, "again", site.Another, 3)
	again.Write(t, 3*files())
	settle(t, s, o, again)
	t.Logf("%d files, %d descriptors, %d MiB", 2*files(), descriptors(agent), rss(agent)>>20)
}

// busyFile: the lines of slow files are stored while a fast writer keeps the
// agent busy.
func busyFile(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	s.StartAgent(t)
	busy, slow := site.NewOracle(s.Logs, "busy", site.Rename, 100_000), site.NewOracle(s.Logs, "slow", site.Another, 1)
	s.Begin(t, busy)
	slow.Write(t, 1000)
	stop, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				busy.Write(t, 5000)
			}
		}
	}()
	site.Await(t, "the slow lines to be stored", func() bool {
		v := slow.Check(t, s.URL())
		return v.Found == slow.Seq
	})
	close(stop)
	<-done
	settle(t, s, busy, slow)
}
