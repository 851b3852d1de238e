// Package tail follows files that others write, rotate, truncate and delete,
// and hands on what is in them as chunks of whole records, each with a position
// from which reading goes on after a restart.
//
// # Rules
//
//   - Two goroutines do the work. Discovery lists directories and opens what
//     matches at once, and is never behind reading or a blocked pipeline, so
//     that the handle of a file survives the file's name. One reader serves all
//     files in turn, one buffer each.
//   - Polling is the truth, inotify only a wake-up for discovery. Its watches
//     are on directories, for names that come and go, not for writes: those
//     would be paid for by the programs that write. Without inotify, names are
//     looked for as often as growth is.
//   - While a handle is open, device and inode are the file's identity: nobody
//     else can get the inode. Across handles and restarts identity is content:
//     the first bytes (up to 1 KiB, growing with the file) and the marker, up to
//     512 bytes before the position. Where the two do not agree with a position,
//     it is not this file's.
//   - After each read, size, first bytes and marker are looked at again. If they
//     changed, the file was truncated, what was read is discarded and a new
//     generation begins at 0. So it is for a file shorter than its position.
//   - A rotated or deleted file is read to its end and kept for the grace time
//     after that; growth renews it. Only the cap on space held by deleted files
//     ends it early.
//   - A copy of a followed file under a rotated name (app.log.1 for app.log)
//     is not read while the original is what it was. If the original is
//     truncated, the copy takes over generation and position.
//   - At start, stored positions are matched by inode, then by content, against
//     the files of the patterns, then against rotated names beside them, plain or
//     compressed (.gz, .zst). Rotated files younger than the last known
//     generation are read before the current one. Compressed files are read in
//     no other case. A copy of a file that is not truncated yet is kept until it
//     is. What is neither read yet nor younger than the current generation is told
//     by its content, which is why positions are kept; what is older than those that
//     are kept counts as read.
//   - A generation is known when something of it is stored. One that is stored while
//     an older one, of a file without a name, is not counts as hardly younger.
//   - The time of the very first start is stored before a file is opened, or a second
//     has passed: what was rotated earlier is not read.
//   - Positions stand behind whole records. If the last lines of a rotated file
//     wait for more, the first ones of its successor are looked at with them: a
//     record that goes on there is one record, whose chunk has both positions.
//     A line over the limit is cut,
//     flagged, and what is behind the cut is counted as lost.
//   - 64 or more NUL bytes at the start of a line are a hole: skipped and counted
//     if data follows, waited on if they end the file.
//
// # Assumptions
//
// Writers append. Bytes before the end of the last line do not change unless
// the file is truncated. Two different files of one name or rotation do not
// have equal first KiB and the same 512 bytes before the same offset. A file
// system reports a changed directory or file by a changed modification time or
// size; where directories do not, they are listed every ten seconds anyway.
package tail

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"shipper/internal/input"
	"shipper/internal/record"
)

// Cutter finds the ends of records. It is used by one goroutine, for one
// generation of one file.
type Cutter interface {
	// Cut appends to ends the end offsets, terminators included, of the
	// complete records in data, which starts at a record start. Bytes behind
	// the last end are presented again, perhaps followed by more, in the next call.
	// With flush all complete lines left are a record of their own; with final
	// also a last line without a newline.
	Cut(data []byte, ends []int32, flush, final bool) []int32

	// State returns what a new Cutter has to know to go on behind the last end.
	State() []byte
}

// Follower follows all files that match patterns. Set the fields, then call
// Run once.
type Follower struct {
	Name string // of the input: the first part of position keys

	Paths   []string // globs: * ? [a-z] within a name, ** for any number of directories
	Exclude []string // globs of the same form; one without a slash is matched against the file's name
	Exact   bool     // Paths are names of files, not globs
	Roots   []string // directories that symbolic links may lead to, besides those of Paths

	LineLimit  int // bytes of a line without its newline; at least 1
	ChunkBytes int // of one read

	PollInterval time.Duration // between looks at a growing file; idle files are looked at every eighth
	JoinTimeout  time.Duration // complete lines that wait for a continuation are flushed after it
	Grace        time.Duration // a file without a name is kept open so long after its last growth
	Retention    time.Duration // positions of files that are gone are kept so long

	HeldBytes int64 // space that deleted files may hold; the oldest is given up beyond; 0: no limit
	FromEnd   bool  // files that are there at the very first start are followed from their end
	NoNotify  bool  // poll only

	NewStream func(id, path string) *record.Stream
	NewCutter func(state []byte) Cutter // state is nil at the start of a generation

	Log   *slog.Logger
	Stats *Stats
}

// Run follows until ctx is done, and returns nil then, or until put fails, and
// returns its error. stored are the positions by key, as they were handed to
// put. put is called by one goroutine. Chunks are to be released once they are
// durable: at the very first start no file is opened before the first one is, or
// before a second has passed.
func (f *Follower) Run(ctx context.Context, stored map[string][]byte, put func(input.Chunk) error) error {
	e, err := f.engine(stored, put)
	if err != nil {
		return err
	}
	defer e.set.closeAll()
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	durable := make(chan struct{})
	wg.Go(func() {
		e.scanner.await(ctx, durable)
		e.scanner.run(ctx)
	})
	if err := e.reader.begin(func() { close(durable) }); err != nil {
		return err
	}
	return e.reader.run(ctx)
}

// engine is a Follower at work.
type engine struct {
	set     *set
	scanner *scanner
	reader  *reader
}

func (f *Follower) engine(stored map[string][]byte, put func(input.Chunk) error) (*engine, error) {
	patterns := make([]pattern, 0, len(f.Paths))
	for _, p := range f.Paths {
		parsed, err := newPattern(p, f.Exact)
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, parsed)
	}
	exclude, err := newExclusion(f.Exclude)
	if err != nil {
		return nil, err
	}
	roots := make([]string, 0, len(f.Roots))
	for _, p := range f.Roots {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("root %s: %w", p, err)
		}
		roots = append(roots, abs)
	}
	filter := &filter{patterns: patterns, exclude: exclude}
	for _, p := range patterns {
		if !slices.Contains(roots, p.base) {
			roots = append(roots, p.base)
		}
	}
	set := newSet()
	e := &engine{
		set:     set,
		scanner: newScanner(f, set, filter, roots),
		reader:  newReader(f, set, filter, roots, put),
	}
	e.reader.recall(stored)
	return e, nil
}
