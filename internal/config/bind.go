package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxNodes bounds a file's tree once its aliases are followed.
const maxNodes = 10_000

type place struct{ line, col int }

// binder fills a struct tree from a YAML tree and notes every fault, and where
// each value stands for the checks that follow.
type binder struct {
	file   string
	env    func(string) (string, bool)
	at     map[string]place // by path
	meant  map[string]bool  // paths that a misspelt key was probably meant for
	bad    map[string]bool  // paths of errors
	nodes  int
	errors Errors
}

// fail notes a fault of the value at path.
func (b *binder) fail(path, format string, args ...any) {
	at, ok := b.at[path]
	for p := path; !ok; at, ok = b.at[p] {
		p = parent(p)
	}
	b.note(&Error{b.file, at.line, at.col, path, fmt.Sprintf(format, args...)})
}

// missing notes that the value at path, which is of the given kind, is not there.
func (b *binder) missing(path, kind string) {
	if b.faulty(path) || b.meant[path] {
		return
	}
	b.fail(path, "is missing; it is %s", kind)
}

// notEmpty notes a value that is written down and empty, such as that of a
// variable that somebody forgot to fill.
func (b *binder) notEmpty(path, value string) {
	if _, written := b.at[path]; written && value == "" && !b.faulty(path) {
		b.fail(path, "is empty; give it a value or remove it")
	}
}

// faulty reports whether a fault of the value at path is noted already.
func (b *binder) faulty(path string) bool { return b.bad[path] }

// parent returns the path of what holds the value at path.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

func (b *binder) failAt(n *yaml.Node, path, format string, args ...any) {
	b.note(&Error{b.file, n.Line, n.Column, path, fmt.Sprintf(format, args...)})
}

func (b *binder) note(e *Error) {
	b.errors = append(b.errors, e)
	b.bad[e.Path] = true
}

// bind sets v from n.
func (b *binder) bind(n *yaml.Node, v reflect.Value, path string) {
	b.at[path] = place{n.Line, n.Column}
	if !b.count(n, path) {
		return
	}
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		b.bindStruct(n, v.Elem(), path)
	case reflect.Struct:
		b.bindStruct(n, v, path)
	case reflect.Slice:
		b.bindList(n, v, path)
	case reflect.Map:
		b.bindMap(n, v, path)
	default:
		if text, ok := b.scalar(n, path); ok {
			b.set(v, text, path)
		}
	}
}

// count counts the value n, and reports whether it is not one too many.
func (b *binder) count(n *yaml.Node, path string) bool {
	if b.nodes++; b.nodes == maxNodes+1 {
		b.failAt(n, path, "more than %d values from here on; look for aliases (*name) that multiply", maxNodes)
	}
	return b.nodes <= maxNodes
}

func (b *binder) bindStruct(n *yaml.Node, v reflect.Value, path string) {
	if d, ok := v.Addr().Interface().(defaulter); ok {
		d.setDefaults()
	}
	keys := keysOf(v.Type())
	if n.Kind != yaml.MappingNode {
		if n.Tag == "!!null" && path != "" {
			return // "stdin:" alone is an empty mapping
		}
		b.failAt(n, path, "is %s; it must be a mapping with the keys %s", describe(n), strings.Join(keys, ", "))
		return
	}
	b.pairs(n, path, func(key, value *yaml.Node) {
		at := join(path, key.Value)
		for i, k := range keys {
			if k == key.Value {
				b.bind(value, v.Field(i), at)
				if value.Kind != yaml.ScalarNode {
					b.at[at] = place{key.Line, key.Column}
				}
				return
			}
		}
		if !b.count(key, at) {
			return
		}
		if near := nearest(key.Value, keys); near != "" {
			b.meant[join(path, near)] = true
			b.failAt(key, at, "unknown key; did you mean %q?", near)
			return
		}
		b.failAt(key, at, "unknown key; known here: %s", strings.Join(keys, ", "))
	})
}

// defaulter is a struct whose zero value is not its default.
type defaulter interface{ setDefaults() }

// keysOf returns the keys of a struct's fields in order.
func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("yaml")
	}
	return keys
}

func (b *binder) bindList(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		hint := `write each item on a line of its own after "- "`
		if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
			hint = fmt.Sprintf("write [%q]", n.Value)
		}
		b.failAt(n, path, "is %s; it must be a list: %s", describe(n), hint)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		b.bind(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (b *binder) bindMap(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		b.failAt(n, path, "is %s; it must be a mapping of names to values", describe(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	b.pairs(n, path, func(key, value *yaml.Node) {
		at := join(path, key.Value)
		if !b.count(value, at) {
			return
		}
		b.at[at] = place{value.Line, value.Column}
		for value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if text, ok := b.scalar(value, at); ok {
			v.SetMapIndex(reflect.ValueOf(key.Value), reflect.ValueOf(text))
		}
	})
}

// pairs calls fn for each key of a mapping, once.
func (b *binder) pairs(n *yaml.Node, path string, fn func(key, value *yaml.Node)) {
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			b.failAt(key, path, "a key is %s; it must be a word", describe(key))
		case key.Tag == "!!merge":
			b.failAt(key, path, "merge keys (<<) are not supported; write the keys out")
		case first[key.Value] != 0:
			b.failAt(key, join(path, key.Value), "is there twice, first in line %d; remove one", first[key.Value])
		default:
			first[key.Value] = key.Line
			fn(key, n.Content[i+1])
		}
	}
}

// scalar returns the text of a single value, environment variables replaced.
func (b *binder) scalar(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		b.failAt(n, path, "is %s; it must be a single value", describe(n))
		return "", false
	}
	text, err := expand(n.Value, b.env)
	if err != nil {
		b.failAt(n, path, "%s", err)
		return "", false
	}
	return text, true
}

func (b *binder) set(v reflect.Value, text, path string) {
	switch v.Interface().(type) {
	case Bytes:
		size, err := ParseBytes(text)
		if err != nil {
			b.fail(path, "%s", err)
		}
		v.SetInt(int64(size))
	case Duration:
		d, err := ParseDuration(text)
		if err != nil {
			b.fail(path, "%s", err)
		}
		v.SetInt(int64(d))
	case bool:
		if text != "true" && text != "false" {
			b.fail(path, "%q is neither true nor false", text)
		}
		v.SetBool(text == "true")
	case float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			b.fail(path, "%q is not a number", text)
		}
		v.SetFloat(n)
	default:
		v.SetString(text)
	}
}

func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "empty"
	}
	return "a single value"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
