// Package queue is the agent's disk queue: blocks on their way to the outputs,
// together with the read positions behind them, one cursor for each output,
// and the books.
//
// What is appended in one call, blocks, positions and books, becomes durable at
// once or not at all. Each output reads all blocks in order from its own
// cursor; a block is deleted when every output has it. Blocks have an ID that
// never changes. DESIGN.md has the files and the argument why a crash at any
// point leaves the queue whole.
//
//	<dir>/lock        locked by the process that uses the directory; has its pid
//	<dir>/clean       there while the directory is closed properly
//	<dir>/reserve     space for acks and deletes on a full disk
//	<dir>/index.db    bbolt: everything but payloads
//	<dir>/blocks/     blocklog: payloads
//	<dir>/dead/       blocklog: dead letters
package queue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
	"shipper/internal/input"
)

// Policy is what happens when the queue is full.
type Policy string

// The policies.
const (
	Wait       Policy = "block"       // Append waits for space; the default
	DropOldest Policy = "drop-oldest" // a segment's worth of the oldest blocks goes
	DropNewest Policy = "drop-newest" // the blocks that are appended go

	// Shed leaves out blocks of Low priority once the queue is three quarters
	// full, of Normal priority once it is at nine tenths, and is Wait for the
	// others.
	Shed Policy = "shed"
)

// Priority is what a block is worth under Shed.
type Priority uint8

// The priorities; the zero value is High.
const (
	High Priority = iota
	Normal
	Low
)

// Options of a queue. The zero value is fine.
type Options struct {
	// MaxBytes is the size on disk at which the queue is full, dead letters
	// not included; 0 is 10 GiB. An empty queue takes a group of any size.
	MaxBytes int64

	// MaxAge drops blocks that were queued longer ago; 0 keeps them.
	MaxAge time.Duration

	// Full is what happens when the queue is full; empty is Wait.
	Full Policy

	// SegmentBytes is the size of the files that blocks are kept in, and
	// deleted with; 0 is an eighth of MaxBytes, but 1 to 64 MiB.
	SegmentBytes int64

	// MaxDeadBytes bounds the dead letters: the oldest are dropped, and
	// counted; 0 is 256 MiB.
	MaxDeadBytes int64

	// MaxFiles is how many files the books have lines of their own for; 0 is 8192.
	MaxFiles int

	// Check checks the index file after an unclean end. It should call
	// CheckIndex in a child process, which a damaged file may end; an error
	// with a method ExitCode, such as *exec.ExitError, then means damage. If
	// it fails otherwise, or is nil, CheckIndex is called in this process.
	Check func(path string) error

	// Machine identifies the machine. A queue that was made on another one
	// takes a new agent ID. nil is a hash of /etc/machine-id; empty, as well
	// as a machine without an ID, is never another one.
	Machine []byte

	// WrapFile stands between the queue and the payload files it writes to; nil is nothing.
	WrapFile func(blocklog.File) blocklog.File

	Log *slog.Logger // nil discards
}

func (o *Options) complete() error {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 10 << 30
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = max(1<<20, min(o.MaxBytes/8, blocklog.DefaultSegmentBytes))
	}
	if o.MaxDeadBytes <= 0 {
		o.MaxDeadBytes = 256 << 20
	}
	if o.MaxFiles <= 0 {
		o.MaxFiles = 8192
	}
	if o.Machine == nil {
		o.Machine = machineHash()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch o.Full {
	case "":
		o.Full = Wait
	case Wait, DropOldest, DropNewest, Shed:
	default:
		return fmt.Errorf("unknown policy %q for a full queue", o.Full)
	}
	return nil
}

