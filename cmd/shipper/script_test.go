package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shipper": main})
}

// TestScripts runs the scripts in testdata/script, each in a directory of its
// own with addresses that are free in $INDEX and $AGENT, and the repository in $ROOT.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"INDEX", "AGENT"} {
				addr, err := freeAddress()
				if err != nil {
					return err
				}
				e.Setenv(name, addr)
			}
			root, err := filepath.Abs(filepath.Join("..", ".."))
			e.Setenv("ROOT", root)
			return err
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Getuid() == 0, nil
			case "unprivileged": // setpriv can take rights away
				_, err := exec.LookPath("setpriv")
				return os.Getuid() == 0 && err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":  await,
			"output": output,
			"damage": damage,
			"append": appendLines,
		},
	})
}

// freeAddress returns an address on loopback whose host is hardly another one's,
// so that no connection takes the port meanwhile.
func freeAddress() (string, error) {
	host := net.IPv4(127, byte(1+rand.IntN(254)), byte(rand.IntN(256)), byte(1+rand.IntN(254)))
	l, err := net.Listen("tcp", net.JoinHostPort(host.String(), "0"))
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// patience is how long a script waits for what has to come.
const patience = 30 * time.Second

// await URL [TEXT] waits until URL answers 200 with TEXT in its body.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: await URL [TEXT]")
	}
	text := strings.Join(args[1:], "")
	last := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(args[0])
		if err != nil {
			last = err.Error()
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		last = resp.Status + "\n" + string(body)
		if resp.StatusCode == http.StatusOK && strings.Contains(string(body), text) {
			return
		}
	}
	ts.Fatalf("await %s: %s", strings.Join(args, " "), last)
}

// output FILE TEXT waits until FILE holds TEXT.
func output(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: output FILE TEXT")
	}
	var data []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		data, _ = os.ReadFile(ts.MkAbs(args[0]))
		if strings.Contains(string(data), args[1]) {
			return
		}
	}
	ts.Fatalf("output %s: no %q in\n%s", args[0], args[1], data)
}

// damage FILE OFFSET LENGTH overwrites bytes of FILE with 0xff. A negative
// offset counts from the end.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	var at, n int64
	if _, err := fmt.Sscan(strings.Join(args[1:], " "), &at, &n); neg || len(args) != 3 || err != nil {
		ts.Fatalf("usage: damage FILE OFFSET LENGTH")
	}
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	if err != nil || len(files) != 1 {
		ts.Fatalf("damage %s: %d files, %v", args[0], len(files), err)
	}
	f, err := os.OpenFile(files[0], os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	if at < 0 {
		info, err := f.Stat()
		ts.Check(err)
		at += info.Size()
	}
	_, err = f.WriteAt([]byte(strings.Repeat("\xff", int(n))), at)
	ts.Check(err)
}

// appendLines is "append FILE TEXT": adds a line to FILE.
func appendLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: append FILE TEXT")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	defer f.Close()
	_, err = f.WriteString(args[1] + "\n")
	ts.Check(err)
}
