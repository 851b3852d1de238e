package fault

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"shipper/test/site"
)

// privateBinary is the variable of the environment that tells a test process
// that it runs one case in namespaces of its own, with which binary.
const privateBinary = "SHIPPER_FAULT_PRIVATE"

// private runs the case in another process, which has its own network and its
// own mounts, and reports whether this is that process. Its loopback is up.
func private(t *testing.T) bool {
	t.Helper()
	if os.Getenv(privateBinary) != "" {
		command(t, "ip", "link", "set", "lo", "up")
		return true
	}
	needRoot(t, "a network of its own")
	need(t, "ip")
	unshare := need(t, "unshare")
	if out, err := exec.Command(unshare, "-mn", "true").CombinedOutput(); err != nil {
		skip(t, "this machine makes no namespaces: "+strings.TrimSpace(string(out)))
	}
	var pattern []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(unshare, "-mn", os.Args[0], "-test.v", "-test.timeout=5m", "-test.run="+strings.Join(pattern, "/"))
	cmd.Env = append(os.Environ(), privateBinary+"="+binary)
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("%v:\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		skip(t, "not possible in a network namespace of this machine")
	case !strings.Contains(string(out), "--- PASS"):
		t.Errorf("nothing ran:\n%s", out)
	}
	return false
}

// peer is another node: a network namespace behind a pair of virtual interfaces.
type peer struct {
	t    *testing.T
	pid  int
	link string // of the peer
}

// Addresses of the two ends of a peer's link.
const (
	nearAddress = "10.83.0.1"
	farAddress  = "10.83.0.2"
)

func newPeer(t *testing.T) *peer {
	t.Helper()
	if out, err := exec.Command("ip", "link", "add", "near", "type", "veth", "peer", "name", "far").CombinedOutput(); err != nil {
		skip(t, "this machine has no virtual interfaces: "+strings.TrimSpace(string(out)))
	}
	p := &peer{t: t, link: "far"}
	p.pid = site.Start(t, new(site.Log), nil, "unshare", "-n", "sleep", "600").PID
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	site.Await(t, "the other namespace", func() bool {
		other, err := os.Readlink(p.namespace())
		return err == nil && other != own
	})
	command(t, "ip", "link", "set", p.link, "netns", fmt.Sprint(p.pid))
	command(t, "ip", "addr", "add", nearAddress+"/30", "dev", "near")
	command(t, "ip", "link", "set", "near", "up")
	p.ip("addr", "add", farAddress+"/30", "dev", p.link)
	p.ip("link", "set", p.link, "up")
	return p
}

func (p *peer) namespace() string { return fmt.Sprintf("/proc/%d/ns/net", p.pid) }

// ip runs ip(8) there.
func (p *peer) ip(args ...string) {
	p.t.Helper()
	command(p.t, "nsenter", append([]string{"-t", fmt.Sprint(p.pid), "-n", "ip"}, args...)...)
}

// listen listens there.
func (p *peer) listen() net.Listener {
	p.t.Helper()
	type result struct {
		l   net.Listener
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		f, err := os.Open(p.namespace())
		if err == nil {
			defer f.Close()
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		var l net.Listener
		if err == nil {
			l, err = net.Listen("tcp", farAddress+":0")
		}
		done <- result{l, err}
	}()
	r := <-done
	if r.err != nil {
		p.t.Fatal(r.err)
	}
	return r.l
}
