package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"shipper/test/load"
)

// index measures the agent shipping to the indexer, the indexer's share, and
// lookups of one trace among all lines.
func (b *bench) index() error {
	addr := freeAddress()
	data := filepath.Join(b.dir, "index")
	indexer := exec.Command(b.binary, "index", "--data", data, "--listen", addr)
	start := time.Now()
	if err := indexer.Start(); err != nil {
		return err
	}
	stopped := false
	stop := func() {
		if !stopped {
			indexer.Process.Signal(syscall.SIGTERM)
			indexer.Wait()
			stopped = true
		}
	}
	defer stop()
	base := "http://" + addr
	if err := awaitReady(base + "/ready"); err != nil {
		return err
	}
	a, err := b.startAgent(filepath.Join(b.dir, "ship"), b.file, base, "")
	if err != nil {
		return err
	}
	if err := awaitCount(base, b.lines); err != nil {
		a.stop()
		return err
	}
	wall := time.Since(a.start)
	ac, err := a.stop()
	if err != nil {
		return err
	}
	ac.wall = wall
	ingest, peak := cpu(indexer.Process.Pid), memory(indexer.Process.Pid, "VmHWM")
	missing, repeated, err := b.compareIndexed(base)
	if err != nil {
		return err
	}
	median, worst, err := b.traces(base)
	if err != nil {
		return err
	}
	queried := memory(indexer.Process.Pid, "VmHWM")
	stop()
	total := costOf(indexer, start)
	b.row("agent to indexer: agent", ac, missing, repeated, "")
	b.row("agent to indexer: indexer", cost{cpu: ingest, wall: wall, rss: peak}, missing, repeated,
		fmt.Sprintf("%s on disk after it ended; after reading all lines back: %.1f s, %.0f MiB", megabytes(data), total.cpu, float64(queried)/(1<<20)))
	b.row("indexer: one trace_id of all lines, HTTP", cost{wall: median}, -1, -1,
		fmt.Sprintf("median %.1f ms, worst %.1f ms of 100", ms(median), ms(worst)))
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func awaitReady(url string) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return errors.New("the indexer is not ready within a minute")
}

// reply is what the query endpoints answer.
type reply struct {
	Data struct {
		Result []struct {
			Stream map[string]string
			Values [][]any
			Value  []any
		}
	}
}

func query(base, path string, q url.Values) (reply, error) {
	var r reply
	resp, err := http.Get(base + path + "?" + q.Encode())
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return r, err
	}
	if resp.StatusCode != http.StatusOK {
		return r, fmt.Errorf("%s: %s: %.200s", q.Get("query"), resp.Status, body)
	}
	return r, json.Unmarshal(body, &r)
}

// end of the load, with room.
func (b *bench) endTime() int64 { return load.Start + int64(b.lines+1)*2*load.Step }

func awaitCount(base string, n int) error {
	last := -1
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		resp, err := http.Get(base + "/metrics")
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
		last = sample(string(body), "shipper_index_records_total")
		if last >= n {
			return nil
		}
	}
	return fmt.Errorf("the indexer has %d of %d records after five minutes", last, n)
}

// compareIndexed reads all lines back, page by page, and counts those that are
// missing or there twice by their number.
func (b *bench) compareIndexed(base string) (missing, repeated int, err error) {
	const limit = 5000
	seen := make([]uint8, b.lines)
	start := int64(0)
	for {
		r, err := query(base, "/loki/api/v1/query_range", url.Values{
			"query": {`{service_name="payments"}`}, "direction": {"forward"}, "limit": {strconv.Itoa(limit)},
			"start": {strconv.FormatInt(start, 10)}, "end": {strconv.FormatInt(b.endTime(), 10)},
		})
		if err != nil {
			return 0, 0, err
		}
		page, last := 0, start
		for _, s := range r.Data.Result {
			n, err := strconv.Atoi(s.Stream["seq"])
			if err != nil || n >= len(seen) {
				return 0, 0, fmt.Errorf("a record without a number: %v", s.Stream)
			}
			for _, v := range s.Values {
				t, _ := strconv.ParseInt(v[0].(string), 10, 64)
				last = max(last, t)
				page++
				seen[n] = min(seen[n]+1, 200)
			}
		}
		if page < limit {
			break
		}
		// Lines have times of their own but for the resolution of the float: read
		// the last instant again, without counting it twice.
		for _, s := range r.Data.Result {
			n, _ := strconv.Atoi(s.Stream["seq"])
			for _, v := range s.Values {
				if t, _ := strconv.ParseInt(v[0].(string), 10, 64); t == last {
					seen[n]--
				}
			}
		}
		start = last
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

// traces looks up a hundred traces spread over the load, one at a time, and
// checks that each is found whole.
func (b *bench) traces(base string) (median, worst time.Duration, err error) {
	want := map[string]int{}
	for id := range b.traceIDs() {
		want[id] = 0
	}
	if err := b.countTraces(want); err != nil {
		return 0, 0, err
	}
	var took []time.Duration
	for id, n := range want {
		start := time.Now()
		r, err := query(base, "/loki/api/v1/query_range", url.Values{
			"query": {`{service_name="payments"} | trace_id="` + id + `"`}, "limit": {"1000"},
			"start": {strconv.FormatInt(load.Start, 10)}, "end": {strconv.FormatInt(b.endTime(), 10)},
		})
		took = append(took, time.Since(start))
		if err != nil {
			return 0, 0, err
		}
		found := 0
		for _, s := range r.Data.Result {
			found += len(s.Values)
		}
		if found != n {
			return 0, 0, fmt.Errorf("trace %s: %d lines found, %d written", id, found, n)
		}
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)-1], nil
}

// traceIDs are a hundred trace IDs of the load.
func (b *bench) traceIDs() map[string]bool {
	ids := map[string]bool{}
	w := load.New(seed)
	var line []byte
	for i := range b.lines {
		line = w.Append(line[:0])
		if i%(max(b.lines/100, 1)) == b.lines/200 {
			ids[w.TraceID()] = true
		}
	}
	return ids
}

// countTraces counts the lines of each of the given traces.
func (b *bench) countTraces(ids map[string]int) error {
	w := load.New(seed)
	var line []byte
	for range b.lines {
		line = w.Append(line[:0])
		_, rest, _ := bytes.Cut(line, []byte(`"trace_id":"`))
		id, _, _ := bytes.Cut(rest, []byte{'"'})
		if _, ok := ids[string(id)]; ok {
			ids[string(id)]++
		}
	}
	for id, n := range ids {
		if n == 0 {
			delete(ids, id) // was begun and wrote nothing yet
		}
	}
	if len(ids) == 0 {
		return errors.New("no trace ID of the load was found in its lines")
	}
	return nil
}

// sample returns a sample of a metrics page by its whole name, -1 if it is not there.
func sample(page, name string) int {
	for line := range strings.SplitSeq(page, "\n") {
		if len(line) > len(name) && line[:len(name)] == name && line[len(name)] == ' ' {
			n, _ := strconv.ParseFloat(line[len(name)+1:], 64)
			return int(n)
		}
	}
	return -1
}
