// Package frame finds the records in the bytes of one stream. Most records are
// one line. Those that span lines are joined: Go panics, goroutine dumps and
// race reports, Rust panics and error chains, and whatever follows a line with a
// time or another header and does not start a record itself. Lines that a
// container runtime wrapped are seen through.
//
// It is done in two steps. A Cutter finds the ends of units: runs of bytes that
// are one record, or several whose lines interleave. A Splitter makes records
// of a unit, from its bytes alone.
package frame

import "bytes"

// Options bound what a Cutter joins.
type Options struct {
	LineLimit int // a line of more bytes, newline included, is never joined with others; default MaxRecord
	MaxRecord int // bytes a unit of several lines may have; what exceeds them becomes the next one; default 1 MiB
}

// Cutter finds the ends of the units of one stream. It is not for concurrent
// use. What it remembers follows from the bytes and the flushes alone, so the
// same input is framed the same however it is split into calls.
type Cutter struct {
	lineLimit, maxRecord int

	start  state // at the start of the open record
	now    state // behind the last line that was judged
	judged int   // bytes of the open unit that were judged, whole lines
	looked int   // bytes behind those that hold no newline
	blank  int   // bytes of the blank lines that what was judged ends with

	wide width // of the characters

	// While lines interleave, or may, they are woven.
	weaving bool
	weave   weave
	origin  int // in weave's offsets, of the data of this call
	line    line
	text    []byte

	// Of this call.
	ends []int32
	from int // where the open unit starts
}

// state is what decides about the next line.
type state struct {
	mode   mode // of the open record
	resume mode // of the dump that was cut
}

// New returns a Cutter for the start of a stream.
func New(o Options) *Cutter {
	if o.MaxRecord <= 0 {
		o.MaxRecord = 1 << 20
	}
	if o.LineLimit <= 0 {
		o.LineLimit = o.MaxRecord
	}
	return &Cutter{lineLimit: o.LineLimit, maxRecord: o.MaxRecord}
}

// State returns what a new Cutter has to know to go on behind the last end: at
// most two bytes.
func (c *Cutter) State() []byte {
	if c.wide != narrow {
		return []byte{byte(c.wide)}
	}
	if c.start == (state{}) {
		return nil
	}
	return []byte{byte(c.start.mode), byte(c.start.resume)}
}

// Restore returns a Cutter that goes on where State was called. A state that
// did not come from State is that of the start of a stream.
func Restore(o Options, saved []byte) *Cutter {
	c := New(o)
	if len(saved) == 1 && width(saved[0]) < widths {
		c.wide = width(saved[0])
	}
	if len(saved) == 2 && mode(saved[0]) < modes && mode(saved[1]) < modes {
		c.start = state{mode(saved[0]), mode(saved[1])}
		c.now = c.start
	}
	return c
}

