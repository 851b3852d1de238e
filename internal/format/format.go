// Package format makes records of the text that Go and Rust services write. It
// recognises the format of each record by itself: every format is a file of
// this package and a row of one table.
//
// What a record gets is the canonical form of package record: time, severity,
// body, logger, trace context, and typed fields, of which those with a meaning
// in OpenTelemetry's semantic conventions have their names there.
package format

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"time"

	"shipper/internal/fail"
	"shipper/internal/record"
)

// Options configure a Parser.
type Options struct {
	Zone   *time.Location // of times without a zone; default the node's
	Year   int            // of times without a year; 0 is the one that brings a time closest to when it was read
	Format uint8          // number of the format that is tried before others; 0 is the one of the record before

	// Failed is told of a panic of a parser, on the goroutine that panicked. The
	// record is text then. Without it the panic goes on.
	Failed func(value any)
}

// Parser parses records. It is not for concurrent use, but serves all streams:
// what it learns of one is in the hint.
type Parser struct {
	// Written is when what is parsed from now on was written, at the latest, in
	// nanoseconds since the Unix epoch: what a time without a year or a date is
	// measured by. 0: when it was read.
	Written int64

	near  int64 // Written, or when the record was read
	b     *record.Batch
	r     *record.Record // the record that is being filled
	src   []byte         // its bytes, without blank lines around it
	raw   []byte         // src with control sequences, unless it is clean JSON
	base  uint32         // of src in the arena
	hint  uint8          // format of the record before it in the stream
	state uint64         // what else is known of the stream: the hint without its lowest byte
	head  head

	first                          uint8 // Options.Format
	failed                         func(value any)
	zone                           *time.Location // Options.Zone
	clock                          clock
	scratch                        []byte
	objectKeys, pairKeys, rustKeys [32]guess // keys of the record before, by the syntax of keys
	kept                           [12]kept  // fields whose meaning waits for the rest: see head.later
	places                         [maxPairs]place
	index                          fieldIndex
}

// head is what was found in the record so far.
type head struct {
	taken  [roles]key // by role, the key that took it
	order  uint32     // the first keys of an object, a byte each, the last one lowest
	count  int        // keys of the object
	last   key        // last key of the object
	keys   uint8      // keys so far, of the object and of the event in it
	names  uint64     // filter of the keys of the fields
	flags  seen
	trace  uint8 // rank of the key the trace ID is from, 0 if there is none
	span   uint8
	later  int // entries of kept
	number int64

	current, inner spanHead // of tracing's current span and of its list of spans
}

// kept is a field whose meaning depends on what else is in the record.
type kept struct {
	key   key
	field record.Field
}

// seen are properties of a record's text.
type seen uint16

const (
	nonASCII     seen = 1 << iota // bytes above 0x7f
	numberTime                    // the time was a number
	lowerLevel                    // the level was in lower case
	upperLevel                    // in upper case
	numberLevel                   // a number
	fieldsObject                  // tracing's fields
	callerObject                  // logr's caller
	rawControls                   // bytes below 0x20 in a string
	levelFirst                    // the level came before the message
	messageFirst                  // the message came before the time
	isObject                      // JSON
)

// row is a format: how to know it by its first byte, and its parser, which
// fills the record and reports whether the text is of its format. What a
// parser wrote that says no is taken back.
type row struct {
	number uint8
	first  string
	parse  func(*Parser) bool
}

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

