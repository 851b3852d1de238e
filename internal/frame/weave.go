package frame

import "bytes"

const (
	// How far behind its interruption a dump may go on.
	aheadBytes = 64 << 10
	aheadLines = 64
	// maxSources is how many sources are told apart at a time.
	maxSources = 32
	// maxPause is how much later, in nanoseconds of the wrapper's time, a line
	// may come to join an open record.
	maxPause = 500e6
)

// weave finds the records of lines that interleave: those of several sources,
// and those that others write into the dump of one. What it finds in a unit
// follows from the unit alone. Offsets are the caller's.
type weave struct {
	kind    kind     // of all lines in it
	strands []strand // by start
	head    int      // strands before it are in units that have ended
	first   int      // strands that were removed
	scanned int      // strands from head on that are complete
	reach   int      // end of those
	sources []source
	lines   uint32
	latest  int // number of the strand of the latest line
}

// strand is a record, or what will become one or a part of one.
type strand struct {
	start, end int  // offsets; others may be in between
	open       bool // more may come
	into       int  // number of the strand it became a part of, or -1
}

// source is one writer of lines: a container's stdout, a service.
type source struct {
	key  uint64
	line uint32 // number of its latest line
	time int64  // of its latest line; 0 if unknown

	// Numbers of strands, or -1.
	record int // the open one
	blank  int // blank lines, which go with what follows
	piece  int // pieces of a line whose end is to come
	dump   int // the dump that was interrupted

	text  []byte // of piece
	mode  mode   // of record
	trace trace
	whole bool // nothing of others is in record
	was   mode // of dump
	had   trace
	lines int // since dump was interrupted
}

func (s *source) idle() bool { return s.record < 0 && s.blank < 0 && s.piece < 0 && s.dump < 0 }

// resumes reports whether text, which is not blank, goes on with the dump that was
// interrupted, and can belong to nothing else.
func (s *source) resumes(text []byte) bool {
	if s.dump < 0 || !s.had.resumes(s.was, text, s.blank >= 0) {
		return false
	}
	_, v := s.was.follow(text, s.blank >= 0)
	return v != begins
}

// content is content for the next line of s.
func (s *source) content(text []byte) []byte {
	m := none
	if s.record >= 0 {
		m = s.mode
	}
	return content(text, m, s.blank >= 0)
}

// reset makes w ready for lines of a kind. It keeps memory, but not much.
func (w *weave) reset(k kind) {
	if cap(w.strands) > 1<<10 {
		w.strands = nil
	}
	*w = weave{kind: k, strands: w.strands[:0], sources: w.sources[:0]}
}

// idle reports whether nothing is open.
func (w *weave) idle() bool { return w.head == len(w.strands) }

// take gives a line, whose text is as its source wrote it, to a strand, and
// returns the number of the strand.
func (w *weave) take(l *line, text []byte, at, end int) int {
	if !l.void {
		w.latest = w.give(l, text, at, end)
		return w.latest
	}
	if t := w.strand(w.latest); t.into >= 0 {
		w.latest = t.into
	}
	w.strand(w.latest).end = end
	if w.scanned > 0 {
		w.reach = max(w.reach, end)
	}
	return w.latest
}

// give is take for a line that is in a wrapper, or in none as all are.
func (w *weave) give(l *line, text []byte, at, end int) int {
	s := w.source(l.key)
	w.expire(l.time, end)
	w.lines++
	s.line, s.time = w.lines, l.time
	if l.piece || s.piece >= 0 {
		if s.piece < 0 {
			s.piece, s.text = w.begin(at), s.text[:0]
		}
		w.strand(s.piece).end = end
		s.text = append(s.text, text...)
		if l.piece {
			return s.piece
		}
		text = s.text
	}
	text = s.content(text)
	if len(text) == 0 {
		if r := s.record; r >= 0 && (l.loose || s.mode.ends()) {
			w.joinAll(s, r, end)
			if s.mode.ends() {
				w.close(r)
				s.record = -1
			}
			return r
		}
		if s.blank < 0 {
			s.blank = w.started(s, at, end)
		} else {
			w.join(s, s.blank, end)
		}
		return s.blank
	}
	return w.judge(s, text, at, end)
}

