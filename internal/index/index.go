// Package index is the indexer's store: it keeps blocks of records on disk,
// each exactly once, and searches them.
//
// A store is a directory:
//
//	wal/<generation>/                       blocks as received, in blocklog files
//	seg/default/<yyyymmdd>/<generation>.seg sealed segments
//	catalogue.db                            bbolt: segments, marks of the agents, the floor
//	lock                                    names the process that has it open
//
// # Why nothing is lost and nothing is there twice
//
// Received blocks belong to the open generation: its write-ahead log has them
// as they came, its columnar blocks in memory answer queries. Commit returns
// when the log is synced. When the generation is large or old enough it is
// sealed: a new one is opened, the old one's columnar blocks become one segment
// for each day of their records (month or year of those that came late), each written, synced and renamed into place,
// and one bbolt transaction registers the segments, the marks of what agents
// have delivered as they were when the generation ended, and the floor: the
// first generation that is not sealed. Only then the log is removed.
//
// After a crash at any point a generation is either below the floor, so that
// its segments count and its log is garbage, or not, so that its log counts and
// its segments, which have its number in their names, are garbage: they are
// removed and the log is read again. A block is compared with the marks before
// it goes to the log, and the marks of what is in a log come back with it, so a
// block that was stored is known whether or not it was acknowledged.
//
// A block is known by its agent, epoch and sequence, and by its content: sums of
// the last payloads of each epoch are kept with the marks. One whose ID came with
// another content is stored, under a key made of its ID and content: two agents
// with copies of one data directory lose nothing. So is one that came so long ago
// that its sum is gone, because it may never have come.
//
// A segment that the catalogue does not know and of whose generation there is
// no log was sealed; the catalogue is older than it, or was lost. Such segments
// are adopted. What is gone with a catalogue are the marks: a block that is sent
// again after that is stored again.
//
// Assumptions: a synced file and a synced directory survive; a rename is
// atomic; bbolt's transactions are. A failed sync is taken as not having
// happened: until the generation has been sealed from memory, nothing is
// acknowledged.
package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/block"
	"shipper/internal/dirlock"
	"shipper/internal/segment"
)

// Options tune a Store. Zero values stand for the defaults.
type Options struct {
	MaxAge   time.Duration // drop segments whose last record is older; 0 keeps them
	MaxBytes int64         // drop the oldest segments beyond it; 0 is no limit
	Reserve  int64         // free bytes of the file system to leave alone; 0: 256 MiB or 5 % of it, the smaller; < 0: none

	SealBytes int64         // of records in a generation, before compression; default 64 MiB
	SealAge   time.Duration // of a generation; default 10 minutes
	MaxBlock  int           // bytes of a block before compression; default 8 MiB

	CacheBytes int64 // for what queries need of segments again and again; default 8 MiB

	Log *slog.Logger // default: none
}

// Store keeps and searches records. It may be used concurrently.
type Store struct {
	Stats Stats

	dir      string
	opt      Options
	log      *slog.Logger
	lock     *os.File
	files    files
	cat      *catalogue
	disk     disk
	syncDir  func(path string) error // syncFile; tests have another
	started  time.Time
	decoders chan *block.Decoder // one for each block being decoded
	builders sync.Pool           // of *segment.Builder
	full     chan *piece         // to the goroutine that makes blocks

	mu       sync.Mutex
	open     *generation
	sealing  *generation   // nil if none is
	sealed   chan struct{} // closed and replaced when sealing ends
	segments []*stored
	agents   *agents
	window   *window
	warned   int64 // when it was last said that a key came with different bodies, ns
	sealErr  error // of the last try to seal, nil once one succeeded
	pressed  bool  // the log is to be sealed because the disk is full
	closed   bool

	turns   sync.Mutex // held while sealing
	pending *handover  // what is being sealed; guarded by turns
	damaged []*stored  // to be mended; guarded by mu
	dropped []*stored  // dropped segments that are still in the catalogue; guarded by turns

	refusing atomic.Bool  // it was said that blocks are refused
	said     atomic.Int64 // when, ns

	wake chan struct{} // asks the maintainer to look at once
	stop context.CancelFunc
	done chan struct{} // closed when the maintainer has ended
}

// defaultMaxBlock is what a block may have before compression if Options do not say.
const defaultMaxBlock = 8 << 20

// ErrClosed is returned by calls on a Store that is closed.
var ErrClosed = errors.New("store is closed")

// Unavailable is the refusal of a block that may be accepted later. Queries go on.
type Unavailable struct{ Reason string }

func (u *Unavailable) Error() string { return u.Reason }

// Open opens or creates a store and reads what a crash left in the log. It
// fails if another process has it open.
func Open(dir string, o Options) (*Store, error) {
	s, err := newStore(dir, o)
	if err != nil {
		return nil, err
	}
	if err := s.recover(); err != nil {
		s.release()
		return nil, err
	}
	// The log and the catalogue, and the directory they are in, may be new.
	if err := errors.Join(s.syncDir(dir), s.syncDir(filepath.Dir(filepath.Clean(dir)))); err != nil {
		s.release()
		return nil, fmt.Errorf("sync store: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.maintain(ctx)
	go s.makeBlocks(ctx)
	return s, nil
}

func newStore(dir string, o Options) (*Store, error) {
	if o.SealBytes <= 0 {
		o.SealBytes = 64 << 20
	}
	if o.SealAge <= 0 {
		o.SealAge = 10 * time.Minute
	}
	if o.MaxBlock <= 0 {
		o.MaxBlock = defaultMaxBlock
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 8 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create store: %w", err)
	}
	lock, err := dirlock.Lock(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		dir: dir, opt: o, log: o.Log, lock: lock,
		files:    files{cache: segment.Cache{Bytes: o.CacheBytes}},
		disk:     disk{dir: dir, reserve: o.Reserve, free: freeSpace},
		syncDir:  syncFile,
		started:  time.Now(),
		decoders: make(chan *block.Decoder, max(2, runtime.GOMAXPROCS(0))),
		agents:   newAgents(), window: newWindow(),
		full:   make(chan *piece),
		sealed: make(chan struct{}), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	for range cap(s.decoders) {
		s.decoders <- nil
	}
	return s, nil
}

// release gives up the files of a store that is not, or no longer, running.
func (s *Store) release() {
	if s.open != nil {
		_ = s.open.wal.close()
	}
	if s.cat != nil {
		_ = s.cat.close()
	}
	for _, st := range s.segments {
		st.mu.Lock()
		st.close()
		st.mu.Unlock()
	}
	_ = s.lock.Close()
}

// Close seals what is open and closes the store. If sealing fails the log
// keeps everything, and the next Open reads it.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.stop()
	<-s.done
	err := s.finish()
	s.release()
	return err
}

func (s *Store) path(name ...string) string {
	return filepath.Join(append([]string{s.dir}, name...)...)
}
