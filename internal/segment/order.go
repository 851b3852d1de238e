package segment

// order is the order of rows by time: a merge sort of the runs that are in
// order already, which are few, as each batch mostly is one.
type order struct {
	rows        []uint32 // empty if they are in order
	inverse     []uint32 // place of each row
	next        []uint32
	runs, fewer []int
}

func (o *order) sort(times []int64) {
	o.rows, o.inverse, o.runs = o.rows[:0], o.inverse[:0], append(o.runs[:0], 0)
	for i := 1; i < len(times); i++ {
		if times[i] < times[i-1] {
			o.runs = append(o.runs, i)
		}
	}
	if len(o.runs) == 1 {
		return
	}
	for i := range times {
		o.rows = append(o.rows, uint32(i))
	}
	for len(o.runs) > 1 {
		o.pass(times)
	}
	if cap(o.inverse) < len(times) {
		o.inverse = make([]uint32, len(times))
	}
	o.inverse = o.inverse[:len(times)]
	for i, row := range o.rows {
		o.inverse[row] = uint32(i)
	}
}

// pass merges each two neighbouring runs.
func (o *order) pass(times []int64) {
	o.next, o.fewer = o.next[:0], o.fewer[:0]
	for i := 0; i < len(o.runs); i += 2 {
		o.fewer = append(o.fewer, len(o.next))
		a := o.rows[o.runs[i]:o.end(i)]
		if i+1 == len(o.runs) {
			o.next = append(o.next, a...)
			break
		}
		b := o.rows[o.runs[i+1]:o.end(i+1)]
		for len(a) > 0 && len(b) > 0 {
			if times[b[0]] < times[a[0]] {
				o.next = append(o.next, b[0])
				b = b[1:]
			} else {
				o.next = append(o.next, a[0])
				a = a[1:]
			}
		}
		o.next = append(append(o.next, a...), b...)
	}
	o.rows, o.next = o.next, o.rows
	o.runs, o.fewer = o.fewer, o.runs
}

func (o *order) end(run int) int {
	if run+1 < len(o.runs) {
		return o.runs[run+1]
	}
	return len(o.rows)
}