// rows are the formats in the order in which they are tried. A dialect that a
// parser of another row tells apart has no row of its own.
var rows = [...]row{
	{record.FormatJSON, "{", (*Parser).json},
	{record.FormatGoPanic, "pfgSruE", (*Parser).goPanic},
	{record.FormatGoRace, "=", (*Parser).goRace},
	{record.FormatRustPanic, "tTpmf=", (*Parser).rustPanic},
	{record.FormatRustError, "E ", (*Parser).rustError},
	{record.FormatColorEyre, "T", (*Parser).colorEyrePanic},
	{record.FormatKlog, "IWEFD\"LRBP", (*Parser).klog},
	{record.FormatCockroachDB, "IWEF", (*Parser).cockroach},
	{record.FormatNATS, "[", (*Parser).nats},
	{record.FormatMinIO, "A", (*Parser).minio},
	{record.FormatTiDB, "[", (*Parser).tidb},
	{record.FormatGin, "[", (*Parser).gin},
	{record.FormatFiber, digits + "[", (*Parser).fiber},
	{record.FormatCalico, digits, (*Parser).calico},
	{record.FormatCoreDNS, "[", (*Parser).coreDNS},
	{record.FormatZapConsole, digits + "DIWEPFdiwepf", (*Parser).zapConsole},
	{record.FormatZerologConsole, digits + "JFMASOND<", (*Parser).shortLevels},
	{record.FormatHclogText, " " + digits + "[", (*Parser).hclogText},
	{record.FormatLogrusTTY, " TDIWEFPC[", (*Parser).bracketTime},
	{record.FormatGoZero, digits, (*Parser).goZero},
	{record.FormatGoLogging, digits, (*Parser).goLogging},
	{record.FormatSeelog, digits, (*Parser).seelog},
	{record.FormatCapnslog, digits, (*Parser).capnslog},
	{record.FormatFx, "[", (*Parser).fx},
	{record.FormatDevslog, "[", (*Parser).devslog},
	{record.FormatKratos, "DIWEF", (*Parser).kratos},
	{record.FormatTracingPretty, " ", (*Parser).tracingPretty},
	{record.FormatTracingFull, digits + " [<ITDWEJFMASOND", (*Parser).tracing},
	{record.FormatPrettyEnvLogger, " ITDWE" + digits, (*Parser).prettyEnvLogger},
	{record.FormatSlogTerm, " JFMASOND", (*Parser).slogTerm},
	{record.FormatFlexiLogger, "[ITDWE", (*Parser).flexiLogger},
	{record.FormatFern, "[", (*Parser).fern},
	{record.FormatEnvLogger, "[ITDWE", (*Parser).envLogger},
	{record.FormatLogrusNested, digits + "JFMASOND", (*Parser).logrusNested},
	{record.FormatSimpleLogger, digits, (*Parser).rustLog},
	{record.FormatSubstrate, digits, (*Parser).substrate},
	{record.FormatStderrlog, letters + "_", (*Parser).stderrlog},
	{record.FormatFemme, letters + "_", (*Parser).femme},
	{record.FormatRocket, " GPDHOCTRFS\xf0\xe2", (*Parser).rocket},
	{record.FormatApex, " ", (*Parser).apexCLI},
	{record.FormatCharm, digits + "DIWEFJMASON", (*Parser).charm},
	{record.FormatGoTest, "=- FPogB?", (*Parser).goTest},
	{record.FormatGoDebug, "giSs ", (*Parser).goDebug},
	{record.FormatAccessLog, digits + letters + "[:", (*Parser).accessLog},
	{record.FormatGoStd, digits + letters + "[(<*# ", (*Parser).goStd},
	{record.FormatFuncr, letters + ":\"", (*Parser).funcr},
	{record.FormatLogfmt, letters + "\"@_", (*Parser).logfmt},
}

// candidates are, for each first byte, the rows to try as a set of bits.
var candidates = func() (t [256]uint64) {
	for i, r := range rows {
		for _, c := range []byte(r.first) {
			t[c] |= 1 << i
		}
	}
	return t
}()

// rowOf is, for each format, its row + 1. A dialect has the row of the parser
// that tells it apart.
var rowOf = func() (t [256]uint8) {
	for i, r := range rows {
		t[r.number] = uint8(i + 1)
	}
	for dialect, of := range map[uint8]uint8{
		record.FormatSlogDefault: record.FormatGoStd,
		record.FormatSlogText:    record.FormatLogfmt,
		record.FormatLogrusText:  record.FormatLogfmt,
		record.FormatGokitLogfmt: record.FormatLogfmt,
		record.FormatGoFatal:     record.FormatGoPanic,
		record.FormatGorm:        record.FormatGoStd,
		record.FormatTint:        record.FormatZerologConsole,
		record.FormatPhuslu:      record.FormatZerologConsole,
		record.FormatGeth:        record.FormatLogrusTTY,
		record.FormatLog15:       record.FormatLogrusTTY,
		record.FormatTendermint:  record.FormatLogrusTTY,

		record.FormatTracingLogfmt:   record.FormatLogfmt,
		record.FormatTracingCompact:  record.FormatTracingFull,
		record.FormatSlogTermCompact: record.FormatSlogTerm,
		record.FormatSimplelog:       record.FormatSimpleLogger,
		record.FormatLog4rs:          record.FormatSimpleLogger,
	} {
		t[dialect] = t[of]
	}
	return t
}()

