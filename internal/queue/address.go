package queue

import (
	"fmt"
	"slices"
	"strings"
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

// has reports whether the output of that name is one of them.
func (a addressees) has(name string) bool {
	rest := string(a)
	for rest != "" {
		var first string
		first, rest, _ = strings.Cut(rest, "\x00")
		if first == name {
			return true
		}
	}
	return false
}
