package selector

import (
	"strconv"
	"strings"
	"time"
)

func (q *Query) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range q.Matchers {
		if i > 0 {
			b.WriteString(", ")
		}
		q.Matchers[i].write(&b)
	}
	b.WriteByte('}')
	for i := range q.Filters {
		b.WriteByte(' ')
		if f := &q.Filters[i]; f.onLine() {
			f.writeLine(&b)
		} else if f.first() == "drop" { // which is a stage behind "|"
			b.WriteString("| (")
			f.write(&b)
			b.WriteByte(')')
		} else {
			b.WriteString("| ")
			f.write(&b)
		}
	}
	return b.String()
}

// onLine reports whether c is a line filter.
func (c *Condition) onLine() bool {
	for _, cs := range [...][]Condition{c.And, c.Or} {
		if len(cs) > 0 {
			return cs[0].onLine()
		}
	}
	return c.Label == ""
}

// first returns the label that a label filter begins with when it is written, if
// it does not begin with a parenthesis.
func (c *Condition) first() string {
	for {
		switch {
		case len(c.Or) > 0:
			c = &c.Or[0]
		case len(c.And) > 0 && len(c.And[0].Or) > 0:
			return ""
		case len(c.And) > 0:
			c = &c.And[0]
		default:
			return c.Label
		}
	}
}

// writeLine writes a line filter, of which a combination says "or".
func (c *Condition) writeLine(b *strings.Builder) {
	any := append(c.And, c.Or...)
	if len(any) == 0 {
		any = []Condition{*c}
	}
	b.WriteString(any[0].Op.String())
	for i := range any {
		if i > 0 {
			b.WriteString(" or")
		}
		b.WriteByte(' ')
		b.WriteString(strconv.Quote(any[i].Value))
	}
}

// write writes a comparison of labels or a combination of them.
func (c *Condition) write(b *strings.Builder) {
	for i := range c.And {
		if i > 0 {
			b.WriteString(" and ")
		}
		if len(c.And[i].Or) == 0 {
			c.And[i].write(b)
			continue
		}
		b.WriteByte('(')
		c.And[i].write(b)
		b.WriteByte(')')
	}
	for i := range c.Or {
		if i > 0 {
			b.WriteString(" or ")
		}
		c.Or[i].write(b)
	}
	if len(c.And)+len(c.Or) > 0 {
		return
	}
	b.WriteString(c.Label)
	if c.Unit == Text {
		b.WriteString(c.Op.String())
		b.WriteString(strconv.Quote(c.Value))
		return
	}
	b.WriteByte(' ')
	b.WriteString(c.Op.String())
	b.WriteByte(' ')
	b.WriteString(c.Value)
}

func (r *Range) String() string {
	offset := ""
	if r.Offset != 0 {
		offset = " offset " + duration(r.Offset)
	}
	return string(r.Function) + "(" + r.Query.String() + " [" + duration(r.Window) + "]" + offset + ")"
}

func (a *Aggregation) String() string {
	group, k := "", ""
	switch {
	case a.Without:
		group = " without (" + strings.Join(a.Labels, ", ") + ") "
	case len(a.Labels) > 0:
		group = " by (" + strings.Join(a.Labels, ", ") + ") "
	}
	if a.K > 0 {
		k = strconv.Itoa(a.K) + ", "
	}
	return string(a.Aggregator) + group + "(" + k + a.Of.String() + ")"
}

func (s Scalar) String() string {
	return "vector(" + strconv.FormatFloat(float64(s), 'g', -1, 64) + ")"
}

// duration writes d as people do: 5m where Go has 5m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