// Cut appends to ends the end offsets, terminators included, of the complete
// units in data, which starts where a unit does. Bytes behind the last end are
// unfinished: the caller presents them again, followed by more, in the next
// call. With flush, all complete lines left over are complete units: a time-out.
// With final, so is a last line without a newline.
func (c *Cutter) Cut(data []byte, ends []int32, flush, final bool) []int32 {
	if c.judged+c.looked > len(data) {
		c.now, c.judged, c.looked, c.blank, c.weaving = c.start, 0, 0, 0, false
	}
	c.ends, c.from = ends, 0
	at := c.judged
	for at < len(data) {
		if c.wide != narrow {
			next := c.wideLine(data, at, final)
			if next < 0 {
				break
			}
			at = next
			continue
		}
		i := bytes.IndexByte(data[at+c.looked:], '\n')
		end := at + c.looked + i + 1
		if i < 0 {
			c.looked = len(data) - at
			if c.looked > c.lineLimit && at > c.from {
				c.finish(at, none)
			}
			if !final {
				break
			}
			end = len(data)
		}
		c.looked = 0
		raw := data[at:end]
		if len(raw) > c.lineLimit && at > c.from {
			c.finish(at, none) // as it does when the line comes in pieces
		}
		if maybeWide(raw) && at == c.from && c.now == (state{}) && !c.weaving {
			if c.wide = widthOf(raw); c.wide != narrow {
				continue
			}
		}
		switch {
		case c.weaving:
			if resume, ok := c.weaves(raw, end); !ok {
				c.finish(at, resume)
				continue
			}
			c.weaveLine(raw, at, end)
		case wraps[raw[0]] && len(raw) <= c.lineLimit && wrapped(raw, &c.line) && (!c.line.weak || c.now.mode <= blanks || c.begins(raw)):
			if c.line.weak && c.now.mode > blanks {
				c.endAt(at - c.blank)
				c.close(state{mode: blanks})
			}
			if c.now.mode == blanks && terminators(data[c.from:at]) == at-c.from {
				c.close(state{}) // they go with it
			} else {
				c.finish(at, none)
			}
			if c.line.whole(raw) {
				c.endAt(end)
				break
			}
			c.begin(c.line.kind)
			c.weaveLine(raw, at, end)
		case c.now == (state{}) && alone[raw[0]] && len(raw) > 3 && raw[1] != '\r':
			c.endAt(end)
		case c.now.resume == none && (c.now.mode == header || c.now.mode == none) && timed(raw) && len(raw) <= c.lineLimit && c.blank+len(raw) <= c.maxRecord:
			// The most frequent case of judge.
			c.endAt(at - c.blank)
			c.start, c.now, c.blank = state{}, state{mode: header}, 0
		case c.now.mode.interruptible() && c.interrupts(raw, end):
			c.begin(plain)
			c.replay(data[:at])
			continue
		default:
			c.judge(raw, at, end)
		}
		at = end
	}
	return c.left(at, flush || final)
}

// left ends a call, up to an offset in its data; with flush, all that is open
// ends there.
func (c *Cutter) left(at int, flush bool) []int32 {
	if flush && at > c.from {
		resume := none
		switch {
		case c.weaving && c.wide == narrow:
			resume = c.weave.dumping()
		case c.now.mode.dump():
			resume = c.now.mode
		}
		c.finish(at, resume)
		if c.wide != narrow {
			c.looked = 0
		}
	}
	c.judged = at - c.from
	c.origin += c.from
	ends := c.ends
	c.ends = nil
	return ends
}

// endAt ends the open unit, if it has bytes, at an offset in the data of this call.
func (c *Cutter) endAt(at int) {
	if at > c.from {
		c.ends = append(c.ends, int32(at))
		c.from = at
	}
}

// finish ends all that is open; a dump of mode resume may go on behind it.
func (c *Cutter) finish(at int, resume mode) {
	if c.weaving {
		c.weave.closeAll()
		c.endUnits()
		c.weaving = false
	}
	c.endAt(at)
	c.close(state{resume: resume})
}

// close ends the open record; the next one starts in state s.
func (c *Cutter) close(s state) { c.start, c.now, c.blank = s, s, 0 }

// judge gives a line to the open record or to the next one.
func (c *Cutter) judge(raw []byte, at, end int) {
	if len(raw) > c.lineLimit {
		c.finish(at, none)
		c.endAt(end)
		return
	}
	if end-c.from > c.maxRecord && at > c.from {
		c.endAt(at)
		c.close(c.now) // the rest goes on as a record of the same kind
	}
	line := content(raw, c.now.mode, c.blank > 0)
	if len(line) == 0 {
		if c.now.mode.ends() {
			c.finish(end, none)
			return
		}
		if c.now.mode == none {
			c.now.mode = blanks
		}
		c.blank += len(raw)
		return
	}
	if c.now.mode > blanks {
		next, v := c.follow(line)
		switch v {
		case joins:
			c.now.mode, c.blank = next, 0
			return
		case closes:
			c.finish(end, none)
			return
		}
		c.endAt(at - c.blank)
		c.close(state{resume: c.interrupted(line)})
	}
	c.blank = 0
	if c.open(line) {
		c.endAt(end)
	}
}

// follow is what a line, which is not blank, does to the open record.
func (c *Cutter) follow(line []byte) (next mode, v verdict) {
	next, v = c.now.mode.follow(line, c.blank > 0)
	if v == joins && c.now.resume.resumes(line) {
		v = begins
	}
	return next, v
}

// begins reports whether a line begins a record behind the open one.
func (c *Cutter) begins(raw []byte) bool {
	_, v := c.follow(trimNUL(trimEnd(raw)))
	return v == begins
}

