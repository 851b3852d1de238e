package index

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// entryVersion is the first byte of what the WAL keeps beside a payload.
const entryVersion = 1

// An entry is what the WAL keeps beside a block's payload: where it comes from
// and when it came. In the log, as blocklog's Meta:
//
//	u8       version, 1
//	u8       0 numbered, 1 keyed
//	varint   received, ns since the Unix epoch
//	numbered: uvarint length and bytes of the agent ID, uvarint epoch, uvarint sequence
//	keyed:    16 bytes key hash, 8 bytes body hash, u8 weak, varint the same time
type entry struct {
	received int64
	agent    string // empty: keyed
	epoch    uint32
	sequence uint64
	key      key

	hash [sha256.Size]byte // of a numbered block's payload; not in the log
}

var errEntry = errors.New("corrupt entry")

func (e *entry) append(dst []byte) []byte {
	if e.agent == "" {
		dst = binary.AppendVarint(append(dst, entryVersion, 1), e.received)
		return e.key.append(dst, e.received)
	}
	dst = binary.AppendVarint(append(dst, entryVersion, 0), e.received)
	dst = binary.AppendUvarint(dst, uint64(len(e.agent)))
	dst = append(dst, e.agent...)
	dst = binary.AppendUvarint(dst, uint64(e.epoch))
	return binary.AppendUvarint(dst, e.sequence)
}

func decodeEntry(p []byte) (entry, error) {
	if len(p) < 2 || p[0] != entryVersion || p[1] > 1 {
		return entry{}, errEntry
	}
	d := fields{p: p[2:]}
	e := entry{received: d.varint()}
	if p[1] == 1 {
		e.key, _ = d.requestKey()
	} else {
		e.agent = string(d.bytes(d.uvarint()))
		number := d.uvarint()
		e.epoch, e.sequence = uint32(number), d.uvarint()
		if e.agent == "" || len(e.agent) > maxAgent || number > 1<<32-1 || e.sequence == 0 {
			return entry{}, errEntry
		}
	}
	if d.bad || len(d.p) != 0 {
		return entry{}, errEntry
	}
	return e, nil
}
