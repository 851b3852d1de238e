package protocol

// Frame is a block with its number, as it travels and as a store takes it in.
type Frame struct {
	Sequence uint64 // from 1, contiguous within an agent's epoch
	Records  int    // in Payload; what the sender says, 0 if it is not known
	Raw      int    // bytes of Payload before compression; as Records
	Payload  []byte // see package block
}

// Receipt says what a store did with each of some blocks: it stored, knew or
// rejected it.
type Receipt struct {
	Records  int // stored now
	Repeated int // blocks that had been stored before
	Rejected []Rejection
}

// Rejection names a block that will never be stored.
type Rejection struct {
	Sequence uint64 // 0 if it has none
	Reason   string
	TooLarge bool // its records may be stored in smaller blocks
}
