package record

import "testing"

func TestASCII(t *testing.T) {
	stream := &Stream{ID: "a"}
	decoded := func(bodies []string, values []string) *Batch {
		b := new(Batch)
		b.Reset(stream, nil)
		for i, body := range bodies {
			r := b.Begin()
			r.Body = b.AddString(body)
			b.AddField(Field{Key: Name("rows"), Val: b.AddString(values[i])})
		}
		form := b.Append(nil)
		got := new(Batch)
		if _, err := got.Decode(form); err != nil {
			t.Fatal(err)
		}
		return got
	}
	long := "a body that has more than thirty-two bytes, and some more"
	for _, c := range []struct {
		what           string
		bodies, values []string
		want           bool
	}{
		{"none", nil, nil, true},
		{"plain", []string{"one", "two", long}, []string{"x", "y", "z"}, true},
		{"plain, at the end", []string{"one", "two", long + "\u00e9"}, []string{"x", "y", "z"}, false},
		{"plain, in the middle", []string{"one", "\u00e9" + long, "three"}, []string{"x", "y", "z"}, false},
		{"plain, not UTF-8", []string{"one", "two", "\xff"}, []string{"x", "y", "z"}, false},
		{"dictionary", []string{"a", "a", "a", "a"}, []string{"x", "x", "x", "x"}, true},
		{"dictionary, a field", []string{"a", "a", "a", "a"}, []string{"\u00e9", "\u00e9", "\u00e9", "\u00e9"}, false},
		{"hex", []string{"0123456789abcdef", "0123456789abcde0", "0123456789abcde1"}, []string{"x", "y", "z"}, true},
	} {
		if got := decoded(c.bodies, c.values).ASCII(); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	b := decoded([]string{"a"}, []string{"x"})
	b.Reset(stream, nil)
	if b.ASCII() {
		t.Error("a batch that is filled anew says it is ASCII")
	}
}
