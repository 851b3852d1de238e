package pipeline

import "shipper/internal/record"

// keys remembers what the rules have to do with attribute names, which repeat:
// mostly a record has those of the one before it in the same places.
type keys struct {
	p     *Pipeline
	known map[string]*key
	last  [64]struct { // by the attribute's place in the record
		span record.Span
		name []byte
		key  *key
	}
}

// key is what the rules have to do with an attribute's name.
type key struct {
	column   int // that it is, or -1
	verdicts []verdict
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
	if l.span == name && name.WellKnown() {
		return l.key
	}
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
		l.span, l.name, l.key = name, append(l.name[:0], text...), found
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
		k.verdicts = append(k.verdicts, r.judge(name))
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
