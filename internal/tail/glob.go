package tail

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// pattern is a glob: the directory it starts from, which has no wildcards, and
// the elements below it, at least one.
type pattern struct {
	base string
	rest []string
}

const wildcards = `*?[\`

func newPattern(glob string, exact bool) (pattern, error) {
	abs, err := filepath.Abs(glob)
	if err != nil {
		return pattern{}, fmt.Errorf("path %s: %w", glob, err)
	}
	if exact {
		dir, name := filepath.Split(abs)
		return pattern{filepath.Clean(dir), []string{quote(name)}}, nil
	}
	elems := strings.Split(strings.TrimPrefix(abs, "/"), "/")
	n := 0
	for n < len(elems)-1 && !strings.ContainsAny(elems[n], wildcards) {
		n++
	}
	p := pattern{"/" + strings.Join(elems[:n], "/"), elems[n:]}
	for _, e := range p.rest {
		if _, err := path.Match(e, ""); err != nil {
			return pattern{}, fmt.Errorf("path %s: %w", glob, err)
		}
	}
	return p, nil
}

// quote makes a pattern that matches name only.
func quote(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if strings.IndexByte(wildcards, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// matches reports whether name completes one of the patterns left in its directory.
func matches(rests [][]string, name string) bool {
	for _, r := range rests {
		if r[0] == "**" {
			if len(r) == 1 || matches([][]string{r[1:]}, name) {
				return true
			}
			continue
		}
		if !slices.ContainsFunc(r[1:], func(e string) bool { return e != "**" }) {
			if ok, _ := path.Match(r[0], name); ok {
				return true
			}
		}
	}
	return false
}

// below returns the patterns left in the directory of that name.
func below(rests [][]string, name string) [][]string {
	var out [][]string
	add := func(r []string) {
		if !slices.ContainsFunc(out, func(o []string) bool { return slices.Equal(o, r) }) {
			out = append(out, r)
		}
	}
	for _, r := range rests {
		if r[0] == "**" {
			add(r)
			if len(r) > 1 {
				for _, b := range below([][]string{r[1:]}, name) {
					add(b)
				}
			}
			continue
		}
		if len(r) > 1 {
			if ok, _ := path.Match(r[0], name); ok {
				add(r[1:])
			}
		}
	}
	return out
}

// matchPath reports whether the elements of a glob match those of a path.
func matchPath(glob, elems []string) bool {
	return MatchElements(glob, elems, func(pattern, name string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

// MatchElements reports whether the elements of a glob match elems: "**" any number
// of them, and every other one an element as match says. As each "**" takes as
// little as will do, only the last one may have to take more: to try the others as
// well would take time without end.
func MatchElements(glob, elems []string, match func(pattern, elem string) bool) bool {
	var rest, from []string // of glob behind its last "**", and of elems as it is tried there
	for {
		switch {
		case len(glob) > 0 && glob[0] == "**":
			glob = glob[1:]
			rest, from = glob, elems
			if len(rest) == 0 {
				return true
			}
			continue
		case len(glob) > 0 && len(elems) > 0 && match(glob[0], elems[0]):
			glob, elems = glob[1:], elems[1:]
			continue
		case len(glob) == 0 && len(elems) == 0:
			return true
		case len(from) == 0:
			return false
		}
		from = from[1:]
		glob, elems = rest, from
	}
}

func elements(p string) []string { return strings.Split(strings.TrimPrefix(p, "/"), "/") }

// filter says which paths are to be followed. It does not change.
type filter struct {
	patterns []pattern
	exclude  [][]string
}

func newExclusion(globs []string) ([][]string, error) {
	var out [][]string
	for _, g := range globs {
		elems := []string{"**", g} // a name, in any directory
		if strings.Contains(g, "/") {
			abs, err := filepath.Abs(g)
			if err != nil {
				return nil, fmt.Errorf("exclude %s: %w", g, err)
			}
			elems = elements(abs)
		}
		for _, e := range elems {
			if _, err := path.Match(e, ""); err != nil {
				return nil, fmt.Errorf("exclude %s: %w", g, err)
			}
		}
		out = append(out, elems)
	}
	return out, nil
}

func (f *filter) excluded(p string) bool {
	if len(f.exclude) == 0 {
		return false
	}
	elems := elements(p)
	return slices.ContainsFunc(f.exclude, func(x []string) bool { return matchPath(x, elems) })
}

// follows reports whether p matches a pattern and is not excluded.
func (f *filter) follows(p string) bool {
	for _, x := range f.patterns {
		rel, ok := strings.CutPrefix(p, strings.TrimSuffix(x.base, "/")+"/")
		if ok && matchPath(x.rest, strings.Split(rel, "/")) {
			return !f.excluded(p)
		}
	}
	return false
}
