package pipeline

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Action is what becomes of a secret.
type Action uint8

// The actions.
const (
	Mask  Action = iota // every byte becomes an asterisk
	Drop                // the attribute goes, of a body the secret
	Token               // tok_<key ID>_<16 hex digits>, the same for the same secret and key
)

// Redaction is what is found and what becomes of it. A secret that several find
// goes to the first one.
type Redaction struct {
	Detect     []string // names of detectors, or All
	Regexps    []string // RE2; if one has a group, the first group is the secret
	Attributes []string // names of attributes whose values are secret; "*" stands for any number of characters, case does not matter
	Action     Action
	Key        Key // of Token
}

// Key is the key of tokens. ID is part of each token, so that keys can be
// changed; letters and digits.
type Key struct {
	ID     string
	Secret []byte
}

// minSecret is the least length of a key: shorter ones can be guessed.
const minSecret = 16

// redactor is a compiled list of Redactions. It is safe for concurrent use.
type redactor struct {
	scanner
	actions [detectors]uint8 // numbers of todo
	regexps []custom
	names   *names // nil: none; the ids are numbers of todo
	todo    []Redaction
	number  int    // in Pipeline.redactors
	bit     uint64 // in key.special; beyond 63 they share one
}

type custom struct {
	re     *regexp.Regexp
	action uint8
}

// maxRedactions bounds a list.
const maxRedactions = 100

// newRedactor compiles a list, which may be empty: then it returns nil.
func (p *Pipeline) newRedactor(list []Redaction, path string) (*redactor, error) {
	if len(list) == 0 {
		return nil, nil
	}
	if len(list) > maxRedactions {
		return nil, &Error{path, fmt.Errorf("more than %d entries", maxRedactions)}
	}
	r := &redactor{todo: list, number: len(p.redactors), bit: 1 << min(len(p.redactors), 63)}
	for i := range list {
		if err := r.add(uint8(i), &list[i], fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return nil, err
		}
	}
	p.redactors = append(p.redactors, r)
	return r, nil
}

func (r *redactor) add(i uint8, c *Redaction, path string) error {
	if len(c.Detect)+len(c.Regexps)+len(c.Attributes) == 0 {
		return &Error{path, errors.New("says nothing to redact: name detectors, attributes or regular expressions")}
	}
	if c.Action == Token {
		if c.Key.ID == "" || strings.Trim(c.Key.ID, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || len(c.Key.ID) > 16 {
			return &Error{path + ".key_id", errors.New("must be 1 to 16 letters and digits")}
		}
		if len(c.Key.Secret) < minSecret {
			return &Error{path + ".key", fmt.Errorf("must have at least %d bytes", minSecret)}
		}
	}
	for j, name := range c.Detect {
		if err := r.detect(name, i); err != nil {
			return &Error{fmt.Sprintf("%s.detect[%d]", path, j), err}
		}
	}
	for j, text := range c.Regexps {
		re, err := regexp.Compile(text)
		if err == nil && re.MatchString("") {
			err = errors.New("matches the empty text")
		}
		if err != nil {
			return &Error{fmt.Sprintf("%s.regexps[%d]", path, j), err}
		}
		r.regexps = append(r.regexps, custom{re, i})
	}
	if len(c.Attributes) > 0 && r.names == nil {
		r.names = newNames()
	}
	for j, text := range c.Attributes {
		if text == "" {
			return &Error{fmt.Sprintf("%s.attributes[%d]", path, j), errors.New("an attribute without a name")}
		}
		r.names.add(text, int(i))
	}
	return nil
}

// detect turns detectors on, those that an earlier entry has stay its own.
func (r *redactor) detect(name string, action uint8) error {
	names := DetectorNames()
	if name == All {
		for d := range Custom {
			r.turnOn(d, action)
		}
		return nil
	}
	d := slices.Index(names, name)
	if d < 0 {
		return fmt.Errorf("there is no detector %q; there are %s", name, strings.Join(names, ", "))
	}
	r.turnOn(Detector(d), action)
	return nil
}

func (r *redactor) turnOn(d Detector, action uint8) {
	if !r.on[d] {
		r.enable(d)
		r.actions[d] = action
	}
}

// find appends the secrets in v to dst, in order; they do not overlap.
func (r *redactor) find(dst []match, v []byte) []match {
	dst = r.scan(dst, v)
	for i := range dst {
		dst[i].action = r.actions[dst[i].detector]
	}
	if len(r.regexps) == 0 {
		return dst
	}
	n := len(dst)
	for _, c := range r.regexps {
		if !c.re.Match(v) {
			continue
		}
		for _, m := range c.re.FindAllSubmatchIndex(v, -1) {
			if len(m) > 2 && m[2] >= 0 {
				m = m[2:]
			}
			if m[1] > m[0] {
				dst = append(dst, match{m[0], m[1], Custom, c.action})
			}
		}
	}
	if len(dst) > n {
		dst = sorted(dst)
	}
	return dst
}
