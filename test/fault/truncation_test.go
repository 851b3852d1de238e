package fault

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"shipper/test/site"
)

// TestTruncation has what makes a file shorter.
func TestTruncation(t *testing.T) {
	run(t, []row{
		{29, "truncated, and written anew, shorter", func(t *testing.T) { truncated(t, 300) }},
		{30, "truncated, and written anew, as long", func(t *testing.T) { truncated(t, 1000) }},
		{31, "truncated, and written anew, longer", func(t *testing.T) { truncated(t, 3000) }},
		{33, "truncated between a look and a read", func(t *testing.T) { truncatedWhileRead(t, "tail.read.before") }},
		{33, "truncated between a read and a look", func(t *testing.T) { truncatedWhileRead(t, "tail.read.after") }},
		{35, "copied and truncated while lines are written", copiedWhileWritten},
		{35, "truncated while the copy is compared with it", truncatedWhileCompared},
		{36, "truncated unread, with the copy elsewhere", truncatedUnread},
		{36, "truncated unread while no output answers", truncatedWhileBlocked},
	})
}

// truncated truncates a file that was read, and writes other lines into it while
// the agent does not look.
func truncated(t *testing.T, lines int) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	before, after := site.NewOracle(s.Logs, "one", site.Never, 0), site.NewOracle(s.Logs, "two", site.Never, 0)
	after.Path = before.Path
	before.Write(t, 1000)
	s.AwaitDrained(t, before.Bytes.Load())
	agent.Signal(syscall.SIGSTOP)
	awaitState(t, agent, "T")
	if err := os.Truncate(before.Path, 0); err != nil {
		t.Fatal(err)
	}
	after.Write(t, lines) // as long as the others, line by line
	agent.Signal(syscall.SIGCONT)
	settle(t, s, before, after)
	if n := s.Metric(t, `shipper_file_truncations_total{input="app"}`); n != 1 {
		t.Errorf("%v truncations counted", n)
	}
}

// truncatedWhileRead stops the agent within a read and rotates by copying meanwhile.
func truncatedWhileRead(t *testing.T, point string) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	s.Env = []string{"SHIPPER_FAIL=" + point + "=stop@3"}
	o := site.NewOracle(s.Logs, "w", site.CopyTruncate, 0)
	o.Write(t, 300) // before it runs, so that it does not come to the third read yet
	agent := s.StartAgent(t)
	site.Await(t, "the lines to be read", func() bool {
		b, err := s.AskBooks()
		return err == nil && b.Total.Read >= o.Bytes.Load()
	})
	site.Await(t, "the point", func() bool {
		if stopped(agent) {
			return true
		}
		o.Write(t, 100)
		return false
	})
	awaitState(t, agent, "T")
	command(t, "cp", o.Path, o.Path+".1")
	if err := os.Truncate(o.Path, 0); err != nil {
		t.Fatal(err)
	}
	o.Write(t, 2000)
	agent.Signal(syscall.SIGCONT)
	settle(t, s, o)
}

// copiedWhileWritten: the lines between the end of the copy and the truncation are
// nobody's to have, unless they were read before. No others are missing.
func copiedWhileWritten(t *testing.T) {
	s, o := followed(t)
	between := site.NewOracle(s.Logs, "between", site.Never, 0)
	between.Path = o.Path
	for i := range 5 {
		seen(t, s, o)
		o.Write(t, 500) // some of which are in the copy only
		command(t, "cp", o.Path, fmt.Sprintf("%s.%d", o.Path, i))
		between.Write(t, 20)
		if err := os.Truncate(o.Path, 0); err != nil {
			t.Fatal(err)
		}
		o.Write(t, 500)
		site.Await(t, "the lines", func() bool { return o.Check(t, s.URL()).Missing == 0 })
	}
	s.AwaitDrained(t, o.Bytes.Load())
	site.Want(t, o, o.Check(t, s.URL()))
	v := between.Check(t, s.URL())
	if v.Repeated+v.Torn+v.Disorder > 0 {
		t.Error(v)
	}
	if b := s.Books(t).Total; b.Read != b.Queued+b.Dropped+b.Lost || b.Records != int64(o.Seq+v.Found) {
		t.Errorf("the books do not close: %+v", b)
	}
	t.Log(v)
}