// pairsRowOf is rowOf for the libraries that write pairs besides text for people.
var pairsRowOf = func() (t [256]uint8) {
	for _, f := range [...]uint8{record.FormatApex, record.FormatCharm, record.FormatLog15, record.FormatPhuslu} {
		t[f] = rowOf[record.FormatLogfmt]
	}
	return t
}()

// New returns a Parser.
func New(o Options) *Parser {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	return &Parser{first: o.Format, failed: o.Failed, zone: o.Zone, clock: clock{zone: o.Zone, year: int64(o.Year)}, index: fieldIndex{seed: maphash.MakeSeed()}}
}

// SetZone sets the zone of times without one, from now on; nil is that of Options.
func (p *Parser) SetZone(zone *time.Location) {
	if zone == nil {
		zone = p.zone
	}
	if zone != p.clock.zone {
		p.clock.zone, p.clock.slot = zone, 0
	}
}

// Parse parses b.Arena[lo:hi], one record as it was framed, terminator
// included, and appends the record to b: everything but its Offset and the
// flags that come from reading. Observed is when it was read, in nanoseconds
// since the Unix epoch. Hint is what is known of the stream, 0 at first; Parse
// updates it. There is no text that Parse refuses: what it cannot make out is
// the body of a record.
func (p *Parser) Parse(b *record.Batch, lo, hi int, observed int64, hint *uint64) {
	if p.failed != nil {
		defer p.rescue(len(b.Records), b, lo, hi, observed)
	}
	p.b = b
	lo, hi = trim(b.Arena, lo, hi)
	p.src, p.base = b.Arena[lo:hi:hi], uint32(lo)
	p.hint, p.state = uint8(*hint), *hint&^0xff
	if p.first != 0 {
		p.hint = p.first
	}
	p.near = observed
	if p.Written != 0 {
		p.near = p.Written
	}
	p.begin(observed)
	if hi == lo {
		return
	}
	_ = fail.Point("format.parse") // to panic at
	if p.src[0] != '{' {
		p.general(observed)
	} else if !p.json() || p.head.flags&(nonASCII|rawControls) != 0 && !tidy(p.src) {
		p.again(observed)
		p.general(observed)
	}
	if p.r.Severity >= 17 && p.r.Format != record.FormatRustPanic {
		p.loggedError()
	}
	if p.head.names&exceptionKeys != 0 {
		p.fingerprint()
	}
	if f := p.r.Format; f != record.FormatText {
		*hint = uint64(f) | p.state
	}
	p.b, p.r, p.src, p.raw = nil, nil, nil, nil
}

// begin starts the record.
func (p *Parser) begin(observed int64) {
	p.head = head{}
	if p.index.entered > 0 {
		p.index.reset()
	}
	p.r = p.b.Begin()
	p.r.Time, p.r.Observed = observed, observed
}

// again starts the record anew.
func (p *Parser) again(observed int64) {
	p.b.Undo()
	p.begin(observed)
}

// general parses what is not a clean line of JSON.
func (p *Parser) general(observed int64) {
	p.raw = p.src
	replaced := p.clean()
	if len(p.src) == 0 || !p.detect(observed) && !p.detectWithin(observed) {
		p.text()
	}
	if replaced {
		p.r.Flags |= record.InvalidUTF8
	}
}

