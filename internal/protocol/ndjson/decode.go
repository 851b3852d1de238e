package ndjson

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"shipper/internal/jsontext"
	"shipper/internal/protocol"
	"shipper/internal/record"
)

// maxRecords bounds the lines of one body, so that a body of empty objects
// cannot take many times its size in memory.
const maxRecords = 1 << 17

// maxStreams bounds the batches that one body is made into. Records of further
// streams keep their ID and labels as fields.
const maxStreams = 1000

// Decode calls emit for each stream in body with all its records, once body is
// known to be sound as a whole. The batches do not point into body, stay valid
// after emit, and are the receiver's. An error of emit ends it; any other error
// names a line and says what is wrong with it.
//
// A line is a canonical object, as AppendRecord writes it, or any other JSON
// object: its time is in timestamp, time, ts, _time or @timestamp, as RFC 3339 or
// in seconds, milliseconds, microseconds or nanoseconds since the Unix epoch,
// told apart by size; its text in message, msg or _msg; its severity in
// severity, level or lvl; the members of "attributes" and all other members are
// fields. What does not fit stays a field under its name. A record without a
// time gets that of now; one without an ID belongs to a stream that is this
// body, so that the same body always has the same IDs.
func Decode(body []byte, emit func(*record.Batch) error) error {
	d := decoder{body: body, now: time.Now().UnixNano(), streams: map[string]*record.Batch{}}
	if err := d.decode(); err != nil {
		return err
	}
	for _, b := range d.order {
		if err := emit(b); err != nil {
			return err
		}
	}
	return nil
}

type decoder struct {
	body []byte
	now  int64

	order   []*record.Batch
	streams map[string]*record.Batch // by key
	own     *record.Batch            // of records without an ID
	last    *record.Batch            // the batch with the key in lastKey
	lastKey []byte

	members []pair // of the line
	nested  []pair // of its attributes
	key     []byte // scratch
	text    []byte // scratch
	records int
}

// maxMembers bounds the members of one object.
const maxMembers = 1 << 14

// pair is a key and a value in body, both as written, the key without
// quotation marks.
type pair struct {
	key, val []byte
	member   member
}

var (
	errSyntax  = errors.New("this is not a JSON object of at most 16384 members")
	errString  = errors.New("a string is not valid JSON")
	errLiteral = errors.New("a value is not valid JSON")
)

func (d *decoder) decode() error {
	rest := d.body
	for line := 1; len(rest) > 0; line++ {
		text, after, _ := bytes.Cut(rest, []byte{'\n'})
		offset := len(d.body) - len(rest)
		rest = after
		if line == 1 {
			text = bytes.TrimPrefix(text, []byte("\uFEFF"))
		}
		if jsontext.Space(text, 0) == len(text) {
			continue
		}
		if d.records++; d.records > maxRecords {
			return fmt.Errorf("line %d: more than %d records in one body", line, maxRecords)
		}
		if err := d.decodeLine(text, offset); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
	return nil
}

func (d *decoder) decodeLine(text []byte, offset int) error {
	var ok bool
	if d.members, ok = pairs(d.members[:0], text); !ok {
		return errSyntax
	}
	at, err := d.identify(int64(offset))
	if err != nil {
		return err
	}
	l := line{decoder: d, b: at.batch, r: at.batch.Begin(), now: d.now}
	l.r.Offset = at.offset
	for i, m := range d.members {
		if i >= at.labels && i < at.end || i == at.id {
			continue
		}
		if err := l.add(m); err != nil {
			return err
		}
	}
	l.finish(at.id >= 0)
	return nil
}

// pairs appends the members of the JSON object in text, which it is the whole
// of but for white space.
func pairs(dst []pair, text []byte) ([]pair, bool) {
	i := jsontext.Space(text, 0)
	if i >= len(text) || text[i] != '{' {
		return dst, false
	}
	i = jsontext.Space(text, i+1)
	if i < len(text) && text[i] == '}' {
		return dst, jsontext.Space(text, i+1) == len(text)
	}
	for {
		if i >= len(text) || text[i] != '"' {
			return dst, false
		}
		end, ok := jsontext.SkipString(text, i)
		if !ok {
			return dst, false
		}
		key := text[i+1 : end-1]
		i = jsontext.Space(text, end)
		if i >= len(text) || text[i] != ':' {
			return dst, false
		}
		i = jsontext.Space(text, i+1)
		if end, ok = jsontext.Skip(text, i); !ok {
			return dst, false
		}
		if len(dst) == maxMembers {
			return dst, false
		}
		dst = append(dst, pair{key: key, val: text[i:end], member: memberOf(key)})
		i = jsontext.Space(text, end)
		switch {
		case i < len(text) && text[i] == ',':
			i = jsontext.Space(text, i+1)
		case i < len(text) && text[i] == '}':
			return dst, jsontext.Space(text, i+1) == len(text)
		default:
			return dst, false
		}
	}
}

// identity is where a record belongs.
type identity struct {
	batch       *record.Batch
	offset      int64
	id          int // which of the members is its ID; -1: none
	labels, end int // which of the members are labels
}

// identify finds the batch of the record in d.members by its ID and labels.
func (d *decoder) identify(offset int64) (identity, error) {
	none := identity{offset: offset, id: -1}
	at := none
	for i := range d.members {
		if d.members[i].member == id {
			at.id = i
			break
		}
	}
	if at.id < 0 {
		none.batch = d.ownBatch()
		return none, nil
	}
	stream, off, ok := d.parseID(d.members[at.id].val)
	if !ok {
		none.batch = d.ownBatch()
		return none, nil
	}
	at.offset = off
	at.labels = at.id + 1
	for at.end = at.labels; at.end < len(d.members); at.end++ {
		m := d.members[at.end]
		if m.member != noMember || m.val[0] != '"' {
			break
		}
	}
	// d.text holds the stream's ID; the key is it and the labels as written, with
	// their lengths, since any of them may have any byte.
	d.key = appendPart(d.key[:0], stream)
	for _, m := range d.members[at.labels:at.end] {
		d.key = appendPart(appendPart(d.key, m.key), m.val)
	}
	if d.last != nil && bytes.Equal(d.key, d.lastKey) {
		at.batch = d.last
		return at, nil
	}
	b := d.streams[string(d.key)]
	if b == nil {
		if len(d.streams) >= maxStreams {
			none.batch = d.ownBatch()
			return none, nil
		}
		s := &record.Stream{ID: string(stream)}
		for _, m := range d.members[at.labels:at.end] {
			l, err := d.label(m)
			if err != nil {
				return none, err
			}
			s.Labels = append(s.Labels, l)
		}
		b = d.newBatch(s)
		d.streams[string(d.key)] = b
	}
	d.last, d.lastKey = b, append(d.lastKey[:0], d.key...)
	at.batch = b
	return at, nil
}

func appendPart(dst, p []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(p))), p...)
}

