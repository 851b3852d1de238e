package pipeline

import "shipper/internal/record"

// change sets, renames and removes attributes of the record that w looks at.
func (w *Worker) change(r *rule) {
	for _, a := range r.set {
		w.setAttribute(a)
	}
	for _, c := range r.rename {
		if i := w.find(c.From); i >= 0 {
			w.removeAll(c.To)
			w.b.FieldsOf(w.r)[w.find(c.From)].Key = w.b.AddString(c.To)
		}
	}
	if r.remove != nil {
		for i := len(w.b.FieldsOf(w.r)) - 1; i >= 0; i-- {
			if r.remove.matches(w.b.Bytes(w.b.FieldsOf(w.r)[i].Key)) {
				w.b.Detach(w.r, i)
			}
		}
	}
	w.changed()
}

// find returns the number of the last attribute of that name, or -1.
func (w *Worker) find(name string) int {
	fs := w.b.FieldsOf(w.r)
	for i := len(fs) - 1; i >= 0; i-- {
		if string(w.b.Bytes(fs[i].Key)) == name {
			return i
		}
	}
	return -1
}

func (w *Worker) removeAll(name string) {
	for i := w.find(name); i >= 0; i = w.find(name) {
		w.b.Detach(w.r, i)
	}
}

func (w *Worker) setAttribute(a Attribute) {
	val := w.b.AddString(a.Value)
	if i := w.find(a.Name); i >= 0 {
		f := &w.b.FieldsOf(w.r)[i]
		f.Kind, f.Val = record.String, val
		return
	}
	w.b.Attach(w.r, record.Field{Key: w.b.AddString(a.Name), Val: val})
}
