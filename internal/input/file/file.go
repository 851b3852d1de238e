// Package file is the input that follows files: package tail's following, with
// records cut by package frame and streams named by path.
//
// Each generation of a file, that is the content between two truncations of one
// inode, is a stream of its own. Its ID is 16 hexadecimal digits of a hash over
// its first line, device and inode, and its position is stored under the
// input's name, a slash and that ID. The labels of a stream are those of the
// input, log.file.path and log.file.name, and, unless the input has one,
// service.name: the file's name without its extension.
package file

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shipper/internal/frame"
	"shipper/internal/input"
	"shipper/internal/record"
	"shipper/internal/tail"
)

// The values of StartAt.
const (
	Beginning = "beginning"
	End       = "end"
)

// Input follows the files that match any of Paths and none of Exclude. Set the
// exported fields, then call Run once; zero values stand for the defaults given.
type Input struct {
	Name    string
	Paths   []string // globs: * ? [a-z] within a name, ** for any number of directories
	Exclude []string // globs of the same form; one without a slash is for names in any directory
	Exact   bool     // Paths are names of files, not globs, and may be links to anywhere
	Roots   []string // directories that links may lead to, besides those that Paths begin with; others need the link's owner to be root, this process's user or the file's owner
	Labels  []record.Label

	StartAt      string        // Beginning or End: of files that are there at the very first start; default Beginning
	LineLimit    int           // bytes of a line; longer ones are cut and flagged; default 1 MiB
	ChunkBytes   int           // of one read; default 256 KiB
	PollInterval time.Duration // between looks at a growing file; idle ones are looked at every eighth; default 250 ms
	Grace        time.Duration // how long a rotated or deleted file is watched after its last growth; default 30 s
	JoinTimeout  time.Duration // how long complete lines wait for what may belong to them; default 500 ms
	Retention    time.Duration // how long positions of files that are gone are kept; default 7 days
	HeldBytes    int64         // space that deleted, unread files may hold; 0: no limit

	Log   *slog.Logger // default: discard
	Stats tail.Stats
}

// Run implements input.Source.
func (in *Input) Run(ctx context.Context, at map[string][]byte, put func(input.Chunk) error) error {
	log := in.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	limit := cmp.Or(in.LineLimit, 1<<20)
	roots := in.Roots
	if in.Exact {
		roots = []string{"/"}
	}
	f := &tail.Follower{
		Name: in.Name, Paths: in.Paths, Exclude: in.Exclude, Exact: in.Exact, Roots: roots,
		LineLimit: limit, ChunkBytes: cmp.Or(in.ChunkBytes, 256<<10),
		PollInterval: cmp.Or(in.PollInterval, 250*time.Millisecond), Grace: cmp.Or(in.Grace, 30*time.Second),
		JoinTimeout: cmp.Or(in.JoinTimeout, 500*time.Millisecond), Retention: cmp.Or(in.Retention, 7*24*time.Hour),
		HeldBytes: in.HeldBytes, FromEnd: in.StartAt == End,
		NewStream: in.Stream,
		NewCutter: func(state []byte) tail.Cutter { return newCutter(limit, state) },
		Log:       log, Stats: &in.Stats,
	}
	return f.Run(ctx, at, put)
}

func newCutter(limit int, state []byte) tail.Cutter {
	o := frame.Options{LineLimit: limit, MaxRecord: limit}
	if len(state) > 0 {
		return frame.Restore(o, state)
	}
	return frame.New(o)
}

// Stream returns the stream of a generation of the file at path: its labels are
// those of the package comment.
func (in *Input) Stream(id, path string) *record.Stream {
	labels := slices.Clone(in.Labels)
	add := func(name, value string) {
		if !slices.ContainsFunc(labels, func(l record.Label) bool { return l.Name == name }) {
			labels = append(labels, record.Label{Name: name, Value: value})
		}
	}
	base := filepath.Base(path)
	add("log.file.path", path)
	add("log.file.name", base)
	add("service.name", stem(base))
	slices.SortFunc(labels, func(a, b record.Label) int { return cmp.Compare(a.Name, b.Name) })
	return &record.Stream{ID: id, Labels: labels}
}

// stem returns a file name without its extension, unless that is all of it.
func stem(name string) string {
	if s := strings.TrimSuffix(name, filepath.Ext(name)); s != "" {
		return s
	}
	return name
}
