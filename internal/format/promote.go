package format

import (
	"bytes"
	"strconv"

	"shipper/internal/record"
)

// eventRoles are the roles that a field of an event can have in a line whose
// header is elsewhere.
const eventRoles = 1<<roleService | 1<<roleEnv | 1<<roleVersion |
	1<<roleError | 1<<roleErrorType | 1<<roleStack | 1<<roleTrace | 1<<roleTraceDatadog | 1<<roleTraceOther |
	1<<roleSpan | 1<<roleSpanDatadog | 1<<roleSpanOther | 1<<roleFlags |
	1<<roleLogTarget | 1<<roleLogFile | 1<<roleLogLine

// promote puts a field with a key of meaning where it belongs. If its value
// does not fit, or the place is taken, it is a field like any other. A header
// that comes twice is dropped: the first is the right one.
func (p *Parser) promote(k key, f record.Field) {
	r := keys[k].role
	if t := p.head.taken[r]; t != 0 {
		if t != k || r > roleLogger {
			p.add(f)
		}
		return
	}
	if p.place(k, r, f) {
		p.head.taken[r] = k
	}
}

// promoteHashed is promote for a field of the event, which cannot be a header,
// with the key and the hash that lookup gave.
func (p *Parser) promoteHashed(k key, hash uint, f record.Field) {
	if k == 0 || eventRoles>>keys[k].role&1 == 0 {
		p.addHashed(f, hash)
		return
	}
	p.promote(k, f)
}

// keep puts a field aside until the whole record is known.
func (p *Parser) keep(k key, f record.Field) bool {
	if p.head.later == len(p.kept) {
		p.add(f)
		return false
	}
	p.kept[p.head.later] = kept{k, f}
	p.head.later++
	return false
}

// place reports whether the field took its role. If not, it was added or kept.
func (p *Parser) place(k key, r role, f record.Field) bool {
	done := false
	switch r {
	case roleTime, roleTimeMaybe:
		if done = p.placeTime(f); done {
			if p.head.taken[roleMessage] != 0 {
				p.head.flags |= messageFirst
			}
			p.head.taken[roleTime], p.head.taken[roleTimeMaybe] = k, k
		} else if r == roleTime && f.Kind == record.String && f.Val.Len > 0 {
			return p.keep(k, f)
		}
	case roleLevel:
		if f.Kind == record.Int {
			p.head.flags |= numberLevel
			p.head.number = f.Int()
			p.keep(k, f)
			return true
		}
		done = f.Kind == record.String && p.placeLevel(f.Val)
		if number := p.b.Bytes(f.Val); done && p.r.Severity == 0 && len(number) == 1 && syslogKey(k) {
			p.r.Severity = syslog(int64(number[0]) - '0')
		}
	case roleSeverity:
		switch n := f.Int(); {
		case f.Kind == record.Int && n >= 1 && n <= 24:
			p.r.Severity, done = uint8(n), true
		case f.Kind == record.String && p.head.taken[roleLevel] == 0:
			done = p.placeLevel(f.Val)
		}
	case roleMessage:
		if done = f.Kind == record.String; done {
			p.r.Body = p.stripped(f.Val)
			if p.head.taken[roleLevel] != 0 {
				p.head.flags |= levelFirst
			}
		}
	case roleLogger:
		if done = f.Kind == record.String && f.Val.Len > 0; done {
			p.r.Logger = f.Val
		} else if f.Kind == record.String {
			return true
		}
	case roleMessageMaybe:
		if f.Kind == record.JSON && string(p.b.Bytes(f.Key)) == "log" {
			p.logObject(p.b.Bytes(f.Val))
		}
		return p.keep(k, f)
	case roleLoggerMaybe, roleName, rolePid, roleFile, roleLine, roleFunction, roleV,
		roleLogTarget, roleLogFile, roleLogLine:
		return p.keep(k, f)
	case roleService:
		if done = p.rename(nameService, f); !done && f.Kind == record.JSON {
			done = p.originObject(p.b.Bytes(f.Val), nameService)
		}
	case roleEnv:
		done = p.rename(nameEnv, f)
	case roleVersion:
		done = p.rename(nameVersion, f)
	case roleHost:
		if done = p.rename(nameHost, f); !done && f.Kind == record.JSON {
			done = p.originObject(p.b.Bytes(f.Val), nameHost)
		}
	case roleThreadName:
		done = p.rename(nameThread, f)
	case roleErrorType:
		done = p.rename(nameErrorType, f)
	case roleStack:
		if f.Kind == record.JSON {
			f.Val, f.Kind = p.stackOf(f)
		}
		done = p.rename(nameStack, f)
	case roleError:
		if done = p.rename(nameError, f); done {
			p.errorCauses(f.Val)
		} else if f.Kind == record.JSON {
			p.errorObject(p.b.Bytes(f.Val))
		}
	case roleCaller:
		done = p.placeCaller(k, f)
	case roleThreadID:
		done = p.placeThreadID(f)
	case roleSpanObject, roleSpanList:
		if f.Kind == record.JSON {
			return p.keep(k, f)
		}
		done = f.Kind == record.String && p.setSpan(p.b.Bytes(f.Val), rankBare, false)
	case roleResource:
		if f.Kind == record.JSON {
			p.resource(p.b.Bytes(f.Val))
		}
	case roleOtel:
		done = f.Kind == record.JSON && p.traceObject(p.b.Bytes(f.Val), rankOther, roleNone)
	case roleDatadog:
		done = f.Kind == record.JSON && p.traceObject(p.b.Bytes(f.Val), rankDatadog, roleNone)
	default:
		if r == roleTraceBare && f.Kind == record.JSON {
			done = p.traceObject(p.b.Bytes(f.Val), rankOther, roleTrace)
			break
		}
		if p.placeTrace(r, f) {
			return false // a key of better rank may come
		}
	}
	if !done {
		p.add(f)
	}
	return done
}