// detectWithin looks for a record that has something around it.
func (p *Parser) detectWithin(observed int64) bool {
	s, base := p.src, p.base
	if i := skipBlanks(s, 0); i > 0 && quotable(s[i:]) && p.detectIn(i, len(s), observed) {
		return true
	}
	if lo, hi := element(s); hi > 0 && p.detectIn(lo, hi, observed) {
		return true
	}
	if i := timeBehind(s); i > 0 && p.detectIn(i, len(s), observed) {
		switch name := (record.Span{Off: base, Len: uint32(i - 2)}); {
		case s[i-2] != ':' && i != 20 && s[i-1] == ' ':
			name.Len++
			p.add(record.Field{Key: p.b.AddString("prefix"), Val: name})
		case s[i-2] == ':' && p.fieldOf([]byte("service.name")) < 0:
			p.add(record.Field{Key: nameService, Val: name})
		}
		return true
	}
	if i := pairsBehind(s); i > 0 && p.detectIn(i, len(s), observed) {
		if p.r.Logger.Len == 0 {
			p.r.Logger = record.Span{Off: base + 1, Len: uint32(bytes.IndexByte(s, ']') - 1)}
		}
		return true
	}
	if !recoloured(s) {
		return false
	}
	at := len(p.b.Arena)
	p.b.Arena = appendColourless(p.b.Arena, s)
	p.move(at)
	return len(p.src) > 0 && p.detect(observed)
}

// detectIn is detect for the part of the record from lo to hi.
func (p *Parser) detectIn(lo, hi int, observed int64) bool {
	whole, base := p.src, p.base
	p.src, p.base = whole[lo:hi:hi], base+uint32(lo)
	if p.detect(observed) {
		return true
	}
	p.src, p.base = whole, base
	return false
}

// quotable reports whether s, behind blanks, may be a record that was quoted:
// who quotes a log indents it.
func quotable(s []byte) bool {
	return len(s) > 16 && (s[0] == '{' || s[0]-'0' < 10 || s[1]-'0' < 10 || bytes.HasPrefix(s, []byte(`time="`)))
}

// element returns where the object is in a line of an array of objects, as those
// who export logs write them, "[{...}," or "{...}]"; hi is 0 if it is no such line.
func element(s []byte) (lo, hi int) {
	if hi = len(s); s[0] == '[' {
		lo = 1
	}
	if c := s[hi-1]; c == ',' || c == ']' {
		hi--
	}
	if hi-lo < 8 || hi-lo == len(s) || s[lo] != '{' || s[hi-1] != '}' {
		return 0, 0
	}
	return lo, hi
}

// timeBehind returns where a record with a day of its own starts behind another
// time, which Docker's desktop puts there, behind the name of a process, "db: ",
// or behind an identifier in hexadecimal; 0 if there is none. A panic may stand
// behind a name, too.
func timeBehind(s []byte) (i int) {
	e := token(s[:min(len(s), 64)], 0)
	if len(s) > 40 && s[19] == '\t' && s[16] == ':' && s[26] == '\t' && string(s[20:23]) == "std" { // Synology's
		return 27
	}
	switch {
	case e == 10 && len(s) > 40 && s[4] == '-' && s[13] == ':':
		if i = 20; s[19] != ' ' {
			return 0
		}
	case hexWord(s[:e]) || e > 2 && s[e-1] == ':' && pathEnd(s[:e-1], 0) == e-1:
		i = e + 1
	default:
		return 0
	}
	day := i
	if day < len(s) && s[day] == '[' && e == 10 {
		day++
	}
	if len(s) > day+20 && (s[day]-'0' < 10 && s[day+4] == '-' && s[day+13] == ':' || s[e-1] == ':' && bytes.HasPrefix(s[day:], []byte("thread '"))) {
		return i
	}
	return 0
}

// hexWord reports whether word is a number in hexadecimal, or a UUID.
func hexWord(word []byte) bool {
	if len(word) < 4 || len(word) == 10 {
		return false
	}
	for _, c := range word {
		if c-'0' > 9 && c-'a' > 5 && c != '-' {
			return false
		}
	}
	return true
}

// pairsBehind returns where the pairs behind a word in brackets start, "[engine]
// time=..." or "[APP]time=...", 0 if there are none.
func pairsBehind(s []byte) int {
	if s[0] != '[' {
		return 0
	}
	e := bytes.IndexByte(s[:min(len(s), 80)], ']') + 1
	if e < 3 || e >= len(s) || severityWord(s[1:e-1]) > 0 {
		return 0
	}
	e += min(blanksAt(s, e), 1)
	for _, key := range [...]string{"time=", "ts=", "level=", "t="} {
		if bytes.HasPrefix(s[e:], []byte(key)) {
			return e
		}
	}
	return 0
}

