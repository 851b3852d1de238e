package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
)

// The catalogue is a bbolt database:
//
//	meta      "version" u8, "floor" u64: the first generation that is not sealed
//	segments  u32 day, u64 generation -> segmentInfo
//	agents    agent ID -> marks
//	keys      u64 number -> request key
//	sums      agent ID, u32 epoch, u64 sequence / 64 -> 64 u64 sums of blocks, little endian, 0: none
//
// Numbers in keys are big endian. One transaction at each seal moves the floor
// and writes the segments, marks and keys that belong below it.
type catalogue struct{ db *bbolt.DB }

const catalogueVersion = 1

var (
	bucketMeta     = []byte("meta")
	bucketSegments = []byte("segments")
	bucketAgents   = []byte("agents")
	bucketKeys     = []byte("keys")
	bucketSums     = []byte("sums")
	keyVersion     = []byte("version")
	keyFloor       = []byte("floor")
)

// segmentID names a segment: a generation has one for each day of its records.
type segmentID struct {
	day        uint32 // since 1970-01-01 UTC
	generation uint64
}

// segmentInfo is what the catalogue knows of a segment.
type segmentInfo struct {
	id       segmentID
	min, max int64 // time of the first and last record, ns
	rows     int64
	bytes    int64 // of the file
	raw      int64 // of the records
	dropped  bool  // retention has dropped it; the file may still be there
}

func (id segmentID) key() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, id.day), id.generation)
}

// append appends the stored form: u8 dropped, varint min, varint max - min,
// uvarint rows, bytes, raw.
func (s *segmentInfo) append(dst []byte) []byte {
	if s.dropped {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 0)
	}
	dst = binary.AppendVarint(dst, s.min)
	dst = binary.AppendVarint(dst, s.max-s.min)
	dst = binary.AppendUvarint(dst, uint64(s.rows))
	dst = binary.AppendUvarint(dst, uint64(s.bytes))
	return binary.AppendUvarint(dst, uint64(s.raw))
}

func decodeSegmentInfo(k, p []byte) (segmentInfo, error) {
	if len(k) != 12 || len(p) == 0 {
		return segmentInfo{}, errors.New("corrupt segment entry")
	}
	d := fields{p: p[1:]}
	s := segmentInfo{
		id:      segmentID{binary.BigEndian.Uint32(k), binary.BigEndian.Uint64(k[4:])},
		dropped: p[0] != 0,
	}
	s.min = d.varint()
	s.max = s.min + d.varint()
	s.rows, s.bytes, s.raw = int64(d.uvarint()), int64(d.uvarint()), int64(d.uvarint())
	if d.bad || len(d.p) != 0 {
		return segmentInfo{}, fmt.Errorf("corrupt entry of segment %d of day %d", s.id.generation, s.id.day)
	}
	return s, nil
}

// errForeign marks a catalogue that must be left alone: a newer version's.
var errForeign = errors.New("written by a newer version")

// openCatalogue opens or creates the catalogue. An error is errForeign, a lock
// held elsewhere, of the file system, or means that the file is corrupt.
func openCatalogue(path string) (c *catalogue, err error) {
	defer onFault(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	c = &catalogue{db: db}
	err = db.Update(func(tx *bbolt.Tx) error {
		if m := tx.Bucket(bucketMeta); m != nil {
			if v := m.Get(keyVersion); len(v) != 1 || v[0] > catalogueVersion {
				return errForeign
			}
			_, err := tx.CreateBucketIfNotExists(bucketSums) // the first stores had none
			return err
		}
		for _, b := range [][]byte{bucketSegments, bucketAgents, bucketKeys, bucketSums} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		m, err := tx.CreateBucket(bucketMeta)
		if err != nil {
			return err
		}
		return m.Put(keyVersion, []byte{catalogueVersion})
	})
	if err == nil {
		err = c.check()
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return c, nil
}

// check reads every page once; a catalogue is small.
func (c *catalogue) check() error {
	return c.db.View(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketSegments, bucketAgents, bucketKeys, bucketSums} {
			b := tx.Bucket(name)
			if b == nil {
				return fmt.Errorf("bucket %s is missing", name)
			}
			if err := b.ForEach(func(_, _ []byte) error { return nil }); err != nil {
				return err
			}
		}
		return nil
	})
}

