package index

import "sync/atomic"

// Stats are the counters of a Store since it was opened. The numbers of what
// there is now are in Usage.
type Stats struct {
	Blocks      atomic.Int64 // stored
	Records     atomic.Int64 // stored
	Bytes       atomic.Int64 // of text in stored records: bodies, keys and values
	Repeated    atomic.Int64 // blocks and requests that were stored before
	Rejected    atomic.Int64 // blocks that do not decode
	Conflicts   atomic.Int64 // blocks and requests whose ID came before with other content; they are stored
	Unknown     atomic.Int64 // blocks too old to know whether they came before; they are stored
	Refused     atomic.Int64 // commits that were asked to come again
	Clamped     atomic.Int64 // records whose time was out of range and became the time of arrival
	Replayed    atomic.Int64 // blocks read from the log at start
	Unread      atomic.Int64 // blocks of the log that could not be read at start
	Adopted     atomic.Int64 // segments the catalogue did not know
	Missing     atomic.Int64 // segments in the catalogue that have no file or a corrupt one
	Damaged     atomic.Int64 // segments found damaged when they were read, and set aside
	LostRecords atomic.Int64 // records in them that could not be read
	Sealed      atomic.Int64 // segments written
	SealFails   atomic.Int64 // seals that failed and are tried again
	Dropped     atomic.Int64 // segments dropped by retention
	LogSyncs    atomic.Int64 // fdatasyncs of the log
}

// Usage is what a Store holds at a moment.
type Usage struct {
	Segments      int
	SegmentBytes  int64 // of segment files
	Records       int64 // in segments and open blocks
	OpenRecords   int64 // of which not sealed
	OpenBytes     int64 // of text in the open and the sealing generation
	Agents        int
	Gaps          uint64 // sequences agents have not delivered although later ones came
	GapsForgotten int64  // gaps that had to be forgotten since the start
	Oldest        int64  // time of the first record, ns; 0 if there is none
	Full          string // why blocks are refused, or empty
}
