package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"

	"shipper/internal/blocklog"
)

// formatVersion is that of index and log together. In 1 a block was for one
// output or for all.
const formatVersion = 2

// table is a bucket of the index.
type table uint8

// The tables of the index. Every value ends in a CRC32C of table, key and
// value, since bbolt has no checksums of its own for data.
const (
	tableMeta      table = iota // see the keys below
	tableBlocks                 // ID.key -> blockRow
	tablePositions              // key of the input -> its value
	tableBooks                  // bookKey -> bookRow
	tableOutputs                // name -> ID.key of the last block that was acked
	tableDead                   // deadKey -> deadRow
	tables
)

func (t table) name() []byte {
	return []byte([...]string{"meta", "blocks", "positions", "books", "outputs", "dead"}[t])
}

// logged reports whether rows of the table are kept in the log, too.
func (t table) logged() bool {
	return t == tableMeta || t == tablePositions || t == tableBooks || t == tableOutputs
}

// Keys of tableMeta.
const (
	metaFormat  = "format"  // uvarint
	metaAgent   = "agent"   // 16 bytes
	metaMachine = "machine" // hash of the machine's ID
	metaLast    = "last"    // ID.key of the newest block there ever was
	metaFloor   = "floor"   // ID.key; blocks up to it are gone
	metaTail    = "tail"    // location of the log's last entry; not in the log
	metaCommit  = "commit"  // uvarint, number of commits; not in the log
)

// row is a change of the index. A nil value deletes.
type row struct {
	table table
	key   []byte
	value []byte
}

func seal(t table, key, value []byte) []byte {
	sealed := make([]byte, len(value), len(value)+4)
	copy(sealed, value)
	return binary.LittleEndian.AppendUint32(sealed, sealSum(t, key, value))
}

func sealSum(t table, key, value []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte{byte(t), byte(len(key)), byte(len(key) >> 8)})
	return crc32.Update(crc32.Update(sum, castagnoli, key), castagnoli, value)
}

// unseal returns the value, which is valid as long as sealed is.
func unseal(t table, key, sealed []byte) ([]byte, error) {
	n := len(sealed) - 4
	if n < 0 || binary.LittleEndian.Uint32(sealed[n:]) != sealSum(t, key, sealed[:n]) {
		return nil, fmt.Errorf("%w: table %s, key %q", errCorruptRow, t.name(), key)
	}
	return sealed[:n:n], nil
}

// openIndex opens the index file. A damaged file is an error, as far as a
// process can survive it: see CheckIndex.
func openIndex(path string, readOnly bool) (db *bbolt.DB, err error) {
	defer catch(&err)
	return bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:      time.Second,
		FreelistType: bbolt.FreelistMapType,
		ReadOnly:     readOnly,

		PreLoadFreelist: true, // checkOverflow needs it
		NoStatistics:    true,
	})
}

// errNewer says that a later version of the product wrote the queue.
var errNewer = errors.New("the queue has a newer format")

// errIndexPanic is what bbolt does with a damaged file.
var errIndexPanic = errors.New("the index is damaged")

// catch turns a panic, one by a fault in mapped memory included, into an error.
// Call it deferred and first.
func catch(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", errIndexPanic, r)
	}
}

// guarded runs fn with faults in mapped memory and panics as errors.
func guarded(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer catch(&err)
	return fn()
}

func put(tx *bbolt.Tx, r row) error {
	b := tx.Bucket(r.table.name())
	if r.table == tableBlocks {
		b.FillPercent = 0.95 // keys only grow
	}
	if r.value == nil {
		return b.Delete(r.key)
	}
	return b.Put(r.key, seal(r.table, r.key, r.value))
}

// get returns nil if there is no such row. The value is valid during tx.
func get(tx *bbolt.Tx, t table, key []byte) ([]byte, error) {
	b := tx.Bucket(t.name())
	if b == nil {
		return nil, fmt.Errorf("%w: no table %s", errCorruptRow, t.name())
	}
	sealed := b.Get(key)
	if sealed == nil {
		return nil, nil
	}
	return unseal(t, key, sealed)
}

