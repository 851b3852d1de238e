package pipeline

import "shipper/internal/record"

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

// keyOf returns what the rules have to do with a name. It remembers most.
func (w *Worker) keyOf(name []byte) *key {
	k := w.known[string(name)]
	if k == nil {
		k = w.p.judge(name)
		if len(w.known) < maxKeys && len(name) <= maxKeyLen {
			w.known[string(name)] = k
		}
	}
	return k
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

// shape is what the rules have to do with records that have the same attribute
// names in the same order, as most of a batch have: it is worked out once.
type shape struct {
	known  bool
	keys   []*key  // of the fields
	fields []int32 // by column, the field that it is, or -1
	rules  []int32 // that can match
}

// useShapes takes up the shapes of a batch.
func (w *Worker) useShapes(b *record.Batch) {
	w.shapeOf = b.Shapes()
	for i := range w.shapes {
		w.shapes[i].known = false
	}
}

// shapeOfRecord returns the shape of the record that w looks at, which was not
// changed yet.
func (w *Worker) shapeOfRecord() *shape {
	n := int(w.shapeOf[w.i])
	for n >= len(w.shapes) {
		w.shapes = append(w.shapes, shape{})
	}
	s := &w.shapes[n]
	if s.known {
		return s
	}
	s.known = true
	w.fill(s)
	s.rules = s.rules[:0]
	for i := range w.p.rules {
		if w.possible(&w.p.rules[i].test, s) {
			s.rules = append(s.rules, int32(i))
		}
	}
	return s
}

// changed says that the record's attributes are not those of its shape any more.
func (w *Worker) changed() {
	w.b.Reshape()
	w.fill(&w.own)
	w.own.rules = w.all
	w.shape = &w.own
}

// fill looks up the names of the record that w looks at. Of two with one name
// the later counts.
func (w *Worker) fill(s *shape) {
	s.keys, s.fields = s.keys[:0], s.fields[:0]
	for range w.p.columns {
		s.fields = append(s.fields, -1)
	}
	for j, f := range w.b.FieldsOf(w.r) {
		k := w.keyOf(w.b.Bytes(f.Key))
		s.keys = append(s.keys, k)
		if k.column >= 0 {
			s.fields[k.column] = int32(j)
		}
	}
}

// possible reports whether any record of a shape can satisfy t. What a record
// does not have, another of its shape has not either.
func (w *Worker) possible(t *test, s *shape) bool {
	switch t.what {
	case attribute:
		return s.fields[t.column] >= 0 || w.attribute(t, -1)
	case allOf:
		for i := range t.parts {
			if !w.possible(&t.parts[i], s) {
				return false
			}
		}
	}
	return true
}
