// Command go writes what Go logging libraries write: one file a library and
// configuration, into the directory it is given. It is a module of its own so
// that the product does not depend on any of them.
//
// Every library logs the same events, so that their records can be compared.
// Times are those of the run.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// sample is one corpus file and the program that writes it.
type sample struct {
	name  string
	write func(w io.Writer)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run . DIR")
		os.Exit(2)
	}
	var all []sample
	for _, s := range [][]sample{stdlib(), uber(), zeros(), sirupsen(), kube(), hashicorp(), gokit()} {
		all = append(all, s...)
	}
	for _, s := range all {
		if err := write(filepath.Join(os.Args[1], s.name+".log"), s.write); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func write(path string, fill func(io.Writer)) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	fill(f)
	return f.Close()
}

// The events that every library logs.
const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
	query   = "SELECT *\nFROM t WHERE a = 'b'"
	path    = `/api/v1/users?id=42&x="q"`
)

var errRefused = fmt.Errorf("load user 42: %w", io.ErrUnexpectedEOF)
