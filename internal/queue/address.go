package queue

import (
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// addressees are the outputs a block is for, as index and log have them: names
// in order with a zero byte between them. Empty, as in every block of before
// there were any, it is for the outputs that take what is not addressed.
type addressees string

// address makes addressees of names.
func address(to []string) (addressees, error) {
	if len(to) == 0 {
		return "", nil
	}
	size := 0
	for _, name := range to {
		if name == "" || strings.IndexByte(name, 0) >= 0 {
			return "", fmt.Errorf("%w: block for the output %q", errInvalid, name)
		}
		size += len(name)
	}
	if size > maxKey {
		return "", fmt.Errorf("%w: block for outputs with names of %d bytes", errInvalid, size)
	}
	if len(to) == 1 {
		return addressees(to[0]), nil
	}
	names := slices.Clone(to)
	slices.Sort(names)
	return addressees(strings.Join(slices.Compact(names), "\x00")), nil
}

// names returns the outputs, nil if there are none.
func (a addressees) names() []string {
	if a == "" {
		return nil
	}
	return strings.Split(string(a), "\x00")
}

// aliases say which outputs the blocks are for that are addressed to a name that
// outputs had before, first things first. They are replaced, never changed.
type aliases map[string][]alias

// alias is the name that an output has now.
type alias struct {
	now     string
	through ID // later blocks are not for it; zero: all are
}

// now returns the name of the output that a block is for by its address.
func (a aliases) now(name string, id ID) string {
	for _, each := range a[name] {
		if each.through == (ID{}) || !each.through.less(id) {
			return each.now
		}
	}
	return name
}

// has reports whether a block is for the output of that name.
func (a aliases) has(to addressees, id ID, name string) bool {
	for rest := string(to); rest != ""; {
		var first string
		first, rest, _ = strings.Cut(rest, "\x00")
		if a.now(first, id) == name {
			return true
		}
	}
	return false
}

// add makes an output known of which newest is the last block of all: from now on,
// its name stands for it, and so does the name it had before.
func (a aliases) add(o Output, newest ID) {
	for name, all := range a {
		all = slices.Clone(all)
		for i := range all {
			if all[i].now == o.Formerly {
				all[i].now = o.Name
			} else if name == o.Name && all[i].through == (ID{}) {
				all[i].through = newest
			}
		}
		a[name] = all
	}
	before := a[o.Formerly]
	if n := len(before); o.Formerly != "" && (n == 0 || before[n-1].through != (ID{})) {
		a[o.Formerly] = append(slices.Clip(before), alias{now: o.Name})
	}
}

// formerly is what the keys of aliases begin with in tableMeta.
const formerly = "formerly/"

// rows are those of tableMeta.
func (a aliases) rows() (rows []row) {
	for name, all := range a {
		var value []byte
		for _, each := range all {
			value = appendBytes(appendBytes(value, each.through.key()), each.now)
		}
		rows = append(rows, row{tableMeta, []byte(formerly + name), value})
	}
	return rows
}

func readAliases(tx *bbolt.Tx) (aliases, error) {
	a := aliases{}
	return a, each(tx, tableMeta, []byte(formerly), func(k, v []byte) (bool, error) {
		name, ok := strings.CutPrefix(string(k), formerly)
		if !ok {
			return false, nil
		}
		for f := (fields{p: v}); !f.done(); {
			through, ok := parseID(f.bytes())
			if now := string(f.bytes()); ok && !f.bad {
				a[name] = append(a[name], alias{now, through})
				continue
			}
			return false, fmt.Errorf("%w: former output %q", errCorruptRow, name)
		}
		return true, nil
	})
}