// Stats counts what a queue did since it was opened. Gauges are marked.
type Stats struct {
	Blocks      atomic.Int64 // gauge: blocks that some output still lacks
	Bytes       atomic.Int64 // gauge: size of the payload files
	Full        atomic.Int64 // gauge: 1 while Append waits for space
	Failing     atomic.Int64 // gauge: 1 while the disk fails and is tried again
	IndexBytes  atomic.Int64 // gauge: size of the index file
	DeadBytes   atomic.Int64 // gauge: size of the dead letter files
	DeadBlocks  atomic.Int64 // gauge: dead letters that are kept
	Commits     atomic.Int64 // transactions
	CommitNanos atomic.Int64 // time they took, syncs included
	Appended    atomic.Int64 // blocks
	Payload     atomic.Int64 // bytes of their payloads
	Records     atomic.Int64 // of the blocks appended
	Deleted     atomic.Int64 // blocks that every output had, or that were dropped
	Dropped     atomic.Int64 // blocks dropped because the queue was full or they were too old
	DropRecords atomic.Int64 // of the blocks dropped
	Corrupt     atomic.Int64 // blocks set aside because they could not be read
	Dead        atomic.Int64 // dead letters taken
	DeadRecords atomic.Int64 // of the dead letters taken
	DeadDropped atomic.Int64 // dead letters dropped because there were too many
	Rebuilt     atomic.Int64 // 1 if the index was built again when the queue was opened
}

// Block is a block of records and its ID.
type Block struct {
	Epoch    uint32 // set by the queue
	Sequence uint64 // set by the queue
	Records  int
	Raw      int   // bytes before compression
	Time     int64 // of the newest record, ns since the Unix epoch
	Queued   int64 // set by the queue: when it was, ns since the Unix epoch
	Payload  []byte

	// Priority is looked at by Append only.
	Priority Priority

	// To are the names of the outputs it is for; nil is all those that take
	// what is not addressed: see Cursor.AddressedOnly. Next leaves it out.
	To []string
}

// ID is what the queue gave the block.
func (b *Block) ID() ID { return ID{b.Epoch, b.Sequence} }

// Position is a read position, or whatever an input wants to remember. A nil
// Value deletes it. Keys are "<input name>/<anything>".
type Position struct {
	Key   string
	Value []byte
}

// Append is what becomes durable together. A nil Block stands for positions
// and books only.
type Append struct {
	Block     *Block
	Positions []Position
	Books     []input.Entry
}

// ErrClosed is returned by calls on a closed queue.
var ErrClosed = errors.New("queue is closed")

// Queue is an open queue. All methods may be called concurrently.
type Queue struct {
	Stats Stats

	dir     string
	o       Options
	started time.Time
	log     *slog.Logger
	lock    *os.File
	agentID []byte

	blocks *blocklog.Log
	dead   *blocklog.Log

	// commitLock, of capacity 1, is held by the one who changes the index or
	// the logs. It guards what follows.
	commitLock chan struct{}
	head       head
	files      int               // in the books
	indexFile  os.FileInfo       // of db
	unknown    *attempt          // a commit of which it is not known whether it happened
	unsynced   error             // of a sync of the index; nil if it can be trusted
	behind     bool              // the log may have entries behind head.tail
	deadBehind bool              // that of dead letters may have entries behind those of the index
	rotated    blocklog.Location // of the snapshot that began the last segment, if nothing is behind it
	untrimmed  bool              // the index has rows of blocks that are gone
	dropping   bool              // that blocks are dropped was logged
	renewed    bool              // that the index was written anew was logged, and no commit has worked since
	update     func(db *bbolt.DB, fn func(*bbolt.Tx) error) error

	read func(log *blocklog.Log, at blocklog.Location, dst []byte) ([]byte, error) // of blocks

	dbMu sync.RWMutex // held for writing while db is replaced
	db   *bbolt.DB    // nil: it could not be opened again

	mu      sync.Mutex // guards what follows
	cursors map[string]*Cursor
	outputs map[string]ID // the last block each output acked, durable or not
	dirty   map[string]bool
	aliases aliases
	newest  ID                // the last block
	floor   ID                // blocks up to it are gone
	wake    chan struct{}     // closed and replaced when something changes
	trouble map[string]string // what fails now, and why
	failed  error             // for good

	closing chan struct{}
	closed  sync.Once
	done    sync.WaitGroup
}

