package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"runtime/debug"

	"go.etcd.io/bbolt"
)

// A block's ID alone does not prove that it came before: two agents with copies
// of one data directory give the same IDs to different blocks, and so does an
// agent whose directory was put back from a backup. So the store remembers what
// was in the last blocks of each agent and epoch, too, as sums.
const (
	// sumsKept is how many sequences behind the last one of an epoch are
	// remembered at least: 128 KiB of sums.
	sumsKept = 1 << 14

	// sumChunk is how many sums have an entry of the catalogue in common.
	sumChunk = 64

	// maxBlocks bounds the blocks of a generation, and with them the sums in memory.
	maxBlocks = 1 << 17
)

// blockID names a block as its agent did.
type blockID struct {
	agent    string
	epoch    uint32
	sequence uint64
}

// sum is the beginning of the SHA-256 of a payload; never 0.
type sum uint64

func sumOf(hash *[sha256.Size]byte) sum { return sum(max(1, binary.LittleEndian.Uint64(hash[:]))) }

// sums are those of one generation. A nil value is empty.
type sums map[blockID]sum

// sumKey is the key of the entry that has the sum of a block: the agent's ID,
// u32 epoch, u64 sequence / sumChunk.
func sumKey(dst []byte, id *blockID) []byte {
	dst = append(dst, id.agent...)
	dst = binary.BigEndian.AppendUint32(dst, id.epoch)
	return binary.BigEndian.AppendUint64(dst, id.sequence/sumChunk)
}

// sum returns the sum of a block that was sealed, 0 if it is not remembered.
func (c *catalogue) sum(id *blockID) (n sum, err error) {
	defer onFault(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	err = c.db.View(func(tx *bbolt.Tx) error {
		v := tx.Bucket(bucketSums).Get(sumKey(nil, id))
		if at := int(id.sequence%sumChunk) * 8; len(v) == sumChunk*8 {
			n = sum(binary.LittleEndian.Uint64(v[at:]))
		}
		return nil
	})
	return n, err
}

// putSums adds the sums of a generation.
func putSums(b *bbolt.Bucket, all sums) error {
	chunks := make(map[string][]byte)
	for id, n := range all {
		k := string(sumKey(nil, &id))
		v := chunks[k]
		if v == nil {
			v = make([]byte, sumChunk*8)
			copy(v, b.Get([]byte(k)))
			chunks[k] = v
		}
		binary.LittleEndian.PutUint64(v[id.sequence%sumChunk*8:], uint64(n))
	}
	for k, v := range chunks {
		if err := b.Put([]byte(k), v); err != nil {
			return err
		}
	}
	return nil
}

// dropSums removes the sums of an agent that are not to be kept: last has the
// last sequence of each epoch that is known. The work is proportional to what
// goes, and to the epochs.
func dropSums(b *bbolt.Bucket, agent string, last map[uint32]uint64) error {
	c := b.Cursor()
	first := sumKey(nil, &blockID{agent: agent})
	for k, _ := c.Seek(first); bytes.HasPrefix(k, []byte(agent)); {
		if len(k) != len(first) {
			// Another agent, whose ID begins with this one's.
			k, _ = c.Next()
			continue
		}
		epoch, chunk := binary.BigEndian.Uint32(k[len(agent):]), binary.BigEndian.Uint64(k[len(agent)+4:])
		if n, known := last[epoch]; known && (chunk+1)*sumChunk+sumsKept > n {
			if epoch++; epoch == 0 {
				return nil
			}
			k, _ = c.Seek(sumKey(nil, &blockID{agent: agent, epoch: epoch}))
			continue
		}
		if err := c.Delete(); err != nil {
			return err
		}
		k, _ = c.Seek(first)
	}
	return nil
}