// stripped returns val without control sequences, which only unescaped text can
// still have.
func (p *Parser) stripped(val record.Span) record.Span {
	if val.Off >= p.base && val.Off < p.base+uint32(len(p.src)) {
		return val
	}
	return p.stripSpan(val)
}

// rename adds a text under a name; false if it is none.
func (p *Parser) rename(name record.Span, f record.Field) bool {
	if f.Kind != record.String || f.Val.Len == 0 {
		return false
	}
	p.addText(name, f.Val)
	return true
}

func (p *Parser) placeTime(f record.Field) bool {
	var ns int64
	ok := false
	switch f.Kind {
	case record.String:
		return p.setTime(p.b.Bytes(f.Val))
	case record.Int:
		ns, ok = epoch(f.Int())
	case record.Number:
		ns, ok = epochText(p.b.Bytes(f.Val))
	case record.JSON: // a Timestamp of Protocol Buffers
		ns, ok = timeObject(p.b.Bytes(f.Val))
	}
	if ok {
		p.r.Time, p.r.TimeSource = ns, record.TimeLine
		p.head.flags |= numberTime
	}
	return ok
}

// timeObject parses {"seconds":1795415141,"nanos":562000000}.
func timeObject(object []byte) (ns int64, ok bool) {
	for m := (members{text: object}); m.next(); {
		n, digits := decimal(m.val)
		switch key := string(m.key); {
		case key == "seconds" && digits && n < 9e9:
			ns, ok = ns+int64(n)*1e9, true
		case key == "nanos" && digits && n < 1e9:
			ns += int64(n)
		default:
			return 0, false
		}
	}
	return ns, ok
}

// logObject takes level and logger of the Elastic Common Schema's "log", where
// its names are not written with dots.
func (p *Parser) logObject(object []byte) {
	for m := (members{text: object}); m.next(); {
		if len(m.val) < 3 || m.val[0] != '"' {
			continue
		}
		switch string(m.key) {
		case "level":
			if p.head.taken[roleLevel] == 0 && severity(m.val[1:len(m.val)-1]) > 0 {
				p.placeLevel(p.jsonText(m.val))
			}
		case "logger":
			if p.r.Logger.Len == 0 {
				p.r.Logger = p.jsonText(m.val)
			}
		}
	}
}

// placeLevel takes a level as it is written. One that nobody knows is kept as
// text, unless it is too long for a level.
func (p *Parser) placeLevel(val record.Span) bool {
	val = p.stripped(val)
	text := p.b.Bytes(val)
	if len(text) > 32 {
		return false
	}
	p.r.SeverityText = val
	if n := severity(text); n > 0 {
		p.r.Severity = n
	}
	if len(text) > 0 {
		if text[0] >= 'a' {
			p.head.flags |= lowerLevel
		} else {
			p.head.flags |= upperLevel
		}
	}
	return true
}