// AgentID identifies the agent in 32 hex digits. It was drawn at random when
// the directory was made.
func (q *Queue) AgentID() string { return hex.EncodeToString(q.agentID) }

// Positions returns the positions of an input, by their whole keys.
func (q *Queue) Positions(name string) (map[string][]byte, error) {
	positions := map[string][]byte{}
	prefix := name + "/"
	err := q.view(func(tx *bbolt.Tx) error {
		return each(tx, tablePositions, []byte(prefix), func(k, v []byte) (bool, error) {
			if len(k) < len(prefix) || string(k[:len(prefix)]) != prefix {
				return false, nil
			}
			positions[string(k)] = append([]byte{}, v...)
			return true, nil
		})
	})
	return positions, err
}

// Outputs returns the last block that each known output acked. Outputs that are
// not configured any more are among them, and hold back blocks, until Drop.
func (q *Queue) Outputs() map[string]ID {
	q.mu.Lock()
	defer q.mu.Unlock()
	outputs := make(map[string]ID, len(q.outputs))
	for name, id := range q.outputs {
		outputs[name] = id
	}
	return outputs
}

// Lag is what an output still lacks.
type Lag struct {
	Blocks int64
	Age    time.Duration // since the oldest of them was queued
}

// Lag tells how far an output is behind; all 0 for one that is not known.
// Blocks for others that it did not come across yet count. An error says that the
// index cannot be read now.
func (q *Queue) Lag(output string) (Lag, error) {
	q.mu.Lock()
	at, ok := q.outputs[output]
	floor := q.floor
	q.mu.Unlock()
	var lag Lag
	if !ok {
		return lag, nil
	}
	if at.less(floor) {
		at = floor
	}
	err := q.view(func(tx *bbolt.Tx) error {
		var oldest int64
		var err error
		lag.Blocks, oldest, err = countBlocks(tx, at.next())
		if lag.Blocks > 0 {
			lag.Age = max(0, time.Duration(time.Now().UnixNano()-oldest))
		}
		return err
	})
	return lag, err
}

// countBlocks counts the blocks from an ID on, without reading them all: holes
// within an epoch count as blocks. oldest is when the first of them was queued.
func countBlocks(tx *bbolt.Tx, from ID) (n, oldest int64, err error) {
	for first := true; ; first = false {
		var start, end ID
		err := eachBlock(tx, from, func(id ID, r blockRow) (bool, error) {
			if start = id; first {
				oldest = r.queued
			}
			return false, nil
		})
		if err != nil || start == (ID{}) {
			return n, oldest, err
		}
		c := tx.Bucket(tableBlocks.name()).Cursor()
		k, _ := c.Seek(ID{Epoch: start.Epoch + 1}.key())
		if k == nil {
			k, _ = c.Last()
		} else {
			k, _ = c.Prev()
		}
		end, _ = parseID(k)
		n += int64(end.Sequence-start.Sequence) + 1
		from = ID{Epoch: start.Epoch + 1}
	}
}

// errUnavailable is returned while the index cannot be opened again after an error.
var errUnavailable = errors.New("the index cannot be read now")

// view runs fn in a read transaction.
func (q *Queue) view(fn func(*bbolt.Tx) error) error {
	q.mu.Lock()
	failed := q.failed
	q.mu.Unlock()
	if failed != nil {
		return failed
	}
	q.dbMu.RLock()
	defer q.dbMu.RUnlock()
	if q.db == nil {
		return errUnavailable
	}
	return q.judge(guarded(func() error { return q.db.View(fn) }))
}

// judge ends the queue for good if err says that the index is damaged. The next
// Open builds it again.
func (q *Queue) judge(err error) error {
	if !errors.Is(err, errIndexPanic) && !errors.Is(err, errCorruptRow) {
		return err
	}
	return q.fail(fmt.Errorf("queue %s: %w; it is repaired at the next start", q.dir, err))
}

func (q *Queue) fail(err error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failed == nil {
		q.failed = err
		q.log.Error("the queue cannot go on", "err", err)
		q.wakeAll()
	}
	return q.failed
}

