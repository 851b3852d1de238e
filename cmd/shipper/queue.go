package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"shipper/internal/agent"
	"shipper/internal/block"
	"shipper/internal/queue"
)

// maxBlockBytes bounds a block of the queue before compression. Blocks are made
// of jobs of 256 KiB, or of one line of up to 64 MiB.
const maxBlockBytes = 256 << 20

func queueCommand(ctx context.Context, args []string) error {
	f := newFlags("queue")
	dir := f.String("data", "", "the agent's `data_dir`")
	output := f.outputFlag("text", "json")
	dead := f.Bool("dead", false, "ls, cat, salvage: the dead letters instead of what is queued")
	only := f.String("only", "", "replay: the dead letters of this `output`; default: of all")
	rest, err := f.parse(args)
	if err != nil {
		return err
	}
	views := map[string]func(*queue.Inspector) error{
		"stat": func(i *queue.Inspector) error { return queueStat(i, output.is("json")) },
		"ls": func(i *queue.Inspector) error {
			if *dead {
				return queueListDead(i, output.is("json"))
			}
			return queueList(i, output.is("json"))
		},
		"cat":     func(i *queue.Inspector) error { return queueCat(i, *dead) },
		"verify":  func(i *queue.Inspector) error { return queueVerify(i, *dir) },
		"replay":  nil,
		"salvage": nil,
		"drop":    nil,
	}
	if len(rest) == 0 {
		return f.misuse(queueUsage)
	}
	view, ok := views[rest[0]]
	switch {
	case rest[0] == "drop" && len(rest) != 2:
		return f.misuse("drop wants the name of one output")
	case !ok || rest[0] != "drop" && len(rest) != 1:
		return f.misuse(queueUsage)
	}
	if *dir == "" {
		return f.misuse("wants --data DIR")
	}
	if rest[0] == "salvage" {
		return queueSalvage(*dir, *dead)
	}
	i, err := queue.Inspect(*dir)
	if err != nil {
		return err
	}
	if view == nil {
		i.Close() // there is a queue
		if rest[0] == "drop" {
			return queueDrop(*dir, rest[1])
		}
		return queueReplay(ctx, *dir, *only)
	}
	defer i.Close()
	return view(i)
}

const queueUsage = "wants one of stat, ls, cat, verify, salvage, replay, drop"

// queueSummary is what "queue stat" prints.
type queueSummary struct {
	AgentID      string         `json:"agent_id"`
	Clean        bool           `json:"clean"` // the agent ended in an orderly way
	Blocks       int64          `json:"blocks"`
	Records      int64          `json:"records"`
	RawBytes     int64          `json:"raw_bytes"` // before compression
	PayloadBytes int64          `json:"payload_bytes"`
	DiskBytes    int64          `json:"disk_bytes"`
	Oldest       string         `json:"oldest,omitempty"` // when the oldest block was queued
	Last         string         `json:"last"`             // ID of the newest block there ever was
	Positions    int            `json:"positions"`
	DeadLetters  int            `json:"dead_letters"`
	DeadRecords  int64          `json:"dead_records"`
	Outputs      []queuedOutput `json:"outputs"`
	Books        agent.Books    `json:"books"` // as the agent's /books has them
}

type queuedOutput struct {
	Name          string  `json:"name"`
	Acknowledged  string  `json:"acknowledged"` // ID of a block
	Undelivered   int64   `json:"undelivered_blocks"`
	OldestSeconds float64 `json:"oldest_undelivered_seconds"`
}