// placeCaller takes "file:line" or an object of file, line and function.
func (p *Parser) placeCaller(k key, f record.Field) bool {
	switch f.Kind {
	case record.String:
		text := p.b.Bytes(f.Val)
		n, line := fileLine(text)
		if n == 0 || k != keyCaller && !sourceFile(text[:n]) {
			return false
		}
		f.Val.Len = uint32(n)
		p.addPlace(f.Val, line)
		return true
	case record.JSON:
		return p.callerObject(p.b.Bytes(f.Val))
	}
	return false
}

// takePlace adds the place that src[lo:hi] starts with, "file:line", and reports
// whether it is one.
func (p *Parser) takePlace(lo, hi int) bool {
	n, line := fileLine(p.src[lo:hi])
	if n > 0 {
		p.addPlace(p.span(lo, lo+n), line)
	}
	return n > 0
}

// takeSource is takePlace for a file that has the name of a source: others may be
// anything with a colon and a number.
func (p *Parser) takeSource(lo, hi int) bool {
	n, line := fileLine(p.src[lo:hi])
	if n == 0 || !sourceFile(p.src[lo:lo+n]) {
		return false
	}
	p.addPlace(p.span(lo, lo+n), line)
	return true
}

// addPlace adds the place in a source that a record names.
func (p *Parser) addPlace(file record.Span, line int64) {
	p.addText(nameFile, file)
	p.b.AddField(record.IntField(nameLine, line))
}

// fileLine returns the length of the file's name in "file:line" and the line, 0
// if text is something else.
func fileLine(text []byte) (n int, line int64) {
	i := len(text)
	for i > 0 && text[i-1]-'0' < 10 {
		i--
	}
	if i == len(text) || len(text)-i > 9 || i < 2 || text[i-1] != ':' {
		return 0, 0
	}
	for _, c := range text[i:] {
		line = line*10 + int64(c-'0')
	}
	return i - 1, line
}

// sourceFile reports whether name is that of a source file.
func sourceFile(name []byte) bool {
	i := bytes.LastIndexByte(name, '.')
	if i < 0 {
		return false
	}
	switch string(name[i:]) {
	case ".go", ".rs", ".s", ".c", ".cc", ".cpp", ".h", ".py", ".js", ".ts":
		return true
	}
	return false
}

func (p *Parser) callerObject(object []byte) bool {
	var file, function, line []byte
	for m := (members{text: object}); m.next(); {
		switch string(m.key) {
		case "file":
			file = m.val
		case "line":
			line = m.val
		case "function", "func":
			function = m.val
		}
	}
	n, ok := decimal(unquote(line))
	if len(file) < 3 || file[0] != '"' || !ok || n > 1<<31 {
		return false
	}
	p.head.flags |= callerObject
	p.addPlace(p.jsonText(file), int64(n))
	if len(function) > 2 && function[0] == '"' {
		p.addText(nameFunction, p.jsonText(function))
	}
	return true
}

func (p *Parser) errorObject(object []byte) {
	for m := (members{text: object}); m.next(); {
		if len(m.val) < 3 || m.val[0] != '"' {
			continue
		}
		switch string(m.key) {
		case "message", "msg":
			p.addText(nameError, p.jsonText(m.val))
		case "type", "kind":
			p.addText(nameErrorType, p.jsonText(m.val))
		case "stack", "stacktrace", "stack_trace":
			p.addText(nameStack, p.jsonText(m.val))
		}
	}
}

// resource takes what OpenTelemetry's resource says of the service.
func (p *Parser) resource(object []byte) {
	for m := (members{text: object}); m.next(); {
		k, _ := lookup(m.key)
		if k == 0 || len(m.val) < 3 || m.val[0] != '"' || bytes.IndexByte(m.key, '.') < 0 {
			continue
		}
		switch r := keys[k].role; r {
		case roleService, roleEnv, roleVersion, roleHost:
			if p.head.taken[r] == 0 {
				p.promote(k, record.Field{Val: p.jsonText(m.val)})
			}
		}
	}
}

