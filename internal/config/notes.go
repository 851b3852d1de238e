package config

import (
	"fmt"
	"net"
	"net/url"
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
	for _, o := range c.Outputs {
		if o.Auth != (Auth{}) && strings.HasPrefix(o.URL(), "http:") && !local(o.URL()) {
			notes = append(notes, fmt.Sprintf("output %s: the credentials go over the network in clear text: use an https url", o.Name))
		}
	}
	return notes
}

// local reports whether a URL's host is this one.
func local(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