// each calls fn for every row of a table from a key on, until fn says stop or fails.
func each(tx *bbolt.Tx, t table, from []byte, fn func(key, value []byte) (bool, error)) error {
	b := tx.Bucket(t.name())
	if b == nil {
		return fmt.Errorf("%w: no table %s", errCorruptRow, t.name())
	}
	c := b.Cursor()
	k, sealed := c.Seek(from)
	for ; k != nil; k, sealed = c.Next() {
		value, err := unseal(t, k, sealed)
		if err != nil {
			return err
		}
		if more, err := fn(k, value); !more || err != nil {
			return err
		}
	}
	return nil
}

// eachBlock is each for blocks.
func eachBlock(tx *bbolt.Tx, from ID, fn func(ID, blockRow) (bool, error)) error {
	return each(tx, tableBlocks, from.key(), func(k, v []byte) (bool, error) {
		id, ok1 := parseID(k)
		r, ok2 := parseBlockRow(v)
		if !ok1 || !ok2 {
			return false, fmt.Errorf("%w: block %x", errCorruptRow, k)
		}
		return fn(id, r)
	})
}

// head is the part of tableMeta that is kept in memory.
type head struct {
	format  uint64
	agent   []byte
	machine []byte
	last    ID
	floor   ID
	tail    blocklog.Location
	commit  uint64
}

// readHead reads tableMeta. An index without any table is new: ok is false.
func readHead(tx *bbolt.Tx) (h head, ok bool, err error) {
	if k, _ := tx.Cursor().First(); k == nil {
		return h, false, nil
	}
	value := func(key string) []byte {
		if err != nil {
			return nil
		}
		var v []byte
		if v, err = get(tx, tableMeta, []byte(key)); v == nil && err == nil {
			err = fmt.Errorf("%w: no %s", errCorruptRow, key)
		}
		return v
	}
	f := fields{p: value(metaFormat)}
	if h.format = f.uvarint(); h.format > formatVersion {
		return h, true, fmt.Errorf("%w: it has %d, this shipper knows up to %d", errNewer, h.format, formatVersion)
	}
	h.agent, h.machine = bytes.Clone(value(metaAgent)), bytes.Clone(value(metaMachine))
	last, ok1 := parseID(value(metaLast))
	floor, ok2 := parseID(value(metaFloor))
	h.last, h.floor = last, floor
	t := fields{p: value(metaTail)}
	h.tail = t.location()
	c := fields{p: value(metaCommit)}
	h.commit = c.uvarint()
	if err == nil && (!f.done() || !ok1 || !ok2 || !t.done() || !c.done() || len(h.agent) != 16) {
		err = fmt.Errorf("%w: meta", errCorruptRow)
	}
	return h, true, err
}

// rows are all of tableMeta.
func (h *head) rows() []row {
	meta := func(key string, value []byte) row { return row{tableMeta, []byte(key), value} }
	return append(h.loggedRows(),
		meta(metaTail, appendLocation(nil, h.tail)),
		meta(metaCommit, binary.AppendUvarint(nil, h.commit)))
}

func (h *head) loggedRows() []row {
	meta := func(key string, value []byte) row { return row{tableMeta, []byte(key), value} }
	return []row{
		meta(metaFormat, binary.AppendUvarint(nil, formatVersion)),
		meta(metaAgent, h.agent),
		meta(metaMachine, append([]byte{}, h.machine...)),
		meta(metaLast, h.last.key()),
		meta(metaFloor, h.floor.key()),
	}
}

// create makes all tables.
func create(tx *bbolt.Tx) error {
	for t := range tables {
		if _, err := tx.CreateBucket(t.name()); err != nil {
			return err
		}
	}
	return nil
}

