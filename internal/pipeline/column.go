package pipeline

import (
	"strings"
	"unicode/utf8"

	"shipper/internal/record"
)

// value is where a column's value of the record is: a field, or else a label of
// the stream.
type value struct {
	field int32  // of the record; -1: label
	text  []byte // of the field, if it is a string
	label []byte
}

// columnValue returns column i of the record that w looks at. All columns are
// looked up together, once for each record that needs any.
func (w *Worker) columnValue(i int) *value {
	if !w.known {
		w.known = true
		w.findColumns()
	}
	return &w.values[i]
}

// findColumns goes over the record's fields once. Of two with one name the later counts.
func (w *Worker) findColumns() {
	for i := range w.values {
		w.values[i].field = -1
	}
	fs := w.b.FieldsOf(w.r)
	for j, k := range w.keys.of(w.b, w.r) {
		if i := k.column; i >= 0 {
			v, f := &w.values[i], &fs[j]
			v.field, v.text = int32(j), nil
			if f.Kind == record.String {
				v.text = w.b.Bytes(f.Val)
			}
		}
	}
}

// columnText returns a column's value as text; no bytes if there is none.
func (w *Worker) columnText(v *value) []byte {
	if v.field < 0 {
		return v.label
	}
	if v.text != nil {
		return v.text
	}
	w.text = w.b.Text(w.text[:0], w.b.FieldsOf(w.r)[v.field])
	return w.text
}

// useStream takes up the labels of the batch's stream.
func (w *Worker) useStream(s *record.Stream) {
	if s == w.stream {
		return
	}
	w.stream = s
	for i := range w.values {
		w.values[i].label = nil
		for _, l := range s.Labels {
			if spells([]byte(l.Name), w.p.columns[i]) {
				w.values[i].label = []byte(l.Value)
			}
		}
	}
}

// labelName returns the LogQL spelling of an attribute's name.
func labelName(name string) string {
	var b strings.Builder
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		b.WriteByte('_')
	}
	for _, r := range name {
		if r < 0x80 && word[byte(r)] {
			b.WriteByte(byte(r))
		} else {
			b.WriteByte('_')
		}
	}
	return b.String()
}

// spells reports whether label is the LogQL spelling of name.
func spells(name []byte, label string) bool {
	if len(name) == 0 || name[0] >= '0' && name[0] <= '9' {
		if label == "" || label[0] != '_' {
			return false
		}
		label = label[1:]
	}
	for i := 0; i < len(name); {
		c, size := name[i], 1
		if c >= utf8.RuneSelf {
			_, size = utf8.DecodeRune(name[i:])
		}
		if !word[c] {
			c = '_'
		}
		if label == "" || label[0] != c {
			return false
		}
		i += size
		label = label[1:]
	}
	return label == ""
}

// word are the characters of LogQL's names.
var word = func() (t [256]bool) {
	for _, c := range []byte("_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()