// wakeAll wakes who waits for a change. The caller holds mu.
func (q *Queue) wakeAll() {
	close(q.wake)
	q.wake = make(chan struct{})
}

func (q *Queue) waitChan() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.wake
}

// acquire takes the commit lock.
func (q *Queue) acquire(ctx context.Context) error {
	select {
	case <-q.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	default:
	}
	select {
	case q.commitLock <- struct{}{}:
		return nil
	case <-q.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *Queue) isClosing() bool {
	select {
	case <-q.closing:
		return true
	default:
		return false
	}
}

func (q *Queue) release() { <-q.commitLock }

// Things the queue does that can fail for a while.
const (
	appending = "append blocks"
	roomMade  = "make room"
	ackStored = "store acks"
	deleting  = "delete blocks"
	aging     = "drop old blocks"
	reading   = "read blocks"
)

// report logs that something fails, once until the cause changes.
func (q *Queue) report(doing string, err error) {
	cause := err.Error()
	var no syscall.Errno
	if errors.As(err, &no) {
		cause = no.Error()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.trouble[doing] == cause {
		return
	}
	q.trouble[doing] = cause
	q.log.Error("the queue's disk fails, trying again", "doing", doing, "err", err)
	q.Stats.Failing.Store(1) // who sees it finds the cause in the log
}

// well logs that things work again.
func (q *Queue) well(doings ...string) {
	if q.Stats.Failing.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, doing := range doings {
		if q.trouble[doing] == "" {
			continue
		}
		delete(q.trouble, doing)
		q.log.Info("the queue's disk works again", "doing", doing)
	}
	if len(q.trouble) == 0 {
		q.Stats.Failing.Store(0)
	}
}

// flushEvery is how long an ack may stay in memory.
const flushEvery = time.Second

// run does what has to be done now and then, until Close.
func (q *Queue) run() {
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-q.closing:
			return
		case <-t.C:
			q.tick()
		}
	}
}

func (q *Queue) tick() {
	if err := q.acquire(context.Background()); err != nil {
		return
	}
	defer q.release()
	if err := q.sameFile(); err != nil {
		_ = q.fail(err)
		return
	}
	for _, work := range []struct {
		doing string
		do    func() error
	}{{ackStored, q.flush}, {aging, q.dropOld}, {deleting, q.reclaim}} {
		err := work.do()
		if err != nil && q.spendReserve(err) {
			err = work.do()
		}
		if err != nil {
			q.report(work.doing, err)
			return
		}
		q.well(work.doing)
	}
	q.holdReserve()
}

// sameFile finds out whether the index was taken away under the running process.
func (q *Queue) sameFile() error {
	path := filepath.Join(q.dir, "index.db")
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(info, q.indexFile) {
		return fmt.Errorf("%s was removed or replaced while in use", path)
	}
	if err == nil {
		q.Stats.IndexBytes.Store(info.Size())
	}
	return nil
}

// Close stores what was acked and closes the queue. Calls that wait return ErrClosed.
func (q *Queue) Close() error {
	var err error
	q.closed.Do(func() { err = q.close() })
	return err
}

func (q *Queue) close() error {
	close(q.closing)
	q.done.Wait()
	q.commitLock <- struct{}{} // for good
	var errs []error
	if q.failed == nil {
		errs = append(errs, q.flush())
	}
	errs = append(errs, q.blocks.Close(), q.dead.Close())
	q.dbMu.Lock()
	defer q.dbMu.Unlock()
	if q.db != nil && !errors.Is(q.failed, errIndexPanic) {
		errs = append(errs, guarded(q.db.Close))
	}
	clean := q.failed == nil && q.db != nil && q.unknown == nil
	q.db = nil
	if err := errors.Join(errs...); err != nil {
		clean = false
	}
	if clean {
		errs = append(errs, markClean(q.dir))
	}
	errs = append(errs, q.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close queue: %w", err)
	}
	return nil
}