func (d *decoder) label(m pair) (record.Label, error) {
	name, _, ok := jsontext.AppendText(nil, quoted(m.key))
	if !ok {
		return record.Label{}, errString
	}
	value, _, ok := jsontext.AppendText(nil, m.val)
	if !ok {
		return record.Label{}, errString
	}
	return record.Label{Name: string(name), Value: string(value)}, nil
}

// quoted gives a key its quotation marks back: those it has in the body.
func quoted(key []byte) []byte {
	return append(append([]byte{'"'}, key...), '"')
}

// parseID takes an ID apart: the stream's, which is valid until the next call,
// and the offset (see record.AppendID).
func (d *decoder) parseID(val []byte) (stream []byte, offset int64, ok bool) {
	if val[0] != '"' {
		return nil, 0, false
	}
	if d.text, _, ok = jsontext.AppendText(d.text[:0], val); !ok {
		return nil, 0, false
	}
	at := bytes.LastIndexByte(d.text, '-')
	if at <= 0 || len(d.text)-at-1 > 16 {
		return nil, 0, false
	}
	n, err := strconv.ParseUint(string(d.text[at+1:]), 16, 64)
	return d.text[:at], int64(n), err == nil
}

// ownBatch is the batch of records whose stream is this body.
func (d *decoder) ownBatch() *record.Batch {
	if d.own == nil {
		sum := sha256.Sum256(d.body)
		d.own = d.newBatch(&record.Stream{ID: hex.EncodeToString(sum[:16])})
	}
	return d.own
}

func (d *decoder) newBatch(s *record.Stream) *record.Batch {
	b := new(record.Batch)
	b.Reset(s, nil)
	d.order = append(d.order, b)
	return b
}

// line is the record that one line becomes.
type line struct {
	*decoder
	b   *record.Batch
	r   *record.Record
	now int64

	seen     [timedOut + 1]bool
	hasTime  bool
	severity []byte // the severity by name, as written
}

// add adds a member to the record: where it belongs, or as a field.
func (l *line) add(m pair) error {
	known := m.member
	if known == noMember {
		known = aliasOf(m.key)
	}
	if known == noMember || l.seen[known] {
		return l.field(m)
	}
	taken, err := l.take(known, m)
	if err != nil {
		return err
	}
	if !taken {
		return l.field(m)
	}
	l.seen[known] = true
	return nil
}

