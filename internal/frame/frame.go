// Package frame finds the ends of records in the bytes of one stream. Most
// records are one line. Those that span lines are joined: Go panics, goroutine
// dumps and race reports, Rust panics and error chains, and whatever follows a
// line with a time or another header and does not start a record itself.
package frame

import "bytes"

// Options bound what a Cutter joins.
type Options struct {
	LineLimit int // a line of more bytes, newline included, is never joined with others; default MaxRecord
	MaxRecord int // bytes a joined record may have; what exceeds them becomes the next record; default 1 MiB
}

// Cutter finds the ends of the records of one stream. It is not for concurrent
// use. What it remembers follows from the bytes and the flushes alone, so the
// same input is framed the same however it is split into calls.
type Cutter struct {
	lineLimit, maxRecord int

	start  state // at the start of the open record
	now    state // behind the last line that was judged
	judged int   // bytes of the open record that were judged, whole lines
	looked int   // bytes behind those that hold no newline
	blank  int   // bytes of the blank lines that what was judged ends with
}

// state is what decides about the next line.
type state struct {
	mode   mode // of the open record
	resume mode // of the dump that was interrupted
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
	if c.start == (state{}) {
		return nil
	}
	return []byte{byte(c.start.mode), byte(c.start.resume)}
}

// Restore returns a Cutter that goes on where State was called. A state that
// did not come from State is that of the start of a stream.
func Restore(o Options, saved []byte) *Cutter {
	c := New(o)
	if len(saved) == 2 && mode(saved[0]) < modes && mode(saved[1]) < modes {
		c.start = state{mode(saved[0]), mode(saved[1])}
		c.now = c.start
	}
	return c
}

// Cut appends to ends the end offsets, terminators included, of the complete
// records in data, which starts at a record start. Bytes behind the last end
// are unfinished: the caller presents them again, followed by more, in the next
// call. With flush, all complete lines left over are one record: a time-out.
// With final, so is a last line without a newline.
func (c *Cutter) Cut(data []byte, ends []int32, flush, final bool) []int32 {
	if c.judged+c.looked > len(data) {
		c.now, c.judged, c.looked, c.blank = c.start, 0, 0, 0
	}
	start, at := 0, c.judged
	for at < len(data) {
		i := bytes.IndexByte(data[at+c.looked:], '\n')
		end := at + c.looked + i + 1
		if i < 0 {
			c.looked = len(data) - at
			if c.looked > c.lineLimit && at > start {
				ends = append(ends, int32(at))
				start, c.blank = at, 0
				c.close(state{})
			}
			if !final {
				break
			}
			end = len(data)
		}
		c.looked = 0
		if c.now == (state{}) && alone[data[at]] {
			ends = append(ends, int32(end))
			start, at = end, end
			continue
		}
		if c.now.resume == none && (c.now.mode == header || c.now.mode == none) && timed(data[at:end]) && end-at <= c.lineLimit {
			// The most frequent case of judge.
			if cut := at - c.blank; cut > start {
				ends = append(ends, int32(cut))
				start = cut
			}
			c.start, c.now, c.blank = state{}, state{mode: header}, 0
			at = end
			continue
		}
		before, behind := c.judge(data[at:end], end-start)
		if cut := at - c.blank; before {
			if cut > start {
				ends = append(ends, int32(cut))
			}
			start, c.blank = cut, 0
		}
		if len(trimEnd(data[at:end])) == 0 {
			c.blank += end - at
		} else {
			c.blank = 0
		}
		if behind {
			ends = append(ends, int32(end))
			start = end
			c.blank = 0
		}
		at = end
	}
	if (flush || final) && at > start {
		ends = append(ends, int32(at))
		start, c.blank = at, 0
		resume := none
		if c.now.mode.dump() {
			resume = c.now.mode
		}
		c.close(state{resume: resume})
	}
	c.judged = at - start
	return ends
}

// close ends the open record; the next one starts in state s.
func (c *Cutter) close(s state) { c.start, c.now = s, s }

// judge decides about one line, raw with its terminator: whether a record ends
// before it and whether one ends behind it. Size is what the open record would
// have with it.
func (c *Cutter) judge(raw []byte, size int) (before, behind bool) {
	if len(raw) > c.lineLimit {
		c.close(state{})
		c.blank = 0
		return true, true
	}
	if size > c.maxRecord && size > len(raw) {
		c.close(c.now) // the rest goes on as a record of the same kind
		c.blank = 0
		before = true
	}
	line := trimEnd(raw)
	if len(line) == 0 {
		if c.now.mode == none {
			c.now.mode = blanks
		}
		return before, false
	}
	if c.now.mode > blanks {
		next, v := c.now.mode.follow(line, c.blank > 0)
		if v == joins && c.now.resume.resumes(line) {
			v = begins
		}
		switch v {
		case joins:
			c.now.mode = next
			return before, false
		case closes:
			c.close(state{})
			return before, true
		}
		c.close(state{resume: c.interrupted(line)})
		before = true
	}
	return before, c.open(line)
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
	m := opens(line)
	if m > header || m == none && line[0] != '{' {
		c.now.resume = none
	}
	c.now.mode = m
	if m == none {
		c.start = c.now
	}
	return m == none
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