// onFault turns a panic, which is how bbolt reports a corrupt page, and a
// fault on a page that the file no longer has, into an error.
func onFault(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("corrupt catalogue: %v", r)
	}
}

func (c *catalogue) close() error { return c.db.Close() }

// load reads everything.
func (c *catalogue) load(a *agents, w *window) (floor uint64, segments []segmentInfo, err error) {
	defer onFault(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	err = c.db.View(func(tx *bbolt.Tx) error {
		if v := tx.Bucket(bucketMeta).Get(keyFloor); len(v) == 8 {
			floor = binary.BigEndian.Uint64(v)
		}
		err := tx.Bucket(bucketSegments).ForEach(func(k, v []byte) error {
			s, err := decodeSegmentInfo(k, v)
			segments = append(segments, s)
			return err
		})
		if err != nil {
			return err
		}
		err = tx.Bucket(bucketAgents).ForEach(func(k, v []byte) error { return a.load(string(k), v) })
		if err != nil {
			return err
		}
		return tx.Bucket(bucketKeys).ForEach(func(k, v []byte) error {
			if len(k) != 8 {
				return errKey
			}
			return w.load(binary.BigEndian.Uint64(k), v)
		})
	})
	return floor, segments, err
}

// sealed is what one seal adds to the catalogue.
type sealed struct {
	floor    uint64
	segments []segmentInfo
	agents   agentChanges
	keys     keyChanges
	sums     sums
}

// seal writes s in one transaction. After an error it may or may not be there;
// to write it again is right in both cases.
func (c *catalogue) seal(s sealed) error {
	return c.db.Update(func(tx *bbolt.Tx) error {
		for i := range s.segments {
			if err := tx.Bucket(bucketSegments).Put(s.segments[i].id.key(), s.segments[i].append(nil)); err != nil {
				return err
			}
		}
		if err := putSums(tx.Bucket(bucketSums), s.sums); err != nil {
			return err
		}
		for id, a := range s.agents {
			if err := putAgent(tx, id, a); err != nil {
				return err
			}
		}
		if err := putKeys(tx.Bucket(bucketKeys), s.keys); err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(keyFloor, binary.BigEndian.AppendUint64(nil, s.floor))
	})
}

func putAgent(tx *bbolt.Tx, id string, a agentState) error {
	if err := dropSums(tx.Bucket(bucketSums), id, a.last); err != nil {
		return err
	}
	if a.stored == nil {
		return tx.Bucket(bucketAgents).Delete([]byte(id))
	}
	return tx.Bucket(bucketAgents).Put([]byte(id), a.stored)
}

func putKeys(b *bbolt.Bucket, c keyChanges) error {
	for i, v := range c.values {
		if err := b.Put(binary.BigEndian.AppendUint64(nil, c.from+uint64(i)), v); err != nil {
			return err
		}
	}
	cur := b.Cursor()
	for k, _ := cur.First(); len(k) == 8 && binary.BigEndian.Uint64(k) < c.drop; k, _ = cur.First() {
		if err := cur.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// put writes the entries of segments, with nothing else.
func (c *catalogue) put(segments []segmentInfo) error {
	return c.db.Update(func(tx *bbolt.Tx) error {
		for i := range segments {
			if err := tx.Bucket(bucketSegments).Put(segments[i].id.key(), segments[i].append(nil)); err != nil {
				return err
			}
		}
		return nil
	})
}

// remove deletes the entries of segments.
func (c *catalogue) remove(ids []segmentID) error {
	if len(ids) == 0 {
		return nil
	}
	return c.db.Update(func(tx *bbolt.Tx) error {
		for _, id := range ids {
			if err := tx.Bucket(bucketSegments).Delete(id.key()); err != nil {
				return err
			}
		}
		return nil
	})
}
