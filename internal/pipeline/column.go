package pipeline

import (
	"strings"
	"unicode/utf8"

	"shipper/internal/record"
)

// columnText returns the value of column i as text; no bytes if there is none.
func (w *Worker) columnText(i int) []byte { return w.fieldText(i, w.shape.fields[i]) }

// fieldText returns the value of column i, which is that field of the record,
// or, for -1, a label of the stream.
func (w *Worker) fieldText(i int, field int32) []byte {
	if field < 0 {
		return w.labels[i]
	}
	f := &w.b.FieldsOf(w.r)[field]
	if f.Kind == record.String {
		return w.b.Bytes(f.Val)
	}
	w.text = w.b.Text(w.text[:0], *f)
	return w.text
}

// useStream takes up the labels of the batch's stream.
func (w *Worker) useStream(s *record.Stream) {
	if s == w.stream {
		return
	}
	w.stream = s
	for i := range w.labels {
		w.labels[i] = nil
		for _, l := range s.Labels {
			if spells([]byte(l.Name), w.p.columns[i]) {
				w.labels[i] = []byte(l.Value)
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
