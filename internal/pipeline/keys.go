package pipeline

import (
	"encoding/binary"

	"shipper/internal/record"
)

// keys remembers what the rules have to do with attribute names, which repeat:
// mostly a record has those of the one before it in the same places.
type keys struct {
	p     *Pipeline
	known map[string]*key
	last  [64]lastKey // by the attribute's place in the record
	keys  []*key      // of the record that is looked at, if valid
	valid bool
}

// of returns the keys of r's attributes. They are looked up once, until somebody
// says that they are not valid any more.
func (k *keys) of(b *record.Batch, r *record.Record) []*key {
	if k.valid {
		return k.keys
	}
	k.valid = true
	fs := b.FieldsOf(r)
	if cap(k.keys) < len(fs) {
		k.keys = make([]*key, 2*len(fs))
	}
	k.keys = k.keys[:len(fs)]
	arena := b.Arena
	for j := range fs {
		l, name := &k.last[j%len(k.last)], fs[j].Key
		if l.span == name && name.WellKnown() {
			k.keys[j] = l.key
			continue
		}
		// Nearly all names are short, and not at the end of the arena.
		if name.Len == l.span.Len && name.Len <= 8 && int(name.Off)+8 <= len(arena) &&
			binary.LittleEndian.Uint64(arena[name.Off:])&l.mask == l.head && l.key != nil {
			k.keys[j] = l.key
			continue
		}
		k.keys[j] = k.look(l, b, name)
	}
	return k.keys
}

// lastKey is the name that an attribute in its place had last.
type lastKey struct {
	key  *key
	span record.Span
	head uint64 // the first 8 bytes of the name
	mask uint64 // of them, those that there are
	name []byte
}

// key is what the rules have to do with an attribute's name.
type key struct {
	column   int       // that it is, or -1
	verdicts []verdict // by redactor
	special  uint64    // by the bits of redactors: there is more to do than to look at the value
}

// verdict is what a redactor does because of a name.
type verdict struct {
	action   int16 // with the value; -1: look at the value
	detector Detector
	secret   bool // there is a secret in the name itself
}

const (
	maxKeys   = 1024 // names remembered
	maxKeyLen = 128  // of one that is remembered
)

// look returns what is known of a name; the last one in its place was l.
func (k *keys) look(l *lastKey, b *record.Batch, name record.Span) *key {
	text := b.Bytes(name)
	if l.key != nil && string(l.name) == string(text) {
		l.span = name
		return l.key
	}
	found := k.known[string(text)]
	if found == nil {
		found = k.p.judge(text)
		if len(k.known) < maxKeys && len(text) <= maxKeyLen {
			k.known[string(text)] = found
		}
	}
	if len(text) <= maxKeyLen {
		var head [8]byte
		n := copy(head[:], text)
		l.span, l.name, l.key = name, append(l.name[:0], text...), found
		l.head, l.mask = binary.LittleEndian.Uint64(head[:]), 1<<(8*n)-1
	}
	return found
}

// judge works out what the rules have to do with a name.
func (p *Pipeline) judge(name []byte) *key {
	k := &key{column: -1}
	for i, label := range p.columns {
		if spells(name, label) {
			k.column = i
		}
	}
	for _, r := range p.redactors {
		v := r.judge(name)
		k.verdicts = append(k.verdicts, v)
		if v.action >= 0 || v.secret {
			k.special |= r.bit
		}
	}
	return k
}

func (r *redactor) judge(name []byte) verdict {
	v := verdict{action: -1, secret: len(r.find(nil, name)) > 0}
	if r.on[Password] && isSecretName(name) {
		v.action, v.detector = int16(r.actions[Password]), Password
	}
	if r.names != nil {
		if i := r.names.find(name); i >= 0 && (v.action < 0 || int16(i) < v.action) {
			v.action, v.detector = int16(i), Named
		}
	}
	return v
}
