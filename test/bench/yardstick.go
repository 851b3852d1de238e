package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
)

// yardstick is zstd -1, single-threaded, of the load: the median of three runs.
func (b *bench) yardstick() error {
	out := filepath.Join(b.dir, "yardstick.zst")
	var costs [3]cost
	name := "yardstick: zstd -1"
	for i := range costs {
		path, err := exec.LookPath("zstd")
		if err != nil {
			name = "yardstick: zstd, fastest level of klauspost/compress"
			if costs[i], _, err = b.self("child-zstd", b.file); err != nil {
				return err
			}
			continue
		}
		cmd := exec.Command(path, "-1", "-q", "-f", "--single-thread", b.file, "-o", out)
		start := time.Now()
		if msg, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("zstd: %w: %s", err, msg)
		}
		costs[i] = costOf(cmd, start)
	}
	c := costs[0]
	for _, d := range costs {
		if lo, hi := min(costs[0].cpu, costs[1].cpu, costs[2].cpu), max(costs[0].cpu, costs[1].cpu, costs[2].cpu); d.cpu > lo && d.cpu < hi {
			c = d
		}
	}
	b.yard = c.cpu
	more := ""
	if s, err := os.Stat(out); err == nil {
		more = fmt.Sprintf("%.1f MB", float64(s.Size())/1e6)
	}
	b.row(name, c, -1, -1, more)
	return nil
}

// floor is what any agent in Go with a durable queue has to do: read, compress, append, fsync.
func (b *bench) floor() error {
	c, out, err := b.self("child-floor", b.file, filepath.Join(b.dir, "floor"))
	if err != nil {
		return err
	}
	b.row("floor: read, zstd in Go, append, fsync", c, -1, -1, out)
	return nil
}

func childZstd(file string) {
	f, err := os.Open(file)
	fatal(err)
	z, err := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	fatal(err)
	_, err = io.Copy(z, f)
	fatal(err)
	fatal(z.Close())
}

func childFloor(file, to string) {
	in, err := os.Open(file)
	fatal(err)
	out, err := os.Create(to)
	fatal(err)
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(512<<10), zstd.WithLowerEncoderMem(true))
	fatal(err)
	buf, block := make([]byte, 256<<10), []byte(nil)
	total, syncs := 0, 0
	for i := 1; ; i++ {
		n, err := in.Read(buf)
		if n > 0 {
			block = z.EncodeAll(buf[:n], block[:0])
			_, werr := out.Write(block)
			fatal(werr)
			total += len(block)
		}
		if i%4 == 0 || err == io.EOF { // a group commit of a MiB
			fatal(out.Sync())
			syncs++
		}
		if err == io.EOF {
			break
		}
		fatal(err)
	}
	fmt.Printf("%.1f MB, %d fsyncs\n", float64(total)/1e6, syncs)
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