// interrupts reports whether a line comes between those of the open dump, from
// the start of which all is known.
func (c *Cutter) interrupts(raw []byte, end int) bool {
	line := content(raw, c.now.mode, c.blank > 0)
	if len(line) == 0 || c.start != (state{}) || len(raw) > c.lineLimit || end-c.from > c.maxRecord {
		return false
	}
	_, v := c.now.mode.follow(line, c.blank > 0)
	return v == begins
}

// begin starts weaving.
func (c *Cutter) begin(k kind) {
	c.weaving, c.origin = true, 0
	c.weave.reset(k)
}

// replay weaves the lines of the open unit, which were judged.
func (c *Cutter) replay(data []byte) {
	c.line = line{}
	for at := c.from; at < len(data); {
		end := lineEnd(data, at)
		c.weave.take(&c.line, data[at:end], at, end)
		at = end
	}
	c.endUnits()
}

// weaves reports whether a line can be woven with those before it, and if not,
// the dump that may go on behind it.
func (c *Cutter) weaves(raw []byte, end int) (resume mode, ok bool) {
	if len(raw) > c.lineLimit {
		return none, false
	}
	if end-c.from > c.maxRecord {
		return c.weave.dumping(), false
	}
	unwrapNext(raw, &c.line, &c.weave, c.origin+end)
	return none, c.line.kind == c.weave.kind
}

// weaveLine weaves c.line, and ends the units that are complete with it.
func (c *Cutter) weaveLine(raw []byte, at, end int) {
	text := c.line.text(c.text[:0], raw)
	if c.line.escape != unescaped {
		c.text = text[:0]
	}
	c.weave.take(&c.line, text, c.origin+at, c.origin+end)
	c.endUnits()
	if c.weave.idle() {
		c.weaving = false
		c.close(state{})
	} else if m, blank, ok := c.weave.sole(); ok {
		// A Cutter that starts at this record has nothing to weave it with.
		c.weaving = false
		c.close(state{})
		c.now.mode = m
		c.blank = c.origin + end - blank
	}
}

// endUnits ends the units that are complete.
func (c *Cutter) endUnits() {
	for at := c.weave.unit(); at >= 0; at = c.weave.unit() {
		c.endAt(at - c.origin)
	}
}

// interrupted returns the dump that may go on behind line, which ends the open record.
func (c *Cutter) interrupted(line []byte) mode {
	if c.now.mode.dump() {
		return c.now.mode
	}
	if c.now.resume.resumes(line) {
		return c.now.resume
	}
	return none
}

// open judges the first line of a record that is not blank. It reports whether
// the record is that line.
func (c *Cutter) open(line []byte) (single bool) {
	if r := c.now.resume; r.resumes(line) {
		c.now = state{mode: r}
		return false
	}
	m := first(line)
	if m > header || m == none && line[0] != '{' {
		c.now.resume = none
	}
	c.now.mode = m
	if m == none {
		c.start = c.now
	}
	return m == none
}

// terminators returns how many bytes of line ends are in front of text.
func terminators(text []byte) (n int) {
	for n < len(text) && (text[n] == '\n' || text[n] == '\r') {
		n++
	}
	return n
}

// lineEnd returns the end, terminator included, of the line at an offset in data.
func lineEnd(data []byte, at int) int {
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(data)
}

// content returns line without terminator and zeros before it. A line of blanks
// has none, unless it goes on with a record of mode m.
func content(line []byte, m mode, gap bool) []byte {
	line = trimNUL(trimEnd(line))
	if len(line) > 0 && isBlank(line) {
		if m <= blanks {
			return nil
		}
		if _, v := m.follow(line, gap); v == begins {
			return nil
		}
	}
	return line
}

// isBlank reports whether line is nothing but blanks.
func isBlank(line []byte) bool { return len(bytes.TrimLeft(line, " \t")) == 0 }

// trimNUL returns line without zeros before it, which a file has where it was
// truncated under its writer.
func trimNUL(line []byte) []byte {
	for len(line) > 0 && line[0] == 0 {
		line = line[1:]
	}
	return line
}

// trimEnd returns line without its terminator.
func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	for len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	return line
}