// judge gives a line that is not blank to a strand.
func (w *weave) judge(s *source, text []byte, at, end int) int {
	if s.dump >= 0 {
		s.lines++
		if s.resumes(text) {
			w.close(s.record)
			s.record, s.mode, s.trace, s.dump = s.dump, s.was, s.had, -1
			s.whole = false
		}
	}
	if s.record >= 0 {
		next, v := s.mode.follow(text, s.blank >= 0)
		if v != begins {
			r := s.record
			w.joinAll(s, r, end)
			s.mode = next
			s.trace.see(text)
			if v == closes {
				w.close(r)
				s.record = -1
			}
			return r
		}
		if s.mode.interruptible() {
			w.close(s.dump)
			s.dump, s.was, s.had, s.lines = s.record, s.mode, s.trace, 0
		} else {
			w.close(s.record)
		}
		s.record = -1
	}
	r := w.started(s, at, end)
	m := first(text)
	if m == none {
		w.close(r)
		return r
	}
	if m > levelled {
		w.close(s.dump)
		s.dump = -1
	}
	s.record, s.mode, s.trace, s.whole = r, m, trace{}, true
	s.trace.see(text)
	return r
}

// begin adds a strand.
func (w *weave) begin(at int) int {
	w.strands = append(w.strands, strand{start: at, end: at, open: true, into: -1})
	return w.first + len(w.strands) - 1
}

func (w *weave) strand(n int) *strand { return &w.strands[n-w.first] }

// started returns the strand that a line starts, with the blank lines before it.
func (w *weave) started(s *source, at, end int) int {
	r := s.blank
	if r < 0 {
		r = s.piece
	}
	if r < 0 {
		r = w.begin(at)
	}
	w.joinAll(s, r, end)
	return r
}

// joinAll makes what s holds back a part of strand r, up to end.
func (w *weave) joinAll(s *source, r, end int) {
	if s.blank >= 0 && s.blank != r {
		w.strand(s.blank).become(r)
	}
	s.blank = -1
	w.join(s, r, end)
}

// join makes the line that s has in pieces, if it does, a part of strand r, up to end.
func (w *weave) join(s *source, r, end int) {
	if s.piece >= 0 && s.piece != r {
		w.strand(s.piece).become(r)
	}
	s.piece = -1
	w.strand(r).end = end
}

// become makes t a part of strand r.
func (t *strand) become(r int) { t.end, t.open, t.into = t.start, false, r }

// close says that nothing more comes to strand n, if there is one.
func (w *weave) close(n int) {
	if n >= 0 {
		w.strand(n).open = false
	}
}

// source returns the source with that key.
func (w *weave) source(key uint64) *source {
	idle, oldest := -1, 0
	for i := range w.sources {
		s := &w.sources[i]
		switch {
		case s.key == key:
			return s
		case s.idle():
			idle = i
		case s.line < w.sources[oldest].line:
			oldest = i
		}
	}
	i := len(w.sources)
	switch {
	case idle >= 0:
		i = idle
	case i == maxSources:
		i = oldest
		w.closeSource(&w.sources[i])
	case i < cap(w.sources):
		w.sources = w.sources[:i+1]
	default:
		w.sources = append(w.sources, source{})
	}
	s := &w.sources[i]
	*s = source{key: key, record: -1, blank: -1, piece: -1, dump: -1, text: s.text[:0]}
	if cap(s.text) > aheadBytes {
		s.text = nil
	}
	return s
}

// expire closes what the next line, at time t and up to end, is too late for.
func (w *weave) expire(t int64, end int) {
	pause := int64(maxPause)
	if t%1e9 == 0 { // of whole seconds, the next may have begun right away
		pause = 1e9
	}
	for i := range w.sources {
		s := &w.sources[i]
		if s.dump >= 0 && (s.lines >= aheadLines || end-w.strand(s.dump).end > aheadBytes) {
			w.close(s.dump)
			s.dump = -1
		}
		if s.piece < 0 && (t-s.time > pause && s.time != 0 || w.lines-s.line >= aheadLines) {
			w.closeSource(s)
		}
	}
}

// settle gives blank lines that nothing follows to the record before them.
func (w *weave) settle(s *source) {
	if s.blank >= 0 && s.record >= 0 {
		b := w.strand(s.blank)
		w.strand(s.record).end = b.end
		b.become(s.record)
		s.blank = -1
	}
}

// closeSource closes all that is open of s.
func (w *weave) closeSource(s *source) {
	w.settle(s)
	w.close(s.record)
	w.close(s.dump)
	w.close(s.blank)
	w.close(s.piece)
	s.record, s.dump, s.blank, s.piece = -1, -1, -1, -1
}

