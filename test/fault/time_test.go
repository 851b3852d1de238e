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

// TestTime has clocks and times that are wrong. What grows old by a clock that
// jumps is shown by package tests.
func TestTime(t *testing.T) {
	run(t, []row{
		{55, "times in lines that go back, and ahead by years", oddTimes},
		{56, "files changed in the future, in 1970, all at once", oddFileTimes},
		{57, "stopped for longer than every time-out", suspended},
	})
}

// oddTimes has lines of a clock that is set: what is queued, and in which order,
// is none of its business.
func oddTimes(t *testing.T) {
	c := newContents(t, "")
	at := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	var want []string
	for i, step := range []time.Duration{0, -time.Hour, 10 * 365 * 24 * time.Hour, -30 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour, 0} {
		for j := range 200 {
			message := fmt.Sprintf("message %d of clock %d", j, i)
			want = append(want, message)
			// Local time without a zone, too, as on the night when a hour comes twice.
			layout := [...]string{time.RFC3339Nano, "2006-01-02 15:04:05.000"}[j%2]
			c.write(t, "a.log", fmt.Sprintf("time=%q level=info msg=%q\n", at.Add(step+time.Duration(j)*time.Second).Format(layout), message))
		}
		if i == 2 {
			c.await(t, "a.log", 400)
			c.agent.Kill()
			c.agent = c.StartAgent(t)
		}
	}
	c.want(t, "a.log", want...)
}

// oddFileTimes sets the times of files, of which one is rotated while nobody
// looks: what is known is known whatever its time.
func oddFileTimes(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Now().Add(10 * 365 * 24 * time.Hour), time.Now().Round(time.Hour)} {
		s := site.New(t, binary, "", "")
		s.StartIndexer(t)
		agent := s.StartAgent(t)
		o := site.NewOracle(s.Logs, "w", site.Rename, 1000)
		s.Begin(t, o)
		for range 3 {
			o.Write(t, 2500)
			s.AwaitDrained(t, o.Bytes.Load())
			agent.Kill()
			o.Write(t, 900)
			names, err := filepath.Glob(filepath.Join(s.Logs, "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if err := os.Chtimes(name, at, at); err != nil {
					t.Fatal(err)
				}
			}
			agent = s.StartAgent(t)
		}
		settle(t, s, o)
	}
}

// suspended stops the agent for longer than its time-outs, with a request under
// way. Timers that are due all at once must not make requests all at once.
func suspended(t *testing.T) {
	holding := make(chan bool)
	srv := &server{script: func(n int) act {
		if n != 3 {
			return good
		}
		return spoil(func(c *call) bool { // until the agent, awake again, gives up
			c.body()
			close(holding)
			return c.hang()
		})
	}}
	s, agent := through(t, srv)
	o := feed(t, s, srv)
	site.Await(t, "the fourth request", func() bool {
		select {
		case <-holding:
			return true
		default:
			o.Write(t, 50)
			return false
		}
	})
	agent.Signal(syscall.SIGSTOP)
	awaitState(t, agent, "T")
	before := srv.requests.Load()
	start := time.Now()
	for time.Since(start) < 3*time.Second { // time has to pass: the time-out is one second
		o.Write(t, 100)
		time.Sleep(50 * time.Millisecond)
	}
	agent.Signal(syscall.SIGCONT)
	settle(t, s, o)
	if n := srv.requests.Load() - before; n > 20 {
		t.Errorf("%d requests after the pause", n)
	}
	if sample(t, s, "shipper_output_failed_requests_total") == 0 {
		t.Error("no request was under way")
	}
	if text := s.AgentLog.String(); strings.Count(text, "tried again") > 2 {
		t.Errorf("the pause is said many times:\n%s", text)
	}
}
