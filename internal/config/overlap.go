package config

import (
	"fmt"
	"path/filepath"
	"slices"
)

// apartFromData refuses globs that reach into the agent's own directory: it
// would ship what it stores.
func (c *Config) apartFromData(b *binder) {
	if c.DataDir == "" {
		return
	}
	for i, in := range c.Inputs {
		if in.File == nil {
			continue
		}
		for j, p := range in.File.Paths {
			if split(p).reachesInto(split(c.DataDir)) && !slices.ContainsFunc(in.File.Exclude, func(e string) bool { return exclusion(e).covers(split(c.DataDir)) }) {
				b.fail(fmt.Sprintf("inputs[%d].file.paths[%d]", i, j),
					"%q reaches into data_dir, %s; put data_dir elsewhere or exclude %q", p, c.DataDir, filepath.Join(c.DataDir, "**"))
			}
		}
	}
}

// readOnce refuses a glob whose files another input reads too: each of them
// would be shipped twice.
func (c *Config) readOnce(b *binder) {
	paths, excludes := make([][]glob, len(c.Inputs)), make([][]glob, len(c.Inputs))
	for i, in := range c.Inputs {
		if in.File != nil {
			paths[i], excludes[i] = splitAll(in.File.Paths, split), splitAll(in.File.Exclude, exclusion)
		}
	}
	for i := range paths {
		for j, p := range paths[i] {
			at := fmt.Sprintf("inputs[%d].file.paths[%d]", i, j)
			covers := func(g glob) bool { return g.match(p) }
			for k := range paths {
				if i == k || b.faulty(at) || slices.ContainsFunc(excludes[k], covers) {
					continue
				}
				// Of two equal globs only the later is named.
				if slices.ContainsFunc(paths[k], func(g glob) bool { return g.match(p) && (k < i || !p.match(g)) }) {
					b.fail(at, "%q is read by inputs[%d] already; remove it, or add it to the exclude list of inputs[%[2]d]", c.Inputs[i].File.Paths[j], k)
				}
			}
		}
	}
}

// Follows returns the name of the first file input that reads the file at path.
// An agent whose own log is such a file would ship its log's growth for ever.
func (c *Config) Follows(path string) (input string, ok bool) {
	for _, in := range c.Inputs {
		if in.File == nil {
			continue
		}
		matches := func(g glob) bool { return g.match(split(path)) }
		if slices.ContainsFunc(splitAll(in.File.Paths, split), matches) && !slices.ContainsFunc(splitAll(in.File.Exclude, exclusion), matches) {
			return in.Name, true
		}
	}
	return "", false
}