// closeAll closes all that is open.
func (w *weave) closeAll() {
	for i := range w.sources {
		w.closeSource(&w.sources[i])
	}
}

// unit returns the end of the first unit and forgets it, or -1 if none is
// complete: strands that interleave are in one unit.
func (w *weave) unit() int {
	for i := w.head + w.scanned; i < len(w.strands); i++ {
		t := &w.strands[i]
		if w.scanned > 0 && t.start >= w.reach {
			break
		}
		if t.open {
			return -1
		}
		w.scanned++
		w.reach = max(w.reach, t.end)
	}
	if w.scanned == 0 {
		return -1
	}
	w.head, w.scanned = w.head+w.scanned, 0
	if w.head > len(w.strands)/2 {
		w.first += w.head
		w.strands = w.strands[:copy(w.strands, w.strands[w.head:])]
		w.head = 0
	}
	return w.reach
}

// dumping returns the mode of the dump of a plain stream that may go on though
// all that is open is closed.
func (w *weave) dumping() mode {
	if w.kind != plain || len(w.sources) == 0 {
		return none
	}
	switch s := &w.sources[0]; {
	case s.record >= 0 && s.mode.dump():
		return s.mode
	case s.dump >= 0 && s.was.dump():
		return s.was
	}
	return none
}

// sole returns the mode of the record if one record of a plain stream is all that
// is open, and where the blank lines behind it start: its end if there are none.
func (w *weave) sole() (m mode, blank int, ok bool) {
	if w.kind != plain || w.idle() {
		return none, 0, false
	}
	s, start := &w.sources[0], w.first+w.head
	switch {
	case s.dump >= 0:
		return none, 0, false
	case s.record >= 0:
		m, blank, ok = s.mode, w.strand(s.record).end, s.record == start && s.whole
	case s.blank >= 0:
		m, ok = blanks, s.blank == start
	}
	if s.blank >= 0 {
		blank = w.strand(s.blank).start
	}
	return m, blank, ok
}

// trace is what was seen of a Go dump: it decides what may resume it.
type trace struct {
	headed     bool // by a panic, an error, a signal
	goroutines bool
	call       bool // the last line was a call, and its place follows
}

// see notes a line of a dump.
func (t *trace) see(line []byte) {
	t.call = false
	switch line[0] {
	case '\t', ' ', '/':
		return
	case 'p', 'f', 'S', 'E':
		t.headed = t.headed || goStart(line).dump()
	case 'g':
		if goroutine(line) {
			t.goroutines = true
			return
		}
	case 'c':
		t.call = bytes.HasPrefix(line, []byte("created by "))
	}
	t.call = t.call || call(line)
}

// resumes reports whether line can only belong to the dump of mode m that was
// interrupted; gap says that blank lines are before it.
func (t *trace) resumes(m mode, line []byte, gap bool) bool {
	switch m {
	case goDump, goValue, headerDump:
		switch {
		case t.call:
			return goPlace(line)
		case line[0] == '\t':
			return false
		case line[0] == 'g' && goroutine(line):
			return t.headed && (gap || !t.goroutines)
		case line[0] == '[':
			return !t.goroutines && t.headed && bytes.HasPrefix(line, []byte("[signal SIG"))
		}
		return t.goroutines && goFrame(line)
	case raceBody:
		return string(line) == raceLine || raceHead(line) || line[0] == ' ' && (call(bytes.TrimLeft(line, " ")) || goPlace(line))
	case rustTrace:
		return rustFrame(line) || bytes.HasPrefix(line, []byte("note: Some details"))
	case rustAfter, rustMore:
		return string(line) == "stack backtrace:" || bytes.HasPrefix(line, []byte("note: run with "))
	}
	return false
}

// goPlace reports whether line is the place of a call: "\tfile:line +0x7d". What
// hands lines on may have taken the tab away.
func goPlace(line []byte) bool {
	if line[0] != '\t' && line[0] != ' ' && line[0] != '/' {
		return false
	}
	if i := bytes.LastIndex(line, []byte(" +0x")); i > 0 {
		line = line[:i]
	} else if i := bytes.LastIndex(line, []byte("pc=0x")); i > 0 && indented(line) { // of a function of C
		if line = bytes.TrimRight(line[:i], " \t"); len(line) == 0 {
			return true
		}
	}
	i := len(line)
	for i > 0 && digit(line[i-1]) {
		i--
	}
	return i < len(line) && i > 2 && line[i-1] == ':'
}