// take makes a member part of the record, if its value is what it has to be.
func (l *line) take(known member, m pair) (bool, error) {
	switch known {
	case attributes:
		return l.attributes(m)
	case message, logger, severityText:
		return l.string(known, m)
	case timestamp:
		t, zone, ok := l.time(m.val)
		if ok {
			l.r.Time, l.hasTime = t, true
			if !l.seen[timestampSource] {
				l.r.TimeSource = zone
			}
		}
		return ok, nil
	case severityNumber, traceFlags:
		n, err := strconv.ParseUint(string(m.val), 10, 8)
		if err != nil || known == severityNumber && n > 24 {
			return false, nil
		}
		if known == traceFlags {
			l.r.TraceFlags = uint8(n)
		} else {
			l.r.Severity = uint8(n)
		}
		return true, nil
	case truncated, partial, invalidUTF8, timedOut:
		switch string(m.val) {
		case "true":
			l.r.Flags |= [...]record.Flags{record.Truncated, record.Partial, record.InvalidUTF8, record.TimedOut}[known-truncated]
			return true, nil
		case "false":
			return true, nil
		}
		return false, nil
	}
	return l.takeText(known, m)
}

// takeText takes the members that are strings with a meaning.
func (l *line) takeText(known member, m pair) (bool, error) {
	if m.val[0] != '"' {
		if known == severity {
			n, ok := levelNumber(m.val)
			if ok && !l.seen[severityNumber] {
				l.r.Severity = n
			}
			return ok, nil
		}
		return false, nil
	}
	text := m.val[1 : len(m.val)-1]
	switch known {
	case observedTimestamp:
		t, _, ok := l.time(m.val)
		if ok {
			l.r.Observed = t
		}
		return ok, nil
	case timestampSource:
		for s := record.TimeRead; s <= record.TimeFrame; s++ {
			if s.String() == string(text) {
				l.r.TimeSource = s
				return true, nil
			}
		}
		return false, nil
	case severity:
		if len(text) > protocol.MaxSeverityText || jsontext.Plain(text) != len(text) {
			return false, nil
		}
		l.severity = text
		return true, nil
	case format:
		n, ok := record.FormatNumber(string(text))
		l.r.Format = n
		return ok, nil
	case traceID:
		return parseHexID(l.r.TraceID[:], text, &l.r.Flags, record.HasTrace), nil
	case spanID:
		return parseHexID(l.r.SpanID[:], text, &l.r.Flags, record.HasSpan), nil
	}
	return false, nil // an ID that is none
}

func (l *line) string(known member, m pair) (bool, error) {
	if m.val[0] != '"' {
		return false, nil
	}
	s, err := l.addText(m.val)
	if err != nil {
		return false, err
	}
	switch {
	case known == message:
		l.r.Body = s
	case known == logger:
		l.r.Logger = s
	case s.Len > protocol.MaxSeverityText:
		return false, nil
	default:
		l.r.SeverityText = s
	}
	return true, nil
}

// attributes makes the members of an object fields.
func (l *line) attributes(m pair) (bool, error) {
	if m.val[0] != '{' {
		return false, nil
	}
	var ok bool
	if l.nested, ok = pairs(l.nested[:0], m.val); !ok {
		return false, errLiteral
	}
	for _, f := range l.nested {
		if err := l.field(f); err != nil {
			return false, err
		}
	}
	return true, nil
}

// addText adds the text of the string token s to the arena.
func (l *line) addText(s []byte) (record.Span, error) {
	start := len(l.b.Arena)
	arena, clean, ok := jsontext.AppendText(l.b.Arena, s)
	if !ok {
		return record.Span{}, errString
	}
	if !clean {
		l.r.Flags |= record.InvalidUTF8
	}
	l.b.Arena = arena
	return record.Span{Off: uint32(start), Len: uint32(len(arena) - start)}, nil
}

// field adds a member as a field.
func (l *line) field(m pair) error {
	l.key = append(append(append(l.key[:0], '"'), m.key...), '"')
	key, err := l.addText(l.key)
	if err != nil {
		return err
	}
	f := record.Field{Key: key}
	switch c := m.val[0]; {
	case c == '"':
		f.Val, err = l.addText(m.val)
		if err != nil {
			return err
		}
	case c == '{' || c == '[':
		start := len(l.b.Arena)
		arena, ok := jsontext.AppendCompact(l.b.Arena, m.val)
		if !ok {
			return errLiteral
		}
		l.b.Arena = arena
		f.Kind, f.Val = record.JSON, record.Span{Off: uint32(start), Len: uint32(len(arena) - start)}
	case string(m.val) == "true" || string(m.val) == "false":
		f = record.BoolField(key, c == 't')
	case string(m.val) == "null":
		f.Kind = record.Null
	case jsontext.IsNumber(m.val):
		n, err := strconv.ParseInt(string(m.val), 10, 64)
		if err == nil && string(m.val) != "-0" {
			f = record.IntField(key, n)
			break
		}
		f.Kind, f.Val = record.Number, l.b.Add(m.val)
	default:
		return errLiteral
	}
	l.b.AddField(f)
	return nil
}

