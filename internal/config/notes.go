package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Notes returns what is valid and still looks odd on this machine: directories
// that do not exist yet. The agent finds them once they do.
func (c *Config) Notes() []string {
	var notes []string
	for _, in := range c.Inputs {
		if in.File == nil {
			continue
		}
		for _, p := range in.File.Paths {
			dir := filepath.Dir(p)
			for strings.ContainsAny(dir, `*?[\`) {
				dir = filepath.Dir(dir)
			}
			if _, err := os.Stat(dir); err != nil {
				notes = append(notes, fmt.Sprintf("input %s: nothing in %s can be read now: %s", in.Name, p, err))
			}
		}
	}
	return notes
}
