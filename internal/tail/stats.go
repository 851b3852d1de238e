package tail

import "sync/atomic"

// Stats counts what a Follower does. All may be read at any time.
type Stats struct {
	Files       atomic.Int64 // open now
	Parked      atomic.Int64 // closed now because descriptors are few, and looked at by name
	Generations atomic.Int64 // begun: new files, and files truncated
	Resumed     atomic.Int64 // generations found again: after a restart, as a copy, compressed
	Truncations atomic.Int64 // files found truncated or replaced in place
	Closed      atomic.Int64 // files given up: without a name, read to the end, grace over

	Bytes     atomic.Int64 // read and accounted for
	Chunks    atomic.Int64 // handed on
	LongLines atomic.Int64 // cut at the line limit
	LostBytes atomic.Int64 // over the line limit, truncated or deleted unread
	Losses    atomic.Int64 // events that lost bytes, known or not
	HoleBytes atomic.Int64 // NUL bytes skipped

	Unreadable atomic.Int64 // names that match and cannot be opened now
	Skipped    atomic.Int64 // names that match and are not regular files, or not to be followed
	ReadErrors atomic.Int64 // failed reads
	HeldFiles  atomic.Int64 // deleted and still open now
	HeldBytes  atomic.Int64 // space they take now
	Polling    atomic.Int64 // 1 if discovery has to do without inotify
}
