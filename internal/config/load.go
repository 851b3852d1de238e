package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// maxFileBytes bounds a configuration file. A real one is a few KiB.
const maxFileBytes = 1 << 20

// Load reads the file at path. A fault of the file's contents is an Errors.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(filepath.ToSlash(path), data, os.LookupEnv)
}

// Parse reads a configuration from data. file is only named in errors, which
// are always an Errors. env looks up environment variables.
func Parse(file string, data []byte, env func(name string) (string, bool)) (*Config, error) {
	root, fault := parse(data)
	if fault != nil {
		fault.File = file
		return nil, Errors{fault}
	}
	c := new(Config)
	b := binder{file: file, env: env, at: make(map[string]place), meant: make(map[string]bool), bad: make(map[string]bool)}
	b.bind(root, reflect.ValueOf(c).Elem(), "")
	if !b.faulty("") && b.nodes <= maxNodes {
		c.validate(&b)
	}
	if len(b.errors) > 0 {
		b.errors.sort()
		return nil, b.errors
	}
	for i := range c.Inputs {
		c.Inputs[i].Zone = cmp.Or(c.Inputs[i].Zone, c.Zone)
	}
	return c, nil
}

// expand replaces ${NAME} by the variable's value, ${file:PATH} by what the
// file holds, and ${credential:NAME} by what the systemd credential of that name
// holds; $${ stands for a literal ${.
func expand(s string, env func(string) (string, bool)) (string, error) {
	if !strings.Contains(s, "${") {
		return s, nil
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "${")
		if !found {
			b.WriteString(s)
			return b.String(), nil
		}
		if literal, ok := strings.CutSuffix(before, "$"); ok {
			b.WriteString(literal)
			b.WriteString("${")
			s = after
			continue
		}
		b.WriteString(before)
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", errors.New(`"${" without "}"; write $${ for a literal ${`)
		}
		v, err := lookup(name, env)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
		s = rest
	}
}

// lookup returns what ${name} stands for.
func lookup(name string, env func(string) (string, bool)) (string, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		return readSecret(path)
	}
	if credential, ok := strings.CutPrefix(name, "credential:"); ok {
		dir, ok := env("CREDENTIALS_DIRECTORY")
		switch {
		case !ok:
			return "", fmt.Errorf("${%s}: systemd has set no CREDENTIALS_DIRECTORY; add LoadCredential=%s:PATH to the unit", name, credential)
		case credential == "" || credential != filepath.Base(credential):
			return "", fmt.Errorf("${%s}: %q is not the name of a credential", name, credential)
		}
		return readSecret(filepath.Join(dir, credential))
	}
	if !isVariable(name) {
		return "", fmt.Errorf("${%s} is not the name of an environment variable; write $${ for a literal ${", name)
	}
	v, ok := env(name)
	if !ok {
		return "", fmt.Errorf("environment variable %s is not set", name)
	}
	return v, nil
}

// maxSecretBytes bounds a file that holds one value.
const maxSecretBytes = 64 << 10

// readSecret returns what the file holds, without a line break at its end.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	switch {
	case err != nil:
		return "", err
	case len(data) > maxSecretBytes:
		return "", fmt.Errorf("%s has more than 64 KiB; it must hold one value", path)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

func isVariable(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c < '0' || '9' < c) {
			return false
		}
	}
	return name != ""
}