// traceObject takes the trace and span IDs among the members of an object. id is
// what a member "id" is. It reports whether the object says nothing else.
func (p *Parser) traceObject(object []byte, rank uint8, id role) bool {
	found, rest := false, false
	for m := (members{text: object}); m.next(); {
		k, _ := lookup(m.key)
		r, text := keys[k].role, unquote(m.val)
		if string(m.key) == "id" {
			r = id
		}
		understood := false
		switch r {
		case roleTrace, roleTraceDatadog:
			understood = p.setTrace(text, rank, rank == rankDatadog)
		case roleSpan, roleSpanDatadog:
			understood = p.setSpan(text, rank, rank == rankDatadog)
		case roleFlags:
			understood = p.setFlags(text)
		case roleService, roleEnv, roleVersion:
			if understood = rank == rankDatadog && m.val[0] == '"'; understood {
				p.promote(k, record.Field{Key: p.jsonText(m.key), Val: p.jsonText(m.val)})
			}
		default:
			if len(text) == 0 || string(text) == "false" || string(text) == "null" { // TraceState, Remote
				continue
			}
		}
		found, rest = found || understood, rest || !understood
	}
	return found && !rest
}

// originObject takes what an object says of a service or a host, as in the
// Elastic Common Schema. It reports whether the object says nothing else.
func (p *Parser) originObject(object []byte, name record.Span) bool {
	found, rest := false, false
	for m := (members{text: object}); m.next(); {
		to := record.Span{}
		switch string(m.key) {
		case "name":
			to = name
		case "version":
			to = nameVersion
		case "environment":
			to = nameEnv
		}
		if to == (record.Span{}) || name == nameHost && to != name || len(m.val) < 3 || m.val[0] != '"' {
			rest = true
			continue
		}
		p.addText(to, p.jsonText(m.val))
		found = true
	}
	return found && !rest
}

// placeThreadID takes tracing's "ThreadId(1)".
func (p *Parser) placeThreadID(f record.Field) bool {
	if f.Kind != record.String {
		return false
	}
	text, ok := bytes.CutPrefix(p.b.Bytes(f.Val), []byte("ThreadId("))
	if !ok || !bytes.HasSuffix(text, []byte(")")) {
		return false
	}
	n, ok := decimal(text[:len(text)-1])
	if ok {
		p.b.AddField(record.IntField(nameThreadID, int64(n)))
	}
	return ok
}

// placeTrace takes the trace and span IDs. One of zeros says that there is none.
func (p *Parser) placeTrace(r role, f record.Field) bool {
	var text []byte
	var digits [20]byte
	switch f.Kind {
	case record.String, record.Number:
		text = p.b.Bytes(f.Val)
	case record.Int:
		text = strconv.AppendInt(digits[:0], f.Int(), 10)
	case record.Bool:
		if r == roleFlags && f.Bool() {
			p.r.TraceFlags |= 1
		}
		return r == roleFlags
	case record.JSON, record.Null:
		return false
	}
	switch r {
	case roleTrace:
		return p.setTrace(text, rankPlain, false) || len(text) >= 16 && unset(text)
	case roleTraceDatadog:
		return p.setTrace(text, rankDatadog, true) || unset(text)
	case roleTraceOther:
		return p.setTrace(text, rankOther, false)
	case roleTraceBare:
		return p.setTrace(text, rankBare, false)
	case roleSpan:
		return p.setSpan(text, rankPlain, false) || len(text) >= 16 && unset(text)
	case roleSpanDatadog:
		return p.setSpan(text, rankDatadog, true) || unset(text)
	case roleSpanOther:
		return p.setSpan(text, rankOther, false)
	case roleFlags:
		return p.setFlags(text)
	}
	return false
}

