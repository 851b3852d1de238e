package segment

import "shipper/internal/record"

// class says what a column holds and whether its name is a member's number.
type class uint8

const (
	classMember class = iota
	classField        // an attribute of the record
	classLabel        // an attribute of its stream
	classes
)

// staged collects the values of one column, in the order in which rows come.
type staged struct {
	class  class
	kind   record.Kind
	member member
	name   string

	count  int      // rows that have a value
	last   int      // the last of them
	rows   []uint32 // all of them, once there is a row without
	sparse bool

	ints []int64 // Int and Bool
	text texts   // String, Number and JSON
	hex  []byte  // memberTrace, memberSpan
}

func (c *staged) reset() {
	c.count, c.last, c.rows, c.sparse = 0, -1, c.rows[:0], false
	c.ints, c.hex = c.ints[:0], c.hex[:0]
	c.text.reset()
}

// at notes that row has a value, and reports whether it is the row's first one.
func (c *staged) at(row int) bool {
	if row == c.last {
		return false
	}
	c.last = row
	if !c.sparse && row != c.count {
		c.sparse = true
		for i := range c.count {
			c.rows = append(c.rows, uint32(i))
		}
	}
	if c.sparse {
		c.rows = append(c.rows, uint32(row))
	}
	c.count++
	return true
}

// run notes that n rows from row on have a value.
func (c *staged) run(row, n int) {
	for i := row; i < row+n; i++ {
		c.at(i)
	}
}

// addInt adds a value; a second one in a row replaces the first.
func (c *staged) addInt(row int, n int64) {
	if c.at(row) {
		c.ints = append(c.ints, n)
	} else {
		c.ints[len(c.ints)-1] = n
	}
}

func (c *staged) addText(row int, v []byte) {
	if !c.at(row) {
		c.text.undo()
	}
	c.text.add(v)
}

// extent is a range of bytes of a texts.
type extent struct{ off, len uint32 }

// maxEntries is the number of values a dictionary can have. As a code it
// stands for a row without a value.
const maxEntries = 255

// texts collects texts. As long as there are few different ones each is kept
// once and has a code.
type texts struct {
	bytes   []byte
	all     []extent
	codes   []byte   // of all, while there are few
	entries []extent // by code
	slots   []uint8  // entry + 1 by hash, 0 is free
	many    bool
}

const textSlots = 512

func (t *texts) reset() {
	t.bytes, t.all, t.codes, t.many = t.bytes[:0], t.all[:0], t.codes[:0], false
	t.entries = t.entries[:0]
	clear(t.slots)
}

func (t *texts) get(e extent) []byte { return t.bytes[e.off : e.off+e.len] }

// undo takes the last value back. An entry may be left without a value, so
// there is no dictionary after it.
func (t *texts) undo() {
	t.all = t.all[:len(t.all)-1]
	t.many = true
}

func (t *texts) add(v []byte) {
	if t.many {
		t.all = append(t.all, t.keep(v))
		return
	}
	if n := len(t.codes); n > 0 {
		code := t.codes[n-1]
		if e := t.entries[code]; string(t.get(e)) == string(v) {
			t.all, t.codes = append(t.all, e), append(t.codes, code)
			return
		}
	}
	t.lookup(v)
}

// again adds the value added last another n times.
func (t *texts) again(n int) {
	for range n {
		t.all = append(t.all, t.all[len(t.all)-1])
	}
	if !t.many {
		for range n {
			t.codes = append(t.codes, t.codes[len(t.codes)-1])
		}
	}
}

func (t *texts) keep(v []byte) extent {
	e := extent{uint32(len(t.bytes)), uint32(len(v))}
	t.bytes = append(t.bytes, v...)
	return e
}

func (t *texts) lookup(v []byte) {
	if t.slots == nil {
		t.slots = make([]uint8, textSlots)
	}
	i := hash(v) % textSlots
	for ; t.slots[i] != 0; i = (i + 1) % textSlots {
		code := t.slots[i] - 1
		if e := t.entries[code]; string(t.get(e)) == string(v) {
			t.all, t.codes = append(t.all, e), append(t.codes, code)
			return
		}
	}
	e := t.keep(v)
	t.all = append(t.all, e)
	if len(t.entries) == maxEntries {
		t.many = true
		return
	}
	t.slots[i] = uint8(len(t.entries) + 1)
	t.codes = append(t.codes, uint8(len(t.entries)))
	t.entries = append(t.entries, e)
}
