package segment

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"

	"shipper/internal/fail"
)

// A segment file is
//
//	header   8 bytes "shipseg" and the version, 1
//	chunks   of the first block, of the second, ...
//	index    a list (see parts.go)
//	filters  of all blocks, those of one column next to each other
//	footer   u64 offset of the index, u32 its length in the file, u32 its length
//	         unpacked, u32 CRC-32C of it as it is in the file, u32 CRC-32C of the
//	         footer so far, 8 bytes as the header; all little-endian
//
// and the index
//
//	uvarint  blocks, then for each:
//	  uvarint  bytes of its chunks
//	  uvarint  filters, then for each: uvarint offset from the first filter of all
//	  string   meta (see meta.go)
const (
	magic      = "shipseg\x01"
	footerSize = 32
)

// Write writes blocks, at least one, into a segment file at path. The file is
// complete and durable when Write returns; until then, and after an error, what
// there is of it has another name: path with .tmp behind it. The same blocks
// make the same file.
func Write(path string, blocks []*Block) (Info, error) {
	tmp := path + ".tmp"
	info, err := writeFile(tmp, blocks)
	if err == nil {
		err = fail.Point("segment.write.complete")
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return Info{}, err
	}
	if err := fail.Point("segment.write.renamed"); err != nil {
		return Info{}, err
	}
	return info, syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func writeFile(path string, blocks []*Block) (Info, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 256<<10)
	info, err := writeBlocks(w, blocks)
	if err != nil {
		return Info{}, err
	}
	if err := w.Flush(); err != nil {
		return Info{}, err
	}
	if err := f.Sync(); err != nil {
		return Info{}, err
	}
	return info, f.Close()
}

func writeBlocks(w *bufio.Writer, blocks []*Block) (Info, error) {
	if len(blocks) == 0 {
		return Info{}, fmt.Errorf("write a segment of no blocks")
	}
	info := Info{Min: math.MaxInt64, Max: math.MinInt64, Blocks: len(blocks)}
	_, _ = w.WriteString(magic) // the writer keeps its first error
	at := int64(len(magic))
	for _, b := range blocks {
		_, _ = w.Write(b.data)
		at += int64(len(b.data))
		info.Min, info.Max = min(info.Min, b.info.Min), max(info.Max, b.info.Max)
		info.Rows, info.Raw = info.Rows+b.info.Rows, info.Raw+b.info.Raw
	}
	filters, places, err := layFilters(blocks)
	if err != nil {
		return Info{}, err
	}
	index := appendIndex(nil, blocks, places)
	var p packer
	p.list(index)
	_, _ = w.Write(p.dst)
	for _, f := range filters {
		_, _ = w.Write(f)
		info.Bytes += int64(len(f))
	}
	foot := binary.LittleEndian.AppendUint64(nil, uint64(at))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(p.dst)))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(index)))
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(p.dst, castagnoli))
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(foot, castagnoli))
	foot = append(foot, magic...)
	_, err = w.Write(foot)
	info.Bytes += at + int64(len(p.dst)+len(foot))
	return info, err
}

// layFilters puts the filters of one column next to each other. It returns them
// in their order, and the offset of each filter of each block.
func layFilters(blocks []*Block) (filters [][]byte, places [][]int64, err error) {
	type entry struct {
		column *column
		block  int
	}
	var entries []entry
	for i, b := range blocks {
		var m blockMeta
		if !m.decode(b.meta) {
			return nil, nil, b.corrupt(0, "description of the block")
		}
		for k := range m.columns {
			if m.columns[k].filter >= 0 {
				entries = append(entries, entry{&m.columns[k], i})
			}
		}
		places = append(places, make([]int64, len(b.filter)))
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		x, y := a.column, b.column
		return cmp.Or(cmp.Compare(x.class, y.class), cmp.Compare(x.member, y.member),
			cmp.Compare(x.name, y.name), cmp.Compare(x.kind, y.kind))
	})
	at := int64(0)
	for _, e := range entries {
		b := blocks[e.block]
		from := b.filter[e.column.filter]
		filters = append(filters, b.filters[from:from+int64(e.column.filterSize)])
		places[e.block][e.column.filter] = at
		at += int64(e.column.filterSize)
	}
	return filters, places, nil
}

func appendIndex(dst []byte, blocks []*Block, places [][]int64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(blocks)))
	for i, b := range blocks {
		dst = binary.AppendUvarint(dst, uint64(len(b.data)))
		dst = binary.AppendUvarint(dst, uint64(len(places[i])))
		for _, at := range places[i] {
			dst = binary.AppendUvarint(dst, uint64(at))
		}
		dst = appendString(dst, b.meta)
	}
	return dst
}