// CheckIndex reads an index file completely and reports damage. A damaged file
// can end the process instead, with a non-zero exit status: to be safe call it
// in a child process. It needs about as much memory as the file has bytes, and
// does not look at what is queued.
func CheckIndex(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	return guarded(func() error {
		db, err := openIndex(path, true)
		if err != nil {
			return fmt.Errorf("open index: %w", err)
		}
		defer db.Close()
		if err := checkMetas(db); err != nil {
			return err
		}
		return db.View(checkTables)
	})
}

func checkTables(tx *bbolt.Tx) error {
	if err := checkFreelist(tx); err != nil {
		return err
	}
	if err := checkOverflow(tx); err != nil {
		return err
	}
	if _, ok, err := readHead(tx); err != nil || !ok {
		return err
	}
	for t := range tables {
		if t == tableBlocks {
			continue
		}
		if err := each(tx, t, nil, func(_, _ []byte) (bool, error) { return true, nil }); err != nil {
			return err
		}
	}
	if err := eachBlock(tx, ID{}, func(ID, blockRow) (bool, error) { return true, nil }); err != nil {
		return err
	}
	// All pages read, so what is left to find is pages that are used twice or lost.
	var first error
	for err := range tx.Check() {
		if first == nil {
			first = err
		}
	}
	return first
}

// checkOverflow looks for pages that say they go on behind the end of the file,
// which would keep bbolt's own check busy for very long.
func checkOverflow(tx *bbolt.Tx) error {
	pages := tx.Size() / int64(tx.DB().Info().PageSize)
	for id := int64(0); id < pages; {
		info, err := tx.Page(int(id))
		if err != nil {
			return err
		}
		if info == nil {
			return nil
		}
		if info.Type == "free" {
			id++
			continue
		}
		if id += int64(info.OverflowCount) + 1; id > pages {
			return fmt.Errorf("%w: page %d is longer than the file", errIndexPanic, info.ID)
		}
	}
	return nil
}

// checkMetas reads both meta pages. With one that is damaged bbolt goes back to
// the other, which is older: it would not know of blocks that were sent. Nothing
// but damage makes one: a meta page is written in one sector. In bbolt's format
// version 2 it has, at byte 72, the FNV-1a of its bytes from 16 on.
func checkMetas(db *bbolt.DB) error {
	f, err := os.Open(db.Path())
	if err != nil {
		return err
	}
	defer f.Close()
	for meta := range int64(2) {
		b := make([]byte, 80)
		if _, err := f.ReadAt(b, meta*int64(db.Info().PageSize)); err != nil {
			return fmt.Errorf("read meta page: %w", err)
		}
		sum := fnv.New64a()
		sum.Write(b[16:72])
		if sum.Sum64() != binary.NativeEndian.Uint64(b[72:]) {
			return fmt.Errorf("%w: meta page %d", errIndexPanic, meta)
		}
	}
	return nil
}

// checkFreelist looks at the page of the free list as checkOverflow does at the
// others: a harmed list can call its own page free. What is where in the file
// is bbolt's format version 2: a meta page has its free list's page at byte 48
// and its transaction at byte 64, a page the number of pages that follow it at
// byte 12, all in the byte order of the machine.
func checkFreelist(tx *bbolt.Tx) error {
	f, err := os.Open(tx.DB().Path())
	if err != nil {
		return err
	}
	defer f.Close()
	size := int64(tx.DB().Info().PageSize)
	for meta := range int64(2) {
		b := make([]byte, 72)
		if _, err := f.ReadAt(b, meta*size); err != nil {
			return fmt.Errorf("read meta page: %w", err)
		}
		if binary.NativeEndian.Uint64(b[64:]) != uint64(tx.ID()) {
			continue
		}
		page, pages := binary.NativeEndian.Uint64(b[48:]), uint64(tx.Size()/size)
		if page >= pages {
			return nil // there is none
		}
		if _, err := f.ReadAt(b[:16], int64(page)*size); err != nil {
			return fmt.Errorf("read free list: %w", err)
		}
		if page+uint64(binary.NativeEndian.Uint32(b[12:])) >= pages {
			return fmt.Errorf("%w: page %d is longer than the file", errIndexPanic, page)
		}
	}
	return nil
}