// truncatedWhileCompared truncates a file when the agent has found it as it was,
// and goes on to look whether what is beside it is a copy of it.
func truncatedWhileCompared(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	s.Env = []string{"SHIPPER_FAIL=tail.copy.compare=stop"}
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	o.Write(t, 300)
	s.AwaitDrained(t, o.Bytes.Load())
	command(t, "cp", o.Path, o.Path+".1")
	awaitState(t, agent, "T")
	if err := os.Truncate(o.Path, 0); err != nil {
		t.Fatal(err)
	}
	o.Write(t, 2000)
	agent.Signal(syscall.SIGCONT)
	settle(t, s, o)
}

// truncatedUnread loses what nobody could read, and no more. The agent has not
// seen it, so that it cannot count it.
func truncatedUnread(t *testing.T) {
	s := site.New(t, binary, "", "")
	s.StartIndexer(t)
	agent := s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Never, 0)
	s.Begin(t, o)
	o.Write(t, 1000)
	s.AwaitDrained(t, o.Bytes.Load())
	agent.Signal(syscall.SIGSTOP)
	awaitState(t, agent, "T")
	o.Write(t, 500)
	command(t, "cp", o.Path, filepath.Join(s.Dir, "copy"))
	if err := os.Truncate(o.Path, 0); err != nil {
		t.Fatal(err)
	}
	o.Write(t, 100)
	agent.Signal(syscall.SIGCONT)
	site.Await(t, "the last lines", func() bool { return o.Check(t, s.URL()).Missing == 500 })
	if v := o.Check(t, s.URL()); v.Repeated+v.Torn+v.Disorder > 0 {
		t.Error(v)
	}
	if b := s.Books(t).Total; b.Read != b.Queued+b.Dropped+b.Lost {
		t.Errorf("the books do not close: %+v", b)
	}
}

// truncatedWhileBlocked truncates a file that the agent has not read to its end, as
// its queue is full: the books say how much of what it had seen of it is lost.
func truncatedWhileBlocked(t *testing.T) {
	s := site.New(t, binary, "", "queue: {max_bytes: 16MiB, full: block}\n")
	edit(t, s, "file: {", "file: {grace: 1s, ") // it is how long a copy may take to turn up
	agent := s.StartAgent(t)                    // and no indexer yet
	o, after := site.NewOracle(s.Logs, "w", site.Never, 0), site.NewOracle(s.Logs, "after", site.Never, 0)
	after.Path = o.Path
	o.Noise = true
	s.Begin(t, o)
	o.Write(t, 80_000)
	site.Await(t, "the queue to be full", func() bool { return s.Metric(t, "shipper_queue_full") == 1 })
	command(t, "cp", o.Path, filepath.Join(s.Dir, "copy"))
	if err := os.Truncate(o.Path, 0); err != nil {
		t.Fatal(err)
	}
	after.Write(t, 1000)
	s.StartIndexer(t)
	site.Await(t, "the last lines", func() bool { return after.Check(t, s.URL()).Missing == 0 })
	site.Want(t, after, after.Check(t, s.URL()))
	site.Await(t, "the loss to be counted", func() bool { return s.Books(t).Total.Lost > 0 })
	v, b := o.Check(t, s.URL()), s.Books(t).Total
	if v.Missing == 0 || v.Repeated+v.Torn+v.Disorder > 0 {
		t.Error(v)
	}
	// While it waits for the queue it does not look how the file grows.
	if b.Read != b.Queued+b.Dropped+b.Lost || b.Read > o.Bytes.Load()+after.Bytes.Load() || b.Records != int64(v.Found+after.Seq) {
		t.Errorf("books: %+v; written %d and %d bytes; %v", b, o.Bytes.Load(), after.Bytes.Load(), v)
	}
	says(t, s, "data of a file is gone unread")
	if code := agent.Stop(t); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
}
