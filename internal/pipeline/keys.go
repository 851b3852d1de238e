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
	plain    []bool    // by redactor: there is no more to do than to look at the value
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

// look returns what is known of the name of a record's j-th attribute.
func (k *keys) look(b *record.Batch, j int, name record.Span) *key {
	l := &k.last[j%len(k.last)]
	if name.WellKnown() {
		if l.span == name {
			return l.key
		}
	} else if name.Len == l.span.Len && int(name.Off)+8 <= len(b.Arena) && l.key != nil &&
		binary.LittleEndian.Uint64(b.Arena[name.Off:])&l.mask == l.head &&
		(name.Len <= 8 || string(b.Arena[name.Off:name.Off+name.Len]) == string(l.name)) {
		return l.key
	}
	return k.find(l, b, name)
}

// find is look for a name that is not the last one.
func (k *keys) find(l *lastKey, b *record.Batch, name record.Span) *key {
	text := b.Bytes(name)
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
		k.plain = append(k.plain, v.action < 0 && !v.secret)
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