func queueStat(i *queue.Inspector, asJSON bool) error {
	info, err := i.Stat()
	if err != nil {
		return err
	}
	entries, err := i.Books()
	if err != nil {
		return err
	}
	s := queueSummary{
		AgentID: info.AgentID, Clean: info.Clean, Blocks: info.Blocks, Records: info.Records,
		RawBytes: info.Raw, PayloadBytes: info.Payload, DiskBytes: info.Bytes, Oldest: instant(info.Oldest),
		Last: info.Last.String(), Positions: info.Positions, DeadLetters: info.DeadLetters, DeadRecords: info.DeadRecords,
		Outputs: []queuedOutput{}, Books: agent.MakeBooks(entries),
	}
	for _, o := range info.Outputs {
		s.Outputs = append(s.Outputs, queuedOutput{o.Name, o.Acked.String(), o.Blocks, o.Age.Seconds()})
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(s)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "agent\t%s\nended in order\t%t\nblocks\t%d\nrecords\t%d\n", s.AgentID, s.Clean, s.Blocks, s.Records)
	fmt.Fprintf(w, "bytes before compression\t%d\nbytes\t%d\nbytes on disk\t%d\n", s.RawBytes, s.PayloadBytes, s.DiskBytes)
	fmt.Fprintf(w, "oldest\t%s\nlast block\t%s\npositions\t%d\n", s.Oldest, s.Last, s.Positions)
	fmt.Fprintf(w, "dead letters\t%d, %d records\n", s.DeadLetters, s.DeadRecords)
	for _, o := range info.Outputs {
		fmt.Fprintf(w, "output %s\tacknowledged %s, %d blocks to go, oldest %s\n", o.Name, o.Acked, o.Blocks, o.Age.Round(time.Second))
	}
	b := s.Books.Total
	fmt.Fprintf(w, "books\t%d bytes read = %d queued + %d dropped + %d lost\n", b.Read, b.Queued, b.Dropped, b.Lost)
	for _, reason := range slices.Sorted(maps.Keys(b.DropBy)) {
		fmt.Fprintf(w, "dropped by %s\t%d bytes\n", reason, b.DropBy[reason])
	}
	for _, reason := range slices.Sorted(maps.Keys(b.LostBy)) {
		fmt.Fprintf(w, "lost by %s\t%d bytes\n", reason, b.LostBy[reason])
	}
	return w.Flush()
}

// queuedBlock is a line of "queue ls".
type queuedBlock struct {
	ID       string   `json:"id"`
	Queued   string   `json:"queued"`
	Newest   string   `json:"newest"` // time of its newest record
	Records  int      `json:"records"`
	RawBytes int      `json:"raw_bytes"`
	Bytes    int      `json:"bytes"`
	File     string   `json:"file"`
	Offset   int64    `json:"offset"`
	To       []string `json:"to,omitempty"` // outputs it is for; absent: the default ones
}

func queueList(i *queue.Inspector, asJSON bool) error {
	out := bufio.NewWriter(os.Stdout)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	enc := json.NewEncoder(out)
	if !asJSON {
		fmt.Fprintln(w, "ID\tQUEUED\tNEWEST RECORD\tRECORDS\tRAW\tBYTES\tFILE\tOFFSET\tFOR")
	}
	err := i.List(func(b queue.BlockInfo) error {
		q := queuedBlock{ID: b.ID.String(), Queued: instant(b.Queued), Newest: instant(b.Time), Records: b.Records,
			RawBytes: b.Raw, Bytes: b.Bytes, File: filepath.Base(b.Path), Offset: b.Offset, To: b.To}
		if asJSON {
			return enc.Encode(q)
		}
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%d\t%s\n", q.ID, q.Queued, q.Newest, q.Records, q.RawBytes, q.Bytes, q.File, q.Offset, addressed(q.To))
		return err
	})
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Flush()
}

// deadLetter is a line of "queue ls --dead".
type deadLetter struct {
	Block    string `json:"block"` // that the records come from
	Output   string `json:"output,omitempty"`
	Refused  string `json:"refused"` // when
	Records  int    `json:"records"`
	RawBytes int    `json:"raw_bytes"`
	Bytes    int    `json:"bytes"`
	Reason   string `json:"reason"`
}