// detect tries the formats that the first byte allows, that of the record
// before first.
func (p *Parser) detect(observed int64) bool {
	set := candidates[p.src[0]]
	i := rowOf[p.hint]
	if i > 0 && set&(1<<(i-1)) == 0 {
		i = pairsRowOf[p.hint]
	}
	if i > 0 && set&(1<<(i-1)) != 0 {
		if p.try(int(i-1), observed) {
			return true
		}
		set &^= 1 << (i - 1)
	}
	for ; set != 0; set &= set - 1 {
		if p.try(bits.TrailingZeros64(set), observed) {
			return true
		}
	}
	return p.embedded(observed)
}

func (p *Parser) try(i int, observed int64) bool {
	mark := len(p.b.Arena)
	if rows[i].parse(p) {
		if p.r.Format == record.FormatText {
			p.r.Format = rows[i].number
		}
		if p.head.later > 0 { // the parser left it to us
			p.settle(p.r.Format)
		}
		return true
	}
	p.b.Arena = p.b.Arena[:mark]
	if p.untouched() {
		p.head = head{}
	} else {
		p.again(observed)
	}
	return false
}

// untouched reports whether nothing was put into the record yet. It does not look
// at the head, which is emptied sooner than compared.
func (p *Parser) untouched() bool {
	r := p.r
	return r.TimeSource == record.TimeRead && r.Severity == 0 && r.Flags == 0 && r.TraceFlags == 0 &&
		r.Body == (record.Span{}) && r.SeverityText == (record.Span{}) && r.Logger == (record.Span{}) &&
		len(p.b.FieldsOf(r)) == 0 && p.index.entered == 0
}

// trim returns the bounds of b[lo:hi] without blank lines before it and blanks
// and line ends behind it. Blanks in front of the first line are kept.
func trim(b []byte, lo, hi int) (int, int) {
	for hi > lo && blank(b[hi-1]) {
		hi--
	}
	for i := lo; i < hi && blank(b[i]); i++ {
		if b[i] == '\n' {
			lo = i + 1
		}
	}
	if hi-lo >= 3 && b[lo] == 0xef && b[lo+1] == 0xbb && b[lo+2] == 0xbf {
		lo += 3
	}
	return lo, hi
}

func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// span returns the Span of src[lo:hi].
func (p *Parser) span(lo, hi int) record.Span {
	return record.Span{Off: p.base + uint32(lo), Len: uint32(hi - lo)}
}

// spanOf returns the Span of part, which is a part of src.
func (p *Parser) spanOf(part []byte) record.Span {
	return p.span(cap(p.src)-cap(part), cap(p.src)-cap(part)+len(part))
}

// add adds a field, or changes the value of the one with the same key: the
// last one wins.
func (p *Parser) add(f record.Field) {
	k := p.b.Bytes(f.Key)
	p.addHashed(f, keyHash(keyWord(k), len(k)))
}

// addHashed is add for a key with that hash.
func (p *Parser) addHashed(f record.Field, hash uint) {
	bit := uint64(1) << (hash % 64)
	if p.head.names&bit != 0 && p.replace(f) {
		return
	}
	p.head.names |= bit
	p.b.AddField(f)
}

// set is add for fields whose keys may have been added by AddField.
func (p *Parser) set(f record.Field) {
	if !p.replace(f) {
		p.add(f)
	}
}

// has reports whether there is a field with that key, whose hash is given.
func (p *Parser) has(key record.Span, hash uint) bool {
	if p.head.names&(1<<(hash%64)) == 0 {
		return false
	}
	return p.fieldOf(p.b.Bytes(key)) >= 0
}

// fieldOf returns the number of the field with that key, -1 if there is none.
func (p *Parser) fieldOf(key []byte) int {
	fs := p.b.FieldsOf(p.r)
	if len(fs) >= indexedFrom {
		return p.index.find(p, key)
	}
	for i := range fs {
		if int(fs[i].Key.Len) == len(key) && bytes.Equal(p.b.Bytes(fs[i].Key), key) {
			return i
		}
	}
	return -1
}

// replace changes the field with the same key, if there is one.
func (p *Parser) replace(f record.Field) bool {
	i := p.fieldOf(p.b.Bytes(f.Key))
	if i >= 0 {
		p.b.FieldsOf(p.r)[i] = f
	}
	return i >= 0
}

// addText adds a field with text of the arena.
func (p *Parser) addText(key, val record.Span) {
	p.add(record.Field{Key: key, Val: val})
}
