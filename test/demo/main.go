// Demo runs an agent and an indexer on a directory whose logs it writes itself,
// and shows records as they arrive. It ends, and everything with it, at Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

func main() {
	shipper := flag.String("shipper", "bin/shipper", "the `program` to show")
	dir := flag.String("dir", "demo", "`directory` to work in; what an earlier demo left there is removed")
	length := flag.Duration("for", 0, "end after this `time`; 0: at Ctrl-C")
	flag.Parse()
	// Children get a signal if this thread ends, however it does.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *length > 0 {
		ctx, stop = context.WithTimeout(ctx, *length)
		defer stop()
	}
	if err := run(ctx, *shipper, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

const configuration = `data_dir: %[1]s/agent
listen: %[2]s
inputs:
  - name: demo
    labels: {deployment.environment.name: demo}
    file: {paths: ["%[1]s/logs/*.log"]}
outputs:
  - name: index
    native: {url: "http://%[3]s"}
`

func run(ctx context.Context, shipper, dir string) error {
	if err := clear(dir); err != nil {
		return err
	}
	indexAddr, err := freeAddress("127.0.0.1:3100")
	if err != nil {
		return err
	}
	agentAddr, err := freeAddress("127.0.0.1:3101")
	if err != nil {
		return err
	}
	config := filepath.Join(dir, "shipper.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, configuration, dir, agentAddr, indexAddr), 0o644); err != nil {
		return err
	}
	url := "http://" + indexAddr

	index, err := start(filepath.Join(dir, "index.out"), shipper, "index", "--data", filepath.Join(dir, "index"), "--listen", indexAddr)
	if err != nil {
		return err
	}
	defer index.stop()
	if err := awaitReady(ctx, index, url+"/ready"); err != nil {
		return err
	}
	agent, err := start(filepath.Join(dir, "agent.out"), shipper, "run", "--config", config)
	if err != nil {
		return err
	}
	defer agent.stop()
	if err := awaitReady(ctx, agent, "http://"+agentAddr+"/readyz"); err != nil {
		return err
	}

	fmt.Printf(`
  logs       %[1]s/logs   six programs write them, Go and Rust style, with rotation
  agent      http://%[2]s   /metrics /readyz /books
  indexer    %[3]s   the Loki HTTP API, /metrics

Try in another terminal:

  %[4]s query --addr %[3]s '{service_name="payments"} |= "timeout"'
  %[4]s query --addr %[3]s --since 1m -o json '{level="error"}'

Records as they are stored (Ctrl-C ends the demo):

`, dir, agentAddr, url, shipper)

	var writers sync.WaitGroup
	writing, stopWriting := context.WithCancel(ctx)
	defer stopWriting()
	failed := make(chan error, 8)
	for _, p := range programs() {
		writers.Go(func() {
			if err := p.write(writing, filepath.Join(dir, "logs")); err != nil {
				failed <- err
			}
		})
	}
	follow := command(shipper, "query", "--addr", url, "--follow", `{deployment_environment_name="demo"}`)
	follow.Stdout, follow.Stderr = os.Stdout, os.Stderr
	if err := follow.Start(); err != nil {
		return err
	}
	shown := &process{cmd: follow, done: wait(follow)}
	defer shown.stop()

	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	case <-agent.done:
		err = errors.New("the agent ended: see " + filepath.Join(dir, "agent.out"))
	case <-index.done:
		err = errors.New("the indexer ended: see " + filepath.Join(dir, "index.out"))
	}
	fmt.Println("\nending ...")
	stopWriting()
	writers.Wait()
	shown.stop()
	agent.stop()
	index.stop()
	fmt.Printf("ended; %s keeps the logs, the queue and the index\n", dir)
	return err
}

// clear makes dir an empty working directory. Only what a demo makes is removed.
func clear(dir string) error {
	for _, name := range []string{"logs", "agent", "index", "agent.out", "index.out", "shipper.yaml"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(dir, "logs"), 0o755)
}

// freeAddress returns addr if it is free, else another one on the same host.
func freeAddress(addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// process is a child and the end of it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// command prepares a child that Ctrl-C in the terminal does not reach, and
// that ends with this process in any case.
func command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	return c
}

// start starts a child whose output goes to a file.
func start(output, name string, args ...string) (*process, error) {
	f, err := os.Create(output)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := command(name, args...)
	c.Stdout, c.Stderr = f, f
	if err := c.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: c, done: wait(c)}, nil
}

func wait(c *exec.Cmd) chan struct{} {
	done := make(chan struct{})
	go func() {
		c.Wait()
		close(done)
	}()
	return done
}

// stop asks the child to end and waits until it has.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
}

// awaitReady waits until url answers 200.
func awaitReady(ctx context.Context, p *process, url string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			out, _ := os.ReadFile(p.output())
			return fmt.Errorf("%s %s ended at its start:\n%s", p.cmd.Args[0], p.cmd.Args[1], out)
		case <-tick.C:
		}
		resp, err := http.Get(url)
		if err != nil {
			continue
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
}

func (p *process) output() string {
	if f, ok := p.cmd.Stdout.(*os.File); ok {
		return f.Name()
	}
	return ""
}
