package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// rotateBytes is the size at which a log is rotated: small, so that a demo
// shows it.
const rotateBytes = 32 << 10

// keep is how many rotated files stay.
const keep = 3

// write writes the program's lines to its file in dir until ctx is done, and
// rotates it as logrotate does: rename, compress what is older.
func (p program) write(ctx context.Context, dir string) error {
	path := filepath.Join(dir, p.file)
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	f, err := open(path)
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	size := 0
	for {
		line := p.lines(r, time.Now())
		if _, err := io.WriteString(f, line); err != nil {
			return err
		}
		if size += len(line); size > rotateBytes {
			f.Close()
			if err := rotate(path); err != nil {
				return err
			}
			if f, err = open(path); err != nil {
				return err
			}
			size = 0
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(r.ExpFloat64() * float64(p.every))):
		}
	}
}

func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// rotate renames path to path.1 after path.1 became path.2.gz and so on.
func rotate(path string) error {
	for n := keep; n >= 2; n-- {
		err := os.Rename(fmt.Sprintf("%s.%d.gz", path, n), fmt.Sprintf("%s.%d.gz", path, n+1))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := compress(path+".1", path+".2.gz"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Remove(fmt.Sprintf("%s.%d.gz", path, keep+1)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(path, path+".1")
}

func compress(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	z := gzip.NewWriter(out)
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.Remove(from)
}
