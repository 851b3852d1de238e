package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"shipper/internal/block"
	"shipper/internal/protocol"
	"shipper/internal/protocol/native"
	"shipper/internal/record"
)

// childSink is an HTTP server that stores the bodies of native requests in a
// file, answers, and counts the records their senders claim. It prints its
// address, and "done" when it has as many records as it waits for. What it got
// is looked at afterwards, so that looking is not part of the measurement.
func childSink(expect, to string) {
	want, err := strconv.Atoi(expect)
	fatal(err)
	f, err := os.Create(to)
	fatal(err)
	var mu sync.Mutex
	records := 0
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(err)
	fmt.Println(l.Addr())
	fatal(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		reply := native.Reply{}
		err = native.Decode(body, func(f protocol.Frame) error {
			reply.Through = f.Sequence
			reply.Stored++
			records += f.Records
			return nil
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, err = f.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(body))))
		fatal(err)
		_, err = f.Write(body)
		fatal(err)
		native.WriteReply(w, reply)
		if records >= want {
			fmt.Println("done")
			want = int(^uint(0) >> 1)
		}
	})))
}

// countReceived reads what a sink stored and counts the lines that are missing
// or there twice by their number.
func countReceived(path string, lines int) (missing, repeated int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	seen := make([]uint8, lines)
	r := bufio.NewReaderSize(f, 1<<20)
	d := block.NewDecoder(64 << 20)
	for {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err == io.EOF {
			break
		} else if err != nil {
			return 0, 0, err
		}
		body := make([]byte, binary.LittleEndian.Uint32(size[:]))
		if _, err := io.ReadFull(r, body); err != nil {
			return 0, 0, err
		}
		err := native.Decode(body, func(f protocol.Frame) error {
			return d.Decode(f.Payload, func(b *record.Batch) error {
				for i := range b.Records {
					seq, ok := b.Lookup(&b.Records[i], "seq")
					if !ok || seq.Kind != record.Int || seq.Int() < 0 || seq.Int() >= int64(lines) {
						return fmt.Errorf("a record without a number: %s", b.Bytes(b.Records[i].Body))
					}
					seen[seq.Int()] = min(seen[seq.Int()]+1, 200)
				}
				return nil
			})
		})
		if err != nil {
			return 0, 0, err
		}
	}
	for _, n := range seen {
		switch {
		case n == 0:
			missing++
		case n > 1:
			repeated += int(n) - 1
		}
	}
	return missing, repeated, nil
}