// finish fills in what the line did not say.
func (l *line) finish(canonical bool) {
	r := l.r
	if !l.hasTime {
		r.Time = l.now
		if !l.seen[timestampSource] {
			r.TimeSource = record.TimeRead
		}
	}
	if !l.seen[observedTimestamp] {
		r.Observed = l.now
		if canonical {
			r.Observed = r.Time
		}
	}
	if l.severity == nil || l.seen[severityNumber] {
		return
	}
	r.Severity = Severity(l.severity)
	if !l.seen[severityText] {
		r.SeverityText = l.b.Add(l.severity)
	}
}

// Severity returns the severity number of a level by name, 0 if it is not known.
func Severity(name []byte) uint8 {
	switch strings.ToLower(string(name)) {
	case "trace", "trc", "trce":
		return 1
	case "debug", "dbg", "debg":
		return 5
	case "info", "inf", "information", "informational":
		return 9
	case "notice":
		return 10
	case "warn", "warning", "wrn":
		return 13
	case "error", "err", "erro", "eror":
		return 17
	case "critical", "crit":
		return 18
	case "alert":
		return 19
	case "fatal", "ftl", "emerg", "emergency", "dpanic":
		return 21
	case "panic":
		return 22
	}
	return 0
}

// levelNumber returns the severity number of a level as bunyan and pino number them.
func levelNumber(val []byte) (uint8, bool) {
	switch string(val) {
	case "10":
		return 1, true
	case "20":
		return 5, true
	case "30":
		return 9, true
	case "40":
		return 13, true
	case "50":
		return 17, true
	case "60":
		return 21, true
	}
	return 0, false
}

// parseHexID reads a trace or span ID. A trace ID of 64 bits is padded.
func parseHexID(dst, text []byte, flags *record.Flags, bit record.Flags) bool {
	n := len(dst)
	if len(text) != 2*n && (n != 16 || len(text) != 16) {
		return false
	}
	clear(dst)
	if _, err := hex.Decode(dst[n-len(text)/2:], text); err != nil {
		return false
	}
	all := byte(0)
	for _, c := range dst {
		all |= c
	}
	if all != 0 {
		*flags |= bit
	}
	return true
}

// time reads a time: a string in RFC 3339, or a number since the Unix epoch.
func (l *line) time(val []byte) (int64, record.TimeSource, bool) {
	if val[0] != '"' {
		ns, ok := epoch(val)
		return ns, record.TimeLine, ok
	}
	text := string(val[1 : len(val)-1])
	for _, layout := range [...]struct {
		text   string
		source record.TimeSource
	}{
		{time.RFC3339Nano, record.TimeLine},
		{"2006-01-02 15:04:05.999999999Z07:00", record.TimeLine},
		{"2006-01-02T15:04:05.999999999Z0700", record.TimeLine},
		{"2006-01-02T15:04:05.999999999", record.TimeNoZone},
		{"2006-01-02 15:04:05.999999999", record.TimeNoZone},
	} {
		t, err := time.Parse(layout.text, text)
		if err != nil {
			continue
		}
		ns := t.UnixNano()
		return ns, layout.source, time.Unix(0, ns).Equal(t)
	}
	return 0, 0, false
}

// epoch reads seconds, milliseconds, microseconds or nanoseconds since the Unix
// epoch, by their size; a fraction is read to the nanosecond.
func epoch(val []byte) (int64, bool) {
	if !jsontext.IsNumber(val) || val[0] == '-' {
		return 0, false
	}
	if bytes.ContainsAny(val, "eE") {
		f, err := strconv.ParseFloat(string(val), 64)
		if err != nil || f >= math.MaxInt64 {
			return 0, false
		}
		val = strconv.AppendFloat(nil, f, 'f', -1, 64)
	}
	whole, fraction, _ := bytes.Cut(val, []byte{'.'})
	n, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil {
		return 0, false
	}
	unit := int64(time.Second)
	for limit := int64(1e11); n >= limit && unit > 1; limit *= 1000 {
		unit /= 1000
	}
	if n > math.MaxInt64/unit-1 {
		return 0, false
	}
	ns := n * unit
	for _, c := range fraction {
		if unit /= 10; unit == 0 {
			break
		}
		ns += int64(c-'0') * unit
	}
	return ns, true
}
