// Command go writes what Go programs write: one file a library and
// configuration, into the directory it is given, and with -crashes what the
// runtime and the go command write. It is a module of its own so that the
// product does not depend on any of the libraries.
//
// Every library logs the same events, as far as it can, so that their records
// can be compared. Times are those of the run, paths are made neutral.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// sample is one corpus file and the program that writes it.
type sample struct {
	name  string
	write func(w io.Writer)
}

func main() {
	only := flag.String("only", "", "write the files whose names begin like that alone")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: go run -trimpath . [-only PREFIX] DIR")
		os.Exit(2)
	}
	var all []sample
	for _, family := range [][]sample{
		stdlib(), servers(), uber(), zeros(), sirupsen(), kube(), hashicorp(), gokit(), slogs(), terminals(), web(), projects(), datadog(), crashes(),
	} {
		all = append(all, family...)
	}
	for _, s := range all {
		if !strings.HasPrefix(s.name, *only) {
			continue
		}
		if err := write(filepath.Join(flag.Arg(0), s.name+".log"), s.write); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// write writes one file. A file with expectations beside it was written by
// hand, and stays.
func write(path string, fill func(io.Writer)) error {
	if _, err := os.Stat(strings.TrimSuffix(path, ".log") + ".expected.json"); err == nil {
		return fmt.Errorf("%s: has expectations", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var text bytes.Buffer
	fill(&text)
	return os.WriteFile(path, []byte(neutral(text.String())), 0o644)
}

// neutral replaces the paths of this machine by those of a container.
func neutral(text string) string {
	here, _ := os.Getwd()
	home, _ := os.UserHomeDir()
	host, _ := os.Hostname()
	return strings.NewReplacer(
		here, "/src/shop",
		"shipper/test/corpus/go/tested", "example.com/shop/tested",
		"shipper/test/corpus/go/", "/src/shop/",
		filepath.Join(home, "go/pkg/mod"), "/go/pkg/mod",
		host, "node-17",
	).Replace(text)
}

// captured returns what f writes to standard output and standard error.
func captured(f func()) string {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = w, w
	done := make(chan string)
	go func() {
		text, _ := io.ReadAll(r)
		done <- string(text)
	}()
	f()
	os.Stdout, os.Stderr = stdout, stderr
	w.Close()
	return <-done
}

// The values that every library logs.
const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
	query   = "SELECT *\nFROM t WHERE a = 'b'"
	path    = `/api/v1/users?id=42&x="q"`
	latency = 1532 * time.Microsecond
	large   = uint64(1<<64 - 1)
)

var (
	errDial = &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5432},
		Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	errRefused = fmt.Errorf("load user 42: %w", errDial)
	errJoined  = errors.Join(errors.New("first cause"), errors.New("second cause"))
)

// user is a value with a structure.
type user struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

var ann = user{42, "Ann Öz"}
