package queue

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"shipper/internal/input"
)

// OlderFiles stands in the books for all files of an input that have no lines
// of their own any more, because there were too many.
const OlderFiles = "(older files)"

// Reasons the queue itself gives in the books.
const (
	ReasonFull    = "queue_full" // dropped by the policy for a full queue
	ReasonShed    = "queue_shed" // left out by Shed
	ReasonAge     = "queue_age"  // dropped by Options.MaxAge
	ReasonCorrupt = "corrupt"    // lost to damage on disk
)

const maxFileName = 4096 // longer names are cut

// fileKey is the part of a bookKey that input and file share.
func fileKey(dst []byte, e input.Entry) []byte {
	return appendBytes(appendBytes(dst, e.Input[:min(len(e.Input), maxFileName)]), e.File[:min(len(e.File), maxFileName)])
}

func bookKey(e input.Entry) []byte {
	k := append(fileKey(nil, e), byte(e.Kind))
	return append(k, e.Reason[:min(len(e.Reason), maxFileName)]...)
}

// parseBook reads a row of the books; file is its fileKey.
func parseBook(k, v []byte) (e input.Entry, file []byte, touched uint64, err error) {
	f := fields{p: k}
	e.Input, e.File = string(f.bytes()), string(f.bytes())
	file = k[:len(k)-len(f.p)]
	e.Kind, e.Reason = input.EntryKind(f.byte()), string(f.p)
	g := fields{p: v}
	e.Bytes, e.Count, touched = g.varint(), g.varint(), g.uvarint()
	if f.bad || !g.done() || e.Kind > input.Lost {
		return e, nil, 0, fmt.Errorf("%w: books %x", errCorruptRow, k)
	}
	return e, file, touched, nil
}

func appendBook(e input.Entry, touched uint64) []byte {
	v := binary.AppendVarint(nil, e.Bytes)
	return binary.AppendUvarint(binary.AppendVarint(v, e.Count), touched)
}

// eachBook calls fn for every row of the books, those of one file in a row.
func eachBook(tx *bbolt.Tx, fn func(e input.Entry, file []byte, touched uint64) error) error {
	return each(tx, tableBooks, nil, func(k, v []byte) (bool, error) {
		e, file, touched, err := parseBook(k, v)
		if err != nil {
			return false, err
		}
		return true, fn(e, file, touched)
	})
}

// Books returns the accounts of all that was ever appended: one entry for each
// input, file, kind and reason. It is safe for concurrent use.
//
// A block that the queue drops is moved from Queued to Dropped, one that is
// damaged to Lost, so that what was read stays the sum of the others.
func (q *Queue) Books() (entries []input.Entry, err error) {
	err = q.view(func(tx *bbolt.Tx) error {
		entries, err = readBooks(tx)
		return err
	})
	return entries, err
}

func readBooks(tx *bbolt.Tx) (entries []input.Entry, err error) {
	err = eachBook(tx, func(e input.Entry, _ []byte, _ uint64) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// sums are changes of the books, made into rows.
type sums struct {
	tx    *bbolt.Tx
	rows  map[string]input.Entry
	files int // how many more files the books have
}

func (s *sums) add(e input.Entry) error {
	if e.Bytes == 0 && e.Count == 0 {
		return nil
	}
	key := bookKey(e)
	sum, ok := s.rows[string(key)]
	if !ok {
		v, err := get(s.tx, tableBooks, key)
		if err != nil {
			return err
		}
		sum = e
		sum.Bytes, sum.Count = 0, 0
		if v != nil {
			if sum, _, _, err = parseBook(key, v); err != nil {
				return err
			}
		} else if !s.known(e) {
			s.files++
		}
	}
	sum.Bytes += e.Bytes
	sum.Count += e.Count
	s.rows[string(key)] = sum
	return nil
}

// known reports whether the books have any line of e's file.
func (s *sums) known(e input.Entry) bool {
	prefix := fileKey(nil, e)
	if k, _ := s.tx.Bucket(tableBooks.name()).Cursor().Seek(prefix); bytes.HasPrefix(k, prefix) {
		return true
	}
	for k := range s.rows {
		if bytes.HasPrefix([]byte(k), prefix) {
			return true
		}
	}
	return false
}

func (s *sums) all(commit uint64) []row {
	rows := make([]row, 0, len(s.rows))
	for k, e := range s.rows {
		rows = append(rows, row{tableBooks, []byte(k), appendBook(e, commit)})
	}
	slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a.key, b.key) })
	return rows
}

// countFiles counts the files of the books; touched is the last commit that
// changed them.
func countFiles(tx *bbolt.Tx) (n int, touched uint64, err error) {
	var last []byte
	err = eachBook(tx, func(_ input.Entry, file []byte, t uint64) error {
		touched = max(touched, t)
		if !bytes.Equal(file, last) {
			last = bytes.Clone(file)
			n++
		}
		return nil
	})
	return n, touched, err
}

// fold moves the lines of the files that changed least lately into those of
// OlderFiles, until keep files are left. s has the changes that come with it.
func (s *sums) fold(keep int, commit uint64) (rows []row, left int, err error) {
	type file struct {
		key     []byte
		touched uint64
		entries []input.Entry
	}
	var files []file
	err = eachBook(s.tx, func(e input.Entry, key []byte, touched uint64) error {
		if n := len(files); n == 0 || !bytes.Equal(files[n-1].key, key) {
			files = append(files, file{key: bytes.Clone(key)})
		}
		f := &files[len(files)-1]
		f.touched = max(f.touched, touched)
		if _, changed := s.rows[string(bookKey(e))]; changed || e.File == OlderFiles {
			f.touched = commit
		}
		f.entries = append(f.entries, e)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.touched, b.touched) })
	left = len(files)
	for _, f := range files {
		if left <= keep || f.touched >= commit {
			break
		}
		left--
		for _, e := range f.entries {
			rows = append(rows, row{tableBooks, bookKey(e), nil})
			e.File = OlderFiles
			if err := s.add(e); err != nil {
				return nil, 0, err
			}
		}
	}
	return rows, left + s.files, nil
}

// move returns what takes the records of a block from Queued to another kind.
func move(sources []input.Entry, kind input.EntryKind, reason string) []input.Entry {
	entries := make([]input.Entry, 0, 2*len(sources))
	for _, s := range sources {
		from, to := s, s
		from.Kind, from.Reason, from.Bytes, from.Count = input.Queued, "", -s.Bytes, -s.Count
		to.Kind, to.Reason = kind, reason
		entries = append(entries, from, to)
	}
	return entries
}