func queueListDead(i *queue.Inspector, asJSON bool) error {
	out := bufio.NewWriter(os.Stdout)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	enc := json.NewEncoder(out)
	if !asJSON {
		fmt.Fprintln(w, "BLOCK\tOUTPUT\tREFUSED\tRECORDS\tRAW\tBYTES\tREASON")
	}
	err := i.DeadLetters(func(l queue.DeadLetter, _ []byte) error {
		d := deadLetter{Block: l.Block.String(), Output: l.Output, Refused: instant(l.Time), Records: l.Records,
			RawBytes: l.Raw, Bytes: l.Bytes, Reason: l.Reason}
		if asJSON {
			return enc.Encode(d)
		}
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", d.Block, d.Output, d.Refused, d.Records, d.RawBytes, d.Bytes, d.Reason)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Flush()
}

// queueReplay queues dead letters again, of one output or of all, for the
// outputs that refused them. It takes the space it needs.
func queueReplay(ctx context.Context, dir, output string) error {
	q, err := openQueue(dir)
	if err != nil {
		return err
	}
	n, err := q.Replay(ctx, func(d queue.DeadLetter) bool { return output == "" || d.Output == output })
	if err := errors.Join(err, q.Close()); err != nil {
		return fmt.Errorf("%d dead letters queued again, then: %w", n, err)
	}
	_, err = fmt.Printf("%d dead letters queued again\n", n)
	return err
}

// queueDrop gives up the place of an output, and with it the blocks that only it lacks.
func queueDrop(dir, output string) error {
	q, err := openQueue(dir)
	if err != nil {
		return err
	}
	lag, err := q.Lag(output)
	if err == nil {
		err = q.Drop(output)
	}
	if err = errors.Join(err, q.Close()); err != nil {
		return err
	}
	_, err = fmt.Printf("output %s is given up; it lacked %d blocks\n", output, lag.Blocks)
	return err
}

// openQueue opens a queue to change it. Nothing in it is too much or too old.
func openQueue(dir string) (*queue.Queue, error) {
	return queue.Open(dir, queue.Options{MaxBytes: math.MaxInt64, Check: checkIndex,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
}

// addressed names the outputs a block is for.
func addressed(to []string) string {
	if len(to) == 0 {
		return "default"
	}
	return strings.Join(to, ",")
}

// queueCat prints records as NDJSON.
func queueCat(i *queue.Inspector, dead bool) error {
	d, p := block.NewDecoder(maxBlockBytes), printer{w: os.Stdout}
	if dead {
		return i.DeadLetters(func(l queue.DeadLetter, payload []byte) error {
			if payload == nil {
				return nil
			}
			return d.Decode(payload, p.print)
		})
	}
	return i.List(func(info queue.BlockInfo) error {
		b, err := i.ReadBlock(info.ID)
		if err != nil {
			return err
		}
		return d.Decode(b.Payload, p.print)
	})
}

// queueSalvage prints the records of all payload files as NDJSON, as far as they
// can be read, and says on standard error what cannot.
func queueSalvage(dir string, dead bool) error {
	d, p := block.NewDecoder(maxBlockBytes), printer{w: os.Stdout}
	problem := func(err error) { fmt.Fprintln(os.Stderr, err) }
	unread := 0
	s, err := queue.Salvage(dir, dead, func(b queue.Block) error {
		err := d.Decode(b.Payload, p.print)
		var lost *fs.PathError // standard output
		if err != nil && !errors.As(err, &lost) {
			unread++
			problem(fmt.Errorf("block %d/%d: %w", b.Epoch, b.Sequence, err))
			return nil
		}
		return err
	}, problem)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d blocks read; damaged places: %d; bytes of a last block that is not whole: %d\n", s.Blocks-unread, s.Damage+unread, s.Torn)
	if s.Damage+unread > 0 || s.Torn > 0 {
		return reported(1)
	}
	return nil
}

// queueVerify names everything in a queue that is damaged.
func queueVerify(i *queue.Inspector, dir string) error {
	problems := 0
	problem := func(text string) {
		problems++
		fmt.Println(text)
	}
	if err := checkIndex(filepath.Join(dir, "index.db")); err != nil {
		problem("index: " + err.Error())
	} else if err := i.Verify(problem); err != nil {
		return err
	}
	if problems > 0 {
		return reported(1)
	}
	_, err := fmt.Println("fine")
	return err
}

// queueCheckCommand is the child process of checkIndex.
func queueCheckCommand(_ context.Context, args []string) error {
	if len(args) != 1 {
		return newFlags("queue-check").misuse("wants one FILE")
	}
	return queue.CheckIndex(args[0])
}

// instant writes a time in ns since the Unix epoch; 0 is empty.
func instant(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Unix(0, ns).Format("2006-01-02T15:04:05.000Z07:00")
}