// settle puts what was kept in its place now that the format is known.
func (p *Parser) settle(format uint8) {
	p.r.Format = format
	var file, line, function, logFile, logLine *kept
	for i := range p.head.later {
		k := &p.kept[i]
		switch keys[k.key].role {
		case roleTime:
			if p.r.TimeSource == record.TimeRead {
				p.addText(nameTimestamp, k.field.Val)
				continue
			}
		case roleLevel:
			if p.numberLevel(format) {
				continue
			}
		case roleMessageMaybe:
			if p.head.taken[roleMessage] == 0 && p.r.Body.Len == 0 && k.field.Kind == record.String &&
				p.head.flags&isObject != 0 {
				p.r.Body = p.stripped(k.field.Val)
				p.head.taken[roleMessage] = k.key
				continue
			}
		case roleLoggerMaybe:
			if p.r.Logger.Len == 0 && k.field.Kind == record.String {
				p.r.Logger = k.field.Val
				continue
			}
		case roleName:
			if format == record.FormatBunyan && p.head.taken[roleService] == 0 && p.rename(nameService, k.field) {
				continue
			}
			if format == record.FormatTiDBJSON && p.r.Logger.Len == 0 && k.field.Kind == record.String {
				p.r.Logger = k.field.Val
				continue
			}
		case rolePid:
			if format == record.FormatBunyan && k.field.Kind == record.Int && p.head.taken[rolePid] == 0 {
				p.head.taken[rolePid] = k.key
				k.field.Key = namePid
			}
		case roleV:
			if format == record.FormatBunyan {
				continue
			}
		case roleFile:
			if file == nil {
				file = k
				continue
			}
		case roleLine:
			if line == nil {
				line = k
				continue
			}
		case roleFunction:
			if function == nil {
				function = k
				continue
			}
		case roleSpanObject, roleSpanList:
			if withSpans(format) {
				continue
			}
			if object := p.b.Bytes(k.field.Val); object[0] == '{' && p.traceObject(object, rankOther, roleSpan) {
				continue
			}
		case roleLogTarget:
			if ofTracing(format) && k.field.Kind == record.String {
				p.r.Logger = k.field.Val
				continue
			}
		case roleLogFile:
			if ofTracing(format) && logFile == nil {
				logFile = k
				continue
			}
		case roleLogLine:
			if ofTracing(format) && logLine == nil {
				logLine = k
				continue
			}
		}
		p.add(k.field)
	}
	if logFile != nil && logLine != nil {
		file, line = logFile, logLine
	}
	p.settleCaller(file, line, function)
	p.settleRust(format)
	p.settleGo(format)
	p.head.later = 0
}

// settleCaller takes a file, a line and a function that stand apart, if they
// are a place in the code.
func (p *Parser) settleCaller(file, line, function *kept) {
	if file == nil && line == nil && function == nil {
		return
	}
	known := p.head.taken[roleCaller] != 0
	if file != nil && !known && file.field.Kind == record.String {
		text := p.b.Bytes(file.field.Val)
		number := int64(-1)
		if n, at := fileLine(text); n > 0 && sourceFile(text[:n]) {
			file.field.Val.Len = uint32(n)
			number = at
		} else if line != nil {
			number = p.lineNumber(line.field)
			line = nil
		}
		if known = number >= 0; known {
			p.addPlace(file.field.Val, number)
			file = nil
		}
	}
	if function != nil && known && p.rename(nameFunction, function.field) {
		function = nil
	}
	for _, k := range [...]*kept{file, line, function} {
		if k != nil {
			p.add(k.field)
		}
	}
}

// lineNumber returns the line that f is, -1 if it is none.
func (p *Parser) lineNumber(f record.Field) int64 {
	switch f.Kind {
	case record.Int:
		if n := f.Int(); n >= 0 {
			return n
		}
	case record.String:
		if n, ok := decimal(p.b.Bytes(f.Val)); ok && n < 1<<31 {
			return int64(n)
		}
	}
	return -1
}

// numberLevel sets the severity from a level that is a number, if it is known
// what the numbers mean.
func (p *Parser) numberLevel(format uint8) bool {
	n := p.head.number
	switch {
	case p.head.flags&callerObject != 0: // logr: verbosity
		p.r.Severity = verbosity(n)
	case p.head.taken[roleMessage] != 0 && keys[p.head.taken[roleMessage]].name == "short_message", // GELF: syslog's
		n < 8 && syslogKey(p.head.taken[roleLevel]):
		p.r.Severity = syslog(n)
	case n >= 0 && n < 4 && keys[p.head.taken[roleLevel]].name == "log_level": // lager's
		p.r.Severity = [...]uint8{5, 9, 17, 21}[n]
	default:
		p.r.Severity = severityNumber(n)
	}
	if p.r.Severity == 0 {
		return false
	}
	at := len(p.b.Arena)
	p.b.Arena = strconv.AppendInt(p.b.Arena, n, 10)
	p.r.SeverityText = record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}
	return true
}

// verbosity returns the severity number of a level of logr and klog, in which
// larger means less severe.
func verbosity(n int64) uint8 {
	switch {
	case n <= 0:
		return 9
	case n < 4:
		return 5
	}
	return 1
}

// syslogKey reports whether a number under that key is one of syslog's.
func syslogKey(k key) bool { return k == keySeverity || keys[k].name == "PRIORITY" }

// syslog returns the severity number of a severity of RFC 5424.
func syslog(n int64) uint8 {
	if n < 0 || n > 7 {
		return 0
	}
	return [...]uint8{21, 19, 18, 17, 13, 10, 9, 5}[n]
}
