package config

import (
	"path/filepath"
	"strings"

	"shipper/internal/tail"
)

// glob is a path, or a glob, made absolute and cut into its elements. Links
// are not followed.
type glob []string

func split(p string) glob {
	if abs, err := filepath.Abs(p); err == nil {
		p = abs
	}
	return strings.Split(strings.TrimPrefix(p, "/"), "/")
}

// exclusion is split for the exclude list, where a glob without a slash is for
// names in any directory.
func exclusion(p string) glob {
	if !strings.Contains(p, "/") {
		return glob{"**", p}
	}
	return split(p)
}

func splitAll(ps []string, split func(string) glob) []glob {
	globs := make([]glob, len(ps))
	for i, p := range ps {
		globs[i] = split(p)
	}
	return globs
}

// match reports whether g matches the whole of path. Of two globs g.match(h)
// is true only if g matches all that h matches.
func (g glob) match(path glob) bool {
	return tail.MatchElements(g, path, func(pattern, name string) bool {
		ok, err := filepath.Match(pattern, name)
		return ok && err == nil && name != "**"
	})
}

// reachesInto reports whether g can match a file in or below dir.
func (g glob) reachesInto(dir glob) bool {
	for n := range g {
		if g[:n].match(dir) || g[n] == "**" && g[:n+1].match(dir) {
			return true
		}
	}
	return false
}

// covers reports whether g matches every file in dir.
func (g glob) covers(dir glob) bool {
	for n := len(g) - 1; n > 0 && strings.Trim(g[n], "*") == ""; n-- {
		if g[:n].match(dir) {
			return true
		}
	}
	return false
}
