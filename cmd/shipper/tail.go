package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/nxadm/tail"
)

// tailCommand follows one named file for a person. It shows lines as they are
// and reopens the file when it is rotated.
func tailCommand(ctx context.Context, args []string) error {
	f := newFlags("tail")
	lines := f.Int("n", 10, "number of `lines` to begin with")
	rest, err := f.parse(args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return f.misuse("wants one FILE")
	}
	if *lines < 0 {
		return f.misuse("-n %d: write a number of lines, 0 or more", *lines)
	}
	ctx, cancel := whileRead(ctx)
	defer cancel()
	start, err := lastLines(rest[0], *lines)
	if err != nil {
		return err
	}
	t, err := tail.TailFile(rest[0], tail.Config{
		Location: &tail.SeekInfo{Offset: start, Whence: io.SeekStart},
		Follow:   true,
		ReOpen:   true,
		Poll:     true, // with inotify the library can stall for good when a file is rotated
		Logger:   tail.DiscardingLogger,
	})
	if err != nil {
		return fmt.Errorf("follow %s: %w", rest[0], err)
	}
	defer t.Cleanup()
	w := bufio.NewWriter(os.Stdout)
	for {
		select {
		case <-ctx.Done():
			return w.Flush()
		case line, ok := <-t.Lines:
			if !ok {
				return t.Wait()
			}
			w.WriteString(line.Text)
			w.WriteByte('\n')
			if len(t.Lines) == 0 {
				if err := w.Flush(); err != nil {
					return fmt.Errorf("write: %w", err)
				}
			}
		}
	}
}

// lastLines returns where the last n lines of a file begin.
func lastLines(path string, n int) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is not a regular file", path)
	}
	end := info.Size()
	if n == 0 {
		return end, nil
	}
	buf := make([]byte, 64<<10)
	for at := end; at > 0; {
		size := min(at, int64(len(buf)))
		at -= size
		if _, err := f.ReadAt(buf[:size], at); err != nil {
			return 0, fmt.Errorf("read %s: %w", path, err)
		}
		for i := size - 1; i >= 0; i-- {
			if buf[i] != '\n' || at+i == end-1 {
				continue
			}
			if n--; n == 0 {
				return at + i + 1, nil
			}
		}
	}
	return 0, nil
}
