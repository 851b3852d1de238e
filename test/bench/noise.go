package main

import (
	"bufio"
	"encoding/base64"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// fillBacklog writes lines that hardly compress to file until the agent has
// want bytes in its data directory, and returns how much it wrote.
func fillBacklog(file, data string, want int64) (int64, error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	noise := rand.NewChaCha8([32]byte{1})
	raw := make([]byte, 1500)
	var line []byte
	written := int64(0)
	for i := 0; ; i++ {
		noise.Read(raw)
		line = append(line[:0], `{"level":"info","msg":"noise","n":`...)
		line = strconv.AppendInt(line, int64(i), 10)
		line = append(line, `,"data":"`...)
		line = base64.StdEncoding.AppendEncode(line, raw)
		line = append(line, "\"}\n"...)
		if _, err := w.Write(line); err != nil {
			return written, err
		}
		written += int64(len(line))
		if i%1000 != 0 {
			continue
		}
		queued := diskUsage(data)
		if queued >= want {
			return written, w.Flush()
		}
		if written*3/4-queued > 128<<20 { // the agent sets the pace; base64 keeps 3/4 when compressed
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func diskUsage(dir string) int64 {
	var n int64
	filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}
